//! The values of many jobs as a picture, each with the bounds that are certain of it.

use super::Page;
use super::batch::Row;
use crate::batch::Ending;
use crate::canvas::{self, Drawn, FINE, INK, QUIET, SOURCE, Svg, TARGET, font, thin};
use crate::picture::PictureError;
use crate::report;
use plotters::prelude::*;

/// Pixels; the letters are to be read at half the size as well.
const WIDTH: i32 = 520;
const HEIGHT: i32 = 300;
const LETTER: i32 = 14;
const LABELS: i32 = 52;
const MARGIN: i32 = 12;

/// Values further apart than by this factor have a logarithmic axis.
const MOST_LINEAR: f64 = 100.0;

/// A job that has a value.
struct Spot {
    /// Its place among all jobs, from 1.
    job: f64,
    value: f64,
    bounds: (f64, f64),
    converged: bool,
}

/// The picture; none where no job has a value.
pub(super) fn draw(rows: &[Row]) -> Page<Option<Svg>> {
    let spot = |(job, row): (u32, &Row)| {
        let value = row.told.value?;
        Some(Spot {
            job: f64::from(job),
            value,
            bounds: row.told.bounds.unwrap_or((value, value)),
            converged: row.told.ending == Ending::Done,
        })
    };
    let spots: Vec<_> = (1..).zip(rows).filter_map(spot).collect();
    if spots.is_empty() {
        return Ok(None);
    }
    let values = || spots.iter().map(|spot| spot.value);
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let axis = if low > 0.0 && high / low > MOST_LINEAR {
        Axis {
            to: f64::log10,
            from: |place| 10f64.powf(place),
        }
    } else {
        Axis {
            to: |value| value,
            from: |place| place,
        }
    };
    chart(rows.len(), &spots, &axis, ((axis.to)(low), (axis.to)(high)))
        .map(Some)
        .map_err(|error| PictureError::Drawing(error.to_string()))
}

/// From values to places on an axis, and back.
struct Axis {
    to: fn(f64) -> f64,
    from: fn(f64) -> f64,
}

fn chart(jobs: usize, spots: &[Spot], axis: &Axis, (low, high): (f64, f64)) -> Drawn<Svg> {
    let room = (0.08 * (high - low)).max(0.01 * high.abs()).max(1e-12);
    let (low, high) = (low - room, high + room);
    let (svg, ()) = canvas::draw(WIDTH, HEIGHT, |page| {
        let mut chart = ChartBuilder::on(page)
            .margin(MARGIN * FINE)
            .x_label_area_size(LABELS * FINE)
            .y_label_area_size((LABELS + 24) * FINE)
            .build_cartesian_2d(0.5..jobs as f64 + 0.5, low..high)?;
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .max_light_lines(0)
            .bold_line_style(thin(QUIET.mix(0.18)))
            .axis_style(thin(QUIET.mix(0.6)))
            .label_style(font(LETTER, FontStyle::Normal, QUIET))
            .axis_desc_style(font(LETTER, FontStyle::Normal, INK))
            .set_all_tick_mark_size(4 * FINE)
            .x_desc("job")
            .y_desc("value")
            .x_label_formatter(&|job| format!("{job:.0}"))
            .y_label_formatter(&|place| label((axis.from)(*place)))
            .draw()?;
        let area = chart.plotting_area();
        let radius = (600 / jobs.max(1) as i32).clamp(2, 4) * FINE;
        for spot in spots {
            let colour = if spot.converged { SOURCE } else { TARGET };
            let at = |value: f64| area.map_coordinate(&(spot.job, value.clamp(low, high)));
            let end = |bound: f64| match (axis.to)(bound) {
                // Nothing that is not above 0 has a logarithm.
                place if place.is_finite() => at(place),
                _ => at(low),
            };
            let line = [end(spot.bounds.0), end(spot.bounds.1)];
            let style = ShapeStyle::from(colour.mix(0.6)).stroke_width(FINE as u32 * 3 / 2);
            page.draw(&PathElement::new(line, style))?;
            let place = at((axis.to)(spot.value));
            if spot.converged {
                page.draw(&Circle::new(place, radius, colour.filled()))?;
            } else {
                page.draw(&TriangleMarker::new(
                    place,
                    radius + 2 * FINE,
                    colour.filled(),
                ))?;
            }
        }
        Ok(())
    })?;
    Ok(svg)
}

/// A value on the axis.
fn label(value: f64) -> String {
    let size = value.abs();
    if size < 1e-12 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&size) {
        report::significant(value, 3)
    } else {
        format!("{value:.1e}")
    }
}

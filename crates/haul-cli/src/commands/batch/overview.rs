//! The values of some jobs as a picture, each with the bounds that are certain of it.

use super::page::Row;
use super::record::Ending;
use crate::canvas::{self, Drawn, FINE, QUIET, SOURCE, Svg, TARGET, font, text_width, tick};
use crate::names::end_of;
use crate::page::axes::{self, Axis, LABELS, LETTER, MARGIN, WIDTH};
use crate::page::sheet::Page;
use crate::picture::PictureError;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels of a plot and of what stands left of it.
const PLOT: i32 = 236;
const LEFT: i32 = LABELS + 24;

/// As many jobs have their ids at the axis, in so many letters.
const MOST_NAMED: usize = 20;
const LETTERS: usize = 16;

/// Values further apart than by this factor have a logarithmic axis.
const MOST_LINEAR: f64 = 100.0;

/// A job that has a value.
struct Spot {
    /// Its place on the axis.
    place: f64,
    value: f64,
    bounds: (f64, f64),
    converged: bool,
}

/// The jobs along their axis.
enum Places {
    /// Few jobs, by the ends of their ids.
    Named(Vec<String>),
    /// As many as there are in the file, by their numbers.
    Numbered(usize),
}

impl Places {
    fn count(&self) -> usize {
        match self {
            Self::Named(names) => names.len(),
            Self::Numbered(count) => *count,
        }
    }

    /// Pixels of the longest name, and whether names have room beside each other.
    fn widest(&self) -> (i32, bool) {
        let Self::Named(names) = self else {
            return (0, true);
        };
        let widths = names.iter().map(|name| text_width(name, LETTER));
        let widest = widths.max().unwrap_or(0);
        let room = (WIDTH - LEFT - 2 * MARGIN) / names.len().max(1) as i32;
        (widest, widest + LETTER <= room)
    }

    /// Pixels below the plot.
    fn height(&self) -> i32 {
        match self.widest() {
            (_, true) => LABELS,
            (widest, false) => LABELS - LETTER + widest,
        }
    }
}

/// The picture of jobs of one quantity, each with its number in a file of so many; none where no job
/// has a value.
pub(super) fn draw(quantity: &str, rows: &[(usize, &Row)], all: usize) -> Page<Option<Svg>> {
    let places = if rows.len() <= MOST_NAMED {
        let name = |(_, row): &(usize, &Row)| end_of(&row.job.id, LETTERS);
        Places::Named(rows.iter().map(name).collect())
    } else {
        Places::Numbered(all)
    };
    let spot = |(index, (number, row)): (usize, &(usize, &Row))| {
        let value = row.account.summary.value?;
        Some(Spot {
            place: match places {
                Places::Named(_) => index as f64 + 1.0,
                Places::Numbered(_) => *number as f64,
            },
            value,
            bounds: row.account.summary.bounds.unwrap_or((value, value)),
            converged: row.account.ending == Ending::Done,
        })
    };
    let spots: Vec<_> = rows.iter().enumerate().filter_map(spot).collect();
    if spots.is_empty() {
        return Ok(None);
    }
    let values = || spots.iter().map(|spot| spot.value);
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let scale = if low > 0.0 && high / low > MOST_LINEAR {
        Scale {
            to: f64::log10,
            from: |place| 10f64.powf(place),
        }
    } else {
        Scale {
            to: |value| value,
            from: |place| place,
        }
    };
    let ends = ((scale.to)(low), (scale.to)(high));
    chart(quantity, &places, &spots, &scale, ends)
        .map(Some)
        .map_err(|error| PictureError::Drawing(error.to_string()))
}

/// From values to places on an axis, and back.
struct Scale {
    to: fn(f64) -> f64,
    from: fn(f64) -> f64,
}

fn chart(
    quantity: &str,
    places: &Places,
    spots: &[Spot],
    scale: &Scale,
    (low, high): (f64, f64),
) -> Drawn<Svg> {
    let room = (0.08 * (high - low)).max(0.01 * high.abs()).max(1e-12);
    let (low, high) = (low - room, high + room);
    let height = PLOT + places.height();
    let (svg, ()) = canvas::draw(WIDTH, height, |page| {
        let mut chart = ChartBuilder::on(page)
            .margin(MARGIN * FINE)
            .x_label_area_size(places.height() * FINE)
            .y_label_area_size(LEFT * FINE)
            .build_cartesian_2d(0.5..places.count() as f64 + 0.5, low..high)?;
        let (name, labels) = match places {
            Places::Named(_) => ("job", 0),
            Places::Numbered(_) => ("number of the job, in the order of the file", 6),
        };
        let jobs = Axis {
            name,
            labels,
            format: &|job| format!("{job:.0}"),
        };
        let values = Axis {
            name: quantity,
            labels: 6,
            format: &|place| tick((scale.from)(*place)),
        };
        axes::draw(&mut chart, &jobs, &values)?;
        let area = chart.plotting_area();
        if let Places::Named(names) = places {
            let upright = places.widest().1;
            for (index, name) in names.iter().enumerate() {
                let (x, y) = area.map_coordinate(&(index as f64 + 1.0, low));
                let style = font(LETTER, FontStyle::Normal, QUIET);
                let style = if upright {
                    style.pos(Pos::new(HPos::Center, VPos::Top))
                } else {
                    style
                        .transform(FontTransform::Rotate90)
                        .pos(Pos::new(HPos::Left, VPos::Center))
                };
                page.draw(&Text::new(name.clone(), (x, y + 6 * FINE), style))?;
            }
        }
        let radius = (600 / places.count().max(1) as i32).clamp(2, 4) * FINE;
        for spot in spots {
            let colour = if spot.converged { SOURCE } else { TARGET };
            let at = |value: f64| area.map_coordinate(&(spot.place, value.clamp(low, high)));
            let end = |bound: f64| match (scale.to)(bound) {
                // Nothing that is not above 0 has a logarithm.
                place if place.is_finite() => at(place),
                _ => at(low),
            };
            let line = [end(spot.bounds.0), end(spot.bounds.1)];
            let style = ShapeStyle::from(colour.mix(0.6)).stroke_width(FINE as u32 * 3 / 2);
            page.draw(&PathElement::new(line, style))?;
            let place = at((scale.to)(spot.value));
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

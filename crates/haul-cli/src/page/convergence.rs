//! How an iteration came to its end: the error of the marginals on a logarithmic axis, with the tolerance
//! and, shaded, the iterations at a larger ε.

use super::axes::{self, Axis, LABELS, LETTER, MARGIN, WIDTH};
use super::figure::figure;
use super::sheet::Page;
use crate::canvas::{self, Drawn, FINE, INK, QUIET, SOURCE, Svg, TARGET, font, text_width};
use crate::number::{short, significant};
use crate::picture::PictureError;
use haul::Progress;
use maud::{Markup, html};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels.
const HEIGHT: i32 = 320;
const LEGEND: i32 = 30;

/// Marks on a curve, at most.
const MARKS: usize = 40;

/// Green of Okabe and Ito.
const THIRD: RGBColor = RGBColor(0, 130, 100);

/// The section on the course of some solves of these names, told one after the other; nothing where
/// nothing was iterated.
pub(crate) fn section(course: &[Progress], tolerance: f64, names: &[&str]) -> Page<Markup> {
    let curves: Vec<_> = course.chunk_by(goes_on).collect();
    let Some(Curve { annealing, .. }) = curves.first().map(|steps| Curve::of(steps)) else {
        return Ok(html! {});
    };
    // Solves that could not be told apart have no names.
    let names = if curves.len() == names.len() {
        names
    } else {
        &[]
    };
    let svg = draw(&curves, tolerance, names)
        .map_err(|error| PictureError::Drawing(error.to_string()))?;
    let words = "The error of the marginals, on a logarithmic axis, falling over the iterations";
    let caption = html! {
        "The L1 error of the marginals, relative to the mass, whenever it was measured."
        @if let Some(Annealing { iterations, stages, from, to, .. }) = annealing {
            " The first " (iterations) " iterations of " (names.first().unwrap_or(&"the first solve"))
            ", shaded, are " (stages) " stages at a larger ε, from " (short(from)) " down to " (short(to)) "."
        }
    };
    Ok(html! {
        section {
            h2 { "Convergence" }
            (figure(&svg, words, &caption))
        }
    })
}

/// Whether a step is of the same solve as the one before it.
fn goes_on(before: &Progress, step: &Progress) -> bool {
    step.iteration > before.iteration && step.seconds >= before.seconds
}

/// A solve as it is drawn.
struct Curve {
    steps: Vec<(f64, f64)>,
    annealing: Option<Annealing>,
}

/// The stages at a larger ε than the last.
struct Annealing {
    /// The iterations at which a stage ended.
    ends: Vec<f64>,
    iterations: usize,
    stages: usize,
    from: f64,
    to: f64,
}

impl Curve {
    fn of(steps: &[Progress]) -> Self {
        let at = |step: &Progress| (step.iteration as f64, step.marginal_error);
        let stages: Vec<_> = steps
            .chunk_by(|one, other| one.epsilon == other.epsilon)
            .collect();
        let ends = stages.iter().rev().skip(1).rev();
        let ends = ends.filter_map(|stage| Some(stage.last()?.iteration as f64 + 0.5));
        let ends: Vec<_> = ends.collect();
        let annealing = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) if !ends.is_empty() => Some(Annealing {
                iterations: stages.iter().rev().skip(1).map(|stage| stage.len()).sum(),
                stages: ends.len(),
                ends,
                from: first.epsilon,
                to: last.epsilon,
            }),
            _ => None,
        };
        Self {
            steps: steps.iter().map(at).collect(),
            annealing,
        }
    }
}

fn draw(curves: &[&[Progress]], tolerance: f64, names: &[&str]) -> Drawn<Svg> {
    let curves: Vec<_> = curves.iter().map(|steps| Curve::of(steps)).collect();
    let errors = || {
        let steps = curves.iter().flat_map(|curve| &curve.steps);
        steps.map(|step| step.1).filter(|error| *error > 0.0)
    };
    let (low, high) = errors()
        .chain([tolerance])
        .fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), error| {
            (low.min(error), high.max(error))
        });
    let y = low / 2.0..high * 2.0;
    let last = curves.iter().filter_map(|curve| curve.steps.last());
    let x = 0.0..last.map(|step| step.0).fold(1.0, f64::max) * 1.03;
    let (svg, ()) = canvas::draw(WIDTH, HEIGHT, |page| {
        let mut chart = ChartBuilder::on(page)
            .margin_top(LEGEND * FINE)
            .margin_right(MARGIN * FINE)
            .margin_bottom(MARGIN * FINE)
            .margin_left(MARGIN * FINE)
            .x_label_area_size(LABELS * FINE)
            .y_label_area_size((LABELS + 18) * FINE)
            .build_cartesian_2d(x.clone(), y.clone().log_scale())?;
        if let Some(Annealing { ends, .. }) =
            curves.first().and_then(|curve| curve.annealing.as_ref())
        {
            let mut begin = x.start;
            for (place, end) in ends.iter().enumerate() {
                let shade = QUIET.mix(if place % 2 == 0 { 0.10 } else { 0.18 });
                let corners = [(begin, y.start), (*end, y.end)];
                chart.draw_series([Rectangle::new(corners, shade.filled())])?;
                begin = *end;
            }
        }
        let iteration = Axis {
            name: "iteration",
            labels: 6,
            format: &|value| format!("{value:.0}"),
        };
        let error = Axis {
            name: "marginal error",
            labels: 6,
            format: &|value| significant(*value, 1),
        };
        axes::draw(&mut chart, &iteration, &error)?;
        chart.draw_series(DashedLineSeries::new(
            [(x.start, tolerance), (x.end, tolerance)],
            6 * FINE,
            4 * FINE,
            ShapeStyle::from(INK).stroke_width(FINE as u32 * 3 / 2),
        ))?;
        for (place, curve) in curves.iter().enumerate() {
            let within = |(iteration, error): &(f64, f64)| (*iteration, error.max(y.start));
            let spots: Vec<_> = curve.steps.iter().map(within).collect();
            let style = ShapeStyle::from(colour(place)).stroke_width(2 * FINE as u32);
            chart.draw_series(LineSeries::new(spots.iter().copied(), style))?;
            for spot in spots.iter().step_by(spots.len().div_ceil(MARKS)) {
                let at = chart.plotting_area().map_coordinate(spot);
                mark(page, place, at)?;
            }
        }
        legend(page, names)
    })?;
    Ok(svg)
}

fn colour(place: usize) -> RGBColor {
    [SOURCE, TARGET, THIRD][place % 3]
}

/// The mark of a curve, told from others by its shape as well.
fn mark(page: &canvas::Page, place: usize, at: (i32, i32)) -> Drawn {
    let style = colour(place).filled();
    let size = 4 * FINE;
    match place % 3 {
        0 => page.draw(&Circle::new(at, size, style)),
        1 => page.draw(&TriangleMarker::new(at, size + FINE, style)),
        _ => {
            let corners = [(at.0 - size, at.1 - size), (at.0 + size, at.1 + size)];
            page.draw(&Rectangle::new(corners, style))
        }
    }
}

/// Above the plot, what its lines are.
fn legend(page: &canvas::Page, names: &[&str]) -> Drawn {
    let y = LEGEND / 2 * FINE;
    let mut x = MARGIN;
    let write = |text: &str, x: i32| {
        let style = font(LETTER, FontStyle::Normal, INK).pos(Pos::new(HPos::Left, VPos::Center));
        page.draw(&Text::new(text.to_owned(), (x * FINE, y), style))
    };
    for (place, name) in names.iter().enumerate() {
        mark(page, place, ((x + 5) * FINE, y))?;
        write(name, x + 16)?;
        x += 16 + text_width(name, LETTER) + 18;
    }
    let style = ShapeStyle::from(INK).stroke_width(FINE as u32 * 3 / 2);
    for dash in [0, 10, 20] {
        let line = [((x + dash) * FINE, y), ((x + dash + 6) * FINE, y)];
        page.draw(&PathElement::new(line, style))?;
    }
    write("tolerance", x + 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(iteration: usize, epsilon: f64, marginal_error: f64) -> Progress {
        Progress {
            iteration,
            epsilon,
            marginal_error,
            goal: 1e-3,
            seconds: iteration as f64,
        }
    }

    #[test]
    fn each_solve_is_a_curve_and_stages_are_told() {
        let course = [
            step(1, 4.0, 1.0),
            step(2, 1.0, 0.5),
            step(3, 0.25, 0.2),
            step(4, 0.25, 0.0),
            step(1, 0.25, 0.3),
            step(2, 0.25, 1e-4),
        ];
        let text = |names: &[&str]| section(&course, 1e-3, names).unwrap().into_string();
        let two = text(&["one", "two"]);
        assert!(
            two.contains(
                "The first 2 iterations of one, shaded, are 2 stages at a larger ε, from 4 down to 0.25."
            ),
            "{two}"
        );
        assert!(
            two.contains("\none\n") && two.contains("\ntwo\n") && two.contains("\ntolerance\n")
        );
        assert_eq!(two.matches("<circle").count(), 4 + 1);
        // Names that are not those of the solves are not given to them.
        assert!(!text(&["one", "two", "three"]).contains("\none\n"));
    }

    #[test]
    fn a_course_of_any_length_is_drawn() {
        assert_eq!(section(&[], 1e-3, &["one"]).unwrap().into_string(), "");
        for error in [0.0, 1e-300, 1e-9, 2.0, 1e30] {
            let text = section(&[step(1, 1.0, error)], 1e-3, &["one"])
                .unwrap()
                .into_string();
            assert!(text.contains("<svg") && !text.contains("NaN") && !text.contains("inf"));
            assert!(!text.contains("shaded"));
        }
        let long: Vec<_> = (1..=10_000).map(|k| step(k, 1.0, 1.0 / k as f64)).collect();
        assert!(section(&long, 1e-3, &["one"]).unwrap().into_string().len() < 1 << 20);
    }
}

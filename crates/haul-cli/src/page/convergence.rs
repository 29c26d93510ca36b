//! The convergence of an iteration: the error of the marginals on a logarithmic axis, with the tolerance, and the
//! iterations at a larger ε or between coarse clouds shaded.

use super::figure::figure;
use crate::canvas::{
    Area, Axis, LETTER, Label, Place, Plot, Svg, Tick, WIDTH, line, linear, logarithmic, path, px,
    text_width, thinned,
};
use crate::number::short;
use haul::Progress;
use maud::{Markup, html};

/// Pixels around the plot.
const MARGIN: f64 = 8.0;
const HEIGHT: f64 = 220.0;

/// The most marks on a curve.
const MARKS: usize = 12;

/// Classes of the curves, and the dashes that distinguish them without colours.
pub(super) const CURVES: [(&str, Option<&str>); 3] = [
    ("first", None),
    ("second", Some("9 6")),
    ("third", Some("2 6")),
];

/// The section on the convergence of solves with these names, in the order of `course`; empty if nothing was
/// iterated.
pub(crate) fn section(course: &[Progress], tolerance: f64, names: &[&str]) -> Markup {
    let curves: Vec<_> = course.chunk_by(goes_on).collect();
    let Some(Curve { annealing, .. }) = curves.first().map(|steps| Curve::of(steps)) else {
        return html! {};
    };
    // If the solves cannot be separated, they get no names.
    let names = if curves.len() == names.len() {
        names
    } else {
        &[]
    };
    let svg = draw(&curves, tolerance, names);
    let words = "The error of the marginals, on a logarithmic axis, falling over the iterations";
    let caption = html! {
        "The L1 error of the marginals, relative to the mass, whenever it was measured."
        @if let Some(way) = annealing {
            " The first " (way.iterations) " iterations of " (names.first().unwrap_or(&"the first solve"))
            ", shaded, are " (way.in_words()) "."
        }
    };
    html! {
        section {
            h2 { "Convergence" }
            (figure(&svg, words, &caption))
        }
    }
}

/// Whether a step belongs to the same solve as the one before it.
fn goes_on(before: &Progress, step: &Progress) -> bool {
    step.iteration > before.iteration && step.seconds >= before.seconds
}

/// The curve of a solve.
struct Curve {
    steps: Vec<(f64, f64)>,
    annealing: Option<Annealing>,
}

/// The stages at a larger ε than the last, or between coarse clouds.
struct Annealing {
    /// The iterations at which stages ended.
    ends: Vec<f64>,
    iterations: usize,
    stages: usize,
    /// Whether some of them are between coarse clouds.
    is_coarse: bool,
    from: f64,
    to: f64,
}

impl Annealing {
    fn in_words(&self) -> String {
        let stages = match self.stages {
            1 => "a stage".to_owned(),
            stages => format!("{stages} stages"),
        };
        let falls = format!("from {} down to {}", short(self.from), short(self.to));
        match (self.is_coarse, self.from > self.to) {
            (false, _) => format!("{stages} at a larger ε, {falls}"),
            (true, true) => format!("{stages} between coarser clouds, where ε goes {falls}"),
            (true, false) => format!("{stages} between coarser clouds"),
        }
    }
}

impl Curve {
    fn of(steps: &[Progress]) -> Self {
        let at = |step: &Progress| (step.iteration as f64, step.marginal_error);
        let stages: Vec<_> = steps
            .chunk_by(|one, other| (one.epsilon, one.level) == (other.epsilon, other.level))
            .collect();
        let ends = stages.iter().rev().skip(1).rev();
        let ends = ends.filter_map(|stage| Some(stage.last()?.iteration as f64 + 0.5));
        let ends: Vec<_> = ends.collect();
        let annealing = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) if !ends.is_empty() => Some(Annealing {
                iterations: stages.iter().rev().skip(1).map(|stage| stage.len()).sum(),
                stages: ends.len(),
                is_coarse: first.level > 0,
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

fn draw(curves: &[&[Progress]], tolerance: f64, names: &[&str]) -> Svg {
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
    // The label of the tolerance is below its line, where curves end.
    let (low, high) = (low.log10(), high.log10());
    let room = (0.15 * (high - low)).max(0.4);
    let y = low - room..high + room;
    let y = Axis {
        name: "marginal error".to_owned(),
        ticks: logarithmic(&y, 5),
        range: y,
    };
    let left = MARGIN + y.room_beside(LETTER);
    let width = WIDTH - left - MARGIN;
    let last = curves.iter().filter_map(|curve| curve.steps.last());
    let x = 0.0..last.map(|step| step.0).fold(1.0, f64::max) * 1.03;
    let x = Axis {
        name: "iteration".to_owned(),
        ticks: thinned(
            |most| whole(linear(&x, most)),
            6,
            &x,
            [width, MARGIN],
            LETTER,
        ),
        range: x,
    };
    // A single curve needs no name.
    let (legend, below) = legend(if names.len() > 1 { names } else { &[] });
    let top = below + y.room_above(LETTER);
    let height = top + HEIGHT + x.room_below(LETTER) + MARGIN;
    let plot = Plot {
        area: Area {
            left,
            top,
            width,
            height: HEIGHT,
        },
        x,
        y,
        letter: LETTER,
    };
    let goal = [plot.x.range.start, plot.x.range.end].map(|x| plot.place((x, tolerance.log10())));
    let content = html! {
        @if let Some(Annealing { ends, .. }) = curves.first().and_then(|curve| curve.annealing.as_ref()) {
            (stages(&plot, ends))
        }
        (plot.axes())
        (line("rule", goal[0], goal[1]))
        @for (place, curve) in curves.iter().enumerate() { (draw_curve(&plot, place, curve)) }
        (Label::new("tolerance", LETTER).class("name").at((goal[0].0 + 6.0, goal[0].1 + 0.8 * LETTER)))
        (legend)
    };
    Svg {
        width: WIDTH,
        height,
        content,
    }
}

/// The ticks that are whole numbers, as iterations are.
pub(super) fn whole(mut ticks: Vec<Tick>) -> Vec<Tick> {
    ticks.retain(|tick| tick.at.fract() == 0.0);
    ticks
        .iter_mut()
        .for_each(|tick| tick.text = format!("{:.0}", tick.at));
    ticks
}

/// Shades every other stage, so that each is visible.
fn stages(plot: &Plot, ends: &[f64]) -> Markup {
    let begins = std::iter::once(plot.x.range.start).chain(ends.iter().copied());
    let across = |iteration| plot.place((iteration, plot.y.range.end)).0;
    html! {
        @for (place, (begin, end)) in begins.zip(ends).enumerate() {
            @let (begin, end) = (across(begin), across(*end));
            @for _ in 0..1 + place % 2 {
                rect class="stage" x=(px(begin)) y=(px(plot.area.top)) width=(px(end - begin))
                    height=(px(plot.area.height)) {}
            }
        }
    }
}

fn draw_curve(plot: &Plot, place: usize, curve: &Curve) -> Markup {
    // An error of 0 has no logarithm: it is drawn at the bottom.
    let spot = |(iteration, error): &(f64, f64)| {
        plot.place((*iteration, error.log10().max(plot.y.range.start)))
    };
    let places: Vec<_> = curve.steps.iter().map(spot).collect();
    let (class, dashes) = CURVES[place % CURVES.len()];
    // More points than pixels would not be visible.
    let seen = places
        .iter()
        .step_by(places.len().div_ceil(MOST_PLACES).max(1));
    html! {
        g class=(class) {
            path class="line" stroke-dasharray=[dashes] d=(path(seen.chain(places.last()).copied())) {}
            @for at in places.iter().step_by(places.len().div_ceil(MARKS).max(1)) { (mark(place, *at)) }
        }
    }
}

/// The most points of a curve.
const MOST_PLACES: usize = 1000;

/// The mark of a curve; marks differ in shape as well.
pub(super) fn mark(place: usize, (x, y): Place) -> Markup {
    html! {
        @match place % CURVES.len() {
            0 => circle class="dot" cx=(px(x)) cy=(px(y)) r="4" {},
            1 => path class="dot" d=(path([(x - 5.0, y + 4.0), (x + 5.0, y + 4.0), (x, y - 5.0)]) + "Z") {},
            _ => rect class="dot" x=(px(x - 4.0)) y=(px(y - 4.0)) width="8" height="8" {},
        }
    }
}

/// The legend, in as many rows as needed, and its lower end.
pub(super) fn legend(names: &[&str]) -> (Markup, f64) {
    /// Pixels of a sample of a curve.
    const SAMPLE: f64 = 34.0;
    let (mut x, mut y) = (MARGIN, MARGIN + 0.6 * LETTER);
    let mut places = Vec::new();
    for name in names {
        let width = SAMPLE + 6.0 + text_width(name, LETTER);
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + 1.5 * LETTER);
        }
        places.push((x, y));
        x += width + LETTER;
    }
    let below = if names.is_empty() { MARGIN } else { y + LETTER };
    let markup = html! {
        @for (place, (name, (x, y))) in names.iter().zip(places).enumerate() {
            @let (class, dashes) = CURVES[place % CURVES.len()];
            g class=(class) {
                path class="line" stroke-dasharray=[dashes] d=(path([(x, y), (x + SAMPLE, y)])) {}
                (mark(place, (x + SAMPLE / 2.0, y)))
            }
            (Label::new(name, LETTER).at((x + SAMPLE + 6.0, y)))
        }
    };
    (markup, below)
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
            level: 0,
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
        let text = |names: &[&str]| section(&course, 1e-3, names).into_string();
        let two = text(&["one", "two"]);
        assert!(
            two.contains(
                "The first 2 iterations of one, shaded, are 2 stages at a larger ε, from 4 down to 0.25."
            ),
            "{two}"
        );
        assert!(
            [">one<", ">two<", ">tolerance<"]
                .iter()
                .all(|words| two.contains(words))
        );
        assert_eq!(two.matches("<circle").count(), 4 + 1);
        // If the number of names is not that of the solves, no curve is named.
        assert!(!text(&["one", "two", "three"]).contains(">one<"));
    }

    #[test]
    fn stages_between_coarse_clouds_are_told() {
        let coarse = |level: usize, step: Progress| Progress { level, ..step };
        let way = |from: f64| {
            let course = [
                coarse(2, step(1, from, 1.0)),
                coarse(1, step(2, 0.25, 0.5)),
                step(3, 0.25, 0.2),
                step(4, 0.25, 1e-4),
            ];
            section(&course, 1e-3, &["one"]).into_string()
        };
        let falling = "are 2 stages between coarser clouds, where ε goes from 1 down to 0.25.";
        assert!(way(1.0).contains(falling), "{}", way(1.0));
        let even = "are 2 stages between coarser clouds.";
        assert!(way(0.25).contains(even), "{}", way(0.25));
    }

    #[test]
    fn a_course_of_any_length_is_drawn() {
        assert_eq!(section(&[], 1e-3, &["one"]).into_string(), "");
        for error in [0.0, 1e-300, 1e-9, 2.0, 1e30] {
            let text = section(&[step(1, 1.0, error)], 1e-3, &["one"]).into_string();
            assert!(text.contains("<svg") && !text.contains("NaN") && !text.contains("inf"));
            assert!(!text.contains("shaded"));
        }
        let long: Vec<_> = (1..=10_000).map(|k| step(k, 1.0, 1.0 / k as f64)).collect();
        assert!(section(&long, 1e-3, &["one"]).into_string().len() < 1 << 20);
    }
}

//! Several values over one that spans powers of ten: curves with bands of their bounds, or means with bars of their errors.

use super::convergence::{CURVES, legend, mark};
use crate::canvas::{
    Anchor, Area, Axis, LETTER, Label, Place, Plot, Svg, Tick, WIDTH, linear, logarithmic, path,
    px, thinned,
};
use crate::number::short;
use maud::{Markup, html};
use std::ops::Range;

/// Pixels around the plot.
const MARGIN: f64 = 8.0;
const HEIGHT: f64 = 300.0;

/// A picture of curves. Both axes have names; the horizontal one is logarithmic.
pub(crate) struct Curves<'c> {
    pub(crate) axes: [&'c str; 2],
    /// Whether the vertical axis is logarithmic too.
    pub(crate) logarithmic: bool,
    /// At most three.
    pub(crate) curves: Vec<Curve<'c>>,
    /// Straight lines in the picture, each with its name, if it has one.
    pub(crate) guides: Vec<Guide<'c>>,
}

/// Values, and how they are shown.
pub(crate) struct Curve<'c> {
    pub(crate) name: &'c str,
    pub(crate) spots: Vec<Spot>,
    pub(crate) certainty: Certainty,
}

/// How the bounds of a curve are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// A band around a line through the values.
    Band,
    /// Bars at the values, which no line joins.
    Bars,
}

/// A value and its bounds, which may be infinite.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// A straight line between two places.
pub(crate) struct Guide<'c> {
    pub(crate) name: &'c str,
    pub(crate) ends: [(f64, f64); 2],
    /// The curve that it belongs to, if it belongs to one.
    pub(crate) of: Option<usize>,
}

/// The drawing; `None` where there are not two different places across, or a value that has no place.
pub(crate) fn draw(curves: &Curves<'_>) -> Option<Svg> {
    let height = |y: f64| if curves.logarithmic { y.log10() } else { y };
    let of_guides = curves.guides.iter().flat_map(|guide| guide.ends);
    let spots = || curves.curves.iter().flat_map(|curve| &curve.spots);
    let places = spots().map(|spot| (spot.x, spot.y)).chain(of_guides);
    let places: Vec<Place> = places.map(|(x, y)| (x.log10(), height(y))).collect();
    let finite = |(x, y): &Place| x.is_finite() && y.is_finite();
    if places.is_empty() || !places.iter().all(finite) {
        return None;
    }
    let x = range(places.iter().map(|place| place.0), 0.03)?;
    let y = range(places.iter().map(|place| place.1), 0.08)?;
    let y = Axis {
        name: curves.axes[1].to_owned(),
        ticks: match curves.logarithmic {
            true => plainly(logarithmic(&y, 6)),
            false => linear(&y, 6),
        },
        range: y,
    };
    let left = MARGIN + y.room_beside(LETTER);
    let width = WIDTH - left - 2.0 * MARGIN;
    let x = Axis {
        name: curves.axes[0].to_owned(),
        ticks: thinned(
            |most| plainly(logarithmic(&x, most)),
            6,
            &x,
            [width, MARGIN],
            LETTER,
        ),
        range: x,
    };
    let names: Vec<_> = curves.curves.iter().map(|curve| curve.name).collect();
    let (legend, below) = legend(&names);
    let top = below + y.room_above(LETTER);
    let bottom = top + HEIGHT + x.room_below(LETTER) + MARGIN;
    let area = Area {
        left,
        top,
        width,
        height: HEIGHT,
    };
    let plot = Plot {
        area,
        x,
        y,
        letter: LETTER,
    };
    // A bound that is infinite, or has no logarithm, is at the edge.
    let place = |x: f64, y: f64| {
        let Range { start, end } = plot.y.range;
        let y = height(y);
        let y = if y.is_nan() {
            start
        } else {
            y.clamp(start, end)
        };
        plot.place((x.log10(), y))
    };
    let content = html! {
        (plot.axes())
        @for (index, curve) in curves.curves.iter().enumerate() { (certainty(index, curve, &place)) }
        @for guide in &curves.guides { (guide_line(guide, &place)) }
        @for (index, curve) in curves.curves.iter().enumerate() { (values(index, curve, &place)) }
        @for (index, guide) in curves.guides.iter().enumerate() {
            (guide_name(index, guide, &plot, &place))
        }
        (legend)
    };
    Some(Svg {
        width: WIDTH,
        height: bottom,
        content,
    })
}

/// The range of some values, with room at both ends; `None` if all are one.
fn range(values: impl Iterator<Item = f64> + Clone, room: f64) -> Option<Range<f64>> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    let wide = span > 1e-9 * low.abs().max(high.abs()) && span.is_finite();
    wide.then_some(low - room * span..high + room * span)
}

/// The ticks of logarithms with their values as numbers.
fn plainly(mut ticks: Vec<Tick>) -> Vec<Tick> {
    for tick in &mut ticks {
        tick.text = short(10f64.powf(tick.at));
    }
    ticks
}

/// The bounds of a curve.
fn certainty(index: usize, curve: &Curve<'_>, place: &impl Fn(f64, f64) -> Place) -> Markup {
    let (class, _) = CURVES[index % CURVES.len()];
    let spots = || curve.spots.iter();
    html! {
        g class=(class) {
            @match curve.certainty {
                Certainty::Band => {
                    @let above = spots().map(|spot| place(spot.x, spot.upper));
                    @let below = spots().rev().map(|spot| place(spot.x, spot.lower));
                    path class="band" d=(path(above.chain(below)) + "Z") {}
                }
                Certainty::Bars => @for spot in spots() {
                    @let ends = [place(spot.x, spot.lower), place(spot.x, spot.upper)];
                    path class="bounds" d=(path(ends)) {}
                    @for (x, y) in ends {
                        path class="bounds" d=(path([(x - 4.0, y), (x + 4.0, y)])) {}
                    }
                }
            }
        }
    }
}

/// The values of a curve.
fn values(index: usize, curve: &Curve<'_>, place: &impl Fn(f64, f64) -> Place) -> Markup {
    let (class, dashes) = CURVES[index % CURVES.len()];
    let places: Vec<_> = curve
        .spots
        .iter()
        .map(|spot| place(spot.x, spot.y))
        .collect();
    html! {
        g class=(class) {
            @if curve.certainty == Certainty::Band {
                path class="line" stroke-dasharray=[dashes] d=(path(places.iter().copied())) {}
            }
            @for at in &places { (mark(index, *at)) }
        }
    }
}

fn guide_line(guide: &Guide<'_>, place: &impl Fn(f64, f64) -> Place) -> Markup {
    let line = path(guide.ends.map(|(x, y)| place(x, y)));
    match guide.of {
        Some(index) => {
            let (class, dashes) = CURVES[index % CURVES.len()];
            html! { g class=(class) { path class="bounds" stroke-dasharray=[dashes] d=(line) {} } }
        }
        None => html! { path class="rule" stroke-dasharray="5 4" d=(line) {} },
    }
}

/// The name of a guide, above it: of the second at its right end, of the others at their left end, so that names of neighbours do
/// not meet.
fn guide_name(
    index: usize,
    guide: &Guide<'_>,
    plot: &Plot,
    place: &impl Fn(f64, f64) -> Place,
) -> Markup {
    if guide.name.is_empty() {
        return html! {};
    }
    let y = place(guide.ends[0].0, guide.ends[0].1).1 - 0.7 * LETTER;
    let label = Label::new(guide.name, LETTER).class("name");
    let (share, anchor) = match index {
        1 => (0.99, Anchor::End),
        _ => (0.01, Anchor::Start),
    };
    let x = plot.area.left + share * plot.area.width;
    html! { (label.anchor(anchor).at((x, y.max(plot.area.top + 0.5 * LETTER)))) }
}

/// The drawings one below the other, each under its title, for a file of its own.
pub(crate) fn stacked(drawings: &[(String, Svg)]) -> Svg {
    let title = 1.8 * LETTER;
    let mut top = 0.0;
    let mut parts = Vec::new();
    for (words, svg) in drawings {
        let head = if words.is_empty() { 0.0 } else { title };
        parts.push(html! {
            @if !words.is_empty() {
                (Label::new(words, LETTER).class("title").at((MARGIN, top + MARGIN + 0.5 * LETTER)))
            }
            g transform=(format!("translate(0 {})", px(top + head))) { (svg.content) }
        });
        top += head + svg.height;
    }
    Svg {
        width: WIDTH,
        height: top,
        content: html! { @for part in parts { (part) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(certainty: Certainty, spots: &[[f64; 4]]) -> Curve<'static> {
        let spot = |&[x, y, lower, upper]: &[f64; 4]| Spot { x, y, lower, upper };
        Curve {
            name: "value",
            spots: spots.iter().map(spot).collect(),
            certainty,
        }
    }

    fn text(logarithmic: bool, certainty: Certainty, spots: &[[f64; 4]]) -> Option<String> {
        let svg = draw(&Curves {
            axes: ["blur", "cost"],
            logarithmic,
            curves: vec![curve(certainty, spots)],
            guides: vec![Guide {
                name: "limit",
                ends: [(spots[0][0], spots[0][1]), (100.0, spots[0][1])],
                of: None,
            }],
        })?;
        Some(svg.content.into_string())
    }

    #[test]
    fn any_bounds_are_drawn_inside_of_the_axes() {
        let spots = [
            [1.0, 2.0, f64::NEG_INFINITY, f64::INFINITY],
            [10.0, 3.0, -5.0, 1e9],
            [100.0, 5.0, f64::NAN, 5.0],
        ];
        for certainty in [Certainty::Band, Certainty::Bars] {
            for logarithmic in [false, true] {
                let text = text(logarithmic, certainty, &spots).unwrap();
                assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
                assert_eq!(text.matches("<circle").count(), 3 + 1);
                for words in [">blur<", ">cost<", ">limit<", ">value<"] {
                    assert!(text.contains(words), "{words}: {text}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_place_is_not_drawn() {
        for spots in [
            [[1.0, 2.0, 2.0, 2.0], [10.0, f64::NAN, 1.0, 3.0]],
            [[0.0, 2.0, 2.0, 2.0], [10.0, 3.0, 1.0, 3.0]],
        ] {
            assert_eq!(text(false, Certainty::Band, &spots), None);
        }
        let negative = [[1.0, 2.0, 2.0, 2.0], [10.0, -1.0, 1.0, 3.0]];
        assert!(text(false, Certainty::Band, &negative).is_some());
        assert_eq!(text(true, Certainty::Band, &negative), None);
    }
}

//! A number that changes over time or steps, as a curve.

use super::{convergence::whole, figure};
use crate::canvas::{Area, Axis, LETTER, Plot, Svg, WIDTH, linear, path, px, thinned};
use maud::{Markup, html};

/// Pixels around the plot.
const MARGIN: f64 = 8.0;
const HEIGHT: f64 = 180.0;

/// The most marks on a curve, and the most places that it goes through: more than the pixels would not be visible.
const MARKS: usize = 24;
const MOST_PLACES: usize = 1000;

/// The curve through some places, with the names of its axes; `None` for fewer than two places, and for numbers that
/// are not finite.
pub(crate) fn figure(
    places: &[(f64, f64)],
    [across, up]: [&str; 2],
    caption: &Markup,
) -> Option<Markup> {
    let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    if places.len() < 2 || !places.iter().all(finite) {
        return None;
    }
    let words = format!("A curve: {up} over {across}");
    Some(figure::figure(&draw(places, [across, up]), &words, caption))
}

fn draw(places: &[(f64, f64)], [across, up]: [&str; 2]) -> Svg {
    let range = |of: fn(&(f64, f64)) -> f64, room: f64| {
        let values = || places.iter().map(of);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        // A constant has a range as well.
        let span = (high - low)
            .max(1e-9 * high.abs().max(low.abs()))
            .max(1e-300);
        low - room * span..high + room * span
    };
    let y = range(|place| place.1, 0.1);
    let y = Axis {
        name: up.to_owned(),
        ticks: linear(&y, 5),
        range: y,
    };
    let left = MARGIN + y.room_beside(LETTER);
    let width = WIDTH - left - 2.0 * MARGIN;
    let x = range(|place| place.0, 0.03);
    let counts = places.iter().all(|place| place.0.fract() == 0.0);
    let ticks = |most| match counts {
        true => whole(linear(&x, most)),
        false => linear(&x, most),
    };
    let x = Axis {
        name: across.to_owned(),
        ticks: thinned(ticks, 6, &x, [width, MARGIN], LETTER),
        range: x,
    };
    let top = MARGIN + y.room_above(LETTER);
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
    let spots: Vec<_> = places.iter().map(|place| plot.place(*place)).collect();
    let seen = spots
        .iter()
        .step_by(spots.len().div_ceil(MOST_PLACES).max(1));
    let content = html! {
        (plot.axes())
        g class="first" {
            path class="line" d=(path(seen.chain(spots.last()).copied())) {}
            @for (x, y) in spots.iter().step_by(spots.len().div_ceil(MARKS).max(1)) {
                circle class="dot" cx=(px(*x)) cy=(px(*y)) r="4" {}
            }
        }
    };
    Svg {
        width: WIDTH,
        height,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_curve_is_drawn_inside_of_its_axes() {
        let text = |places: &[(f64, f64)]| {
            let figure = figure(places, ["time", "energy"], &html! { "words" });
            figure.map(|figure| figure.into_string())
        };
        assert_eq!(text(&[(0.0, 1.0)]), None);
        assert_eq!(text(&[(0.0, 1.0), (1.0, f64::NAN)]), None);
        for places in [
            vec![(0.1, 2.0), (0.2, 1.0)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, -7e9), (2.0, 7e9), (3.0, 1e-9)],
            (1..5000)
                .map(|k| (f64::from(k), 1.0 / f64::from(k)))
                .collect(),
        ] {
            let text = text(&places).unwrap_or_default();
            assert!(
                text.contains("<circle") && text.contains(">energy<"),
                "{text}"
            );
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            assert!(text.len() < 1 << 17, "{}", text.len());
        }
    }
}

//! A plot: a rectangle in a picture that shows ranges of values, with axes that reserve room for their labels.

use super::{Anchor, Label, Place, line, text_width};
use maud::{Markup, html};
use std::ops::Range;

/// A rectangle of a picture, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A labelled value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) text: String,
}

/// A range of values and its labels. The values of a logarithmic axis are logarithms.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) name: String,
    pub(crate) range: Range<f64>,
    pub(crate) ticks: Vec<Tick>,
}

/// Pixels between an axis and its labels.
const GAP: f64 = 6.0;

impl Axis {
    /// Pixels left of a vertical axis for its labels.
    pub(crate) fn room_beside(&self, letter: f64) -> f64 {
        let widths = self.ticks.iter().map(|tick| text_width(&tick.text, letter));
        widths.fold(0.0, f64::max) + GAP
    }

    /// Pixels below a horizontal axis for its labels and its name.
    pub(crate) fn room_below(&self, letter: f64) -> f64 {
        let labels = if self.ticks.is_empty() {
            0.0
        } else {
            1.3 * letter
        };
        let name = if self.name.is_empty() {
            0.0
        } else {
            1.4 * letter
        };
        GAP + labels + name
    }

    /// Pixels above a vertical axis for its name.
    pub(crate) fn room_above(&self, letter: f64) -> f64 {
        if self.name.is_empty() {
            0.5 * letter
        } else {
            1.8 * letter
        }
    }
}

/// Both axes and their rectangle.
pub(crate) struct Plot {
    pub(crate) area: Area,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// Font size.
    pub(crate) letter: f64,
}

impl Plot {
    /// The position of a pair of values.
    pub(crate) fn place(&self, (x, y): (f64, f64)) -> Place {
        let share =
            |value: f64, range: &Range<f64>| (value - range.start) / (range.end - range.start);
        let Area {
            left,
            top,
            width,
            height,
        } = self.area;
        (
            left + width * share(x, &self.x.range),
            top + height * (1.0 - share(y, &self.y.range)),
        )
    }

    /// The axes, the lines of their ticks, and their names. The name of the vertical axis is above it, so that a long
    /// name has the width of the picture.
    pub(crate) fn axes(&self) -> Markup {
        let Self {
            area, x, y, letter, ..
        } = self;
        let (right, bottom) = (area.left + area.width, area.top + area.height);
        let label = |words, class| Label::new(words, *letter).class(class);
        let across = |tick: &Tick| self.place((tick.at, y.range.start)).0;
        let up = |tick: &Tick| self.place((x.range.start, tick.at)).1;
        let name = area.top + area.height + x.room_below(*letter) - 0.7 * letter;
        html! {
            g {
                @for tick in &x.ticks { (line("grid", (across(tick), area.top), (across(tick), bottom))) }
                @for tick in &y.ticks { (line("grid", (area.left, up(tick)), (right, up(tick)))) }
                (line("axis", (area.left, bottom), (right, bottom)))
                (line("axis", (area.left, area.top), (area.left, bottom)))
            }
            @for tick in &x.ticks {
                (label(&tick.text, "quiet").anchor(Anchor::Middle).at((across(tick), bottom + GAP + 0.6 * letter)))
            }
            @for tick in &y.ticks {
                (label(&tick.text, "quiet").anchor(Anchor::End).at((area.left - GAP, up(tick))))
            }
            @if !x.name.is_empty() {
                (label(&x.name, "ink").anchor(Anchor::Middle).at((area.left + area.width / 2.0, name)))
            }
            @if !y.name.is_empty() {
                (label(&y.name, "ink").at((area.left - y.room_beside(*letter), area.top - 1.1 * letter)))
            }
        }
    }
}

/// At most `most` round values in a range: steps of 1, 2 or 5 times a power of ten, with enough digits to tell
/// neighbours apart.
pub(crate) fn linear(range: &Range<f64>, most: usize) -> Vec<Tick> {
    let span = range.end - range.start;
    let power = 10f64.powf((span / most.max(1) as f64).log10().floor());
    let inside = |step: f64| {
        let (first, last) = ((range.start / step).ceil(), (range.end / step).floor());
        (first, last - first + 1.0)
    };
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|factor| factor * power);
    let Some(step) = steps
        .into_iter()
        .find(|step| inside(*step).1 <= most as f64)
    else {
        return Vec::new();
    };
    let (first, count) = inside(step);
    let decimals = -(step.log10() + 1e-9).floor();
    let largest = range.start.abs().max(range.end.abs());
    let digits = ((largest / step).log10().ceil().clamp(0.0, 17.0)) as usize;
    let text = |value: f64| {
        if value == 0.0 {
            "0".to_owned()
        } else if (-5.0..=4.0).contains(&decimals) {
            format!("{value:.*}", decimals.max(0.0) as usize)
        } else {
            format!("{value:.digits$e}")
        }
    };
    (0..count.max(0.0) as usize)
        .map(|k| {
            // Adding 0.0 removes the sign of a zero.
            let at = (first + k as f64) * step + 0.0;
            Tick { at, text: text(at) }
        })
        .collect()
}

/// At most `most` powers of ten in a range of logarithms; 1, 2 and 5 times these if the range has fewer than two.
pub(crate) fn logarithmic(range: &Range<f64>, most: usize) -> Vec<Tick> {
    let (first, last) = (range.start.ceil(), range.end.floor());
    if last <= first {
        let powers = [first - 1.0, first, first + 1.0].into_iter();
        let ticks = powers.flat_map(|power| {
            [1u8, 2, 5].map(|digit| Tick {
                at: power + f64::from(digit).log10(),
                text: format!("{digit}e{power}"),
            })
        });
        return ticks
            .filter(|tick| range.contains(&tick.at))
            .take(most)
            .collect();
    }
    let stride = ((last - first + 1.0) / most.max(1) as f64).ceil().max(1.0);
    let count = ((last - first) / stride).floor() + 1.0;
    (0..count.max(0.0) as usize)
        .map(|k| {
            let at = first + stride * k as f64;
            Tick {
                at,
                text: match at as i64 {
                    0 => "1".to_owned(),
                    1 => "10".to_owned(),
                    _ => format!("1e{at}"),
                },
            }
        })
        .collect()
}

/// The most ticks of a horizontal axis whose labels overlap neither each other nor the edge that is `margin` pixels
/// beyond the end of the axis.
pub(crate) fn thinned(
    ticks: impl Fn(usize) -> Vec<Tick>,
    most: usize,
    range: &Range<f64>,
    [width, margin]: [f64; 2],
    letter: f64,
) -> Vec<Tick> {
    let at = |tick: &Tick| width * (tick.at - range.start) / (range.end - range.start);
    let half = |tick: &Tick| text_width(&tick.text, letter) / 2.0;
    let fits = |ticks: &[Tick]| {
        let mut pairs = ticks.iter().zip(ticks.iter().skip(1));
        pairs.all(|(one, next)| at(one) + half(one) + 0.6 * letter <= at(next) - half(next))
    };
    let inside = |ticks: Vec<Tick>| -> Vec<Tick> {
        let inside = |tick: &Tick| at(tick) + half(tick) <= width + margin;
        ticks.into_iter().filter(inside).collect()
    };
    let mut candidates = (1..=most).rev().map(|most| inside(ticks(most)));
    candidates.find(|ticks| fits(ticks)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| &*tick.text).collect()
    }

    #[test]
    fn ticks_are_few_round_and_told_apart() {
        assert_eq!(texts(&linear(&(-0.1..1.1), 4)), ["0", "0.5", "1.0"]);
        assert_eq!(texts(&linear(&(0.0..36.0), 3)), ["0", "20"]);
        assert_eq!(texts(&linear(&(-30.0..1250.0), 3)), ["0", "500", "1000"]);
        for low in [0.0_f64, -3.7, 4_512_345.6, -1e17] {
            for span in [1e-3, 0.59, 7.0, 1e5, 3e30] {
                let range = low..low + span;
                if range.end - range.start < 1e-9 * low.abs() {
                    continue;
                }
                for most in 2..8 {
                    let ticks = linear(&range, most);
                    assert!(
                        (1..=most).contains(&ticks.len()),
                        "{range:?} {most} {ticks:?}"
                    );
                    assert!(
                        ticks
                            .iter()
                            .all(|tick| (range.start..=range.end).contains(&tick.at))
                    );
                    let mut texts = texts(&ticks);
                    texts.dedup();
                    assert_eq!(texts.len(), ticks.len(), "{ticks:?}");
                }
            }
        }
    }

    #[test]
    fn logarithmic_ticks_are_powers_or_where_there_is_none_their_parts() {
        assert_eq!(
            texts(&logarithmic(&(-3.5..0.2), 6)),
            ["1e-3", "1e-2", "1e-1", "1"]
        );
        assert_eq!(
            texts(&logarithmic(&(-8.5..0.2), 3)),
            ["1e-8", "1e-5", "1e-2"]
        );
        assert_eq!(texts(&logarithmic(&(-2.9..-2.1), 6)), ["2e-3", "5e-3"]);
        assert_eq!(texts(&logarithmic(&(-3.2..-2.4), 6)), ["1e-3", "2e-3"]);
    }

    #[test]
    fn labels_that_have_no_room_are_left_out() {
        let range = 0.0..10.0;
        let ticks = |width| thinned(|most| linear(&range, most), 6, &range, [width, 8.0], 16.0);
        assert!(ticks(400.0).len() > ticks(60.0).len());
        for width in [10.0, 60.0, 100.0, 200.0, 400.0] {
            let ticks = ticks(width);
            let taken: f64 = ticks.iter().map(|tick| text_width(&tick.text, 16.0)).sum();
            assert!(taken <= width + 16.0, "{width}");
            let last = ticks.last().unwrap();
            let end = width * last.at / 10.0 + text_width(&last.text, 16.0) / 2.0;
            assert!(end <= width + 8.0);
        }
    }
}

//! The values of some jobs as a picture, each with its certified bounds.

use super::page::Row;
use super::record::Ending;
use crate::canvas::{
    Anchor, Area, Axis, LETTER, Label, Place, Plot, Svg, Tick, WIDTH, linear, logarithmic, path,
    px, text_width, thinned,
};
use crate::names::end_of;
use maud::{Markup, html};
use std::ops::Range;

/// Pixels around the picture and its plot.
const MARGIN: f64 = 8.0;
const PLOT: f64 = 190.0;
/// Pixels between the plot and the names below it.
const GAP: f64 = 6.0;

/// Up to this many jobs have their ids at the axis; below, the most letters of an id.
const MOST_NAMED: usize = 16;
const LETTERS: usize = 16;

/// If values differ by more than this factor, the axis is logarithmic.
const MOST_LINEAR: f64 = 100.0;

/// A job with a value.
struct Spot<'r> {
    id: &'r str,
    /// Its number in the file of jobs.
    number: usize,
    value: f64,
    bounds: (f64, f64),
    converged: bool,
}

impl<'r> Spot<'r> {
    fn of((number, row): &(usize, &Row<'r>)) -> Option<Self> {
        let value = row.account.summary.value?;
        Some(Self {
            id: &row.job.id,
            number: *number,
            value,
            bounds: row.account.summary.bounds.unwrap_or((value, value)),
            converged: row.account.ending == Ending::Done,
        })
    }
}

/// The picture of the jobs of one quantity, each with its number in the file of jobs. Jobs without a value are left
/// out; `None` if no job has a value.
pub(super) fn draw(rows: &[(usize, &Row)]) -> Option<Svg> {
    let spots: Vec<_> = rows.iter().filter_map(Spot::of).collect();
    (!spots.is_empty()).then(|| Chart::of(&spots).draw(&spots))
}

/// Maps values to positions on an axis.
type Scale = fn(f64) -> f64;

struct Chart {
    plot: Plot,
    scale: Scale,
    /// The names of the jobs, if there is room for them, and whether they are vertical.
    names: Vec<String>,
    upright: bool,
}

impl Chart {
    fn of(spots: &[Spot]) -> Self {
        let values = || spots.iter().map(|spot| spot.value);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let logarithms = low > 0.0 && high / low > MOST_LINEAR;
        let scale: Scale = if logarithms {
            f64::log10
        } else {
            |value| value
        };
        let (low, high) = (scale(low), scale(high));
        let room = (0.08 * (high - low)).max(0.01 * high.abs()).max(1e-12);
        let range = low - room..high + room;
        let y = Axis {
            name: String::new(),
            ticks: if logarithms {
                logarithmic(&range, 5)
            } else {
                linear(&range, 5)
            },
            range,
        };
        let left = MARGIN + y.room_beside(LETTER);
        let width = WIDTH - left - MARGIN;
        let named = spots.len() <= MOST_NAMED;
        let range = 0.5..spots.len() as f64 + 0.5;
        let x = if named {
            Axis {
                name: String::new(),
                ticks: Vec::new(),
                range,
            }
        } else {
            Axis {
                name: "number of the job, in the order of the file".to_owned(),
                ticks: thinned(
                    |most| numbers(&range, spots, most),
                    6,
                    &range,
                    [width, MARGIN],
                    LETTER,
                ),
                range,
            }
        };
        let names: Vec<_> = match named {
            true => spots.iter().map(|spot| end_of(spot.id, LETTERS)).collect(),
            false => Vec::new(),
        };
        Self {
            upright: widest(&names) + LETTER <= width / spots.len() as f64,
            names,
            plot: Plot {
                area: Area {
                    left,
                    top: MARGIN + y.room_above(LETTER),
                    width,
                    height: PLOT,
                },
                x,
                y,
                letter: LETTER,
            },
            scale,
        }
    }

    fn draw(&self, spots: &[Spot]) -> Svg {
        let Area { top, height, .. } = self.plot.area;
        let below = if self.names.is_empty() {
            self.plot.x.room_below(LETTER)
        } else if self.upright {
            GAP + 1.3 * LETTER
        } else {
            GAP + widest(&self.names)
        };
        let content = html! {
            (self.plot.axes())
            (self.draw_names())
            @for (place, spot) in spots.iter().enumerate() { (self.draw_spot(place, spot, spots.len())) }
        };
        Svg {
            width: WIDTH,
            height: top + height + below + MARGIN,
            content,
        }
    }

    fn draw_names(&self) -> Markup {
        let bottom = self.plot.area.top + self.plot.area.height;
        html! {
            @for (place, name) in self.names.iter().enumerate() {
                @let x = self.plot.place((place as f64 + 1.0, self.plot.y.range.start)).0;
                @let label = Label::new(name, LETTER).class("quiet");
                @if self.upright {
                    (label.anchor(Anchor::Middle).at((x, bottom + GAP + 0.6 * LETTER)))
                } @else {
                    (label.downwards((x, bottom + GAP)))
                }
            }
        }
    }

    /// A value, and its bounds as a line.
    fn draw_spot(&self, place: usize, spot: &Spot, all: usize) -> Markup {
        let Range { start, end } = self.plot.y.range;
        let at = |value: f64| -> Place {
            // Values that are not positive have no logarithm.
            let height = (self.scale)(value);
            let height = if height.is_nan() { start } else { height };
            self.plot
                .place((place as f64 + 1.0, height.clamp(start, end)))
        };
        let radius = (600.0 / all as f64).clamp(2.0, 4.0);
        let (x, y) = at(spot.value);
        let side = radius + 2.0;
        html! {
            g class=(if spot.converged { "first" } else { "second" }) {
                path class="bounds" d=(path([at(spot.bounds.0), at(spot.bounds.1)])) {}
                @if spot.converged {
                    circle class="dot" cx=(px(x)) cy=(px(y)) r=(px(radius)) {}
                } @else {
                    path class="dot" d=(path([(x - side, y + side), (x + side, y + side), (x, y - side)]) + "Z") {}
                }
            }
        }
    }
}

/// Ticks at some of many jobs, labelled with their numbers.
fn numbers(range: &Range<f64>, spots: &[Spot], most: usize) -> Vec<Tick> {
    let number = |tick: Tick| {
        let spot = spots.get((tick.at as usize).checked_sub(1)?)?;
        let text = spot.number.to_string();
        (tick.at.fract() == 0.0).then_some(Tick { text, ..tick })
    };
    linear(range, most).into_iter().filter_map(number).collect()
}

fn widest(names: &[String]) -> f64 {
    let widths = names.iter().map(|name| text_width(name, LETTER));
    widths.fold(0.0, f64::max)
}

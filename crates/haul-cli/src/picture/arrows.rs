//! Selects and draws the displacements that are shown as arrows.

use crate::canvas::{Place, path, px};
use maud::{Markup, html};

pub(super) const MAX_ARROWS: usize = 16;
/// Least length of an arrow, in pixels.
const LEAST_LENGTH: f64 = 12.0;
/// An arrow is drawn only if a dot of the target is within this many pixels of its tip. An average of distant
/// positions, for instance the middle of a ring, is no place where mass goes.
pub(super) const REACH: f64 = 6.0;
/// Pixels of an arrowhead, and the least distance between two tails or two tips: arrows to the same place become one
/// arrow.
pub(super) const HEAD: f64 = 8.0;

/// From a dot of the source to its image.
pub(super) type Arrow = [Place; 2];

/// Selects at most [`MAX_ARROWS`] of the arrows that end near one of these dots, each the farthest from those before
/// it (Gonzalez 1985), by tail and tip.
pub(super) fn chosen(arrows: &[Arrow], dots: &[Place]) -> Vec<Arrow> {
    let distance = |one: Place, other: Place| (one.0 - other.0).hypot(one.1 - other.1);
    let leads = |[from, to]: &Arrow| {
        distance(*from, *to) >= LEAST_LENGTH && dots.iter().any(|dot| distance(*to, *dot) <= REACH)
    };
    let arrows = arrows.iter().filter(|arrow| leads(arrow));
    let mut left: Vec<(Arrow, f64)> = arrows.map(|arrow| (*arrow, f64::INFINITY)).collect();
    let mut chosen: Vec<Arrow> = Vec::new();
    while chosen.len() < MAX_ARROWS
        && let Some(&(farthest, gap)) = left.iter().max_by(|a, b| a.1.total_cmp(&b.1))
        && gap > HEAD
    {
        chosen.push(farthest);
        for (arrow, gap) in &mut left {
            let ends = [0, 1].map(|end| distance(arrow[end], farthest[end]));
            *gap = gap.min(ends[0]).min(ends[1]);
        }
    }
    chosen
}

/// The arrows, with a margin in the colour of the paper.
pub(super) fn draw(arrows: &[Arrow]) -> Markup {
    let shafts = arrows.iter().map(|arrow| path(*arrow));
    html! {
        @if !arrows.is_empty() { path class="halo" d=(shafts.collect::<String>()) {} }
        @for arrow in arrows { path class="arrow" d=(shaft_and_head(*arrow)) {} }
    }
}

fn shaft_and_head([from, to]: Arrow) -> String {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    let length = x.hypot(y);
    let head = HEAD.min(0.6 * length);
    let (x, y) = (head * x / length, head * y / length);
    let back = |aside: f64| (to.0 - (x + aside * y), to.1 - (y - aside * x));
    let [base, left, right] = [0.0, 0.36, -0.36].map(back);
    let [left, right] = [left, right].map(|(x, y)| format!("L{} {}", px(x), px(y)));
    format!(
        "{}M{} {}{left}{right}Z",
        path([from, base]),
        px(to.0),
        px(to.1)
    )
}

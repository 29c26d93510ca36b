//! Which displacements are drawn as arrows, and how.

use super::frame::Sheet;
use super::view::Dot;
use crate::canvas::{Drawn, FINE, INK, Page};
use plotters::prelude::*;

/// A point of the canvas.
pub(super) type Place = (i32, i32);

pub(super) const MAX_ARROWS: usize = 300;
/// Drawn however long they are.
pub(super) const MIN_ARROWS: f64 = 40.0;

/// At most [`MAX_ARROWS`] dots, each the farthest from those before it (Gonzalez 1985).
pub(super) fn spread_out(dots: &[Dot]) -> Vec<&Dot> {
    let mut left: Vec<(&Dot, f64)> = dots.iter().map(|dot| (dot, f64::INFINITY)).collect();
    let mut chosen: Vec<&Dot> = Vec::new();
    while chosen.len() < MAX_ARROWS
        && let Some(&(farthest, gap)) = left.iter().max_by(|a, b| a.1.total_cmp(&b.1))
        && gap > 0.0
    {
        chosen.push(farthest);
        for (dot, gap) in &mut left {
            let (x, y) = (dot.at.0 - farthest.at.0, dot.at.1 - farthest.at.1);
            *gap = gap.min(x * x + y * y);
        }
    }
    chosen
}

/// As many of the arrows, which are spread out in this order, as do not cover the page in ink.
pub(super) fn legible<'a>(arrows: &'a [[Place; 2]], sheet: &Sheet) -> &'a [[Place; 2]] {
    let length = |&[(x0, y0), (x1, y1)]: &[Place; 2]| f64::from(x1 - x0).hypot(f64::from(y1 - y0));
    let total: f64 = arrows.iter().map(length).sum();
    let share = f64::from(sheet.most_ink() * FINE) / total;
    let count = (share * arrows.len() as f64).max(MIN_ARROWS) as usize;
    arrows.get(..count).unwrap_or(arrows)
}

/// An arrow on the canvas; one that is shorter than a dot is wide says nothing and is left out.
pub(super) fn arrow(page: &Page, from: Place, to: Place) -> Drawn {
    let (x, y) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let length = x.hypot(y);
    if length < 3.0 * f64::from(FINE) {
        return Ok(());
    }
    let head = (9.0 * f64::from(FINE)).min(0.6 * length);
    let (x, y) = (head * x / length, head * y / length);
    let back = |aside: f64| {
        (
            to.0 - (x + aside * y).round() as i32,
            to.1 - (y - aside * x).round() as i32,
        )
    };
    let style = INK.mix(0.6);
    page.draw(&PathElement::new(
        [from, back(0.0)],
        ShapeStyle::from(style).stroke_width(FINE as u32),
    ))?;
    page.draw(&Polygon::new([to, back(0.36), back(-0.36)], style.filled()))
}

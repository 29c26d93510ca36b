//! The part of the plane that a plot shows.

use super::view::Spot;
use crate::canvas::{Axis, linear, thinned};
use std::ops::Range;

/// What a plot shows: a range of both axes, with the same scale on both unless the vertical axis shows levels.
pub(super) struct Frame {
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    /// Pixels from the lowest to the highest `y`.
    pub(super) height: f64,
}

/// The smallest and the largest value; `None` if there are none.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    values.fold(None, |range, value| match range {
        None => Some(value..value),
        Some(Range { start, end }) => Some(start.min(value)..end.max(value)),
    })
}

/// The space of a plot, in pixels.
#[derive(Clone)]
pub(super) struct Room {
    pub(super) width: f64,
    pub(super) heights: Range<f64>,
    /// Padding above and below the content.
    pub(super) air: f64,
}

impl Frame {
    /// The frame of all of these spots, which are levels in one dimension.
    pub(super) fn around(
        spots: impl Iterator<Item = Spot> + Clone,
        dimension: usize,
        room: &Room,
    ) -> Self {
        let middle_and_span = |values: Option<Range<f64>>| {
            let Range { start, end } = values.unwrap_or(0.0..0.0);
            (start / 2.0 + end / 2.0, 1.08 * (end - start))
        };
        let (x, wide) = middle_and_span(extent(spots.clone().map(|spot| spot.0)));
        let (y, high) = middle_and_span(extent(spots.map(|spot| spot.1)));
        // Ticks need a range larger than the rounding of the numbers.
        let least = (1e-9 * x.abs().max(y.abs())).max(1e-60);
        let span = |span: f64| if span > least { span } else { least.max(1.0) };
        let range = |middle: f64, span: f64| middle - span / 2.0..middle + span / 2.0;
        if dimension == 1 {
            return Self {
                x: range(x, span(wide)),
                y: -0.25..1.25,
                height: 0.4 * room.width,
            };
        }
        let (wide, high) = if high > least {
            (wide, high)
        } else {
            (span(wide), 0.0)
        };
        let height = room.width * high / wide + 2.0 * room.air;
        let height = height.clamp(room.heights.start, room.heights.end).round();
        let pixel = (wide / room.width).max(high / (height - 2.0 * room.air));
        Self {
            x: range(x, pixel * room.width),
            y: range(y, pixel * height),
            height,
        }
    }

    /// The horizontal axis, with as many labels as fit into these pixels and into those beyond its ends.
    pub(super) fn across(&self, name: &str, room: [f64; 2], letter: f64) -> Axis {
        Axis {
            name: name.to_owned(),
            range: self.x.clone(),
            ticks: thinned(|most| linear(&self.x, most), 6, &self.x, room, letter),
        }
    }

    /// The vertical axis.
    pub(super) fn up(&self, name: &str, letter: f64) -> Axis {
        let most = (self.height / (2.5 * letter)).clamp(2.0, 6.0);
        Axis {
            name: name.to_owned(),
            range: self.y.clone(),
            ticks: linear(&self.y, most as usize),
        }
    }
}

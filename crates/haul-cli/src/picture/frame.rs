//! The part of the plane that a plot shows, and the page around it.

use super::view::{Spot, View};
use std::ops::Range;

/// The page around a plot, in pixels.
pub(super) struct Sheet {
    pub(super) width: i32,
    /// Above the plot.
    pub(super) head: i32,
    pub(super) margin: i32,
    /// For the labels below and left of the plot.
    pub(super) labels: i32,
    /// Between which the height of the plot is.
    least_height: i32,
    most_height: i32,
    /// The size of a letter of the axes.
    pub(super) letter: i32,
    /// Labels of an axis, at most.
    pub(super) ticks: usize,
}

impl Sheet {
    /// A page of its own, with a heading.
    pub(super) const PAGE: Self = Self {
        width: 960,
        head: 118,
        margin: 28,
        labels: 48,
        least_height: 300,
        most_height: 640,
        letter: 12,
        ticks: 9,
    };

    /// A figure that may be shown at half its size.
    pub(super) const FIGURE: Self = Self {
        width: 520,
        head: 12,
        margin: 10,
        labels: 52,
        least_height: 200,
        most_height: 460,
        letter: 14,
        ticks: 6,
    };

    /// Pixels of all arrows together, if that allows for more than a few: a share of the largest plot.
    pub(super) fn most_ink(&self) -> i32 {
        self.width * self.most_height / 44
    }
}

/// What the plot shows: a range of both axes, the same length to a pixel on both unless one of them
/// is levels.
pub(super) struct Frame {
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    /// Pixels from the lowest to the highest `y`.
    pub(super) height: i32,
}

impl Frame {
    pub(super) fn around(
        spots: impl Iterator<Item = Spot> + Clone,
        view: &View,
        sheet: &Sheet,
    ) -> Self {
        let extent = |values: &mut dyn Iterator<Item = f64>| {
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            if low > high {
                (0.0, 0.0)
            } else {
                (low / 2.0 + high / 2.0, 1.08 * (high - low))
            }
        };
        let (x, wide) = extent(&mut spots.clone().map(|spot| spot.0));
        let (y, high) = extent(&mut spots.map(|spot| spot.1));
        // Ticks need a span that the size of the numbers does not swallow.
        let least = (1e-9 * x.abs().max(y.abs())).max(1e-60);
        let span = |span: f64| if span > least { span } else { least.max(1.0) };
        let range = |middle: f64, span: f64| middle - span / 2.0..middle + span / 2.0;
        if view.dimension == 1 {
            return Self {
                x: range(x, span(wide)),
                y: -0.25..1.25,
                height: sheet.width * 2 / 5,
            };
        }
        let inner = f64::from(sheet.width - 2 * sheet.margin - sheet.labels);
        let (wide, high) = if high > least {
            (wide, high)
        } else {
            (span(wide), 0.0)
        };
        let height = (inner * high / wide)
            .clamp(sheet.least_height.into(), sheet.most_height.into())
            .round();
        let pixel = (wide / inner).max(high / height);
        Self {
            x: range(x, pixel * inner),
            y: range(y, pixel * height),
            height: height as i32,
        }
    }
}

/// A number on an axis of this span, with the digits that tell it from its neighbours.
pub(super) fn tick(value: f64, span: f64) -> String {
    let step = span / 10.0;
    let value = if value.abs() < 1e-3 * step {
        0.0
    } else {
        value
    };
    let decimals = -step.log10().floor();
    if (-5.0..=4.0).contains(&decimals) {
        format!("{value:.*}", decimals.max(0.0) as usize)
    } else {
        format!("{value:.2e}")
    }
}

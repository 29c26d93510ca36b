//! The axes of a chart in a page, and the sizes that all of these have.

use crate::canvas::{Drawn, FINE, INK, QUIET, font, thin};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

/// Pixels; the letters are to be read at half the size as well.
pub(crate) const WIDTH: i32 = 520;
pub(crate) const LETTER: i32 = 14;
pub(crate) const LABELS: i32 = 52;
pub(crate) const MARGIN: i32 = 12;

/// What an axis is called and how its values are written; those of no labels are drawn by others.
pub(crate) struct Axis<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: usize,
    pub(crate) format: &'a dyn Fn(&f64) -> String,
}

/// Draws the axes of a chart and the lines of their labels.
pub(crate) fn draw<'s, X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'s>, Cartesian2d<X, Y>>,
    x: &Axis,
    y: &Axis,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_labels(x.labels)
        .y_labels(y.labels)
        .max_light_lines(0)
        .bold_line_style(thin(QUIET.mix(0.18)))
        .axis_style(thin(QUIET.mix(0.6)))
        .label_style(font(LETTER, FontStyle::Normal, QUIET))
        .axis_desc_style(font(LETTER, FontStyle::Normal, INK))
        .set_all_tick_mark_size(4 * FINE)
        .x_desc(x.name)
        .y_desc(y.name)
        .x_label_formatter(x.format)
        .y_label_formatter(y.format)
        .draw()
}

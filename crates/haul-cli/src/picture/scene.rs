//! All that a picture draws below its heading: dots, arrows and axes.

use super::arrows::{arrow, legible, spread_out};
use super::frame::{Frame, Sheet, tick};
use super::view::{Dot, Spot, View};
use super::{Picture, Shown};
use crate::canvas::{Drawn, FINE, INK, Page, QUIET, SOURCE, TARGET, font, thin};
use plotters::prelude::*;

pub(super) struct Scene<'s> {
    sheet: &'s Sheet,
    view: View,
    frame: Frame,
    source: Vec<Dot>,
    target: Vec<Dot>,
    /// From a source point to its image, spread out in this order.
    arrows: Vec<(Spot, Spot)>,
}

impl<'s> Scene<'s> {
    pub(super) fn of(picture: &Picture, sheet: &'s Sheet) -> Self {
        let view = View::of(picture);
        let source = view.dots(picture.source, picture.source_weights, 0.0);
        let target = view.dots(picture.target, picture.target_weights, 1.0);
        let arrow = |dot: &Dot| {
            let mut images = picture.map?.chunks_exact(picture.dimension);
            Some(view.arrow(dot.at, view.spot(images.nth(dot.index)?, 1.0)))
        };
        let arrows: Vec<_> = spread_out(&source).into_iter().filter_map(arrow).collect();
        let spots = source.iter().chain(&target).map(|dot| dot.at);
        let spots = spots.chain(arrows.iter().map(|arrow| arrow.1));
        Self {
            frame: Frame::around(spots, &view, sheet),
            sheet,
            view,
            source,
            target,
            arrows,
        }
    }

    /// Pixels of the page.
    pub(super) fn size(&self) -> (i32, i32) {
        let Sheet {
            width,
            head,
            labels,
            margin,
            ..
        } = *self.sheet;
        (width, head + self.frame.height + labels + margin)
    }

    pub(super) fn draw(&self, page: &Page) -> Drawn<Shown> {
        let Self {
            sheet, view, frame, ..
        } = self;
        let (wide, high) = (frame.x.end - frame.x.start, frame.y.end - frame.y.start);
        let mut chart = ChartBuilder::on(page)
            .margin_top(sheet.head * FINE)
            .margin_left(sheet.margin * FINE)
            .margin_right(sheet.margin * FINE)
            .margin_bottom(sheet.margin * FINE)
            .x_label_area_size(sheet.labels * FINE)
            .y_label_area_size(sheet.labels * FINE)
            .build_cartesian_2d(frame.x.clone(), frame.y.clone())?;
        let level = |value: f64| match value {
            -0.01..0.01 => "source".into(),
            0.99..1.01 => "target".into(),
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .x_labels(sheet.ticks)
            .y_labels(if view.dimension == 1 {
                2
            } else {
                7.min(sheet.ticks)
            })
            .max_light_lines(0)
            .bold_line_style(thin(QUIET.mix(0.18)))
            .axis_style(thin(QUIET.mix(0.6)))
            .label_style(font(sheet.letter, FontStyle::Normal, QUIET))
            .axis_desc_style(font(sheet.letter + 1, FontStyle::Normal, INK))
            .set_all_tick_mark_size(4 * FINE)
            .x_desc(&view.labels[0])
            .y_desc(&view.labels[1])
            .x_label_formatter(&|value| tick(*value, wide))
            .y_label_formatter(&|value| {
                if view.dimension == 1 {
                    level(*value)
                } else {
                    tick(*value, high)
                }
            })
            .draw()?;
        let place = |spot: &Spot| chart.plotting_area().map_coordinate(spot);
        for (dots, colour) in [(&self.source, SOURCE), (&self.target, TARGET)] {
            let crowd = (1000.0 / dots.len().max(1) as f64).powf(0.25);
            let radius = f64::from(FINE) * (2.6 * crowd).clamp(1.6, 5.0);
            let style = colour.mix((0.5 * crowd).clamp(0.35, 0.7)).filled();
            for dot in dots {
                page.draw(&Circle::new(
                    place(&view.strewn(dot)),
                    radius * dot.size,
                    style,
                ))?;
            }
        }
        let arrows: Vec<_> = self
            .arrows
            .iter()
            .map(|(from, to)| [place(from), place(to)])
            .collect();
        let arrows = legible(&arrows, sheet);
        for &[from, to] in arrows {
            arrow(page, from, to)?;
        }
        Ok(Shown {
            source: self.source.len(),
            target: self.target.len(),
            arrows: arrows.len(),
        })
    }
}

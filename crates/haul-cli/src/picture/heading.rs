//! Title, subtitle and legend above a picture that is a page of its own.

use super::arrows::arrow;
use super::frame::Sheet;
use super::{Picture, Shown};
use crate::canvas::{Drawn, FINE, INK, Page, QUIET, SOURCE, TARGET, font, text_width};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What stands above a picture.
pub(crate) struct Heading<'a> {
    /// What it shows.
    pub(crate) title: &'a str,
    /// The numbers that go with it.
    pub(crate) subtitle: &'a str,
}

impl Heading<'_> {
    pub(super) fn draw(
        &self,
        page: &Page,
        sheet: &Sheet,
        picture: &Picture,
        shown: Shown,
    ) -> Drawn {
        let margin = sheet.margin;
        let write = |text: &str, size, weight, colour, (x, y): (i32, i32)| {
            // XML has no place for control characters.
            let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
            let style = font(fitting(&text, size, sheet), weight, colour)
                .pos(Pos::new(HPos::Left, VPos::Center));
            page.draw(&Text::new(text, (x * FINE, y * FINE), style))
        };
        write(self.title, 20, FontStyle::Bold, INK, (margin, 30))?;
        write(self.subtitle, 13, FontStyle::Normal, QUIET, (margin, 58))?;
        let points = |shown: usize, all: usize| {
            let of = if shown == all {
                String::new()
            } else {
                format!(" of {all}")
            };
            format!("{shown}{of} point{}", if all == 1 { "" } else { "s" })
        };
        let (n, m) = (picture.source_weights.len(), picture.target_weights.len());
        let y = 90;
        let mut x = margin;
        for (label, colour) in [
            (format!("source: {}", points(shown.source, n)), Some(SOURCE)),
            (format!("target: {}", points(shown.target, m)), Some(TARGET)),
            (format!("where {} went", points(shown.arrows, n)), None),
        ] {
            let mark = if let Some(colour) = colour {
                page.draw(&Circle::new(
                    ((x + 5) * FINE, y * FINE),
                    5 * FINE,
                    colour.mix(0.8).filled(),
                ))?;
                10
            } else {
                arrow(page, (x * FINE, y * FINE), ((x + 28) * FINE, y * FINE))?;
                28
            };
            write(&label, 13, FontStyle::Normal, INK, (x + mark + 8, y))?;
            x += mark + 8 + text_width(&label, 13) + 24;
        }
        Ok(())
    }
}

/// The size at which a text stays on the page, if that is less than `size`.
fn fitting(text: &str, size: i32, sheet: &Sheet) -> i32 {
    (size * (sheet.width - 2 * sheet.margin) / text_width(text, size).max(1)).clamp(1, size)
}

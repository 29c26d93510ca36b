//! What every picture of the program is drawn on: an SVG canvas of plotters, its colours and its letters.

use crate::number::significant;
use plotters::{coord::Shift, prelude::*};
use std::io;

pub(crate) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;
pub(crate) type Page<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Blue and vermilion of Okabe and Ito, told apart by every kind of colour vision.
pub(crate) const SOURCE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const TARGET: RGBColor = RGBColor(213, 94, 0);
pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
pub(crate) const QUIET: RGBColor = RGBColor(110, 110, 110);

/// The canvas has this many units to a pixel of the page, since plotters draws in whole units.
pub(crate) const FINE: i32 = 8;

/// A drawing.
pub(crate) struct Svg {
    text: String,
    /// Its size, in pixels.
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// Draws on a white page of that many pixels; returns the drawing with what `drawing` tells of it.
///
/// # Errors
///
/// Those of plotters.
pub(crate) fn draw<T>(
    width: i32,
    height: i32,
    drawing: impl FnOnce(&Page) -> Drawn<T>,
) -> Drawn<(Svg, T)> {
    let mut text = String::new();
    let told = {
        let size = ((width * FINE) as u32, (height * FINE) as u32);
        let page = SVGBackend::with_string(&mut text, size).into_drawing_area();
        page.fill(&WHITE)?;
        let told = drawing(&page)?;
        page.present()?;
        told
    };
    let svg = Svg {
        text,
        width,
        height,
    };
    Ok((svg, told))
}

impl Svg {
    /// The text of the drawing, which is shown at its size in pixels.
    pub(crate) fn at_size(&self) -> String {
        let Self {
            text,
            width,
            height,
        } = self;
        let canvas = |unit| format!("width=\"{}\" height=\"{}\"", width * unit, height * unit);
        text.replacen(&canvas(FINE), &canvas(1), 1)
    }

    /// What stands between the tags of the drawing, in units of which [`FINE`] are a pixel.
    pub(crate) fn content(&self) -> &str {
        let inner = self.text.split_once('>').map_or("", |(_, inner)| inner);
        inner
            .rsplit_once("</svg>")
            .map_or(inner, |(inner, _)| inner)
    }
}

/// A line of a pixel.
pub(crate) fn thin(colour: RGBAColor) -> ShapeStyle {
    ShapeStyle::from(colour).stroke_width(FINE as u32)
}

/// Plotters takes a size for 1.24 times what it then asks of the SVG.
pub(crate) fn font(size: i32, weight: FontStyle, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", 1.24 * f64::from(size * FINE), weight)
        .into_font()
        .color(&colour)
}

/// A value on an axis.
pub(crate) fn tick(value: f64) -> String {
    let size = value.abs();
    if size < 1e-12 {
        "0".to_owned()
    } else {
        significant(value, 3)
    }
}

/// About how many pixels a text takes: letters of a sans-serif face are on average 0.58 of their
/// size wide.
pub(crate) fn text_width(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.58) as i32
}

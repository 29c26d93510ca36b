//! The canvas of every picture of the program: SVG elements, in pixels.
//!
//! Colours of lines and letters are classes of `drawing.css`, which defines them for light and for dark pages. A
//! picture in its own file includes that style sheet; a page includes it once for all of its figures.

mod colour;
mod plot;

pub(crate) use colour::{Oklab, Rgb, ink_on, viridis};
pub(crate) use plot::{Area, Axis, Plot, Tick, linear, logarithmic, thinned};

use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// The classes that pictures use.
pub(crate) const STYLE: &str = include_str!("drawing.css");

/// Width of figures, and the size of their letters, in pixels. They stay legible on a phone, where a figure is drawn
/// at two thirds of its size.
pub(crate) const WIDTH: f64 = 520.0;
pub(crate) const LETTER: f64 = 16.0;

/// A position in a picture: pixels from the left and from the top.
pub(crate) type Place = (f64, f64);

/// A drawing.
pub(crate) struct Svg {
    /// Its size, in pixels.
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) content: Markup,
}

impl Svg {
    /// The drawing as its own file, enlarged by the factor `zoom`.
    pub(crate) fn file(&self, zoom: f64) -> String {
        let (width, height) = (self.width, self.height);
        let (wide, high) = (px(width), px(height));
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" class="drawing" width=(px(zoom * width))
                height=(px(zoom * height)) viewBox=(format!("0 0 {wide} {high}")) {
                style { (PreEscaped(STYLE)) }
                rect class="paper" width=(wide) height=(high) {}
                (self.content)
            }
        };
        svg.into_string() + "\n"
    }

    /// The drawing as part of a page, as wide as there is room; `words` describe it for screen readers.
    pub(crate) fn inline(&self, words: &str) -> Markup {
        let canvas = format!("0 0 {} {}", px(self.width), px(self.height));
        html! {
            svg class="drawing" viewBox=(canvas) role="img" aria-label=(words) { (self.content) }
        }
    }
}

/// A coordinate, rounded to a tenth of a pixel.
pub(crate) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Whether a text starts at its position, is centred there or ends there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text.
#[derive(Clone, Copy)]
pub(crate) struct Label<'a> {
    pub(crate) words: &'a str,
    /// The size of the letters, in pixels.
    pub(crate) letter: f64,
    pub(crate) anchor: Anchor,
    /// Classes of the style sheet.
    pub(crate) class: &'static str,
}

impl<'a> Label<'a> {
    pub(crate) fn new(words: &'a str, letter: f64) -> Self {
        Self {
            words,
            letter,
            anchor: Anchor::Start,
            class: "ink",
        }
    }

    pub(crate) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// The text, vertically centred at this height.
    pub(crate) fn at(&self, (x, y): Place) -> Markup {
        self.draw((x, y), None)
    }

    /// The text from top to bottom, centred at this `x`.
    pub(crate) fn downwards(&self, (x, y): Place) -> Markup {
        self.draw((x, y), Some(format!("rotate(90 {} {})", px(x), px(y))))
    }

    fn draw(&self, (x, y): Place, transform: Option<String>) -> Markup {
        let anchor = match self.anchor {
            Anchor::Start => None,
            Anchor::Middle => Some("middle"),
            Anchor::End => Some("end"),
        };
        // The middle of a small letter is about a third of the font size above the baseline. XML allows no control
        // characters.
        let baseline = px(y + 0.35 * self.letter);
        let words: String = self.words.chars().filter(|it| !it.is_control()).collect();
        html! {
            text class=(self.class) x=(px(x)) y=(baseline) font-size=(px(self.letter)) text-anchor=[anchor]
                transform=[transform] { (words) }
        }
    }
}

/// Approximate upper bound of the width of a text in pixels: letters of the wide DejaVu Sans have an average width of
/// 0.61 of the font size.
pub(crate) fn text_width(text: &str, letter: f64) -> f64 {
    text.chars().count() as f64 * letter * 0.64
}

/// Wraps a text at spaces into lines of at most `width` pixels.
pub(crate) fn wrapped(text: &str, letter: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, letter) + text_width(word, letter) + letter <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The `d` attribute of a path through these positions.
pub(crate) fn path(places: impl IntoIterator<Item = Place>) -> String {
    let mut text = String::new();
    for (x, y) in places {
        let letter = if text.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(text, "{letter}{} {}", px(x), px(y));
    }
    text
}

/// A line with a class.
pub(crate) fn line(class: &str, from: Place, to: Place) -> Markup {
    html! { path class=(class) d=(path([from, to])) {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_no_digits_that_nobody_sees() {
        for (value, text) in [(12.34, "12.3"), (3.0, "3"), (-0.01, "0"), (0.96, "1")] {
            assert_eq!(px(value), text);
        }
    }

    #[test]
    fn lines_are_broken_between_words_and_keep_all_of_them() {
        let text = "one two three four five sixandaverylongwordthatfitsnowhere seven";
        let lines = wrapped(text, 10.0, 100.0);
        assert_eq!(lines.join(" "), text);
        for line in &lines {
            assert!(
                text_width(line, 10.0) <= 100.0 || !line.contains(' '),
                "{line}"
            );
        }
        assert!(lines.len() > 3);
    }
}

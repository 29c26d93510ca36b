//! Title, subtitle and explanation above a picture in its own file.

use super::subject::{Picture, Shown};
use crate::canvas::{LETTER, Label, Svg, wrapped};
use maud::html;

/// The text above a picture.
pub(crate) struct Heading<'a> {
    /// What the picture shows.
    pub(crate) title: &'a str,
    /// The main numbers.
    pub(crate) subtitle: &'a str,
}

const MARGIN: f64 = 8.0;

impl Heading<'_> {
    /// The picture below its heading.
    pub(super) fn over(&self, below: Svg, picture: &Picture, shown: &Shown) -> Svg {
        let counts = [
            of(shown.source, picture.source_weights.len()),
            of(shown.target, picture.target_weights.len()),
        ];
        let mut y = MARGIN;
        let mut lines = Vec::new();
        for (words, letter, class) in [
            (self.title, 1.3 * LETTER, "title"),
            (self.subtitle, LETTER, "ink"),
            (&*explanation(counts, shown), 0.9 * LETTER, "quiet"),
        ] {
            for line in wrapped(words, letter, below.width - 2.0 * MARGIN) {
                y += 0.7 * letter;
                lines.push(Label::new(&line, letter).class(class).at((MARGIN, y)));
                y += 0.7 * letter;
            }
            y += 0.3 * letter;
        }
        Svg {
            width: below.width,
            height: y + below.height,
            content: html! {
                @for line in &lines { (line) }
                g transform=(format!("translate(0 {y:.0})")) { (below.content) }
            },
        }
    }
}

/// The meaning of colours, arrows and crosses.
fn explanation([source, target]: [String; 2], shown: &Shown) -> String {
    let mut text = format!(
        "Target points ({target}) have the colours of the source points ({source}) that their mass comes from, on average"
    );
    text += match shown.arrows {
        0 => ".",
        _ => "; arrows lead to where mass goes, on average.",
    };
    if shown.lost > 0 {
        text += " Crosses are points of which most of the mass is destroyed or created.";
    }
    if let Some(view) = &shown.view {
        text.push(' ');
        text += view;
    }
    text
}

/// How many of the points are shown as dots.
fn of(shown: usize, all: usize) -> String {
    if shown == all {
        all.to_string()
    } else {
        format!("{shown} of {all}")
    }
}

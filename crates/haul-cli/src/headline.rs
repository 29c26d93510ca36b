//! What opens a text and a page: the answer in the units in which it was asked for, how certain it is, and how large.

use crate::rows::{Rows, STRONG, styled};
use maud::{Markup, html};

/// A number, what it is, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What follows the value on its line: bounds, a share of the diameter.
    pub(crate) beside: String,
    /// A whole sentence.
    pub(crate) sentence: Option<String>,
}

impl Headline {
    /// The first rows of a text.
    pub(crate) fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let value = styled(STRONG, &self.value);
        rows.row(&self.name, format!("{value}{}", self.beside));
        if let Some(sentence) = &self.sentence {
            rows.row("", sentence);
        }
        rows
    }

    /// The first paragraphs of a page: the value in large, and what follows it on its line of a text.
    pub(crate) fn paragraphs(&self) -> Markup {
        html! {
            p.value { span.name { (self.name) " " } (self.value) }
            p {
                (self.beside.trim_start()) "."
                @if let Some(sentence) = &self.sentence { " " (sentence) }
            }
        }
    }
}

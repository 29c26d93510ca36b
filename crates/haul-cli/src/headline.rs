//! The headline of a text and a page: the answer in the units in which it was asked for, its certainty, and its size.

use crate::rows::{Rows, STRONG, styled};
use maud::{Markup, html};

/// A number, its name, and its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Text after the value on the same line: bounds, a fraction of the diameter.
    pub(crate) beside: String,
    /// A whole sentence.
    pub(crate) sentence: Option<String>,
}

impl Headline {
    /// The first rows of the text.
    pub(crate) fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let value = styled(STRONG, &self.value);
        rows.row(&self.name, format!("{value}{}", self.beside));
        if let Some(sentence) = &self.sentence {
            rows.row("", sentence);
        }
        rows
    }

    /// The first paragraphs of the page: the value in large letters, then the text after it.
    pub(crate) fn paragraphs(&self) -> Markup {
        html! {
            p.value { span.name { (self.name) " " } (self.value) }
            p {
                @if !self.beside.is_empty() { (self.beside.trim_start_matches([',', ' '])) ". " }
                @if let Some(sentence) = &self.sentence { (with_options(sentence)) }
            }
        }
    }
}

/// A sentence whose options stay on one line each.
pub(crate) fn with_options(sentence: &str) -> Markup {
    html! {
        @for (at, word) in sentence.split(' ').enumerate() {
            @if at > 0 { " " }
            @if word.starts_with("--") { code { (word) } } @else { (word) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_begins_with_a_word() {
        let headline = Headline {
            name: "distortion".to_owned(),
            value: "2".to_owned(),
            beside: ", a tenth of 20".to_owned(),
            sentence: None,
        };
        let page = headline.paragraphs().into_string();
        assert!(page.contains("<p>a tenth of 20. </p>"), "{page}");
    }

    #[test]
    fn options_in_a_sentence_are_code() {
        let page = with_options("Give --reach, or < two.").into_string();
        assert_eq!(page, "Give <code>--reach,</code> or &lt; two.");
    }
}

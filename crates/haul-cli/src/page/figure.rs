//! A drawing in a page, as wide as the page is.

use crate::canvas::Svg;
use maud::{Markup, html};

/// A figure, with a description for screen readers and a visible caption.
pub(crate) fn figure(svg: &Svg, words: &str, caption: &Markup) -> Markup {
    html! {
        figure {
            (svg.inline(words))
            figcaption { (caption) }
        }
    }
}

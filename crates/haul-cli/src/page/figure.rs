//! A drawing in a page, as wide as the page is.

use crate::canvas::Svg;
use maud::{Markup, html};

/// A figure, with what it shows in words for whoever does not see it, and a caption for all.
pub(crate) fn figure(svg: &Svg, words: &str, caption: &Markup) -> Markup {
    html! {
        figure {
            (svg.inline(words))
            figcaption { (caption) }
        }
    }
}

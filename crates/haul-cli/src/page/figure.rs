//! A drawing in a page, as wide as the page is.

use crate::canvas::{FINE, Svg};
use maud::{Markup, PreEscaped, html};

/// A figure, with what it shows in words for whoever does not see it, and a caption for all.
pub(crate) fn figure(svg: &Svg, words: &str, caption: &Markup) -> Markup {
    let canvas = format!("0 0 {} {}", svg.width * FINE, svg.height * FINE);
    html! {
        figure {
            svg viewBox=(canvas) role="img" aria-label=(words) { (PreEscaped(svg.content())) }
            figcaption { (caption) }
        }
    }
}

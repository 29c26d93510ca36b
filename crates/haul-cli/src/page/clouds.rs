//! Both clouds in a page, and arrows to where the mass went.

use super::figure::figure;
use super::sheet::Page;
use crate::picture::{self, Picture, Shown};
use haul::Measure;
use maud::{Markup, html};

/// Two clouds that were compared.
#[derive(Clone, Copy)]
pub(crate) struct Clouds<'c> {
    /// The names of their files.
    pub(crate) a: &'c str,
    pub(crate) b: &'c str,
    pub(crate) source: &'c Measure,
    pub(crate) target: &'c Measure,
    /// Where the mass of each point of the source goes on average, n×d; none where nothing is moved.
    pub(crate) images: Option<&'c [f64]>,
}

impl Clouds<'_> {
    /// The names of the files, the first thing that a page tells.
    pub(crate) fn files(&self) -> Markup {
        html! { p.files { span.source { (self.a) } " and " span.target { (self.b) } } }
    }

    /// The picture.
    pub(crate) fn section(&self) -> Page<Markup> {
        let Self {
            a,
            b,
            source,
            target,
            images,
        } = *self;
        let (svg, shown) = picture::figure(&Picture {
            source: source.points(),
            target: target.points(),
            map: images,
            dimension: source.dimension(),
            source_weights: source.weights(),
            target_weights: target.weights(),
        })?;
        let Shown {
            source: dots_a,
            target: dots_b,
            arrows,
        } = shown;
        let (n, m) = (source.len(), target.len());
        let words = match images {
            Some(_) => {
                "Both clouds as dots, with arrows from points of the first one to where their mass goes"
            }
            None => "Both clouds as dots",
        };
        let caption = html! {
            span.key { span.source { "●" } " " (a) ": " (points(dots_a, n)) } " "
            span.key { span.target { "●" } " " (b) ": " (points(dots_b, m)) } " "
            @if images.is_some() {
                span.key { "→ where the mass of " (points(arrows, n)) " goes, on average" }
            }
        };
        let caption = html! {
            (caption)
            @if source.dimension() > 2 {
                br; "A projection on the plane in which both clouds spread most."
            }
        };
        Ok(html! {
            section {
                h2 { "The clouds" }
                (figure(&svg, words, &caption))
            }
        })
    }
}

/// How many points are shown.
fn points(shown: usize, all: usize) -> String {
    let of = if shown == all {
        String::new()
    } else {
        format!(" of {all}")
    };
    format!("{shown}{of} point{}", if all == 1 { "" } else { "s" })
}

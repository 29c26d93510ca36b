//! Both clouds in a page, with arrows that show where the mass goes.

use super::figure::figure;
use super::sheet::Page;
use crate::input::on_grid;
use crate::pair::count;
use crate::picture::{self, Matching, Picture, Shown};
use crate::raster::Raster;
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
    /// How a plan matches them; `None` if nothing is moved.
    pub(crate) matching: Option<&'c Matching>,
}

impl Clouds<'_> {
    /// The names of the files, at the top of a page.
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
            matching,
        } = *self;
        if let (Some(first), Some(second)) = (Raster::of(source), Raster::of(target)) {
            return images([(a, source, first), (b, target, second)]);
        }
        let (svg, shown) = picture::figure(&Picture {
            source: source.points(),
            target: target.points(),
            matching,
            dimension: source.dimension(),
            source_weights: source.weights(),
            target_weights: target.weights(),
        })?;
        let dots = [
            points(shown.source, source.len()),
            points(shown.target, target.len()),
        ];
        let words = match matching {
            Some(_) => {
                "Both clouds as dots: those of the target in the colours of the source points that their mass comes from"
            }
            None => "Both clouds as dots",
        };
        let caption = match matching {
            Some(_) => of_a_plan([a, b], dots, &shown),
            None => of_clouds([a, b], dots),
        };
        let caption = html! {
            (caption)
            @if let Some(view) = &shown.view { br; (view) }
        };
        Ok(html! {
            section {
                h2 { "The clouds" }
                (figure(&svg, words, &caption))
            }
        })
    }
}

/// The images of two measures on grids.
fn images(sides: [(&str, &Measure, Raster); 2]) -> Page<Markup> {
    let figures = sides.into_iter().map(|(name, measure, raster)| {
        let words = format!("The masses of {name}, white where they are densest");
        let image = raster.image(&words)?;
        let slices = on_grid(measure).is_some_and(|grid| grid.dimension() == 3);
        Ok(html! {
            figure {
                (image)
                figcaption {
                    (name) ", " (count(measure))
                    @if slices { ", in slices across its first axis" }
                }
            }
        })
    });
    let figures = figures.collect::<Page<Vec<_>>>()?;
    Ok(html! {
        section {
            h2 { "The images" }
            div.images { @for figure in &figures { (figure) } }
        }
    })
}

fn of_clouds([a, b]: [&str; 2], [source, target]: [String; 2]) -> Markup {
    html! {
        span.key { span.source { "●" } " " (a) ": " (source) } " "
        span.key { span.target { "○" } " " (b) ": " (target) }
    }
}

fn of_a_plan([a, b]: [&str; 2], [source, target]: [String; 2], shown: &Shown) -> Markup {
    html! {
        "Source: " (a) ", " (source) ", each in the colour of its place. Target: " (b) ", " (target)
        ", each in the colour of the place where its mass comes from, on average."
        @if shown.arrows > 0 { " Arrows lead from points of the source to where their mass goes, on average." }
        @if shown.lost > 0 {
            " Crosses are points of which most of the mass is destroyed or created."
        }
    }
}

/// Number of points shown.
fn points(shown: usize, all: usize) -> String {
    let of = if shown == all {
        String::new()
    } else {
        format!(" of {all}")
    };
    format!("{shown}{of} point{}", if all == 1 { "" } else { "s" })
}

//! The page of a study of ε.

use super::answer::EpsilonAnswer;
use super::point::{Limits, Point};
use crate::canvas::Svg;
use crate::number::{Certified, plain};
use crate::page::curves::{Certainty, Curve, Curves, Guide, Spot, draw};
use crate::page::figure::figure;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, sizes, table};
use anyhow::{Context, Result};
use haul::Bounds;
use maud::{Markup, html};

/// The picture for a file of its own.
///
/// # Errors
///
/// Values that are all one.
pub(super) fn picture(answer: &EpsilonAnswer) -> Result<Svg> {
    drawn(answer).context("all values are one, so that there is no picture; leave --image out")
}

fn drawn(answer: &EpsilonAnswer) -> Option<Svg> {
    let curve = |name, of: fn(&Point) -> (f64, Bounds)| Curve {
        name,
        spots: answer
            .points
            .iter()
            .map(|point| {
                let (y, Bounds { lower, upper }) = of(point);
                let x = point.blur;
                Spot { x, y, lower, upper }
            })
            .collect(),
        certainty: Certainty::Band,
    };
    let blurs = [answer.points.last()?.blur, answer.points.first()?.blur];
    let level = |name, y: f64| Guide {
        name,
        ends: blurs.map(|blur| (blur, y)),
        of: None,
    };
    let Limits {
        exact,
        energy,
        product_cost,
        ..
    } = &answer.limits;
    draw(&Curves {
        axes: ["blur", "cost"],
        logarithmic: false,
        curves: vec![
            curve("OT_ε", |it| (it.value, it.bounds())),
            curve("⟨P, C⟩", |it| {
                let bounds = Bounds {
                    lower: it.transport_cost,
                    upper: it.transport_cost,
                };
                (it.transport_cost, bounds)
            }),
            curve("S_ε", |it| (it.divergence, it.divergence_bounds())),
        ],
        guides: vec![
            level("product plan", *product_cost),
            level("W_p^p, exact", exact.value),
            level("energy distance", *energy),
        ],
    })
}

/// The page.
pub(super) fn page(answer: &EpsilonAnswer) -> Page {
    let clouds = answer.pair.drawn(None);
    let body = html! {
        h1 { "haul study epsilon: what ε does" }
        (clouds.files())
        (answer.opening().paragraphs())
        section {
            h2 { "From large ε to small" }
            @if let Some(svg) = drawn(answer) {
                (figure(&svg, "OT_ε, the cost of its plan and S_ε over the blur, between their limits", &caption()))
            }
        }
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (lines(answer))
            (numbers(answer))
        }
    };
    let title = format!("haul study epsilon: {}, {}", answer.pair.a, answer.pair.b);
    Ok(sheet(&title, None, &body))
}

fn caption() -> Markup {
    html! {
        "Each value over the blur ε^(1/p), a length. The bands are between certified bounds; where they are thinner than the "
        "line, none is seen. As ε falls, all three tend to the exact W_p^p. As ε grows, OT_ε and ⟨P, C⟩ tend to the cost of the "
        "plan that takes no notice of places, and S_ε to the energy distance."
    }
}

/// The table of all ε.
fn lines(answer: &EpsilonAnswer) -> Markup {
    html! {
        div.box {
            table.terms {
                caption { "With the digits that the bounds support; of ⟨P, C⟩ four" }
                thead { tr { th { "blur" } th { "OT_ε" } th { "⟨P, C⟩" } th { "S_ε" } } }
                tbody {
                    @for [blur, value, cost, divergence] in answer.lines() {
                        tr { th scope="row" { (blur) } td { (value) } td { (cost) } td { (divergence) } }
                    }
                }
            }
        }
    }
}

fn numbers(answer: &EpsilonAnswer) -> Markup {
    let Limits {
        exact,
        energy,
        product_cost,
        ..
    } = &answer.limits;
    let told = Certified::new(exact.value, exact.bounds());
    let (source, target) = (answer.pair.source(), answer.pair.target());
    html! {
        (table("Limits", &html! {
            (row("W_p^p", "exact.value", &Number::certified(exact.value, told.value)))
            (row("lower bound", "exact.lower_bound", &Number::certified(exact.lower_bound, told.lower)))
            (row("upper bound", "exact.upper_bound", &Number::certified(exact.upper_bound, told.upper)))
            (row("energy distance", "energy", &Number::short(*energy)))
            (row("cost of the product plan", "product_cost", &Number::short(*product_cost)))
        }))
        (table("Problem", &html! {
            (sizes(source.len(), target.len(), source.dimension()))
            tr { th scope="row" { "power p of the cost |x − y|^p" } td { (plain(answer.p)) } }
        }))
        (table("Effort", &effort(answer.pairs(), answer.seconds, &answer.device, answer.precision)))
    }
}

//! The page of a motion: the answer, its matrix, and the first cloud on the second.

use super::answer::AlignAnswer;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{row, sizes, table};
use crate::pair::Pair;
use maud::{Markup, html};

/// The page of an alignment.
pub(super) fn page(answer: &AlignAnswer) -> Page {
    let Pair { a, b, .. } = &answer.pair;
    let body = html! {
        h1 { "haul align: the motion that brings one cloud onto the other" }
        (answer.pair.drawn(None).files())
        (answer.opening().paragraphs())
        (certain(answer))
        @if let Some((moved, matching)) = &answer.on_target {
            (moved.drawn(Some(matching)).section()?)
            p.about { "The source is drawn where the motion brings it." }
        }
        section {
            h2 { "All numbers" }
            (numbers(answer))
        }
    };
    Ok(sheet(&format!("haul align: {a}, {b}"), None, &body))
}

/// Whether the search converged, and whether the clouds match.
fn certain(answer: &AlignAnswer) -> Markup {
    let class = if answer.converged { "good" } else { "bad" };
    html! {
        section {
            h2 { "What is certain" }
            p class=(class) {
                @if answer.converged {
                    strong { "Converged." } " The last of " (answer.iterations) " plans and fits moved the points by "
                    (Number::error(answer.movement)) ", a small part of the blur."
                } @else {
                    strong { "Not converged." } " " (answer.stuck()) "."
                }
            }
            p {
                "The search tries several turns and keeps the best. It is not proved that no other motion is better: a shape "
                "that is nearly symmetric has several that are nearly as good."
            }
        }
    }
}

/// The matrix, and all other numbers.
fn numbers(answer: &AlignAnswer) -> Markup {
    let report = &answer.report;
    html! {
        (table("Matrix, for points as columns with a 1 below", &html! {
            @for entries in answer.matrix() {
                tr { @for entry in entries { td { (Number::short(*entry)) } } }
            }
        }))
        (table("Values", &html! {
            (row("residual", "residual", &Number::short(answer.residual)))
            (row("scale", "scale", &Number::short(answer.transform.scale())))
            (row("mass matched", "mass", &Number::short(report.mass)))
            (row("points that find half of their mass", "matched", &Number::count(answer.matched as u64)))
        }))
        (table("Problem", &html! {
            (sizes(report.n, report.m, report.d))
            (row("ε", "epsilon", &Number::short(report.epsilon)))
            (row("blur", "blur", &Number::short(report.blur)))
        }))
        (table("Effort", &html! {
            (row("plans and fits", "iterations", &Number::count(answer.iterations as u64)))
            (row("last movement", "movement", &Number::error(answer.movement)))
            (row("seconds", "seconds", &Number::short(answer.seconds)))
            tr { th scope="row" { "device" } td { (report.device) ", " (report.precision.name()) } }
        }))
    }
}

//! The page of a divergence, with its three solves.

use super::answer::DivergenceAnswer;
use crate::number::Certified;
use crate::page::certificate::{Claim, TERMS};
use crate::page::convergence;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{certified, effort, problem, row, table};
use crate::transport::text::{bounds, transport_cost};
use haul::{Bounds, Report};
use maud::{Markup, html};

/// The page, with the progress of the three iterations one after the other.
pub(super) fn page(divergence: &DivergenceAnswer) -> Page {
    let DivergenceAnswer {
        pair,
        terms,
        course,
        matching,
        ..
    } = divergence;
    let [ab, aa, bb] = terms;
    let clouds = pair.drawn(matching.as_ref());
    let claim = Claim {
        name: "S_ε",
        value: divergence.value,
        bounds: divergence.bounds,
        solve: ab,
        own: &[aa, bb],
    };
    let body = html! {
        h1 { "haul divergence: how far two clouds are from each other" }
        (clouds.files())
        (divergence.opening().paragraphs())
        @if let Some(hint) = divergence.hint() { p { "The centres are " (hint) "." } }
        p.about { "S_ε(a, b) = OT_ε(a, b) − ½ OT_ε(a, a) − ½ OT_ε(b, b), 0 for equal clouds" }
        (claim.section())
        (convergence::section(course, ab.tolerance, &TERMS))
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (numbers(divergence))
        }
    };
    Ok(sheet(
        &format!("haul divergence: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

/// The value of a term and its bounds.
fn told(term: &Report) -> Certified {
    Certified::new(term.value, bounds(term))
}

/// The numbers of a divergence, its terms side by side.
fn numbers(divergence: &DivergenceAnswer) -> Markup {
    let terms = &divergence.terms;
    let Bounds { lower, upper } = divergence.bounds;
    type Entry = fn(&Report) -> Number;
    let rows: [(&str, &str, Entry); 12] = [
        ("value", "value", |term| {
            Number::certified(term.value, told(term).value)
        }),
        ("transport cost ⟨P, C⟩", "transport_cost", |term| {
            Number::certified(term.transport_cost, transport_cost(term))
        }),
        ("regularised cost", "regularized_cost", |term| {
            Number::short(term.regularized_cost)
        }),
        ("KL(P | a⊗b)", "kl", |term| Number::short(term.kl)),
        ("mass moved", "mass", |term| Number::short(term.mass)),
        ("lower bound", "certificate.lower_bound", |term| {
            Number::certified(term.certificate.lower_bound, told(term).lower)
        }),
        ("upper bound", "certificate.upper_bound", |term| {
            Number::certified(term.certificate.upper_bound, told(term).upper)
        }),
        (
            "marginal error, first",
            "certificate.marginal_error_a",
            |term| Number::error(term.certificate.marginal_error_a),
        ),
        (
            "marginal error, second",
            "certificate.marginal_error_b",
            |term| Number::error(term.certificate.marginal_error_b),
        ),
        ("iterations", "iterations", |term| {
            Number::count(term.iterations as u64)
        }),
        ("passes", "softmin_passes", |term| {
            Number::count(term.softmin_passes as u64)
        }),
        ("seconds", "seconds", |term| Number::short(term.seconds)),
    ];
    html! {
        (table("Value and certificate", &html! {
            @if let (Some(distance), Some(bounds)) = (divergence.distance, divergence.distance_bounds) {
                @let told = Certified::new(distance, bounds);
                (row("distance", "distance", &Number::certified(distance, told.value)))
                (row("lower bound of the distance", "distance_bounds.lower", &Number::certified(bounds.lower, told.lower)))
                (row("upper bound of the distance", "distance_bounds.upper", &Number::certified(bounds.upper, told.upper)))
            }
            (certified("S_ε", divergence.value, divergence.bounds))
            @if let Some(exact) = &divergence.exact { (exact.rows()) }
            (row("gap", "certificate.gap", &Number::error(upper - lower)))
            (row("precision floor", "certificate.precision_floor", &Number::error(divergence.precision_floor())))
        }))
        div.box tabindex="0" {
            table.terms {
                caption { "Terms" }
                thead {
                    tr {
                        th scope="col" { "of" }
                        @for name in TERMS { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for (name, key, number) in rows {
                        tr {
                            th scope="row" { (name) }
                            @for (term, of) in terms.iter().zip(["ab", "aa", "bb"]) {
                                td { (number(term).of(&format!("terms.{of}.{key}"))) }
                            }
                        }
                    }
                }
            }
        }
        (problem(&terms[0]))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(divergence.iterations() as u64)))
            (row("passes", "softmin_passes", &Number::count(divergence.softmin_passes() as u64)))
            (effort(
                divergence.pairs(),
                divergence.seconds(),
                &terms[0].device,
                terms[0].precision,
            ))
        }))
    }
}

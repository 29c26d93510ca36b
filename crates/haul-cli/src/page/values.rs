//! Tables of all numbers of a result.

use super::number::Number;
use super::solution::TERMS;
use crate::report::{Displacement, penalties};
use haul::{Bounds, Engine, Precision, Report, Terms};
use maud::{Markup, html};

/// The numbers of a solve.
pub(super) fn solution(report: &Report, moved: Option<Displacement>) -> Markup {
    let certificate = &report.certificate;
    html! {
        (table("Values", &html! {
            (row("OT_ε", "value", &Number::long(report.value)))
            @if let Some(Displacement { mean, largest }) = moved {
                (row("points go, on average", "displacement.mean", &Number::long(mean)))
                (row("points go, at most", "displacement.largest", &Number::long(largest)))
            }
            (row("transport cost ⟨P, C⟩", "transport_cost", &Number::long(report.transport_cost)))
            (row("regularised cost", "regularized_cost", &Number::long(report.regularized_cost)))
            (row("KL(P | a⊗b)", "kl", &Number::long(report.kl)))
            (row("mass moved", "mass", &Number::long(report.mass)))
        }))
        (table("Certificate", &html! {
            (row("lower bound", "certificate.lower_bound", &Number::long(certificate.lower_bound)))
            (row("upper bound", "certificate.upper_bound", &Number::long(certificate.upper_bound)))
            (row("gap", "certificate.gap", &Number::error(certificate.gap())))
            (row("error of the marginal of a, L1", "certificate.marginal_error_a", &Number::error(certificate.marginal_error_a)))
            (row("error of the marginal of b, L1", "certificate.marginal_error_b", &Number::error(certificate.marginal_error_b)))
            @if let Some(Bounds { lower, upper }) = certificate.wasserstein {
                (row("lower bound without entropy", "certificate.wasserstein_lower_bound", &Number::long(lower)))
                (row("upper bound without entropy", "certificate.wasserstein_upper_bound", &Number::long(upper)))
            }
            (row("precision floor", "certificate.precision_floor", &Number::error(certificate.precision_floor)))
        }))
        (problem(report))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(report.iterations as u64)))
            (row("passes", "softmin_passes", &Number::count(report.softmin_passes as u64)))
            (effort(report.pairs, report.seconds, &report.device, report.precision))
        }))
    }
}

/// The numbers of a divergence, its terms side by side.
pub(super) fn divergence<E: Engine>(of: &Terms<E>, bounds: Bounds) -> Markup {
    let terms = [&of.ab, &of.aa, &of.bb].map(|term| term.report());
    let [ab, ..] = terms;
    let floor = terms.map(|term| term.certificate.precision_floor);
    let floor = floor.into_iter().fold(0.0, f64::max);
    let sum = |count: fn(&Report) -> u64| Number::count(terms.into_iter().map(count).sum());
    type Entry = fn(&Report) -> Number;
    let rows: [(&str, &str, Entry); 12] = [
        ("value", "value", |term| Number::long(term.value)),
        ("transport cost ⟨P, C⟩", "transport_cost", |term| {
            Number::long(term.transport_cost)
        }),
        ("regularised cost", "regularized_cost", |term| {
            Number::long(term.regularized_cost)
        }),
        ("KL(P | a⊗b)", "kl", |term| Number::long(term.kl)),
        ("mass moved", "mass", |term| Number::long(term.mass)),
        ("lower bound", "certificate.lower_bound", |term| {
            Number::long(term.certificate.lower_bound)
        }),
        ("upper bound", "certificate.upper_bound", |term| {
            Number::long(term.certificate.upper_bound)
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
            (row("S_ε", "value", &Number::long(of.value())))
            @if let Some(distance) = of.distance() {
                (row("distance, its root", "distance", &Number::long(distance)))
            }
            (row("lower bound", "certificate.lower_bound", &Number::long(bounds.lower)))
            (row("upper bound", "certificate.upper_bound", &Number::long(bounds.upper)))
            (row("gap", "certificate.gap", &Number::error(bounds.upper - bounds.lower)))
            (row("precision floor", "certificate.precision_floor", &Number::error(floor)))
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
                            @for (term, of) in terms.into_iter().zip(["ab", "aa", "bb"]) {
                                td { (number(term).of(&format!("terms.{of}.{key}"))) }
                            }
                        }
                    }
                }
            }
        }
        (problem(ab))
        (table("Effort", &html! {
            (row("iterations", "iterations", &sum(|term| term.iterations as u64)))
            (row("passes", "softmin_passes", &sum(|term| term.softmin_passes as u64)))
            (effort(
                terms.iter().map(|term| term.pairs).sum(),
                ab.seconds + terms[1].seconds + terms[2].seconds,
                &ab.device,
                ab.precision,
            ))
        }))
    }
}

/// What was asked for.
fn problem(report: &Report) -> Markup {
    table(
        "Problem",
        &html! {
            (sizes(report.n, report.m, report.d))
            (row("power p of the cost |x − y|^p", "p", &Number::power(report.cost.p())))
            (row("ε", "epsilon", &Number::short(report.epsilon)))
            (row("blur", "blur", &Number::short(report.blur)))
            @if let Some(penalties) = penalties(report) {
                tr { th scope="row" { "penalties" } td { (penalties) } }
            }
            tr { th scope="row" { "tolerance" } td { (report.tolerance) " × mass" } }
        },
    )
}

/// The sizes of both clouds.
pub(super) fn sizes(n: usize, m: usize, d: usize) -> Markup {
    html! {
        (row("points n of the first cloud", "n", &Number::count(n as u64)))
        (row("points m of the second cloud", "m", &Number::count(m as u64)))
        (row("dimension d", "d", &Number::count(d as u64)))
    }
}

/// What it cost.
pub(super) fn effort(pairs: u64, seconds: f64, device: &str, precision: Precision) -> Markup {
    html! {
        (row("pairs", "pairs", &Number::count(pairs)))
        (row("seconds", "seconds", &Number::short(seconds)))
        tr { th scope="row" { "device" } td { (device) ", " (precision.name()) } }
    }
}

pub(super) fn table(caption: &str, rows: &Markup) -> Markup {
    html! { div.box { table { caption { (caption) } tbody { (rows) } } } }
}

pub(super) fn row(name: &str, key: &str, number: &Number) -> Markup {
    html! { tr { th scope="row" { (name) } td { (number.of(key)) } } }
}

//! The page of a solve.

use super::{Displacement, Transport};
use crate::page::certificate::Claim;
use crate::page::convergence;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet, value};
use crate::page::values::{self, effort, row, table};
use haul::{Bounds, Report};
use maud::{Markup, html};

/// The page of a transport, with the course that its iteration took.
pub(super) fn page(transport: &Transport) -> Page {
    let Transport {
        command,
        pair,
        report,
        course,
        displacement,
        images,
    } = transport;
    let clouds = pair.drawn(images.as_deref());
    let claim = Claim {
        name: "OT_ε",
        value: report.value,
        bounds: Bounds {
            lower: report.certificate.lower_bound,
            upper: report.certificate.upper_bound,
        },
        solve: report,
        own: &[],
    };
    let body = html! {
        h1 { "haul " (command) ": the cost of moving one cloud onto the other" }
        (clouds.files())
        (value("OT_ε", report.value))
        @if let Some(Displacement { mean, largest }) = displacement {
            p {
                "Points go " (Number::short(*mean)) " far on average, " (Number::short(*largest))
                " at most, in the units of their coordinates."
            }
        }
        (claim.section())
        (convergence::section(course, report.tolerance, &["OT_ε"])?)
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (numbers(report, *displacement))
        }
    };
    Ok(sheet(
        &format!("haul {command}: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

/// The numbers of a solve.
fn numbers(report: &Report, moved: Option<Displacement>) -> Markup {
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
        (values::problem(report))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(report.iterations as u64)))
            (row("passes", "softmin_passes", &Number::count(report.softmin_passes as u64)))
            (effort(report.pairs, report.seconds, &report.device, report.precision))
        }))
    }
}

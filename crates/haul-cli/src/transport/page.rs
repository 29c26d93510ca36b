//! The page of a solve.

use super::text::{bounds, transport_cost};
use super::{Displacement, ExactCost, Transport};
use crate::headline::Headline;
use crate::number::Certified;
use crate::page::certificate::Claim;
use crate::page::convergence;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{self, certified, effort, row, table};
use haul::Report;
use maud::{Markup, html};

/// The page of a transport under a headline, with the progress of its iteration.
pub(super) fn page(transport: &Transport, headline: &Headline) -> Page {
    let Transport {
        command,
        pair,
        report,
        course,
        displacement,
        exact,
        matching,
        ..
    } = transport;
    let clouds = pair.drawn(matching.as_ref());
    let claim = Claim {
        name: "OT_ε",
        value: report.value,
        bounds: bounds(report),
        solve: report,
        own: &[],
    };
    let body = html! {
        h1 { "haul " (command) ": the cost of moving one cloud onto the other" }
        (clouds.files())
        (headline.paragraphs())
        (claim.section())
        (convergence::section(course, report.tolerance, &["OT_ε"]))
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (numbers(report, *displacement, exact.as_ref()))
        }
    };
    Ok(sheet(
        &format!("haul {command}: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

/// The numbers of a solve.
fn numbers(report: &Report, moved: Option<Displacement>, exact: Option<&ExactCost>) -> Markup {
    let certificate = &report.certificate;
    html! {
        (table("Values", &html! {
            (certified("OT_ε", report.value, bounds(report)))
            @if let Some(exact) = exact { (exact.rows()) }
            @if let Some(Displacement { mean, largest, .. }) = moved {
                (row("displacement on average", "displacement.mean", &Number::short(mean)))
                (row("displacement at most", "displacement.largest", &Number::short(largest)))
            }
            (row("transport cost ⟨P, C⟩", "transport_cost", &Number::certified(report.transport_cost, transport_cost(report))))
            (row("regularised cost", "regularized_cost", &Number::short(report.regularized_cost)))
            (row("KL(P | a⊗b)", "kl", &Number::short(report.kl)))
            (row("mass moved", "mass", &Number::short(report.mass)))
        }))
        (table("Certificate", &html! {
            (row("gap", "certificate.gap", &Number::error(certificate.gap())))
            (row("error of the marginal of a, L1", "certificate.marginal_error_a", &Number::error(certificate.marginal_error_a)))
            (row("error of the marginal of b, L1", "certificate.marginal_error_b", &Number::error(certificate.marginal_error_b)))
            @if let Some(bounds) = certificate.wasserstein {
                @let told = Certified::new(report.transport_cost, bounds);
                (row("lower bound without entropy", "certificate.wasserstein_lower_bound", &Number::certified(bounds.lower, told.lower)))
                (row("upper bound without entropy", "certificate.wasserstein_upper_bound", &Number::certified(bounds.upper, told.upper)))
            }
            (row("precision floor", "certificate.precision_floor", &Number::error(certificate.precision_floor)))
        }))
        (values::problem(report))
        (table("Effort", &html! {
            (row("iterations", "iterations", &Number::count(report.iterations as u64)))
            @if report.kept < 1.0 {
                (row("share of pairs in a pass", "kept", &Number::short(report.kept)))
                (row("mass on other pairs, at most", "dropped", &Number::error(report.dropped)))
            }
            @if report.distance_bytes > 0 {
                (row("bytes of distances in memory", "distance_bytes", &Number::count(report.distance_bytes)))
            }
            (row("passes", "softmin_passes", &Number::count(report.softmin_passes as u64)))
            (effort(report.pairs, report.seconds, &report.device, report.precision))
        }))
    }
}

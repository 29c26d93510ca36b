//! The page of a solve, and that of a divergence, which is made of three.

use super::certificate::Claim;
use super::sheet::sheet;
use super::{Clouds, Page, convergence, number::Number, values};
use crate::report::Displacement;
use haul::{Bounds, Engine, Progress, Report, Terms};
use maud::{Markup, html};

/// The solves of a divergence.
pub(super) const TERMS: [&str; 3] = ["OT_ε(a, b)", "OT_ε(a, a)", "OT_ε(b, b)"];

/// The page of a solve, for the command that made it, with the course that its iteration took.
///
/// # Errors
///
/// Those of the figures.
pub(crate) fn solution(
    command: &str,
    clouds: &Clouds,
    report: &Report,
    moved: Option<Displacement>,
    course: &[Progress],
) -> Page {
    let Clouds { a, b, .. } = clouds;
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
        @if let Some(Displacement { mean, largest }) = moved {
            p {
                "Points go " (Number::short(mean)) " far on average, " (Number::short(largest))
                " at most, in the units of their coordinates."
            }
        }
        (claim.section())
        (convergence::section(course, report.tolerance, &["OT_ε"])?)
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (values::solution(report, moved))
        }
    };
    Ok(sheet(&format!("haul {command}: {a}, {b}"), None, &body))
}

/// The page of a divergence, with the course of its three iterations one after the other.
///
/// # Errors
///
/// Those of the figures.
pub(crate) fn divergence<E: Engine>(
    clouds: &Clouds,
    terms: &Terms<E>,
    course: &[Progress],
) -> Page {
    let Clouds { a, b, .. } = clouds;
    let [ab, aa, bb] = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report());
    let claim = Claim {
        name: "S_ε",
        value: terms.value(),
        bounds: Bounds {
            lower: terms.lower_bound(),
            upper: terms.upper_bound(),
        },
        solve: ab,
        own: &[aa, bb],
    };
    let body = html! {
        h1 { "haul divergence: how far two clouds are from each other" }
        (clouds.files())
        (value("S_ε", terms.value()))
        @if let (Some(distance), Some(Bounds { lower, upper })) = (terms.distance(), terms.distance_bounds()) {
            p {
                "As a length, its root for each unit of mass: " (Number::short(distance)) ", surely between "
                (Number::short(lower)) " and " (Number::short(upper)) ", in the units of the points."
            }
        }
        p.about { "S_ε(a, b) = OT_ε(a, b) − ½ OT_ε(a, a) − ½ OT_ε(b, b), 0 for equal clouds" }
        (claim.section())
        (convergence::section(course, ab.tolerance, &TERMS)?)
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (values::divergence(terms, claim.bounds))
        }
    };
    Ok(sheet(&format!("haul divergence: {a}, {b}"), None, &body))
}

/// The value, in large.
pub(super) fn value(name: &str, value: f64) -> Markup {
    html! { p.value { span.name { (name) " = " } (Number::long(value)) } }
}

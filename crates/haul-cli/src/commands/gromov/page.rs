//! The page of a Gromov–Wasserstein coupling.

use super::answer::GromovAnswer;
use crate::page::course;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, table};
use maud::html;

/// The page of a coupling.
pub(super) fn page(answer: &GromovAnswer) -> Page {
    let GromovAnswer {
        pair,
        report,
        matching,
        ..
    } = answer;
    let clouds = pair.drawn(matching.as_ref());
    let steps = (1..).zip(&report.course);
    let places: Vec<(f64, f64)> = steps.map(|(step, f)| (f64::from(step), *f)).collect();
    let caption = html! { "The objective after each step. Exact steps never raise it." };
    let body = html! {
        h1 { "haul gromov: two shapes matched by the distances within each" }
        (clouds.files())
        (answer.opening().paragraphs())
        section {
            h2 { "What is certain" }
            p {
                "The plan is " (answer.proof()) "."
                @if report.rho.is_infinite() {
                    " No plan has an objective below " (Number::short(report.lower_bound).of("lower_bound"))
                    ", which compares eccentricities."
                }
            }
        }
        @if matching.is_some() { (clouds.section()?) }
        @if let Some(course) = course::figure(&places, ["step", "objective"], &caption) {
            section {
                h2 { "The search" }
                (course)
            }
        }
        section {
            h2 { "All numbers" }
            (table("Values", &html! {
                (row("value without ε KL", "value", &Number::short(answer.value())))
                (row("distortion Σ (D − D')² P P", "distortion", &Number::short(report.energy)))
                (row("cost of features", "feature_cost", &Number::short(report.feature_cost)))
                (row("KL of the plan", "kl", &Number::short(report.kl)))
                (row("objective", "objective", &Number::short(report.objective)))
                (row("objective of the product plan", "product_objective", &Number::short(report.product_objective)))
                (row("stationarity", "stationarity", &Number::error(report.stationarity)))
                (row("mass of the plan", "mass", &Number::short(report.mass)))
                (row("marginal error", "marginal_error", &Number::error(report.marginal_error)))
            }))
            (table("Problem", &html! {
                (row("points n of the first cloud", "n", &Number::count(report.n as u64)))
                (row("points m of the second cloud", "m", &Number::count(report.m as u64)))
                (row("ε", "epsilon", &Number::short(report.epsilon)))
                (row("share α of distances", "alpha", &Number::short(report.alpha)))
            }))
            (table("Effort", &html! {
                (row("starts", "starts", &Number::count(report.starts as u64)))
                (row("steps", "steps", &Number::count(report.steps as u64)))
                (row("softmins", "softmin_passes", &Number::count(report.softmin_passes as u64)))
                (effort(report.pairs, report.seconds, &report.device, report.precision))
            }))
        }
    };
    Ok(sheet(
        &format!("haul gromov: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

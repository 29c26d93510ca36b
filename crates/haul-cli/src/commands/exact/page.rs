//! The page of an exact transport.

use super::answer::ExactAnswer;
use crate::number::Certified;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{row, sizes, table};
use maud::html;

/// The page of an exact transport.
pub(super) fn page(answer: &ExactAnswer) -> Page {
    let ExactAnswer {
        pair,
        report,
        entries,
        matching,
        ..
    } = answer;
    let clouds = pair.drawn(matching.as_ref());
    let told = Certified::new(report.value, report.bounds);
    let lengths = report.distance_bounds();
    let distance = report.length(report.value);
    let told_distance = Certified::new(distance, lengths);
    let body = html! {
        h1 { "haul exact: the cheapest way to move one cloud onto another" }
        (clouds.files())
        (answer.opening().paragraphs())
        section {
            h2 { "What is certain" }
            p {
                "The plan is " (answer.proof()) ". Its cost is the upper bound of W_p^p; the lower bound is a value of "
                "the dual problem, checked against all pairs of points. Both include rounding."
            }
        }
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (table("Values", &html! {
                (row("W_p^p", "value", &Number::certified(report.value, told.value)))
                (row("lower bound", "lower_bound", &Number::certified(report.bounds.lower, told.lower)))
                (row("upper bound", "upper_bound", &Number::certified(report.bounds.upper, told.upper)))
                (row("distance W_p", "distance", &Number::certified(distance, told_distance.value)))
                (row("gap, relative", "gap", &Number::error(report.gap)))
                (row("mass", "mass", &Number::short(report.mass)))
                (row("entries of the plan", "entries", &Number::count(*entries as u64)))
            }))
            (table("Problem", &html! {
                (sizes(report.n, report.m, report.d))
                (row("power p of the cost |x − y|^p", "p", &Number::power(report.p)))
            }))
            (table("Effort", &html! {
                (row("rounds", "rounds", &Number::count(report.rounds as u64)))
                (row("arcs", "arcs", &Number::count(report.arcs as u64)))
                (row("pivots", "pivots", &Number::count(report.pivots as u64)))
                (row("seconds", "seconds", &Number::short(report.seconds)))
                @if !report.device.is_empty() {
                    tr { th scope="row" { "device" } td { (report.device) ", " (report.precision.name()) } }
                }
            }))
        }
    };
    Ok(sheet(
        &format!("haul exact: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

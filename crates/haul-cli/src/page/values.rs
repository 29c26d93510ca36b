//! Tables of all numbers of a result.

use super::number::Number;
use crate::number::{Certified, plain};
use crate::transport::penalties::penalties;
use haul::{Bounds, Precision, Report};
use maud::{Markup, html};

/// The problem and its settings.
pub(crate) fn problem(report: &Report) -> Markup {
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
            tr { th scope="row" { "tolerance" } td { (plain(report.tolerance)) " × mass" } }
        },
    )
}

/// The sizes of both clouds.
pub(crate) fn sizes(n: usize, m: usize, d: usize) -> Markup {
    html! {
        (row("points n of the first cloud", "n", &Number::count(n as u64)))
        (row("points m of the second cloud", "m", &Number::count(m as u64)))
        (row("dimension d", "d", &Number::count(d as u64)))
    }
}

/// The cost of the computation.
pub(crate) fn effort(pairs: u64, seconds: f64, device: &str, precision: Precision) -> Markup {
    html! {
        (row("pairs", "pairs", &Number::pairs(pairs)))
        (row("seconds", "seconds", &Number::short(seconds)))
        tr { th scope="row" { "device" } td { (device) ", " (precision.name()) } }
    }
}

/// A value and both bounds, under their keys.
pub(crate) fn certified(name: &str, value: f64, bounds: Bounds) -> Markup {
    let told = Certified::new(value, bounds);
    html! {
        (row(name, "value", &Number::certified(value, told.value)))
        (row("lower bound", "certificate.lower_bound", &Number::certified(bounds.lower, told.lower)))
        (row("upper bound", "certificate.upper_bound", &Number::certified(bounds.upper, told.upper)))
    }
}

pub(crate) fn table(caption: &str, rows: &Markup) -> Markup {
    html! { div.box { table { caption { (caption) } tbody { (rows) } } } }
}

pub(crate) fn row(name: &str, key: &str, number: &Number) -> Markup {
    html! { tr { th scope="row" { (name) } td { (number.of(key)) } } }
}

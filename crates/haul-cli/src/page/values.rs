//! Tables of all numbers of a result.

use super::number::Number;
use crate::transport::penalties::penalties;
use haul::{Precision, Report};
use maud::{Markup, html};

/// What was asked for.
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
            tr { th scope="row" { "tolerance" } td { (report.tolerance) " × mass" } }
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

/// What it cost.
pub(crate) fn effort(pairs: u64, seconds: f64, device: &str, precision: Precision) -> Markup {
    html! {
        (row("pairs", "pairs", &Number::count(pairs)))
        (row("seconds", "seconds", &Number::short(seconds)))
        tr { th scope="row" { "device" } td { (device) ", " (precision.name()) } }
    }
}

pub(crate) fn table(caption: &str, rows: &Markup) -> Markup {
    html! { div.box { table { caption { (caption) } tbody { (rows) } } } }
}

pub(crate) fn row(name: &str, key: &str, number: &Number) -> Markup {
    html! { tr { th scope="row" { (name) } td { (number.of(key)) } } }
}

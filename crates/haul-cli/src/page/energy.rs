//! The page of an energy distance or a maximum mean discrepancy, which no iteration leads to.

use super::number::Number;
use super::sheet::sheet;
use super::solution::value;
use super::values::{effort, row, sizes, table};
use super::{Clouds, Page};
use crate::energy::Function;
use haul::{Discrepancy, Pairings};
use maud::html;

/// The page of a discrepancy.
///
/// # Errors
///
/// Those of the picture.
pub(crate) fn energy(clouds: &Clouds, function: Function, discrepancy: &Discrepancy) -> Page {
    let Clouds { a, b, .. } = clouds;
    let Discrepancy {
        terms: Pairings { ab, aa, bb },
        rounding,
        n,
        m,
        d,
        pairs,
        seconds,
        device,
        precision,
        ..
    } = discrepancy;
    let (name, mean) = function.names();
    let parameter = match function {
        Function::Energy { p } => row("power p", "p", &Number::power(p)),
        Function::Gaussian { sigma } | Function::Laplacian { sigma } => {
            row("width σ", "blur", &Number::short(sigma))
        }
    };
    let (lower, upper) = (discrepancy.value - rounding, discrepancy.value + rounding);
    let body = html! {
        h1 { "haul energy: how far two clouds are from each other, without transport" }
        (clouds.files())
        (value(name, discrepancy.value))
        section {
            h2 { "What is certain" }
            p {
                "The value is a difference of three means over all pairs of points, and exact but for rounding: "
                "in " (precision.name()) " it is off by at most " (Number::error(*rounding))
                ", and so between " (crate::report::long(lower)) " and " (crate::report::long(upper)) "."
            }
            @if discrepancy.value.abs() <= *rounding {
                p.bad {
                    strong { "Within its rounding of 0." } " Whether the clouds differ is not told by it; "
                    "compute in " code { "--precision f64" } "."
                }
            }
        }
        (clouds.section()?)
        section {
            h2 { "All numbers" }
            (table("Values", &html! {
                (row(name, "value", &Number::long(discrepancy.value)))
                (row(&format!("{mean}(a, b), {}", function.mean()), "terms.ab", &Number::long(*ab)))
                (row(&format!("{mean}(a, a)"), "terms.aa", &Number::long(*aa)))
                (row(&format!("{mean}(b, b)"), "terms.bb", &Number::long(*bb)))
                (row("rounding", "rounding", &Number::error(*rounding)))
            }))
            (table("Problem", &html! { (sizes(*n, *m, *d)) (parameter) }))
            (table("Effort", &effort(*pairs, *seconds, device, *precision)))
        }
    };
    Ok(sheet(&format!("haul energy: {a}, {b}"), None, &body))
}

//! The page of an energy distance or a maximum mean discrepancy, without an iteration.

use super::answer::EnergyAnswer;
use super::kernel::Kernel;
use crate::number::Certified;
use crate::page::number::Number;
use crate::page::sheet::{Page, sheet};
use crate::page::values::{effort, row, sizes, table};
use haul::{Bounds, Discrepancy, Pairings};
use maud::html;

/// The page of a discrepancy.
pub(super) fn page(energy: &EnergyAnswer) -> Page {
    let EnergyAnswer {
        pair,
        kernel,
        discrepancy,
        ..
    } = energy;
    let clouds = pair.drawn(None);
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
    let (name, mean) = kernel.names();
    let parameter = match *kernel {
        Kernel::Energy { p } => row("power p", "p", &Number::power(p)),
        Kernel::Gaussian { sigma } | Kernel::Laplacian { sigma } => {
            row("width σ", "blur", &Number::short(sigma))
        }
    };
    let told = |value: f64| {
        let bounds = Bounds {
            lower: value - rounding,
            upper: value + rounding,
        };
        Number::certified(value, Certified::new(value, bounds).value)
    };
    let body = html! {
        h1 { "haul energy: how far two clouds are from each other, without transport" }
        (clouds.files())
        (energy.opening().paragraphs())
        section {
            h2 { "What is certain" }
            p {
                "The value is a difference of three means over all pairs of points, and exact but for rounding: "
                "in " (precision.name()) " it is off by at most " (Number::error(*rounding)) "."
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
                (row(name, "value", &told(discrepancy.value)))
                (row(&format!("{mean}(a, b), {}", kernel.mean()), "terms.ab", &told(*ab)))
                (row(&format!("{mean}(a, a)"), "terms.aa", &told(*aa)))
                (row(&format!("{mean}(b, b)"), "terms.bb", &told(*bb)))
                (row("rounding", "rounding", &Number::error(*rounding)))
            }))
            (table("Problem", &html! { (sizes(*n, *m, *d)) (parameter) }))
            (table("Effort", &effort(*pairs, *seconds, device, *precision)))
        }
    };
    Ok(sheet(
        &format!("haul energy: {}, {}", pair.a, pair.b),
        None,
        &body,
    ))
}

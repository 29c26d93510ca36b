//! The penalties of a plan, in words.

use crate::number::{finite, short};
use haul::Report;

/// The penalties for marginals that differ from the measures; `None` if the plan must keep both.
pub(crate) fn penalties(report: &Report) -> Option<String> {
    let side = |name: &str, rho: f64| {
        let reach = rho.powf(1.0 / report.cost.p());
        finite(rho).map(|rho| format!("{name} = {} (reach {})", short(rho), short(reach)))
    };
    if report.rho_a == report.rho_b {
        return side("ρ", report.rho_a).map(|both| format!("{both} on both sides"));
    }
    let kept = |side: Option<String>, name: &str| side.unwrap_or_else(|| format!("{name} kept"));
    let (a, b) = (side("ρ_a", report.rho_a), side("ρ_b", report.rho_b));
    Some(format!("{}, {}", kept(a, "a"), kept(b, "b")))
}

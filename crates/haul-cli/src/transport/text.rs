//! Solves as text for a person.

use super::penalties::penalties;
use crate::digits::{finite, long, plain, short};
use crate::pair::Pair;
use crate::rows::{BAD, GOOD, Rows, STRONG, styled};
use haul::{Bounds, Method, Report};

/// All that is known of a solve between two clouds.
pub(crate) fn rows(pair: &Pair, report: &Report) -> Rows {
    let certificate = &report.certificate;
    let p = report.cost.p();
    let rate = report.pairs as f64 / report.seconds / 1e9;
    let mut rows = Rows::default();
    problem(&mut rows, pair, report);
    let mut row = |name: &str, value: String| rows.row(name, value);
    row("OT_ε", styled(STRONG, long(report.value)));
    row(
        "  between",
        between(
            report.value,
            certificate.lower_bound,
            certificate.upper_bound,
            report.converged,
        ),
    );
    row(
        "transport cost",
        format!("{} = ⟨P, C⟩", long(report.transport_cost)),
    );
    if let Some(Bounds { lower, upper }) = certificate.wasserstein {
        row(
            "without entropy",
            format!("{} to {}", long(lower), long(upper)),
        );
        let mass = pair.source().mass();
        let [lower, upper] =
            [lower, upper].map(|bound| short((bound.max(0.0) / mass).powf(1.0 / p)));
        let root = root_of("cost", p, mass);
        row("  as a length", format!("{lower} to {upper} = {root}"));
    }
    row("entropy", format!("{} = KL(P | a⊗b)", long(report.kl)));
    row("mass moved", moved(pair, report));
    row(
        "marginals",
        format!(
            "off by {:.1e} and {:.1e} in L1{}, {} {:.1e} × mass",
            certificate.marginal_error_a,
            certificate.marginal_error_b,
            aim(report),
            verdict(report.converged),
            report.tolerance
        ),
    );
    row(
        "effort",
        format!(
            "{} iterations{}, {} passes, {:.3} s, {rate:.2} Gpairs/s",
            report.iterations,
            without_passes(report),
            report.softmin_passes,
            report.seconds
        ),
    );
    row(
        "device",
        format!("{}, {}", report.device, report.precision.name()),
    );
    rows
}

/// What is compared, and how.
pub(crate) fn problem(rows: &mut Rows, pair: &Pair, report: &Report) {
    pair.rows(rows);
    let (blur, epsilon, p) = (short(report.blur), short(report.epsilon), report.cost.p());
    rows.row(
        "blur",
        format!("{blur}, ε = {epsilon} for the cost |x − y|^{}", plain(p)),
    );
    if let Some(penalties) = penalties(report) {
        rows.row("penalties", penalties);
    }
}

/// How much of which masses is moved; of all that has to be, it tells nothing that is not known.
pub(crate) fn moved(pair: &Pair, report: &Report) -> String {
    if finite(report.rho_a).or(finite(report.rho_b)).is_none() {
        return long(report.mass);
    }
    let [a, b] = [pair.source(), pair.target()].map(|measure| short(measure.mass()));
    format!("{} of {a} and {b}", long(report.mass))
}

/// The bounds of a value, with a word on what narrows them where they tell little.
pub(crate) fn between(value: f64, lower: f64, upper: f64, converged: bool) -> String {
    let bounds = format!("{} and {}", long(lower), long(upper));
    if converged && upper - lower > 0.1 * value.abs() {
        bounds + "; a smaller --tolerance narrows it"
    } else {
        bounds
    }
}

/// What a length is the root of.
pub(crate) fn root_of(value: &str, p: f64, mass: f64) -> String {
    let share = if (mass - 1.0).abs() < 1e-9 {
        value.to_owned()
    } else {
        format!("({value} / mass)")
    };
    match p {
        1.0 => share,
        2.0 => format!("√{share}"),
        _ => format!("{share}^(1/{})", plain(p)),
    }
}

/// What the marginals of a plan are off from, where it is not the measures.
pub(crate) fn aim(report: &Report) -> &'static str {
    if report.rho_a.is_finite() || report.rho_b.is_finite() {
        " from what the penalty asks for"
    } else {
        ""
    }
}

/// How many of the iterations were Newton's, which took no pass.
fn without_passes(report: &Report) -> String {
    let stages = report.stages.iter();
    let newton = stages.filter(|stage| stage.method == Method::Newton);
    match newton.map(|stage| stage.iterations).sum::<usize>() {
        0 => String::new(),
        steps => format!(", {steps} of them Newton's"),
    }
}

/// Whether the marginals are what they should be, in a word.
pub(crate) fn verdict(converged: bool) -> String {
    if converged {
        styled(GOOD, "within")
    } else {
        styled(BAD, "NOT within")
    }
}

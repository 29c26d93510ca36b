//! Solves as text for a person.

use super::exact::ExactCost;
use super::penalties::penalties;
use crate::headline::Headline;
use crate::number::{Certified, effort, error, finite, percent, plain, short};
use crate::pair::Pair;
use crate::rows::{BAD, GOOD, Rows, styled};
use crate::scale::{Scale, equal_in_words};
use haul::{Bounds, Method, Report};

/// The rows of a solve between two clouds, without its headline.
pub(crate) fn rows(pair: &Pair, report: &Report, exact: Option<&ExactCost>) -> Rows {
    let certificate = &report.certificate;
    let mut rows = certified("OT_ε", report.value, bounds(report), report.converged).rows();
    let mut row = |name: &str, value: String| rows.row(name, value);
    row(
        "transport cost",
        format!("{} = ⟨P, C⟩", transport_cost(report)),
    );
    if let Some(bounds) = certificate.wasserstein {
        let Certified { lower, upper, .. } = Certified::new(report.transport_cost, bounds);
        row("without entropy", format!("{lower} to {upper}"));
    }
    if let Some(exact) = exact {
        row("exact", exact.in_words());
    }
    row("entropy", format!("{} = KL(P | a⊗b)", short(report.kl)));
    if is_balanced(report) {
        row("mass moved", short(report.mass));
    }
    problem(&mut rows, pair, report);
    let mut row = |name: &str, value: String| rows.row(name, value);
    row(
        "marginals",
        format!(
            "off by {} and {} in L1{}, {} {} × mass",
            error(certificate.marginal_error_a),
            error(certificate.marginal_error_b),
            aim(report),
            verdict(report.converged),
            plain(report.tolerance)
        ),
    );
    row(
        "effort",
        format!(
            "{} iterations{}, {} passes, {}",
            report.iterations,
            without_passes(report),
            report.softmin_passes,
            effort(report.pairs, report.seconds)
        ),
    );
    if report.kept < 1.0 {
        row("near pairs", near_pairs(report));
    }
    row(
        "device",
        format!("{}, {}", report.device, report.precision.name()),
    );
    rows
}

/// The share of pairs in a pass, and the mass on the others.
pub(crate) fn near_pairs(report: &Report) -> String {
    format!(
        "{} of all in a pass; the plan has a mass of at most {} on the others",
        percent(report.kept),
        error(report.dropped)
    )
}

/// The headline of a transport, in the units of the points: bounds of the distance without the entropy. For
/// unbalanced transport there is no distance, and it is the mass that is moved.
pub(super) fn headline(pair: &Pair, report: &Report) -> Headline {
    let p = report.cost.p();
    let Some(Bounds { lower, upper }) = report.certificate.wasserstein else {
        return mass_moved(pair, report);
    };
    let mass = pair.source().mass();
    let length = |cost: f64| (cost.max(0.0) / mass).powf(1.0 / p);
    let bounds = Bounds {
        lower: length(lower),
        upper: length(upper),
    };
    let Certified { lower, upper, .. } = Certified::new(length(report.transport_cost), bounds);
    let scale = Scale::of([pair.source(), pair.target()]);
    let shares = [bounds.lower, bounds.upper].map(|bound| scale.share(bound));
    let share = match shares {
        [Some(lower), Some(upper)] if lower != upper => {
            format!(", {lower} to {upper} of the diameter")
        }
        [Some(share), Some(_)] => format!(", {share} of the diameter"),
        _ => String::new(),
    };
    Headline {
        name: "distance".to_owned(),
        value: format!("{lower} to {upper}"),
        beside: format!(" = W_{} without the entropy{share}", plain(p)),
        sentence: equal_in_words([pair.source(), pair.target()]),
    }
}

/// The cost of the plan as it is, with the digits that it shares with the plan with exact marginals, and four at most: more
/// of them depend on where the iteration stopped.
pub(crate) fn transport_cost(report: &Report) -> String {
    let (cost, certificate) = (report.transport_cost, &report.certificate);
    let off = match certificate.wasserstein {
        Some(bounds) => (bounds.upper - cost).abs(),
        None => certificate.gap(),
    };
    let bounds = Bounds {
        lower: cost - off,
        upper: cost + off,
    };
    let (shared, four) = (Certified::new(cost, bounds).value, short(cost));
    if shared.len() < four.len() {
        shared
    } else {
        four
    }
}

/// The bounds of OT_ε.
pub(crate) fn bounds(report: &Report) -> Bounds {
    Bounds {
        lower: report.certificate.lower_bound,
        upper: report.certificate.upper_bound,
    }
}

/// Whether the plan must keep both measures.
fn is_balanced(report: &Report) -> bool {
    finite(report.rho_a).or(finite(report.rho_b)).is_none()
}

/// The clouds, and the problem.
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

/// How much of the masses is moved.
pub(crate) fn mass_moved(pair: &Pair, report: &Report) -> Headline {
    let [a, b] = [pair.source(), pair.target()].map(|measure| short(measure.mass()));
    Headline {
        name: "mass moved".to_owned(),
        value: short(report.mass),
        beside: format!(" of {a} and {b}"),
        sentence: None,
    }
}

/// A value with its bounds, and advice to narrow these if they are wide.
pub(crate) fn certified(name: &str, value: f64, bounds: Bounds, converged: bool) -> Headline {
    let told = Certified::new(value, bounds);
    let remedy = if converged && bounds.upper - bounds.lower > 0.1 * value.abs() {
        "; a smaller --tolerance narrows this"
    } else {
        ""
    };
    Headline {
        name: name.to_owned(),
        beside: format!(" {}{remedy}", told.between()),
        value: told.value,
        sentence: None,
    }
}

/// The expression whose root a length is.
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

/// What the errors of the marginals refer to, if not to the measures.
pub(crate) fn aim(report: &Report) -> &'static str {
    if report.rho_a.is_finite() || report.rho_b.is_finite() {
        " from what the penalty asks for"
    } else {
        ""
    }
}

/// The number of Newton iterations, which took no pass.
fn without_passes(report: &Report) -> String {
    let stages = report.stages.iter();
    let newton = stages.filter(|stage| stage.method == Method::Newton);
    match newton.map(|stage| stage.iterations).sum::<usize>() {
        0 => String::new(),
        steps => format!(", {steps} of them Newton's"),
    }
}

/// Whether the marginals are within the tolerance, in words.
pub(crate) fn verdict(converged: bool) -> String {
    if converged {
        styled(GOOD, "within")
    } else {
        styled(BAD, "NOT within")
    }
}

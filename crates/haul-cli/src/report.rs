//! A result as JSON and as text for a person.

use crate::arguments::Solving;
use crate::energy::Function;
use crate::page::Clouds;
use crate::rows::{BAD, GOOD, Rows, STRONG, styled};
use haul::{Bounds, Discrepancy, Engine, Extent, Measure, Method, Report, Terms, spacing};
use serde::Serialize;

/// The JSON object of a result; the names of its keys are the program's contract.
#[derive(Serialize)]
pub(crate) struct Json<'r> {
    command: &'r str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    rho_a: Option<f64>,
    rho_b: Option<f64>,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    displacement: Option<Displacement>,
    regularized_cost: f64,
    transport_cost: f64,
    dual: f64,
    kl: f64,
    mass: f64,
    certificate: Certificate,
    converged: bool,
    iterations: usize,
    stages: Vec<Stage>,
    softmin_passes: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

/// Iterations that were made in one way.
#[derive(Serialize)]
struct Stage {
    method: &'static str,
    iterations: usize,
}

impl Stage {
    fn of(stage: &haul::Stage) -> Self {
        Self {
            method: stage.method.name(),
            iterations: stage.iterations,
        }
    }
}

/// How far a map moves points.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Displacement {
    pub(crate) mean: f64,
    pub(crate) largest: f64,
}

#[derive(Serialize)]
struct Certificate {
    marginal_error_a: f64,
    marginal_error_b: f64,
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    wasserstein_lower_bound: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wasserstein_upper_bound: Option<f64>,
    precision_floor: f64,
}

impl<'r> Json<'r> {
    pub(crate) fn new(command: &'r str, a: &'r str, b: &'r str, report: &'r Report) -> Self {
        let certificate = &report.certificate;
        Self {
            command,
            a,
            b,
            n: report.n,
            m: report.m,
            d: report.d,
            p: whole(report.cost.p()),
            epsilon: report.epsilon,
            blur: report.blur,
            rho_a: finite(report.rho_a),
            rho_b: finite(report.rho_b),
            value: report.value,
            displacement: None,
            regularized_cost: report.regularized_cost,
            transport_cost: report.transport_cost,
            dual: report.value,
            kl: report.kl,
            mass: report.mass,
            certificate: Certificate {
                marginal_error_a: certificate.marginal_error_a,
                marginal_error_b: certificate.marginal_error_b,
                lower_bound: certificate.lower_bound,
                upper_bound: certificate.upper_bound,
                gap: certificate.gap(),
                wasserstein_lower_bound: certificate.wasserstein.map(|bounds| bounds.lower),
                wasserstein_upper_bound: certificate.wasserstein.map(|bounds| bounds.upper),
                precision_floor: certificate.precision_floor,
            },
            converged: report.converged,
            iterations: report.iterations,
            stages: report.stages.iter().map(Stage::of).collect(),
            softmin_passes: report.softmin_passes,
            pairs: report.pairs,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        }
    }

    /// The same, with how far points are moved.
    pub(crate) fn of_map(self, displacement: Displacement) -> Self {
        Self {
            displacement: Some(displacement),
            ..self
        }
    }

    /// The object in one line.
    pub(crate) fn line(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// The JSON object of a divergence, in one line: what its terms share, what they sum to, and each
/// of them whole.
pub(crate) fn divergence_line<E: Engine>(
    a: &str,
    b: &str,
    terms: &Terms<E>,
) -> anyhow::Result<String> {
    let [ab, aa, bb] = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report());
    let sum = |count: fn(&Report) -> usize| count(ab) + count(aa) + count(bb);
    let (lower, upper) = (terms.lower_bound(), terms.upper_bound());
    let floors = [ab, aa, bb].map(|term| term.certificate.precision_floor);
    let mut object = serde_json::json!({
        "command": "divergence",
        "a": a,
        "b": b,
        "n": ab.n,
        "m": ab.m,
        "d": ab.d,
        "p": whole(ab.cost.p()),
        "epsilon": ab.epsilon,
        "blur": ab.blur,
        "rho_a": finite(ab.rho_a),
        "rho_b": finite(ab.rho_b),
        "value": terms.value(),
        "certificate": {
            "lower_bound": lower,
            "upper_bound": upper,
            "gap": upper - lower,
            "precision_floor": floors.into_iter().fold(0.0, f64::max),
        },
        "converged": terms.converged(),
        "iterations": sum(|term| term.iterations),
        "softmin_passes": sum(|term| term.softmin_passes),
        "pairs": ab.pairs + aa.pairs + bb.pairs,
        "seconds": ab.seconds + aa.seconds + bb.seconds,
        "device": ab.device,
        "precision": ab.precision.name(),
        "terms": {
            "ab": Json::new("sinkhorn", a, b, ab),
            "aa": Json::new("sinkhorn", a, a, aa),
            "bb": Json::new("sinkhorn", b, b, bb),
        },
    });
    if let Some(distance) = terms.distance() {
        object["distance"] = distance.into();
    }
    Ok(serde_json::to_string(&object)? + "\n")
}

/// A divergence for a person.
pub(crate) fn divergence_text<E: Engine>(clouds: &Clouds, terms: &Terms<E>) -> String {
    let [ab, aa, bb] = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report());
    let mut rows = Rows::default();
    problem(&mut rows, clouds, ab);
    let mut row = |name: &str, value: String| rows.row(name, value);
    row("S_ε", styled(STRONG, long(terms.value())));
    row(
        "  between",
        between(
            terms.value(),
            terms.lower_bound(),
            terms.upper_bound(),
            terms.converged(),
        ),
    );
    if let (Some(distance), Some(Bounds { lower, upper })) =
        (terms.distance(), terms.distance_bounds())
    {
        let (distance, lower, upper) = (short(distance), short(lower), short(upper));
        let root = root_of("S_ε", ab.cost.p(), clouds.source.mass());
        row(
            "distance",
            format!("{distance} = {root}, between {lower} and {upper}"),
        );
    }
    row("OT_ε(a, b)", long(ab.value));
    row("OT_ε(a, a)", long(aa.value));
    row("OT_ε(b, b)", long(bb.value));
    if terms.distance().is_none() {
        row("mass moved", moved(clouds, ab));
    }
    let worst = [ab, aa, bb]
        .map(|term| term.certificate.marginal_error())
        .into_iter()
        .fold(0.0, f64::max);
    row(
        "marginals",
        format!(
            "off by at most {worst:.1e} in L1{}, {} {:.1e} × mass",
            aim(ab),
            verdict(terms.converged()),
            ab.tolerance
        ),
    );
    let seconds = ab.seconds + aa.seconds + bb.seconds;
    let passes = ab.softmin_passes + aa.softmin_passes + bb.softmin_passes;
    let rate = (ab.pairs + aa.pairs + bb.pairs) as f64 / seconds / 1e9;
    row(
        "effort",
        format!("{passes} passes, {seconds:.3} s, {rate:.2} Gpairs/s"),
    );
    row("device", format!("{}, {}", ab.device, ab.precision.name()));
    rows.text()
}

/// The JSON object of an energy, in one line. The power belongs to the energy alone, the width to
/// the other kernels.
#[derive(Serialize)]
struct EnergyJson<'r> {
    command: &'r str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    kernel: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<f64>,
    value: f64,
    terms: Pairings,
    rounding: f64,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

#[derive(Serialize)]
struct Pairings {
    ab: f64,
    aa: f64,
    bb: f64,
}

pub(crate) fn energy_line(
    a: &str,
    b: &str,
    function: Function,
    discrepancy: &Discrepancy,
) -> anyhow::Result<String> {
    let haul::Pairings { ab, aa, bb } = discrepancy.terms;
    let (kernel, p, blur) = match function {
        Function::Energy { p } => ("energy", Some(whole(p)), None),
        Function::Gaussian { sigma } => ("gaussian", None, Some(sigma)),
        Function::Laplacian { sigma } => ("laplacian", None, Some(sigma)),
    };
    let object = EnergyJson {
        command: "energy",
        a,
        b,
        n: discrepancy.n,
        m: discrepancy.m,
        d: discrepancy.d,
        kernel,
        p,
        blur,
        value: discrepancy.value,
        terms: Pairings { ab, aa, bb },
        rounding: discrepancy.rounding,
        pairs: discrepancy.pairs,
        seconds: discrepancy.seconds,
        device: &discrepancy.device,
        precision: discrepancy.precision.name(),
    };
    Ok(serde_json::to_string(&object)? + "\n")
}

/// An energy for a person.
pub(crate) fn energy_text(
    clouds: &Clouds,
    function: Function,
    discrepancy: &Discrepancy,
) -> String {
    let Discrepancy {
        value,
        terms,
        rounding,
        pairs,
        seconds,
        ..
    } = discrepancy;
    let (name, mean) = function.names();
    let mut rows = Rows::default();
    files(&mut rows, clouds);
    let mut row = |name: &str, value: String| rows.row(name, value);
    row(mean, function.mean());
    row(name, styled(STRONG, long(*value)));
    row("  give or take", format!("{rounding:.1e}, by rounding"));
    row(&format!("{mean}(a, b)"), long(terms.ab));
    row(&format!("{mean}(a, a)"), long(terms.aa));
    row(&format!("{mean}(b, b)"), long(terms.bb));
    let rate = *pairs as f64 / seconds / 1e9;
    row("effort", format!("{seconds:.3} s, {rate:.2} Gpairs/s"));
    row(
        "device",
        format!("{}, {}", discrepancy.device, discrepancy.precision.name()),
    );
    rows.text()
}

/// The report for a person.
pub(crate) fn text(clouds: &Clouds, report: &Report) -> String {
    let certificate = &report.certificate;
    let p = report.cost.p();
    let rate = report.pairs as f64 / report.seconds / 1e9;
    let mut rows = Rows::default();
    problem(&mut rows, clouds, report);
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
        let mass = clouds.source.mass();
        let [lower, upper] =
            [lower, upper].map(|bound| short((bound.max(0.0) / mass).powf(1.0 / p)));
        let root = root_of("cost", p, mass);
        row("  as a length", format!("{lower} to {upper} = {root}"));
    }
    row("entropy", format!("{} = KL(P | a⊗b)", long(report.kl)));
    row("mass moved", moved(clouds, report));
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
    rows.text()
}

/// What is compared, and how.
fn problem(rows: &mut Rows, clouds: &Clouds, report: &Report) {
    files(rows, clouds);
    let (blur, epsilon, p) = (short(report.blur), short(report.epsilon), report.cost.p());
    rows.row(
        "blur",
        format!("{blur}, ε = {epsilon} for the cost |x − y|^{}", plain(p)),
    );
    if let Some(penalties) = penalties(report) {
        rows.row("penalties", penalties);
    }
}

/// Both files, with what is known of their clouds.
fn files(rows: &mut Rows, clouds: &Clouds) {
    let Clouds {
        a,
        b,
        source,
        target,
        ..
    } = *clouds;
    let (n, m, d) = (source.len(), target.len(), source.dimension());
    rows.row(
        "source",
        format!("{a}, {n} points in dimension {d}{}", size(source)),
    );
    rows.row("target", format!("{b}, {m} points{}", size(target)));
}

/// How large a cloud is, and how far apart its points are.
fn size(measure: &Measure) -> String {
    let apart = spacing(measure).map(|spacing| format!(" and {} apart", short(spacing)));
    let across = short(Extent::of(measure).diagonal());
    let size = apart.map(|apart| format!(", {across} across{apart}"));
    let mass = measure.mass();
    let mass = ((mass - 1.0).abs() > 1e-9).then(|| format!(", mass {}", short(mass)));
    size.into_iter().chain(mass).collect()
}

/// How much of which masses is moved; of all that has to be, it tells nothing that is not known.
fn moved(clouds: &Clouds, report: &Report) -> String {
    if finite(report.rho_a).or(finite(report.rho_b)).is_none() {
        return long(report.mass);
    }
    let [a, b] = [clouds.source, clouds.target].map(|measure| short(measure.mass()));
    format!("{} of {a} and {b}", long(report.mass))
}

/// The bounds of a value, with a word on what narrows them where they tell little.
fn between(value: f64, lower: f64, upper: f64, converged: bool) -> String {
    let bounds = format!("{} and {}", long(lower), long(upper));
    if converged && upper - lower > 0.1 * value.abs() {
        bounds + "; a smaller --tolerance narrows it"
    } else {
        bounds
    }
}

/// What a length is the root of.
fn root_of(value: &str, p: f64, mass: f64) -> String {
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
fn aim(report: &Report) -> &'static str {
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

/// What a user should know beside the numbers of some solves, unless it was not to be said; none
/// when all is well.
pub(crate) fn warnings<'r>(
    solving: &Solving,
    reports: impl IntoIterator<Item = &'r Report>,
) -> Vec<String> {
    if solving.quiet {
        return Vec::new();
    }
    reports.into_iter().flat_map(warnings_of).collect()
}

fn warnings_of(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    let floor = report.certificate.precision_floor;
    if report.tolerance < floor {
        let f64 = match report.precision {
            haul::Precision::F32 => "--precision f64 or ",
            haul::Precision::F64 => "",
        };
        warnings.push(format!(
            "the tolerance {} is below what {} can tell at this blur, about {floor:.0e}; use {f64}a larger --blur",
            plain(report.tolerance),
            report.precision.name()
        ));
    }
    if !report.converged {
        warnings.push(format!(
            "not converged: the marginals are off by {:.1e} after {} iterations; raise --max-iterations, --blur or --tolerance",
            report.certificate.marginal_error(),
            report.iterations
        ));
    }
    warnings
}

/// Whether the marginals are what they should be, in a word.
fn verdict(converged: bool) -> String {
    if converged {
        styled(GOOD, "within")
    } else {
        styled(BAD, "NOT within")
    }
}

/// What it costs the plan to leave its measures; nothing where it must keep both.
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

/// Nothing for what JSON has no number for.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A number that is written without a fraction where it has none.
pub(crate) fn whole(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// A number as a person writes it: all of its digits, and no row of zeros.
pub(crate) fn plain(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(crate) fn short(value: f64) -> String {
    significant(value, 4)
}

pub(crate) fn long(value: f64) -> String {
    significant(value, 8)
}

/// That many significant digits, without an exponent where the number is of human size.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    // Of the number as it is rounded, which may have a digit more.
    let magnitude = scientific
        .split_once('e')
        .and_then(|(_, it)| it.parse().ok());
    match magnitude {
        Some(magnitude) if (-4..digits as i32).contains(&magnitude) => {
            let decimals = (digits as i32 - 1 - magnitude) as usize;
            format!("{value:.decimals$}")
        }
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_significant_digits() {
        assert_eq!(significant(0.139_437_991, 8), "0.13943799");
        assert_eq!(significant(12.5, 4), "12.50");
        assert_eq!(significant(0.0, 4), "0.000");
        assert_eq!(significant(1.5e-9, 4), "1.500e-9");
        assert_eq!(significant(-3e12, 4), "-3.000e12");
        assert_eq!(significant(0.999_999_9, 4), "1.000");
        assert_eq!(significant(-9_999.9, 4), "-1.000e4");
        assert_eq!(significant(9.999e-5, 2), "0.00010");
    }
}

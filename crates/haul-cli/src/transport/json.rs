//! The JSON object of a solve.

use super::displacement::Displacement;
use super::exact::ExactCost;
use crate::number::{finite, whole};
use haul::Report;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<ExactCost>,
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
    kept: f64,
    dropped: f64,
    levels: Vec<Level>,
    distance_bytes: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

/// Iterations of one kind.
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

/// A solve between coarse clouds.
#[derive(Serialize)]
struct Level {
    n: usize,
    m: usize,
    epsilon: f64,
    iterations: usize,
    pairs: u64,
}

impl Level {
    fn of(level: &haul::Level) -> Self {
        let [n, m] = level.points;
        Self {
            n,
            m,
            epsilon: level.epsilon,
            iterations: level.iterations,
            pairs: level.pairs,
        }
    }
}

/// The errors and bounds of a solve.
#[derive(Serialize)]
pub(crate) struct Certificate {
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

impl Certificate {
    /// The certificate of a solve.
    pub(crate) fn of(report: &Report) -> Self {
        let certificate = &report.certificate;
        Self {
            marginal_error_a: certificate.marginal_error_a,
            marginal_error_b: certificate.marginal_error_b,
            lower_bound: certificate.lower_bound,
            upper_bound: certificate.upper_bound,
            gap: certificate.gap(),
            wasserstein_lower_bound: certificate.wasserstein.map(|bounds| bounds.lower),
            wasserstein_upper_bound: certificate.wasserstein.map(|bounds| bounds.upper),
            precision_floor: certificate.precision_floor,
        }
    }
}

impl<'r> Json<'r> {
    pub(crate) fn new(command: &'r str, a: &'r str, b: &'r str, report: &'r Report) -> Self {
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
            exact: None,
            regularized_cost: report.regularized_cost,
            transport_cost: report.transport_cost,
            dual: report.value,
            kl: report.kl,
            mass: report.mass,
            certificate: Certificate::of(report),
            converged: report.converged,
            iterations: report.iterations,
            stages: report.stages.iter().map(Stage::of).collect(),
            softmin_passes: report.softmin_passes,
            pairs: report.pairs,
            kept: report.kept,
            dropped: report.dropped,
            levels: report.levels.iter().map(Level::of).collect(),
            distance_bytes: report.distance_bytes,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        }
    }

    /// The same, with the cost without blur.
    pub(super) fn beside(self, exact: Option<ExactCost>) -> Self {
        Self { exact, ..self }
    }

    /// The same, with the displacement of the points.
    pub(super) fn moving(self, displacement: Option<Displacement>) -> Self {
        Self {
            displacement,
            ..self
        }
    }
}

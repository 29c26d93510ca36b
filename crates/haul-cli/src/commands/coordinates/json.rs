//! The JSON object of barycentric coordinates.

use super::answer::CoordinatesAnswer;
use crate::number::whole;
use serde::{Serialize, Serializer};

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    target: &'r str,
    inputs: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    loss: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<usize>,
    n: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    lambda: &'r [f64],
    loss_value: f64,
    gradient: &'r [f64],
    gradient_norm: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_bounds: Option<BoundKeys>,
    certificate: CertificateKeys,
    marginal_error: f64,
    lambda_tolerance: f64,
    tolerance: f64,
    converged: bool,
    evaluations: usize,
    products: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

#[derive(Serialize)]
struct BoundKeys {
    lower: f64,
    upper: f64,
}

#[derive(Serialize)]
struct CertificateKeys {
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
}

impl Serialize for CoordinatesAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (report, average) = (self.report(), self.average());
        let written = self.written.as_ref();
        let bounds = self.distance.as_ref().map(|distance| BoundKeys {
            lower: distance.bounds.lower,
            upper: distance.bounds.upper,
        });
        let keys = Keys {
            command: "coordinates",
            target: &self.target,
            inputs: &self.inputs,
            output: written.map(|file| file.to_string_lossy().into_owned()),
            loss: report.loss.name(),
            iterations: report.iterations,
            n: average.n,
            d: average.d,
            p: whole(average.cost.p()),
            epsilon: average.epsilon,
            blur: average.blur,
            lambda: &report.lambda,
            loss_value: report.value,
            gradient: &report.gradient,
            gradient_norm: report.gradient_norm,
            distance: self.distance.as_ref().map(|distance| distance.value),
            distance_bounds: bounds,
            certificate: CertificateKeys {
                lower_bound: average.bounds.lower,
                upper_bound: average.bounds.upper,
                gap: report.gap,
            },
            marginal_error: average.error,
            lambda_tolerance: self.lambda_tolerance,
            tolerance: average.tolerance,
            converged: report.converged,
            evaluations: report.evaluations,
            products: report.products,
            pairs: average.pairs,
            seconds: report.seconds,
            device: &average.device,
            precision: average.precision.name(),
        };
        keys.serialize(serializer)
    }
}

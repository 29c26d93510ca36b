//! The JSON object of flows.

use super::answer::FlowAnswer;
use crate::number::whole;
use haul::FlowReport;
use serde::{Serialize, Serializer};

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    input: &'r str,
    output: Vec<String>,
    energy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exponent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    potential: Option<&'r str>,
    kind: &'static str,
    n: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    tau: f64,
    time: f64,
    value: f64,
    tolerance: f64,
    converged: bool,
    iterations: usize,
    products: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
    steps: Vec<StepKeys>,
}

#[derive(Serialize)]
struct StepKeys {
    step: usize,
    time: f64,
    value: f64,
    internal_energy: f64,
    potential_energy: f64,
    distance: f64,
    objective: f64,
    certificate: CertificateKeys,
    marginal_error: f64,
    converged: bool,
    iterations: usize,
    products: usize,
}

#[derive(Serialize)]
struct CertificateKeys {
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
}

impl From<&FlowReport> for StepKeys {
    fn from(report: &FlowReport) -> Self {
        Self {
            step: report.step,
            time: report.time,
            value: report.internal_energy + report.potential_energy,
            internal_energy: report.internal_energy,
            potential_energy: report.potential_energy,
            distance: report.distance,
            objective: report.objective,
            certificate: CertificateKeys {
                lower_bound: report.bounds.lower,
                upper_bound: report.bounds.upper,
                gap: report.bounds.upper - report.bounds.lower,
            },
            marginal_error: report.error,
            converged: report.converged,
            iterations: report.iterations,
            products: report.products,
        }
    }
}

impl Serialize for FlowAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = &self.last;
        let files = self.written.iter();
        let keys = Keys {
            command: "flow",
            input: &self.input,
            output: files
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            energy: self.energy.name(),
            bound: self.energy.bound(),
            exponent: self.energy.exponent(),
            potential: self.potential.as_deref(),
            kind: last.kind.name(),
            n: last.n,
            d: last.d,
            p: whole(last.cost.p()),
            epsilon: last.epsilon,
            blur: last.blur,
            tau: last.tau,
            time: last.time,
            value: self.value(),
            tolerance: last.tolerance,
            converged: self.converged(),
            iterations: self.iterations(),
            products: self.products(),
            pairs: self.pairs(),
            seconds: self.seconds(),
            device: &last.device,
            precision: last.precision.name(),
            steps: self.steps.iter().map(StepKeys::from).collect(),
        };
        keys.serialize(serializer)
    }
}

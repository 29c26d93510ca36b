//! The JSON object of averages.

use super::answer::{BarycenterAnswer, Solved};
use crate::number::whole;
use haul::{BarycenterKind, BarycenterReport, Bounds};
use serde::{Serialize, Serializer};

/// The JSON object; what belongs to one average is there for a single one alone.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    inputs: &'r [String],
    output: Vec<String>,
    kind: &'static str,
    n: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    #[serde(flatten)]
    single: Option<AverageKeys<'r>>,
    tolerance: f64,
    converged: bool,
    iterations: usize,
    products: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<Vec<FrameKeys<'r>>>,
}

/// The keys of one average.
#[derive(Serialize)]
struct AverageKeys<'r> {
    lambda: &'r [f64],
    value: f64,
    /// With ε KL(b | m), for the plain kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_reference: Option<f64>,
    certificate: CertificateKeys,
    marginal_error: f64,
}

#[derive(Serialize)]
struct FrameKeys<'r> {
    #[serde(flatten)]
    average: AverageKeys<'r>,
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

impl<'r> AverageKeys<'r> {
    fn of(solved: &'r Solved) -> Self {
        let Bounds { lower, upper } = solved.bounds();
        let plain = |report: &&BarycenterReport| report.kind == BarycenterKind::Plain;
        let report = solved.report.as_ref();
        Self {
            lambda: &solved.lambda,
            value: report.map_or(0.0, |report| report.value),
            value_reference: report.filter(plain).map(|report| report.objective),
            certificate: CertificateKeys {
                lower_bound: lower,
                upper_bound: upper,
                gap: upper - lower,
            },
            marginal_error: solved.error(),
        }
    }
}

impl Serialize for BarycenterAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let common = &self.common;
        let (pairs, seconds) = self.sums();
        let frame = |solved| FrameKeys {
            average: AverageKeys::of(solved),
            converged: solved.converged(),
            iterations: solved.iterations(),
            products: solved.products(),
        };
        let names = self
            .written
            .iter()
            .map(|file| file.to_string_lossy().into_owned());
        let keys = Keys {
            command: "barycenter",
            inputs: &self.inputs,
            output: names.collect(),
            kind: common.kind.name(),
            n: common.n,
            d: common.d,
            p: whole(common.cost.p()),
            epsilon: common.epsilon,
            blur: common.blur,
            single: self.single().map(AverageKeys::of),
            tolerance: common.tolerance,
            converged: self.converged(),
            iterations: self.iterations(),
            products: self.products(),
            pairs,
            seconds,
            device: &common.device,
            precision: common.precision.name(),
            frames: self
                .frames
                .is_many()
                .then(|| self.solved.iter().map(frame).collect()),
        };
        keys.serialize(serializer)
    }
}

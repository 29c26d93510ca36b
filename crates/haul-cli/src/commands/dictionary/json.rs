//! The JSON object of dictionaries.

use super::answer::DictionaryAnswer;
use super::fit::Model;
use crate::number::whole;
use serde::{Serialize, Serializer};

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    data: &'r [String],
    output: String,
    mixture: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<usize>,
    histograms: usize,
    atoms: usize,
    n: usize,
    d: usize,
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    objective: f64,
    objective_per_datum: f64,
    largest_error: f64,
    largest_error_at: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateKeys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marginal_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frank_wolfe_gap: Option<GapKeys>,
    shares: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Vec<Vec<&'r str>>>,
    steps: usize,
    tolerance: f64,
    converged: bool,
    products: usize,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

#[derive(Serialize)]
struct CertificateKeys {
    lower_bound: f64,
    upper_bound: f64,
    gap: f64,
}

#[derive(Serialize)]
struct GapKeys {
    weights: f64,
    atoms: f64,
}

impl Serialize for DictionaryAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (learned, support) = (&self.learned, &self.histograms.support);
        let (largest_error_at, largest_error) = self.worst();
        let (mixture, kind, loss, iterations) = match learned.model {
            Model::Linear(kind) => ("linear", Some(kind.name()), None, None),
            Model::Barycentric(loss, iterations) => {
                ("barycentric", None, Some(loss.name()), iterations)
            }
        };
        let keys = Keys {
            command: "dictionary",
            data: &self.data,
            output: self.output.to_string_lossy().into_owned(),
            mixture,
            kind,
            loss,
            iterations,
            histograms: learned.errors.len(),
            atoms: self.count(),
            n: support.len(),
            d: support.dimension(),
            p: whole(learned.p),
            epsilon: learned.epsilon,
            blur: learned.blur,
            objective: learned.objective,
            objective_per_datum: self.mean(),
            largest_error,
            largest_error_at,
            certificate: learned.bounds.map(|bounds| CertificateKeys {
                lower_bound: bounds.lower,
                upper_bound: bounds.upper,
                gap: bounds.upper - bounds.lower,
            }),
            marginal_error: learned.error,
            frank_wolfe_gap: learned
                .gaps
                .map(|[weights, atoms]| GapKeys { weights, atoms }),
            shares: self.shares(),
            topics: self.topics(),
            steps: learned.steps,
            tolerance: learned.tolerance,
            converged: learned.converged,
            products: learned.products,
            seconds: learned.seconds,
            device: &learned.device,
            precision: learned.precision.name(),
        };
        keys.serialize(serializer)
    }
}

//! A reduction to k points as an answer.

use crate::headline::Headline;
use crate::number::{effort, error, plain, short};
use crate::transport::text::verdict;
use haul::{QuantizationKind, QuantizationReport, Quantizer};
use serde::{Serialize, Serializer};

/// The numbers of a reduction.
pub(super) struct QuantizeAnswer {
    input: String,
    output: String,
    pub(super) report: QuantizationReport,
    mass: f64,
    /// The least and the largest weight of a point of the result.
    weights: [f64; 2],
}

impl QuantizeAnswer {
    pub(super) fn of([input, output]: [String; 2], found: &Quantizer) -> Self {
        let weights = found.measure().weights();
        let least = weights.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = weights.iter().copied().fold(0.0, f64::max);
        Self {
            input,
            output,
            report: found.report().clone(),
            mass: found.measure().mass(),
            weights: [least, largest],
        }
    }

    /// The root mean square of the distance from a point to the one it stands for.
    fn distance(&self) -> f64 {
        self.report.inertia.sqrt()
    }

    fn headline(&self) -> Headline {
        let report = &self.report;
        let sentence = match report.kind {
            QuantizationKind::Lloyd => {
                "The cloud is so far from the points of the result, in the root mean square: it is their Wasserstein distance W₂."
            }
            _ => "The cloud is so far from the points of the result, in the root mean square.",
        };
        Headline {
            name: "distance".to_owned(),
            value: short(self.distance()),
            beside: format!(", from {} points to {}", report.n, report.k),
            sentence: Some(sentence.to_owned()),
        }
    }

    pub(super) fn text(&self) -> String {
        let report = &self.report;
        let mut rows = self.headline().rows();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("input", self.input.clone());
        row(
            match report.kind {
                QuantizationKind::Lloyd => "W₂²",
                QuantizationKind::Soft => "OT_ε",
                QuantizationKind::Balanced => "S_ε",
            },
            short(report.objective),
        );
        if let Some(epsilon) = report.epsilon {
            let blur = short(epsilon.sqrt());
            row("blur", format!("{blur}, ε = {}", short(epsilon)));
        }
        let [least, largest] = self.weights.map(short);
        row(
            "weights",
            format!("{least} to {largest}, of {} in all", short(self.mass)),
        );
        row(
            "movement",
            format!(
                "{} in the last step, {} {}",
                error(report.movement),
                verdict(report.converged),
                error(report.goal)
            ),
        );
        let work = effort(report.pairs, report.seconds);
        row("effort", format!("{} steps, {work}", report.iterations));
        row(
            "device",
            format!("{}, {}", report.device, report.precision.name()),
        );
        row("written", self.output.clone());
        rows.text()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let report = &self.report;
        let stuck = (!report.converged).then(|| {
            format!(
                "not converged: the last step moved the points by {}; give more --max-iterations",
                error(report.movement)
            )
        });
        let empty = (report.empty > 0).then(|| {
            format!(
                "{} of the {} points stand for no point of the cloud; take a smaller -k, or another --seed",
                plain(report.empty as f64),
                report.k
            )
        });
        stuck.into_iter().chain(empty).collect()
    }
}

/// The JSON object; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    input: &'r str,
    output: &'r str,
    n: usize,
    k: usize,
    d: usize,
    kind: &'static str,
    epsilon: Option<f64>,
    blur: Option<f64>,
    value: f64,
    inertia: f64,
    distance: f64,
    smallest_weight: f64,
    largest_weight: f64,
    empty: usize,
    movement: f64,
    goal: f64,
    converged: bool,
    iterations: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

impl Serialize for QuantizeAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.report;
        let keys = Keys {
            command: "quantize",
            input: &self.input,
            output: &self.output,
            n: report.n,
            k: report.k,
            d: report.d,
            kind: report.kind.name(),
            epsilon: report.epsilon,
            blur: report.epsilon.map(f64::sqrt),
            value: report.objective,
            inertia: report.inertia,
            distance: self.distance(),
            smallest_weight: self.weights[0],
            largest_weight: self.weights[1],
            empty: report.empty,
            movement: report.movement,
            goal: report.goal,
            converged: report.converged,
            iterations: report.iterations,
            pairs: report.pairs,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        };
        keys.serialize(serializer)
    }
}

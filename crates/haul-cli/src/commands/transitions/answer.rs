//! The answer, for a person and as JSON.

use super::moments::Moments;
use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{effort, error, finite, percent, short, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use crate::transport;
use haul::Report;
use serde::{Serialize, Serializer};
use std::path::PathBuf;
use std::sync::Arc;

/// Transitions along clouds.
pub(crate) struct TransitionsAnswer {
    /// The columns of labels, groups and growth.
    pub(super) label: String,
    pub(super) group: Option<String>,
    pub(super) growth: Option<String>,
    pub(super) moments: Arc<Moments>,
    pub(super) transitions: haul::Transitions,
    pub(super) steps: Vec<Step>,
    pub(super) written: Vec<PathBuf>,
    pub(super) seconds: f64,
}

/// The solve between a cloud and the next one.
pub(super) struct Step {
    pub(super) report: Report,
}

/// Shares below this one are put together.
const SMALL: f64 = 0.005;

impl TransitionsAnswer {
    /// The pairs of points that were evaluated.
    pub(super) fn pairs(&self) -> u64 {
        self.steps.iter().map(|step| step.report.pairs).sum()
    }

    /// The clouds in their order.
    pub(super) fn files(&self) -> Vec<String> {
        let paths = self.moments.all.iter().map(|moment| &moment.path);
        paths
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    }

    /// The largest error of the marginals of a plan, as a share of the mass that moves.
    pub(super) fn off(&self) -> f64 {
        let off = self.steps.iter().map(|step| share_off(&step.report));
        off.fold(0.0, f64::max)
    }

    /// A row for each label with mass: the shares of its row of the table or, of ancestors, of its column.
    fn below(&self, rows: &mut Rows, shares: Option<Vec<f64>>, by_row: bool) {
        for (label, parts) in self.parts(shares, by_row) {
            let shown = parts.iter().take_while(|(_, share)| *share >= SMALL);
            let shown = shown.map(|(name, share)| format!("{name} {}", percent(*share)));
            rows.below(label, shown.collect::<Vec<_>>().join(", "));
        }
    }

    /// Of each label with mass, the labels in its row or, of ancestors, in its column, with their shares, the largest first.
    fn parts(&self, shares: Option<Vec<f64>>, by_row: bool) -> Vec<(&str, Vec<(&str, f64)>)> {
        let (labels, k) = (&self.moments.labels, self.moments.labels.len());
        let shares = shares.unwrap_or_default();
        let of = |at: usize| {
            let entry = |other: usize| match by_row {
                true => shares[at * k + other],
                false => shares[other * k + at],
            };
            let mut parts: Vec<(&str, f64)> = (0..k)
                .map(|other| (&*labels[other], entry(other)))
                .filter(|(_, share)| *share > 0.0)
                .collect();
            parts.sort_by(|a, b| b.1.total_cmp(&a.1));
            (&*labels[at], parts)
        };
        let all = (0..k).map(of);
        all.filter(|(_, parts)| !parts.is_empty()).collect()
    }

    /// The object of `--json`.
    fn keys(&self) -> Json<'_> {
        let report = &self.steps[0].report;
        let measures = self.transitions.measures();
        let pairs = (1..measures).flat_map(|to| (0..to).map(move |from| (from, to)));
        let k = self.moments.labels.len().max(1);
        Json {
            command: "transitions",
            files: self.files(),
            label: &self.label,
            group: self.group.as_deref(),
            growth: self.growth.as_deref(),
            labels: &self.moments.labels,
            p: whole(report.cost.p()),
            epsilon: report.epsilon,
            blur: report.blur,
            rho_a: finite(report.rho_a),
            rho_b: finite(report.rho_b),
            steps: self.steps.iter().map(StepJson::of).collect(),
            tables: pairs
                .filter_map(|(from, to)| {
                    let masses = self.transitions.masses(from, to)?;
                    let masses = masses.chunks(k).map(<[f64]>::to_vec).collect();
                    Some(TableJson { from, to, masses })
                })
                .collect(),
            converged: self.outcome() == Outcome::Done,
            pairs: self.pairs(),
            seconds: self.seconds,
            device: &report.device,
            precision: report.precision.name(),
        }
    }
}

impl Serialize for TransitionsAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.keys().serialize(serializer)
    }
}

impl Answer for TransitionsAnswer {
    /// None: the answer is a table.
    fn headline(&self) -> Option<Headline> {
        None
    }

    /// The rows for a person: descendants of each step and of the whole way, and ancestors.
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let files = self.files();
        let last = files.len() - 1;
        let report = &self.steps[0].report;
        rows.row(
            "clouds",
            format!("{}, {} labels", files.len(), self.moments.labels.len()),
        );
        rows.row(
            "problem",
            format!("blur {}, ε = {}", short(report.blur), short(report.epsilon)),
        );
        for (from, [before, after]) in files.array_windows().enumerate() {
            rows.heading(format!("{before} → {after}"));
            self.below(
                &mut rows,
                self.transitions.descendants(from, from + 1),
                true,
            );
        }
        if last > 1 {
            rows.heading(format!("{} → … → {}", files[0], files[last]));
            self.below(&mut rows, self.transitions.descendants(0, last), true);
        }
        rows.heading(format!("ancestors of {} in {}", files[last], files[0]));
        self.below(&mut rows, self.transitions.ancestors(0, last), false);
        let off = error(self.off());
        rows.row("marginals", format!("off by {off} of the mass at most"));
        for path in &self.written {
            rows.row("written", path.display());
        }
        rows.row("effort", effort(self.pairs(), self.seconds));
        rows
    }

    fn page(&self) -> Page {
        Ok(page::page(self))
    }

    fn summary(&self) -> Summary {
        let iterations = self.steps.iter().map(|step| step.report.iterations as u64);
        Summary {
            value: None,
            bounds: None,
            iterations: Some(iterations.sum()),
            seconds: Some(self.seconds),
            pairs: self.pairs(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        transport::warnings(self.steps.iter().map(|step| &step.report))
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.steps.iter().all(|step| step.report.converged))
    }
}

/// The error of the marginals as a share of the mass that moves.
fn share_off(report: &Report) -> f64 {
    match report.mass > 0.0 {
        true => report.certificate.marginal_error() / report.mass,
        false => 0.0,
    }
}

/// The names of its keys are the program's contract.
#[derive(Serialize)]
struct Json<'a> {
    command: &'static str,
    files: Vec<String>,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<&'a str>,
    labels: &'a [String],
    p: serde_json::Value,
    epsilon: f64,
    blur: f64,
    rho_a: Option<f64>,
    rho_b: Option<f64>,
    steps: Vec<StepJson>,
    tables: Vec<TableJson>,
    converged: bool,
    pairs: u64,
    seconds: f64,
    device: &'a str,
    precision: &'static str,
}

/// The solve between two neighbours.
#[derive(Serialize)]
struct StepJson {
    n: usize,
    m: usize,
    value: f64,
    lower_bound: f64,
    upper_bound: f64,
    mass: f64,
    marginal_error: f64,
    converged: bool,
    iterations: usize,
}

impl StepJson {
    fn of(step: &Step) -> Self {
        let report = &step.report;
        Self {
            n: report.n,
            m: report.m,
            value: report.value,
            lower_bound: report.certificate.lower_bound,
            upper_bound: report.certificate.upper_bound,
            mass: report.mass,
            marginal_error: report.certificate.marginal_error(),
            converged: report.converged,
            iterations: report.iterations,
        }
    }
}

/// The masses between the labels of two clouds.
#[derive(Serialize)]
struct TableJson {
    from: usize,
    to: usize,
    masses: Vec<Vec<f64>>,
}

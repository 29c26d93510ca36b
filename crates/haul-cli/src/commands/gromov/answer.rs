//! A Gromov–Wasserstein coupling as an answer.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{effort, error, finite, percent, plain, short};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::rows::Rows;
use crate::spaces::{Kind, Metric};
use haul::GromovReport;
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// The numbers of a coupling, and what was written.
pub(crate) struct GromovAnswer {
    pub(super) pair: Pair,
    pub(super) report: GromovReport,
    pub(super) kind: Kind,
    /// For a page of two clouds of one dimension.
    pub(super) matching: Option<Matching>,
    pub(super) written: Option<PathBuf>,
}

/// The JSON object.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'r str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    metric: &'r str,
    neighbors: Option<u32>,
    epsilon: f64,
    alpha: f64,
    rho: Option<f64>,
    mass: f64,
    value: f64,
    distortion: f64,
    feature_cost: f64,
    kl: f64,
    objective: f64,
    product_objective: f64,
    lower_bound: f64,
    stationarity: f64,
    tolerance: f64,
    converged: bool,
    rise: f64,
    marginal_error: f64,
    starts: usize,
    steps: usize,
    course: &'r [f64],
    softmin_passes: usize,
    pairs: u64,
    seconds: f64,
    device: &'r str,
    precision: &'r str,
}

impl Serialize for GromovAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.report;
        let keys = Keys {
            command: "gromov",
            a: &self.pair.a,
            b: &self.pair.b,
            n: report.n,
            m: report.m,
            metric: self.kind.metric.name(),
            neighbors: self.kind.neighbors,
            epsilon: report.epsilon,
            alpha: report.alpha,
            rho: finite(report.rho),
            mass: report.mass,
            value: self.value(),
            distortion: report.energy,
            feature_cost: report.feature_cost,
            kl: report.kl,
            objective: report.objective,
            product_objective: report.product_objective,
            lower_bound: report.lower_bound,
            stationarity: report.stationarity,
            tolerance: report.tolerance,
            converged: report.converged,
            rise: report.rise,
            marginal_error: report.marginal_error,
            starts: report.starts,
            steps: report.steps,
            course: &report.course,
            softmin_passes: report.softmin_passes,
            pairs: report.pairs,
            seconds: report.seconds,
            device: &report.device,
            precision: report.precision.name(),
        };
        keys.serialize(serializer)
    }
}

impl GromovAnswer {
    /// α times the distortion plus 1 − α times the cost of features.
    pub(super) fn value(&self) -> f64 {
        let report = &self.report;
        report.alpha * report.energy + (1.0 - report.alpha) * report.feature_cost
    }

    pub(super) fn opening(&self) -> Headline {
        let report = &self.report;
        let share = self.value() / report.product_objective;
        let share = share
            .is_finite()
            .then(|| format!(", {} of that of the product plan", percent(share)));
        Headline {
            name: "distortion".to_owned(),
            value: short(self.value()),
            beside: share.unwrap_or_default(),
            sentence: None,
        }
    }

    /// What is known of the plan.
    pub(super) fn proof(&self) -> String {
        let report = &self.report;
        let stationarity = error(report.stationarity);
        let found = match report.converged {
            true => format!("stationary, to {stationarity}"),
            false => format!(
                "not stationary: another step changes its moments by {stationarity}, and {} was asked for",
                plain(report.tolerance)
            ),
        };
        let starts = match report.starts {
            0 | 1 => String::new(),
            starts => format!(", the best of {starts} starts"),
        };
        format!("{found}{starts}; that no other plan is better is not proved")
    }
}

impl Answer for GromovAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let report = &self.report;
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("plan", self.proof());
        if self.kind.metric != Metric::Squared {
            row("metric", self.kind.metric.plural().to_owned());
        }
        match report.rho.is_finite() {
            true => row("mass", format!("{} of 1 is matched", short(report.mass))),
            false => row("lower bound", short(report.lower_bound)),
        }
        if report.alpha < 1.0 {
            row(
                "parts",
                format!(
                    "{} of {} for distances, {} of {} for features",
                    plain(report.alpha),
                    short(report.energy),
                    short(1.0 - report.alpha),
                    short(report.feature_cost)
                ),
            );
        }
        row(
            "objective",
            format!(
                "{} with ε KL{}, ε = {}",
                short(report.objective),
                if report.rho.is_finite() {
                    " and penalties"
                } else {
                    ""
                },
                short(report.epsilon)
            ),
        );
        if let Some(path) = &self.written {
            row("written", path.display().to_string());
        }
        match self.kind.metric {
            Metric::Given => {
                let size =
                    |file: &str, n: usize| format!("{file}, {n} points with given distances");
                rows.row("source", size(&self.pair.a, report.n));
                rows.row("target", size(&self.pair.b, report.m));
            }
            _ => self.pair.rows(&mut rows),
        }
        let mut row = |name: &str, value: String| rows.row(name, value);
        let steps = match report.steps {
            1 => "1 step".to_owned(),
            steps => format!("{steps} steps"),
        };
        row(
            "effort",
            format!(
                "{steps}, {} softmins, {}",
                report.softmin_passes,
                effort(report.pairs, report.seconds)
            ),
        );
        row(
            "device",
            format!("{}, {}", report.device, report.precision.name()),
        );
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        let report = &self.report;
        Summary {
            value: Some(self.value()),
            iterations: Some(report.steps as u64),
            seconds: Some(report.seconds),
            pairs: report.pairs,
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let report = &self.report;
        let mut warnings = Vec::new();
        if !report.converged {
            warnings.push(format!(
                "the plan is not stationary to {}; more --max-steps or a larger --tolerance end the search",
                plain(report.tolerance)
            ));
        }
        if report.rise > 0.0 {
            warnings.push(format!(
                "the objective rose by {} in a step, which exact steps never do; use --precision f64",
                short(report.rise)
            ));
        }
        warnings
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.report.converged)
    }
}

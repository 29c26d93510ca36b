//! Averages as an answer.

use super::frames::Frames;
use super::page;
use crate::answer::{Answer, Summary};
use crate::densities::{self, Density};
use crate::headline::Headline;
use crate::input::Cloud;
use crate::number::{Certified, duration, error, percent, plain, short};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use crate::transport::text::verdict;
use haul::{Average, BarycenterKind, BarycenterReport, Bounds, Measure, Progress};
use std::path::PathBuf;
use std::sync::Arc;

/// An average.
pub(super) struct Solved {
    pub(super) measure: Measure,
    /// λ, of sum 1.
    pub(super) lambda: Vec<f64>,
    /// `None` for an input that is its own average: nothing was computed.
    pub(super) report: Option<BarycenterReport>,
}

impl Solved {
    pub(super) fn of(average: &Average) -> Self {
        Self {
            measure: average.measure().clone(),
            lambda: average.report().lambda.clone(),
            report: Some(average.report().clone()),
        }
    }

    /// An input that is its own average.
    pub(super) fn known(input: &Measure, lambda: &[f64]) -> Self {
        let sum: f64 = lambda.iter().sum();
        Self {
            measure: input.clone(),
            lambda: lambda.iter().map(|weight| weight / sum).collect(),
            report: None,
        }
    }

    pub(super) fn density(&self) -> Density<'_> {
        Density {
            measure: &self.measure,
            is_input: self.report.is_none(),
        }
    }

    /// The objective: that of an input that is its own average is 0.
    pub(super) fn objective(&self) -> f64 {
        self.report.as_ref().map_or(0.0, |report| report.objective)
    }

    /// Bounds of the least objective.
    pub(super) fn bounds(&self) -> Bounds {
        let exact = Bounds {
            lower: 0.0,
            upper: 0.0,
        };
        self.report.as_ref().map_or(exact, |report| report.bounds)
    }

    pub(super) fn gap(&self) -> f64 {
        let Bounds { lower, upper } = self.bounds();
        (upper - lower).max(0.0)
    }

    pub(super) fn error(&self) -> f64 {
        self.report.as_ref().map_or(0.0, |report| report.error)
    }

    pub(super) fn iterations(&self) -> usize {
        self.report.as_ref().map_or(0, |report| report.iterations)
    }

    pub(super) fn products(&self) -> usize {
        self.report.as_ref().map_or(0, |report| report.products)
    }

    pub(super) fn converged(&self) -> bool {
        self.report.as_ref().is_none_or(|report| report.converged)
    }
}

/// One average, or the frames of a sheet.
pub(crate) struct BarycenterAnswer {
    pub(super) inputs: Vec<String>,
    pub(super) measures: Vec<Arc<Cloud>>,
    pub(super) written: Vec<PathBuf>,
    pub(super) frames: Frames,
    pub(super) solved: Vec<Solved>,
    /// The report of a frame, for what all have in common.
    pub(super) common: BarycenterReport,
    pub(super) course: Vec<Progress>,
    pub(super) invert: bool,
}

impl BarycenterAnswer {
    /// The average, if there is one.
    pub(super) fn single(&self) -> Option<&Solved> {
        match &self.solved[..] {
            [single] if !self.frames.is_many() => Some(single),
            _ => None,
        }
    }

    pub(super) fn converged(&self) -> bool {
        self.solved.iter().all(Solved::converged)
    }

    pub(super) fn iterations(&self) -> usize {
        self.solved.iter().map(Solved::iterations).sum()
    }

    pub(super) fn products(&self) -> usize {
        self.solved.iter().map(Solved::products).sum()
    }

    pub(super) fn sums(&self) -> (u64, f64) {
        let reports = || self.solved.iter().filter_map(|frame| frame.report.as_ref());
        let pairs = reports().map(|report| report.pairs).sum();
        (pairs, reports().map(|report| report.seconds).sum())
    }

    pub(super) fn pairs(&self) -> u64 {
        self.sums().0
    }

    pub(super) fn seconds(&self) -> f64 {
        self.sums().1
    }

    pub(super) fn largest_gap(&self) -> f64 {
        self.solved.iter().map(Solved::gap).fold(0.0, f64::max)
    }

    pub(super) fn largest_error(&self) -> f64 {
        self.solved.iter().map(Solved::error).fold(0.0, f64::max)
    }

    /// The objective as a formula.
    pub(super) fn formula(&self) -> &'static str {
        match self.common.kind {
            BarycenterKind::Debiased => "Σ λₛ S_ε(b, bₛ)",
            BarycenterKind::Plain => "Σ λₛ OT_ε(b, bₛ) + ε KL(b | m)",
            BarycenterKind::Product => "Σ λₛ OT_ε(b, bₛ)",
        }
    }

    /// The main number, and what it means.
    pub(super) fn opening(&self) -> Headline {
        let kind = self.common.kind.name();
        let iterations = self.iterations();
        let Some(single) = self.single() else {
            return Headline {
                name: "frames".to_owned(),
                value: self.solved.len().to_string(),
                beside: format!(
                    " of {}, {kind}, {iterations} iterations",
                    self.frames.words()
                ),
                sentence: Some(format!(
                    "The objective of each, {}, is at most {} above the least there is.",
                    self.formula(),
                    error(self.largest_gap())
                )),
            };
        };
        let told = Certified::new(single.objective(), single.bounds());
        Headline {
            name: "objective".to_owned(),
            beside: format!(
                " {} = {}, {kind}, {iterations} iterations",
                told.between(),
                self.formula()
            ),
            value: told.value,
            sentence: Some(self.in_words(single)),
        }
    }

    /// What the objective and its bounds mean.
    pub(super) fn in_words(&self, single: &Solved) -> String {
        let gap = single.gap();
        let value = single.objective();
        let share = match value > 0.0 && gap < value {
            true => format!(", {} of it", percent(gap / value)),
            false => String::new(),
        };
        let better = format!(
            "No average on these points has an objective that is lower by more than {}{share}.",
            error(gap)
        );
        if self.common.kind != BarycenterKind::Debiased || value <= 0.0 {
            return better;
        }
        let p = self.common.cost.p();
        let length = value.powf(1.0 / p);
        let (cells, length) = (densities::in_cells(length, &single.measure), short(length));
        let mean = match p {
            2.0 => "in the root mean square".to_owned(),
            1.0 => "on average".to_owned(),
            p => format!("in the mean of order {}", plain(p)),
        };
        format!("The inputs are {length}{cells} away from it {mean}. {better}")
    }

    /// The points of the average in words.
    pub(super) fn place(&self) -> String {
        let first = self.solved.first();
        first.map_or_else(String::new, |frame| densities::place(&frame.measure))
    }
}

/// λ as it would be typed, with few digits.
pub(super) fn list(lambda: &[f64]) -> String {
    let weights: Vec<_> = lambda.iter().map(|weight| short(*weight)).collect();
    weights.join(", ")
}

impl Answer for BarycenterAnswer {
    fn headline(&self) -> Option<Headline> {
        Some(self.opening())
    }

    fn rows(&self) -> Rows {
        let common = &self.common;
        let mut rows = Rows::default();
        let mut row = |name: &str, value: String| rows.row(name, value);
        row("inputs", self.inputs.join(", "));
        if let Some(single) = self.single() {
            row("λ", list(&single.lambda));
        }
        row("average on", self.place());
        let (blur, epsilon, p) = (short(common.blur), short(common.epsilon), common.cost.p());
        row(
            "blur",
            format!("{blur}, ε = {epsilon} for the cost |x − y|^{}", plain(p)),
        );
        row(
            "marginals",
            format!(
                "off by at most {} in L1, {} {} × mass",
                error(self.largest_error()),
                verdict(self.converged()),
                plain(common.tolerance)
            ),
        );
        let (products, seconds) = (self.products(), duration(self.seconds()));
        row(
            "effort",
            format!(
                "{} iterations, {products} products, {seconds}",
                self.iterations()
            ),
        );
        row(
            "device",
            format!("{}, {}", common.device, common.precision.name()),
        );
        row("written", densities::written(&self.written));
        rows
    }

    fn page(&self) -> Page {
        page::page(self)
    }

    fn summary(&self) -> Summary {
        let single = self.single();
        let (pairs, seconds) = self.sums();
        Summary {
            value: single.map(Solved::objective),
            bounds: single.map(|single| (single.bounds().lower, single.bounds().upper)),
            iterations: Some(self.iterations() as u64),
            seconds: Some(seconds),
            pairs,
        }
    }

    fn warnings(&self) -> Vec<String> {
        let loose = self
            .solved
            .iter()
            .filter(|frame| !frame.converged())
            .count();
        if loose == 0 {
            return Vec::new();
        }
        let of = match self.solved.len() {
            1 => "not converged".to_owned(),
            all => format!("{loose} of {all} frames have not converged"),
        };
        vec![format!(
            "{of}: the marginals are off by up to {}, above the tolerance {}; the bounds hold all the same. Give more \
             --max-iterations, a larger --blur or a larger --tolerance",
            error(self.largest_error()),
            plain(self.common.tolerance)
        )]
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.converged())
    }
}

//! The answer of a run: the matrix that was written, its bounds and warnings.

use super::clusters::Clusters;
use super::entry::Entry;
use super::loss::Loss;
use super::matrix::Matrix;
use super::plan::Plan;
use crate::number::{duration, effort, error, finite, whole};
use crate::rows::Rows;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

/// A matrix that was written.
pub(super) struct PairwiseAnswer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) matrix: &'a Matrix,
    pub(super) clusters: &'a Clusters,
    pub(super) entries: &'a [Entry],
    pub(super) output: &'a Path,
    /// The table of pairs and the picture, if they were written.
    pub(super) beside: [Option<&'a Path>; 2],
    pub(super) effort: Effort,
}

/// The cost of a run.
pub(super) struct Effort {
    pub(super) solves: usize,
    pub(super) pairs: u64,
    pub(super) seconds: f64,
}

/// The JSON object; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Keys<'a> {
    command: &'static str,
    loss: Loss,
    files: Vec<Cow<'a, str>>,
    order: &'a [usize],
    merges: Value,
    p: Value,
    output: Cow<'a, str>,
    gap: Option<f64>,
    uncertain: Vec<(usize, usize)>,
    converged: bool,
    pairs: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<f64>,
}

impl Serialize for PairwiseAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            plan,
            matrix,
            clusters,
            ..
        } = self;
        let epsilon = plan.settings.epsilon;
        let keys = Keys {
            command: "pairwise",
            loss: plan.loss,
            files: plan.names(),
            order: &clusters.order,
            merges: clusters.json(),
            p: whole(plan.p()),
            output: self.output.to_string_lossy(),
            gap: finite(matrix.gap()),
            uncertain: matrix.uncertain(),
            converged: self.converged(),
            pairs: self.effort.pairs,
            seconds: self.effort.seconds,
            epsilon,
            blur: epsilon.map(|epsilon| epsilon.powf(1.0 / plan.p())),
        };
        keys.serialize(serializer)
    }
}

impl PairwiseAnswer<'_> {
    /// Number of comparisons that did not reach their tolerance.
    fn loose(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.converged).count()
    }

    pub(super) fn converged(&self) -> bool {
        self.loose() == 0
    }

    /// The rows for a person.
    pub(super) fn rows(&self) -> Rows {
        let sizes = self.plan.clouds.iter().map(|cloud| cloud.points);
        let (least, most) = sizes.fold((usize::MAX, 0), |(least, most), n| {
            (least.min(n), most.max(n))
        });
        let clouds = self.plan.clouds.len();
        let mut rows = Rows::default();
        match self.plan.loss {
            Loss::Wmd => rows.row(
                "documents",
                format!("{clouds}, of {least} to {most} different words"),
            ),
            _ => rows.row("clouds", format!("{clouds}, of {least} to {most} points")),
        }
        rows.row(
            "entries",
            format!("{}: {}", self.plan.problem(), self.plan.meaning()),
        );
        let gap = self.matrix.gap();
        let bounds = match gap.is_finite() {
            true => format!(
                "numerical, at most {} apart; they are not about sampling",
                error(gap)
            ),
            false if self.plan.loss == Loss::Sliced => {
                "none: each is the mean over these lines".to_owned()
            }
            false if self.plan.loss == Loss::Wmd => {
                "none: each is proved to 1e-9 of itself".to_owned()
            }
            false if self.plan.loss == Loss::Gromov => {
                "none: each is that of the best plan from several starts".to_owned()
            }
            false => "none for some entries".to_owned(),
        };
        rows.row("bounds", bounds);
        let Effort {
            solves,
            pairs,
            seconds,
        } = self.effort;
        let effort = match pairs {
            0 => duration(seconds),
            pairs => effort(pairs, seconds),
        };
        rows.row("effort", format!("{solves} solves, {effort}"));
        let beside = self.beside.iter().flatten();
        let written = std::iter::once(&self.output).chain(beside);
        let written: Vec<_> = written.map(|path| path.display().to_string()).collect();
        rows.row("written", written.join(", "));
        rows
    }

    /// Warnings for the user.
    pub(super) fn warnings(&self) -> Vec<String> {
        let loose = self.loose();
        let caution = (loose > 0).then(|| {
            format!(
                "{loose} of {} comparisons did not converge; raise {}",
                self.entries.len(),
                match self.plan.loss {
                    Loss::Gromov => "--relative",
                    _ => "--max-iterations, --blur or --tolerance",
                }
            )
        });
        let uncertain = self.matrix.caution(self.plan);
        caution.into_iter().chain(uncertain).collect()
    }
}

//! Work on clouds that a device does: alone, as one of the jobs of a batch, or as one pair of many.

use crate::answer::Answer;
use crate::files::Uses;
use crate::input::{Cloud, Input};
use crate::options::{Engine, Solving};
use anyhow::Result;
use haul::{Device, Sinkhorn};
use haul_files as formats;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is computed of some clouds.
pub(crate) trait Task {
    type Answer;

    /// The clouds that are read, in the order in which they are handed over.
    fn inputs(&self) -> Vec<Input<'_>>;

    /// The files that are written beside the answer.
    fn outputs(&self) -> Vec<PathBuf>;

    /// What the value of the answer is. Values of two quantities, or of two costs, do not compare.
    fn quantity(&self) -> String;

    /// Refuses what is wrong whatever the clouds, and targets that cannot be written, as far as that
    /// does not depend on the clouds.
    fn check(&self) -> Result<()>;

    /// The engine that is to compute it; refuses what cannot be computed or written of these clouds.
    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine>;

    /// What there is to do for clouds of so many points.
    fn work(&self, points: &[f64]) -> Work;

    /// Computes it, and writes the files that were asked for beside the answer.
    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Self::Answer>;
}

/// How much a task has to do, before it is run.
pub(crate) struct Work {
    /// The pairs of points that a pass between its clouds goes over.
    pub(crate) between: f64,
    /// Those that passes of each cloud with itself go over, where there are such.
    pub(crate) within: f64,
    /// The solve whose length says how many passes there are; none where it is one.
    pub(crate) iteration: Option<Sinkhorn>,
}

impl Work {
    /// A pass between two clouds.
    pub(crate) fn between(points: &[f64]) -> Self {
        Self {
            between: points.iter().product(),
            within: 0.0,
            iteration: None,
        }
    }

    /// A pass between two clouds, and one of each with itself.
    pub(crate) fn between_and_within(points: &[f64]) -> Self {
        Self {
            within: points.iter().map(|n| n * n).sum(),
            ..Self::between(points)
        }
    }

    /// As many such passes as a solve makes.
    pub(crate) fn iterated(self, sinkhorn: Sinkhorn) -> Self {
        Self {
            iteration: Some(sinkhorn),
            ..self
        }
    }

    /// The pairs of points of one pass each.
    pub(crate) fn pairs(&self) -> f64 {
        self.between + self.within
    }
}

/// A task that people ask for, as a command or a job.
pub(crate) trait Request: Task<Answer: Answer> {
    /// How its answer is handed on.
    fn delivery(&self) -> Delivery<'_>;
}

/// How an answer is handed on.
pub(crate) struct Delivery<'r> {
    /// As JSON, and not as text.
    pub(crate) json: bool,
    /// Without progress and warnings.
    pub(crate) quiet: bool,
    /// The file of its page.
    pub(crate) page: Option<&'r Path>,
}

impl<'r> From<&'r Solving> for Delivery<'r> {
    fn from(solving: &'r Solving) -> Self {
        Self {
            json: solving.json,
            quiet: solving.quiet,
            page: solving.report.as_deref(),
        }
    }
}

/// The files of a task, added to those of whoever asks for it.
pub(crate) fn uses<T: Task + ?Sized>(task: &T, uses: Uses) -> Uses {
    let (inputs, outputs) = (task.inputs(), task.outputs());
    let uses = uses.reads(inputs.into_iter().flat_map(Input::files));
    uses.writes(outputs.iter().map(PathBuf::as_path))
}

/// Computes what was asked for, and writes its page.
pub(crate) fn complete<T: Request>(
    request: &T,
    device: &Device,
    clouds: &[Arc<Cloud>],
) -> Result<T::Answer> {
    let answer = request.answer(device, clouds)?;
    if let Some(file) = request.delivery().page {
        formats::write_text(file, &answer.page()?)?;
    }
    Ok(answer)
}

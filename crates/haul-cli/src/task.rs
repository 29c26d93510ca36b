//! Work on clouds for a device: alone, as a job of a batch, or as one pair of many.

use crate::answer::Answer;
use crate::files::Uses;
use crate::input::{Cloud, Input};
use crate::options::{Engine, Presentation, Solving};
use anyhow::Result;
use haul::{Device, Sinkhorn};
use haul_files as formats;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is computed from some clouds.
pub(crate) trait Task {
    type Answer;

    /// The clouds to read, in the order in which `engine` and `answer` get them.
    fn inputs(&self) -> Vec<Input<'_>>;

    /// The files that it reads beside the clouds.
    fn other_files(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// The files that are written beside the answer.
    fn outputs(&self) -> Vec<PathBuf>;

    /// The quantity that the value is. Values of different quantities, or of different costs, are not comparable.
    fn quantity(&self) -> String;

    /// Refuses what is wrong for any clouds, and targets that cannot be written, as far as that does not depend on
    /// the clouds.
    fn check(&self) -> Result<()>;

    /// The engine to use; refuses what cannot be computed or written for these clouds.
    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine>;

    /// The work for clouds with these numbers of points.
    fn work(&self, points: &[f64]) -> Work;

    /// The file of its passes, and what they depend on beside the clouds.
    fn checkpoint(&self) -> Option<(&Path, &dyn Debug)> {
        None
    }

    /// Computes the answer, and writes the requested files beside it.
    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Self::Answer>;
}

/// The work of a task, before it runs.
pub(crate) struct Work {
    /// Pairs of points in a pass between its clouds.
    pub(crate) between: f64,
    /// Pairs of points in passes of each cloud with itself, if there are any.
    pub(crate) within: f64,
    /// The solve that determines the number of passes; `None` for a single pass.
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

    /// The passes of a solve.
    pub(crate) fn iterated(self, sinkhorn: Sinkhorn) -> Self {
        Self {
            iteration: Some(sinkhorn),
            ..self
        }
    }

    /// The pairs of points of one pass of each kind.
    pub(crate) fn pairs(&self) -> f64 {
        self.between + self.within
    }
}

/// A task that people request, as a command or a job.
pub(crate) trait Request: Task<Answer: Answer> {
    /// Where its answer goes.
    fn delivery(&self) -> Delivery<'_>;
}

/// Where and how an answer is output.
pub(crate) struct Delivery<'r> {
    /// As JSON instead of text.
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

impl<'r> From<&'r Presentation> for Delivery<'r> {
    fn from(presentation: &'r Presentation) -> Self {
        Self {
            json: presentation.json,
            quiet: presentation.quiet,
            page: presentation.report.as_deref(),
        }
    }
}

/// Adds the files of a task to those of its user.
pub(crate) fn uses<T: Task + ?Sized>(task: &T, uses: Uses) -> Uses {
    let (inputs, outputs) = (task.inputs(), task.outputs());
    let read = inputs.into_iter().flat_map(Input::files);
    let uses = uses.reads(read.chain(task.other_files()));
    uses.writes(outputs.iter().map(PathBuf::as_path))
}

/// Computes the answer, and writes its page.
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

//! The commands about two clouds, seen as one: `haul` runs one of them, `haul batch` many.

use crate::arguments::{Engine, Weights};
use crate::device;
use crate::files::{self, Uses};
use crate::input::{self, Given};
use crate::outcome::{self, Outcome};
use anyhow::Result;
use haul::{Device, Measure, Sinkhorn};
use std::path::{Path, PathBuf};

/// A comparison of two clouds, or the map from one to the other, as the command line asks for it.
pub(crate) trait Comparison {
    /// The clouds and their weights.
    fn inputs(&self) -> Inputs<'_>;

    /// The files that it writes beside the result.
    fn outputs(&self) -> Vec<PathBuf>;

    /// Refuses what is wrong whatever the clouds, and targets that cannot be written, as far as that
    /// does not depend on the clouds.
    fn check(&self) -> Result<()>;

    /// The engine that is to compute it; refuses what cannot be computed or written of these measures.
    fn engine(&self, source: &Measure, target: &Measure) -> Result<Engine>;

    /// Computes it, and writes the files that were asked for beside the result.
    fn evaluate(&self, device: &Device, source: &Given, target: &Given) -> Result<Compared>;

    /// The solve whose length tells how long it takes; none where one pass does.
    fn iteration(&self) -> Option<Sinkhorn>;

    /// The pairs of points that a pass goes over, for clouds of n and m points.
    fn pairs(&self, n: u64, m: u64) -> u64;
}

/// Two files of points, and what weighs them.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'c> {
    pub(crate) a: &'c Path,
    pub(crate) b: &'c Path,
    pub(crate) weights: &'c Weights,
    /// Whether every point of the first one is moved, also where the measure has but some of them.
    pub(crate) moves_a: bool,
}

/// What came out of a comparison.
pub(crate) struct Compared {
    /// The result, in lines: for a person, or a JSON object.
    pub(crate) output: String,
    /// What a user should know beside it.
    pub(crate) warnings: Vec<String>,
    pub(crate) outcome: Outcome,
}

/// The files of a comparison, added to those of whoever asks for it.
pub(crate) fn uses(comparison: &dyn Comparison, uses: Uses) -> Uses {
    let outputs = comparison.outputs();
    let uses = uses.reads(comparison.inputs().files());
    uses.writes(outputs.iter().map(PathBuf::as_path))
}

/// Runs one comparison.
pub(crate) fn run(comparison: &impl Comparison) -> Result<Outcome> {
    files::check_apart(&[uses(comparison, Uses::of_command())])?;
    comparison.check()?;
    let (source, target) = input::both(comparison.inputs())?;
    let device = device::open(&comparison.engine(&source.measure, &target.measure)?)?;
    let compared = comparison.evaluate(&device, &source, &target)?;
    outcome::show(&compared.output)?;
    for warning in &compared.warnings {
        outcome::warn(warning);
    }
    Ok(compared.outcome)
}

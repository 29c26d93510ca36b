//! The checked problem of an average: its inputs, which must be alike, its points and its blur.

use super::Barycenter;
use crate::cautions;
use crate::densities::{check_alike, is_array};
use crate::input::{Cloud, on_grid};
use anyhow::{Result, bail};
use haul::{Measure, Regularization};
use std::sync::Arc;

/// The inputs, and the points of the average.
pub(super) struct Problem<'c> {
    pub(super) inputs: Vec<&'c Measure>,
    /// The points, all of one weight.
    pub(super) support: Measure,
    pub(super) blur: Regularization,
}

impl Barycenter {
    /// The inputs, and the points and the blur of the average; refuses inputs that have no average there.
    pub(super) fn problem<'c>(&self, clouds: &'c [Arc<Cloud>]) -> Result<Problem<'c>> {
        let (inputs, support) = clouds.split_at(self.inputs.len().min(clouds.len()));
        let inputs: Vec<_> = inputs.iter().map(|cloud| &cloud.measure).collect();
        let Some(first) = inputs.first() else {
            bail!("an average needs at least one input");
        };
        check_alike(&self.inputs.iter().collect::<Vec<_>>(), &inputs)?;
        let support = match (support.first(), on_grid(first)) {
            (Some(support), _) => &support.measure,
            (None, Some(_)) => first,
            (None, None) => {
                let hint = match self.inputs.iter().all(|file| is_array(file)) {
                    true => "; if these arrays are images, add --grid",
                    false => "",
                };
                bail!(
                    "the average of clouds needs points to be on: name a file of them with --support, or let --points find their places{hint}"
                )
            }
        };
        if support.dimension() != first.dimension() {
            bail!(
                "--support has dimension {}, and the inputs have {}; give points of one space",
                support.dimension(),
                first.dimension()
            );
        }
        let blur = self.smoothing.on(support);
        let support = support.clone().with_weights(&vec![1.0; support.len()])?;
        Ok(Problem {
            inputs,
            support,
            blur,
        })
    }

    /// Warnings about inputs, and about a blur that is too small for the points of the average.
    pub(super) fn cautions(&self, problem: &Problem<'_>) -> Vec<String> {
        let inputs = self.inputs.iter().zip(&problem.inputs);
        let doubtful = inputs.filter_map(|(file, input)| cautions::doubtful(file, input));
        let fine = self
            .smoothing
            .blur
            .and_then(|blur| cautions::too_fine(blur, [&problem.support]));
        doubtful.chain(fine).collect()
    }
}

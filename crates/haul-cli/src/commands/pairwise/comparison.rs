//! The comparison of two clouds of a matrix, as a task.

use super::entry::Entry;
use crate::device;
use crate::input::{self, Cloud, Input};
use crate::options::{self, Engine, Treatment};
use crate::task::{Task, Work};
use anyhow::Result;
use haul::{Device, Energy, Sinkhorn};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two clouds, and what is between them.
pub(super) struct Comparison<'p> {
    pub(super) files: [&'p Path; 2],
    pub(super) treatment: &'p Treatment,
    pub(super) engine: &'p Engine,
    pub(super) between: Between,
}

/// What is computed of two clouds.
pub(super) enum Between {
    /// OT_ε.
    Transport { sinkhorn: Sinkhorn, tolerance: f64 },
    /// An energy distance.
    Energy(Energy),
}

impl Task for Comparison<'_> {
    type Answer = Entry;

    fn inputs(&self) -> Vec<Input<'_>> {
        let input = |points| Input {
            points,
            weights: None,
            treatment: self.treatment,
            moved: false,
        };
        self.files.map(input).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn quantity(&self) -> String {
        match self.between {
            Between::Transport { .. } => "OT_ε",
            Between::Energy(_) => "energy distance",
        }
        .to_owned()
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        let [a, b] = self.files;
        match &self.between {
            Between::Transport {
                sinkhorn,
                tolerance,
            } => {
                let problem = options::named(sinkhorn.problem(source, target), a, b)?;
                Ok(device::engine_for(self.engine, &problem, *tolerance, true))
            }
            Between::Energy(energy) => {
                options::named(energy.check(source, target), a, b)?;
                Ok(self.engine.clone())
            }
        }
    }

    fn work(&self, points: &[f64]) -> Work {
        match &self.between {
            Between::Transport { sinkhorn, .. } => Work::between(points).iterated(sinkhorn.clone()),
            Between::Energy(_) => Work::between_and_within(points),
        }
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Entry> {
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        Ok(match &self.between {
            Between::Transport { sinkhorn, .. } => {
                sinkhorn.solve(device, source, target)?.report().into()
            }
            Between::Energy(energy) => (&energy.evaluate(device, source, target)?).into(),
        })
    }
}

//! `--gradient` and `--gradient-weights`: the derivatives of a value in the first cloud, as arrays.

use crate::input::{Cloud, on_grid};
use crate::number;
use anyhow::{Result, bail};
use clap::Args;
use haul_files::{self as formats, Array};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Derivatives that are written.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Gradients {
    /// Write the derivative in the points of the first cloud, a float64 array n×d
    #[arg(long, value_name = "G.npy")]
    pub(crate) gradient: Option<PathBuf>,

    /// Write the derivative in the weights of the first cloud, a float64 array, of a grid with its last axis
    /// fastest; where masses must be equal, for changes that keep the mass
    #[arg(long, value_name = "W.npy")]
    pub(crate) gradient_weights: Option<PathBuf>,
}

impl Gradients {
    /// Whether any gradient is requested.
    pub(crate) fn wanted(&self) -> bool {
        self.gradient.is_some() || self.gradient_weights.is_some()
    }

    /// The files of the requested gradients.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.gradient, &self.gradient_weights]
            .into_iter()
            .flatten()
    }

    /// Refuses files that cannot be written, before a solve.
    pub(crate) fn check(&self) -> Result<()> {
        for path in self.outputs() {
            formats::check_target(path, ".npy")?;
        }
        Ok(())
    }

    /// Refuses a derivative in the points of a grid, which do not move.
    pub(crate) fn check_points(&self, file: &Path, clouds: &[Arc<Cloud>]) -> Result<()> {
        let first = clouds.first().and_then(|cloud| on_grid(&cloud.measure));
        if first.is_some() && self.gradient.is_some() {
            bail!(
                "{}: holds masses on a grid, whose cells do not move; --gradient-weights writes the derivative in the masses",
                file.display()
            );
        }
        Ok(())
    }

    /// The requested gradients: those in the weights alone, which need no pass and exist on grids as well, or both.
    pub(crate) fn of(
        &self,
        both: impl FnOnce() -> haul::Result<haul::Gradient>,
        weights: impl FnOnce() -> haul::Result<[Vec<f64>; 2]>,
    ) -> haul::Result<haul::Gradient> {
        if self.gradient.is_some() {
            return both();
        }
        let [weights, _] = weights()?;
        Ok(haul::Gradient {
            points: Vec::new(),
            weights,
        })
    }

    /// What was written, and how exact it is; `None` if nothing was. `error` is that of the marginals, in which the error
    /// of a gradient is linear.
    pub(crate) fn in_words(&self, error: f64) -> Option<String> {
        let files: Vec<_> = self
            .outputs()
            .map(|path| path.display().to_string())
            .collect();
        (!files.is_empty()).then(|| {
            format!(
                "{}; its relative error is about that of the marginals, {}, and several times that between nearly equal clouds: a \
                 smaller --tolerance lowers it",
                files.join(", "),
                number::error(error)
            )
        })
    }

    /// Writes the requested gradients.
    pub(crate) fn write(&self, gradient: &haul::Gradient) -> Result<()> {
        let haul::Gradient { points, weights } = gradient;
        if let Some(path) = &self.gradient {
            write(
                path,
                points,
                vec![weights.len(), points.len() / weights.len()],
            )?;
        }
        if let Some(path) = &self.gradient_weights {
            write(path, weights, vec![weights.len()])?;
        }
        Ok(())
    }
}

fn write(path: &Path, values: &[f64], shape: Vec<usize>) -> Result<()> {
    let array = Array {
        name: "gradient",
        shape,
        values,
    };
    Ok(formats::write_npy(path, &array)?)
}

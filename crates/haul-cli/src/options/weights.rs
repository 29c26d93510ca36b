//! The weights of the points of two clouds.

use super::treatment::Treatment;
use clap::Args;
use std::path::PathBuf;

/// What may weigh the points, and what is made of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct Weights {
    /// Weights of the first cloud: a .npy, or one column of a .csv
    #[arg(long, value_name = "F")]
    pub(crate) weights_a: Option<PathBuf>,

    /// Weights of the second cloud
    #[arg(long, value_name = "F")]
    pub(crate) weights_b: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) treatment: Treatment,
}

//! Pictures of densities beside their file.

use anyhow::Result;
use clap::Args;
use haul_files as formats;
use std::path::PathBuf;

/// Pictures of densities beside their file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Pictures {
    /// Write a picture: of an image as it is, of a volume slices across its first axis, a row a frame
    #[arg(long, value_name = "F.png")]
    pub(crate) image: Option<PathBuf>,

    /// Write the surface of a volume, where its density is half of the density at a place of its mass on average;
    /// of each frame one, F_00.ply, F_01.ply, …
    #[arg(long, value_name = "F.ply")]
    pub(crate) mesh: Option<PathBuf>,
}

impl Pictures {
    /// Refuses files that cannot be written.
    pub(crate) fn check(&self) -> Result<()> {
        for (path, extension) in [(&self.image, ".png"), (&self.mesh, ".ply")] {
            if let Some(path) = path {
                formats::check_target(path, extension)?;
            }
        }
        Ok(())
    }
}

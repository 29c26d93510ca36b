//! `haul sample`: a synthetic cloud as a file.

mod shape;

use crate::command::{Command, Program};
use crate::options::{MOST_U32, whole};
use crate::outcome::Outcome;
use anyhow::Result;
use clap::Args;
use haul_files as formats;
use shape::Shape;
use std::path::PathBuf;

/// Write a synthetic cloud
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul sample torus --n 5000 --seed 1 -o torus.ply")]
pub(crate) struct Sample {
    /// The distribution
    #[arg(value_enum)]
    shape: Shape,

    /// Points
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    n: u32,

    /// The seed; the same one gives the same points
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u64, 0, { u64::MAX }>)]
    seed: u64,

    /// The file: .npy .npz .ply .csv .tsv .xyz; - is standard output
    #[arg(short, long, value_name = "F", help_heading = "Output")]
    output: PathBuf,

    /// The format of a file whose name tells none, as - or /dev/stdout: csv, ply, npy.gz and so on
    /// [default of -: csv]
    #[arg(long, value_name = "EXT", help_heading = "Output")]
    format: Option<haul_files::Kind>,
}

impl Command for Sample {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let points = shape::sample(self.shape, self.n as usize, self.seed);
        formats::write_cloud(&self.output, self.format, &points, 3, None)?;
        Ok(Outcome::Done)
    }
}

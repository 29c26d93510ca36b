//! `haul thin`: what the commands would make of a cloud, as a file.

use crate::command::{Command, Program};
use crate::digits::short;
use crate::files::{self, Uses};
use crate::input;
use crate::options::Treatment;
use crate::outcome::{self, Outcome};
use crate::rows::Rows;
use anyhow::{Context, Result};
use clap::Args;
use haul_files as formats;
use std::path::{Path, PathBuf};

/// Write a cloud again: thinned, of other columns, or in another format
#[derive(Debug, Args)]
#[command(
    after_help = "The points and their weights are written and nothing else: no colours, no normals, no faces.\nThe divergence of two samples of one scan, of two seeds, says how much chance alone makes of it.\n\nExample:\n  haul thin a.ply --voxel 0.2 --equal-weights -o thin.ply"
)]
pub(crate) struct Thin {
    /// The cloud
    input: PathBuf,

    /// The file: .npy .npz .ply .csv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    #[command(flatten)]
    treatment: Treatment,
}

impl Command for Thin {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let Thin {
            input,
            output,
            treatment,
        } = self;
        let uses = Uses::of_command().reads([&**input]);
        files::check_apart(&[uses.writes([&**output])])?;
        let cloud = input::file(input, treatment)?;
        let (d, before) = (cloud.dimension, cloud.points.len() / cloud.dimension);
        formats::check_cloud(output, treatment.format, d)?;
        let cloud = treatment.apply(cloud)?;
        let weighted = cloud.weights.is_some();
        let measure =
            input::measure(cloud, treatment).with_context(|| input.display().to_string())?;
        let weights = measure.weights();
        let equal = weights.iter().all(|weight| *weight == weights[0]);
        // Where there is no place for weights, points weigh the same.
        let stored = weighted && (!equal || formats::holds_weights(output, treatment.format)?);
        let weights = stored.then_some(weights);
        formats::write_cloud(output, treatment.format, measure.points(), d, weights)?;
        if weighted && !stored && (measure.mass() - 1.0).abs() > 1e-9 {
            let (file, mass) = (output.display(), short(measure.mass()));
            outcome::warn(&format!(
                "{file} has no place for weights: its mass is 1 where it was {mass}; write .npz, .ply or .csv to keep it"
            ));
        }
        if output == Path::new("-") {
            return Ok(Outcome::Done);
        }
        let mut rows = Rows::default();
        rows.row(
            "read",
            format!("{}, {before} points in dimension {d}", input.display()),
        );
        rows.row(
            "written",
            format!("{}, {} points", output.display(), measure.len()),
        );
        outcome::show(&rows.text())?;
        Ok(Outcome::Done)
    }
}

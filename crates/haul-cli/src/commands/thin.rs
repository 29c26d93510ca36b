//! `haul thin`: writes a cloud as the commands would use it.

use crate::command::{Command, Program};
use crate::files::{self, Uses};
use crate::input;
use crate::number::short;
use crate::options::{Motion, Treatment};
use crate::outcome::{self, Outcome};
use crate::rows::Rows;
use anyhow::{Context, Result};
use clap::Args;
use haul::Transform;
use haul_files::{self as formats, Attributes};
use std::path::{Path, PathBuf};

/// Write a cloud again: thinned, moved, of other columns, or in another format
#[derive(Debug, Args)]
#[command(
    mut_arg("normalize", |it| it.help("Scale the mass to 1")),
    mut_arg("mass_unit", |it| it.help("Divide the weights by M")),
    after_help = "The points, their weights and the names of their columns in a .csv are written and nothing else: no colours, no normals, no faces. Only where points are moved and none is left out, all else is kept as haul map keeps it, and normals turn.\nPoints are thinned first, and moved then: by --scale, --rotate, --translate and --matrix, in this order.\nThe divergence of two samples of one scan, of two seeds, says how much chance alone makes of it.\n\nExample:\n  haul thin a.ply --voxel 0.2 --equal-weights -o thin.ply\n  haul thin b.ply --scale 0.001 --rotate z:90 --translate 0,0,1.5 -o m.ply"
)]
pub(crate) struct Thin {
    /// The cloud
    input: PathBuf,

    /// The file: .npy .npz .ply .csv .tsv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    #[command(flatten)]
    motion: Motion,

    #[command(flatten)]
    treatment: Treatment,
}

impl Command for Thin {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let Thin {
            input,
            output,
            motion,
            treatment,
        } = self;
        let uses = Uses::of_command().reads([&**input].into_iter().chain(motion.file()));
        files::check_apart(&[uses.writes([&**output])])?;
        let cloud = input::file(input, treatment)?;
        let (d, before) = (cloud.dimension, cloud.points.len() / cloud.dimension);
        let transform = motion.transform(d)?;
        formats::check_cloud(output, treatment.format, d)?;
        let names = cloud.names.clone();
        if let Some(transform) = transform.as_ref().filter(|_| treatment.keeps_points()) {
            self.write_moved(&cloud, transform)?;
            return self.tell(d, [before; 2]);
        }
        let cloud = treatment.apply(cloud)?;
        let weighted = cloud.weights.is_some();
        let measure =
            input::measure(cloud, treatment).with_context(|| input.display().to_string())?;
        let weights = measure.weights();
        let equal = weights.iter().all(|weight| *weight == weights[0]);
        // In a format without weights, points have equal weights.
        let stored = weighted && (!equal || formats::holds_weights(output, treatment.format)?);
        let weights = stored.then_some(weights);
        let moved = transform
            .map(|map| map.apply(measure.points()))
            .transpose()?;
        let points = moved.as_deref().unwrap_or(measure.points());
        let attributes = Attributes {
            names: names.as_deref(),
            ..Attributes::default()
        };
        formats::write_with(output, treatment.format, points, d, weights, &attributes)?;
        if weighted && !stored && (measure.mass() - 1.0).abs() > 1e-9 {
            let (file, mass) = (output.display(), short(measure.mass()));
            outcome::warn(&format!(
                "{file} has no place for weights: its mass is 1 where it was {mass}; write .npz, .ply or .csv to keep it"
            ));
        }
        self.tell(d, [before, measure.len()])
    }
}

impl Thin {
    /// Writes all points, mapped by a transform, with all other data of their file.
    fn write_moved(&self, cloud: &formats::Cloud, transform: &Transform) -> Result<()> {
        let Self {
            input,
            output,
            treatment,
            ..
        } = self;
        let (reading, d) = (treatment.reading(), cloud.dimension);
        formats::check_moved(output, (input, &reading), d)?;
        let normals = transform.normal_matrix();
        let attributes = Attributes {
            normals: normals.as_deref().ok(),
            names: cloud.names.as_deref(),
            ..Attributes::default()
        };
        let moved = transform.apply(&cloud.points)?;
        let weights = cloud.weights.as_deref();
        Ok(formats::write_moved(
            output,
            (input, &reading),
            &moved,
            d,
            weights,
            &attributes,
        )?)
    }

    /// Prints how many points were read and written.
    fn tell(&self, dimension: usize, [before, after]: [usize; 2]) -> Result<Outcome> {
        let Self { input, output, .. } = self;
        if output == Path::new("-") {
            return Ok(Outcome::Done);
        }
        let mut rows = Rows::default();
        rows.row(
            "read",
            format!(
                "{}, {before} points in dimension {dimension}",
                input.display()
            ),
        );
        rows.row("written", format!("{}, {after} points", output.display()));
        outcome::show(&rows.text())?;
        Ok(Outcome::Done)
    }
}

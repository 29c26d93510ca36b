//! `haul align`: the motion that brings one cloud onto another, as a matrix and as a moved file.

mod answer;
mod page;

use crate::cautions;
use crate::device;
use crate::input::{self, Cloud, Input};
use crate::options::{self, Engine, Settings, Weights};
use crate::outcome;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Fitting;
use crate::task::{Delivery, Request, Task, Work};
use answer::AlignAnswer;
use anyhow::{Result, bail};
use clap::Args;
use haul::{Alignment, Device, Family, Measure, Registration, Regularization};
use haul_files::{self as formats, Attributes};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Plans of a registration, about: those of every blur and of every start, which are of some of the points.
const PLANS: f64 = 20.0;

/// Find the motion that brings a cloud onto another one, and move it
#[derive(Debug, Args)]
#[command(
    mut_arg("blur", |it| it.help(
        "The blur σ of the last steps, a length: ε = σ² [default: 0.05 of the diagonal of the box around the second cloud]"
    )),
    mut_arg("p", |it| it.hide(true)),
    after_help = "The motion is a rotation and a translation, without a reflection, that makes the Sinkhorn divergence least; the clouds may be turned by any angle. With --reach a part of a cloud, or one with strays, is matched as far as it goes; the answer tells how much of the mass that is. The matrix is in homogeneous coordinates, for points as columns: x ↦ A x + t.\n\nFrom .ply to .ply all else is kept byte for byte, and normals turn. With --subsample or --voxel the motion is found by fewer points, and every point of A is moved.\n\nExample:\n  haul align a.ply b.ply --reach 0.5 -o moved.ply --matrix-out motion.txt"
)]
pub(crate) struct Align {
    /// The cloud that is moved
    a: PathBuf,

    /// The cloud it is moved onto
    b: PathBuf,

    /// The moved cloud: .npy .npz .ply .csv .tsv .xyz; - is standard output, where nothing else is written
    #[arg(short, long, value_name = "MOVED", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Find a scale as well, one for all axes
    #[arg(long, conflicts_with = "affine")]
    scale: bool,

    /// Find any affine map: one that shears, stretches and perhaps reflects
    #[arg(long)]
    affine: bool,

    /// Write the matrix: lines of numbers with spaces between them, or a .npy
    #[arg(long, value_name = "F", help_heading = "Output")]
    matrix_out: Option<PathBuf>,

    /// Begin at the map of this matrix, as --matrix-out writes it, in place of trying many rotations
    #[arg(long, value_name = "F")]
    start: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    weights: Weights,

    #[command(flatten)]
    engine: Engine,

    /// Write a page for people: the answer, its certificate and a picture of the first cloud on the second
    #[arg(long, value_name = "F.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

impl Task for Align {
    type Answer = AlignAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let [a, b] = Input::pair([&self.a, &self.b], &self.weights);
        let moved = self.output.is_some();
        vec![Input { moved, ..a }, b]
    }

    fn other_files(&self) -> Vec<&Path> {
        self.start.as_deref().into_iter().collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        self.written().chain(&self.report).cloned().collect()
    }

    fn quantity(&self) -> String {
        "motion".to_owned()
    }

    fn check(&self) -> Result<()> {
        if self.is_printed() && self.json {
            bail!("-o - writes one cloud and nothing else; name a file, or leave --json out");
        }
        if let Some(path) = &self.report {
            formats::check_target(path, ".html")?;
        }
        self.matrix_out
            .as_deref()
            .map_or(Ok(()), |path| Ok(formats::check_matrix(path)?))
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [a, b] = input::two(clouds)?.map(|cloud| &cloud.measure);
        let registration = self.registration(a.dimension())?;
        options::named(registration.check(a, b), &self.a, &self.b)?;
        if let Some(path) = &self.output {
            let reading = self.weights.treatment.reading();
            formats::check_moved(path, (&self.a, &reading), a.dimension())?;
        }
        let blur = registration.last_blur(b);
        if !self.quiet {
            for caution in cautions::cautions([(&self.a, a), (&self.b, b)], blur) {
                outcome::warn(&caution);
            }
        }
        // The precision must suffice where the aligned clouds coincide.
        let together = self
            .settings
            .sinkhorn()
            .regularized(Regularization::Blur(blur));
        let problem = options::named(together.problem(b, b), &self.b, &self.b)?;
        let tolerance = self.settings.tolerance;
        Ok(device::engine_for(
            &self.engine,
            &problem,
            tolerance,
            self.quiet,
        ))
    }

    fn work(&self, points: &[f64]) -> Work {
        let one = Work::between(points);
        Work {
            between: PLANS * one.between,
            ..one
        }
        .iterated(self.settings.sinkhorn())
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<AlignAnswer> {
        let [source, target] = input::two(clouds)?;
        let (a, b) = (&source.measure, &target.measure);
        let fitting = Fitting::new(self.quiet);
        let alignment =
            self.registration(a.dimension())?
                .align_observed(device, a, b, |progress| fitting.observe(progress))?;
        drop(fitting);
        self.write(&alignment, source)?;
        let files = [&*self.a, &*self.b];
        Ok(AlignAnswer {
            on_target: match self.report {
                Some(_) => Some(on_target(&alignment, files, [source, target])?),
                None => None,
            },
            pair: Pair::new(files, [source, target]),
            report: alignment.solution.report().clone(),
            transform: alignment.transform,
            family: alignment.family,
            residual: alignment.residual,
            movement: alignment.movement,
            matched: alignment
                .shares
                .iter()
                .filter(|share| **share >= 0.5)
                .count(),
            iterations: alignment.iterations,
            converged: alignment.converged,
            seconds: alignment.seconds,
            written: self.written().cloned().collect(),
        })
    }
}

impl Request for Align {
    fn delivery(&self) -> Delivery<'_> {
        Delivery {
            json: self.json,
            quiet: self.quiet,
            page: self.report.as_deref(),
        }
    }
}

impl Align {
    /// The files of the result.
    fn written(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.output, &self.matrix_out].into_iter().flatten()
    }

    /// Whether the moved cloud goes to standard output.
    fn is_printed(&self) -> bool {
        self.output.as_deref() == Some(Path::new("-"))
    }

    fn family(&self) -> Family {
        match (self.scale, self.affine) {
            (true, _) => Family::Similarity,
            (_, true) => Family::Affine,
            _ => Family::Rigid,
        }
    }

    fn registration(&self, dimension: usize) -> Result<Registration> {
        let registration = Registration::new(self.family(), self.settings.sinkhorn());
        let Some(file) = &self.start else {
            return Ok(registration);
        };
        Ok(registration.start(options::transform_from(file, dimension)?))
    }

    /// Writes the moved cloud and the matrix.
    fn write(&self, alignment: &Alignment<&Device>, source: &Cloud) -> Result<()> {
        let (transform, d) = (&alignment.transform, source.measure.dimension());
        if let Some(path) = &self.output {
            let normals = transform.normal_matrix();
            let attributes = Attributes {
                normals: normals.as_deref().ok(),
                names: source.names.as_deref(),
                ..Attributes::default()
            };
            let moved = transform.apply(source.points())?;
            let reading = self.weights.treatment.reading();
            let (from, weights) = ((&*self.a, &reading), source.weights.as_deref());
            formats::write_moved(path, from, &moved, d, weights, &attributes)?;
        }
        if let Some(path) = &self.matrix_out {
            formats::write_matrix(path, transform.matrix(), d + 1)?;
        }
        Ok(())
    }
}

/// The first cloud as the motion brings it onto the second, with the last plan between them.
fn on_target(
    alignment: &Alignment<&Device>,
    files: [&Path; 2],
    [source, target]: [&Arc<Cloud>; 2],
) -> Result<(Pair, Matching)> {
    let measure = &source.measure;
    let points = alignment.transform.apply(measure.points())?;
    let moved = Measure::new(points, measure.dimension(), measure.weights().to_vec())?;
    let matching = Matching::of(&alignment.solution, &moved, &target.measure)?;
    let moved = Arc::new(Cloud::from(moved));
    Ok((Pair::new(files, [&moved, target]), matching))
}

//! `haul align`: the motion that brings one cloud onto another, as a matrix and as a moved file.

use crate::cautions;
use crate::command::{Command, Program};
use crate::device;
use crate::files::{self, Uses};
use crate::input::{self, Input};
use crate::number::{duration, error, finite, short, significant};
use crate::options::{self, Engine, Settings, Weights};
use crate::outcome::{self, Outcome};
use crate::pair::Pair;
use crate::progress::Fitting;
use crate::rows::{BAD, GOOD, Rows, STRONG, styled};
use crate::transport::Certificate;
use crate::transport::penalties::penalties;
use anyhow::{Result, bail};
use clap::Args;
use haul::{Alignment, Device, Family, Measure, Registration, Regularization};
use haul_files::{self as formats, Attributes};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Find the motion that brings a cloud onto another one, and move it
#[derive(Debug, Args)]
#[command(
    mut_arg("blur", |it| it.help(
        "The blur σ of the last steps, a length: ε = σ² [default: 0.05 of the diagonal of the box around the second cloud]"
    )),
    mut_arg("p", |it| it.hide(true)),
    after_help = "The motion is a rotation and a translation, without a reflection, that makes the Sinkhorn divergence least; the clouds may be turned by any angle. With --reach a part of a cloud, or one with strays, is matched as far as it goes. The matrix is in homogeneous coordinates, for points as columns: x ↦ A x + t.\n\nFrom .ply to .ply all else is kept byte for byte, and normals turn. With --subsample or --voxel the motion is found by fewer points, and every point of A is moved.\n\nExample:\n  haul align a.ply b.ply --reach 0.5 -o moved.ply --matrix-out motion.txt"
)]
pub(crate) struct Align {
    /// The cloud that is moved
    a: PathBuf,

    /// The cloud it is moved onto
    b: PathBuf,

    /// The moved cloud: .npy .npz .ply .csv .xyz; - is standard output, where nothing else is written
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

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

impl Command for Align {
    fn run(&self, _: &Program) -> Result<Outcome> {
        let inputs = self.inputs();
        let read = inputs.iter().flat_map(|input| input.files());
        let written = [&self.output, &self.matrix_out].into_iter().flatten();
        let uses = Uses::of_command().reads(read.chain(self.start.as_deref()));
        files::check_apart(&[uses.writes(written.map(PathBuf::as_path))])?;
        let silent = self.output.as_deref() == Some(Path::new("-"));
        if silent && self.json {
            bail!("-o - writes one cloud and nothing else; name a file, or leave --json out");
        }
        let clouds = input::read_all(&inputs)?;
        let [source, target] = input::two(&clouds)?;
        let (a, b) = (&source.measure, &target.measure);
        let registration = self.registration(a.dimension())?;
        options::named(registration.check(a, b), &self.a, &self.b)?;
        let reading = self.weights.treatment.reading();
        if let Some(path) = &self.output {
            formats::check_moved(path, (&self.a, &reading), a.dimension())?;
        }
        self.matrix_out
            .as_deref()
            .map_or(Ok(()), formats::check_matrix)?;
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
        let engine =
            device::engine_for(&self.engine, &problem, self.settings.tolerance, self.quiet);
        let device = device::open(&engine)?;
        let fitting = Fitting::new(self.quiet);
        let alignment =
            registration.align_observed(&device, a, b, |progress| fitting.observe(progress))?;
        drop(fitting);
        let transform = &alignment.transform;
        if let Some(path) = &self.output {
            let normals = transform.normal_matrix();
            let attributes = Attributes {
                normals: normals.as_deref().ok(),
                ..Attributes::default()
            };
            let moved = transform.apply(source.points())?;
            let (from, weights) = ((&*self.a, &reading), source.weights.as_deref());
            formats::write_moved(path, from, &moved, a.dimension(), weights, &attributes)?;
        }
        if let Some(path) = &self.matrix_out {
            formats::write_matrix(path, transform.matrix(), transform.dimension() + 1)?;
        }
        let pair = Pair::new([&self.a, &self.b], [source, target]);
        let answer = AlignAnswer::new(&pair, &alignment);
        if self.json {
            outcome::print(&(serde_json::to_string(&answer)? + "\n"))?;
        } else if !silent {
            outcome::show(&self.rows(&pair, &alignment)?.text())?;
        }
        if !alignment.converged && !self.quiet {
            outcome::warn(&stuck(&alignment));
        }
        Ok(Outcome::of(alignment.converged))
    }
}

impl Align {
    fn inputs(&self) -> [Input<'_>; 2] {
        let [a, b] = Input::pair([&self.a, &self.b], &self.weights);
        [
            Input {
                moved: self.output.is_some(),
                ..a
            },
            b,
        ]
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

    /// The rows for a person.
    fn rows(&self, pair: &Pair, alignment: &Alignment<&Device>) -> Result<Rows> {
        let Alignment {
            transform,
            solution,
            ..
        } = alignment;
        let report = solution.report();
        let mut rows = Rows::default();
        rows.row("motion", styled(STRONG, motion(alignment, pair)?));
        let entries: Vec<String> = transform.matrix().iter().map(|x| entry(*x)).collect();
        let width = entries.iter().map(String::len).max().unwrap_or(0);
        let mut name = "matrix";
        for row in entries.chunks(transform.dimension() + 1) {
            let numbers: Vec<_> = row.iter().map(|it| format!("{it:>width$}")).collect();
            rows.row(name, numbers.join("  "));
            name = "";
        }
        rows.row(
            "residual",
            format!(
                "{}, root mean square from each point to where the plan has it",
                short(alignment.residual)
            ),
        );
        if let Some(penalties) = penalties(report) {
            let [mass, all] = [report.mass, pair.source().mass()].map(short);
            rows.row("mass matched", format!("{mass} of {all}; {penalties}"));
        }
        pair.rows(&mut rows);
        rows.row(
            "blur",
            format!("{}, ε = {}", short(report.blur), short(report.epsilon)),
        );
        let verdict = match alignment.converged {
            true => styled(GOOD, "converged"),
            false => styled(BAD, "NOT converged"),
        };
        rows.row(
            "effort",
            format!(
                "{} plans and fits, {}; {verdict}: the last moved the points by {}",
                alignment.iterations,
                duration(alignment.seconds),
                error(alignment.movement)
            ),
        );
        rows.row(
            "device",
            format!("{}, {}", report.device, report.precision.name()),
        );
        let written = [&self.output, &self.matrix_out].into_iter().flatten();
        let written: Vec<_> = written.map(|path| path.display().to_string()).collect();
        if !written.is_empty() {
            rows.row("written", written.join(", "));
        }
        Ok(rows)
    }
}

/// A matrix entry; rounding errors near 0 are removed.
fn entry(x: f64) -> String {
    match x.abs() < 1e-12 {
        true => "0".to_owned(),
        false => significant(x, 6),
    }
}

/// The motion in words.
fn motion(alignment: &Alignment<&Device>, pair: &Pair) -> Result<String> {
    let transform = &alignment.transform;
    let turn = transform
        .angle()
        .map(|angle| format!("turned by {}°, ", short(angle.to_degrees())));
    let scale = match alignment.family {
        Family::Rigid => String::new(),
        Family::Similarity => format!("scaled by {}, ", short(transform.scale())),
        Family::Affine => format!(
            "volumes times {}, ",
            short(transform.scale().powi(transform.dimension() as i32))
        ),
    };
    let middle = middle(pair.source());
    let there = transform.apply(&middle)?;
    let far = middle
        .iter()
        .zip(&there)
        .fold(0.0_f64, |far, (x, y)| far.hypot(x - y));
    let turn = turn
        .filter(|_| alignment.family != Family::Affine)
        .unwrap_or_default();
    Ok(format!("{turn}{scale}its middle moved by {}", short(far)))
}

/// The mean of a measure.
fn middle(measure: &Measure) -> Vec<f64> {
    let d = measure.dimension();
    let mut mean = vec![0.0; d];
    for (point, weight) in measure.points().chunks_exact(d).zip(measure.weights()) {
        for (mean, x) in mean.iter_mut().zip(point) {
            *mean += weight / measure.mass() * x;
        }
    }
    mean
}

/// Advice for an alignment that did not converge.
fn stuck(alignment: &Alignment<&Device>) -> String {
    let report = alignment.solution.report();
    match report.converged {
        true => format!(
            "not converged: the last fit moved the points by {}, which is more than 1/200 of the blur; begin at this result with --start, or take a larger --blur",
            error(alignment.movement)
        ),
        false => format!(
            "not converged: the marginals of the last plan are off by {}; raise --max-iterations, --blur or --tolerance",
            error(report.certificate.marginal_error())
        ),
    }
}

/// The JSON object of an alignment; the names of its keys are the program's contract.
#[derive(Serialize)]
struct AlignAnswer<'r> {
    command: &'static str,
    a: &'r str,
    b: &'r str,
    n: usize,
    m: usize,
    d: usize,
    family: &'static str,
    /// Rows of (d+1) numbers.
    matrix: Vec<&'r [f64]>,
    scale: f64,
    residual: f64,
    movement: f64,
    epsilon: f64,
    blur: f64,
    rho_a: Option<f64>,
    rho_b: Option<f64>,
    mass: f64,
    /// Certificate of the last plan.
    certificate: Certificate,
    converged: bool,
    iterations: usize,
    seconds: f64,
    device: &'r str,
    precision: &'static str,
}

impl<'r> AlignAnswer<'r> {
    fn new(pair: &'r Pair, alignment: &'r Alignment<&Device>) -> Self {
        let (transform, report) = (&alignment.transform, alignment.solution.report());
        let width = transform.dimension() + 1;
        Self {
            command: "align",
            a: &pair.a,
            b: &pair.b,
            n: report.n,
            m: report.m,
            d: report.d,
            family: alignment.family.name(),
            matrix: transform.matrix().chunks(width).collect(),
            scale: transform.scale(),
            residual: alignment.residual,
            movement: alignment.movement,
            epsilon: report.epsilon,
            blur: report.blur,
            rho_a: finite(report.rho_a),
            rho_b: finite(report.rho_b),
            mass: report.mass,
            certificate: Certificate::of(report),
            converged: alignment.converged,
            iterations: alignment.iterations,
            seconds: alignment.seconds,
            device: &report.device,
            precision: report.precision.name(),
        }
    }
}

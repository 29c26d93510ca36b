//! `haul barycenter`: the average of images, arrays or clouds, and what lies between them.

mod answer;
mod frames;
mod free;
mod json;
mod page;
mod problem;

use crate::densities::{self, Density, Target};
use crate::device;
use crate::input::{Cloud, Input};
use crate::number::plain;
use crate::options::{
    self, Engine, Kind, MOST_U32, Pictures, Presentation, Smoothing, Treatment, number, whole,
};
use crate::outcome;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use answer::{BarycenterAnswer, Solved};
use anyhow::{Context, Result, bail};
use clap::Args;
use frames::Frames;
use free::AverageAnswer;
use haul::{BarycenterKind, Device, Measure, Regularization, Sinkhorn};
use problem::Problem;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The average of images, arrays or clouds: mass moves from shape to shape, it does not fade
#[derive(Debug, Args)]
#[command(
    mut_arg("normalize", |it| it.help("Scale all masses to 1: the average of measures of different masses is not defined")),
    after_help = "debiased  min Σ λₛ S_ε(b, bₛ)               sharp: equal inputs are their own average\nplain     min Σ λₛ OT_ε(b, bₛ) + ε KL(b | m)  blurred, m uniform\nproduct   min Σ λₛ OT_ε(b, bₛ)              sharper than the inputs, down to points\n\nImages and arrays are averaged on the grid of the first one, or on that of --support; clouds on the points of --support, or on --points that find their places themselves. A .png is white where the average is densest: at the density that cells with a tenth of the mass exceed. With --invert it is dark there.\nWith --frames two inputs give K frames from the first to the second; of three or four the sheet has K×K places, with the inputs in its corners. A .png has all frames in one picture, and OUT_00.png, OUT_01.png, … one each; an .npy has them along its first axes and a .nii along the fourth, and OUT.npy:1 names the second one; of clouds each frame has its file.\n\nExample:\n  haul barycenter disc.png star.png --normalize -o average.png\n  haul barycenter disc.png star.png --normalize --frames 5 -o frames.png --report frames.html\n  haul barycenter a.ply b.ply --points 500 -o between.ply"
)]
pub(crate) struct Barycenter {
    /// The images, arrays or clouds, all of one kind; parts of arrays as digits.npy:3 or volumes.npz:grey
    #[arg(required = true, value_name = "INPUTS")]
    inputs: Vec<PathBuf>,

    /// The average: .png, .npy or .nii of images, arrays and volumes, .npz, .ply or .csv with weights of clouds
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// The weights λ of the inputs, scaled to a sum of 1, as 1,2,1 [default: all equal]
    #[arg(long, value_name = "LIST", help_heading = "Average", value_delimiter = ',', allow_negative_numbers = true, value_parser = number)]
    lambda: Vec<f64>,

    /// What is minimised: see below
    #[arg(long, help_heading = "Average", value_enum, default_value_t = Kind::Debiased)]
    kind: Kind,

    /// Frames between two inputs, or along each side of the sheet of three or four
    #[arg(long, value_name = "K", help_heading = "Average", conflicts_with = "lambda", allow_negative_numbers = true, value_parser = whole::<u32, 3, 1000>)]
    frames: Option<u32>,

    /// A cloud on whose points, or an image or array on whose cells the average is; its weights do not matter
    #[arg(long, value_name = "FILE", help_heading = "Average")]
    support: Option<PathBuf>,

    /// Of clouds: N points that move to where the average is, in place of those of --support; their plans
    /// have a tenth of --tolerance
    #[arg(long, value_name = "N", help_heading = "Average", conflicts_with_all = ["support", "frames", "image", "mesh", "report"], allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    points: Option<u32>,

    /// With --points: learn the weights of the points too; otherwise all are equal
    #[arg(long, help_heading = "Average", requires = "points")]
    learn_weights: bool,

    /// With --points: the seed of the first places, which k-means++ draws from all inputs
    #[arg(
        long,
        value_name = "N",
        help_heading = "Average",
        requires = "points",
        default_value_t = 0
    )]
    start_seed: u64,

    #[command(flatten)]
    smoothing: Smoothing,

    /// The L1 error of the marginals, relative to the mass, at which the iteration ends
    #[arg(long, value_name = "T", help_heading = "Iteration", default_value_t = TOLERANCE, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most iterations of a frame
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = ITERATIONS, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_iterations: usize,

    #[command(flatten)]
    treatment: Treatment,

    /// Keep each pass in a file, from which the same command goes on if the run ends early; removed at the end
    #[arg(long, value_name = "F", help_heading = "Iteration")]
    checkpoint: Option<PathBuf>,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    pictures: Pictures,

    #[command(flatten)]
    presentation: Presentation,
}

/// The error at which an iteration ends by default: a hundredth of the mass in another place is hardly visible.
const TOLERANCE: f64 = 1e-2;

/// The most iterations by default. Where bins of an average become empty, the error falls slowly and the objective hardly.
const ITERATIONS: usize = 500;

impl Task for Barycenter {
    type Answer = AverageAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let files = self.inputs.iter().chain(&self.support);
        let inputs = files.map(|points| Input {
            points,
            weights: None,
            treatment: &self.treatment,
            moved: false,
        });
        inputs.collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let frames = self.frames().ok();
        let frames = frames.and_then(|frames| frames.layout().frames());
        let mut files = densities::files(&self.output, &self.pictures, frames);
        files.extend(self.presentation.report.clone());
        files.extend(self.checkpoint.clone());
        files
    }

    fn quantity(&self) -> String {
        let kind = BarycenterKind::from(self.kind).name();
        match self.smoothing.p {
            Some(p) => format!("objective of a {kind} barycenter, p = {}", plain(p)),
            None => format!("objective of a {kind} barycenter"),
        }
    }

    fn check(&self) -> Result<()> {
        self.frames()?;
        self.pictures.check()?;
        self.presentation.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        if self.points.is_some() {
            return self.engine_of_points(clouds);
        }
        let problem = self.problem(clouds)?;
        densities::check(&self.output, &self.pictures, &problem.support)?;
        if !self.presentation.quiet {
            for caution in self.cautions(&problem) {
                outcome::warn(&caution);
            }
        }
        let sinkhorn = self.sinkhorn(problem.blur);
        let support = problem.support.clone().normalized();
        let mut engine = self.engine.clone();
        for (input, file) in problem.inputs.iter().zip(&self.inputs) {
            let input = (*input).clone().normalized();
            let posed = options::named(sinkhorn.problem(&support, &input), file, file)?;
            engine = device::engine_for(&engine, &posed, self.tolerance, self.presentation.quiet);
        }
        Ok(engine)
    }

    fn work(&self, points: &[f64]) -> Work {
        let inputs = self.inputs.len();
        let support = points
            .get(inputs)
            .or(points.first())
            .copied()
            .unwrap_or(0.0);
        let all: f64 = points.iter().take(inputs).sum();
        let frames = self.frames().map_or(1, |frames| frames.lambdas().len());
        let sinkhorn = self.sinkhorn(self.smoothing.expected());
        Work::between(&[support, all * frames as f64]).iterated(sinkhorn)
    }

    fn checkpoint(&self) -> Option<(&Path, &dyn Debug)> {
        Some((self.checkpoint.as_deref()?, self))
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<AverageAnswer> {
        if let Some(points) = self.points {
            let free = self.free(device, clouds, points as usize)?;
            return Ok(AverageAnswer::Free(Box::new(free)));
        }
        let problem = self.problem(clouds)?;
        let frames = self.frames()?;
        let lambdas = frames.lambdas();
        let layout = frames.layout();
        let invert = self.treatment.invert;
        let grid = clouds.get(self.inputs.len()).or(clouds.first());
        let target = Target::new(&self.output, &self.pictures, &layout, invert);
        let target = target.in_place_of(grid);
        let mut course = Course::of(self.presentation.quiet, lambdas.len());
        let inputs: Vec<Measure> = problem.inputs.iter().map(|it| (*it).clone()).collect();
        let mut solved = Vec::new();
        for (place, lambda) in lambdas.iter().enumerate() {
            let frame = match self.known(&problem, lambda) {
                Some(input) => Solved::known(input, lambda),
                None => {
                    let observe = |progress: &_| course.observe(progress);
                    let settings = self.settings(problem.blur).lambda(lambda);
                    let support = &problem.support;
                    let average = settings.solve_on_observed(device, support, &inputs, observe);
                    Solved::of(&average.map_err(|error| self.of_input(error))?)
                }
            };
            target.write_frame(place, frame.density())?;
            solved.push(frame);
        }
        let course = course.end()?;
        let densities: Vec<Density<'_>> = solved.iter().map(Solved::density).collect();
        target.write_all(&layout, &densities)?;
        let common = solved.iter().find_map(|frame| frame.report.clone());
        Ok(AverageAnswer::Fixed(Box::new(BarycenterAnswer {
            common: common.context("no frame was computed")?,
            inputs: self.names(),
            measures: clouds.iter().take(self.inputs.len()).cloned().collect(),
            written: self.outputs(),
            frames,
            solved,
            course,
            invert,
        })))
    }
}

impl Request for Barycenter {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Barycenter {
    /// λ of each frame; refuses lists and frames that do not fit the number of inputs.
    fn frames(&self) -> Result<Frames> {
        let inputs = self.inputs.len();
        if !self.lambda.is_empty() && self.lambda.len() != inputs {
            bail!(
                "--lambda has {} weights for {inputs} inputs; give one for each",
                self.lambda.len()
            );
        }
        let wrong = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
        let sum: f64 = self.lambda.iter().sum();
        if self.lambda.iter().any(wrong) || (!self.lambda.is_empty() && sum <= 0.0) {
            let list: Vec<_> = self.lambda.iter().map(|weight| plain(*weight)).collect();
            let list = list.join(",");
            bail!("--lambda is {list}; its weights must be finite and at least 0, and one above 0");
        }
        Frames::new(inputs, &self.lambda, self.frames)
    }

    /// The input that is a frame by itself, as the debiased average of no other one of λ > 0, on the points of the average.
    fn known<'m>(&self, problem: &Problem<'m>, lambda: &[f64]) -> Option<&'m Measure> {
        self.frames?;
        let mut present = lambda
            .iter()
            .zip(&problem.inputs)
            .filter(|(weight, _)| **weight > 0.0);
        let (_, only) = present.next()?;
        let alone = present.next().is_none() && self.kind == Kind::Debiased;
        (alone && only.support() == problem.support.support()).then_some(only)
    }

    fn settings(&self, blur: Regularization) -> haul::Barycenter {
        haul::Barycenter::with(blur)
            .p(self.smoothing.power())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
            .kind(self.kind.into())
    }

    /// A solve with these settings.
    fn sinkhorn(&self, blur: Regularization) -> Sinkhorn {
        Sinkhorn::with(blur)
            .p(self.smoothing.power())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
    }

    /// An error of the library, with the name of the file of its input.
    fn of_input(&self, error: haul::Error) -> anyhow::Error {
        match error {
            haul::Error::Input { index, error } => {
                let file = index.checked_sub(1).and_then(|s| self.inputs.get(s));
                let file =
                    file.map_or_else(|| index.to_string(), |file| file.display().to_string());
                anyhow::Error::from(*error).context(file)
            }
            error => options::in_options(error),
        }
    }

    fn names(&self) -> Vec<String> {
        let names = self.inputs.iter().map(|file| file.to_string_lossy());
        names.map(|name| name.into_owned()).collect()
    }
}

//! `haul coordinates`: the weights with which a target is an average of other measures.

mod answer;
mod json;
mod page;

use crate::cautions;
use crate::densities::{self, Density, Layout, Target, check_alike};
use crate::device;
use crate::input::{Cloud, Input};
use crate::number::{error, plain, short};
use crate::options::{
    self, Engine, Loss, MOST_U32, Pictures, Presentation, Smoothing, Treatment, number, whole,
};
use crate::outcome;
use crate::progress::Fitting;
use crate::task::{Delivery, Request, Task, Work};
use answer::{CoordinatesAnswer, Distance};
use anyhow::{Context, Result, bail};
use clap::Args;
use haul::{CoordinatesLoss, Device, Divergence, Measure, Projection, Regularization, Sinkhorn};
use std::path::PathBuf;
use std::sync::Arc;

/// What a target is a mixture of: the weights of the average of other measures that is nearest to it
#[derive(Debug, Args)]
#[command(
    mut_arg("normalize", |it| it.help("Scale all masses to 1: a target is no average of measures of another mass")),
    after_help = r#"The average of the inputs at the weights λ is the plain barycenter of haul barycenter, on the
points of the target. Its distance to the target has a minimum where no small change of λ helps;
another one may be elsewhere, and --lambda-start may find it.

l2               ½ Σ (b − q)²             large masses count
kl               Σ b log(b/q) − b + q     needs a target without empty cells
reverse-kl       Σ q log(q/b) − q + b     small masses count
total-variation  ½ Σ |b − q|              has kinks: more evaluations
wasserstein      S_ε(b, q)                a bump beside its place is near; takes longer

Keys of --json, those in brackets where they were asked for:
  command target inputs [output]  the files
  loss [iterations] n d p epsilon blur
  lambda loss_value               the weights, of sum 1, and the loss
  gradient gradient_norm          its derivative in λ, centred; the slope within λ ≥ 0
  distance distance_bounds        of average and target, a length; an object: lower, upper
  certificate marginal_error      of the average, an object: lower_bound, upper_bound, gap
  lambda_tolerance tolerance converged evaluations products pairs seconds device precision

Example:
  haul coordinates half.png --of disc.png star.png --normalize --projection near.png"#
)]
pub(crate) struct Coordinates {
    /// The image, array or cloud that is a mixture
    target: PathBuf,

    /// What it is a mixture of: images, arrays or clouds, all of the kind of the target
    #[arg(long, value_name = "INPUTS", num_args = 1.., required = true)]
    of: Vec<PathBuf>,

    /// Write the nearest average: .png, .npy or .nii of images, arrays and volumes, .npz, .ply or .csv with weights of clouds
    #[arg(short = 'o', long, value_name = "OUT", help_heading = "Output")]
    projection: Option<PathBuf>,

    /// How the average is compared with the target: see below
    #[arg(long, help_heading = "Fit", value_enum, default_value_t = Loss::L2)]
    loss: Loss,

    /// The average after exactly L iterations from nothing, and its derivative [default: the converged average]
    #[arg(long, value_name = "L", help_heading = "Fit", allow_negative_numbers = true, value_parser = whole::<usize, 1, 10_000>)]
    iterations: Option<usize>,

    /// The weights to start at, all above 0, as 1,2,1 [default: all equal]
    #[arg(long, value_name = "LIST", help_heading = "Fit", value_delimiter = ',', allow_negative_numbers = true, value_parser = number)]
    lambda_start: Vec<f64>,

    /// The fit ends when the next step would change the weights by less, in L1
    #[arg(long, value_name = "T", help_heading = "Fit", default_value_t = 5e-4, allow_negative_numbers = true, value_parser = number)]
    lambda_tolerance: f64,

    /// The most averages that are computed
    #[arg(long, value_name = "N", help_heading = "Fit", default_value_t = 200, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_evaluations: usize,

    #[command(flatten)]
    smoothing: Smoothing,

    /// The L1 error of the marginals, relative to the mass, at which an average has converged
    #[arg(long, value_name = "T", help_heading = "Iteration", default_value_t = 1e-4, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most iterations of an average
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = 10_000, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_iterations: usize,

    #[command(flatten)]
    treatment: Treatment,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    presentation: Presentation,
}

/// A projection has no files beside its own.
const NO_PICTURES: Pictures = Pictures {
    image: None,
    mesh: None,
};

impl Task for Coordinates {
    type Answer = CoordinatesAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let inputs = self.files().into_iter().map(|points| Input {
            points,
            weights: None,
            treatment: &self.treatment,
            moved: false,
        });
        inputs.collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let files = self.projection.iter().chain(&self.presentation.report);
        files.cloned().collect()
    }

    fn quantity(&self) -> String {
        let loss = CoordinatesLoss::from(self.loss).name();
        format!("{loss} loss of barycentric coordinates")
    }

    fn check(&self) -> Result<()> {
        let (given, inputs) = (self.lambda_start.len(), self.of.len());
        if given > 0 && given != inputs {
            bail!("--lambda-start has {given} weights for {inputs} inputs; give one for each");
        }
        let wrong = |weight: &f64| !(weight.is_finite() && *weight > 0.0);
        if self.lambda_start.iter().any(wrong) {
            let list: Vec<_> = self.lambda_start.iter().copied().map(plain).collect();
            bail!(
                "--lambda-start is {}; its weights must be finite and above 0",
                list.join(",")
            );
        }
        self.presentation.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let (target, inputs) = self.problem(clouds)?;
        let support = target.clone().with_weights(&vec![1.0; target.len()])?;
        if let Some(path) = &self.projection {
            densities::check(path, &NO_PICTURES, &support)?;
        }
        let empty = target.weights().iter().filter(|mass| **mass == 0.0).count();
        if self.loss == Loss::Kl && empty > 0 {
            bail!(
                "{}: {empty} of {} masses are 0, where --loss kl is infinite; take another loss, as reverse-kl",
                self.target.display(),
                target.len()
            );
        }
        let quiet = self.presentation.quiet;
        if !quiet {
            let files = self.files();
            let both = files
                .into_iter()
                .zip(std::iter::once(target).chain(inputs.iter().copied()));
            let doubtful = both.filter_map(|(file, measure)| cautions::doubtful(file, measure));
            let fine = self.smoothing.blur;
            let fine = fine.and_then(|blur| cautions::too_fine(blur, [target]));
            doubtful
                .chain(fine)
                .for_each(|caution| outcome::warn(&caution));
        }
        let sinkhorn = self.sinkhorn(self.smoothing.on(target));
        let support = support.normalized();
        let mut engine = self.engine.clone();
        for (input, file) in inputs.into_iter().zip(&self.of) {
            let input = input.clone().normalized();
            let posed = options::named(sinkhorn.problem(&support, &input), &self.target, file)?;
            engine = device::engine_for(&engine, &posed, self.tolerance, quiet);
        }
        Ok(engine)
    }

    fn work(&self, points: &[f64]) -> Work {
        let target = points.first().copied().unwrap_or(0.0);
        let inputs: f64 = points.iter().skip(1).sum();
        let work = Work::between(&[target, inputs]);
        work.iterated(self.sinkhorn(self.smoothing.expected()))
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<CoordinatesAnswer> {
        let (target, inputs) = self.problem(clouds)?;
        let inputs: Vec<Measure> = inputs.into_iter().cloned().collect();
        let line = Fitting::new(self.presentation.quiet);
        let mut course = Vec::new();
        let settings = self.settings(target);
        let found = settings.of_observed(device, target, &inputs, |progress| {
            course.push((progress.evaluation as f64, progress.value));
            line.tell(format!(
                "average {}, loss {}, last step {}",
                progress.evaluation,
                short(progress.value),
                error(progress.step)
            ))
        });
        let projection = found.map_err(options::in_options)?;
        let distance = self.distance(device, &projection, target)?;
        drop(line);
        if let Some(path) = &self.projection {
            let density = Density {
                measure: projection.measure(),
                is_input: false,
            };
            let layout = Layout::single();
            let target = Target::new(path, &NO_PICTURES, &layout, self.treatment.invert);
            let target = target.in_place_of(clouds.first());
            target.write_frame(0, density)?;
            target.write_all(&layout, &[density])?;
        }
        Ok(CoordinatesAnswer {
            target: self.target.to_string_lossy().into_owned(),
            inputs: self
                .of
                .iter()
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            clouds: clouds.to_vec(),
            written: self.projection.clone(),
            lambda_tolerance: self.lambda_tolerance,
            projection,
            distance,
            course,
            invert: self.treatment.invert,
        })
    }
}

impl Request for Coordinates {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Coordinates {
    /// The files of the target and of the inputs.
    fn files(&self) -> Vec<&PathBuf> {
        std::iter::once(&self.target).chain(&self.of).collect()
    }

    /// The target and the inputs; refuses those that are no mixture of each other.
    fn problem<'c>(&self, clouds: &'c [Arc<Cloud>]) -> Result<(&'c Measure, Vec<&'c Measure>)> {
        let measures: Vec<_> = clouds.iter().map(|cloud| &cloud.measure).collect();
        check_alike(&self.files(), &measures)?;
        let (target, inputs) = measures.split_first().context("there is no target")?;
        Ok((target, inputs.to_vec()))
    }

    fn settings(&self, target: &Measure) -> haul::Coordinates {
        let mut settings = haul::Coordinates::with(self.smoothing.on(target))
            .p(self.smoothing.power())
            .loss(self.loss.into())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
            .lambda_tolerance(self.lambda_tolerance)
            .max_evaluations(self.max_evaluations);
        if let Some(iterations) = self.iterations {
            settings = settings.iterations(iterations);
        }
        if !self.lambda_start.is_empty() {
            settings = settings.start(&self.lambda_start);
        }
        settings
    }

    /// A solve with these settings.
    fn sinkhorn(&self, blur: Regularization) -> Sinkhorn {
        Sinkhorn::with(blur)
            .p(self.smoothing.power())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
    }

    /// How far the average is from the target.
    fn distance(
        &self,
        device: &Device,
        projection: &Projection,
        target: &Measure,
    ) -> Result<Option<Distance>> {
        let epsilon = Regularization::Epsilon(projection.barycenter().report().epsilon);
        let divergence = Divergence::from(self.sinkhorn(epsilon));
        // After a fixed number of iterations the mass of an average is a little off.
        let [average, target] = [projection.measure(), target].map(|it| it.clone().normalized());
        let terms = divergence.evaluate(device, &average, &target)?;
        let both = terms.distance().zip(terms.distance_bounds());
        Ok(both.map(|(value, bounds)| Distance { value, bounds }))
    }
}

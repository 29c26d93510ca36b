//! `haul flow`: a density that moves so that an energy falls as steeply as it can.

mod answer;
mod energy;
mod json;
mod page;

use crate::cautions;
use crate::densities::{self, Density, Layout, Target, is_array};
use crate::device;
use crate::input::{Cloud, Input, on_grid};
use crate::options::{
    self, Engine, MOST_U32, Pictures, Presentation, Smoothing, Treatment, number, whole,
};
use crate::outcome;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use answer::{FlowAnswer, Frame};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use energy::Energy;
use haul::{Device, Evolution, FlowKind, Measure, Regularization, Sinkhorn};
use haul_files as formats;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a density flows: heat spreads, a crowd leaves a room, water seeps through sand
#[derive(Debug, Args)]
#[command(
    after_help = r#"Each step takes the density b_k to the b with the least S_ε(b, b_k) + 2τ J(b), where
J(b) = U(b) + ⟨b, V⟩. Masses are scaled to 1 for it, and u is the density relative to the mean.

entropy  U = Σ b log u              heat: ∂u/∂t = Δu + ∇·(u∇V)
crowd    u ≤ κ everywhere           people who want to where V is small, and need room
porous   U = Σ b u^(γ−1) / (γ − 1)  a gas in a porous medium: ∂u/∂t = Δu^γ + ∇·(u∇V)

With --frames a .png has all frames in one picture, and OUT_00.png, OUT_01.png, … one each; an
.npy has them along its first axis; of clouds each frame has its file.

Keys of --json:
  command input output energy  the files, and the name of the energy
  bound exponent potential     those of them that the energy has; the file of V
  kind n d p epsilon blur tau  the problem; n points in dimension d
  time value                   τ times the number of steps, and J at the end
  tolerance converged iterations products pairs seconds device precision
  steps                        a list of an object for each step, with the keys of the next lines
  step time value internal_energy potential_energy distance objective
  certificate                  bounds of the objective, an object: lower_bound, upper_bound, gap
  marginal_error converged iterations products

Example:
  haul flow disc.png --tau 0.002 --steps 8 --frames 5 -o heat.png
  haul flow disc.png --energy crowd --bound 3 --steps 4 -o way.png"#
)]
pub(crate) struct Flow {
    /// The density at the start: an image, an array or a cloud with weights
    input: PathBuf,

    /// The density at the end, or all frames: .png, .npy or .nii of images, arrays and volumes, .npz, .ply or .csv of clouds
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,

    /// The internal energy U: see below
    #[arg(long, help_heading = "Flow", value_enum, default_value_t = energy::Name::Entropy)]
    energy: energy::Name,

    /// κ of a crowd, the largest density relative to the mean of all points, above 1
    #[arg(long, value_name = "κ", help_heading = "Flow", allow_negative_numbers = true, value_parser = number)]
    bound: Option<f64>,

    /// γ of a porous medium, above 1 [default: 2]
    #[arg(long, value_name = "γ", help_heading = "Flow", allow_negative_numbers = true, value_parser = number)]
    exponent: Option<f64>,

    /// The potential V: an array .npy with a number for each cell or point, or an image whose white is 1. A wall is a
    /// large number
    #[arg(long, value_name = "F", help_heading = "Flow")]
    potential: Option<PathBuf>,

    /// The factor of the potential [default: 1]
    #[arg(long, value_name = "S", help_heading = "Flow", requires = "potential", allow_negative_numbers = true, value_parser = number)]
    strength: Option<f64>,

    /// The time τ of a step, in units of the cost: in the time t heat spreads by √(2t) [default: ε]
    #[arg(long, value_name = "T", help_heading = "Flow", allow_negative_numbers = true, value_parser = number)]
    tau: Option<f64>,

    /// The number of steps
    #[arg(long, value_name = "K", help_heading = "Flow", default_value_t = 10, allow_negative_numbers = true, value_parser = whole::<usize, 1, 100_000>)]
    steps: usize,

    /// Write this many densities, from the start to the end, and not the last one alone
    #[arg(long, value_name = "F", help_heading = "Flow", allow_negative_numbers = true, value_parser = whole::<usize, 2, 1000>)]
    frames: Option<usize>,

    /// The step: debiased, or reference, with OT_ε(b, b_k) + ε KL(b | m) in place of S_ε, whose every step blurs
    #[arg(long, help_heading = "Flow", value_enum, default_value_t = Kind::Debiased)]
    kind: Kind,

    /// A cloud on whose points, or an image or array on whose cells the density flows; its weights do not matter, and
    /// the density at the start is no frame then [default: those of the input]
    #[arg(long, value_name = "FILE", help_heading = "Flow")]
    support: Option<PathBuf>,

    #[command(flatten)]
    smoothing: Smoothing,

    /// The L1 error of the marginals, relative to the mass, at which the iteration of a step ends
    #[arg(long, value_name = "T", help_heading = "Iteration", default_value_t = TOLERANCE, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most iterations of a step
    #[arg(long, value_name = "N", help_heading = "Iteration", default_value_t = ITERATIONS, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_iterations: usize,

    #[command(flatten)]
    treatment: Treatment,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    pictures: Pictures,

    #[command(flatten)]
    presentation: Presentation,
}

/// The error at which a step ends by default.
const TOLERANCE: f64 = 1e-3;

/// The most iterations of a step by default.
const ITERATIONS: usize = 500;

/// The form of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Debiased,
    Reference,
}

impl From<Kind> for FlowKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Debiased => Self::Debiased,
            Kind::Reference => Self::Reference,
        }
    }
}

impl Task for Flow {
    type Answer = FlowAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        let files = std::iter::once(&self.input).chain(&self.support);
        let inputs = files.map(|points| Input {
            points,
            weights: None,
            treatment: &self.treatment,
            moved: false,
        });
        inputs.collect()
    }

    fn other_files(&self) -> Vec<&Path> {
        let potential = self.potential.iter();
        potential.map(|file| formats::file_of(file)).collect()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let frames = self.layout().frames();
        let mut files = densities::files(&self.output, &self.pictures, frames);
        files.extend(self.presentation.report.clone());
        files
    }

    fn quantity(&self) -> String {
        format!("energy of a flow, {}", self.energy.words())
    }

    fn check(&self) -> Result<()> {
        self.energy()?;
        self.times()?;
        self.pictures.check()?;
        self.presentation.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let (start, support) = self.problem(clouds)?;
        densities::check(&self.output, &self.pictures, &support)?;
        self.potential(&support)?;
        let blur = self.smoothing.on(&support);
        let quiet = self.presentation.quiet;
        if !quiet {
            let doubtful = cautions::doubtful(&self.input, start);
            let fine = self.smoothing.blur;
            let fine = fine.and_then(|blur| cautions::too_fine(blur, [&support]));
            doubtful
                .iter()
                .chain(&fine)
                .for_each(|caution| outcome::warn(caution));
        }
        let [support, start] = [&support, start].map(|measure| measure.clone().normalized());
        let posed = self.sinkhorn(blur);
        let posed = options::named(posed.problem(&support, &start), &self.input, &self.input)?;
        let engine = &self.engine;
        Ok(device::engine_for(engine, &posed, self.tolerance, quiet))
    }

    fn work(&self, points: &[f64]) -> Work {
        let start = points.first().copied().unwrap_or(0.0);
        let support = points.get(1).copied().unwrap_or(start);
        let work = Work::between(&[support, support * self.steps as f64]);
        work.iterated(self.sinkhorn(self.smoothing.expected()))
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<FlowAnswer> {
        let (start, support) = self.problem(clouds)?;
        let mut course = Course::of(self.presentation.quiet, self.steps);
        let observe = |flow: &haul::FlowProgress| course.observe(&flow.progress);
        let flow = self.settings(&support)?;
        let flow = flow.solve_on_observed(device, &support, start, observe);
        let evolution = flow.map_err(options::in_options)?;
        course.end()?;
        let last = evolution.reports().last().context("a flow has steps")?;
        let frames = self.chosen(start, &evolution)?;
        let layout = self.layout();
        let invert = self.treatment.invert;
        let densities: Vec<Density<'_>> = frames.iter().map(Frame::density).collect();
        let target = Target::new(&self.output, &self.pictures, &layout, invert);
        let target = target.in_place_of(clouds.last());
        for (place, density) in densities.iter().enumerate() {
            target.write_frame(place, *density)?;
        }
        target.write_all(&layout, &densities)?;
        Ok(FlowAnswer {
            input: self.input.to_string_lossy().into_owned(),
            start: clouds.first().cloned(),
            written: self.outputs(),
            energy: self.energy()?,
            potential: self.potential_name(),
            last: last.clone(),
            steps: evolution.reports().to_vec(),
            layout,
            frames,
            invert,
        })
    }
}

impl Request for Flow {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Flow {
    /// The density at the start, and the points of the flow.
    fn problem<'c>(&self, clouds: &'c [Arc<Cloud>]) -> Result<(&'c Measure, Measure)> {
        let (start, support) = match clouds {
            [start] => (&start.measure, &start.measure),
            [start, support] => (&start.measure, &support.measure),
            _ => bail!(
                "a flow starts at one density, and these are {}",
                clouds.len()
            ),
        };
        if on_grid(start).is_none() && self.support.is_none() && is_array(&self.input) {
            bail!(
                "{}: these are points of one weight, on which nothing flows; if this array is an image, add --grid",
                self.input.display()
            );
        }
        if support.dimension() != start.dimension() {
            bail!(
                "--support has dimension {}, and the input has {}; give points of one space",
                support.dimension(),
                start.dimension()
            );
        }
        let support = support.clone().with_weights(&vec![1.0; support.len()])?;
        Ok((start, support))
    }

    /// The energy with its parameter; refuses one that another energy has.
    fn energy(&self) -> Result<Energy> {
        Energy::new(self.energy, self.bound, self.exponent)
    }

    /// The steps after which the density is a frame, of which 0 is the start.
    fn times(&self) -> Result<Vec<usize>> {
        let Some(frames) = self.frames else {
            return Ok(vec![self.steps]);
        };
        let first = usize::from(self.support.is_some());
        let most = self.steps + 1 - first;
        if frames > most {
            bail!(
                "--frames is {frames}, and {} steps have {most} densities; take more --steps or fewer --frames",
                self.steps
            );
        }
        // Rounded to the nearest step, in equal distances.
        let (way, parts) = (self.steps - first, frames - 1);
        Ok((0..frames)
            .map(|k| first + (2 * k * way + parts) / (2 * parts))
            .collect())
    }

    fn layout(&self) -> Layout {
        match self.frames {
            Some(frames) => Layout::row(frames),
            None => Layout::single(),
        }
    }

    /// The densities that are frames.
    fn chosen(&self, start: &Measure, evolution: &Evolution) -> Result<Vec<Frame>> {
        let frame = |step: usize| {
            let before = step.checked_sub(1);
            let computed = before.and_then(|at| {
                let density = evolution.densities().get(at)?;
                Some((density, evolution.reports().get(at)?.time))
            });
            let (measure, time) = computed.unwrap_or((start, 0.0));
            Frame {
                measure: measure.clone(),
                time,
                is_start: computed.is_none(),
            }
        };
        Ok(self.times()?.into_iter().map(frame).collect())
    }

    fn settings(&self, support: &Measure) -> Result<haul::Flow> {
        let mut flow = haul::Flow::with(self.smoothing.on(support))
            .p(self.smoothing.power())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
            .kind(self.kind.into())
            .internal_energy(self.energy()?.internal())
            .steps(self.steps);
        if let Some(tau) = self.tau {
            flow = flow.tau(tau);
        }
        Ok(match self.potential(support)? {
            Some(potential) => flow.potential(&potential),
            None => flow,
        })
    }

    /// A solve with these settings.
    fn sinkhorn(&self, blur: Regularization) -> Sinkhorn {
        Sinkhorn::with(blur)
            .p(self.smoothing.power())
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
    }

    /// V at each point.
    fn potential(&self, support: &Measure) -> Result<Option<Vec<f64>>> {
        let (Some(file), strength) = (&self.potential, self.strength.unwrap_or(1.0)) else {
            return Ok(None);
        };
        energy::potential(file, support, strength).map(Some)
    }

    /// The file of the potential, with its factor.
    fn potential_name(&self) -> Option<String> {
        let file = self.potential.as_ref()?;
        Some(file.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    fn times(options: &str) -> Result<Vec<usize>> {
        let command = Flow::augment_args(clap::Command::new("flow")).no_binary_name(true);
        let words = "a.png -o b.png ".to_owned() + options;
        let matches = command.try_get_matches_from(words.split_whitespace())?;
        Flow::from_arg_matches(&matches)?.times()
    }

    #[test]
    fn frames_are_as_far_apart_as_steps_allow() {
        assert_eq!(times("--steps 7").unwrap(), [7]);
        assert_eq!(times("--steps 8 --frames 5").unwrap(), [0, 2, 4, 6, 8]);
        assert_eq!(times("--steps 10 --frames 4").unwrap(), [0, 3, 7, 10]);
        assert_eq!(times("--steps 1 --frames 2").unwrap(), [0, 1]);
        let on_points = "--steps 9 --frames 3 --support s.csv";
        assert_eq!(times(on_points).unwrap(), [1, 5, 9]);
        assert!(times("--steps 3 --frames 5").is_err());
    }
}

//! `haul study epsilon`: OT_ε, S_ε and ⟨P, C⟩ between two files, from large ε to small.

mod answer;
mod page;
mod point;

use super::{Files, interrupted};
use crate::checkpoint::{Checkpoint, Kind};
use crate::input::{self, Cloud, Input};
use crate::interrupt::{self, AtWork};
use crate::number::plain;
use crate::options::{self, Engine, MOST_U32, Presentation, Weights, number, whole};
use crate::pair::Pair;
use crate::progress::{Course, Pivoting};
use crate::task::{Delivery, Request, Task, Work};
use answer::EpsilonAnswer;
use anyhow::{Result, bail};
use clap::Args;
use haul::{
    Device, Energy, Engine as _, EpsilonStudy, Exact, Measure, Regularization, Sinkhorn, Stop,
};
use point::{Finished, Limits};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

/// The largest and the smallest blur by default, as shares of the diagonal of the box around both clouds.
const SHARES: [f64; 2] = [2.0, 0.005];

/// What a stopped run goes on with.
const POINTS: Kind = Kind {
    command: "study epsilon",
    results: "points",
};

/// OT_ε, S_ε and ⟨P, C⟩ from large ε to small, between their limits
#[derive(Debug, Args)]
#[command(
    mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f64; f32 with a GPU]")),
    after_help = r#"As ε falls to 0, all three tend to W_p^p, which haul exact finds. As ε grows, OT_ε and ⟨P, C⟩ tend to the
cost of the plan that takes no notice of places, and S_ε to the energy distance of the cost |x − y|^p.
Each solve starts from the potentials of the one before it. Both masses are scaled to 1.

With -o a run that was stopped goes on when it is started again: what is finished is kept in a file
beside the table until that is written. The table has a row for each ε, and one for each limit,
ε = inf and ε = 0.

Keys of --json:
  command a b n m d p
  exact         an object: value, lower_bound, upper_bound, proved
  energy        the limit of S_ε as ε grows
  product_cost  the limit of OT_ε and of ⟨P, C⟩ as ε grows
  points        for each ε an object: epsilon blur value lower_bound upper_bound transport_cost
                wasserstein_lower_bound wasserstein_upper_bound divergence
                divergence_lower_bound divergence_upper_bound converged iterations pairs seconds
  converged pairs seconds device precision

Example:
  haul study epsilon a.ply b.ply --steps 5 -o study.csv --report study.html"#
)]
pub(crate) struct Epsilon {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    weights: Weights,

    /// The power p of the cost |x − y|^p, above 0 and at most 2
    #[arg(long, short, default_value_t = 2.0, allow_negative_numbers = true, value_parser = number)]
    p: f64,

    /// The largest blur, a length [default: 2 diagonals of the box around both clouds]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    from: Option<f64>,

    /// The smallest blur [default: 0.005 of the diagonal]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    to: Option<f64>,

    /// How many blurs, in one ratio to each other
    #[arg(long, value_name = "N", default_value_t = 12, allow_negative_numbers = true, value_parser = whole::<u16, 2, 1000>)]
    steps: u16,

    /// The L1 error of the marginals, relative to the mass, at which each iteration ends
    #[arg(long, value_name = "T", default_value_t = 1e-4, allow_negative_numbers = true, value_parser = number)]
    tolerance: f64,

    /// The most iterations of a solve
    #[arg(long, value_name = "N", default_value_t = 10_000, allow_negative_numbers = true, value_parser = whole::<usize, 1, MOST_U32>)]
    max_iterations: usize,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    presentation: Presentation,
}

impl Task for Epsilon {
    type Answer = EpsilonAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        Input::pair([&self.a, &self.b], &self.weights).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let report = self.presentation.report.iter().cloned();
        self.files.all().chain(report).collect()
    }

    fn quantity(&self) -> String {
        format!("W_p^p, p = {}", plain(self.p))
    }

    fn check(&self) -> Result<()> {
        for (name, blur) in [("from", self.from), ("to", self.to)] {
            if let Some(blur) = blur
                && !(blur > 0.0 && blur.is_finite())
            {
                let blur = plain(blur);
                bail!("--{name} is {blur}; it must be a finite number above 0");
            }
        }
        self.files.check()?;
        self.presentation.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        let (a, b) = (self.a.display(), self.b.display());
        match Exact::default().p(self.p).check(source, target) {
            Err(haul::Error::UnequalMass { .. }) => {
                bail!("{a} and {b}: the masses differ; scale both to 1 with --normalize")
            }
            checked => options::named(checked, &self.a, &self.b)?,
        }
        let sinkhorn = self.sinkhorn();
        options::named(sinkhorn.problem(source, target), &self.a, &self.b)?;
        self.ladder([source, target])?;
        // What a study compares differs by few digits.
        Ok(self.engine.precise())
    }

    fn work(&self, points: &[f64]) -> Work {
        let work = Work::between_and_within(points);
        let steps = f64::from(self.steps);
        Work {
            between: steps * work.between,
            within: steps * work.within,
            iteration: Some(self.sinkhorn()),
        }
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<EpsilonAnswer> {
        let start = Instant::now();
        let clouds = input::two(clouds)?;
        let measures = clouds.map(|cloud| cloud.measure.clone().normalized());
        let [source, target] = &measures;
        let ladder = self.ladder([source, target])?;
        let keys = self.keys(device, clouds, &ladder);
        let mut table = None;
        let quiet = self.presentation.quiet;
        if let Some(output) = &self.files.output {
            table = Some(super::table(output, POINTS, keys, quiet)?);
        }
        let _ends = AtWork::new(device.interrupt());
        let mut run = Run {
            all: ladder.len() + 1,
            done: 0,
            table,
        };
        let limits = run.get(0, || self.limits(device, &measures))?;
        let Finished::Limits(limits) = limits else {
            bail!("the table of a stopped run is not of this study; remove it");
        };
        let mut study = EpsilonStudy::new(self.sinkhorn());
        let mut course = Course::of(quiet, 3 * ladder.len());
        let mut points = Vec::new();
        for (place, epsilon) in (1..).zip(&ladder) {
            let point = run.get(place, || {
                let observe = |progress: &_| course.observe(progress);
                let point = study.evaluate_observed(device, source, target, *epsilon, observe)?;
                Ok(Finished::Point((&point).into()))
            })?;
            if let Finished::Point(point) = point {
                points.push(point);
            }
        }
        drop(course);
        let answer = EpsilonAnswer {
            pair: Pair::new([&self.a, &self.b], clouds),
            p: self.p,
            limits,
            points,
            written: self.files.written(),
            seconds: start.elapsed().as_secs_f64(),
            device: device.device().to_owned(),
            precision: device.precision(),
        };
        self.files
            .write(&answer.table(), || page::picture(&answer))?;
        if let Some(table) = run.table {
            super::served(table, quiet);
        }
        Ok(answer)
    }
}

impl Request for Epsilon {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Epsilon {
    /// A solve at the smallest blur.
    fn sinkhorn(&self) -> Sinkhorn {
        let regularization = match self.to {
            Some(blur) => Regularization::Blur(blur),
            None => Regularization::RelativeBlur(SHARES[1]),
        };
        Sinkhorn::with(regularization)
            .p(self.p)
            .tolerance(self.tolerance)
            .max_iterations(self.max_iterations)
    }

    /// Every ε, from the largest on.
    fn ladder(&self, [source, target]: [&Measure; 2]) -> Result<Vec<f64>> {
        let sinkhorn = self.sinkhorn();
        let problem = |regularization| {
            let sinkhorn = sinkhorn.clone().regularized(regularization);
            let problem = sinkhorn.problem(source, target);
            problem.map(|problem| problem.epsilon())
        };
        let largest = match self.from {
            Some(blur) => Regularization::Blur(blur),
            None => Regularization::RelativeBlur(SHARES[0]),
        };
        let smallest = sinkhorn.problem(source, target)?.epsilon();
        let largest = options::named(problem(largest), &self.a, &self.b)?;
        if largest <= smallest {
            bail!("--from must be larger than --to: the study goes from large blurs to small");
        }
        let steps = usize::from(self.steps);
        EpsilonStudy::ladder(largest, smallest, steps).map_err(options::in_options)
    }

    /// Identifies all that each result depends on: the limits, then each ε.
    fn keys(&self, device: &Device, clouds: [&Arc<Cloud>; 2], ladder: &[f64]) -> Vec<String> {
        let contents = clouds.map(|cloud| cloud.digest());
        let settings = (self.p, self.tolerance, self.max_iterations);
        let version = env!("CARGO_PKG_VERSION");
        let precision = device.precision();
        let key = |of: &dyn std::fmt::Debug| {
            let all = format!("{version} {contents:?} {settings:?} {precision:?} {of:?}");
            format!("{:032x}", xxh3_128(all.as_bytes()))
        };
        let points = ladder.iter().map(|epsilon| key(epsilon));
        std::iter::once(key(&"limits")).chain(points).collect()
    }

    /// The limits as ε falls to 0 and as it grows.
    fn limits(&self, device: &Device, measures: &[Measure; 2]) -> Result<Finished> {
        let [source, target] = measures;
        let line = Pivoting::new(self.presentation.quiet);
        let exact = Exact::default().p(self.p);
        let exact = exact.solve_observed(device, source, target, |progress| {
            line.observe(progress);
            match interrupt::requested() {
                true => ControlFlow::Break(Stop::Abandon),
                false => ControlFlow::Continue(()),
            }
        })?;
        drop(line);
        let [source, target] = [source, target].map(input::without_empty_cells);
        let energy = Energy::new().p(self.p);
        let energy = energy.evaluate(device, &*source?, &*target?)?;
        Ok(Finished::Limits(Limits::of(exact.report(), &energy)))
    }
}

/// The results of a run, kept in the file beside the table if there is one.
struct Run {
    all: usize,
    done: usize,
    table: Option<Checkpoint<Finished>>,
}

impl Run {
    /// The result with this number, which is computed unless the file has it.
    fn get(
        &mut self,
        place: usize,
        compute: impl FnOnce() -> Result<Finished>,
    ) -> Result<Finished> {
        let held = self.table.as_ref();
        let held = held.and_then(|table| table.entries.get(place).cloned().flatten());
        let result = match held {
            Some(result) => Ok(result),
            None => compute(),
        };
        let result = result.map_err(|error| match crate::outcome::is_interrupt(&error) {
            true => {
                let file = self.table.as_ref().map(Checkpoint::path);
                interrupted([self.done, self.all], "results", file.map(Path::as_ref))
            }
            false => error,
        })?;
        if let Some(table) = &mut self.table
            && table.entries.get(place).is_some_and(Option::is_none)
        {
            table.append(place, result.clone())?;
        }
        self.done += 1;
        Ok(result)
    }
}

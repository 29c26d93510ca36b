//! `haul transitions`: which labels become which, from cloud to cloud.

mod answer;
mod moments;
mod page;
mod ribbons;
mod table;

use crate::input::{Cloud, Input};
use crate::options::{self, Engine, Presentation, Settings, Treatment};
use crate::outcome;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use crate::{cautions, coordinates, device};
use answer::{Step, TransitionsAnswer};
use anyhow::{Result, bail};
use clap::Args;
use haul::{Device, Problem, Regularization, Sinkhorn};
use haul_files as formats;
use moments::Moments;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Which labels become which along clouds in time: descendants and ancestors
#[derive(Debug, Args)]
#[command(
    mut_arg("blur", |it| it.help(
        "The blur σ, a length: ε = σ^p, one for all steps [default: 0.05 of the diagonal of the box around all clouds]"
    )),
    mut_arg("subsample", |it| it.hide(true)),
    mut_arg("seed", |it| it.hide(true)),
    mut_arg("voxel", |it| it.hide(true)),
    after_help = r#"Between each cloud and the next one a plan moves the mass. Its entries, summed up by the labels of both
ends, are the masses that go from label to label; the ancestors of ancestors follow as in a Markov
chain, so that there is a table for each two clouds, not only for neighbours. No plan is stored.

The mass of a point is its weight, 1/n if there is none. With --growth it is multiplied by the number
of descendants before it moves on, and scaled so that a cloud keeps its mass: only how points differ
in it counts. Where labels die out or come from elsewhere, let mass be destroyed and created by
--reach.

The table has a row for each two clouds and each two labels: from, to, source, target, the mass, and
that mass as a share of all descendants of the source label and of all ancestors of the target label.

Keys of --json, those in brackets where they are given:
  command files label [group] [growth] labels     files: the clouds in their order
  p epsilon blur rho_a rho_b                      a penalty is null where a marginal is kept
  steps      an object for each two neighbours: n m value lower_bound upper_bound mass marginal_error
             converged iterations
  tables     an object for each two clouds: from, to (indices of files), masses (rows are the labels of
             the first, columns those of the second, in the order of labels)
  converged pairs seconds device precision

Example:
  haul transitions cells.csv --group day --label cell_type --columns PC_1,PC_2,PC_3 -o table.csv"#
)]
pub(crate) struct Transitions {
    /// The clouds in the order of time, at least two; with --group one file may be all of them
    #[arg(required = true, num_args = 1.., value_name = "FILES")]
    files: Vec<PathBuf>,

    /// The column of the labels, by name or number
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    label: String,

    /// The column of the numbers of descendants that the points have until the next cloud, by name or number
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    growth: Option<String>,

    /// Write the masses as a table
    #[arg(short, long, value_name = "T.csv", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write, for each point of the last cloud, the share of each label among its ancestors in the first one
    #[arg(long, value_name = "S.csv", help_heading = "Output")]
    shares: Option<PathBuf>,

    #[command(flatten)]
    treatment: Treatment,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    engine: Engine,

    #[command(flatten)]
    presentation: Presentation,

    /// The clouds, once they are read.
    #[arg(skip)]
    read: OnceLock<Arc<Moments>>,
}

impl Task for Transitions {
    type Answer = TransitionsAnswer;

    /// None: clouds have labels, and are read together.
    fn inputs(&self) -> Vec<Input<'_>> {
        Vec::new()
    }

    fn other_files(&self) -> Vec<&Path> {
        let files = self.files.iter();
        let mut files: Vec<_> = files.map(|file| formats::file_of(file)).collect();
        files.dedup();
        files
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let tables = self.output.iter().chain(&self.shares);
        tables.chain(&self.presentation.report).cloned().collect()
    }

    fn quantity(&self) -> String {
        format!("transitions between labels of {}", self.label)
    }

    fn check(&self) -> Result<()> {
        for output in self.output.iter().chain(&self.shares) {
            formats::check_target(output, ".csv")?;
        }
        if self.treatment.reduction.is_given() {
            bail!(
                "--subsample and --voxel take points away or put them together, and labels are of single points; leave them out"
            );
        }
        let pipes = self.files.iter().filter(|file| *file == Path::new("-"));
        if pipes.count() > 1 {
            bail!("- is given more than once; standard input holds one file, name the others");
        }
        self.presentation.check()
    }

    fn engine(&self, _: &[Arc<Cloud>]) -> Result<Engine> {
        let moments = self.loaded()?;
        let quiet = self.presentation.quiet;
        let (_, problem) = self.posed(&moments)?;
        if !quiet {
            let named = moments.all.iter();
            let named = named.map(|moment| (&*moment.path, moment.names.as_deref()));
            let measures = moments.all.iter().map(|moment| &moment.measure);
            let cautions = [
                coordinates::compared(named)?,
                cautions::too_fine(problem.blur(), measures),
            ];
            cautions.iter().flatten().for_each(|it| outcome::warn(it));
        }
        let tolerance = self.settings.tolerance;
        Ok(device::engine_for(&self.engine, &problem, tolerance, quiet))
    }

    fn work(&self, _: &[f64]) -> Work {
        Work::between(&[])
    }

    fn answer(&self, device: &Device, _: &[Arc<Cloud>]) -> Result<TransitionsAnswer> {
        let start = Instant::now();
        let moments = self.loaded()?;
        let (sinkhorn, _) = self.posed(&moments)?;
        let (transitions, steps) = self.solve(device, &sinkhorn, &moments)?;
        let answer = TransitionsAnswer {
            label: self.label.clone(),
            group: self.treatment.group.clone(),
            growth: self.growth.clone(),
            moments,
            transitions,
            steps,
            written: self.output.iter().chain(&self.shares).cloned().collect(),
            seconds: start.elapsed().as_secs_f64(),
        };
        if let Some(path) = &self.output {
            formats::write_text(path, &table::masses(&answer)?)?;
        }
        if let Some(path) = &self.shares {
            formats::write_text(path, &table::shares(&answer)?)?;
        }
        Ok(answer)
    }
}

impl Request for Transitions {
    fn delivery(&self) -> Delivery<'_> {
        (&self.presentation).into()
    }
}

impl Transitions {
    /// The clouds, read once.
    fn loaded(&self) -> Result<Arc<Moments>> {
        if let Some(moments) = self.read.get() {
            return Ok(moments.clone());
        }
        let columns = [Some(&self.label), self.growth.as_ref()];
        let moments = Moments::read(&self.files, columns, &self.treatment)?;
        Ok(self.read.get_or_init(|| Arc::new(moments)).clone())
    }

    /// The solver with one ε for all steps, and the problem between the corners of all clouds, whose costs are the largest; refuses
    /// clouds between which there is no step.
    fn posed<'m>(&self, moments: &'m Moments) -> Result<(Sinkhorn, Problem<'m>)> {
        let sinkhorn = self.settings.sinkhorn();
        let (all, first) = (&moments.corners, &*moments.all[0].path);
        let problem = options::named(sinkhorn.problem(all, all), first, first)?;
        let sinkhorn = sinkhorn.regularized(Regularization::Epsilon(problem.epsilon()));
        for [before, after] in moments.all.array_windows() {
            let source = before.source();
            let checked = sinkhorn.problem(source, &after.measure).map(drop);
            options::named(checked, &before.path, &after.path)?;
        }
        Ok((sinkhorn, problem))
    }

    /// Solves step by step, and keeps of each plan what it does to the labels.
    fn solve(
        &self,
        device: &Device,
        sinkhorn: &Sinkhorn,
        moments: &Moments,
    ) -> Result<(haul::Transitions, Vec<Step>)> {
        let (classes, all) = (moments.labels.len(), &moments.all);
        let mut transitions = haul::Transitions::new(classes, &all[0].classes)?;
        let mut course = Course::of(self.presentation.quiet, all.len() - 1);
        let mut steps = Vec::new();
        for [before, after] in all.array_windows() {
            let (source, target) = (before.source(), &after.measure);
            let observe = |progress: &_| course.observe(progress);
            let solution = sinkhorn.solve_observed(device, source, target, observe)?;
            transitions.push(&solution.plan(), &after.classes)?;
            steps.push(Step {
                report: solution.report().clone(),
            });
        }
        course.end()?;
        Ok((transitions, steps))
    }
}

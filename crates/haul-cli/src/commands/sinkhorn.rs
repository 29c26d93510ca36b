//! `haul sinkhorn`: OT_ε between two files.

use crate::device;
use crate::input::{self, Cloud, Input};
use crate::number::percent;
use crate::options::{Engine, Gradients, MOST_U32, Solving, whole};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use crate::transport::{self, ExactCost, Transport};
use anyhow::Result;
use clap::Args;
use haul::{Device, Report};
use haul_files::{self as formats, Array};
use std::fmt::{Debug, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries of a row of the plan that are written, unless --plan-topk says otherwise.
const LARGEST: u32 = 10;

/// OT_ε between two clouds: the value, its certificate, potentials and plan
#[derive(Debug, Args)]
#[command(
    after_help = r#"Clouds are files .npy .npz .ply .csv .tsv .xyz, or - for csv from standard input, and other formats with --format.
The diameter is the diagonal of the box around both clouds.

Keys of --json, those in brackets where all mass is moved:
  command a b n m d            both files, their points and the dimension
  p epsilon blur rho_a rho_b   the problem; a penalty is null where a marginal is kept
  value dual                   OT_ε, the value of the dual, under both names
  regularized_cost             ⟨P, C⟩ + ε KL(P | a⊗b) of the plan as it is, with its penalties
  transport_cost kl mass       ⟨P, C⟩; KL(P | a⊗b); the mass that is moved
  certificate                  an object with the keys of the next two lines
  marginal_error_a marginal_error_b lower_bound upper_bound gap precision_floor
  [wasserstein_lower_bound wasserstein_upper_bound]
  [exact]                      an object: value, lower_bound, upper_bound, proved
  converged iterations stages  stages: the iterations of each method
  softmin_passes pairs         passes of the iteration; pairs of all passes
  kept dropped                 the share of pairs in a pass; a bound of the mass on others
  levels                       solves between coarse clouds: n m epsilon iterations pairs
  distance_bytes               memory of the distances that passes read, and do not compute
  seconds device precision

Example:
  haul sinkhorn a.ply b.ply --blur 0.05 --tolerance 1e-4 --json"#
)]
pub(crate) struct Sinkhorn {
    /// The cloud that is moved
    a: PathBuf,

    /// The cloud it is moved onto
    b: PathBuf,

    #[command(flatten)]
    solving: Solving,

    /// Write the potentials f and g, as float64 arrays of an .npz file
    #[arg(long, value_name = "F.npz", help_heading = "Output")]
    potentials: Option<PathBuf>,

    /// Write the K largest entries of each row of the plan to the file of --plan; all of them where K is
    /// the number of points of the second cloud [default: 10]
    #[arg(long, value_name = "K", help_heading = "Output", requires = "plan", allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    plan_topk: Option<u32>,

    /// A .csv file of lines i,j,mass, counted from 0
    #[arg(long, value_name = "T.csv", help_heading = "Output")]
    plan: Option<PathBuf>,

    /// Compute the exact cost W_p^p as well, beside the bounds
    #[arg(long, help_heading = "Output")]
    exact: bool,

    #[command(flatten)]
    gradients: Gradients,
}

impl Task for Sinkhorn {
    type Answer = Transport;

    fn inputs(&self) -> Vec<Input<'_>> {
        Input::pair([&self.a, &self.b], &self.solving.weights).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.potentials.iter().chain(&self.plan);
        let outputs = outputs.chain(self.gradients.outputs());
        outputs.chain(self.solving.outputs()).cloned().collect()
    }

    fn quantity(&self) -> String {
        transport::quantity("OT_ε", &self.solving.settings)
    }

    fn check(&self) -> Result<()> {
        self.gradients.check()?;
        self.solving.check()?;
        if self.exact {
            ExactCost::check(&self.solving.settings)?;
        }
        let targets = [(&self.potentials, ".npz"), (&self.plan, ".csv")];
        for (path, extension) in targets {
            if let Some(path) = path {
                formats::check_target(path, extension)?;
            }
        }
        Ok(())
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        self.gradients.check_points(&self.a, clouds)?;
        device::engine_between(&self.solving, [&self.a, &self.b], clouds)
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between(points).iterated(self.solving.settings.sinkhorn())
    }

    fn checkpoint(&self) -> Option<(&Path, &dyn Debug)> {
        Some((self.solving.checkpoint.as_deref()?, self))
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Transport> {
        let clouds = input::two(clouds)?;
        let [source, target] = clouds.map(|cloud| &cloud.measure);
        let mut course = Course::new(&self.solving, 1);
        let observe = |progress: &_| course.observe(progress);
        let sinkhorn = self.solving.settings.sinkhorn();
        let solution = sinkhorn.solve_observed(device, source, target, observe)?;
        let course = course.end()?;
        if let Some(path) = &self.potentials {
            let potentials = solution.potentials()?;
            let arrays = [("f", &potentials.f), ("g", &potentials.g)].map(|(name, values)| Array {
                name,
                shape: vec![values.len()],
                values,
            });
            formats::write_npz(path, &arrays)?;
        }
        let mut written = Vec::new();
        if let Some(path) = &self.plan {
            let k = self.plan_topk.unwrap_or(LARGEST);
            let rows = solution.plan().top_k(k as usize)?;
            write_plan(path, &rows)?;
            written.push(("plan", told(path, k, &rows, solution.report())));
        }
        if self.gradients.wanted() {
            let (both, weights) = (|| solution.gradient(), || solution.gradient_weights());
            self.gradients.write(&self.gradients.of(both, weights)?)?;
            let error = solution.certificate().marginal_error();
            written.extend(
                self.gradients
                    .in_words(error)
                    .map(|told| ("gradient", told)),
            );
        }
        let exact = self.exact.then(|| {
            let Solving {
                settings, engine, ..
            } = &self.solving;
            ExactCost::of([source, target], settings, engine, self.solving.quiet)
        });
        let exact = exact.transpose()?;
        Ok(Transport {
            command: "sinkhorn",
            pair: Pair::new([&self.a, &self.b], clouds),
            report: solution.report().clone(),
            course,
            displacement: None,
            exact,
            matching: match self.solving.report {
                Some(_) => Matching::drawn(&solution, source, target)?,
                None => None,
            },
            written,
        })
    }
}

impl Request for Sinkhorn {
    fn delivery(&self) -> Delivery<'_> {
        (&self.solving).into()
    }
}

/// What a table of the largest entries of each row holds.
fn told(path: &Path, k: u32, rows: &[Vec<(usize, f64)>], report: &Report) -> String {
    let path = path.display();
    if k as usize >= report.m {
        return format!("{path}, all entries");
    }
    let mass: f64 = rows.iter().flatten().map(|(_, mass)| mass).sum();
    let share = percent((mass / report.mass).min(1.0));
    format!(
        "{path}, the {k} largest entries of each row: {share} of the mass; --plan-topk takes more"
    )
}

fn write_plan(path: &Path, rows: &[Vec<(usize, f64)>]) -> Result<()> {
    let mut text = String::from("i,j,mass\n");
    for (i, row) in rows.iter().enumerate() {
        for (j, mass) in row {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{i},{j},{mass:e}");
        }
    }
    Ok(formats::write_text(path, &text)?)
}

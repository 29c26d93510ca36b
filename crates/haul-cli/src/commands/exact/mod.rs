//! `haul exact`: the exact transport between two files, with a plan that is proved optimal.

mod answer;
mod page;
mod plan;

use crate::input::{self, Cloud, Input};
use crate::interrupt::{self, AtWork};
use crate::number::plain;
use crate::options::{self, Engine, Weights, number};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Pivoting;
use crate::task::{Delivery, Request, Task, Work};
use crate::transport::engine_in;
use answer::ExactAnswer;
use anyhow::{Result, bail};
use clap::Args;
use haul::{Device, Engine as _, Stop};
use haul_files as formats;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// The exact Wasserstein distance between two clouds, with a plan that is proved optimal
#[derive(Debug, Args)]
#[command(
    mut_arg("precision", |it| it.help("f64 runs on the CPU; in more than 7 dimensions f32 proves bounds to about seven digits of the largest cost [default: f32; f64 in more than 7 dimensions without a GPU]")),
    after_help = "W_p^p = min Σᵢⱼ Pᵢⱼ |xᵢ − yⱼ|^p over all plans P that move one cloud onto the other. The lower bound is a value of the dual problem, the upper bound the cost of the plan: between them is the exact value, and rounding is included. Ctrl-C ends the search and keeps the bounds so far.\n\nThe plan has at most n + m − 1 entries: a .csv has the columns row, column and mass, counted from 0; an .npz has the arrays rows, columns, mass, and the potentials f and g.\n\nKeys of --json:\n  command a b n m d p value distance lower_bound upper_bound gap proved mass\n  entries permutation rounds arcs pivots seconds device precision\n\nExample:\n  haul exact a.ply b.ply --plan plan.csv"
)]
pub(crate) struct Exact {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    weights: Weights,

    /// The power p of the cost |x − y|^p: above 0 and at most 2, or any p from 1 on in one dimension
    #[arg(long, short, default_value_t = 2.0, allow_negative_numbers = true, value_parser = number)]
    p: f64,

    /// The gap between both bounds, relative to the value, at which the search ends
    #[arg(
        long,
        value_name = "T",
        default_value_t = 1e-9,
        allow_negative_numbers = true,
        value_parser = number
    )]
    tolerance: f64,

    /// Move only the mass M, where it costs least; masses may differ. inf moves as much as possible
    #[arg(
        long,
        value_name = "M",
        allow_negative_numbers = true,
        value_parser = number
    )]
    partial: Option<f64>,

    #[command(flatten)]
    engine: Engine,

    /// Write the plan: a .csv, or an .npz with the potentials as well
    #[arg(long, value_name = "F", help_heading = "Output")]
    plan: Option<PathBuf>,

    /// Write a page for people: the answer, its proof and a picture of both clouds
    #[arg(long, value_name = "F.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Print one JSON object, with every digit
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

impl Task for Exact {
    type Answer = ExactAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        Input::pair([&self.a, &self.b], &self.weights).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        self.plan.iter().chain(&self.report).cloned().collect()
    }

    fn quantity(&self) -> String {
        let part = match self.partial {
            Some(mass) => format!(" of the mass {}", plain(mass)),
            None => String::new(),
        };
        format!("W_p^p{part}, p = {}", plain(self.p))
    }

    fn check(&self) -> Result<()> {
        if let Some(path) = &self.report {
            formats::check_target(path, ".html")?;
        }
        if let Some(path) = &self.plan {
            plan::check(path)?;
        }
        Ok(())
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        let [source, target] = input::two(clouds)?.map(|cloud| &cloud.measure);
        if let Err(haul::Error::UnequalMass {
            source_mass,
            target_mass,
        }) = self.exact().check(source, target)
        {
            let [a, b] = [source_mass, target_mass].map(plain);
            bail!(
                "{} and {}: the masses differ: {a} and {b}; scale both to 1 with --normalize, or move a part of the mass with --partial",
                self.a.display(),
                self.b.display()
            );
        }
        options::named(self.exact().check(source, target), &self.a, &self.b)?;
        Ok(engine_in(source.dimension(), &self.engine))
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between(points)
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<ExactAnswer> {
        let clouds = input::two(clouds)?;
        let [source, target] = clouds.map(|cloud| &cloud.measure);
        // A run of many jobs solves an unfinished one again; alone, the bounds so far are the answer.
        let stop = match interrupt::answer_with_what_is_there() {
            true => Stop::Abandon,
            false => Stop::Certify,
        };
        let _ends = AtWork::new(device.interrupt());
        let line = Pivoting::new(self.quiet);
        let solution = self
            .exact()
            .solve_observed(device, source, target, |progress| {
                line.observe(progress);
                match interrupt::requested() {
                    true => ControlFlow::Break(stop),
                    false => ControlFlow::Continue(()),
                }
            })?;
        drop(line);
        if let Some(path) = &self.plan {
            plan::write(path, &solution)?;
        }
        Ok(ExactAnswer {
            pair: Pair::new([&self.a, &self.b], clouds),
            report: solution.report().clone(),
            entries: solution.plan().len(),
            permutation: solution.plan().permutation().is_some(),
            matching: match self.report {
                Some(_) => Some(Matching::of_coupling(solution.plan(), source, target)?),
                None => None,
            },
            written: self.plan.clone(),
        })
    }
}

impl Request for Exact {
    fn delivery(&self) -> Delivery<'_> {
        Delivery {
            json: self.json,
            quiet: self.quiet,
            page: self.report.as_deref(),
        }
    }
}

impl Exact {
    fn exact(&self) -> haul::Exact {
        let exact = haul::Exact::default().p(self.p).tolerance(self.tolerance);
        match self.partial {
            Some(mass) => exact.partial(mass),
            None => exact,
        }
    }
}

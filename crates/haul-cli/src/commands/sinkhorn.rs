//! `haul sinkhorn`: OT_ε between two files.

use crate::device;
use crate::input::{self, Cloud, Input};
use crate::options::{Engine, Gradients, MOST_U32, Solving, whole};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use crate::transport::{self, Transport};
use anyhow::Result;
use clap::Args;
use haul::Device;
use haul_files::{self as formats, Array};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// OT_ε between two clouds: the value, its certificate, potentials and plan
#[derive(Debug, Args)]
#[command(
    after_help = "Clouds are files .npy .npz .ply .csv .xyz, or - for csv from standard input, and other formats with --format.\n\nExample:\n  haul sinkhorn a.ply b.ply --blur 0.05 --tolerance 1e-4 --json"
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
    /// the number of points of the second cloud
    #[arg(long, value_name = "K", help_heading = "Output", requires = "plan", allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    plan_topk: Option<u32>,

    /// A .csv file of lines i,j,mass, counted from 0
    #[arg(
        long,
        value_name = "T.csv",
        help_heading = "Output",
        requires = "plan_topk"
    )]
    plan: Option<PathBuf>,

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
        if let (Some(path), Some(k)) = (&self.plan, self.plan_topk) {
            write_plan(path, &solution.plan().top_k(k as usize)?)?;
        }
        if self.gradients.wanted() {
            let (both, weights) = (|| solution.gradient(), || solution.gradient_weights());
            self.gradients.write(&self.gradients.of(both, weights)?)?;
        }
        Ok(Transport {
            command: "sinkhorn",
            pair: Pair::new([&self.a, &self.b], clouds),
            report: solution.report().clone(),
            course,
            displacement: None,
            matching: match self.solving.report {
                Some(_) => Matching::drawn(&solution, source, target)?,
                None => None,
            },
        })
    }
}

impl Request for Sinkhorn {
    fn delivery(&self) -> Delivery<'_> {
        (&self.solving).into()
    }
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

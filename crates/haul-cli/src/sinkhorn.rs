//! `haul sinkhorn`: OT_ε between two files.

use crate::arguments::{Engine, Sinkhorn};
use crate::comparison::{Compared, Comparison, Inputs};
use crate::formats::{self, Array};
use crate::input::{self, Given};
use crate::outcome::Outcome;
use crate::page::{self, Clouds};
use crate::picture::Matching;
use crate::progress::Course;
use crate::{device, report};
use anyhow::Result;
use haul::{Device, Measure};
use std::fmt::Write;
use std::path::{Path, PathBuf};

impl Comparison for Sinkhorn {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            a: &self.a,
            b: &self.b,
            weights: &self.solving.weights,
            moves_a: false,
        }
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.potentials.iter().chain(&self.plan);
        let outputs = outputs.chain(self.gradients.outputs());
        outputs.chain(self.solving.outputs()).cloned().collect()
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

    fn engine(&self, source: &Measure, target: &Measure) -> Result<Engine> {
        device::engine_between(&self.solving, (&self.a, source), (&self.b, target))
    }

    fn evaluate(&self, device: &Device, source: &Given, target: &Given) -> Result<Compared> {
        let (source, target) = (&source.measure, &target.measure);
        let mut course = Course::new(&self.solving);
        let settings = input::settings(&self.solving.settings);
        let solution =
            settings.solve_observed(device, source, target, |progress| course.observe(progress))?;
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
            self.gradients.write(&solution.gradient()?)?;
        }
        let (a, b) = (self.a.to_string_lossy(), self.b.to_string_lossy());
        let clouds = Clouds {
            a: &a,
            b: &b,
            source,
            target,
            matching: None,
        };
        let report = solution.report();
        if let Some(path) = &self.solving.report {
            let clouds = Clouds {
                matching: Some(&Matching::of(&solution, source, target)?),
                ..clouds
            };
            let page = page::solution("sinkhorn", &clouds, report, None, &course)?;
            formats::write_text(path, &page)?;
        }
        Ok(Compared {
            output: if self.solving.json {
                report::Json::new("sinkhorn", &a, &b, report).line()?
            } else {
                report::text(&clouds, report)
            },
            warnings: report::warnings(&self.solving, [report]),
            outcome: Outcome::of(report.converged),
        })
    }

    fn iteration(&self) -> Option<haul::Sinkhorn> {
        Some(input::settings(&self.solving.settings))
    }

    fn pairs(&self, n: u64, m: u64) -> u64 {
        n * m
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

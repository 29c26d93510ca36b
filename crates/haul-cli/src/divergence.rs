//! `haul divergence`: S_ε between two files.

use crate::arguments::{Divergence, Engine};
use crate::comparison::{Compared, Comparison, Inputs};
use crate::input::{self, Given};
use crate::outcome::Outcome;
use crate::page::{self, Clouds};
use crate::picture::Matching;
use crate::progress::Course;
use crate::{device, formats, report};
use anyhow::Result;
use haul::{Device, Measure, Sinkhorn};
use std::path::PathBuf;

impl Comparison for Divergence {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            a: &self.a,
            b: &self.b,
            weights: &self.solving.weights,
            moves_a: false,
        }
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.gradients.outputs().chain(self.solving.outputs());
        outputs.cloned().collect()
    }

    fn check(&self) -> Result<()> {
        self.gradients.check()?;
        self.solving.check()
    }

    fn engine(&self, source: &Measure, target: &Measure) -> Result<Engine> {
        device::engine_between(&self.solving, (&self.a, source), (&self.b, target))
    }

    fn evaluate(&self, device: &Device, source: &Given, target: &Given) -> Result<Compared> {
        let (source, target) = (&source.measure, &target.measure);
        let mut course = Course::new(&self.solving);
        let divergence = haul::Divergence::from(input::settings(&self.solving.settings));
        let terms = divergence
            .evaluate_observed(device, source, target, |progress| course.observe(progress))?;
        let course = course.end()?;
        if self.gradients.wanted() {
            self.gradients.write(&terms.gradient()?)?;
        }
        let (a, b) = (self.a.to_string_lossy(), self.b.to_string_lossy());
        let clouds = Clouds {
            a: &a,
            b: &b,
            source,
            target,
            matching: None,
        };
        if let Some(path) = &self.solving.report {
            let clouds = Clouds {
                matching: Some(&Matching::of(&terms.ab, source, target)?),
                ..clouds
            };
            let page = page::divergence(&clouds, &terms, &course)?;
            formats::write_text(path, &page)?;
        }
        let reports = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report());
        let mut warnings = report::warnings(&self.solving, reports);
        let [ab, ..] = reports;
        if ab.rho_a != ab.rho_b && !self.solving.quiet {
            warnings.push(
                "the penalties of both sides differ: S_ε is at least 0, but not 0 for equal clouds, and another one \
                 where the clouds change places"
                    .to_owned(),
            );
        }
        Ok(Compared {
            output: if self.solving.json {
                report::divergence_line(&a, &b, &terms)?
            } else {
                report::divergence_text(&clouds, &terms)
            },
            warnings,
            outcome: Outcome::of(terms.converged()),
        })
    }

    fn iteration(&self) -> Option<Sinkhorn> {
        Some(input::settings(&self.solving.settings))
    }

    fn pairs(&self, n: u64, m: u64) -> u64 {
        n * m + n * n + m * m
    }
}

//! `haul divergence`: S_ε between two files.

mod answer;
mod page;

use crate::device;
use crate::input::{self, Cloud, Input};
use crate::options::{Engine, Gradients, Solving};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Course;
use crate::task::{Delivery, Request, Task, Work};
use crate::transport;
use answer::DivergenceAnswer;
use anyhow::Result;
use clap::Args;
use haul::Device;
use std::path::PathBuf;
use std::sync::Arc;

/// The Sinkhorn divergence between two clouds: OT_ε without its bias, 0 for equal ones
#[derive(Debug, Args)]
#[command(
    after_help = "S_ε(a, b) = OT_ε(a, b) − ½ OT_ε(a, a) − ½ OT_ε(b, b) + ½ ε (m_a − m_b)²\nis at least 0. Where --rho-a and --rho-b differ, each self term has the penalty of its cloud on both\nsides, and S_ε(a, a) is not 0.\n\nExample:\n  haul divergence a.ply b.ply --blur 0.05 --gradient g.npy --json"
)]
pub(crate) struct Divergence {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    solving: Solving,

    #[command(flatten)]
    gradients: Gradients,
}

impl Task for Divergence {
    type Answer = DivergenceAnswer;

    fn inputs(&self) -> Vec<Input<'_>> {
        Input::pair([&self.a, &self.b], &self.solving.weights).into()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let outputs = self.gradients.outputs().chain(self.solving.outputs());
        outputs.cloned().collect()
    }

    fn quantity(&self) -> String {
        transport::quantity("S_ε", &self.solving.settings)
    }

    fn check(&self) -> Result<()> {
        self.gradients.check()?;
        self.solving.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        self.gradients.check_points(&self.a, clouds)?;
        device::engine_between(&self.solving, [&self.a, &self.b], clouds)
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between_and_within(points).iterated(self.solving.settings.sinkhorn())
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<DivergenceAnswer> {
        let clouds = input::two(clouds)?;
        let [source, target] = clouds.map(|cloud| &cloud.measure);
        let mut course = Course::new(&self.solving, 3);
        let observe = |progress: &_| course.observe(progress);
        let divergence = haul::Divergence::from(self.solving.settings.sinkhorn());
        let terms = divergence.evaluate_observed(device, source, target, observe)?;
        let course = course.end()?;
        if self.gradients.wanted() {
            let (both, weights) = (|| terms.gradient(), || terms.gradient_weights());
            self.gradients.write(&self.gradients.of(both, weights)?)?;
        }
        let matching = match self.solving.report {
            Some(_) => Matching::drawn(&terms.ab, source, target)?,
            None => None,
        };
        let pair = Pair::new([&self.a, &self.b], clouds);
        Ok(DivergenceAnswer::new(pair, &terms, course, matching))
    }
}

impl Request for Divergence {
    fn delivery(&self) -> Delivery<'_> {
        (&self.solving).into()
    }
}

//! `haul divergence`: S_ε between two files.

mod answer;
mod page;

use crate::device;
use crate::input::{self, Cloud, Input};
use crate::options::{Engine, Gradients, Solving};
use crate::pair::Pair;
use crate::picture::Matching;
use crate::progress::Course;
use crate::sampling::{self, PermutationTest};
use crate::task::{Delivery, Request, Task, Work};
use crate::transport::{self, ExactCost};
use answer::{DivergenceAnswer, marginal_error};
use anyhow::Result;
use clap::Args;
use haul::{Device, Measure, Regularization, Solution};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The Sinkhorn divergence between two clouds: OT_ε without its bias, 0 for equal ones
#[derive(Debug, Args)]
#[command(
    after_help = r#"S_ε(a, b) = OT_ε(a, b) − ½ OT_ε(a, a) − ½ OT_ε(b, b) + ½ ε (m_a − m_b)²
is at least 0. Where --rho-a and --rho-b differ, each self term has the penalty of its cloud on both
sides, and S_ε(a, a) is not 0. The diameter is the diagonal of the box around both clouds.

The sentence about sampling is a permutation test: the points of both clouds, at most 500 of each, are
put together and divided anew at random 19 times. If both are samples of one law, S_ε exceeds all 19 by
chance once in 20 times. The test is not made with --json or --quiet.

Keys of --json, those in brackets where all mass is moved:
  command a b n m d            both files, their points and the dimension
  p epsilon blur rho_a rho_b   the problem; a penalty is null where a marginal is kept
  value [distance]             S_ε; its root for each unit of mass
  certificate                  an object: lower_bound, upper_bound, gap, precision_floor
  [distance_bounds]            an object: lower, upper
  [exact]                      an object: value, lower_bound, upper_bound, proved
  terms                        an object: ab, aa, bb, each what haul sinkhorn --json prints
  converged iterations softmin_passes pairs seconds device precision

Example:
  haul divergence a.ply b.ply --blur 0.05 --gradient g.npy --json"#
)]
pub(crate) struct Divergence {
    /// The first cloud
    a: PathBuf,

    /// The second cloud
    b: PathBuf,

    #[command(flatten)]
    solving: Solving,

    /// Compute the exact cost W_p^p as well, beside the bounds
    #[arg(long, help_heading = "Output")]
    exact: bool,

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
        if self.exact {
            ExactCost::check(&self.solving.settings)?;
        }
        self.solving.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        self.gradients.check_points(&self.a, clouds)?;
        device::engine_between(&self.solving, [&self.a, &self.b], clouds)
    }

    fn work(&self, points: &[f64]) -> Work {
        Work::between_and_within(points).iterated(self.solving.settings.sinkhorn())
    }

    fn checkpoint(&self) -> Option<(&Path, &dyn Debug)> {
        Some((self.solving.checkpoint.as_deref()?, self))
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
        let pair = Pair::new([&self.a, &self.b], clouds);
        let mut answer = DivergenceAnswer {
            course,
            written: self.gradients.in_words(marginal_error(
                [&terms.ab, &terms.aa, &terms.bb].map(Solution::report),
            )),
            ..DivergenceAnswer::new(pair, &terms)
        };
        if self.exact {
            let Solving {
                settings, engine, ..
            } = &self.solving;
            let exact = ExactCost::of([source, target], settings, engine, self.solving.quiet)?;
            answer.exact = Some(exact);
        }
        if self.solving.report.is_some() {
            answer.matching = Matching::drawn(&terms.ab, source, target)?;
        }
        if self.solving.is_read() && answer.distance.is_some() {
            answer.permutation_test = self.permutation_test(device, [source, target], &answer)?;
        }
        Ok(answer)
    }
}

impl Divergence {
    /// The test whether sampling explains the value, at the same ε.
    fn permutation_test(
        &self,
        device: &Device,
        clouds: [&Measure; 2],
        answer: &DivergenceAnswer,
    ) -> haul::Result<Option<PermutationTest>> {
        let settings = self.solving.settings.sinkhorn();
        let settings = settings.regularized(Regularization::Epsilon(answer.epsilon()));
        let divergence = haul::Divergence::from(settings);
        let device = sampling::device(device);
        PermutationTest::of(clouds, answer.value, |a, b| {
            Ok(divergence.evaluate(&device, a, b)?.value())
        })
    }
}

impl Request for Divergence {
    fn delivery(&self) -> Delivery<'_> {
        (&self.solving).into()
    }
}

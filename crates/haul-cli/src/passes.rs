//! The number of passes of a solve, from a solve of some of its points.
//!
//! The number depends little on the number of points, but much on the blur and on the positions of the clouds. If the
//! blur is below the spacing of the points, it does depend on their number: a sample, whose points are farther apart,
//! takes more passes.

use crate::task::Work;
use haul::{Cost, Device, Divergence, Measure, Reduction, Regularization, Report, Sinkhorn};

/// Passes over all pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Passes {
    /// Between both clouds.
    pub(crate) between: f64,
    /// Passes of each cloud with itself: far fewer, because its plan is the identity up to the blur.
    pub(crate) within: f64,
}

impl Passes {
    pub(crate) const ONE: Self = Self {
        between: 1.0,
        within: 1.0,
    };

    /// The pairs that they evaluate for some work.
    pub(crate) fn pairs(&self, work: &Work) -> f64 {
        self.between * work.between + self.within * work.within
    }
}

/// The measurements of a solve of some of the points.
pub(crate) struct Sample {
    pub(crate) passes: Passes,
    /// Pairs that were evaluated.
    pub(crate) pairs: u64,
    pub(crate) cost: Cost,
}

impl Sample {
    /// Solves the transport of some work for at most `points` points of two clouds, with each cloud with itself if the
    /// work includes that. Work without an iteration is sampled by a solve at a typical blur.
    ///
    /// # Errors
    ///
    /// Those of the solve, for instance because of the weights of the sample.
    pub(crate) fn of(
        work: &Work,
        device: &Device,
        clouds: [&Measure; 2],
        points: usize,
    ) -> haul::Result<Self> {
        let some = Reduction::Sample { points, seed: 0 };
        let [a, b] = clouds.map(|measure| some.apply(measure));
        let (a, b) = (a?, b?);
        let iteration = work.iteration.clone();
        let sinkhorn =
            iteration.unwrap_or_else(|| Sinkhorn::with(Regularization::RelativeBlur(0.05)));
        if work.within > 0.0 && work.iteration.is_some() {
            let terms = Divergence::from(sinkhorn).evaluate(device, &a, &b)?;
            let own = [&terms.aa, &terms.bb].map(|term| term.report());
            return Ok(Self::new(terms.ab.report(), &own));
        }
        let solution = sinkhorn.solve(device, &a, &b)?;
        Ok(Self::new(solution.report(), &[]))
    }

    fn new(between: &Report, within: &[&Report]) -> Self {
        let evaluated = |reports: &[&Report]| reports.iter().map(|it| it.pairs).sum::<u64>();
        let of_a_pass = |report: &&Report| report.n as f64 * report.m as f64;
        let passes = |reports: &[&Report]| {
            let pass: f64 = reports.iter().map(of_a_pass).sum();
            evaluated(reports) as f64 / pass.max(1.0)
        };
        Self {
            passes: Passes {
                between: passes(&[between]),
                within: passes(within),
            },
            pairs: between.pairs + evaluated(within),
            cost: between.cost,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_all_points_takes_what_the_task_takes() {
        let line = |count: usize, shift: f64| {
            let points: Vec<_> = (0..count)
                .map(|k| k as f64 / count as f64 + shift)
                .collect();
            Measure::uniform(&points, 1).unwrap()
        };
        let (a, b) = (line(120, 0.0), line(80, 0.3));
        let device = Device::cpu();
        let sinkhorn = Sinkhorn::blur(0.05);
        let points = [120.0, 80.0];
        let terms = Divergence::from(sinkhorn.clone());
        let terms = terms.evaluate(&device, &a, &b).unwrap();
        let pairs = [&terms.ab, &terms.aa, &terms.bb].map(|term| term.report().pairs);
        let work = Work::between_and_within(&points).iterated(sinkhorn.clone());
        let sample = Sample::of(&work, &device, [&a, &b], 1000).unwrap();
        assert_eq!(sample.pairs, pairs.iter().sum::<u64>());
        let thought = sample.passes.pairs(&work);
        assert!(
            (thought / sample.pairs as f64 - 1.0).abs() < 1e-12,
            "{thought}"
        );
        assert!(sample.passes.within < sample.passes.between);

        let work = Work::between(&points).iterated(sinkhorn.clone());
        let sample = Sample::of(&work, &device, [&a, &b], 1000).unwrap();
        let solution = sinkhorn.solve(&device, &a, &b).unwrap();
        let pairs = solution.report().pairs;
        assert_eq!((sample.pairs, sample.passes.within), (pairs, 0.0));
        let thought = sample.passes.pairs(&work);
        assert!((thought / pairs as f64 - 1.0).abs() < 1e-12, "{thought}");
    }
}

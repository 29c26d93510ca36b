//! How far estimates from samples are from the truth.
//!
//! Two samples of n points each of the uniform law on the unit cube in d dimensions estimate the distance of this law from
//! itself, which is 0 by every one of these:
//!
//! ```text
//!            theory                                                     for W_p
//! W_p        n^{−1/2} (d = 1), (n/log n)^{−1/2} (d = 2), n^{−1/d}       [Ajtai–Komlós–Tusnády'84; Bobkov–Ledoux'21]
//! √S_ε       n^{−1/2} at any fixed ε > 0                                [Genevay'19]
//! √energy    n^{−1/2}                                                   [Székely–Rizzo'13]
//! ```
//!
//! The factor of n^{−1/2} grows as ε falls: for the error of S_ε between two laws it is at most of the order ε^{−⌊d/2⌋}
//! [Genevay'19]. Between samples of one law, p = 2 and ε = σ², S_ε is to first order the sum of 1/(n|ω|²) over the frequencies ω
//! up to 1/σ, for W₂ is the norm of H⁻¹ there [Peyre'18] and a blur hides what is smaller. So √S_ε grows as
//!
//! ```text
//! σ^{1 − d/2} n^{−1/2}    (d ≥ 3),        √log(1/σ) n^{−1/2}    (d = 2),
//! ```
//!
//! where σ is above the distance of neighbours and below the extent of the law.

use crate::measure::Numbers;
use crate::{Divergence, Energy, Engine, Error, Exact, Measure, Result, Sinkhorn};

/// The L1 error of the marginals that a divergence may have: values are of the size 1/n.
const TOLERANCE: f64 = 1e-6;

/// Distances between two samples of one law.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleStudy {
    p: f64,
    blurs: Vec<f64>,
    seed: u64,
}

/// The distances between two samples, whose truth is 0. They are lengths, but for the energy's, which is the root of one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SampleTrial {
    /// W_p, exact.
    pub wasserstein: f64,
    /// √S_ε for the cost |x − y|^p, at each blur of the study.
    pub divergences: Vec<f64>,
    /// The root of the energy distance for |x − y|.
    pub energy: f64,
}

impl SampleStudy {
    /// The study for the cost |x − y|^p and some blurs, in units of the side of the cube. The seed draws all samples.
    pub fn new(p: impl Into<f64>, blurs: &[f64], seed: u64) -> Self {
        Self {
            p: p.into(),
            blurs: blurs.to_vec(),
            seed,
        }
    }

    /// The exponent of n by which the mean of W_p falls; in two dimensions there is a factor of √log n beside it.
    pub fn wasserstein_exponent(dimension: usize) -> f64 {
        -1.0 / dimension.max(2) as f64
    }

    /// The exponent of the blur by which the mean of √S_ε grows as the blur falls, for p = 2; in two dimensions there is a factor
    /// of √log(1/σ) instead.
    pub fn divergence_exponent(dimension: usize) -> f64 {
        1.0 - 0.5 * dimension.max(2) as f64
    }

    /// Checks the settings, a number of points and a dimension.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`]: p is from 1 to 2, and the blur above 0; there are at least two points and one dimension.
    pub fn check(&self, points: usize, dimension: usize) -> Result<()> {
        let counts = [
            ("points", points as f64, points >= 2, "at least 2"),
            ("dimensions", dimension as f64, dimension >= 1, "at least 1"),
            ("p", self.p, (1.0..=2.0).contains(&self.p), "from 1 to 2"),
        ];
        let blurs = self.blurs.iter().map(|&blur| {
            let holds = blur > 0.0 && blur.is_finite();
            ("blur", blur, holds, "a finite number above 0")
        });
        match counts
            .into_iter()
            .chain(blurs)
            .find(|(_, _, holds, _)| !holds)
        {
            Some((name, value, _, range)) => Err(Error::BadParameter { name, value, range }),
            None => Ok(()),
        }
    }

    /// The distances between two samples of `points` points in `dimension` dimensions. Each trial has samples of its own, which
    /// depend on the seed and on these numbers alone.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), and the engine's own. An engine in f32 has too few digits for many points.
    pub fn trial<E: Engine + Clone>(
        &self,
        engine: E,
        points: usize,
        dimension: usize,
        trial: u64,
    ) -> Result<SampleTrial> {
        self.check(points, dimension)?;
        let [a, b] = self.samples(points, dimension, trial)?;
        let exact = Exact::default().p(self.p).solve(engine.clone(), &a, &b)?;
        let divergence = |blur: &f64| -> Result<f64> {
            let settings = Sinkhorn::blur(*blur).p(self.p).tolerance(TOLERANCE);
            let divergence = Divergence::from(settings).evaluate(engine.clone(), &a, &b)?;
            Ok(divergence.value().max(0.0).sqrt())
        };
        let divergences = self.blurs.iter().map(divergence).collect::<Result<_>>()?;
        let energy = Energy::new().evaluate(&engine, &a, &b)?;
        Ok(SampleTrial {
            wasserstein: exact.distance(),
            divergences,
            energy: energy.value.max(0.0).sqrt(),
        })
    }

    fn samples(&self, points: usize, dimension: usize, trial: u64) -> Result<[Measure; 2]> {
        let mut seed = self.seed;
        for number in [points as u64, dimension as u64, trial] {
            seed = Numbers::stream(seed, number).word();
        }
        let mut numbers = Numbers::new(seed);
        let mut sample = || {
            let count = points.saturating_mul(dimension);
            let coordinates: Vec<f64> = (0..count).map(|_| numbers.unit()).collect();
            Measure::uniform(&coordinates, dimension)
        };
        Ok([sample()?, sample()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_those_of_their_numbers_and_lie_in_the_cube() {
        let study = SampleStudy::new(2, &[0.2], 7);
        let of = |points, dimension, trial| study.samples(points, dimension, trial).unwrap();
        let [a, b] = of(500, 3, 0);
        assert_eq!((a.len(), a.dimension()), (500, 3));
        assert_ne!(a.points(), b.points());
        assert_eq!(a.points(), of(500, 3, 0)[0].points());
        for other in [of(500, 3, 1), of(250, 6, 0)] {
            assert_ne!(a.points()[0], other[0].points()[0]);
        }
        assert!(a.points().iter().all(|x| (0.0..1.0).contains(x)));
        // The mean of 1500 uniform numbers, within five of its standard errors.
        let mean = a.points().iter().sum::<f64>() / 1500.0;
        assert!(
            (mean - 0.5).abs() < 5.0 / (12.0f64 * 1500.0).sqrt(),
            "{mean}"
        );
    }

    #[test]
    fn what_cannot_be_studied_is_refused() {
        let fits = |p: f64, blur, points, dimension| {
            let study = SampleStudy::new(p, &[0.1, blur], 0);
            study.check(points, dimension).is_ok()
        };
        assert!(fits(2.0, 0.1, 2, 1));
        for (p, blur, points, dimension) in [
            (3.0, 0.1, 9, 2),
            (0.5, 0.1, 9, 2),
            (f64::NAN, 0.1, 9, 2),
            (2.0, 0.0, 9, 2),
            (2.0, f64::INFINITY, 9, 2),
            (2.0, 0.1, 1, 2),
            (2.0, 0.1, 9, 0),
        ] {
            assert!(!fits(p, blur, points, dimension));
        }
    }
}

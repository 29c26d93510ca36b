//! Means of a function over all pairs of two measures, and discrepancies as combinations of them.

use super::discrepancy::Pairings;
use super::tally::Tally;
use crate::engine::{Factor, Kernel, Side};
use crate::linalg::{dot, moments};
use crate::pass::{Pass, Points};
use crate::{Engine, Frame, Measure, Result};

/// The means over pairs of measures of mass 1, and the sums for the gradient.
pub(crate) struct Means {
    pub(crate) terms: Pairings,
    /// For each point of the source, the mean over the target.
    to_target: Vec<f64>,
    /// The same mean over the source.
    to_source: Vec<f64>,
}

impl Means {
    pub(crate) async fn new<E: Engine>(
        engine: &E,
        frame: &Frame,
        kernel: Kernel,
        factor: Factor,
        (source, target): (&Measure, &Measure),
        tally: &mut Tally<'_>,
    ) -> Result<Self> {
        let a = Uploaded::new(engine, frame, source)?;
        let b = Uploaded::new(engine, frame, target)?;
        let (of, means) = ((engine, kernel), Summand::Means(factor));
        let to_target = a.over(&b, of, means, tally).await?;
        let to_source = a.over(&a, of, means, tally).await?;
        let itself = b.over(&b, of, means, tally).await?;
        Ok(Self {
            terms: Pairings {
                ab: dot(&a.weights, &to_target),
                aa: dot(&a.weights, &to_source),
                bb: dot(&b.weights, &itself),
            },
            to_target,
            to_source,
        })
    }

    /// For p = 2, where means and spreads suffice: |Δ mean|² and spreads s, for which
    /// E(α, β) = |Δ mean|² + s_α + s_β. Also returns |Δ mean|², which loses digits if computed as a difference of these.
    pub(crate) fn of_squares(frame: &Frame, source: &Measure, target: &Measure) -> (Self, f64) {
        let moments = |measure: &Measure| {
            let points = frame.place(measure);
            let (weights, mass) = (measure.weights(), measure.mass());
            moments(&points, measure.dimension(), weights, mass)
        };
        let ((mean, spread), (mean2, spread2)) = (moments(source), moments(target));
        let squared =
            |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum() };
        let between = squared(&mean, &mean2);
        let points = frame.place(source);
        let to = |mean: &[f64], spread: f64| {
            let rows = points.chunks_exact(source.dimension());
            rows.map(|x| squared(x, mean) + spread).collect()
        };
        let means = Self {
            terms: Pairings {
                ab: between + spread + spread2,
                aa: 2.0 * spread,
                bb: 2.0 * spread2,
            },
            to_target: to(&mean2, spread2),
            to_source: to(&mean, spread),
        };
        (means, between)
    }
}

/// A discrepancy as a combination of its terms: cross·ab + own·(aa + bb).
#[derive(Clone, Copy)]
pub(crate) struct Combination {
    cross: f64,
    own: f64,
}

impl Combination {
    pub(crate) const ENERGY: Self = Self {
        cross: 1.0,
        own: -0.5,
    };

    pub(crate) const MMD: Self = Self {
        cross: -2.0,
        own: 1.0,
    };

    pub(crate) fn of(self, terms: Pairings) -> f64 {
        self.cross * terms.ab + self.own * (terms.aa + terms.bb)
    }

    /// The same combination of absolute values.
    pub(crate) fn size(self, terms: Pairings) -> f64 {
        self.cross.abs() * terms.ab.abs() + self.own.abs() * (terms.aa.abs() + terms.bb.abs())
    }

    /// The derivative in the weights of the source, for measures of these masses.
    pub(crate) fn gradient(self, means: &Means, (mass, mass2): (f64, f64)) -> Vec<f64> {
        let sums = means.to_target.iter().zip(&means.to_source);
        sums.map(|(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source)
            .collect()
    }

    /// The sums for the derivative in the points of the source, for measures of these masses, a row for each
    /// point.
    pub(crate) async fn slopes<E: Engine>(
        self,
        engine: &E,
        frame: &Frame,
        kernel: Kernel,
        (source, target): (&Measure, &Measure),
        [mass, mass2]: [f64; 2],
        tally: &mut Tally<'_>,
    ) -> Result<Vec<f64>> {
        let a = Uploaded::new(engine, frame, source)?;
        let b = Uploaded::new(engine, frame, target)?;
        let to_target = a.over(&b, (engine, kernel), Summand::Slopes, tally).await?;
        let to_source = a.over(&a, (engine, kernel), Summand::Slopes, tally).await?;
        let slopes = to_target.iter().zip(&to_source);
        let slope = |(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source;
        Ok(slopes.map(slope).collect())
    }
}

/// The number of pairs in a part of a pass: a few seconds of work for a few cores.
const PAIRS: usize = 1 << 29;

/// The least number of rows in a part, so that a GPU has enough work.
const ROWS: usize = 2048;

/// A measure on the device; its weights are kept separately, as the values of sums.
struct Uploaded<E: Engine> {
    points: Points<E>,
    /// The weights relative to their mean.
    relative: Vec<f64>,
    /// The weights, of sum 1.
    weights: Vec<f64>,
}

/// The summand over pairs.
#[derive(Clone, Copy)]
enum Summand {
    /// exp(−Cᵢⱼ/ε) φ(Cᵢⱼ).
    Means(Factor),
    /// exp(−Cᵢⱼ/ε) ∂ₓC(xᵢ, yⱼ).
    Slopes,
}

impl<E: Engine> Uploaded<E> {
    fn new(engine: &E, frame: &Frame, measure: &Measure) -> Result<Self> {
        let share = |weight: &f64| weight / measure.mass();
        let weights: Vec<f64> = measure.weights().iter().map(share).collect();
        let n = measure.len() as f64;
        Ok(Self {
            points: Points::of(engine, frame, measure, false)?,
            relative: weights.iter().map(|weight| weight * n).collect(),
            weights,
        })
    }

    /// The mean of a summand for each point over the points of a measure of mass 1, in parts; the tally is updated
    /// after each part.
    async fn over(
        &self,
        other: &Self,
        (engine, kernel): (&E, Kernel),
        summand: Summand,
        tally: &mut Tally<'_>,
    ) -> Result<Vec<f64>> {
        let (n, m, d) = (
            self.weights.len(),
            other.weights.len(),
            self.points.dimension(),
        );
        let most = (PAIRS / m).max(ROWS);
        let coordinates = self.points.coordinates();
        let mut sums = Vec::new();
        for part in coordinates.chunks(most * d) {
            let some;
            let rows = if n <= most {
                &self.points
            } else {
                some = Points::of_cloud(engine, part.to_vec(), d)?;
                &some
            };
            let pass = Pass {
                engine,
                kernel,
                rows,
                potential: None,
                columns: &other.points,
                side: Side {
                    weights: None,
                    potential: None,
                },
                near: None,
            };
            sums.extend(match summand {
                Summand::Means(factor) => pass.product(factor, &other.relative, 1).await?,
                Summand::Slopes => pass.slopes(Factor::One, &other.relative).await?,
            });
            tally.tell((part.len() / d * m) as u64)?;
        }
        sums.iter_mut().for_each(|sum| *sum /= m as f64);
        Ok(sums)
    }
}

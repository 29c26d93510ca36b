//! Means of a function over all pairs of two measures, and what a discrepancy is of them.

use crate::certificate::moments;
use crate::discrepancy::Pairings;
use crate::engine::{Factor, Kernel, Side};
use crate::pass::Pass;
use crate::sums::dot;
use crate::tally::Tally;
use crate::{Engine, Frame, Measure, Result};

/// The means over pairs of measures of mass 1, and the sums that the gradient is made of.
pub(crate) struct Means {
    pub(crate) terms: Pairings,
    /// For each point of the source, the mean over the target.
    to_target: Vec<f64>,
    /// The same over the source.
    to_source: Vec<f64>,
}

impl Means {
    pub(crate) fn new<E: Engine>(
        engine: &E,
        frame: &Frame,
        kernel: Kernel,
        factor: Factor,
        (source, target): (&Measure, &Measure),
        tally: &mut Tally<'_>,
    ) -> Result<Self> {
        let a = Uploaded::new(engine, frame, source)?;
        let b = Uploaded::new(engine, frame, target)?;
        let mut means =
            |rows: &Uploaded<E>, columns| rows.means_over(columns, engine, kernel, factor, tally);
        let to_target = means(&a, &b)?;
        let to_source = means(&a, &a)?;
        let itself = means(&b, &b)?;
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

    /// For p = 2, where means and spreads tell everything: |Δ mean|² and spreads s, for which
    /// E(α, β) = |Δ mean|² + s_α + s_β. Also |Δ mean|², whose digits no difference of these loses.
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

/// cross·ab + own·(aa + bb): what a discrepancy is of its terms.
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

    /// The same of the absolute values.
    pub(crate) fn size(self, terms: Pairings) -> f64 {
        self.cross.abs() * terms.ab.abs() + self.own.abs() * (terms.aa.abs() + terms.bb.abs())
    }

    /// The derivative in the weights of the source, for measures of these masses.
    pub(crate) fn gradient(self, means: &Means, (mass, mass2): (f64, f64)) -> Vec<f64> {
        let sums = means.to_target.iter().zip(&means.to_source);
        sums.map(|(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source)
            .collect()
    }

    /// The slopes that the derivative in the points of the source is made of, for measures of these
    /// masses, a row for each point.
    pub(crate) fn slopes<E: Engine>(
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
        let to_target = a.slopes_over(&b, engine, kernel, tally)?;
        let to_source = a.slopes_over(&a, engine, kernel, tally)?;
        let slopes = to_target.iter().zip(&to_source);
        let slope = |(target, source)| self.cross * mass2 * target + 2.0 * self.own * mass * source;
        Ok(slopes.map(slope).collect())
    }
}

/// Pairs of a part of a pass: some seconds of work for a few cores.
const PAIRS: usize = 1 << 29;

/// Rows of a part, at least, so that a GPU has enough of them at a time.
const ROWS: usize = 2048;

/// A measure on the device with weights of 1: those of the measure are values of the products.
struct Uploaded<E: Engine> {
    /// As they were placed, n×d.
    points: Vec<f64>,
    cloud: E::Cloud,
    zeros: E::Vector,
    shape: (usize, usize),
    /// The weights over their mean.
    relative: Vec<f64>,
    /// The weights, of sum 1.
    weights: Vec<f64>,
}

impl<E: Engine> Uploaded<E> {
    fn new(engine: &E, frame: &Frame, measure: &Measure) -> Result<Self> {
        let n = measure.len();
        let share = |weight: &f64| weight / measure.mass();
        let weights: Vec<f64> = measure.weights().iter().map(share).collect();
        let points = frame.place(measure);
        Ok(Self {
            cloud: engine.cloud(&points, measure.dimension(), &vec![1.0; n])?,
            zeros: engine.vector(&vec![0.0; n])?,
            shape: (n, measure.dimension()),
            relative: weights.iter().map(|weight| weight * n as f64).collect(),
            weights,
            points,
        })
    }

    fn side(&self) -> Side<'_, E> {
        Side {
            cloud: &self.cloud,
            potential: &self.zeros,
        }
    }

    /// What a pass over the points of another measure makes of each row, for so many rows at a time that
    /// whoever keeps the tally hears of it.
    fn over(
        &self,
        other: &Self,
        engine: &E,
        kernel: Kernel,
        tally: &mut Tally<'_>,
        evaluate: impl Fn(&Pass<'_, E>) -> Result<Vec<f64>>,
    ) -> Result<Vec<f64>> {
        let ((n, d), m) = (self.shape, other.weights.len());
        let most = (PAIRS / m).max(ROWS);
        if n <= most {
            let pass = Pass {
                engine,
                kernel,
                rows: self.side(),
                columns: other.side(),
                shape: self.shape,
            };
            let made = evaluate(&pass)?;
            tally.tell((n * m) as u64)?;
            return Ok(made);
        }
        let mut made = Vec::new();
        for points in self.points.chunks(most * d) {
            let rows = points.len() / d;
            let cloud = engine.cloud(points, d, &vec![1.0; rows])?;
            let potential = engine.vector(&vec![0.0; rows])?;
            let pass = Pass {
                engine,
                kernel,
                rows: Side {
                    cloud: &cloud,
                    potential: &potential,
                },
                columns: other.side(),
                shape: (rows, d),
            };
            made.extend(evaluate(&pass)?);
            tally.tell((rows * m) as u64)?;
        }
        Ok(made)
    }

    /// Σⱼ bⱼ exp(−Cᵢⱼ/ε) φ(Cᵢⱼ) for each point, over the points of a measure of mass 1.
    fn means_over(
        &self,
        other: &Self,
        engine: &E,
        kernel: Kernel,
        factor: Factor,
        tally: &mut Tally<'_>,
    ) -> Result<Vec<f64>> {
        let sums = self.over(other, engine, kernel, tally, |pass| {
            pass.product(factor, &other.relative, 1)
        })?;
        let points = other.weights.len() as f64;
        Ok(sums.into_iter().map(|sum| sum / points).collect())
    }

    /// Σⱼ bⱼ exp(−Cᵢⱼ/ε) ∂ₓC(xᵢ, yⱼ), n×d, likewise.
    fn slopes_over(
        &self,
        other: &Self,
        engine: &E,
        kernel: Kernel,
        tally: &mut Tally<'_>,
    ) -> Result<Vec<f64>> {
        let sums = self.over(other, engine, kernel, tally, |pass| {
            pass.slopes(Factor::One, &other.relative)
        })?;
        let points = other.weights.len() as f64;
        Ok(sums.into_iter().map(|sum| sum / points).collect())
    }
}

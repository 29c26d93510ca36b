//! Energy distances and maximum mean discrepancies: comparisons of two measures by the mean of a
//! function over all pairs, without a transport plan.
//!
//! With C = |x − y|^p and E(α, β) = Σᵢⱼ aᵢ bⱼ Cᵢⱼ [Székely–Rizzo'13],
//!
//! ```text
//! energy(α, β) = E(α, β) − ½ E(α, α) − ½ E(β, β)        masses equal
//! ```
//!
//! For 0 < p < 2 it is not negative, and 0 only for equal measures; for p = 2 it is the squared distance of the
//! means. It is the limit of the Sinkhorn divergence S_ε as ε → ∞. With a positive definite kernel k [Gretton'12],
//!
//! ```text
//! MMD²(α, β) = ⟨α − β, k(α − β)⟩ = K(α, α) + K(β, β) − 2 K(α, β),   K(α, β) = Σᵢⱼ aᵢ bⱼ k(xᵢ, yⱼ)
//! ```
//!
//! −C is positive definite only on differences of measures of equal mass, where a constant added to it cancels. So
//! the energy requires equal masses, and is then ½ MMD² of the kernel −C; a positive definite kernel allows any
//! masses.
//!
//! Every term is one pass over pairs, [`Engine::product`] with ε = ∞ and φ = C for the energy, with potentials 0 for
//! a kernel exp(−C/ε); memory is O(n + m). Weights enter as values rather than exponents, which keeps their digits,
//! and the sums of the rows are added in f64.

use super::discrepancy::{Discrepancy, pairs, pairs_of_slopes};
use super::means::{Combination, Means};
use super::tally::Tally;
use crate::engine::{Factor, Kernel};
use crate::linalg::moments;
use crate::pass::{finite, weighted};
use crate::problem::{Rounding, equal_masses, same_space};
use crate::{Cost, Engine, Frame, Measure, PairCount, Precision, Result, block_on};
use std::ops::ControlFlow;
use web_time::Instant;

/// The energy distance for the cost |x − y|^p.
///
/// ```
/// use haul_core::{Energy, Engine, Measure};
/// let (a, b) = (Measure::uniform(&[0.0, 1.0], 1)?, Measure::uniform(&[3.0, 4.0], 1)?);
/// Energy::new().p(1.5).check(&a, &b)?;
///
/// fn energy(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<f64> {
///     Ok(Energy::new().evaluate(engine, a, b)?.value) // 5/2: E(a, b) = 3, E(a, a) = E(b, b) = ½
/// }
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    p: f64,
}

impl Energy {
    /// The energy distance of p = 1.
    pub fn new() -> Self {
        Self { p: 1.0 }
    }

    /// The power p of the cost |x − y|^p, above 0 and at most 2.
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// Refuses invalid input, without a device.
    ///
    /// # Errors
    ///
    /// A p out of range, different dimensions or masses, and a cost that leaves the range of f64, each a variant of
    /// [`Error`](crate::Error).
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        let cost = Cost::power(self.p)?;
        same_space(source, target)?;
        equal_masses(source, target)?;
        Frame::joint(source, target).check(cost)
    }

    /// E(α, β) − ½ E(α, α) − ½ E(β, β), in units of |x − y|^p times the square of the mass. For p = 2 it is computed
    /// from means in f64 on the host, without evaluating pairs.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), [`NotFiniteResult`](crate::Error::NotFiniteResult), and the engine's own.
    pub fn evaluate<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Discrepancy> {
        self.evaluate_observed(engine, source, target, |_| ControlFlow::Continue(()))
    }

    /// [`evaluate`](Self::evaluate) that reports the number of evaluated pairs every few seconds; a break ends it.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate), and [`Interrupted`](crate::Error::Interrupted) after a break.
    pub fn evaluate_observed<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(PairCount) -> ControlFlow<()> + Send,
    ) -> Result<Discrepancy> {
        let start = Instant::now();
        self.check(source, target)?;
        let cost = Cost::power(self.p)?;
        let frame = Frame::joint(source, target).for_moments();
        let unit = frame.cost_unit(cost);
        // The masses are equal up to rounding, which must not appear in a difference.
        let mass = (source.mass() * target.mass()).sqrt();
        let sums = Combination::ENERGY;
        let of = |means: Means, value: f64, rounding: f64| Discrepancy {
            value: unit * mass * mass * value,
            terms: means.terms.of_masses((mass, mass)).scaled(unit),
            rounding: unit * mass * mass * rounding,
            gradient_weights: sums.gradient(&means, (unit * mass, unit * mass)),
            ..Discrepancy::between(source, target)
        };
        if cost == Cost::SquaredEuclidean {
            let (means, between) = Means::of_squares(&frame, source, target);
            // The error of means is a few roundoffs of the largest coordinates.
            let off = 2.0 * frame.moved(Precision::F64);
            let rounding = off * (2.0 * between.sqrt() + off);
            return of(means, between, rounding).finished("host", Precision::F64, start);
        }
        let kernel = Kernel {
            cost,
            epsilon: f64::INFINITY,
        };
        let both = (source, target);
        let mut tally = Tally::new(pairs(source, target), &mut observer);
        let means = block_on(Means::new(
            engine,
            &frame,
            kernel,
            Factor::Cost,
            both,
            &mut tally,
        ))?;
        let value = sums.of(means.terms);
        let precision = engine.precision();
        let relative =
            Rounding::of(engine, cost, &frame, source.len().max(target.len())).mean_cost();
        let rounding = relative * sums.size(means.terms)
            + 2.0 * moved(cost, frame.moved(precision), means.terms.ab);
        let discrepancy = Discrepancy {
            pairs: pairs(source, target),
            ..of(means, value, rounding)
        };
        discrepancy.finished(engine.device(), precision, start)
    }

    /// The derivative of the energy in each point of the source, n×d, row-major, in two passes over pairs. The
    /// derivative in the weights is [`Discrepancy::gradient_weights`].
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub fn gradient_points<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Vec<f64>> {
        self.gradient_points_observed(engine, source, target, |_| ControlFlow::Continue(()))
    }

    /// [`gradient_points`](Self::gradient_points) that reports the number of evaluated pairs; a break ends it.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate_observed`](Self::evaluate_observed).
    pub fn gradient_points_observed<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(PairCount) -> ControlFlow<()> + Send,
    ) -> Result<Vec<f64>> {
        self.check(source, target)?;
        let cost = Cost::power(self.p)?;
        let frame = Frame::joint(source, target).for_moments();
        let unit = frame.slope_unit(cost) * (source.mass() * target.mass()).sqrt();
        if cost == Cost::SquaredEuclidean {
            let mean = |measure: &Measure| {
                let (weights, mass) = (measure.weights(), measure.mass());
                moments(&frame.place(measure), measure.dimension(), weights, mass).0
            };
            let (mean, mean2) = (mean(source), mean(target));
            let pull = mean.iter().zip(&mean2).map(|(x, y)| 2.0 * (x - y));
            let pull: Vec<f64> = pull.collect::<Vec<_>>().repeat(source.len());
            return finite(weighted(source.weights(), unit, pull), engine);
        }
        let kernel = Kernel {
            cost,
            epsilon: f64::INFINITY,
        };
        let (both, sums) = ((source, target), Combination::ENERGY);
        let mut tally = Tally::new(pairs_of_slopes(source, target), &mut observer);
        let slopes = sums.slopes(engine, &frame, kernel, both, [1.0; 2], &mut tally);
        let slopes = block_on(slopes)?;
        finite(weighted(source.weights(), unit, slopes), engine)
    }
}

impl Default for Energy {
    fn default() -> Self {
        Self::new()
    }
}

/// The largest change of a mean cost if points move by δ: |Δ r^p| ≤ p r^{p−1} δ, whose mean is bounded by Jensen's
/// inequality; for p < 1 the only bound is δ^p.
fn moved(cost: Cost, delta: f64, mean: f64) -> f64 {
    let p = cost.p();
    if p < 1.0 {
        cost.at(delta)
    } else {
        p * delta * mean.powf((p - 1.0) / p)
    }
}

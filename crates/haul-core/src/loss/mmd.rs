//! Maximum mean discrepancies of positive definite kernels; see `energy` for the formula.

use super::discrepancy::{Discrepancy, pairs, pairs_of_slopes};
use super::means::{Combination, Means};
use super::tally::Tally;
use crate::engine::{Factor, Kernel};
use crate::pass::{finite, weighted};
use crate::problem::{Rounding, same_space};
use crate::{Cost, Engine, Error, Frame, Measure, PairCount, Result, block_on};
use std::ops::ControlFlow;
use web_time::Instant;

/// The squared maximum mean discrepancy of a positive definite kernel of width σ.
///
/// ```
/// use haul_core::{Engine, Measure, Mmd};
/// let (a, b) = (Measure::uniform(&[0.0], 1)?, Measure::uniform(&[1.0], 1)?);
/// Mmd::laplacian(0.5).check(&a, &b)?;
///
/// fn mmd(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<f64> {
///     Ok(Mmd::gaussian(1.0).evaluate(engine, a, b)?.value) // 2 (1 − e^{−1/2})
/// }
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmd {
    cost: Cost,
    sigma: f64,
}

/// τ: pairs whose kernel is below e^{−τ} contribute few digits to a mean.
const FAR: f64 = 8.0;

impl Mmd {
    /// k(x, y) = exp(−|x − y|²/(2σ²)), for a length σ.
    pub fn gaussian(sigma: f64) -> Self {
        Self {
            cost: Cost::SquaredEuclidean,
            sigma,
        }
    }

    /// k(x, y) = exp(−|x − y|/σ), for a length σ.
    pub fn laplacian(sigma: f64) -> Self {
        Self {
            cost: Cost::Euclidean,
            sigma,
        }
    }

    /// Refuses invalid input, without a device.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for σ, [`Error::DimensionMismatch`], and [`Error::Extent`] if a cost leaves the range
    /// of f64.
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        self.placed(source, target).map(|_| ())
    }

    /// K(α, α) + K(β, β) − 2 K(α, β), in units of mass squared. Masses may differ.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), [`Error::NotFiniteResult`], and the engine's own.
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
    /// Those of [`evaluate`](Self::evaluate), and [`Error::Interrupted`] after a break.
    pub fn evaluate_observed<E: Engine>(
        &self,
        engine: &E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(PairCount) -> ControlFlow<()> + Send,
    ) -> Result<Discrepancy> {
        let start = Instant::now();
        let (frame, kernel) = self.placed(source, target)?;
        let both = (source, target);
        let mut tally = Tally::new(pairs(source, target), &mut observer);
        let means = block_on(Means::new(
            engine,
            &frame,
            kernel,
            Factor::One,
            both,
            &mut tally,
        ))?;
        let masses = (source.mass(), target.mass());
        let sums = Combination::MMD;
        let terms = means.terms.of_masses(masses);
        let precision = engine.precision();
        let rounding = Rounding::of(engine, kernel.cost, &frame, source.len().max(target.len()));
        // This is the relative error of the kernel e^{−τ} at C = τε; it is smaller for closer points, and for farther
        // ones the error is less than e^{−τ} times as much.
        let p = kernel.cost.p();
        let moved = frame.moved(precision) / kernel.epsilon.powf(1.0 / p);
        let far = rounding.relative_cost() * FAR + p * FAR.powf((p - 1.0) / p) * moved;
        let mass = source.mass() + target.mass();
        let discrepancy = Discrepancy {
            value: sums.of(terms),
            terms,
            rounding: (rounding.sum() + far) * sums.size(terms) + (-FAR).exp() * far * mass * mass,
            gradient_weights: sums.gradient(&means, masses),
            pairs: pairs(source, target),
            ..Discrepancy::between(source, target)
        };
        discrepancy.finished(engine.device(), precision, start)
    }

    /// The derivative of the squared MMD in each point of the source, n×d, row-major, in two passes over pairs. The
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
        let (frame, kernel) = self.placed(source, target)?;
        // ∂ₓ e^{−C/ε} = −e^{−C/ε} ∂ₓC/ε.
        let unit = -frame.slope_unit(kernel.cost) / (kernel.epsilon * frame.cost_unit(kernel.cost));
        let masses = [source.mass(), target.mass()];
        let (both, sums) = ((source, target), Combination::MMD);
        let mut tally = Tally::new(pairs_of_slopes(source, target), &mut observer);
        let slopes = block_on(sums.slopes(engine, &frame, kernel, both, masses, &mut tally))?;
        finite(weighted(source.weights(), unit, slopes), engine)
    }

    /// The frame of both measures, and the kernel in it.
    fn placed(&self, source: &Measure, target: &Measure) -> Result<(Frame, Kernel)> {
        let cost = self.cost;
        let epsilon = match cost {
            Cost::SquaredEuclidean => 2.0 * self.sigma * self.sigma,
            _ => self.sigma,
        };
        // The square may leave the range of f64 even if σ does not.
        if !(self.sigma > 0.0 && epsilon.is_normal()) {
            let range = match self.sigma > 0.0 && self.sigma.is_finite() {
                true => "neither so small nor so large that its square is 0 or infinite",
                false => "a finite number above 0",
            };
            return Err(Error::BadParameter {
                name: "sigma",
                value: self.sigma,
                range,
            });
        }
        same_space(source, target)?;
        let frame = Frame::joint(source, target);
        frame.check(cost)?;
        let frame = frame.for_kernel(cost, epsilon);
        let epsilon = epsilon / frame.cost_unit(cost);
        Ok((frame, Kernel { cost, epsilon }))
    }
}

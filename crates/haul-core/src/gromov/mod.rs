//! Gromov–Wasserstein: couplings of two spaces that keep distances, where the spaces share no coordinates.
//!
//! ```text
//! GW_ε(a, b) = min over P1 = a, Pᵀ1 = b of  Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ + ε KL(P | a⊗b)
//! ```
//!
//! A [`space`] has a matrix D of products of coordinates, which is never stored. Then the objective is a minimum over a small
//! matrix A ([`pair`]), and at each A an entropic problem between features of few dimensions remains ([`turn`]). So memory is
//! O(n + m), and every engine serves. [`descent`] alternates both minima from each of several [`starts`]. The [`bound`] from
//! eccentricities is below every coupling. Spaces with other [`matrices`] store them, and a [`barycenter`] is a space in the middle of
//! several.

mod barycenter;
mod bound;
mod descent;
mod history;
mod matrices;
mod pair;
mod solution;
mod space;
mod starts;
mod turn;

pub use barycenter::{GromovAverage, GromovAverageReport, GromovBarycenter};
pub use matrices::{DistanceMatrix, MatrixCoupling};
pub use solution::{GromovReport, GromovSolution};
pub use space::MetricSpace;

use crate::{Engine, Error, Result, Stop, block_on};
use descent::Descent;
use pair::Pair;
use std::ops::ControlFlow;
use web_time::Instant;

/// The start of a Gromov–Wasserstein solve. The objective has many local minima, and the start chooses among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum GromovStart {
    /// The best of several: the product coupling, the order of eccentricities, principal axes in all directions, and in up to
    /// three dimensions random rotations. They are tried on at most 400 points of each space, and the one of the least objective
    /// is continued on all points.
    #[default]
    Best,
    /// The product coupling a⊗b, at which some spaces have a saddle.
    Product,
    /// The coupling that keeps the order of eccentricities.
    Eccentricities,
}

/// The progress of a Gromov–Wasserstein solve, after each step on all points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GromovProgress {
    /// Steps so far.
    pub step: usize,
    /// The objective at the plan of this step.
    pub objective: f64,
    /// The change of the moments of the plan, relative to their size.
    pub change: f64,
    /// The change at which the solve ends.
    pub goal: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// The observer of a solve.
pub(crate) type Observer<'o> = dyn FnMut(&GromovProgress) -> ControlFlow<Stop> + Send + 'o;

/// Settings of a Gromov–Wasserstein solve [Peyré–Cuturi–Solomon'16].
///
/// ```
/// # use haul_core::{Engine, Gromov, Measure, MetricSpace, Result};
/// # fn example<E: Engine + Clone>(engine: &E, a: &Measure, b: &Measure) -> Result<()> {
/// let spaces = [a, b].map(MetricSpace::squared_euclidean);
/// let solution = Gromov::relative(0.01).solve(engine, &spaces[0], &spaces[1])?;
/// let images = solution.images(b.points())?; // where the mass of each point of a goes on average
/// # Ok(())
/// # }
/// ```
///
/// The objective is not convex: the result is a stationary point, and no other is proved to be higher.
/// [`GromovReport::lower_bound`] is below all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Gromov {
    regularization: Regularized,
    alpha: f64,
    tolerance: f64,
    max_steps: usize,
    max_iterations: usize,
    start: GromovStart,
    /// The square root of the penalty ρ.
    reach: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Regularized {
    Epsilon(f64),
    Relative(f64),
}

impl Default for Gromov {
    /// ε = 0.01 of the objective at the product coupling, a tolerance of 1e-4, and at most 500 steps.
    fn default() -> Self {
        Self {
            regularization: Regularized::Relative(0.01),
            alpha: 1.0,
            tolerance: 1e-4,
            max_steps: 500,
            max_iterations: 10_000,
            start: GromovStart::default(),
            reach: f64::INFINITY,
        }
    }
}

impl Gromov {
    /// With ε in units of D².
    pub fn epsilon(epsilon: f64) -> Self {
        Self {
            regularization: Regularized::Epsilon(epsilon),
            ..Self::default()
        }
    }

    /// With ε as a share of the objective at the product coupling a⊗b.
    pub fn relative(share: f64) -> Self {
        Self {
            regularization: Regularized::Relative(share),
            ..Self::default()
        }
    }

    /// The share α of distances, above 0 and at most 1, beside 1 − α of features [Vayer'19]:
    /// α Σ (D − D')² P P + (1 − α) Σ Pᵢⱼ |uᵢ − vⱼ|². Below 1 both spaces need [features](MetricSpace::with_features).
    /// Default 1.
    pub fn fused(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The change of the plan's moments M = Σ Pᵢⱼ xᵢ yⱼᵀ in a step at which a solve ends, relative to the covariances of both
    /// spaces. Marginals have an error of at most 0.03 of it, as far as the precision allows. Default 1e-4.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The largest number of steps on all points. Default 500.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// The largest number of iterations of the entropic problem of a step. Default 10 000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// Lets the plan leave mass out, where spaces are [stored matrices](Self::solve_matrices) [Séjourné–Vialard–Peyré'21]: both
    /// marginals may be others than the weights, at the price ρ KL(P1⊗P1 | a⊗a) for ρ = reach², and alike for b. Points whose
    /// distances are all changed by far more than the reach are left out. In units of D. Default infinite: all mass is
    /// moved.
    pub fn reach(mut self, reach: f64) -> Self {
        self.reach = reach;
        self
    }

    /// The start. Default [`GromovStart::Best`].
    pub fn start(mut self, start: GromovStart) -> Self {
        self.start = start;
        self
    }

    /// Finds a coupling of two spaces on an engine.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), [`Error::NoDigits`](crate::Error::NoDigits) if the precision has too few digits for ε,
    /// [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), [`Error::Interrupted`](crate::Error::Interrupted), and the
    /// engine's own.
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        source: &MetricSpace,
        target: &MetricSpace,
    ) -> Result<GromovSolution<E>> {
        block_on(self.solve_async(engine, source, target))
    }

    /// [`solve`](Self::solve) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub async fn solve_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &MetricSpace,
        target: &MetricSpace,
    ) -> Result<GromovSolution<E>> {
        let mut observer = |_: &GromovProgress| ControlFlow::Continue(());
        self.couple(engine, source, target, &mut observer).await
    }

    /// [`solve`](Self::solve) that reports its progress, and ends early if the observer breaks: with the coupling of the last
    /// step, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        source: &MetricSpace,
        target: &MetricSpace,
        mut observer: impl FnMut(&GromovProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<GromovSolution<E>> {
        block_on(self.couple(engine, source, target, &mut observer))
    }

    /// Refuses settings and spaces that are invalid on every device.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for ε, α, a tolerance and counts out of their ranges, and for an α below 1 without features;
    /// [`Error::Spaces`] for spaces of two kinds, and [`Error::DimensionMismatch`] for features of different dimensions.
    pub fn check(&self, source: &MetricSpace, target: &MetricSpace) -> Result<()> {
        self.pair(source, target).map(drop)
    }

    fn check_settings(&self) -> Result<()> {
        let (Regularized::Epsilon(epsilon) | Regularized::Relative(epsilon)) = self.regularization;
        positive("epsilon", epsilon)?;
        positive("tolerance", self.tolerance)?;
        if !(self.alpha > 0.0 && self.alpha <= 1.0) {
            return Err(Error::BadParameter {
                name: "fused",
                value: self.alpha,
                range: "above 0 and at most 1",
            });
        }
        for (name, count) in [
            ("max_steps", self.max_steps),
            ("max_iterations", self.max_iterations),
        ] {
            if count == 0 {
                return Err(Error::BadParameter {
                    name,
                    value: 0.0,
                    range: "at least 1",
                });
            }
        }
        Ok(())
    }

    fn pair(&self, source: &MetricSpace, target: &MetricSpace) -> Result<Pair> {
        self.check_settings()?;
        self.check_moved_whole("infinite, unless matrices of distances are stored")?;
        let pair = Pair::new([source.clone(), target.clone()], self.alpha)?;
        if pair.total.is_finite() {
            return Ok(pair);
        }
        Err(Error::BadParameter {
            name: "the energy of the product coupling",
            value: pair.total,
            range: "a finite number; rescale the coordinates",
        })
    }

    /// Refuses a reach, of which this may be told.
    fn check_moved_whole(&self, range: &'static str) -> Result<()> {
        match self.reach == f64::INFINITY {
            true => Ok(()),
            false => Err(Error::BadParameter {
                name: "reach",
                value: self.reach,
                range,
            }),
        }
    }

    /// ε for an objective of the product coupling. Spaces of one point each have no energy, and any ε serves.
    fn strength(&self, product: f64) -> f64 {
        match self.regularization {
            Regularized::Epsilon(epsilon) => epsilon,
            Regularized::Relative(share) if product > 0.0 => share * product,
            Regularized::Relative(share) => share,
        }
    }

    async fn couple<E: Engine + Clone>(
        &self,
        engine: E,
        source: &MetricSpace,
        target: &MetricSpace,
        observer: &mut Observer<'_>,
    ) -> Result<GromovSolution<E>> {
        let began = Instant::now();
        let pair = self.pair(source, target)?;
        let epsilon = self.strength(pair.total);
        let bound = bound::lower(&pair);
        let mut descent = Descent::new(&engine, &pair, epsilon, self, began);
        let start = starts::choose(&mut descent, self.start).await?;
        let end = descent.run(start.into(), self.max_steps, observer).await?;
        GromovSolution::of(&engine, pair, (epsilon, self.tolerance, bound), end, began).await
    }
}

fn positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    let range = "a finite number above 0";
    Err(Error::BadParameter { name, value, range })
}

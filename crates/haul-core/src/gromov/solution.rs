//! The result of a Gromov–Wasserstein solve.

use super::descent::{Effort, End};
use super::pair::Pair;
use crate::{Engine, Error, Plan, Precision, Result, block_on};
use std::fmt;
use web_time::Instant;

/// All numbers of a solution. Energies are in units of D², for weights of sum 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GromovReport {
    /// Number of points of the source.
    pub n: usize,
    /// Number of points of the target.
    pub m: usize,
    /// ε, in units of D².
    pub epsilon: f64,
    /// The share of distances in the objective, beside that of features.
    pub alpha: f64,
    /// The penalty ρ of both marginals, in units of D²; infinite where all mass is moved.
    pub rho: f64,
    /// The mass of the plan; 1 where all mass is moved.
    pub mass: f64,
    /// Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ, the mean squared distortion.
    pub energy: f64,
    /// Σ Pᵢⱼ |uᵢ − vⱼ|² of the features; 0 without them.
    pub feature_cost: f64,
    /// KL(P | a⊗b); with a finite ρ half of KL(P⊗P | (a⊗b)⊗(a⊗b)).
    pub kl: f64,
    /// α `energy` + (1 − α) `feature_cost` + ε KL, and the penalties of a finite ρ.
    pub objective: f64,
    /// The objective at the product coupling a⊗b.
    pub product_objective: f64,
    /// The objective after each step.
    pub course: Vec<f64>,
    /// The largest rise of the objective in a step, beyond what the errors of the marginals explain. It is 0 where each step
    /// lowered the objective, as exact steps do.
    pub rise: f64,
    /// The first lower bound: no coupling has a lower objective [Mémoli'11]; 0 with a finite ρ.
    pub lower_bound: f64,
    /// |A − M|, the distance of the plan from a stationary one: the change of its moments in another step, relative to the
    /// covariances of both spaces.
    pub stationarity: f64,
    /// The stationarity required.
    pub tolerance: f64,
    /// Whether the plan is stationary to the tolerance. That no other plan has a lower objective is not proved.
    pub converged: bool,
    /// ‖Pᵀ1 − b‖₁; P1 = a up to rounding.
    pub marginal_error: f64,
    /// The number of starts that were tried.
    pub starts: usize,
    /// Steps on all points.
    pub steps: usize,
    /// Softmin passes of all steps, including those of starts on a part of the points.
    pub softmin_passes: usize,
    /// Pairs (i, j) of all passes.
    pub pairs: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// A stationary coupling of two spaces. Its points and potentials are still on the device.
pub struct GromovSolution<E: Engine> {
    plan: Plan<E>,
    moments: Vec<f64>,
    report: GromovReport,
}

impl<E: Engine> fmt::Debug for GromovSolution<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("GromovSolution")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl<E: Engine + Clone> GromovSolution<E> {
    pub(super) async fn of(
        engine: &E,
        pair: Pair,
        (epsilon, tolerance, lower_bound): (f64, f64, f64),
        end: End<E>,
        began: Instant,
    ) -> Result<Self> {
        let End {
            turn,
            course,
            rise,
            converged,
            effort:
                Effort {
                    starts,
                    softmins,
                    pairs,
                },
        } = end;
        let [x, y] = &pair.spaces;
        let plan = Plan::new(turn.state);
        let columns = plan.product_transposed_async(&vec![1.0; x.len()]).await?;
        let off = columns.iter().zip(&y.weights).map(|(p, b)| (p - b).abs());
        let alpha = pair.alpha;
        let fused = if pair.is_fused() { turn.features } else { 0.0 };
        let linear = alpha * turn.energy + (1.0 - alpha) * fused;
        let report = GromovReport {
            n: x.len(),
            m: y.len(),
            epsilon,
            alpha,
            rho: f64::INFINITY,
            mass: 1.0,
            energy: turn.energy,
            feature_cost: fused,
            kl: (turn.objective - linear) / epsilon,
            objective: turn.objective,
            product_objective: pair.total,
            steps: course.len(),
            course,
            rise,
            lower_bound,
            stationarity: turn.change,
            tolerance,
            converged,
            marginal_error: off.sum(),
            starts,
            softmin_passes: softmins,
            pairs,
            seconds: began.elapsed().as_secs_f64(),
            device: engine.device().to_owned(),
            precision: engine.precision(),
        };
        Ok(Self {
            plan,
            moments: turn.moments,
            report,
        })
    }

    /// The objective α Σ (D − D')² P P + (1 − α) Σ P |u − v|² + ε KL(P | a⊗b).
    pub fn value(&self) -> f64 {
        self.report.objective
    }

    /// Every number of the solution.
    pub fn report(&self) -> &GromovReport {
        &self.report
    }

    /// The coupling P. Its products, marginals, rows and assignments are those of the spaces; its map, cost and
    /// [`map_points`](Plan::map_points) are in the coordinates of the last step, which belong to neither space:
    /// see [`images`](Self::images).
    pub fn plan(&self) -> Plan<E> {
        self.plan.clone()
    }

    /// M = Σ Pᵢⱼ (xᵢ − x̄)(yⱼ − ȳ)ᵀ, d×d'.
    pub fn moments(&self) -> &[f64] {
        &self.moments
    }

    /// The images Σⱼ Pᵢⱼ vⱼ / Σⱼ Pᵢⱼ of values of the target, m×w of any width w ≥ 1, such as its points or colours; n×w.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of m, and the engine's own.
    pub fn images(&self, values: &[f64]) -> Result<Vec<f64>> {
        let expected = self.report.m;
        if values.is_empty() || !values.len().is_multiple_of(expected) {
            return Err(Error::Length {
                what: "the values of the target",
                expected,
                found: values.len(),
            });
        }
        let width = values.len() / expected;
        block_on(self.plan.state().images(values, width))
    }

    /// The images Σᵢ Pᵢⱼ uᵢ / Σᵢ Pᵢⱼ of values of the source, n×w; m×w. Points of the target that get no mass have NaN.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of values is not a multiple of n, and the engine's own.
    pub fn images_back(&self, values: &[f64]) -> Result<Vec<f64>> {
        let n = self.report.n;
        let width = values.len() / n;
        let mut beside = Vec::with_capacity(values.len() + n);
        if width > 0 && values.len().is_multiple_of(n) {
            for row in values.chunks_exact(width) {
                beside.push(1.0);
                beside.extend_from_slice(row);
            }
        }
        let sums = self.plan.product_transposed(&beside)?;
        let mut images = Vec::with_capacity(self.report.m * width);
        for row in sums.chunks_exact(width + 1) {
            if let [mass, sums @ ..] = row {
                images.extend(sums.iter().map(|sum| sum / mass));
            }
        }
        Ok(images)
    }
}

//! Second derivatives: the change of a solution's potentials and gradient as its points move.
//!
//! If the points of the source move by ẋ, the potentials change so that the optimality conditions P1 = a e^{−f/ρ_a}
//! and Pᵀ1 = b e^{−g/ρ_b} still hold. With r = P1, c = Pᵀ1, κ = 1 + ε/ρ and δᵢⱼ = ⟨∂ₓC(xᵢ, yⱼ), ẋᵢ⟩ the changes
//! satisfy
//!
//! ```text
//! κ_a rᵢ ḟᵢ + (P ġ)ᵢ = Σⱼ Pᵢⱼ δᵢⱼ,   κ_b cⱼ ġⱼ + (Pᵀḟ)ⱼ = Σᵢ Pᵢⱼ δᵢⱼ
//! ```
//!
//! Elimination of ḟ leaves the Schur complement [κ_b diag(c) − Pᵀ diag(κ_a r)⁻¹ P] ġ = …, which is symmetric and
//! positive, except for the constant that is free in a balanced problem. Conjugate gradients, preconditioned by its
//! diagonal κ_b c, take two products a step. The Hessian is then
//!
//! ```text
//! (H ẋ)ᵢ = Σⱼ Pᵢⱼ [(ḟᵢ + ġⱼ − δᵢⱼ)/ε ∂ₓC + ∂²ₓC ẋᵢ]
//! ```
//!
//! for the squared cost, whose second derivative is 2; other costs have none where two points meet.

use crate::engine::Factor;
use crate::linalg::ConjugateGradients;
use crate::pass::{Pass, finite, weighted};
use crate::solution::State;
use crate::{Cost, Engine, Error, Precision, Result, Solution, block_on};

/// The change of a solution as the points of its source move along a direction.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sensitivity {
    /// The change of the potential f (n), up to a constant in a balanced problem.
    pub f: Vec<f64>,
    /// The change of the potential g (m), up to the opposite constant.
    pub g: Vec<f64>,
    /// The change of the gradient of OT_ε in the points of the source, n×d: its Hessian times the
    /// direction.
    pub gradient: Vec<f64>,
    /// Whether the linear system was solved to the precision of the engine.
    pub converged: bool,
    /// The relative residual of that system.
    pub residual: f64,
    /// Steps of conjugate gradients.
    pub iterations: usize,
}

/// The relative residual at which a solve ends: above the rounding of the products in either precision, which limits
/// the digits of a residual.
fn goal(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::F64 => 1e-11,
    }
}

/// The largest number of steps of conjugate gradients.
const STEPS: usize = 1000;

impl<E: Engine> Solution<E> {
    /// The change of potentials and gradient as the points of the source move along `direction` (n×d, row-major), by
    /// implicit differentiation at the optimum; for p = 2.
    ///
    /// ```
    /// use haul_core::{Engine, Measure, Sinkhorn};
    /// fn curvature(engine: &impl Engine, a: &Measure, b: &Measure, v: &[f64]) -> haul_core::Result<f64> {
    ///     let change = Sinkhorn::blur(0.1).tolerance(1e-6).solve(engine, a, b)?.sensitivity(v)?;
    ///     Ok(change.gradient.iter().zip(v).map(|(h, v)| h * v).sum()) // ⟨v, H v⟩
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Length`], [`Error::BadParameter`] for another p, [`Error::NotFiniteResult`], and the engine's own.
    /// [`Sensitivity::converged`] says whether the system was solved.
    pub fn sensitivity(&self, direction: &[f64]) -> Result<Sensitivity> {
        block_on(self.sensitivity_async(direction))
    }

    /// [`sensitivity`](Self::sensitivity) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`sensitivity`](Self::sensitivity).
    pub async fn sensitivity_async(&self, direction: &[f64]) -> Result<Sensitivity> {
        let report = self.report();
        let State {
            engine,
            kernel,
            frame,
            source,
            target,
            masses,
            ..
        } = self.state();
        let (x, y) = (source.points.coordinates(), target.points.coordinates());
        if kernel.cost != Cost::SquaredEuclidean {
            return Err(Error::BadParameter {
                name: "p",
                value: report.cost.p(),
                range: "2 where second derivatives are asked for",
            });
        }
        let (expected, found) = (x.len(), direction.len());
        if expected != found {
            let what = "the direction of a derivative";
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        let d = source.dimension();
        let moves = frame.scaled(direction);
        let epsilon = kernel.epsilon;
        let system = Schur::new(self.state()).await?;
        let (n, m) = (system.rows.len(), system.columns.len());

        // Sums of δ over rows and columns; for a column, the sum of ⟨2(x − y), ẋ⟩ comes from moments of its rows.
        let over_target = system.over_target();
        let slopes = over_target.slopes(Factor::One, &vec![1.0; m]).await?;
        let points = x.chunks_exact(d);
        let along: Vec<f64> = slopes
            .chunks_exact(d)
            .zip(moves.chunks_exact(d))
            .map(dot)
            .collect();
        let moments: Vec<f64> = points
            .zip(moves.chunks_exact(d))
            .flat_map(|(x, v)| std::iter::once(dot((x, v))).chain(v.iter().copied()))
            .collect();
        let moments = system
            .over_source()
            .product(Factor::One, &moments, d + 1)
            .await?;
        let along_columns = moments
            .chunks_exact(d + 1)
            .zip(y.chunks_exact(d))
            .map(|(moments, y)| 2.0 * (moments[0] - dot((&moments[1..], y))));

        let eliminated = system.eliminate(&along);
        let shared = system
            .over_source()
            .product(Factor::One, &eliminated, 1)
            .await?;
        let right = along_columns.zip(&shared).map(|(t, s)| t - s).collect();
        let ConjugateGradients {
            solution: g,
            left: residual,
            iterations,
            ..
        } = system.solve(right, goal(report.precision)).await?;
        let of_g = over_target.product(Factor::One, &g, 1).await?;
        let difference: Vec<f64> = along.iter().zip(&of_g).map(|(s, g)| s - g).collect();
        let f = system.eliminate(&difference);

        let of_columns = over_target.slopes(Factor::One, &g).await?;
        let curved = over_target.curvature(&moves).await?;
        let change = (0..n * d).map(|k| {
            let i = k / d;
            let first = (f[i] * slopes[k] + of_columns[k] - curved[k]) / epsilon;
            first + 2.0 * system.rows[i] * moves[k]
        });
        let unit = masses.plan * frame.slope_unit(kernel.cost);
        let gradient = weighted(&source.weights, unit, change.collect());
        let unit = frame.cost_unit(kernel.cost);
        let in_units = |values: Vec<f64>| {
            let values = values.into_iter().map(|value| unit * value).collect();
            finite(values, engine)
        };
        Ok(Sensitivity {
            f: in_units(f)?,
            g: in_units(g)?,
            gradient: finite(gradient, engine)?,
            converged: residual <= goal(report.precision),
            residual,
            iterations,
        })
    }
}

/// The Schur complement of the optimality conditions in ġ, relative to the weights b:
/// (A ġ)ⱼ = κ_b cⱼ/bⱼ ġⱼ − Σᵢ aᵢ πᵢⱼ/(κ_a rᵢ/aᵢ) Σₖ bₖ πᵢₖ ġₖ.
struct Schur<'s, E: Engine> {
    state: &'s State<E>,
    /// r/a and c/b, the sums of the density.
    rows: Vec<f64>,
    columns: Vec<f64>,
    /// κ_a and κ_b.
    damping: [f64; 2],
}

impl<'s, E: Engine> Schur<'s, E> {
    async fn new(state: &'s State<E>) -> Result<Self> {
        let State {
            kernel,
            source,
            target,
            ..
        } = state;
        let mut system = Self {
            state,
            rows: Vec::new(),
            columns: Vec::new(),
            damping: [source.rho, target.rho].map(|rho| 1.0 + kernel.epsilon / rho),
        };
        let ones = |n| vec![1.0; n];
        let over_target = system.over_target();
        system.rows = over_target
            .product(Factor::One, &ones(target.len()), 1)
            .await?;
        let over_source = system.over_source();
        system.columns = over_source
            .product(Factor::One, &ones(source.len()), 1)
            .await?;
        Ok(system)
    }

    fn over_target(&self) -> Pass<'s, E> {
        let State {
            engine,
            kernel,
            source,
            target,
            ..
        } = self.state;
        Pass::between(engine, *kernel, source, target)
    }

    fn over_source(&self) -> Pass<'s, E> {
        let State {
            engine,
            kernel,
            source,
            target,
            ..
        } = self.state;
        Pass::between(engine, *kernel, target, source)
    }

    /// Divides by κ_a r/a; 0 at points of weight 0.
    fn eliminate(&self, sums: &[f64]) -> Vec<f64> {
        let weights = &self.state.source.weights;
        let divided = |((sum, row), weight): ((&f64, &f64), &f64)| {
            if *weight > 0.0 {
                sum / (self.damping[0] * row)
            } else {
                0.0
            }
        };
        sums.iter()
            .zip(&self.rows)
            .zip(weights)
            .map(divided)
            .collect()
    }

    async fn apply(&self, g: &[f64]) -> Result<Vec<f64>> {
        let sums = self.over_target().product(Factor::One, g, 1).await?;
        let eliminated = self.eliminate(&sums);
        let over_source = self.over_source();
        let sums = over_source.product(Factor::One, &eliminated, 1).await?;
        let of = |((sum, g), c): ((&f64, &f64), &f64)| self.damping[1] * c * g - sum;
        let mut out: Vec<f64> = sums.iter().zip(g).zip(&self.columns).map(of).collect();
        self.project(&mut out);
        Ok(out)
    }

    /// Preconditioned conjugate gradients in the inner product of b.
    async fn solve(&self, mut right: Vec<f64>, goal: f64) -> Result<ConjugateGradients> {
        self.project(&mut right);
        let conditioned = self.precondition(&right);
        let inner = |u: &[f64], v: &[f64]| self.inner(u, v);
        let mut gradients = ConjugateGradients::new(right, conditioned, inner);
        while gradients.left > goal && gradients.iterations < STEPS {
            let image = self.apply(gradients.direction()).await?;
            if !gradients.step(&image, |residual| self.precondition(residual), inner) {
                break;
            }
        }
        Ok(gradients)
    }

    /// Divides by the diagonal κ_b c/b.
    fn precondition(&self, residual: &[f64]) -> Vec<f64> {
        let divided = |(r, c): (&f64, &f64)| r / (self.damping[1] * c);
        let mut out: Vec<f64> = residual.iter().zip(&self.columns).map(divided).collect();
        self.project(&mut out);
        out
    }

    /// Sets points of weight 0 to 0 and, in a balanced problem, removes the free constant.
    fn project(&self, values: &mut [f64]) {
        let weights = &self.state.target.weights;
        let balanced = self.damping == [1.0; 2];
        let mean = if balanced {
            self.inner(values, &vec![1.0; values.len()])
        } else {
            0.0
        };
        for (value, weight) in values.iter_mut().zip(weights) {
            *value = if *weight > 0.0 { *value - mean } else { 0.0 };
        }
    }

    /// Σⱼ bⱼ uⱼ vⱼ over the points of positive weight.
    fn inner(&self, u: &[f64], v: &[f64]) -> f64 {
        let weights = self.state.target.weights.iter();
        let terms = weights.zip(u.iter().zip(v)).filter(|(b, _)| **b > 0.0);
        terms.map(|(b, (u, v))| b * u * v).sum()
    }
}

fn dot((v, w): (&[f64], &[f64])) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum()
}

//! The transport cost after L iterations, and its exact derivatives, for training with a Sinkhorn loss.
//!
//! In training, the number of iterations is often fixed, and the derivative of the computed value is needed, not that
//! of its limit [Bonneel–Peyré–Cuturi'16; Genevay–Peyré–Cuturi'18]:
//!
//! ```text
//! v₀ = 1;  u_l = a/(K v_l);  v_{l+1} = b/(Kᵀu_l);  P_L = diag(u_L) K diag(v_L);  W_L = ⟨P_L, C⟩
//! ```
//!
//! With the potentials u = a e^{f/ε}, v = b e^{g/ε}: f_l = T_b(g_l), g_{l+1} = T_a(f_l); only f₀ is a softmin over
//! weights of 1. Reverse mode goes through the same steps backwards. With π_l the densities at (f_l, g_l), and
//! F = f̄/a, G = ḡ/b the adjoints relative to the weights, the adjoint of a softmin is
//!
//! ```text
//! f = T_b(g):   Gⱼ −= Σᵢ aᵢ πᵢⱼ Fᵢ,   C̄ᵢⱼ += aᵢ bⱼ πᵢⱼ Fᵢ,   b̄ⱼ −= ε Σᵢ aᵢ πᵢⱼ Fᵢ
//! ```
//!
//! A separate pass turns C̄ into x̄ᵢ += Σⱼ C̄ᵢⱼ ∂ₓC(xᵢ, yⱼ). So L iterations take L + 1 pairs of vectors of memory,
//! 2L + 1 softmins, and at most 4L + 5 passes backwards; no kernel is stored.

use crate::engine::{Factor, Kernel, Side};
use crate::linalg::sum;
use crate::pass::{Marginal, Pass, finite, weighted};
use crate::solution::Place;
use crate::{Engine, Gradient, Measure, Result, Sinkhorn, block_on};
use std::fmt;

/// Settings of the transport cost after a fixed number of iterations, in a balanced problem.
///
/// ```
/// use haul_core::{Engine, Measure, Truncated};
/// fn loss(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<(f64, Vec<f64>)> {
///     let cost = Truncated::epsilon(0.1).iterations(20).evaluate(engine, a, b)?;
///     Ok((cost.value(), cost.gradient()?.points)) // W₂₀, and its derivative in the points of a
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Truncated {
    iterations: usize,
    sinkhorn: Sinkhorn,
}

settings!(Truncated);

impl Default for Truncated {
    /// 10 iterations at a blur of 1/20 of the joint diameter, for p = 2.
    fn default() -> Self {
        Self {
            iterations: 10,
            sinkhorn: Sinkhorn::default(),
        }
    }
}

impl Truncated {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    pub(crate) fn settings(&self) -> &Sinkhorn {
        &self.sinkhorn
    }

    /// The number L of iterations. Default 10.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// Runs the iterations on an engine, and keeps their potentials there.
    ///
    /// # Errors
    ///
    /// Those of [`Problem::new`](crate::Problem::new), [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), and the engine's own.
    pub fn evaluate<E: Engine>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<TruncatedCost<E>> {
        block_on(self.evaluate_async(engine, source, target))
    }

    /// [`evaluate`](Self::evaluate) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`evaluate`](Self::evaluate).
    pub async fn evaluate_async<E: Engine>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<TruncatedCost<E>> {
        let problem = self.sinkhorn.problem(source, target)?;
        let (frame, kernel) = (problem.frame(), problem.kernel());
        let marginal = |measure| {
            let separable = problem.is_separable();
            Marginal::new(&engine, frame, measure, f64::INFINITY, separable)
        };
        let (source, target) = (marginal(source)?, marginal(target)?);
        let (n, m) = (source.len(), target.len());
        let first = engine.zeros(m)?;
        let mut path = Path {
            engine,
            kernel,
            f: Vec::with_capacity(self.iterations + 1),
            g: vec![first],
            source,
            target,
        };
        for step in 0..=self.iterations {
            let mut f = path.engine.zeros(n)?;
            let pass = path.over_target((None, step));
            pass.softmin(path.f.last(), false, &mut f)?;
            path.f.push(f);
            if step < self.iterations {
                let mut g = path.engine.zeros(m)?;
                // The stand-in for log v₀ is not a guess of g₁.
                let guess = path.g.last().filter(|_| step > 0);
                path.over_source((step, None))
                    .softmin(guess, false, &mut g)?;
                path.g.push(g);
            }
        }
        let last = (Some(self.iterations), self.iterations);
        let costs = path
            .over_target(last)
            .product(Factor::Cost, &vec![1.0; m], 1)
            .await?;
        let costs = finite(weighted(&path.source.weights, 1.0, costs), &path.engine)?;
        let mass = problem.masses().plan;
        let cost = problem.cost();
        let unit = problem.cost_unit();
        Ok(TruncatedCost {
            value: mass * unit * sum(costs),
            epsilon: problem.epsilon(),
            units: [mass * frame.slope_unit(cost), unit],
            path,
        })
    }
}

/// W_L with the data of its iterations.
pub struct TruncatedCost<E: Engine> {
    value: f64,
    epsilon: f64,
    /// The factors of the derivatives in points and in weights.
    units: [f64; 2],
    path: Path<E>,
}

impl<E: Engine> fmt::Debug for TruncatedCost<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("TruncatedCost")
            .field("value", &self.value)
            .field("epsilon", &self.epsilon)
            .field("iterations", &self.iterations())
            .finish_non_exhaustive()
    }
}

impl<E: Engine> TruncatedCost<E> {
    /// W_L = ⟨P_L, C⟩, in units of cost times mass.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// L.
    pub fn iterations(&self) -> usize {
        self.path.f.len() - 1
    }

    /// The derivatives of W_L in the points and weights of the source; weights may change freely.
    pub fn gradient(&self) -> Result<Gradient> {
        block_on(self.gradient_in(Place::Source))
    }

    /// The derivatives of W_L in the points and weights of the target; weights may change freely.
    pub fn gradient_target(&self) -> Result<Gradient> {
        block_on(self.gradient_in(Place::Target))
    }

    async fn gradient_in(&self, place: Place) -> Result<Gradient> {
        let Path {
            engine,
            kernel,
            source,
            target,
            ..
        } = &self.path;
        let epsilon = kernel.epsilon;
        let (a, b) = (&source.weights, &target.weights);
        let (rows, columns) = (vec![1.0; a.len()], vec![1.0; b.len()]);
        let last = self.iterations();
        // W = Σ aᵢ bⱼ πᵢⱼ Cᵢⱼ at the last step.
        let at = (last, last);
        let costs_of_rows = self
            .path
            .sums_over_target(at, &columns, Factor::Cost)
            .await?;
        let costs_of_columns = self.path.sums_over_source(at, &rows, Factor::Cost).await?;
        let mut f = adjoint(a, 1.0 / epsilon, &costs_of_rows);
        let mut g = adjoint(b, 1.0 / epsilon, &costs_of_columns);
        let mut points = self
            .path
            .spread(place, at, Factor::One, &rows, &columns)
            .await?;
        let curved = self
            .path
            .spread(place, at, Factor::Cost, &rows, &columns)
            .await?;
        add(&mut points, -1.0 / epsilon, &curved);
        let mut weights = match place {
            Place::Source => costs_of_rows,
            // v₀ does not depend on b.
            Place::Target if last == 0 => vec![0.0; b.len()],
            Place::Target => costs_of_columns,
        };

        for step in (0..=last).rev() {
            // The adjoint of f = T_b(g) of this step.
            let at = (step, step);
            add(
                &mut points,
                1.0,
                &self
                    .path
                    .spread(place, at, Factor::One, &f, &columns)
                    .await?,
            );
            if step == 0 {
                break;
            }
            let sums = self.path.sums_over_source(at, &f, Factor::One).await?;
            if place == Place::Target {
                add(&mut weights, -epsilon, &sums);
            }
            add(&mut g, -1.0, &adjoint(b, 1.0, &sums));
            // The adjoint of g = T_a(f) of the previous step.
            let at = (step - 1, step);
            add(
                &mut points,
                1.0,
                &self.path.spread(place, at, Factor::One, &rows, &g).await?,
            );
            let sums = self.path.sums_over_target(at, &g, Factor::One).await?;
            if place == Place::Source {
                add(&mut weights, -epsilon, &sums);
            }
            f = adjoint(a, -1.0, &sums);
            g.fill(0.0);
        }
        let [per_length, per_mass] = self.units;
        points.iter_mut().for_each(|value| *value *= per_length);
        weights.iter_mut().for_each(|value| *value *= per_mass);
        Ok(Gradient {
            points: finite(points, engine)?,
            weights: finite(weights, engine)?,
        })
    }
}

/// Refuses sums of points of positive weight that left the range of floats. At the other points the density is
/// unbounded, and only their derivatives in the weights need it.
fn weighty<E: Engine>(sums: Vec<f64>, weights: &[f64], engine: &E) -> Result<Vec<f64>> {
    let counted = |(weight, sum): (&f64, &f64)| if *weight > 0.0 { *sum } else { 0.0 };
    finite(weights.iter().zip(&sums).map(counted).collect(), engine)?;
    Ok(sums)
}

/// An adjoint relative to the weights, from sums; 0 at points of weight 0.
fn adjoint(weights: &[f64], number: f64, sums: &[f64]) -> Vec<f64> {
    let of = |(weight, sum): (&f64, &f64)| if *weight > 0.0 { number * sum } else { 0.0 };
    weights.iter().zip(sums).map(of).collect()
}

/// v += c · w.
fn add(v: &mut [f64], c: f64, w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v += c * w;
    }
}

/// The potentials of all iterations, on the device: f₀ … f_L and g₀ … g_L.
struct Path<E: Engine> {
    engine: E,
    kernel: Kernel,
    source: Marginal<E>,
    target: Marginal<E>,
    f: Vec<E::Vector>,
    g: Vec<E::Vector>,
}

impl<E: Engine> Path<E> {
    fn rows(&self, step: usize) -> Side<'_, E::Weights, E::Vector> {
        Side::new(&self.source.on_device, &self.f[step])
    }

    /// f₀ is a softmin over weights of 1.
    fn columns(&self, step: usize) -> Side<'_, E::Weights, E::Vector> {
        Side {
            weights: (step > 0).then_some(&self.target.on_device),
            potential: Some(&self.g[step]),
        }
    }

    /// Sums over the target for each point of the source, at f and g of two steps.
    fn over_target(&self, (f, g): (Option<usize>, usize)) -> Pass<'_, E> {
        Pass {
            engine: &self.engine,
            kernel: self.kernel,
            rows: &self.source.points,
            potential: f.map(|step| &self.f[step]),
            columns: &self.target.points,
            side: self.columns(g),
            near: None,
        }
    }

    /// Sums over the source, for each point of the target.
    fn over_source(&self, (f, g): (usize, Option<usize>)) -> Pass<'_, E> {
        Pass {
            engine: &self.engine,
            kernel: self.kernel,
            rows: &self.target.points,
            potential: g.map(|step| &self.g[step]),
            columns: &self.source.points,
            side: self.rows(f),
            near: None,
        }
    }

    async fn sums_over_target(
        &self,
        (f, g): (usize, usize),
        values: &[f64],
        factor: Factor,
    ) -> Result<Vec<f64>> {
        let pass = self.over_target((Some(f), g));
        let sums = pass.product(factor, values, 1).await?;
        weighty(sums, &self.source.weights, &self.engine)
    }

    async fn sums_over_source(
        &self,
        (f, g): (usize, usize),
        values: &[f64],
        factor: Factor,
    ) -> Result<Vec<f64>> {
        let pass = self.over_source((f, Some(g)));
        let sums = pass.product(factor, values, 1).await?;
        weighty(sums, &self.target.weights, &self.engine)
    }

    /// The derivatives in the points from the adjoints C̄ᵢⱼ = aᵢ bⱼ πᵢⱼ rᵢ sⱼ of the costs, or from those with φ = C
    /// in place of 1: Σⱼ C̄ᵢⱼ φ(Cᵢⱼ) ∂ₓC(xᵢ, yⱼ) for the source, and likewise for the target.
    async fn spread(
        &self,
        place: Place,
        at: (usize, usize),
        factor: Factor,
        r: &[f64],
        s: &[f64],
    ) -> Result<Vec<f64>> {
        let (pass, own, other, weights) = match place {
            Place::Source => {
                let pass = self.over_target((Some(at.0), at.1));
                (pass, r, s, &self.source.weights)
            }
            Place::Target => {
                let pass = self.over_source((at.0, Some(at.1)));
                (pass, s, r, &self.target.weights)
            }
        };
        let sums = pass.slopes(factor, other).await?;
        let product = |(own, weight): (&f64, &f64)| match (place, at.1) {
            // In the first step the weights of the target are 1.
            (Place::Target, 0) => *own,
            _ => own * weight,
        };
        let weights: Vec<f64> = own.iter().zip(weights).map(product).collect();
        Ok(weighted(&weights, 1.0, sums))
    }
}

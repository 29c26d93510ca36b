//! The transport cost after L iterations, and its exact derivatives: the programmer's view of a
//! Sinkhorn loss.
//!
//! Where a loss is trained, a fixed number of iterations is often all there is, and the derivative of
//! what was computed is wanted, not that of its limit [Bonneel–Peyré–Cuturi'16; Genevay–Peyré–Cuturi'18]:
//!
//! ```text
//! v₀ = 1;  u_l = a/(K v_l);  v_{l+1} = b/(Kᵀu_l);  P_L = diag(u_L) K diag(v_L);  W_L = ⟨P_L, C⟩
//! ```
//!
//! In potentials u = a e^{f/ε}, v = b e^{g/ε}: f_l = T_b(g_l), g_{l+1} = T_a(f_l); only f₀ is the softmin
//! over weights of 1. Reverse mode goes through the same steps backwards. With π_l the densities at
//! (f_l, g_l), and F = f̄/a, G = ḡ/b the adjoints relative to the weights, one of a softmin is
//!
//! ```text
//! f = T_b(g):   Gⱼ −= Σᵢ aᵢ πᵢⱼ Fᵢ,   C̄ᵢⱼ += aᵢ bⱼ πᵢⱼ Fᵢ,   b̄ⱼ −= ε Σᵢ aᵢ πᵢⱼ Fᵢ
//! ```
//!
//! and C̄ becomes x̄ᵢ += Σⱼ C̄ᵢⱼ ∂ₓC(xᵢ, yⱼ) in a pass of its own. So L iterations take L + 1 pairs of
//! vectors of memory, 2L + 1 softmins, and at most 4L + 5 passes back; no kernel is stored.

use crate::engine::{Factor, Kernel, Side};
use crate::gradient::{Place, finite};
use crate::marginal::Marginal;
use crate::pass::{Pass, weighted};
use crate::{Cost, Engine, Gradient, Measure, Penalty, Problem, Regularization, Result};

/// Settings of the transport cost after a number of iterations, in a balanced problem.
///
/// ```
/// use haul_core::{Engine, Measure, Truncated};
/// fn loss(engine: &impl Engine, a: &Measure, b: &Measure) -> haul_core::Result<(f64, Vec<f64>)> {
///     let cost = Truncated::iterations(20).epsilon(0.1).evaluate(engine, a, b)?;
///     Ok((cost.value(), cost.gradient()?.points)) // W₂₀, and its derivative in the points of a
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Truncated {
    iterations: usize,
    regularization: Regularization,
    p: f64,
}

impl Truncated {
    /// After L iterations, at a blur of 0.05 of the joint diameter.
    pub fn iterations(iterations: usize) -> Self {
        Self {
            iterations,
            regularization: Regularization::RelativeBlur(0.05),
            p: 2.0,
        }
    }

    /// With ε = σ^p, for a length σ.
    pub fn blur(self, sigma: f64) -> Self {
        self.regularized(Regularization::Blur(sigma))
    }

    /// With ε in units of the cost.
    pub fn epsilon(self, epsilon: f64) -> Self {
        self.regularized(Regularization::Epsilon(epsilon))
    }

    /// With ε as [`Regularization`] has it.
    pub fn regularized(mut self, regularization: Regularization) -> Self {
        self.regularization = regularization;
        self
    }

    /// The power p of the cost |x − y|^p, above 0 and at most 2 (the default).
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// Runs the iterations on an engine, and keeps their potentials there.
    ///
    /// # Errors
    ///
    /// Those of [`Problem::new`], [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), and the engine's own.
    pub fn evaluate<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
    ) -> Result<TruncatedCost<'e, E>> {
        let cost = Cost::power(self.p)?;
        let exact = [Penalty::EXACT; 2];
        let problem = Problem::new(source, target, cost, self.regularization, exact)?;
        let (frame, kernel) = (problem.frame(), problem.kernel());
        let marginal = |measure| Marginal::new(engine, frame, measure, f64::INFINITY);
        let (source, target) = (marginal(source)?, marginal(target)?);
        let (n, m) = (source.weights.len(), target.weights.len());
        let unweighted = engine.cloud(&target.points, target.dimension, &vec![1.0; m])?;
        let mut path = Path {
            engine,
            kernel,
            f: Vec::with_capacity(self.iterations + 1),
            g: vec![engine.vector(&vec![0.0; m])?],
            source,
            target,
            unweighted,
        };
        for step in 0..=self.iterations {
            let mut f = engine.vector(&vec![0.0; n])?;
            let (rows, columns) = (&path.source.cloud, path.columns(step));
            engine.softmin(kernel, rows, columns, path.f.last(), &mut f)?;
            path.f.push(f);
            if step < self.iterations {
                let mut g = engine.vector(&vec![0.0; m])?;
                let (rows, columns) = (&path.target.cloud, path.rows(step));
                // What stands for log v₀ is no guess of g₁.
                let guess = path.g.last().filter(|_| step > 0);
                engine.softmin(kernel, rows, columns, guess, &mut g)?;
                path.g.push(g);
            }
        }
        let last = (self.iterations, self.iterations);
        let costs = path
            .over_target(last)
            .product(Factor::Cost, &vec![1.0; m], 1)?;
        let costs = finite(weighted(&path.source.weights, 1.0, costs), engine)?;
        let mass = problem.masses().plan;
        let unit = problem.cost_unit();
        Ok(TruncatedCost {
            value: mass * unit * costs.iter().sum::<f64>(),
            epsilon: problem.epsilon(),
            units: [mass * frame.slope_unit(cost), unit],
            path,
        })
    }
}

/// W_L with the iterations behind it.
pub struct TruncatedCost<'e, E: Engine> {
    value: f64,
    epsilon: f64,
    /// What the derivatives in points and in weights are multiplied with.
    units: [f64; 2],
    path: Path<'e, E>,
}

impl<E: Engine> TruncatedCost<'_, E> {
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

    /// The derivatives of W_L in the points and weights of the source, weights changing freely.
    pub fn gradient(&self) -> Result<Gradient> {
        self.gradient_in(Place::Source)
    }

    /// The derivatives of W_L in the points and weights of the target, weights changing freely.
    pub fn gradient_target(&self) -> Result<Gradient> {
        self.gradient_in(Place::Target)
    }

    fn gradient_in(&self, place: Place) -> Result<Gradient> {
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
        let over_target = |at, values: &[f64], factor| {
            let sums = self.path.over_target(at).product(factor, values, 1)?;
            weighty(sums, a, *engine)
        };
        let over_source = |at, values: &[f64], factor| {
            let sums = self.path.over_source(at).product(factor, values, 1)?;
            weighty(sums, b, *engine)
        };

        // W = Σ aᵢ bⱼ πᵢⱼ Cᵢⱼ at the last step.
        let at = (last, last);
        let costs_of_rows = over_target(at, &columns, Factor::Cost)?;
        let costs_of_columns = over_source(at, &rows, Factor::Cost)?;
        let mut f = adjoint(a, 1.0 / epsilon, &costs_of_rows);
        let mut g = adjoint(b, 1.0 / epsilon, &costs_of_columns);
        let mut points = self.path.spread(place, at, Factor::One, &rows, &columns)?;
        let curved = self.path.spread(place, at, Factor::Cost, &rows, &columns)?;
        add(&mut points, -1.0 / epsilon, &curved);
        let mut weights = match place {
            Place::Source => costs_of_rows,
            // v₀ does not know b.
            Place::Target if last == 0 => vec![0.0; b.len()],
            Place::Target => costs_of_columns,
        };

        for step in (0..=last).rev() {
            // f = T_b(g) of this step.
            let at = (step, step);
            add(
                &mut points,
                1.0,
                &self.path.spread(place, at, Factor::One, &f, &columns)?,
            );
            if step == 0 {
                break;
            }
            let sums = over_source(at, &f, Factor::One)?;
            if place == Place::Target {
                add(&mut weights, -epsilon, &sums);
            }
            add(&mut g, -1.0, &adjoint(b, 1.0, &sums));
            // g = T_a(f) of the step before.
            let at = (step - 1, step);
            add(
                &mut points,
                1.0,
                &self.path.spread(place, at, Factor::One, &rows, &g)?,
            );
            let sums = over_target(at, &g, Factor::One)?;
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
            points: finite(points, *engine)?,
            weights: finite(weights, *engine)?,
        })
    }
}

/// Refuses sums of points of positive weight that left the range of a float. Of the others nothing
/// bounds the density, and only their derivatives in the weights ask for it.
fn weighty<E: Engine>(sums: Vec<f64>, weights: &[f64], engine: &E) -> Result<Vec<f64>> {
    let counted = |(weight, sum): (&f64, &f64)| if *weight > 0.0 { *sum } else { 0.0 };
    finite(weights.iter().zip(&sums).map(counted).collect(), engine)?;
    Ok(sums)
}

/// An adjoint relative to the weights, from sums; points of weight 0 have none.
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
struct Path<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    source: Marginal<E>,
    target: Marginal<E>,
    /// The points of the target with weights of 1, over which f₀ is the softmin.
    unweighted: E::Cloud,
    f: Vec<E::Vector>,
    g: Vec<E::Vector>,
}

impl<E: Engine> Path<'_, E> {
    fn rows(&self, step: usize) -> Side<'_, E> {
        Side {
            cloud: &self.source.cloud,
            potential: &self.f[step],
        }
    }

    fn columns(&self, step: usize) -> Side<'_, E> {
        Side {
            cloud: if step == 0 {
                &self.unweighted
            } else {
                &self.target.cloud
            },
            potential: &self.g[step],
        }
    }

    /// Sums over the target at the f and g of two steps, for each point of the source.
    fn over_target(&self, (f, g): (usize, usize)) -> Pass<'_, E> {
        Pass {
            engine: self.engine,
            kernel: self.kernel,
            rows: self.rows(f),
            columns: self.columns(g),
            shape: (self.source.weights.len(), self.source.dimension),
        }
    }

    /// Sums over the source, for each point of the target.
    fn over_source(&self, (f, g): (usize, usize)) -> Pass<'_, E> {
        Pass {
            engine: self.engine,
            kernel: self.kernel,
            rows: self.columns(g),
            columns: self.rows(f),
            shape: (self.target.weights.len(), self.target.dimension),
        }
    }

    /// What the adjoints C̄ᵢⱼ = aᵢ bⱼ πᵢⱼ rᵢ sⱼ of the costs, or those of φ = C in place of 1, make of the
    /// points: Σⱼ C̄ᵢⱼ φ(Cᵢⱼ) ∂ₓC(xᵢ, yⱼ) of the source, the like of the target.
    fn spread(
        &self,
        place: Place,
        at: (usize, usize),
        factor: Factor,
        r: &[f64],
        s: &[f64],
    ) -> Result<Vec<f64>> {
        let (pass, own, other, weights) = match place {
            Place::Source => (self.over_target(at), r, s, &self.source.weights),
            Place::Target => (self.over_source(at), s, r, &self.target.weights),
        };
        let sums = pass.slopes(factor, other)?;
        let product = |(own, weight): (&f64, &f64)| match (place, at.1) {
            // The target of the first step has weights of 1.
            (Place::Target, 0) => *own,
            _ => own * weight,
        };
        let weights: Vec<f64> = own.iter().zip(weights).map(product).collect();
        Ok(weighted(&weights, 1.0, sums))
    }
}

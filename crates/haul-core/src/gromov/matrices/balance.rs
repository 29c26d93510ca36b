//! The entropic problem of a stored matrix of costs, by scalings that are absorbed into potentials.
//!
//! With a kernel K of densities at potentials f̂ and ĝ, one pass makes the rows exact and gives the sums of the columns,
//!
//! ```text
//! uᵢ = 1 / Σⱼ Kᵢⱼ bⱼ vⱼ      sⱼ = Σᵢ aᵢ uᵢ Kᵢⱼ      T(f)ⱼ = ĝⱼ − ε log sⱼ
//! ```
//!
//! and Anderson's method runs over g [Anderson'65]. Where a factor leaves its range, K is computed again at the potentials so far
//! [Chizat et al.'18]. Under a penalty ρ both updates have the power λ = ρ/(ρ + ε).

use crate::engine::MatrixEngine;
use crate::gromov::history::History;
use crate::linalg::{dot, sum};
use crate::{Error, Result};

/// The updates that are combined.
const MEMORY: usize = 10;

/// The history is dropped when the error exceeds its least value by this factor.
const GROWTH: f64 = 4.0;

/// Factors beyond e^±30 are absorbed.
const ABSORB: f64 = 30.0;

/// The range of exponents, and the least sum of a column that has all digits.
const LARGEST: f64 = 600.0;
const LEAST_SUM: f64 = 1e-260;

/// The fall of ε between two levels of a start, the range of costs over the largest ε, and the error of a level.
const FALL: f64 = 0.25;
const FIRST: f64 = 8.0;
const LEVEL_TOLERANCE: f64 = 0.05;

/// An entropic problem.
pub(super) struct Entropic<'p> {
    pub(super) engine: &'p dyn MatrixEngine,
    pub(super) device: &'p str,
    /// a and b, all above 0.
    pub(super) weights: [&'p [f64]; 2],
    pub(super) epsilon: f64,
    /// The penalty of both marginals; infinite where they are exact.
    pub(super) rho: f64,
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
}

/// A potential g of costs like these, and about how much a cost has changed since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Warm<'w> {
    pub(super) g: &'w [f64],
    pub(super) off: f64,
}

/// Potentials of the plan that [`Entropic::solve`] writes.
pub(super) struct Balanced {
    pub(super) f: Vec<f64>,
    pub(super) g: Vec<f64>,
    /// Pᵀ1, and the error of that marginal.
    pub(super) columns: Vec<f64>,
    pub(super) error: f64,
    /// Passes over the kernel.
    pub(super) passes: usize,
}

impl Entropic<'_> {
    /// Solves the problem with these costs, and writes the plan P, n×m. It starts with an ε that falls from about what the potentials
    /// are off: those that are known, or 0. At ε itself potentials that are far off would move by little more than ε an iteration.
    pub(super) fn solve(
        &self,
        costs: &[f64],
        warm: Option<Warm<'_>>,
        plan: &mut [f64],
    ) -> Result<Balanced> {
        let (low, high) = costs
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), c| {
                (low.min(*c), high.max(*c))
            });
        let first = (high - low) / FIRST;
        let (mut g, mut epsilon) = match warm {
            Some(warm) => (warm.g.to_vec(), first.min(warm.off)),
            None => (vec![0.0; self.weights[1].len()], first),
        };
        let mut passes = 0;
        while epsilon > self.epsilon {
            let level = Entropic {
                epsilon,
                tolerance: self.tolerance.max(LEVEL_TOLERANCE),
                ..*self
            };
            let reached = level.from(costs, g, plan)?;
            passes += reached.passes;
            g = reached.g;
            epsilon *= FALL;
        }
        let reached = self.from(costs, g, plan)?;
        Ok(Balanced {
            passes: passes + reached.passes,
            ..reached
        })
    }

    fn from(&self, costs: &[f64], mut g: Vec<f64>, plan: &mut [f64]) -> Result<Balanced> {
        let Self {
            engine,
            device,
            weights: [a, b],
            epsilon,
            rho,
            tolerance,
            max_iterations,
        } = *self;
        let lambda = match rho.is_finite() {
            true => rho / (rho + epsilon),
            false => 1.0,
        };
        let mut soft = vec![0.0; a.len()];
        let (mut scaling, mut sums) = (vec![0.0_f64; a.len()], vec![0.0; b.len()]);
        let mut history = History::new(MEMORY);
        let mut least = f64::INFINITY;
        let mut passes = 0;
        loop {
            engine.gibbs(costs, epsilon, [b, &g], &mut soft, plan)?;
            passes += 1;
            let absorbed = g.clone();
            // f = λ T(g) in place of T(g).
            let factors: Vec<f64> = match lambda == 1.0 {
                true => vec![1.0; a.len()],
                false => soft
                    .iter()
                    .map(|t| {
                        ((lambda - 1.0) * t / epsilon)
                            .clamp(-LARGEST, LARGEST)
                            .exp()
                    })
                    .collect(),
            };
            let mut first = true;
            loop {
                let logs = |j: usize| {
                    g.get(j)
                        .zip(absorbed.get(j))
                        .map_or(0.0, |(g, at)| (g - at) / epsilon)
                };
                let farthest = (0..b.len()).map(|j| logs(j).abs()).fold(0.0, f64::max);
                let spread = scaling.iter().map(|u| u.ln().abs()).fold(0.0, f64::max);
                if !first && (farthest > ABSORB || (lambda == 1.0 && spread > ABSORB)) {
                    break;
                }
                let v: Vec<f64> = (0..b.len()).map(|j| logs(j).exp()).collect();
                let columns: Vec<f64> = b.iter().zip(&v).map(|(b, v)| b * v).collect();
                engine.sweep(
                    plan,
                    [a, &factors],
                    lambda,
                    &columns,
                    &mut scaling,
                    &mut sums,
                )?;
                passes += 1;
                first = false;
                let received: Vec<f64> = columns.iter().zip(&sums).map(|(w, s)| w * s).collect();
                let wanted = |(b, g): (&f64, &f64)| match lambda == 1.0 {
                    true => *b,
                    false => b * (-g / rho).min(LARGEST).exp(),
                };
                let errors = received
                    .iter()
                    .zip(b.iter().zip(&g))
                    .map(|(r, it)| (r - wanted(it)).abs());
                let error = sum(errors);
                if !error.is_finite() {
                    return Err(Error::NotFiniteResult {
                        what: "a stored plan",
                        device: device.to_owned(),
                    });
                }
                if error <= tolerance * sum(received.iter().copied()).max(f64::MIN_POSITIVE)
                    || passes >= max_iterations
                {
                    let rows = plan.chunks_exact_mut(b.len());
                    for (row, (a, u)) in rows.zip(a.iter().zip(&scaling)) {
                        let factor = a * u;
                        row.iter_mut()
                            .zip(&columns)
                            .for_each(|(p, w)| *p *= factor * w);
                    }
                    let f = soft
                        .iter()
                        .zip(&scaling)
                        .map(|(t, u)| t + epsilon * u.ln())
                        .collect();
                    return Ok(Balanced {
                        f,
                        g,
                        columns: received,
                        error,
                        passes,
                    });
                }
                let updates = absorbed.iter().zip(&sums);
                let image: Vec<f64> = updates
                    .map(|(at, s)| lambda * (at - epsilon * s.max(LEAST_SUM).ln()))
                    .collect();
                if sums.iter().any(|s| *s < LEAST_SUM) {
                    // The kernel has lost these columns: their softmins come from the costs.
                    let f = soft.iter().zip(&scaling).map(|(t, u)| t + epsilon * u.ln());
                    g = softmins(costs, epsilon, a, &f.collect::<Vec<_>>(), lambda);
                    (history, least) = (History::new(MEMORY), f64::INFINITY);
                    break;
                }
                if error > GROWTH * least {
                    (history, least) = (History::new(MEMORY), f64::INFINITY);
                }
                least = least.min(error);
                // Where both marginals are exact, g + t is as good as g.
                let mean = |values: &[f64]| match rho.is_infinite() {
                    true => dot(b, values),
                    false => 0.0,
                };
                let mut residual: Vec<f64> =
                    image.iter().zip(&g).map(|(new, old)| new - old).collect();
                let drift = mean(&residual);
                residual.iter_mut().for_each(|r| *r -= drift);
                let place = mean(&image);
                g = history.combined(residual, image, b);
                let drift = mean(&g) - place;
                g.iter_mut().for_each(|g| *g -= drift);
            }
        }
    }
}

/// λ T(f)ⱼ = −λ ε log Σᵢ aᵢ exp((fᵢ − Cᵢⱼ)/ε) of each column.
fn softmins(costs: &[f64], epsilon: f64, a: &[f64], f: &[f64], lambda: f64) -> Vec<f64> {
    let m = costs.len() / a.len().max(1);
    let (mut largest, mut sums) = (vec![f64::NEG_INFINITY; m], vec![0.0; m]);
    for (row, f) in costs.chunks_exact(m).zip(f) {
        for (most, c) in largest.iter_mut().zip(row) {
            *most = most.max((f - c) / epsilon);
        }
    }
    for ((row, f), a) in costs.chunks_exact(m).zip(f).zip(a) {
        for ((sum, most), c) in sums.iter_mut().zip(&largest).zip(row) {
            *sum += a * ((f - c) / epsilon - most).exp();
        }
    }
    let both = largest.iter().zip(&sums);
    both.map(|(most, sum)| -lambda * epsilon * (most + sum.ln()))
        .collect()
}

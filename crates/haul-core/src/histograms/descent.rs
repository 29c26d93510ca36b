//! Descent of the mean regularised distance in the weights of the average.
//!
//! ```text
//! G(b) = Σ λₛ OT_ε(b, bₛ),    ∂G/∂bᵢ = Σ λₛ fₛ = t̄ up to a constant
//! b ← b e^{−η t̄}, normalised
//! ```
//!
//! [Cuturi–Doucet'14].
//!
//! Each step is a mirror step for the relative entropy. Its size η is halved until G(b') ≤ G(b) + ⟨t̄, b' − b⟩ +
//! KL(b' | b)/η, which a step of any smaller size fulfils once η is below 1/L, for G smooth relative to the entropy with
//! constant L; then G falls at each step, and G − min G after k steps is at most KL(b* | b₀)/(ηk)
//! [Lu–Freund–Nesterov'18]. A step that is taken makes the next one larger.
//!
//! For the potentials at b, each input takes turns: fₛ = tₛ + ε log(b/m), gₛ = T_m(fₛ), tₛ = T_{bₛ}(gₛ), from those of the
//! b before, accelerated by [`mixing`](super::mixing). These are the same passes as in the loop of [barycenters](super::averaging), of the product kind, where b
//! moves with each pass; this loop waits until the potentials fit b.

use super::averaging::{Found, Iterate, difference, distance, ends, means};
use super::barycenter::checked_lambda;
use super::functional::Functional;
use super::inputs::Inputs;
use super::mixing::Mixing;
use super::posed::Posed;
use super::{Average, BarycenterKind};
use crate::linalg::{mean, sum};
use crate::sinkhorn::Observer;
use crate::{Engine, Measure, Progress, Result, Sinkhorn};
use web_time::Instant;

/// Steps that are taken make the next one larger by this factor.
const GROWTH: f64 = 1.5;

/// The potentials fit b when the error of their marginals is below this share of the last step, and this number, in L1:
/// the value that they give is low by the square of that error.
const FIT: [f64; 2] = [0.03, 0.01];

/// The largest number of passes for the potentials of one b.
const MOST_PASSES: usize = 200;

/// Settings of a descent of Σ λₛ OT_ε(b, bₛ) in the weights of b, on a fixed support.
///
/// It has the same minimum as [`Barycenter`](crate::Barycenter) with [`BarycenterKind::Product`], by another route:
/// gradients in place of scalings. It takes more passes, and its objective falls at each step.
///
/// ```
/// # use haul_core::Descent;
/// let descent = Descent::blur(0.1).lambda(&[0.5, 0.5]).max_iterations(200);
/// // descent.solve(&engine, &[a, b])?.report().bounds
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Descent {
    sinkhorn: Sinkhorn,
    lambda: Option<Vec<f64>>,
}

settings!(Descent);
average_settings!(Descent);

/// A density with its potentials, in units of the frame.
struct Place {
    /// log(b/m).
    logs: Vec<f64>,
    b: Vec<f64>,
    /// tₛ, n×inputs.
    transforms: Vec<f64>,
    /// t̄.
    mean: Vec<f64>,
    /// G(b), from below.
    value: f64,
    /// The error of the marginals.
    error: f64,
    /// Whether the potentials fit b.
    fits: bool,
}

/// What the passes of a descent need.
struct Walk<'w, E: Engine> {
    engine: &'w E,
    posed: &'w Posed,
    lambda: Vec<f64>,
    inputs: Inputs<E>,
    tolerance: f64,
}

impl Descent {
    /// The error at which the descent ends: ‖b − b'‖₁ for a step of η = 1/ε, and the error of the marginals, which is
    /// what a [`Barycenter`](crate::Barycenter) measures. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.sinkhorn.tolerance = tolerance;
        self
    }

    async fn average<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        inputs: &[Measure],
        observer: &mut Observer<'_>,
    ) -> Result<Average> {
        let start = Instant::now();
        let lambda = checked_lambda(self.lambda.as_deref(), inputs.len())?;
        let kind = BarycenterKind::Product;
        let posed = Posed::new(&self.sinkhorn, (support, inputs), lambda, kind)?;
        posed.check_tolerance(&engine, self.sinkhorn.tolerance)?;
        let found = self.descend(&engine, &posed, observer).await?;
        posed.average(engine, &self.sinkhorn, found, start).await
    }

    async fn descend<E: Engine>(
        &self,
        engine: &E,
        posed: &Posed,
        observer: &mut Observer<'_>,
    ) -> Result<Found<E>> {
        let start = Instant::now();
        let (present, lambda, inputs) = posed.present(engine)?;
        let (n, count, epsilon) = (posed.reference.len(), present.len(), posed.kernel.epsilon);
        let mut walk = Walk {
            engine,
            posed,
            lambda,
            inputs,
            tolerance: self.sinkhorn.tolerance,
        };
        let uniform = (vec![0.0; n], vec![0.0; n * count]);
        let mut place = walk.fitted(uniform, 1.0).await?;
        let mut size = 1.0 / epsilon;
        let mut iterations = 0;
        loop {
            iterations += 1;
            let (ahead, moved) = walk.ahead(&place, 1.0 / epsilon);
            let progress = Progress {
                iteration: iterations,
                epsilon: posed.epsilon,
                marginal_error: place.error.max(moved),
                goal: self.sinkhorn.tolerance,
                seconds: start.elapsed().as_secs_f64(),
                level: 0,
            };
            if ends(engine, &self.sinkhorn, &progress, observer)? {
                let last = Iterate {
                    transforms: place.transforms,
                    mean: place.mean,
                    tilt: ahead.iter().map(|log| epsilon * log).collect(),
                    logs: place.logs,
                    error: progress.marginal_error,
                    iterations,
                };
                return Ok(Found {
                    inputs: walk.inputs,
                    present,
                    last,
                });
            }
            (place, size) = walk.step(place, size).await?;
        }
    }
}

impl<E: Engine> Walk<'_, E> {
    fn m(&self) -> &[f64] {
        self.posed.reference.weights()
    }

    /// log(b'/m) for a step of size η, and ‖b' − b‖₁.
    fn ahead(&self, place: &Place, size: f64) -> (Vec<f64>, f64) {
        // b' is the least ⟨b', t̄⟩ + KL(b' | b)/η, and KL(b' | b) = KL(b' | m) − ⟨b', log(b/m)⟩.
        let costs = place.mean.iter().zip(&place.logs);
        let costs: Vec<f64> = costs.map(|(t, log)| t - log / size).collect();
        let logs = Functional::Zero.proximal(self.m(), &costs, 1.0 / size).logs;
        let moved = distance(&self.density(&logs), &place.b);
        (logs, moved)
    }

    fn density(&self, logs: &[f64]) -> Vec<f64> {
        let pairs = logs.iter().zip(self.m());
        pairs.map(|(log, m)| m * log.exp()).collect()
    }

    /// A step that fulfils the condition at the head of this module, and the size for the next one.
    async fn step(&mut self, place: Place, mut size: f64) -> Result<(Place, f64)> {
        /// The least size, over 1/ε. Rounding alone fails the condition of smaller ones.
        const LEAST: f64 = 1e-6;
        loop {
            let (logs, moved) = self.ahead(&place, size);
            let next = self.fitted((logs, place.transforms.clone()), moved).await?;
            let slope = difference(&next.b, &place.b);
            let linear = mean(&slope, place.mean.iter().copied());
            let change = difference(&next.logs, &place.logs);
            let divergence = sum(next.b.iter().zip(change).map(|(b, log)| b * log));
            let allowed = place.value + linear + divergence / size;
            if next.fits && next.value <= allowed || size * self.posed.kernel.epsilon < LEAST {
                return Ok((next, size * GROWTH));
            }
            size *= 0.5;
        }
    }

    /// The density with potentials that fit it, from those of another one, at a distance of `moved` in L1.
    async fn fitted(
        &mut self,
        (logs, mut transforms): (Vec<f64>, Vec<f64>),
        moved: f64,
    ) -> Result<Place> {
        let epsilon = self.posed.kernel.epsilon;
        let count = self.lambda.len();
        let b = self.density(&logs);
        let [share, most] = FIT;
        let goal = (share * moved).max(0.5 * self.tolerance).min(most);
        let m = self.posed.reference.weights();
        let row = |k: usize| k / count;
        let potentials = |transforms: &[f64]| -> Vec<f64> {
            let f = (0..).zip(transforms);
            f.map(|(k, t)| t + epsilon * logs[row(k)]).collect()
        };
        let mut mixing = Mixing::new(self.engine.precision());
        let mut f = potentials(&transforms);
        let mut error = f64::INFINITY;
        for _ in 0..MOST_PASSES {
            let weighted = self.posed.weighted(&f, count);
            transforms = self.inputs.transforms(self.engine, &weighted).await?;
            let image = potentials(&transforms);
            // The rows of the plan have the sums b e^{(f − f')/ε} for the next potential f'.
            let off = |k: usize| {
                let ratio = ((f[k] - image[k]) / epsilon).exp_m1();
                self.lambda[k % count] * b[row(k)] * ratio.abs()
            };
            error = sum((0..f.len()).map(off));
            if error <= goal {
                break;
            }
            let weight = |k: usize| self.lambda[k % count] * (b[row(k)] + 1e-3 * m[row(k)]);
            f = mixing.next(weight, &f, image, error);
        }
        let mean = means(&transforms, &self.lambda);
        let g = self.inputs.potentials(self.engine).await?;
        let duals = self.inputs.means(&g);
        let duals = self.lambda.iter().zip(duals);
        let value = duals.map(|(l, (dual, _))| l * dual).sum::<f64>();
        Ok(Place {
            value: value + crate::linalg::mean(&b, mean.iter().copied()),
            fits: error <= goal,
            logs,
            b,
            transforms,
            mean,
            error,
        })
    }
}

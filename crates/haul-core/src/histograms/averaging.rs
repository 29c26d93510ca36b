//! The problem of a barycenter, checked, and the loop that solves it.
//!
//! One loop computes all three, with T_w(h) the softmin −ε log Σⱼ wⱼ exp((hⱼ − C)/ε):
//!
//! ```text
//! gₛ ← T_m(fₛ),   tₛ ← T_{bₛ}(gₛ),   t̄ = Σ λₛ tₛ,   q = Σ λₛ fₛ
//! q  ← 0   |   thrice ½ (q + c + T_m(q)) with c = q − t̄ of before   |   q − t̄
//! fₛ ← tₛ − t̄ + q,   accelerated by [`mixing`](super::mixing)
//! b  = m exp((q − t̄)/ε), or m exp(q/ε) for the product kind
//! ```

use super::BarycenterKind;
use super::inputs::Inputs;
use super::mixing::Mixing;
use crate::engine::{Kernel, RATIO_LOG2};
use crate::linalg::sum;
use crate::problem::Rounding;
use crate::sinkhorn::Observer;
use crate::{Cost, Engine, Error, Frame, Measure, Progress, Result, Sinkhorn, Stop};
use std::f64::consts::LN_2;
use std::ops::ControlFlow;
use web_time::Instant;

/// A checked problem of a barycenter.
pub(super) struct Posed {
    /// The support with m, of mass 1.
    pub(super) reference: Measure,
    /// The inputs, of mass 1.
    pub(super) inputs: Vec<Measure>,
    /// The original mass of the inputs.
    pub(super) mass: f64,
    pub(super) lambda: Vec<f64>,
    pub(super) cost: Cost,
    pub(super) epsilon: f64,
    pub(super) frame: Frame,
    /// The kernel on a device.
    pub(super) kernel: Kernel,
    pub(super) separable: bool,
}

/// The result of the loop, in units of the frame. Inputs of λ = 0 are left out.
pub(super) struct Found<E: Engine> {
    pub(super) inputs: Inputs<E>,
    pub(super) present: Vec<usize>,
    pub(super) last: Iterate,
}

/// The last iteration of the loop.
pub(super) struct Iterate {
    /// fₛ before it, n×inputs.
    pub(super) before: Vec<f64>,
    /// tₛ, n×inputs.
    pub(super) transforms: Vec<f64>,
    /// t̄.
    pub(super) mean: Vec<f64>,
    /// q.
    pub(super) tilt: Vec<f64>,
    pub(super) error: f64,
    pub(super) iterations: usize,
}

impl Posed {
    /// Refuses a tolerance that rounding makes unreachable.
    pub(super) fn check_tolerance<E: Engine>(&self, engine: &E, tolerance: f64) -> Result<()> {
        let precision = engine.precision();
        let floor = Rounding::of_costs(precision, self.cost, &self.frame).floor(self.kernel);
        let precision = precision.name();
        if floor >= 1.0 {
            return Err(Error::NoDigits { precision, floor });
        }
        if tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance,
                precision,
                floor,
            });
        }
        Ok(())
    }

    /// Puts the inputs of positive λ on a device, and finds their barycenter.
    pub(super) async fn iterate<E: Engine>(
        &self,
        engine: &E,
        kind: BarycenterKind,
        settings: &Sinkhorn,
        observer: &mut Observer<'_>,
    ) -> Result<Found<E>> {
        let present: Vec<usize> = (0..self.inputs.len())
            .filter(|s| self.lambda[*s] > 0.0)
            .collect();
        let lambda: Vec<f64> = present.iter().map(|s| self.lambda[*s]).collect();
        let of_present: Vec<&Measure> = present.iter().map(|s| &self.inputs[*s]).collect();
        let places = (&self.frame, self.kernel);
        let mut inputs = Inputs::new(engine, places, &self.reference, &of_present, self.separable)?;
        let start = (
            lambda.as_slice(),
            vec![0.0; self.reference.len() * present.len()],
        );
        let last = self
            .iterate_from(engine, (kind, settings), &mut inputs, start, observer)
            .await?;
        Ok(Found {
            inputs,
            present,
            last,
        })
    }

    /// The loop described at the head of this module, for inputs of these λ, from potentials with Σ λₛ fₛ = q.
    pub(super) async fn iterate_from<E: Engine>(
        &self,
        engine: &E,
        (kind, settings): (BarycenterKind, &Sinkhorn),
        inputs: &mut Inputs<E>,
        (lambda, mut f): (&[f64], Vec<f64>),
        observer: &mut Observer<'_>,
    ) -> Result<Iterate> {
        let start = Instant::now();
        let (n, count, epsilon) = (self.reference.len(), lambda.len(), self.kernel.epsilon);
        let m = self.reference.weights();
        let logs: Vec<f64> = m.iter().map(|m| epsilon * m.ln()).collect();
        let mut mixing = Mixing::new(engine.precision());
        let mut iterations = 0;
        loop {
            iterations += 1;
            let weighted: Vec<f64> = (0..n * count).map(|k| f[k] + logs[k / count]).collect();
            let transforms = inputs.transforms(engine, &weighted).await?;
            let mean = means(&transforms, lambda);
            let before = match kind {
                BarycenterKind::Plain => vec![0.0; n],
                BarycenterKind::Debiased | BarycenterKind::Product => means(&f, lambda),
            };
            // Exponents are cut, so that a large error is finite.
            let most = RATIO_LOG2 * LN_2;
            let density = |logs: &[f64]| -> Vec<f64> {
                let terms = logs.iter().zip(m);
                terms
                    .map(|(log, m)| m * (log / epsilon).min(most).exp())
                    .collect()
            };
            let held = difference(&before, &mean);
            // b; for the debiased kind also m exp((q − T_m(q))/ε), which equals b at the solution.
            let (tilt, b, own) = match kind {
                BarycenterKind::Plain => (before, density(&held), None),
                BarycenterKind::Product => (held, density(&before), None),
                BarycenterKind::Debiased => {
                    let (tilt, own) = tilted(engine, inputs, &logs, &before, &held).await?;
                    let own = density(&difference(&before, &own));
                    (tilt, density(&held), Some(own))
                }
            };
            let off = own.map_or(0.0, |own| distance(&own, &b));
            let error = self.error(&f, &transforms, lambda, &b).max(off);
            if !error.is_finite() {
                return Err(Error::NotFiniteResult {
                    what: "the marginal error",
                    device: engine.device().to_owned(),
                });
            }
            let progress = Progress {
                iteration: iterations,
                epsilon: self.epsilon,
                marginal_error: error,
                goal: settings.tolerance,
                seconds: start.elapsed().as_secs_f64(),
            };
            let stopped = match observer(&progress) {
                ControlFlow::Continue(()) => false,
                ControlFlow::Break(Stop::Certify) => true,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            };
            if stopped || error <= settings.tolerance || iterations >= settings.max_iterations {
                return Ok(Iterate {
                    before: f,
                    transforms,
                    mean,
                    tilt,
                    error,
                    iterations,
                });
            }
            let image = (0..n * count).map(|k| transforms[k] - mean[k / count] + tilt[k / count]);
            let weight = |k: usize| lambda[k % count] * (b[k / count] + 1e-3 * m[k / count]);
            f = mixing.next(weight, &f, image.collect(), error);
            centre(&mut f, m, lambda);
        }
    }

    /// The distance of the marginals on the support from their mean, or of that mean from b, whichever is larger.
    pub(super) fn error(&self, f: &[f64], transforms: &[f64], lambda: &[f64], b: &[f64]) -> f64 {
        let (count, epsilon) = (lambda.len(), self.kernel.epsilon);
        let m = self.reference.weights();
        let (mut apart, mut off) = (0.0, 0.0);
        for (i, (m, b)) in m.iter().zip(b).enumerate() {
            let row =
                |s: usize| m * ((f[i * count + s] - transforms[i * count + s]) / epsilon).exp();
            let average: f64 = (0..count).map(|s| lambda[s] * row(s)).sum();
            apart += (0..count)
                .map(|s| lambda[s] * (row(s) - average).abs())
                .sum::<f64>();
            off += (average - b).abs();
        }
        f64::max(apart, off)
    }

    /// b, of mass 1.
    pub(super) fn measure(&self, kind: BarycenterKind, last: &Iterate) -> Result<Measure> {
        let logs = match kind {
            BarycenterKind::Product => last.tilt.clone(),
            BarycenterKind::Plain | BarycenterKind::Debiased => difference(&last.tilt, &last.mean),
        };
        // Relative to the largest exponent, whose exponential is 1.
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms = logs.iter().zip(self.reference.weights());
        let weight = |(log, m): (&f64, &f64)| m * ((log - largest) / self.kernel.epsilon).exp();
        let weights: Vec<f64> = terms.map(weight).collect();
        Ok(self.reference.clone().with_weights(&weights)?.normalized())
    }
}

/// q of the debiased kind after several steps towards its own transform, with c = q − t̄ fixed; and that transform
/// before the first step.
async fn tilted<E: Engine>(
    engine: &E,
    inputs: &mut Inputs<E>,
    logs: &[f64],
    before: &[f64],
    held: &[f64],
) -> Result<(Vec<f64>, Vec<f64>)> {
    /// The number of steps.
    const STEPS: usize = 3;
    let mut tilt = before.to_vec();
    let mut first = None;
    for _ in 0..STEPS {
        let weighted: Vec<f64> = tilt.iter().zip(logs).map(|(q, log)| q + log).collect();
        let own = inputs.own_transform(engine, &weighted).await?;
        for ((q, own), held) in tilt.iter_mut().zip(&own).zip(held) {
            *q = 0.5 * (*q + held + own);
        }
        first.get_or_insert(own);
    }
    Ok((tilt, first.unwrap_or_default()))
}

/// Σ λₛ vₛ at each point, for n×inputs values.
pub(super) fn means(values: &[f64], lambda: &[f64]) -> Vec<f64> {
    let rows = values.chunks_exact(lambda.len());
    rows.map(|row| row.iter().zip(lambda).map(|(v, l)| v * l).sum())
        .collect()
}

/// Σ |vᵢ − wᵢ|.
pub(super) fn distance(v: &[f64], w: &[f64]) -> f64 {
    sum(v.iter().zip(w).map(|(v, w)| (v - w).abs()))
}

/// v − w.
fn difference(v: &[f64], w: &[f64]) -> Vec<f64> {
    v.iter().zip(w).map(|(v, w)| v - w).collect()
}

/// Subtracts a constant from each potential, so that all have the same mean over m and Σ λₛ fₛ stays the same:
/// nothing else fixes these constants, and if they were far from 0 the potentials would lose digits.
fn centre(f: &mut [f64], m: &[f64], lambda: &[f64]) {
    let count = lambda.len();
    let mut means = vec![0.0; count];
    for (row, m) in f.chunks_exact(count).zip(m) {
        for (mean, f) in means.iter_mut().zip(row) {
            *mean += m * f;
        }
    }
    let joint: f64 = means.iter().zip(lambda).map(|(mean, l)| mean * l).sum();
    for row in f.chunks_exact_mut(count) {
        for (f, mean) in row.iter_mut().zip(&means) {
            *f += joint - mean;
        }
    }
}

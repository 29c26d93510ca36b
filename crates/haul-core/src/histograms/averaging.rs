//! The loop that finds an average.
//!
//! One loop minimises all objectives Σ λₛ OT_ε(b, bₛ) + R(b) + F(b), with F an [energy](super::functional), R = ε KL(b | m)
//! in the plain kind, −½ OT_ε(b, b) in the debiased kind, and 0 in the product kind. With T_w(h) the softmin
//! −ε log Σⱼ wⱼ exp((hⱼ − C)/ε):
//!
//! ```text
//! gₛ ← T_m(fₛ),   tₛ ← T_{bₛ}(gₛ),   t̄ = Σ λₛ tₛ
//! b  ← the least ⟨b, t̄ − q⟩ + ε KL(b | m) + F(b) of mass 1
//! q' ← 0   |   thrice ½ (q + ε log(b/m) + T_m(q))   |   ε log(b/m)         plain | debiased | product
//! fₛ ← tₛ + ε log(b/m) + q' − q,   q ← q'
//! ```
//!
//! In the debiased kind −½ OT_ε(b, b) is the least ε⟨b, log(b/d)⟩ + ½ε⟨d, Kd⟩ over d = m e^{q/ε}, less ½ε [FSVATP'19]:
//! the loop takes turns between b and d. In the product kind each step adds ε KL to the previous b.
//!
//! For F = 0, b is m e^{(q−t̄)/ε} up to its mass, and q = Σ λₛ fₛ needs no memory of its own.
//!
//! [`mixing`](super::mixing) accelerates the plain kind, and the debiased kind for F = 0 and for the entropy.

use super::BarycenterKind;
use super::inputs::Inputs;
use super::mixing::Mixing;
use super::posed::Posed;
use crate::engine::RATIO_LOG2;
use crate::linalg::{mean, sum};
use crate::sinkhorn::Observer;
use crate::{Engine, Error, Measure, Progress, Result, Sinkhorn, Stop};
use std::f64::consts::LN_2;
use std::ops::ControlFlow;
use web_time::Instant;

/// Potentials between two iterations, in units of the frame.
pub(super) struct State {
    /// fₛ, n×inputs.
    pub(super) f: Vec<f64>,
    /// q.
    pub(super) tilt: Vec<f64>,
}

/// The result of an iteration.
struct Update {
    /// tₛ, n×inputs.
    transforms: Vec<f64>,
    /// t̄.
    mean: Vec<f64>,
    /// log(b/m).
    logs: Vec<f64>,
    b: Vec<f64>,
    /// q'.
    tilt: Vec<f64>,
    error: f64,
}

/// Potentials that a similar problem can start from, in units of the cost.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    f: Vec<f64>,
    tilt: Vec<f64>,
}

/// The result of the loop. Inputs of λ = 0 are left out.
pub(super) struct Found<E: Engine> {
    pub(super) inputs: Inputs<E>,
    pub(super) present: Vec<usize>,
    pub(super) last: Iterate,
}

/// The last iteration of a loop, in units of the frame.
pub(super) struct Iterate {
    /// tₛ, n×inputs.
    pub(super) transforms: Vec<f64>,
    /// t̄.
    pub(super) mean: Vec<f64>,
    /// q.
    pub(super) tilt: Vec<f64>,
    /// log(b/m).
    pub(super) logs: Vec<f64>,
    pub(super) error: f64,
    pub(super) iterations: usize,
}

impl Iterate {
    /// The potentials of the next iteration, for a problem of one input.
    pub(super) fn warm(&self, posed: &Posed) -> Warm {
        let unit = posed.frame.cost_unit(posed.cost);
        let epsilon = posed.kernel.epsilon;
        let f = self.transforms.iter().zip(&self.logs);
        Warm {
            f: f.map(|(t, log)| unit * (t + epsilon * log)).collect(),
            tilt: self.tilt.iter().map(|q| unit * q).collect(),
        }
    }
}

impl Posed {
    /// Puts the inputs of positive λ on a device, and finds their average.
    pub(super) async fn iterate<E: Engine>(
        &self,
        engine: &E,
        settings: &Sinkhorn,
        warm: Option<&Warm>,
        observer: &mut Observer<'_>,
    ) -> Result<Found<E>> {
        let (present, lambda, mut inputs) = self.present(engine)?;
        let mut state = self.start(warm, lambda.len());
        let start = (lambda.as_slice(), &mut state);
        let last = self
            .iterate_from(engine, settings, &mut inputs, start, observer)
            .await?;
        Ok(Found {
            inputs,
            present,
            last,
        })
    }

    /// The loop described at the head of this module, for inputs of these λ, from given potentials; Σ λₛ fₛ = q if F is 0.
    /// The given potentials become those before the last iteration.
    pub(super) async fn iterate_from<E: Engine>(
        &self,
        engine: &E,
        settings: &Sinkhorn,
        inputs: &mut Inputs<E>,
        (lambda, state): (&[f64], &mut State),
        observer: &mut Observer<'_>,
    ) -> Result<Iterate> {
        let start = Instant::now();
        let mut mixing = Mixing::new(engine.precision());
        let mut iterations = 0;
        loop {
            iterations += 1;
            let update = self.update(engine, inputs, lambda, state).await?;
            let progress = Progress {
                iteration: iterations,
                epsilon: self.epsilon,
                marginal_error: update.error,
                goal: settings.tolerance,
                seconds: start.elapsed().as_secs_f64(),
                level: 0,
            };
            if ends(engine, settings, &progress, observer)? {
                return Ok(Iterate {
                    transforms: update.transforms,
                    mean: update.mean,
                    tilt: update.tilt,
                    logs: update.logs,
                    error: update.error,
                    iterations,
                });
            }
            *state = self.next(state, update, lambda, &mut mixing);
        }
    }

    /// The potentials of the first iteration.
    fn start(&self, warm: Option<&Warm>, count: usize) -> State {
        let n = self.reference.len();
        let unit = self.frame.cost_unit(self.cost);
        let in_frame = |values: &[f64]| values.iter().map(|value| value / unit).collect();
        match warm {
            Some(warm) => State {
                f: in_frame(&warm.f),
                tilt: in_frame(&warm.tilt),
            },
            None => State {
                f: vec![0.0; n * count],
                tilt: vec![0.0; n],
            },
        }
    }

    /// One iteration, without the new fₛ.
    async fn update<E: Engine>(
        &self,
        engine: &E,
        inputs: &mut Inputs<E>,
        lambda: &[f64],
        state: &State,
    ) -> Result<Update> {
        let epsilon = self.kernel.epsilon;
        let m = self.reference.weights();
        let weighted = self.weighted(&state.f, lambda.len());
        let transforms = inputs.transforms(engine, &weighted).await?;
        let mean = means(&transforms, lambda);
        let costs = difference(&mean, &state.tilt);
        let logs = self.functional.proximal(m, &costs, epsilon).logs;
        let b: Vec<f64> = logs.iter().zip(m).map(|(log, m)| m * log.exp()).collect();
        // In the product kind b moves by one proximal step an iteration, and stands still at the solution.
        let mut error = match self.kind {
            BarycenterKind::Plain | BarycenterKind::Debiased => {
                self.error(&state.f, &transforms, lambda, &b)
            }
            BarycenterKind::Product => {
                let before = self.density(&state.tilt);
                self.error(&state.f, &transforms, lambda, &before)
            }
        };
        let tilt = match self.kind {
            BarycenterKind::Plain => state.tilt.clone(),
            BarycenterKind::Product => logs.iter().map(|log| epsilon * log).collect(),
            BarycenterKind::Debiased => {
                let (tilt, own) = self.tilted(engine, inputs, &state.tilt, &logs).await?;
                // m exp((q − T_m(q))/ε) equals b at the solution.
                let own = self.density(&difference(&state.tilt, &own));
                error = error.max(distance(&own, &b));
                tilt
            }
        };
        Ok(Update {
            transforms,
            mean,
            logs,
            b,
            tilt,
            error,
        })
    }

    /// m exp(h/ε). Exponents are cut, so that a large error is finite.
    fn density(&self, potential: &[f64]) -> Vec<f64> {
        let most = RATIO_LOG2 * LN_2;
        let pairs = potential.iter().zip(self.reference.weights());
        pairs
            .map(|(h, m)| m * (h / self.kernel.epsilon).min(most).exp())
            .collect()
    }

    /// q of the debiased kind after several steps towards its own transform with b held; and that transform before the
    /// first step.
    async fn tilted<E: Engine>(
        &self,
        engine: &E,
        inputs: &mut Inputs<E>,
        before: &[f64],
        logs: &[f64],
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        /// The number of steps.
        const STEPS: usize = 3;
        let epsilon = self.kernel.epsilon;
        let mut tilt = before.to_vec();
        let mut first = None;
        for _ in 0..STEPS {
            let weighted = self.weighted(&tilt, 1);
            let own = inputs.own_transform(engine, &weighted).await?;
            for ((q, own), log) in tilt.iter_mut().zip(&own).zip(logs) {
                *q = 0.5 * (*q + epsilon * log + own);
            }
            first.get_or_insert(own);
        }
        Ok((tilt, first.unwrap_or_default()))
    }

    /// Whether q is a part of the state that is not Σ λₛ fₛ.
    fn keeps_tilt(&self) -> bool {
        self.kind != BarycenterKind::Plain && !self.functional.is_zero()
    }

    /// Whether differences between iterations tell where the next ones lead. Where bins of b become empty their logarithms
    /// fall without end, and an extrapolation may bring them back at the edge of the support: so it did in the product
    /// kind, where b is nothing but e^{q/ε}, and in debiased steps of energies that are not smooth.
    fn is_accelerated(&self) -> bool {
        match self.kind {
            BarycenterKind::Plain => true,
            BarycenterKind::Product => false,
            BarycenterKind::Debiased => self.functional.is_zero() || self.functional.is_smooth(),
        }
    }

    /// The potentials of the next iteration.
    fn next(&self, state: &State, update: Update, lambda: &[f64], mixing: &mut Mixing) -> State {
        let (count, epsilon) = (lambda.len(), self.kernel.epsilon);
        let m = self.reference.weights();
        let zero = self.functional.is_zero();
        let Update {
            transforms,
            mean,
            logs,
            b,
            tilt,
            error,
        } = update;
        // Σ λₛ fₛ is q for F = 0.
        let joint: Vec<f64> = if zero {
            tilt.clone()
        } else {
            let change = difference(&tilt, &state.tilt);
            let points = mean.iter().zip(&logs).zip(change);
            points.map(|((t, log), q)| t + epsilon * log + q).collect()
        };
        let f = (0..).zip(&transforms);
        let mut f: Vec<f64> = f
            .map(|(k, t)| t - mean[k / count] + joint[k / count])
            .collect();
        centre(&mut f, m, lambda, zero);
        let near = |i: usize| b[i] + 1e-3 * m[i];
        if !self.is_accelerated() {
            return State { f, tilt };
        }
        if self.keeps_tilt() {
            let weight = |k: usize| match k % (count + 1) {
                s if s < count => lambda[s] * near(k / (count + 1)),
                _ => near(k / (count + 1)),
            };
            let before = joined(&state.f, &state.tilt, count);
            let next = mixing.next(weight, &before, joined(&f, &tilt, count), error);
            return parted(&next, count);
        }
        let weight = |k: usize| lambda[k % count] * near(k / count);
        let f = mixing.next(weight, &state.f, f, error);
        let tilt = match self.kind {
            BarycenterKind::Plain => tilt,
            BarycenterKind::Debiased | BarycenterKind::Product => means(&f, lambda),
        };
        State { f, tilt }
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
    pub(super) fn measure(&self, found: &Iterate) -> Result<Measure> {
        let m = self.reference.weights();
        let costs = difference(&found.mean, &found.tilt);
        let proximal;
        let logs = match self.kind {
            BarycenterKind::Plain | BarycenterKind::Product => &found.logs,
            BarycenterKind::Debiased => {
                proximal = self.functional.proximal(m, &costs, self.kernel.epsilon);
                &proximal.logs
            }
        };
        let weights: Vec<f64> = logs.iter().zip(m).map(|(log, m)| m * log.exp()).collect();
        Ok(self.reference.clone().with_weights(&weights)?.normalized())
    }
}

/// Whether a loop ends at an iteration, by its error, its number or the observer.
pub(super) fn ends<E: Engine>(
    engine: &E,
    settings: &Sinkhorn,
    progress: &Progress,
    observer: &mut Observer<'_>,
) -> Result<bool> {
    let error = progress.marginal_error;
    if !error.is_finite() {
        return Err(Error::NotFiniteResult {
            what: "the marginal error",
            device: engine.device().to_owned(),
        });
    }
    let done = error <= settings.tolerance || progress.iteration >= settings.max_iterations;
    match observer(progress) {
        ControlFlow::Continue(()) => Ok(done),
        ControlFlow::Break(Stop::Certify) => Ok(true),
        ControlFlow::Break(Stop::Abandon) => Err(Error::Interrupted),
    }
}

/// Potentials n×`count` with one more column.
fn joined(f: &[f64], column: &[f64], count: usize) -> Vec<f64> {
    let rows = f.chunks_exact(count).zip(column);
    rows.flat_map(|(row, last)| row.iter().chain(std::iter::once(last)))
        .copied()
        .collect()
}

/// The inverse of [`joined`].
fn parted(joined: &[f64], count: usize) -> State {
    let (mut f, mut tilt) = (Vec::new(), Vec::new());
    for row in joined.chunks_exact(count + 1) {
        f.extend_from_slice(&row[..count]);
        tilt.extend_from_slice(&row[count..]);
    }
    State { f, tilt }
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
pub(super) fn difference(v: &[f64], w: &[f64]) -> Vec<f64> {
    v.iter().zip(w).map(|(v, w)| v - w).collect()
}

/// Subtracts a constant from each potential, so that all have the same mean over m: that of Σ λₛ fₛ if it is `kept`, else
/// 0. Nothing else fixes these constants, and if they were far from 0 the potentials would lose digits.
fn centre(f: &mut [f64], m: &[f64], lambda: &[f64], kept: bool) {
    let count = lambda.len();
    let mut means = vec![0.0; count];
    for (row, m) in f.chunks_exact(count).zip(m) {
        for (mean, f) in means.iter_mut().zip(row) {
            *mean += m * f;
        }
    }
    let joint = if kept {
        mean(lambda, means.iter().copied())
    } else {
        0.0
    };
    for row in f.chunks_exact_mut(count) {
        for (f, mean) in row.iter_mut().zip(&means) {
            *f += joint - mean;
        }
    }
}

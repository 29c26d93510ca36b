//! Weights of points on the CPU, as base-2 logarithms, and the terms of weights and potentials.
//!
//! Log weights are relative to the mean weight of their histogram. Those of a uniform measure are 0, so that
//! log₂(1/n) costs no digits of a float. The column term of the exponents is
//!
//! ```text
//! hⱼ = log₂(bⱼ/b̄) + k gⱼ        k = log₂(e)/ε
//! ```
//!
//! and where bⱼ = 0 a finite number far below every exponent.

use crate::aligned::Aligned;
use crate::points::check;
use crate::real::Float;
use haul_core::{Error, Result};

/// The exponent of a point of weight 0.
pub(crate) const NOTHING: f64 = -1e30;

/// Below every exponent of a positive weight, above that of weight 0.
pub(crate) const FLOOR: f64 = -1e28;

/// Weights of n points in q histograms, from [`CpuEngine::weights`](haul_core::Engine::weights).
#[derive(Debug)]
pub struct CpuWeights {
    /// b, n×q.
    weights: Vec<f64>,
    /// log₂(b/b̄), n×q.
    log_weights: Vec<f64>,
    /// b̄ of each histogram.
    means: Vec<f64>,
}

impl CpuWeights {
    pub(crate) fn new(weights: &[f64], histograms: usize) -> Result<Self> {
        if weights.is_empty() {
            return Err(Error::EmptyCloud);
        }
        let q = histograms;
        let whole = (weights.len() / q.max(1)).saturating_mul(q);
        check("the weights of histograms", weights.len(), whole)?;
        let means: Vec<_> = (0..q)
            .map(|s| mean(weights.iter().skip(s).step_by(q).copied()))
            .collect();
        let log_weight = |(weight, mean): (&f64, &f64)| {
            if *weight > 0.0 {
                (weight / mean).log2()
            } else {
                NOTHING
            }
        };
        let all = weights.iter().zip(means.iter().cycle());
        Ok(Self {
            weights: weights.to_vec(),
            log_weights: all.map(log_weight).collect(),
            means,
        })
    }

    /// n×q.
    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    /// q.
    pub(crate) fn histograms(&self) -> usize {
        self.means.len()
    }

    /// b, n×q.
    pub(crate) fn values(&self) -> &[f64] {
        &self.weights
    }

    /// log₂(b/b̄), n×q; below [`FLOOR`] where b = 0.
    pub(crate) fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// b/b̄ of an entry.
    pub(crate) fn relative(&self, entry: usize) -> f64 {
        self.weights[entry] / self.means[entry % self.histograms()]
    }

    /// b̄ of a histogram, the weight whose logarithm is 0.
    pub(crate) fn mean(&self, histogram: usize) -> f64 {
        self.means[histogram]
    }
}

/// Values of points, `width` each, times the weights of their one histogram relative to the mean.
pub(crate) fn weighted<T: Float>(
    weights: Option<&CpuWeights>,
    values: &[T],
    width: usize,
) -> Vec<T> {
    let mut weighted = values.to_vec();
    if let Some(weights) = weights {
        for (point, values) in weighted.chunks_exact_mut(width.max(1)).enumerate() {
            let relative = weights.relative(point);
            for value in values {
                *value = T::from_f64(relative * value.to_f64());
            }
        }
    }
    weighted
}

/// h of `points` points in tiles, where log₂(b/b̄) and k g are 0 if there are none.
pub(crate) fn terms<T: Float>(
    points: usize,
    log_weights: Option<&[f64]>,
    potential: Option<&[T]>,
    sharpness: f64,
) -> Aligned<T> {
    let mut terms = Aligned::filled(points.next_multiple_of(T::TILE), T::from_f64(NOTHING));
    for (i, term) in terms[..points].iter_mut().enumerate() {
        let log_weight = log_weights.map_or(0.0, |logs| logs[i]);
        let value = potential.map_or(0.0, |potential| potential[i].to_f64());
        *term = term_of(log_weight, sharpness * value);
    }
    terms
}

/// log₂(b/b̄) + k g, within the range of the format.
#[inline(always)]
pub(crate) fn term_of<T: Float>(log_weight: f64, potential: f64) -> T {
    if log_weight > FLOOR {
        // A potential beyond the range of the format must not become infinite.
        T::from_f64((log_weight + potential).clamp(0.1 * FLOOR, -0.1 * FLOOR))
    } else {
        T::from_f64(NOTHING)
    }
}

/// The mean of the positive weights; 1 if there are none. For a uniform measure it is exactly the
/// weight.
fn mean(weights: impl Iterator<Item = f64> + Clone) -> f64 {
    let positive = || weights.clone().filter(|w| *w > 0.0);
    let count = positive().count();
    if count == 0 {
        return 1.0;
    }
    let (low, high) = positive().fold((f64::INFINITY, 0.0_f64), |(low, high), w| {
        (low.min(w), high.max(w))
    });
    (positive().sum::<f64>() / count as f64).max(low).min(high)
}

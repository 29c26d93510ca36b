//! A cloud on the CPU: points in tiles, weights as base-2 logarithms.
//!
//! A tile holds 256 bytes of each coordinate, dimension after dimension, so that the columns of a
//! block lie in one piece of memory whatever the dimension. The last tile is filled up with points
//! at the origin of weight 0.
//!
//! Log weights are relative to the mean weight: those of a uniform measure are 0, and the digits
//! of log₂(1/n) are not taken from a float. The column term of the exponents is
//!
//! ```text
//! hⱼ = log₂(bⱼ/b̄) + k gⱼ        k = log₂(e)/ε
//! ```
//!
//! and a finite number far below every exponent where bⱼ = 0.

use crate::aligned::Aligned;
use crate::real::Float;
use haul_core::{Error, Result};
use std::ops::Range;

/// The exponent of a point of weight 0.
const NOTHING: f64 = -1e30;

/// Below every exponent that counts, above that of a point of weight 0.
pub(crate) const FLOOR: f64 = -1e28;

/// Points and weights, as [`CpuEngine::cloud`](haul_core::Engine::cloud) makes them.
#[derive(Debug)]
pub struct CpuCloud<T> {
    coordinates: Aligned<T>,
    dimension: usize,
    weights: Vec<f64>,
    /// log₂(b/b̄).
    log_weights: Vec<f64>,
    mean_weight: f64,
}

impl<T: Float> CpuCloud<T> {
    pub(crate) fn new(points: &[f64], dimension: usize, weights: &[f64]) -> Result<Self> {
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        if weights.is_empty() {
            return Err(Error::EmptyCloud);
        }
        let expected = weights.len().saturating_mul(dimension);
        check("the points of a cloud", points.len(), expected)?;
        let tiles = weights.len().div_ceil(T::TILE);
        let mut coordinates = Aligned::filled(tiles * T::TILE * dimension, T::ZERO);
        let points = points.chunks(T::TILE * dimension);
        for (tile, points) in coordinates
            .chunks_exact_mut(T::TILE * dimension)
            .zip(points)
        {
            for (j, point) in points.chunks_exact(dimension).enumerate() {
                for (k, x) in point.iter().enumerate() {
                    tile[k * T::TILE + j] = T::from_f64(*x);
                }
            }
        }
        let mean_weight = mean(weights);
        let log_weight = |weight: &f64| {
            if *weight > 0.0 {
                (weight / mean_weight).log2()
            } else {
                NOTHING
            }
        };
        Ok(Self {
            coordinates,
            dimension,
            weights: weights.to_vec(),
            log_weights: weights.iter().map(log_weight).collect(),
            mean_weight,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Values of the points, `width` each, times their weights relative to the mean.
    pub(crate) fn weighted(&self, values: &[T], width: usize) -> Vec<T> {
        let mut weighted = values.to_vec();
        let points = weighted.chunks_exact_mut(width.max(1));
        for (values, weight) in points.zip(&self.weights) {
            let relative = weight / self.mean_weight;
            for value in values {
                *value = T::from_f64(relative * value.to_f64());
            }
        }
        weighted
    }

    /// b̄, the weight whose logarithm is 0.
    pub(crate) fn mean_weight(&self) -> f64 {
        self.mean_weight
    }

    pub(crate) fn tiles(&self) -> usize {
        self.weights.len().div_ceil(T::TILE)
    }

    pub(crate) fn all_tiles(&self) -> Range<usize> {
        0..self.tiles()
    }

    /// The coordinates of some tiles.
    pub(crate) fn coordinates(&self, tiles: Range<usize>) -> &[T] {
        let size = T::TILE * self.dimension;
        &self.coordinates[tiles.start * size..tiles.end * size]
    }

    /// k g for a potential g and a sharpness k, in tiles: h without weights.
    pub(crate) fn terms_of(&self, potential: &[T], sharpness: f64) -> Aligned<T> {
        let mut terms = Aligned::filled(self.tiles() * T::TILE, T::ZERO);
        for (term, value) in terms.iter_mut().zip(potential) {
            let term_of = sharpness * value.to_f64();
            *term = T::from_f64(term_of.clamp(0.1 * FLOOR, -0.1 * FLOOR));
        }
        terms
    }

    /// h for a potential g and a sharpness k, in tiles.
    pub(crate) fn terms(&self, potential: &[T], sharpness: f64) -> Aligned<T> {
        let mut terms = Aligned::filled(self.tiles() * T::TILE, T::from_f64(NOTHING));
        let known = self.log_weights.iter().zip(potential);
        for (term, (log_weight, value)) in terms.iter_mut().zip(known) {
            if *log_weight > NOTHING {
                let h = log_weight + sharpness * value.to_f64();
                // A potential beyond the range of the format must not become infinite here.
                *term = T::from_f64(h.clamp(0.1 * FLOOR, -0.1 * FLOOR));
            }
        }
        terms
    }
}

/// The mean of the positive weights; 1 where there are none. Exactly the weight of a uniform
/// measure.
fn mean(weights: &[f64]) -> f64 {
    let positive = || weights.iter().copied().filter(|w| *w > 0.0);
    let count = positive().count();
    if count == 0 {
        return 1.0;
    }
    let (low, high) = positive().fold((f64::INFINITY, 0.0_f64), |(low, high), w| {
        (low.min(w), high.max(w))
    });
    (positive().sum::<f64>() / count as f64).max(low).min(high)
}

/// Refuses a vector of another length than promised.
pub(crate) fn check(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

//! Anderson's method for alternating plans and fits: a small rotation of a nearly round shape changes plans so little
//! that plain steps are very slow.
//!
//! From the last maps T_k and their fits G(T_k), the combination Σ cₖ G(Tₖ) with Σ cₖ = 1 of least
//! |Σ cₖ (G(Tₖ) − Tₖ)|, in the root-mean-square norm of the movement of points [Anderson'65; Walker–Ni'11]. A fit to
//! its own images makes it a map of the family again.

use super::Transform;
use crate::Measure;
use crate::linalg::{Cholesky, covariance, function, times};
use std::collections::VecDeque;

/// The number of fits in the history.
const MEMORY: usize = 5;

/// A ridge on the inner products of differences, relative to the largest: nearly parallel differences do not
/// determine the coefficients.
const RIDGE: f64 = 1e-8;

/// The limit on the sum of coefficients: larger ones amplify rounding.
const WILDEST: f64 = 100.0;

/// A growth of the mean square by this factor is not chance.
const WORSE: f64 = 4.0;

/// The history of the fits to a cloud.
pub(super) struct Anderson {
    mean: Vec<f64>,
    /// The root of the covariance, d×d.
    root: Vec<f64>,
    fits: VecDeque<Fit>,
}

struct Fit {
    /// The matrix of G(T).
    matrix: Vec<f64>,
    /// G(T) − T, as numbers whose squares sum to the mean square of the points' movement.
    residual: Vec<f64>,
}

impl Anderson {
    /// An empty history.
    pub(super) fn new(source: &Measure) -> Self {
        let d = source.dimension();
        let shares: Vec<f64> = (source.weights().iter())
            .map(|weight| weight / source.mass())
            .collect();
        let (mean, spread) = covariance(source.points(), d, &shares);
        Self {
            mean,
            root: function(&spread, d, |value| value.max(0.0).sqrt()),
            fits: VecDeque::new(),
        }
    }

    /// Adds a map and its fit; returns a map that is probably closer to the fixed point, and may lie outside the
    /// family. `None` if the fit itself is the best map available.
    pub(super) fn next(&mut self, map: &Transform, fit: &Transform) -> Option<Transform> {
        let residual = self.residual(map, fit);
        let square = |residual: &[f64]| residual.iter().map(|x| x * x).sum::<f64>();
        // If a step moves points far more than the previous one, the history is dropped.
        let worse = |last: &Fit| WORSE * square(&last.residual) < square(&residual);
        if self.fits.back().is_some_and(worse) {
            self.fits.clear();
        }
        let matrix = fit.matrix().to_vec();
        self.fits.push_back(Fit { matrix, residual });
        if self.fits.len() > MEMORY {
            self.fits.pop_front();
        }
        let (last, before) = (self.fits.back()?, self.fits.len() - 1);
        let differences: Vec<Vec<f64>> = (self.fits.iter().take(before))
            .map(|fit| {
                fit.residual
                    .iter()
                    .zip(&last.residual)
                    .map(|(x, y)| x - y)
                    .collect()
            })
            .collect();
        let inner = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let gram: Vec<Vec<f64>> = (differences.iter())
            .map(|x| differences.iter().map(|y| inner(x, y)).collect())
            .collect();
        let largest = (0..before).map(|k| gram[k][k]).fold(0.0, f64::max);
        let right = differences
            .iter()
            .map(|x| -inner(x, &last.residual))
            .collect();
        let weights = Cholesky::of(&gram, RIDGE * largest)?.solve(right);
        let own = 1.0 - weights.iter().sum::<f64>();
        let size = own.abs() + weights.iter().map(|weight| weight.abs()).sum::<f64>();
        if before == 0 || size.is_nan() || size > WILDEST {
            return None;
        }
        let mut combined: Vec<f64> = last.matrix.iter().map(|entry| own * entry).collect();
        for (weight, fit) in weights.iter().zip(&self.fits) {
            let entries = combined.iter_mut().zip(&fit.matrix);
            entries.for_each(|(out, entry)| *out += weight * entry);
        }
        let d = self.mean.len();
        let row = |row: &[f64]| row[..d].to_vec();
        let linear: Vec<f64> = combined.chunks(d + 1).take(d).flat_map(row).collect();
        let shift: Vec<f64> = combined.chunks(d + 1).take(d).map(|row| row[d]).collect();
        Some(Transform::from_parts(&linear, &shift))
    }

    /// The linear part of G − T times the root of the covariance, and G − T at the mean.
    fn residual(&self, map: &Transform, fit: &Transform) -> Vec<f64> {
        let d = self.mean.len();
        let difference = |(x, y): (f64, f64)| y - x;
        let linear: Vec<f64> = map
            .linear()
            .into_iter()
            .zip(fit.linear())
            .map(difference)
            .collect();
        let middles = [map, fit].map(|map| map.images(&self.mean));
        let moved = middles[1].iter().zip(&middles[0]).map(|(y, x)| y - x);
        times(&linear, &self.root, d)
            .into_iter()
            .chain(moved)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_creeps_is_followed_to_its_end() {
        let points: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17) - 8.0).collect();
        let source = Measure::uniform(&points, 2).unwrap();
        let end = Transform::new(vec![0.8, -0.6, 3.0, 0.6, 0.8, -1.0, 0.0, 0.0, 1.0], 2).unwrap();
        // Each entry moves a fraction of its distance, some of them a small one.
        let rates = [0.95, 0.9, 0.97, 0.5, 0.96, 0.8];
        let fit = |map: &Transform| {
            let mut matrix = map.matrix().to_vec();
            for (k, rate) in rates.into_iter().enumerate() {
                matrix[k] = end.matrix()[k] + rate * (matrix[k] - end.matrix()[k]);
            }
            Transform::new(matrix, 2).unwrap()
        };
        let off = |map: &Transform| {
            let pairs = map.matrix().iter().zip(end.matrix());
            pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
        };
        let (mut plain, mut fast) = (Transform::identity(2), Transform::identity(2));
        let mut anderson = Anderson::new(&source);
        for _ in 0..40 {
            plain = fit(&plain);
            let next = fit(&fast);
            fast = anderson.next(&fast, &next).unwrap_or(next);
        }
        assert!(
            off(&fast) < 0.01 * off(&plain),
            "{:e} {:e}",
            off(&fast),
            off(&plain)
        );
    }
}

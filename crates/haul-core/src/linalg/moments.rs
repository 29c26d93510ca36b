//! Means and second moments of weighted points.

use super::sum;

/// Mean of a weighted cloud, and its mean squared distance from that mean.
pub(crate) fn moments(
    points: &[f64],
    dimension: usize,
    weights: &[f64],
    mass: f64,
) -> (Vec<f64>, f64) {
    let points = || points.chunks_exact(dimension).zip(weights);
    let of = |k: usize| sum(points().map(|(point, weight)| weight * point[k])) / mass;
    let mean: Vec<f64> = (0..dimension).map(of).collect();
    let from_mean = |point: &[f64]| {
        let squares = point.iter().zip(&mean).map(|(x, c)| (x - c).powi(2));
        squares.sum::<f64>()
    };
    let spread = sum(points().map(|(point, weight)| weight * from_mean(point)));
    (mean, spread / mass)
}

/// Mean and covariance, d and d×d, of weights of sum 1.
pub(crate) fn covariance(points: &[f64], d: usize, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let points = || points.chunks_exact(d).zip(weights);
    let mut mean = vec![0.0; d];
    for (point, weight) in points() {
        for (mean, x) in mean.iter_mut().zip(point) {
            *mean += weight * x;
        }
    }
    let mut covariance = vec![0.0; d * d];
    for (point, weight) in points() {
        for (k, x) in point.iter().enumerate() {
            let moment = weight * (x - mean[k]);
            for l in 0..=k {
                covariance[k * d + l] += moment * (point[l] - mean[l]);
            }
        }
    }
    for k in 0..d {
        for l in 0..k {
            covariance[l * d + k] = covariance[k * d + l];
        }
    }
    (mean, covariance)
}

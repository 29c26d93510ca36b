//! Where an iteration starts.

use crate::marginal::Marginal;
use crate::solution::Potentials;
use crate::{Cost, Engine, Error, Problem, Result};

/// Where the iteration starts. The answer does not depend on it, the number of passes does.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Start {
    /// What took the fewest passes where it was measured. From a blur of 1/64 of the diameter on:
    /// [`Gaussian`](Self::Gaussian) for p = 2 in up to 32 dimensions, [`Zero`](Self::Zero) for
    /// others and for unbalanced problems, which need not transport what the Gaussians do; below it
    /// [`Annealed`](Self::Annealed). A measure against itself starts from zero: its iteration needs
    /// no help.
    #[default]
    Automatic,
    /// From potentials of 0, down a ladder of ε that halves the blur from the diameter of the
    /// clouds on, one pair of updates a level; none where diameter/blur < 4.
    Annealed,
    /// From potentials of 0, at the ε asked for.
    Zero,
    /// From the potential between Gaussians of the same means and covariances as the measures, for
    /// p = 2: f(x) = |x − m|² − (x − m)ᵀK(x − m) + 2⟨x − m, m − m'⟩, where the plan between the
    /// Gaussians maps x to m' + K(x − m) [Janati–Muzellec–Peyré–Cuturi'20]. It takes O(n d² + d³)
    /// on the host.
    Gaussian,
    /// From given potentials, those of a similar problem; f and g as
    /// [`Solution::potentials`](crate::Solution::potentials) has them.
    Potentials(Potentials),
}

/// Below this ratio of diameter to blur a ladder costs more passes than it saves.
const LEAST_LADDER: f64 = 64.0;

/// Above this dimension the covariances cost as much as passes.
const MOST_DIMENSIONS: usize = 32;

impl Start {
    /// What [`Automatic`](Self::Automatic) means for a problem of two different measures; itself
    /// otherwise.
    pub(crate) fn resolved(&self, problem: &Problem<'_>) -> Self {
        let ratio = problem.frame().diameter() / problem.blur();
        let balanced = problem.rho_a().is_infinite() && problem.rho_b().is_infinite();
        match self {
            Self::Automatic if ratio > LEAST_LADDER => Self::Annealed,
            Self::Automatic
                if balanced
                    && problem.cost() == Cost::SquaredEuclidean
                    && problem.source().dimension() <= MOST_DIMENSIONS =>
            {
                Self::Gaussian
            }
            Self::Automatic => Self::Zero,
            other => other.clone(),
        }
    }
}

/// The potential f on the points of `source` for [`Start::Gaussian`], in units of the frame, at
/// ε in the same units.
pub(crate) fn gaussian<E: Engine>(
    cost: Cost,
    epsilon: f64,
    source: &Marginal<E>,
    target: &Marginal<E>,
) -> Result<Vec<f64>> {
    if cost != Cost::SquaredEuclidean {
        return Err(Error::BadParameter {
            name: "p",
            value: cost.p(),
            range: "2 for a start between Gaussians",
        });
    }
    let d = source.dimension;
    let (mean, mut covariance) = moments(source);
    let (other_mean, other_covariance) = moments(target);
    // A cloud in a plane has no inverse covariance; a little of everything makes one.
    let variance: f64 = (0..d).map(|k| covariance[k * d + k]).sum::<f64>() / d as f64;
    for k in 0..d {
        covariance[k * d + k] += 1e-6 * variance + f64::MIN_POSITIVE.sqrt();
    }

    // K = ½ A^{-½} (4 A^½ B A^½ + σ⁴)^½ A^{-½} − ½ σ² A⁻¹ with ε = 2σ².
    let blurred = 0.5 * epsilon;
    let root = function(&covariance, d, |value| value.max(0.0).sqrt());
    let inverse_root = function(&covariance, d, |value| {
        1.0 / value.max(f64::MIN_POSITIVE).sqrt()
    });
    let between = times(&times(&root, &other_covariance, d), &root, d);
    let shrunk = function(&between, d, |value| {
        0.5 * ((4.0 * value.max(0.0) + blurred * blurred).sqrt() - blurred)
    });
    let map = times(&times(&inverse_root, &shrunk, d), &inverse_root, d);

    let shift: Vec<f64> = mean.iter().zip(&other_mean).map(|(m, o)| m - o).collect();
    let mut from_mean = vec![0.0; d];
    let potential = |point: &[f64]| {
        for (z, (x, m)) in from_mean.iter_mut().zip(point.iter().zip(&mean)) {
            *z = x - m;
        }
        let mut value = 0.0;
        for (k, z) in from_mean.iter().enumerate() {
            let row = &map[k * d..(k + 1) * d];
            let image: f64 = row.iter().zip(&from_mean).map(|(m, z)| m * z).sum();
            value += z * (z - image + 2.0 * shift[k]);
        }
        value
    };
    let mut f: Vec<f64> = source.points.chunks_exact(d).map(potential).collect();

    // f + t and g − t serve as well; small potentials lose the fewest digits. So each side gets
    // half of the cost |m − m'|² + tr A + tr B − 2 tr KA.
    let transported = times(&map, &covariance, d);
    let apart: f64 = shift.iter().map(|s| s * s).sum();
    let trace = |matrix: &[f64]| (0..d).map(|k| matrix[k * d + k]).sum::<f64>();
    let cost = apart + trace(&covariance) + trace(&other_covariance) - 2.0 * trace(&transported);
    let mean: f64 = f.iter().zip(&source.weights).map(|(f, a)| a * f).sum();
    f.iter_mut().for_each(|f| *f += 0.5 * cost - mean);
    Ok(f)
}

/// Mean and covariance, d and d×d, of weights of sum 1.
fn moments<E: Engine>(marginal: &Marginal<E>) -> (Vec<f64>, Vec<f64>) {
    let d = marginal.dimension;
    let points = || marginal.points.chunks_exact(d).zip(&marginal.weights);
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

/// The product of two d×d matrices.
fn times(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let mut product = vec![0.0; d * d];
    for (row, out) in a.chunks_exact(d).zip(product.chunks_exact_mut(d)) {
        for (factor, row) in row.iter().zip(b.chunks_exact(d)) {
            for (out, entry) in out.iter_mut().zip(row) {
                *out += factor * entry;
            }
        }
    }
    product
}

/// Sweeps of Jacobi's method; it converges quadratically, in about 6 for any matrix that fits.
const SWEEPS: usize = 30;

/// A function of a symmetric matrix, by Jacobi's eigenvalue method.
fn function(matrix: &[f64], d: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut a = matrix.to_vec();
    // Rows are eigenvectors at the end.
    let mut vectors = vec![0.0; d * d];
    for k in 0..d {
        vectors[k * d + k] = 1.0;
    }
    let total: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..d)
            .flat_map(|i| (0..i).map(move |j| i * d + j))
            .map(|at| a[at] * a[at])
            .sum();
        if off <= f64::EPSILON.powi(2) * total {
            break;
        }
        for p in 0..d {
            for q in p + 1..d {
                rotate(&mut a, &mut vectors, d, (p, q));
            }
        }
    }
    let mut result = vec![0.0; d * d];
    for (k, vector) in vectors.chunks_exact(d).enumerate() {
        let value = of(a[k * d + k]);
        for (x, row) in vector.iter().zip(result.chunks_exact_mut(d)) {
            for (out, y) in row.iter_mut().zip(vector) {
                *out += value * x * y;
            }
        }
    }
    result
}

/// The rotation in the plane of p and q that makes the entry (p, q) of `a` zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], d: usize, (p, q): (usize, usize)) {
    let entry = a[p * d + q];
    if entry == 0.0 {
        return;
    }
    let slope = 0.5 * (a[q * d + q] - a[p * d + p]) / entry;
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let turn = |x: &mut [f64], i: usize, j: usize| {
        let (u, v) = (x[i], x[j]);
        x[i] = cosine * u - sine * v;
        x[j] = sine * u + cosine * v;
    };
    for k in 0..d {
        turn(a, k * d + p, k * d + q);
    }
    for k in 0..d {
        turn(a, p * d + k, q * d + k);
        turn(vectors, p * d + k, q * d + k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_a_matrix_has_its_algebra() {
        let d = 4;
        // A symmetric positive matrix: GGᵀ + 1.
        let g: Vec<f64> = (0..d * d)
            .map(|i| ((i * 7 % 11) as f64 - 5.0) / 4.0)
            .collect();
        let transposed: Vec<f64> = (0..d * d).map(|i| g[i % d * d + i / d]).collect();
        let mut matrix = times(&g, &transposed, d);
        (0..d).for_each(|k| matrix[k * d + k] += 1.0);
        let root = function(&matrix, d, f64::sqrt);
        let square = times(&root, &root, d);
        let inverse = function(&matrix, d, |x| 1.0 / x);
        let unit = times(&inverse, &matrix, d);
        for i in 0..d * d {
            assert!((square[i] - matrix[i]).abs() < 1e-13 * matrix[0].abs().max(10.0));
            let expected = if i % d == i / d { 1.0 } else { 0.0 };
            assert!((unit[i] - expected).abs() < 1e-13, "{i}: {}", unit[i]);
        }
    }
}

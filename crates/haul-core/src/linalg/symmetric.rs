//! Functions of symmetric matrices.

/// The product of two d×d matrices.
pub(crate) fn times(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
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

/// Sweeps of Jacobi's method; it converges quadratically, in about 6 sweeps for any matrix that fits in memory.
const SWEEPS: usize = 30;

/// A function of a symmetric matrix, by Jacobi's eigenvalue method.
pub(crate) fn function(matrix: &[f64], d: usize, of: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut a = matrix.to_vec();
    // At the end the rows are eigenvectors.
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

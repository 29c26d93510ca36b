//! The singular value decomposition of small square matrices.

/// A = Σₖ σₖ uₖ vₖᵀ, with σₖ in descending order and both sets of vectors orthonormal bases, whatever the rank of A.
pub(crate) struct Svd {
    /// The uₖ, one a row.
    pub(crate) left: Vec<f64>,
    /// The σₖ ≥ 0.
    pub(crate) values: Vec<f64>,
    /// The vₖ, one a row.
    pub(crate) right: Vec<f64>,
}

/// Sweeps of Jacobi's method; it converges quadratically, in about 6 sweeps for any matrix that fits in memory.
const SWEEPS: usize = 60;

impl Svd {
    /// The decomposition of a d×d matrix of finite entries, row-major, by Jacobi's method on the columns
    /// [Hestenes'58]: rotations on the right make the columns orthogonal, and their lengths are then the singular
    /// values.
    pub(crate) fn of(matrix: &[f64], d: usize) -> Self {
        let largest = matrix.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let unit = if largest > 0.0 { largest } else { 1.0 };
        // Row k is the image A vₖ.
        let mut images: Vec<f64> = (0..d * d)
            .map(|at| matrix[at % d * d + at / d] / unit)
            .collect();
        let mut right = identity(d);
        for _ in 0..SWEEPS {
            let mut turned = false;
            for p in 0..d {
                for q in p + 1..d {
                    turned |= orthogonalize(&mut images, &mut right, d, (p, q));
                }
            }
            if !turned {
                break;
            }
        }
        let length = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut order: Vec<(usize, f64)> = images.chunks_exact(d).map(length).enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let least = order.first().map_or(0.0, |first| first.1) * d as f64 * f64::EPSILON;
        let mut svd = Self {
            left: Vec::with_capacity(d * d),
            values: order.iter().map(|(_, value)| value * unit).collect(),
            right: Vec::with_capacity(d * d),
        };
        for (k, value) in order {
            let row = k * d..(k + 1) * d;
            svd.right.extend_from_slice(&right[row.clone()]);
            // The rest of a column that depends on the others has no direction.
            if value > least {
                svd.left.extend(images[row].iter().map(|x| x / value));
            } else {
                let next = orthogonal_to(&svd.left, d);
                svd.left.extend(next);
            }
        }
        svd
    }

    /// The number of singular values above this fraction of the largest one.
    pub(crate) fn rank(&self, share: f64) -> usize {
        let largest = self.values.first().copied().unwrap_or(0.0);
        let above = |value: &&f64| **value > share * largest;
        self.values.iter().filter(above).count()
    }

    /// Σₖ wₖ uₖ vₖᵀ.
    pub(crate) fn combined(&self, weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let d = self.values.len();
        let mut matrix = vec![0.0; d * d];
        let terms = self.left.chunks_exact(d).zip(self.right.chunks_exact(d));
        for ((left, right), weight) in terms.zip(weights) {
            for (row, u) in matrix.chunks_exact_mut(d).zip(left) {
                for (out, v) in row.iter_mut().zip(right) {
                    *out += weight * u * v;
                }
            }
        }
        matrix
    }
}

/// The d×d identity.
pub(crate) fn identity(d: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; d * d];
    (0..d).for_each(|k| matrix[k * d + k] = 1.0);
    matrix
}

/// The determinant of a d×d matrix, by elimination with pivoting.
pub(crate) fn determinant(matrix: &[f64], d: usize) -> f64 {
    let mut a = matrix.to_vec();
    let mut determinant = 1.0;
    for k in 0..d {
        let larger = |p: &usize, q: &usize| a[p * d + k].abs().total_cmp(&a[q * d + k].abs());
        let pivot = (k..d).max_by(larger).unwrap_or(k);
        if a[pivot * d + k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            (0..d).for_each(|j| a.swap(k * d + j, pivot * d + j));
            determinant = -determinant;
        }
        determinant *= a[k * d + k];
        for i in k + 1..d {
            let factor = a[i * d + k] / a[k * d + k];
            (k..d).for_each(|j| a[i * d + j] -= factor * a[k * d + j]);
        }
    }
    determinant
}

/// Rotates two rows of `images`, and those of `right` with them, until they are orthogonal; returns whether they were
/// not.
fn orthogonalize(images: &mut [f64], right: &mut [f64], d: usize, (p, q): (usize, usize)) -> bool {
    let row = |k: usize| &images[k * d..(k + 1) * d];
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (a, b, c) = (
        inner(row(p), row(p)),
        inner(row(q), row(q)),
        inner(row(p), row(q)),
    );
    if c == 0.0 || c.abs() <= f64::EPSILON * (a * b).sqrt() {
        return false;
    }
    let slope = 0.5 * (b - a) / c;
    let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for rows in [images, right] {
        for k in 0..d {
            let (x, y) = (rows[p * d + k], rows[q * d + k]);
            rows[p * d + k] = cosine * x - sine * y;
            rows[q * d + k] = sine * x + cosine * y;
        }
    }
    true
}

/// A unit vector orthogonal to these orthonormal rows, of which there must be fewer than d.
fn orthogonal_to(rows: &[f64], d: usize) -> Vec<f64> {
    let mut best = (0.0, vec![0.0; d]);
    for axis in 0..d {
        let mut rest = vec![0.0; d];
        rest[axis] = 1.0;
        // Two passes are enough [Kahan].
        for row in rows.chunks_exact(d).chain(rows.chunks_exact(d)) {
            let along: f64 = row.iter().zip(&rest).map(|(x, y)| x * y).sum();
            rest.iter_mut().zip(row).for_each(|(y, x)| *y -= along * x);
        }
        let length = rest.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > best.0 {
            best = (length, rest);
        }
    }
    let (length, rest) = best;
    rest.into_iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::times;

    fn transposed(a: &[f64], d: usize) -> Vec<f64> {
        (0..d * d).map(|at| a[at % d * d + at / d]).collect()
    }

    fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
        for (at, (x, y)) in found.iter().zip(expected).enumerate() {
            assert!((x - y).abs() <= tolerance, "{at}: {x} is not {y}");
        }
    }

    /// Pseudorandom entries, of a matrix of rank at most `rank`.
    fn matrix(d: usize, rank: usize, size: f64) -> Vec<f64> {
        let entry = |k: usize| (12.9898 * (k * k + 3 * k + 1) as f64).sin();
        let factor = |from: usize| {
            (0..d * d).map(move |at| if at % d < rank { entry(at + from) } else { 0.0 })
        };
        let (a, b): (Vec<f64>, Vec<f64>) = (factor(1).collect(), factor(37).collect());
        let product = times(&a, &transposed(&b, d), d);
        product.into_iter().map(|x| size * x).collect()
    }

    #[test]
    fn a_matrix_is_the_sum_of_its_terms_between_orthonormal_bases() {
        for d in 1..=7 {
            for rank in 0..=d {
                for size in [1.0, 1e-200, 1e200] {
                    let a = matrix(d, rank, size);
                    let svd = Svd::of(&a, d);
                    assert!(svd.values.is_sorted_by(|x, y| x >= y));
                    assert_eq!(svd.rank(1e-12), rank, "{d} {:?}", svd.values);
                    let scale = svd.values[0].max(size);
                    let sum = svd.combined(svd.values.iter().copied());
                    // A few roundings for each of d rotations of a column.
                    let tolerance = 16.0 * d as f64 * f64::EPSILON;
                    assert_near(&sum, &a, tolerance * scale);
                    for basis in [&svd.left, &svd.right] {
                        let gram = times(basis, &transposed(basis, d), d);
                        assert_near(&gram, &identity(d), tolerance);
                    }
                }
            }
        }
    }

    #[test]
    fn a_determinant_is_a_product_that_knows_its_sign() {
        assert_eq!(determinant(&[0.0, 2.0, 3.0, 0.0], 2), -6.0);
        assert_eq!(determinant(&[1.0, 2.0, 2.0, 4.0], 2), 0.0);
        for d in 1..6 {
            let (a, b) = (matrix(d, d, 1.0), matrix(d, d, 0.5));
            let (of_a, of_b) = (determinant(&a, d), determinant(&b, d));
            let both = determinant(&times(&a, &b, d), d);
            let size: f64 =
                Svd::of(&a, d).values[0].powi(d as i32) * Svd::of(&b, d).values[0].powi(d as i32);
            assert!(
                (both - of_a * of_b).abs() <= 1e-13 * size,
                "{both} {of_a} {of_b}"
            );
        }
    }
}

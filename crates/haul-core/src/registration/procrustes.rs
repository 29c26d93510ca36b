//! The transform of a family that brings weighted points nearest to given places: Procrustes' problem in closed form.
//!
//! Among the maps T of a family, the one of least Σᵢ wᵢ |T(xᵢ) − yᵢ|². With the means x̄ and ȳ,
//! C = Σᵢ wᵢ (yᵢ − ȳ)(xᵢ − x̄)ᵀ and V = Σᵢ wᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ, where C = Σₖ σₖ uₖ vₖᵀ,
//!
//! ```text
//! rigid        A = R = Σₖ uₖ vₖᵀ, with −u_d for u_d where that is a reflection   [Kabsch'76; Umeyama'91]
//! similarity   A = s R with s = ⟨R, C⟩ / tr V                                    [Umeyama'91]
//! affine       A = C V⁻¹
//! ```
//!
//! and t = ȳ − A x̄. What the points do not determine, such as a rotation about a line that contains all of them, is
//! taken from a prior map.

use super::Transform;
use crate::linalg::{Svd, determinant, mean, sum, times};
use crate::{Error, Measure, Result};

/// The families of maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Family {
    /// x ↦ R x + t for a proper rotation R: no reflection.
    #[default]
    Rigid,
    /// x ↦ s R x + t, with one factor s > 0 for all axes.
    Similarity,
    /// x ↦ A x + t for any A, including det A < 0.
    Affine,
}

impl Family {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rigid => "rigid",
            Self::Similarity => "similarity",
            Self::Affine => "affine",
        }
    }
}

/// Below this fraction of the largest singular value of C, a direction is rounding.
const ROUNDING: f64 = 1e-13;

/// A cloud is flat along a direction whose variance is below this fraction of the largest: a millionth, as a length.
const FLAT: f64 = 1e-12;

impl Transform {
    /// The map of a family with the least Σᵢ wᵢ |T(xᵢ) − yᵢ|², for `from` = x and `to` = y, both n×d and row-major,
    /// and n `weights` of positive sum. What the points do not determine changes as little as possible: coinciding
    /// points are shifted; a flat cloud under an affine map keeps its thickness.
    ///
    /// ```
    /// use haul_core::{Family, Transform};
    /// let corner = [0.0, 0.0, 2.0, 0.0, 0.0, 1.0];
    /// let turned = [5.0, 5.0, 5.0, 7.0, 4.0, 5.0];
    /// let motion = Transform::fit(Family::Rigid, &corner, &turned, &[1.0; 3], 2)?;
    /// let quarter = Transform::rotation(2, (0, 1), std::f64::consts::FRAC_PI_2)?;
    /// let expected = quarter.then(&Transform::translation(&[5.0, 5.0])?)?;
    /// assert!(motion.matrix().iter().zip(expected.matrix()).all(|(a, b)| (a - b).abs() < 1e-14));
    /// # Ok::<(), haul_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if the number of places differs from that of points; those of [`Measure::new`] for points,
    /// places and weights.
    pub fn fit(
        family: Family,
        from: &[f64],
        to: &[f64],
        weights: &[f64],
        dimension: usize,
    ) -> Result<Self> {
        if to.len() != from.len() {
            return Err(Error::Length {
                what: "the places of the points",
                expected: from.len(),
                found: to.len(),
            });
        }
        Measure::new(from.to_vec(), dimension, weights.to_vec())?;
        Measure::new(to.to_vec(), dimension, weights.to_vec())?;
        let prior = Self::identity(dimension);
        Ok(nearest(family, from, to, weights, &prior))
    }
}

/// The map of a family that brings points nearest to their places; what they do not determine is as in `prior`. The
/// weights have a positive sum.
pub(super) fn nearest(
    family: Family,
    from: &[f64],
    to: &[f64],
    weights: &[f64],
    prior: &Transform,
) -> Transform {
    let d = prior.dimension();
    let mass = sum(weights.iter().copied());
    let shares: Vec<f64> = weights.iter().map(|weight| weight / mass).collect();
    let centre = |points: &[f64]| -> Vec<f64> {
        let axis = |k: usize| mean(&shares, points.iter().skip(k).step_by(d).copied());
        (0..d).map(axis).collect()
    };
    let (middle, aim) = (centre(from), centre(to));
    let cross = second_moments(&shares, (to, &aim), (from, &middle), d);
    let spread = second_moments(&shares, (from, &middle), (from, &middle), d);
    let rotation = rotation(&cross, &prior.linear(), d);
    let linear = match family {
        Family::Rigid => rotation,
        Family::Similarity => {
            let along: f64 = rotation.iter().zip(&cross).map(|(r, c)| r * c).sum();
            let variance: f64 = (0..d).map(|k| spread[k * d + k]).sum();
            let scale = along / variance;
            // Points that coincide, or that are nearest to their places when turned inside out.
            let known = scale.is_finite() && scale > 0.0;
            let scale = if known { scale } else { prior.scale() };
            rotation.into_iter().map(|r| scale * r).collect()
        }
        Family::Affine => affine(&cross, &spread, rotation, d),
    };
    let turned = linear.chunks_exact(d).map(|row| -> f64 {
        let along = row.iter().zip(&middle).map(|(a, x)| a * x);
        along.sum()
    });
    let shift: Vec<f64> = turned.zip(&aim).map(|(x, y)| y - x).collect();
    Transform::from_parts(&linear, &shift)
}

/// Σᵢ wᵢ (yᵢ − ȳ)(xᵢ − x̄)ᵀ, d×d.
fn second_moments(
    weights: &[f64],
    (to, aim): (&[f64], &[f64]),
    (from, middle): (&[f64], &[f64]),
    d: usize,
) -> Vec<f64> {
    let mut moments = vec![0.0; d * d];
    let pairs = to.chunks_exact(d).zip(from.chunks_exact(d));
    for ((y, x), weight) in pairs.zip(weights) {
        if *weight == 0.0 {
            continue;
        }
        for ((y, aim), row) in y.iter().zip(aim).zip(moments.chunks_exact_mut(d)) {
            let factor = weight * (y - aim);
            for (out, (x, middle)) in row.iter_mut().zip(x.iter().zip(middle)) {
                *out += factor * (x - middle);
            }
        }
    }
    moments
}

/// The proper rotation R of largest ⟨R, C⟩; in a tie the one nearest to `prior`.
fn rotation(cross: &[f64], prior: &[f64], d: usize) -> Vec<f64> {
    let svd = Svd::of(cross, d);
    let rank = if svd.values[0] > 0.0 {
        svd.rank(ROUNDING)
    } else {
        0
    };
    let handedness = determinant(&svd.left, d) * determinant(&svd.right, d);
    if rank == d {
        let sign = |k: usize| {
            if k + 1 == d && handedness < 0.0 {
                -1.0
            } else {
                1.0
            }
        };
        return svd.combined((0..d).map(sign));
    }
    // Between the directions that C does not determine, the prior decides.
    let open = d - rank;
    let (left, right) = (&svd.left[rank * d..], &svd.right[rank * d..]);
    let entry = |u: &[f64], v: &[f64]| -> f64 {
        let rows = prior.chunks_exact(d).zip(u);
        rows.map(|(row, u)| u * row.iter().zip(v).map(|(p, v)| p * v).sum::<f64>())
            .sum()
    };
    let between: Vec<f64> = left
        .chunks_exact(d)
        .flat_map(|u| right.chunks_exact(d).map(move |v| entry(u, v)))
        .collect();
    let inner = Svd::of(&between, open);
    let own = determinant(&inner.left, open) * determinant(&inner.right, open);
    let sign = |k: usize| {
        if k + 1 == open && own * handedness < 0.0 {
            -1.0
        } else {
            1.0
        }
    };
    let turn = inner.combined((0..open).map(sign));
    let mut rotation = svd.combined((0..rank).map(|_| 1.0));
    for (u, row) in left.chunks_exact(d).zip(turn.chunks_exact(open)) {
        for (v, factor) in right.chunks_exact(d).zip(row) {
            for (i, out) in rotation.iter_mut().enumerate() {
                *out += factor * u[i / d] * v[i % d];
            }
        }
    }
    rotation
}

/// C V⁻¹ in directions where the points have an extent, and the rotation in the others: R + (C − R V) V⁺.
fn affine(cross: &[f64], spread: &[f64], rotation: Vec<f64>, d: usize) -> Vec<f64> {
    let svd = Svd::of(spread, d);
    let rank = if svd.values[0] > 0.0 {
        svd.rank(FLAT)
    } else {
        0
    };
    let inverses = svd.values.iter().take(rank).map(|value| 1.0 / value);
    let inverse = svd.combined(inverses);
    let rest: Vec<f64> = cross
        .iter()
        .zip(times(&rotation, spread, d))
        .map(|(c, known)| c - known)
        .collect();
    let change = times(&rest, &inverse, d);
    rotation.iter().zip(change).map(|(r, c)| r + c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudorandom coordinates, in [−1, 1].
    fn cloud(n: usize, d: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..n * d).map(|_| next()).collect()
    }

    /// Large rotations in every plane of two axes.
    fn turned(d: usize) -> Transform {
        let mut map = Transform::identity(d);
        for i in 0..d {
            for j in i + 1..d {
                let angle = 0.9 + 1.7 * (i + 2 * j) as f64;
                map = map
                    .then(&Transform::rotation(d, (i, j), angle).unwrap())
                    .unwrap();
            }
        }
        map
    }

    fn shift(d: usize) -> Transform {
        let t: Vec<f64> = (0..d).map(|k| 3.0 - 2.0 * k as f64).collect();
        Transform::translation(&t).unwrap()
    }

    fn off(found: &Transform, expected: &Transform) -> f64 {
        let pairs = found.matrix().iter().zip(expected.matrix());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Roundings of n points and of the rotations that an SVD of d×d takes, for entries below 16.
    fn tolerance(d: usize) -> f64 {
        256.0 * d as f64 * f64::EPSILON
    }

    #[test]
    fn a_motion_of_the_family_is_recovered_to_rounding() {
        for d in [1, 2, 3, 5] {
            let (x, rigid) = (cloud(40, d, 3), turned(d).then(&shift(d)).unwrap());
            let weights: Vec<f64> = (0..40).map(|i| f64::from(i % 5)).collect();
            let similar = Transform::scaling(2.5, d).unwrap().then(&rigid).unwrap();
            let mut matrix = rigid.matrix().to_vec();
            matrix[0] += 0.7;
            matrix[d - 1] -= 0.4;
            let sheared = Transform::new(matrix, d).unwrap();
            for (family, truth) in [
                (Family::Rigid, &rigid),
                (Family::Similarity, &similar),
                (Family::Affine, &sheared),
            ] {
                let y = truth.apply(&x).unwrap();
                let found = Transform::fit(family, &x, &y, &weights, d).unwrap();
                assert!(
                    off(&found, truth) < tolerance(d),
                    "{d} {family:?}: {}",
                    off(&found, truth)
                );
                // Points of weight 0 have no influence, and others do.
                let mut other = y.clone();
                other[..d].iter_mut().for_each(|x| *x += 9.0);
                assert_eq!(
                    Transform::fit(family, &x, &other, &weights, d).unwrap(),
                    found
                );
                other[d..2 * d].iter_mut().for_each(|x| *x += 9.0);
                let disturbed = Transform::fit(family, &x, &other, &weights, d).unwrap();
                assert!(off(&disturbed, truth) > 1e-2);
            }
            // A control: the smaller family does not contain the map of the larger one.
            let y = similar.apply(&x).unwrap();
            let found = Transform::fit(Family::Rigid, &x, &y, &weights, d).unwrap();
            assert!(off(&found, &similar) > 0.1);
        }
    }

    #[test]
    fn no_reflection_comes_of_mirrored_points() {
        for d in [1, 2, 3, 4, 5] {
            let x = cloud(30, d, 5);
            let mirrored: Vec<f64> = x
                .iter()
                .enumerate()
                .map(|(i, x)| if i % d == 0 { -x } else { *x })
                .collect();
            for family in [Family::Rigid, Family::Similarity] {
                let found = Transform::fit(family, &x, &mirrored, &[1.0; 30], d).unwrap();
                assert!(!found.is_reflection(), "{d} {family:?}");
                let gram = times(&transposed(&found.linear(), d), &found.linear(), d);
                let square = found.scale().powi(2);
                for (at, entry) in gram.iter().enumerate() {
                    let expected = if at % d == at / d { square } else { 0.0 };
                    assert!(
                        (entry - expected).abs() < tolerance(d),
                        "{d} {family:?} {at}: {entry}"
                    );
                }
            }
            // Affine maps may mirror, and this one does.
            let found = Transform::fit(Family::Affine, &x, &mirrored, &[1.0; 30], d).unwrap();
            assert!(found.is_reflection());
        }
    }

    fn transposed(a: &[f64], d: usize) -> Vec<f64> {
        (0..d * d).map(|at| a[at % d * d + at / d]).collect()
    }

    /// n points in an oblique subspace of this dimension.
    fn flat(n: usize, d: usize, rank: usize) -> Vec<f64> {
        let mut x = cloud(n, d, 9);
        x.iter_mut()
            .enumerate()
            .filter(|(i, _)| i % d >= rank)
            .for_each(|(_, x)| *x = 0.0);
        turned(d).apply(&x).unwrap()
    }

    #[test]
    fn flat_clouds_have_a_motion_as_well() {
        for d in [2, 3, 5] {
            for rank in 0..d {
                let x = flat(25, d, rank);
                let rigid = turned(d).then(&turned(d)).unwrap().then(&shift(d)).unwrap();
                let y = rigid.apply(&x).unwrap();
                for family in [Family::Rigid, Family::Similarity, Family::Affine] {
                    let found = Transform::fit(family, &x, &y, &[1.0; 25], d).unwrap();
                    let image = found.apply(&x).unwrap();
                    for (image, y) in image.iter().zip(&y) {
                        assert!((image - y).abs() < tolerance(d), "{d} {rank} {family:?}");
                    }
                    assert!(!found.is_reflection(), "{d} {rank} {family:?}");
                    // Directions without any extent are not stretched.
                    assert!(
                        (found.scale() - 1.0).abs() < 1e3 * tolerance(d),
                        "{d} {rank} {}",
                        found.scale()
                    );
                }
                if rank == 0 {
                    let found = Transform::fit(Family::Rigid, &x, &y, &[1.0; 25], d).unwrap();
                    let moved = Transform::translation(&y[..d]).unwrap();
                    assert!(off(&found, &moved) < tolerance(d), "one place is shifted");
                }
            }
        }
    }

    #[test]
    fn what_is_open_is_taken_from_before() {
        // A line along x does not determine rotations around it.
        let line: Vec<f64> = (0..7).flat_map(|i| [f64::from(i), 0.0, 0.0]).collect();
        let prior = Transform::rotation(3, (1, 2), 1.1).unwrap();
        let found = nearest(Family::Rigid, &line, &line, &[1.0; 7], &prior);
        assert!(off(&found, &prior) < tolerance(3));
        let other = nearest(
            Family::Rigid,
            &line,
            &line,
            &[1.0; 7],
            &Transform::identity(3),
        );
        assert!(off(&other, &Transform::identity(3)) < tolerance(3));
        // Coinciding points have no scale either.
        let prior = Transform::scaling(3.0, 2).unwrap();
        let found = nearest(Family::Similarity, &[1.0, 1.0], &[5.0, 2.0], &[1.0], &prior);
        assert!((found.scale() - 3.0).abs() < 1e-14, "{found:?}");
        assert_eq!(found.apply(&[1.0, 1.0]).unwrap(), [5.0, 2.0]);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let fit = |x: &[f64], y: &[f64], w: &[f64], d| Transform::fit(Family::Rigid, x, y, w, d);
        assert!(matches!(
            fit(&[1.0], &[1.0, 2.0], &[1.0], 1),
            Err(Error::Length { .. })
        ));
        assert!(matches!(
            fit(&[1.0], &[1.0], &[1.0], 0),
            Err(Error::ZeroDimension)
        ));
        assert!(matches!(
            fit(&[1.0], &[f64::NAN], &[1.0], 1),
            Err(Error::NotFinitePoint { .. })
        ));
        assert!(matches!(
            fit(&[1.0], &[1.0], &[0.0], 1),
            Err(Error::BadMass { .. })
        ));
        assert!(fit(&[], &[], &[], 2).is_err());
    }
}

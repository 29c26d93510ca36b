//! The starts of a registration: a fit finds the nearest of several minima, and large rotations have other minima.
//!
//! Every start brings the means together. The rotations bring the principal axes of one cloud onto those of the
//! other, where each axis has two directions, and axes of about equal length have no order. So in the plane there are
//! twelve, 30° apart; in space the 24 of a cube, which leave every rotation within 63° of one of them; in more
//! dimensions both directions of the first five axes, and for the others the direction of their third moments. The
//! first start has no rotation, so that it wins ties.

use super::{Family, Transform};
use crate::Measure;
use crate::linalg::{Svd, covariance, determinant, identity, times};

/// The number of angles tried in the plane.
const ANGLES: usize = 12;

/// The number of axes, longest first, whose directions are tried in more than three dimensions.
const FLIPPED: usize = 5;

/// Maps of a family that bring one measure roughly onto another; at least one.
pub(super) fn starts(family: Family, source: &Measure, target: &Measure) -> Vec<Transform> {
    let d = source.dimension();
    let [from, to] = [source, target].map(Shape::of);
    let (small, large) = (from.variance(), to.variance());
    let shaped = small > 0.0 && large > 0.0;
    let scale = match family {
        Family::Similarity if shaped => (large / small).sqrt(),
        _ => 1.0,
    };
    let scaled: Vec<f64> = identity(d).into_iter().map(|x| scale * x).collect();
    let mut starts = vec![between(&from, &to, &scaled)];
    if d == 1 || !shaped {
        return starts;
    }
    let handedness = determinant(&from.axes, d) * determinant(&to.axes, d);
    for mut turn in turns(d, handedness) {
        for (at, entry) in turn.iter_mut().enumerate() {
            let (row, column) = (at / d, at % d);
            *entry *= match family {
                Family::Affine => stretch(to.lengths[row], from.lengths[column]),
                _ => scale,
            };
        }
        let along: Vec<f64> = times(&turn, &from.axes, d);
        starts.push(between(
            &from,
            &to,
            &times(&transposed(&to.axes, d), &along, d),
        ));
    }
    starts
}

/// The factor that stretches one axis to the length of another; 1 for axes without a length.
fn stretch(to: f64, from: f64) -> f64 {
    /// A flat cloud does not determine its thickness.
    const FLAT: f64 = 1e-6;
    let ratio = to / from;
    if (FLAT..=1.0 / FLAT).contains(&ratio) {
        ratio
    } else {
        1.0
    }
}

/// The position and the principal axes of a measure.
struct Shape {
    mean: Vec<f64>,
    /// Unit vectors, one a row, the longest axis first. The third moment along each is at least 0.
    axes: Vec<f64>,
    /// Standard deviations along the axes.
    lengths: Vec<f64>,
}

impl Shape {
    fn of(measure: &Measure) -> Self {
        let d = measure.dimension();
        let shares: Vec<f64> = (measure.weights().iter())
            .map(|weight| weight / measure.mass())
            .collect();
        let (mean, spread) = covariance(measure.points(), d, &shares);
        let svd = Svd::of(&spread, d);
        let mut axes = svd.right;
        for axis in axes.chunks_exact_mut(d) {
            let along = |point: &[f64]| {
                let parts = point.iter().zip(&mean).zip(&*axis);
                parts.map(|((x, m), v)| (x - m) * v).sum::<f64>()
            };
            let points = measure.points().chunks_exact(d).zip(&shares);
            let third: f64 = points.map(|(x, share)| share * along(x).powi(3)).sum();
            if third < 0.0 {
                axis.iter_mut().for_each(|v| *v = -*v);
            }
        }
        Self {
            mean,
            axes,
            lengths: svd.values.into_iter().map(f64::sqrt).collect(),
        }
    }

    fn variance(&self) -> f64 {
        self.lengths.iter().map(|length| length * length).sum()
    }
}

/// The root of the mean squared distance from the mean.
pub(super) fn radius(measure: &Measure) -> f64 {
    Shape::of(measure).variance().sqrt()
}

/// The map with this linear part that brings the means together.
fn between(from: &Shape, to: &Shape, linear: &[f64]) -> Transform {
    let d = from.mean.len();
    let image = |row: &[f64]| row.iter().zip(&from.mean).map(|(a, x)| a * x).sum::<f64>();
    let rows = linear.chunks_exact(d).zip(&to.mean);
    let shift: Vec<f64> = rows.map(|(row, mean)| mean - image(row)).collect();
    Transform::from_parts(linear, &shift)
}

/// Orthogonal maps of this handedness between the axes of two measures.
fn turns(d: usize, handedness: f64) -> Vec<Vec<f64>> {
    let proper = |turn: &Vec<f64>| determinant(turn, d) * handedness > 0.0;
    match d {
        2 => (0..ANGLES).map(|k| angle(k, handedness)).collect(),
        3 => signed_permutations().into_iter().filter(proper).collect(),
        _ => {
            let flipped = FLIPPED.min(d - 1);
            let flips = |code: usize| {
                let mut turn = identity(d);
                for k in (0..flipped).filter(|k| code >> k & 1 == 1) {
                    turn[k * d + k] = -1.0;
                }
                if !proper(&turn) {
                    turn[d * d - 1] = -1.0;
                }
                turn
            };
            (0..1 << flipped).map(flips).collect()
        }
    }
}

/// The rotation of the plane by the k-th angle, after a reflection if the handedness is negative.
fn angle(k: usize, handedness: f64) -> Vec<f64> {
    let (sine, cosine) = (std::f64::consts::TAU * k as f64 / ANGLES as f64).sin_cos();
    let flip = handedness.signum();
    vec![cosine, -flip * sine, sine, flip * cosine]
}

/// All 48 maps of the axes of space onto each other.
fn signed_permutations() -> Vec<Vec<f64>> {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let of = |order: [usize; 3], code: usize| {
        let mut turn = vec![0.0; 9];
        for (row, column) in order.into_iter().enumerate() {
            turn[row * 3 + column] = if code >> row & 1 == 1 { -1.0 } else { 1.0 };
        }
        turn
    };
    let all = orders.into_iter();
    all.flat_map(|order| (0..8).map(move |code| of(order, code)))
        .collect()
}

fn transposed(matrix: &[f64], d: usize) -> Vec<f64> {
    (0..d * d).map(|at| matrix[at % d * d + at / d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloud with different lengths along its oblique axes.
    fn cloud(d: usize) -> Measure {
        let x: Vec<f64> = (0..30 * d)
            .map(|i| ((i * i * 7 + i) % 31) as f64 / (1 + i % d) as f64)
            .collect();
        Measure::uniform(&x, d).unwrap()
    }

    #[test]
    fn starts_are_proper_and_bring_means_and_axes_together() {
        for (d, count) in [(1, 1), (2, 13), (3, 25), (4, 9), (5, 17), (6, 33), (8, 33)] {
            let source = cloud(d);
            let turned = match d {
                1 => Transform::translation(&[7.0]),
                _ => Transform::rotation(d, (0, d - 1), 2.0),
            };
            let turned = turned.unwrap();
            let moved = turned.apply(source.points()).unwrap();
            let target = Measure::uniform(&moved, d).unwrap();
            for family in [Family::Rigid, Family::Similarity, Family::Affine] {
                let starts = starts(family, &source, &target);
                assert_eq!(starts.len(), count, "{d}");
                let mut nearest = f64::INFINITY;
                for start in &starts {
                    assert!(!start.is_reflection(), "{d} {family:?}");
                    let images = start.images(source.points());
                    let image = Measure::uniform(&images, d).unwrap();
                    let (found, wanted) = (Shape::of(&image), Shape::of(&target));
                    for (x, y) in found.mean.iter().zip(&wanted.mean) {
                        assert!((x - y).abs() < 1e-12 * 31.0, "{d} {family:?}");
                    }
                    let off = images.iter().zip(&moved).map(|(x, y)| (x - y).abs());
                    nearest = nearest.min(off.fold(0.0, f64::max));
                }
                // One of them is the motion itself.
                assert!(nearest < 1e-9, "{d} {family:?}: {nearest}");
            }
        }
    }

    #[test]
    fn points_in_one_place_have_one_start() {
        let (place, cloud) = (Measure::uniform(&[1.0, 2.0], 2).unwrap(), cloud(2));
        for (a, b) in [(&place, &cloud), (&cloud, &place), (&place, &place)] {
            for family in [Family::Rigid, Family::Similarity, Family::Affine] {
                let starts = starts(family, a, b);
                assert!(starts.len() == 1 && starts[0].scale() == 1.0);
            }
        }
    }

    #[test]
    fn no_rotation_of_space_is_farther_than_63_degrees_from_a_start() {
        let turns = turns(3, 1.0);
        assert_eq!(turns.len(), 24);
        let mut farthest = 0.0_f64;
        let steps = 12;
        for k in 0..steps * steps * steps {
            let part = |k: usize| std::f64::consts::TAU * (k % steps) as f64 / steps as f64;
            let turn = |axes, k| Transform::rotation(3, axes, part(k)).unwrap();
            let one = turn((0, 1), k).then(&turn((1, 2), k / steps)).unwrap();
            let rotation = one.then(&turn((0, 1), k / steps / steps)).unwrap().linear();
            let cosine = |turn: &Vec<f64>| {
                let trace: f64 = turn.iter().zip(&rotation).map(|(a, b)| a * b).sum();
                (0.5 * (trace - 1.0)).clamp(-1.0, 1.0)
            };
            let nearest = turns.iter().map(cosine).fold(-1.0, f64::max);
            farthest = farthest.max(nearest.acos().to_degrees());
        }
        assert!(farthest < 63.0 && farthest > 40.0, "{farthest}");
    }
}

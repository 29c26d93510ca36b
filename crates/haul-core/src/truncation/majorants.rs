//! Bounds of a potential over the blocks of a tree.
//!
//! Over a block with centre c, the largest value, and affine majorants
//!
//! ```text
//! f(x) ≤ A + ⟨p, x − c⟩,        f(x) − |x − c|² ≤ A' + ⟨p', x − c⟩
//! ```
//!
//! The slopes are those of least squares, and the offsets the least ones that hold at all points of the block,
//! whatever the slopes. A potential of an optimal plan for p = 2 is |x|² plus a concave function, so that the second
//! majorant is off by the square of the width of the block.

use super::tree::{FANOUT, Level, Tree};
use crate::linalg::Cholesky;

/// The ridge of the least squares, relative to the spread of the points.
const RIDGE: f64 = 1e-4;

/// The bounds of all levels of a tree.
#[derive(Debug)]
pub(super) struct Majorants(pub(super) Vec<OfLevel>);

/// The bounds over the blocks of a level.
#[derive(Debug)]
pub(super) struct OfLevel {
    /// The largest value of each block.
    pub(super) largest: Vec<f64>,
    pub(super) linear: Affine,
    /// Of f − |x − c|²; empty if no cost needs it.
    pub(super) curved: Affine,
}

/// An affine function of x − c for each block.
#[derive(Debug, Default)]
pub(super) struct Affine {
    pub(super) offsets: Vec<f64>,
    /// Blocks × d.
    pub(super) slopes: Vec<f64>,
}

/// Sums over the points of a block, about the origin: 1, x, xxᵀ, and f, fx, s, sx for s = |x|².
#[derive(Debug, Clone, Default)]
struct Moments(Vec<f64>);

impl Majorants {
    /// The bounds of a potential, a value for each point of the tree; `curved` asks for both majorants.
    pub(super) fn new(tree: &Tree, potential: &[f64], curved: bool) -> Self {
        let d = tree.dimension;
        let mut moments: Vec<Moments> = Vec::new();
        let mut levels = Vec::with_capacity(tree.levels.len());
        for level in &tree.levels {
            moments = if moments.is_empty() {
                let blocks = tree.coordinates.chunks(level.size * d);
                let blocks = blocks.zip(potential.chunks(level.size));
                blocks.map(|(x, f)| Moments::of(x, f, d)).collect()
            } else {
                moments.chunks(FANOUT).map(Moments::together).collect()
            };
            levels.push(OfLevel::new(level, tree, potential, &moments, curved));
        }
        Self(levels)
    }
}

impl OfLevel {
    fn new(
        level: &Level,
        tree: &Tree,
        potential: &[f64],
        moments: &[Moments],
        curved: bool,
    ) -> Self {
        let d = tree.dimension;
        let mut bounds = Self {
            largest: Vec::with_capacity(level.len()),
            linear: Affine::default(),
            curved: Affine::default(),
        };
        let points = tree.coordinates.chunks(level.size * d);
        let values = potential.chunks(level.size);
        let centres = level.centres.chunks_exact(d);
        for (((points, values), centre), moments) in points.zip(values).zip(centres).zip(moments) {
            let slopes = moments.slopes(centre, d);
            let mut largest = f64::NEG_INFINITY;
            let [mut linear, mut square] = [f64::NEG_INFINITY; 2];
            for (x, f) in points.chunks_exact(d).zip(values) {
                let [mut along, mut along_square, mut squares] = [0.0; 3];
                for k in 0..d {
                    let away = x[k] - centre[k];
                    along += slopes[0][k] * away;
                    along_square += slopes[1][k] * away;
                    squares += away * away;
                }
                let f = if f.is_nan() { f64::INFINITY } else { *f };
                largest = f64::max(largest, f);
                linear = f64::max(linear, f - along);
                square = f64::max(square, f - squares - along_square);
            }
            bounds.largest.push(largest);
            bounds.linear.push(linear, &slopes[0]);
            if curved {
                bounds.curved.push(square, &slopes[1]);
            }
        }
        bounds
    }
}

impl Affine {
    fn push(&mut self, offset: f64, slope: &[f64]) {
        self.offsets.push(offset);
        self.slopes.extend_from_slice(slope);
    }
}

impl Moments {
    /// 1, x, xxᵀ, f, fx, s, sx: the places of f and s.
    fn place_of_values(d: usize) -> [usize; 2] {
        let first = 1 + d + d * d;
        [first, first + 1 + d]
    }

    fn of(points: &[f64], values: &[f64], d: usize) -> Self {
        let [of_f, of_s] = Self::place_of_values(d);
        let mut sums = vec![0.0; of_s + 1 + d];
        for (x, f) in points.chunks_exact(d).zip(values) {
            let s: f64 = x.iter().map(|x| x * x).sum();
            sums[0] += 1.0;
            sums[of_f] += f;
            sums[of_s] += s;
            for k in 0..d {
                sums[1 + k] += x[k];
                sums[of_f + 1 + k] += f * x[k];
                sums[of_s + 1 + k] += s * x[k];
                for l in 0..d {
                    sums[1 + d + k * d + l] += x[k] * x[l];
                }
            }
        }
        Self(sums)
    }

    fn together(parts: &[Self]) -> Self {
        let mut sums = vec![0.0; parts.first().map_or(0, |part| part.0.len())];
        for part in parts {
            for (sum, term) in sums.iter_mut().zip(&part.0) {
                *sum += term;
            }
        }
        Self(sums)
    }

    /// The slopes of f, and of f − |x − c|²; zeros where the least squares have none.
    fn slopes(&self, centre: &[f64], d: usize) -> [Vec<f64>; 2] {
        let sums = &self.0;
        let [of_f, of_s] = Self::place_of_values(d);
        let count = sums[0];
        let mean: Vec<f64> = sums[1..=d].iter().map(|sum| sum / count).collect();
        let covariance: Vec<Vec<f64>> = (0..d)
            .map(|k| {
                (0..d)
                    .map(|l| sums[1 + d + k * d + l] - count * mean[k] * mean[l])
                    .collect()
            })
            .collect();
        let spread: f64 = (0..d).map(|k| covariance[k][k]).sum();
        let zeros = || vec![0.0; d];
        let Some(factor) = Cholesky::of(&covariance, RIDGE * spread + f64::MIN_POSITIVE) else {
            return [zeros(), zeros()];
        };
        let with = |place: usize| -> Vec<f64> {
            (0..d)
                .map(|k| sums[place + 1 + k] - sums[place] * mean[k])
                .collect()
        };
        let of_f = factor.solve(with(of_f));
        let of_s = factor.solve(with(of_s));
        // The slope of |x − c|² is that of |x|² less 2c.
        let curved = (0..d).map(|k| of_f[k] - of_s[k] + 2.0 * centre[k]);
        let curved: Vec<f64> = curved.collect();
        let finite = |slope: Vec<f64>| {
            if slope.iter().all(|slope| slope.is_finite()) {
                slope
            } else {
                zeros()
            }
        };
        [finite(of_f), finite(curved)]
    }
}

//! Two stored spaces, and the parts of the objective at a plan.
//!
//! ```text
//! Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ = Σ D² aa + Σ D'² bb − 2⟨D P D', P⟩        for a plan with the marginals a and b
//! ```
//!
//! Points without mass take no part: the plan gets their rows and columns of 0 at the end.

use super::space::DistanceMatrix;
use crate::engine::MatrixEngine;
use crate::gromov::bound::monotone;
use crate::linalg::{dot, sum};
use crate::{Error, Result};

/// Two spaces, and all that no plan changes.
pub(in crate::gromov) struct Pair {
    pub(in crate::gromov) spaces: [DistanceMatrix; 2],
    pub(super) alpha: f64,
    /// Σ D² of each row, weighted.
    pub(super) seconds: [Vec<f64>; 2],
    /// F at the product plan.
    pub(in crate::gromov) total: f64,
    /// The largest ‖N − C‖ that two plans may cause, up to separable terms.
    pub(super) scale: f64,
    /// |u|² of the features of both sides; empty if they do not matter.
    lengths: [Vec<f64>; 2],
    /// A lower bound of F.
    pub(super) bound: f64,
}

/// The points of positive weight of a space, and the places where they were.
pub(super) fn supported(space: &DistanceMatrix) -> (DistanceMatrix, Vec<usize>) {
    let places: Vec<usize> = (0..)
        .zip(&space.weights)
        .filter(|(_, a)| **a > 0.0)
        .map(|(i, _)| i)
        .collect();
    if places.len() == space.len() {
        return (space.clone(), places);
    }
    let weights = space.weights.iter().copied().filter(|a| *a > 0.0);
    (space.part(&places, weights.collect()), places)
}

/// The parts of F at a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) energy: f64,
    pub(super) features: f64,
}

impl Pair {
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a share α without features on both sides, and for distances whose squares leave the range
    /// of f64; [`Error::DimensionMismatch`] for features of different dimensions.
    pub(super) fn new(spaces: [DistanceMatrix; 2], alpha: f64) -> Result<Self> {
        let [x, y] = &spaces;
        let lengths = match (alpha == 1.0, &x.features, &y.features) {
            (true, _, _) => [Vec::new(), Vec::new()],
            (false, Some(u), Some(v)) => {
                crate::problem::same_dimension([u.dimension, v.dimension])?;
                [u, v].map(|of| {
                    of.values
                        .chunks_exact(of.dimension)
                        .map(|u| dot(u, u))
                        .collect()
                })
            }
            _ => {
                return Err(Error::BadParameter {
                    name: "fused",
                    value: alpha,
                    range: "1 for spaces without features",
                });
            }
        };
        let seconds = [x.second_moments(), y.second_moments()];
        let means = [x.means(), y.means()];
        let mean = [dot(&means[0], &x.weights), dot(&means[1], &y.weights)];
        let size = [dot(&seconds[0], &x.weights), dot(&seconds[1], &y.weights)];
        // ‖D less its means of rows and columns‖² under a⊗a.
        let centred = [(x, 0), (y, 1)].map(|(space, side): (&DistanceMatrix, usize)| {
            let of = space.weights.iter().zip(&means[side]);
            size[side] - 2.0 * sum(of.map(|(a, m)| a * m * m)) + mean[side] * mean[side]
        });
        let mut pair = Self {
            alpha,
            bound: 0.0,
            scale: 4.0 * alpha * (centred[0].max(0.0) * centred[1].max(0.0)).sqrt(),
            total: alpha * (size[0] + size[1] - 2.0 * mean[0] * mean[1]),
            seconds,
            lengths,
            spaces,
        };
        if alpha < 1.0 {
            pair.total += (1.0 - alpha) * pair.features_of_product();
        }
        if !pair.total.is_finite() {
            return Err(Error::BadParameter {
                name: "the energy of the product coupling",
                value: pair.total,
                range: "a finite number; rescale the distances",
            });
        }
        pair.bound = pair.lower();
        Ok(pair)
    }

    pub(super) fn weights(&self) -> [&[f64]; 2] {
        self.spaces.each_ref().map(|space| &*space.weights)
    }

    /// n and m.
    pub(super) fn shape(&self) -> [usize; 2] {
        self.spaces.each_ref().map(DistanceMatrix::len)
    }

    pub(in crate::gromov) fn is_fused(&self) -> bool {
        !self.lengths[0].is_empty()
    }

    /// |uᵢ − vⱼ|² of each j, for a row i.
    fn between_features(&self, i: usize) -> impl Iterator<Item = f64> {
        let [u, v] = self.spaces.each_ref().map(|space| space.features.as_ref());
        let of_row = u.map_or(&[][..], |u| {
            u.values
                .get(i * u.dimension..(i + 1) * u.dimension)
                .unwrap_or_default()
        });
        let own = self.lengths[0].get(i).copied().unwrap_or(0.0);
        let columns = v
            .map_or(&[][..], |v| &v.values)
            .chunks_exact(of_row.len().max(1));
        let columns = columns.zip(&self.lengths[1]);
        columns.map(move |(v, other)| {
            let inner: f64 = of_row.iter().zip(v).map(|(u, v)| u * v).sum();
            (own + other - 2.0 * inner).max(0.0)
        })
    }

    fn features_of_product(&self) -> f64 {
        let [a, b] = self.weights();
        sum((0..)
            .zip(a)
            .map(|(i, a)| a * sum(self.between_features(i).zip(b).map(|(c, b)| c * b))))
    }

    /// D P D', n×m, where `half` takes D P.
    pub(super) fn transported(
        &self,
        engine: &dyn MatrixEngine,
        plan: &[f64],
        half: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        let [x, y] = &self.spaces;
        engine.multiply([&x.distances, plan], y.len(), half)?;
        engine.multiply([half, &y.distances], y.len(), out)
    }

    /// The energy and the cost of features, from the plan and D P D'. Exact marginals are assumed.
    pub(super) fn terms(&self, plan: &[f64], transported: &[f64]) -> Terms {
        let m = self.spaces[1].len();
        let [a, b] = self.weights();
        let size = dot(&self.seconds[0], a) + dot(&self.seconds[1], b);
        let rows = plan.chunks_exact(m).zip(transported.chunks_exact(m));
        let cross = sum(rows.map(|(p, g)| p.iter().zip(g).map(|(p, g)| p * g).sum::<f64>()));
        let features = match self.is_fused() {
            true => sum((0..).zip(plan.chunks_exact(m)).map(|(i, row)| {
                self.between_features(i)
                    .zip(row)
                    .map(|(c, p)| c * p)
                    .sum::<f64>()
            })),
            false => 0.0,
        };
        Terms {
            energy: size - 2.0 * cross,
            features,
        }
    }

    /// The costs N of the next step in place of D P D': 2α(Σ D²P ⊕ Σ D'²P − 2 D P D') + (1 − α)|u − v|².
    pub(super) fn costs(&self, transported: &mut [f64]) {
        let m = self.spaces[1].len();
        let [p, q] = &self.seconds;
        for (i, row) in transported.chunks_exact_mut(m).enumerate() {
            let own = p.get(i).copied().unwrap_or(0.0);
            for (g, q) in row.iter_mut().zip(q) {
                *g = 2.0 * self.alpha * (own + q - 2.0 * *g);
            }
            if self.is_fused() {
                let features = self.between_features(i);
                row.iter_mut()
                    .zip(features)
                    .for_each(|(g, c)| *g += (1.0 - self.alpha) * c);
            }
        }
    }

    /// The norm under a⊗b of the differences of two costs, less separable terms; `next` becomes `next` − `costs`.
    pub(super) fn difference(&self, costs: &[f64], next: &mut [f64]) -> f64 {
        let [a, b] = self.weights();
        let m = b.len();
        let mut columns = vec![0.0; m];
        let (mut squares, mut of_rows) = (Vec::new(), Vec::new());
        for ((next, old), a) in next.chunks_exact_mut(m).zip(costs.chunks_exact(m)).zip(a) {
            let (mut mean, mut square) = (0.0, 0.0);
            let entries = next.iter_mut().zip(old).zip(b.iter().zip(&mut columns));
            for ((next, old), (b, column)) in entries {
                *next -= old;
                mean += b * *next;
                square += b * *next * *next;
                *column += a * *next;
            }
            squares.push(a * (square - mean * mean));
            of_rows.push(a * mean);
        }
        let mean = sum(of_rows);
        let between = sum(columns
            .iter()
            .zip(b)
            .map(|(c, b)| b * (c - mean) * (c - mean)));
        (sum(squares) - between).max(0.0).sqrt()
    }

    /// The plan that keeps the order of eccentricities.
    pub(super) fn by_eccentricity(&self) -> Vec<f64> {
        let [a, b] = self.weights();
        let mut plan = vec![0.0; a.len() * b.len()];
        let [s, t] = &self.seconds;
        for (i, j, mass) in monotone([s, t], [a, b]) {
            if let Some(entry) = plan.get_mut(i * b.len() + j) {
                *entry += mass;
            }
        }
        plan
    }

    /// The first lower bound [Mémoli'11] of F, as for spaces with coordinates. A square s² has a relative error of a few
    /// roundings, because its terms are not negative.
    fn lower(&self) -> f64 {
        const ROUNDINGS: f64 = 16.0 * f64::EPSILON;
        let [x, y] = &self.spaces;
        let [s, t] = self
            .seconds
            .each_ref()
            .map(|of| of.iter().map(|s| s.sqrt()).collect::<Vec<f64>>());
        let largest = |s: &[f64]| s.iter().copied().fold(0.0, f64::max);
        let off = ROUNDINGS * (largest(&s) + largest(&t));
        let entries = monotone([&s, &t], [&x.weights, &y.weights]);
        let costs = entries.map(|(i, j, mass)| {
            let gap = s.get(i).zip(t.get(j)).map_or(0.0, |(s, t)| (s - t).abs());
            mass * (gap - off).max(0.0).powi(2)
        });
        (1.0 - ROUNDINGS) * self.alpha * sum(costs)
    }
}

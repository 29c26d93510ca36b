//! Coarse clouds: the centroids of aligned blocks of points in a k-d order.

use crate::pass::{Marginal, Points};
use crate::{Engine, Result};

/// The points of a coarser cloud are so many times fewer.
const COARSENING: usize = 8;

/// The coarsest cloud of the larger side has at most so many points.
const COARSEST: usize = 4096;

/// A cloud is not made so coarse that it has fewer points.
const FEWEST: usize = 512;

/// Points of each block, from the coarsest level to the level above all points; a number for each side.
pub(super) fn ladder(sizes: [usize; 2]) -> Vec<[usize; 2]> {
    let largest = sizes[0].max(sizes[1]);
    let mut blocks = Vec::new();
    let mut last = [1, 1];
    while largest.div_ceil(last[0].max(last[1])) > COARSEST {
        let next = [0, 1].map(|side: usize| {
            let coarser = last[side] * COARSENING;
            if sizes[side] / coarser >= FEWEST {
                coarser
            } else {
                last[side]
            }
        });
        if next == last {
            break;
        }
        blocks.push(next);
        last = next;
    }
    blocks.reverse();
    blocks
}

/// Centroids of blocks.
pub(super) struct Cloud {
    pub(super) coordinates: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// The mean square of the distance from a point to the centroid of its block.
    pub(super) variance: f64,
}

impl Cloud {
    /// The centroids of blocks of so many points.
    pub(super) fn of(coordinates: &[f64], d: usize, weights: &[f64], block: usize) -> Self {
        let mut cloud = Self {
            coordinates: Vec::new(),
            weights: Vec::new(),
            variance: 0.0,
        };
        for (points, weights) in coordinates.chunks(block * d).zip(weights.chunks(block)) {
            let mass: f64 = weights.iter().sum();
            // A block without mass has a place all the same.
            let even = 1.0 / weights.len() as f64;
            let share = |weight: f64| if mass > 0.0 { weight / mass } else { even };
            let mut centroid = vec![0.0; d];
            for (point, weight) in points.chunks_exact(d).zip(weights) {
                for (c, x) in centroid.iter_mut().zip(point) {
                    *c += share(*weight) * x;
                }
            }
            for (point, weight) in points.chunks_exact(d).zip(weights) {
                let away = point.iter().zip(&centroid).map(|(x, c)| (x - c).powi(2));
                cloud.variance += weight * away.sum::<f64>();
            }
            cloud.coordinates.append(&mut centroid);
            cloud.weights.push(mass);
        }
        cloud
    }

    /// This cloud on a device.
    pub(super) fn on_device<E: Engine>(
        self,
        engine: &E,
        dimension: usize,
        rho: f64,
    ) -> Result<Marginal<E>> {
        let points = Points::of_cloud(engine, self.coordinates, dimension)?;
        let on_device = engine.weights(&self.weights, 1)?;
        Marginal::of(engine, points, (self.weights, on_device), rho)
    }
}

//! The boxes of aligned blocks of points in a k-d order.

use crate::engine::TILE;

/// Blocks of one level in a block of the next.
pub(super) const FANOUT: usize = 4;

/// The top level has at most this many blocks.
const MOST_ROOTS: usize = 32;

/// Tiles, blocks of [`FANOUT`] tiles, and so on.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(super) dimension: usize,
    /// n×d, in the order.
    pub(super) coordinates: Vec<f64>,
    /// From tiles up.
    pub(super) levels: Vec<Level>,
}

/// All blocks of one size.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// Points of a block; the last one may have fewer.
    pub(super) size: usize,
    /// The centre of each block's box, and half of its widths.
    pub(super) centres: Vec<f64>,
    pub(super) halves: Vec<f64>,
    /// The mass of each block.
    pub(super) masses: Vec<f64>,
}

impl Tree {
    /// The tree of points in a k-d order.
    pub(crate) fn new(coordinates: Vec<f64>, dimension: usize, weights: &[f64]) -> Self {
        let points = weights.len();
        let mut levels = Vec::new();
        let mut size = TILE;
        loop {
            levels.push(Level::new(size, &coordinates, dimension, weights));
            if points.div_ceil(size) <= MOST_ROOTS {
                break;
            }
            size *= FANOUT;
        }
        Self {
            dimension,
            coordinates,
            levels,
        }
    }

    /// The number of points.
    pub(crate) fn points(&self) -> usize {
        self.coordinates.len() / self.dimension
    }
}

impl Level {
    fn new(size: usize, coordinates: &[f64], dimension: usize, weights: &[f64]) -> Self {
        let blocks = weights.len().div_ceil(size);
        let mut level = Self {
            size,
            centres: Vec::with_capacity(blocks * dimension),
            halves: Vec::with_capacity(blocks * dimension),
            masses: weights
                .chunks(size)
                .map(|block| block.iter().sum())
                .collect(),
        };
        for block in coordinates.chunks(size * dimension) {
            for k in 0..dimension {
                let along = || block.iter().skip(k).step_by(dimension);
                let least = along().fold(f64::INFINITY, |least, x| least.min(*x));
                let most = along().fold(f64::NEG_INFINITY, |most, x| most.max(*x));
                let centre = 0.5 * (least + most);
                level.centres.push(centre);
                level.halves.push((most - centre).max(centre - least));
            }
        }
        level
    }

    /// The number of blocks.
    pub(super) fn len(&self) -> usize {
        self.masses.len()
    }
}

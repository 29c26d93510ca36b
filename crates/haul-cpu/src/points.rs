//! Points on the CPU, in tiles.
//!
//! A tile holds 256 bytes of each coordinate, dimension after dimension, so that the columns of a
//! block are contiguous in any dimension. The last tile is padded with points
//! at the origin, which are in no sum.

use crate::aligned::Aligned;
use crate::distances::{Identity, Store};
use crate::real::Float;
use haul_core::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// The points that [`CpuEngine::points`](haul_core::Engine::points) returns.
#[derive(Debug)]
pub struct CpuPoints<T> {
    coordinates: Aligned<T>,
    dimension: usize,
    count: usize,
    identity: Identity,
    /// Where the engine keeps distances of these points.
    store: Arc<Store<T>>,
}

impl<T> Drop for CpuPoints<T> {
    fn drop(&mut self) {
        self.store.forget(&self.identity);
    }
}

impl<T: Float> CpuPoints<T> {
    pub(crate) fn new(
        coordinates: &[f64],
        dimension: usize,
        store: &Arc<Store<T>>,
    ) -> Result<Self> {
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        if coordinates.is_empty() {
            return Err(Error::EmptyCloud);
        }
        let count = coordinates.len().div_ceil(dimension);
        let whole = count.saturating_mul(dimension);
        check("the coordinates of points", coordinates.len(), whole)?;
        let size = T::TILE * dimension;
        let mut tiles = Aligned::filled(count.div_ceil(T::TILE) * size, T::ZERO);
        let points = coordinates.chunks(size);
        for (tile, points) in tiles.chunks_exact_mut(size).zip(points) {
            for (j, point) in points.chunks_exact(dimension).enumerate() {
                for (k, x) in point.iter().enumerate() {
                    tile[k * T::TILE + j] = T::from_f64(*x);
                }
            }
        }
        Ok(Self {
            coordinates: tiles,
            dimension,
            count,
            identity: Identity::default(),
            store: store.clone(),
        })
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn tiles(&self) -> usize {
        self.count.div_ceil(T::TILE)
    }

    pub(crate) fn all_tiles(&self) -> Range<usize> {
        0..self.tiles()
    }

    /// The coordinates of some tiles.
    pub(crate) fn coordinates(&self, tiles: Range<usize>) -> &[T] {
        let size = T::TILE * self.dimension;
        &self.coordinates[tiles.start * size..tiles.end * size]
    }
}

/// Refuses a length other than the expected one.
pub(crate) fn check(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

//! Squared distances that an engine keeps from pass to pass.
//!
//! In many dimensions a squared distance takes far longer to compute than to read. A softmin keeps those that it computes, for
//! as many rows as memory for them is left; every pass over the same points reads them, and has the same result to the bit.
//! They are kept until one of the clouds is dropped, or newer ones need their place: then they are not kept again, so that
//! solves at the same time do not drive each other's distances out in turn.

use crate::aligned::Aligned;
use crate::block::Block;
use crate::pass::ranges;
use crate::points::CpuPoints;
use crate::power::Metric;
use crate::real::Float;
use crate::wide::{Coefficients, Evaluate, Squares};
use haul_core::Cost;
use haul_core::engine::BLOCK;
use pulp::Arch;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The default number of bytes of an engine.
pub(crate) const BYTES: usize = 256 << 20;

/// In as many dimensions or fewer, distances are computed as fast as they are read.
const FEW: usize = BLOCK;

/// One pair of clouds has at most this fraction of the bytes, since a solve has passes in both directions.
const SHARE: usize = 2;

/// What identifies a cloud: its own allocation.
pub(crate) type Identity = Arc<()>;

/// The squared distances of the first tiles of rows to all columns: each tile of rows has, for each tile of columns, those of
/// its rows, row by row.
#[derive(Debug)]
pub(crate) struct Distances<T> {
    tiles: Vec<OnceLock<Aligned<T>>>,
    bytes: usize,
}

/// Distances for a pass.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    distances: Arc<Distances<T>>,
    /// Whether the pass computes those that are missing.
    adds: bool,
}

impl<T> Kept<T> {
    /// The distances of a tile of rows; `None` if they are not kept. `compute` computes those that are missing.
    pub(crate) fn of_tile(
        &self,
        tile: usize,
        compute: impl FnOnce() -> Aligned<T>,
    ) -> Option<&[T]> {
        match self.distances.tiles.get(tile) {
            Some(place) if self.adds => Some(place.get_or_init(compute)),
            _ => self.at_tile(tile),
        }
    }

    /// The distances of a tile of rows, if an earlier pass computed them.
    pub(crate) fn at_tile(&self, tile: usize) -> Option<&[T]> {
        let place = self.distances.tiles.get(tile)?;
        place.get().map(|squares| &**squares)
    }
}

/// Distances between two clouds.
#[derive(Debug)]
struct Entry<T> {
    rows: Identity,
    columns: Identity,
    /// `None` once newer ones took their place.
    distances: Option<Arc<Distances<T>>>,
}

/// All distances that an engine keeps.
#[derive(Debug)]
pub(crate) struct Store<T> {
    /// The most bytes.
    most: usize,
    /// From the oldest.
    entries: Mutex<Vec<Entry<T>>>,
}

impl<T> Store<T> {
    /// For at most so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the distances of a cloud.
    pub(crate) fn forget(&self, points: &Identity) {
        let is_of = |entry: &Entry<T>| {
            Arc::ptr_eq(&entry.rows, points) || Arc::ptr_eq(&entry.columns, points)
        };
        self.entries().retain(|entry| !is_of(entry));
    }
}

impl<T: Float> Store<T> {
    /// The distances between two clouds for a pass, which `adds` those that are missing.
    pub(crate) fn between(
        &self,
        rows: &CpuPoints<T>,
        columns: &CpuPoints<T>,
        adds: bool,
    ) -> Option<Kept<T>> {
        if rows.dimension() <= FEW || self.most == 0 {
            return None;
        }
        let mut entries = self.entries();
        let found = entries.iter().find(|entry| {
            Arc::ptr_eq(&entry.rows, rows.identity())
                && Arc::ptr_eq(&entry.columns, columns.identity())
        });
        if let Some(found) = found {
            let distances = found.distances.clone()?;
            return Some(Kept { distances, adds });
        }
        let of_a_tile = (columns.tiles() * T::TILE * T::TILE).saturating_mul(size_of::<T>());
        let tiles = rows.tiles().min(self.most / SHARE / of_a_tile.max(1));
        if !adds || tiles == 0 {
            return None;
        }
        let distances = Arc::new(Distances {
            tiles: (0..tiles).map(|_| OnceLock::new()).collect(),
            bytes: tiles * of_a_tile,
        });
        let bytes_of = |entry: &Entry<T>| entry.distances.as_ref().map_or(0, |kept| kept.bytes);
        let mut bytes: usize = entries.iter().map(bytes_of).sum();
        for entry in entries.iter_mut() {
            if bytes + distances.bytes <= self.most {
                break;
            }
            bytes -= bytes_of(entry);
            entry.distances = None;
        }
        entries.push(Entry {
            rows: rows.identity().clone(),
            columns: columns.identity().clone(),
            distances: Some(distances.clone()),
        });
        Some(Kept { distances, adds })
    }

    /// The bytes of the distances between two clouds.
    pub(crate) fn bytes(&self, rows: &CpuPoints<T>, columns: &CpuPoints<T>) -> u64 {
        let kept = self.between(rows, columns, false);
        kept.map_or(0, |kept| kept.distances.bytes as u64)
    }
}

/// The squared distances of a tile of rows to all columns.
pub(crate) fn of_tile<T: Float>(
    arch: Arch,
    rows: &CpuPoints<T>,
    columns: &CpuPoints<T>,
    tile: usize,
) -> Aligned<T> {
    let zeros = Aligned::filled(T::TILE, T::ZERO);
    let mut squares = Coefficients::new(T::TILE, 1);
    let mut all = Aligned::filled(columns.tiles() * T::TILE * T::TILE, T::ZERO);
    let outs = all.chunks_exact_mut(T::TILE * T::TILE);
    for (of_columns, out) in ranges(columns.all_tiles(), 1).zip(outs) {
        let block = Block {
            rows: rows.coordinates(tile..tile + 1),
            first: 0,
            count: T::TILE,
            columns: columns.coordinates(of_columns),
            kept: false,
            terms: &zeros,
            dimension: rows.dimension(),
            metric: Metric::new(Cost::SquaredEuclidean),
            sharpness: T::ZERO,
        };
        let evaluate = Evaluate {
            block,
            potential: &zeros,
            tile: 0,
            weighing: Squares,
            coefficients: &mut squares,
        };
        crate::block::dispatch(arch, block, evaluate);
        let rows = squares.groups().flatten();
        for (out, squares) in out.chunks_exact_mut(T::TILE).zip(rows) {
            out.copy_from_slice(squares);
        }
    }
    all
}

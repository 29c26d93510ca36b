//! A pass of rows over all columns, cut into blocks.
//!
//! Rows are cut so that a block lies in one tile, columns into ranges of tiles that fit the cache.
//! Sums are carried from range to range by whoever runs the kernels; a range left out is a range
//! not computed.

use crate::aligned::Aligned;
use crate::block::{Block, RowKernel, dispatch};
use crate::cloud::CpuCloud;
use crate::power::Metric;
use crate::real::Float;
use haul_core::Cost;
use haul_core::engine::Kernel;
use pulp::Arch;
use std::f64::consts::LOG2_E;
use std::ops::Range;

/// A range of columns occupies about so many bytes and stays in the caches of its core while
/// the rows of a block go over it.
const RANGE_BYTES: usize = 64 << 10;

/// A sum within a range has at most so many terms.
const RANGE_COLUMNS: usize = 4096;

/// Rows and columns of a pass over all pairs.
#[derive(Debug)]
pub(crate) struct Pass<'a, T> {
    arch: Arch,
    kernel: Kernel,
    rows: &'a CpuCloud<T>,
    columns: &'a CpuCloud<T>,
    /// The columns' terms h.
    terms: Aligned<T>,
}

impl<'a, T: Float> Pass<'a, T> {
    pub(crate) fn new(
        arch: Arch,
        kernel: Kernel,
        rows: &'a CpuCloud<T>,
        columns: &'a CpuCloud<T>,
        potential: &[T],
    ) -> Self {
        Self {
            arch,
            kernel,
            rows,
            columns,
            terms: columns.terms(potential, sharpness(kernel)),
        }
    }

    pub(crate) fn columns(&self) -> &'a CpuCloud<T> {
        self.columns
    }

    pub(crate) fn cost(&self) -> Cost {
        self.kernel.cost
    }

    pub(crate) fn epsilon(&self) -> f64 {
        self.kernel.epsilon
    }

    /// About how many operations a row takes.
    pub(crate) fn effort(&self) -> usize {
        self.columns.len() * (2 * self.rows.dimension() + 14)
    }

    /// Some rows, all of one tile, against one range of columns after the other. A column has
    /// `values` numbers beside its coordinates and its term.
    pub(crate) fn blocks(
        &self,
        rows: Range<usize>,
        values: usize,
    ) -> impl Iterator<Item = (Range<usize>, Block<'_, T>)> {
        let dimension = self.rows.dimension();
        let bytes = (dimension + 1 + values) * size_of::<T>();
        let step = (RANGE_BYTES / bytes).min(RANGE_COLUMNS) / T::TILE;
        let step = step.max(1);
        let tiles = self.columns.tiles();
        (0..tiles).step_by(step).map(move |start| {
            let range = start..(start + step).min(tiles);
            let terms = &self.terms[range.start * T::TILE..range.end * T::TILE];
            (range.clone(), self.block(rows.clone(), range, terms))
        })
    }

    /// Some rows, all of one tile, against some tiles of columns with terms of their own.
    pub(crate) fn block<'b>(
        &'b self,
        rows: Range<usize>,
        columns: Range<usize>,
        terms: &'b [T],
    ) -> Block<'b, T> {
        let tile = rows.start / T::TILE;
        Block {
            rows: self.rows.coordinates(tile..tile + 1),
            first: rows.start % T::TILE,
            count: rows.len(),
            columns: self.columns.coordinates(columns),
            terms,
            dimension: self.rows.dimension(),
            metric: Metric::new(self.kernel.cost),
            sharpness: T::from_f64(self.sharpness()),
        }
    }

    /// k = log₂(e)/ε.
    pub(crate) fn sharpness(&self) -> f64 {
        sharpness(self.kernel)
    }

    /// Runs a kernel on the machine's instruction set.
    pub(crate) fn dispatch(&self, kernel: impl RowKernel) {
        let metric = Metric::<T>::new(self.kernel.cost);
        dispatch(self.arch, self.rows.dimension(), metric, kernel);
    }
}

/// k = log₂(e)/ε, within the range of every format.
fn sharpness(kernel: Kernel) -> f64 {
    (LOG2_E / kernel.epsilon).min(1e26)
}

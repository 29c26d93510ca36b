//! A block of rows against a range of columns: the shape in which every kernel works.
//!
//! A kernel takes R rows at a time and V vectors of columns, accumulates
//!
//! ```text
//! cᵣⱼ = seedᵣ + Σₖ (xᵣₖ − yⱼₖ)²
//! ```
//!
//! in registers, and goes on from there. Differences are formed in every dimension: the expanded
//! form |x|² + |y|² − 2⟨x, y⟩ would save half the work in high dimensions and cost the digits that
//! nearby points need. Sums that run over all columns are carried from range to range by the
//! caller, who is free to leave ranges out.

use crate::aligned::Aligned;
use crate::cloud::CpuCloud;
use crate::real::Float;
use haul_core::Cost;
use haul_core::engine::Kernel;
use pulp::{Arch, Simd, WithSimd};
use std::f64::consts::LOG2_E;
use std::ops::Range;

/// Rows that a kernel has in its registers at a time.
pub(crate) const ROWS: usize = 4;

/// The most rows of a block: those of a tile of the format with the largest.
pub(crate) const MOST_ROWS: usize = 64;

/// A range of columns occupies about so many bytes and stays in the first-level cache while the
/// rows of a block go over it.
const RANGE_BYTES: usize = 16 << 10;

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

    pub(crate) fn epsilon(&self) -> f64 {
        self.kernel.epsilon
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
        let tile = rows.start / T::TILE;
        let tiles = self.columns.tiles();
        (0..tiles).step_by(step).map(move |start| {
            let range = start..(start + step).min(tiles);
            let block = Block {
                rows: self.rows.coordinates(tile..tile + 1),
                first: rows.start % T::TILE,
                count: rows.len(),
                columns: self.columns.coordinates(range.clone()),
                terms: &self.terms[range.start * T::TILE..range.end * T::TILE],
                dimension,
                cost: self.kernel.cost,
                sharpness: T::from_f64(sharpness(self.kernel)),
            };
            (range, block)
        })
    }

    /// Runs a kernel on the machine's instruction set.
    pub(crate) fn dispatch(&self, kernel: impl RowKernel) {
        dispatch(self.arch, self.rows.dimension(), kernel);
    }
}

/// k = log₂(e)/ε, within the range of every format.
fn sharpness(kernel: Kernel) -> f64 {
    (LOG2_E / kernel.epsilon).min(1e26)
}

/// Some rows of one tile, and the columns of some tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a, T> {
    /// The coordinates of the tile of rows.
    pub(crate) rows: &'a [T],
    /// The first of the rows within its tile, a multiple of [`ROWS`].
    pub(crate) first: usize,
    /// How many rows.
    pub(crate) count: usize,
    /// The coordinates of the tiles of columns.
    pub(crate) columns: &'a [T],
    /// Their terms h.
    pub(crate) terms: &'a [T],
    pub(crate) dimension: usize,
    pub(crate) cost: Cost,
    /// k = log₂(e)/ε.
    pub(crate) sharpness: T,
}

/// A kernel, written for a dimension D known when it is compiled, or for any where D is 0.
pub(crate) trait RowKernel {
    fn run<S: Simd, const D: usize>(self, simd: S);
}

struct InDimension<K, const D: usize>(K);

impl<K: RowKernel, const D: usize> WithSimd for InDimension<K, D> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, D>(simd);
    }
}

fn dispatch<K: RowKernel>(arch: Arch, dimension: usize, kernel: K) {
    match dimension {
        1 => arch.dispatch(InDimension::<K, 1>(kernel)),
        2 => arch.dispatch(InDimension::<K, 2>(kernel)),
        3 => arch.dispatch(InDimension::<K, 3>(kernel)),
        4 => arch.dispatch(InDimension::<K, 4>(kernel)),
        _ => arch.dispatch(InDimension::<K, 0>(kernel)),
    }
}

/// c for [`ROWS`] rows of a tile and the V vectors of columns that begin at `column` in theirs.
#[inline(always)]
pub(crate) fn squared_distances<T: Float, S: Simd, const D: usize, const V: usize>(
    simd: S,
    dimension: usize,
    (rows, row): (&[T], usize),
    (columns, column): (&[T], usize),
    seeds: [T::Lanes<S>; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    let dimension = if D == 0 { dimension } else { D };
    let width = V * T::width::<S>();
    let mut sums = [[seeds[0]; V]; ROWS];
    for r in 0..ROWS {
        sums[r] = [seeds[r]; V];
    }
    for k in 0..dimension {
        let y = T::lanes::<S>(&columns[k * T::TILE + column..][..width]);
        let x = &rows[k * T::TILE + row..][..ROWS];
        for r in 0..ROWS {
            let x = T::splat(simd, x[r]);
            for v in 0..V {
                let difference = T::sub(simd, x, y[v]);
                sums[r][v] = T::mul_add(simd, difference, difference, sums[r][v]);
            }
        }
    }
    sums
}

/// The square roots where the cost is the distance itself.
#[inline(always)]
pub(crate) fn costs_of_squares<T: Float, S: Simd, const V: usize>(
    simd: S,
    cost: Cost,
    mut squares: [[T::Lanes<S>; V]; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    if cost == Cost::Euclidean {
        for row in &mut squares {
            for square in row {
                *square = T::sqrt(simd, *square);
            }
        }
    }
    squares
}

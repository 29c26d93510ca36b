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

use crate::power::{Metric, power};
use crate::real::Float;
use pulp::{Arch, Simd, WithSimd};

/// Rows that a kernel has in its registers at a time.
pub(crate) const ROWS: usize = 4;

/// The most rows of a block: those of a tile of the format with the largest.
pub(crate) const MOST_ROWS: usize = 64;

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
    pub(crate) metric: Metric<T>,
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

/// Runs a kernel on an instruction set.
pub(crate) fn dispatch<K: RowKernel>(arch: Arch, dimension: usize, kernel: K) {
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

/// The costs at squared distances.
#[inline(always)]
pub(crate) fn costs_of_squares<T: Float, S: Simd, const V: usize>(
    simd: S,
    metric: Metric<T>,
    mut squares: [[T::Lanes<S>; V]; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    match metric {
        Metric::Squared => {}
        Metric::Distance => {
            for square in squares.as_flattened_mut() {
                *square = T::sqrt(simd, *square);
            }
        }
        Metric::Power { head, tail } => {
            for square in squares.as_flattened_mut() {
                *square = power::<T, S>(simd, *square, (head, tail));
            }
        }
    }
    squares
}

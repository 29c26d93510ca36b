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

/// A kernel, written for a dimension D known when it is compiled, or for any where D is 0; and for
/// general powers only where `POWER`, whose arithmetic would take the others' registers.
pub(crate) trait RowKernel {
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S);
}

struct Specialised<K, const D: usize, const POWER: bool>(K);

impl<K: RowKernel, const D: usize, const POWER: bool> WithSimd for Specialised<K, D, POWER> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, D, POWER>(simd);
    }
}

/// Runs a kernel on an instruction set.
pub(crate) fn dispatch<T, K: RowKernel>(
    arch: Arch,
    dimension: usize,
    metric: Metric<T>,
    kernel: K,
) {
    match (dimension, metric) {
        (2, Metric::Power { .. }) => arch.dispatch(Specialised::<K, 2, true>(kernel)),
        (3, Metric::Power { .. }) => arch.dispatch(Specialised::<K, 3, true>(kernel)),
        (_, Metric::Power { .. }) => arch.dispatch(Specialised::<K, 0, true>(kernel)),
        (1, _) => arch.dispatch(Specialised::<K, 1, false>(kernel)),
        (2, _) => arch.dispatch(Specialised::<K, 2, false>(kernel)),
        (3, _) => arch.dispatch(Specialised::<K, 3, false>(kernel)),
        (4, _) => arch.dispatch(Specialised::<K, 4, false>(kernel)),
        _ => arch.dispatch(Specialised::<K, 0, false>(kernel)),
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

/// The costs at squared distances; a general power where `POWER`.
#[inline(always)]
pub(crate) fn costs_of_squares<T: Float, S: Simd, const POWER: bool, const V: usize>(
    simd: S,
    metric: Metric<T>,
    mut squares: [[T::Lanes<S>; V]; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    let root = !POWER && metric.is_distance();
    if POWER || root {
        for row in &mut squares {
            for square in row {
                *square = match metric {
                    Metric::Power { head, tail } if POWER => {
                        power::<T, S>(simd, *square, (head, tail))
                    }
                    _ => T::sqrt(simd, *square),
                };
            }
        }
    }
    squares
}

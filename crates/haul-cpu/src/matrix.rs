//! Products with many values a column, which are products of matrices: Sᵢₙ = Σⱼ wᵢⱼ Vⱼₙ, where wᵢⱼ = π φ is shared by all
//! values of a pair.
//!
//! One kernel stores the coefficients w of a tile of rows and of some columns; another multiplies them with the values of these
//! columns, a few at a time. The rows are in the lanes of both, so that each lane has the sum of one row and one value, and no
//! sum goes across a vector. The sums of a few values, the coefficients of some columns and their values are in registers and
//! in the first cache, and so is what the next few values read again. All values of the columns are read once for each tile of
//! rows.
//!
//! A sum is over [`BLOCK`] columns, then over [`BLOCKS`] such sums, and from there on in f64. Its order depends neither on the
//! other values nor on the instruction set.

use crate::aligned::Aligned;
use crate::block::{Block, MANY, ROWS, RowKernel, Rows, add};
use crate::exp2::{excess, exp2};
use crate::real::Float;
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::{BLOCK, Factor};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Sums over [`BLOCK`] columns that are added up before they are added to totals in f64.
const BLOCKS: usize = 4;

/// Columns whose coefficients are stored at a time. For a tile of rows they take 32 kB.
const COLUMNS: usize = BLOCKS * BLOCK;

/// Values whose sums are in registers at a time.
pub(crate) const VALUES: usize = 4;

/// Columns whose values are copied into panels at a time: they stay in the first cache.
const AT_ONCE: usize = 16;

/// V, tile after tile of the columns, each in panels of [`VALUES`] values, column after column. The last panel and the last
/// tile are padded with 0.
pub(crate) struct Panels<T> {
    values: Aligned<T>,
    /// Numbers of a tile.
    size: usize,
}

impl<T: Float> Panels<T> {
    /// Panels of zeros, for so many columns and values.
    pub(crate) fn zeros(columns: usize, width: usize) -> Self {
        let size = width.div_ceil(VALUES) * VALUES * T::TILE;
        Self {
            values: Aligned::filled(columns.div_ceil(T::TILE) * size, T::ZERO),
            size,
        }
    }

    /// The values of a panel in a column.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, panel: usize, column: usize) -> &mut [T] {
        let tile = column / T::TILE * self.size;
        let first = tile + (panel * T::TILE + column % T::TILE) * VALUES;
        &mut self.values[first..][..VALUES]
    }

    /// The panels of `width` values a column, column after column.
    pub(crate) fn new(workers: &Workers, values: &[T], width: usize) -> Result<Self> {
        let tile = (width * T::TILE).max(1);
        let columns = values.len().div_ceil(tile) * T::TILE;
        let mut panels = Self::zeros(columns, width);
        let size = panels.size;
        let all = (0..columns / T::TILE, size);
        workers.for_each_tile(&mut panels.values, all, (size, 1), |index, panels| {
            let values = &values[index * tile..];
            for (first, values) in (0..T::TILE)
                .step_by(AT_ONCE)
                .zip(values.chunks(AT_ONCE * width))
            {
                for (panel, panels) in panels.chunks_exact_mut(VALUES * T::TILE).enumerate() {
                    let (panels, _) = panels[first * VALUES..].as_chunks_mut::<VALUES>();
                    for (out, values) in panels.iter_mut().zip(values.chunks_exact(width)) {
                        let values = &values[panel * VALUES..];
                        match values.first_chunk() {
                            Some(values) => *out = *values,
                            None => out[..values.len()].copy_from_slice(values),
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(panels)
    }

    /// The values of some tiles, tile after tile.
    #[inline(always)]
    fn of(&self, tiles: &Range<usize>) -> &[T] {
        &self.values[tiles.start * self.size..tiles.end * self.size]
    }
}

/// w of a tile of rows and of some tiles of columns, column after column.
pub(crate) struct Coefficients<T>(Aligned<T>);

impl<T: Float> Coefficients<T> {
    /// Capacity in tiles of columns.
    pub(crate) const TILES: usize = COLUMNS / T::TILE;

    pub(crate) fn new() -> Self {
        Self(Aligned::filled(COLUMNS * T::TILE, T::ZERO))
    }

    /// The coefficients of all columns, column after column.
    pub(crate) fn all(&self) -> &[T] {
        &self.0
    }

    /// The coefficients of each tile of columns.
    pub(crate) fn tiles(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.0.chunks_exact_mut(T::TILE * T::TILE)
    }
}

/// The kernel that writes the coefficients of a tile of rows and one of columns.
pub(crate) struct Evaluate<'a, T> {
    /// The pairs with their sides exchanged: a tile of columns against one of rows, whose terms are f.
    pub(crate) exchanged: Block<'a, T>,
    /// h of the tile of columns.
    pub(crate) terms: &'a [T],
    pub(crate) factor: Factor,
    /// The number of rows that count.
    pub(crate) rows: usize,
    /// For each column, the coefficients of all rows.
    pub(crate) coefficients: &'a mut [T],
}

impl<T: Float> RowKernel for Evaluate<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if const { D == MANY && !POWER } && S::REGISTER_COUNT >= 32 {
            self.run_with::<S, D, POWER, 4>(simd);
        } else if T::width::<S>() > 1 {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float> Evaluate<'_, T> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let width = V * T::width::<S>();
        let groups = self.coefficients.chunks_exact_mut(ROWS * T::TILE);
        for (column, coefficients) in (0..T::TILE).step_by(ROWS).zip(groups) {
            let columns = Rows::new(simd, self.exchanged, column, Some(self.terms), false);
            for row in (0..self.rows).step_by(width) {
                let meeting = columns.meet(self.exchanged.columns, row);
                let [_, costs] = columns.costs::<D, POWER, V>(simd, meeting);
                let f = T::lanes::<S>(&self.exchanged.terms[row..][..width]);
                for (r, costs) in costs.iter().enumerate() {
                    let out = &mut coefficients[r * T::TILE + row..][..width];
                    let out = T::lanes_mut::<S>(out).iter_mut();
                    for ((out, cost), f) in out.zip(costs).zip(f) {
                        let s = columns.exchanged_exponent(simd, r, *cost, *f);
                        *out = match self.factor {
                            Factor::One => exp2::<T, S>(simd, s),
                            Factor::Excess => excess::<T, S>(simd, s),
                            Factor::Cost => T::mul(simd, exp2::<T, S>(simd, s), *cost),
                        };
                    }
                }
            }
        }
    }
}

/// The kernel that multiplies coefficients with all values of their columns.
pub(crate) struct Multiply<'a, T> {
    /// w of a tile of rows and of these columns, column after column.
    pub(crate) coefficients: &'a [T],
    pub(crate) values: &'a Panels<T>,
    /// The tiles of columns.
    pub(crate) tiles: Range<usize>,
    /// The number of rows that count.
    pub(crate) rows: usize,
    /// The sums are added here: for each value, padded to a multiple of [`VALUES`], those of a tile of rows.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many rows as the registers hold beside the values.
        if S::REGISTER_COUNT >= 32 {
            self.run_with::<S, 4>(simd);
        } else {
            self.run_with::<S, 2>(simd);
        }
    }
}

impl<T: Float> Multiply<'_, T> {
    /// V vectors of rows at a time.
    #[inline(always)]
    fn run_with<S: Simd, const V: usize>(self, simd: S) {
        let width = V * T::width::<S>();
        let panel = VALUES * T::TILE;
        let zeros = [[T::splat(simd, T::ZERO); V]; VALUES];
        let values = self.values.of(&self.tiles);
        for (index, totals) in self.totals.chunks_exact_mut(panel).enumerate() {
            for row in (0..self.rows).step_by(width) {
                let mut sums = zeros;
                let tiles = self.coefficients.chunks_exact(T::TILE * T::TILE);
                for (coefficients, values) in tiles.zip(values.chunks_exact(self.values.size)) {
                    let (values, _) = values[index * panel..][..panel].as_chunks::<VALUES>();
                    let blocks = coefficients.chunks_exact(BLOCK * T::TILE);
                    for (coefficients, values) in blocks.zip(values.chunks_exact(BLOCK)) {
                        let mut inner = zeros;
                        for (w, values) in coefficients.chunks_exact(T::TILE).zip(values) {
                            let w = T::lanes::<S>(&w[row..][..width]);
                            for n in 0..VALUES {
                                let value = T::splat(simd, values[n]);
                                for v in 0..V {
                                    inner[n][v] = T::mul_add(simd, w[v], value, inner[n][v]);
                                }
                            }
                        }
                        sums = add::<T, S, V>(simd, sums, inner);
                    }
                }
                for (sums, totals) in sums.iter().zip(totals.chunks_exact_mut(T::TILE)) {
                    add_to::<T, S, V>(sums, &mut totals[row..][..width]);
                }
            }
        }
    }
}

/// Adds the lanes of some vectors to sums in f64.
#[inline(always)]
fn add_to<T: Float, S: Simd, const V: usize>(sums: &[T::Lanes<S>; V], totals: &mut [f64]) {
    let mut lanes = [T::ZERO; 64];
    let lanes = &mut lanes[..V * T::width::<S>()];
    T::lanes_mut::<S>(lanes).copy_from_slice(sums);
    for (total, sum) in totals.iter_mut().zip(&*lanes) {
        *total += sum.to_f64();
    }
}

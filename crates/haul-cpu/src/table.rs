//! The kernel along one axis as a table of numbers, and the kernels of products with it.
//!
//! The factors of a product Σⱼ Kᵢⱼ vⱼ are powers of two, K = 2^(−k C) and v = 2^(h − M), computed in f64 and rounded once to
//! the format of the product. None is above 1. Factors below 2^−E count as 0, and v is multiplied by 2^c, with c and E such
//! that no product of two factors is subnormal, on which many processors are slow, and no sum is infinite:
//!
//! ```text
//!          c     E    c − 2E    a sum is trusted from
//! f32    100   113     −126     m 2^(c−87)
//! f64    900   961    −1022     m 2^(c−906)
//! ```
//!
//! The m terms of a sum that lack because a factor counts as 0 are below 2^(c−E) each: all together they are below a quarter of
//! a roundoff of a sum that is trusted.

use crate::aligned::Aligned;
use crate::exp2::exp2_of_limited;
use crate::layout::NEIGHBOURS;
use crate::pass::Pass;
use crate::power::log2;
use crate::real::Float;
use crate::weights::{FLOOR, NOTHING, term_of};
use crate::wide::{Coefficients, Costs, Evaluate};
use haul_core::{Precision, Result};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// c and E of a format.
fn exponents(precision: Precision) -> (i32, i32) {
    match precision {
        Precision::F32 => (100, 113),
        Precision::F64 => (900, 961),
    }
}

/// 2^(−E), below which a factor counts as 0.
pub(crate) fn least_factor(precision: Precision) -> f64 {
    let (_, least) = exponents(precision);
    f64::from(-least).exp2()
}

/// c, the exponent of the number that v is multiplied by.
pub(crate) fn scale_log2(precision: Precision) -> f64 {
    f64::from(exponents(precision).0)
}

/// The base-2 logarithm of the least sum of products of this many columns that is trusted, without the factor 2^c.
pub(crate) fn trusted_log2(precision: Precision, columns: usize) -> f64 {
    let (_, least) = exponents(precision);
    let quarter = 0.25 * precision.unit_roundoff();
    (columns as f64 / quarter).log2() - f64::from(least)
}

/// K of some tiles of rows and all columns.
pub(crate) struct Table<A> {
    /// Tile of rows after tile of rows; in each, column after column.
    values: Aligned<A>,
    /// The number of rows.
    rows: usize,
    /// The number of columns, with padding.
    columns: usize,
}

impl<A: Float> Table<A> {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        let columns = columns.next_multiple_of(A::TILE);
        Self {
            values: Aligned::filled(rows.next_multiple_of(A::TILE) * columns, A::ZERO),
            rows,
            columns,
        }
    }

    /// The tiles of rows, each with the number of its rows.
    pub(crate) fn tiles(&self) -> impl Iterator<Item = (usize, usize)> {
        let tiles = (0..self.rows).step_by(A::TILE).enumerate();
        tiles.map(|(tile, first)| (tile, A::TILE.min(self.rows - first)))
    }

    /// The number of tiles of columns.
    pub(crate) fn column_tiles(&self) -> usize {
        self.columns / A::TILE
    }

    /// K of a tile of rows and of some tiles of columns.
    pub(crate) fn of(&self, tile: usize, columns: &Range<usize>) -> &[A] {
        let first = tile * self.columns;
        &self.values[(first + columns.start * A::TILE) * A::TILE..]
            [..columns.len() * A::TILE * A::TILE]
    }

    /// Parts of so many rows, a multiple of a tile.
    pub(crate) fn parts_mut(&mut self, rows: usize) -> impl Iterator<Item = Part<'_, A>> {
        let columns = self.columns;
        let parts = self.values.chunks_mut(rows * columns);
        parts.map(move |values| Part { values, columns })
    }
}

/// Some tiles of rows of a table.
pub(crate) struct Part<'a, A> {
    values: &'a mut [A],
    columns: usize,
}

impl<A: Float> Part<'_, A> {
    /// Writes K of the first rows and a column.
    fn put(&mut self, column: usize, powers: &[f64]) {
        if column >= self.columns {
            return;
        }
        let least = least_factor(A::PRECISION);
        let tiles = self.values.chunks_exact_mut(self.columns * A::TILE);
        for (tile, powers) in tiles.zip(powers.chunks_exact(A::TILE)) {
            let places = &mut tile[column * A::TILE..][..A::TILE];
            for (place, power) in places.iter_mut().zip(powers) {
                *place = A::from_f64(if *power < least { 0.0 } else { *power });
            }
        }
    }
}

/// Computes K of a tile of rows and all columns, in the format of the points and, if asked, in f64.
pub(crate) fn evaluate<T: Float>(
    pass: &Pass<'_, T>,
    tile: usize,
    mut narrow: Part<'_, T>,
    mut wide: Option<Part<'_, f64>>,
) -> Result<()> {
    let k = pass.sharpness();
    let zeros = Aligned::filled(T::TILE, T::ZERO);
    let mut costs = Coefficients::new(T::TILE, 1);
    let mut powers = Aligned::filled(T::TILE * T::TILE, 0.0);
    for of_columns in pass.columns().all_tiles() {
        let block = pass.exchanged((tile, &zeros), of_columns);
        pass.dispatch(block, |block| Evaluate {
            block,
            potential: &zeros,
            tile: 0,
            weighing: Costs,
            coefficients: &mut costs,
        })?;
        let costs = costs.groups().flatten();
        for (powers, costs) in powers.chunks_exact_mut(T::TILE).zip(costs) {
            for (power, cost) in powers.iter_mut().zip(costs) {
                *power = -k * cost.to_f64();
            }
        }
        pass.run(Exponentiate(&mut powers))?;
        let columns = of_columns * T::TILE..;
        for (column, powers) in columns.zip(powers.chunks_exact(T::TILE)) {
            narrow.put(column, powers);
            if let Some(wide) = &mut wide {
                wide.put(column, powers);
            }
        }
    }
    Ok(())
}

/// The kernel s ← 2^s, for s ≤ 0.
struct Exponentiate<'a>(&'a mut [f64]);

impl WithSimd for Exponentiate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for s in <f64 as Float>::lanes_mut::<S>(self.0) {
            *s = exp2_of_limited::<f64, S>(simd, *s);
        }
    }
}

/// Where the numbers of up to [`NEIGHBOURS`] lines are in a vector.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    starts: [usize; NEIGHBOURS],
    count: usize,
    /// The distance of a number of a line from the next.
    step: usize,
    /// Whether the numbers of a column are those of all lines in order.
    adjacent: bool,
}

impl Numbers {
    /// Lines with the numbers of one.
    pub(crate) fn common(count: usize) -> Self {
        Self {
            starts: [0; NEIGHBOURS],
            count,
            step: 1,
            adjacent: false,
        }
    }

    /// Lines that begin at these places.
    pub(crate) fn of_lines(starts: [usize; NEIGHBOURS], count: usize, step: usize) -> Self {
        let mut places = starts[..count].iter().zip(starts[0]..);
        Self {
            adjacent: count == NEIGHBOURS && places.all(|(start, place)| *start == place),
            starts,
            count,
            step,
        }
    }

    /// Combines the numbers of each column with what is in `out`.
    #[inline(always)]
    fn combine<T: Copy>(self, numbers: &[T], out: &mut [f64], with: impl Fn(f64, T) -> f64) {
        let rows = out.chunks_exact_mut(NEIGHBOURS).enumerate();
        if self.adjacent {
            for (column, out) in rows {
                let numbers = &numbers[self.starts[0] + column * self.step..][..NEIGHBOURS];
                for (out, number) in out.iter_mut().zip(numbers) {
                    *out = with(*out, *number);
                }
            }
            return;
        }
        for (column, out) in rows {
            for (out, start) in out[..self.count].iter_mut().zip(self.starts) {
                *out = with(*out, numbers[start + column * self.step]);
            }
        }
    }
}

/// The kernel h = log₂(b/b̄) + k g of some lines side by side, column after column. Places of lines that are not there are
/// left as they are, below every other term.
pub(crate) struct Heights<'a, T> {
    pub(crate) potential: Option<(&'a [T], Numbers)>,
    pub(crate) logs: Option<(&'a [f64], Numbers)>,
    /// k.
    pub(crate) sharpness: f64,
    pub(crate) heights: &'a mut [f64],
}

impl<T: Float> WithSimd for Heights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let k = self.sharpness;
        match (self.potential, self.logs) {
            (Some((g, of_g)), None) => {
                of_g.combine(g, self.heights, |_, g| term_of(0.0, k * g.to_f64()));
            }
            (Some((g, of_g)), Some((logs, of_logs))) => {
                of_g.combine(g, self.heights, |_, g| k * g.to_f64());
                of_logs.combine(logs, self.heights, |h, log| term_of(log, h));
            }
            (None, Some((logs, of_logs))) => {
                of_logs.combine(logs, self.heights, |_, log| term_of(log, 0.0));
            }
            (None, None) => self.heights.fill(0.0),
        }
    }
}

/// The kernel M ← max h, h ← 2^(h − M), for [`NEIGHBOURS`] lines side by side.
pub(crate) struct Powers<'a> {
    pub(crate) heights: &'a mut [f64],
    pub(crate) maxima: &'a mut [f64; NEIGHBOURS],
}

impl WithSimd for Powers<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { heights, maxima } = self;
        maxima.fill(NOTHING);
        let maxima = <f64 as Float>::lanes_mut::<S>(maxima);
        for heights in heights.chunks_exact(NEIGHBOURS) {
            let heights = <f64 as Float>::lanes::<S>(heights);
            for (maximum, h) in maxima.iter_mut().zip(heights) {
                *maximum = <f64 as Float>::max(simd, *maximum, *h);
            }
        }
        for heights in heights.chunks_exact_mut(NEIGHBOURS) {
            let heights = <f64 as Float>::lanes_mut::<S>(heights);
            for (maximum, h) in maxima.iter().zip(heights) {
                let below = <f64 as Float>::sub(simd, *h, *maximum);
                *h = exp2_of_limited::<f64, S>(simd, below);
            }
        }
    }
}

/// The kernel R ← min over two rows of max (h − c), minus max h, for [`NEIGHBOURS`] lines side by side.
pub(crate) struct Reach<'a> {
    pub(crate) heights: &'a [f64],
    /// c of both rows, column after column.
    pub(crate) costs: &'a [[f64; 2]],
    pub(crate) reach: &'a mut [f64; NEIGHBOURS],
}

impl WithSimd for Reach<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut maxima = [[NOTHING; NEIGHBOURS]; 3];
        let [most, first, second] = &mut maxima;
        let [most, first, second] =
            [most, first, second].map(|m| <f64 as Float>::lanes_mut::<S>(m));
        let columns = self.heights.chunks_exact(NEIGHBOURS).zip(self.costs);
        for (heights, costs) in columns {
            let costs = costs.map(|c| <f64 as Float>::splat(simd, c));
            let heights = <f64 as Float>::lanes::<S>(heights).iter();
            let maxima = most.iter_mut().zip(&mut *first).zip(&mut *second);
            for (h, ((most, first), second)) in heights.zip(maxima) {
                let below = costs.map(|c| <f64 as Float>::sub(simd, *h, c));
                *most = <f64 as Float>::max(simd, *most, *h);
                *first = <f64 as Float>::max(simd, *first, below[0]);
                *second = <f64 as Float>::max(simd, *second, below[1]);
            }
        }
        let [most, first, second] = maxima;
        for (line, reach) in self.reach.iter_mut().enumerate() {
            *reach = first[line].min(second[line]) - most[line];
        }
    }
}

/// The kernel S ← factor · max(log₂ S − c + offset, floor), for sums of lines one after the other.
pub(crate) struct Logarithms<'a> {
    pub(crate) sums: &'a mut [f64],
    /// c, an integer: it is subtracted from the exponent of S, where that is exact.
    pub(crate) scale_log2: f64,
    /// The offset of each line.
    pub(crate) offsets: &'a [f64],
    pub(crate) factor: f64,
}

impl WithSimd for Logarithms<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factor = <f64 as Float>::splat(simd, self.factor);
        let floor = <f64 as Float>::splat(simd, 0.1 * FLOOR);
        let scale = <f64 as Float>::splat(simd, self.scale_log2);
        let line = self.sums.len() / self.offsets.len().max(1);
        for (sums, offset) in self.sums.chunks_exact_mut(line.max(1)).zip(self.offsets) {
            let offset = <f64 as Float>::splat(simd, *offset);
            for sum in <f64 as Float>::lanes_mut::<S>(sums) {
                let (e, rest) = log2::<f64, S>(simd, *sum);
                let whole = <f64 as Float>::sub(simd, e, scale);
                let log = <f64 as Float>::add(simd, whole, rest);
                let log = <f64 as Float>::add(simd, log, offset);
                let log = <f64 as Float>::max(simd, log, floor);
                *sum = <f64 as Float>::mul(simd, factor, log);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_product_of_factors_is_subnormal_and_no_sum_infinite() {
        let ends = [
            (Precision::F32, f32::MIN_EXP - 1, f32::MAX_EXP),
            (Precision::F64, f64::MIN_EXP - 1, f64::MAX_EXP),
        ];
        for (precision, least_normal, infinite) in ends {
            let (scale, least) = exponents(precision);
            assert!(scale - 2 * least >= least_normal);
            // One more bit of range would make them subnormal.
            assert!(scale - 2 * (least + 1) < least_normal);
            assert!(f64::from(scale) + 20.0 < f64::from(infinite));
        }
    }

    #[test]
    fn a_trusted_sum_lacks_less_than_a_quarter_of_a_roundoff() {
        for precision in [Precision::F32, Precision::F64] {
            let columns = 1000;
            let lacking = (columns as f64).log2() + least_factor(precision).log2();
            let share = (lacking - trusted_log2(precision, columns)).exp2();
            let roundoff = precision.unit_roundoff();
            assert!((share / roundoff - 0.25).abs() < 1e-9, "{share:e}");
        }
    }
}

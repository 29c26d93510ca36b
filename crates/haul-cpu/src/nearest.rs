//! For each row the column with the least Cᵢⱼ − hⱼ, among the columns of positive weight.
//!
//! Each lane of a vector keeps the least value so far and its index, as a number of the format: indices
//! within a range of columns are small enough to be exact. Lanes are combined at the end of a range.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_LANES, MOST_ROWS, ROWS, RowKernel, Rows};
use crate::layout::Layout;
use crate::lines::entry;
use crate::pass::Pass;
use crate::real::Float;
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::Nearest;
use pulp::Simd;

/// The least value so far, and its column; at first there is none.
#[derive(Debug, Clone, Copy)]
struct Least<T> {
    value: T,
    column: Option<u32>,
}

/// The nearest columns of all rows, line by line.
pub(crate) fn nearest<T: Float>(workers: &Workers, mut pass: Pass<'_, T>) -> Result<Nearest> {
    let lines = pass.lines();
    let layout = |points| Layout { lines, points };
    let (rows, columns) = (layout(pass.rows().len()), layout(pass.columns().len()));
    let nothing = Least {
        value: T::from_f64(f64::INFINITY),
        column: None,
    };
    let length = lines.length(rows.points);
    let mut result = Nearest {
        columns: vec![None; length],
        values: vec![f64::INFINITY; length],
    };
    for line in 0..lines.count() {
        let heights = heights(&pass, columns, line);
        pass.set_terms(heights);
        let mut least = vec![nothing; rows.points];
        let shape = (pass.effort(6), T::TILE);
        workers.for_each_block(&mut least, (pass.wanted(), 1), shape, |first, out| {
            let mut totals = [nothing; MOST_ROWS];
            for (tiles, block) in pass.all_blocks(first..first + out.len(), 0) {
                pass.dispatch(block, |block| Search {
                    block,
                    first: tiles.start * T::TILE,
                    totals: &mut totals,
                })?;
            }
            out.copy_from_slice(&totals[..out.len()]);
            Ok(())
        })?;
        for (row, least) in least.iter().enumerate() {
            let at = rows.at(line, row);
            result.columns[at] = least.column;
            result.values[at] = least.value.to_f64();
        }
    }
    Ok(result)
}

/// h of a line in tiles; −∞ for a column of weight 0.
fn heights<T: Float>(pass: &Pass<'_, T>, columns: Layout, line: usize) -> Aligned<T> {
    let tiles = pass.columns().tiles();
    let mut heights = Aligned::filled(tiles * T::TILE, T::from_f64(f64::NEG_INFINITY));
    let weights = pass.weights();
    for (point, height) in heights[..columns.points].iter_mut().enumerate() {
        if weights
            .is_none_or(|weights| weights.relative(entry(weights, columns, line, point)) > 0.0)
        {
            *height = pass.potential_at(columns, line, point);
        }
    }
    heights
}

/// The kernel: the least values over the columns of a block, whose terms are h.
struct Search<'a, T> {
    block: Block<'a, T>,
    /// The first of its columns.
    first: usize,
    /// The output, one a row, padded to a multiple of [`ROWS`].
    totals: &'a mut [Least<T>],
}

impl<T: Float> RowKernel for Search<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float> Search<'_, T> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            first,
            totals,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let lanes = T::width::<S>();
        let width = V * lanes;
        let mut places = Aligned::filled(T::TILE, T::ZERO);
        for (place, value) in places.iter_mut().enumerate() {
            *value = T::from_f64(place as f64);
        }

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, None, true);
            let mut values = [T::splat(simd, T::from_f64(f64::INFINITY)); ROWS];
            let mut at = [zero; ROWS];
            let columns = block.columns.chunks_exact(block.dimension * T::TILE);
            let tiles = columns.zip(block.terms.chunks_exact(T::TILE));
            for (tile, (columns, terms)) in tiles.enumerate() {
                let start = T::splat(simd, T::from_f64((tile * T::TILE) as f64));
                for column in (0..T::TILE).step_by(width) {
                    let meeting = rows.meet(columns, column);
                    let [_, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                    let h = T::lanes::<S>(&terms[column..][..width]);
                    let place = T::lanes::<S>(&places[column..][..width]);
                    for v in 0..V {
                        let place = T::add(simd, start, place[v]);
                        for r in 0..ROWS {
                            let value = T::sub(simd, costs[r][v], h[v]);
                            at[r] = T::where_less(simd, (value, values[r]), place, at[r]);
                            values[r] = T::where_less(simd, (value, values[r]), value, values[r]);
                        }
                    }
                }
            }
            for (r, total) in totals[row..][..ROWS].iter_mut().enumerate() {
                let mut least = [T::ZERO; MOST_LANES];
                let mut place = [T::ZERO; MOST_LANES];
                T::lanes_mut::<S>(&mut least)[0] = values[r];
                T::lanes_mut::<S>(&mut place)[0] = at[r];
                let mut found: Option<(f64, f64)> = None;
                for (value, place) in least[..lanes].iter().zip(&place) {
                    let here = (value.to_f64(), place.to_f64());
                    if here.0 < f64::INFINITY && found.is_none_or(|found| here < found) {
                        found = Some(here);
                    }
                }
                if let Some((value, place)) = found
                    && value < total.value.to_f64()
                {
                    *total = Least {
                        value: T::from_f64(value),
                        column: u32::try_from(first + place as usize).ok(),
                    };
                }
            }
        }
    }
}

//! A pass of rows over all columns, cut into blocks.
//!
//! Rows are cut so that a block lies in one tile, columns into ranges of tiles that fit the cache.
//! Sums are carried from range to range by whoever runs the kernels; a range left out is a range
//! not computed.

use crate::aligned::Aligned;
use crate::block::{Block, RowKernel, dispatch, dispatch_in};
use crate::cloud::CpuCloud;
use crate::power::Metric;
use crate::real::Float;
use haul_core::engine::Kernel;
use haul_core::{Cost, Interrupt, Result};
use pulp::{Arch, WithSimd};
use std::f64::consts::LOG2_E;
use std::ops::Range;

/// A range of columns occupies about so many bytes and stays in the caches of its core while
/// the rows of a block go over it.
const RANGE_BYTES: usize = 64 << 10;

/// A sum within a range has at most so many terms.
pub(crate) const RANGE_COLUMNS: usize = 4096;

/// How many roundings of the engine's format a term of a sum over columns goes through, at most, on any
/// instruction set.
///
/// Within a range of up to 4096 columns each lane of a vector adds some 32 terms in a row (as many as a tile has
/// for it, where these are more), the sums of such rows in another, and in the end come the lanes: at most
/// 128 roundings in f32 and 160 in f64, which are those without vectors; 44 and 51 with AVX-512, 51 and 66 with
/// AVX2, 66 and 97 with NEON. Ranges are added up in f64, in no more than a rounding for each 64 columns
/// (32 in f64).
///
/// A softmin without a guess goes by a running maximum instead, of which this is no bound.
pub const SUM_ROUNDINGS: usize = 160;

/// Rows and columns of a pass over all pairs.
#[derive(Debug)]
pub(crate) struct Pass<'a, T> {
    arch: Arch,
    kernel: Kernel,
    rows: &'a CpuCloud<T>,
    columns: &'a CpuCloud<T>,
    /// The columns' terms h.
    terms: Aligned<T>,
    interrupt: &'a Interrupt,
}

impl<'a, T: Float> Pass<'a, T> {
    pub(crate) fn new(
        (arch, interrupt): (Arch, &'a Interrupt),
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
            interrupt,
        }
    }

    /// The pass without weights in its exponents: values are to bring them.
    pub(crate) fn without_weights(mut self, potential: &[T]) -> Self {
        self.terms = self.columns.terms_of(potential, self.sharpness());
        self
    }

    pub(crate) fn rows(&self) -> &'a CpuCloud<T> {
        self.rows
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

    /// Some rows, all of one tile, against the columns of some tiles, one range after the other. A
    /// column has `values` numbers beside its coordinates and its term.
    pub(crate) fn blocks(
        &self,
        rows: Range<usize>,
        tiles: Range<usize>,
        values: usize,
    ) -> impl Iterator<Item = (Range<usize>, Block<'_, T>)> {
        let dimension = self.rows.dimension();
        let bytes = (dimension + 1 + values) * size_of::<T>();
        let step = (RANGE_BYTES / bytes).min(RANGE_COLUMNS) / T::TILE;
        ranges(tiles, step.max(1)).map(move |range| {
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

    /// Runs a kernel on the machine's instruction set, if nobody has interrupted the engine.
    pub(crate) fn dispatch(&self, kernel: impl RowKernel) -> Result<()> {
        self.interrupt.check()?;
        let metric = Metric::<T>::new(self.kernel.cost);
        dispatch(self.arch, self.rows.dimension(), metric, kernel);
        Ok(())
    }

    /// The same in a dimension that the caller knows.
    pub(crate) fn dispatch_in<const D: usize>(&self, kernel: impl RowKernel) -> Result<()> {
        self.interrupt.check()?;
        let metric = Metric::<T>::new(self.kernel.cost);
        dispatch_in::<T, _, D>(self.arch, metric, kernel);
        Ok(())
    }

    /// The same for what asks for no distances.
    pub(crate) fn run(&self, work: impl WithSimd<Output = ()>) -> Result<()> {
        self.interrupt.check()?;
        self.arch.dispatch(work);
        Ok(())
    }
}

/// A range cut into ranges of at most `step`.
pub(crate) fn ranges(whole: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = whole.end;
    whole
        .step_by(step)
        .map(move |start| start..(start + step).min(end))
}

/// k = log₂(e)/ε, within the range of every format.
fn sharpness(kernel: Kernel) -> f64 {
    (LOG2_E / kernel.epsilon).min(1e26)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::tiles_of_lanes;

    #[test]
    fn no_instruction_set_rounds_a_sum_more_often() {
        let roundings = |tile: usize, lanes: usize| {
            let span = tiles_of_lanes(lanes, tile) * tile;
            let spans = RANGE_COLUMNS.div_ceil(span);
            span / lanes + spans + lanes.ilog2() as usize
        };
        let single = [1, 4, 8, 16].map(|lanes| roundings(f32::TILE, lanes));
        let double = [1, 2, 4, 8].map(|lanes| roundings(f64::TILE, lanes));
        assert_eq!(single, [128, 66, 51, 44]);
        assert_eq!(double, [SUM_ROUNDINGS, 97, 66, 51]);
    }
}

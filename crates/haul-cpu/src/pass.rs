//! A pass of rows over all columns, cut into blocks.
//!
//! Each block of rows lies in one tile; columns are cut into ranges of tiles that fit the cache.
//! The caller of the kernels carries sums from range to range, and computes only the ranges
//! that it passes.

use crate::aligned::Aligned;
use crate::block::{Block, RowKernel, dispatch, dispatch_in, tiles_of_lanes};
use crate::distances::{self, Kept};
use crate::layout::Layout;
use crate::points::CpuPoints;
use crate::power::Metric;
use crate::real::Float;
use crate::vectors::CpuVector;
use crate::weights::{CpuWeights, terms};
use haul_core::engine::{self, Kernel, Lines, Pairs, Side};
use haul_core::{Cost, Interrupt, Precision, Result};
use pulp::{Arch, WithSimd};
use std::f64::consts::LOG2_E;
use std::ops::Range;

/// A range of columns occupies about so many bytes, and stays in the caches of its core while
/// the rows of a block use it.
const RANGE_BYTES: usize = 64 << 10;

/// A sum within a range has at most so many terms.
pub(crate) const RANGE_COLUMNS: usize = 4096;

/// The largest number of roundings of a term in a sum over so many columns, for vectors of so many lanes.
///
/// Within a range of up to 4096 columns each lane of a vector adds some 32 terms (or all its terms of a tile, if these
/// are more), then the sums of such runs, and at the end the lanes are added. That makes at most
/// 128 roundings in f32 and 160 in f64, without vectors; 44 and 51 with AVX-512, 51 and 66 with
/// AVX2, 66 and 97 with NEON. Ranges are added up in f64, with at most one rounding for each tile, which matters in f64.
///
/// A product of many values adds 32 columns in a row, then four such sums, and then adds in f64: at most
/// 36 roundings. A softmin without a guess uses a running maximum instead, for which this is no bound.
pub(crate) fn row_roundings<T: Float>(lanes: usize, columns: usize) -> usize {
    let span = tiles_of_lanes(lanes, T::TILE) * T::TILE;
    let spans = RANGE_COLUMNS.min(columns).div_ceil(span);
    let within = span / lanes + spans + lanes.ilog2() as usize;
    let ranges = match T::PRECISION {
        Precision::F32 => 1,
        Precision::F64 => columns.div_ceil(T::TILE),
    };
    columns.min(within + ranges)
}

/// Rows and columns of a pass over pairs.
#[derive(Debug)]
pub(crate) struct Pass<'a, T> {
    arch: Arch,
    interrupt: &'a Interrupt,
    pairs: Pairs<'a, CpuPoints<T>>,
    side: Side<'a, CpuWeights, CpuVector<T>>,
    /// The columns' terms h, from the weights and potentials that all lines share.
    terms: Aligned<T>,
    /// Squared distances of earlier passes, and of those with rows and columns exchanged.
    kept: [Option<Kept<T>>; 2],
}

impl<'a, T: Float> Pass<'a, T> {
    pub(crate) fn new(
        (arch, interrupt): (Arch, &'a Interrupt),
        pairs: Pairs<'a, CpuPoints<T>>,
        side: Side<'a, CpuWeights, CpuVector<T>>,
    ) -> Self {
        let mut pass = Self {
            arch,
            interrupt,
            pairs,
            side,
            terms: Aligned::filled(0, T::ZERO),
            kept: [None, None],
        };
        let weights = pass.common_weights();
        pass.terms = pass.terms_with(weights.map(CpuWeights::log_weights));
        pass
    }

    /// The pass with squared distances of earlier passes in place of those that it would compute.
    pub(crate) fn with_distances(self, kept: [Option<Kept<T>>; 2]) -> Self {
        Self { kept, ..self }
    }

    /// The pass without weights in its exponents, for values that include them.
    pub(crate) fn without_weights(mut self) -> Self {
        self.terms = self.terms_with(None);
        self
    }

    /// h of the columns for some log weights.
    pub(crate) fn terms_with(&self, log_weights: Option<&[f64]>) -> Aligned<T> {
        let points = self.columns().len();
        let potential = self.potential().filter(|g| g.len() == points);
        terms(points, log_weights, potential, self.sharpness())
    }

    pub(crate) fn rows(&self) -> &'a CpuPoints<T> {
        self.pairs.rows
    }

    pub(crate) fn columns(&self) -> &'a CpuPoints<T> {
        self.pairs.columns
    }

    /// The rows whose results are wanted.
    pub(crate) fn wanted(&self) -> Range<usize> {
        self.pairs.wanted(self.rows().len())
    }

    /// b; none where all are 1.
    pub(crate) fn weights(&self) -> Option<&'a CpuWeights> {
        self.side.weights
    }

    /// g; none where it is 0.
    pub(crate) fn potential(&self) -> Option<&'a [T]> {
        self.side.potential.map(|potential| &potential.values[..])
    }

    /// g of a point in a line: the line's own, or the one for all lines.
    #[inline(always)]
    pub(crate) fn potential_at(&self, columns: Layout, line: usize, point: usize) -> T {
        let at = |g: &[T]| match g.len() == columns.points {
            true => g[point],
            false => g[columns.at(line, point)],
        };
        self.potential().map_or(T::ZERO, at)
    }

    /// Replaces the columns' terms.
    pub(crate) fn set_terms(&mut self, terms: Aligned<T>) {
        self.terms = terms;
    }

    pub(crate) fn lines(&self) -> Lines {
        self.pairs.lines
    }

    /// b; none where all are 1, or lines have weights of their own.
    pub(crate) fn common_weights(&self) -> Option<&'a CpuWeights> {
        let points = self.columns().len();
        self.weights().filter(|weights| weights.len() == points)
    }

    /// b̄ of a line. Lines with weights of their own are histograms one after the other.
    pub(crate) fn mean_weight_of(&self, line: usize) -> f64 {
        match (self.common_weights(), self.weights()) {
            (Some(weights), _) => weights.mean(0),
            (None, Some(weights)) => weights.mean(line % weights.histograms()),
            (None, None) => 1.0,
        }
    }

    /// b̄, the weight whose logarithm is 0 in the terms.
    pub(crate) fn mean_weight(&self) -> f64 {
        self.common_weights().map_or(1.0, |weights| weights.mean(0))
    }

    pub(crate) fn cost(&self) -> Cost {
        self.pairs.kernel.cost
    }

    pub(crate) fn epsilon(&self) -> f64 {
        self.pairs.kernel.epsilon
    }

    /// Whether some pairs are left out.
    pub(crate) fn has_near(&self) -> bool {
        self.pairs.near.is_some()
    }

    /// About how many operations a row takes: some for each pair, and some for each of its dimensions.
    pub(crate) fn effort(&self, beside: usize) -> usize {
        let columns = match self.pairs.near {
            Some(near) => near.pairs() as usize / near.rows().max(1),
            None => self.columns().len(),
        };
        columns.saturating_mul(2 * self.rows().dimension() + beside)
    }

    /// The tiles of columns that some rows of one tile take, in as few ranges as possible.
    pub(crate) fn spans(&self, rows: &Range<usize>) -> Vec<Range<usize>> {
        let Some(near) = self.pairs.near else {
            return vec![self.columns().all_tiles()];
        };
        let mut spans: Vec<Range<usize>> = Vec::new();
        for range in near.of_tile(rows.start / engine::TILE) {
            let tiles = range.start / T::TILE..range.end.div_ceil(T::TILE);
            match spans.last_mut() {
                Some(last) if last.end == tiles.start => last.end = tiles.end,
                _ => spans.push(tiles),
            }
        }
        spans
    }

    /// Some rows of one tile against all columns that they take, one range after the other. A column has
    /// `values` numbers besides its coordinates and its term.
    pub(crate) fn all_blocks(
        &self,
        rows: Range<usize>,
        values: usize,
    ) -> impl Iterator<Item = (Range<usize>, Block<'_, T>)> {
        let spans = self.spans(&rows).into_iter();
        spans.flat_map(move |tiles| self.blocks(rows.clone(), tiles, values))
    }

    /// The same against the columns of some tiles.
    pub(crate) fn blocks(
        &self,
        rows: Range<usize>,
        tiles: Range<usize>,
        values: usize,
    ) -> impl Iterator<Item = (Range<usize>, Block<'_, T>)> {
        let dimension = self.rows().dimension();
        let bytes = (dimension + 1 + values) * size_of::<T>();
        let step = (RANGE_BYTES / bytes).min(RANGE_COLUMNS) / T::TILE;
        ranges(tiles, step.max(1)).map(move |range| {
            let terms = &self.terms[range.start * T::TILE..range.end * T::TILE];
            (range.clone(), self.block(rows.clone(), range, terms))
        })
    }

    /// Some rows of one tile against some tiles of columns with other terms.
    pub(crate) fn block<'b>(
        &'b self,
        rows: Range<usize>,
        columns: Range<usize>,
        terms: &'b [T],
    ) -> Block<'b, T> {
        let tile = rows.start / T::TILE;
        let kept = self.kept[0].as_ref().and_then(|kept| {
            kept.of_tile(tile, || {
                distances::of_tile(self.arch, self.rows(), self.columns(), tile)
            })
        });
        let (columns, dimension) = match kept {
            Some(squares) => {
                let size = T::TILE * T::TILE;
                (&squares[columns.start * size..columns.end * size], T::TILE)
            }
            None => (self.columns().coordinates(columns), self.rows().dimension()),
        };
        Block {
            rows: self.rows().coordinates(tile..tile + 1),
            first: rows.start % T::TILE,
            count: rows.len(),
            columns,
            kept: kept.is_some(),
            terms,
            dimension,
            metric: Metric::new(self.pairs.kernel.cost),
            sharpness: T::from_f64(self.sharpness()),
        }
    }

    /// A tile of rows with terms f against a tile of columns, where the two sides are exchanged.
    pub(crate) fn exchanged<'b>(
        &'b self,
        (rows, terms): (usize, &'b [T]),
        columns: usize,
    ) -> Block<'b, T> {
        let size = T::TILE * T::TILE;
        let kept = self.kept[1].as_ref();
        let kept = kept
            .and_then(|kept| kept.at_tile(columns))
            .map(|squares| &squares[rows * size..][..size]);
        Block {
            rows: self.columns().coordinates(columns..columns + 1),
            first: 0,
            count: T::TILE,
            columns: kept.unwrap_or_else(|| self.rows().coordinates(rows..rows + 1)),
            kept: kept.is_some(),
            terms,
            dimension: match kept {
                Some(_) => T::TILE,
                None => self.rows().dimension(),
            },
            metric: Metric::new(self.pairs.kernel.cost),
            sharpness: T::from_f64(self.sharpness()),
        }
    }

    /// h of a tile of columns.
    pub(crate) fn terms_of(&self, tile: usize) -> &[T] {
        &self.terms[tile * T::TILE..][..T::TILE]
    }

    /// k = log₂(e)/ε.
    pub(crate) fn sharpness(&self) -> f64 {
        sharpness(self.pairs.kernel)
    }

    /// Runs a kernel on a block and the engine's instruction set, unless the engine was interrupted.
    pub(crate) fn dispatch<'b, K: RowKernel>(
        &self,
        block: Block<'b, T>,
        kernel: impl FnOnce(Block<'b, T>) -> K,
    ) -> Result<()> {
        self.interrupt.check()?;
        dispatch(self.arch, block, kernel(block));
        Ok(())
    }

    /// The same where the caller knows the dimension.
    pub(crate) fn dispatch_in<const D: usize>(&self, kernel: impl RowKernel) -> Result<()> {
        self.interrupt.check()?;
        let metric = Metric::<T>::new(self.pairs.kernel.cost);
        dispatch_in::<T, _, D>(self.arch, metric, kernel);
        Ok(())
    }

    /// The same for kernels that need no distances.
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

    #[test]
    fn roundings_of_a_sum_grow_with_its_columns_to_a_few_dozen() {
        let single = [1, 4, 8, 16].map(|lanes| row_roundings::<f32>(lanes, 1 << 20));
        assert_eq!(single, [129, 67, 52, 45]);
        let double = [1, 2, 4, 8].map(|lanes| row_roundings::<f64>(lanes, 4096) - 4096 / 32);
        assert_eq!(double, [160, 97, 66, 51]);
        assert_eq!(row_roundings::<f32>(16, 3), 3);
        assert!(row_roundings::<f32>(16, 500) < 40);
    }
}

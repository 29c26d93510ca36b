//! Products with the plan's density: Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) Vᵢⱼ, where V is a row of values of
//! the column, or a term of the gradient of the cost.
//!
//! Up to four values of a column are summed as the power of a pair is computed. For more values the product is one of
//! matrices (`matrix`). For differences in many dimensions the coefficients are stored and multiplied (`wide`).
//!
//! The excess of the density over 1 is computed without weights in the exponent, where they would cost
//! digits: the values include the weights.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_ROWS};
use crate::matrix::{self, Panels};
use crate::pass::{Pass, ranges};
use crate::real::Float;
use crate::sums::{Differences, Slope, Summand, Sums, Values};
use crate::vectors::CpuVector;
use crate::weights;
use crate::wide::{self, Coefficients, Curvature, Evaluate, Multiply, Weighing};
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::Factor;
use std::ops::Range;

/// How many values of a pair are summed as its power is computed.
const MOST_VALUES: usize = 4;

/// How many dimensions are multiplied at once, where there are more.
const DIMENSIONS_AT_ONCE: usize = 64;

pub(crate) struct Product<'a, T> {
    pass: Pass<'a, T>,
    /// f of the rows; none where it is 0.
    potential: Option<&'a CpuVector<T>>,
    against: Against<'a, T>,
    /// Whether the product is computed as one of matrices even for few values.
    many_values: bool,
}

/// V.
#[derive(Clone, Copy)]
pub(crate) enum Against<'a, T> {
    /// φ(Cᵢⱼ) Vⱼ: `width` values a column.
    Values {
        factor: Factor,
        values: &'a [T],
        width: usize,
    },
    /// φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ): one value a column.
    Gradient { factor: Factor, values: &'a [T] },
    /// ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ): one direction a row.
    Curvature { directions: &'a [T] },
}

impl<T> Against<'_, T> {
    /// φ.
    fn factor(&self) -> Factor {
        match self {
            Self::Values { factor, .. } | Self::Gradient { factor, .. } => *factor,
            Self::Curvature { .. } => Factor::One,
        }
    }
}

impl<'a, T: Float> Product<'a, T> {
    /// A product of a pass that has the potentials of its rows and columns.
    pub(crate) fn new(
        pass: Pass<'a, T>,
        potential: Option<&'a CpuVector<T>>,
        against: Against<'a, T>,
    ) -> Self {
        // The excess over 1 is that of a density, whose logarithm contains no weight.
        let pass = match against.factor() {
            Factor::Excess => pass.without_weights(),
            Factor::One | Factor::Cost => pass,
        };
        Self {
            pass,
            potential,
            against,
            many_values: false,
        }
    }

    /// The same product, computed as a wide one is: each value has the same digits as it has among others.
    pub(crate) fn with_many_values(self) -> Self {
        Self {
            many_values: true,
            ..self
        }
    }

    pub(crate) fn run(&self, workers: &Workers, out: &mut [T]) -> Result<()> {
        let width = self.width();
        let weighted;
        let (values, each) = match self.against {
            Against::Values { values, .. } => (values, width),
            Against::Gradient { values, .. } => (values, 1),
            Against::Curvature { directions } => (directions, width),
        };
        let values = match self.against.factor() {
            Factor::Excess => {
                weighted = weights::weighted(self.pass.common_weights(), values, each);
                &weighted
            }
            Factor::One | Factor::Cost => values,
        };
        let effort = self.pass.effort(14 + 2 * width);
        let wanted = (self.pass.wanted(), width);
        if let (Against::Values { factor, .. }, false) = (self.against, self.is_narrow()) {
            let panels = Panels::new(workers, values, width)?;
            return workers.for_each_tile(out, wanted, (effort, T::TILE), |first, out| {
                self.multiply((factor, &panels), first, out)
            });
        }
        let values = in_tiles(values, each);
        let most = if self.is_narrow() || width > DIMENSIONS_AT_ONCE {
            T::TILE
        } else {
            wide::FEW_ROWS
        };
        workers.for_each_block(out, wanted, (effort, most), |first, out| {
            self.sum(&values, first, out)
        })
    }

    /// Whether the sums of all values stay in registers.
    fn is_narrow(&self) -> bool {
        let most = match self.against {
            Against::Values { .. } => MOST_VALUES,
            // A coefficient takes as long as a few differences.
            Against::Gradient { .. } => 2,
            Against::Curvature { .. } => 0,
        };
        !self.many_values && self.width() <= most && self.against.factor() != Factor::Excess
    }

    /// The number of values of a pair.
    pub(crate) fn width(&self) -> usize {
        match self.against {
            Against::Values { width, .. } => width,
            Against::Gradient { .. } | Against::Curvature { .. } => self.pass.columns().dimension(),
        }
    }

    /// The sums of some rows, for `tiled` values of the columns, or directions of the rows.
    fn sum<'s>(&'s self, tiled: &'s [T], first: usize, out: &mut [T]) -> Result<()> {
        let width = self.width();
        let size = width * T::TILE;
        match self.against {
            Against::Values { factor, .. } => {
                let values = |tiles: Range<usize>, _: &Block<'s, T>| Values {
                    factor,
                    values: &tiled[tiles.start * size..tiles.end * size],
                };
                match width {
                    1 => self.sum_few::<_, 1, 0>(first, out, values),
                    2 => self.sum_few::<_, 2, 0>(first, out, values),
                    3 => self.sum_few::<_, 3, 0>(first, out, values),
                    _ => self.sum_few::<_, MOST_VALUES, 0>(first, out, values),
                }
            }
            Against::Gradient { factor, .. } => {
                let slope = |tiles: Range<usize>, block: &Block<'s, T>| Slope {
                    factor,
                    values: &tiled[tiles.start * T::TILE..tiles.end * T::TILE],
                    differences: Differences::of(block),
                };
                match (self.is_narrow(), width) {
                    (true, 1) => self.sum_few::<_, 1, 1>(first, out, slope),
                    (true, _) => self.sum_few::<_, 2, 2>(first, out, slope),
                    (false, _) => self.sum_many(first, out, slope),
                }
            }
            Against::Curvature { .. } => {
                let directions = &tiled[first / T::TILE * size..][..size];
                let curvature = |_, block: &Block<'s, T>| Curvature {
                    directions,
                    differences: Differences::of(block),
                };
                self.sum_many(first, out, curvature)
            }
        }
    }

    /// As many values as registers hold, in the dimension D, or in any dimension if D is 0.
    fn sum_few<'s, M: Summand<T, N>, const N: usize, const D: usize>(
        &'s self,
        first: usize,
        out: &mut [T],
        summand: impl Fn(Range<usize>, &Block<'s, T>) -> M,
    ) -> Result<()> {
        let rows = first..first + out.len() / N;
        let potential = self.potential_of(rows.clone());
        let mut totals = [0.0; MOST_ROWS * MOST_VALUES];
        for (tiles, block) in self.pass.all_blocks(rows, N) {
            let sums = Sums {
                summand: summand(tiles, &block),
                block,
                potential: &potential,
                totals: &mut totals,
            };
            if const { D == 0 } {
                self.pass.dispatch(block, |_| sums)?;
            } else {
                self.pass.dispatch_in::<D>(sums)?;
            }
        }
        self.finish(&totals, out);
        Ok(())
    }

    /// Differences in any number of dimensions, times the coefficients of a pair.
    fn sum_many<'s, M: Weighing<T>>(
        &'s self,
        first: usize,
        out: &mut [T],
        weighing: impl Fn(Range<usize>, &Block<'s, T>) -> M,
    ) -> Result<()> {
        let width = self.width();
        let rows = first..first + out.len() / width;
        let tile = first / T::TILE;
        let potential = self.potential_of(rows.clone());
        let mut totals = vec![0.0; out.len()];
        let mut coefficients = Coefficients::new(rows.len(), wide::TILES);
        let spans = self.pass.spans(&rows).into_iter();
        for tiles in spans.flat_map(|span| ranges(span, wide::TILES)) {
            for (part, block) in self.pass.blocks(rows.clone(), tiles.clone(), 0) {
                self.pass.dispatch(block, |block| Evaluate {
                    block,
                    potential: &potential,
                    tile: part.start - tiles.start,
                    weighing: weighing(part, &block),
                    coefficients: &mut coefficients,
                })?;
            }
            for range in ranges(0..width, DIMENSIONS_AT_ONCE) {
                self.pass.run(Multiply {
                    coefficients: &coefficients,
                    rows: self.pass.rows().coordinates(tile..tile + 1),
                    columns: self.pass.columns().coordinates(tiles.clone()),
                    dimension: width,
                    row: first % T::TILE,
                    range,
                    totals: &mut totals,
                })?;
            }
        }
        self.finish(&totals, out);
        Ok(())
    }

    /// Any number of values of the columns, for a tile of rows.
    fn multiply(
        &self,
        (factor, values): (Factor, &Panels<T>),
        first: usize,
        out: &mut [T],
    ) -> Result<()> {
        let width = self.width();
        let rows = first..first + out.len() / width;
        let potential = self.potential_of(rows.clone());
        let side = (first / T::TILE, &potential[..T::TILE]);
        let room = width.next_multiple_of(matrix::VALUES) * T::TILE;
        let mut totals = Aligned::filled(room, 0.0);
        let mut coefficients = matrix::Coefficients::new();
        let step = matrix::Coefficients::<T>::TILES;
        let spans = self.pass.spans(&rows).into_iter();
        for tiles in spans.flat_map(|span| ranges(span, step)) {
            for (tile, coefficients) in tiles.clone().zip(coefficients.tiles()) {
                let exchanged = self.pass.exchanged(side, tile);
                self.pass
                    .dispatch(exchanged, |exchanged| matrix::Evaluate {
                        exchanged,
                        terms: self.pass.terms_of(tile),
                        factor,
                        rows: rows.len(),
                        coefficients,
                    })?;
            }
            self.pass.run(matrix::Multiply {
                coefficients: coefficients.all(),
                values,
                tiles,
                rows: rows.len(),
                totals: &mut totals,
            })?;
        }
        let scale = self.scale();
        // The sums of a few values at a time: they stay in the first cache.
        for range in ranges(0..width, 16) {
            let totals = &totals[range.start * T::TILE..range.end * T::TILE];
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let sums = totals.chunks_exact(T::TILE).map(|totals| totals[row]);
                for (out, sum) in out[range.clone()].iter_mut().zip(sums) {
                    *out = T::from_f64(sum * scale);
                }
            }
        }
        Ok(())
    }

    /// f of some rows, padded.
    fn potential_of(&self, rows: Range<usize>) -> [T; MOST_ROWS] {
        let mut potential = [T::ZERO; MOST_ROWS];
        if let Some(given) = self.potential {
            potential[..rows.len()].copy_from_slice(&given.values[rows]);
        }
        potential
    }

    fn finish(&self, totals: &[f64], out: &mut [T]) {
        let scale = self.scale();
        for (out, total) in out.iter_mut().zip(totals) {
            *out = T::from_f64(total * scale);
        }
    }

    /// What sums of powers are multiplied with.
    fn scale(&self) -> f64 {
        let p = self.pass.cost().p();
        let power = match self.against {
            Against::Values { .. } => 1.0,
            Against::Gradient { .. } => p,
            Against::Curvature { .. } => p * p,
        };
        power * self.pass.mean_weight()
    }
}

/// All values of points that have `width` of them, in tiles.
fn in_tiles<T: Float>(values: &[T], width: usize) -> Aligned<T> {
    let tiles = (values.len() / width.max(1)).div_ceil(T::TILE);
    let mut tiled = Aligned::filled(tiles * width * T::TILE, T::ZERO);
    let size = (width * T::TILE).max(1);
    for (points, tile) in values.chunks(size).zip(tiled.chunks_exact_mut(size)) {
        // A few values of all points at a time, so that the output stays in the first cache.
        for range in ranges(0..width, 16) {
            let tile = &mut tile[range.start * T::TILE..range.end * T::TILE];
            for (j, point) in points.chunks_exact(width).enumerate() {
                for (n, value) in point[range.clone()].iter().enumerate() {
                    tile[n * T::TILE + j] = *value;
                }
            }
        }
    }
    tiled
}

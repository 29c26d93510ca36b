//! Products with the plan's density: Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vᵢⱼ, where V is a row of values
//! that the column has, or the gradient of the cost times one value.
//!
//! Up to four values of a pair are taken at once; wider ones take several passes.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_ROWS};
use crate::pass::Pass;
use crate::real::Float;
use crate::sums::{Slope, Summand, Sums, Values};
use crate::workers::Workers;
use haul_core::engine::Factor;
use std::ops::Range;

/// Values of a pair taken at once.
const MOST_VALUES: usize = 4;

pub(crate) struct Product<'a, T> {
    pub(crate) pass: Pass<'a, T>,
    /// f of the rows.
    pub(crate) potential: &'a [T],
    pub(crate) factor: Factor,
    pub(crate) against: Against<'a, T>,
}

/// V.
#[derive(Clone, Copy)]
pub(crate) enum Against<'a, T> {
    /// Vⱼ: `width` values a column.
    Values { values: &'a [T], width: usize },
    /// vⱼ ∂ₓC(xᵢ, yⱼ): one value a column.
    Gradient { values: &'a [T] },
}

impl<T: Float> Product<'_, T> {
    pub(crate) fn run(&self, workers: &Workers, out: &mut [T]) {
        let width = self.width();
        let chunks: Vec<Chunk<T>> = (0..width)
            .step_by(MOST_VALUES)
            .map(|start| self.chunk(start..(start + MOST_VALUES).min(width)))
            .collect();
        let shape = (self.pass.effort(), T::TILE);
        workers.for_each_block(out, width, shape, |first, out| {
            for chunk in &chunks {
                match chunk.range.len() {
                    1 => self.sum::<1>(chunk, first, out),
                    2 => self.sum::<2>(chunk, first, out),
                    3 => self.sum::<3>(chunk, first, out),
                    _ => self.sum::<MOST_VALUES>(chunk, first, out),
                }
            }
        });
    }

    /// Values of a pair.
    pub(crate) fn width(&self) -> usize {
        match self.against {
            Against::Values { width, .. } => width,
            Against::Gradient { .. } => self.pass.columns().dimension(),
        }
    }

    /// Some of the values of all pairs.
    fn chunk(&self, range: Range<usize>) -> Chunk<T> {
        let values = match self.against {
            Against::Values { values, width } => self.in_tiles(values, width, range.clone()),
            Against::Gradient { values } => self.in_tiles(values, 1, 0..1),
        };
        Chunk { range, values }
    }

    /// Some of the values of all columns, in tiles.
    fn in_tiles(&self, values: &[T], width: usize, range: Range<usize>) -> Aligned<T> {
        let taken = range.len();
        let tiles = self.pass.columns().tiles();
        let mut tiled = Aligned::filled(tiles * taken * T::TILE, T::ZERO);
        for (j, column) in values.chunks_exact(width).enumerate() {
            let tile = &mut tiled[j / T::TILE * taken * T::TILE..][..taken * T::TILE];
            for (n, value) in column[range.clone()].iter().enumerate() {
                tile[n * T::TILE + j % T::TILE] = *value;
            }
        }
        tiled
    }

    fn sum<const N: usize>(&self, chunk: &Chunk<T>, first: usize, out: &mut [T]) {
        let factor = self.factor;
        match self.against {
            Against::Values { .. } => {
                let mean_weight = self.pass.columns().mean_weight();
                self.sum_with::<_, N>(chunk, (first, mean_weight), out, |tiles, _| {
                    let values = tiles.start * N * T::TILE..tiles.end * N * T::TILE;
                    let values = &chunk.values[values];
                    Values { factor, values }
                });
            }
            Against::Gradient { .. } => {
                let scale = self.pass.cost().p() * self.pass.columns().mean_weight();
                self.sum_with::<_, N>(chunk, (first, scale), out, |tiles, block| Slope {
                    factor,
                    values: &chunk.values[tiles.start * T::TILE..tiles.end * T::TILE],
                    rows: block.rows,
                    columns: block.columns,
                    dimension: block.dimension,
                    first: chunk.range.start,
                    squared: block.metric.is_squared(),
                });
            }
        }
    }

    /// The sums of some rows, times a number.
    fn sum_with<'s, M: Summand<T, N>, const N: usize>(
        &'s self,
        chunk: &Chunk<T>,
        (first, scale): (usize, f64),
        out: &mut [T],
        summand: impl Fn(Range<usize>, &Block<'s, T>) -> M,
    ) {
        let width = self.width();
        let count = out.len() / width;
        let mut potential = [T::ZERO; MOST_ROWS];
        potential[..count].copy_from_slice(&self.potential[first..][..count]);
        let mut totals = [0.0; MOST_ROWS * MOST_VALUES];
        for (tiles, block) in self.pass.blocks(first..first + count, N) {
            self.pass.dispatch(Sums {
                summand: summand(tiles, &block),
                block,
                potential: &potential,
                totals: &mut totals,
            });
        }
        let rows = out.chunks_exact_mut(width);
        for (out, totals) in rows.zip(totals.chunks_exact(N)) {
            for (out, total) in out[chunk.range.start..].iter_mut().zip(totals) {
                *out = T::from_f64(total * scale);
            }
        }
    }
}

/// Consecutive values of every pair.
struct Chunk<T> {
    range: Range<usize>,
    /// What the columns have of them, in tiles.
    values: Aligned<T>,
}

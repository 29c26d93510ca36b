//! Products with the plan's density: Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ.
//!
//! Up to four of the values of a column are taken at once; wider ones take several passes.

use crate::aligned::Aligned;
use crate::block::MOST_ROWS;
use crate::pass::Pass;
use crate::real::Float;
use crate::sums::Sums;
use crate::workers::Workers;
use haul_core::engine::Factor;
use std::ops::Range;

/// Values of a column taken at once.
const MOST_VALUES: usize = 4;

pub(crate) struct Product<'a, T> {
    pub(crate) pass: Pass<'a, T>,
    /// f of the rows.
    pub(crate) potential: &'a [T],
    pub(crate) factor: Factor,
    /// `width` of them a column.
    pub(crate) values: &'a [T],
    pub(crate) width: usize,
}

impl<T: Float> Product<'_, T> {
    pub(crate) fn run(&self, workers: &Workers, out: &mut [T]) {
        let chunks: Vec<Chunk<T>> = (0..self.width)
            .step_by(MOST_VALUES)
            .map(|start| self.chunk(start..(start + MOST_VALUES).min(self.width)))
            .collect();
        let shape = (self.pass.effort(), T::TILE);
        workers.for_each_block(out, self.width, shape, |first, out| {
            for chunk in &chunks {
                match chunk.width {
                    1 => self.sum::<1>(chunk, first, out),
                    2 => self.sum::<2>(chunk, first, out),
                    3 => self.sum::<3>(chunk, first, out),
                    _ => self.sum::<MOST_VALUES>(chunk, first, out),
                }
            }
        });
    }

    /// Some of the values of all columns, in tiles.
    fn chunk(&self, range: Range<usize>) -> Chunk<T> {
        let width = range.len();
        let tiles = self.pass.columns().tiles();
        let mut values = Aligned::filled(tiles * width * T::TILE, T::ZERO);
        for (j, column) in self.values.chunks_exact(self.width).enumerate() {
            let tile = &mut values[j / T::TILE * width * T::TILE..][..width * T::TILE];
            for (n, value) in column[range.clone()].iter().enumerate() {
                tile[n * T::TILE + j % T::TILE] = *value;
            }
        }
        Chunk {
            start: range.start,
            width,
            values,
        }
    }

    fn sum<const N: usize>(&self, chunk: &Chunk<T>, first: usize, out: &mut [T]) {
        let count = out.len() / self.width;
        let mut potential = [T::ZERO; MOST_ROWS];
        potential[..count].copy_from_slice(&self.potential[first..][..count]);
        let mut totals = [0.0; MOST_ROWS * MOST_VALUES];
        for (tiles, block) in self.pass.blocks(first..first + count, N) {
            self.pass.dispatch(Sums::<T, N> {
                block,
                potential: &potential,
                factor: self.factor,
                values: &chunk.values[tiles.start * N * T::TILE..tiles.end * N * T::TILE],
                totals: &mut totals,
            });
        }
        let mean_weight = self.pass.columns().mean_weight();
        let rows = out.chunks_exact_mut(self.width);
        for (out, totals) in rows.zip(totals.chunks_exact(N)) {
            for (out, total) in out[chunk.start..].iter_mut().zip(totals) {
                *out = T::from_f64(total * mean_weight);
            }
        }
    }
}

/// Consecutive values of every column.
struct Chunk<T> {
    start: usize,
    width: usize,
    values: Aligned<T>,
}

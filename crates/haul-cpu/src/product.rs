//! Products with the plan's density: Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) Vᵢⱼ, where V is a row of values that
//! the column has, or made of the gradient of the cost.
//!
//! Up to four values of a pair are taken at once; wider ones take several passes.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_ROWS};
use crate::pass::Pass;
use crate::real::Float;
use crate::sums::{Curvature, Differences, Slope, Summand, Sums, Values};
use crate::workers::Workers;
use haul_core::engine::Factor;
use std::ops::Range;
use std::sync::Arc;

/// Values of a pair taken at once.
const MOST_VALUES: usize = 4;

pub(crate) struct Product<'a, T> {
    pub(crate) pass: Pass<'a, T>,
    /// f of the rows.
    pub(crate) potential: &'a [T],
    pub(crate) against: Against<'a, T>,
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

impl<T: Float> Product<'_, T> {
    pub(crate) fn run(&self, workers: &Workers, out: &mut [T]) {
        let width = self.width();
        let ranges = (0..width)
            .step_by(MOST_VALUES)
            .map(|start| start..(start + MOST_VALUES).min(width));
        let chunks: Vec<Chunk<T>> = match self.against {
            Against::Values { values, .. } => ranges
                .map(|range| Chunk {
                    values: Arc::new(in_tiles(values, width, range.clone())),
                    range,
                })
                .collect(),
            Against::Gradient { values, .. } => chunks_of(in_tiles(values, 1, 0..1), ranges),
            Against::Curvature { directions } => {
                chunks_of(in_tiles(directions, width, 0..width), ranges)
            }
        };
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
            Against::Gradient { .. } | Against::Curvature { .. } => self.pass.columns().dimension(),
        }
    }

    fn sum<const N: usize>(&self, chunk: &Chunk<T>, first: usize, out: &mut [T]) {
        let mean_weight = self.pass.columns().mean_weight();
        let p = self.pass.cost().p();
        let start = chunk.range.start;
        match self.against {
            Against::Values { factor, .. } => {
                self.sum_with::<_, N>(chunk, (first, mean_weight), out, |tiles, _| Values {
                    factor,
                    values: &chunk.values[tiles.start * N * T::TILE..tiles.end * N * T::TILE],
                });
            }
            Against::Gradient { factor, .. } => {
                self.sum_with::<_, N>(chunk, (first, p * mean_weight), out, |tiles, block| Slope {
                    factor,
                    values: &chunk.values[tiles.start * T::TILE..tiles.end * T::TILE],
                    differences: Differences::of(block),
                    first: start,
                });
            }
            Against::Curvature { .. } => {
                let size = self.width() * T::TILE;
                let directions = &chunk.values[first / T::TILE * size..][..size];
                let scale = p * p * mean_weight;
                self.sum_with::<_, N>(chunk, (first, scale), out, |_, block| Curvature {
                    directions,
                    differences: Differences::of(block),
                    first: start,
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
    /// What the columns, or the rows, have of them, in tiles.
    values: Arc<Aligned<T>>,
}

/// Chunks that share what they are made of.
fn chunks_of<T>(values: Aligned<T>, ranges: impl Iterator<Item = Range<usize>>) -> Vec<Chunk<T>> {
    let values = Arc::new(values);
    let chunk = |range| Chunk {
        range,
        values: Arc::clone(&values),
    };
    ranges.map(chunk).collect()
}

/// Some of the values of points that have `width` of them, in tiles.
fn in_tiles<T: Float>(values: &[T], width: usize, range: Range<usize>) -> Aligned<T> {
    let taken = range.len();
    let tiles = (values.len() / width).div_ceil(T::TILE);
    let mut tiled = Aligned::filled(tiles * taken * T::TILE, T::ZERO);
    for (j, point) in values.chunks_exact(width).enumerate() {
        let tile = &mut tiled[j / T::TILE * taken * T::TILE..][..taken * T::TILE];
        for (n, value) in point[range.clone()].iter().enumerate() {
            tile[n * T::TILE + j % T::TILE] = *value;
        }
    }
    tiled
}

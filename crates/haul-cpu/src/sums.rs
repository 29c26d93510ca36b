//! The kernel of plain sums: for rows i and values V of width N,
//!
//! ```text
//! Sᵢ = Σⱼ 2^(hⱼ − k(Cᵢⱼ − fᵢ)) φ(Cᵢⱼ) Vⱼ
//! ```
//!
//! without values (N = 0) the sum of the powers themselves. The potential f of the row enters
//! where the cost is summed up, in its units: for p = 2 as the number the squares are added to.
//! Powers are summed in the engine's precision over one range of columns, and over ranges in f64.

use crate::block::{Block, ROWS, RowKernel, costs_of_squares, squared_distances};
use crate::exp2::exp2;
use crate::real::Float;
use haul_core::engine::Factor;
use pulp::Simd;

pub(crate) struct Sums<'a, T, const N: usize> {
    pub(crate) block: Block<'a, T>,
    /// f of the rows, filled up to a multiple of [`ROWS`].
    pub(crate) potential: &'a [T],
    pub(crate) factor: Factor,
    /// N values a column, in tiles: each holds the first value of all its columns, then the next.
    pub(crate) values: &'a [T],
    /// Where the sums are added: N (at least 1) a row, filled up to a multiple of [`ROWS`] rows.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float, const N: usize> RowKernel for Sums<'_, T, N> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        // As many columns as the registers hold beside the sums.
        if S::REGISTER_COUNT < 32 {
            if D == 0 && T::width::<S>() > 1 {
                self.run_with::<S, D, POWER, 2>(simd);
            } else {
                self.run_with::<S, D, POWER, 1>(simd);
            }
        } else if D == 0 {
            self.run_with::<S, D, POWER, 4>(simd);
        } else if N <= 1 {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float, const N: usize> Sums<'_, T, N> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            potential,
            factor,
            values,
            totals,
        } = self;
        let sharpness = T::splat(simd, block.sharpness);
        let zero = T::splat(simd, T::ZERO);
        let seeded = block.metric.is_squared() && factor == Factor::One;
        let width = V * T::width::<S>();

        for row in (0..block.count).step_by(ROWS) {
            let mut f = [zero; ROWS];
            for (f, value) in f.iter_mut().zip(&potential[row..][..ROWS]) {
                *f = T::splat(simd, *value);
            }
            let mut seeds = [zero; ROWS];
            if seeded {
                for r in 0..ROWS {
                    seeds[r] = T::sub(simd, zero, f[r]);
                }
            }
            let mut plain = [zero; ROWS];
            let mut weighted = [[zero; N]; ROWS];

            let rows = (block.rows, block.first + row);
            let columns = block.columns.chunks_exact(block.dimension * T::TILE);
            let terms = block.terms.chunks_exact(T::TILE);
            for (tile, (columns, terms)) in columns.zip(terms).enumerate() {
                for column in (0..T::TILE).step_by(width) {
                    let squares = squared_distances::<T, S, D, V>(
                        simd,
                        block.dimension,
                        rows,
                        (columns, column),
                        seeds,
                    );
                    let costs = costs_of_squares::<T, S, POWER, V>(simd, block.metric, squares);
                    let h = T::lanes::<S>(&terms[column..][..width]);
                    for r in 0..ROWS {
                        for v in 0..V {
                            let cost = costs[r][v];
                            let rest = if seeded {
                                cost
                            } else {
                                T::sub(simd, cost, f[r])
                            };
                            let s = T::negate_mul_add(simd, sharpness, rest, h[v]);
                            let mut power = exp2::<T, S>(simd, s);
                            if N == 0 {
                                plain[r] = T::add(simd, plain[r], power);
                            } else {
                                if factor == Factor::Cost {
                                    power = T::mul(simd, power, cost);
                                }
                                for (n, sum) in weighted[r].iter_mut().enumerate() {
                                    let at = (tile * N + n) * T::TILE + column;
                                    let value = T::lanes::<S>(&values[at..][..width])[v];
                                    *sum = T::mul_add(simd, power, value, *sum);
                                }
                            }
                        }
                    }
                }
            }

            for r in 0..ROWS {
                if N == 0 {
                    totals[row + r] += T::sum(simd, plain[r]).to_f64();
                }
                for (n, sum) in weighted[r].iter().enumerate() {
                    totals[(row + r) * N + n] += T::sum(simd, *sum).to_f64();
                }
            }
        }
    }
}

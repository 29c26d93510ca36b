//! A softmin that computes, in the same pass, the masses that the plan of its guess moves between groups of points:
//!
//! ```text
//! M_{IJ} = Σ_{i ∈ I} aᵢ Σ_{j ∈ J} bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε)        f the guess
//! ```
//!
//! Groups consist of whole tiles. The kernel sums each tile of columns by itself, lane by lane, before it adds that to
//! the sums of the rows; so a tile costs a few operations more, whatever the number of groups. One thread computes a tile of
//! rows, and the masses of tiles are added to those of their group in the order of the tiles: the result does not
//! depend on the number of threads.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_LANES, MOST_ROWS, ROWS, RowKernel, Rows, is_known, tiles_in_a_row};
use crate::exp2::exp2;
use crate::pass::{Pass, RANGE_COLUMNS, ranges};
use crate::real::Float;
use crate::softmin::finish_guessed;
use crate::vectors::CpuVector;
use crate::weights::CpuWeights;
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::Groups;
use pulp::Simd;

/// How many tiles of rows have their masses in memory at a time.
const TILES_AT_ONCE: usize = 256;

/// T_b(h) for all rows of a pass, near `guess`, and the masses of its plan.
pub(crate) fn softmin<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    guess: &[T],
    groups: Groups<'_, CpuWeights, CpuVector<T>>,
    out: &mut [T],
) -> Result<()> {
    let width = groups.columns.len() - 1;
    let of_tiles = |firsts: &[usize], tiles: usize| -> Vec<usize> {
        let group_of = |tile| firsts.partition_point(|first| *first <= tile * T::TILE) - 1;
        (0..tiles).map(group_of).collect()
    };
    let row_groups = of_tiles(groups.rows, pass.rows().tiles());
    let column_groups = of_tiles(groups.columns, pass.columns().tiles());
    let mut sums = vec![0.0; (groups.rows.len() - 1) * width];
    for batch in ranges(pass.rows().all_tiles(), TILES_AT_ONCE) {
        let mut masses = vec![0.0; batch.len() * width];
        let rows = batch.start * T::TILE..out.len().min(batch.end * T::TILE);
        let work = Work {
            pass,
            guess,
            weights: groups.weights,
            column_groups: &column_groups,
        };
        let tiles = out[rows].chunks_mut(T::TILE).zip(masses.chunks_mut(width));
        let tiles = batch.clone().zip(tiles).collect();
        workers.for_each(tiles, |(tile, (out, masses))| {
            work.tile(tile * T::TILE, masses, out)
        })?;
        for (tile, masses) in batch.zip(masses.chunks_exact(width)) {
            let group = &mut sums[row_groups[tile] * width..][..width];
            for (sum, mass) in group.iter_mut().zip(masses) {
                *sum += mass;
            }
        }
    }
    let unit = groups.weights.mean(0) * pass.mean_weight();
    for (mass, sum) in groups.masses.values.iter_mut().zip(sums) {
        *mass = T::from_f64(unit * sum);
    }
    Ok(())
}

/// The arguments that all tiles of rows share.
struct Work<'a, T> {
    pass: &'a Pass<'a, T>,
    guess: &'a [T],
    weights: &'a CpuWeights,
    /// The group of each tile of columns.
    column_groups: &'a [usize],
}

impl<T: Float> Work<'_, T> {
    /// The softmin of the rows from `first` on, and their masses.
    fn tile(&self, first: usize, masses: &mut [f64], out: &mut [T]) -> Result<()> {
        let rows = first..first + out.len();
        let guess = &self.guess[rows.clone()];
        let mut potential = [T::ZERO; MOST_ROWS];
        potential[..guess.len()].copy_from_slice(guess);
        let mut weights = [T::ZERO; MOST_ROWS];
        for (weight, row) in weights.iter_mut().zip(rows.clone()) {
            *weight = T::from_f64(self.weights.relative(row));
        }
        let mut lanes = Aligned::filled(RANGE_COLUMNS / T::TILE * MOST_LANES, T::ZERO);
        let mut totals = [0.0; MOST_ROWS];
        for (tiles, block) in self.pass.all_blocks(rows, 0) {
            lanes.fill(T::ZERO);
            self.pass.dispatch(Masses {
                block,
                potential: &potential,
                weights: &weights,
                totals: &mut totals,
                masses: &mut lanes,
            })?;
            for (tile, lanes) in tiles.zip(lanes.chunks_exact(MOST_LANES)) {
                let mass: f64 = lanes.iter().map(|lane| lane.to_f64()).sum();
                masses[self.column_groups[tile]] += mass;
            }
        }
        finish_guessed(self.pass, first, guess, &totals, out)
    }
}

/// The kernel: powers summed over rows, and over each tile of columns.
struct Masses<'a, T> {
    block: Block<'a, T>,
    /// f of the rows.
    potential: &'a [T],
    /// a of the rows.
    weights: &'a [T],
    /// Where the sums of rows are added.
    totals: &'a mut [f64],
    /// Where the masses of each tile of columns are added, in up to [`MOST_LANES`] parts.
    masses: &'a mut [T],
}

impl<T: Float> RowKernel for Masses<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.run_with::<S, D, POWER, 1>(simd);
        } else if const { is_known(D) } {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 4>(simd);
        }
    }
}

impl<T: Float> Masses<'_, T> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            potential,
            weights,
            totals,
            masses,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let width = V * T::width::<S>();
        let size = block.dimension * T::TILE;
        let span = tiles_in_a_row::<T, S>();

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, Some(potential), true);
            let mut a = [zero; ROWS];
            for r in 0..ROWS {
                a[r] = T::splat(simd, weights[row + r]);
            }
            let mut sums = [zero; ROWS];
            let spans = block.columns.chunks(span * size);
            let spans = spans.zip(block.terms.chunks(span * T::TILE));
            for ((columns, terms), masses) in spans.zip(masses.chunks_mut(span * MOST_LANES)) {
                let mut inner = [zero; ROWS];
                let tiles = columns.chunks_exact(size).zip(terms.chunks_exact(T::TILE));
                for ((columns, terms), masses) in tiles.zip(masses.chunks_exact_mut(MOST_LANES)) {
                    let mut of_tile = [zero; ROWS];
                    for column in (0..T::TILE).step_by(width) {
                        let meeting = rows.meet(columns, column);
                        let [_, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                        let h = T::lanes::<S>(&terms[column..][..width]);
                        for r in 0..ROWS {
                            for v in 0..V {
                                let s = rows.exponent(simd, r, costs[r][v], h[v]);
                                of_tile[r] = T::add(simd, of_tile[r], exp2::<T, S>(simd, s));
                            }
                        }
                    }
                    let mass = &mut T::lanes_mut::<S>(masses)[0];
                    for r in 0..ROWS {
                        inner[r] = T::add(simd, inner[r], of_tile[r]);
                        *mass = T::mul_add(simd, a[r], of_tile[r], *mass);
                    }
                }
                for r in 0..ROWS {
                    sums[r] = T::add(simd, sums[r], inner[r]);
                }
            }
            for r in 0..ROWS {
                totals[row + r] += T::sum(simd, sums[r]).to_f64();
            }
        }
    }
}

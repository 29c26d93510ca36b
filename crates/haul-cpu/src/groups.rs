//! A softmin that computes, in the same pass, the masses that the plan of its result moves between groups of points:
//!
//! ```text
//! M_{IJ} = Σ_{i ∈ I} aᵢ Σ_{j ∈ J} bⱼ exp((λ fᵢ + gⱼ − Cᵢⱼ)/ε)        f the result
//! ```
//!
//! Groups consist of whole pieces of [`GROUP`] points. The kernel sums each piece of columns by itself, lane by lane,
//! before it adds that to the sums of its row and of its group. A row's sums of groups are divided by the row's sum when
//! that is known, so that the guess has no effect. One thread computes a piece of rows, and the masses of pieces are added to
//! those of their group in the order of the pieces: the result does not depend on the number of threads.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_LANES, MOST_ROWS, ROWS, RowKernel, Rows, is_known, tiles_in_a_row};
use crate::exp2::exp2;
use crate::pass::{Pass, ranges};
use crate::real::Float;
use crate::softmin::finish_guessed;
use crate::vectors::CpuVector;
use crate::weights::CpuWeights;
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::{GROUP, Groups};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// How many rows have their sums over groups in memory at a time: few, so that these stay in the first cache.
const ROWS_AT_ONCE: usize = ROWS;

/// How many pieces of rows have their masses in memory at a time.
const PIECES_AT_ONCE: usize = 256;

/// T_b(h) for all rows of a pass, near `guess`, and the masses of its plan.
pub(crate) fn softmin<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    guess: &[T],
    groups: Groups<'_, CpuWeights, CpuVector<T>>,
    out: &mut [T],
) -> Result<()> {
    let width = groups.columns.len() - 1;
    let of_pieces = |firsts: &[usize], points: usize| -> Vec<usize> {
        let group_of = |first| firsts.partition_point(|group| *group <= first) - 1;
        (0..points).step_by(GROUP).map(group_of).collect()
    };
    let row_groups = of_pieces(groups.rows, out.len());
    // Tiles of columns are whole, whatever the number of columns.
    let columns = pass.columns().tiles() * T::TILE;
    let column_groups = of_pieces(groups.columns, columns);
    let column_groups: Vec<_> = column_groups
        .iter()
        .map(|group| *group.min(&(width - 1)))
        .collect();
    let mut sums = vec![0.0; (groups.rows.len() - 1) * width];
    let wanted = pass.wanted();
    let wanted = wanted.start.div_ceil(GROUP)..wanted.end.div_ceil(GROUP);
    for batch in ranges(wanted, PIECES_AT_ONCE) {
        let mut masses = vec![0.0; batch.len() * width];
        let rows = batch.start * GROUP..out.len().min(batch.end * GROUP);
        let work = Work {
            pass,
            guess,
            weights: groups.weights,
            damping: groups.damping,
            column_groups: &column_groups,
        };
        let pieces = out[rows].chunks_mut(GROUP).zip(masses.chunks_mut(width));
        let pieces = batch.clone().zip(pieces).collect();
        workers.for_each(pieces, |(piece, (out, masses))| {
            work.piece(piece * GROUP, masses, out)
        })?;
        for (piece, masses) in batch.zip(masses.chunks_exact(width)) {
            let group = &mut sums[row_groups[piece] * width..][..width];
            for (sum, mass) in group.iter_mut().zip(masses) {
                *sum += mass;
            }
        }
    }
    let unit = groups.weights.mean(0);
    for (mass, sum) in groups.masses.values.iter_mut().zip(sums) {
        *mass = T::from_f64(unit * sum);
    }
    Ok(())
}

/// The groups of columns that some rows meet.
struct Met {
    /// Their indices, ascending.
    groups: Vec<usize>,
    /// The place among them of each piece of columns, in the order of the pass.
    of_pieces: Vec<usize>,
}

/// The arguments that all pieces of rows share.
struct Work<'a, T> {
    pass: &'a Pass<'a, T>,
    guess: &'a [T],
    weights: &'a CpuWeights,
    damping: f64,
    /// The group of each piece of columns.
    column_groups: &'a [usize],
}

impl<T: Float> Work<'_, T> {
    /// The softmin of a piece of rows from `first` on, and their masses.
    fn piece(&self, first: usize, masses: &mut [f64], out: &mut [T]) -> Result<()> {
        let met = self.met(first..first + out.len());
        let room = met.groups.len() * MOST_LANES;
        let mut sums = Aligned::filled(ROWS_AT_ONCE * room, T::ZERO);
        let mut lanes = Aligned::filled(room, T::ZERO);
        for (part, out) in out.chunks_mut(ROWS_AT_ONCE).enumerate() {
            sums.fill(T::ZERO);
            let room = (&mut sums[..], &mut lanes[..]);
            self.rows(first + part * ROWS_AT_ONCE, &met, room, out)?;
        }
        for (group, lanes) in met.groups.iter().zip(lanes.chunks_exact(MOST_LANES)) {
            masses[*group] = lanes.iter().map(|lane| lane.to_f64()).sum();
        }
        Ok(())
    }

    /// The groups that the rows of a piece meet. All of them are in one tile, and have one list of near columns.
    fn met(&self, rows: Range<usize>) -> Met {
        let pieces = T::TILE / GROUP;
        let mut met = Met {
            groups: Vec::new(),
            of_pieces: Vec::new(),
        };
        for (tiles, _) in self.pass.all_blocks(rows, 0) {
            for group in &self.column_groups[tiles.start * pieces..tiles.end * pieces] {
                if met.groups.last() != Some(group) {
                    met.groups.push(*group);
                }
                met.of_pieces.push(met.groups.len() - 1);
            }
        }
        met
    }

    /// The softmin of a few rows from `first` on, with room for their sums, and the addition of their masses.
    fn rows(
        &self,
        first: usize,
        met: &Met,
        (sums, lanes): (&mut [T], &mut [T]),
        out: &mut [T],
    ) -> Result<()> {
        let rows = first..first + out.len();
        let guess = &self.guess[rows.clone()];
        let mut potential = [T::ZERO; MOST_ROWS];
        potential[..guess.len()].copy_from_slice(guess);
        let mut totals = [0.0; MOST_ROWS];
        let mut groups = &met.of_pieces[..];
        for (tiles, block) in self.pass.all_blocks(rows.clone(), 0) {
            let (of_block, rest) = groups.split_at(tiles.len() * (T::TILE / GROUP));
            groups = rest;
            self.pass.dispatch(block, |block| Masses {
                block,
                potential: &potential,
                totals: &mut totals,
                groups: of_block,
                sums,
                width: lanes.len() / MOST_LANES,
            })?;
        }
        finish_guessed(self.pass, first, guess, &totals, out)?;
        let mut shares = [T::ZERO; ROWS_AT_ONCE];
        for ((share, row), (total, f)) in shares.iter_mut().zip(rows).zip(totals.iter().zip(out)) {
            let damped = (self.damping - 1.0) * f.to_f64() / self.pass.epsilon();
            *share = T::from_f64(self.weights.relative(row) / total * damped.exp());
        }
        self.pass.run(Shares {
            shares,
            sums,
            lanes,
        })
    }
}

/// The kernel that adds the masses of rows, lane by lane, from the sums of each row and group.
struct Shares<'a, T> {
    /// The factor of each row's sums.
    shares: [T; ROWS_AT_ONCE],
    /// Rows × groups × [`MOST_LANES`].
    sums: &'a [T],
    /// Groups × [`MOST_LANES`].
    lanes: &'a mut [T],
}

impl<T: Float> WithSimd for Shares<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.sums.chunks_exact(self.lanes.len());
        for (share, sums) in self.shares.into_iter().zip(rows) {
            // A guess so far off that the sum left the range of floats: the row is left out.
            if !share.to_f64().is_finite() {
                continue;
            }
            let share = T::splat(simd, share);
            let lanes = T::lanes_mut::<S>(self.lanes);
            for (lane, sum) in lanes.iter_mut().zip(T::lanes::<S>(sums)) {
                *lane = T::mul_add(simd, share, *sum, *lane);
            }
        }
    }
}

/// The kernel: powers summed over rows, and over the groups of columns in each row.
struct Masses<'a, T> {
    block: Block<'a, T>,
    /// f of the rows.
    potential: &'a [T],
    /// Where the sums of rows are added.
    totals: &'a mut [f64],
    /// The group of each piece of columns.
    groups: &'a [usize],
    /// Where the sums of each row and group are added, rows × `width` × [`MOST_LANES`].
    sums: &'a mut [T],
    /// The number of groups.
    width: usize,
}

impl<T: Float> RowKernel for Masses<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if S::REGISTER_COUNT < 32 {
            self.run_with::<S, D, POWER, 1>(simd);
        } else if const { is_known(D) } || 4 * T::width::<S>() > GROUP {
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
            totals,
            groups,
            sums: of_groups,
            width: count,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let width = V * T::width::<S>();
        let pieces = T::TILE / GROUP;
        let size = block.dimension * T::TILE;
        let span = tiles_in_a_row::<T, S>();

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, Some(potential), true);
            let of_groups = &mut of_groups[row * count * MOST_LANES..];
            let mut sums = [zero; ROWS];
            let spans = block.columns.chunks(span * size);
            let spans = spans.zip(block.terms.chunks(span * T::TILE));
            for ((columns, terms), groups) in spans.zip(groups.chunks(span * pieces)) {
                let mut inner = [zero; ROWS];
                let tiles = columns.chunks_exact(size).zip(terms.chunks_exact(T::TILE));
                for ((columns, terms), groups) in tiles.zip(groups.chunks_exact(pieces)) {
                    for (first, group) in (0..T::TILE).step_by(GROUP).zip(groups) {
                        let mut of_piece = [zero; ROWS];
                        for column in (first..first + GROUP).step_by(width) {
                            let meeting = rows.meet(columns, column);
                            let [_, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                            let h = T::lanes::<S>(&terms[column..][..width]);
                            for r in 0..ROWS {
                                for v in 0..V {
                                    let s = rows.exponent(simd, r, costs[r][v], h[v]);
                                    of_piece[r] = T::add(simd, of_piece[r], exp2::<T, S>(simd, s));
                                }
                            }
                        }
                        for r in 0..ROWS {
                            inner[r] = T::add(simd, inner[r], of_piece[r]);
                            let place = (r * count + group) * MOST_LANES;
                            let sum =
                                &mut T::lanes_mut::<S>(&mut of_groups[place..][..MOST_LANES])[0];
                            *sum = T::add(simd, *sum, of_piece[r]);
                        }
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

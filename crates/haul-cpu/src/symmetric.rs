//! The softmin of a measure against itself, with its own potential as the guess, by half the pairs.
//!
//! With rows and columns the same, the exponents s(i, j) = k(fᵢ + fⱼ − Cᵢⱼ) are symmetric, and one
//! power serves two sums,
//!
//! ```text
//! Sᵢ += wⱼ 2^s(i, j),   Sⱼ += wᵢ 2^s(i, j)        w = b/b̄
//! ```
//!
//! Points are cut into parts. A task takes a pair of parts and adds one number to each sum of both. The rounds are those of
//! a round-robin tournament, so that no part is in two tasks of a round. Hence the order of every sum depends only on
//! the number of points, and rounds may be computed apart from each other: the pieces are the pairs within parts, and then
//! a round each.

use crate::aligned::Aligned;
use crate::block::{Block, MOST_ROWS, ROWS, RowKernel, Rows, is_known, tiles_in_a_row};
use crate::exp2::exp2;
use crate::pass::{Pass, RANGE_COLUMNS, ranges};
use crate::points::CpuPoints;
use crate::real::Float;
use crate::workers::Workers;
use haul_core::Result;
use haul_core::engine::Piece;
use pulp::Simd;
use std::ops::Range;

/// The number of points below which a full pass is as fast.
const LEAST_POINTS: usize = 4096;

/// The least number of tiles of a part, and the largest number of parts.
const LEAST_TILES: usize = 8;
const MOST_PARTS: usize = 256;

/// The number of pieces of such a pass; 0 if a full pass is as fast.
pub(crate) fn pieces<T: Float>(points: &CpuPoints<T>) -> usize {
    if points.len() < LEAST_POINTS {
        return 0;
    }
    players(points)
}

/// The sums Sᵢ of a pass of points against themselves, with the potential of both; none if a full
/// pass is as fast.
pub(crate) fn sums<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    potential: &[T],
) -> Result<Option<Vec<f64>>> {
    let pieces = pieces(pass.columns());
    if pieces == 0 {
        return Ok(None);
    }
    let mut sums = vec![0.0; pass.columns().len()];
    add_pieces(
        workers,
        pass,
        potential,
        (0..pieces).map(Piece::whole),
        &mut sums,
    )?;
    Ok(Some(sums))
}

/// Adds the sums of some pieces, or of shares of them, each in turn.
pub(crate) fn add_pieces<T: Float>(
    workers: &Workers,
    pass: &Pass<'_, T>,
    potential: &[T],
    pieces: impl IntoIterator<Item = Piece> + Send,
    out: &mut [f64],
) -> Result<()> {
    let points = pass.columns();
    let tiles = points.tiles();
    let part = tiles_of_a_part(points);
    let size = part * T::TILE;
    let mut padded = Aligned::filled(tiles * T::TILE, T::ZERO);
    padded[..potential.len()].copy_from_slice(potential);
    let mut weights = Aligned::filled(tiles * T::TILE, T::ZERO);
    match pass.weights() {
        Some(given) => {
            for (relative, weight) in weights.iter_mut().zip(given.values()) {
                *relative = T::from_f64(weight / pass.mean_weight());
            }
        }
        None => weights[..points.len()].fill(T::from_f64(1.0)),
    }
    let halves = Halves {
        pass,
        terms: pass.terms_with(None),
        potential: padded,
        weights,
        nothing: Aligned::filled(T::TILE, T::ZERO),
    };

    let mut sums = vec![0.0; tiles * T::TILE];
    sums[..points.len()].copy_from_slice(out);
    workers.install(|| {
        let (parts, players) = (tiles.div_ceil(part), players(points));
        for piece in pieces {
            let Some(round) = piece.index.checked_sub(1) else {
                let own = sums.chunks_mut(size).enumerate();
                let own = own.filter(|(index, _)| piece.has(*index)).collect();
                workers.for_each(own, |(index, sums)| halves.within(index * part, sums))?;
                continue;
            };
            let mut free: Vec<_> = sums.chunks_mut(size).map(Some).collect();
            let mut take = |index: usize| Some((index * part, free.get_mut(index)?.take()?));
            let matches: Vec<_> = (0..players / 2)
                .filter(|table| piece.has(*table))
                .filter_map(|table| {
                    let (first, second) = opponents(players, round, table);
                    (first.max(second) < parts).then_some((take(first)?, take(second)?))
                })
                .collect();
            workers.for_each(matches, |(rows, columns)| halves.between(rows, columns))?;
        }
        Ok(())
    })?;
    out.copy_from_slice(&sums[..points.len()]);
    Ok(())
}

/// The number of tiles of a part.
fn tiles_of_a_part<T: Float>(points: &CpuPoints<T>) -> usize {
    points.tiles().div_ceil(MOST_PARTS).max(LEAST_TILES)
}

/// The number of parts, made even: with an odd number of parts, one part has no partner in each round.
fn players<T: Float>(points: &CpuPoints<T>) -> usize {
    let parts = points.tiles().div_ceil(tiles_of_a_part(points));
    parts.next_multiple_of(2)
}

/// The pair at a table in a round of a tournament of an even number of players: one player keeps the
/// place, the others move around the tables.
fn opponents(players: usize, round: usize, table: usize) -> (usize, usize) {
    let around = players - 1;
    if table == 0 {
        (around, round)
    } else {
        ((round + table) % around, (round + around - table) % around)
    }
}

/// Points against themselves.
struct Halves<'a, T> {
    pass: &'a Pass<'a, T>,
    /// k f of each point, without its weight.
    terms: Aligned<T>,
    potential: Aligned<T>,
    weights: Aligned<T>,
    /// A tile of weights 0.
    nothing: Aligned<T>,
}

impl<T: Float> Halves<'_, T> {
    /// All pairs within the part that begins at a tile.
    fn within(&self, first: usize, sums: &mut [f64]) -> Result<()> {
        let columns = first..first + sums.len() / T::TILE;
        let mut none = Aligned::filled(sums.len(), T::ZERO);
        for (tile, sums) in columns.clone().zip(sums.chunks_exact_mut(T::TILE)) {
            self.run(tile, columns.clone(), &self.nothing, sums, &mut none)?;
        }
        Ok(())
    }

    /// All pairs of two parts, each with its first tile and its sums.
    fn between(
        &self,
        (first_row, row_sums): (usize, &mut [f64]),
        (first_column, column_sums): (usize, &mut [f64]),
    ) -> Result<()> {
        let columns = first_column..first_column + column_sums.len() / T::TILE;
        let mut partial = Aligned::filled(column_sums.len(), T::ZERO);
        // What this pair of parts adds to a column is one number, as what it adds to a row is.
        let mut totals = vec![0.0; column_sums.len()];
        for (index, row_sums) in row_sums.chunks_exact_mut(T::TILE).enumerate() {
            let tile = first_row + index;
            let weights = &self.weights[tile * T::TILE..(tile + 1) * T::TILE];
            self.run(tile, columns.clone(), weights, row_sums, &mut partial)?;
            for (total, partial) in totals.iter_mut().zip(partial.iter_mut()) {
                *total += partial.to_f64();
                *partial = T::ZERO;
            }
        }
        for (sum, total) in column_sums.iter_mut().zip(totals) {
            *sum += total;
        }
        Ok(())
    }

    /// A tile of rows against some tiles of columns.
    fn run(
        &self,
        tile: usize,
        columns: Range<usize>,
        row_weights: &[T],
        row_sums: &mut [f64],
        column_sums: &mut [T],
    ) -> Result<()> {
        let rows = tile * T::TILE..(tile + 1) * T::TILE;
        let mut totals = [0.0; MOST_ROWS];
        let first = columns.start;
        for columns in ranges(columns, RANGE_COLUMNS / T::TILE) {
            let points = columns.start * T::TILE..columns.end * T::TILE;
            let terms = &self.terms[points.clone()];
            let below = (columns.start - first) * T::TILE..(columns.end - first) * T::TILE;
            let block = self.pass.block(rows.clone(), columns, terms);
            self.pass.dispatch(block, |block| Powers {
                block,
                potential: &self.potential[rows.clone()],
                row_weights,
                column_weights: &self.weights[points],
                row_sums: &mut totals,
                column_sums: &mut column_sums[below],
            })?;
        }
        for (sum, total) in row_sums.iter_mut().zip(totals) {
            *sum += total;
        }
        Ok(())
    }
}

/// The kernel: powers summed over rows and over columns.
struct Powers<'a, T> {
    block: Block<'a, T>,
    /// f of the rows.
    potential: &'a [T],
    row_weights: &'a [T],
    column_weights: &'a [T],
    row_sums: &'a mut [f64],
    column_sums: &'a mut [T],
}

impl<T: Float> RowKernel for Powers<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 && const { is_known(D) } {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float> Powers<'_, T> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            potential,
            row_weights,
            column_weights,
            row_sums,
            column_sums,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let width = V * T::width::<S>();

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, Some(potential), true);
            let mut weights = [zero; ROWS];
            for r in 0..ROWS {
                weights[r] = T::splat(simd, row_weights[row + r]);
            }
            let size = block.dimension * T::TILE;
            let span = tiles_in_a_row::<T, S>();
            let mut sums = [zero; ROWS];
            let spans = block.columns.chunks(span * size);
            for (index, (columns, terms)) in
                spans.zip(block.terms.chunks(span * T::TILE)).enumerate()
            {
                let mut inner = [zero; ROWS];
                let tiles = columns.chunks_exact(size).zip(terms.chunks_exact(T::TILE));
                for (tile, (columns, terms)) in tiles.enumerate() {
                    for column in (0..T::TILE).step_by(width) {
                        let meeting = rows.meet(columns, column);
                        let [_, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                        let h = T::lanes::<S>(&terms[column..][..width]);
                        let at = (index * span + tile) * T::TILE + column;
                        let w = T::lanes::<S>(&column_weights[at..][..width]);
                        let below = T::lanes_mut::<S>(&mut column_sums[at..][..width]);
                        for v in 0..V {
                            let mut down = below[v];
                            for r in 0..ROWS {
                                let s = rows.exponent(simd, r, costs[r][v], h[v]);
                                let power = exp2::<T, S>(simd, s);
                                inner[r] = T::mul_add(simd, power, w[v], inner[r]);
                                down = T::mul_add(simd, power, weights[r], down);
                            }
                            below[v] = down;
                        }
                    }
                }
                for r in 0..ROWS {
                    sums[r] = T::add(simd, sums[r], inner[r]);
                }
            }
            for r in 0..ROWS {
                row_sums[row + r] += T::sum(simd, sums[r]).to_f64();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_meets_each_once_and_nobody_twice_in_a_round() {
        for players in [2, 4, 10, 64] {
            let mut met = HashSet::new();
            for round in 0..players - 1 {
                let mut seated = HashSet::new();
                for table in 0..players / 2 {
                    let (first, second) = opponents(players, round, table);
                    assert!(seated.insert(first) && seated.insert(second));
                    assert!(met.insert((first.min(second), first.max(second))));
                }
            }
            assert_eq!(met.len(), players * (players - 1) / 2);
        }
    }
}

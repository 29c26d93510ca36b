//! An engine whose rows are shared among ranks.

use super::shares::Shares;
use super::{
    Engine, Groups, Integral, Integrand, Near, Nearest, Operator, Pairs, Piece, Pointwise, Ranks,
    Remembered, Side, Slot, Update,
};
use crate::{Error, Interrupt, Precision, Result, block_on};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An engine whose operators over pairs are shared among ranks, each of which has such an engine and makes the same calls.
///
/// Points, weights and vectors are whole on each rank. An operator over pairs computes the rows of its rank, against all
/// columns, and gathers the others: a row is summed by one rank, in the order of the engine. Where the engine evaluates half
/// the pairs, ranks take its [pieces](Engine::pieces) in turn, and the numbers that pieces add to a row are added in the
/// order of the pieces. All else takes time in proportion to the points, and each rank does it alike. So all results are
/// those of the engine alone, to the bit, for any number of ranks. (On a GPU a guess that is far off makes it compute
/// all rows of a rank anew, whose last digits may change.)
///
/// Rows are divided at multiples of [`TILE`](super::TILE) such that each rank has about as many pairs; where masses of [`Groups`] are
/// asked for, at bounds of groups.
///
/// An error on one rank is one on all of them; see [`Ranks::agree`].
///
/// With a [`Journal`] the results of operators over pairs are kept, and a computation that has ended early goes on from them:
/// until none is left, operators return what is kept, so that all else is as it was, to the bit.
pub struct Ranked<E> {
    engine: E,
    ranks: Ranks,
    device: String,
    /// The journal, on rank 0.
    journal: Option<Arc<dyn Journal>>,
    /// Whether there is one.
    keeps: bool,
    /// The results in it that are still to come.
    kept: AtomicU64,
}

/// Keeps the results of operators over pairs, in their order.
pub trait Journal: Send + Sync {
    /// The number of results that are kept from before.
    fn kept(&self) -> u64;

    /// The next one of these, with the number of its step.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if it cannot be read.
    fn next(&self) -> Result<(u64, Vec<u8>)>;

    /// Keeps the result of a step.
    ///
    /// # Errors
    ///
    /// [`Error::Device`], if it cannot be kept.
    fn append(&self, step: u64, result: &[u8]) -> Result<()>;
}

impl<E: Engine> fmt::Debug for Ranked<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Ranked")
            .field("device", &self.device)
            .field("ranks", &self.ranks)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Ranked<E> {
    /// An engine of these ranks.
    ///
    /// # Errors
    ///
    /// Those of [`Ranks::agree`], if the ranks have engines of different precisions.
    pub fn new(engine: E, ranks: Ranks) -> Result<Self> {
        ranks.agree(engine.precision() as u64, Ok(()))?;
        let device = match ranks.size() {
            1 => engine.device().to_owned(),
            size => format!("{size} ranks of {}", engine.device()),
        };
        Ok(Self {
            engine,
            ranks,
            device,
            journal: None,
            keeps: false,
            kept: AtomicU64::new(0),
        })
    }

    /// The same engine with the journal of rank 0; those of other ranks have no effect.
    ///
    /// # Errors
    ///
    /// Those of [`Ranks::agree`].
    pub fn with_journal(mut self, journal: Option<Arc<dyn Journal>>) -> Result<Self> {
        self.journal = journal.filter(|_| self.ranks.rank() == 0);
        let own = self.journal.as_ref().map(|journal| journal.kept());
        let own = own.map_or(Vec::new(), |kept| kept.to_le_bytes().into());
        let all = self.ranks.gather_all(JOURNAL, Ok(own))?;
        let kept = all.first().filter(|kept| !kept.is_empty());
        self.keeps = kept.is_some();
        let kept = kept.map_or(0, |kept| u64::from_le_bytes(padded(kept)));
        *self.kept.get_mut() = kept;
        Ok(self)
    }

    /// The engine of this rank.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The ranks.
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// The number of a step, from what it does.
    fn step(operator: Operator, pairs: &Pairs<'_, E::Points>, rows: usize) -> u64 {
        let near = pairs.near.map_or(0, Near::pairs);
        let epsilon = pairs.kernel.epsilon.to_bits();
        let step = (operator as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        step ^ (rows as u64).rotate_left(40) ^ near.rotate_left(20) ^ epsilon
    }

    /// Whether every operator is that of the engine.
    fn is_alone(&self) -> bool {
        self.ranks.size() == 1 && !self.keeps
    }

    /// The kept result of a step; `None` if all that was kept has been returned.
    fn kept(&self, step: u64) -> Result<Option<Vec<f64>>> {
        // Operators follow one another, so that nothing else changes the number.
        let Some(left) = self.kept.load(Ordering::Relaxed).checked_sub(1) else {
            return Ok(None);
        };
        self.kept.store(left, Ordering::Relaxed);
        let own = match &self.journal {
            Some(journal) => journal.next().and_then(|(of, bytes)| match of == step {
                true => Ok(bytes),
                false => Err(Error::Checkpoint),
            }),
            None => Ok(Vec::new()),
        };
        let all = self.ranks.gather_all(step, own)?;
        let numbers = all.first().map_or(Vec::new(), |bytes| self.numbers(bytes));
        Ok(Some(numbers))
    }

    /// Keeps the result of a step.
    fn keep(&self, step: u64, numbers: &[f64]) -> Result<()> {
        match &self.journal {
            Some(journal) => journal.append(step, &self.bytes(numbers)),
            None => Ok(()),
        }
    }

    /// Numbers of the engine's format as bytes.
    fn bytes(&self, numbers: &[f64]) -> Vec<u8> {
        let numbers = numbers.iter();
        match self.engine.precision() {
            Precision::F32 => numbers.flat_map(|x| (*x as f32).to_le_bytes()).collect(),
            Precision::F64 => numbers.flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Bytes of a number.
    fn size(&self) -> usize {
        match self.engine.precision() {
            Precision::F32 => size_of::<f32>(),
            Precision::F64 => size_of::<f64>(),
        }
    }

    fn numbers(&self, bytes: &[u8]) -> Vec<f64> {
        let numbers = bytes.chunks_exact(self.size());
        match self.engine.precision() {
            Precision::F32 => numbers
                .map(|bytes| f64::from(f32::from_le_bytes(padded(bytes))))
                .collect(),
            Precision::F64 => numbers
                .map(|bytes| f64::from_le_bytes(padded(bytes)))
                .collect(),
        }
    }

    /// Agrees on the end of an operator, and gathers its rows, for arrays of points one after another. Where there is one array, of
    /// as many numbers a point as `wide` says, only the rows of this rank leave the device.
    fn gather(
        &self,
        step: u64,
        result: Result<()>,
        (shares, arrays, wide): (&Shares, usize, Option<usize>),
        out: &mut E::Vector,
    ) -> Result<Vec<f64>> {
        let values = result.and_then(|()| match wide.filter(|_| arrays == 1) {
            None => block_on(self.engine.read(out)),
            Some(wide) => {
                let own = shares.of(self.ranks.rank());
                let own = own.start * wide..own.end * wide;
                let read = block_on(self.engine.read_part(out, own.clone()))?;
                if read.len() != own.len() {
                    return Err(Error::Length {
                        what: "the rows of a rank",
                        expected: own.len(),
                        found: read.len(),
                    });
                }
                let mut values = vec![0.0; shares.rows() * wide];
                values.splice(own, read);
                Ok(values)
            }
        });
        let mut values = self.ranks.agree(step, values)?;
        self.gather_numbers((shares, arrays), &mut values)?;
        // An engine that cannot take them fails before the next step.
        *out = self.engine.vector(&values)?;
        Ok(values)
    }

    /// Gathers numbers of rows, all of which are those of the engine's format.
    fn gather_numbers(&self, (shares, arrays): (&Shares, usize), values: &mut [f64]) -> Result<()> {
        let (size, rows) = (self.size(), shares.rows());
        // The numbers of a point in an array.
        let Some(wide) = values.len().checked_div(rows * arrays) else {
            return Ok(());
        };
        let places = |rank: usize| {
            let rows_of = shares.of(rank);
            (0..arrays).map(move |array| {
                let first = array * rows;
                (first + rows_of.start) * wide..(first + rows_of.end) * wide
            })
        };
        let own = places(self.ranks.rank()).flat_map(|place| self.bytes(&values[place]));
        let own: Vec<u8> = own.collect();
        let ranks = 0..self.ranks.size();
        let length = |rank| shares.of(rank).len() * arrays * wide * size;
        let lengths: Vec<_> = ranks.clone().map(length).collect();
        let all = self.ranks.gather(&own, &lengths)?;
        let mut numbers = self.numbers(&all).into_iter();
        for place in ranks.flat_map(places) {
            for (value, number) in values[place].iter_mut().zip(&mut numbers) {
                *value = number;
            }
        }
        Ok(())
    }

    /// A softmin of points against themselves, whose pieces the ranks take in turn; where there are more ranks than pieces, shares of them.
    fn softmin_by_pieces(
        &self,
        pairs: Pairs<'_, E::Points>,
        columns: Side<'_, E::Weights, E::Vector>,
        (pieces, step): (usize, u64),
        out: &mut E::Vector,
    ) -> Result<()> {
        let rows = self.engine.count(pairs.rows);
        let (size, rank) = (self.ranks.size(), self.ranks.rank());
        let shares = Shares::new(rows, None, None, size);
        let own = shares.of(rank);
        let mut sums = vec![0.0; own.len()];
        let mut of_piece = vec![0.0; rows];
        let shares_of_piece = (size / pieces).max(1);
        let parts = pieces * shares_of_piece;
        for first in (0..parts).step_by(size) {
            let senders = size.min(parts - first);
            let sends = rank < senders;
            let result = if sends {
                of_piece.fill(0.0);
                let number = first + rank;
                let piece = Piece {
                    index: number / shares_of_piece,
                    share: number % shares_of_piece,
                    shares: shares_of_piece,
                };
                self.engine.piece(pairs, columns, piece, &mut of_piece)
            } else {
                Ok(())
            };
            self.ranks.agree(step, result)?;
            let sent: Vec<_> = (0..size)
                .map(|to| if sends { 8 * shares.of(to).len() } else { 0 })
                .collect();
            let received: Vec<_> = (0..size)
                .map(|from| if from < senders { 8 * own.len() } else { 0 })
                .collect();
            let bytes: Vec<u8> = match sends {
                true => of_piece.iter().flat_map(|sum| sum.to_le_bytes()).collect(),
                false => Vec::new(),
            };
            let all = self.ranks.exchange(&bytes, &sent, &received)?;
            for added in all.chunks_exact((8 * own.len()).max(8)) {
                for (sum, number) in sums.iter_mut().zip(added.chunks_exact(8)) {
                    *sum += f64::from_le_bytes(padded(number));
                }
            }
        }
        let pairs = pairs.with_part(own);
        let result = self.engine.softmin_of_pieces(pairs, columns, &sums, out);
        let values = self.gather(step, result, (&shares, 1, Some(1)), out)?;
        self.keep(step, &values)
    }
}

/// The step of beginning a journal.
const JOURNAL: u64 = 0x6a6f_7572;

/// The first bytes of a number.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut number = [0; N];
    for (place, byte) in number.iter_mut().zip(bytes) {
        *place = *byte;
    }
    number
}

impl<E: Engine> Engine for Ranked<E> {
    type Points = E::Points;
    type Weights = E::Weights;
    type Vector = E::Vector;

    fn device(&self) -> &str {
        &self.device
    }

    fn precision(&self) -> Precision {
        self.engine.precision()
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        self.engine.row_roundings(columns, dimension)
    }

    fn repeats_distances(&self) -> bool {
        self.engine.repeats_distances()
    }

    fn most_group_sums(&self) -> usize {
        self.engine.most_group_sums()
    }

    fn kept_distances(&self, rows: &Self::Points, columns: &Self::Points) -> u64 {
        self.engine.kept_distances(rows, columns)
    }

    fn interrupt(&self) -> &Interrupt {
        self.engine.interrupt()
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Self::Points> {
        self.engine.points(coordinates, dimension)
    }

    fn count(&self, points: &Self::Points) -> usize {
        self.engine.count(points)
    }

    fn weights(&self, values: &[f64], histograms: usize) -> Result<Self::Weights> {
        self.engine.weights(values, histograms)
    }

    fn vector(&self, values: &[f64]) -> Result<Self::Vector> {
        self.engine.vector(values)
    }

    fn zeros(&self, length: usize) -> Result<Self::Vector> {
        self.engine.zeros(length)
    }

    async fn read(&self, vector: &Self::Vector) -> Result<Vec<f64>> {
        self.engine.read(vector).await
    }

    async fn read_part(&self, vector: &Self::Vector, part: Range<usize>) -> Result<Vec<f64>> {
        self.engine.read_part(vector, part).await
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        guess: Option<&Self::Vector>,
        groups: Option<Groups<'_, Self::Weights, Self::Vector>>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        if self.is_alone() {
            return self.engine.softmin(pairs, columns, guess, groups, out);
        }
        let rows = self.engine.count(pairs.rows);
        let step = Self::step(Operator::Softmin, &pairs, rows);
        if let Some(values) = self.kept(step)? {
            let own = values.len().min(pairs.lines.length(rows));
            *out = self.engine.vector(&values[..own])?;
            if let Some(groups) = groups {
                *groups.masses = self.engine.vector(&values[own..])?;
            }
            return Ok(());
        }
        if self.ranks.size() > 1
            && groups.is_none()
            && guess.is_some()
            && columns.potential.is_some()
        {
            let pieces = self.engine.pieces(pairs);
            if pieces > 0 {
                return self.softmin_by_pieces(pairs, columns, (pieces, step), out);
            }
        }
        let bounds = groups.as_ref().map(|groups| groups.rows);
        let shares = Shares::new(rows, pairs.near, bounds, self.ranks.size());
        let own = pairs.with_part(shares.of(self.ranks.rank()));
        let Some(groups) = groups else {
            let result = self.engine.softmin(own, columns, guess, None, out);
            let (arrays, wide) = (pairs.lines.outer, Some(pairs.lines.inner));
            let values = self.gather(step, result, (&shares, arrays, wide), out)?;
            return self.keep(step, &values);
        };
        let bounds = groups.rows;
        let of_rank = |rank: usize| {
            let Range { start, end } = shares.of(rank);
            let group = |row: usize| bounds.partition_point(|first| *first < row);
            group(start)..group(end)
        };
        let starts = (0..self.ranks.size()).map(|rank| of_rank(rank).start);
        let of_groups = Shares {
            starts: starts.chain([bounds.len().saturating_sub(1)]).collect(),
        };
        let Groups {
            rows,
            columns: of_columns,
            weights,
            damping,
            masses,
        } = groups;
        let asked = Groups {
            rows,
            columns: of_columns,
            weights,
            damping,
            masses: &mut *masses,
        };
        let result = self.engine.softmin(own, columns, guess, Some(asked), out);
        let mut values = self.gather(step, result, (&shares, 1, Some(1)), out)?;
        values.extend(self.gather(step, Ok(()), (&of_groups, 1, None), masses)?);
        self.keep(step, &values)
    }

    fn product(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        let wide = Some(pairs.lines.inner * integrand.width);
        self.share((Operator::Product, wide), pairs, out, |pairs, out| {
            self.engine.product(pairs, rows, columns, integrand, out)
        })
    }

    fn gradient(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.share((Operator::Gradient, None), pairs, out, |pairs, out| {
            self.engine.gradient(pairs, rows, columns, integrand, out)
        })
    }

    fn curvature(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.share((Operator::Curvature, None), pairs, out, |pairs, out| {
            self.engine.curvature(pairs, rows, columns, directions, out)
        })
    }

    async fn nearest(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
    ) -> Result<Nearest> {
        if self.is_alone() {
            return self.engine.nearest(pairs, columns).await;
        }
        let column = |halves: &[f64]| {
            (halves[0] >= 0.0).then_some(((halves[0] as u32) << 16) | halves[1] as u32)
        };
        let rows = self.engine.count(pairs.rows);
        let step = Self::step(Operator::Nearest, &pairs, rows);
        if let Some(mut values) = self.kept(step)? {
            let halves = values.split_off(values.len().min(pairs.lines.length(rows)));
            let columns = halves.chunks_exact(2).map(column).collect();
            return Ok(Nearest { columns, values });
        }
        let shares = Shares::new(rows, pairs.near, None, self.ranks.size());
        let own = pairs.with_part(shares.of(self.ranks.rank()));
        let found = self.engine.nearest(own, columns).await;
        let mut found = self.ranks.agree(step, found)?;
        let arrays = pairs.lines.outer;
        self.gather_numbers((&shares, arrays), &mut found.values)?;
        // A column is a number of 32 bits: its two halves are exact in any format.
        let halves = found.columns.iter().flat_map(|column| match column {
            Some(column) => [f64::from(column >> 16), f64::from(column & 0xffff)],
            None => [-1.0, 0.0],
        });
        let mut halves: Vec<_> = halves.collect();
        self.gather_numbers((&shares, arrays), &mut halves)?;
        found.columns = halves.chunks_exact(2).map(column).collect();
        self.keep(step, &[&found.values[..], &halves].concat())?;
        Ok(found)
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Self::Vector,
        scaling: &mut Self::Vector,
        potential: &mut Self::Vector,
    ) -> Result<()> {
        self.engine.scale(epsilon, rho, sums, scaling, potential)
    }

    async fn integral(
        &self,
        weights: &Self::Weights,
        integrand: Pointwise<'_, Self::Vector>,
        out: Option<&mut Self::Vector>,
    ) -> Result<Vec<Integral>> {
        self.engine.integral(weights, integrand, out).await
    }

    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()> {
        self.engine.combine(terms, out)
    }

    async fn remember(
        &self,
        weights: &Self::Weights,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> Result<Remembered> {
        self.engine.remember(weights, update, slot).await
    }

    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.engine.mix(coefficients, q, offset, vectors, out)
    }
}

impl<E: Engine> Ranked<E> {
    /// Runs an operator on the rows of this rank, and gathers all of them; `wide` is the numbers of a point, where that is known.
    fn share(
        &self,
        (operator, wide): (Operator, Option<usize>),
        pairs: Pairs<'_, E::Points>,
        out: &mut E::Vector,
        run: impl FnOnce(Pairs<'_, E::Points>, &mut E::Vector) -> Result<()>,
    ) -> Result<()> {
        if self.is_alone() {
            return run(pairs, out);
        }
        let rows = self.engine.count(pairs.rows);
        let step = Self::step(operator, &pairs, rows);
        if let Some(values) = self.kept(step)? {
            *out = self.engine.vector(&values)?;
            return Ok(());
        }
        let shares = Shares::new(rows, pairs.near, None, self.ranks.size());
        let own = pairs.with_part(shares.of(self.ranks.rank()));
        let result = run(own, out);
        let arrays = (&shares, pairs.lines.outer, wide);
        let values = self.gather(step, result, arrays, out)?;
        self.keep(step, &values)
    }
}

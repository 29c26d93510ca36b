//! The kernel of plain sums: for rows i and what a pair brings, N values Vᵢⱼ,
//!
//! ```text
//! Sᵢ = Σⱼ 2^(hⱼ − k(Cᵢⱼ − fᵢ)) Vᵢⱼ
//! ```
//!
//! The potential f of the row enters where the cost is summed up, in its units: in a softmin for p = 2 as the
//! number the squares are added to. Powers are summed in the engine's precision over one range of
//! columns, and over ranges in f64; [`row_roundings`](crate::pass::row_roundings) bounds both.

use crate::block::{Block, ROWS, RowKernel, Rows, add, is_known, tiles_in_a_row};
use crate::exp2::exp2;
use crate::real::Float;
use haul_core::engine::Factor;
use pulp::Simd;

/// What a pair brings to the N sums of its row, beside its power.
pub(crate) trait Summand<T: Float, const N: usize>: Copy {
    /// Whether the sum of squares may begin with the potential of the row: where nothing but the power is asked
    /// for, and a distance need not be the same to the bit as in another pass.
    fn seeded(self) -> bool;

    /// Adds it for one row and a vector of columns.
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]);
}

/// One row and a vector of columns.
#[derive(Clone, Copy)]
pub(crate) struct Pair<T: Float, S: Simd> {
    /// The row within its tile.
    pub(crate) row: usize,
    /// The tile of the columns within their range, and the first of them within the tile.
    pub(crate) tile: usize,
    pub(crate) column: usize,
    pub(crate) power: T::Lanes<S>,
    /// |x − y|² and |x − y|^p, of use where the sum is not seeded.
    pub(crate) square: T::Lanes<S>,
    pub(crate) cost: T::Lanes<S>,
}

impl<T: Float, S: Simd> Pair<T, S> {
    /// power · φ.
    #[inline(always)]
    pub(crate) fn times(self, simd: S, factor: Factor) -> T::Lanes<S> {
        match factor {
            // The power is then what it exceeds 1 by.
            Factor::One | Factor::Excess => self.power,
            Factor::Cost => T::mul(simd, self.power, self.cost),
        }
    }

    /// The values of the columns in an array of `each` a column, the one at `index`, in tiles.
    #[inline(always)]
    pub(crate) fn values(self, values: &[T], each: usize, index: usize) -> T::Lanes<S> {
        let at = (self.tile * each + index) * T::TILE + self.column;
        T::lanes::<S>(&values[at..][..T::width::<S>()])[0]
    }
}

/// V = 1.
#[derive(Clone, Copy)]
pub(crate) struct One;

impl<T: Float> Summand<T, 1> for One {
    #[inline(always)]
    fn seeded(self) -> bool {
        true
    }

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; 1]) {
        sums[0] = T::add(simd, sums[0], pair.power);
    }
}

/// V = φ(Cᵢⱼ) Vⱼ.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a, T> {
    pub(crate) factor: Factor,
    /// N values a column, in tiles: each holds the first value of all its columns, then the next.
    pub(crate) values: &'a [T],
}

impl<T: Float, const N: usize> Summand<T, N> for Values<'_, T> {
    #[inline(always)]
    fn seeded(self) -> bool {
        false
    }

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]) {
        let weight = pair.times(simd, self.factor);
        for (n, sum) in sums.iter_mut().enumerate() {
            *sum = T::mul_add(simd, weight, pair.values(self.values, N, n), *sum);
        }
    }
}

/// The coordinates of a block, for summands that ask for differences of points.
#[derive(Clone, Copy)]
pub(crate) struct Differences<'a, T> {
    /// The coordinates of the tile of rows, and of the tiles of columns.
    pub(crate) rows: &'a [T],
    pub(crate) columns: &'a [T],
    pub(crate) dimension: usize,
    /// Whether p = 2, and |x − y|^{p − 2} = 1.
    pub(crate) squared: bool,
}

impl<'a, T: Float> Differences<'a, T> {
    pub(crate) fn of(block: &Block<'a, T>) -> Self {
        Self {
            rows: block.rows,
            columns: block.columns,
            dimension: block.dimension,
            squared: block.metric.is_squared(),
        }
    }

    /// xₖ − yₖ.
    #[inline(always)]
    fn coordinate<S: Simd>(self, simd: S, pair: Pair<T, S>, k: usize) -> T::Lanes<S> {
        let x = T::splat(simd, self.rows[k * T::TILE + pair.row]);
        T::sub(simd, x, pair.values(self.columns, self.dimension, k))
    }

    /// `weight` · |x − y|^{p − 2}: the cost of points in one place is 0, and so is this.
    #[inline(always)]
    pub(crate) fn slope<S: Simd>(
        self,
        simd: S,
        pair: Pair<T, S>,
        weight: T::Lanes<S>,
    ) -> T::Lanes<S> {
        if self.squared {
            return weight;
        }
        let square = T::max(simd, pair.square, T::splat(simd, T::LEAST));
        T::mul(simd, weight, T::div(simd, pair.cost, square))
    }
}

/// V = φ(Cᵢⱼ) vⱼ |x − y|^{p − 2} (x − y): the gradient of the cost without its factor p.
#[derive(Clone, Copy)]
pub(crate) struct Slope<'a, T> {
    pub(crate) factor: Factor,
    /// One value a column, in tiles.
    pub(crate) values: &'a [T],
    pub(crate) differences: Differences<'a, T>,
}

impl<T: Float> Slope<'_, T> {
    /// What the differences are multiplied with.
    #[inline(always)]
    pub(crate) fn coefficient<S: Simd>(self, simd: S, pair: Pair<T, S>) -> T::Lanes<S> {
        let value = pair.values(self.values, 1, 0);
        let weight = T::mul(simd, pair.times(simd, self.factor), value);
        self.differences.slope(simd, pair, weight)
    }
}

impl<T: Float, const N: usize> Summand<T, N> for Slope<'_, T> {
    #[inline(always)]
    fn seeded(self) -> bool {
        false
    }

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]) {
        let coefficient = self.coefficient(simd, pair);
        for (n, sum) in sums.iter_mut().enumerate() {
            let difference = self.differences.coordinate(simd, pair, n);
            *sum = T::mul_add(simd, coefficient, difference, *sum);
        }
    }
}

pub(crate) struct Sums<'a, T, M, const N: usize> {
    pub(crate) block: Block<'a, T>,
    /// f of the rows, filled up to a multiple of [`ROWS`].
    pub(crate) potential: &'a [T],
    pub(crate) summand: M,
    /// Where the sums are added: N a row, filled up to a multiple of [`ROWS`] rows.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float, M: Summand<T, N>, const N: usize> RowKernel for Sums<'_, T, M, N> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        // As many columns as the registers hold beside the sums.
        if S::REGISTER_COUNT < 32 {
            if !const { is_known(D) } && T::width::<S>() > 1 {
                self.run_with::<S, D, POWER, 2>(simd);
            } else {
                self.run_with::<S, D, POWER, 1>(simd);
            }
        } else if !const { is_known(D) } {
            self.run_with::<S, D, POWER, 4>(simd);
        } else if N == 1 {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float, M: Summand<T, N>, const N: usize> Sums<'_, T, M, N> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            potential,
            summand,
            totals,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let width = V * T::width::<S>();
        let size = block.dimension * T::TILE;
        let span = tiles_in_a_row::<T, S>();

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, Some(potential), summand.seeded());
            let mut sums = [[zero; N]; ROWS];
            let spans = block.columns.chunks(span * size);
            for (index, (columns, terms)) in
                spans.zip(block.terms.chunks(span * T::TILE)).enumerate()
            {
                let mut inner = [[zero; N]; ROWS];
                let tiles = columns.chunks_exact(size).zip(terms.chunks_exact(T::TILE));
                for (tile, (columns, terms)) in tiles.enumerate() {
                    for column in (0..T::TILE).step_by(width) {
                        let meeting = rows.meet(columns, column);
                        let pairs = rows.exponents::<D, POWER, V>(simd, meeting, terms);
                        for r in 0..ROWS {
                            for v in 0..V {
                                let pair = Pair {
                                    row: block.first + row + r,
                                    tile: index * span + tile,
                                    column: column + v * T::width::<S>(),
                                    power: exp2::<T, S>(simd, pairs.exponents[r][v]),
                                    square: pairs.squares[r][v],
                                    cost: pairs.costs[r][v],
                                };
                                summand.add(simd, pair, &mut inner[r]);
                            }
                        }
                    }
                }
                sums = add::<T, S, N>(simd, sums, inner);
            }

            for (r, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    totals[(row + r) * N + n] += T::sum(simd, *sum).to_f64();
                }
            }
        }
    }
}

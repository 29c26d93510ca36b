//! The kernel of plain sums: for rows i and N values Vᵢⱼ of a pair,
//!
//! ```text
//! Sᵢ = Σⱼ 2^(hⱼ − k(Cᵢⱼ − fᵢ)) Vᵢⱼ
//! ```
//!
//! The potential f of the row enters with the cost, in its units: in a softmin for p = 2 as the
//! number to which the squares are added. Powers are summed in the engine's precision within a range of
//! columns, and in f64 over ranges; [`row_roundings`](crate::pass::row_roundings) bounds both.

use crate::block::{Block, ROWS, RowKernel, Rows, add, is_known, tiles_in_a_row};
use crate::exp2::exp2;
use crate::real::Float;
use haul_core::engine::Factor;
use pulp::Simd;

/// The values of a pair in the N sums of its row, apart from its power.
pub(crate) trait Summand<T: Float, const N: usize>: Copy {
    /// Whether the sum of squares may begin with the potential of the row: if only the power is needed,
    /// and a distance need not equal, to the bit, that of another pass.
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
    /// |x − y|² and |x − y|^p, valid only if the sum of squares does not begin with the potential.
    pub(crate) square: T::Lanes<S>,
    pub(crate) cost: T::Lanes<S>,
}

impl<T: Float, S: Simd> Pair<T, S> {
    /// power · φ.
    #[inline(always)]
    pub(crate) fn times(self, simd: S, factor: Factor) -> T::Lanes<S> {
        match factor {
            // The power is then the excess over 1.
            Factor::One | Factor::Excess => self.power,
            Factor::Cost => T::mul(simd, self.power, self.cost),
        }
    }

    /// The values at `index` of the columns, from an array of `each` values a column, in tiles.
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

/// The coordinates of a block, for summands that need differences of points.
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

    /// `weight` · |x − y|^{p − 2}; 0 where both points coincide.
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
    /// The factor of the differences.
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
    /// f of the rows, padded to a multiple of [`ROWS`].
    pub(crate) potential: &'a [T],
    pub(crate) summand: M,
    /// The sums to add to: N a row, padded to a multiple of [`ROWS`] rows.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float, M: Summand<T, N>, const N: usize> RowKernel for Sums<'_, T, M, N> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        // As many columns as fit into the registers besides the sums.
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
                        let [squares, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                        let h = T::lanes::<S>(&terms[column..][..width]);
                        for r in 0..ROWS {
                            for v in 0..V {
                                let cost = costs[r][v];
                                let s = rows.exponent(simd, r, cost, h[v]);
                                let pair = Pair {
                                    row: block.first + row + r,
                                    tile: index * span + tile,
                                    column: column + v * T::width::<S>(),
                                    power: exp2::<T, S>(simd, s),
                                    square: squares[r][v],
                                    cost,
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

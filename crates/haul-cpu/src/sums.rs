//! The kernel of plain sums: for rows i and what a pair brings, N values Vᵢⱼ,
//!
//! ```text
//! Sᵢ = Σⱼ 2^(hⱼ − k(Cᵢⱼ − fᵢ)) Vᵢⱼ
//! ```
//!
//! The potential f of the row enters where the cost is summed up, in its units: for p = 2 as the
//! number the squares are added to. Powers are summed in the engine's precision over one range of
//! columns, and over ranges in f64.

use crate::block::{Block, ROWS, RowKernel, costs_of_squares, squared_distances};
use crate::exp2::exp2;
use crate::real::Float;
use haul_core::engine::Factor;
use pulp::Simd;

/// What a pair brings to the N sums of its row, beside its power.
pub(crate) trait Summand<T: Float, const N: usize>: Copy {
    /// Whether it asks for the distance of a pair, and not for its power alone.
    fn measures(self) -> bool;

    /// Adds it for one row and a vector of columns.
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]);
}

/// One row and a vector of columns.
#[derive(Clone, Copy)]
pub(crate) struct Pair<T: Float, S: Simd> {
    /// The row within its tile.
    row: usize,
    /// The tile of the columns within their range, and the first of them within the tile.
    tile: usize,
    column: usize,
    power: T::Lanes<S>,
    /// |x − y|² and |x − y|^p, of use where the summand measures.
    square: T::Lanes<S>,
    cost: T::Lanes<S>,
}

impl<T: Float, S: Simd> Pair<T, S> {
    /// power · φ.
    #[inline(always)]
    fn times(self, simd: S, factor: Factor) -> T::Lanes<S> {
        match factor {
            Factor::One | Factor::Excess => self.power,
            Factor::Cost => T::mul(simd, self.power, self.cost),
        }
    }

    /// The values of the columns in an array of `each` a column, the one at `index`, in tiles.
    #[inline(always)]
    fn values(self, values: &[T], each: usize, index: usize) -> T::Lanes<S> {
        let at = (self.tile * each + index) * T::TILE + self.column;
        T::lanes::<S>(&values[at..][..T::width::<S>()])[0]
    }
}

/// V = 1.
#[derive(Clone, Copy)]
pub(crate) struct One;

impl<T: Float> Summand<T, 1> for One {
    #[inline(always)]
    fn measures(self) -> bool {
        false
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
    fn measures(self) -> bool {
        self.factor == Factor::Cost
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
    fn slope<S: Simd>(self, simd: S, pair: Pair<T, S>, weight: T::Lanes<S>) -> T::Lanes<S> {
        if self.squared {
            return weight;
        }
        let square = T::max(simd, pair.square, T::splat(simd, T::LEAST));
        T::mul(simd, weight, T::div(simd, pair.cost, square))
    }

    /// Adds `weight` · (x − y) from coordinate `first` on.
    #[inline(always)]
    fn add<S: Simd, const N: usize>(
        self,
        simd: S,
        pair: Pair<T, S>,
        weight: T::Lanes<S>,
        first: usize,
        sums: &mut [T::Lanes<S>; N],
    ) {
        for (n, sum) in sums.iter_mut().enumerate() {
            let difference = self.coordinate(simd, pair, first + n);
            *sum = T::mul_add(simd, weight, difference, *sum);
        }
    }
}

/// V = φ(Cᵢⱼ) vⱼ |x − y|^{p − 2} (x − y), N coordinates of it: the gradient of the cost without its
/// factor p.
#[derive(Clone, Copy)]
pub(crate) struct Slope<'a, T> {
    pub(crate) factor: Factor,
    /// One value a column, in tiles.
    pub(crate) values: &'a [T],
    pub(crate) differences: Differences<'a, T>,
    /// The first coordinate.
    pub(crate) first: usize,
}

impl<T: Float, const N: usize> Summand<T, N> for Slope<'_, T> {
    #[inline(always)]
    fn measures(self) -> bool {
        true
    }

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]) {
        let value = pair.values(self.values, 1, 0);
        let weight = T::mul(simd, pair.times(simd, self.factor), value);
        let weight = self.differences.slope(simd, pair, weight);
        self.differences.add(simd, pair, weight, self.first, sums);
    }
}

/// V = ⟨zᵢ, s⟩ s for s = |x − y|^{p − 2} (x − y), N coordinates of it.
#[derive(Clone, Copy)]
pub(crate) struct Curvature<'a, T> {
    /// z of the tile of rows, as the coordinates of points.
    pub(crate) directions: &'a [T],
    pub(crate) differences: Differences<'a, T>,
    /// The first coordinate.
    pub(crate) first: usize,
}

impl<T: Float, const N: usize> Summand<T, N> for Curvature<'_, T> {
    #[inline(always)]
    fn measures(self) -> bool {
        true
    }

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, pair: Pair<T, S>, sums: &mut [T::Lanes<S>; N]) {
        let differences = self.differences;
        let mut along = T::splat(simd, T::ZERO);
        for k in 0..differences.dimension {
            let z = T::splat(simd, self.directions[k * T::TILE + pair.row]);
            along = T::mul_add(simd, z, differences.coordinate(simd, pair, k), along);
        }
        let weight = T::mul(simd, pair.power, along);
        let weight = differences.slope(simd, pair, weight);
        let weight = differences.slope(simd, pair, weight);
        differences.add(simd, pair, weight, self.first, sums);
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
            if D == 0 && T::width::<S>() > 1 {
                self.run_with::<S, D, POWER, 2>(simd);
            } else {
                self.run_with::<S, D, POWER, 1>(simd);
            }
        } else if D == 0 {
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
        let sharpness = T::splat(simd, block.sharpness);
        let zero = T::splat(simd, T::ZERO);
        let seeded = block.metric.is_squared() && !summand.measures();
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
            let mut sums = [[zero; N]; ROWS];

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
                            let pair = Pair {
                                row: block.first + row + r,
                                tile,
                                column: column + v * T::width::<S>(),
                                power: exp2::<T, S>(simd, s),
                                square: squares[r][v],
                                cost,
                            };
                            summand.add(simd, pair, &mut sums[r]);
                        }
                    }
                }
            }

            for (r, sums) in sums.iter().enumerate() {
                for (n, sum) in sums.iter().enumerate() {
                    totals[(row + r) * N + n] += T::sum(simd, *sum).to_f64();
                }
            }
        }
    }
}

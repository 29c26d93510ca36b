//! Sums of differences in more dimensions than the registers hold, Sᵢₙ = Σⱼ wᵢⱼ (xᵢₙ − yⱼₙ).
//!
//! For a block of rows and some tiles of columns the coefficients w are computed once and stored, and a second kernel
//! multiplies them with the differences of coordinates, as a product of matrices: a few rows and a few dimensions at a time,
//! whose sums stay in registers. So a gradient of any dimension costs one evaluation of the pairs and one multiplication.

use crate::aligned::Aligned;
use crate::block::{Block, MANY, ROWS, RowKernel, Rows, add, tiles_in_a_row};
use crate::exp2::{excess, exp2};
use crate::real::Float;
use crate::sums::{Differences, Pair, Slope};
use haul_core::engine::Factor;
use pulp::{Simd, WithSimd};

/// Tiles of columns whose coefficients are stored at a time for sums of differences.
pub(crate) const TILES: usize = 8;

/// Rows whose coefficients stay in the first cache, 32 kB: in few dimensions, most loads are of coefficients. In many
/// dimensions more rows share each load.
pub(crate) const FEW_ROWS: usize = 16;

/// Dimensions whose sums are in registers at a time.
const DIMENSIONS: usize = 4;

/// Coefficients of some rows and of up to a number of tiles of columns, row after row.
pub(crate) struct Coefficients<T> {
    values: Aligned<T>,
    /// Numbers of a row.
    stride: usize,
}

impl<T: Float> Coefficients<T> {
    /// Allocates coefficients for a number of rows and of tiles.
    pub(crate) fn new(rows: usize, tiles: usize) -> Self {
        let rows = rows.next_multiple_of(ROWS);
        Self {
            values: Aligned::filled(rows * tiles * T::TILE, T::ZERO),
            stride: tiles * T::TILE,
        }
    }

    /// The coefficients of [`ROWS`] rows at a time.
    pub(crate) fn groups(&self) -> impl Iterator<Item = [&[T]; ROWS]> {
        let groups = self.values.chunks_exact(ROWS * self.stride);
        groups.map(|group| std::array::from_fn(|r| &group[r * self.stride..][..self.stride]))
    }
}

/// The formula of a pair's coefficient.
pub(crate) trait Weighing<T: Float>: Copy {
    /// Whether it uses the excess of the power over 1 in place of the power.
    fn exceeds(self) -> bool;

    /// The coefficient, for a pair whose direction is ⟨zᵢ, xᵢ − yⱼ⟩ along `along` where there are
    /// directions.
    fn coefficient<S: Simd>(self, simd: S, pair: Pair<T, S>, along: T::Lanes<S>) -> T::Lanes<S>;

    /// z of the tile of rows, as the coordinates of points.
    fn directions(&self) -> Option<&[T]> {
        None
    }
}

/// The cost itself.
#[derive(Clone, Copy)]
pub(crate) struct Costs;

impl<T: Float> Weighing<T> for Costs {
    #[inline(always)]
    fn exceeds(self) -> bool {
        false
    }

    #[inline(always)]
    fn coefficient<S: Simd>(self, _: S, pair: Pair<T, S>, _: T::Lanes<S>) -> T::Lanes<S> {
        pair.cost
    }
}

/// The squared distance.
#[derive(Clone, Copy)]
pub(crate) struct Squares;

impl<T: Float> Weighing<T> for Squares {
    #[inline(always)]
    fn exceeds(self) -> bool {
        false
    }

    #[inline(always)]
    fn coefficient<S: Simd>(self, _: S, pair: Pair<T, S>, _: T::Lanes<S>) -> T::Lanes<S> {
        pair.square
    }
}

impl<T: Float> Weighing<T> for Slope<'_, T> {
    #[inline(always)]
    fn exceeds(self) -> bool {
        self.factor == Factor::Excess
    }

    #[inline(always)]
    fn coefficient<S: Simd>(self, simd: S, pair: Pair<T, S>, _: T::Lanes<S>) -> T::Lanes<S> {
        Slope::coefficient(self, simd, pair)
    }
}

/// π ⟨zᵢ, s⟩ s over x − y for s = |x − y|^{p − 2} (x − y).
#[derive(Clone, Copy)]
pub(crate) struct Curvature<'a, T> {
    /// z of the tile of rows, as the coordinates of points.
    pub(crate) directions: &'a [T],
    pub(crate) differences: Differences<'a, T>,
}

impl<T: Float> Weighing<T> for Curvature<'_, T> {
    #[inline(always)]
    fn exceeds(self) -> bool {
        false
    }

    #[inline(always)]
    fn coefficient<S: Simd>(self, simd: S, pair: Pair<T, S>, along: T::Lanes<S>) -> T::Lanes<S> {
        let weight = T::mul(simd, pair.power, along);
        let weight = self.differences.slope(simd, pair, weight);
        self.differences.slope(simd, pair, weight)
    }

    #[inline(always)]
    fn directions(&self) -> Option<&[T]> {
        Some(self.directions)
    }
}

/// The kernel that computes the coefficients.
pub(crate) struct Evaluate<'a, T, M> {
    pub(crate) block: Block<'a, T>,
    /// f of the rows, padded to a multiple of [`ROWS`].
    pub(crate) potential: &'a [T],
    pub(crate) weighing: M,
    pub(crate) coefficients: &'a mut Coefficients<T>,
    /// The tile of the coefficients at which the block begins.
    pub(crate) tile: usize,
}

impl<T: Float, M: Weighing<T>> RowKernel for Evaluate<'_, T, M> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        if const { D == MANY && !POWER } && S::REGISTER_COUNT >= 32 {
            self.run_with::<S, D, POWER, 4>(simd);
        } else if T::width::<S>() > 1 {
            self.run_with::<S, D, POWER, 2>(simd);
        } else {
            self.run_with::<S, D, POWER, 1>(simd);
        }
    }
}

impl<T: Float, M: Weighing<T>> Evaluate<'_, T, M> {
    #[inline(always)]
    fn run_with<S: Simd, const D: usize, const POWER: bool, const V: usize>(self, simd: S) {
        let Self {
            block,
            potential,
            weighing,
            coefficients,
            tile: first,
        } = self;
        let zero = T::splat(simd, T::ZERO);
        let exceeds = weighing.exceeds();
        let width = V * T::width::<S>();
        let size = block.dimension * T::TILE;

        let stride = coefficients.stride;
        let groups = coefficients.values.chunks_exact_mut(ROWS * stride);
        for (row, coefficients) in (0..block.count).step_by(ROWS).zip(groups) {
            let rows = Rows::new(simd, block, row, Some(potential), false);
            let tiles = block.columns.chunks_exact(size);
            for (tile, (columns, terms)) in tiles.zip(block.terms.chunks_exact(T::TILE)).enumerate()
            {
                for column in (0..T::TILE).step_by(width) {
                    let meeting = rows.meet(columns, column);
                    let [squares, costs] = rows.costs::<D, POWER, V>(simd, meeting);
                    let h = T::lanes::<S>(&terms[column..][..width]);
                    let along = match weighing.directions() {
                        Some(directions) => meeting.projections::<S, D, V>(simd, directions),
                        None => [[zero; V]; ROWS],
                    };
                    for r in 0..ROWS {
                        let at = r * stride + (first + tile) * T::TILE + column;
                        let out = T::lanes_mut::<S>(&mut coefficients[at..][..width]);
                        for v in 0..V {
                            let cost = costs[r][v];
                            let s = rows.exponent(simd, r, cost, h[v]);
                            let pair = Pair {
                                row: block.first + row + r,
                                tile,
                                column: column + v * T::width::<S>(),
                                power: if exceeds {
                                    excess::<T, S>(simd, s)
                                } else {
                                    exp2::<T, S>(simd, s)
                                },
                                square: squares[r][v],
                                cost,
                            };
                            out[v] = weighing.coefficient(simd, pair, along[r][v]);
                        }
                    }
                }
            }
        }
    }
}

/// The kernel that multiplies coefficients with the differences of some coordinates.
pub(crate) struct Multiply<'a, T> {
    pub(crate) coefficients: &'a Coefficients<T>,
    /// The coordinates of the tile of rows, and of the tiles of columns.
    pub(crate) rows: &'a [T],
    pub(crate) columns: &'a [T],
    pub(crate) dimension: usize,
    /// The first of the rows within its tile.
    pub(crate) row: usize,
    /// The range of dimensions.
    pub(crate) range: std::ops::Range<usize>,
    /// The sums are added here: one a dimension for each row.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut k = self.range.start;
        while k < self.range.end {
            if self.range.end - k < DIMENSIONS {
                self.multiply::<S, 1>(simd, k);
                k += 1;
            } else {
                self.multiply::<S, DIMENSIONS>(simd, k);
                k += DIMENSIONS;
            }
        }
    }
}

impl<T: Float> Multiply<'_, T> {
    /// N dimensions from the first on, for all rows.
    #[inline(always)]
    fn multiply<S: Simd, const N: usize>(&mut self, simd: S, first: usize) {
        let dimension = self.dimension;
        let zeros = [[T::splat(simd, T::ZERO); N]; ROWS];
        let span = tiles_in_a_row::<T, S>();
        let groups = self.coefficients.groups();
        let totals = self.totals.chunks_mut(ROWS * dimension);
        for (group, (coefficients, totals)) in groups.zip(totals).enumerate() {
            let mut x = zeros;
            for n in 0..N {
                let at = (first + n) * T::TILE + self.row + group * ROWS;
                for (r, x) in x.iter_mut().enumerate() {
                    x[n] = T::splat(simd, self.rows[at + r]);
                }
            }
            let mut sums = zeros;
            let spans = self.columns.chunks(span * dimension * T::TILE);
            for (index, columns) in spans.enumerate() {
                let mut inner = zeros;
                for (tile, columns) in columns.chunks_exact(dimension * T::TILE).enumerate() {
                    let y: [&[T::Lanes<S>]; N] = std::array::from_fn(|n| {
                        T::lanes::<S>(&columns[(first + n) * T::TILE..][..T::TILE])
                    });
                    let w: [&[T::Lanes<S>]; ROWS] = std::array::from_fn(|r| {
                        let at = (index * span + tile) * T::TILE;
                        T::lanes::<S>(&coefficients[r][at..][..T::TILE])
                    });
                    for column in 0..T::TILE / T::width::<S>() {
                        for n in 0..N {
                            for r in 0..ROWS {
                                let difference = T::sub(simd, x[r][n], y[n][column]);
                                inner[r][n] =
                                    T::mul_add(simd, w[r][column], difference, inner[r][n]);
                            }
                        }
                    }
                }
                sums = add::<T, S, N>(simd, sums, inner);
            }
            for (totals, sums) in totals.chunks_exact_mut(dimension).zip(sums) {
                for (total, sum) in totals[first..].iter_mut().zip(sums) {
                    *total += T::sum(simd, sum).to_f64();
                }
            }
        }
    }
}

//! A block of rows against a range of columns: the shape in which every kernel works.
//!
//! A kernel takes R rows at a time and V vectors of columns, accumulates
//!
//! ```text
//! cᵣⱼ = seedᵣ + Σₖ (xᵣₖ − yⱼₖ)²
//! ```
//!
//! in registers, and continues from there. It forms differences in every dimension: the expanded
//! form |x|² + |y|² − 2⟨x, y⟩ would save the subtractions (`benches/benches/expanded.rs` measures
//! how much that is), but lose the digits that nearby points need. The caller carries sums over all
//! columns from range to range, and may leave ranges out.
//!
//! Sums over dimensions are taken in blocks, in the order that [`distance_roundings`] states. Up to [`BLOCK`]
//! dimensions the seed is the first number of the sum, and goes through at most [`BLOCK`] roundings. Beyond, it is the last
//! one, with one rounding, so that a squared distance that was kept from an earlier pass gives the same digits.
//!
//! [`distance_roundings`]: haul_core::engine::distance_roundings

use crate::power::{Metric, power};
use crate::real::Float;
use haul_core::engine::BLOCK;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// How many rows a kernel holds in its registers at a time.
pub(crate) const ROWS: usize = 4;

/// The most rows of a block: the rows of the largest tile of both formats.
pub(crate) const MOST_ROWS: usize = 64;

/// The most lanes of a vector.
pub(crate) const MOST_LANES: usize = 16;

/// Some rows of one tile, and the columns of some tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a, T> {
    /// The coordinates of the tile of rows.
    pub(crate) rows: &'a [T],
    /// The first of the rows within its tile, a multiple of [`ROWS`].
    pub(crate) first: usize,
    /// How many rows.
    pub(crate) count: usize,
    /// The coordinates of the tiles of columns; if they are `kept`, the squared distances of each tile to all rows of the
    /// tile of rows, row by row.
    pub(crate) columns: &'a [T],
    pub(crate) kept: bool,
    /// Their terms h.
    pub(crate) terms: &'a [T],
    /// The numbers of a column: its coordinates, or its distances to a tile of rows.
    pub(crate) dimension: usize,
    pub(crate) metric: Metric<T>,
    /// k = log₂(e)/ε.
    pub(crate) sharpness: T,
}

/// The dimension D of a kernel for any dimension up to [`BLOCK`].
pub(crate) const FEW: usize = 0;

/// The dimension D of a kernel for any dimension above.
pub(crate) const MANY: usize = usize::MAX;

/// The dimension D of a kernel for distances that are kept.
pub(crate) const KEPT: usize = usize::MAX - 1;

/// Whether D is a dimension, and not [`FEW`], [`MANY`] or [`KEPT`]. Call it in a `const` block: loops over a dimension
/// are unrolled if the compiler knows it.
pub(crate) const fn is_known(dimension: usize) -> bool {
    dimension != FEW && dimension != MANY && dimension != KEPT
}

/// A kernel, written for a dimension D known when it is compiled, or for [`FEW`], [`MANY`] or [`KEPT`]; and for
/// general powers only where `POWER`, whose arithmetic would take the others' registers.
pub(crate) trait RowKernel {
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S);
}

struct Specialised<K, const D: usize, const POWER: bool>(K);

impl<K: RowKernel, const D: usize, const POWER: bool> WithSimd for Specialised<K, D, POWER> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, D, POWER>(simd);
    }
}

/// Runs a kernel on an instruction set, for the distances of a block like this one.
pub(crate) fn dispatch<T: Copy, K: RowKernel>(arch: Arch, like: Block<'_, T>, kernel: K) {
    if like.kept {
        return dispatch_in::<T, K, KEPT>(arch, like.metric, kernel);
    }
    match (like.dimension, like.metric) {
        (2, Metric::Power { .. }) => arch.dispatch(Specialised::<K, 2, true>(kernel)),
        (3, Metric::Power { .. }) => arch.dispatch(Specialised::<K, 3, true>(kernel)),
        (..=BLOCK, Metric::Power { .. }) => arch.dispatch(Specialised::<K, FEW, true>(kernel)),
        (_, Metric::Power { .. }) => arch.dispatch(Specialised::<K, MANY, true>(kernel)),
        (1, _) => arch.dispatch(Specialised::<K, 1, false>(kernel)),
        (2, _) => arch.dispatch(Specialised::<K, 2, false>(kernel)),
        (3, _) => arch.dispatch(Specialised::<K, 3, false>(kernel)),
        (4, _) => arch.dispatch(Specialised::<K, 4, false>(kernel)),
        (..=BLOCK, _) => arch.dispatch(Specialised::<K, FEW, false>(kernel)),
        _ => arch.dispatch(Specialised::<K, MANY, false>(kernel)),
    }
}

/// The same where the caller knows the dimension.
pub(crate) fn dispatch_in<T, K: RowKernel, const D: usize>(
    arch: Arch,
    metric: Metric<T>,
    kernel: K,
) {
    match metric {
        Metric::Power { .. } => arch.dispatch(Specialised::<K, D, true>(kernel)),
        _ => arch.dispatch(Specialised::<K, D, false>(kernel)),
    }
}

/// [`ROWS`] rows of a tile and the vectors of columns that begin at `column` in theirs.
#[derive(Clone, Copy)]
pub(crate) struct Meeting<'a, T> {
    /// The coordinates of the tile of rows.
    pub(crate) rows: &'a [T],
    pub(crate) row: usize,
    /// The coordinates of the tile of columns.
    pub(crate) columns: &'a [T],
    pub(crate) column: usize,
    pub(crate) dimension: usize,
}

/// The terms that each dimension adds to the sums of a meeting.
trait Addend<T: Float>: Copy {
    /// Adds the term of row r in dimension k, for a vector of differences xₖ − yₖ.
    fn add<S: Simd>(
        self,
        simd: S,
        at: usize,
        difference: T::Lanes<S>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S>;
}

/// (xₖ − yₖ)².
#[derive(Clone, Copy)]
struct Square;

impl<T: Float> Addend<T> for Square {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        _: usize,
        difference: T::Lanes<S>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S> {
        T::mul_add(simd, difference, difference, sum)
    }
}

/// zₖ (xₖ − yₖ), with z laid out as the coordinates of the rows.
#[derive(Clone, Copy)]
struct Along<'a, T>(&'a [T]);

impl<T: Float> Addend<T> for Along<'_, T> {
    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        at: usize,
        difference: T::Lanes<S>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S> {
        T::mul_add(simd, T::splat(simd, self.0[at]), difference, sum)
    }
}

impl<T: Float> Meeting<'_, T> {
    /// c for these rows and V vectors of columns.
    #[inline(always)]
    pub(crate) fn squared_distances<S: Simd, const D: usize, const V: usize>(
        self,
        simd: S,
        seeds: [T::Lanes<S>; ROWS],
    ) -> [[T::Lanes<S>; V]; ROWS] {
        if const { D == KEPT } {
            return self.kept(simd, seeds);
        }
        self.sum::<S, D, V>(simd, Square, seeds)
    }

    /// The seeds plus the squared distances that the columns have in place of coordinates.
    #[inline(always)]
    fn kept<S: Simd, const V: usize>(
        self,
        simd: S,
        seeds: [T::Lanes<S>; ROWS],
    ) -> [[T::Lanes<S>; V]; ROWS] {
        let mut sums = [[T::splat(simd, T::ZERO); V]; ROWS];
        let rows = self.columns.chunks_exact(T::TILE).skip(self.row);
        for ((sums, seed), squares) in sums.iter_mut().zip(seeds).zip(rows) {
            let squares = T::lanes::<S>(&squares[self.column..][..V * T::width::<S>()]);
            for v in 0..V {
                sums[v] = T::add(simd, seed, squares[v]);
            }
        }
        sums
    }

    /// ⟨zᵢ, xᵢ − yⱼ⟩, for directions z laid out as the coordinates of the rows.
    #[inline(always)]
    pub(crate) fn projections<S: Simd, const D: usize, const V: usize>(
        self,
        simd: S,
        directions: &[T],
    ) -> [[T::Lanes<S>; V]; ROWS] {
        let zero = T::splat(simd, T::ZERO);
        self.sum::<S, D, V>(simd, Along(directions), [zero; ROWS])
    }

    /// The seeds plus the terms of all dimensions.
    #[inline(always)]
    fn sum<S: Simd, const D: usize, const V: usize>(
        self,
        simd: S,
        addend: impl Addend<T>,
        seeds: [T::Lanes<S>; ROWS],
    ) -> [[T::Lanes<S>; V]; ROWS] {
        let dimension = if const { is_known(D) } {
            D
        } else {
            self.dimension
        };
        let zeros = [[T::splat(simd, T::ZERO); V]; ROWS];
        let mut seeded = zeros;
        for r in 0..ROWS {
            seeded[r] = [seeds[r]; V];
        }
        if D != MANY {
            return self.sum_in_a_row(simd, addend, 0..dimension, seeded);
        }
        let mut outer = zeros;
        for first in (0..dimension).step_by(BLOCK * BLOCK) {
            let end = dimension.min(first + BLOCK * BLOCK);
            let mut middle = zeros;
            for first in (first..end).step_by(BLOCK) {
                let block = first..end.min(first + BLOCK);
                let inner = self.sum_in_a_row(simd, addend, block, zeros);
                middle = add::<T, S, V>(simd, middle, inner);
            }
            outer = add::<T, S, V>(simd, outer, middle);
        }
        add::<T, S, V>(simd, seeded, outer)
    }

    #[inline(always)]
    fn sum_in_a_row<S: Simd, const V: usize>(
        self,
        simd: S,
        addend: impl Addend<T>,
        dimensions: Range<usize>,
        mut sums: [[T::Lanes<S>; V]; ROWS],
    ) -> [[T::Lanes<S>; V]; ROWS] {
        let width = V * T::width::<S>();
        for k in dimensions {
            let y = T::lanes::<S>(&self.columns[k * T::TILE + self.column..][..width]);
            let x = &self.rows[k * T::TILE + self.row..][..ROWS];
            for r in 0..ROWS {
                let x = T::splat(simd, x[r]);
                for v in 0..V {
                    let difference = T::sub(simd, x, y[v]);
                    let at = k * T::TILE + self.row + r;
                    sums[r][v] = addend.add(simd, at, difference, sums[r][v]);
                }
            }
        }
        sums
    }
}

/// [`ROWS`] rows of a block, with their potentials f.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T: Float, S: Simd> {
    block: Block<'a, T>,
    /// The first of them within the block.
    row: usize,
    f: [T::Lanes<S>; ROWS],
    /// The first number of the sums of squares: −f where the cost is that sum and nothing else is needed of it, else 0.
    seeds: [T::Lanes<S>; ROWS],
    seeded: bool,
    sharpness: T::Lanes<S>,
}

impl<'a, T: Float, S: Simd> Rows<'a, T, S> {
    /// The rows that begin at `row` within the block; `potential` is f of all its rows, 0 where there is none. Sums
    /// of squares begin with it if they `may`.
    #[inline(always)]
    pub(crate) fn new(
        simd: S,
        block: Block<'a, T>,
        row: usize,
        potential: Option<&[T]>,
        may: bool,
    ) -> Self {
        let zero = T::splat(simd, T::ZERO);
        let (mut f, mut seeds) = ([zero; ROWS], [zero; ROWS]);
        let mut seeded = true;
        if let Some(potential) = potential {
            seeded = block.metric.is_squared() && may;
            for (f, value) in f.iter_mut().zip(&potential[row..][..ROWS]) {
                *f = T::splat(simd, *value);
            }
            if seeded {
                for r in 0..ROWS {
                    seeds[r] = T::sub(simd, zero, f[r]);
                }
            }
        }
        Self {
            block,
            row,
            f,
            seeds,
            seeded,
            sharpness: T::splat(simd, block.sharpness),
        }
    }

    /// The rows against the columns that begin at `column` in a tile with these coordinates.
    #[inline(always)]
    pub(crate) fn meet(&self, columns: &'a [T], column: usize) -> Meeting<'a, T> {
        Meeting {
            rows: self.block.rows,
            row: self.block.first + self.row,
            columns,
            column,
            dimension: self.block.dimension,
        }
    }

    /// |x − y|² and |x − y|^p of the rows and V vectors of columns, minus f where the sums begin with it.
    #[inline(always)]
    pub(crate) fn costs<const D: usize, const POWER: bool, const V: usize>(
        &self,
        simd: S,
        meeting: Meeting<'a, T>,
    ) -> [[[T::Lanes<S>; V]; ROWS]; 2] {
        let squares = meeting.squared_distances::<S, D, V>(simd, self.seeds);
        let costs = costs_of_squares::<T, S, POWER, V>(simd, self.block.metric, squares);
        [squares, costs]
    }

    /// The exponent s = h − k(C − f) of row r at such a cost, for the term h of the columns.
    #[inline(always)]
    pub(crate) fn exponent(
        &self,
        simd: S,
        r: usize,
        cost: T::Lanes<S>,
        term: T::Lanes<S>,
    ) -> T::Lanes<S> {
        let rest = if self.seeded {
            cost
        } else {
            T::sub(simd, cost, self.f[r])
        };
        T::negate_mul_add(simd, self.sharpness, rest, term)
    }

    /// The same exponent, where rows and columns are exchanged: these have h in place of a potential, and the
    /// others' terms are f.
    #[inline(always)]
    pub(crate) fn exchanged_exponent(
        &self,
        simd: S,
        r: usize,
        cost: T::Lanes<S>,
        term: T::Lanes<S>,
    ) -> T::Lanes<S> {
        let rest = T::sub(simd, cost, term);
        T::negate_mul_add(simd, self.sharpness, rest, self.f[r])
    }
}

/// The sums of two groups of vectors.
#[inline(always)]
pub(crate) fn add<T: Float, S: Simd, const V: usize>(
    simd: S,
    mut a: [[T::Lanes<S>; V]; ROWS],
    b: [[T::Lanes<S>; V]; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    for r in 0..ROWS {
        for v in 0..V {
            a[r][v] = T::add(simd, a[r][v], b[r][v]);
        }
    }
    a
}

/// How many tiles a kernel sums up, lane by lane, before it adds their sums to others.
#[inline(always)]
pub(crate) fn tiles_in_a_row<T: Float, S: Simd>() -> usize {
    tiles_of_lanes(T::width::<S>(), T::TILE)
}

/// So many that each of `lanes` sums about [`BLOCK`] terms.
#[inline(always)]
pub(crate) const fn tiles_of_lanes(lanes: usize, tile: usize) -> usize {
    let tiles = BLOCK * lanes / tile;
    if tiles == 0 { 1 } else { tiles }
}

/// The costs at squared distances; a general power where `POWER`.
#[inline(always)]
pub(crate) fn costs_of_squares<T: Float, S: Simd, const POWER: bool, const V: usize>(
    simd: S,
    metric: Metric<T>,
    mut squares: [[T::Lanes<S>; V]; ROWS],
) -> [[T::Lanes<S>; V]; ROWS] {
    let root = !POWER && metric.is_distance();
    if POWER || root {
        for row in &mut squares {
            for square in row {
                *square = match metric {
                    Metric::Power { head, tail } if POWER => {
                        power::<T, S>(simd, *square, (head, tail))
                    }
                    _ => T::sqrt(simd, *square),
                };
            }
        }
    }
    squares
}

//! The pairs of a pass, and the weights and potentials of their columns.

use super::Kernel;
use crate::{Error, Result};
use std::ops::Range;

/// The number of vectors of the same points in a pass, and their memory layout: a vector over m points is
/// outer × m × inner, and each sum runs over the middle index.
///
/// q histograms on one support are rows of q numbers, `inner` = q. For axis k of a grid of n₁×…×n_d points, the
/// points are those of that axis, `outer` = Π n of the axes before it and `inner` = Π n of those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lines {
    /// Arrays of points, one after another.
    pub outer: usize,
    /// Numbers at each point, side by side.
    pub inner: usize,
}

impl Lines {
    /// One vector, a number a point.
    pub const ONE: Self = Self { outer: 1, inner: 1 };

    /// q numbers a point.
    pub fn of_histograms(q: usize) -> Self {
        Self { outer: 1, inner: q }
    }

    /// The number of vectors.
    pub fn count(self) -> usize {
        self.outer.saturating_mul(self.inner)
    }

    /// The length of all vectors together over this many points.
    pub fn length(self, points: usize) -> usize {
        self.count().saturating_mul(points)
    }
}

/// The number of rows in a tile of a [`Near`] list. The list's ranges of columns begin at multiples of it.
pub const TILE: usize = 64;

/// The groups of [`Groups`] begin at multiples of this number of points, half a tile.
pub const GROUP: usize = TILE / 2;

/// For each [`TILE`] of rows, the ranges of columns that are included; all others are left out of every sum.
///
/// ```
/// use haul_core::engine::Near;
/// // Rows 0 to 63 see columns 0 to 127 and 192 to 199, rows 64 to 99 see none.
/// let near = Near::new(100, 200, [vec![0..128, 192..200], vec![]])?;
/// assert_eq!(near.pairs(), 64 * 136);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    rows: usize,
    columns: usize,
    /// The index of each tile's first range, and the end of the last tile's.
    starts: Vec<usize>,
    ranges: Vec<Range<usize>>,
}

impl Near {
    /// The lists of all tiles of `rows` rows, in order; the ranges of each list are in ascending order and may touch.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a number of lists that differs from the number of tiles, [`Error::Range`] for a range
    /// that is empty, out of order, beyond the columns, or begins or ends within a tile of columns.
    pub fn new(
        rows: usize,
        columns: usize,
        lists: impl IntoIterator<Item = Vec<Range<usize>>>,
    ) -> Result<Self> {
        let mut near = Self {
            rows,
            columns,
            starts: vec![0],
            ranges: Vec::new(),
        };
        for list in lists {
            let mut end = 0;
            for range in list {
                let whole = |at: usize| at.is_multiple_of(TILE) || at == columns;
                if range.start < end
                    || range.is_empty()
                    || range.end > columns
                    || !(range.start.is_multiple_of(TILE) && whole(range.end))
                {
                    let what = "a list of near columns";
                    return Err(Error::Range {
                        what,
                        start: range.start,
                        end: range.end,
                    });
                }
                end = range.end;
                near.ranges.push(range);
            }
            near.starts.push(near.ranges.len());
        }
        let (expected, found) = (rows.div_ceil(TILE), near.starts.len() - 1);
        if expected != found {
            let what = "the lists of near columns";
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        Ok(near)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The columns of a tile of rows, from 0.
    pub fn of_tile(&self, tile: usize) -> &[Range<usize>] {
        match (self.starts.get(tile), self.starts.get(tile + 1)) {
            (Some(&start), Some(&end)) => &self.ranges[start..end],
            _ => &[],
        }
    }

    /// The number of pairs included.
    pub fn pairs(&self) -> u64 {
        let tiles = 0..self.rows.div_ceil(TILE);
        let pairs = |tile: usize| {
            let rows = (self.rows - tile * TILE).min(TILE);
            let columns: usize = self.of_tile(tile).iter().map(Range::len).sum();
            rows as u64 * columns as u64
        };
        tiles.map(pairs).sum()
    }
}

/// Rows of a pass whose results are wanted: from `first`, a multiple of [`TILE`], to before `end`, another multiple or
/// the number of rows. Where masses of [`Groups`] are asked for, both are bounds of groups of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The first row.
    pub first: usize,
    /// The row after the last one.
    pub end: usize,
}

impl Part {
    /// Its rows.
    pub fn rows(self) -> Range<usize> {
        self.first..self.end
    }
}

impl From<Range<usize>> for Part {
    fn from(rows: Range<usize>) -> Self {
        Self {
            first: rows.start,
            end: rows.end,
        }
    }
}

/// All pairs of row points and column points, or only the near ones, and the cost between them.
#[derive(Debug)]
pub struct Pairs<'v, P> {
    /// The cost and ε.
    pub kernel: Kernel,
    /// The points xᵢ.
    pub rows: &'v P,
    /// The points yⱼ.
    pub columns: &'v P,
    /// The vectors summed at once.
    pub lines: Lines,
    /// The pairs included; all if `None`.
    pub near: Option<&'v Near>,
    /// The points of rows and columns are the same. In a softmin the guess is then also the potential of the columns,
    /// so an engine may evaluate half the pairs.
    pub symmetric: bool,
    /// The rows whose results are wanted; all if `None`. The results of other rows have no meaning, because an engine may
    /// compute them as well. Each row that is wanted has the same bits as in a pass of all rows.
    pub part: Option<Part>,
}

impl<'v, P> Pairs<'v, P> {
    /// All pairs, for one vector.
    pub fn new(kernel: Kernel, rows: &'v P, columns: &'v P) -> Self {
        Self {
            kernel,
            rows,
            columns,
            lines: Lines::ONE,
            near: None,
            symmetric: false,
            part: None,
        }
    }

    /// The same for many vectors at once.
    pub fn with_lines(self, lines: Lines) -> Self {
        Self { lines, ..self }
    }

    /// The same for some rows only.
    pub fn with_part(self, rows: Range<usize>) -> Self {
        Self {
            part: Some(rows.into()),
            ..self
        }
    }

    /// The rows whose results are wanted, of `count` rows in all.
    pub fn wanted(&self, count: usize) -> Range<usize> {
        self.part.map_or(0..count, Part::rows)
    }

    /// The same for the near pairs only.
    pub fn with_near(self, near: &'v Near) -> Self {
        Self {
            near: Some(near),
            ..self
        }
    }
}

impl<P> Clone for Pairs<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Pairs<'_, P> {}

/// The weights and potential of the columns in an exponent, log bⱼ + gⱼ/ε.
#[derive(Debug)]
pub struct Side<'v, W, V> {
    /// b; 1 for all if `None`. There are outer × m × inner numbers, as in a vector of the lines, or m, which then
    /// serve all lines. (Weights of q histograms are n×q; with lines, q is 1 or divides `inner`.)
    pub weights: Option<&'v W>,
    /// g, a value for each point of each line, in units of the cost; 0 for all if `None`.
    pub potential: Option<&'v V>,
}

impl<'v, W, V> Side<'v, W, V> {
    /// The side of a measure with a potential.
    pub fn new(weights: &'v W, potential: &'v V) -> Self {
        Self {
            weights: Some(weights),
            potential: Some(potential),
        }
    }
}

impl<W, V> Clone for Side<'_, W, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W, V> Copy for Side<'_, W, V> {}

/// Requests from a softmin the masses that the plan of its result moves between groups of points:
///
/// ```text
/// M_{IJ} = Σ_{i ∈ I} aᵢ Σ_{j ∈ J} bⱼ exp((λ fᵢ + gⱼ − Cᵢⱼ)/ε)        f the result, λ the damping
/// ```
///
/// For λ = 1 the rows of that plan sum to a. If a guess is so far off that the sum of a row leaves the range of floats, that row may be
/// missing, or make masses that are not finite.
#[derive(Debug)]
pub struct Groups<'v, W, V> {
    /// The first point of each group of rows, and n: ascending multiples of [`GROUP`], except the last.
    pub rows: &'v [usize],
    /// The first point of each group of columns, and m.
    pub columns: &'v [usize],
    /// The weights a of the rows.
    pub weights: &'v W,
    /// λ = ρ/(ρ + ε) of the rows: 1 where their marginal is constrained.
    pub damping: f64,
    /// M, groups of rows × groups of columns, row-major.
    pub masses: &'v mut V,
}

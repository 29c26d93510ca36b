//! How the vectors of many lines lie in memory, and the order in which kernels take them.
//!
//! A vector over p points is outer × p × inner. Kernels sum one line after the other over its points, and read it
//! in tiles, line after line; they write their sums row by row, all lines of a row side by side.

use crate::aligned::Aligned;
use crate::real::Float;
use haul_core::engine::Lines;
use std::ops::Range;

/// How many lines are copied at once: neighbouring numbers of a point share a load.
pub(crate) const NEIGHBOURS: usize = 16;

/// A vector of outer × `points` × inner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) lines: Lines,
    pub(crate) points: usize,
}

impl Layout {
    /// The index of a point's number in a line.
    #[inline(always)]
    pub(crate) fn at(self, line: usize, point: usize) -> usize {
        let Lines { inner, .. } = self.lines;
        (line / inner * self.points + point) * inner + line % inner
    }

    /// Whether these lines are all lines and already lie row by row.
    pub(crate) fn is_by_rows(self, lines: &Range<usize>) -> bool {
        self.lines.outer == 1 && *lines == (0..self.lines.inner)
    }

    /// These lines of a vector, row by row.
    pub(crate) fn rows<T: Float>(self, vector: &[T], lines: Range<usize>) -> Vec<T> {
        if self.is_by_rows(&lines) {
            return vector.to_vec();
        }
        let mut rows = vec![T::ZERO; self.points * lines.len()];
        for (point, row) in rows.chunks_exact_mut(lines.len()).enumerate() {
            for (value, line) in row.iter_mut().zip(lines.clone()) {
                *value = vector[self.at(line, point)];
            }
        }
        rows
    }

    /// Copies lines that lie row by row into a vector.
    pub(crate) fn put<T: Float>(self, rows: &[T], lines: Range<usize>, vector: &mut [T]) {
        for (point, row) in rows.chunks_exact(lines.len()).enumerate() {
            for (value, line) in row.iter().zip(lines.clone()) {
                vector[self.at(line, point)] = *value;
            }
        }
    }
}

/// Numbers of some lines in tiles, line after line.
#[derive(Debug)]
pub(crate) struct Tiled<T> {
    values: Aligned<T>,
    /// How many numbers a line has.
    stride: usize,
}

impl<T: Float> Tiled<T> {
    /// The numbers `value(line, point)`, padded with `beyond`.
    pub(crate) fn new(
        points: usize,
        lines: Range<usize>,
        beyond: T,
        value: impl Fn(usize, usize) -> T,
    ) -> Self {
        let stride = points.next_multiple_of(T::TILE);
        let mut values = Aligned::filled(stride * lines.len(), beyond);
        let groups = values.chunks_mut(NEIGHBOURS * stride);
        for (first, group) in lines.step_by(NEIGHBOURS).zip(groups) {
            for point in 0..points {
                for (line, numbers) in group.chunks_exact_mut(stride).enumerate() {
                    numbers[point] = value(first + line, point);
                }
            }
        }
        Self { values, stride }
    }

    /// The numbers of some tiles of a line.
    #[inline(always)]
    pub(crate) fn of(&self, line: usize, tiles: &Range<usize>) -> &[T] {
        let line = &self.values[line * self.stride..(line + 1) * self.stride];
        &line[tiles.start * T::TILE..tiles.end * T::TILE]
    }
}

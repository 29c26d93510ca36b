//! How the vectors of many lines lie in memory, and the order in which kernels take them.
//!
//! A vector over p points is outer × p × inner. Kernels sum one line after the other over its points, and read it
//! in tiles, line after line; they write their sums row by row, all lines of a row side by side.

use crate::aligned::Aligned;
use crate::pass::ranges;
use crate::real::Float;
use crate::softmin::LARGEST;
use haul_core::engine::Lines;
use std::ops::Range;

/// How many lines are copied at once: neighbouring numbers of a point share a load.
pub(crate) const NEIGHBOURS: usize = 16;

/// About how many lines a thread takes at a time.
const LINES: usize = 64;

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

/// The results of some lines and rows.
pub(crate) enum Part<'o, T> {
    /// All rows of whole arrays of lines; `first` is the first of the rows that are computed.
    Arrays {
        out: &'o mut [T],
        layout: Layout,
        first: usize,
    },
    /// For each row that is computed, some adjacent lines.
    Rows(Vec<&'o mut [T]>),
}

/// Cuts a result into parts of about [`LINES`] lines, which threads take.
pub(crate) fn parts<'o, T: Float>(
    out: &'o mut [T],
    layout: Layout,
    rows: &Range<usize>,
) -> Vec<(Range<usize>, Part<'o, T>)> {
    let inner = layout.lines.inner;
    let array = layout.points * inner;
    let mut parts = Vec::new();
    if inner < LINES {
        let arrays = LINES / inner;
        for (index, out) in out.chunks_mut(arrays * array).enumerate() {
            let first = index * arrays * inner;
            let lines = first..first + out.len() / layout.points;
            let first = rows.start;
            parts.push((lines, Part::Arrays { out, layout, first }));
        }
        return parts;
    }
    for (index, out) in out.chunks_mut(array).enumerate() {
        let mut of_lines: Vec<Vec<&mut [T]>> = Vec::new();
        of_lines.resize_with(inner.div_ceil(LINES), Vec::new);
        for row in out[rows.start * inner..rows.end * inner].chunks_mut(inner) {
            for (of_lines, row) in of_lines.iter_mut().zip(row.chunks_mut(LINES)) {
                of_lines.push(row);
            }
        }
        let lines = ranges(index * inner..(index + 1) * inner, LINES);
        parts.extend(lines.zip(of_lines.into_iter().map(Part::Rows)));
    }
    parts
}

impl<T: Float> Part<'_, T> {
    /// Writes the values of some rows, line after line with `stride` numbers each.
    pub(crate) fn put(
        &mut self,
        lines: &[usize],
        rows: Range<usize>,
        values: &[f64],
        stride: usize,
    ) {
        let of_format = |value: f64| T::from_f64(value.min(LARGEST));
        match self {
            Self::Arrays { out, layout, first } => {
                let inner = layout.lines.inner;
                for (line, values) in lines.iter().zip(values.chunks_exact(stride)) {
                    let start = layout.at(*line, *first + rows.start);
                    let places = out[start..].iter_mut().step_by(inner);
                    for (place, value) in places.zip(&values[..rows.len()]) {
                        *place = of_format(*value);
                    }
                }
            }
            Self::Rows(of_rows) => {
                for (row, out) in of_rows[rows].iter_mut().enumerate() {
                    for (line, values) in lines.iter().zip(values.chunks_exact(stride)) {
                        out[*line] = of_format(values[row]);
                    }
                }
            }
        }
    }
}

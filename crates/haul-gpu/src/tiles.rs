//! The division of an operator into dispatches.
//!
//! A binding holds only so many bytes, a dispatch only so many workgroups, a loop on lavapipe only
//! 65 535 iterations, and a watchdog (2 s on Windows, some on macOS) waits only so long. So rows
//! and columns are tiled to fit their bindings, and a tile's columns are taken in ranges, one
//! dispatch each, which carry the running state on in a buffer. Where rows are few, the columns of
//! a dispatch are split over workgroups as well.

use haul_shaders::{Points, Shader};
use std::ops::Range;

/// Tiles begin at multiples of this, which every alignment of a binding's offset divides.
pub(crate) const ALIGNMENT: usize = 64;

/// Loop iterations of one invocation: fewer than the 65 535 after which lavapipe ends all loops.
const MOST_ITERATIONS: usize = 60_000;

/// The work of one dispatch, in pairs of dimension 3: about a tenth of a second on lavapipe.
const MOST_WORK: usize = 1 << 28;

/// Columns of a dispatch are not made fewer than this to limit its work; rows are.
const LEAST_COLUMNS: usize = 1024;

/// Columns of a split are not made fewer than this.
const LEAST_SPLIT: usize = 256;

/// Elements of a vector that one dispatch handles: 65 535 workgroups of 256 hold them.
const MOST_ELEMENTS: usize = 1 << 23;

/// Tiles of a vector begin at multiples of this: those of a workgroup, which leaves one partial sum.
const VECTOR_ALIGNMENT: usize = 256;

/// What decides about the division of an operator over pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) dimension: usize,
    /// Floats of the largest array that has an entry for each column: points, or values.
    pub(crate) floats_per_column: usize,
    /// The same for each row: points, results.
    pub(crate) floats_per_row: usize,
    /// Floats of the state of a row and split.
    pub(crate) floats_per_state: usize,
    pub(crate) rows_per_workgroup: usize,
    /// Bytes of a binding.
    pub(crate) binding: u64,
    /// Workgroups that keep the device busy.
    pub(crate) parallelism: usize,
}

/// A range of rows, and the dispatches that run over all columns for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowTile {
    pub(crate) rows: Range<usize>,
    pub(crate) splits: usize,
    pub(crate) dispatches: Vec<ColumnRange>,
}

/// The columns of one dispatch: groups within a tile of columns that fits a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnRange {
    pub(crate) tile: Range<usize>,
    pub(crate) groups: Range<usize>,
    pub(crate) groups_per_split: usize,
}

impl Extent {
    /// The work of a pair, relative to one of dimension 3.
    pub(crate) fn pair_work(&self) -> usize {
        (self.dimension + 8).div_ceil(11)
    }

    /// Loop iterations that a group of columns costs an invocation.
    fn iterations_per_group(&self) -> usize {
        match Points::of_dimension(self.dimension) {
            Points::Any => 1 + Points::stride(self.dimension) / 4,
            _ => 1,
        }
    }

    /// The largest dimension whose loop over coordinates is short enough.
    pub(crate) const MOST_DIMENSIONS: usize = 4 * (MOST_ITERATIONS - 1);

    /// The least that a binding must hold, in bytes, for there to be a division at all.
    pub(crate) fn least_binding(&self) -> u64 {
        let floats = self
            .floats_per_row
            .max(self.floats_per_column)
            .max(self.floats_per_state);
        (ALIGNMENT * floats * size_of::<f32>()) as u64
    }

    pub(crate) fn tiles(&self) -> Vec<RowTile> {
        let most_rows = elements(self.binding, self.floats_per_row.max(self.floats_per_state))
            .min(usize::from(u16::MAX) * self.rows_per_workgroup)
            .min((MOST_WORK / LEAST_COLUMNS / self.pair_work()).max(self.rows_per_workgroup))
            / ALIGNMENT
            * ALIGNMENT;
        ranges(self.rows, most_rows.max(ALIGNMENT))
            .map(|rows| self.row_tile(rows))
            .collect()
    }

    fn row_tile(&self, rows: Range<usize>) -> RowTile {
        let splits = self.splits(rows.len());
        let by_work = MOST_WORK / self.pair_work() / rows.len() / Shader::GROUP;
        let by_loop = MOST_ITERATIONS / self.iterations_per_group();
        let per_split = by_work
            .div_ceil(splits)
            .max(LEAST_COLUMNS / Shader::GROUP)
            .min(by_loop.max(1));
        let tile_columns = elements(self.binding, self.floats_per_column).max(ALIGNMENT);
        let dispatches = ranges(self.columns, tile_columns)
            .flat_map(|tile| {
                ranges(tile.len().div_ceil(Shader::GROUP), per_split * splits).map(move |groups| {
                    ColumnRange {
                        tile: tile.clone(),
                        groups_per_split: groups.len().div_ceil(splits),
                        groups,
                    }
                })
            })
            .collect();
        RowTile {
            rows,
            splits,
            dispatches,
        }
    }

    /// Over how many workgroups the columns of a row are split.
    fn splits(&self, rows: usize) -> usize {
        let wanted = self.parallelism / rows.div_ceil(self.rows_per_workgroup);
        let useful = self.columns / LEAST_SPLIT;
        let fitting = elements(self.binding, rows * self.floats_per_state);
        wanted
            .min(useful)
            .min(fitting)
            .clamp(1, usize::from(u16::MAX))
    }
}

/// The tiles of a vector.
pub(crate) fn vector_tiles(length: usize, binding: u64) -> impl Iterator<Item = Range<usize>> {
    let fitting = elements(binding, 1) / VECTOR_ALIGNMENT * VECTOR_ALIGNMENT;
    ranges(length, fitting.clamp(VECTOR_ALIGNMENT, MOST_ELEMENTS))
}

/// How many elements of that many floats fit a binding, as a multiple of the alignment where there
/// is more than one.
fn elements(binding: u64, floats: usize) -> usize {
    let fitting = (binding / size_of::<f32>() as u64) as usize / floats.max(1);
    if fitting >= ALIGNMENT {
        fitting / ALIGNMENT * ALIGNMENT
    } else {
        fitting
    }
}

fn ranges(length: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length)
        .step_by(most)
        .map(move |first| first..length.min(first + most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(rows: usize, columns: usize, dimension: usize) -> Extent {
        Extent {
            rows,
            columns,
            dimension,
            floats_per_column: Points::stride(dimension),
            floats_per_row: Points::stride(dimension),
            floats_per_state: 2,
            rows_per_workgroup: 512,
            binding: 128 << 20,
            parallelism: 64,
        }
    }

    #[test]
    fn every_pair_is_in_exactly_one_dispatch_and_no_limit_is_exceeded() {
        for (rows, columns, dimension, binding) in [
            (1, 1, 1, 128 << 20),
            (5, 70_000_000, 3, 128 << 20),
            (3_000_000, 9, 2, 128 << 20),
            (40_000_000, 20_000_000, 3, 128 << 20),
            (1000, 100_000, 300, 1 << 20),
            (1000, 5000, 2048, 1 << 20),
            (3, 5000, 200_000, 128 << 20),
            (700, 3001, 3, 16 << 10),
        ] {
            let extent = Extent {
                binding,
                ..extent(rows, columns, dimension)
            };
            let mut next_row = 0;
            for tile in extent.tiles() {
                assert_eq!(tile.rows.start, next_row);
                next_row = tile.rows.end;
                assert!(tile.rows.len().div_ceil(512) <= 65_535 && tile.splits <= 65_535);
                assert!((tile.rows.len() * tile.splits * 8) as u64 <= binding);
                let mut covered = 0;
                for range in &tile.dispatches {
                    let first = range.tile.start + range.groups.start * Shader::GROUP;
                    assert_eq!(first, covered);
                    covered = range
                        .tile
                        .end
                        .min(range.tile.start + range.groups.end * Shader::GROUP);
                    assert!(range.groups_per_split * tile.splits >= range.groups.len());
                    assert!(
                        range.groups_per_split * extent.iterations_per_group()
                            <= MOST_ITERATIONS + 1
                    );
                    assert!((range.tile.len() * extent.floats_per_column * 4) as u64 <= binding);
                    assert_eq!(range.tile.start % ALIGNMENT, 0);
                    let pairs = tile.rows.len() * range.groups.len() * Shader::GROUP;
                    assert!(pairs * extent.pair_work() <= 2 * MOST_WORK, "{pairs}");
                }
                assert_eq!(covered, columns);
            }
            assert_eq!(next_row, rows);
        }
    }

    #[test]
    fn few_rows_are_split_over_columns() {
        assert!(extent(10, 100_000, 3).tiles()[0].splits > 16);
        assert_eq!(extent(100_000, 100_000, 3).tiles()[0].splits, 1);
        assert_eq!(extent(10, 10, 3).tiles()[0].splits, 1);
    }

    #[test]
    fn vectors_are_tiled_at_aligned_places() {
        let tiles: Vec<_> = vector_tiles(100_000, 16 << 10).collect();
        assert!(
            tiles
                .iter()
                .all(|tile| tile.start % 256 == 0 && tile.len() * 4 <= 16 << 10)
        );
        assert!(vector_tiles(9000, 20_000).all(|tile| tile.start % 256 == 0));
        assert_eq!(tiles.last().unwrap().end, 100_000);
        assert_eq!(vector_tiles(0, 1 << 27).count(), 0);
    }
}

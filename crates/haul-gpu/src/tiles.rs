//! The division of an operator into dispatches.
//!
//! A binding has a limit of bytes, a dispatch one of workgroups, a loop on lavapipe one of 65 535 iterations, and a watchdog one
//! of time (2 s on Windows, some on macOS). So rows and columns are tiled to fit their bindings, and a tile's columns are
//! divided into ranges, one dispatch each, which keep the running state in a buffer. If rows are few, the columns of a dispatch
//! are also split over workgroups. The speed of the device decides only the rows of a dispatch: the order of the sums of a row,
//! and so their rounding, does not depend on it.

use crate::arrays::padded;
use haul_shaders::Shader;
use std::ops::Range;

/// Tiles begin at multiples of this, which every alignment of a binding's offset divides.
pub(crate) const ALIGNMENT: usize = 64;

/// Loop iterations of one invocation: fewer than the 65 535 after which lavapipe ends all loops.
const MOST_ITERATIONS: usize = 60_000;

/// Most columns of a dispatch, in dimension 3. Its work is limited by its rows.
const MOST_COLUMNS: usize = 1 << 18;

/// Least number of columns in a split.
const LEAST_SPLIT: usize = 64;

/// Limits of the columns of a strip of a plan, and the number of strips of a row that has more columns.
const LEAST_STRIP_COLUMNS: usize = 512;
const MOST_STRIP_COLUMNS: usize = 1 << 14;
const LEAST_STRIPS: usize = 64;

/// Quads of channels of a strip's product that take as long as the density of a pair of dimension 3.
const QUADS_PER_WORK: usize = 2;

/// Elements of a vector that one dispatch handles: 65 535 workgroups of 256 hold them.
const MOST_ELEMENTS: usize = 1 << 23;

/// Sizes and limits that decide the division of an operator over pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) dimension: usize,
    /// Floats of the largest array that has an entry for each column: points, or values.
    pub(crate) floats_per_column: usize,
    /// Floats of the largest array that has an entry for each row: points, or results.
    pub(crate) floats_per_row: usize,
    /// Floats of the states that a workgroup leaves of a row.
    pub(crate) floats_per_state: usize,
    pub(crate) shader: Shader,
    /// The work of one dispatch, in pairs of dimension 3.
    pub(crate) most_work: usize,
    /// Largest binding in bytes.
    pub(crate) binding: u64,
    /// Workgroups that keep the device busy.
    pub(crate) parallelism: usize,
    /// Least workgroups of a dispatch, whatever its work.
    pub(crate) least_workgroups: usize,
}

/// A range of rows, and the dispatches that run over all columns for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowTile {
    pub(crate) rows: Range<usize>,
    /// Workgroups over which the columns are split.
    pub(crate) splits: usize,
    /// States left for each row.
    pub(crate) states: usize,
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
    pub(crate) fn pair_work(dimension: usize) -> usize {
        (dimension + 8).div_ceil(11)
    }

    /// Most groups of columns that the loops of an invocation allow.
    fn groups_by_loop(&self) -> usize {
        let per_step = self.shader.splits_per_workgroup();
        let iterations = 1 + self.shader.loop_over_coordinates(self.dimension);
        (MOST_ITERATIONS / iterations).max(1) * per_step
    }

    /// The largest dimension, in thousands, whose loop over coordinates is short enough.
    pub(crate) fn most_dimensions(&self) -> usize {
        match self.shader.loop_over_coordinates(1024) {
            0 => usize::MAX,
            iterations => (MOST_ITERATIONS - 1) / iterations * 1024,
        }
    }

    /// Least size of a binding, in bytes, for which there is a division.
    pub(crate) fn least_binding(&self) -> u64 {
        let floats = self
            .floats_per_row
            .max(self.floats_per_column)
            .max(self.floats_per_state);
        (ALIGNMENT * floats * size_of::<f32>()) as u64
    }

    /// Divides rows into tiles, each with its dispatches over all columns. The order of a row's sums does not depend on the
    /// tile that it is in.
    ///
    /// [`row_roundings`] bounds how often a term of such a sum is rounded.
    pub(crate) fn tiles(&self, rows: Range<usize>) -> Vec<RowTile> {
        let splits = self.splits();
        let per_split = self.groups_per_split(splits);
        let most_rows = self.most_rows(splits, per_split);
        let tile_columns = elements(self.binding, self.floats_per_column).max(ALIGNMENT);
        let per_tile = self.shader.groups_per_tile();
        let dispatches: Vec<_> = ranges(0..self.columns, tile_columns)
            .flat_map(|tile| {
                let groups = tile.len().div_ceil(Shader::GROUP);
                ranges(0..groups, per_split * splits).map(move |groups| ColumnRange {
                    tile: tile.clone(),
                    groups_per_split: groups.len().div_ceil(splits).next_multiple_of(per_tile),
                    groups,
                })
            })
            .collect();
        let tile = |rows| RowTile {
            rows,
            splits,
            states: splits * self.shader.splits_per_workgroup(),
            dispatches: dispatches.clone(),
        };
        ranges(rows, most_rows).map(tile).collect()
    }

    /// Number of workgroups over which the columns of a row are split.
    pub(crate) fn splits(&self) -> usize {
        let wanted = self.parallelism / self.rows.div_ceil(self.shader.rows_per_workgroup()).max(1);
        let useful = self.columns / LEAST_SPLIT;
        let fitting = elements(self.binding, ALIGNMENT * self.floats_per_state);
        wanted
            .min(useful)
            .min(fitting)
            .clamp(1, usize::from(u16::MAX))
    }

    /// Groups of columns that a workgroup takes in one dispatch.
    fn groups_per_split(&self, splits: usize) -> usize {
        (MOST_COLUMNS / Self::pair_work(self.dimension) / Shader::GROUP / splits)
            .clamp(1, self.groups_by_loop())
            .next_multiple_of(self.shader.groups_per_tile())
    }

    /// Most rows of a tile that the work and the bindings allow.
    fn most_rows(&self, splits: usize, per_split: usize) -> usize {
        let columns = self.columns.min(per_split * splits * Shader::GROUP);
        let per_workgroup = self.shader.rows_per_workgroup();
        let by_work = self.most_work / Self::pair_work(self.dimension) / columns.max(1);
        let least = per_workgroup * self.least_workgroups.div_ceil(splits);
        let by_binding = elements(self.binding, self.floats_per_row)
            .min(elements(self.binding, self.floats_per_state * splits));
        let rows = by_work
            .max(least)
            .min(by_binding)
            .min(usize::from(u16::MAX) * per_workgroup);
        (rows / ALIGNMENT * ALIGNMENT).max(ALIGNMENT)
    }
}

/// A part of all pairs whose densities are stored, and the dispatches that compute and use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strip {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    /// Rows of the strip that one dispatch computes, all columns of them.
    pub(crate) dispatches: Vec<Range<usize>>,
    /// Groups of columns that a workgroup takes there, and workgroups that share them.
    pub(crate) groups_per_split: usize,
    pub(crate) splits: usize,
    /// Quads of channels that one dispatch of the product computes.
    pub(crate) quads: usize,
}

impl Strip {
    /// Rows that a column takes in the buffer.
    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    /// The work of this many quads of its product, in pairs of dimension 3.
    pub(crate) fn product_work(&self, quads: usize) -> usize {
        self.rows.len() * self.columns.len() * quads.div_ceil(QUADS_PER_WORK)
    }
}

impl Extent {
    /// Columns of a strip of a wide product.
    ///
    /// A term of a product is rounded at most 64 times in a block of columns, C/64 times in a strip of C columns, and
    /// once for each of the m/C strips: C is such that there are not more than 64 strips, where a binding holds C points.
    pub(crate) fn strip_columns(&self) -> usize {
        let columns = self.columns.div_ceil(LEAST_STRIPS);
        columns.clamp(LEAST_STRIP_COLUMNS, MOST_STRIP_COLUMNS)
    }

    /// Divides pairs of rows and columns into strips of at most `bytes` bytes and `most_columns` columns, in the order in which
    /// their products are summed: all columns of some rows, then the next rows. A workgroup of a product computes
    /// `per_workgroup` quads of channels.
    pub(crate) fn strips(
        &self,
        (all_rows, all_columns): (Range<usize>, Range<usize>),
        bytes: u64,
        most_columns: usize,
        per_workgroup: usize,
    ) -> Vec<Strip> {
        let bytes = bytes.min(self.binding);
        let most_columns = most_columns
            .min(elements(self.binding, self.floats_per_column))
            .min(elements(bytes, ALIGNMENT))
            .next_multiple_of(ALIGNMENT);
        let most_rows = elements(bytes, most_columns.min(padded(all_columns.len())))
            .min(elements(self.binding, self.floats_per_row))
            .max(ALIGNMENT);
        let strip = |rows: &Range<usize>, columns: Range<usize>| {
            let groups = padded(columns.len()) / Shader::GROUP;
            let by_work = self.most_work / Self::pair_work(self.dimension) / padded(columns.len());
            let most_rows = (by_work / ALIGNMENT * ALIGNMENT).max(ALIGNMENT);
            let workgroups = rows
                .len()
                .min(most_rows)
                .div_ceil(self.shader.rows_per_workgroup());
            let wanted = self.parallelism.div_ceil(workgroups);
            let groups_per_split = (groups / wanted)
                .clamp(1, self.groups_by_loop())
                .next_multiple_of(self.shader.groups_per_tile());
            let pairs = rows.len() * columns.len();
            let quads = self.most_work.saturating_mul(QUADS_PER_WORK) / pairs;
            Strip {
                dispatches: ranges(0..rows.len(), most_rows).collect(),
                groups_per_split,
                splits: groups.div_ceil(groups_per_split),
                quads: (quads / per_workgroup).clamp(1, usize::from(u16::MAX)) * per_workgroup,
                rows: rows.clone(),
                columns,
            }
        };
        ranges(all_rows, most_rows)
            .flat_map(|rows| {
                let columns = ranges(all_columns.clone(), most_columns);
                columns.map(move |columns| strip(&rows, columns))
            })
            .collect()
    }
}

/// The tiles of a vector. They begin at multiples of the elements that a workgroup handles, each of
/// which leaves its own partial sums.
pub(crate) fn vector_tiles(
    length: usize,
    per_workgroup: usize,
    binding: u64,
) -> impl Iterator<Item = Range<usize>> {
    let fitting = elements(binding, 1) / per_workgroup * per_workgroup;
    ranges(0..length, fitting.clamp(per_workgroup, MOST_ELEMENTS))
}

/// Number of elements of `floats` floats that a binding holds, rounded down to a multiple of the alignment if it holds as many.
pub(crate) fn elements(binding: u64, floats: usize) -> usize {
    let fitting = (binding / size_of::<f32>() as u64) as usize / floats.max(1);
    if fitting >= ALIGNMENT {
        fitting / ALIGNMENT * ALIGNMENT
    } else {
        fitting
    }
}

pub(crate) fn ranges(all: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let end = all.end;
    all.step_by(most)
        .map(move |first| first..end.min(first + most))
}

/// Most roundings of a term of a sum over columns.
///
/// It is rounded 3 times in its group of 8 columns, 64 times in a block of 64 groups, 64 times in a span of 64
/// blocks, once for each span and each dispatch, and where S states are joined 64 + S/64 times. Of m columns
/// there are m/32768 spans, and at most m d/800 000 dispatches beside the first; a state has 8 groups at least. A
/// softmin without a guess goes by a running maximum, which rounds twice more in each of these steps.
pub(crate) fn row_roundings(columns: usize, dimension: usize) -> usize {
    const BLOCK: usize = 64;
    let groups = columns.div_ceil(Shader::GROUP);
    let blocks = groups.div_ceil(BLOCK);
    let spans = blocks.div_ceil(BLOCK);
    let states = columns.div_ceil(LEAST_SPLIT);
    let dispatches = 1 + columns.saturating_mul(dimension) / 800_000;
    // Either one state has all blocks, or several have fewer.
    let alone = blocks.min(BLOCK) + spans;
    let joined = 2 + blocks.min(BLOCK) + states.min(BLOCK) + states.div_ceil(BLOCK);
    let most = 3 + groups.min(BLOCK) + alone.max(joined) + dispatches;
    columns.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use haul_shaders::{Columns, Pairs, Points, Power, Values, Workgroup};

    const MOST_WORK: usize = 1 << 28;

    fn extent(rows: usize, columns: usize, dimension: usize, fetched: Columns) -> Extent {
        let shader = Shader::Softmin(Pairs {
            points: Points::of_dimension(dimension),
            power: Power::Two,
            columns: fetched,
            workgroup: Workgroup::Large,
        });
        Extent {
            rows,
            columns,
            dimension,
            floats_per_column: Points::stride(dimension),
            floats_per_row: Points::stride(dimension),
            floats_per_state: 2 * shader.splits_per_workgroup(),
            shader,
            most_work: MOST_WORK,
            binding: 128 << 20,
            parallelism: 64,
            least_workgroups: 2,
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
            (700, 3001, 9, 16 << 10),
        ] {
            for fetched in Columns::ALL {
                let extent = Extent {
                    binding,
                    ..extent(rows, columns, dimension, fetched)
                };
                let per_workgroup = extent.shader.rows_per_workgroup();
                let mut next_row = 0;
                for tile in extent.tiles(0..rows) {
                    assert_eq!(tile.rows.start, next_row);
                    next_row = tile.rows.end;
                    assert!(tile.rows.len().div_ceil(per_workgroup) <= 65_535);
                    assert!(tile.splits <= 65_535);
                    assert!((tile.rows.len() * tile.states * 8) as u64 <= binding);
                    let mut covered = 0;
                    for range in &tile.dispatches {
                        let first = range.tile.start + range.groups.start * Shader::GROUP;
                        assert_eq!(first, covered);
                        covered = range
                            .tile
                            .end
                            .min(range.tile.start + range.groups.end * Shader::GROUP);
                        assert!(range.groups_per_split * tile.splits >= range.groups.len());
                        assert!(range.groups_per_split <= extent.groups_by_loop() + 8);
                        assert_eq!(range.groups_per_split % extent.shader.groups_per_tile(), 0);
                        assert!(
                            (range.tile.len() * extent.floats_per_column * 4) as u64 <= binding
                        );
                        assert_eq!(range.tile.start % ALIGNMENT, 0);
                        let pairs = tile.rows.len() * range.groups.len() * Shader::GROUP;
                        assert!(
                            pairs * Extent::pair_work(dimension) <= 2 * MOST_WORK,
                            "{pairs}"
                        );
                    }
                    assert_eq!(covered, columns);
                }
                assert_eq!(next_row, rows);
            }
        }
    }

    #[test]
    fn the_pace_decides_about_rows_alone() {
        let slow = extent(100_000, 3_000_000, 3, Columns::Broadcast);
        let fast = Extent {
            most_work: 64 * MOST_WORK,
            ..slow
        };
        let (fast, slow) = (fast.tiles(0..100_000), slow.tiles(0..100_000));
        assert!(slow.len() > fast.len());
        assert!(slow[0].dispatches == fast[0].dispatches && slow[0].splits == fast[0].splits);
    }

    #[test]
    fn every_pair_is_in_exactly_one_strip_and_no_limit_is_exceeded() {
        let bytes = 8 << 20;
        for (rows, columns, dimension, width, binding) in [
            (1, 1, 5, 5, 128 << 20),
            (50, 60, 50_000, 50_000, 128 << 20),
            (3, 5000, 200_000, 200_000, 128 << 20),
            (2000, 3001, 9, 700, 1 << 20),
            (130, 1000, 9, 12, 32 << 10),
            (1000, 70_000, 33, 33, 128 << 20),
            (70_000, 100, 784, 784, 128 << 20),
        ] {
            for values in [Values::Slope, Values::Curvature] {
                let whole = extent(rows, columns, dimension, Columns::Loaded);
                let pairs = whole.shader.pairs().unwrap();
                let extent = Extent {
                    binding,
                    shader: Shader::Strip(pairs, values),
                    floats_per_column: Points::stride(dimension).max(width),
                    floats_per_row: Points::stride(dimension).max(width),
                    ..whole
                };
                if dimension > extent.most_dimensions() {
                    // It is refused with an error.
                    assert_eq!((dimension, values), (200_000, Values::Curvature));
                    continue;
                }
                let mut next = (0, 0);
                let all = (0..rows, 0..columns);
                let strips = extent.strips(all, bytes, extent.strip_columns(), 4);
                let of_a_row = strips.iter().filter(|strip| strip.rows.start == 0).count();
                assert!(of_a_row <= LEAST_STRIPS);
                for strip in strips {
                    assert_eq!((strip.rows.start, strip.columns.start), next);
                    next = match strip.columns.end {
                        end if end == columns => (strip.rows.end, 0),
                        end => (strip.rows.start, end),
                    };
                    let floats = strip.rows.len() * padded(strip.columns.len());
                    assert!(floats * 4 <= (bytes as usize).min(binding as usize));
                    let longest = strip.rows.len().max(strip.columns.len());
                    assert!((longest * extent.floats_per_row * 4) as u64 <= binding);
                    assert!(
                        strip.rows.start % ALIGNMENT == 0 && strip.columns.start % ALIGNMENT == 0
                    );
                    let groups = padded(strip.columns.len()) / Shader::GROUP;
                    assert!(strip.groups_per_split * strip.splits >= groups);
                    let iterations = 1 + extent.shader.loop_over_coordinates(dimension);
                    assert!(strip.groups_per_split * iterations < 65_000, "{strip:?}");
                    let mut covered = 0;
                    for dispatch in &strip.dispatches {
                        assert_eq!(dispatch.start, covered);
                        covered = dispatch.end;
                    }
                    assert_eq!(covered, strip.rows.len());
                    assert!(strip.quads % 4 == 0 && strip.quads > 0);
                }
                assert_eq!(next, (rows, 0));
            }
        }
    }

    #[test]
    fn few_rows_are_split_over_columns() {
        assert!(extent(10, 100_000, 3, Columns::Loaded).tiles(0..10)[0].splits > 16);
        assert_eq!(
            extent(100_000, 100_000, 3, Columns::Loaded).tiles(0..100_000)[0].splits,
            1
        );
        assert_eq!(extent(10, 10, 3, Columns::Loaded).tiles(0..10)[0].splits, 1);
    }

    #[test]
    fn vectors_are_tiled_at_aligned_places() {
        let tiles: Vec<_> = vector_tiles(100_000, 256, 16 << 10).collect();
        assert!(
            tiles
                .iter()
                .all(|tile| tile.start % 256 == 0 && tile.len() * 4 <= 16 << 10)
        );
        assert!(vector_tiles(9000, 256, 20_000).all(|tile| tile.start % 256 == 0));
        assert_eq!(tiles.last().unwrap().end, 100_000);
        assert_eq!(vector_tiles(0, 256, 1 << 27).count(), 0);
    }
}

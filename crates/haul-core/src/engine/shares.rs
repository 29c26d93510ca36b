//! The division of the rows of a pass among ranks.

use super::{Near, TILE};
use std::ops::Range;

/// The division of rows among ranks.
#[derive(Debug, PartialEq)]
pub(super) struct Shares {
    /// The first row of each rank, and the number of rows.
    pub(super) starts: Vec<usize>,
}

impl Shares {
    /// So many rows for `size` ranks, each with about as many pairs, divided at the bounds of groups or, without them, at
    /// multiples of [`TILE`].
    pub(super) fn new(
        rows: usize,
        near: Option<&Near>,
        groups: Option<&[usize]>,
        size: usize,
    ) -> Self {
        // Pairs of a row of each tile; all tiles have as many without a list.
        let of_a_row = |tile: usize| match near {
            Some(near) => near.of_tile(tile).iter().map(Range::len).sum::<usize>() as u64,
            None => 1,
        };
        let tiles: Vec<_> = (0..rows).step_by(TILE).chain([rows]).collect();
        let bounds = groups.unwrap_or(&tiles);
        let (mut work, mut done, mut at) = (Vec::with_capacity(bounds.len()), 0, 0);
        for bound in bounds {
            while at < *bound {
                let next = ((at / TILE + 1) * TILE).min(*bound);
                done += of_a_row(at / TILE) * (next - at) as u64;
                at = next;
            }
            work.push(done);
        }
        let start = |rank: usize| {
            // Twice the work of all ranks before this one, so that the nearest bound is found in whole numbers.
            let wanted = (2 * u128::from(done) * rank as u128).div_ceil(size.max(1) as u128);
            let above = work.partition_point(|work| 2 * u128::from(*work) < wanted);
            let above = above.min(bounds.len().saturating_sub(1));
            let Some(below) = above.checked_sub(1) else {
                return bounds.get(above).copied().unwrap_or(rows);
            };
            let nearer = wanted - 2 * u128::from(work[below])
                <= (2 * u128::from(work[above])).saturating_sub(wanted);
            bounds[if nearer { below } else { above }]
        };
        let mut starts: Vec<_> = (1..size).map(start).collect();
        starts.insert(0, 0);
        starts.push(rows);
        Self { starts }
    }

    pub(super) fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The rows of a rank.
    pub(super) fn of(&self, rank: usize) -> Range<usize> {
        self.starts[rank]..self.starts[rank + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_one_rank_and_each_rank_its_share_of_the_pairs() {
        for (rows, size) in [(1, 1), (1, 3), (63, 2), (64, 2), (1000, 5), (100_000, 7)] {
            let Shares { starts } = Shares::new(rows, None, None, size);
            assert_eq!((starts.len(), starts[0], starts[size]), (size + 1, 0, rows));
            for pair in starts.windows(2) {
                assert!(pair[0] <= pair[1] && (pair[0] % TILE == 0 || pair[0] == rows));
                let share = (pair[1] - pair[0]) as f64;
                assert!((share - rows as f64 / size as f64).abs() <= 2.0 * TILE as f64);
            }
        }
    }

    #[test]
    fn lists_are_divided_by_their_pairs_and_groups_are_not_divided() {
        let (rows, columns) = (640, 6400);
        // The first tile has all columns, the others one tile of them.
        let lists = (0..10).map(|tile| vec![0..if tile == 0 { columns } else { TILE }]);
        let near = Near::new(rows, columns, lists).ok();
        let shares = Shares::new(rows, near.as_ref(), None, 2);
        assert_eq!(shares.starts, [0, 64, 640]);
        let groups = [0, 32, 608, 640];
        let shares = Shares::new(rows, None, Some(&groups), 3);
        assert_eq!(shares.starts, [0, 32, 608, 640]);
        let shares = Shares::new(rows, None, Some(&groups), 5);
        assert!(shares.starts.iter().all(|start| groups.contains(start)));
    }
}

//! The order of points in a left-balanced k-d tree [Bentley'75], in which neighbours in space are mostly neighbours in
//! memory.
//!
//! The points are split across the widest axis of their box, with the largest power of two below their number in the
//! first half, and so on in both halves. Then every aligned block of 2^k places, from [`LEAF`] on, is one subtree, and
//! so the points of a box. A tree needs no pointers: its nodes are ranges of places.

use std::cmp::Ordering;

/// Points of a leaf. Their places are in the order of their indices.
pub(crate) const LEAF: usize = 32;

/// The index of the point at each place, for n×`dimension` coordinates. Ties go by the index, so that the order depends
/// on the coordinates alone.
pub(crate) fn order(coordinates: &[f64], dimension: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..coordinates.len() / dimension).collect();
    let mut ranges = vec![0..indices.len()];
    while let Some(range) = ranges.pop() {
        let part = &mut indices[range.clone()];
        if part.len() <= LEAF {
            part.sort_unstable();
            continue;
        }
        let axis = widest_axis(coordinates, dimension, part);
        let half = part.len().next_power_of_two() / 2;
        let at = |i: usize| coordinates[i * dimension + axis];
        let compare =
            |i: &usize, j: &usize| -> Ordering { at(*i).total_cmp(&at(*j)).then(i.cmp(j)) };
        part.select_nth_unstable_by(half, compare);
        ranges.push(range.start..range.start + half);
        ranges.push(range.start + half..range.end);
    }
    indices
}

/// The axis along which the box of some points is longest, the first one in a tie.
fn widest_axis(coordinates: &[f64], dimension: usize, points: &[usize]) -> usize {
    let mut least = vec![f64::INFINITY; dimension];
    let mut most = vec![f64::NEG_INFINITY; dimension];
    for i in points {
        let point = &coordinates[i * dimension..][..dimension];
        for (x, (least, most)) in point.iter().zip(least.iter_mut().zip(&mut most)) {
            *least = least.min(*x);
            *most = most.max(*x);
        }
    }
    let (mut axis, mut width) = (0, 0.0);
    for (k, (least, most)) in least.iter().zip(&most).enumerate() {
        if most - least > width {
            (axis, width) = (k, most - least);
        }
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [0, 1) without a pattern.
    fn numbers(count: usize) -> Vec<f64> {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..count).map(|_| next()).collect()
    }

    /// Whether a plane of some axis has the points of one range of places below it, and those of another above it.
    fn are_apart(points: &[f64], d: usize, below: &[usize], above: &[usize]) -> bool {
        (0..d).any(|k| {
            let at = |i: &usize| points[i * d + k];
            let most = below.iter().map(at).fold(f64::NEG_INFINITY, f64::max);
            let least = above.iter().map(at).fold(f64::INFINITY, f64::min);
            most <= least
        })
    }

    #[test]
    fn aligned_blocks_are_subtrees() {
        for (n, d) in [
            (1, 2),
            (32, 1),
            (33, 3),
            (64, 2),
            (700, 2),
            (1000, 3),
            (515, 17),
        ] {
            let points = numbers(n * d);
            let order = order(&points, d);
            let mut indices = order.clone();
            indices.sort_unstable();
            assert!(indices.into_iter().eq(0..n), "{n} {d}");
            let natural: Vec<usize> = (0..n).collect();
            let mut size = LEAF;
            let mut mixed = false;
            while size < n {
                for start in (0..n - size).step_by(2 * size) {
                    let (middle, end) = (start + size, n.min(start + 2 * size));
                    let halves = |order: &[usize]| {
                        are_apart(&points, d, &order[start..middle], &order[middle..end])
                    };
                    assert!(halves(&order), "{n} {d} {size} {start}");
                    mixed |= !halves(&natural);
                }
                size *= 2;
            }
            assert!(mixed || n <= 64, "{n} {d}");
        }
    }

    #[test]
    fn equal_points_keep_the_order_of_their_indices() {
        let points = vec![0.25; 3 * 500];
        assert!(order(&points, 3).into_iter().eq(0..500));
    }
}

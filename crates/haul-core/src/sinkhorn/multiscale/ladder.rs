//! The sizes of coarse clouds, whose points are the centroids of aligned blocks of points in a k-d order.

/// The points of a coarser cloud are so many times fewer.
const COARSENING: usize = 8;

/// The coarsest cloud of the larger side has at most so many points.
const COARSEST: usize = 4096;

/// A cloud is not made so coarse that it has fewer points.
const FEWEST: usize = 512;

/// Points of each block, from the coarsest level to the level above all points; a number for each side.
pub(super) fn ladder(sizes: [usize; 2]) -> Vec<[usize; 2]> {
    let largest = sizes[0].max(sizes[1]);
    let mut blocks = Vec::new();
    let mut last = [1, 1];
    while largest.div_ceil(last[0].max(last[1])) > COARSEST {
        let next = [0, 1].map(|side: usize| {
            let coarser = last[side] * COARSENING;
            if sizes[side] / coarser >= FEWEST {
                coarser
            } else {
                last[side]
            }
        });
        if next == last {
            break;
        }
        blocks.push(next);
        last = next;
    }
    blocks.reverse();
    blocks
}

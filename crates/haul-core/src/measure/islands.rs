//! Islands: parts of a cloud in few dimensions that are far from each other.
//!
//! Points in cells of a grid that touch are on one island. It takes O(n 3^d) operations.

use std::collections::HashMap;

/// Up to so many dimensions, the cells around a cell are few.
const MOST_DIMENSIONS: usize = 3;

/// A cell, by its place along each axis.
type Cell = [i64; MOST_DIMENSIONS];

/// The islands of n×`dimension` coordinates, for a grid of cells of this side: the indices of the points of each, ascending.
/// Points of two islands are at least a side apart, and what is less than a side apart is on one. `None` where that is all of
/// the cloud, where there are more than `most`, and in more than three dimensions.
pub(crate) fn islands(
    coordinates: &[f64],
    dimension: usize,
    side: f64,
    most: usize,
) -> Option<Vec<Vec<usize>>> {
    let has_cells = side > 0.0 && side.is_finite();
    if !has_cells || !(1..=MOST_DIMENSIONS).contains(&dimension) {
        return None;
    }
    let mut cells: HashMap<Cell, usize> = HashMap::new();
    let mut of_points = Vec::with_capacity(coordinates.len() / dimension);
    for point in coordinates.chunks_exact(dimension) {
        let mut cell = Cell::default();
        for (place, x) in cell.iter_mut().zip(point) {
            *place = (x / side).floor() as i64;
        }
        let next = cells.len();
        of_points.push(*cells.entry(cell).or_insert(next));
    }
    // Each cell leads to one of its island that came before, the first one to itself.
    let mut before: Vec<usize> = (0..cells.len()).collect();
    for (cell, &index) in &cells {
        for around in around(*cell, dimension) {
            if let Some(&other) = cells.get(&around) {
                let [one, other] = [index, other].map(|cell| first(&mut before, cell));
                before[one.max(other)] = one.min(other);
            }
        }
    }
    let mut islands: Vec<Vec<usize>> = Vec::new();
    let mut of_first = vec![None; before.len()];
    for (point, cell) in of_points.into_iter().enumerate() {
        let island = *of_first[first(&mut before, cell)].get_or_insert_with(|| {
            islands.push(Vec::new());
            islands.len() - 1
        });
        if islands.len() > most {
            return None;
        }
        islands[island].push(point);
    }
    (islands.len() > 1).then_some(islands)
}

/// The first cell of an island.
fn first(before: &mut [usize], mut cell: usize) -> usize {
    while before[cell] != cell {
        before[cell] = before[before[cell]];
        cell = before[cell];
    }
    cell
}

/// The cell and those that touch it.
fn around(cell: Cell, dimension: usize) -> impl Iterator<Item = Cell> {
    (0..3usize.pow(dimension as u32)).map(move |number| {
        let mut around = cell;
        let mut rest = number;
        for place in &mut around[..dimension] {
            *place = place.saturating_add((rest % 3) as i64 - 1);
            rest /= 3;
        }
        around
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::measure::Numbers;

    #[test]
    fn islands_are_far_apart_and_hold_together() {
        for d in 1..=3 {
            let mut numbers = Numbers::new(d as u64);
            // Boxes of side 1 around 0, 3 and 7 along the first axis, in turn.
            let places: Vec<f64> = (0..900)
                .flat_map(|i| {
                    let at = [0.0, 3.0, 7.0][i % 3];
                    let mut point: Vec<f64> = (0..d).map(|_| numbers.unit()).collect();
                    point[0] += at;
                    point
                })
                .collect();
            let found = islands(&places, d, 0.5, 8).unwrap();
            assert_eq!(found.len(), 3, "{d}");
            for (k, island) in found.iter().enumerate() {
                assert!(island.iter().all(|i| i % 3 == k) && island.len() == 300);
                assert!(island.is_sorted());
            }
            // A longer reach joins the first two, and a longer one all of them.
            assert_eq!(islands(&places, d, 2.2, 8).unwrap().len(), 2);
            assert!(islands(&places, d, 8.0, 8).is_none());
            assert!(islands(&places, d, 0.5, 2).is_none());
            assert!(islands(&places, d, 1e-6, 64).is_none());
        }
    }

    #[test]
    fn what_has_no_cells_has_no_islands() {
        let points = [0.0; 8];
        for (dimension, side) in [(4, 1.0), (2, 0.0), (2, f64::NAN), (2, f64::INFINITY)] {
            assert!(islands(&points, dimension, side, 8).is_none());
        }
        assert!(islands(&[], 2, 1.0, 8).is_none());
    }
}

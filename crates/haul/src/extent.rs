//! Properties of a cloud: its extent, and the spacing of its points.

use crate::{Measure, Support};
use rayon::prelude::*;

/// The box around the points of a measure, along the axes. Points of weight 0 are in it as well.
///
/// ```
/// use haul::{Extent, Measure};
/// let triangle = Measure::uniform(&[0.0, 0.0, 3.0, 0.0, 0.0, 4.0], 2)?;
/// let extent = Extent::of(&triangle);
/// assert_eq!((extent.low, extent.high), (vec![0.0, 0.0], vec![3.0, 4.0]));
/// assert_eq!(Extent::of(&triangle).diagonal(), 5.0);
/// # Ok::<(), haul::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Extent {
    /// The least coordinate of each of the d axes.
    pub low: Vec<f64>,
    /// The largest coordinate of each axis.
    pub high: Vec<f64>,
}

impl Extent {
    /// The extent of the points of a measure.
    pub fn of(measure: &Measure) -> Self {
        if let Support::Grid(grid) = measure.support() {
            return Self {
                low: grid.origin().to_vec(),
                high: grid.point(grid.len() - 1),
            };
        }
        let dimension = measure.dimension();
        let mut extent = Self {
            low: vec![f64::INFINITY; dimension],
            high: vec![f64::NEG_INFINITY; dimension],
        };
        for point in measure.points().chunks_exact(dimension) {
            let bounds = extent.low.iter_mut().zip(&mut extent.high);
            for ((low, high), &x) in bounds.zip(point) {
                *low = low.min(x);
                *high = high.max(x);
            }
        }
        extent
    }

    /// The length of the diagonal of the box: no two points are farther apart. Infinite if it overflows f64.
    pub fn diagonal(&self) -> f64 {
        let widths = self
            .low
            .iter()
            .zip(&self.high)
            .map(|(low, high)| high - low);
        widths.fold(0.0, f64::hypot)
    }
}

/// Approximate number of pairs of points that are compared.
const PAIRS: usize = 1 << 24;

/// The median distance from a point to its nearest neighbour; `None` for a single point. For a large cloud, the median is over
/// 16 to 512 points, evenly chosen, each of which is compared with all others: some milliseconds. A blur far below the spacing
/// compares the noise of sampling.
///
/// ```
/// use haul::{Measure, spacing};
/// let line = Measure::uniform(&[0.0, 1.0, 2.0, 100.0], 1)?;
/// assert_eq!(spacing(&line), Some(1.0));
/// # Ok::<(), haul::Error>(())
/// ```
pub fn spacing(measure: &Measure) -> Option<f64> {
    let n = measure.len();
    if n < 2 {
        return None;
    }
    if let Support::Grid(grid) = measure.support() {
        let axes = grid.shape().iter().zip(grid.spacing());
        let steps = axes.filter_map(|(n, step)| (*n > 1).then_some(*step));
        return Some(steps.fold(f64::INFINITY, f64::min));
    }
    let (points, dimension) = (measure.points(), measure.dimension());
    let looked_at = (PAIRS / n).clamp(16, 512).min(n);
    let at = |i: usize| &points[i * dimension..(i + 1) * dimension];
    let nearest = |k: usize| {
        let i = (k as u128 * n as u128 / looked_at as u128) as usize;
        let others = (0..n).filter(|j| *j != i);
        let square =
            |j: usize| -> f64 { at(i).iter().zip(at(j)).map(|(x, y)| (x - y).powi(2)).sum() };
        others.map(square).fold(f64::INFINITY, f64::min).sqrt()
    };
    let mut distances: Vec<f64> = (0..looked_at).into_par_iter().map(nearest).collect();
    let middle = distances.len() / 2;
    let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Grid;

    fn measure(points: &[f64], dimension: usize) -> Measure {
        Measure::uniform(points, dimension).unwrap()
    }

    #[test]
    fn a_grid_is_known_by_its_box_and_its_step() {
        let grid: Vec<f64> = (0..3000)
            .flat_map(|k| [0.5 * f64::from(k % 50), 0.25 * f64::from(k / 50) - 3.0])
            .collect();
        let grid = measure(&grid, 2);
        let extent = Extent::of(&grid);
        assert_eq!(
            (extent.low, extent.high),
            (vec![0.0, -3.0], vec![24.5, 11.75])
        );
        assert_eq!(spacing(&grid), Some(0.25));
        // Only one point is far from the next.
        let line = [0.0, 1.0, 2.0, 100.0];
        assert_eq!(spacing(&measure(&line, 1)), Some(1.0));
        let diagonal = Extent::of(&measure(&line, 2)).diagonal();
        assert_eq!(diagonal, f64::hypot(2.0, 99.0));
        assert_eq!(spacing(&measure(&[7.0, 7.0], 2)), None);
        assert_eq!(spacing(&measure(&[7.0, 7.0], 1)), Some(0.0));
    }

    #[test]
    fn a_grid_has_the_box_and_the_spacing_of_its_points() {
        for (shape, spacing_of) in [([40, 30], [0.5, 0.25]), ([40, 1], [0.5, 0.25])] {
            let grid = Grid::new(&shape, &spacing_of, &[-3.0, 7.0]).unwrap();
            let weights = vec![1.0; grid.len()];
            let grid = Measure::grid(grid, weights).unwrap();
            let cloud = measure(grid.points(), 2);
            assert_eq!(Extent::of(&grid), Extent::of(&cloud));
            assert_eq!(spacing(&grid), spacing(&cloud));
        }
    }

    #[test]
    fn the_spacing_of_many_points_is_that_of_some() {
        // The first quarter of the points is at a distance of 1 from the next, the others at 3.
        let steps = (0..40_000).map(|i| if i < 10_000 { 1.0 } else { 3.0 });
        let line: Vec<f64> = steps
            .scan(0.0, |x, step| {
                *x += step;
                Some(*x)
            })
            .collect();
        assert_eq!(spacing(&measure(&line, 1)), Some(3.0));
        assert_eq!(spacing(&measure(&line[..12_000], 1)), Some(1.0));
    }
}

//! What is known of a cloud before anything is solved: how large it is, and how far apart its points are.

use rayon::prelude::*;

/// The box around a cloud, along the axes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Extent {
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
}

impl Extent {
    /// That of points, row-major n×`dimension`, of which there is at least one.
    pub(crate) fn of(points: &[f64], dimension: usize) -> Self {
        let mut extent = Self {
            low: vec![f64::INFINITY; dimension],
            high: vec![f64::NEG_INFINITY; dimension],
        };
        for point in points.chunks_exact(dimension) {
            let bounds = extent.low.iter_mut().zip(&mut extent.high);
            for ((low, high), &x) in bounds.zip(point) {
                *low = low.min(x);
                *high = high.max(x);
            }
        }
        extent
    }

    /// The length of the diagonal of the box.
    pub(crate) fn diagonal(&self) -> f64 {
        let widths = self
            .low
            .iter()
            .zip(&self.high)
            .map(|(low, high)| high - low);
        widths.fold(0.0, f64::hypot)
    }
}

/// Pairs of points that are looked at, about.
const PAIRS: usize = 1 << 24;

/// The median distance from a point to the nearest other one, over as many points, evenly taken, as are
/// looked at in some milliseconds; none for a single point.
pub(crate) fn spacing(points: &[f64], dimension: usize) -> Option<f64> {
    let n = points.len() / dimension;
    if n < 2 {
        return None;
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_known_by_its_box_and_its_step() {
        let grid: Vec<f64> = (0..3000)
            .flat_map(|k| [0.5 * f64::from(k % 50), 0.25 * f64::from(k / 50) - 3.0])
            .collect();
        let extent = Extent::of(&grid, 2);
        assert_eq!(
            (extent.low, extent.high),
            (vec![0.0, -3.0], vec![24.5, 11.75])
        );
        assert_eq!(spacing(&grid, 2), Some(0.25));
        // Of one point only the step to the next is far.
        let line = [0.0, 1.0, 2.0, 100.0];
        assert_eq!(spacing(&line, 1), Some(1.0));
        assert_eq!(Extent::of(&line, 2).diagonal(), f64::hypot(2.0, 99.0));
        assert_eq!(spacing(&[7.0, 7.0], 2), None);
        assert_eq!(spacing(&[7.0, 7.0], 1), Some(0.0));
    }
}

//! What is known of a cloud before anything is solved: how large it is, and how far apart its points are.

use crate::report::short;
use haul::Measure;
use rayon::prelude::*;
use std::path::Path;

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

/// Diagonals that differ by this factor are hardly meant to be compared as they are.
const UNLIKE: f64 = 10.0;

/// So few points are no sample of something else.
const FEW: usize = 16;

/// What a user should know of two clouds that are about to be compared at a blur; nothing where all is
/// as it mostly is.
pub(crate) fn cautions(sides: [(&Path, &Measure); 2], blur: f64) -> Vec<String> {
    let diagonals =
        sides.map(|(_, measure)| Extent::of(measure.points(), measure.dimension()).diagonal());
    let [small, large] = if diagonals[0] <= diagonals[1] {
        [0, 1]
    } else {
        [1, 0]
    };
    let across = |side: usize| {
        let (file, _) = sides[side];
        format!("{} is {} across", file.display(), short(diagonals[side]))
    };
    let mut cautions = Vec::new();
    if diagonals[small] > 0.0 && diagonals[large] > UNLIKE * diagonals[small] {
        cautions.push(format!(
            "{}, {}: where these are not in one unit, scale one of them",
            across(small),
            across(large)
        ));
    }
    if diagonals[small] > 0.0 && blur > diagonals[small] {
        cautions.push(format!(
            "the blur is {}, and {}: nothing of its form is seen; give a smaller --blur",
            short(blur),
            across(small)
        ));
    }
    cautions.extend(too_fine(blur, sides.map(|(_, measure)| measure)));
    cautions
}

/// A word on a blur that is far below the spacing of some of the clouds.
pub(crate) fn too_fine<'m>(
    blur: f64,
    measures: impl IntoIterator<Item = &'m Measure>,
) -> Option<String> {
    let samples = measures.into_iter().filter(|measure| measure.len() >= FEW);
    let widest = samples
        .filter_map(|measure| spacing(measure.points(), measure.dimension()))
        .fold(0.0, f64::max);
    (blur < 0.5 * widest).then(|| {
        format!(
            "the blur is {}, and neighbouring points are {} apart: below that the noise of sampling is compared, and convergence is slow",
            short(blur),
            short(widest)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unusual_is_told_and_nothing_else() {
        let square = |side: f64| {
            let points = (0..400)
                .flat_map(|k| [f64::from(k % 20), f64::from(k / 20)].map(|x| side * x / 19.0));
            Measure::uniform(&points.collect::<Vec<_>>(), 2).unwrap()
        };
        let told = |a: &Measure, b: &Measure, blur: f64| {
            cautions([(Path::new("a.ply"), a), (Path::new("b.ply"), b)], blur)
        };
        let (one, two, twenty) = (square(1.0), square(2.0), square(20.0));
        assert_eq!(told(&one, &two, 0.15), [""; 0]);
        let unlike = told(&twenty, &one, 1.2);
        assert_eq!(
            unlike,
            [
                "b.ply is 1.414 across, a.ply is 28.28 across: where these are not in one unit, scale one of them"
            ]
        );
        let large = told(&one, &two, 1.5);
        assert!(
            large.len() == 1 && large[0].contains("the blur is 1.500, and a.ply is 1.414 across")
        );
        assert_eq!(told(&one, &two, 0.1), [""; 0]);
        let small = told(&one, &two, 0.05);
        assert!(
            small.len() == 1 && small[0].contains("neighbouring points are 0.1053 apart"),
            "{small:?}"
        );
        // A point has no form to be seen, and no neighbours.
        let point = Measure::uniform(&[0.5, 0.5], 2).unwrap();
        assert_eq!(told(&one, &point, 0.02), told(&one, &one, 0.02));
        assert_eq!(told(&point, &point, 0.1), [""; 0]);
    }

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

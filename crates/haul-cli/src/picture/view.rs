//! The plane that a picture shows, and the dots of a cloud on it.
//!
//! Points of the plane are drawn as they are, points of a line on two levels. Points in space are projected along the
//! axis in which both clouds together spread least, so that the picture has the coordinates of the files and at least
//! two thirds of the variance. Points of more dimensions are projected on the first two principal axes of both clouds
//! together, the plane in which they spread most (Pearson 1901), computed by power iteration.

use super::subject::Picture;

/// The most dots of a cloud.
pub(super) const MAX_DOTS: usize = 2000;

/// The most points of a cloud for the principal axes, evenly chosen.
const MAX_MEASURED: usize = 2000;

/// A point of the drawn plane.
pub(super) type Spot = (f64, f64);

/// The drawn plane: `centre + span(axes)`; a line has zeros as its second axis, and levels instead.
pub(super) struct View {
    centre: Vec<f64>,
    pub(super) axes: [Vec<f64>; 2],
    pub(super) labels: [String; 2],
    /// A note on the projection.
    pub(super) note: Option<String>,
    pub(super) dimension: usize,
}

/// A point to draw.
pub(super) struct Dot {
    pub(super) index: usize,
    pub(super) at: Spot,
    /// Radius, relative to that of a point of mean mass.
    pub(super) size: f64,
}

impl View {
    pub(super) fn of(picture: &Picture) -> Self {
        let dimension = picture.dimension;
        let plane = |axes, labels: [&str; 2]| Self {
            centre: vec![0.0; dimension],
            axes,
            labels: labels.map(Into::into),
            note: None,
            dimension,
        };
        match dimension {
            1 => plane([vec![1.0], vec![0.0]], ["x", ""]),
            2 => plane([vec![1.0, 0.0], vec![0.0, 1.0]], ["x", "y"]),
            _ => Self::projection(picture),
        }
    }

    /// The plane in which both clouds spread most, with equal weights for all points.
    fn projection(picture: &Picture) -> Self {
        let dimension = picture.dimension;
        let points = || {
            let clouds = [picture.source, picture.target].into_iter();
            clouds.flat_map(|cloud| {
                let step = (cloud.len() / dimension).div_ceil(MAX_MEASURED);
                cloud.chunks_exact(dimension).step_by(step)
            })
        };
        let share = 1.0 / points().count() as f64;
        let mut centre = vec![0.0; dimension];
        for point in points() {
            let sums = centre.iter_mut().zip(point);
            sums.for_each(|(sum, value)| *sum += share * value);
        }
        let offsets: Vec<f64> = points()
            .flat_map(|point| {
                point
                    .iter()
                    .zip(&centre)
                    .map(|(value, centre)| value - centre)
            })
            .collect();
        let total = dot(&offsets, &offsets);
        let percent = |part: f64| match total > 0.0 {
            true => format!("{:.0} %", 100.0 * part / total),
            false => "all".to_owned(),
        };
        if dimension == 3 {
            return Self::along_an_axis(&offsets, percent);
        }
        let (first, most) = principal_axis(&offsets, dimension, None);
        let (second, next) = principal_axis(&offsets, dimension, Some(&first));
        Self {
            centre,
            axes: [first, second],
            labels: [(1, most), (2, next)]
                .map(|(rank, part)| format!("principal axis {rank} ({})", percent(part))),
            note: Some(format!(
                "Points of {dimension} coordinates, projected on the first two principal axes of both clouds, which have {} of their variance.",
                percent(most + next)
            )),
            dimension,
        }
    }

    /// Space seen along the axis in which these offsets spread least.
    fn along_an_axis(offsets: &[f64], percent: impl Fn(f64) -> String) -> Self {
        let sums = [0, 1, 2].map(|axis| {
            let parts = offsets.iter().skip(axis).step_by(3);
            parts.map(|part| part * part).sum::<f64>()
        });
        // The last one of equals, so that points without spread are seen from above.
        let depth = (0..3).rev().min_by(|a, b| sums[*a].total_cmp(&sums[*b]));
        let depth = depth.unwrap_or(2);
        let (x, y) = [(1, 2), (0, 2), (0, 1)][depth];
        let unit = |axis| (0..3).map(|k| f64::from(u8::from(k == axis))).collect();
        let name = |axis: usize| ["x", "y", "z"][axis];
        Self {
            centre: vec![0.0; 3],
            axes: [unit(x), unit(y)],
            labels: [x, y].map(|axis| name(axis).to_owned()),
            note: Some(format!(
                "Seen along {}: {} and {} have {} of the variance of both clouds.",
                name(depth),
                name(x),
                name(y),
                percent(sums[x] + sums[y])
            )),
            dimension: 3,
        }
    }

    /// The position of a point in the drawing; `level` is that of its cloud on a line.
    pub(super) fn spot(&self, point: &[f64], level: f64) -> Spot {
        let [x, y] = self.axes.each_ref().map(|axis| {
            let offsets = point
                .iter()
                .zip(&self.centre)
                .map(|(value, centre)| value - centre);
            offsets
                .zip(axis)
                .map(|(offset, part)| offset * part)
                .sum::<f64>()
        });
        (x, if self.dimension == 1 { level } else { y })
    }

    /// The points of a cloud to draw, at most [`MAX_DOTS`], evenly chosen.
    pub(super) fn dots(&self, points: &[f64], weights: &[f64], level: f64) -> Vec<Dot> {
        let count = weights.len();
        let shown = count.min(MAX_DOTS);
        let mean = weights.iter().sum::<f64>() / count as f64;
        let massive = weights
            .iter()
            .enumerate()
            .zip(points.chunks_exact(self.dimension));
        massive
            .filter(|&((index, &weight), _)| {
                (index + 1) * shown / count > index * shown / count && weight > 0.0
            })
            .map(|((index, weight), point)| Dot {
                index,
                at: self.spot(point, level),
                size: (weight / mean).sqrt().clamp(0.35, 3.0),
            })
            .collect()
    }

    /// The position of a dot in the drawing; on a line it is shifted a little to the side, so that dense parts look
    /// dense.
    pub(super) fn strewn(&self, dot: &Dot) -> Spot {
        if self.dimension == 1 {
            // A pseudo-random value, independent of its neighbours.
            let aside = LINE * ((dot.index as f64).sin() * 1e4).fract() / 2.0;
            (dot.at.0, dot.at.1 + aside)
        } else {
            dot.at
        }
    }

    /// The arrow from a dot to its image; for lines it runs between them.
    pub(super) fn arrow(&self, from: Spot, to: Spot) -> (Spot, Spot) {
        if self.dimension == 1 {
            ((from.0, 0.7 * LINE), (to.0, 1.0 - 0.7 * LINE))
        } else {
            (from, to)
        }
    }
}

/// Thickness of the band of dots, with the two lines at distance 1.
pub(super) const LINE: f64 = 0.2;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The unit vector orthogonal to `other` that maximises the sum of squares of the row-major offsets along it, and
/// that sum.
fn principal_axis(offsets: &[f64], dimension: usize, other: Option<&[f64]>) -> (Vec<f64>, f64) {
    // Rounding reintroduces `other`, so each step removes it; `None` if nothing remains.
    let cleaned = |mut vector: Vec<f64>| {
        if let Some(other) = other {
            let along = dot(&vector, other);
            let parts = vector.iter_mut().zip(other);
            parts.for_each(|(value, part)| *value -= along * part);
        }
        let length = dot(&vector, &vector).sqrt();
        (length > 0.0).then(|| {
            vector
                .iter()
                .map(|value| value / length)
                .collect::<Vec<_>>()
        })
    };
    let times = |vector: &[f64]| {
        let mut product = vec![0.0; dimension];
        for offset in offsets.chunks_exact(dimension) {
            let along = dot(offset, vector);
            let sums = product.iter_mut().zip(offset);
            sums.for_each(|(sum, value)| *sum += along * value);
        }
        product
    };
    // A start vector that no symmetry of the clouds makes orthogonal to the axis.
    let start = (0..dimension).map(|k| 1.0 + 0.37 * (k as f64 * 1.7).sin());
    let mut axis = cleaned(start.collect()).unwrap_or_else(|| vec![0.0; dimension]);
    for _ in 0..500 {
        let Some(next) = cleaned(times(&axis)) else {
            break;
        };
        let still = dot(&next, &axis) > 1.0 - 1e-13;
        axis = next;
        if still {
            break;
        }
    }
    // The sign is arbitrary; fix it, so that equal clouds have equal pictures.
    let largest = axis
        .iter()
        .copied()
        .max_by(|a, b| a.abs().total_cmp(&b.abs()));
    if largest.is_some_and(|value| value < 0.0) {
        axis.iter_mut().for_each(|value| *value = -*value);
    }
    let sum = dot(&axis, &times(&axis));
    (axis, sum)
}

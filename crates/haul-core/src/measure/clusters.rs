//! Clusters of points in many dimensions, where boxes along axes are nowhere far apart.
//!
//! Clusters are those of k-means, found on a sketch of the points: each coordinate is added, with a random sign, to one of
//! [`SKETCH`] sums, which keeps squared distances up to a relative error of about √(2/`SKETCH`) [Charikar–Chen–Farach-Colton'02].
//! Centres begin by k-means++ on a sample, move by a few of Lloyd's steps there, and then take all points. It takes O(n d)
//! operations for the sketch and O(n k) for each of its numbers.

use super::Measure;
use super::numbers::Numbers;
use super::seeding::plus_plus;
use crate::{Interrupt, Result};

/// The numbers of a point's sketch.
const SKETCH: usize = 32;

/// Points of the sample for each cluster.
const SAMPLE: usize = 16;

/// Lloyd's steps on the sample.
const STEPS: usize = 3;

/// The clusters do not depend on a user's seed.
const SEED: u64 = 0;

/// At most k clusters of n×d coordinates: the indices of the points of each, ascending. None is empty. While there are more
/// than `least`, those whose centres are at a squared distance of at most `alike` are one.
pub(crate) fn clusters(
    coordinates: &[f64],
    dimension: usize,
    weights: &[f64],
    k: usize,
    (least, alike): (usize, f64),
) -> Result<Vec<Vec<usize>>> {
    let (sketch, d) = sketch(coordinates, dimension);
    let n = weights.len();
    let step = (n / (k * SAMPLE).max(1)).max(1);
    let sample: Vec<usize> = (0..n).step_by(step).filter(|i| weights[*i] > 0.0).collect();
    let point = |i: usize| &sketch[i * d..][..d];
    if sample.is_empty() {
        return Ok(vec![(0..n).collect()]);
    }
    let points = sample.iter().flat_map(|i| point(*i)).copied().collect();
    let of_sample = sample.iter().map(|i| weights[*i]).collect();
    let centres = centres(&Measure::new(points, d, of_sample)?, k)?;
    let mut clusters: Vec<_> = centres.into_iter().map(Cluster::at).collect();
    for i in 0..n {
        let centres = clusters.iter().map(|cluster| &cluster.centre[..]);
        let nearest = nearest(centres, point(i));
        clusters[nearest].points.push(i);
    }
    clusters.retain(|cluster| !cluster.points.is_empty());
    unite(&mut clusters, least, alike);
    let points = clusters.into_iter().map(|mut cluster| {
        cluster.points.sort_unstable();
        cluster.points
    });
    Ok(points.collect())
}

struct Cluster {
    centre: Vec<f64>,
    points: Vec<usize>,
}

impl Cluster {
    fn at(centre: Vec<f64>) -> Self {
        Self {
            centre,
            points: Vec::new(),
        }
    }
}

/// Unites the two clusters that are closest, until `least` are left or those are not alike.
fn unite(clusters: &mut Vec<Cluster>, least: usize, alike: f64) {
    while clusters.len() > least.max(1) {
        let mut closest = (f64::INFINITY, 0, 0);
        for (j, second) in clusters.iter().enumerate() {
            for (i, first) in clusters[..j].iter().enumerate() {
                let square = squared_distance(&first.centre, &second.centre);
                if square < closest.0 {
                    closest = (square, i, j);
                }
            }
        }
        let (square, i, j) = closest;
        if square > alike {
            break;
        }
        let second = clusters.swap_remove(j);
        let first = &mut clusters[i];
        let [n, m] = [first.points.len(), second.points.len()].map(|points| points as f64);
        let places = first.centre.iter_mut().zip(second.centre);
        places.for_each(|(x, y)| *x = (n * *x + m * y) / (n + m));
        first.points.extend(second.points);
    }
}

/// Sketches of points, and the numbers of each; the points themselves where they have few coordinates.
fn sketch(coordinates: &[f64], dimension: usize) -> (Vec<f64>, usize) {
    if dimension <= SKETCH {
        return (coordinates.to_vec(), dimension);
    }
    let mut numbers = Numbers::new(SEED);
    let mut draw = |_| {
        let place = (numbers.unit() * SKETCH as f64) as usize;
        let sign = if numbers.unit() < 0.5 { -1.0 } else { 1.0 };
        (place, sign)
    };
    let of_axes: Vec<(usize, f64)> = (0..dimension).map(&mut draw).collect();
    let mut sketch = vec![0.0; coordinates.len() / dimension * SKETCH];
    let points = coordinates.chunks_exact(dimension);
    for (sums, point) in sketch.chunks_exact_mut(SKETCH).zip(points) {
        for ((place, sign), x) in of_axes.iter().zip(point) {
            sums[*place] += sign * x;
        }
    }
    (sketch, SKETCH)
}

/// At most k centres of a sample.
fn centres(sample: &Measure, k: usize) -> Result<Vec<Vec<f64>>> {
    let d = sample.dimension();
    let points = || sample.points().chunks_exact(d);
    // They are few, and drawn in a moment.
    let chosen = plus_plus(sample, k, SEED, &Interrupt::default())?.into_iter();
    let mut centres: Vec<Vec<f64>> = chosen
        .map(|i| sample.points()[i * d..][..d].to_vec())
        .collect();
    for _ in 0..STEPS {
        let mut sums = vec![vec![0.0; d]; centres.len()];
        let mut masses = vec![0.0; centres.len()];
        for (point, weight) in points().zip(sample.weights()) {
            let centre = nearest(centres.iter().map(|centre| &centre[..]), point);
            masses[centre] += weight;
            let sums = sums[centre].iter_mut().zip(point);
            sums.for_each(|(sum, x)| *sum += weight * x);
        }
        for ((centre, sums), mass) in centres.iter_mut().zip(sums).zip(masses) {
            if mass > 0.0 {
                let places = centre.iter_mut().zip(sums);
                places.for_each(|(centre, sum)| *centre = sum / mass);
            }
        }
    }
    Ok(centres)
}

/// The index of the nearest centre.
fn nearest<'c>(centres: impl Iterator<Item = &'c [f64]>, point: &[f64]) -> usize {
    let mut least = (f64::INFINITY, 0);
    for (index, centre) in centres.enumerate() {
        let square = squared_distance(centre, point);
        if square < least.0 {
            least = (square, index);
        }
    }
    least.1
}

/// |x − y|², in eight partial sums.
fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    let (x, x_rest) = x.as_chunks::<8>();
    let (y, y_rest) = y.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in x.iter().zip(y) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += (x - y) * (x - y);
        }
    }
    let rest = x_rest.iter().zip(y_rest).map(|(x, y)| (x - y) * (x - y));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points around `k` far centres in turn.
    fn far_groups(n: usize, d: usize, k: usize) -> Vec<f64> {
        let mut numbers = Numbers::new(5);
        let centres: Vec<f64> = (0..k * d).map(|_| numbers.normal()).collect();
        let mut points = Vec::new();
        for i in 0..n {
            let centre = &centres[i % k * d..][..d];
            points.extend(centre.iter().map(|c| c + 0.05 * numbers.normal()));
        }
        points
    }

    #[test]
    fn far_groups_are_apart_and_every_point_has_one_cluster() {
        for (n, d, k) in [(300, 784, 10), (300, 12, 5), (2000, 100, 16)] {
            let points = far_groups(n, d, k);
            let weights = vec![1.0 / n as f64; n];
            let clusters = clusters(&points, d, &weights, 4 * k, (4 * k, 0.0)).unwrap();
            let mut all: Vec<usize> = clusters.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n), "{n} {d}");
            assert!(clusters.len() >= k);
            let is_pure = |cluster: &[usize]| cluster.iter().all(|i| i % k == cluster[0] % k);
            assert!(clusters.iter().all(|cluster| is_pure(cluster)), "{n} {d}");
            // Ranges of places are not.
            let places: Vec<usize> = (0..n).collect();
            assert!(!places.chunks(n / k).all(is_pure));
        }
    }

    #[test]
    fn parts_of_one_group_are_united_and_groups_are_not() {
        let (n, d, k) = (600, 200, 10);
        let points = far_groups(n, d, k);
        let weights = vec![1.0 / n as f64; n];
        // Squared distances of about 2·200 between groups, and of far less than 0.05² · 2 · 200 within.
        for (least, alike, expected) in [(k, 1.0, k), (1, 1.0, k), (1, 1e6, 1), (20, 1e6, 20)] {
            let clusters = clusters(&points, d, &weights, 4 * k, (least, alike)).unwrap();
            assert_eq!(clusters.len(), expected, "{least} {alike}");
            let mut all: Vec<usize> = clusters.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n));
        }
    }

    #[test]
    fn points_without_weight_or_at_one_place_have_a_cluster() {
        for weight in [0.0, 1.0] {
            let clusters = clusters(&[0.5; 120], 3, &[weight; 40], 8, (1, 0.1)).unwrap();
            assert!(clusters.concat().into_iter().eq(0..40));
        }
    }
}

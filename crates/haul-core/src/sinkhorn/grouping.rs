//! Groups of neighbouring points: those whose masses the two-level correction balances, and whose centroids are the coarse
//! clouds of a start.
//!
//! In few dimensions they are blocks of a k-d order. A group that has points of two clusters is of no use: so where a cloud has
//! [islands](crate::measure::islands), groups are blocks of each. In more dimensions boxes say nothing of distances, and groups
//! are parts of [clusters](crate::measure::clusters). A pass sums masses over whole pieces of [`GROUP`] places; the last point
//! of a cluster fills the places that are left in its last piece, without weight.

use crate::engine::{GROUP, Kernel};
use crate::measure::{clusters, islands, order};
use crate::pass::Marginal;
use crate::{Engine, Result};

/// Boxes along axes are far apart in up to so many dimensions.
pub(crate) const BOX_DIMENSIONS: usize = 7;

/// Clusters have at least so many points in the mean, and there are at most so many of them.
const POINTS_OF_A_CLUSTER: usize = GROUP;
const MOST_CLUSTERS: usize = 64;

/// So many clusters, or of so many points in the mean, may be alike.
const FEWEST_CLUSTERS: usize = 16;
const POINTS_OF_ALIKE: usize = 2 * GROUP;

/// Clusters are alike if the cost between their centres is at most so many ε.
const ALIKE: f64 = 8.0;

/// Islands are at least so many blurs apart, and so many times the distance of neighbours.
const BLURS: f64 = 2.0;
const SPACINGS: f64 = 4.0;

/// Points of an island in the mean, at least.
const POINTS_OF_AN_ISLAND: usize = 2 * GROUP;

/// Points in an order in which groups are ranges of places.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// The index of the point at each place. A point that fills more places has its weight in the first.
    pub(crate) order: Vec<usize>,
    /// The first place of each cluster, a multiple of [`GROUP`], and the number of places.
    clusters: Vec<usize>,
}

impl Grouping {
    /// Of the points of a side, for at most so many groups.
    pub(crate) fn of<E: Engine>(side: &Marginal<E>, kernel: Kernel, most: usize) -> Result<Self> {
        let (d, n) = (side.dimension(), side.len());
        let coordinates = side.points.coordinates();
        if d <= BOX_DIMENSIONS {
            let order = order(&coordinates, d);
            return Ok(match far_apart(&coordinates, d, &order, kernel, most) {
                Some(islands) => Self::of_clusters(islands, &coordinates, d),
                None => Self {
                    order,
                    clusters: vec![0, n],
                },
            });
        }
        let count = |points: usize| (n / points).clamp(FEWEST_CLUSTERS, MOST_CLUSTERS).min(most);
        let alike = (ALIKE * kernel.epsilon).powf(2.0 / kernel.cost.p());
        let united = (count(POINTS_OF_ALIKE), alike);
        let most_clusters = count(POINTS_OF_A_CLUSTER);
        let clusters = clusters(&coordinates, d, &side.weights, most_clusters, united)?;
        Ok(Self::of_clusters(clusters, &coordinates, d))
    }

    /// Of clusters of points, each in a k-d order of its own.
    fn of_clusters(clusters: Vec<Vec<usize>>, coordinates: &[f64], d: usize) -> Self {
        let mut grouping = Self {
            order: Vec::new(),
            clusters: vec![0],
        };
        for cluster in clusters {
            let of_cluster = cluster.iter().flat_map(|i| &coordinates[i * d..][..d]);
            let of_cluster: Vec<f64> = of_cluster.copied().collect();
            let places = order(&of_cluster, d).into_iter();
            grouping.order.extend(places.map(|place| cluster[place]));
            let filled = grouping.order.len().next_multiple_of(GROUP);
            if let Some(last) = grouping.order.last() {
                grouping.order.resize(filled, *last);
            }
            grouping.clusters.push(filled);
        }
        grouping
    }

    /// Of points in the order of a k-d tree.
    pub(crate) fn in_order(points: usize) -> Self {
        Self {
            order: (0..points).collect(),
            clusters: vec![0, points],
        }
    }

    /// Whether there are several clusters.
    pub(crate) fn has_clusters(&self) -> bool {
        self.clusters.len() > 2
    }

    /// The first place of each of at most so many groups, and the number of places: parts of clusters of the least size for
    /// that, or whole clusters.
    pub(crate) fn groups(&self, most: usize) -> Vec<usize> {
        let mut size = GROUP;
        while size < self.order.len() && self.parts(size).count() > most {
            size *= 2;
        }
        let end = self.order.len();
        self.parts(size).chain([end]).collect()
    }

    /// The first places of parts of clusters.
    fn parts(&self, size: usize) -> impl Iterator<Item = usize> {
        let clusters = self.clusters.windows(2);
        clusters.flat_map(move |cluster| (cluster[0]..cluster[1]).step_by(size))
    }
}

/// The islands of n×d coordinates and their k-d order, for at most so many groups.
fn far_apart(
    coordinates: &[f64],
    d: usize,
    order: &[usize],
    kernel: Kernel,
    most: usize,
) -> Option<Vec<Vec<usize>>> {
    let blur = kernel.epsilon.powf(1.0 / kernel.cost.p());
    let side = (BLURS * blur).max(SPACINGS * spacing(order, coordinates, d));
    let most = (order.len() / POINTS_OF_AN_ISLAND).min(most / 2);
    islands(coordinates, d, side, most.min(MOST_CLUSTERS))
}

/// Whether n×d coordinates have islands, in few dimensions.
pub(crate) fn has_islands(coordinates: &[f64], d: usize, kernel: Kernel) -> bool {
    d <= BOX_DIMENSIONS && {
        let order = order(coordinates, d);
        far_apart(coordinates, d, &order, kernel, 2 * MOST_CLUSTERS).is_some()
    }
}

/// About the distance of neighbours, from the box of the median leaf of a k-d order.
fn spacing(order: &[usize], coordinates: &[f64], d: usize) -> f64 {
    let width = |leaf: &[usize]| {
        let along = |axis: usize| {
            let values = leaf.iter().map(|i| coordinates[i * d + axis]);
            let bounds = |[low, high]: [f64; 2], x: f64| [low.min(x), high.max(x)];
            let [low, high] = values.fold([f64::INFINITY, f64::NEG_INFINITY], bounds);
            high - low
        };
        (0..d).map(along).fold(0.0, f64::max)
    };
    let mut widths: Vec<f64> = order.chunks_exact(GROUP).map(width).collect();
    if widths.is_empty() {
        return 0.0;
    }
    let middle = widths.len() / 2;
    let (_, median, _) = widths.select_nth_unstable_by(middle, f64::total_cmp);
    *median / (GROUP as f64).powf(1.0 / d as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_and_cover_all_points() {
        for (points, most) in [
            (128, 128),
            (1000, 20),
            (5000, 1),
            (437_645, 1024),
            (10_000_000, 30),
        ] {
            let groups = Grouping::in_order(points).groups(most);
            let count = groups.len() - 1;
            assert!(count <= most);
            assert!(groups.first() == Some(&0) && groups.last() == Some(&points));
            let mut sizes = groups.windows(2).map(|group| group[1] - group[0]);
            assert!(sizes.all(|size| size > 0));
            assert!(
                groups[..count]
                    .iter()
                    .all(|first| first.is_multiple_of(GROUP))
            );
        }
    }
}

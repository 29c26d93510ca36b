//! Groups of neighbouring points: those whose masses the two-level correction balances, and whose centroids are the coarse
//! clouds of a start.
//!
//! In few dimensions they are blocks of a k-d order. In more, boxes say nothing of distances, and a group that has points of
//! two clusters is of no use: so groups are parts of [clusters](crate::measure::clusters). A pass sums masses over whole
//! pieces of [`GROUP`] places; the last point of a cluster fills the places that are left in its last piece, without weight.

use crate::engine::{GROUP, Kernel};
use crate::measure::{clusters, order};
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
            return Ok(Self {
                order: order(&coordinates, d),
                clusters: vec![0, n],
            });
        }
        let count = |points: usize| (n / points).clamp(FEWEST_CLUSTERS, MOST_CLUSTERS).min(most);
        let alike = (ALIKE * kernel.epsilon).powf(2.0 / kernel.cost.p());
        let united = (count(POINTS_OF_ALIKE), alike);
        let most_clusters = count(POINTS_OF_A_CLUSTER);
        let clusters = clusters(&coordinates, d, &side.weights, most_clusters, united)?;
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
        Ok(grouping)
    }

    /// Of points in the order of a k-d tree.
    pub(crate) fn in_order(points: usize) -> Self {
        Self {
            order: (0..points).collect(),
            clusters: vec![0, points],
        }
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

//! An average-linkage clustering (Sokal–Michener 1958) of the clouds of a matrix, and an order of the clouds that
//! keeps near ones together.

use kodama::{Method, linkage};

/// A matrix as a tree.
pub(super) struct Clusters {
    /// The merges, by increasing height.
    pub(super) merges: Vec<Merge>,
    /// An order of the rows in which no branches of the tree cross.
    pub(super) order: Vec<usize>,
}

/// A merge of two clusters. The first n clusters are the rows, those of merges follow.
#[derive(Debug, PartialEq)]
pub(super) struct Merge {
    pub(super) pair: [usize; 2],
    /// The mean of the entries between the two.
    pub(super) height: f64,
    /// Rows in the merged cluster.
    pub(super) size: usize,
}

impl Clusters {
    /// The clusters of a symmetric n×n matrix.
    pub(super) fn of(matrix: &[f64], n: usize) -> Self {
        // Rounding may make a divergence of nearly equal clouds negative.
        let above = |i: usize| (i + 1..n).map(move |j| matrix[i * n + j].max(0.0));
        let mut condensed: Vec<f64> = (0..n).flat_map(above).collect();
        let tree = linkage(&mut condensed, n, Method::Average);
        let merge = |step: &kodama::Step<f64>| Merge {
            pair: [step.cluster1, step.cluster2],
            height: step.dissimilarity,
            size: step.size,
        };
        let merges: Vec<_> = tree.steps().iter().map(merge).collect();
        Self {
            order: leaves(&merges, n),
            merges,
        }
    }

    /// The merges in SciPy's format: the two clusters, the height, the size.
    pub(super) fn json(&self) -> serde_json::Value {
        let merges = self.merges.iter();
        let rows = merges.map(|merge| {
            let [one, other] = merge.pair;
            serde_json::json!([one, other, merge.height, merge.size])
        });
        rows.collect()
    }
}

fn leaves(merges: &[Merge], n: usize) -> Vec<usize> {
    let mut clusters: Vec<Vec<usize>> = (0..n).map(|row| vec![row]).collect();
    for Merge { pair, .. } in merges {
        let [mut merged, mut other] = pair.map(|cluster| std::mem::take(&mut clusters[cluster]));
        merged.append(&mut other);
        clusters.push(merged);
    }
    clusters.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of |x − y| for points on a line.
    fn line(places: &[f64]) -> Vec<f64> {
        let row = |x: &f64| places.iter().map(|y| (x - y).abs()).collect::<Vec<_>>();
        places.iter().flat_map(row).collect()
    }

    #[test]
    fn near_rows_stand_together() {
        let order = Clusters::of(&line(&[0.0, 9.0, 0.1, 9.2]), 4).order;
        let place = |row| order.iter().position(|other| *other == row).unwrap() as i32;
        assert_eq!((place(0) - place(2)).abs(), 1);
        assert_eq!((place(1) - place(3)).abs(), 1);
    }

    #[test]
    fn mergers_are_those_of_scipy() {
        // scipy.cluster.hierarchy.linkage of the distances 0, 4, 1, 9, by "average".
        let clusters = Clusters::of(&line(&[0.0, 4.0, 1.0, 9.0]), 4);
        let expected = serde_json::json!([[0, 2, 1.0, 2], [1, 4, 3.5, 3], [3, 5, 22.0 / 3.0, 4]]);
        assert_eq!(clusters.json(), expected);
        let alone = Clusters::of(&[0.0], 1);
        assert_eq!((alone.merges.len(), alone.order), (0, vec![0]));
    }
}

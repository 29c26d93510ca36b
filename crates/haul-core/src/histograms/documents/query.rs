//! One document against many: bounds, distances, and the nearest documents.

use super::{Documents, NONE, Workspace};
use crate::Result;

/// A document that is compared with [`Documents`].
///
/// Both lower bounds are those of Kusner et al. [Kusner'15]: the distance of the means, and the transport in which each word of one
/// document goes to the nearest word of the other. The second takes linear time, because the distances from the words of the
/// query to all words are computed once [Atasu'17].
#[derive(Debug, Clone)]
pub struct Query<'d> {
    documents: &'d Documents,
    bins: Vec<usize>,
    weights: Vec<f64>,
    centroid: Vec<f64>,
    /// For each word that any document has, the costs from all n words of the query.
    costs: Vec<f64>,
    /// The least of them.
    least: Vec<f64>,
}

/// The documents nearest to a query, and how few distances were needed to know it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Neighbours {
    /// The index of each document and its distance W_p, by distance and then by index.
    pub documents: Vec<(usize, f64)>,
    /// Documents that the distance of the means excluded.
    pub excluded_by_means: usize,
    /// Documents that the transport to nearest words excluded, of those that the means had left.
    pub excluded_by_words: usize,
    /// Documents whose distance was computed.
    pub solved: usize,
}

impl<'d> Query<'d> {
    pub(super) fn new(documents: &'d Documents, (bins, weights): (&[usize], &[f64])) -> Self {
        let (n, d) = (bins.len(), documents.dimension);
        // Words of the query side by side, so that the sums over coordinates run in parallel.
        let mut across = vec![0.0; n * d];
        for (i, bin) in bins.iter().enumerate() {
            for (k, x) in documents.vector(*bin).iter().enumerate() {
                across[k * n + i] = *x;
            }
        }
        let mut costs = vec![0.0; n * documents.used.len()];
        let mut least = Vec::with_capacity(documents.used.len());
        for (bin, costs) in documents.used.iter().zip(costs.chunks_exact_mut(n)) {
            for (row, y) in across.chunks_exact(n).zip(documents.vector(*bin)) {
                for (square, x) in costs.iter_mut().zip(row) {
                    *square += (x - y) * (x - y);
                }
            }
            for cost in costs.iter_mut() {
                *cost = documents.cost(*cost);
            }
            least.push(costs.iter().copied().fold(f64::INFINITY, f64::min));
        }
        Self {
            documents,
            bins: bins.to_vec(),
            weights: weights.to_vec(),
            centroid: documents.centroid((bins, weights)),
            costs,
            least,
        }
    }

    /// A lower bound of the distance W_p to a document: |Σ aᵢ xᵢ − Σ bⱼ yⱼ|, less its rounding. It takes d steps. It is 0 for an
    /// index beyond the documents.
    pub fn mean_bound(&self, document: usize) -> f64 {
        let d = self.documents.dimension;
        let Some(other) = self
            .documents
            .centroids
            .get(document * d..(document + 1) * d)
        else {
            return 0.0;
        };
        let squares = self.centroid.iter().zip(other);
        let distance = squares.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
        // Each mean is a sum of at most so many terms, all of them together at most the radius.
        let terms = self.bins.len() + self.documents.histograms.row(document).0.len() + d + 8;
        let rounding = terms as f64 * f64::EPSILON;
        ((1.0 - rounding) * distance - rounding * self.documents.radius).max(0.0)
    }

    /// A lower bound of the distance W_p to a document: the larger one of the costs of two plans, in which all words of one
    /// document go to the nearest words of the other, less its rounding. It takes n·m steps for documents of n and m words. It
    /// is 0 for an index beyond the documents.
    pub fn word_bound(&self, document: usize, workspace: &mut Workspace) -> f64 {
        let n = self.bins.len();
        let (bins, weights) = self.documents.histograms.row(document);
        let nearest = workspace.nearest(n);
        let mut of_document = 0.0;
        for (bin, weight) in bins.iter().zip(weights) {
            let place = self.documents.places[*bin] as usize;
            of_document += weight * self.least[place];
            for (least, cost) in nearest.iter_mut().zip(&self.costs[place * n..]) {
                *least = if *cost < *least { *cost } else { *least };
            }
        }
        if bins.is_empty() {
            return 0.0;
        }
        let of_query = self.weights.iter().zip(nearest.iter());
        let of_query: f64 = of_query.map(|(weight, least)| weight * least).sum();
        let bound = self.documents.root(of_query.max(of_document));
        let terms = n + bins.len() + self.documents.dimension + 8;
        (1.0 - terms as f64 * f64::EPSILON) * bound
    }

    /// The distance W_p to a document, by the network simplex method. Its potentials prove it to 1e-9 of the value.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCloud`](crate::Error::EmptyCloud) for an index beyond the documents; [`Error::NotOptimal`](crate::Error::NotOptimal)
    /// if rounding kept the method from the optimum.
    pub fn distance(&self, document: usize, workspace: &mut Workspace) -> Result<f64> {
        let documents = self.documents;
        let other = documents.histograms.row(document);
        let (bins, _) = other;
        let n = self.bins.len();
        let cost = |i: usize, j: usize| match documents.places.get(bins[j]) {
            Some(place) if *place != NONE => self.costs[*place as usize * n + i],
            _ => f64::INFINITY, // all words of documents have a place
        };
        documents.solve([(&self.bins, &self.weights), other], workspace, cost)
    }

    /// The k documents nearest to the query, or all if there are fewer; `except` is left out. The bounds exclude most documents
    /// before anything is solved.
    ///
    /// # Errors
    ///
    /// Those of [`distance`](Self::distance).
    pub fn nearest(
        &self,
        k: usize,
        except: Option<usize>,
        workspace: &mut Workspace,
    ) -> Result<Neighbours> {
        let all = (0..self.documents.len()).filter(|i| Some(*i) != except);
        let mut by_means: Vec<(usize, f64)> = all.map(|i| (i, self.mean_bound(i))).collect();
        let mut found = Neighbours {
            documents: Vec::new(),
            excluded_by_means: 0,
            excluded_by_words: 0,
            solved: 0,
        };
        let k = k.min(by_means.len());
        if k == 0 {
            found.excluded_by_means = by_means.len();
            return Ok(found);
        }
        let order = |one: &(usize, f64), other: &(usize, f64)| {
            one.1.total_cmp(&other.1).then(one.0.cmp(&other.0))
        };
        // The k documents of the nearest means give the first limit.
        by_means.select_nth_unstable_by(k - 1, order);
        let rest = by_means.split_off(k);
        for (document, _) in by_means {
            found
                .documents
                .push((document, self.distance(document, workspace)?));
        }
        found.documents.sort_by(order);
        found.solved = k;
        let limit = |found: &Neighbours| found.documents.last().map_or(f64::INFINITY, |it| it.1);
        let mut left: Vec<(usize, f64)> = Vec::new();
        for (document, bound) in rest {
            match bound > limit(&found) {
                true => found.excluded_by_means += 1,
                false => left.push((document, self.word_bound(document, workspace).max(bound))),
            }
        }
        left.sort_by(order);
        for (at, (document, bound)) in left.iter().enumerate() {
            if *bound > limit(&found) {
                found.excluded_by_words = left.len() - at;
                break;
            }
            let entry = (*document, self.distance(*document, workspace)?);
            found.solved += 1;
            let place = found
                .documents
                .partition_point(|it| order(it, &entry).is_lt());
            found.documents.insert(place, entry);
            found.documents.truncate(k);
        }
        Ok(found)
    }
}

//! The word mover's distance [Kusner'15]: transport between documents, which are histograms over words, where words are vectors.
//!
//! ```text
//! W_p^p = min Σ Pᵢⱼ |xᵢ − yⱼ|^p   over P ≥ 0 with P1 = a, Pᵀ1 = b
//! ```
//!
//! A [`query`] compares one document with many: distances from its words to all words are computed once, and serve the lower
//! bounds and the costs alike. [`workspace`] solves one problem after another, by the network simplex method, in the same memory.

mod query;
mod workspace;

pub use query::{Neighbours, Query};
pub use workspace::Workspace;

use super::Histograms;
use crate::{Error, Result};

/// Documents to compare by the word mover's distance.
///
/// ```
/// use haul_core::{Documents, Histograms, Workspace};
/// // Three documents over the words ship, boat, cat and dog, whose vectors lie on a line.
/// let counts = Histograms::dense(4, &[2., 0., 0., 0., 0., 2., 0., 0., 0., 0., 1., 1.])?;
/// let documents = Documents::new(counts.clone(), &[0., 1., 6., 7.], 1)?;
/// let query = documents.query(&counts, 0)?;
/// let nearest = query.nearest(2, None, &mut Workspace::default())?;
/// assert_eq!(nearest.documents, [(0, 0.0), (1, 1.0)]);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Documents {
    histograms: Histograms,
    /// n×d, one vector for each bin.
    vectors: Vec<f64>,
    dimension: usize,
    p: f64,
    /// The bins that any document has, ascending.
    used: Vec<usize>,
    /// The place of each bin in that list; [`NONE`] for other bins.
    places: Vec<u32>,
    /// N×d, the mean vector of each document.
    centroids: Vec<f64>,
    /// The largest |x| of a vector.
    radius: f64,
}

/// The place of a bin that no document has.
const NONE: u32 = u32::MAX;

impl Documents {
    /// Documents as histograms over n words with the vectors of these words, an array of n × `dimension` numbers, row-major. The
    /// power of the cost is p = 1.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroDimension`]; [`Error::Length`] if there is not one vector a bin; [`Error::NotFinitePoint`] for a coordinate
    /// that is NaN or infinite; [`Error::Extent`] if the square of a distance is not finite.
    pub fn new(histograms: Histograms, vectors: &[f64], dimension: usize) -> Result<Self> {
        let n = histograms.bins();
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        if vectors.len() != n * dimension {
            return Err(Error::Length {
                what: "the array of vectors",
                expected: n * dimension,
                found: vectors.len(),
            });
        }
        if let Some(at) = vectors.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinitePoint {
                row: at / dimension + 1,
                column: at % dimension + 1,
                value: vectors[at],
            });
        }
        let squares = vectors.chunks_exact(dimension);
        let squares = squares.map(|vector| vector.iter().map(|x| x * x).sum::<f64>());
        let radius = squares.fold(0.0, f64::max).sqrt();
        if !(4.0 * radius * radius).is_finite() {
            return Err(Error::Extent {
                extent: 2.0 * radius,
                p: 2.0,
            });
        }
        let mut places = vec![NONE; n];
        for document in 0..histograms.len() {
            histograms
                .row(document)
                .0
                .iter()
                .for_each(|bin| places[*bin] = 0);
        }
        let used: Vec<usize> = (0..n).filter(|bin| places[*bin] != NONE).collect();
        for (place, bin) in (0..).zip(&used) {
            places[*bin] = place;
        }
        let mut documents = Self {
            histograms,
            vectors: vectors.to_vec(),
            dimension,
            p: 1.0,
            used,
            places,
            centroids: Vec::new(),
            radius,
        };
        let all = 0..documents.len();
        let centroids = all.flat_map(|i| documents.centroid(documents.histograms.row(i)));
        documents.centroids = centroids.collect();
        Ok(documents)
    }

    /// The power p of the cost |x − y|^p, from 1 to 2.
    #[must_use]
    pub fn p(self, p: f64) -> Self {
        Self { p, ..self }
    }

    /// The number of documents, N.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.histograms.len()
    }

    /// The documents.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// Prepares the comparison of one histogram over the same words with all documents. It takes n·m·d steps and 8·n·m bytes for n
    /// words of the query and m words of all documents.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a p outside 1 to 2; [`Error::Length`] for another number of words; [`Error::EmptyCloud`] for
    /// an index beyond the histograms.
    pub fn query(&self, queries: &Histograms, index: usize) -> Result<Query<'_>> {
        self.check()?;
        if queries.bins() != self.histograms.bins() {
            return Err(Error::Length {
                what: "the query",
                expected: self.histograms.bins(),
                found: queries.bins(),
            });
        }
        let row = queries.row(index);
        if row.0.is_empty() {
            return Err(Error::EmptyCloud);
        }
        Ok(Query::new(self, row))
    }

    /// The distance W_p between two of the documents, by the network simplex method. Its potentials prove it to 1e-9 of the value.
    /// For n and m words it takes n·m·d steps before the method begins; where one document is compared with many that share words,
    /// a [`query`](Self::query) computes distances of words once.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a p outside 1 to 2; [`Error::EmptyCloud`] for an index beyond the documents;
    /// [`Error::NotOptimal`] if rounding kept the method from the optimum.
    pub fn distance(&self, [i, j]: [usize; 2], workspace: &mut Workspace) -> Result<f64> {
        self.check()?;
        let pair = [i, j].map(|document| self.histograms.row(document));
        if pair.iter().any(|(bins, _)| bins.is_empty()) {
            return Err(Error::EmptyCloud);
        }
        let [(x, _), (y, _)] = pair;
        let cost = |i: usize, j: usize| {
            let pair = self.vector(x[i]).iter().zip(self.vector(y[j]));
            self.cost(pair.map(|(x, y)| (x - y) * (x - y)).sum())
        };
        self.solve(pair, workspace, cost)
    }

    /// The distance between two histograms for the cost between their words, by their places in each.
    fn solve(
        &self,
        pair: [(&[usize], &[f64]); 2],
        workspace: &mut Workspace,
        cost: impl Fn(usize, usize) -> f64,
    ) -> Result<f64> {
        // Of a metric, mass that both have at one word stays there.
        workspace.fill(pair, self.p == 1.0);
        Ok(self.root(workspace.solve(cost)?))
    }

    fn check(&self) -> Result<()> {
        match (1.0..=2.0).contains(&self.p) {
            true => Ok(()),
            false => Err(Error::BadParameter {
                name: "p",
                value: self.p,
                range: "from 1 to 2",
            }),
        }
    }

    fn vector(&self, bin: usize) -> &[f64] {
        &self.vectors[bin * self.dimension..][..self.dimension]
    }

    /// Σ aᵢ xᵢ.
    fn centroid(&self, (bins, weights): (&[usize], &[f64])) -> Vec<f64> {
        let mut centroid = vec![0.0; self.dimension];
        for (bin, weight) in bins.iter().zip(weights) {
            for (sum, x) in centroid.iter_mut().zip(self.vector(*bin)) {
                *sum += weight * x;
            }
        }
        centroid
    }

    /// The cost of a squared distance.
    fn cost(&self, square: f64) -> f64 {
        if self.p == 1.0 {
            square.sqrt()
        } else if self.p == 2.0 {
            square
        } else {
            square.powf(0.5 * self.p)
        }
    }

    /// W_p of W_p^p.
    fn root(&self, value: f64) -> f64 {
        if self.p == 1.0 {
            value
        } else {
            value.powf(1.0 / self.p)
        }
    }
}

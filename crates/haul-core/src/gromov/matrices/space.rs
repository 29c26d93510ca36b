//! Metric measure spaces that are known by a stored matrix.

use crate::gromov::space::Features;
use crate::linalg::{dot, sum};
use crate::{Error, Measure, Result};

/// The relative difference of Dᵢₖ and Dₖᵢ that passes for rounding.
const ASYMMETRY: f64 = 1e-9;

/// n points with weights of sum 1 and a stored symmetric matrix D between them: distances along a graph or on a surface, or any
/// other, such as a kernel.
///
/// It takes 8 n² bytes. A comparison by [`Gromov::solve_matrices`](crate::Gromov::solve_matrices) takes 8 (n² + 5 nm + m²) in all,
/// and time in proportion to nm(n + m) a step, so that n is at most [`MOST`](Self::MOST).
///
/// ```
/// use haul_core::DistanceMatrix;
/// // Four points on a circle, by the number of steps between them.
/// let ring = [0.0, 1.0, 2.0, 1.0, 1.0, 0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 1.0, 1.0, 2.0, 1.0, 0.0];
/// let space = DistanceMatrix::new(ring.to_vec(), vec![1.0; 4])?;
/// assert_eq!((space.len(), space.weights()[0]), (4, 0.25));
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DistanceMatrix {
    /// D, n×n.
    pub(in crate::gromov) distances: Vec<f64>,
    pub(in crate::gromov) weights: Vec<f64>,
    pub(in crate::gromov) features: Option<Features>,
}

impl DistanceMatrix {
    /// The most points.
    pub const MOST: usize = 5000;

    /// A symmetric matrix D of n×n finite numbers, row-major, and n weights, which are scaled to a sum of 1.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCloud`] without points, [`Error::BadParameter`] for more than [`MOST`](Self::MOST), [`Error::Length`] for a
    /// matrix that is not n×n, [`Error::BadMatrix`] for an entry that is not finite or not that of the transposed
    /// matrix, [`Error::BadWeight`], and [`Error::BadMass`].
    pub fn new(distances: Vec<f64>, weights: Vec<f64>) -> Result<Self> {
        let n = weights.len();
        check_count(n)?;
        let (expected, found) = (n * n, distances.len());
        if expected != found {
            return Err(Error::Length {
                what: "a matrix of distances",
                expected,
                found,
            });
        }
        for (i, row) in distances.chunks_exact(n).enumerate() {
            for (k, value) in row.iter().enumerate() {
                let across = distances.get(k * n + i).copied().unwrap_or(f64::NAN);
                let bad = |wanted| Error::BadMatrix {
                    row: i + 1,
                    column: k + 1,
                    value: *value,
                    wanted,
                };
                if !value.is_finite() {
                    return Err(bad("finite"));
                }
                if (value - across).abs() > ASYMMETRY * value.abs().max(across.abs()) {
                    return Err(bad(
                        "the entry across the diagonal, as distances are symmetric",
                    ));
                }
            }
        }
        for (row, weight) in (1..).zip(&weights) {
            if !(*weight >= 0.0 && weight.is_finite()) {
                return Err(Error::BadWeight {
                    row,
                    value: *weight,
                });
            }
        }
        let mass = sum(weights.iter().copied());
        if !(mass > 0.0 && mass.is_finite()) {
            return Err(Error::BadMass { mass });
        }
        Ok(Self {
            distances,
            weights: weights.into_iter().map(|a| a / mass).collect(),
            features: None,
        })
    }

    /// The points of a measure with their distances |xᵢ − xₖ|, not squared.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for more than [`MOST`](Self::MOST) points.
    pub fn euclidean(measure: &Measure) -> Result<Self> {
        Self::of(measure, |x, y| square(x, y).sqrt())
    }

    /// The points of a measure with their squared distances |xᵢ − xₖ|², as
    /// [`MetricSpace::squared_euclidean`](crate::MetricSpace::squared_euclidean) has them without a matrix.
    ///
    /// # Errors
    ///
    /// Those of [`euclidean`](Self::euclidean).
    pub fn squared_euclidean(measure: &Measure) -> Result<Self> {
        Self::of(measure, square)
    }

    /// The points of a measure with their inner products ⟨xᵢ, xₖ⟩.
    ///
    /// # Errors
    ///
    /// Those of [`euclidean`](Self::euclidean).
    pub fn inner_product(measure: &Measure) -> Result<Self> {
        Self::of(measure, dot)
    }

    fn of(measure: &Measure, entry: impl Fn(&[f64], &[f64]) -> f64) -> Result<Self> {
        check_count(measure.len())?;
        let rows = || measure.points().chunks_exact(measure.dimension());
        let entry = &entry;
        let distances = rows().flat_map(|x| rows().map(move |y| entry(x, y)));
        Self::new(distances.collect(), measure.weights().to_vec())
    }

    /// The same space with features of its points, n×`dimension`, row-major, for [fused](crate::Gromov::fused) comparisons.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a wrong number of features, [`Error::ZeroDimension`], and [`Error::NotFinitePoint`].
    pub fn with_features(mut self, features: &[f64], dimension: usize) -> Result<Self> {
        self.features = Some(Features::of(features, dimension, self.len())?);
        Ok(self)
    }

    /// The number of points: n.
    #[allow(clippy::len_without_is_empty)] // a space is never empty
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// D, n×n, row-major.
    pub fn distances(&self) -> &[f64] {
        &self.distances
    }

    /// The weights, of sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The features of the points, n×w, row-major; `None` without them.
    pub fn features(&self) -> Option<&[f64]> {
        self.features.as_ref().map(|features| &*features.values)
    }

    /// D of each point, one row after another.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.distances.chunks_exact(self.len())
    }

    /// The entry Dᵢₖ; 0 outside the matrix.
    pub(super) fn at(&self, i: usize, k: usize) -> f64 {
        self.distances
            .get(i * self.len() + k)
            .copied()
            .unwrap_or(0.0)
    }

    /// The squared eccentricities Σₖ aₖ Dᵢₖ².
    pub(super) fn second_moments(&self) -> Vec<f64> {
        self.squares(&self.weights)
    }

    /// Σₖ Dᵢₖ² μₖ for masses μ.
    pub(super) fn squares(&self, masses: &[f64]) -> Vec<f64> {
        let of = |row: &[f64]| sum(row.iter().zip(masses).map(|(d, p)| p * d * d));
        self.rows().map(of).collect()
    }

    /// The means Σₖ aₖ Dᵢₖ.
    pub(super) fn means(&self) -> Vec<f64> {
        self.rows().map(|row| dot(row, &self.weights)).collect()
    }

    /// The same space of some of its points, with these weights.
    pub(super) fn part(&self, places: &[usize], weights: Vec<f64>) -> Self {
        let rows = places
            .iter()
            .flat_map(|i| places.iter().map(move |k| self.at(*i, *k)));
        let features = self.features.as_ref().map(|features| features.part(places));
        Self {
            distances: rows.collect(),
            weights,
            features,
        }
    }
}

fn check_count(n: usize) -> Result<()> {
    match n {
        0 => Err(Error::EmptyCloud),
        1..=DistanceMatrix::MOST => Ok(()),
        _ => Err(Error::BadParameter {
            name: "the number of points with stored distances",
            value: n as f64,
            range: "at most 5000, for which a comparison takes 1.4 GB; squared distances and inner products need no matrix",
        }),
    }
}

fn square(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}

//! Metric measure spaces: weights, and a matrix D of distances or products between points, as products of coordinates.

use crate::linalg::{dot, sum};
use crate::{Error, Measure, Result};

/// The fractional part of the golden ratio; its multiples fill an interval evenly and without a period.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The matrix D of a space, from coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Dᵢₖ = |xᵢ − xₖ|².
    Squared,
    /// Dᵢₖ = ⟨xᵢ, xₖ⟩.
    Inner,
}

/// n points with weights of sum 1, known by a matrix D between them alone, which is never stored.
///
/// Gromov–Wasserstein compares two of them, which need not lie in one space.
///
/// ```
/// use haul_core::{Measure, MetricSpace};
/// let triangle = Measure::uniform(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2)?;
/// let space = MetricSpace::squared_euclidean(&triangle);
/// assert_eq!((space.len(), space.dimension()), (3, 2));
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSpace {
    pub(super) form: Form,
    pub(super) weights: Vec<f64>,
    /// The mean of the points.
    pub(super) mean: Vec<f64>,
    /// The points less their mean, n×d.
    pub(super) points: Vec<f64>,
    /// v, where Dᵢₖ = |xᵢ − xₖ|² + vᵢ + vₖ; empty where it is 0.
    pub(super) variances: Vec<f64>,
    pub(super) features: Option<Features>,
}

/// Features of the points of a space, in a space that both sides share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Features {
    pub(super) dimension: usize,
    /// n×`dimension`.
    pub(super) values: Vec<f64>,
}

impl Features {
    /// Finite features of n points.
    pub(super) fn of(features: &[f64], dimension: usize, n: usize) -> Result<Self> {
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        let (expected, found) = (n.saturating_mul(dimension), features.len());
        if expected != found {
            return Err(Error::Length {
                what: "the features of a space",
                expected,
                found,
            });
        }
        if let Some((index, value)) = (0..).zip(features).find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinitePoint {
                row: index / dimension + 1,
                column: index % dimension + 1,
                value: *value,
            });
        }
        Ok(Self {
            dimension,
            values: features.to_vec(),
        })
    }

    /// The features of some points.
    pub(super) fn part(&self, places: &[usize]) -> Self {
        let row = |i: &usize| {
            let values = self
                .values
                .get(i * self.dimension..(i + 1) * self.dimension);
            values.unwrap_or_default()
        };
        Self {
            dimension: self.dimension,
            values: places.iter().flat_map(row).copied().collect(),
        }
    }
}

impl MetricSpace {
    /// The points of a measure with their squared distances Dᵢₖ = |xᵢ − xₖ|². Weights are scaled to a sum of 1.
    pub fn squared_euclidean(measure: &Measure) -> Self {
        Self::new(Form::Squared, measure)
    }

    /// The points of a measure with their inner products Dᵢₖ = ⟨xᵢ, xₖ⟩, which depend on the origin. Weights are scaled to a sum
    /// of 1.
    pub fn inner_product(measure: &Measure) -> Self {
        Self::new(Form::Inner, measure)
    }

    pub(super) fn new(form: Form, measure: &Measure) -> Self {
        let mass = measure.mass();
        let weights: Vec<f64> = measure.weights().iter().map(|a| a / mass).collect();
        let (mean, points) = centred(measure.points(), measure.dimension(), &weights);
        Self {
            form,
            weights,
            mean,
            points,
            variances: Vec::new(),
            features: None,
        }
    }

    /// The same space with features of its points, n×`dimension`, row-major, for
    /// [fused](crate::Gromov::fused) comparisons.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a wrong number of features, [`Error::ZeroDimension`], and [`Error::NotFinitePoint`].
    pub fn with_features(mut self, features: &[f64], dimension: usize) -> Result<Self> {
        self.features = Some(Features::of(features, dimension, self.len())?);
        Ok(self)
    }

    /// The number of points: n.
    #[allow(clippy::len_without_is_empty)] // a measure is never empty
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// The number of coordinates from which D is made.
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// The weights, of sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The coordinates from which D is made, n×d, row-major.
    pub fn points(&self) -> Vec<f64> {
        let place = |x: &[f64]| {
            x.iter()
                .zip(&self.mean)
                .map(|(x, m)| x + m)
                .collect::<Vec<f64>>()
        };
        self.rows().flat_map(place).collect()
    }

    /// v, where Dᵢₖ = |xᵢ − xₖ|² + vᵢ + vₖ, as [barycenters](crate::GromovBarycenter) have; empty where it is 0.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The features of the points, n×w, row-major; `None` without them.
    pub fn features(&self) -> Option<&[f64]> {
        self.features.as_ref().map(|features| &*features.values)
    }

    /// The entry Dᵢₖ; `None` beyond the points.
    pub fn entry(&self, i: usize, k: usize) -> Option<f64> {
        let of = |i: usize| self.rows().nth(i);
        let (x, y) = (of(i)?, of(k)?);
        Some(match self.form {
            Form::Squared => {
                let variance = |i: usize| self.variances.get(i).copied().unwrap_or(0.0);
                sum(x.iter().zip(y).map(|(x, y)| (x - y) * (x - y))) + variance(i) + variance(k)
            }
            Form::Inner => {
                let place = x.iter().zip(y).zip(&self.mean);
                sum(place.map(|((x, y), mean)| (x + mean) * (y + mean)))
            }
        })
    }

    /// The centred points, one by one.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.points.chunks_exact(self.dimension())
    }

    /// p, where Dᵢₖ = pᵢ + pₖ − 2⟨xᵢ, xₖ⟩: |xᵢ|² + vᵢ of the centred points.
    pub(super) fn squares(&self) -> Vec<f64> {
        let mut squares: Vec<f64> = self.rows().map(|x| dot(x, x)).collect();
        let both = squares.iter_mut().zip(&self.variances);
        both.for_each(|(p, v)| *p += v);
        squares
    }

    /// Σ aᵢ xᵢ xᵢᵀ of the centred points, d×d.
    pub(super) fn covariance(&self) -> Vec<f64> {
        cross(&self.points, &self.points, &self.weights)
    }

    /// The largest |v| of a feature; 0 without features.
    pub(super) fn largest_feature(&self) -> f64 {
        let values = self.features.iter().flat_map(|features| &features.values);
        values.fold(0.0, |most: f64, v| most.max(v.abs()))
    }

    /// The number of features of a point.
    pub(super) fn dimension_of_features(&self) -> usize {
        self.features
            .as_ref()
            .map_or(0, |features| features.dimension)
    }

    /// The relative rounding of a sum over the points and one over their coordinates.
    pub(super) fn rounding(&self) -> f64 {
        (self.len() + 4 * self.dimension() + 32) as f64 * f64::EPSILON
    }

    /// The largest error of the computed [`eccentricities`](Self::eccentricities) s. The terms of a square s² are together at most
    /// 12 R⁴ for points within a distance R of the origin, so that δ, that times the rounding, is its error, and that of s is
    /// at most δ/s and √δ.
    pub(super) fn eccentricity_error(&self, s: &[f64]) -> f64 {
        let squares = match self.form {
            Form::Squared => self.squares(),
            Form::Inner => {
                let square =
                    |x: &[f64]| sum(x.iter().zip(&self.mean).map(|(x, m)| (x + m).powi(2)));
                self.rows().map(square).collect()
            }
        };
        let radius = squares.into_iter().chain([dot(&self.mean, &self.mean)]);
        let largest = radius.fold(0.0, f64::max);
        let off = 12.0 * self.rounding() * largest * largest;
        s.iter()
            .fold(0.0, |most, s| most.max(off.sqrt().min(off / s)))
    }

    /// At most `most` points of the space, one of each run of n/`most`, with the weights of these alone.
    pub(super) fn part(&self, most: usize) -> Result<Self> {
        let (n, d) = (self.len(), self.dimension());
        if n <= most {
            return Ok(self.clone());
        }
        let length = n as f64 / most as f64;
        let place = |k: usize| {
            let within = (k as f64 * GOLDEN).fract();
            (((k as f64 + within) * length) as usize).min(n - 1)
        };
        let rows = |values: &[f64], width: usize| -> Vec<f64> {
            let row = |i: usize| values.get(i * width..(i + 1) * width).unwrap_or_default();
            (0..most).flat_map(|k| row(place(k))).copied().collect()
        };
        let weights = rows(&self.weights, 1);
        if sum(weights.iter().copied()) <= 0.0 {
            return Ok(self.clone());
        }
        let mut points = rows(&self.points, d);
        for point in points.chunks_exact_mut(d) {
            point.iter_mut().zip(&self.mean).for_each(|(x, m)| *x += m);
        }
        let mut part = Self::new(self.form, &Measure::new(points, d, weights)?);
        if !self.variances.is_empty() {
            part.variances = rows(&self.variances, 1);
        }
        part.features = self.features.as_ref().map(|features| Features {
            dimension: features.dimension,
            values: rows(&features.values, features.dimension),
        });
        Ok(part)
    }

    /// The eccentricities sᵢ = (Σₖ aₖ Dᵢₖ²)^{1/2}.
    pub(super) fn eccentricities(&self) -> Vec<f64> {
        let d = self.dimension();
        let covariance = self.covariance();
        let quadratic = |x: &[f64]| {
            let rows = covariance.chunks_exact(d).zip(x);
            sum(rows.map(|(row, x_k)| x_k * dot(row, x)))
        };
        match self.form {
            Form::Inner => {
                // Σ aₖ ⟨xᵢ, xₖ⟩² = xᵢᵀ C xᵢ + ⟨xᵢ, x̄⟩², with the points where they are.
                let of = |x: &[f64]| {
                    let place: Vec<f64> = x.iter().zip(&self.mean).map(|(x, m)| x + m).collect();
                    let along = dot(&place, &self.mean);
                    (quadratic(&place) + along * along).max(0.0).sqrt()
                };
                self.rows().map(of).collect()
            }
            Form::Squared => {
                // Σ aₖ (pᵢ + pₖ − 2⟨xᵢ, xₖ⟩)².
                let squares = self.squares();
                let mean = dot(&self.weights, &squares);
                let weighted = self.weights.iter().zip(&squares);
                let second = sum(weighted.map(|(a, p)| a * p * p));
                let mut leaning = vec![0.0; d];
                for ((x, a), p) in self.rows().zip(&self.weights).zip(&squares) {
                    leaning.iter_mut().zip(x).for_each(|(t, x)| *t += a * p * x);
                }
                let of = |(x, p): (&[f64], &f64)| {
                    let square = p * p + 2.0 * p * mean + second;
                    (square + 4.0 * (quadratic(x) - dot(x, &leaning)))
                        .max(0.0)
                        .sqrt()
                };
                self.rows().zip(&squares).map(of).collect()
            }
        }
    }
}

/// Weighted points less their mean, and that mean.
pub(super) fn centred(points: &[f64], d: usize, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let rows = || points.chunks_exact(d).zip(weights);
    let coordinate = |k: usize| rows().filter_map(move |(x, a)| Some(a * x.get(k)?));
    let mean: Vec<f64> = (0..d).map(|k| sum(coordinate(k))).collect();
    let mut moved = points.to_vec();
    for point in moved.chunks_exact_mut(d) {
        point.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
    }
    (mean, moved)
}

/// Σ aᵢ xᵢ yᵢᵀ over rows x and y, d×d'.
pub(super) fn cross(x: &[f64], y: &[f64], weights: &[f64]) -> Vec<f64> {
    let n = weights.len().max(1);
    let (d, e) = (x.len() / n, y.len() / n);
    let mut moments = vec![0.0; d * e];
    for ((x, y), a) in x.chunks_exact(d).zip(y.chunks_exact(e)).zip(weights) {
        for (row, x) in moments.chunks_exact_mut(e).zip(x) {
            let factor = a * x;
            row.iter_mut().zip(y).for_each(|(m, y)| *m += factor * y);
        }
    }
    moments
}

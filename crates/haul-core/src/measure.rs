//! A discrete measure α = Σᵢ aᵢ δ(xᵢ): points and their weights, in f64, checked once.

use crate::sums::sum;
use crate::{Error, Result};

/// A weighted point cloud: n points of ℝᵈ, row-major, with a weight ≥ 0 each.
///
/// ```
/// use haul_core::Measure;
/// let square = Measure::uniform(&[0.0f32, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2)?;
/// assert_eq!((square.len(), square.dimension(), square.mass()), (4, 2, 1.0));
/// let corner = square.with_weights(&[3.0, 1.0, 1.0, 1.0])?;
/// assert_eq!(corner.mass(), 6.0);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    points: Vec<f64>,
    dimension: usize,
    weights: Vec<f64>,
    mass: f64,
}

impl Measure {
    /// The uniform probability on `points`, n×`dimension` in row-major order: every weight 1/n.
    pub fn uniform<T: Copy + Into<f64>>(points: &[T], dimension: usize) -> Result<Self> {
        let n = points.len().checked_div(dimension).unwrap_or(0).max(1);
        Self::new(
            points.iter().map(|&x| x.into()).collect(),
            dimension,
            vec![1.0 / n as f64; n],
        )
    }

    /// A measure from its parts, without a copy: `points` n×`dimension` row-major, n `weights`.
    pub fn new(points: Vec<f64>, dimension: usize, weights: Vec<f64>) -> Result<Self> {
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        if points.is_empty() {
            return Err(Error::EmptyCloud);
        }
        if !points.len().is_multiple_of(dimension) {
            return Err(Error::RaggedPoints {
                coordinates: points.len(),
                dimension,
            });
        }
        if let Some(index) = points.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinitePoint {
                row: index / dimension + 1,
                column: index % dimension + 1,
                value: points[index],
            });
        }
        let mass = checked_mass(&weights, points.len() / dimension)?;
        Ok(Self {
            points,
            dimension,
            weights,
            mass,
        })
    }

    /// The same points under other weights.
    pub fn with_weights<T: Copy + Into<f64>>(mut self, weights: &[T]) -> Result<Self> {
        let weights: Vec<f64> = weights.iter().map(|&w| w.into()).collect();
        self.mass = checked_mass(&weights, self.len())?;
        self.weights = weights;
        Ok(self)
    }

    /// The same measure with its mass scaled to 1.
    pub fn normalized(mut self) -> Self {
        for weight in &mut self.weights {
            *weight /= self.mass;
        }
        self.mass = 1.0;
        self
    }

    /// How many points there are: n.
    #[allow(clippy::len_without_is_empty)] // a measure is never empty
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// The dimension d of the space.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The points, n×d, row-major.
    pub fn points(&self) -> &[f64] {
        &self.points
    }

    /// The n weights.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The sum of the weights.
    pub fn mass(&self) -> f64 {
        self.mass
    }
}

fn checked_mass(weights: &[f64], points: usize) -> Result<f64> {
    if weights.len() != points {
        return Err(Error::WeightsLength {
            points,
            weights: weights.len(),
        });
    }
    if let Some(index) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
        return Err(Error::BadWeight {
            row: index + 1,
            value: weights[index],
        });
    }
    let mass = sum(weights.iter().copied());
    if !(mass.is_finite() && mass > 0.0) {
        return Err(Error::BadMass { mass });
    }
    Ok(mass)
}

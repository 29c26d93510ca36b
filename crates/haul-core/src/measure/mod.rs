//! Measures, the costs between their points, and the frame of two measures on a device.
//!
//! A discrete measure α = Σᵢ aᵢ δ(xᵢ) has points and weights, in f64, checked once. The points are a cloud, or a grid
//! that is a product of axes.

mod clusters;
mod cost;
mod frame;
mod grid;
mod islands;
mod numbers;
mod order;
mod resident;
mod seeding;

pub(crate) use clusters::clusters;
pub use cost::{Cost, Exponent};
pub use frame::Frame;
pub use grid::Grid;
pub(crate) use grid::product;
pub(crate) use islands::islands;
pub(crate) use numbers::Numbers;
pub(crate) use order::order;
pub use resident::{Located, ResidentMeasure};
pub(crate) use seeding::plus_plus;

use crate::linalg::sum;
use crate::{Error, Result};
use std::sync::{Arc, OnceLock};

/// The points of a measure.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Support {
    /// A point cloud.
    Cloud {
        /// n×`dimension` coordinates, row-major.
        points: Vec<f64>,
        /// The number of coordinates of a point.
        dimension: usize,
    },
    /// A grid. For costs that are sums over axes, passes between grids run along one axis at a time.
    Grid(Grid),
}

/// A discrete measure: n points of ℝᵈ with a weight ≥ 0 each.
///
/// ```
/// use haul_core::Measure;
/// let square = Measure::uniform(&[0.0f32, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2)?;
/// assert_eq!((square.len(), square.dimension(), square.mass()), (4, 2, 1.0));
/// let corner = square.with_weights(&[3.0, 1.0, 1.0, 1.0])?;
/// assert_eq!(corner.mass(), 6.0);
/// # Ok::<(), haul_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Measure {
    support: Arc<Support>,
    /// The points of a grid, computed on first use.
    points: Arc<OnceLock<Vec<f64>>>,
    weights: Vec<f64>,
    mass: f64,
}

impl PartialEq for Measure {
    /// Whether the points are the same, one by one, and the weights too.
    fn eq(&self, other: &Self) -> bool {
        self.weights == other.weights && self.shares_points(other)
    }
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
        Ok(Self::on(
            Support::Cloud { points, dimension },
            weights,
            mass,
        ))
    }

    /// A measure on a grid: a histogram, an image, a volume. `weights` has a number for each point, the last axis
    /// fastest.
    ///
    /// ```
    /// use haul_core::{Grid, Measure};
    /// let pixels = Grid::new(&[2, 3], &[1.0, 1.0], &[0.0, 0.0])?; // 2 rows, 3 columns
    /// let image = Measure::grid(pixels, vec![0.0, 1.0, 0.0, 2.0, 0.0, 1.0])?;
    /// assert_eq!((image.len(), image.dimension(), image.mass()), (6, 2, 4.0));
    /// # Ok::<(), haul_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::WeightsLength`], [`Error::BadWeight`] and [`Error::BadMass`].
    pub fn grid(grid: Grid, weights: Vec<f64>) -> Result<Self> {
        let mass = checked_mass(&weights, grid.len())?;
        Ok(Self::on(Support::Grid(grid), weights, mass))
    }

    fn on(support: Support, weights: Vec<f64>, mass: f64) -> Self {
        Self {
            support: Arc::new(support),
            points: Arc::default(),
            weights,
            mass,
        }
    }

    /// The same points with other weights.
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

    /// Whether the points of both are the same, one by one.
    pub(crate) fn shares_points(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.support, &other.support) || self.support == other.support
    }

    /// The number of points: n.
    #[allow(clippy::len_without_is_empty)] // a measure is never empty
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// The dimension d of the space.
    pub fn dimension(&self) -> usize {
        match &*self.support {
            Support::Cloud { dimension, .. } => *dimension,
            Support::Grid(grid) => grid.dimension(),
        }
    }

    /// The points as a cloud or a grid.
    pub fn support(&self) -> &Support {
        &self.support
    }

    /// The points, n×d, row-major. The points of a grid are computed on the first call.
    pub fn points(&self) -> &[f64] {
        match &*self.support {
            Support::Cloud { points, .. } => points,
            Support::Grid(grid) => self.points.get_or_init(|| {
                let axes: Vec<_> = (0..grid.dimension()).map(|k| grid.axis(k)).collect();
                product(&axes.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }),
        }
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

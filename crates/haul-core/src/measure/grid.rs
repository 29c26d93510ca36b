//! Grids: points that are a product of axes.

use crate::{Error, Result};

/// A regular grid of up to three dimensions: n₁×…×n_d points, the last index fastest.
///
/// The point of index (i₁, …, i_d) has the coordinates originₖ + iₖ · spacingₖ.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    shape: Vec<usize>,
    spacing: Vec<f64>,
    origin: Vec<f64>,
}

/// The largest number of dimensions of a grid.
pub(crate) const MOST_AXES: usize = 3;

impl Grid {
    /// A grid of `shape` points from `origin` in steps of `spacing`, each with one number per axis.
    ///
    /// ```
    /// use haul_core::Grid;
    /// let grid = Grid::new(&[2, 3], &[1.0, 0.5], &[0.0, 10.0])?;
    /// assert_eq!((grid.len(), grid.dimension()), (6, 2));
    /// assert_eq!(grid.point(4), [1.0, 10.5]);
    /// # Ok::<(), haul_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Axes`] for no axis or more than three, [`Error::EmptyCloud`] for an axis without points,
    /// [`Error::Length`] if the number of spacings or origins differs from that of axes, and [`Error::BadParameter`]
    /// for a spacing that is not above 0, or coordinates that are not finite.
    pub fn new(shape: &[usize], spacing: &[f64], origin: &[f64]) -> Result<Self> {
        let axes = shape.len();
        if !(1..=MOST_AXES).contains(&axes) {
            return Err(Error::Axes {
                axes,
                most: MOST_AXES,
            });
        }
        if shape.contains(&0) {
            return Err(Error::EmptyCloud);
        }
        let points = shape
            .iter()
            .try_fold(1usize, |product, n| product.checked_mul(*n));
        if points.is_none() {
            return Err(Error::Length {
                what: "a grid",
                expected: usize::MAX,
                found: usize::MAX,
            });
        }
        for (what, numbers) in [
            ("the spacing of a grid", spacing),
            ("the origin of a grid", origin),
        ] {
            let (expected, found) = (axes, numbers.len());
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        for ((n, step), first) in shape.iter().zip(spacing).zip(origin) {
            let last = first + (n - 1) as f64 * step;
            if !(*step > 0.0 && step.is_finite()) {
                let range = "a finite number above 0";
                return Err(Error::BadParameter {
                    name: "spacing",
                    value: *step,
                    range,
                });
            }
            if !(first.is_finite() && last.is_finite()) {
                let range = "finite, and so is the last coordinate of its axis";
                return Err(Error::BadParameter {
                    name: "origin",
                    value: *first,
                    range,
                });
            }
        }
        Ok(Self {
            shape: shape.to_vec(),
            spacing: spacing.to_vec(),
            origin: origin.to_vec(),
        })
    }

    /// Points along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The distance between neighbours along each axis.
    pub fn spacing(&self) -> &[f64] {
        &self.spacing
    }

    /// The first point.
    pub fn origin(&self) -> &[f64] {
        &self.origin
    }

    /// The number of points.
    #[allow(clippy::len_without_is_empty)] // a grid is never empty
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of axes: d.
    pub fn dimension(&self) -> usize {
        self.shape.len()
    }

    /// The coordinates of a point, by its index.
    pub fn point(&self, mut index: usize) -> Vec<f64> {
        let mut point = vec![0.0; self.dimension()];
        for (k, x) in point.iter_mut().enumerate().rev() {
            let n = self.shape[k];
            *x = self.origin[k] + (index % n) as f64 * self.spacing[k];
            index /= n;
        }
        point
    }

    /// The coordinates along an axis.
    pub(crate) fn axis(&self, k: usize) -> Vec<f64> {
        let step = |i: usize| self.origin[k] + i as f64 * self.spacing[k];
        (0..self.shape[k]).map(step).collect()
    }

    /// The coordinates of the last point.
    pub(crate) fn last(&self) -> Vec<f64> {
        self.point(self.len() - 1)
    }
}

/// The points of a product of axes, n×d, the last axis fastest.
pub(crate) fn product(axes: &[&[f64]]) -> Vec<f64> {
    let n: usize = axes.iter().map(|axis| axis.len()).product();
    let mut points = vec![0.0; n * axes.len()];
    let mut repeats = n;
    for (k, axis) in axes.iter().enumerate() {
        repeats /= axis.len();
        for (index, point) in points.chunks_exact_mut(axes.len()).enumerate() {
            point[k] = axis[index / repeats % axis.len()];
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_the_product_of_the_axes() {
        let grid = Grid::new(&[2, 3, 4], &[1.0, 0.5, 0.25], &[0.0, -1.0, 7.0]).unwrap();
        let axes: Vec<_> = (0..3).map(|k| grid.axis(k)).collect();
        let points = product(&[&axes[0], &axes[1], &axes[2]]);
        for (index, point) in points.chunks_exact(3).enumerate() {
            assert_eq!(point, grid.point(index));
        }
        assert_eq!(grid.last(), [1.0, 0.0, 7.75]);
    }

    #[test]
    fn grids_that_are_none_are_refused() {
        let new =
            |shape: &[usize], spacing: &[f64], origin: &[f64]| Grid::new(shape, spacing, origin);
        assert!(matches!(
            new(&[], &[], &[]),
            Err(Error::Axes { axes: 0, .. })
        ));
        assert!(matches!(
            new(&[1; 4], &[1.0; 4], &[0.0; 4]),
            Err(Error::Axes { axes: 4, .. })
        ));
        assert!(matches!(
            new(&[3, 0], &[1.0; 2], &[0.0; 2]),
            Err(Error::EmptyCloud)
        ));
        assert!(matches!(
            new(&[3], &[1.0; 2], &[0.0]),
            Err(Error::Length { .. })
        ));
        assert!(matches!(
            new(&[3], &[0.0], &[0.0]),
            Err(Error::BadParameter { .. })
        ));
        assert!(matches!(
            new(&[3], &[1e308], &[1e308]),
            Err(Error::BadParameter { .. })
        ));
        assert!(matches!(
            new(&[usize::MAX, 2], &[1e-300; 2], &[0.0; 2]),
            Err(Error::Length { .. })
        ));
    }
}

//! Points in the types of other programs.

use crate::{Measure, Result};

/// Points that convert to a measure: the uniform probability on them. [`Measure::with_weights`] sets other weights.
///
/// | points | n×d as |
/// |---|---|
/// | `&[[f32; D]]`, `&[[f64; D]]`, and their `Vec`s | an array for each point |
/// | `(&[f32], d)`, `(&[f64], d)` | n d numbers, row-major, as [`Measure::uniform`] takes them |
/// | `ArrayView2<f32>`, `ArrayView2<f64>`, and `&Array2`s, with the feature `ndarray` | a row for each point, in any memory order |
///
/// ```
/// use haul::{IntoMeasure, Measure};
/// let triangle = [[0.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0]].into_measure()?;
/// assert_eq!(triangle, Measure::uniform(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2)?);
/// let numbers = [0.5_f64, 1.5, 2.5, 3.5];
/// let line = (&numbers[..], 1).into_measure()?.with_weights(&[1.0, 2.0, 2.0, 1.0])?;
/// assert_eq!((line.len(), line.mass()), (4, 6.0));
/// # Ok::<(), haul::Error>(())
/// ```
pub trait IntoMeasure {
    /// The uniform probability on the points: each weighs 1/n.
    ///
    /// # Errors
    ///
    /// Those of [`Measure::new`]: no points, no coordinates, or a coordinate that is not finite.
    fn into_measure(self) -> Result<Measure>;
}

impl<T: Copy + Into<f64>> IntoMeasure for (&[T], usize) {
    fn into_measure(self) -> Result<Measure> {
        let (points, dimension) = self;
        Measure::uniform(points, dimension)
    }
}

impl<T: Copy + Into<f64>, const D: usize> IntoMeasure for &[[T; D]] {
    fn into_measure(self) -> Result<Measure> {
        Measure::uniform(self.as_flattened(), D)
    }
}

impl<T: Copy + Into<f64>, const D: usize> IntoMeasure for &Vec<[T; D]> {
    fn into_measure(self) -> Result<Measure> {
        self.as_slice().into_measure()
    }
}

impl<T: Copy + Into<f64>, const D: usize, const N: usize> IntoMeasure for &[[T; D]; N] {
    fn into_measure(self) -> Result<Measure> {
        self.as_slice().into_measure()
    }
}

impl<T: Copy + Into<f64>, const D: usize, const N: usize> IntoMeasure for [[T; D]; N] {
    fn into_measure(self) -> Result<Measure> {
        self.as_slice().into_measure()
    }
}

#[cfg(feature = "ndarray")]
impl<T: Copy + Into<f64>> IntoMeasure for ndarray::ArrayView2<'_, T> {
    fn into_measure(self) -> Result<Measure> {
        let points: Vec<f64> = self.iter().map(|&x| x.into()).collect();
        Measure::uniform(&points, self.ncols())
    }
}

#[cfg(feature = "ndarray")]
impl<T: Copy + Into<f64>> IntoMeasure for &ndarray::Array2<T> {
    fn into_measure(self) -> Result<Measure> {
        self.view().into_measure()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn arrays_of_points_are_their_rows() {
        let points = vec![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.5]];
        let measure = Measure::uniform(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.5], 3).unwrap();
        assert_eq!((&points).into_measure().unwrap(), measure);
        assert_eq!(points[..].into_measure().unwrap(), measure);
        let flat = points.as_flattened();
        assert_eq!((flat, 3).into_measure().unwrap(), measure);
        assert_ne!((flat, 2).into_measure().unwrap(), measure);
    }

    #[test]
    fn what_is_no_cloud_is_refused() {
        let none: &[[f64; 3]] = &[];
        assert!(matches!(none.into_measure(), Err(Error::EmptyCloud)));
        let flat = [[0.0_f64; 0]; 3].into_measure();
        assert!(matches!(flat, Err(Error::ZeroDimension)));
        let ragged = (&[0.0_f32; 5][..], 2).into_measure();
        assert!(matches!(ragged, Err(Error::RaggedPoints { .. })));
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn views_are_read_by_rows_whatever_their_strides() {
        use ndarray::{Array2, s};
        let array = Array2::from_shape_fn((6, 4), |(i, k)| (10 * i + k) as f32);
        let rows = |points: &[f64], d| Measure::uniform(points, d).unwrap();
        let all: Vec<f64> = array.iter().map(|&x| f64::from(x)).collect();
        assert_eq!((&array).into_measure().unwrap(), rows(&all, 4));
        // Every second row from the end, and two of the columns.
        let part = array.slice(s![..;-2, 1..3]);
        let expected = rows(&[51.0, 52.0, 31.0, 32.0, 11.0, 12.0], 2);
        assert_eq!(part.into_measure().unwrap(), expected);
        // Columns as points.
        let turned = array.slice(s![..2, ..]).reversed_axes();
        let expected = rows(&[0.0, 10.0, 1.0, 11.0, 2.0, 12.0, 3.0, 13.0], 2);
        assert_eq!(turned.into_measure().unwrap(), expected);
        let none = Array2::<f64>::zeros((0, 3));
        assert!(matches!((&none).into_measure(), Err(Error::EmptyCloud)));
        let flat = Array2::<f64>::zeros((3, 0));
        assert!(matches!((&flat).into_measure(), Err(Error::ZeroDimension)));
    }
}

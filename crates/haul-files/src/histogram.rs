//! Masses on a regular grid as a file holds them, and the checks of their numbers.

use crate::{Cloud, Error, Placement, Result};
use std::path::Path;

/// Masses on the cells of a regular grid: a histogram, an image or a volume. Every mass is finite and at least
/// zero, and one is above zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Cells along each axis, one to three axes.
    pub shape: Vec<usize>,
    /// The mass of each cell, the last axis fastest; of an image row by row.
    pub masses: Vec<f64>,
    /// The side of a cell along each axis, if the file says so.
    pub spacing: Option<Vec<f64>>,
    /// Where the cells lie in space, of a volume that says so.
    pub placement: Option<Placement>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Contents {
    /// Points.
    Cloud(Cloud),
    /// Masses on a grid.
    Histogram(Histogram),
}

impl Contents {
    /// The cloud.
    ///
    /// # Errors
    /// [`Error::Grid`] for a histogram.
    pub(crate) fn into_cloud(self, file: &Path) -> Result<Cloud> {
        match self {
            Self::Cloud(cloud) => Ok(cloud),
            Self::Histogram(_) => Err(Error::Grid { file: file.into() }),
        }
    }
}

/// The most axes of a grid.
const MOST_AXES: usize = 3;

impl Histogram {
    /// Checks the values of an array that errors call by `name`. If `invert`, the mass of a cell is the largest
    /// value minus its own.
    pub(crate) fn of_array(
        file: &Path,
        name: &str,
        shape: Vec<usize>,
        mut values: Vec<f64>,
        invert: bool,
    ) -> Result<Self> {
        if !(1..=MOST_AXES).contains(&shape.len()) {
            return Err(Error::Axes {
                file: file.into(),
                name: name.into(),
                shape,
            });
        }
        check(file, &shape, &values)?;
        if invert {
            let most = values.iter().copied().fold(0.0, f64::max);
            for value in &mut values {
                *value = most - *value;
            }
        }
        Self::with_mass(file, shape, values)
    }

    /// Refuses masses that are all zero.
    pub(crate) fn with_mass(file: &Path, shape: Vec<usize>, masses: Vec<f64>) -> Result<Self> {
        if masses.is_empty() {
            return Err(Error::Empty { file: file.into() });
        }
        if masses.iter().all(|mass| *mass == 0.0) {
            return Err(Error::NoMass { file: file.into() });
        }
        Ok(Self {
            shape,
            masses,
            spacing: None,
            placement: None,
        })
    }
}

/// Refuses values that are not masses.
fn check(file: &Path, shape: &[usize], values: &[f64]) -> Result<()> {
    let wrong = |value: &f64| !(value.is_finite() && *value >= 0.0);
    match values.iter().position(wrong) {
        None => Ok(()),
        Some(at) => Err(Error::BadCell {
            file: file.into(),
            cell: cell(shape, at),
            value: values[at],
            cells: values.iter().filter(|value| wrong(value)).count(),
            of: values.len(),
        }),
    }
}

/// The indices of a cell along each axis, from its place in the array.
fn cell(shape: &[usize], mut place: usize) -> Vec<usize> {
    let mut cell: Vec<usize> = shape
        .iter()
        .rev()
        .map(|n| {
            let index = place % n;
            place /= n;
            index
        })
        .collect();
    cell.reverse();
    cell
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(shape: &[usize], values: &[f64], invert: bool) -> Result<Histogram> {
        let (file, shape) = (Path::new("a.npy"), shape.to_vec());
        Histogram::of_array(file, "of masses", shape, values.to_vec(), invert)
    }

    #[test]
    fn masses_are_the_values_or_what_they_lack_of_the_largest() {
        let plain = of(&[2, 2], &[0.0, 1.0, 4.0, 3.0], false).unwrap();
        assert_eq!(
            (&*plain.shape, &*plain.masses),
            (&[2, 2][..], &[0.0, 1.0, 4.0, 3.0][..])
        );
        assert_eq!(
            of(&[4], &[0.0, 1.0, 4.0, 3.0], true).unwrap().masses,
            [4.0, 3.0, 0.0, 1.0]
        );
    }

    #[test]
    fn values_that_are_no_masses_are_told_by_their_cell() {
        let told = |shape: &[usize], values: &[f64], invert| {
            of(shape, values, invert).unwrap_err().to_string()
        };
        let negative = told(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, -1.0], false);
        assert!(negative.contains("cell [1, 2] is -1"), "{negative}");
        let several = told(&[3], &[f64::NAN, 1.0, -2.0], false);
        assert!(
            several.contains("cell [0] is NaN") && several.contains("2 of 3"),
            "{several}"
        );
        assert!(told(&[2], &[0.0, 0.0], false).contains("0 in every cell"));
        assert!(told(&[2], &[5.0, 5.0], true).contains("0 in every cell"));
        assert!(told(&[0, 3], &[], false).contains("holds no rows"));
        assert!(
            told(&[1; 4], &[1.0], false).contains("four")
                || told(&[1; 4], &[1.0], false).contains("[1, 1, 1, 1]")
        );
    }
}

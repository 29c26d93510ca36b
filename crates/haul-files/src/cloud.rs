//! A cloud as a file holds it, and what must hold of its numbers.

use crate::{Error, Result, columns::Names};
use std::path::Path;

/// A cloud as a file holds it: every coordinate and weight is finite, every weight is at least
/// zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Cloud {
    /// Coordinates, row-major `n × dimension`, in the file's own units; `n ≥ 1`.
    pub points: Vec<f64>,
    /// Coordinates per point, at least 1.
    pub dimension: usize,
    /// The mass of each point (`n`), if the file gives it.
    pub weights: Option<Vec<f64>>,
}

impl Cloud {
    /// Refuses what a cloud must not be; columns are called by their `names`, as far as these are given.
    pub(crate) fn checked(self, file: &Path, names: Names) -> Result<Self> {
        if self.points.is_empty() {
            return Err(Error::Empty { file: file.into() });
        }
        if let Some(at) = self.points.iter().position(|value| !value.is_finite()) {
            let (row, column) = (at / self.dimension, at % self.dimension);
            return Err(Error::NotFinite {
                file: file.into(),
                row: row + 1,
                column: (names.coordinates.get(column).cloned())
                    .unwrap_or_else(|| column_name(column, self.dimension)),
                value: self.points[at],
            });
        }
        if let Some(weights) = &self.weights {
            let points = self.points.len() / self.dimension;
            if weights.len() != points {
                return Err(Error::WeightCount {
                    file: file.into(),
                    points,
                    weights: weights.len(),
                });
            }
            check_weights(file, weights, names.weight.as_deref())?;
        }
        Ok(self)
    }
}

/// Refuses weights that are no masses, which messages call by this `name`.
pub(crate) fn check_weights(file: &Path, weights: &[f64], name: Option<&str>) -> Result<()> {
    let (file, column) = (|| file.into(), || name.unwrap_or("weight").into());
    if weights.is_empty() {
        return Err(Error::Empty { file: file() });
    }
    for (row, &value) in (1..).zip(weights) {
        if !value.is_finite() {
            return Err(Error::NotFinite {
                file: file(),
                row,
                column: column(),
                value,
            });
        }
        if value < 0.0 {
            return Err(Error::NegativeWeight {
                file: file(),
                row,
                column: column(),
                value,
            });
        }
    }
    Ok(())
}

/// What a person calls a coordinate: x, y, z as far as these go, and otherwise its number counted
/// from 1.
pub(crate) fn column_name(column: usize, dimension: usize) -> String {
    match ["x", "y", "z"].get(column) {
        Some(axis) if dimension <= 3 => (*axis).into(),
        _ => (column + 1).to_string(),
    }
}

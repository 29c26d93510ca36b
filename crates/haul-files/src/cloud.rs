//! A cloud as a file holds it, and the checks of its numbers.

use crate::{Error, Labels, Result};
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
    /// The names of the coordinates (`dimension` of them), if the file names its columns. A `.ply` does, and its
    /// fields; an array of numbers does not.
    pub names: Option<Vec<String>>,
    /// The columns of labels that were asked for, in that order, each with a label for every point.
    pub labels: Vec<Labels>,
}

/// Refuses weights that are not finite or below zero; messages call them by this `name`.
pub(crate) fn check_weights(file: &Path, weights: &[f64], name: Option<&str>) -> Result<()> {
    let name = name.unwrap_or("weight");
    if weights.is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    for (at, &value) in weights.iter().enumerate() {
        if !value.is_finite() {
            return Err(not_finite(file, weights, at, name, value.to_string()));
        }
        if value < 0.0 {
            return Err(Error::NegativeWeight {
                file: file.into(),
                row: at + 1,
                column: name.into(),
                value,
            });
        }
    }
    Ok(())
}

/// The error for a column in which a number is missing or infinite.
pub(crate) fn not_finite(file: &Path, all: &[f64], at: usize, name: &str, value: String) -> Error {
    Error::NotFinite {
        file: file.into(),
        row: at + 1,
        column: name.into(),
        value,
        rows: all.iter().filter(|value| !value.is_finite()).count(),
        of: all.len(),
    }
}

/// The name of a coordinate in messages: x, y or z up to three dimensions, otherwise its number counted
/// from 1.
pub(crate) fn column_name(column: usize, dimension: usize) -> String {
    match ["x", "y", "z"].get(column) {
        Some(axis) if dimension <= 3 => (*axis).into(),
        _ => (column + 1).to_string(),
    }
}

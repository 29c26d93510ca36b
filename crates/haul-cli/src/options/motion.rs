//! Affine maps as options: scale, turns, shift, matrix.

use super::number::number;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use haul::Transform;
use haul_files as formats;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A map of the points, in this order: scale, turns, shift, matrix.
#[derive(Debug, Args)]
pub(crate) struct Motion {
    /// Multiply all coordinates by this, as by 0.001 from mm to m
    #[arg(long, value_name = "s", allow_negative_numbers = true, value_parser = number)]
    scale: Option<f64>,

    /// Turn about the origin, after --scale: in the plane by degrees, counterclockwise, as 30; in space about an
    /// axis, as z:30. Given more than once, one turn after the other
    #[arg(long, value_name = "AXIS:DEGREES", allow_negative_numbers = true)]
    rotate: Vec<Turn>,

    /// Add this to the points, after --rotate: a number for each axis, as 0,-1.5,2
    #[arg(long, value_name = "X,Y,…", value_delimiter = ',', allow_hyphen_values = true, value_parser = number)]
    translate: Vec<f64>,

    /// Apply the matrix of this file, after the others: (d+1) lines of (d+1) numbers, as haul align writes it, or a .npy
    #[arg(long, value_name = "F")]
    matrix: Option<PathBuf>,
}

/// A turn about an axis, or in the plane.
#[derive(Debug, Clone, Copy)]
struct Turn {
    axis: Option<Axis>,
    degrees: f64,
}

#[derive(Debug, Clone, Copy)]
enum Axis {
    X,
    Y,
    Z,
}

impl FromStr for Turn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let advice = "write degrees such as 30, or in space an axis and degrees such as z:30";
        let (axis, degrees) = match text.split_once(':') {
            None => (None, text),
            Some((axis, degrees)) => {
                let axis = match axis {
                    "x" | "X" => Axis::X,
                    "y" | "Y" => Axis::Y,
                    "z" | "Z" => Axis::Z,
                    _ => return Err(advice),
                };
                (Some(axis), degrees)
            }
        };
        let degrees = degrees.parse::<f64>().ok().filter(|it| it.is_finite());
        let degrees = degrees.ok_or(advice)?;
        Ok(Self { axis, degrees })
    }
}

impl Motion {
    /// The input file.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.matrix.as_deref()
    }

    /// The map of points of this dimension; `None` if no option gives one.
    ///
    /// # Errors
    ///
    /// Options for points of another dimension, and a matrix that cannot be read.
    pub(crate) fn transform(&self, dimension: usize) -> Result<Option<Transform>> {
        let mut parts = Vec::new();
        if let Some(scale) = self.scale {
            if scale == 0.0 {
                bail!("--scale is 0; it must be another number");
            }
            parts.push(Transform::scaling(scale, dimension).context("--scale")?);
        }
        for turn in &self.rotate {
            parts.push(turn.transform(dimension)?);
        }
        if !self.translate.is_empty() {
            let found = self.translate.len();
            if found != dimension {
                bail!(
                    "--translate has {found} numbers for points of dimension {dimension}; give one for each axis"
                );
            }
            parts.push(Transform::translation(&self.translate).context("--translate")?);
        }
        if let Some(file) = &self.matrix {
            parts.push(transform_from(file, dimension)?);
        }
        let mut parts = parts.into_iter();
        let first = parts.next().map(Ok);
        let all = first.map(|first| parts.fold(first, |map, next| map?.then(&next)));
        Ok(all.transpose()?)
    }
}

impl Turn {
    fn transform(self, dimension: usize) -> Result<Transform> {
        let axes = match (dimension, self.axis) {
            (2, None) => (0, 1),
            (3, Some(Axis::X)) => (1, 2),
            (3, Some(Axis::Y)) => (2, 0),
            (3, Some(Axis::Z)) => (0, 1),
            (2, Some(_)) => bail!(
                "--rotate has an axis, and the points are in the plane; write degrees such as 30"
            ),
            (3, None) => {
                bail!("--rotate has no axis, and the points are in space; write x:30, y:30 or z:30")
            }
            _ => bail!(
                "--rotate is for points of dimension 2 or 3, and these have {dimension}; give a --matrix"
            ),
        };
        Ok(Transform::rotation(
            dimension,
            axes,
            self.degrees.to_radians(),
        )?)
    }
}

/// Reads the map from the matrix in a file.
///
/// # Errors
///
/// Those of the file, and a matrix that is not (d+1)×(d+1) with the last row 0 … 0 1.
pub(crate) fn transform_from(file: &Path, dimension: usize) -> Result<Transform> {
    let (matrix, rows) = formats::read_matrix(file)?;
    let wanted = dimension + 1;
    if rows != wanted {
        return Err(anyhow!(
            "{}: a matrix of {rows}×{rows} for points of dimension {dimension}; give one of {wanted}×{wanted}",
            file.display()
        ));
    }
    Transform::new(matrix, dimension).map_err(|error| anyhow!("{}: {error}", file.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn motion(scale: Option<f64>, rotate: &[&str], translate: &[f64]) -> Motion {
        Motion {
            scale,
            rotate: rotate.iter().map(|turn| turn.parse().unwrap()).collect(),
            translate: translate.to_vec(),
            matrix: None,
        }
    }

    #[test]
    fn parts_apply_in_the_order_that_is_told() {
        let image = |motion: &Motion, point: &[f64]| {
            motion
                .transform(point.len())
                .unwrap()
                .unwrap()
                .apply(point)
                .unwrap()
        };
        let near = |found: Vec<f64>, expected: &[f64]| {
            assert!(
                found
                    .iter()
                    .zip(expected)
                    .all(|(x, y)| (x - y).abs() < 1e-15),
                "{found:?}"
            );
        };
        near(
            image(&motion(Some(2.0), &["90"], &[1.0, 0.0]), &[1.0, 0.0]),
            &[1.0, 2.0],
        );
        let turns = ["x:90", "z:90"];
        near(
            image(&motion(None, &turns, &[]), &[0.0, 1.0, 0.0]),
            &[0.0, 0.0, 1.0],
        );
        let turns = ["z:90", "x:90"];
        near(
            image(&motion(None, &turns, &[]), &[0.0, 1.0, 0.0]),
            &[-1.0, 0.0, 0.0],
        );
        near(
            image(&motion(None, &["y:-90"], &[]), &[1.0, 0.0, 0.0]),
            &[0.0, 0.0, 1.0],
        );
        assert!(motion(None, &[], &[]).transform(3).unwrap().is_none());
    }

    #[test]
    fn what_is_for_other_points_is_refused() {
        for (motion, d, told) in [
            (motion(None, &["30"], &[]), 3, "write x:30, y:30 or z:30"),
            (motion(None, &["z:30"], &[]), 2, "write degrees such as 30"),
            (motion(None, &["30"], &[]), 5, "give a --matrix"),
            (
                motion(None, &[], &[1.0, 2.0]),
                3,
                "--translate has 2 numbers for points of dimension 3",
            ),
            (motion(Some(0.0), &[], &[]), 3, "--scale is 0"),
        ] {
            let error = motion.transform(d).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        for text in ["w:30", "z:", "z:inf", "thirty", "z30"] {
            assert!(text.parse::<Turn>().is_err(), "{text}");
        }
    }
}

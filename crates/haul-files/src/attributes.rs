//! Attributes written beside the coordinates of points: a number for each, a colour for each, and normals that turn with them.

use crate::{Error, Result, columns::DISPLACEMENT};
use std::path::Path;

/// Attributes to write beside the coordinates of n points. The default adds nothing and leaves normals unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a> {
    /// The displacement of each point: n numbers, the property `displacement` of a `.ply`, the column of a `.csv`, the array of
    /// an `.npz`.
    pub displacement: Option<&'a [f64]>,
    /// The colour of each point, n of red, green and blue: the properties `red`, `green` and `blue` of type `uchar`, the
    /// columns of these names, or the array `colors`.
    pub colours: Option<&'a [[u8; 3]]>,
    /// The d×d matrix, row-major, that multiplies normals: the inverse transpose of the matrix that moves the points. Normals
    /// keep their length. They are the source's `nx`, `ny` and `nz`, as many of these as there are coordinates.
    pub normals: Option<&'a [f64]>,
    /// The names of the coordinates in the header of a `.csv`, which keeps those that its source has anyway. By default
    /// they are x, y and z, or x1, x2 and so on.
    pub names: Option<&'a [String]>,
}

/// Names of normals.
pub(crate) const NORMALS: [&str; 3] = ["nx", "ny", "nz"];

/// Names of colours.
const CHANNELS: [&str; 3] = ["red", "green", "blue"];

/// One number for each point, with its name.
#[derive(Clone, Copy)]
pub(crate) struct Extra<'a> {
    pub(crate) name: &'static str,
    values: Values<'a>,
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Numbers(&'a [f64]),
    Channel(&'a [[u8; 3]], usize),
}

impl<'a> Attributes<'a> {
    /// Refuses attributes that do not match n points of dimension d.
    pub(crate) fn check(&self, file: &Path, n: usize, d: usize) -> Result<()> {
        let lengths = [
            (DISPLACEMENT, self.displacement.map(<[_]>::len), n),
            ("colors", self.colours.map(<[_]>::len), n),
            ("normals", self.normals.map(<[_]>::len), d * d),
            ("names", self.names.map(<[_]>::len), d),
        ];
        for (name, found, wanted) in lengths {
            if let Some(found) = found.filter(|found| *found != wanted) {
                return Err(Error::Shape {
                    file: file.into(),
                    name: name.into(),
                    shape: vec![found as u64],
                    wanted: "one entry for each point, d×d for normals, and d for names",
                });
            }
        }
        Ok(())
    }

    /// The columns to write.
    pub(crate) fn extras(&self) -> Vec<Extra<'a>> {
        let numbers = self.displacement.map(|values| Extra {
            name: DISPLACEMENT,
            values: Values::Numbers(values),
        });
        let channels = self.colours.into_iter().flat_map(|colours| {
            let channels = CHANNELS.into_iter().enumerate();
            channels.map(move |(k, name)| Extra {
                name,
                values: Values::Channel(colours, k),
            })
        });
        numbers.into_iter().chain(channels).collect()
    }

    /// A description of what must be written; `None` if there is nothing.
    pub(crate) fn what(&self) -> Option<&'static str> {
        match (self.displacement, self.colours) {
            (_, Some(_)) => Some("colours"),
            (Some(_), None) => Some("a number for each point"),
            (None, None) => None,
        }
    }

    /// A turned normal.
    pub(crate) fn turned(&self, normal: &[f64]) -> Option<Vec<f64>> {
        let matrix = self.normals?;
        let rows = matrix.chunks_exact(normal.len());
        let turned: Vec<f64> = rows
            .map(|row| row.iter().zip(normal).map(|(a, x)| a * x).sum())
            .collect();
        let length = |vector: &[f64]| vector.iter().fold(0.0_f64, |length, x| length.hypot(*x));
        let (before, after) = (length(normal), length(&turned));
        let factor = if after > 0.0 { before / after } else { 1.0 };
        Some(turned.into_iter().map(|x| factor * x).collect())
    }
}

impl Extra<'_> {
    /// Whether the number is an integer from 0 to 255.
    pub(crate) fn is_byte(&self) -> bool {
        matches!(self.values, Values::Channel(..))
    }

    /// The value of a point.
    pub(crate) fn at(&self, row: usize) -> f64 {
        match self.values {
            Values::Numbers(values) => values.get(row).copied().unwrap_or(f64::NAN),
            Values::Channel(colours, k) => colours.get(row).map_or(f64::NAN, |it| f64::from(it[k])),
        }
    }

    /// The value of a point as text.
    pub(crate) fn text(&self, row: usize) -> String {
        match self.is_byte() {
            true => self.at(row).to_string(),
            false => format!("{:?}", self.at(row)),
        }
    }
}

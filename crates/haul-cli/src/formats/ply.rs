//! Stanford's `.ply`: the element `vertex` with properties x, y, z (as many of them as the cloud has dimensions) and
//! perhaps `weight`, in ascii or binary of either byte order. Other properties and elements are stepped over.
//!
//! Reading is `serde-ply`'s: row after row without reserving what the header claims. (`ply-rs-bw` meets neither NaN nor
//! `.5` in ascii, so that it could not say which row is at fault.)

use super::{CloudFile, FormatError, Result};
use serde::{
    Deserialize,
    de::{Deserialize as Row, MapAccess},
};
use serde_ply::{DeserializeError, PlyFormat, PlyReader, PropertyType, RowVisitor};
use std::{
    io::{self, Write},
    path::Path,
};

const AXES: [&str; 3] = ["x", "y", "z"];

#[derive(Deserialize)]
struct Vertex {
    x: f64,
    #[serde(default)]
    y: f64,
    #[serde(default)]
    z: f64,
    #[serde(default)]
    weight: f64,
}

/// A row of an element that is stepped over.
#[derive(Deserialize)]
struct Other {}

/// Reads the vertices.
pub(super) fn read(file: &Path, mut bytes: Vec<u8>) -> Result<CloudFile> {
    let malformed = |place: String, error: DeserializeError| FormatError::Malformed {
        file: file.into(),
        place,
        reason: error.0.to_string(),
        format: ".ply",
    };
    let header = |error| malformed("header".into(), error);
    if PlyReader::from_reader(&*bytes).map_err(header)?.header().format == PlyFormat::Ascii {
        // The reader takes a number to end at white space, which the last one of a file may lack.
        bytes.push(b'\n');
    }
    let mut reader = PlyReader::from_reader(&*bytes).map_err(header)?;
    while let Some(element) = reader.current_element() {
        let (name, promised) = (element.name.clone(), element.count as u64);
        if name == "vertex" {
            let has = |name| {
                let property = element.get_property(name);
                property.is_some_and(|property| matches!(property.property_type, PropertyType::Scalar(_)))
            };
            let dimension = AXES.iter().take_while(|axis| has(axis)).count();
            if dimension == 0 || AXES.iter().skip(dimension).any(|axis| has(axis)) {
                return Err(FormatError::Missing {
                    file: file.into(),
                    wanted: "properties x, y, z of element vertex",
                    found: element.properties.iter().map(|property| property.name.clone()).collect(),
                });
            }
            let weighted = has("weight");
            let (mut points, mut weights) = (Vec::new(), Vec::new());
            let end = rows(&mut reader, |Vertex { x, y, z, weight }| {
                points.extend([x, y, z].iter().take(dimension));
                weights.push(weight);
            });
            return match end {
                Ok(()) => Ok(CloudFile {
                    points,
                    dimension,
                    weights: weighted.then_some(weights),
                }),
                Err(error) if error.0.kind() == io::ErrorKind::UnexpectedEof => Err(FormatError::Truncated {
                    file: file.into(),
                    what: "vertices",
                    promised,
                    found: weights.len() as u64,
                }),
                Err(error) => Err(malformed(format!("row {}", weights.len() + 1), error)),
            };
        }
        // Rows without properties take no bytes: no end of file would stop a header that claims too many.
        if !element.properties.is_empty() {
            rows(&mut reader, |_: Other| {}).map_err(|error| malformed(format!("element {name}"), error))?;
        } else if promised > 0 {
            return Err(malformed(
                format!("element {name}"),
                io::Error::other("has rows but no properties").into(),
            ));
        } else {
            rows(&mut reader, |_: Other| {}).map_err(header)?;
        }
    }
    let elements = reader.header().elem_defs.iter();
    Err(FormatError::Missing {
        file: file.into(),
        wanted: "element vertex",
        found: elements.map(|element| element.name.clone()).collect(),
    })
}

/// Hands the rows of the reader's current element to `take`, which sees all that precede an error.
fn rows<T: for<'de> Row<'de>>(
    mut reader: &mut PlyReader<&[u8]>,
    take: impl FnMut(T),
) -> std::result::Result<(), DeserializeError> {
    reader.next_value_seed(&mut RowVisitor::new(take))
}

/// Writes little-endian float64.
pub(super) fn write(out: &mut impl Write, points: &[f64], dimension: usize, weights: Option<&[f64]>) -> io::Result<()> {
    let rows = points.chunks_exact(dimension);
    writeln!(out, "ply\nformat binary_little_endian 1.0\nelement vertex {}", rows.len())?;
    for property in AXES.iter().take(dimension).chain(weights.map(|_| &"weight")) {
        writeln!(out, "property double {property}")?;
    }
    writeln!(out, "end_header")?;
    let mut weights = weights.into_iter().flatten();
    for row in rows {
        for value in row.iter().chain(weights.next()) {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}

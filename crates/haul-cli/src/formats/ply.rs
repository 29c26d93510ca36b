//! Stanford's `.ply`: the element `vertex` with properties x, y, z (as many of them as the cloud
//! has dimensions) and perhaps `weight`, in ascii or binary of either byte order. Other properties
//! and elements are stepped over.
//!
//! Reading is `serde-ply`'s: row after row without reserving what the header claims. (`ply-rs-bw`
//! meets neither NaN nor `.5` in ascii, so that it could not say which row is at fault.)

use super::{CloudFile, FormatError, Result};
use serde::{
    Deserialize,
    de::{Deserialize as Row, MapAccess},
};
use serde_ply::{DeserializeError, ElementDef, PlyFormat, PlyReader, PropertyType, RowVisitor};
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
    let header = |error| malformed(file, "header".into(), error);
    if PlyReader::from_reader(&*bytes)
        .map_err(header)?
        .header()
        .format
        == PlyFormat::Ascii
    {
        // The reader takes a number to end at white space, which the last one of a file may lack.
        bytes.push(b'\n');
    }
    let mut reader = PlyReader::from_reader(&*bytes).map_err(header)?;
    while let Some(element) = reader.current_element().cloned() {
        if element.name == "vertex" {
            return vertices(file, reader, &element);
        }
        // Rows without properties take no bytes: no end of file would stop a header that claims too
        // many.
        let skipped = if element.properties.is_empty() && element.count > 0 {
            Err(io::Error::other("has rows but no properties").into())
        } else {
            rows(&mut reader, |_: Other| {})
        };
        skipped.map_err(|error| malformed(file, format!("element {}", element.name), error))?;
    }
    let elements = reader.header().elem_defs.iter();
    Err(FormatError::Missing {
        file: file.into(),
        wanted: "element vertex",
        found: elements.map(|element| element.name.clone()).collect(),
    })
}

fn vertices(file: &Path, mut reader: PlyReader<&[u8]>, element: &ElementDef) -> Result<CloudFile> {
    let has = |name| {
        element
            .get_property(name)
            .is_some_and(|property| matches!(property.property_type, PropertyType::Scalar(_)))
    };
    let dimension = AXES.iter().take_while(|axis| has(axis)).count();
    if dimension == 0 || AXES.iter().skip(dimension).any(|axis| has(axis)) {
        return Err(FormatError::Missing {
            file: file.into(),
            wanted: "properties x, y, z of element vertex",
            found: element
                .properties
                .iter()
                .map(|property| property.name.clone())
                .collect(),
        });
    }
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    let end = rows(&mut reader, |Vertex { x, y, z, weight }| {
        points.extend([x, y, z].iter().take(dimension));
        weights.push(weight);
    });
    match end {
        Ok(()) => Ok(CloudFile {
            points,
            dimension,
            weights: has("weight").then_some(weights),
        }),
        Err(error) if error.0.kind() == io::ErrorKind::UnexpectedEof => {
            Err(FormatError::Truncated {
                file: file.into(),
                what: "vertices",
                promised: element.count as u64,
                found: weights.len() as u64,
            })
        }
        Err(error) => Err(malformed(file, format!("row {}", weights.len() + 1), error)),
    }
}

fn malformed(file: &Path, place: String, error: DeserializeError) -> FormatError {
    FormatError::malformed(file, &place, error.0, ".ply")
}

/// Hands the rows of the reader's current element to `take`, which sees all that precede an error.
fn rows<T: for<'de> Row<'de>>(
    mut reader: &mut PlyReader<&[u8]>,
    take: impl FnMut(T),
) -> std::result::Result<(), DeserializeError> {
    reader.next_value_seed(&mut RowVisitor::new(take))
}

/// Writes little-endian float64.
pub(super) fn write(
    out: &mut impl Write,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
) -> io::Result<()> {
    let rows = points.chunks_exact(dimension);
    writeln!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}",
        rows.len()
    )?;
    for property in AXES
        .iter()
        .take(dimension)
        .chain(weights.map(|_| &"weight"))
    {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{message, mutilate, parse};

    const MESH: &str = "ply\ncomment by hand\nelement camera 1\nproperty list uchar int view\nelement vertex 3\n\
        property uchar red\nproperty float x\nproperty double y\nproperty list uchar float more\nproperty short z\n\
        property float weight\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

    fn mesh(format: &str) -> String {
        MESH.replace("ply\n", &format!("ply\nformat {format} 1.0\n"))
    }

    fn ascii() -> Vec<u8> {
        let rows = "2 7 8\n255 0.5 1 0 -1 0.25\n0 .5 2e3 2 9 9 3 0\n1 +1. 4 1 9 5 1\n3 0 1 2\n";
        (mesh("ascii") + rows).into_bytes()
    }

    /// The same mesh in binary; `bytes!` picks the byte order.
    macro_rules! binary {
        ($format:literal, $bytes:ident) => {{
            let mut bytes = mesh($format).into_bytes();
            bytes.push(2);
            bytes.extend([7_i32.$bytes(), 8_i32.$bytes()].concat());
            for (red, x, y, more, z, weight) in [
                (255_u8, 0.5_f32, 1.0_f64, &[][..], -1_i16, 0.25_f32),
                (0, 0.5, 2e3, &[9.0_f32, 9.0], 3, 0.0),
                (1, 1.0, 4.0, &[9.0], 5, 1.0),
            ] {
                bytes.push(red);
                bytes.extend(x.$bytes());
                bytes.extend(y.$bytes());
                bytes.push(more.len() as u8);
                bytes.extend(more.iter().flat_map(|value| value.$bytes()));
                bytes.extend(z.$bytes());
                bytes.extend(weight.$bytes());
            }
            bytes.extend([3, 0, 0]);
            bytes
        }};
    }

    #[test]
    fn other_properties_lists_and_elements_are_stepped_over_in_every_encoding() {
        for bytes in [
            ascii(),
            String::from_utf8(ascii())
                .unwrap()
                .replace('\n', "\r\n")
                .into_bytes(),
            binary!("binary_little_endian", to_le_bytes),
            binary!("binary_big_endian", to_be_bytes),
        ] {
            let cloud = parse("a.ply", &bytes).unwrap();
            assert_eq!(cloud.points, [0.5, 1.0, -1.0, 0.5, 2e3, 3.0, 1.0, 4.0, 5.0]);
            assert_eq!(cloud.weights.unwrap(), [0.25, 0.0, 1.0]);
        }
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.ply", &ascii());
        mutilate("a.ply", &binary!("binary_big_endian", to_be_bytes));
    }

    fn vertices(count: &str, properties: &[&str], rows: &str) -> Vec<u8> {
        let properties: String = properties
            .iter()
            .map(|name| format!("property float {name}\n"))
            .collect();
        format!("ply\nformat ascii 1.0\nelement vertex {count}\n{properties}end_header\n{rows}")
            .into_bytes()
    }

    #[test]
    fn the_axes_that_are_there_make_the_dimension() {
        for (properties, points) in [
            (&["x"][..], 1),
            (&["x", "y"], 2),
            (&["y", "x", "weight"], 2),
        ] {
            let cloud = parse("a.ply", &vertices("1", properties, "1 1 1")).unwrap();
            assert_eq!(cloud.points, vec![1.0; points]);
        }
        assert_eq!(
            message("a.ply", &vertices("1", &["x", "z"], "1 1")),
            "a.ply: has no properties x, y, z of element vertex among [\"x\", \"z\"]; add it or rename the one that \
             is meant"
        );
    }

    #[test]
    fn errors_name_the_row_and_the_remedy() {
        let xy = ["x", "y"];
        assert_eq!(
            message("a.ply", &vertices("2", &xy, "1 1\n1 nan\n")),
            "a.ply: row 2, column y is NaN; remove the row or give it a finite value"
        );
        assert_eq!(
            message("a.ply", &vertices("2", &["x", "weight"], "1 1\n1 -2\n")),
            "a.ply: row 2, column weight is -2; a weight is a mass: give it zero or a positive value"
        );
        assert_eq!(
            message("a.ply", &vertices("5", &xy, "1 1\n1 2\n3")),
            "a.ply: the header promises 5 vertices but only 2 are there; the file is cut short or its header wrong: \
             copy or export it again"
        );
        assert_eq!(
            message("a.ply", &vertices("2", &xy, "1 1\n1 one\n")),
            "a.ply: row 2: Failed to parse f32 from ASCII; export the file again as .ply"
        );
        assert_eq!(
            message(
                "a.ply",
                b"ply\nformat ascii 1.0\nelement face 0\nend_header\n"
            ),
            "a.ply: has no element vertex among [\"face\"]; add it or rename the one that is meant"
        );
        assert!(message("a.ply", &vertices("0", &xy, "")).contains("holds no rows"));
    }

    #[test]
    fn a_header_that_lies_about_counts_reserves_nothing_and_ends() {
        let count = usize::MAX.to_string();
        assert!(message("a.ply", &vertices(&count, &["x"], "1 2")).contains("only 2 are there"));
        let empty = format!(
            "ply\nformat ascii 1.0\nelement nothing {count}\nelement vertex 1\nend_header\n"
        );
        assert!(message("a.ply", empty.as_bytes()).contains("has rows but no properties"));
        let list = b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uint double l\n\
            property float x\nend_header\n\xff\xff\xff\xff";
        assert!(message("a.ply", list).contains("only 0 are there"));
        let binary = b"ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty double x\nend_header\n";
        assert!(message("a.ply", binary).contains("promises 4000000000 vertices but only 0"));
    }
}

//! Stanford's `.ply`: the element `vertex` with properties x, y, z (as many of them as the cloud has dimensions) and perhaps
//! `weight`, or with others that are selected, in ascii or binary of either byte order. Other properties and elements are
//! skipped in reading, and kept when vertices are moved (`moved`). In ascii a row is a line; the rows must match the header to
//! the last byte.
//!
//! `serde-ply` parses the header. The rows are read here (`rows`): to copy a property unchanged needs its bytes, which no
//! library returns.

mod faces;
mod header;
mod moved;
mod rows;

pub(crate) use faces::read as read_mesh;
pub(crate) use moved::write_moved;

use crate::{
    Cloud, Columns, Error, Result,
    attributes::Extra,
    columns::Table,
    source::{Stream, room},
};
use header::Header;
use rows::Part;
use serde_ply::{PlyFormat, ScalarType};
use std::{
    io::{self, Write},
    path::Path,
};

const AXES: [&str; 3] = ["x", "y", "z"];

/// Reads the vertices.
pub(crate) fn read(file: &Path, stream: &mut Stream, columns: &Columns) -> Result<Cloud> {
    let header = Header::read(file, &mut stream.reader, columns)?;
    let vertex = header.vertex();
    let count = stream.holds(vertex.count as u64, rows::least_bytes(&header, vertex));
    let width = header.names.len();
    let mut table = Table::new(file, &header.columns, Some(header.names.clone()));
    table.choose(width)?;
    table.reserve(|values| room(file, values), count)?;
    rows::walk(file, &header, &mut stream.reader, |part| match part {
        Part::Vertex(_, row) => table.push(width, |column| row.field(&header, column)),
        Part::Other(..) => Ok(()),
    })?;
    table.finish()
}

fn malformed(file: &Path, place: &str, reason: io::Error) -> Error {
    Error::broken(file, place, reason, ".ply")
}

/// Writes corners in little-endian float32, and triangles.
pub(crate) fn write_mesh(
    out: &mut dyn Write,
    corners: &[[f64; 3]],
    triangles: &[[u32; 3]],
) -> io::Result<()> {
    writeln!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}",
        corners.len()
    )?;
    for axis in AXES {
        writeln!(out, "property float {axis}")?;
    }
    writeln!(out, "{}\nend_header", faces_of(triangles.len()))?;
    for coordinate in corners.iter().flatten() {
        out.write_all(&(*coordinate as f32).to_le_bytes())?;
    }
    triangles.iter().try_for_each(|it| write_face(out, it))
}

/// The lines of a header about triangles.
fn faces_of(count: usize) -> String {
    format!("element face {count}\nproperty list uchar uint vertex_indices")
}

fn write_face(out: &mut dyn Write, triangle: &[u32; 3]) -> io::Result<()> {
    out.write_all(&[3])?;
    let mut corners = triangle.iter();
    corners.try_for_each(|corner| out.write_all(&corner.to_le_bytes()))
}

/// Writes points of this dimension in little-endian float64, with what is beside them, and triangles of them.
pub(crate) fn write(
    out: &mut dyn Write,
    (points, dimension): (&[f64], usize),
    (weights, extras): (Option<&[f64]>, &[Extra]),
    triangles: &[[usize; 3]],
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
    for extra in extras {
        writeln!(out, "{}", property(extra))?;
    }
    if !triangles.is_empty() {
        writeln!(out, "{}", faces_of(triangles.len()))?;
    }
    writeln!(out, "end_header")?;
    let mut weights = weights.into_iter().flatten();
    let mut bytes = Vec::new();
    for (at, row) in rows.enumerate() {
        bytes.clear();
        for value in row.iter().chain(weights.next()) {
            bytes.extend(value.to_le_bytes());
        }
        for extra in extras {
            rows::push_number(
                &mut bytes,
                extra.at(at),
                PlyFormat::BinaryLittleEndian,
                scalar(extra),
            );
        }
        out.write_all(&bytes)?;
    }
    for triangle in triangles {
        let [a, b, c] = triangle.map(u32::try_from);
        let corners = [
            a.map_err(io::Error::other)?,
            b.map_err(io::Error::other)?,
            c.map_err(io::Error::other)?,
        ];
        write_face(out, &corners)?;
    }
    Ok(())
}

/// The type of an attribute.
fn scalar(extra: &Extra) -> ScalarType {
    match extra.is_byte() {
        true => ScalarType::U8,
        false => ScalarType::F64,
    }
}

/// The line of a header for an attribute.
fn property(extra: &Extra) -> String {
    let kind = if extra.is_byte() { "uchar" } else { "double" };
    format!("property {kind} {}", extra.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::{message, mutilate, parse};

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

    /// The same mesh in binary; `bytes!` selects the byte order.
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
            bytes.extend([1, 0, 0, 0, 9]);
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
            let cloud = parse(
                "a.ply",
                &vertices("1", properties, &"1 ".repeat(properties.len())),
            )
            .unwrap();
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
            "a.ply: row 2, column y is \"one\", not a number; write a decimal number such as 0.25"
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
        assert!(message("a.ply", &vertices(&count, &["x"], "1\n2")).contains("only 2 are there"));
        let empty = format!(
            "ply\nformat ascii 1.0\nelement nothing {count}\nelement vertex 1\nproperty int x\nend_header\n"
        );
        assert!(message("a.ply", empty.as_bytes()).contains("has rows but no properties"));
        let list = b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uint double l\n\
            property float x\nend_header\n\xff\xff\xff\xff";
        assert!(message("a.ply", list).contains("only 0 are there"));
        let binary = b"ply\nformat binary_little_endian 1.0\nelement vertex 4000000000\nproperty double x\nend_header\n";
        assert!(message("a.ply", binary).contains("promises 4000000000 vertices but only 0"));
    }
    #[test]
    fn a_row_in_ascii_is_a_line() {
        let xy = ["x", "y"];
        for (rows, line, found) in [
            ("1 1\n1 2 3\n", 8, 3),
            ("1 1\n\n1\n2\n", 9, 1),
            ("1 1 2 2\n", 7, 4),
        ] {
            assert_eq!(
                message("a.ply", &vertices("2", &xy, rows)),
                format!(
                    "a.ply: line {line} has {found} values where the header says 2 for element vertex; the file or its \
                     header is wrong: export it again"
                )
            );
        }
        assert_eq!(
            message("a.ply", &vertices("1", &xy, "1 1\n\n2 2\n")),
            "a.ply: line 9: there is more than the header says; the file or its header is wrong: export it again"
        );
        let mesh = String::from_utf8(ascii())
            .unwrap()
            .replace("3 0 1 2\n", "3 0 1\n");
        let told = message("a.ply", mesh.as_bytes());
        assert!(
            told.contains("line 20 has 3 values where the header says 4 for element face"),
            "{told}"
        );
        assert!(parse("a.ply", &vertices("2", &xy, "1 1\n\n1 2\n \n")).is_ok());
        let mut binary = binary!("binary_little_endian", to_le_bytes);
        binary.push(b'\n');
        assert!(parse("a.ply", &binary).is_ok());
        binary.push(0);
        assert!(
            message("a.ply", &binary)
                .contains("behind the last element: there is more than the header says")
        );
    }

    #[test]
    fn comments_of_a_header_have_any_bytes() {
        let text = vertices("1", &["x", "y"], "1 2\n");
        let at = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut bytes = text.clone();
        bytes.splice(at..at, *b"comment \xb5m and \xe9t\xe9\nobj_info \xff\xfe\n");
        assert_eq!(
            parse("a.ply", &bytes).unwrap(),
            parse("a.ply", &text).unwrap()
        );
    }

    #[test]
    fn weights_and_coordinates_are_properties_by_name() {
        let properties = ["x", "y", "scalar_weight"];
        let cloud = parse("a.ply", &vertices("1", &properties, "1 2 3\n")).unwrap();
        assert_eq!((cloud.dimension, cloud.weights), (2, Some(vec![3.0])));
        let mass = vertices("1", &["x", "y", "scalar_mass", "nx"], "1 2 3 4\n");
        assert!(message("a.ply", &mass).contains("column scalar_mass is called like a weight"));
        let read = |coordinates: &[&str], weight: Option<&str>, unweighted| {
            let columns = crate::Columns {
                coordinates: coordinates.iter().map(|&name| name.into()).collect(),
                weight: weight.map(str::to_owned),
                unweighted,
                labels: Vec::new(),
            };
            crate::parse_as("a.ply".as_ref(), &mass, &crate::Reading::of(&columns)).unwrap()
        };
        assert_eq!(
            read(&[], Some("scalar_mass"), false).weights,
            Some(vec![3.0])
        );
        assert_eq!(read(&[], None, true).weights, None);
        assert_eq!(read(&["nx", "y"], Some("3"), false).points, [4.0, 2.0]);
    }
}

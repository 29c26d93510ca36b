//! A `.ply` again, with its vertices elsewhere: coordinates are replaced, and every other byte of
//! the header, of the vertices and of the other elements is copied.

use super::{
    header::Header,
    rows::{self, Part, Row},
};
use crate::{Columns, Error};
use serde_ply::ScalarType;
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

/// Writes what `reader` holds, which is the `.ply` called `file`, with its vertices at `points`
/// (row-major). Coordinates keep the type they have there, `float` or `double`; integers become
/// `double`. An error about `file` comes as an [`Error`] inside the [`io::Error`].
pub(crate) fn write_moved(
    (file, columns): (&Path, &Columns),
    reader: &mut impl BufRead,
    points: &[f64],
    out: &mut dyn Write,
) -> io::Result<()> {
    let header = Header::read(file, reader, columns)?;
    let width = header.names.len();
    let roles = (header.columns).among(file, Some(&header.names), width)?;
    let axes: Vec<_> = (roles.coordinates.iter())
        .map(|&column| header.scalars[column])
        .collect();
    let dimension = axes.len();
    let vertices = header.vertex().count;
    if vertices.checked_mul(dimension) != Some(points.len()) {
        let reason = "has other vertices than it had when it was read";
        return Err(Error::malformed(file, "header", reason, ".ply").into());
    }
    out.write_all(&header_of_floats(&header, &axes))?;
    // Property and axis of each coordinate, in the order of the file.
    let mut places: Vec<_> = axes.into_iter().zip(0..).collect();
    places.sort_unstable();
    let mut bytes = Vec::new();
    rows::walk(file, &header, reader, |part| match part {
        Part::Other(row) => out.write_all(&row.bytes),
        Part::Vertex(at, row) => {
            bytes.clear();
            let point = &points[at * dimension..][..dimension];
            replace(file, &header, row, &places, point, &mut bytes)?;
            out.write_all(&bytes)
        }
    })
}

/// Appends the row with the coordinates of `point`.
fn replace(
    file: &Path,
    header: &Header,
    row: &Row,
    places: &[(usize, usize)],
    point: &[f64],
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut copied = 0;
    for &(property, axis) in places {
        let (field, scalar, value) = (&row.fields[property], header.scalar(property), point[axis]);
        if scalar == ScalarType::F32 && value.abs() > f64::from(f32::MAX) {
            return Err(Error::Unstorable {
                file: file.into(),
                what: format!("the coordinate {value:e} in a property of type float"),
                instead: ".npy, .npz or .csv",
            });
        }
        bytes.extend_from_slice(&row.bytes[copied..field.start]);
        rows::push_number(bytes, value, header.format, scalar);
        copied = field.end;
    }
    bytes.extend_from_slice(&row.bytes[copied..]);
    Ok(())
}

/// The header, with `double` for the type of coordinates that are integers.
fn header_of_floats(header: &Header, axes: &[usize]) -> Vec<u8> {
    let is_integer = |property| {
        axes.contains(&property)
            && !matches!(header.scalar(property), ScalarType::F32 | ScalarType::F64)
    };
    let (mut elements, mut properties) = (0, 0);
    let line = |line: &[u8]| -> Vec<u8> {
        let mut words = (line.split(u8::is_ascii_whitespace)).filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (Some(b"element"), _) => {
                elements += 1;
                properties = 0;
            }
            (Some(word @ b"property"), Some(kind)) => {
                properties += 1;
                if elements == header.at + 1 && is_integer(properties - 1) {
                    let rest = line.trim_ascii_start()[word.len()..].trim_ascii_start();
                    let (start, end) = line.split_at(line.len() - rest.len());
                    return [start, b"double", &end[kind.len()..]].concat();
                }
            }
            _ => {}
        }
        line.to_vec()
    };
    (header.text.split_inclusive(|byte| *byte == b'\n'))
        .flat_map(line)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::parse;

    fn moved(bytes: &[u8], points: &[f64]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let from = (Path::new("a.ply"), &Columns::default());
        write_moved(from, &mut &*bytes, points, &mut out)?;
        Ok(out)
    }

    const HEADER: &str = "comment made by hand\r\nobj_info kept\nelement camera 1\nproperty list uchar int view\n\
        element vertex 2\nproperty uchar red\nproperty float y\nproperty list uchar short more\nproperty double x\n\
        property float nx\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

    fn header(format: &str) -> Vec<u8> {
        format!("ply\nformat {format} 1.0\n{HEADER}").into_bytes()
    }

    /// Two vertices at (x, y) among much else; `bytes!` picks the byte order.
    macro_rules! binary {
        ($format:literal, $bytes:ident, $points:expr) => {{
            let points: [[f64; 2]; 2] = $points;
            let mut bytes = header($format);
            bytes.push(1);
            bytes.extend(7_i32.$bytes());
            for ([x, y], more) in points.into_iter().zip([&[][..], &[5_i16, -6]]) {
                bytes.push(200);
                bytes.extend((y as f32).$bytes());
                bytes.push(more.len() as u8);
                bytes.extend(more.iter().flat_map(|value| value.$bytes()));
                bytes.extend(x.$bytes());
                // Not a number, with a payload that arithmetic would lose.
                bytes.extend(0x7fa1_2345_u32.$bytes());
            }
            bytes.extend([1, 0, 0, 0, 9]);
            bytes
        }};
    }

    #[test]
    fn only_coordinates_change_in_every_encoding() {
        let (before, after) = ([[1.0, 2.0], [3.0, 4.0]], [[0.1, -0.5], [1e300, 8.25]]);
        for (old, new) in [
            (
                binary!("binary_little_endian", to_le_bytes, before),
                binary!("binary_little_endian", to_le_bytes, after),
            ),
            (
                binary!("binary_big_endian", to_be_bytes, before),
                binary!("binary_big_endian", to_be_bytes, after),
            ),
        ] {
            assert_eq!(moved(&old, after.as_flattened()).unwrap(), new);
            assert_eq!(moved(&old, before.as_flattened()).unwrap(), old);
            // A control: another point is another file.
            assert_ne!(moved(&old, &[0.1, -0.5, 1e300, 8.5]).unwrap(), new);
        }
        let ascii = |rows: &str| [header("ascii"), rows.into()].concat();
        let old = ascii("1 7\r\n200  2 0 1\tnan\n200 4 2 5 -6 3 .50e1\n\n3 0 0 0\n \n");
        let new = ascii("1 7\r\n200  -0.5 0 0.1\tnan\n200 8.25 2 5 -6 1e300 .50e1\n\n3 0 0 0\n \n");
        assert_eq!(moved(&old, after.as_flattened()).unwrap(), new);
    }

    #[test]
    fn integer_coordinates_become_double() {
        let file = |kind: &str, row: &str| {
            let text = format!(
                "ply\nformat ascii 1.0\nelement vertex 1\nproperty {kind} x\nproperty int id\nend_header\n{row}"
            );
            text.into_bytes()
        };
        let out = moved(&file("int", "3 5"), &[0.5]).unwrap();
        assert_eq!(out, file("double", "0.5 5"));
        assert_eq!(parse("a.ply", &out).unwrap().points, [0.5]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let file = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n3\n";
        for (points, part) in [
            (
                &[1e39][..],
                "cannot hold the coordinate 1e39 in a property of type float",
            ),
            (&[1.0, 2.0], "has other vertices than it had"),
        ] {
            let error = moved(file, points)
                .unwrap_err()
                .downcast::<Error>()
                .unwrap();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

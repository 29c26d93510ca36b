//! Writes a `.ply` with moved vertices: coordinates are replaced, normals turned, and attributes replace the property of their
//! name or are appended. Every other byte of the header, of the vertices and of the other elements is copied.

use super::{
    header::Header,
    property,
    rows::{self, Part, Row},
    scalar,
};
use crate::{
    Attributes, Columns, Error,
    attributes::{Extra, NORMALS},
    columns::Field,
};
use serde_ply::{PlyFormat, ScalarType};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

/// A property that is rewritten.
#[derive(Clone, Copy)]
struct Place {
    property: usize,
    /// Its new type.
    scalar: ScalarType,
    value: Value,
}

/// The source of a property's value.
#[derive(Clone, Copy)]
enum Value {
    /// A coordinate of the point.
    Coordinate(usize),
    /// A coordinate of the turned normal.
    Normal(usize),
    /// One of the extras.
    Extra(usize),
}

/// The changes to each vertex.
struct Change<'a> {
    file: &'a Path,
    header: &'a Header,
    points: &'a [f64],
    dimension: usize,
    attributes: &'a Attributes<'a>,
    extras: Vec<Extra<'a>>,
    /// In the order of the file.
    places: Vec<Place>,
    /// The columns of the normals that turn; none if there are fewer of them than coordinates.
    normals: Vec<usize>,
    /// The extras that are appended to the properties.
    appended: Vec<usize>,
}

/// Copies `reader`, the `.ply` called `file`, with its vertices at `points` (row-major). Coordinates and normals keep their
/// type, `float` or `double`; integers become `double`. An error about `file` is an [`Error`] inside the [`io::Error`].
pub(crate) fn write_moved(
    (file, columns): (&Path, &Columns),
    reader: &mut impl BufRead,
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let header = Header::read(file, reader, columns)?;
    let change = Change::of(file, &header, points, attributes)?;
    out.write_all(&change.header())?;
    let mut bytes = Vec::new();
    rows::walk(file, &header, reader, |part| match part {
        Part::Other(_, row) => out.write_all(&row.bytes),
        Part::Vertex(at, row) => {
            bytes.clear();
            change.row(at, row, &mut bytes)?;
            out.write_all(&bytes)
        }
    })
}

/// The type for a number that may be a fraction.
fn floating(scalar: ScalarType) -> ScalarType {
    match scalar {
        ScalarType::F32 => scalar,
        _ => ScalarType::F64,
    }
}

impl<'a> Change<'a> {
    fn of(
        file: &'a Path,
        header: &'a Header,
        points: &'a [f64],
        attributes: &'a Attributes<'a>,
    ) -> Result<Self, Error> {
        let names = &header.names;
        let roles = (header.columns).among(file, Some(names), names.len())?;
        let dimension = roles.coordinates.len();
        if header.vertex().count.checked_mul(dimension) != Some(points.len()) {
            let reason = "has other vertices than it had when it was read";
            return Err(Error::malformed(file, "header", reason, ".ply"));
        }
        let column = |name: &str| names.iter().position(|known| known == name);
        let mut places = Vec::new();
        let mut put = |column: usize, scalar: fn(ScalarType) -> ScalarType, value| {
            let property = header.scalars[column];
            places.push(Place {
                property,
                scalar: scalar(header.scalar(property)),
                value,
            });
        };
        for (axis, &column) in roles.coordinates.iter().enumerate() {
            put(column, floating, Value::Coordinate(axis));
        }
        let normals = NORMALS
            .iter()
            .take(dimension)
            .map_while(|name| column(name));
        let mut normals: Vec<_> = normals.filter(|_| attributes.normals.is_some()).collect();
        let chosen = normals
            .iter()
            .any(|column| roles.coordinates.contains(column));
        if chosen || normals.len() != dimension || dimension > NORMALS.len() {
            normals.clear();
        }
        for (axis, &column) in normals.iter().enumerate() {
            put(column, floating, Value::Normal(axis));
        }
        let (extras, mut appended) = (attributes.extras(), Vec::new());
        for (at, extra) in extras.iter().enumerate() {
            match column(extra.name) {
                Some(column) if roles.coordinates.contains(&column) => {}
                Some(column) if extra.is_byte() => {
                    put(column, |_| ScalarType::U8, Value::Extra(at))
                }
                Some(column) => put(column, floating, Value::Extra(at)),
                None if header
                    .vertex()
                    .properties
                    .iter()
                    .any(|it| it.name == extra.name) =>
                {
                    return Err(Error::Unstorable {
                        file: file.into(),
                        what: format!("{} beside a list of that name", extra.name),
                        instead: ".csv or .npz",
                    });
                }
                None => appended.push(at),
            }
        }
        places.sort_unstable_by_key(|place| place.property);
        Ok(Self {
            file,
            header,
            points,
            dimension,
            attributes,
            extras,
            places,
            normals,
            appended,
        })
    }

    /// Appends the row of a vertex.
    fn row(&self, at: usize, row: &Row, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let format = self.header.format;
        let point = &self.points[at * self.dimension..][..self.dimension];
        let normal = self.normal(at, row)?;
        let mut copied = 0;
        for place in &self.places {
            let field = &row.fields[place.property];
            let value = match place.value {
                Value::Coordinate(axis) => point[axis],
                Value::Normal(axis) => normal[axis],
                Value::Extra(extra) => self.extras[extra].at(at),
            };
            self.check_range(place.scalar, value)?;
            bytes.extend_from_slice(&row.bytes[copied..field.start]);
            rows::push_number(bytes, value, format, place.scalar);
            copied = field.end;
        }
        let end = row.fields.last().map_or(row.bytes.len(), |field| field.end);
        bytes.extend_from_slice(&row.bytes[copied..end]);
        for &extra in &self.appended {
            if format == PlyFormat::Ascii {
                bytes.push(b' ');
            }
            let extra = &self.extras[extra];
            rows::push_number(bytes, extra.at(at), format, scalar(extra));
        }
        bytes.extend_from_slice(&row.bytes[end..]);
        Ok(())
    }

    /// The turned normal of a vertex; empty if none turn.
    fn normal(&self, at: usize, row: &Row) -> Result<Vec<f64>, Error> {
        let value = |&column: &usize| match row.field(self.header, column) {
            Field::Number(number) => Ok(number),
            Field::Missing(text) | Field::Text(text) => Err(Error::NotANumber {
                file: self.file.into(),
                row: at + 1,
                column: self.header.names[column].clone(),
                text: text.chars().take(40).collect(),
            }),
        };
        let normal = self
            .normals
            .iter()
            .map(value)
            .collect::<Result<Vec<_>, _>>()?;
        match normal.is_empty() {
            true => Ok(normal),
            false => Ok(self.attributes.turned(&normal).unwrap_or(normal)),
        }
    }

    fn check_range(&self, scalar: ScalarType, value: f64) -> Result<(), Error> {
        if scalar == ScalarType::F32 && value.abs() > f64::from(f32::MAX) {
            return Err(Error::Unstorable {
                file: self.file.into(),
                what: format!("the coordinate {value:e} in a property of type float"),
                instead: ".npy, .npz or .csv",
            });
        }
        Ok(())
    }

    /// The header, with the new types of properties, and the lines of new ones.
    fn header(&self) -> Vec<u8> {
        let kind = |property: usize| {
            let place = self
                .places
                .iter()
                .find(|place| place.property == property)?;
            (place.scalar != self.header.scalar(property)).then_some(match place.scalar {
                ScalarType::U8 => "uchar",
                _ => "double",
            })
        };
        let last = self.header.vertex().properties.len();
        let (mut elements, mut properties) = (0, 0);
        let mut text = Vec::new();
        for line in self.header.text.split_inclusive(|byte| *byte == b'\n') {
            let mut words = (line.split(u8::is_ascii_whitespace)).filter(|word| !word.is_empty());
            let (first, second) = (words.next(), words.next());
            if first == Some(b"element") {
                (elements, properties) = (elements + 1, 0);
            }
            let of_vertex = first == Some(b"property") && elements == self.header.at + 1;
            properties += usize::from(of_vertex);
            match (
                second,
                kind(properties.wrapping_sub(1)).filter(|_| of_vertex),
            ) {
                (Some(old), Some(new)) => {
                    let rest = line.trim_ascii_start()[b"property".len()..].trim_ascii_start();
                    let (start, end) = line.split_at(line.len() - rest.len());
                    text.extend([start, new.as_bytes(), &end[old.len()..]].concat());
                }
                _ => text.extend_from_slice(line),
            }
            if of_vertex && properties == last {
                let end = &line[line.trim_ascii_end().len()..];
                for &extra in &self.appended {
                    text.extend(property(&self.extras[extra]).bytes());
                    text.extend_from_slice(end);
                }
            }
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::parse;

    fn moved(bytes: &[u8], points: &[f64]) -> io::Result<Vec<u8>> {
        with(bytes, points, &Attributes::default())
    }

    fn with(bytes: &[u8], points: &[f64], attributes: &Attributes) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let from = (Path::new("a.ply"), &Columns::default());
        write_moved(from, &mut &*bytes, (points, attributes), &mut out)?;
        Ok(out)
    }

    const HEADER: &str = "comment made by hand\r\nobj_info kept\nelement camera 1\nproperty list uchar int view\n\
        element vertex 2\nproperty uchar red\nproperty float y\nproperty list uchar short more\nproperty double x\n\
        property float nx\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

    fn header(format: &str) -> Vec<u8> {
        format!("ply\nformat {format} 1.0\n{HEADER}").into_bytes()
    }

    /// Two vertices at (x, y) among other data; `bytes!` selects the byte order.
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
                // NaN with a payload that arithmetic would lose.
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
            // A control: another point gives another file.
            assert_ne!(moved(&old, &[0.1, -0.5, 1e300, 8.5]).unwrap(), new);
        }
        let ascii = |rows: &str| [header("ascii"), rows.into()].concat();
        let old = ascii("1 7\r\n200  2 0 1\tnan\n200 4 2 5 -6 3 .50e1\n\n3 0 0 0\n \n");
        let new = ascii("1 7\r\n200  -0.5 0 0.1\tnan\n200 8.25 2 5 -6 1e300 .50e1\n\n3 0 0 0\n \n");
        assert_eq!(moved(&old, after.as_flattened()).unwrap(), new);
    }

    #[test]
    fn what_is_beside_points_takes_its_place_or_comes_behind() {
        let (points, displacement) = ([0.1, -0.5, 1e300, 8.25], [0.25, 1.5]);
        let attributes = Attributes {
            displacement: Some(&displacement),
            colours: Some(&[[255, 0, 7], [1, 2, 3]]),
            ..Attributes::default()
        };
        // Red exists; green, blue and the displacement are new.
        let ascii = |lines: &str, rows: &str| {
            let header = String::from_utf8(header("ascii")).unwrap();
            let header = header.replace(
                "property float nx\n",
                &format!("property float nx\n{lines}"),
            );
            [header.as_bytes(), rows.as_bytes()].concat()
        };
        let old = ascii(
            "",
            "1 7\r\n200  2 0 1\tnan\r\n200 4 2 5 -6 3 .50e1\n\n3 0 0 0\n",
        );
        let lines = "property double displacement\nproperty uchar green\nproperty uchar blue\n";
        let new = ascii(
            lines,
            "1 7\r\n255  -0.5 0 0.1\tnan 0.25 0 7\r\n1 8.25 2 5 -6 1e300 .50e1 1.5 2 3\n\n3 0 0 0\n",
        );
        let found = with(&old, &points, &attributes).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(&new)
        );
        // The second time only the values change.
        assert_eq!(with(&found, &points, &attributes).unwrap(), found);
        assert_eq!(parse("a.ply", &found).unwrap().points, points);
        // In binary the values have the types of the header.
        let old = binary!("binary_big_endian", to_be_bytes, [[1.0, 2.0], [3.0, 4.0]]);
        let found = with(&old, &points, &attributes).unwrap();
        let end = |bytes: &[u8]| {
            bytes
                .windows(11)
                .position(|it| it == b"end_header\n")
                .unwrap()
                + 11
        };
        assert_eq!(
            found.len() - end(&found),
            old.len() - end(&old) + 2 * (8 + 2)
        );
        let columns = ["displacement", "red", "green", "blue"]
            .map(str::to_owned)
            .to_vec();
        let reading = crate::Reading::of(&Columns {
            coordinates: columns,
            ..Columns::default()
        });
        let cloud = crate::parse_as(Path::new("a.ply"), &found, &reading).unwrap();
        assert_eq!(cloud.points, [0.25, 255.0, 0.0, 7.0, 1.5, 1.0, 2.0, 3.0]);
        assert_eq!(parse("a.ply", &found).unwrap().points, points);
    }

    #[test]
    fn normals_turn_with_the_points() {
        let file = |row: &str| {
            let properties =
                ["x", "nx", "y", "ny", "id"].map(|name| format!("property float {name}\n"));
            format!(
                "ply\nformat ascii 1.0\nelement vertex 1\n{}end_header\n{row}\n",
                properties.concat()
            )
        };
        // Twice as long along x: the inverse transpose halves it there, and the length of 5 stays.
        let attributes = Attributes {
            normals: Some(&[0.5, 0.0, 0.0, 1.0]),
            ..Attributes::default()
        };
        let found = with(file("1 4 2 3 9").as_bytes(), &[2.0, 2.0], &attributes).unwrap();
        let normal = |part: f64| 5.0 * part / 13f64.sqrt();
        let (along, across) = (normal(2.0) as f32, normal(3.0) as f32);
        let expected = file(&format!("2.0 {along:?} 2.0 {across:?} 9"));
        assert_eq!(String::from_utf8(found).unwrap(), expected);
        // Without a matrix normals stay unchanged, byte for byte.
        assert_eq!(
            moved(file("1 04 2 3 9").as_bytes(), &[2.0, 2.0]).unwrap(),
            file("2.0 04 2.0 3 9").into_bytes()
        );
        let words = with(file("1 up 2 3 9").as_bytes(), &[2.0, 2.0], &attributes).unwrap_err();
        let words = words.downcast::<Error>().unwrap().to_string();
        assert!(words.contains("row 1, column nx is \"up\""), "{words}");
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

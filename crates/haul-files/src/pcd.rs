//! The Point Cloud Library's `.pcd`: a header of lines, then rows of fields as text, in little-endian binary, or in binary
//! that LZF packs, field after field. The coordinates are the fields x, y and z, unless others are selected. A row whose
//! coordinates are all NaN is a ray that met nothing, by the format's convention: it is no point.

use crate::{
    Cloud, Columns, Error, Result,
    columns::{Field, Table},
    mesh::{Lines, parsed, words},
    source::{Stream, room},
};
use std::{io::Read, path::Path};

const FORMAT: &str = ".pcd";
const AXES: [&str; 3] = ["x", "y", "z"];

/// A header is some lines; more lines without DATA are something else.
const MOST_LINES: usize = 100;

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scalar {
    kind: u8,
    size: usize,
}

impl Scalar {
    fn of(kind: &[u8], size: usize) -> Option<Self> {
        let [kind] = *kind else { return None };
        let known = match kind {
            b'F' => matches!(size, 4 | 8),
            b'I' | b'U' => matches!(size, 1 | 2 | 4 | 8),
            _ => false,
        };
        known.then_some(Self { kind, size })
    }

    fn value(self, bytes: &[u8]) -> f64 {
        let mut all = [0; 8];
        all[..self.size].copy_from_slice(&bytes[..self.size]);
        let [a, b, c, d, ..] = all;
        match (self.kind, self.size) {
            (b'F', 4) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (b'F', _) => f64::from_le_bytes(all),
            (b'I', 1) => f64::from(a as i8),
            (b'I', 2) => f64::from(i16::from_le_bytes([a, b])),
            (b'I', 4) => f64::from(i32::from_le_bytes([a, b, c, d])),
            (b'I', _) => i64::from_le_bytes(all) as f64,
            _ => u64::from_le_bytes(all) as f64,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    Text,
    Binary,
    Packed,
}

/// What the header says: for each number of a row its name, type and place.
struct Header {
    names: Vec<String>,
    scalars: Vec<Scalar>,
    places: Vec<usize>,
    /// Bytes of a row.
    row: usize,
    points: u64,
    data: Data,
}

impl Header {
    fn read(file: &Path, stream: &mut Stream) -> Result<(Self, usize)> {
        let mut lines = Lines::of(&mut stream.reader);
        let (mut names, mut sizes, mut kinds, mut counts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut points, mut sides) = (None, [1_u64, 1]);
        let data = loop {
            let number = lines.number + 1;
            let wrong = |reason| Error::malformed(file, &format!("line {number}"), reason, FORMAT);
            let broken = |error| Error::broken(file, "header", error, FORMAT);
            let line = lines.next().map_err(broken)?;
            let line = line.filter(|_| number <= MOST_LINES);
            let line = line.ok_or_else(|| wrong("there is no line DATA"))?;
            let mut parts = words(line);
            let key = parts.next().unwrap_or_default();
            let mut numbers = || -> Result<Vec<u64>> {
                let read: Option<Vec<u64>> = parts.by_ref().map(parsed).collect();
                read.ok_or_else(|| wrong("it has no numbers from 0"))
            };
            match key {
                b"FIELDS" | b"COLUMNS" => {
                    names = parts
                        .map(|word| String::from_utf8_lossy(word).into_owned())
                        .collect();
                }
                b"SIZE" => sizes = numbers()?,
                b"COUNT" => counts = numbers()?,
                b"TYPE" => kinds = parts.map(<[u8]>::to_vec).collect(),
                b"WIDTH" => sides[0] = numbers()?.first().copied().unwrap_or(0),
                b"HEIGHT" => sides[1] = numbers()?.first().copied().unwrap_or(0),
                b"POINTS" => points = numbers()?.first().copied(),
                b"DATA" => {
                    break match parts.next() {
                        Some(b"ascii") => Data::Text,
                        Some(b"binary") => Data::Binary,
                        Some(b"binary_compressed") => Data::Packed,
                        _ => return Err(wrong("DATA is ascii, binary or binary_compressed")),
                    };
                }
                _ => {}
            }
        };
        let used = lines.number;
        if counts.is_empty() {
            counts = vec![1; names.len()];
        }
        let wrong = |reason| Error::malformed(file, "header", reason, FORMAT);
        if names.is_empty() || [sizes.len(), kinds.len(), counts.len()] != [names.len(); 3] {
            return Err(wrong(
                "FIELDS, SIZE, TYPE and COUNT have not one entry a field",
            ));
        }
        let mut header = Self {
            names: Vec::new(),
            scalars: Vec::new(),
            places: Vec::new(),
            row: 0,
            points: points.unwrap_or(sides[0].saturating_mul(sides[1])),
            data,
        };
        for (((name, size), kind), count) in names.iter().zip(&sizes).zip(&kinds).zip(&counts) {
            let size = usize::try_from(*size).unwrap_or(0);
            let scalar = Scalar::of(kind, size).ok_or_else(|| {
                wrong("a field has a type that is not read: F of 4 or 8 bytes, I or U of 1 to 8")
            })?;
            if count.saturating_add(header.names.len() as u64) > u64::from(u16::MAX) {
                return Err(wrong("a row has more than 65535 numbers"));
            }
            for at in 0..*count {
                header.names.push(match count {
                    1 => name.clone(),
                    _ => format!("{name}_{at}"),
                });
                header.scalars.push(scalar);
                header.places.push(header.row);
                header.row += size;
            }
        }
        match header.row {
            0 => Err(wrong("a row has no numbers")),
            _ => Ok((header, used)),
        }
    }
}

/// Reads the points.
pub(crate) fn read(file: &Path, stream: &mut Stream, columns: &Columns) -> Result<Cloud> {
    let (header, lines) = Header::read(file, stream)?;
    let mut columns = columns.clone();
    if columns.coordinates.is_empty() {
        let there = |axis: &&&str| header.names.iter().any(|name| name == **axis);
        columns.coordinates = AXES
            .iter()
            .filter(there)
            .map(|it| (*it).to_owned())
            .collect();
        if columns.coordinates.is_empty() {
            return Err(Error::Missing {
                file: file.into(),
                wanted: "field x, y or z",
                found: header.names,
            });
        }
    }
    let names = Some(header.names.clone());
    let roles = columns.among(file, names.as_deref(), header.names.len())?;
    let mut table = Table::new(file, &columns, names);
    table.choose(header.names.len())?;
    let least = match header.data {
        Data::Text => 2 * header.names.len(),
        Data::Binary => header.row,
        Data::Packed => 1,
    };
    if header.data != Data::Packed {
        table.reserve(
            |values| room(file, values),
            stream.holds(header.points, least as u64),
        )?;
    }
    let truncated = |found| Error::Truncated {
        file: file.into(),
        what: "points",
        promised: header.points,
        found,
    };
    let mut row = vec![0.0; header.names.len()];
    let mut push = |row: &[f64]| match roles.coordinates.iter().all(|&at| row[at].is_nan()) {
        true => Ok(()),
        false => table.push(row.len(), |column| Field::Number(row[column])),
    };
    match header.data {
        Data::Text => {
            let mut text = Lines::of(&mut stream.reader);
            let mut found = 0;
            while found < header.points {
                let broken = |error| Error::broken(file, "points", error, FORMAT);
                let number = lines + text.number + 1;
                let line = text
                    .next()
                    .map_err(broken)?
                    .ok_or_else(|| truncated(found))?;
                let mut parts = words(line).peekable();
                if parts.peek().is_none() {
                    continue;
                }
                let values: Option<Vec<f64>> = parts.map(parsed).collect();
                let values = values.filter(|values| values.len() == row.len());
                let values = values.ok_or_else(|| {
                    let reason = format!("a point has {} numbers", row.len());
                    Error::malformed(file, &format!("line {number}"), reason, FORMAT)
                })?;
                push(&values)?;
                found += 1;
            }
        }
        Data::Binary => {
            let mut bytes = vec![0; header.row];
            for found in 0..header.points {
                match stream.reader.read_exact(&mut bytes) {
                    Ok(()) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        return Err(truncated(found));
                    }
                    Err(error) => return Err(Error::broken(file, "points", error, FORMAT)),
                }
                for (value, (scalar, place)) in row
                    .iter_mut()
                    .zip(header.scalars.iter().zip(&header.places))
                {
                    *value = scalar.value(&bytes[*place..]);
                }
                push(&row)?;
            }
        }
        Data::Packed => {
            let bytes = unpacked(file, stream, &header)?;
            let points = header.points as usize;
            for at in 0..points {
                for (value, (scalar, place)) in row
                    .iter_mut()
                    .zip(header.scalars.iter().zip(&header.places))
                {
                    *value = scalar.value(&bytes[points * place + at * scalar.size..]);
                }
                push(&row)?;
            }
        }
    }
    table.finish()
}

/// The bytes of all fields, one field after the other: two lengths, then the packed bytes.
fn unpacked(file: &Path, stream: &mut Stream, header: &Header) -> Result<Vec<u8>> {
    let malformed = |reason: &str| Error::malformed(file, "packed points", reason, FORMAT);
    let broken = |error| Error::broken(file, "packed points", error, FORMAT);
    let mut lengths = [0; 8];
    stream.reader.read_exact(&mut lengths).map_err(broken)?;
    let [a, b, c, d, e, f, g, h] = lengths;
    let packed = u64::from(u32::from_le_bytes([a, b, c, d]));
    let plain = u64::from(u32::from_le_bytes([e, f, g, h]));
    if header.points.checked_mul(header.row as u64) != Some(plain) {
        return Err(malformed(
            "they are not as long as the points of the header",
        ));
    }
    let mut bytes = Vec::new();
    let mut part = (&mut stream.reader).take(packed);
    part.read_to_end(&mut bytes).map_err(broken)?;
    if (bytes.len() as u64) < packed {
        return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
    }
    lzf(&bytes, plain as usize).ok_or_else(|| malformed("they do not follow LZF"))
}

/// Unpacks LZF: a byte below 32 announces that many literal bytes and one more; any other one a length and a distance back.
fn lzf(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = packed.iter();
    while let Some(control) = bytes.next() {
        let control = usize::from(*control);
        if control < 32 {
            let literal = bytes.as_slice().get(..control + 1)?;
            out.extend(literal);
            bytes.nth(control)?;
        } else {
            let mut run = control >> 5;
            if run == 7 {
                run += usize::from(*bytes.next()?);
            }
            let back = ((control & 31) << 8) + usize::from(*bytes.next()?) + 1;
            let start = out.len().checked_sub(back)?;
            for at in start..start + run + 2 {
                out.push(out[at]);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::{message, parse};

    fn head(data: &str) -> String {
        format!(
            "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z rgb normal\nSIZE 4 4 4 4 8\nTYPE F F F U F\nCOUNT 1 1 1 1 2\n\
             WIDTH 3\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA {data}\n"
        )
    }

    const ROWS: [[f64; 6]; 3] = [
        [1.0, 2.0, 3.5, 255.0, 0.0, 1.0],
        [f64::NAN, f64::NAN, f64::NAN, 7.0, 0.0, 0.0],
        [-4.0, 5.0, 6.0, 9.0, 1.0, 0.0],
    ];
    const POINTS: [f64; 6] = [1.0, 2.0, 3.5, -4.0, 5.0, 6.0];

    /// The bytes of one number of a row.
    fn bytes(column: usize, value: f64) -> Vec<u8> {
        match column {
            0..3 => (value as f32).to_le_bytes().to_vec(),
            3 => (value as u32).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        }
    }

    fn binary() -> Vec<u8> {
        let mut file = head("binary").into_bytes();
        for row in ROWS {
            file.extend(
                row.iter()
                    .enumerate()
                    .flat_map(|(at, value)| bytes(at, *value)),
            );
        }
        file
    }

    /// Fields one after the other, in literal runs, with one run that repeats eight zeros.
    fn packed() -> Vec<u8> {
        let fields = (0..6).flat_map(|at| ROWS.map(|row| bytes(at, row[at])).concat());
        let plain: Vec<u8> = fields.collect();
        let mut packed = Vec::new();
        let mut at = 0;
        while at < plain.len() {
            let repeats = at >= 1
                && plain[at..].len() >= 8
                && plain[at - 1..at + 8].iter().all(|it| *it == 0);
            if repeats {
                packed.extend([6 << 5, 0]);
                at += 8;
            } else {
                packed.extend([0, plain[at]]);
                at += 1;
            }
        }
        let mut file = head("binary_compressed").into_bytes();
        file.extend((packed.len() as u32).to_le_bytes());
        file.extend((plain.len() as u32).to_le_bytes());
        file.extend(packed);
        file
    }

    #[test]
    fn points_are_the_same_in_text_in_binary_and_packed() {
        let rows = ROWS
            .map(|row| row.map(|value| value.to_string()).join(" "))
            .join("\n");
        let text = head("ascii") + &rows + "\n";
        for file in [text.into_bytes(), binary(), packed()] {
            let cloud = parse("a.pcd", &file).unwrap();
            assert_eq!((cloud.dimension, &*cloud.points), (3, &POINTS[..]));
        }
        let reading = crate::Reading::of(&Columns {
            coordinates: vec!["normal_1".into()],
            weight: Some("rgb".into()),
            unweighted: false,
            labels: Vec::new(),
        });
        let cloud = crate::parse_as(Path::new("a.pcd"), &packed(), &reading).unwrap();
        assert_eq!(cloud.points, [1.0, 0.0, 0.0]);
        assert_eq!(cloud.weights, Some(vec![255.0, 7.0, 9.0]));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let (binary, packed) = (binary(), packed());
        let mut longer = packed.clone();
        let at = longer.len() - 1;
        longer.truncate(at);
        for (file, told) in [
            (
                binary[..binary.len() - 1].to_vec(),
                "promises 3 points but only 2",
            ),
            (longer, "packed points"),
            (b"VERSION .7\n".to_vec(), "line 2"),
            (
                b"FIELDS x\nSIZE 4\nTYPE F F\nDATA ascii\n".to_vec(),
                "one entry a field",
            ),
            (
                b"FIELDS x\nSIZE 3\nTYPE F\nPOINTS 1\nDATA ascii\n1\n".to_vec(),
                "type that is not read",
            ),
            (b"FIELDS x\nSIZE four\n".to_vec(), "line 2"),
            (
                b"FIELDS a\nSIZE 4\nTYPE F\nPOINTS 1\nDATA ascii\n1\n".to_vec(),
                "field x, y or z",
            ),
            (
                b"FIELDS x y\nSIZE 4 4\nTYPE F F\nPOINTS 1\nDATA ascii\n1\n".to_vec(),
                "line 6",
            ),
            (
                b"FIELDS x\nSIZE 4\nTYPE F\nPOINTS 1\nDATA ascii\nnan\n".to_vec(),
                "holds no rows",
            ),
            (
                b"FIELDS x\nSIZE 4\nTYPE F\nPOINTS 1\nDATA zip\n".to_vec(),
                "DATA is ascii",
            ),
        ] {
            let message = message("a.pcd", &file);
            assert!(message.contains(told), "{message}");
        }
    }
}

//! The rows of a `.ply`, as bytes: where each property of a row begins and ends, in ascii and in
//! binary of either byte order.

use super::{header::Header, malformed};
use crate::{Error, Result};
use serde_ply::{ElementDef, PlyFormat, PlyProperty, PropertyType, ScalarType};
use std::{
    io::{self, BufRead, Read},
    ops::Range,
    path::Path,
};

/// One row. In ascii, white space belongs to the number behind it.
#[derive(Default)]
pub(super) struct Row {
    pub(super) bytes: Vec<u8>,
    /// The part of `bytes` that is each property.
    pub(super) fields: Vec<Range<usize>>,
}

/// What [`walk`] comes by.
pub(super) enum Part<'r> {
    /// A row of an element before the vertices.
    Other(&'r Row),
    /// A vertex, counted from 0.
    Vertex(usize, &'r Row),
}

/// Hands all rows up to the last vertex to `take`.
pub(super) fn walk<E: From<Error>>(
    file: &Path,
    header: &Header,
    reader: &mut impl BufRead,
    mut take: impl FnMut(Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut row = Row::default();
    for element in &header.elements[..header.at] {
        let broken = |error| malformed(file, &format!("element {}", element.name), error);
        // Rows without properties take no bytes: no end of file would stop a header that claims too
        // many.
        if element.properties.is_empty() && element.count > 0 {
            return Err(broken(invalid("has rows but no properties")).into());
        }
        for _ in 0..element.count {
            row.read(header.format, &element.properties, reader)
                .map_err(broken)?;
            take(Part::Other(&row))?;
        }
    }
    let vertex = header.vertex();
    for at in 0..vertex.count {
        row.read(header.format, &vertex.properties, reader)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::Truncated {
                    file: file.into(),
                    what: "vertices",
                    promised: vertex.count as u64,
                    found: at as u64,
                },
                _ => malformed(file, &format!("row {}", at + 1), error),
            })?;
        take(Part::Vertex(at, &row))?;
    }
    Ok(())
}

impl Row {
    /// Takes the place of this row by the next one.
    fn read(
        &mut self,
        format: PlyFormat,
        properties: &[PlyProperty],
        reader: &mut impl BufRead,
    ) -> io::Result<()> {
        self.bytes.clear();
        self.fields.clear();
        for property in properties {
            let start = self.bytes.len();
            let field = match property.property_type {
                PropertyType::Scalar(scalar) => self.scalar(format, scalar, reader)?,
                PropertyType::List {
                    count_type,
                    data_type,
                } => {
                    let count = self.scalar(format, count_type, reader)?;
                    let count = number(&self.bytes[count], format, count_type)
                        .filter(|count| {
                            count.fract() == 0.0 && (0.0..=4_294_967_295.0).contains(count)
                        })
                        .ok_or_else(|| invalid("a list has no number of items"))?;
                    self.items(count as u64, format, data_type, reader)?;
                    start..self.bytes.len()
                }
            };
            self.fields.push(field);
        }
        Ok(())
    }

    /// Appends one value; the part that it is.
    fn scalar(
        &mut self,
        format: PlyFormat,
        scalar: ScalarType,
        reader: &mut impl BufRead,
    ) -> io::Result<Range<usize>> {
        if format == PlyFormat::Ascii {
            return token(&mut self.bytes, reader);
        }
        let start = self.bytes.len();
        self.bytes.resize(start + width(scalar), 0);
        reader.read_exact(&mut self.bytes[start..])?;
        Ok(start..self.bytes.len())
    }

    /// Appends the values of a list.
    fn items(
        &mut self,
        count: u64,
        format: PlyFormat,
        scalar: ScalarType,
        reader: &mut impl BufRead,
    ) -> io::Result<()> {
        if format == PlyFormat::Ascii {
            return (0..count).try_for_each(|_| token(&mut self.bytes, reader).map(drop));
        }
        let length = count * width(scalar) as u64;
        // Nothing is reserved for what a list claims.
        match reader.take(length).read_to_end(&mut self.bytes)? {
            found if found as u64 == length => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// A property of a vertex as a number.
    pub(super) fn number(
        &self,
        file: &Path,
        header: &Header,
        at: usize,
        property: usize,
    ) -> Result<f64> {
        let field = &self.bytes[self.fields[property].clone()];
        number(field, header.format, header.scalar(property)).ok_or_else(|| Error::NotANumber {
            file: file.into(),
            row: at + 1,
            column: header.vertex().properties[property].name.clone(),
            text: String::from_utf8_lossy(field).chars().take(40).collect(),
        })
    }
}

/// The fewest bytes that a row of the element takes.
pub(super) fn least_bytes(header: &Header, element: &ElementDef) -> u64 {
    let least = |property: &PlyProperty| match (header.format, &property.property_type) {
        // A digit and what sets it apart, which the last one of a file may lack.
        (PlyFormat::Ascii, _) => 2,
        (_, &PropertyType::Scalar(scalar)) => width(scalar) as u64,
        (_, &PropertyType::List { count_type, .. }) => width(count_type) as u64,
    };
    element.properties.iter().map(least).sum()
}

/// Appends the next word with the white space before it; the part that is the word.
fn token(bytes: &mut Vec<u8>, reader: &mut impl BufRead) -> io::Result<Range<usize>> {
    let mut start = None;
    loop {
        let buffer = reader.fill_buf()?;
        let space = if start.is_none() {
            let word = buffer.iter().position(|byte| !byte.is_ascii_whitespace());
            word.unwrap_or(buffer.len())
        } else {
            0
        };
        let word = &buffer[space..];
        let end = word.iter().position(u8::is_ascii_whitespace);
        let used = space + end.unwrap_or(word.len());
        match (buffer.is_empty(), start) {
            (true, None) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (true, Some(start)) => return Ok(start..bytes.len()),
            (false, None) if !word.is_empty() => start = Some(bytes.len() + space),
            _ => {}
        }
        bytes.extend_from_slice(&buffer[..used]);
        reader.consume(used);
        if let (Some(start), Some(_)) = (start, end) {
            return Ok(start..bytes.len());
        }
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Bytes of a value in binary.
fn width(scalar: ScalarType) -> usize {
    match scalar {
        ScalarType::I8 | ScalarType::U8 => 1,
        ScalarType::I16 | ScalarType::U16 => 2,
        ScalarType::I32 | ScalarType::U32 | ScalarType::F32 => 4,
        ScalarType::F64 => 8,
    }
}

/// The number that a field is.
fn number(field: &[u8], format: PlyFormat, scalar: ScalarType) -> Option<f64> {
    macro_rules! of {
        ($number:ty) => {{
            let bytes = field.try_into().ok()?;
            f64::from(match format {
                PlyFormat::BinaryBigEndian => <$number>::from_be_bytes(bytes),
                _ => <$number>::from_le_bytes(bytes),
            })
        }};
    }
    if format == PlyFormat::Ascii {
        return std::str::from_utf8(field).ok()?.parse().ok();
    }
    Some(match scalar {
        ScalarType::I8 => of!(i8),
        ScalarType::U8 => of!(u8),
        ScalarType::I16 => of!(i16),
        ScalarType::U16 => of!(u16),
        ScalarType::I32 => of!(i32),
        ScalarType::U32 => of!(u32),
        ScalarType::F32 => of!(f32),
        ScalarType::F64 => of!(f64),
    })
}

/// Appends a coordinate as its file has it: in float if `scalar` is, and in double otherwise.
pub(super) fn push_number(bytes: &mut Vec<u8>, value: f64, format: PlyFormat, scalar: ScalarType) {
    let single = scalar == ScalarType::F32;
    match format {
        PlyFormat::Ascii if single => bytes.extend(format!("{:?}", value as f32).bytes()),
        PlyFormat::Ascii => bytes.extend(format!("{value:?}").bytes()),
        PlyFormat::BinaryLittleEndian if single => bytes.extend((value as f32).to_le_bytes()),
        PlyFormat::BinaryLittleEndian => bytes.extend(value.to_le_bytes()),
        PlyFormat::BinaryBigEndian if single => bytes.extend((value as f32).to_be_bytes()),
        PlyFormat::BinaryBigEndian => bytes.extend(value.to_be_bytes()),
    }
}

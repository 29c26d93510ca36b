//! The rows of a `.ply`, as bytes, with the range of each property, in ascii, where a row is a line, and in binary of either
//! byte order.

use super::{header::Header, malformed};
use crate::{Error, Result, columns::Field, error::one_line};
use serde_ply::{ElementDef, PlyFormat, PlyProperty, PropertyType, ScalarType};
use std::{
    io::{self, BufRead, Read},
    ops::Range,
    path::Path,
};

/// One row; in ascii with its line end, and with the blank lines before it.
#[derive(Default)]
pub(super) struct Row {
    pub(super) bytes: Vec<u8>,
    /// The range of each property in `bytes`.
    pub(super) fields: Vec<Range<usize>>,
    /// In ascii, the range of each word, and the number of lines of the file so far.
    words: Vec<Range<usize>>,
    line: usize,
}

/// The rows that [`walk`] visits.
pub(super) enum Part<'r> {
    /// A row of another element, with the element's place, or white space after all of them.
    Other(Option<usize>, &'r Row),
    /// A vertex, counted from 0.
    Vertex(usize, &'r Row),
}

/// Why a row cannot be read.
enum Fault {
    Reading(io::Error),
    /// The number of words in a line, and the number expected.
    Words(u64, u64),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Reading(error)
    }
}

/// Passes all rows to `take`, and refuses anything else.
pub(super) fn walk<E: From<Error>>(
    file: &Path,
    header: &Header,
    reader: &mut impl BufRead,
    mut take: impl FnMut(Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut row = Row {
        line: header.text.iter().filter(|byte| **byte == b'\n').count(),
        ..Row::default()
    };
    for (place, element) in header.elements.iter().enumerate() {
        let (is_vertex, name) = (place == header.at, &element.name);
        let broken = |error| malformed(file, &format!("element {name}"), error);
        // Rows without properties take no bytes: no end of file would stop a header that claims too many.
        if element.properties.is_empty() && element.count > 0 {
            return Err(broken(invalid("has rows but no properties")).into());
        }
        for at in 0..element.count {
            let read = row.read(header.format, &element.properties, reader);
            read.map_err(|fault| match fault {
                Fault::Words(found, expected) => Error::Line {
                    file: file.into(),
                    line: row.line,
                    found,
                    expected,
                    what: format!("element {}", one_line(name)),
                },
                Fault::Reading(error) if !is_vertex => broken(error),
                Fault::Reading(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Error::Truncated {
                        file: file.into(),
                        what: "vertices",
                        promised: element.count as u64,
                        found: at as u64,
                    }
                }
                Fault::Reading(error) => malformed(file, &format!("row {}", at + 1), error),
            })?;
            take(match is_vertex {
                true => Part::Vertex(at, &row),
                false => Part::Other(Some(place), &row),
            })?;
        }
    }
    loop {
        let broken = |error| malformed(file, "end of the file", error);
        let rest = reader.fill_buf().map_err(broken)?;
        if rest.is_empty() {
            return Ok(());
        }
        if let Some(at) = rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
            let lines = rest[..at].iter().filter(|byte| **byte == b'\n').count();
            return Err(E::from(Error::LeftOver {
                file: file.into(),
                place: match header.format {
                    PlyFormat::Ascii => format!("line {}", row.line + lines + 1),
                    _ => "behind the last element".into(),
                },
            }));
        }
        row.bytes.clear();
        row.bytes.extend_from_slice(rest);
        row.line += rest.iter().filter(|byte| **byte == b'\n').count();
        let used = rest.len();
        reader.consume(used);
        take(Part::Other(None, &row))?;
    }
}

impl Row {
    /// Replaces this row by the next one.
    fn read(
        &mut self,
        format: PlyFormat,
        properties: &[PlyProperty],
        reader: &mut impl BufRead,
    ) -> Result<(), Fault> {
        self.bytes.clear();
        self.fields.clear();
        if format == PlyFormat::Ascii {
            self.line(reader)?;
            return self.divide(properties);
        }
        for property in properties {
            let start = self.bytes.len();
            match property.property_type {
                PropertyType::Scalar(scalar) => {
                    self.scalar(scalar, reader)?;
                }
                PropertyType::List {
                    count_type,
                    data_type,
                } => {
                    let count = self.scalar(count_type, reader)?;
                    let count = items(&self.bytes[count], format, count_type)?;
                    self.items(count, data_type, reader)?;
                }
            }
            self.fields.push(start..self.bytes.len());
        }
        Ok(())
    }

    /// Appends the next line that is not blank, and the blank lines before it.
    fn line(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        self.words.clear();
        while self.words.is_empty() {
            let start = self.bytes.len();
            if reader.read_until(b'\n', &mut self.bytes)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.line += 1;
            let mut word = None;
            for (at, byte) in (start..).zip(&self.bytes[start..]) {
                match (byte.is_ascii_whitespace(), word) {
                    (false, None) => word = Some(at),
                    (true, Some(first)) => {
                        self.words.push(first..at);
                        word = None;
                    }
                    _ => {}
                }
            }
            self.words.extend(word.map(|first| first..self.bytes.len()));
        }
        Ok(())
    }

    /// Assigns the words of the line to the properties.
    fn divide(&mut self, properties: &[PlyProperty]) -> Result<(), Fault> {
        let mut used = 0_u64;
        for property in properties {
            let first = used;
            used += 1;
            if let PropertyType::List { count_type, .. } = property.property_type
                && let Some(count) = self.words.get(first as usize)
            {
                used += items(&self.bytes[count.clone()], PlyFormat::Ascii, count_type)?;
            }
            let last = usize::try_from(used - 1).ok();
            let last = last.and_then(|last| self.words.get(last));
            if let (Some(first), Some(last)) = (self.words.get(first as usize), last) {
                self.fields.push(first.start..last.end);
            }
        }
        let found = self.words.len() as u64;
        if found < used && !self.bytes.ends_with(b"\n") {
            // The last line of a truncated file.
            return Err(Fault::Reading(io::ErrorKind::UnexpectedEof.into()));
        }
        match found == used {
            true => Ok(()),
            false => Err(Fault::Words(found, used)),
        }
    }

    /// Appends one value in binary; returns its range.
    fn scalar(
        &mut self,
        scalar: ScalarType,
        reader: &mut impl BufRead,
    ) -> io::Result<Range<usize>> {
        let start = self.bytes.len();
        self.bytes.resize(start + width(scalar), 0);
        reader.read_exact(&mut self.bytes[start..])?;
        Ok(start..self.bytes.len())
    }

    /// Appends the values of a list in binary.
    fn items(
        &mut self,
        count: u64,
        scalar: ScalarType,
        reader: &mut impl BufRead,
    ) -> io::Result<()> {
        let length = count * width(scalar) as u64;
        // Nothing is allocated for the claimed length of a list.
        match reader.take(length).read_to_end(&mut self.bytes)? {
            found if found as u64 == length => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The numbers of a list, whose length and items have these types.
    pub(super) fn list(
        &self,
        format: PlyFormat,
        property: usize,
        [length, item]: [ScalarType; 2],
    ) -> impl Iterator<Item = Option<f64>> {
        let range = self.fields[property].clone();
        let words = self.words.iter().filter(move |word| {
            format == PlyFormat::Ascii && range.start < word.start && word.end <= range.end
        });
        let start = self.fields[property].start + width(length);
        let bytes = match format {
            PlyFormat::Ascii => &[],
            _ => self
                .bytes
                .get(start..self.fields[property].end)
                .unwrap_or_default(),
        };
        let words = words.map(|word| &self.bytes[word.clone()]);
        words
            .chain(bytes.chunks_exact(width(item)))
            .map(move |field| number(field, format, item))
    }

    /// One of the properties of a vertex that are not lists.
    pub(super) fn field(&self, header: &Header, column: usize) -> Field {
        let property = header.scalars[column];
        let field = &self.bytes[self.fields[property].clone()];
        match number(field, header.format, header.scalar(property)) {
            Some(number) => Field::Number(number),
            None => Field::Text(String::from_utf8_lossy(field).into_owned()),
        }
    }
}

/// The number of items of a list.
fn items(field: &[u8], format: PlyFormat, scalar: ScalarType) -> io::Result<u64> {
    number(field, format, scalar)
        .filter(|count| count.fract() == 0.0 && (0.0..=4_294_967_295.0).contains(count))
        .map(|count| count as u64)
        .ok_or_else(|| invalid("a list has no number of items"))
}

/// The fewest bytes of a row of the element.
pub(super) fn least_bytes(header: &Header, element: &ElementDef) -> u64 {
    let least = |property: &PlyProperty| match (header.format, &property.property_type) {
        // A digit and a separator, which may be missing at the end of a file.
        (PlyFormat::Ascii, _) => 2,
        (_, &PropertyType::Scalar(scalar)) => width(scalar) as u64,
        (_, &PropertyType::List { count_type, .. }) => width(count_type) as u64,
    };
    element.properties.iter().map(least).sum()
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

/// The number in a field.
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

/// Appends a number in the format of its file: as float if `scalar` is, an integer from 0 to 255 as uchar, and otherwise as
/// double.
pub(super) fn push_number(bytes: &mut Vec<u8>, value: f64, format: PlyFormat, scalar: ScalarType) {
    let single = scalar == ScalarType::F32;
    match format {
        PlyFormat::Ascii if scalar == ScalarType::U8 => {
            bytes.extend((value as u8).to_string().bytes())
        }
        _ if scalar == ScalarType::U8 => bytes.push(value as u8),
        PlyFormat::Ascii if single => bytes.extend(format!("{:?}", value as f32).bytes()),
        PlyFormat::Ascii => bytes.extend(format!("{value:?}").bytes()),
        PlyFormat::BinaryLittleEndian if single => bytes.extend((value as f32).to_le_bytes()),
        PlyFormat::BinaryLittleEndian => bytes.extend(value.to_le_bytes()),
        PlyFormat::BinaryBigEndian if single => bytes.extend((value as f32).to_be_bytes()),
        PlyFormat::BinaryBigEndian => bytes.extend(value.to_be_bytes()),
    }
}

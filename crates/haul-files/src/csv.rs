//! Tables as text: `.csv` (fields separated by commas or semicolons) and `.xyz` (fields separated by white space, or the atoms
//! of a molecule). Both may have a header, and lines that begin with `#` or `//`.

use crate::{
    Attributes, Cloud, Columns, Error, Reading, Result,
    attributes::{Extra, NORMALS},
    cloud::column_name,
    columns::{AXES_OF_XYZ, Field, Table, complete, is_missing},
    error::one_line,
};
use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use std::{
    borrow::Cow,
    cell::Cell,
    io::{self, BufRead, Read, Write},
    path::Path,
};

/// The kind of a line of a table.
enum Part<'p> {
    /// A comment, unchanged; also a blank line.
    Comment(&'p [u8]),
    /// The names of the columns, and the unchanged line if it begins like a comment.
    Header(Option<&'p [u8]>),
    /// Atoms follow, with their x in this column.
    Atoms(usize),
    /// A row, with its number from 0.
    Row(usize),
}

/// The kind of the first row of a table.
#[derive(Debug, PartialEq)]
enum First {
    Header,
    Row,
    Doubtful,
}

/// The format of numbers: where semicolons separate fields, a comma may be the decimal mark.
#[derive(Clone, Copy)]
struct Dialect {
    separator: u8,
}

impl Dialect {
    const COMMAS: Self = Self { separator: b',' };
    const SEMICOLONS: Self = Self { separator: b';' };

    fn number(self, field: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(field.trim_ascii()).ok()?;
        if self.has_comma(field) {
            let point = text.replacen(',', ".", 1);
            return point.parse().ok().filter(|_| !text.contains('.'));
        }
        text.parse().ok()
    }

    /// Whether the decimal mark is a comma, if this is a number.
    fn has_comma(self, field: &[u8]) -> bool {
        self.separator == b';' && field.contains(&b',')
    }

    fn field(self, field: &[u8]) -> Field {
        match self.number(field) {
            Some(number) => Field::Number(number),
            None => {
                let text = String::from_utf8_lossy(field.trim_ascii()).into_owned();
                match is_missing(field) {
                    true => Field::Missing(text),
                    false => Field::Text(text),
                }
            }
        }
    }

    /// Whether a field is a number that is not written as an integer.
    fn is_decimal(self, field: &[u8]) -> bool {
        self.number(field).is_some() && !digits(field)
    }

    /// The kind of the first row of a table, by it and the second one. Some programs name columns without names 0, 1, 2, …
    fn first(self, first: &ByteRecord, second: Option<&ByteRecord>) -> First {
        let is_text = |field: &&[u8]| self.number(field).is_none();
        let texts = first.iter().filter(is_text).count();
        if texts == first.len() {
            let divides = |byte: &u8| b",;".contains(byte) || byte.is_ascii_whitespace();
            let several = |field: &[u8]| is_several(field, divides);
            return match first.iter().all(is_missing) || first.iter().any(several) {
                true => First::Row,
                false => First::Header,
            };
        }
        let Some(second) = second else {
            return First::Row;
        };
        // R leaves out the name of the first column.
        let shift = match second.len().checked_sub(first.len()) {
            Some(shift @ 0..=1) => shift,
            _ => return First::Row,
        };
        let columns = || first.iter().zip(second.iter().skip(shift));
        let numbers = || columns().filter(|(name, _)| self.number(name).is_some());
        let mut values = numbers().filter_map(|(name, _)| self.number(name));
        let start = values.next().unwrap_or(0.0);
        let counts = (1..)
            .zip(values)
            .all(|(k, value)| value == start + f64::from(k));
        let counts = counts && numbers().all(|(name, _)| digits(name));
        let decimal = numbers().all(|(_, value)| self.is_decimal(value));
        let (zero, several) = (start == 0.0, first.len() - texts > 1);
        if texts > 0 {
            let plain = |(at, (name, value)): (usize, (&[u8], &[u8]))| {
                self.number(name).is_some()
                    || (at == 0 || !is_missing(name))
                        && (self.number(value).is_some() || is_missing(value))
            };
            let named = columns().enumerate().all(plain);
            let digits = numbers().all(|(name, _)| digits(name));
            return match (named && digits, counts && several && decimal) {
                (true, _) => First::Header,
                (_, true) => First::Doubtful,
                _ => First::Row,
            };
        }
        match counts {
            true if shift == 1 => First::Row,
            true if zero && decimal && first.len() > 2 => First::Header,
            true if (zero || decimal) && several || zero && decimal => First::Doubtful,
            _ => First::Row,
        }
    }
}

fn digits(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// The lines of a table. The first ones are held back until it is clear which one is a header.
struct Sequence<'s, F> {
    file: &'s Path,
    dialect: Dialect,
    header: Option<bool>,
    each: F,
    /// Records, and comments unchanged.
    held: Vec<(ByteRecord, Option<Vec<u8>>)>,
    /// Fields of the first record, once its kind is clear.
    width: Option<usize>,
    rows: usize,
}

impl<E: From<Error>, F: FnMut(Part, &ByteRecord) -> Result<(), E>> Sequence<'_, F> {
    /// Adds the next line; a comment comes with its text.
    fn push(&mut self, record: &ByteRecord, comment: Option<&[u8]>) -> Result<(), E> {
        if self.width.is_some() {
            return self.emit(record, comment);
        }
        (self.held).push((record.clone(), comment.map(<[u8]>::to_vec)));
        match self
            .held
            .iter()
            .filter(|(_, comment)| comment.is_none())
            .count()
        {
            0 | 1 => Ok(()),
            _ => self.release(),
        }
    }

    fn emit(&mut self, record: &ByteRecord, comment: Option<&[u8]>) -> Result<(), E> {
        if let Some(text) = comment {
            return (self.each)(Part::Comment(text), record);
        }
        self.rows += 1;
        (self.each)(Part::Row(self.rows - 1), record)
    }

    /// Decides which of the held lines is a header, and passes them on.
    fn release(&mut self) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        let mut records = (0..held.len()).filter(|&at| held[at].1.is_none());
        let (first, second) = (records.next(), records.next());
        let header = match first {
            Some(at) => {
                self.width = Some(held[at].0.len());
                self.header(&held[..=at], second.map(|second| &held[second].0))?
            }
            None => None,
        };
        for (at, (record, comment)) in held.iter().enumerate() {
            if header == Some(at) {
                (self.each)(Part::Header(comment.as_deref()), record)?;
            } else {
                self.emit(record, comment.as_deref())?;
            }
        }
        Ok(())
    }

    /// The header among the lines up to the first record.
    fn header(
        &self,
        lines: &[(ByteRecord, Option<Vec<u8>>)],
        second: Option<&ByteRecord>,
    ) -> Result<Option<usize>> {
        let Some(((first, _), before)) = lines.split_last() else {
            return Ok(None);
        };
        let is_number = |field: &[u8]| self.dialect.number(field).is_some();
        let names = |names: &ByteRecord| {
            names.len() == first.len()
                && !names.iter().any(|name| is_number(name) || is_missing(name))
        };
        let above =
            (before.last()).is_some_and(|(last, _)| names(last) && first.iter().any(is_number));
        Ok(match self.header {
            Some(false) => None,
            _ if above => Some(before.len() - 1),
            Some(true) => Some(before.len()),
            None => match self.dialect.first(first, second) {
                First::Header => Some(before.len()),
                First::Row => None,
                First::Doubtful => {
                    let separator = char::from(self.dialect.separator).to_string();
                    let fields = first.iter().map(String::from_utf8_lossy);
                    let row = fields.collect::<Vec<_>>().join(&separator);
                    return Err(Error::DoubtfulHeader {
                        file: self.file.into(),
                        row: one_line(&row).chars().take(40).collect(),
                    });
                }
            },
        })
    }

    fn end(&mut self) -> Result<(), E> {
        match self.width {
            Some(_) => Ok(()),
            None => self.release(),
        }
    }

    /// Whether a record that begins like a comment is a row whose first field is a text.
    fn is_row(&self, record: &ByteRecord) -> bool {
        let is_number = |field: &[u8]| self.dialect.number(field).is_some();
        let first = record.get(0).unwrap_or_default().trim_ascii();
        let width = || {
            let first = self.held.iter().find(|(_, comment)| comment.is_none());
            self.width.or(first.map(|(first, _)| first.len()))
        };
        let label = first.strip_prefix(b"#").unwrap_or(first);
        is_missing(first)
            || record.len() > 1
                && width() == Some(record.len())
                && !(label.is_empty() || is_number(label))
                && record.iter().skip(1).all(is_number)
    }
}

/// Whether a text begins like a comment.
fn is_comment(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.starts_with(b"#") || text.starts_with(b"//")
}

/// Visits the records of a csv, except empty ones.
fn records<E: From<Error>>(
    file: &Path,
    reader: impl BufRead,
    header: Option<bool>,
    mut each: impl FnMut(Dialect, Part, &ByteRecord) -> Result<(), E>,
) -> Result<(), E> {
    let (head, reader) = peeked(reader).map_err(|error| broken(file, 0, error, ".csv"))?;
    let dialect = dialect(&head);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.separator)
        .from_reader(head.chain(reader));
    let mut sequence = Sequence {
        file,
        dialect,
        header,
        each: |part: Part, record: &ByteRecord| each(dialect, part, record),
        held: Vec::new(),
        width: None,
        rows: 0,
    };
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return sequence.end(),
            Err(error) => return Err(broken(file, sequence.rows, error.into(), ".csv").into()),
        }
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        let opens = record.get(0).is_some_and(is_comment);
        if opens && !sequence.is_row(&record) {
            let text = record.iter().collect::<Vec<_>>().join(&dialect.separator);
            if text.contains(&b'\n') {
                let line = record.position().map_or(0, csv::Position::line);
                let place = format!("comment on line {line}");
                let reason = "a quote that opens a field is not closed on its line";
                return Err(Error::malformed(file, &place, reason, ".csv").into());
            }
            sequence.push(&record, Some(&text))?;
        } else {
            sequence.push(&record, None)?;
        }
    }
}

/// The bytes up to the end of the first line that is neither blank nor a comment, and the rest.
fn peeked<R: BufRead>(mut reader: R) -> io::Result<(io::Cursor<Vec<u8>>, R)> {
    let mut head = Vec::new();
    loop {
        let start = head.len();
        let length = reader.read_until(b'\n', &mut head)?;
        let line = &head[start..];
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if length == 0 || !(line.trim_ascii().is_empty() || is_comment(line)) {
            return Ok((io::Cursor::new(head), reader));
        }
    }
}

/// The dialect of a table that begins like this: the separator in the last line.
fn dialect(head: &io::Cursor<Vec<u8>>) -> Dialect {
    let lines = head.get_ref().trim_ascii_end();
    let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
    let mut quoted = false;
    let (mut commas, mut semicolons) = (0, 0);
    for byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => commas += 1,
            b';' if !quoted => semicolons += 1,
            _ => {}
        }
    }
    let decimal = |field: &[u8]| Dialect::SEMICOLONS.number(field).is_some();
    let numbers = || line.split(|byte| *byte == b';').all(decimal);
    match semicolons > 0 && (semicolons > commas || numbers()) {
        true => Dialect::SEMICOLONS,
        false => Dialect::COMMAS,
    }
}

/// The names in a header. Some programs begin it like a comment.
fn names(header: &ByteRecord) -> Vec<String> {
    let name = |field| one_line(&String::from_utf8_lossy(field));
    let mut names: Vec<_> = header.iter().map(name).collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches(['#', '/', ' ']).to_owned();
    }
    names
}

/// Whether a field is several numbers, or one number and a separator.
fn is_several(field: &[u8], divides: impl Fn(&u8) -> bool) -> bool {
    let parts = || field.split(&divides).filter(|part| !part.is_empty());
    let number = |part: &[u8]| Dialect::COMMAS.number(part).is_some();
    field.trim_ascii().iter().any(&divides) && parts().next().is_some() && parts().all(number)
}

/// The error of a row without the separators of the format, in which a field is several numbers.
fn undivided<'r>(
    file: &Path,
    row: usize,
    mut fields: impl Iterator<Item = &'r [u8]>,
    divides: impl Fn(&u8) -> bool,
    separator: &'static str,
) -> Option<Error> {
    let field = fields.find(|field| is_several(field, &divides))?;
    Some(Error::Separator {
        file: file.into(),
        row: row + 1,
        text: String::from_utf8_lossy(field).chars().take(40).collect(),
        separator,
    })
}

/// Adds a row to a table; fields of several numbers are reported before fields that are not numbers.
fn push(
    table: &mut Table,
    found: usize,
    field: impl Fn(usize) -> Field,
    undivided: impl Fn() -> Option<Error>,
) -> Result<()> {
    let pushed = table.push(found, field);
    let row_of_texts = table.shape().0 == 1 && table.has_texts();
    let not_a_number = matches!(
        pushed,
        Err(Error::NotANumber { .. } | Error::TextColumn { .. })
    );
    match (row_of_texts || not_a_number).then(undivided).flatten() {
        Some(error) => Err(error),
        None => pushed,
    }
}

/// Reads csv.
fn table_of_csv<'t>(
    file: &'t Path,
    reader: impl BufRead,
    columns: &'t Columns,
    header: Option<bool>,
) -> Result<Table<'t>> {
    let mut table = Table::new(file, columns, None);
    // Whether decimals have commas, once a decimal was seen.
    let mark = Cell::new(None);
    records(file, reader, header, |dialect, part, record| match part {
        Part::Header(_) => {
            table.names = Some(names(record));
            Ok(())
        }
        Part::Row(row) => {
            let mixed = Cell::new(None);
            let field = |column: usize| {
                let field = &record[column];
                let comma = dialect.has_comma(field);
                if dialect.separator == b';' && (comma || field.contains(&b'.')) {
                    let number = dialect.number(field).is_some();
                    match mark.get() {
                        None if number => mark.set(Some(comma)),
                        Some(known) if number && known != comma => mixed.set(Some(column)),
                        _ => {}
                    }
                }
                dialect.field(field)
            };
            let blank = |byte: &u8| *byte == b';' || byte.is_ascii_whitespace();
            let undivided = || undivided(file, row, record.iter(), blank, "commas");
            push(&mut table, record.len(), field, undivided)?;
            match mixed.get() {
                None => Ok(()),
                Some(column) => Err(Error::DecimalMark {
                    file: file.into(),
                    row: row + 1,
                    text: String::from_utf8_lossy(&record[column])
                        .chars()
                        .take(40)
                        .collect(),
                }),
            }
        }
        Part::Comment(_) | Part::Atoms(_) => Ok(()),
    })?;
    Ok(table)
}

/// Reads a cloud from csv.
pub(crate) fn read_csv(file: &Path, reader: impl BufRead, reading: &Reading) -> Result<Cloud> {
    table_of_csv(file, reader, &reading.columns, reading.header)?.finish()
}

/// Reads a csv with one column.
pub(crate) fn read_column(
    file: &Path,
    reader: impl BufRead,
    header: Option<bool>,
) -> Result<Vec<f64>> {
    let first = Columns {
        coordinates: vec!["1".into()],
        weight: None,
        unweighted: true,
    };
    let table = table_of_csv(file, reader, &first, header)?;
    match table.shape() {
        (_, 0 | 1) => table.into_weights(),
        (rows, width) => Err(Error::Shape {
            file: file.into(),
            name: "of weights".into(),
            shape: vec![rows as u64, width as u64],
            wanted: "one column, one weight per point",
        }),
    }
}

/// Visits the lines of a text, with any line end; a byte order mark at its beginning is skipped.
fn lines<E: From<Error>>(
    file: &Path,
    mut reader: impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Vec::new();
    let mut read = 0;
    loop {
        lines.clear();
        match reader.read_until(b'\n', &mut lines) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(broken(file, read, error, ".xyz").into()),
        }
        let mark: &[u8] = if read == 0 { b"\xef\xbb\xbf" } else { b"" };
        let text = lines.strip_prefix(mark).unwrap_or(&lines);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        text.split(|&byte| byte == b'\r').try_for_each(&mut each)?;
        read += 1;
    }
}

/// The fields between white space.
fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// The atoms of a molecule: their number is on the first line of an `.xyz`, a title on the second.
#[derive(Clone, Copy)]
struct Molecule {
    atoms: u64,
    /// The column of x.
    x: usize,
}

impl Molecule {
    /// The atoms that the first three lines of a file describe, if any.
    fn of(lines: &[Vec<u8>]) -> Option<Self> {
        let [count, title, atom] = lines else {
            return None;
        };
        let mut count = fields(count);
        let (Some(atoms), None) = (count.next(), count.next()) else {
            return None;
        };
        let atoms = std::str::from_utf8(atoms).ok().filter(|_| digits(atoms))?;
        let atom: Vec<_> = fields(atom).collect();
        let x = Self::place(title);
        let number = |field: &&[u8]| Dialect::COMMAS.number(field).is_some();
        let point = atom.get(x?..x? + 3)?;
        // The element, by symbol or number.
        let row = fields(title).all(|field| number(&field)) && fields(title).count() == atom.len();
        let element =
            atom[0].first().is_some_and(u8::is_ascii_alphabetic) || digits(atom[0]) && !row;
        (element && point.iter().all(number)).then_some(Self {
            atoms: atoms.parse().ok()?,
            x: x?,
        })
    }

    /// The column of x; a title may give it as `Properties=species:S:1:pos:R:3`.
    fn place(title: &[u8]) -> Option<usize> {
        let title = String::from_utf8_lossy(title);
        let properties = fields(title.as_bytes())
            .filter_map(|word| std::str::from_utf8(word).ok()?.strip_prefix("Properties="))
            .next();
        let Some(properties) = properties else {
            return Some(1);
        };
        let parts: Vec<_> = properties.trim_matches('"').split(':').collect();
        let mut column = 0_usize;
        for part in parts.chunks(3) {
            match part {
                ["pos", _, "3"] => return Some(column),
                [_, _, width] => column = column.checked_add(width.parse().ok()?)?,
                _ => return None,
            }
        }
        None
    }

    /// The names of the columns, `width` in number.
    fn names(x: usize, width: usize) -> Vec<String> {
        let name = |column: usize| match column.checked_sub(x) {
            Some(axis @ 0..=2) => ["x", "y", "z"][axis].to_owned(),
            _ if column == 0 && x == 1 => "element".to_owned(),
            _ => (column + 1).to_string(),
        };
        (0..width).map(name).collect()
    }

    /// The coordinates of atoms, unless others were selected.
    fn columns(columns: &Columns) -> Cow<'_, Columns> {
        if !columns.coordinates.is_empty() {
            return Cow::Borrowed(columns);
        }
        Cow::Owned(Columns {
            coordinates: ["x", "y", "z"].map(str::to_owned).to_vec(),
            ..columns.clone()
        })
    }
}

/// Visits the lines of an xyz.
fn xyz<E: From<Error>>(
    file: &Path,
    reader: impl BufRead,
    header: Option<bool>,
    each: impl FnMut(Part, &ByteRecord) -> Result<(), E>,
) -> Result<(), E> {
    let mut sequence = Sequence {
        file,
        dialect: Dialect { separator: b' ' },
        header,
        each,
        held: Vec::new(),
        width: None,
        rows: 0,
    };
    // The first three lines, which show whether these are atoms.
    let mut held: Option<Vec<Vec<u8>>> = Some(Vec::new());
    let mut molecule = None;
    let mut record = ByteRecord::new();
    let mut of_table = |sequence: &mut Sequence<'_, _>, line: &[u8]| -> Result<(), E> {
        record.clear();
        if line.trim_ascii().is_empty() {
            return sequence.push(&record, Some(line));
        }
        let opens = is_comment(line);
        let marks = |byte: &u8| opens && (b"#/".contains(byte) || byte.is_ascii_whitespace());
        let start = line.iter().take_while(|byte| marks(byte)).count();
        fields(&line[start..]).for_each(|field| record.push_field(field));
        sequence.push(&record, opens.then_some(line))
    };
    lines(file, reader, |line| {
        if let Some(first) = &mut held {
            first.push(line.to_vec());
            if first.len() < 3 {
                return Ok(());
            }
            let first = held.take().unwrap_or_default();
            molecule = Molecule::of(&first);
            let Some(Molecule { x, .. }) = molecule else {
                return first
                    .iter()
                    .try_for_each(|line| of_table(&mut sequence, line));
            };
            let none = ByteRecord::new();
            (sequence.each)(Part::Comment(&first[0]), &none)?;
            (sequence.each)(Part::Comment(&first[1]), &none)?;
            (sequence.each)(Part::Atoms(x), &none)?;
            let atom = fields(&first[2]).collect();
            return sequence.emit(&atom, None);
        }
        let Some(Molecule { atoms, .. }) = molecule else {
            return of_table(&mut sequence, line);
        };
        if line.trim_ascii().is_empty() {
            return sequence.emit(&ByteRecord::new(), Some(line));
        }
        if sequence.rows as u64 >= atoms {
            let place = format!("behind atom {atoms}");
            let reason = "there are more lines than the first one says, as those of a second frame";
            return Err(Error::malformed(file, &place, reason, ".xyz with one frame").into());
        }
        sequence.emit(&fields(line).collect(), None)
    })?;
    for line in held.unwrap_or_default() {
        of_table(&mut sequence, &line)?;
    }
    match molecule {
        Some(Molecule { atoms, .. }) if (sequence.rows as u64) < atoms => {
            let found = sequence.rows as u64;
            Err(E::from(Error::Truncated {
                file: file.into(),
                what: "atoms",
                promised: atoms,
                found,
            }))
        }
        Some(_) => Ok(()),
        None => sequence.end(),
    }
}

/// Reads a cloud from lines of coordinates, or from atoms.
pub(crate) fn read_xyz(file: &Path, reader: impl BufRead, reading: &Reading) -> Result<Cloud> {
    let of_atoms = Molecule::columns(&reading.columns);
    let mut table = Table::new(file, &reading.columns, None).of_axes(AXES_OF_XYZ);
    let mut x_of_atoms = None;
    xyz(file, reader, reading.header, |part, record| match part {
        Part::Header(_) => {
            table.names = Some(names(record));
            Ok(())
        }
        Part::Atoms(x) => {
            table = Table::new(file, &of_atoms, None);
            x_of_atoms = Some(x);
            Ok(())
        }
        Part::Row(row) => {
            if let (0, Some(x)) = (row, x_of_atoms) {
                table.names = Some(Molecule::names(x, record.len()));
            }
            let divides = |byte: &u8| b",;".contains(byte);
            let undivided = || undivided(file, row, record.iter(), divides, "spaces or tabs");
            let field = |column: usize| Dialect::COMMAS.field(&record[column]);
            push(&mut table, record.len(), field, undivided)
        }
        Part::Comment(_) => Ok(()),
    })?;
    table.finish()
}

fn broken(file: &Path, read: usize, error: io::Error, format: &'static str) -> Error {
    Error::broken(file, &format!("row {}", read + 1), error, format)
}

/// Whether decimals have commas in a csv.
pub(crate) fn has_decimal_commas(
    file: &Path,
    reader: impl BufRead,
    header: Option<bool>,
) -> Result<bool> {
    let (head, reader) = peeked(reader).map_err(|error| broken(file, 0, error, ".csv"))?;
    if dialect(&head).separator != b';' {
        return Ok(false);
    }
    let mut found = false;
    records(file, head.chain(reader), header, |dialect, _, record| {
        let decimal = |field: &[u8]| dialect.has_comma(field) && dialect.number(field).is_some();
        found |= record.iter().any(decimal);
        Ok::<_, Error>(())
    })?;
    Ok(found)
}

/// Copies `reader`, the csv called `file`, with its coordinates at `points` (row-major), with decimal commas if `comma` is set;
/// all other fields stay unchanged.
pub(crate) fn write_moved_csv(
    (file, reading): (&Path, &Reading),
    reader: impl BufRead,
    comma: bool,
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut moved = Moved::new(file, &reading.columns, points, attributes);
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    records(file, reader, reading.header, |dialect, part, record| {
        fields.clear();
        fields.extend(record.iter().map(<[u8]>::to_vec));
        match part {
            Part::Comment(line) | Part::Header(Some(line)) => {
                out.write_all(line)?;
                if let Part::Header(_) = part {
                    for name in moved.named(names(record)) {
                        write!(out, "{}{name}", char::from(dialect.separator))?;
                    }
                }
                return out.write_all(b"\n");
            }
            Part::Header(None) => fields.extend(moved.named(names(record)).map(Vec::from)),
            Part::Row(_) => moved.replace(&mut fields, comma)?,
            Part::Atoms(_) => {}
        }
        let mut row = WriterBuilder::new()
            .flexible(true)
            .delimiter(dialect.separator)
            .buffer_capacity(1 << 10)
            .from_writer(std::mem::take(&mut text));
        row.write_byte_record(&fields.iter().collect())?;
        text = row.into_inner().map_err(|error| error.into_error())?;
        out.write_all(&text)?;
        text.clear();
        Ok(())
    })?;
    moved.finish()
}

/// The same for lines of coordinates; comments stay unchanged.
pub(crate) fn write_moved_xyz(
    (file, reading): (&Path, &Reading),
    reader: impl BufRead,
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut moved = Moved::new(file, &reading.columns, points, attributes);
    let of_atoms = Molecule::columns(&reading.columns);
    let mut x_of_atoms = None;
    xyz(file, reader, reading.header, |part, record| {
        match part {
            Part::Atoms(x) => {
                x_of_atoms = Some(x);
                moved.columns = &of_atoms;
                return Ok(());
            }
            Part::Comment(line) => out.write_all(line)?,
            Part::Header(line) => {
                moved.names = Some(names(record));
                match line {
                    Some(line) => out.write_all(line)?,
                    None => out.write_all(&record.iter().collect::<Vec<_>>().join(&b' '))?,
                }
            }
            Part::Row(row) => {
                if let (0, Some(x)) = (row, x_of_atoms) {
                    moved.names = Some(Molecule::names(x, record.len()));
                }
                let mut fields: Vec<_> = record.iter().map(<[u8]>::to_vec).collect();
                moved.replace(&mut fields, false)?;
                out.write_all(&fields.join(&b' '))?;
            }
        }
        out.write_all(b"\n")
    })?;
    moved.finish()
}

/// The columns of a table that are rewritten.
struct Places {
    coordinates: Vec<usize>,
    /// The columns of the normals that turn; none if there are fewer of them than coordinates.
    normals: Vec<usize>,
    /// The columns of the extras; none for one that is appended.
    extras: Vec<Option<usize>>,
}

/// Coordinates and attributes that replace fields in the rows of a table.
struct Moved<'m> {
    file: &'m Path,
    columns: &'m Columns,
    names: Option<Vec<String>>,
    /// The columns that are rewritten, once a row was seen.
    places: Option<Places>,
    /// The points that have no row yet.
    points: &'m [f64],
    attributes: &'m Attributes<'m>,
    extras: Vec<Extra<'m>>,
    /// The number of finished rows.
    rows: usize,
}

impl<'m> Moved<'m> {
    fn new(
        file: &'m Path,
        columns: &'m Columns,
        points: &'m [f64],
        attributes: &'m Attributes<'m>,
    ) -> Self {
        Self {
            file,
            columns,
            names: None,
            places: None,
            points,
            attributes,
            extras: attributes.extras(),
            rows: 0,
        }
    }

    /// Stores the names of a header; returns those of the appended columns.
    fn named(&mut self, names: Vec<String>) -> impl Iterator<Item = &'static str> + use<> {
        let known = |extra: &Extra| names.iter().any(|name| name == extra.name);
        let new: Vec<_> = (self.extras.iter())
            .filter(|extra| !known(extra))
            .map(|extra| extra.name)
            .collect();
        self.names = Some(names);
        new.into_iter()
    }

    /// Decides which of `width` columns are rewritten.
    fn places(&mut self, width: usize) -> Result<Places> {
        complete(&mut self.names, width);
        let names = self.names.as_deref();
        if names.is_some_and(|names| names.len() != width) {
            return Err(changed(self.file));
        }
        let coordinates = self.columns.among(self.file, names, width)?.coordinates;
        let column = |name: &str| names.into_iter().flatten().position(|known| known == name);
        let known = NORMALS.iter().take(coordinates.len());
        let mut normals: Vec<_> = known.map_while(|name| column(name)).collect();
        let chosen = normals.iter().any(|column| coordinates.contains(column));
        if chosen || normals.len() != coordinates.len() || self.attributes.normals.is_none() {
            normals.clear();
        }
        let extras = self.extras.iter().map(|extra| column(extra.name));
        let extras = extras.map(|found| found.filter(|column| !coordinates.contains(column)));
        Ok(Places {
            extras: extras.collect(),
            coordinates,
            normals,
        })
    }

    /// Writes the next point into the fields of a row.
    fn replace(&mut self, fields: &mut Vec<Vec<u8>>, comma: bool) -> Result<()> {
        let places = match self.places.take() {
            Some(places) => places,
            None => self.places(fields.len())?,
        };
        for &column in &places.coordinates {
            let (Some(field), Some((value, rest))) =
                (fields.get_mut(column), self.points.split_first())
            else {
                return Err(changed(self.file));
            };
            *field = written(&format!("{value:?}"), comma);
            self.points = rest;
        }
        self.turn(&places.normals, fields, comma)?;
        for (extra, place) in self.extras.iter().zip(&places.extras) {
            let text = written(&extra.text(self.rows), comma);
            match place.map(|column| fields.get_mut(column)) {
                Some(Some(field)) => *field = text,
                Some(None) => return Err(changed(self.file)),
                None => fields.push(text),
            }
        }
        self.places = Some(places);
        self.rows += 1;
        Ok(())
    }

    /// Turns the normal in these columns.
    fn turn(&self, columns: &[usize], fields: &mut [Vec<u8>], comma: bool) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let dialect = match comma {
            true => Dialect::SEMICOLONS,
            false => Dialect::COMMAS,
        };
        let value = |(&column, name): (&usize, &&str)| {
            let field = fields.get(column).ok_or_else(|| changed(self.file))?;
            dialect.number(field).ok_or_else(|| Error::NotANumber {
                file: self.file.into(),
                row: self.rows + 1,
                column: (*name).into(),
                text: String::from_utf8_lossy(field).chars().take(40).collect(),
            })
        };
        let normal = columns.iter().zip(&NORMALS).map(value);
        let normal = normal.collect::<Result<Vec<_>>>()?;
        let turned = self.attributes.turned(&normal).unwrap_or(normal);
        for (&column, value) in columns.iter().zip(turned) {
            fields[column] = written(&format!("{value:?}"), comma);
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self.points {
            [] => Ok(()),
            _ => Err(changed(self.file).into()),
        }
    }
}

/// A number with the decimal mark of the table.
fn written(number: &str, comma: bool) -> Vec<u8> {
    match comma {
        true => number.replace('.', ",").into_bytes(),
        false => number.into(),
    }
}

fn changed(file: &Path) -> Error {
    let reason = "has other rows than it had when it was read";
    Error::malformed(file, "table", reason, "a table")
}

/// Writes a header and one row per point, each number with digits that read back exactly.
pub(crate) fn write_csv(
    out: &mut dyn Write,
    (points, dimension): (&[f64], usize),
    weights: Option<&[f64]>,
    attributes: &Attributes,
) -> io::Result<()> {
    let extras = attributes.extras();
    let mut names = match attributes.names {
        Some(names) if are_header(names) => names.to_vec(),
        _ => (0..dimension)
            // A bare number would read back as a row.
            .map(|column| match column_name(column, dimension) {
                number if dimension > 3 => format!("x{number}"),
                axis => axis,
            })
            .collect(),
    };
    names.extend(weights.map(|_| "weight".into()));
    names.extend(extras.iter().map(|extra| extra.name.to_owned()));
    let mut header = WriterBuilder::new().from_writer(Vec::new());
    header.write_record(&names)?;
    out.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
    write_rows(out, (points, dimension), weights, &extras, ",")
}

/// Whether a row of these names reads back as the header of columns that are all coordinates.
fn are_header(names: &[String]) -> bool {
    let plain = |name: &String| {
        let text = name.as_bytes();
        !is_missing(text) && Dialect::COMMAS.number(text).is_none() && !is_comment(text)
    };
    let roles = Columns::default().among(Path::new(""), Some(names), names.len());
    names.iter().all(plain) && roles.is_ok_and(|roles| roles.coordinates.len() == names.len())
}

/// Writes one line of coordinates per point, with their names if there are more than x, y and z.
pub(crate) fn write_xyz(out: &mut dyn Write, points: &[f64], dimension: usize) -> io::Result<()> {
    if dimension > AXES_OF_XYZ {
        let names = (1..=dimension).map(|k| format!(" x{k}"));
        writeln!(out, "#{}", names.collect::<String>())?;
    }
    write_rows(out, (points, dimension), None, &[], " ")
}

fn write_rows(
    out: &mut dyn Write,
    (points, dimension): (&[f64], usize),
    weights: Option<&[f64]>,
    extras: &[Extra],
    separator: &str,
) -> io::Result<()> {
    let mut weights = weights.into_iter().flatten();
    for (at, row) in points.chunks_exact(dimension).enumerate() {
        for (column, value) in row.iter().chain(weights.next()).enumerate() {
            write!(out, "{}{value:?}", if column == 0 { "" } else { separator })?;
        }
        for extra in extras {
            write!(out, "{separator}{}", extra.text(at))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::{message, parse};

    #[test]
    fn headers_line_ends_byte_order_marks_and_spaces_are_taken_as_they_come() {
        for text in [
            "1,2\n3,4\n",
            "1,2\r\n3,4",
            "x,y\n1,2\n3,4\n",
            "\u{feff}x,y\r\n1,2\r\n3,4\r\n",
            "\u{feff}1,2\n\n3,4\n\n",
            " \"x\" , y\n 1 , 2\n\t3,+4.0e0 \n  \n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (&*cloud.points, cloud.dimension),
                (&[1.0, 2.0, 3.0, 4.0][..], 2),
                "{text:?}"
            );
            assert_eq!(cloud.weights, None);
        }
    }

    #[test]
    fn a_column_named_weight_is_set_apart_wherever_it_stands() {
        for text in [
            "weight,x,y\n5,1,2\n6,3,4",
            "x,Weight,y\n1,5,2\n3,6,4",
            "x,y,weight\n1,2,5\n3,4,6",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(cloud.points, [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(cloud.weights.unwrap(), [5.0, 6.0]);
        }
    }

    #[test]
    fn xyz_takes_any_white_space_and_skips_comments() {
        let text = "\u{feff}# a scan\n//X Y Z\n1 2\t3\r\n\n  4   5 6  \n#7 8 9\n";
        let cloud = parse("a.xyz", text.as_bytes()).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.dimension),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], 3)
        );
    }

    #[test]
    fn what_is_moved_keeps_the_other_fields() {
        let reading = Reading::of(&Columns {
            coordinates: vec!["3".into(), "2".into()],
            ..Columns::default()
        });
        let moved = |text: &str, points: &[f64]| {
            let mut out = Vec::new();
            let file = Path::new("a.csv");
            let beside = (points, &Attributes::default());
            write_moved_csv((file, &reading), text.as_bytes(), false, beside, &mut out)?;
            io::Result::Ok(String::from_utf8(out).unwrap())
        };
        let before = "cell,x,y,note\n\"a, b\",1,2, kept \n c1 ,3,4,\n";
        let after = "cell,x,y,note\n\"a, b\",-2.0,0.5, kept \n c1 ,1e300,7.0,\n";
        assert_eq!(moved(before, &[0.5, -2.0, 7.0, 1e300]).unwrap(), after);
        assert_eq!(moved("a,1,2\r\n", &[5.0, 6.0]).unwrap(), "a,6.0,5.0\n");
        for points in [&[1.0; 2][..], &[1.0; 6]] {
            let error = moved(before, points).unwrap_err().to_string();
            assert!(error.contains("has other rows than it had"), "{error}");
        }
        let mut out = Vec::new();
        let lines = "# a scan\n9 1 2 255\n\n9\t3 4 7\r\n";
        write_moved_xyz(
            (Path::new("a.xyz"), &reading),
            lines.as_bytes(),
            (&[0.5, -2.0, 7.0, 8.0], &Attributes::default()),
            &mut out,
        )
        .unwrap();
        assert_eq!(out, b"# a scan\n9 -2.0 0.5 255\n\n9 8.0 7.0 7\n");
    }

    #[test]
    fn errors_name_the_row_the_column_and_the_remedy() {
        for (name, text, expected) in [
            (
                "a.csv",
                "1,2\n3,NaN\n",
                "row 2, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "1,2\n3,-inf\n",
                "row 2, column y is -inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,weight,lat\n1,1,nan\n",
                "row 1, column lat is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "x,weight\n1,1\n2,-1\n",
                "row 2, column weight is -1; a weight is a mass: give it zero or a positive value",
            ),
            (
                "a.csv",
                "x,weight\n1,inf\n",
                "row 1, column weight is inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,lat\n1,2\n1,two\n",
                "row 2, column lat is \"two\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "lon,lat\n1,two\n",
                "row 1, column lat is \"two\", not a number; select the columns that are coordinates",
            ),
            (
                "a.csv",
                "x y z\n0 0 0\n",
                "row 1 has \"0 0 0\" in one field; separate the fields by commas, and write decimals with a point",
            ),
            (
                "a.csv",
                "x,y\n0;0,5\n",
                "row 1 has \"0;0\" in one field; separate the fields by commas, and write decimals with a point",
            ),
            (
                "a.csv",
                "x;y\n0,5;1\n2;1.5\n",
                "row 2 has \"1.5\", and other numbers have the other decimal mark; write all decimals with a point, or \
                 all with a comma",
            ),
            (
                "a.xyz",
                "1,5 2,5\n",
                "row 1 has \"1,5\" in one field; separate the fields by spaces or tabs, and write decimals with a point",
            ),
            (
                "a.xyz",
                "1, 2, 3\n",
                "row 1 has \"1,\" in one field; separate the fields by spaces or tabs, and write decimals with a point",
            ),
            (
                "a.csv",
                "1,2,3,4\n1,2,,4\n",
                "row 2, column 3 is \"\"; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "1,2\n3,4,5\n",
                "row 2 has 3 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n1\n",
                "row 1 has 1 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "\"lon\n\u{1b}gitude\",y\nnan,1\n",
                "row 1, column lon gitude is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "weight\n1\n",
                "has no column of coordinates among [\"weight\"]; add it or rename the one that is meant",
            ),
            (
                "a.xyz",
                "#c\n1 2 3\n4 5 z\n",
                "row 2, column z is \"z\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.xyz",
                "1 2 3\n\n4 5\n",
                "row 2 has 2 columns where 3 are expected; give every row the same columns",
            ),
            (
                "a.xyz",
                "1 NaN\n",
                "row 1, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.xyz",
                "# nothing\n",
                "holds no rows; a cloud needs at least one point",
            ),
        ] {
            assert_eq!(
                message(name, text.as_bytes()),
                format!("{name}: {expected}")
            );
        }
    }
    #[test]
    fn semicolons_divide_fields_and_commas_may_be_decimal_marks() {
        let expected = [1.5, -2.0, 3e5, 0.25];
        for text in [
            "x;y\n1,5;-2\n3e5;0,25\n",
            "1,5;-2\n3e5;0,25\n",
            "x;y\n1.5;-2\n3e5;0.25\n",
            "# von Hand, am 3.4.\nx;y\n\"1,5\"; -2\n3e5;,25\n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (2, &expected[..]),
                "{text}"
            );
        }
        // Semicolons in a text are not separators.
        let cloud = parse("a.csv", b"\"a;b\",y\n1,5\n2,6\n").unwrap();
        assert_eq!(cloud.points, [1.0, 5.0, 2.0, 6.0]);
        // In one column with decimal commas the header shows that this is not a table of two.
        assert!(message("a.csv", b"x\n1,5\n2,5\n").contains("has 2 columns where 1 are expected"));
        assert!(
            message("a.csv", b"x,y\n1,5,2\n7,5,2\n").contains("3 columns where 2 are expected")
        );
    }

    #[test]
    fn comments_stand_above_a_header_and_between_rows() {
        for text in [
            "# made by hand, on Monday\n#\nx,y\n# the first one\n1,2\n// the last one, really\n3,4\n# end\n",
            "# made by hand\n# x,y\n1,2\n#5,6\n3,4\n",
            "# made by hand\n1,2\n# a \"quote\"\n3,4\n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (2, &[1.0, 2.0, 3.0, 4.0][..]),
                "{text}"
            );
        }
        let cloud = parse("a.csv", b"# x,weight\n1,2\n3,4\n").unwrap();
        assert_eq!(cloud.weights, Some(vec![2.0, 4.0]));
        let cloud = parse("a.xyz", b"# x y weight\n1 2 3\n").unwrap();
        assert_eq!(cloud.weights, Some(vec![3.0]));
        // A label may begin like a comment: its row must not be lost.
        let text = "colour,x,y\n#ff0000,1,2\n#00ff00,3,4\n";
        let only = Reading::of(&Columns {
            coordinates: vec!["x".into(), "y".into()],
            ..Columns::default()
        });
        let cloud = crate::parse_as(Path::new("a.csv"), text.as_bytes(), &only).unwrap();
        assert_eq!(cloud.points, [1.0, 2.0, 3.0, 4.0]);
        // A quote that swallows rows is reported.
        assert!(message("a.csv", b"1,2\n# a,\"b\n3,4\n").contains("comment on line 2"));
    }

    #[test]
    fn comments_and_separators_stay_where_a_table_is_moved() {
        let reading = Reading::of(&Columns {
            coordinates: vec!["y".into()],
            ..Columns::default()
        });
        for (before, after, comma) in [
            (
                "# k,\"a\"\nx,y\n1,2\n# b\n3,4\n",
                "# k,a\nx,y\n1,0.5\n# b\n3,-7.0\n",
                false,
            ),
            ("x;y\n1,5;2\n3;4\n", "x;y\n1,5;0,5\n3;-7,0\n", true),
            ("a,y\n1,2,3\n2,4,5\n", "a,y\n1,2,0.5\n2,4,-7.0\n", false),
        ] {
            let file = Path::new("a.csv");
            assert_eq!(
                has_decimal_commas(file, before.as_bytes(), None).unwrap(),
                comma
            );
            let mut out = Vec::new();
            write_moved_csv(
                (file, &reading),
                before.as_bytes(),
                comma,
                (&[0.5, -7.0], &Attributes::default()),
                &mut out,
            )
            .unwrap();
            assert_eq!(String::from_utf8(out.clone()).unwrap(), after);
            let cloud = crate::parse_as(file, &out, &reading).unwrap();
            assert_eq!(cloud.points, [0.5, -7.0]);
        }
    }

    const WATER: &str = "3\nwater, # of hands\nO 0.0 0.1 0.2\nH 1 0 0 7\nH -1 0 0 7\n\n";

    #[test]
    fn atoms_are_points_behind_a_count_and_a_title() {
        let water = WATER.replace(" 7", "");
        let points = [0.0, 0.1, 0.2, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0];
        for text in [
            water.clone(),
            water.replace("water, # of hands", ""),
            water.replace("water, # of hands", "1 2 3"),
            water.replace('O', "8").replace('H', "1"),
            water.replace('\n', "\r\n"),
            "2\nProperties=id:I:1:species:S:1:pos:R:3:charge:R:1 pbc=\"T T T\"\n1 O 0 0.1 .2 9\n2 H 1 0 0 9\n".into(),
        ] {
            let cloud = parse("a.xyz", text.as_bytes()).unwrap();
            assert_eq!(cloud.dimension, 3);
            assert_eq!(cloud.points, points[..cloud.points.len()], "{text}");
        }
        let reading = Reading::of(&Columns {
            coordinates: vec!["z".into(), "x".into()],
            ..Columns::default()
        });
        let text = WATER.replace("0.2\n", "0.2 7\n");
        let cloud = crate::parse_as(Path::new("a.xyz"), text.as_bytes(), &reading).unwrap();
        assert_eq!(cloud.points, [0.2, 0.0, 0.0, 1.0, 0.0, -1.0]);
        let mut out = Vec::new();
        let from = (Path::new("a.xyz"), &reading);
        let beside = (&[9.0; 6][..], &Attributes::default());
        write_moved_xyz(from, text.as_bytes(), beside, &mut out).unwrap();
        let moved = "3\nwater, # of hands\nO 9.0 0.1 9.0 7\nH 9.0 0 9.0 7\nH 9.0 0 9.0 7\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), moved);
        for (text, part) in [
            (
                water.replacen('3', "5", 1),
                "promises 5 atoms but only 3 are there",
            ),
            (
                water.replacen('3', "2", 1),
                "there are more lines than the first one says",
            ),
            (WATER.to_owned(), "row 2 has 5 columns where 4 are expected"),
            (
                "3\n1 2 3\n4 5 6\n7 8 9\n".to_owned(),
                "row 2 has 3 columns where 1 are expected",
            ),
        ] {
            let told = message("a.xyz", text.as_bytes());
            assert!(told.contains(part), "{told}");
        }
    }
}

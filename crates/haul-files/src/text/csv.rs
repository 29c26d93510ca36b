//! Tables whose fields are separated by one character.

use super::{
    broken,
    dialect::Dialect,
    sequence::{Part, Sequence, is_comment, names, push, undivided},
};
use crate::{Cloud, Columns, Error, Reading, Result, columns::Table};
use csv::{ByteRecord, ReaderBuilder};
use std::{
    cell::Cell,
    io::{self, BufRead, Read},
    path::Path,
};

/// Visits the records of a csv, except empty ones.
pub(super) fn records<E: From<Error>>(
    file: &Path,
    reader: impl BufRead,
    (dialect, header): (Option<Dialect>, Option<bool>),
    mut each: impl FnMut(Dialect, Part, &ByteRecord) -> Result<(), E>,
) -> Result<(), E> {
    let (head, reader) = peeked(reader).map_err(|error| broken(file, 0, error, ".csv"))?;
    let dialect = dialect.unwrap_or_else(|| Dialect::of(head.get_ref()));
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.separator)
        .from_reader(head.chain(reader));
    let each = |part: Part, record: &ByteRecord| each(dialect, part, record);
    let mut sequence = Sequence::new(file, dialect, header, each);
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

/// Reads csv.
fn table_of_csv<'t>(
    file: &'t Path,
    reader: impl BufRead,
    columns: &'t Columns,
    format: (Option<Dialect>, Option<bool>),
) -> Result<Table<'t>> {
    let mut table = Table::new(file, columns, None);
    // Whether decimals have commas, once a decimal was seen.
    let mark = Cell::new(None);
    records(file, reader, format, |dialect, part, record| match part {
        Part::Header(_) => {
            table.names = Some(names(record));
            Ok(())
        }
        Part::Row(row) => {
            let mixed = Cell::new(None);
            let field = |column: usize| {
                let field = &record[column];
                let comma = dialect.has_comma(field);
                if dialect.allows_commas() && (comma || field.contains(&b'.')) {
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
            let undivided = || undivided(file, row, record.iter(), blank, dialect.separators());
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

/// Reads a cloud from csv, in this dialect or in that of its first line.
pub(crate) fn read_csv(
    file: &Path,
    reader: impl BufRead,
    reading: &Reading,
    dialect: Option<Dialect>,
) -> Result<Cloud> {
    table_of_csv(file, reader, &reading.columns, (dialect, reading.header))?.finish()
}

/// Reads a csv with one column.
pub(crate) fn read_column(
    file: &Path,
    reader: impl BufRead,
    format: (Option<Dialect>, Option<bool>),
) -> Result<Vec<f64>> {
    let first = Columns {
        coordinates: vec!["1".into()],
        weight: None,
        unweighted: true,
        labels: Vec::new(),
    };
    let table = table_of_csv(file, reader, &first, format)?;
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

/// Whether decimals have commas in a csv.
pub(crate) fn has_decimal_commas(
    file: &Path,
    reader: impl BufRead,
    (dialect, header): (Option<Dialect>, Option<bool>),
) -> Result<bool> {
    let (head, reader) = peeked(reader).map_err(|error| broken(file, 0, error, ".csv"))?;
    let dialect = dialect.unwrap_or_else(|| Dialect::of(head.get_ref()));
    if !dialect.allows_commas() {
        return Ok(false);
    }
    let mut found = false;
    let format = (Some(dialect), header);
    records(file, head.chain(reader), format, |dialect, _, record| {
        let decimal = |field: &[u8]| dialect.has_comma(field) && dialect.number(field).is_some();
        found |= record.iter().any(decimal);
        Ok::<_, Error>(())
    })?;
    Ok(found)
}

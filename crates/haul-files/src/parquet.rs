//! Apache Parquet: a table whose columns are the coordinates, except one named `weight`, or in which one column of lists has them.

use crate::{
    Cloud, Error, Reading, Result,
    columns::{Field, Kinds, Listing, Lists, Table},
    outline::Outline,
    source::Source,
    thrift::{Ended, Walk},
};
use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Type as Physical},
    column::page::Page,
    errors::ParquetError,
    file::{
        reader::{ChunkReader, FileReader},
        serialized_reader::SerializedFileReader,
    },
    record::Field as Stored,
    schema::types::Type,
};
use std::{fs::File, path::Path};

/// Reads the rows: the numbers of several columns, or the lists of one.
pub(crate) fn read(file: &Path, source: Source, reading: &Reading) -> Result<Cloud> {
    match source {
        Source::File(handle) => cloud(&of_handle(file, handle)?, file, reading),
        Source::Memory(bytes) => cloud(&of_bytes(file, bytes)?, file, reading),
        Source::StandardInput => cloud(&of_bytes(file, &[])?, file, reading),
    }
}

/// What a file has that has columns of lists; `None` for a table of numbers and texts.
pub(crate) fn outline(file: &Path, source: Source) -> Result<Option<Outline>> {
    match source {
        Source::File(handle) => about(&of_handle(file, handle)?, file),
        Source::Memory(bytes) => about(&of_bytes(file, bytes)?, file),
        Source::StandardInput => Ok(None),
    }
}

fn malformed(file: &Path, place: &str, error: ParquetError) -> Error {
    let format = ".parquet, its pages plain, snappy, gzip or zstd";
    Error::malformed(file, place, error, format)
}

fn of_handle(file: &Path, handle: File) -> Result<SerializedFileReader<File>> {
    let again = handle.try_clone().map_err(|reason| Error::Unreadable {
        file: file.into(),
        reason,
    });
    opened(file, [handle, again?])
}

fn of_bytes(file: &Path, bytes: &[u8]) -> Result<SerializedFileReader<Bytes>> {
    let bytes = Bytes::copy_from_slice(bytes);
    opened(file, [bytes.clone(), bytes])
}

/// Two readers of the same bytes make one, after the other has seen that it ends.
fn opened<C: ChunkReader + 'static>(
    file: &Path,
    [bytes, again]: [C; 2],
) -> Result<SerializedFileReader<C>> {
    check_metadata(&again).map_err(|error| malformed(file, "metadata", error))?;
    let reader = SerializedFileReader::new(bytes);
    let reader = reader.map_err(|error| malformed(file, "metadata", error))?;
    check_pages(&again, &reader).map_err(|error| malformed(file, "header of a page", error))?;
    check_dictionaries(&reader).map_err(|error| malformed(file, "dictionary", error))?;
    Ok(reader)
}

/// The columns, and the rows with their numbers from 1.
fn rows<'r>(
    reader: &'r dyn FileReader,
    file: &'r Path,
) -> Result<impl Iterator<Item = Result<Vec<Stored>>>> {
    let rows = reader.get_row_iter(None);
    let rows = rows.map_err(|error| malformed(file, "metadata", error))?;
    Ok((1..).zip(rows).map(move |(number, row)| {
        let row = row.map_err(|error| malformed(file, &format!("row {number}"), error))?;
        Ok(row
            .into_columns()
            .into_iter()
            .map(|(_, field)| field)
            .collect())
    }))
}

fn kinds(reader: &dyn FileReader) -> Kinds {
    let fields = reader.metadata().file_metadata().schema().get_fields();
    Kinds {
        names: fields.iter().map(|field| field.name().to_owned()).collect(),
        lists: fields.iter().map(|field| is_list(field)).collect(),
        numbers: fields.iter().map(|field| is_number(field)).collect(),
        texts: fields.iter().map(|field| is_text(field)).collect(),
    }
}

/// Whether a column holds texts.
fn is_text(kind: &Type) -> bool {
    kind.is_primitive() && kind.get_basic_info().converted_type() == ConvertedType::UTF8
}

/// Whether a column holds numbers.
fn is_number(kind: &Type) -> bool {
    use Physical::{DOUBLE, FLOAT, INT32, INT64};
    let about = kind.get_basic_info();
    let numbers =
        kind.is_primitive() && matches!(kind.get_physical_type(), INT32 | INT64 | FLOAT | DOUBLE);
    let plain = matches!(
        about.logical_type_ref(),
        None | Some(LogicalType::Integer(_))
    );
    let half = matches!(about.logical_type_ref(), Some(LogicalType::Float16));
    half || numbers && plain
}

/// Whether a column holds lists of numbers: a group of one repeated group of one element.
fn is_list(kind: &Type) -> bool {
    let inner = |kind: &Type| match kind.is_group() {
        true => <[_; 1]>::try_from(kind.get_fields().to_vec()).ok(),
        false => None,
    };
    let list = kind.get_basic_info().converted_type() == ConvertedType::LIST;
    let element = inner(kind).and_then(|[repeated]| match inner(&repeated) {
        Some([element]) => Some(element),
        None => (!repeated.is_group()).then_some(repeated),
    });
    list && element.is_some_and(|element| is_number(&element))
}

/// The numbers of a list, NaN where one is absent.
fn list(stored: &Stored) -> Option<impl ExactSizeIterator<Item = f64>> {
    let Stored::ListInternal(list) = stored else {
        return None;
    };
    Some(list.elements().iter().map(|element| match field(element) {
        Field::Number(number) => number,
        Field::Missing(_) | Field::Text(_) => f64::NAN,
    }))
}

fn about(reader: &dyn FileReader, file: &Path) -> Result<Option<Outline>> {
    let Some(mut listing) = Listing::new(kinds(reader)) else {
        return Ok(None);
    };
    for row in rows(reader, file)? {
        let row = row?;
        let length = |column: usize| row.get(column).and_then(list).map(|list| list.len());
        listing.push(length, |column| field(&row[column]));
    }
    Ok(Some(listing.finish()))
}

fn cloud(reader: &dyn FileReader, file: &Path, reading: &Reading) -> Result<Cloud> {
    let kinds = kinds(reader);
    if let Some(column) = kinds.chosen(file, reading)? {
        let mut lists = Lists::new(file, &reading.columns, kinds.names)?;
        for row in rows(reader, file)? {
            let row = row?;
            lists.push(row.get(column).and_then(list), |column| field(&row[column]))?;
        }
        return lists.finish();
    }
    let mut table = Table::new(file, &reading.columns, Some(kinds.names));
    for row in rows(reader, file)? {
        let row = row?;
        table.push(row.len(), |column| field(&row[column]))?;
    }
    table.finish()
}

fn overfull() -> ParquetError {
    ParquetError::General("claims more elements than it holds".into())
}

/// Refuses metadata whose lists claim more elements than bytes, all together. What else is wrong with it the library tells.
fn check_metadata(file: &impl ChunkReader) -> Result<(), ParquetError> {
    /// The length of the metadata and four letters, at the end of the file.
    const END: u64 = 8;
    let Some(end) = file.len().checked_sub(END) else {
        return Ok(());
    };
    let length = file.get_bytes(end, 4)?;
    let length = length.first_chunk().copied().map(u32::from_le_bytes);
    let length = length.map_or(0, u64::from);
    let Some(start) = end.checked_sub(length) else {
        return Ok(());
    };
    match Walk::new(file.get_read(start)?, length).structure(0) {
        Err(Ended::Overfull) => Err(overfull()),
        Ok(_) | Err(Ended::Malformed) => Ok(()),
    }
}

/// The same of the headers of all pages.
fn check_pages(file: &impl ChunkReader, reader: &impl FileReader) -> Result<(), ParquetError> {
    /// The field of a header that has the length of the page behind it.
    const COMPRESSED_SIZE: i64 = 3;
    let groups = reader.metadata().row_groups().iter();
    for column in groups.flat_map(|group| group.columns()) {
        let (mut at, length) = column.byte_range();
        let end = at.saturating_add(length).min(file.len());
        while at < end {
            let walk = Walk::new(file.get_read(at)?, end - at);
            match walk.structure(COMPRESSED_SIZE) {
                Err(Ended::Overfull) => return Err(overfull()),
                Ok((header, Some(page))) if page >= 0 => {
                    at = at
                        .saturating_add(header)
                        .saturating_add(page.unsigned_abs());
                }
                Ok(_) | Err(Ended::Malformed) => break,
            }
        }
    }
    Ok(())
}

/// Refuses a dictionary that claims more values than its bytes can hold: each takes at least a byte, and the library
/// would reserve memory for all without a check.
fn check_dictionaries(reader: &impl FileReader) -> Result<(), ParquetError> {
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        for column in 0..group.num_columns() {
            let mut pages = group.get_column_page_reader(column)?;
            while let Some(about) = pages.peek_next_page()? {
                if !about.is_dict {
                    pages.skip_next_page()?;
                    continue;
                }
                if let Some(Page::DictionaryPage {
                    buf, num_values, ..
                }) = pages.get_next_page()?
                    && num_values as usize > buf.len()
                {
                    let reason = "claims more values than it holds";
                    return Err(ParquetError::General(reason.into()));
                }
            }
        }
    }
    Ok(())
}

fn field(stored: &Stored) -> Field {
    Field::Number(match *stored {
        Stored::Byte(value) => value.into(),
        Stored::Short(value) => value.into(),
        Stored::Int(value) => value.into(),
        Stored::Long(value) => value as f64,
        Stored::UByte(value) => value.into(),
        Stored::UShort(value) => value.into(),
        Stored::UInt(value) => value.into(),
        Stored::ULong(value) => value as f64,
        Stored::Float16(value) => value.into(),
        Stored::Float(value) => value.into(),
        Stored::Double(value) => value,
        Stored::Null => return Field::Missing("null".into()),
        _ => return Field::Text(stored.to_string().trim_matches('"').to_owned()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::{message, mutilate, parse};
    use crate::{Columns, Reading, parse_as};
    use parquet::{
        basic::Compression,
        data_type::{DoubleType, FloatType, Int64Type},
        file::{properties::WriterProperties, writer::SerializedFileWriter},
        schema::parser::parse_message_type,
    };
    use std::sync::Arc;

    const SCHEMA: &str = "message cloud { required double x; required float weight; required int64 y; optional double z; }";

    /// Two groups of two rows each; the last z is absent where `whole` is not.
    fn written(compression: Compression, whole: bool) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .build();
        let mut out = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
        for group in 0..2 {
            let first = 4.0 * f64::from(group);
            let levels: &[i16] = if whole || group == 0 {
                &[1, 1]
            } else {
                &[1, 0]
            };
            let mut columns = writer.next_row_group().unwrap();
            macro_rules! column {
                ($kind:ty, $values:expr, $levels:expr) => {
                    let mut column = columns.next_column().unwrap().unwrap();
                    let typed = column.typed::<$kind>();
                    typed.write_batch(&$values, $levels, None).unwrap();
                    column.close().unwrap();
                };
            }
            column!(DoubleType, [first, first + 0.1], None);
            column!(FloatType, [0.5, 1.5], None);
            column!(Int64Type, [group.into(), 7], None);
            column!(DoubleType, [-1e300, 2.0], Some(levels));
            columns.close().unwrap();
        }
        writer.close().unwrap();
        out
    }

    #[test]
    fn columns_are_coordinates_but_for_the_weight() {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::ZSTD(Default::default()),
        ] {
            let cloud = parse("a.parquet", &written(compression, true)).unwrap();
            assert_eq!(cloud.dimension, 3);
            assert_eq!(
                cloud.points,
                [
                    0.0, 0.0, -1e300, 0.1, 7.0, 2.0, 4.0, 1.0, -1e300, 4.1, 7.0, 2.0
                ]
            );
            assert_eq!(cloud.weights.unwrap(), [0.5, 1.5, 0.5, 1.5]);
        }
    }

    #[test]
    fn columns_are_selected_by_name() {
        let columns = Columns {
            coordinates: vec!["y".into(), "x".into()],
            ..Columns::default()
        };
        // The last z is absent, and nobody asks for it.
        let bytes = written(Compression::SNAPPY, false);
        let cloud = parse_as(Path::new("a.parquet"), &bytes, &Reading::of(&columns)).unwrap();
        assert_eq!(cloud.points, [0.0, 0.0, 7.0, 0.1, 1.0, 4.0, 7.0, 4.1]);
        assert_eq!(cloud.weights.unwrap(), [0.5, 1.5, 0.5, 1.5]);
    }

    #[test]
    fn a_value_that_is_absent_is_named() {
        assert_eq!(
            message("a.parquet", &written(Compression::SNAPPY, false)),
            "a.parquet: row 4, column z is \"null\"; remove the row or give it a finite value"
        );
        assert!(message("a.parquet", b"PAR1").starts_with("a.parquet: metadata: "));
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.parquet", &written(Compression::SNAPPY, true));
    }

    #[test]
    fn lists_that_claim_more_elements_than_bytes_are_refused() {
        // Found by the fuzzer: 1.6 kB that would keep the library busy for seconds, and, with more such headers, for minutes.
        let told = message("a.parquet", include_bytes!("../tests/booleans.parquet"));
        let claims = "claims more elements than it holds";
        assert!(
            told.contains("header of a page:") && told.contains(claims),
            "{told}"
        );
        // Metadata whose field 15 is a list of 2³¹ − 1 Booleans.
        let metadata = [0xf9, 0xf1, 255, 255, 255, 255, 7, 0];
        let length = [metadata.len() as u8, 0, 0, 0];
        let bytes = [b"PAR1", &metadata[..], &length, b"PAR1"].concat();
        let told = message("a.parquet", &bytes);
        assert!(
            told.contains("metadata:") && told.contains(claims),
            "{told}"
        );
    }

    #[test]
    fn a_dictionary_that_claims_gigabytes_is_refused() {
        // Found by the fuzzer: 1.6 kB for which the library would ask for 16 GB.
        let told = message("a.parquet", include_bytes!("../tests/dictionary.parquet"));
        assert!(told.contains("dictionary: "), "{told}");
        assert!(told.contains("claims more values than it holds"), "{told}");
    }
}

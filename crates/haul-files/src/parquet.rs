//! Apache Parquet: a table whose columns are the coordinates, but for one named `weight`.

use crate::{
    Cloud, Columns, Error, Result,
    columns::{Names, Place, Roles},
    source::Source,
};
use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::{
        reader::{ChunkReader, FileReader},
        serialized_reader::SerializedFileReader,
    },
    record::Field,
};
use std::path::Path;

/// Reads the rows, and what their coordinates are called.
pub(crate) fn read(file: &Path, source: Source, columns: &Columns) -> Result<(Cloud, Names)> {
    match source {
        Source::File(handle) => table(file, handle, columns),
        Source::Memory(bytes) => table(file, Bytes::copy_from_slice(bytes), columns),
        Source::StandardInput => table(file, Bytes::new(), columns),
    }
}

fn table(
    file: &Path,
    bytes: impl ChunkReader + 'static,
    columns: &Columns,
) -> Result<(Cloud, Names)> {
    let malformed = |place: &str, error: ParquetError| {
        Error::malformed(
            file,
            place,
            error,
            ".parquet, its pages plain, snappy, gzip or zstd",
        )
    };
    let reader = SerializedFileReader::new(bytes).map_err(|error| malformed("metadata", error))?;
    let fields = reader.metadata().file_metadata().schema().get_fields();
    let names: Vec<_> = fields.iter().map(|field| field.name().to_owned()).collect();
    let mut roles = Roles::default();
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    let rows = reader
        .get_row_iter(None)
        .map_err(|error| malformed("metadata", error))?;
    for (row, fields) in (1..).zip(rows) {
        let fields = fields.map_err(|error| malformed(&format!("row {row}"), error))?;
        let field = |column| fields.get_column_iter().nth(column).map(|(_, field)| field);
        let text = |column| match field(column).map(|field| (number(field), field)) {
            Some((None, field)) => Some(field.to_string().trim_matches('"').to_owned()),
            _ => None,
        };
        if row == 1 {
            roles = columns.among_fields(file, Some(&names), names.len(), &text)?;
        }
        let value = |column| {
            field(column).and_then(number).ok_or_else(|| {
                let place = Place { file, row, column };
                roles.no_number(place, Some(&names), names.len(), &text)
            })
        };
        for &column in &roles.coordinates {
            points.push(value(column)?);
        }
        if let Some(column) = roles.weight {
            weights.push(value(column)?);
        }
    }
    let cloud = Cloud {
        points,
        // A table without rows is refused for having none.
        dimension: roles.coordinates.len().max(1),
        weights: roles.weight.map(|_| weights),
    };
    Ok((cloud, roles.names(Some(&names))))
}

fn number(field: &Field) -> Option<f64> {
    Some(match *field {
        Field::Byte(value) => value.into(),
        Field::Short(value) => value.into(),
        Field::Int(value) => value.into(),
        Field::Long(value) => value as f64,
        Field::UByte(value) => value.into(),
        Field::UShort(value) => value.into(),
        Field::UInt(value) => value.into(),
        Field::ULong(value) => value as f64,
        Field::Float16(value) => value.into(),
        Field::Float(value) => value.into(),
        Field::Double(value) => value,
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::parse_columns;
    use crate::tests::{message, mutilate, parse};
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
        let cloud = parse_columns(Path::new("a.parquet"), &bytes, &columns).unwrap();
        assert_eq!(cloud.points, [0.0, 0.0, 7.0, 0.1, 1.0, 4.0, 7.0, 4.1]);
        assert_eq!(cloud.weights.unwrap(), [0.5, 1.5, 0.5, 1.5]);
    }

    #[test]
    fn a_value_that_is_absent_is_named() {
        assert_eq!(
            message("a.parquet", &written(Compression::SNAPPY, false)),
            "a.parquet: row 4, column z is \"null\", not a number; write a decimal number such as 0.25"
        );
        assert!(message("a.parquet", b"PAR1").starts_with("a.parquet: metadata: "));
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.parquet", &written(Compression::SNAPPY, true));
    }
}

//! Apache Arrow's messages, as files (`.arrow`, and `.feather` of version 2) and as streams: a schema, then batches of rows, and dictionaries
//! before the batches that use them. Both are read from front to back, a message at a time. Columns of numbers are coordinates, as
//! in a `.parquet`, or one column of lists is.

use crate::{
    Cloud, Error, Reading, Result,
    columns::{Field, Kinds, Listing, Lists, Table},
    error::one_line,
    outline::Outline,
    source::{Stream, room},
};
use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray, types::*};
use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType, Endianness, MetadataVersion,
    convert::try_fb_to_schema,
    reader::{read_dictionary, read_record_batch},
    root_as_message,
};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use std::{
    collections::HashMap,
    io::{self, BufRead, Read},
    ops::Range,
    path::Path,
    sync::Arc,
};

/// The name of the format in messages.
const NAME: &str = ".arrow or .feather";

/// The first bytes of a file, before its messages; those of version 1 of Feather, another format; and the mark before a message.
const MAGIC: &[u8] = b"ARROW1\0\0";
const FEATHER: &[u8] = b"FEA1";
const MARK: [u8; 4] = [0xff; 4];

/// The most bytes that a compressed one can stand for: in LZ4 a length grows by 255 with each byte, and a block of Zstandard with 4 bytes may repeat
/// one byte 128 Ki times.
const LZ4: u64 = 255;
const ZSTD: u64 = 1 << 15;

/// Reads the rows: the lists of one column, or the numbers of several.
pub(crate) fn read(file: &Path, stream: &mut Stream, reading: &Reading) -> Result<Cloud> {
    let mut messages = Messages::open(file, stream)?;
    let kinds = messages.kinds();
    let columns = &reading.columns;
    messages.check_labels(&columns.labels)?;
    if let Some(list) = kinds.chosen(file, reading)? {
        let mut lists = Lists::new(file, columns, kinds.names)?;
        while let Some(batch) = messages.next()? {
            let values =
                ListsOf::new(batch.column(list)).ok_or_else(|| messages.malformed("is no list"))?;
            for row in 0..batch.num_rows() {
                lists.push(values.row(row), |column| field(batch.column(column), row))?;
            }
        }
        return lists.finish();
    }
    let mut table = Table::new(file, columns, Some(kinds.names));
    while let Some(batch) = messages.next()? {
        for row in 0..batch.num_rows() {
            table.push(batch.num_columns(), |column| {
                field(batch.column(column), row)
            })?;
        }
    }
    table.finish()
}

/// What a file has that has columns of lists; `None` for a table of numbers and texts.
pub(crate) fn outline(file: &Path, stream: &mut Stream) -> Result<Option<Outline>> {
    let mut messages = Messages::open(file, stream)?;
    let Some(mut listing) = Listing::new(messages.kinds()) else {
        return Ok(None);
    };
    while let Some(batch) = messages.next()? {
        for row in 0..batch.num_rows() {
            let list = |column| ListsOf::new(batch.column(column)).and_then(|it| it.length(row));
            listing.push(list, |column| field(batch.column(column), row));
        }
    }
    Ok(Some(listing.finish()))
}

/// The batches of a file, one after the other.
struct Messages<'f, 's, 'b> {
    file: &'f Path,
    stream: &'s mut Stream<'b>,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
    /// The batches so far.
    batches: usize,
}

impl<'f, 's, 'b> Messages<'f, 's, 'b> {
    fn open(file: &'f Path, stream: &'s mut Stream<'b>) -> Result<Self> {
        let broken = |error| Error::broken(file, "the beginning", error, NAME);
        let start = stream.reader.fill_buf().map_err(broken)?;
        if start.starts_with(FEATHER) {
            let reason = "is Feather of version 1; pandas writes version 2";
            return Err(Error::malformed(file, "the beginning", reason, NAME));
        }
        if start.starts_with(MAGIC) {
            stream.reader.consume(MAGIC.len());
        }
        let mut messages = Self {
            file,
            stream,
            schema: Arc::new(arrow_schema::Schema::empty()),
            dictionaries: HashMap::new(),
            batches: 0,
        };
        let Some((head, _)) = messages.message()? else {
            return Err(Error::NoBytes { file: file.into() });
        };
        let message = root_as_message(&head).map_err(|error| messages.wrong("schema", error))?;
        let schema = message.header_as_schema();
        let schema = schema.ok_or_else(|| messages.wrong("the beginning", "has no schema"))?;
        if schema.endianness() != Endianness::Little {
            return Err(messages.wrong("schema", "its numbers are big-endian"));
        }
        let schema = try_fb_to_schema(schema);
        messages.schema = Arc::new(schema.map_err(|error| messages.wrong("schema", error))?);
        Ok(messages)
    }

    fn wrong(&self, place: &str, reason: impl ToString) -> Error {
        Error::malformed(self.file, place, reason, NAME)
    }

    /// An error about the present batch.
    fn malformed(&self, reason: impl ToString) -> Error {
        match self.batches {
            0 => self.wrong("the beginning", reason),
            batch => self.wrong(&format!("batch {batch}"), reason),
        }
    }

    /// So many bytes that the file says it has.
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut self.stream.reader)
            .take(count)
            .read_to_end(&mut bytes);
        match read {
            Ok(found) if found as u64 == count => Ok(bytes),
            Ok(found) => Err(Error::Truncated {
                file: self.file.into(),
                what: "bytes of a message",
                promised: count,
                found: found as u64,
            }),
            Err(error) => Err(Error::broken(self.file, "a message", error, NAME)),
        }
    }

    /// The head and the body of the next message; `None` at the end.
    fn message(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let file = self.file;
        let broken = |error: io::Error| Error::broken(file, "a message", error, NAME);
        if self.stream.reader.fill_buf().map_err(broken)?.is_empty() {
            return Ok(None);
        }
        let mut word = [0; 4];
        self.stream.reader.read_exact(&mut word).map_err(broken)?;
        // Before version 0.15 of Arrow there was no mark.
        if word == MARK {
            self.stream.reader.read_exact(&mut word).map_err(broken)?;
        }
        let length = i32::from_le_bytes(word);
        if length == 0 {
            return Ok(None);
        }
        let length = u64::try_from(length).map_err(|_| self.malformed("a length is negative"))?;
        let head = self.bytes(length)?;
        let body = match root_as_message(&head) {
            Ok(message) => u64::try_from(message.bodyLength()).unwrap_or(u64::MAX),
            Err(error) => return Err(self.malformed(error)),
        };
        let body = self.bytes(body)?;
        Ok(Some((head, body)))
    }

    /// The next batch of rows.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some((head, body)) = self.message()? else {
                return Ok(None);
            };
            let message = root_as_message(&head).map_err(|error| self.malformed(error))?;
            let (version, body) = (message.version(), Buffer::from_vec(body));
            if let Some(dictionary) = message.header_as_dictionary_batch() {
                let data = dictionary
                    .data()
                    .ok_or_else(|| self.malformed("a dictionary is empty"))?;
                self.check(&data, &body)?;
                let (schema, known) = (self.schema.clone(), &mut self.dictionaries);
                let read = read_dictionary(&body, dictionary, &schema, known, &version);
                read.map_err(|error| self.malformed(error))?;
            } else if let Some(batch) = message.header_as_record_batch() {
                self.batches += 1;
                self.check(&batch, &body)?;
                let batch = self.batch(&body, batch, &version);
                return batch.map(Some).map_err(|error| self.malformed(error));
            }
        }
    }

    fn batch(
        &self,
        body: &Buffer,
        batch: arrow_ipc::RecordBatch,
        version: &MetadataVersion,
    ) -> Result<RecordBatch, ArrowError> {
        read_record_batch(
            body,
            batch,
            self.schema.clone(),
            &self.dictionaries,
            None,
            version,
        )
    }

    /// Refuses a batch that claims more than its bytes can hold: the library would reserve memory for all without a check, and rows of columns
    /// that hold nothing have no end.
    fn check(&self, batch: &arrow_ipc::RecordBatch, body: &Buffer) -> Result<()> {
        let ratio = match batch.compression().map(|it| it.codec()) {
            None => None,
            Some(CompressionType::LZ4_FRAME) => Some(LZ4),
            Some(_) => Some(ZSTD),
        };
        let more = || self.malformed("claims more than it holds");
        let mut all = 0_u64;
        for part in batch.buffers().into_iter().flatten() {
            let (offset, length) = (
                usize::try_from(part.offset()),
                usize::try_from(part.length()),
            );
            let end = offset.ok().zip(length.ok());
            let bytes = end.and_then(|(start, length)| body.get(start..start.checked_add(length)?));
            let bytes = bytes.ok_or_else(more)?;
            let claimed = match (ratio, bytes.first_chunk()) {
                (Some(ratio), Some(claimed)) => match i64::from_le_bytes(*claimed) {
                    // Such bytes are not compressed.
                    -1 => bytes.len() as u64,
                    claimed => {
                        let most = (bytes.len() as u64).saturating_mul(ratio);
                        let claimed = u64::try_from(claimed).map_err(|_| more())?;
                        Some(claimed).filter(|it| *it <= most).ok_or_else(more)?
                    }
                },
                _ => bytes.len() as u64,
            };
            all = all.saturating_add(claimed);
        }
        let rows = u64::try_from(batch.length()).map_err(|_| more())?;
        if rows > all.saturating_mul(8) {
            return Err(more());
        }
        // Nothing stays reserved.
        room(self.file, all / 8).map(drop)
    }

    fn kinds(&self) -> Kinds {
        let fields = self.schema.fields();
        let are = |is: fn(&DataType) -> bool| fields.iter().map(|it| is(it.data_type())).collect();
        Kinds {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            lists: are(is_list),
            numbers: are(is_number),
            texts: are(is_text),
        }
    }

    /// Refuses a column of labels that holds neither numbers nor texts.
    fn check_labels(&self, labels: &[String]) -> Result<()> {
        let fields = self.schema.fields().iter();
        let wrong = fields
            .filter(|field| labels.contains(field.name()))
            .find(|field| {
                let kind = field.data_type();
                !is_number(kind) && !is_text(kind)
            });
        match wrong {
            None => Ok(()),
            Some(field) => Err(Error::ElementType {
                file: self.file.into(),
                name: one_line(field.name()),
                found: one_line(&field.data_type().to_string()),
            }),
        }
    }
}

fn is_number(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_floating()
}

/// Whether a column has a text in each row, which may be a label.
fn is_text(kind: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Dictionary, LargeUtf8, Timestamp, Utf8, Utf8View};
    match kind {
        Boolean | Utf8 | LargeUtf8 | Utf8View | Date32 | Date64 | Timestamp(..) => true,
        Dictionary(_, values) => is_text(values) || is_number(values),
        _ => false,
    }
}

fn is_list(kind: &DataType) -> bool {
    match kind {
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            is_number(of.data_type())
        }
        _ => false,
    }
}

/// The content of a row of a column.
fn field(column: &dyn Array, row: usize) -> Field {
    if column.is_null(row) {
        return Field::Missing("null".into());
    }
    if let Some(number) = number(column, row) {
        return Field::Number(number);
    }
    Field::Text(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).into(),
        DataType::Utf8View => column.as_string_view().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = dictionary.values();
            let key = number(dictionary.keys(), row).map(|key| key as usize);
            return match key.filter(|key| *key < values.len()) {
                Some(key) => field(values, key),
                None => Field::Missing("null".into()),
            };
        }
        other => time(column, row).unwrap_or_else(|| other.to_string()),
    })
}

/// The number in a row of a column of numbers.
fn number(column: &dyn Array, row: usize) -> Option<f64> {
    macro_rules! of {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value(row)
        };
    }
    Some(match column.data_type() {
        DataType::Int8 => of!(Int8Type).into(),
        DataType::Int16 => of!(Int16Type).into(),
        DataType::Int32 => of!(Int32Type).into(),
        DataType::Int64 => of!(Int64Type) as f64,
        DataType::UInt8 => of!(UInt8Type).into(),
        DataType::UInt16 => of!(UInt16Type).into(),
        DataType::UInt32 => of!(UInt32Type).into(),
        DataType::UInt64 => of!(UInt64Type) as f64,
        DataType::Float16 => of!(Float16Type).into(),
        DataType::Float32 => of!(Float32Type).into(),
        DataType::Float64 => of!(Float64Type),
        _ => return None,
    })
}

/// A day, or a time of a day, as ISO 8601 writes it.
fn time(column: &dyn Array, row: usize) -> Option<String> {
    macro_rules! of {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value_as_datetime(row)?
        };
    }
    let time = match column.data_type() {
        DataType::Date32 => return Some(of!(Date32Type).date().to_string()),
        DataType::Date64 => return Some(of!(Date64Type).date().to_string()),
        DataType::Timestamp(TimeUnit::Second, _) => of!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of!(TimestampNanosecondType),
        _ => return None,
    };
    Some(time.to_string())
}

/// The lists of a column.
struct ListsOf<'c> {
    column: &'c dyn Array,
    values: &'c dyn Array,
}

impl<'c> ListsOf<'c> {
    /// `None` for a column of anything else.
    fn new(column: &'c ArrayRef) -> Option<Self> {
        let values = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().values(),
            DataType::LargeList(_) => column.as_list::<i64>().values(),
            DataType::FixedSizeList(..) => column.as_fixed_size_list().values(),
            _ => return None,
        };
        Some(Self { column, values })
    }

    /// The places of a row's numbers; `None` where its list is absent.
    fn range(&self, row: usize) -> Option<Range<usize>> {
        if self.column.is_null(row) {
            return None;
        }
        Some(match self.column.data_type() {
            DataType::List(_) => {
                let ends = self.column.as_list::<i32>().value_offsets();
                ends[row] as usize..ends[row + 1] as usize
            }
            DataType::LargeList(_) => {
                let ends = self.column.as_list::<i64>().value_offsets();
                ends[row] as usize..ends[row + 1] as usize
            }
            _ => {
                let lists = self.column.as_fixed_size_list();
                let start = lists.value_offset_at(row);
                start..start + lists.value_length() as usize
            }
        })
    }

    fn length(&self, row: usize) -> Option<usize> {
        self.range(row).map(|range| range.len())
    }

    /// The numbers of a row, NaN where one is absent; `None` where its list is.
    fn row(&self, row: usize) -> Option<impl ExactSizeIterator<Item = f64>> {
        let values = self.values;
        Some(self.range(row)?.map(move |at| match values.is_null(at) {
            true => f64::NAN,
            false => number(values, at).unwrap_or(f64::NAN),
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        Columns, Labels, outline as outline_of, parse_as, read_as,
        tests::{mutilate, parse},
    };

    /// The files that pyarrow wrote: `tests/made/make.py` has the formulas.
    const POINTS: [(&str, &[u8]); 4] = [
        (
            "a.feather",
            include_bytes!("../tests/made/points_uncompressed.feather"),
        ),
        (
            "b.feather",
            include_bytes!("../tests/made/points_lz4.feather"),
        ),
        (
            "c.arrow",
            include_bytes!("../tests/made/points_zstd.feather"),
        ),
        (
            "d.arrow",
            include_bytes!("../tests/made/points_stream.arrow"),
        ),
    ];
    const EMBEDDINGS: &[u8] = include_bytes!("../tests/made/embeddings.arrow");

    fn points() -> Vec<f64> {
        (0..12)
            .flat_map(|i| [0.5 * f64::from(i), f64::from(i % 5), -f64::from(i)])
            .collect()
    }

    fn selected(labels: &[&str]) -> Reading {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Reading::of(&Columns {
            coordinates: names(&["x", "y", "z"]),
            labels: names(labels),
            ..Columns::default()
        })
    }

    #[test]
    fn files_and_streams_in_every_packing_are_one_table() {
        for (name, bytes) in POINTS {
            let cloud = parse_as(Path::new(name), bytes, &selected(&["kind", "day"])).unwrap();
            assert_eq!((cloud.points, cloud.dimension), (points(), 3), "{name}");
            let weights: Vec<f64> = (0..12).map(|i| 1.0 + f64::from(i % 3)).collect();
            assert_eq!(cloud.weights.unwrap(), weights, "{name}");
            let [kinds, days] = <[Labels; 2]>::try_from(cloud.labels).unwrap();
            assert_eq!(kinds.names(), ["stem", "nerve", "muscle"], "{name}");
            assert!(
                kinds
                    .indices()
                    .iter()
                    .enumerate()
                    .all(|(i, at)| *at == i % 3),
                "{name}"
            );
            assert_eq!(
                days.names(),
                ["2026-01-05", "2026-02-01", "2026-03-09"],
                "{name}"
            );
            assert!(
                days.indices()
                    .iter()
                    .enumerate()
                    .all(|(i, at)| *at == i / 4),
                "{name}"
            );
        }
    }

    fn embedded(name: &str, bytes: &[u8], reading: &Reading) -> Result<Cloud> {
        let reading = Reading {
            embedding: Some(name.into()),
            ..reading.clone()
        };
        parse_as(Path::new("a.arrow"), bytes, &reading)
    }

    #[test]
    fn lists_are_points_beside_weights_and_labels() {
        let expected: Vec<f64> = (0..24).map(|k| 0.25 * f64::from(k) - 0.5).collect();
        let mut reading = Reading::default();
        reading.columns.weight = Some("mass".into());
        reading.columns.labels = vec!["text".into()];
        for name in ["fixed", "list"] {
            let cloud = embedded(name, EMBEDDINGS, &reading).unwrap();
            assert_eq!((&cloud.points, cloud.dimension), (&expected, 2), "{name}");
            assert_eq!(
                cloud.weights.unwrap(),
                (1..13).map(f64::from).collect::<Vec<_>>()
            );
            assert_eq!(
                cloud.labels[0].names(),
                ["text 0", "text 1", "text 2", "text 3"]
            );
        }
        reading.columns.coordinates = vec!["2".into()];
        let second: Vec<f64> = expected.iter().skip(1).step_by(2).copied().collect();
        assert_eq!(
            embedded("fixed", EMBEDDINGS, &reading).unwrap().points,
            second
        );
    }

    #[test]
    fn what_there_is_to_choose_from_is_told() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/made/");
        let file = |name: &str| Path::new(folder).join(name);
        let found = outline_of(&file("embeddings.arrow"), None)
            .unwrap()
            .unwrap();
        let names: Vec<_> = found
            .arrays
            .iter()
            .map(|it| (it.name.as_str(), it.shape))
            .collect();
        assert_eq!(names, [("fixed", [12, 2]), ("list", [12, 2])]);
        assert_eq!(found.numbers, ["id", "mass"]);
        assert_eq!((&*found.labels[0].0, found.labels[0].1.len()), ("text", 4));
        // The same as Parquet.
        #[cfg(feature = "parquet")]
        {
            assert_eq!(
                outline_of(&file("embeddings.parquet"), None)
                    .unwrap()
                    .unwrap(),
                found
            );
            let reading = Reading {
                embedding: Some("list".into()),
                ..selected(&["text"])
            };
            let reading = Reading {
                columns: Columns {
                    coordinates: Vec::new(),
                    ..reading.columns.clone()
                },
                ..reading
            };
            let [arrow, parquet] = ["embeddings.arrow", "embeddings.parquet"]
                .map(|it| read_as(&file(it), &reading).unwrap());
            assert_eq!(arrow, parquet);
            assert_eq!(arrow.points[3], 0.25);
        }
        assert_eq!(outline_of(&file("points_lz4.feather"), None).unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let told = |read: Result<Cloud>| read.unwrap_err().to_string();
        let plain = Reading::default();
        for (told, parts) in [
            (
                told(parse("a.arrow", EMBEDDINGS)),
                &["say which array", "fixed, list"][..],
            ),
            (
                told(embedded("text", EMBEDDINGS, &plain)),
                &["no array \"text\"", "fixed, list"],
            ),
            (
                told(embedded("x", POINTS[1].1, &plain)),
                &["no array \"x\""],
            ),
            (
                told(parse("a.arrow", POINTS[1].1)),
                &["column kind is \"stem\"", "not a number"],
            ),
            (
                told(parse_as(
                    Path::new("a.arrow"),
                    EMBEDDINGS,
                    &selected(&["fixed"]),
                )),
                &["array fixed", "FixedSizeList"],
            ),
            (
                told(parse_as(Path::new("a.arrow"), EMBEDDINGS, &selected(&[]))),
                &["no column \"x\"", "id, text, fixed, list, mass"],
            ),
            (
                told(parse("a.feather", b"FEA1\0\0\0\0")),
                &["Feather of version 1"],
            ),
            (
                told(parse("a.arrow", &POINTS[3].1[..700])),
                &["promises", "bytes of a message"],
            ),
            (
                told(parse("a.arrow", b"ARROW1\0\0")),
                &["the file is empty"],
            ),
            (
                told(parse("a.arrow", b"\x08\0\0\0notflat!")),
                &["the beginning"],
            ),
        ] {
            for part in parts {
                assert!(told.contains(part), "{told} lacks {part}");
            }
        }
    }

    #[test]
    fn a_buffer_that_claims_gigabytes_is_refused() {
        let (_, packed) = POINTS[1];
        // The first buffer of the first batch begins with the number of its bytes once it is unpacked: five numbers of eight bytes. Other places
        // have this number as well.
        let told = (0..packed.len() - 8).filter_map(|at| {
            let place = at..at + 8;
            (packed[place.clone()] == 40_u64.to_le_bytes()).then(|| {
                let mut changed = packed.to_vec();
                changed[place].copy_from_slice(&(1_u64 << 40).to_le_bytes());
                parse("a.arrow", &changed).unwrap_err().to_string()
            })
        });
        let told: Vec<_> = told.collect();
        let refused = |told: &String| told.contains("batch 1: claims more than it holds");
        assert!(told.iter().any(refused), "{told:?}");
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.arrow", POINTS[3].1);
        mutilate("a.feather", POINTS[1].1);
    }
}

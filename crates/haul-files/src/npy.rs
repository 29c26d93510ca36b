//! NumPy's `.npy`: one array behind a header that is a Python dictionary. Floats and integers of
//! every width, both byte orders, C and Fortran order are read, each value converted to float64. An
//! array of records, which has named fields, is a table.

use crate::{
    Array, Cloud, Columns, Contents, Error, Histogram, Reading, Result,
    columns::{Field, Table},
    error::one_line,
    source::{Stream, room},
};
use npyz::{
    DType, Deserialize, NpyFile, NpyHeader, Order, TypeRead, TypeReadDyn, WriterBuilder, half::f16,
};
use std::{
    io::{self, Read, Write},
    ops::Range,
    path::Path,
};

/// The name of the format in errors.
const FORMAT: &str = ".npy with numpy.save";

/// An array as it was stored, in C order.
pub(crate) struct Stored {
    name: String,
    shape: Vec<u64>,
    values: Vec<f64>,
}

impl Stored {
    /// Values in C order, under the name that errors call them by.
    pub(crate) fn of(name: &str, shape: Vec<u64>, values: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            shape,
            values,
        }
    }

    /// A row for each point, `n × d`, or `n` for points on a line.
    fn dimension(&self) -> Option<usize> {
        match *self.shape {
            [_] => Some(1),
            [_, dimension] if dimension > 0 => usize::try_from(dimension).ok(),
            _ => None,
        }
    }

    /// `n` or `n × 1`.
    pub(crate) fn into_vector(self, file: &Path) -> Result<Vec<f64>> {
        match *self.shape {
            [_] | [_, 1] => Ok(self.values),
            _ => Err(self.misshapen(file, "(n,) or (n, 1), one weight per point")),
        }
    }

    /// `n × m`, and n and m.
    pub(crate) fn into_matrix(self, file: &Path) -> Result<(Vec<f64>, usize, usize)> {
        match *self.shape {
            [rows, columns] => Ok((self.values, rows as usize, columns as usize)),
            _ => Err(self.misshapen(file, "two axes")),
        }
    }

    fn misshapen(self, file: &Path, wanted: &'static str) -> Error {
        Error::Shape {
            file: file.into(),
            name: self.name,
            shape: self.shape,
            wanted,
        }
    }

    /// The shape and the values.
    pub(crate) fn into_parts(self) -> (Vec<usize>, Vec<f64>) {
        (
            self.shape.iter().map(|n| *n as usize).collect(),
            self.values,
        )
    }

    /// The entry of these indices along the first axes, each counted from 0.
    pub(crate) fn entry(mut self, file: &Path, indices: &[String]) -> Result<Self> {
        for text in indices {
            let index = text.parse().ok();
            let within = |index: &usize| self.shape.first().is_some_and(|n| (*index as u64) < *n);
            let Some(index) = index.filter(within) else {
                return Err(Error::Index {
                    file: file.into(),
                    name: self.name,
                    index: text.clone(),
                    shape: self.shape,
                });
            };
            self.shape.remove(0);
            let size = self.shape.iter().product::<u64>() as usize;
            self.values = self.values.split_off(index * size);
            self.values.truncate(size);
        }
        Ok(self)
    }

    /// Masses on a grid.
    pub(crate) fn into_histogram(self, file: &Path, invert: bool) -> Result<Histogram> {
        let shape = self.shape.iter().map(|n| *n as usize).collect();
        Histogram::of_array(file, &self.name, shape, self.values, invert)
    }
}

/// Reads masses on a grid if the array has three axes or more, or the reading says so; otherwise a cloud: columns of an
/// array of numbers, or fields of an array of records. Errors call it by `name`.
pub(crate) fn read_contents(
    file: &Path,
    name: &str,
    stream: &mut Stream,
    reading: &Reading,
    indices: &[String],
) -> Result<Contents> {
    let (columns, header) = (&reading.columns, header(file, name, stream)?);
    let is_record = matches!(header.dtype(), DType::Record(_));
    if is_record && !reading.grid && indices.is_empty() {
        return records(file, name, stream, &header, columns).map(Contents::Cloud);
    }
    let array = array(file, name, stream, header)?;
    if reading.grid || array.shape.len() > 2 {
        let entry = array.entry(file, indices)?;
        return entry
            .into_histogram(file, reading.invert)
            .map(Contents::Histogram);
    }
    if !indices.is_empty() {
        return Err(Error::DoubtfulGrid {
            file: file.into(),
            shape: array.shape,
        });
    }
    match array.dimension() {
        Some(dimension) => {
            let table = Table::of_numbers(file, columns, array.values, dimension)?;
            table.finish().map(Contents::Cloud)
        }
        None => Err(array.misshapen(file, "(n, d), one row per point, or (n,)")),
    }
}

/// Reads an array of numbers, which errors call by `name`.
pub(crate) fn read(file: &Path, name: &str, stream: &mut Stream) -> Result<Stored> {
    let header = header(file, name, stream)?;
    array(file, name, stream, header)
}

/// Reads the header.
fn header(file: &Path, name: &str, stream: &mut Stream) -> Result<NpyHeader> {
    let place = format!("header of array {name}");
    let broken = |error| Error::broken(file, &place, error, FORMAT);
    let malformed =
        |reason: &dyn ToString| Error::malformed(file, &place, reason.to_string(), FORMAT);
    let header = header_bytes(&mut stream.reader).map_err(broken)?;
    check_header(&header).map_err(|reason| malformed(&reason))?;
    if let Some(limit) = &mut stream.limit {
        *limit = limit.saturating_sub(header.len() as u64);
    }
    NpyHeader::from_reader(&*header).map_err(|error| malformed(&error))
}

/// Reads the numbers after a header.
fn array(file: &Path, name: &str, stream: &mut Stream, header: NpyHeader) -> Result<Stored> {
    let element = header.dtype();
    let size = element.num_bytes().unwrap_or(0) as u64;
    let (shape, promised) = (header.shape().to_vec(), header.len());
    let columns = match (header.order(), &*shape) {
        (Order::Fortran, &[_, columns]) if columns > 1 => Some(columns),
        _ => None,
    };
    let reversed = header.order() == Order::Fortran && shape.len() > 2;
    let held = stream.holds(promised, size);
    let values = numbers(NpyFile::with_header(header, &mut stream.reader))
        .ok_or_else(|| foreign(file, name, &element))?;
    let truncated = |found| Error::Truncated {
        file: file.into(),
        what: "values",
        promised,
        found,
    };
    let mut found = 0;
    let values = values.inspect(|value| found += u64::from(value.is_ok()));
    let values = match columns {
        Some(_) if held < promised => return Err(truncated(held)),
        Some(columns) => transposed(room(file, held)?, values, held / columns, columns),
        None => in_order(room(file, held)?, values),
    };
    match values {
        Ok(values) => {
            if matches!(*shape, [_] | [_, 1_u64..=u64::MAX] | [_, _, _, ..]) {
                check_end(file, name, stream)?;
            }
            let values = match reversed {
                true => in_c_order(file, &shape, &values)?,
                false => values,
            };
            Ok(Stored {
                name: name.to_owned(),
                shape,
                values,
            })
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(truncated(found)),
        Err(error) => Err(Error::broken(file, &format!("array {name}"), error, FORMAT)),
    }
}

fn foreign(file: &Path, name: &str, element: &DType) -> Error {
    Error::ElementType {
        file: file.into(),
        name: name.into(),
        found: one_line(&element.descr()),
    }
}

/// Refuses bytes after an array, which its header does not describe.
fn check_end(file: &Path, name: &str, stream: &mut Stream) -> Result<()> {
    match stream.reader.fill_buf() {
        Ok([]) => Ok(()),
        Ok(_) => Err(Error::LeftOver {
            file: file.into(),
            place: format!("behind array {name}"),
        }),
        Err(error) => Err(Error::broken(file, "end of the file", error, FORMAT)),
    }
}

/// A value of a record: its name, its bytes, and the reader of its type if that is a number.
struct Member {
    name: String,
    bytes: Range<usize>,
    number: Option<Box<dyn TypeReadDyn<Value = f64>>>,
}

/// The most members of a record.
const MAX_MEMBERS: usize = 1 << 16;

/// The values of a record, of which an array has one a member, numbered from 1.
fn members(name: &str, element: &DType, start: usize, found: &mut Vec<Member>) -> Option<()> {
    match element {
        DType::Plain(_) => {
            if found.len() >= MAX_MEMBERS {
                return None;
            }
            found.push(Member {
                name: name.to_owned(),
                bytes: start..start + element.num_bytes()?,
                number: reader(element),
            });
        }
        DType::Array(count, inner) => {
            let size = inner.num_bytes()?;
            for k in 0..usize::try_from(*count)
                .ok()
                .filter(|count| *count <= MAX_MEMBERS)?
            {
                members(&format!("{name}{}", k + 1), inner, start + k * size, found)?;
            }
        }
        DType::Record(fields) => {
            let mut start = start;
            for field in fields {
                let name = match name {
                    "" => field.name.clone(),
                    _ => format!("{name}.{}", field.name),
                };
                members(&name, &field.dtype, start, found)?;
                start += field.dtype.num_bytes()?;
            }
        }
    }
    Some(())
}

/// Reads an array of records after its header.
fn records(
    file: &Path,
    name: &str,
    stream: &mut Stream,
    header: &NpyHeader,
    columns: &Columns,
) -> Result<Cloud> {
    let element = header.dtype();
    let truncated = |promised, found| Error::Truncated {
        file: file.into(),
        what: "records",
        promised,
        found,
    };
    let size = element.num_bytes().filter(|size| *size > 0);
    let promised = header.len();
    if promised > 0 && size.is_some_and(|size| stream.holds(1, size as u64) == 0) {
        return Err(truncated(promised, 0));
    }
    let mut fields = Vec::new();
    let known = members("", &element, 0, &mut fields);
    let (Some(size), Some(())) = (size, known) else {
        return Err(foreign(file, name, &element));
    };
    let &[promised] = header.shape() else {
        return Err(Error::Shape {
            file: file.into(),
            name: name.into(),
            shape: header.shape().to_vec(),
            wanted: "(n,), one record per point",
        });
    };
    let names = fields.iter().map(|field| field.name.clone()).collect();
    let mut table = Table::new(file, columns, Some(names));
    let mut record = Vec::new();
    for found in 0..promised {
        record.clear();
        let read = (&mut stream.reader)
            .take(size as u64)
            .read_to_end(&mut record);
        let length =
            read.map_err(|error| Error::broken(file, &format!("array {name}"), error, FORMAT))?;
        if length < size {
            return Err(truncated(promised, found));
        }
        table.push(fields.len(), |column| {
            let Member { bytes, number, .. } = &fields[column];
            let bytes = &record[bytes.clone()];
            match number.as_ref().map(|number| number.read_one(bytes)) {
                Some(Ok(number)) => Field::Number(number),
                _ => Field::Text(text(bytes)),
            }
        })?;
    }
    check_end(file, name, stream)?;
    table.finish()
}

/// The printable text of bytes that are not a number.
fn text(bytes: &[u8]) -> String {
    let visible = bytes.iter().filter(|byte| **byte != 0).take(40);
    String::from_utf8_lossy(&visible.copied().collect::<Vec<_>>()).into_owned()
}

/// A number of some type, as float64.
struct Real<R, N>(R, fn(N) -> f64);

impl<N, R: TypeRead<Value = N>> TypeRead for Real<R, N> {
    type Value = f64;

    fn read_one<B: Read>(&self, bytes: B) -> io::Result<f64> {
        self.0.read_one(bytes).map(self.1)
    }
}

/// The reader of numbers of this type.
fn reader(element: &DType) -> Option<Box<dyn TypeReadDyn<Value = f64>>> {
    macro_rules! first_that_fits {
        ($($number:ty, $real:expr;)*) => {{
            $(if let Ok(reader) = <$number>::reader(element) {
                return Some(Box::new(Real(reader, $real)));
            })*
            None
        }};
    }
    first_that_fits! {
        f64, |value| value; f32, f64::from; f16, f64::from; i64, |value| value as f64; i32, f64::from;
        i16, f64::from; i8, f64::from; u64, |value| value as f64; u32, f64::from; u16, f64::from; u8, f64::from;
    }
}

/// The longest header, which is NumPy's own limit by default.
const MAX_HEADER: usize = 10_000;

/// The header and the bytes before it, up to the longest header.
fn header_bytes(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(12).read_to_end(&mut bytes)?;
    let length = match *bytes {
        [_, _, _, _, _, _, 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([a, b])),
        [_, _, _, _, _, _, _, _, a, b, c, d] => {
            12_usize.saturating_add(u32::from_le_bytes([a, b, c, d]) as usize)
        }
        _ => 0,
    };
    let rest = length.min(12 + MAX_HEADER).saturating_sub(bytes.len());
    reader.take(rest as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The deepest brackets: a dictionary, a list of fields, a field, and its shape.
const MAX_DEPTH: usize = 4;

/// Refuses headers that would break the parser, which reserves the length that the header claims, recurses
/// once per open bracket, and multiplies sizes without a check. The header of an array of numbers or records has
/// few nested brackets, decimal sizes and no escapes, so no valid file is refused. Sizes of 0 count as 1, since the
/// parser multiplies the others all the same. Texts in quotes, the names of fields and of types, are not sizes.
fn check_header(bytes: &[u8]) -> std::result::Result<(), &'static str> {
    let foreign = "these are not the first bytes of a .npy file";
    let (length, text) = match *bytes.strip_prefix(b"\x93NUMPY").ok_or(foreign)? {
        [1, _, a, b, ref text @ ..] => (usize::from(u16::from_le_bytes([a, b])), text),
        [_, _, a, b, c, d, ref text @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, text),
        _ => return Err(foreign),
    };
    if length > MAX_HEADER {
        return Err("the header is longer than any array of numbers needs");
    }
    let text = text.get(..length).ok_or("the header is cut short")?;
    if text.contains(&b'\\') {
        return Err("the header has an escape, which no array of numbers needs");
    }
    let (mut quote, mut depth) = (None, 0_usize);
    let mut sizes = text.to_vec();
    for byte in &mut sizes {
        match (quote, *byte) {
            (Some(open), closing) if open == closing => quote = None,
            (None, b'\'' | b'"') => quote = Some(*byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, _) => continue,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("the header describes neither an array of numbers nor one of records");
        }
        *byte = b' ';
    }
    sizes
        .split(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
        .filter(|word| word.first().is_some_and(u8::is_ascii_digit))
        .try_fold(1_u64, |product, word| {
            let size: u64 = std::str::from_utf8(word).ok()?.parse().ok()?;
            product.checked_mul(size.max(1))
        })
        .map(|_| ())
        .ok_or("the header claims more values than can be counted")
}

/// Every value as float64, or `None` for a type that is no real number.
fn numbers<'r>(stored: NpyFile<impl Read + 'r>) -> Option<Numbers<'r>> {
    macro_rules! first_that_fits {
        ($($number:ty, $real:expr;)*) => {{
            $(let stored = match stored.try_data::<$number>() {
                Ok(values) => {
                    let real: fn($number) -> f64 = $real;
                    return Some(Box::new(values.map(move |value| value.map(real))));
                }
                Err(stored) => stored,
            };)*
            let _ = stored;
            None
        }};
    }
    first_that_fits! {
        f64, |value| value; f32, f64::from; f16, f64::from; i64, |value| value as f64; i32, f64::from;
        i16, f64::from; i8, f64::from; u64, |value| value as f64; u32, f64::from; u16, f64::from; u8, f64::from;
    }
}

/// The values of an array, in the order of the file.
type Numbers<'r> = Box<dyn Iterator<Item = io::Result<f64>> + 'r>;

/// The values in the order of the file.
fn in_order(
    mut all: Vec<f64>,
    values: impl Iterator<Item = io::Result<f64>>,
) -> io::Result<Vec<f64>> {
    for value in values {
        all.push(value?);
    }
    Ok(all)
}

/// Values with the last axis fastest, from values with the first axis fastest.
fn in_c_order(file: &Path, shape: &[u64], values: &[f64]) -> Result<Vec<f64>> {
    let mut all = room(file, values.len() as u64)?;
    let mut steps: Vec<usize> = Vec::new();
    for size in shape {
        steps.push(match (steps.last(), steps.len()) {
            (Some(step), k) => step * shape[k - 1] as usize,
            (None, _) => 1,
        });
        if *size == 0 {
            return Ok(all);
        }
    }
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let place: usize = index.iter().zip(&steps).map(|(i, step)| i * step).sum();
        all.push(values[place]);
        for (i, size) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if (*i as u64) < *size {
                break;
            }
            *i = 0;
        }
    }
    Ok(all)
}

/// Writes columns, one after another, into their places in the rows of `all`.
fn transposed(
    mut all: Vec<f64>,
    values: impl Iterator<Item = io::Result<f64>>,
    rows: u64,
    columns: u64,
) -> io::Result<Vec<f64>> {
    // The product fits, because memory for it was reserved.
    let (rows, columns) = (rows as usize, columns as usize);
    all.resize(rows * columns, 0.0);
    for (at, value) in values.enumerate() {
        all[at % rows * columns + at / rows] = value?;
    }
    Ok(all)
}

/// Writes float64 in C order.
pub(crate) fn write(out: impl Write, array: &Array) -> io::Result<()> {
    let shape: Vec<_> = array.shape.iter().map(|&size| size as u64).collect();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .writer(out)
        .begin_nd()?;
    writer.extend(array.values)?;
    writer.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Contents, Error, Histogram, Reading};
    use crate::tests::{message, parse};

    /// A file with this header and these bytes after it.
    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    fn array(element: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{element}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        npy(&header, data)
    }

    #[test]
    fn every_real_type_in_both_byte_orders_becomes_float64() {
        macro_rules! check {
            ($($number:ty, $code:literal;)*) => {$(
                let values = [1 as $number, 2 as $number, 3 as $number, 100 as $number];
                let little = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
                let big = values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<_>>();
                for (order, data) in [("<", little), (">", big)] {
                    let order = if size_of::<$number>() == 1 { "|" } else { order };
                    let cloud = parse("a.npy", &array(&format!("{order}{}", $code), "False", "(2, 2)", &data)).unwrap();
                    assert_eq!((&*cloud.points, cloud.dimension), (&[1.0, 2.0, 3.0, 100.0][..], 2));
                }
            )*};
        }
        check! {
            f64, "f8"; f32, "f4"; i64, "i8"; i32, "i4"; i16, "i2"; i8, "i1"; u64, "u8"; u32, "u4"; u16, "u2"; u8, "u1";
        }
    }

    #[test]
    fn fortran_order_is_turned_into_rows() {
        let bytes = array("|i1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6]);
        let cloud = parse("a.npy", &bytes).unwrap();
        assert_eq!(cloud.points, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(cloud.dimension, 3);
    }

    #[test]
    fn one_axis_is_a_cloud_on_a_line() {
        for order in ["True", "False"] {
            let cloud = parse("a.npy", &array("|u1", order, "(3,)", &[7, 8, 9])).unwrap();
            assert_eq!((cloud.dimension, &*cloud.points), (1, &[7.0, 8.0, 9.0][..]));
        }
    }

    #[test]
    fn later_versions_have_a_longer_length() {
        let first = array("|i1", "False", "(2, 1)", &[5, 6]);
        for version in [2, 3] {
            let mut bytes = first.clone();
            bytes[6] = version;
            bytes.splice(10..10, [0, 0]);
            assert_eq!(
                parse("a.npy", &bytes).unwrap(),
                parse("a.npy", &first).unwrap()
            );
        }
    }

    #[test]
    fn errors_name_the_place_and_the_remedy() {
        let data = [1.0_f32, 2.0, 3.0, f32::NAN].map(f32::to_le_bytes).concat();
        assert_eq!(
            message("a.npy", &array("<f4", "False", "(2, 2)", &data)),
            "a.npy: row 2, column y is NaN; remove the row or give it a finite value"
        );
        assert_eq!(
            message("a.npy", &array("<f4", "False", "(1, 4)", &data)),
            "a.npy: row 1, column 4 is NaN; remove the row or give it a finite value"
        );
        assert_eq!(
            message("a.npy", &array("<f4", "False", "(9, 2)", &data)),
            "a.npy: the header promises 18 values but only 4 are there; the file is cut short or its header wrong: \
             copy or export it again"
        );
        assert_eq!(
            message("a.npy", &array("<f4", "False", "(1, 2, 2)", &data)),
            "a.npy: cell [0, 1, 1] is NaN, and that is no mass; make all of them finite and at least 0"
        );
        assert_eq!(
            message("a.npy", &array("<c8", "False", "(2,)", &data)),
            "a.npy: array of points holds values of type '<c8'; store it as float32, float64 or integers"
        );
        assert_eq!(
            message("a.npy", &array("<f4", "False", "(0, 3)", &[])),
            "a.npy: holds no rows; a cloud needs at least one point"
        );
        assert!(message("a.npy", &array("<f4", "False", "()", &data)).contains("shape []"));
        assert!(message("a.npy", &array("<f4", "False", "(3, 0)", &data)).contains("shape [3, 0]"));
        assert!(message("a.npy", &array("|O", "False", "(3,)", &data)).contains("type '|O'"));
    }

    #[test]
    fn a_header_that_lies_about_sizes_is_only_an_error() {
        for shape in [
            "(18446744073709551615, 3)",
            "(4294967296, 4294967296)",
            "(0, 4294967296, 4294967296)",
            "(0xffffffff, 0xffffffff, 0xffffffff)",
            "(99999999999999999999999,)",
            "(1e30,)",
        ] {
            assert!(
                message("a.npy", &array("<f8", "False", shape, &[]))
                    .contains("more values than can be counted")
            );
        }
        assert!(
            message("a.npy", &array("<f8", "False", "(1000000000000, 3)", &[]))
                .contains("only 0 are there")
        );
        assert!(
            message("a.npy", &array("<f8", "False", "(-3,)", &[0; 24]))
                .contains("cannot be negative")
        );
        assert!(
            message("a.npy", b"\x93NUMPY\x02\x00\xff\x00\x00\x00{}")
                .contains("the header is cut short")
        );
        assert!(
            message("a.npy", &npy(&"(".repeat(9_000), &[]))
                .contains("neither an array of numbers nor one of records")
        );
        assert!(message("a.npy", &npy(&" ".repeat(20_000), &[])).contains("longer than"));
        assert!(message("a.npy", b"PK").contains("not the first bytes"));
    }
    #[test]
    fn halves_are_read() {
        // IEEE 754: one, minus two, the least above zero, the greatest.
        let halves = [0x3c00_u16, 0xc000, 0x0001, 0x7bff];
        let expected = [1.0, -2.0, 2f64.powi(-24), 65504.0];
        for (order, data) in [
            ("<f2", halves.map(u16::to_le_bytes)),
            (">f2", halves.map(u16::to_be_bytes)),
        ] {
            let cloud = parse("a.npy", &array(order, "False", "(2, 2)", &data.concat())).unwrap();
            assert_eq!(cloud.points, expected);
        }
    }

    /// Records of a name, two coordinates in 2 and 8 bytes, and three more values.
    fn records(rows: u64) -> Vec<u8> {
        let header = format!(
            "{{'descr': [('label', '|S3'), ('x', '<f2'), ('y', '>f8'), ('more', '<i4', (3,))], \
             'fortran_order': False, 'shape': ({rows},), }}\n"
        );
        let mut data = Vec::new();
        for row in 0..2_i32 {
            data.extend(b"a\0\0");
            data.extend([0x3c00_u16, 0xc000][row as usize].to_le_bytes());
            data.extend(f64::from(row).to_be_bytes());
            data.extend([row, 5, 6].map(i32::to_le_bytes).concat());
        }
        npy(&header, &data)
    }

    #[test]
    fn the_fields_of_records_are_columns() {
        let told = message("a.npy", &records(2));
        assert!(
            told.contains("column label is \"a\", not a number"),
            "{told}"
        );
        let read = |coordinates: &[&str], bytes: &[u8]| {
            let columns = crate::Columns {
                coordinates: coordinates.iter().map(|&name| name.into()).collect(),
                ..Default::default()
            };
            crate::parse_as("a.npy".as_ref(), bytes, &crate::Reading::of(&columns))
        };
        let cloud = read(&["y", "x", "more1", "more3"], &records(2)).unwrap();
        assert_eq!(cloud.points, [0.0, 1.0, 0.0, 6.0, 1.0, -2.0, 1.0, 6.0]);
        let absent = read(&["z"], &records(2)).unwrap_err().to_string();
        assert!(
            absent.contains("choose from label, x, y, more1, more2, more3"),
            "{absent}"
        );
        let cut = read(&["x"], &records(3)).unwrap_err().to_string();
        assert!(
            cut.contains("promises 3 records but only 2 are there"),
            "{cut}"
        );
        let longer = read(&["x"], &records(1)).unwrap_err().to_string();
        assert!(
            longer.contains("behind array of points: there is more than the header says"),
            "{longer}"
        );
        crate::tests::mutilate("a.npy", &records(2));
    }

    #[test]
    fn an_array_is_as_long_as_its_header_says() {
        let told = message("a.npy", &array("|i1", "False", "(2, 2)", &[1, 2, 3, 4, 5]));
        assert!(
            told.contains("behind array of points: there is more than the header says"),
            "{told}"
        );
    }

    #[test]
    fn arrays_of_three_axes_are_masses_in_either_order_and_entries_of_them_too() {
        let bytes = |fortran: &str, shape: &str, values: &[f64]| {
            let mut header =
                format!("{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': {shape}, }}");
            while !(header.len() + 11).is_multiple_of(64) {
                header.push(' ');
            }
            header.push('\n');
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            bytes
        };
        let read = |name: &str, bytes: &[u8], grid: bool| {
            let reading = Reading {
                grid,
                ..Reading::default()
            };
            match crate::parse_contents(name.as_ref(), bytes, &reading)? {
                Contents::Histogram(Histogram { shape, masses, .. }) => Ok((shape, masses)),
                Contents::Cloud(_) => panic!("a grid is no cloud"),
            }
        };
        // The element (i, j, k) is 100 i + 10 j + k.
        let element = |i: usize, j: usize, k: usize| (100 * i + 10 * j + k) as f64;
        let c: Vec<f64> = (0..12)
            .map(|at| element(at / 6, at / 2 % 3, at % 2))
            .collect();
        let fortran: Vec<f64> = (0..12)
            .map(|at| element(at % 2, at / 2 % 3, at / 6))
            .collect();
        let plain = bytes("False", "(2, 3, 2)", &c);
        let reversed = bytes("True", "(2, 3, 2)", &fortran);
        for bytes in [&plain, &reversed] {
            assert_eq!(
                read("a.npy", bytes, false).unwrap(),
                (vec![2, 3, 2], c.clone())
            );
            let second = read("a.npy:1", bytes, false).unwrap();
            assert_eq!(second, (vec![3, 2], c[6..].to_vec()));
            assert_eq!(
                read("a.npy:1:2", bytes, false).unwrap(),
                (vec![2], c[10..].to_vec())
            );
        }
        assert_ne!(c, fortran);
        let told = |name: &str, bytes: &[u8], grid| {
            let error: Error = read(name, bytes, grid).unwrap_err();
            error.to_string()
        };
        for wrong in ["a.npy:2", "a.npy:-1", "a.npy:x", "a.npy:"] {
            let told = told(wrong, &plain, false);
            assert!(
                told.contains("selects nothing") && told.contains("below 2"),
                "{told}"
            );
        }
        assert!(told("a.npy:0:0:0", &plain, false).contains("one to three axes"));
        let flat = bytes("False", "(3, 4)", &c);
        assert!(told("a.npy:0", &flat, false).contains("masses on a grid"));
        assert_eq!(
            read("a.npy:1", &flat, true).unwrap(),
            (vec![4], c[4..8].to_vec())
        );
        assert_eq!(read("a.npy", &flat, true).unwrap().0, [3, 4]);
        let deep = bytes("False", "(1, 1, 3, 4)", &c);
        assert!(told("a.npy", &deep, false).contains("as a.npy:0"));
        assert!(told("a.npy", &bytes("False", "(0, 3, 2)", &[]), false).contains("holds no rows"));
        let longer = [&plain[..], &[0]].concat();
        assert!(told("a.npy", &longer, false).contains("more than the header says"));
        assert!(told("a.npy", &plain[..plain.len() - 1], false).contains("cut short"));
        // Where points are needed, it is told what the file holds.
        let refused = crate::parse_cloud("a.npy".as_ref(), &plain).unwrap_err();
        assert!(matches!(refused, Error::Grid { .. }), "{refused}");
    }
}

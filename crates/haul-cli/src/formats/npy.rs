//! NumPy's `.npy`: one array behind a header that is a Python dictionary. Floats and integers of
//! every width, both byte orders, C and Fortran order are read, each value converted to float64.

use super::{Array, CloudFile, FormatError, Result};
use npyz::{NpyFile, NpyHeader, Order, WriterBuilder};
use std::{
    io::{self, Write},
    path::Path,
};

/// An array as it was stored, in C order.
pub(super) struct Stored {
    name: &'static str,
    shape: Vec<u64>,
    values: Vec<f64>,
}

impl Stored {
    /// `n × d`, or `n` for points on a line.
    pub(super) fn into_cloud(self, file: &Path) -> Result<CloudFile> {
        let dimension = match *self.shape {
            [_] => Some(1),
            [_, dimension] if dimension > 0 => usize::try_from(dimension).ok(),
            _ => None,
        };
        match dimension {
            Some(dimension) => Ok(CloudFile {
                points: self.values,
                dimension,
                weights: None,
            }),
            None => Err(self.misshapen(file, "(n, d), one row per point, or (n,)")),
        }
    }

    /// `n` or `n × 1`.
    pub(super) fn into_vector(self, file: &Path) -> Result<Vec<f64>> {
        match *self.shape {
            [_] | [_, 1] => Ok(self.values),
            _ => Err(self.misshapen(file, "(n,) or (n, 1), one weight per point")),
        }
    }

    fn misshapen(self, file: &Path, wanted: &'static str) -> FormatError {
        FormatError::Shape {
            file: file.into(),
            name: self.name.into(),
            shape: self.shape,
            wanted,
        }
    }
}

/// Reads an array; `name` is what errors call it.
pub(super) fn read(file: &Path, name: &'static str, bytes: &[u8]) -> Result<Stored> {
    let malformed = |reason: &dyn ToString| {
        let place = format!("array {name}, first {} bytes", bytes.len().min(MAX_HEADER));
        FormatError::malformed(file, &place, reason.to_string(), ".npy with numpy.save")
    };
    check_header(bytes).map_err(|reason| malformed(&reason))?;
    let mut rest = bytes;
    let header = NpyHeader::from_reader(&mut rest).map_err(|error| malformed(&error))?;
    let element = header.dtype();
    let size = element.num_bytes().unwrap_or(0).max(1) as u64;
    let (shape, order, promised) = (header.shape().to_vec(), header.order(), header.len());
    let values =
        numbers(NpyFile::with_header(header, rest)).ok_or_else(|| FormatError::ElementType {
            file: file.into(),
            name: name.into(),
            found: element.descr(),
        })?;
    let found = rest.len() as u64 / size;
    if promised > found {
        return Err(FormatError::Truncated {
            file: file.into(),
            what: "values",
            promised,
            found,
        });
    }
    let mut values = values.map_err(|error| malformed(&error))?;
    if let (Order::Fortran, &[rows, _]) = (order, &*shape) {
        // Both sizes fit: their product was just read.
        values = transposed(&values, rows as usize);
    }
    Ok(Stored {
        name,
        shape,
        values,
    })
}

/// NumPy itself reads no longer header unless told to.
const MAX_HEADER: usize = 10_000;

/// Keeps from the header parser what it does not guard against: it reserves the length that the
/// header claims, recurses once per open bracket, and multiplies sizes without a check. An array of
/// plain numbers has two brackets, decimal sizes and no escapes, so nothing honest is lost. Sizes
/// of 0 count as 1, since the others are multiplied all the same.
fn check_header(bytes: &[u8]) -> std::result::Result<(), &'static str> {
    let foreign = "these are not the first bytes of a .npy file";
    let (length, text) = match *bytes.strip_prefix(b"\x93NUMPY").ok_or(foreign)? {
        [1, _, a, b, ref text @ ..] => (usize::from(u16::from_le_bytes([a, b])), text),
        [_, _, a, b, c, d, ref text @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, text),
        _ => return Err(foreign),
    };
    let text = text.get(..length).ok_or("the header is cut short")?;
    if length > MAX_HEADER {
        return Err("the header is longer than any array of numbers needs");
    }
    if text.contains(&b'\\') || text.iter().filter(|byte| b"([{".contains(byte)).count() > 2 {
        return Err("the header does not describe an array of plain numbers");
    }
    text.split(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
        .filter(|word| word.first().is_some_and(u8::is_ascii_digit))
        .try_fold(1_u64, |product, word| {
            let size: u64 = std::str::from_utf8(word).ok()?.parse().ok()?;
            product.checked_mul(size.max(1))
        })
        .map(|_| ())
        .ok_or("the header claims more values than can be counted")
}

/// Every value as float64, or `None` for a type that is no real number.
fn numbers(stored: NpyFile<&[u8]>) -> Option<io::Result<Vec<f64>>> {
    macro_rules! first_that_fits {
        ($($number:ty)*) => {{
            $(let stored = match stored.try_data::<$number>() {
                Ok(values) => return Some(values.map(|value| value.map(|value| value as f64)).collect()),
                Err(stored) => stored,
            };)*
            let _ = stored;
            None
        }};
    }
    first_that_fits!(f64 f32 i64 i32 i16 i8 u64 u32 u16 u8)
}

/// Columns of `rows` values become rows.
fn transposed(values: &[f64], rows: usize) -> Vec<f64> {
    (0..rows)
        .flat_map(|row| values.iter().skip(row).step_by(rows))
        .copied()
        .collect()
}

/// Writes float64 in C order.
pub(super) fn write(out: impl Write, array: &Array) -> io::Result<()> {
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
    use super::super::tests::{message, parse};

    /// A file with this header and these bytes behind it.
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
            "a.npy: array of points has shape [1, 2, 2]; reshape it to (n, d), one row per point, or (n,)"
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
            message("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}")
                .contains("the header is cut short")
        );
        assert!(message("a.npy", &npy(&"(".repeat(9_000), &[])).contains("plain numbers"));
        assert!(message("a.npy", &npy(&" ".repeat(20_000), &[])).contains("longer than"));
        assert!(message("a.npy", b"PK").contains("not the first bytes"));
    }
}

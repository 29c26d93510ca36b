//! NumPy's `.npy`: one array behind a header that is a Python dictionary. Floats and integers of every width, both byte
//! orders, C and Fortran order are read, each value converted to float64.

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
    let malformed = |reason: String| FormatError::Malformed {
        file: file.into(),
        place: format!("array {name}, bytes 0 to {}", bytes.len().min(MAX_HEADER)),
        reason,
        format: ".npy with numpy.save",
    };
    check_header(bytes).map_err(|reason| malformed(reason.into()))?;
    let mut rest = bytes;
    let header = NpyHeader::from_reader(&mut rest).map_err(|error| malformed(error.to_string()))?;
    let element = header.dtype();
    let size = element.num_bytes().unwrap_or(0).max(1) as u64;
    let (shape, order, promised) = (header.shape().to_vec(), header.order(), header.len());
    let values = numbers(NpyFile::with_header(header, rest)).ok_or_else(|| FormatError::ElementType {
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
    let mut values = values.map_err(|error| malformed(error.to_string()))?;
    if let (Order::Fortran, &[rows, _]) = (order, &*shape) {
        // Both sizes fit: their product was just read.
        values = transposed(&values, rows as usize);
    }
    Ok(Stored { name, shape, values })
}

/// NumPy itself reads no longer header unless told to.
const MAX_HEADER: usize = 10_000;

/// Keeps from the header parser what it does not guard against: it reserves the length that the header claims, recurses
/// once per open bracket, and multiplies sizes without a check. An array of plain numbers has two brackets, decimal
/// sizes and no escapes, so nothing honest is lost. Sizes of 0 count as 1, since the others are multiplied all the same.
fn check_header(bytes: &[u8]) -> std::result::Result<(), &'static str> {
    let (length, text) = match *bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ref text @ ..] => {
            (usize::from(u16::from_le_bytes([a, b])), text)
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', _, _, a, b, c, d, ref text @ ..] => {
            (u32::from_le_bytes([a, b, c, d]) as usize, text)
        }
        _ => return Err("these are not the first bytes of a .npy file"),
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
    (0..rows).flat_map(|row| values.iter().skip(row).step_by(rows)).copied().collect()
}

/// Writes float64 in C order.
pub(super) fn write(out: impl Write, array: &Array) -> io::Result<()> {
    let shape: Vec<_> = array.shape.iter().map(|&size| size as u64).collect();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(out).begin_nd()?;
    writer.extend(array.values)?;
    writer.finish()
}

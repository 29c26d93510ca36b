//! Safetensors: named arrays of numbers, the embeddings and weights of neural networks. Eight bytes have the length of a header
//! in JSON, which has the type, the shape and the bytes of each array; the numbers follow, little-endian, the last axis fastest.

use crate::{
    Cloud, Columns, Error, Reading, Result,
    cloud::check_weights,
    columns::Table,
    error::one_line,
    outline::{About, Outline},
    source::{self, ReadSeek, Source},
};
use half::{bf16, f16};
use serde_json::{Map, Value};
use std::{
    io::{Read, SeekFrom},
    path::Path,
};

/// The name of the format in messages.
const NAME: &str = ".safetensors";

/// The bytes of the length of the header.
const LENGTH: u64 = 8;

/// An open file, and its header.
struct Store<'f, 's> {
    file: &'f Path,
    reader: Box<dyn ReadSeek + 's>,
    header: Map<String, Value>,
    /// Where the numbers begin, and how many bytes they take.
    start: u64,
    bytes: u64,
}

/// An array as the header has it.
struct Tensor<'t> {
    name: &'t str,
    kind: &'t str,
    shape: Vec<u64>,
    /// Its first byte and the one behind its last one.
    bytes: [u64; 2],
}

/// Reads the array that the reading names, or the only one of two axes.
pub(crate) fn read(file: &Path, source: Source, reading: &Reading) -> Result<Cloud> {
    let mut store = Store::open(file, source)?;
    let arrays = store.arrays();
    let name = match (&reading.embedding, &arrays[..]) {
        (Some(wanted), _) if store.has(wanted) => wanted.clone(),
        (None, [only]) => only.name.clone(),
        _ => {
            return Err(Error::Embedding {
                file: file.into(),
                wanted: reading.embedding.clone(),
                found: arrays.into_iter().map(|array| array.name).collect(),
            });
        }
    };
    let (shape, values) = store.numbers(&name)?;
    let width = match shape[..] {
        [_] => 1,
        [_, width] => usize::try_from(width).unwrap_or(usize::MAX),
        _ => return Err(wrong_shape(file, &name, shape, "points × coordinates")),
    };
    if values.is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    let rows = values.len() / width;
    // An array may be the weights.
    let weight = reading.columns.weight.clone();
    let weight = weight.filter(|name| store.has(name));
    let columns = Columns {
        weight: reading.columns.weight.clone().filter(|_| weight.is_none()),
        ..reading.columns.clone()
    };
    let mut cloud = Table::of_numbers(file, &columns, values, width)?.finish()?;
    if let Some(name) = weight {
        let (shape, weights) = store.numbers(&name)?;
        if weights.len() != rows {
            return Err(wrong_shape(file, &name, shape, "one number for each point"));
        }
        check_weights(file, &weights, Some(&one_line(&name)))?;
        cloud.weights = Some(weights);
    }
    Ok(cloud)
}

/// What the file has.
pub(crate) fn outline(file: &Path, source: Source) -> Result<Outline> {
    Ok(Outline {
        arrays: Store::open(file, source)?.arrays(),
        ..Outline::default()
    })
}

fn wrong_shape(file: &Path, name: &str, shape: Vec<u64>, wanted: &'static str) -> Error {
    Error::Shape {
        file: file.into(),
        name: one_line(name),
        shape,
        wanted,
    }
}

impl<'f, 's> Store<'f, 's> {
    fn open(file: &'f Path, source: Source<'s>) -> Result<Self> {
        let broken = |error| Error::broken(file, "header", error, NAME);
        let malformed =
            |reason: &dyn ToString| Error::malformed(file, "header", reason.to_string(), NAME);
        let all = source.length().unwrap_or(0);
        let Some(mut reader) = source.seekable() else {
            return Err(Error::NoBytes { file: file.into() });
        };
        let mut length = [0; LENGTH as usize];
        reader.read_exact(&mut length).map_err(broken)?;
        let length = u64::from_le_bytes(length);
        let rest = all.saturating_sub(LENGTH);
        if length > rest {
            let reason = format!("claims {length} bytes, and {rest} are there");
            return Err(malformed(&reason));
        }
        let mut text = Vec::new();
        (&mut reader)
            .take(length)
            .read_to_end(&mut text)
            .map_err(broken)?;
        let header = serde_json::from_slice(&text).map_err(|error| malformed(&error))?;
        Ok(Self {
            file,
            reader,
            header,
            start: LENGTH + length,
            bytes: rest - length,
        })
    }

    fn has(&self, name: &str) -> bool {
        name != "__metadata__" && self.header.contains_key(name)
    }

    /// The array of this name; `None` if the header does not describe one.
    fn tensor<'t>(&'t self, name: &'t str) -> Option<Tensor<'t>> {
        let about = self.header.get(name)?.as_object()?;
        let numbers = |key: &str| -> Option<Vec<u64>> {
            about
                .get(key)?
                .as_array()?
                .iter()
                .map(Value::as_u64)
                .collect()
        };
        let bytes = <[u64; 2]>::try_from(numbers("data_offsets")?).ok()?;
        (bytes[0] <= bytes[1] && bytes[1] <= self.bytes).then_some(Tensor {
            name,
            kind: about.get("dtype")?.as_str()?,
            shape: numbers("shape")?,
            bytes,
        })
    }

    /// The arrays of two axes, in the order of their names.
    fn arrays(&self) -> Vec<About> {
        let names = self.header.keys().filter(|name| self.has(name));
        let mut arrays: Vec<About> = names
            .filter_map(|name| {
                let tensor = self.tensor(name)?;
                let side = |side: &u64| usize::try_from(*side).ok();
                let shape = tensor.shape.iter().map(side).collect::<Option<Vec<_>>>()?;
                Some(About {
                    name: name.clone(),
                    shape: shape.try_into().ok()?,
                    sparse: false,
                })
            })
            .collect();
        arrays.sort_by(|a, b| a.name.cmp(&b.name));
        arrays
    }

    /// The shape and the numbers of an array.
    fn numbers(&mut self, name: &str) -> Result<(Vec<u64>, Vec<f64>)> {
        let (file, start) = (self.file, self.start);
        let malformed =
            |reason: &str| Error::malformed(file, &format!("array {name}"), reason, NAME);
        let Some(Tensor {
            name,
            kind,
            shape,
            bytes: [first, end],
        }) = self.tensor(name)
        else {
            return Err(malformed("the header does not say where it is"));
        };
        let Some(number) = Number::of(kind) else {
            return Err(Error::ElementType {
                file: file.into(),
                name: one_line(name),
                found: one_line(kind),
            });
        };
        let count = shape
            .iter()
            .try_fold(1_u64, |all, side| all.checked_mul(*side));
        let size = number.bytes() as u64;
        if count.and_then(|count| count.checked_mul(size)) != Some(end - first) {
            return Err(malformed("its shape does not fit its bytes"));
        }
        let mut values = source::room(file, (end - first) / size)?;
        let broken = |error| Error::broken(file, "an array", error, NAME);
        self.reader
            .seek(SeekFrom::Start(start + first))
            .map_err(broken)?;
        let mut part = vec![0; CHUNK];
        let mut left = end - first;
        while left > 0 {
            let part = &mut part[..left.min(CHUNK as u64) as usize];
            self.reader.read_exact(part).map_err(broken)?;
            number.append(part, &mut values);
            left -= part.len() as u64;
        }
        Ok((shape, values))
    }
}

/// Bytes that are read at a time, a multiple of those of every number.
const CHUNK: usize = 1 << 16;

/// The type of a number.
#[derive(Clone, Copy)]
enum Number {
    F64,
    F32,
    F16,
    BF16,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Number {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::BF16,
            "I8" => Self::I8,
            "U8" => Self::U8,
            "I16" => Self::I16,
            "U16" => Self::U16,
            "I32" => Self::I32,
            "U32" => Self::U32,
            "I64" => Self::I64,
            "U64" => Self::U64,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Adds the numbers of these bytes.
    fn append(self, bytes: &[u8], values: &mut Vec<f64>) {
        macro_rules! of {
            ($number:ty, $convert:expr) => {
                values.extend(
                    (bytes.as_chunks().0.iter())
                        .map(|bytes| $convert(<$number>::from_le_bytes(*bytes))),
                )
            };
        }
        match self {
            Self::F64 => of!(f64, |number: f64| number),
            Self::F32 => of!(f32, f64::from),
            Self::F16 => of!(f16, f64::from),
            Self::BF16 => of!(bf16, f64::from),
            Self::I8 => of!(i8, f64::from),
            Self::U8 => of!(u8, f64::from),
            Self::I16 => of!(i16, f64::from),
            Self::U16 => of!(u16, f64::from),
            Self::I32 => of!(i32, f64::from),
            Self::U32 => of!(u32, f64::from),
            Self::I64 => of!(i64, |number: i64| number as f64),
            Self::U64 => of!(u64, |number: u64| number as f64),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{parse_as, tests::mutilate};

    /// Written by the package safetensors: `tests/made/make.py` has the formulas.
    const FILE: &[u8] = include_bytes!("../tests/made/embeddings.safetensors");

    fn parsed(embedding: Option<&str>, weight: Option<&str>) -> Result<Cloud> {
        let mut reading = Reading {
            embedding: embedding.map(str::to_owned),
            ..Reading::default()
        };
        reading.columns.weight = weight.map(str::to_owned);
        parse_as(Path::new("a.safetensors"), FILE, &reading)
    }

    #[test]
    fn tensors_of_every_kind_have_the_same_numbers() {
        // Numbers that float16 and bfloat16 have as well.
        let expected: Vec<f64> = (0..6).map(|k| 0.25 * f64::from(k) - 0.5).collect();
        for name in ["half", "brain", "single", "double"] {
            let cloud = parsed(Some(name), None).unwrap();
            assert_eq!((&cloud.points, cloud.dimension), (&expected, 2), "{name}");
        }
        for name in ["byte", "long"] {
            let cloud = parsed(Some(name), None).unwrap();
            assert_eq!(cloud.points, [5.0, 2.0, 3.0, 1.0, 9.0, 5.0], "{name}");
        }
        let cloud = parsed(Some("single"), Some("mass")).unwrap();
        assert_eq!(cloud.weights.unwrap(), [1.0, 0.5, 0.25]);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_tensor() {
        for (told, parts) in [
            (
                parsed(None, None),
                &["say which array", "brain, byte, double"][..],
            ),
            (parsed(Some("x"), None), &["no array \"x\""]),
            (
                parsed(Some("deep"), None),
                &["array deep has shape [1, 2, 3]"],
            ),
            (parsed(Some("truth"), None), &["array truth", "BOOL"]),
            (
                parsed(Some("half"), Some("deep")),
                &["array deep", "one number for each point"],
            ),
        ] {
            let told = told.unwrap_err().to_string();
            for part in parts {
                assert!(told.contains(part), "{told} lacks {part}");
            }
        }
    }

    #[test]
    fn headers_that_promise_too_much_are_refused() {
        let file = |header: &str, numbers: &[u8]| {
            let length = (header.len() as u64).to_le_bytes();
            let bytes = [&length, header.as_bytes(), numbers].concat();
            let read = parse_as(Path::new("a.safetensors"), &bytes, &Reading::default());
            read.unwrap_err().to_string()
        };
        let header = |shape: &str, end: u64| {
            format!("{{\"x\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}")
        };
        let told = file(&header("[2,1]", 16), &[0; 16]);
        assert!(
            told.contains("array x: its shape does not fit its bytes"),
            "{told}"
        );
        let told = file(&header("[4294967296,4294967296]", 0), &[]);
        assert!(told.contains("its shape does not fit its bytes"), "{told}");
        let told = file(&header("[2,2]", 16), &[0; 12]);
        assert!(told.contains("say which array"), "{told}");
        // A name may have any letters, and a message is a line.
        let array = |name: &str, start: u64| {
            let end = start + 4;
            format!(
                "\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[{start},{end}]}}"
            )
        };
        let told = file(
            &format!("{{{},{}}}", array("l\\ng", 0), array("b", 4)),
            &[0; 8],
        );
        assert!(told.contains("l g") && !told.contains('\n'), "{told}");
        let told = parse_as(Path::new("a.safetensors"), &[0xff; 12], &Reading::default());
        assert!(told.unwrap_err().to_string().contains("header: claims"));
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate("a.safetensors", FILE);
    }
}

//! Volumes of NIfTI-1 in one file, `.nii`: a header of 348 bytes of either byte order, then the voxels, the first axis
//! fastest. A voxel's mass is its value, slope · v + intercept by the header; one that is not positive has none, because
//! maps are often zero, negative or not a number outside of what was measured.

use crate::{
    Contents, Error, Histogram, Placement, Reading, Result,
    npy::Stored,
    source::{Stream, room},
};
use std::{
    io::{self, Read},
    path::Path,
};

const FORMAT: &str = ".nii of NIfTI-1";
const HEADER: usize = 348;

/// Voxels that are read at a time.
const CHUNK: usize = 1 << 16;

/// What the header says.
#[derive(Debug, PartialEq)]
struct Header {
    big: bool,
    /// Voxels along x, y, z, and then along time and what else there is.
    shape: Vec<u64>,
    /// The side of a voxel along x, y and z, in the unit of the file.
    spacing: [f64; 3],
    placement: Placement,
    voxel: Voxel,
    offset: u64,
    slope: f64,
    intercept: f64,
}

/// The type of a voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Voxel {
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Voxel {
    fn of(code: i16) -> Option<Self> {
        Some(match code {
            2 => Self::U8,
            4 => Self::I16,
            8 => Self::I32,
            16 => Self::F32,
            64 => Self::F64,
            256 => Self::I8,
            512 => Self::U16,
            768 => Self::U32,
            1024 => Self::I64,
            1280 => Self::U64,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// The value of a voxel's little-endian bytes.
    fn value(self, bytes: [u8; 8]) -> f64 {
        let [a, b, c, d, ..] = bytes;
        match self {
            Self::U8 => f64::from(a),
            Self::I8 => f64::from(a as i8),
            Self::I16 => f64::from(i16::from_le_bytes([a, b])),
            Self::U16 => f64::from(u16::from_le_bytes([a, b])),
            Self::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Self::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            Self::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Self::I64 => i64::from_le_bytes(bytes) as f64,
            Self::U64 => u64::from_le_bytes(bytes) as f64,
            Self::F64 => f64::from_le_bytes(bytes),
        }
    }
}

/// The bytes of a header, in its byte order.
struct Bytes<'b> {
    bytes: &'b [u8],
    big: bool,
}

impl Bytes<'_> {
    fn at<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        if let Some(found) = self.bytes.get(at..at + N) {
            bytes.copy_from_slice(found);
        }
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn short(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.at(at))
    }

    fn float(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.at(at)))
    }
}

impl Header {
    /// The header of these bytes, or why they are none.
    fn of(bytes: &[u8]) -> std::result::Result<Self, String> {
        let size = |big| i32::from_le_bytes(Bytes { bytes, big }.at(0));
        let big = match (size(false), size(true)) {
            (348, _) => false,
            (_, 348) => true,
            (540, _) | (_, 540) => return Err("it is NIfTI-2; write it as NIfTI-1".into()),
            _ => return Err("the first number is not 348, the length of the header".into()),
        };
        let header = Bytes { bytes, big };
        match bytes.get(344..347) {
            Some(b"n+1") => {}
            Some(b"ni1") => return Err("the voxels are in another file, .img".into()),
            _ => return Err("there is no n+1 at byte 344".into()),
        }
        let axes = usize::try_from(header.short(40)).unwrap_or(0);
        if !(1..=7).contains(&axes) {
            return Err(format!("it has {axes} axes"));
        }
        let side = |axis: usize| u64::try_from(header.short(40 + 2 * axis)).ok();
        let sides = (1..=axes).map(|axis| side(axis).filter(|side| *side > 0));
        let shape: Option<Vec<u64>> = sides.collect();
        let code = header.short(70);
        let voxel = Voxel::of(code).ok_or(format!(
            "voxels of type {code} are not numbers, or not in a type that is read"
        ))?;
        let spacing: [f64; 3] = std::array::from_fn(|axis| header.float(80 + 4 * axis).abs());
        if axes >= 3 && spacing.iter().any(|side| !side.is_normal()) {
            return Err(format!("a voxel has the sides {spacing:?}"));
        }
        let offset = header.float(108);
        let (slope, intercept) = (header.float(112), header.float(116));
        let scaled = slope.is_finite() && slope != 0.0 && intercept.is_finite();
        Ok(Self {
            big,
            shape: shape.ok_or("an axis has no voxels")?,
            spacing,
            placement: Placement::read(
                |at| u32::from_le_bytes(header.at(at)),
                |at| header.short(at),
                header.at::<1>(Placement::UNIT)[0],
            ),
            voxel,
            offset: if offset.is_finite() { offset as u64 } else { 0 },
            slope: if scaled { slope } else { 1.0 },
            intercept: if scaled { intercept } else { 0.0 },
        })
    }
}

/// Reads the masses of a volume; of several volumes in one file, the one of these indices along time and the axes after it.
pub(crate) fn read(
    file: &Path,
    stream: &mut Stream,
    reading: &Reading,
    indices: &[String],
) -> Result<Contents> {
    let mut bytes = Vec::with_capacity(HEADER);
    let mut start = (&mut stream.reader).take(HEADER as u64);
    let read = start.read_to_end(&mut bytes);
    let broken = |place: &str, error| Error::broken(file, place, error, FORMAT);
    read.map_err(|error| broken("header", error))?;
    if bytes.len() < HEADER {
        return Err(broken("header", io::ErrorKind::UnexpectedEof.into()));
    }
    let header =
        Header::of(&bytes).map_err(|reason| Error::malformed(file, "header", reason, FORMAT))?;
    let skipped = header.offset.saturating_sub(HEADER as u64);
    let mut between = (&mut stream.reader).take(skipped);
    io::copy(&mut between, &mut io::sink()).map_err(|error| broken("header", error))?;
    let values = voxels(file, stream, &header)?;
    // The axes from the slowest on. Those behind the third with one entry have nothing to choose.
    let mut shape = header.shape.clone();
    while shape.len() > 3 && shape.last() == Some(&1) {
        shape.pop();
    }
    shape.reverse();
    let volume = Stored::of("of voxels", shape, values).entry(file, indices)?;
    let stored = volume.into_histogram(file, reading.invert)?;
    Ok(Contents::Histogram(transposed(stored, &header)))
}

/// The same masses with the axes in the order x, y, z, the last one fastest.
fn transposed(stored: Histogram, header: &Header) -> Histogram {
    let axes = stored.shape.len();
    let mut shape = stored.shape;
    shape.reverse();
    // A step along an axis passes as many voxels as the axes before it have.
    let steps: Vec<usize> = (0..axes)
        .map(|axis| shape[..axis].iter().product())
        .collect();
    let mut masses = Vec::with_capacity(stored.masses.len());
    let mut cell = vec![0; axes];
    for _ in 0..stored.masses.len() {
        let at: usize = cell
            .iter()
            .zip(&steps)
            .map(|(index, step)| index * step)
            .sum();
        masses.push(stored.masses[at]);
        for axis in (0..axes).rev() {
            cell[axis] += 1;
            if cell[axis] < shape[axis] {
                break;
            }
            cell[axis] = 0;
        }
    }
    Histogram {
        spacing: Some(header.spacing[..axes].to_vec()),
        shape,
        masses,
        placement: Some(header.placement),
    }
}

/// The values of all voxels, x fastest and time slowest.
fn voxels(file: &Path, stream: &mut Stream, header: &Header) -> Result<Vec<f64>> {
    let size = header.voxel.bytes();
    let count = header
        .shape
        .iter()
        .try_fold(1_u64, |product, side| product.checked_mul(*side));
    let promised = count.unwrap_or(u64::MAX);
    let holds = stream.holds(promised, size as u64);
    let mut values = room(file, holds)?;
    let mut bytes = vec![0; CHUNK * size];
    while (values.len() as u64) < promised {
        let left = promised - values.len() as u64;
        let part = &mut bytes[..size * left.min(CHUNK as u64) as usize];
        let mut read = 0;
        while read < part.len() {
            match stream.reader.read(&mut part[read..]) {
                Ok(0) => {
                    return Err(Error::Truncated {
                        file: file.into(),
                        what: "voxels",
                        promised,
                        found: values.len() as u64 + (read / size) as u64,
                    });
                }
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::broken(file, "voxels", error, FORMAT)),
            }
        }
        for voxel in part.chunks_exact(size) {
            let mut bytes = [0; 8];
            bytes[..size].copy_from_slice(voxel);
            if header.big {
                bytes[..size].reverse();
            }
            let value = header.slope * header.voxel.value(bytes) + header.intercept;
            values.push(if value > 0.0 { value } else { 0.0 });
        }
    }
    Ok(values)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{parse_contents, tests::message};

    /// A file with these numbers of voxels and sides, whose voxels have this type and these bytes.
    fn nii(big: bool, shape: &[i16], code: i16, slope: f32, voxels: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, number: &[u8]| {
            let mut number = number.to_vec();
            if big {
                number.reverse();
            }
            bytes[at..at + number.len()].copy_from_slice(&number);
        };
        put(0, &348_i32.to_le_bytes());
        put(40, &(shape.len() as i16).to_le_bytes());
        for (axis, side) in shape.iter().enumerate() {
            put(42 + 2 * axis, &side.to_le_bytes());
            put(80 + 4 * axis, &(0.5 + axis as f32).to_le_bytes());
        }
        put(70, &code.to_le_bytes());
        put(108, &352_f32.to_le_bytes());
        put(112, &slope.to_le_bytes());
        put(116, &1_f32.to_le_bytes());
        bytes[344..348].copy_from_slice(b"n+1\0");
        bytes.extend(voxels);
        bytes
    }

    fn histogram(name: &str, bytes: &[u8]) -> Histogram {
        match parse_contents(Path::new(name), bytes, &Reading::default()).unwrap() {
            Contents::Histogram(histogram) => histogram,
            Contents::Cloud(_) => unreachable!("a volume has masses"),
        }
    }

    #[test]
    fn voxels_of_both_byte_orders_have_their_axes_in_the_order_of_arrays() {
        // The value at (x, y, z) is x + 10 y + 100 z, less 1, which the intercept adds again.
        let value = |x: i16, y: i16, z: i16| x + 10 * y + 100 * z - 1;
        let voxels: Vec<i16> = (0..4)
            .flat_map(|z| (0..3).flat_map(move |y| (0..2).map(move |x| value(x, y, z))))
            .collect();
        for big in [false, true] {
            let of = |v: &i16| {
                if big {
                    v.to_be_bytes()
                } else {
                    v.to_le_bytes()
                }
            };
            let bytes: Vec<u8> = voxels.iter().flat_map(of).collect();
            let read = histogram("a.nii", &nii(big, &[2, 3, 4], 4, 1.0, &bytes));
            assert_eq!(read.shape, [2, 3, 4]);
            assert_eq!(read.spacing, Some(vec![0.5, 1.5, 2.5]));
            for (at, mass) in read.masses.iter().enumerate() {
                let (x, y, z) = (at / 12, at / 4 % 3, at % 4);
                assert_eq!(*mass, (x + 10 * y + 100 * z) as f64);
            }
            // A factor of zero means that there is none.
            let plain = histogram("a.nii", &nii(big, &[2, 3, 4], 4, 0.0, &bytes));
            assert_eq!((plain.masses[0], plain.masses[1]), (0.0, 99.0));
        }
    }

    #[test]
    fn volumes_behind_each_other_have_indices_and_other_types_are_read() {
        let voxels: Vec<u8> = [1.0_f32, f32::NAN, -3.0, 2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let series = nii(false, &[2, 1, 1, 2], 16, 0.0, &voxels);
        assert_eq!(histogram("a.nii:0", &series).masses, [1.0, 0.0]);
        assert_eq!(histogram("a.nii:1", &series).masses, [0.0, 2.0]);
        assert!(message("a.nii", &series).contains("[2, 1, 1, 2]"));
        assert!(message("a.nii:2", &series).contains("2"));
        let one = nii(false, &[2, 2, 1, 1], 16, 0.0, &voxels);
        assert_eq!(histogram("a.nii", &one).shape, [2, 2, 1]);
        assert_eq!(
            histogram("a.nii", &nii(false, &[3], 2, 2.0, &[1, 2, 3])).masses,
            [3.0, 5.0, 7.0]
        );
    }

    #[test]
    fn what_is_no_volume_is_told_in_a_line() {
        let good = nii(false, &[2, 1, 1], 2, 0.0, &[1, 2]);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let mut second = good.clone();
        second[..4].copy_from_slice(&540_i32.to_le_bytes());
        for (bytes, told) in [
            (good[..353].to_vec(), "promises 2 voxels but only 1"),
            (good[..100].to_vec(), "header"),
            (second, "NIfTI-2"),
            (with(0, 7), "not 348"),
            (with(345, b'i'), "another file"),
            (with(344, b'x'), "no n+1"),
            (with(40, 9), "9 axes"),
            (with(42, 0), "no voxels"),
            (with(70, 128), "type 128"),
            (nii(false, &[1, 1, 1], 2, 0.0, &[0]), "0 in every cell"),
        ] {
            let message = message("a.nii", &bytes);
            assert!(message.contains(told), "{message}");
        }
        // The header claims more voxels than a file of this size can hold.
        let mut huge = good;
        huge[42..48].copy_from_slice(&[0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f]);
        assert!(message("a.nii", &huge).contains("voxels but only 2"));
    }
}

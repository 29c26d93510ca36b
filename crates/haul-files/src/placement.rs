//! Where the voxels of a volume lie in space, by the header of NIfTI-1. Its numbers are kept bit for bit, so that what is
//! computed on the voxels of a file is written to their places.
//!
//! The header has two maps from the indices (i, j, k) of a voxel to its centre, each with a code that is 0 if there is none:
//! the three rows of the affine map `sform`, and for `qform` the imaginary parts of a quaternion of length 1, with
//! x = R (Δᵢ i, Δⱼ j, q Δₖ k) + t for the rotation R, the sides Δ, a shift t and a sign q [NIfTI-1].

use std::array;

/// Where the voxels of a volume lie in space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The bits of the sign q, and of the sides of a voxel.
    sides: [u32; 4],
    /// The code of the unit of lengths: 1 for m, 2 for mm, 3 for µm.
    unit: u8,
    /// The codes of qform and sform.
    codes: [i16; 2],
    /// The bits of the imaginary parts of the quaternion, the shift, and the three rows.
    numbers: [u32; NUMBERS],
}

/// Numbers of both maps.
const NUMBERS: usize = 18;

/// Where they stand in the header: the sides, the unit, the codes, and the numbers of both maps.
const SIDES: usize = 76;
const UNIT: usize = 123;
const CODES: usize = 252;
const MAPS: usize = 256;

/// The bits of the unit that are one of lengths; others are one of times.
const OF_LENGTHS: u8 = 7;

/// Millimetres.
const MM: u8 = 2;

impl Placement {
    /// Voxels with these sides in mm, whose axes are those of space; voxel (0, 0, 0) has its centre at the origin.
    pub fn of_sides(sides: [f64; 3]) -> Self {
        let bits = |side: f64| (side as f32).to_bits();
        let [x, y, z] = sides.map(bits);
        let mut numbers = [0; NUMBERS];
        // Rows of four numbers follow those of the quaternion and the shift.
        for (axis, side) in [x, y, z].into_iter().enumerate() {
            numbers[6 + 5 * axis] = side;
        }
        Self {
            sides: [1.0_f32.to_bits(), x, y, z],
            unit: MM,
            codes: [0, 1],
            numbers,
        }
    }

    /// Reads it from a header, whose numbers of four and two bytes these functions give by their places.
    pub(crate) fn read(
        number: impl Fn(usize) -> u32,
        short: impl Fn(usize) -> i16,
        unit: u8,
    ) -> Self {
        Self {
            sides: array::from_fn(|k| number(SIDES + 4 * k)),
            unit: unit & OF_LENGTHS,
            codes: array::from_fn(|k| short(CODES + 2 * k)),
            numbers: array::from_fn(|k| number(MAPS + 4 * k)),
        }
    }

    /// Writes it to a header by a function that puts bytes to their places, in little-endian order.
    pub(crate) fn write(&self, mut put: impl FnMut(usize, &[u8])) {
        for (k, bits) in self.sides.iter().enumerate() {
            put(SIDES + 4 * k, &bits.to_le_bytes());
        }
        put(UNIT, &[self.unit]);
        for (k, code) in self.codes.iter().enumerate() {
            put(CODES + 2 * k, &code.to_le_bytes());
        }
        for (k, bits) in self.numbers.iter().enumerate() {
            put(MAPS + 4 * k, &bits.to_le_bytes());
        }
    }

    /// Volumes whose voxels are less than this share of a side apart are on one grid.
    pub const NEAR: f64 = 0.1;

    /// The code of the unit of lengths stands here in a header.
    pub(crate) const UNIT: usize = UNIT;

    /// The abbreviation of the unit of lengths; none if the file does not tell it.
    pub fn unit(&self) -> Option<&'static str> {
        match self.unit {
            1 => Some("m"),
            MM => Some("mm"),
            3 => Some("µm"),
            _ => None,
        }
    }

    /// The affine map from the indices of a voxel to its centre, three rows of a 3×4 matrix: sform if there is one, otherwise
    /// qform, otherwise the sides alone. x points to the right of a subject, y to the front and z to the head.
    pub fn affine(&self) -> [[f64; 4]; 3] {
        let number = |k: usize| f64::from(f32::from_bits(self.numbers[k]));
        let [sign, sides @ ..] = self.sides.map(|bits| f64::from(f32::from_bits(bits)));
        if self.codes[1] > 0 {
            return array::from_fn(|row| array::from_fn(|column| number(6 + 4 * row + column)));
        }
        if self.codes[0] <= 0 {
            return array::from_fn(|row| {
                array::from_fn(|column| if column == row { sides[row] } else { 0.0 })
            });
        }
        let [b, c, d, shift @ ..]: [f64; 6] = array::from_fn(number);
        // The square of the real part is what the others lack of 1, where that is more than the roundoff of float32.
        let square = 1.0 - b * b - c * c - d * d;
        let rounding = 3.0 * f64::from(f32::EPSILON);
        let a = if square < rounding {
            0.0
        } else {
            square.sqrt()
        };
        let length = [a, b, c, d].into_iter().fold(0.0, f64::hypot);
        let [a, b, c, d] = [a, b, c, d].map(|part| part / length);
        let rotation = [
            [
                a * a + b * b - c * c - d * d,
                2.0 * (b * c - a * d),
                2.0 * (b * d + a * c),
            ],
            [
                2.0 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                2.0 * (c * d - a * b),
            ],
            [
                2.0 * (b * d - a * c),
                2.0 * (c * d + a * b),
                a * a + d * d - b * b - c * c,
            ],
        ];
        let [x, y, z] = sides;
        let sides = [x, y, if sign < 0.0 { -z } else { z }];
        array::from_fn(|row| {
            array::from_fn(|column| match column {
                3 => shift[row],
                _ => rotation[row][column] * sides[column],
            })
        })
    }

    /// The largest distance between the places that two files give to one voxel of a volume of this shape, in the smallest side
    /// of a voxel of this file. What is not known to be near, as with a NaN in a header, is infinitely far.
    pub fn apart(&self, other: &Self, shape: &[usize]) -> f64 {
        let [own, others] = [self.affine(), other.affine()];
        let last = |axis: usize| {
            shape
                .get(axis)
                .map_or(0.0, |side| side.saturating_sub(1) as f64)
        };
        // The distance of affine maps is convex, so that it is largest at a corner.
        let corners = (0..8).map(|corner: usize| {
            let at = [0, 1, 2].map(|axis| last(axis) * (corner >> axis & 1) as f64);
            let off = |(a, b): (&[f64; 4], &[f64; 4])| {
                let linear: f64 = (0..3).map(|axis| (a[axis] - b[axis]) * at[axis]).sum();
                linear + a[3] - b[3]
            };
            let off = own.iter().zip(&others).map(off).fold(0.0, f64::hypot);
            if off.is_nan() { f64::INFINITY } else { off }
        });
        let sides = self
            .sides
            .iter()
            .skip(1)
            .map(|bits| f64::from(f32::from_bits(*bits)));
        let side = sides
            .filter(|side| *side > 0.0)
            .fold(f64::INFINITY, f64::min);
        let farthest = corners.fold(0.0, f64::max);
        if farthest > 0.0 { farthest / side } else { 0.0 }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Contents, Histogram, Reading, read_contents, write_volume};
    use flate2::read::GzDecoder;
    use std::{io::Read, path::Path};

    /// The volume that nibabel wrote: `tests/made/make.py` has the formulas.
    const BRAIN: &[u8] = include_bytes!("../tests/made/brain.nii.gz");

    fn volume(path: &Path) -> Histogram {
        match read_contents(path, &Reading::default()).unwrap() {
            Contents::Histogram(histogram) => histogram,
            Contents::Cloud(_) => unreachable!("a volume has masses"),
        }
    }

    fn brain() -> (tempfile::TempDir, Histogram) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("brain.nii.gz");
        std::fs::write(&path, BRAIN).unwrap();
        let read = volume(&path);
        (folder, read)
    }

    /// The affine map of sform: sides of 2, 3 and 4 mm, turned by 30° about x and reflected along x.
    fn sform() -> [[f64; 4]; 3] {
        let (s, c) = 30_f64.to_radians().sin_cos();
        [
            [-2.0, 0.0, 0.0, 90.0],
            [0.0, 3.0 * c, -4.0 * s, -126.0],
            [0.0, 3.0 * s, 4.0 * c, -72.0],
        ]
    }

    #[track_caller]
    fn assert_near(found: [[f64; 4]; 3], expected: [[f64; 4]; 3]) {
        for (found, expected) in found.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn a_volume_of_nibabel_has_its_voxels_and_its_maps() {
        let (_folder, brain) = brain();
        assert_eq!(brain.shape, [4, 3, 2]);
        assert_eq!(brain.spacing, Some(vec![2.0, 3.0, 4.0]));
        for (at, mass) in brain.masses.iter().enumerate() {
            let (x, y, z) = (at / 6, at / 2 % 3, at % 2);
            let value = x as f64 + 10.0 * y as f64 - 5.0 * z as f64;
            assert_eq!(*mass, 0.5 * value.max(0.0));
        }
        let placement = brain.placement.unwrap();
        assert_eq!(placement.unit(), Some("mm"));
        assert_near(placement.affine(), sform());
        // qform is the same map one step along z.
        let mut lower = sform();
        lower[2][3] += 1.0;
        let by_quaternion = Placement {
            codes: [1, 0],
            ..placement
        };
        assert_near(by_quaternion.affine(), lower);
        let sides = Placement {
            codes: [0, 0],
            ..placement
        };
        assert_near(
            sides.affine(),
            Placement::of_sides([2.0, 3.0, 4.0]).affine(),
        );
    }

    #[test]
    fn what_is_written_lies_where_its_source_does_bit_for_bit() {
        let (folder, brain) = brain();
        let path = folder.path().join("written.nii");
        let placement = brain.placement.unwrap();
        write_volume(&path, [4, 3, 2], &placement, &brain.masses).unwrap();
        assert_eq!(volume(&path), brain);
        let mut source = Vec::new();
        GzDecoder::new(BRAIN).read_to_end(&mut source).unwrap();
        let written = std::fs::read(&path).unwrap();
        for part in [SIDES..SIDES + 16, CODES..MAPS + 4 * NUMBERS] {
            assert_eq!(written[part.clone()], source[part]);
        }
        // The source has a unit of time as well.
        assert_eq!((written[UNIT], source[UNIT]), (MM, MM | 8));
        // Without it the voxels would lie elsewhere.
        let plain = Placement::of_sides([2.0, 3.0, 4.0]);
        assert!(plain.apart(&placement, &[4, 3, 2]) > 50.0);
    }

    #[test]
    fn maps_are_apart_by_their_farthest_corner() {
        let (a, mut b) = (Placement::of_sides([2.0; 3]), Placement::of_sides([2.0; 3]));
        assert_eq!(a.apart(&b, &[5, 6, 7]), 0.0);
        // A shift by 6 along x, and voxels of side 4 along z, of which the last one is 8 away.
        b.numbers[6 + 3] = 6.0_f32.to_bits();
        b.numbers[6 + 10] = 4.0_f32.to_bits();
        assert_eq!(a.apart(&b, &[5, 6, 5]), 5.0);
        b.numbers[6 + 3] = f32::NAN.to_bits();
        assert_eq!(a.apart(&b, &[5, 6, 5]), f64::INFINITY);
    }
}

//! Volumes written as NIfTI-1: float64 in one file, the first axis fastest, frames along the fourth axis.

use crate::Placement;
use std::io::{self, Write};

/// The bytes before the voxels: the header and the four that say that no extension follows.
const OFFSET: usize = 352;

/// The most voxels along an axis.
pub(crate) const MOST: usize = i16::MAX as usize;

/// Writes frames of masses, each with the last of three axes fastest, on voxels that lie at these places.
pub(crate) fn write(
    mut out: impl Write,
    shape: [usize; 3],
    placement: &Placement,
    masses: &[f64],
) -> io::Result<()> {
    let cells: usize = shape.iter().product();
    let frames = masses.len().checked_div(cells).unwrap_or(0);
    let short = |side: usize| i16::try_from(side).map_err(io::Error::other);
    let mut header = vec![0_u8; OFFSET];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    let axes: i16 = if frames > 1 { 4 } else { 3 };
    put(40, &axes.to_le_bytes());
    for (axis, side) in shape.into_iter().chain([frames, 1, 1, 1]).enumerate() {
        put(42 + 2 * axis, &short(side)?.to_le_bytes());
    }
    // Type 64 is float64.
    put(70, &64_i16.to_le_bytes());
    put(72, &64_i16.to_le_bytes());
    placement.write(&mut put);
    // The step from frame to frame.
    put(92, &1_f32.to_le_bytes());
    put(108, &(OFFSET as f32).to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    put(344, b"n+1\0");
    out.write_all(&header)?;
    let [_, rows, columns] = shape;
    for frame in masses.chunks_exact(cells.max(1)) {
        for column in 0..columns {
            for row in 0..rows {
                for value in frame
                    .iter()
                    .skip(row * columns + column)
                    .step_by(rows * columns)
                {
                    out.write_all(&value.to_le_bytes())?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Contents, Placement, Reading, read_contents, write_volume};
    use std::path::Path;

    fn read(path: &Path) -> crate::Histogram {
        match read_contents(path, &Reading::default()).unwrap() {
            Contents::Histogram(histogram) => histogram,
            Contents::Cloud(_) => panic!("a cloud"),
        }
    }

    #[test]
    fn what_is_written_reads_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let masses: Vec<f64> = (0..48).map(|k| 0.1 * f64::from(k)).collect();
        for name in ["a.nii", "a.nii.gz"] {
            let path = folder.path().join(name);
            let placement = Placement::of_sides([0.5, 1.0, 2.5]);
            write_volume(&path, [2, 3, 4], &placement, &masses[..24]).unwrap();
            let volume = read(&path);
            assert_eq!(
                (&volume.shape[..], &volume.masses[..]),
                (&[2, 3, 4][..], &masses[..24])
            );
            assert_eq!(volume.spacing.unwrap(), [0.5, 1.0, 2.5]);
            assert_eq!(volume.placement, Some(placement));
            write_volume(&path, [2, 3, 4], &placement, &masses).unwrap();
            let second = folder.path().join(format!("{name}:1"));
            assert_eq!(read(&second).masses, &masses[24..]);
        }
        let path = folder.path().join("b.nii");
        let placement = Placement::of_sides([1.0; 3]);
        assert!(write_volume(&path, [2, 3, 4], &placement, &masses[..23]).is_err());
        assert!(write_volume(&path, [1, 1, 40_000], &placement, &vec![1.0; 40_000]).is_err());
        assert!(!path.exists());
    }
}

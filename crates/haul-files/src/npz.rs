//! NumPy's `.npz`: a zip archive of `.npy` members. A cloud is the array `points` and, if there,
//! the array `weights`.

use crate::{
    Array, Cloud, Error, Result,
    npy::{self, Stored},
    source::{MAX_RATIO, Source, Stream},
};
use npyz::{
    npz::{NpzArchive, NpzWriter, file_name_from_array_name},
    zip::{CompressionMethod, result::ZipError, write::FileOptions},
};
use std::{
    io::{self, BufReader, Read, Seek, Write},
    path::Path,
};

/// Reads the arrays `points` and `weights`.
pub(crate) fn read(file: &Path, source: Source) -> Result<Cloud> {
    // No member of an archive is larger than all of it can unpack to.
    let limit = source
        .length()
        .map(|length| length.saturating_mul(MAX_RATIO));
    let contents = |reason: &dyn ToString| malformed(file, "table of contents", reason.to_string());
    let archive = source
        .seekable()
        .ok_or_else(|| contents(&"a pipe has none"))?;
    let mut archive = NpzArchive::new(archive).map_err(|error| contents(&error))?;
    let Some(points) = member(file, &mut archive, "points", limit)? else {
        let mut found: Vec<_> = archive.array_names().map(Into::into).collect();
        found.sort();
        return Err(Error::Missing {
            file: file.into(),
            wanted: "array points",
            found,
        });
    };
    let mut cloud = points.into_cloud(file)?;
    if let Some(weights) = member(file, &mut archive, "weights", limit)? {
        cloud.weights = Some(weights.into_vector(file)?);
    }
    Ok(cloud)
}

/// An array of the archive, if it is there.
fn member(
    file: &Path,
    archive: &mut NpzArchive<impl Read + Seek>,
    name: &'static str,
    limit: Option<u64>,
) -> Result<Option<Stored>> {
    match archive
        .zip_archive()
        .by_name(&file_name_from_array_name(name))
    {
        Ok(member) => {
            let mut stream = Stream {
                reader: Box::new(BufReader::new(member)),
                limit,
            };
            let array = npy::read(file, name, &mut stream)?;
            let place = format!("array {name}");
            stream
                .finish()
                .map_err(|error| malformed(file, &place, error))?;
            Ok(Some(array))
        }
        Err(ZipError::FileNotFound) => Ok(None),
        Err(error) => Err(malformed(file, &format!("array {name}"), error)),
    }
}

fn malformed(file: &Path, place: &str, reason: impl ToString) -> Error {
    Error::malformed(file, place, reason, ".npz with numpy.savez")
}

/// Writes each array as a member.
pub(crate) fn write(out: impl Write + Seek, arrays: &[Array]) -> io::Result<()> {
    let mut archive = NpzWriter::new(out);
    for array in arrays {
        // Digits of measured numbers hardly shrink, so that packing would only take time.
        let options = FileOptions::default()
            .compression_method(CompressionMethod::Stored)
            // Near 4 GiB a member needs the wider header.
            .large_file(size_of_val(array.values) > u32::MAX as usize / 2);
        archive
            .zip_writer()
            .start_file(file_name_from_array_name(array.name), options)?;
        npy::write(archive.zip_writer(), array)?;
    }
    archive.zip_writer().finish()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::{message, parse};
    use std::io::Cursor;

    fn npz(arrays: &[(&'static str, Vec<usize>, &[f64])]) -> Vec<u8> {
        let arrays: Vec<_> = arrays
            .iter()
            .map(|&(name, ref shape, values)| Array {
                name,
                shape: shape.clone(),
                values,
            })
            .collect();
        let mut out = Cursor::new(Vec::new());
        write(&mut out, &arrays).unwrap();
        out.into_inner()
    }

    #[test]
    fn other_arrays_are_passed_over_and_weights_may_be_a_column() {
        let bytes = npz(&[
            ("labels", vec![1], &[7.0]),
            ("weights", vec![2, 1], &[0.5, 1.5]),
            ("points", vec![2, 1], &[1.0, 2.0]),
        ]);
        let cloud = parse("a.npz", &bytes).unwrap();
        assert_eq!(cloud.points, [1.0, 2.0]);
        assert_eq!(cloud.weights.unwrap(), [0.5, 1.5]);
    }

    #[test]
    fn errors_name_the_array() {
        assert_eq!(
            message(
                "a.npz",
                &npz(&[("y", vec![1], &[7.0]), ("x", vec![1], &[7.0])])
            ),
            "a.npz: has no array points among [\"x\", \"y\"]; add it or rename the one that is meant"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![1], &[1.0])
                ])
            ),
            "a.npz: holds 1 weights for 2 points; give one weight to each point"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![1, 2], &[1.0, 1.0])
                ])
            ),
            "a.npz: array weights has shape [1, 2]; reshape it to (n,) or (n, 1), one weight per point"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![2], &[1.0, f64::NAN])
                ])
            ),
            "a.npz: row 2, column weight is NaN; remove the row or give it a finite value"
        );
        assert!(message("a.npz", b"PK\x03\x04").starts_with("a.npz: table of contents: "));
    }

    #[test]
    fn a_claimed_size_reserves_nothing() {
        let mut bytes = npz(&[("points", vec![2], &[7.0, 8.0])]);
        let directory = bytes
            .windows(4)
            .rposition(|window| window == b"PK\x01\x02")
            .unwrap();
        bytes[directory + 24..directory + 28].copy_from_slice(&[0xff; 4]);
        let _ = parse("a.npz", &bytes);
    }
}

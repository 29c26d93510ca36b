//! NumPy's `.npz`: a zip archive of `.npy` members. A cloud is the array `points` and, if there, the array `weights`.

use super::{Array, CloudFile, FormatError, Result, npy};
use npyz::{
    npz::{NpzArchive, NpzWriter, file_name_from_array_name},
    zip::{result::ZipError, write::FileOptions},
};
use std::{
    io::{self, Cursor, Read, Seek, Write},
    path::Path,
};

/// Deflate, which is what NumPy writes, shrinks nothing further than this.
const MAX_RATIO: u64 = 1032;

/// Reads the arrays `points` and `weights`.
pub(super) fn read(file: &Path, bytes: &[u8]) -> Result<CloudFile> {
    let mut archive = NpzArchive::new(Cursor::new(bytes))
        .map_err(|error| malformed(file, "table of contents".into(), error))?;
    let Some(points) = member(file, &mut archive, "points", bytes.len())? else {
        let mut found: Vec<_> = archive.array_names().map(Into::into).collect();
        found.sort();
        return Err(FormatError::Missing {
            file: file.into(),
            wanted: "array points",
            found,
        });
    };
    let mut cloud = npy::read(file, "points", &points)?.into_cloud(file)?;
    if let Some(weights) = member(file, &mut archive, "weights", bytes.len())? {
        cloud.weights = Some(npy::read(file, "weights", &weights)?.into_vector(file)?);
    }
    Ok(cloud)
}

/// The unpacked bytes of an array, as long as they do not outgrow what the archive can honestly hold.
fn member(
    file: &Path,
    archive: &mut NpzArchive<Cursor<&[u8]>>,
    name: &str,
    archive_size: usize,
) -> Result<Option<Vec<u8>>> {
    let place = || format!("array {name}");
    let member = match archive.zip_archive().by_name(&file_name_from_array_name(name)) {
        Ok(member) => member,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(malformed(file, place(), error)),
    };
    let limit = MAX_RATIO.saturating_mul(archive_size as u64);
    let mut bytes = Vec::new();
    match member.take(limit + 1).read_to_end(&mut bytes) {
        Err(error) => Err(malformed(file, place(), error)),
        Ok(length) if length as u64 > limit => {
            let reason = format!("unpacks to more than {limit} bytes, {MAX_RATIO} times its file");
            Err(malformed(file, place(), reason))
        }
        Ok(_) => Ok(Some(bytes)),
    }
}

fn malformed(file: &Path, place: String, reason: impl ToString) -> FormatError {
    FormatError::Malformed {
        file: file.into(),
        place,
        reason: reason.to_string(),
        format: ".npz with numpy.savez",
    }
}

/// Writes each array as a member.
pub(super) fn write(out: impl Write + Seek, arrays: &[Array]) -> io::Result<()> {
    let mut archive = NpzWriter::new(out);
    for array in arrays {
        // Beyond 4 GiB a member needs the wider header.
        let options = FileOptions::default().large_file(size_of_val(array.values) > u32::MAX as usize / 2);
        archive.zip_writer().start_file(file_name_from_array_name(array.name), options)?;
        npy::write(archive.zip_writer(), array)?;
    }
    archive.zip_writer().finish()?;
    Ok(())
}

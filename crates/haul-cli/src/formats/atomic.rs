//! Files that appear whole or not at all: written under a temporary name in the target's own folder
//! (a rename does not cross file systems), then renamed over the target. Whatever fails before that
//! removes the temporary file again.

use super::{FormatError, Result};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

/// Lets `fill` write the file `path`.
pub(super) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<()> {
    if path.is_dir() {
        return Err(FormatError::Directory { file: path.into() });
    }
    replace(path, fill).map_err(|reason| FormatError::Unwritable {
        file: path.into(),
        reason,
    })
}

fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    // A device or a pipe is a place to write to; a rename would destroy it.
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        return buffered(&File::options().write(true).open(path)?, fill);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; a result is as open as the user's umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder
        .prefix(".haul-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    buffered(temporary.as_file(), fill)?;
    temporary.persist(path)?;
    Ok(())
}

fn buffered(
    file: &File,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.flush()
}

//! Files that appear whole or not at all: written under a temporary name in the target's own folder
//! (a rename does not cross file systems), then renamed over the target. Whatever fails before that
//! removes the temporary file again.

use crate::{Error, Result};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tempfile::NamedTempFile;

static REPLACING: Mutex<()> = Mutex::new(());

/// Whether nothing is written.
static DISCARDS: AtomicBool = AtomicBool::new(false);

/// From now on nothing is written, and every write succeeds: this process computes what another one writes.
pub fn discard_writes() {
    DISCARDS.store(true, Ordering::Relaxed);
}

/// Waits until no file is being written, and lets none begin while the guard lives. A program
/// takes the guard before it ends in the middle of its work, so that its files are whole or absent.
pub fn hold_writes() -> MutexGuard<'static, ()> {
    REPLACING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets `fill` write the file `path`. An [`Error`] inside the error of `fill` is about another file,
/// and comes out as it is.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<()> {
    if DISCARDS.load(Ordering::Relaxed) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(Error::Directory { file: path.into() });
    }
    replace(path, fill).map_err(|reason| {
        reason
            .downcast::<Error>()
            .unwrap_or_else(|reason| unwritable(path, reason))
    })
}

/// Whether `write` would succeed, as far as that can be known beforehand.
pub(crate) fn check(path: &Path) -> Result<()> {
    if DISCARDS.load(Ordering::Relaxed) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(Error::Directory { file: path.into() });
    }
    if is_special(path) {
        return Ok(());
    }
    // The guard outlives the file.
    let _whole = hold_writes();
    beside(path)
        .map(drop)
        .map_err(|reason| unwritable(path, reason))
}

fn unwritable(path: &Path, reason: io::Error) -> Error {
    Error::Unwritable {
        file: path.into(),
        reason,
    }
}

fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    if is_standard_output(path) {
        return buffered(&standard_output()?, fill);
    }
    if is_special(path) {
        return buffered(&File::options().write(true).open(path)?, fill);
    }
    let _whole = hold_writes();
    let temporary = beside(path)?;
    buffered(temporary.as_file(), fill)?;
    temporary.persist(path)?;
    Ok(())
}

/// Whether it is standard output, a device or a pipe, which a rename would destroy.
pub(crate) fn is_special(path: &Path) -> bool {
    is_standard_output(path) || path.metadata().is_ok_and(|existing| !existing.is_file())
}

/// Whether it is a name of standard output. That may be a file: writing continues at its position, and
/// nothing is renamed.
fn is_standard_output(path: &Path) -> bool {
    let names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    names.iter().any(|name| path == Path::new(name))
}

#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut told = None;
    // It gets the permissions of any new file; those of temporary files are private by default.
    let open = |path: &Path| {
        let opened = File::options().write(true).create_new(true).open(path);
        opened.inspect_err(|error| told = error.raw_os_error())
    };
    let opened = tempfile::Builder::new()
        .prefix(".haul-")
        .make_in(folder.unwrap_or(Path::new(".")), open);
    // The message of the system, without the name of the temporary file.
    opened.map_err(|error| told.map_or(error, io::Error::from_raw_os_error))
}

fn buffered(
    file: &File,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.flush()
}

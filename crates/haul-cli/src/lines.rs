//! A file that grows by whole lines, and that the next run continues.
//!
//! A run may end at any byte. The file then has whole lines, and perhaps a truncated last one, which is cut off. So
//! the file itself says where to continue, and no other state is stored.

use anyhow::{Context, Result, anyhow, bail};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An open file of lines, locked against other runs of the program.
pub(crate) struct Lines {
    path: PathBuf,
    /// Its absolute path.
    place: PathBuf,
    file: File,
    /// Replaced files; they stay open, and so locked, so that no run that opened one continues it.
    replaced: Vec<File>,
    /// Bytes of whole lines; `None` for a pipe or a device, which cannot be continued.
    whole: Option<u64>,
}

impl Lines {
    /// Opens or creates the file. `keep` gets its content and returns the number of bytes of whole lines to continue
    /// after; the rest is cut off.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, one that another run is writing, and errors of `keep`, which leave the file
    /// unchanged.
    pub(crate) fn open(path: &Path, keep: impl FnOnce(&[u8]) -> Result<usize>) -> Result<Self> {
        let refused = || {
            format!(
                "{}: cannot be written; give another --output",
                path.display()
            )
        };
        let special = path.metadata().is_ok_and(|existing| !existing.is_file());
        let mut options = File::options();
        options.append(true).create(true).read(!special);
        let mut lines = Self {
            path: path.to_owned(),
            place: std::path::absolute(path).with_context(refused)?,
            file: options.open(path).with_context(refused)?,
            replaced: Vec::new(),
            whole: None,
        };
        if special {
            return Ok(lines);
        }
        // A file system without locks is accepted.
        if let Err(TryLockError::WouldBlock) = lines.file.try_lock() {
            bail!(
                "{}: another run is writing it; wait for its end, or give another --output",
                path.display()
            );
        }
        let mut bytes = Vec::new();
        lines.file.read_to_end(&mut bytes).with_context(refused)?;
        lines.whole = Some(keep(&bytes)? as u64);
        lines.cut().with_context(refused)?;
        Ok(lines)
    }

    /// Whether there is no line yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none_or(|whole| whole == 0)
    }

    /// The whole content; empty if the file cannot be read again.
    ///
    /// # Errors
    ///
    /// Errors of reading.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.whole.is_some() {
            let mut file = &self.file;
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut bytes))
                .with_context(|| format!("{}: cannot be read", self.path.display()))?;
        }
        Ok(bytes)
    }

    /// Replaces the whole content by other lines. If the program is killed, the file has either the old content or
    /// the new one.
    ///
    /// # Errors
    ///
    /// If they cannot be written; the file is then unchanged.
    pub(crate) fn replace(&mut self, lines: &str) -> Result<()> {
        let refused = || format!("{}: cannot be replaced", self.path.display());
        // Replace the target of a link, not the link.
        let target = self.place.canonicalize().with_context(refused)?;
        haul_files::write_text(&target, lines)?;
        let others = Self::open(&target, |bytes| {
            if bytes != lines.as_bytes() {
                bail!(
                    "{}: another run has written it; start again when that has ended",
                    target.display()
                );
            }
            Ok(bytes.len())
        })?;
        // They must reach the disk before any append.
        others.file.sync_all().with_context(refused)?;
        let former = std::mem::replace(&mut self.file, others.file);
        self.replaced.push(former);
        self.whole = others.whole;
        Ok(())
    }

    /// Appends a line, which ends with a line feed.
    ///
    /// # Errors
    ///
    /// If not all of it can be written; the file is then unchanged.
    pub(crate) fn append(&mut self, line: &str) -> Result<()> {
        let _whole = haul_files::hold_writes();
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|reason| {
            // If even that fails, the next run cuts it.
            let _ = self.cut();
            anyhow!(reason).context(format!(
                "{}: cannot be written; make room, then run the same command again: it goes on from here",
                self.path.display()
            ))
        })?;
        self.whole = self.whole.map(|whole| whole + line.len() as u64);
        Ok(())
    }

    /// Cuts off the bytes after the whole lines.
    fn cut(&self) -> io::Result<()> {
        match self.whole {
            Some(whole) if self.file.metadata()?.len() > whole => self.file.set_len(whole),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_replaced_are_gone_on_with_and_stay_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let before = File::open(&path).unwrap();
        let mut lines = Lines::open(&path, |bytes| Ok(bytes.len())).unwrap();
        lines.replace("three\n").unwrap();
        lines.append("four\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\nfour\n");
        assert_eq!(lines.read().unwrap(), b"three\nfour\n");
        // Both the current file and the replaced one are locked for other runs.
        assert!(Lines::open(&path, |bytes| Ok(bytes.len())).is_err());
        assert!(before.try_lock().is_err());
        drop(lines);
        assert!(Lines::open(&path, |bytes| Ok(bytes.len())).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

//! The state of a file when it was read, stored so that a later run notices a change.
//!
//! Length and time are compared first, without reading the file. If they differ, or if the time is too recent to be
//! reliable, the hash of the content decides.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::Xxh3;

/// A file that was written less than this before it was inspected may be written again with the same time: file
/// systems have a resolution of up to two seconds.
const YOUNG: Duration = Duration::from_secs(2);

/// The state of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// The file's name in the job.
    pub(crate) file: PathBuf,
    bytes: u64,
    /// Time of the last write in nanoseconds since 1970; `None` if it was too recent to be reliable.
    modified: Option<u64>,
    /// XXH3 of its content, 128 bits in hexadecimal digits.
    digest: String,
}

/// Length and time of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    /// The time in nanoseconds since 1970, if equal times imply equal contents; a time in the future is as unreliable
    /// as a recent one.
    fn certain(&self, now: SystemTime) -> Option<u64> {
        let old = |time: &SystemTime| now.duration_since(*time).is_ok_and(|age| age > YOUNG);
        let time = self.modified.filter(old)?;
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    }
}

/// The fingerprints of the files of a folder. Each file is read once, unless its length or time changes.
pub(crate) struct Fingerprints {
    folder: PathBuf,
    digests: Mutex<HashMap<(PathBuf, Stamp), String>>,
}

impl Fingerprints {
    /// For files with names relative to this folder, even if another folder is entered later.
    ///
    /// # Errors
    ///
    /// If there is no current folder.
    pub(crate) fn within(folder: &Path) -> Result<Self> {
        let folder = match folder == Path::new("") {
            true => std::env::current_dir(),
            false => std::path::absolute(folder),
        };
        Ok(Self {
            folder: folder.context("the folder of the files has no place")?,
            digests: Mutex::default(),
        })
    }

    /// The fingerprint of a file as it is now; `None` for a pipe or a device, which cannot be read again.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub(crate) fn of(&self, file: &Path) -> Result<Option<Fingerprint>> {
        let path = self.folder.join(file);
        let unreadable = || format!("{}: cannot be read", file.display());
        let metadata = path.metadata().with_context(unreadable)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let stamp = Stamp::of(&metadata);
        Ok(Some(Fingerprint {
            file: file.to_owned(),
            bytes: stamp.bytes,
            modified: stamp.certain(SystemTime::now()),
            digest: self.digest(path, stamp).with_context(unreadable)?,
        }))
    }

    /// Whether the content of a file has changed. A missing file counts as unchanged.
    ///
    /// # Errors
    ///
    /// A file that exists and cannot be read.
    pub(crate) fn has_changed(&self, former: &Fingerprint) -> Result<bool> {
        let path = self.folder.join(&former.file);
        let Ok(metadata) = path.metadata() else {
            return Ok(false);
        };
        let stamp = Stamp::of(&metadata);
        if stamp.bytes != former.bytes {
            return Ok(true);
        }
        let certain = stamp.certain(SystemTime::now());
        if certain.is_some() && certain == former.modified {
            return Ok(false);
        }
        let digest = self.digest(path, stamp);
        let digest = digest.with_context(|| format!("{}: cannot be read", former.file.display()));
        Ok(digest? != former.digest)
    }

    /// The hash of a file, computed when this length and time were first seen: content that is read later is not
    /// older.
    fn digest(&self, path: PathBuf, stamp: Stamp) -> std::io::Result<String> {
        let known = || self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (path, stamp);
        if let Some(digest) = known().get(&key) {
            return Ok(digest.clone());
        }
        let digest = digest_of(&key.0)?;
        Ok(known().entry(key).or_insert(digest).clone())
    }
}

/// The hash of a file.
fn digest_of(path: &Path) -> std::io::Result<String> {
    const PART: usize = 1 << 18;
    let mut file = File::open(path)?;
    let mut digest = Xxh3::new();
    let mut part = vec![0; PART];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(format!("{:032x}", digest.digest128())),
            read => digest.update(&part[..read]),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with one file of this text, last written a minute ago.
    fn folder(text: &str) -> (tempfile::TempDir, Fingerprints) {
        let folder = tempfile::tempdir().unwrap();
        let files = Fingerprints::within(folder.path()).unwrap();
        write(&folder, text, 60);
        (folder, files)
    }

    fn write(folder: &tempfile::TempDir, text: &str, seconds_ago: u64) {
        let path = folder.path().join("a.csv");
        fs::write(&path, text).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        let time = SystemTime::now() - Duration::from_secs(seconds_ago);
        file.set_modified(time).unwrap();
    }

    fn fingerprint(files: &Fingerprints) -> Fingerprint {
        files.of(Path::new("a.csv")).unwrap().unwrap()
    }

    #[test]
    fn a_file_has_changed_where_its_content_has() {
        let (folder, files) = folder("1,2\n");
        let former = fingerprint(&files);
        assert!(former.modified.is_some());
        assert!(!files.has_changed(&former).unwrap());
        write(&folder, "1,2\n", 30);
        assert!(!files.has_changed(&former).unwrap(), "touched");
        write(&folder, "1,3\n", 30);
        assert!(files.has_changed(&former).unwrap(), "of the same length");
        write(&folder, "1,2,3\n", 60);
        assert!(files.has_changed(&former).unwrap(), "longer");
        write(&folder, "1,2\n", 0);
        assert!(!files.has_changed(&former).unwrap(), "as it was");
        fs::remove_file(folder.path().join("a.csv")).unwrap();
        assert!(!files.has_changed(&former).unwrap(), "gone");
        assert!(files.of(Path::new("a.csv")).is_err());
    }

    #[test]
    fn a_time_that_is_too_young_is_not_believed() {
        let (folder, files) = folder("1,2\n");
        write(&folder, "1,2\n", 0);
        let former = fingerprint(&files);
        assert_eq!(former.modified, None);
        let path = folder.path().join("a.csv");
        let time = path.metadata().unwrap().modified().unwrap();
        fs::write(&path, "1,3\n").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        let later = Fingerprints::within(folder.path()).unwrap();
        assert!(later.has_changed(&former).unwrap());
        // Nor is a time in the future.
        let time = SystemTime::now() + Duration::from_secs(3600);
        file.set_modified(time).unwrap();
        assert_eq!(fingerprint(&later).modified, None);
    }

    #[test]
    fn a_fingerprint_is_the_same_behind_its_json() {
        let (_folder, files) = folder("1,2\n");
        let former = fingerprint(&files);
        let text = serde_json::to_string(&former).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), former);
        // XXH3 of these bytes, from its reference implementation.
        let empty = digest_of(Path::new("/dev/null"));
        if let Ok(empty) = empty {
            assert_eq!(empty, "99aa06d3014798d86001c324468d497f");
        }
    }
}

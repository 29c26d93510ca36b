//! The file of `--checkpoint`: the results of all passes of a run so far, from which the same command goes on.
//!
//! A pass over all pairs takes time in proportion to n·m, and all else to n + m. So a run that goes on takes the passes that are
//! in the file as they are, and does everything else again: its state is what it was, to the bit, whatever the algorithm. The
//! file begins with a line that names the run; then come records: the number of a step, the length of its result, the
//! result, and a digest of these. A run may end at any byte. What is not a whole record at the end of the file is cut off.

use crate::input::Cloud;
use anyhow::{Context, Result, bail};
use haul::engine::Journal;
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// How every such file begins.
const BEGINNING: &str = "haul checkpoint ";

/// Bytes of the number of a step and of a length.
const HEAD: usize = 16;

/// An open file.
pub(crate) struct Passes {
    path: PathBuf,
    /// The file, at its next record that is still to be read.
    file: Mutex<BufReader<File>>,
    /// The records from before.
    kept: u64,
}

/// What a run depends on: the version, the arguments, the arithmetic and the clouds.
pub(crate) fn key(arguments: &impl Debug, arithmetic: &str, clouds: &[Arc<Cloud>]) -> String {
    let clouds: Vec<_> = clouds.iter().map(|cloud| cloud.digest()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let all = format!("{version} {arguments:?} {arithmetic} {clouds:?}");
    format!("{:032x}", xxh3_128(all.as_bytes()))
}

impl Passes {
    /// Opens the file, or makes it, for a run with this key.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, that another run is writing, or that is something else, or of another run.
    pub(crate) fn open(path: &Path, key: &str) -> Result<Self> {
        let refused = || format!("{}: cannot be written", path.display());
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).with_context(refused)?;
        // A file system without locks is accepted.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            bail!(
                "{}: another run is writing it; wait for its end, or give another --checkpoint",
                path.display()
            );
        }
        let header = format!("{BEGINNING}{key}\n");
        let mut file = BufReader::new(file);
        let mut found = vec![0; header.len()];
        let length = read(&mut file, &mut found).with_context(refused)?;
        found.truncate(length);
        let start = header.len() as u64;
        let (mut kept, mut end) = (0, start);
        if found == header.as_bytes() {
            while let Some((_, result)) = record(&mut file).with_context(refused)? {
                kept += 1;
                end += (HEAD + result.len() + size_of::<u64>()) as u64;
            }
        } else if header.as_bytes().starts_with(&found) {
            // A new file, or one whose run ended within its first line.
            file.get_mut().rewind().with_context(refused)?;
            file.get_mut()
                .write_all(header.as_bytes())
                .with_context(refused)?;
        } else if found.starts_with(BEGINNING.as_bytes()) {
            bail!(
                "{}: is of another run, with other arguments, clouds or processors; remove it, or give another --checkpoint",
                path.display()
            );
        } else {
            bail!(
                "{}: is no checkpoint; give another --checkpoint",
                path.display()
            );
        }
        file.get_mut().set_len(end).with_context(refused)?;
        file.seek(SeekFrom::Start(start)).with_context(refused)?;
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            kept,
        })
    }

    /// Removes the file of a run that has come to its end.
    pub(crate) fn served(&self) {
        // A failure here does no harm: the next run would go through the passes.
        let _ = std::fs::remove_file(&self.path);
    }

    fn failure(&self, reason: io::Error) -> haul::Error {
        haul::Error::Device {
            device: self.path.display().to_string(),
            source: Box::new(reason),
        }
    }
}

impl Journal for Passes {
    fn kept(&self) -> u64 {
        self.kept
    }

    fn next(&self) -> haul::Result<(u64, Vec<u8>)> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let record = record(&mut file).map_err(|reason| self.failure(reason))?;
        record.ok_or_else(|| self.failure(io::ErrorKind::UnexpectedEof.into()))
    }

    fn append(&self, step: u64, result: &[u8]) -> haul::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = head(step, result.len()).to_vec();
        record.extend(result);
        record.extend(digest(&record).to_le_bytes());
        let _whole = haul_files::hold_writes();
        let file = file.get_mut();
        file.seek(SeekFrom::End(0))
            .and_then(|_| file.write_all(&record))
            .map_err(|reason| self.failure(reason))
    }
}

fn head(step: u64, length: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&step.to_le_bytes());
    head[8..].copy_from_slice(&(length as u64).to_le_bytes());
    head
}

fn digest(bytes: &[u8]) -> u64 {
    let mut digest = Xxh3::new();
    digest.update(bytes);
    digest.digest()
}

/// The next record; `None` if there is no whole one.
fn record(file: &mut BufReader<File>) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut bytes = vec![0; HEAD];
    if read(file, &mut bytes)? < HEAD {
        return Ok(None);
    }
    let number = |bytes: &[u8]| {
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[..8]);
        u64::from_le_bytes(number)
    };
    let (step, length) = (number(&bytes), number(&bytes[8..]));
    // A length may be anything: room is made for what the file has.
    let rest = length.saturating_add(size_of::<u64>() as u64);
    let found = file.by_ref().take(rest).read_to_end(&mut bytes)? as u64;
    if found < rest {
        return Ok(None);
    }
    let told = number(&bytes[bytes.len() - size_of::<u64>()..]);
    bytes.truncate(bytes.len() - size_of::<u64>());
    if told != digest(&bytes) {
        return Ok(None);
    }
    bytes.drain(..HEAD);
    Ok(Some((step, bytes)))
}

/// Reads as many bytes as there are, and returns their number.
fn read(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_are_found_again_wherever_a_run_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.checkpoint");
        let results: Vec<Vec<u8>> = (0..5u8).map(|k| vec![k; 100 * usize::from(k)]).collect();
        let passes = Passes::open(&path, "one").unwrap();
        assert_eq!(passes.kept(), 0);
        for (step, result) in (10..).zip(&results) {
            passes.append(step, result).unwrap();
        }
        drop(passes);
        let bytes = std::fs::read(&path).unwrap();
        let mut last = 0;
        for cut in (0..bytes.len()).step_by(7).chain([bytes.len()]) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let passes = Passes::open(&path, "one").unwrap();
            assert!(passes.kept() >= last);
            last = passes.kept();
            for (step, result) in (10..).zip(&results).take(last as usize) {
                assert_eq!(passes.next().unwrap(), (step, result.clone()));
            }
            // And it goes on there.
            for (step, result) in (10..).zip(&results).skip(last as usize) {
                passes.append(step, result).unwrap();
            }
            drop(passes);
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{cut}");
        }
        assert_eq!(last, 5);
        // A byte that has changed is no result.
        let mut wrong = bytes.clone();
        wrong[bytes.len() / 2] ^= 1;
        std::fs::write(&path, wrong).unwrap();
        assert!(Passes::open(&path, "one").unwrap().kept() < 5);
    }

    #[test]
    fn a_file_of_another_run_or_of_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.checkpoint");
        drop(Passes::open(&path, "one").unwrap());
        let other = Passes::open(&path, "two").err().unwrap().to_string();
        assert!(other.contains("is of another run"), "{other}");
        assert!(Passes::open(&path, "one").is_ok());
        std::fs::write(&path, "x,y\n1,2\n").unwrap();
        let other = Passes::open(&path, "one").err().unwrap().to_string();
        assert!(other.contains("is no checkpoint"), "{other}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x,y\n1,2\n");
    }
}

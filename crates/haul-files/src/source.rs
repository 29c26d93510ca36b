//! The source of the bytes of a file: a file, memory or standard input, packed by gzip or plain,
//! and how many bytes there can be, so that no header makes haul reserve more memory than its file can fill.

use crate::{Error, Result, format::Kind};
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
};

/// The largest ratio by which deflate, the packing of gzip and of NumPy's archives, can shrink a file.
pub(crate) const MAX_RATIO: u64 = 1032;

/// Bytes that have not been read yet.
pub(crate) enum Source<'a> {
    File(File),
    Memory(&'a [u8]),
    StandardInput,
}

/// Bytes that are read once, from front to back.
pub(crate) struct Stream<'a> {
    pub(crate) reader: Box<dyn BufRead + 'a>,
    /// The most bytes that it can hold, as far as that is known.
    pub(crate) limit: Option<u64>,
}

/// A source that can seek, as tables of contents at the ends of files need.
pub(crate) trait ReadSeek: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> ReadSeek for T {}

impl<'a> Source<'a> {
    /// Opens a file, and refuses a folder.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = |reason| Error::Unreadable {
            file: path.into(),
            reason,
        };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Error::Directory { file: path.into() });
        }
        Ok(Self::File(file))
    }

    /// The number of bytes; unknown for a pipe or a device.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::File(file) => {
                let known = file.metadata().ok().filter(|about| about.is_file());
                known.map(|about| about.len())
            }
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::StandardInput => None,
        }
    }

    /// The bytes in order, unpacked if the name says that they are packed.
    pub(crate) fn stream(self, kind: Kind) -> Stream<'a> {
        let length = self.length();
        let reader: Box<dyn BufRead + 'a> = match self {
            Self::File(file) => Box::new(BufReader::with_capacity(1 << 16, file)),
            Self::Memory(bytes) => Box::new(bytes),
            Self::StandardInput => Box::new(BufReader::new(io::stdin())),
        };
        if !kind.packed {
            return Stream {
                reader,
                limit: length,
            };
        }
        let unpacked = MultiGzDecoder::new(reader);
        Stream {
            reader: Box::new(BufReader::with_capacity(1 << 16, unpacked)),
            limit: length.map(|length| length.saturating_mul(MAX_RATIO)),
        }
    }

    /// All bytes, of a pipe whose end is needed before its beginning.
    pub(crate) fn contents(self, file: &Path) -> Result<Vec<u8>> {
        let mut contents = Vec::new();
        let read = match self {
            Self::File(mut handle) => handle.read_to_end(&mut contents),
            Self::Memory(mut bytes) => bytes.read_to_end(&mut contents),
            Self::StandardInput => io::stdin().read_to_end(&mut contents),
        };
        match read {
            Ok(_) if contents.is_empty() => Err(Error::NoBytes { file: file.into() }),
            Ok(_) => Ok(contents),
            Err(reason) => Err(Error::Unreadable {
                file: file.into(),
                reason,
            }),
        }
    }

    /// The bytes in any order; `None` for standard input, which has only one order.
    pub(crate) fn seekable(self) -> Option<Box<dyn ReadSeek + 'a>> {
        match self {
            Self::File(file) => Some(Box::new(BufReader::with_capacity(1 << 16, file))),
            Self::Memory(bytes) => Some(Box::new(Cursor::new(bytes))),
            Self::StandardInput => None,
        }
    }
}

impl Stream<'_> {
    /// How many of the items of `size` bytes that a header promises the file can hold.
    pub(crate) fn holds(&self, promised: u64, size: u64) -> u64 {
        self.limit
            .map_or(promised, |limit| promised.min(limit / size.max(1)))
    }

    /// Reads to the end, where a packed stream has its checksum.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        io::copy(&mut self.reader, &mut io::sink()).map(drop)
    }
}

/// Memory for values, which grows no larger than their number needs.
pub(crate) fn room(file: &Path, values: u64) -> Result<Vec<f64>> {
    let values = usize::try_from(values).unwrap_or(usize::MAX);
    let mut room = Vec::new();
    match room.try_reserve_exact(values) {
        Ok(()) => Ok(room),
        Err(_) => Err(Error::Memory {
            file: file.into(),
            values,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_all_memory_are_refused() {
        assert!(matches!(
            room(Path::new("a.npy"), u64::MAX),
            Err(Error::Memory { .. })
        ));
        assert!(room(Path::new("a.npy"), 8).is_ok_and(|room| room.capacity() >= 8));
    }
}

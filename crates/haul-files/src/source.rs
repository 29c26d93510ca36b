//! Where the bytes of a file come from: a file, memory or standard input, packed by gzip or plain,
//! and how many there can be, so that no header is trusted with more room than its file can fill.

use crate::{Error, Result, format::Kind};
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
};

/// Deflate, which gzip and NumPy's archives are packed with, shrinks nothing further than this.
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

/// What the tables of contents at the ends of files need.
pub(crate) trait ReadSeek: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> ReadSeek for T {}

impl<'a> Source<'a> {
    /// Opens a file, which is no folder.
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

    /// How many bytes there are; a pipe or a device does not tell.
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

    /// The bytes in their order, unpacked where the name says that they are packed.
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

    /// All of the bytes, of a pipe whose end is needed before its beginning.
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

    /// The bytes in any order; `None` for standard input, which has but one.
    pub(crate) fn seekable(self) -> Option<Box<dyn ReadSeek + 'a>> {
        match self {
            Self::File(file) => Some(Box::new(BufReader::with_capacity(1 << 16, file))),
            Self::Memory(bytes) => Some(Box::new(Cursor::new(bytes))),
            Self::StandardInput => None,
        }
    }
}

impl Stream<'_> {
    /// How many items of `size` bytes, of those that a header promises, can be there.
    pub(crate) fn holds(&self, promised: u64, size: u64) -> u64 {
        self.limit
            .map_or(promised, |limit| promised.min(limit / size.max(1)))
    }

    /// Reads on to the end, where a packed stream has the sum that tells whether it is whole.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        io::copy(&mut self.reader, &mut io::sink()).map(drop)
    }
}

/// Room for values, which grows no further than their number.
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

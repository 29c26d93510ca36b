//! A walk over a structure of Thrift's compact protocol, which the metadata and the headers of pages of Parquet are, before the library
//! reads it. The library steps over a field that it does not know element by element, and Booleans of a list take no bytes
//! there: a few bytes would keep it busy for minutes. The elements of all lists and maps together are refused here if they are more than the bytes.

use std::io::Read;

/// How deep structures are in each other, at most; the library has the same limit.
const DEPTH: u8 = 64;

/// Why a walk ended before the end of the structure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// More elements than bytes.
    Overfull,
    /// The structure is malformed or cut short, which the library tells.
    Malformed,
}

/// The types of fields that the walk tells apart.
mod kind {
    pub(super) const STOP: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const UUID: u8 = 13;
}

/// A structure that is walked over.
pub(crate) struct Walk<R> {
    reader: R,
    /// Bytes so far.
    bytes: u64,
    /// Elements that lists and maps may still have.
    elements: u64,
}

impl<R: Read> Walk<R> {
    /// Of a structure with at most so many bytes.
    pub(crate) fn new(reader: R, most: u64) -> Self {
        Self {
            reader,
            bytes: 0,
            elements: most,
        }
    }

    /// Walks over a structure; returns its bytes, and the whole number of its field `wanted`, if it has one.
    pub(crate) fn structure(mut self, wanted: i64) -> Result<(u64, Option<i64>), Ended> {
        let (mut id, mut found) = (0, None);
        while let Some(kind) = self.field(&mut id)? {
            match kind {
                kind::I16 | kind::I32 | kind::I64 if id == wanted => found = Some(self.whole()?),
                _ => self.value(kind, DEPTH)?,
            }
        }
        Ok((self.bytes, found))
    }

    /// The type of the next field, whose number is `id` then; none at the end of a structure.
    fn field(&mut self, id: &mut i64) -> Result<Option<u8>, Ended> {
        let header = self.byte()?;
        if header & 15 == kind::STOP {
            return Ok(None);
        }
        *id = match header >> 4 {
            0 => self.whole()?,
            step => id.wrapping_add(step.into()),
        };
        Ok(Some(header & 15))
    }

    fn value(&mut self, kind: u8, depth: u8) -> Result<(), Ended> {
        let depth = depth.checked_sub(1).ok_or(Ended::Malformed)?;
        match kind {
            kind::TRUE | kind::FALSE => Ok(()),
            kind::BYTE => self.byte().map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.number().map(drop),
            kind::DOUBLE => self.skip(8),
            kind::UUID => self.skip(16),
            kind::BINARY => {
                let length = self.number()?;
                self.skip(length)
            }
            kind::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.value(kind, depth)?;
                }
                Ok(())
            }
            kind::LIST | kind::SET => {
                let header = self.byte()?;
                let count = match header >> 4 {
                    15 => self.number()?,
                    few => few.into(),
                };
                self.take(count)?;
                (0..count).try_for_each(|_| self.value(header & 15, depth))
            }
            kind::MAP => {
                let count = self.number()?;
                self.take(count)?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.value(kinds >> 4, depth)?;
                    self.value(kinds & 15, depth)
                })
            }
            _ => Err(Ended::Malformed),
        }
    }

    /// Takes elements from those that there may be.
    fn take(&mut self, count: u64) -> Result<(), Ended> {
        self.elements = self.elements.checked_sub(count).ok_or(Ended::Overfull)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Ended> {
        let mut byte = [0];
        self.reader
            .read_exact(&mut byte)
            .map_err(|_| Ended::Malformed)?;
        self.bytes += 1;
        Ok(byte[0])
    }

    fn skip(&mut self, length: u64) -> Result<(), Ended> {
        let mut bytes = self.reader.by_ref().take(length);
        match std::io::copy(&mut bytes, &mut std::io::sink()) {
            Ok(found) if found == length => {
                self.bytes += length;
                Ok(())
            }
            _ => Err(Ended::Malformed),
        }
    }

    /// A number in groups of seven bits, the lowest first.
    fn number(&mut self) -> Result<u64, Ended> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(Ended::Malformed)
    }

    /// A number whose lowest bit is its sign.
    fn whole(&mut self) -> Result<i64, Ended> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(bytes: &[u8]) -> Result<(u64, Option<i64>), Ended> {
        Walk::new(bytes, bytes.len() as u64).structure(3)
    }

    #[test]
    fn a_structure_is_walked_to_its_end() {
        // A number 7 as field 1, a text as field 2, a list of two bytes as field 4 within a structure, -2 as field 3, and what follows.
        let bytes = [
            0x15, 14, 0x18, 2, b'a', b'b', 0x15, 3, 0x1c, 0x49, 0x23, 1, 2, 0, 0, 9,
        ];
        assert_eq!(walked(&bytes), Ok((15, Some(-2))));
        assert_eq!(walked(&bytes[..14]), Err(Ended::Malformed));
        // A field by its whole number, and a map of Booleans.
        assert_eq!(walked(&[0x05, 6, 14, 0x1b, 2, 0x11, 0]), Ok((7, Some(7))));
    }

    #[test]
    fn elements_without_bytes_are_counted() {
        // Lists of 2³¹ − 1 Booleans, and of two lists of as many as there are bytes.
        assert_eq!(
            walked(&[0x19, 0xf1, 255, 255, 255, 255, 7, 0]),
            Err(Ended::Overfull)
        );
        assert_eq!(walked(&[0x19, 0xf2, 8, 0, 0, 0, 0, 0]), Ok((4, None)));
        assert_eq!(
            walked(&[0x19, 0xf2, 8, 0x19, 0xf2, 8, 0, 0]),
            Err(Ended::Overfull)
        );
        // Lists in lists.
        assert_eq!(
            walked(&[&[0x19][..], &[0x19; 200]].concat()),
            Err(Ended::Malformed)
        );
    }
}

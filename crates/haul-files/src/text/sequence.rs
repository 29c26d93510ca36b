//! The lines of a table in their order: comments, a header, rows.

use super::dialect::{Dialect, First, is_several};
use crate::{
    Error, Result,
    columns::{Field, Table, is_missing},
    error::one_line,
};
use csv::ByteRecord;
use std::path::Path;

/// The kind of a line of a table.
pub(super) enum Part<'p> {
    /// A comment, unchanged; also a blank line.
    Comment(&'p [u8]),
    /// The names of the columns, and the unchanged line if it begins like a comment.
    Header(Option<&'p [u8]>),
    /// Atoms follow, with their x in this column.
    Atoms(usize),
    /// A row, with its number from 0.
    Row(usize),
}

/// The lines of a table. The first ones are held back until it is clear which one is a header.
pub(super) struct Sequence<'s, F> {
    file: &'s Path,
    dialect: Dialect,
    header: Option<bool>,
    pub(super) each: F,
    /// Records, and comments unchanged.
    held: Vec<(ByteRecord, Option<Vec<u8>>)>,
    /// Fields of the first record, once its kind is clear.
    width: Option<usize>,
    pub(super) rows: usize,
}

impl<'s, E: From<Error>, F: FnMut(Part, &ByteRecord) -> Result<(), E>> Sequence<'s, F> {
    pub(super) fn new(file: &'s Path, dialect: Dialect, header: Option<bool>, each: F) -> Self {
        Self {
            file,
            dialect,
            header,
            each,
            held: Vec::new(),
            width: None,
            rows: 0,
        }
    }

    /// Adds the next line; a comment comes with its text.
    pub(super) fn push(&mut self, record: &ByteRecord, comment: Option<&[u8]>) -> Result<(), E> {
        if self.width.is_some() {
            return self.emit(record, comment);
        }
        (self.held).push((record.clone(), comment.map(<[u8]>::to_vec)));
        match self
            .held
            .iter()
            .filter(|(_, comment)| comment.is_none())
            .count()
        {
            0 | 1 => Ok(()),
            _ => self.release(),
        }
    }

    pub(super) fn emit(&mut self, record: &ByteRecord, comment: Option<&[u8]>) -> Result<(), E> {
        if let Some(text) = comment {
            return (self.each)(Part::Comment(text), record);
        }
        self.rows += 1;
        (self.each)(Part::Row(self.rows - 1), record)
    }

    /// Decides which of the held lines is a header, and passes them on.
    fn release(&mut self) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        let mut records = (0..held.len()).filter(|&at| held[at].1.is_none());
        let (first, second) = (records.next(), records.next());
        let header = match first {
            Some(at) => {
                self.width = Some(held[at].0.len());
                self.header(&held[..=at], second.map(|second| &held[second].0))?
            }
            None => None,
        };
        for (at, (record, comment)) in held.iter().enumerate() {
            if header == Some(at) {
                (self.each)(Part::Header(comment.as_deref()), record)?;
            } else {
                self.emit(record, comment.as_deref())?;
            }
        }
        Ok(())
    }

    /// The header among the lines up to the first record.
    fn header(
        &self,
        lines: &[(ByteRecord, Option<Vec<u8>>)],
        second: Option<&ByteRecord>,
    ) -> Result<Option<usize>> {
        let Some(((first, _), before)) = lines.split_last() else {
            return Ok(None);
        };
        let is_number = |field: &[u8]| self.dialect.number(field).is_some();
        let names = |names: &ByteRecord| {
            names.len() == first.len()
                && !names.iter().any(|name| is_number(name) || is_missing(name))
        };
        let above =
            (before.last()).is_some_and(|(last, _)| names(last) && first.iter().any(is_number));
        Ok(match self.header {
            Some(false) => None,
            _ if above => Some(before.len() - 1),
            Some(true) => Some(before.len()),
            None => match self.dialect.first(first, second) {
                First::Header => Some(before.len()),
                First::Row => None,
                First::Doubtful => {
                    let separator = char::from(self.dialect.separator).to_string();
                    let fields = first.iter().map(String::from_utf8_lossy);
                    let row = fields.collect::<Vec<_>>().join(&separator);
                    return Err(Error::DoubtfulHeader {
                        file: self.file.into(),
                        row: one_line(&row).chars().take(40).collect(),
                    });
                }
            },
        })
    }

    pub(super) fn end(&mut self) -> Result<(), E> {
        match self.width {
            Some(_) => Ok(()),
            None => self.release(),
        }
    }

    /// Whether a record that begins like a comment is a row whose first field is a text.
    pub(super) fn is_row(&self, record: &ByteRecord) -> bool {
        let is_number = |field: &[u8]| self.dialect.number(field).is_some();
        let first = record.get(0).unwrap_or_default().trim_ascii();
        let width = || {
            let first = self.held.iter().find(|(_, comment)| comment.is_none());
            self.width.or(first.map(|(first, _)| first.len()))
        };
        let label = first.strip_prefix(b"#").unwrap_or(first);
        is_missing(first)
            || record.len() > 1
                && width() == Some(record.len())
                && !(label.is_empty() || is_number(label))
                && record.iter().skip(1).all(is_number)
    }
}

/// Whether a text begins like a comment.
pub(super) fn is_comment(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.starts_with(b"#") || text.starts_with(b"//")
}

/// The names in a header. Some programs begin it like a comment.
pub(super) fn names(header: &ByteRecord) -> Vec<String> {
    let name = |field| one_line(&String::from_utf8_lossy(field));
    let mut names: Vec<_> = header.iter().map(name).collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches(['#', '/', ' ']).to_owned();
    }
    names
}

/// The error of a row without the separators of the format, in which a field is several numbers.
pub(super) fn undivided<'r>(
    file: &Path,
    row: usize,
    mut fields: impl Iterator<Item = &'r [u8]>,
    divides: impl Fn(&u8) -> bool,
    separator: &'static str,
) -> Option<Error> {
    let field = fields.find(|field| is_several(field, &divides))?;
    Some(Error::Separator {
        file: file.into(),
        row: row + 1,
        text: String::from_utf8_lossy(field).chars().take(40).collect(),
        separator,
    })
}

/// Adds a row to a table; fields of several numbers are reported before fields that are not numbers.
pub(super) fn push(
    table: &mut Table,
    found: usize,
    field: impl Fn(usize) -> Field,
    undivided: impl Fn() -> Option<Error>,
) -> Result<()> {
    let pushed = table.push(found, field);
    let row_of_texts = table.shape().0 == 1 && table.has_texts();
    let not_a_number = matches!(
        pushed,
        Err(Error::NotANumber { .. } | Error::TextColumn { .. })
    );
    match (row_of_texts || not_a_number).then(undivided).flatten() {
        Some(error) => Err(error),
        None => pushed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{
        Columns, Reading,
        tests::{message, parse},
    };
    use std::path::Path;

    #[test]
    fn headers_line_ends_byte_order_marks_and_spaces_are_taken_as_they_come() {
        for text in [
            "1,2\n3,4\n",
            "1,2\r\n3,4",
            "x,y\n1,2\n3,4\n",
            "\u{feff}x,y\r\n1,2\r\n3,4\r\n",
            "\u{feff}1,2\n\n3,4\n\n",
            " \"x\" , y\n 1 , 2\n\t3,+4.0e0 \n  \n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (&*cloud.points, cloud.dimension),
                (&[1.0, 2.0, 3.0, 4.0][..], 2),
                "{text:?}"
            );
            assert_eq!(cloud.weights, None);
        }
    }

    #[test]
    fn a_column_named_weight_is_set_apart_wherever_it_stands() {
        for text in [
            "weight,x,y\n5,1,2\n6,3,4",
            "x,Weight,y\n1,5,2\n3,6,4",
            "x,y,weight\n1,2,5\n3,4,6",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(cloud.points, [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(cloud.weights.unwrap(), [5.0, 6.0]);
        }
    }

    #[test]
    fn comments_stand_above_a_header_and_between_rows() {
        for text in [
            "# made by hand, on Monday\n#\nx,y\n# the first one\n1,2\n// the last one, really\n3,4\n# end\n",
            "# made by hand\n# x,y\n1,2\n#5,6\n3,4\n",
            "# made by hand\n1,2\n# a \"quote\"\n3,4\n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (2, &[1.0, 2.0, 3.0, 4.0][..]),
                "{text}"
            );
        }
        let cloud = parse("a.csv", b"# x,weight\n1,2\n3,4\n").unwrap();
        assert_eq!(cloud.weights, Some(vec![2.0, 4.0]));
        let cloud = parse("a.xyz", b"# x y weight\n1 2 3\n").unwrap();
        assert_eq!(cloud.weights, Some(vec![3.0]));
        // A label may begin like a comment: its row must not be lost.
        let text = "colour,x,y\n#ff0000,1,2\n#00ff00,3,4\n";
        let only = Reading::of(&Columns {
            coordinates: vec!["x".into(), "y".into()],
            ..Columns::default()
        });
        let cloud = crate::parse_as(Path::new("a.csv"), text.as_bytes(), &only).unwrap();
        assert_eq!(cloud.points, [1.0, 2.0, 3.0, 4.0]);
        // A quote that swallows rows is reported.
        assert!(message("a.csv", b"1,2\n# a,\"b\n3,4\n").contains("comment on line 2"));
    }
}

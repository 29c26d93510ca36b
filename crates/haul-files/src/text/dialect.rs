//! What separates fields, and how numbers are written.

use crate::columns::{Field, is_missing};
use csv::ByteRecord;

/// The kind of the first row of a table.
#[derive(Debug, PartialEq)]
pub(super) enum First {
    Header,
    Row,
    Doubtful,
}

/// What separates fields, and the format of numbers: between semicolons or tabs a comma may be the decimal mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(super) separator: u8,
}

impl Dialect {
    pub(crate) const COMMAS: Self = Self { separator: b',' };
    pub(crate) const TABS: Self = Self { separator: b'\t' };
    pub(super) const SEMICOLONS: Self = Self { separator: b';' };
    /// White space, however much of it.
    pub(super) const SPACES: Self = Self { separator: b' ' };

    pub(super) fn number(self, field: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(field.trim_ascii()).ok()?;
        if self.has_comma(field) {
            let point = text.replacen(',', ".", 1);
            return point.parse().ok().filter(|_| !text.contains('.'));
        }
        text.parse().ok()
    }

    /// Whether a comma may be the decimal mark.
    pub(super) fn allows_commas(self) -> bool {
        matches!(self.separator, b';' | b'\t')
    }

    /// Whether the decimal mark is a comma, if this is a number.
    pub(super) fn has_comma(self, field: &[u8]) -> bool {
        self.allows_commas() && field.contains(&b',')
    }

    pub(super) fn field(self, field: &[u8]) -> Field {
        match self.number(field) {
            Some(number) => Field::Number(number),
            None => {
                let text = String::from_utf8_lossy(field.trim_ascii()).into_owned();
                match is_missing(field) {
                    true => Field::Missing(text),
                    false => Field::Text(text),
                }
            }
        }
    }

    /// Whether a field is a number that is not written as an integer.
    fn is_decimal(self, field: &[u8]) -> bool {
        self.number(field).is_some() && !digits(field)
    }

    /// The kind of the first row of a table, by it and the second one. Some programs name columns without names 0, 1, 2, …
    pub(super) fn first(self, first: &ByteRecord, second: Option<&ByteRecord>) -> First {
        let is_text = |field: &&[u8]| self.number(field).is_none();
        let texts = first.iter().filter(is_text).count();
        if texts == first.len() {
            let divides = |byte: &u8| b",;".contains(byte) || byte.is_ascii_whitespace();
            let several = |field: &[u8]| is_several(field, divides);
            return match first.iter().all(is_missing) || first.iter().any(several) {
                true => First::Row,
                false => First::Header,
            };
        }
        let Some(second) = second else {
            return First::Row;
        };
        // R leaves out the name of the first column.
        let shift = match second.len().checked_sub(first.len()) {
            Some(shift @ 0..=1) => shift,
            _ => return First::Row,
        };
        let columns = || first.iter().zip(second.iter().skip(shift));
        let numbers = || columns().filter(|(name, _)| self.number(name).is_some());
        let mut values = numbers().filter_map(|(name, _)| self.number(name));
        let start = values.next().unwrap_or(0.0);
        let counts = (1..)
            .zip(values)
            .all(|(k, value)| value == start + f64::from(k));
        let counts = counts && numbers().all(|(name, _)| digits(name));
        let decimal = numbers().all(|(_, value)| self.is_decimal(value));
        let (zero, several) = (start == 0.0, first.len() - texts > 1);
        if texts > 0 {
            let plain = |(at, (name, value)): (usize, (&[u8], &[u8]))| {
                self.number(name).is_some()
                    || (at == 0 || !is_missing(name))
                        && (self.number(value).is_some() || is_missing(value))
            };
            let named = columns().enumerate().all(plain);
            let digits = numbers().all(|(name, _)| digits(name));
            return match (named && digits, counts && several && decimal) {
                (true, _) => First::Header,
                (_, true) => First::Doubtful,
                _ => First::Row,
            };
        }
        match counts {
            true if shift == 1 => First::Row,
            true if zero && decimal && first.len() > 2 => First::Header,
            true if (zero || decimal) && several || zero && decimal => First::Doubtful,
            _ => First::Row,
        }
    }

    /// The dialect of a table whose first lines are these: the separator in the last of them.
    pub(super) fn of(head: &[u8]) -> Self {
        let lines = head.trim_ascii_end();
        let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
        let count = |separator: u8| {
            let mut quoted = false;
            let divides = |byte: &&u8| {
                quoted ^= **byte == b'"';
                !quoted && **byte == separator
            };
            line.iter().filter(divides).count()
        };
        let commas = count(b',');
        let fits = |dialect: &Self| {
            let separators = count(dialect.separator);
            let decimal = |field: &[u8]| dialect.number(field).is_some();
            let numbers = || line.split(|byte| *byte == dialect.separator).all(decimal);
            separators > 0 && (separators > commas || numbers())
        };
        let others = [Self::TABS, Self::SEMICOLONS];
        others.into_iter().find(fits).unwrap_or(Self::COMMAS)
    }

    /// The name of the separators.
    pub(super) fn separators(self) -> &'static str {
        match self.separator {
            b';' => "semicolons",
            b'\t' => "tabs",
            b' ' => "spaces or tabs",
            _ => "commas",
        }
    }
}

pub(super) fn digits(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// Whether a field is several numbers, or one number and a separator.
pub(super) fn is_several(field: &[u8], divides: impl Fn(&u8) -> bool) -> bool {
    let parts = || field.split(&divides).filter(|part| !part.is_empty());
    let number = |part: &[u8]| Dialect::COMMAS.number(part).is_some();
    field.trim_ascii().iter().any(&divides) && parts().next().is_some() && parts().all(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::{message, parse};

    #[test]
    fn tabs_divide_fields_where_there_are_tabs() {
        for (name, text) in [
            ("a.tsv", "x\ty\n1.5\t-2\n3e5\t0.25\n"),
            ("a.tsv", "1,5\t-2\n3e5\t0,25\n"),
            ("a.csv", "x\ty\n1.5\t-2\n3e5\t0.25\n"),
            ("a.csv", "1,5\t-2\n3e5\t0,25\n"),
            ("a.csv", "1.5,\t-2\n3e5,\t0.25\n"),
        ] {
            let cloud = parse(name, text.as_bytes()).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (2, &[1.5, -2.0, 3e5, 0.25][..]),
                "{name}: {text}"
            );
        }
        // The name of a .tsv decides, whatever its first line has more of.
        let text = b"cell, day, batch\tx\n\"a\tb, c, d\"\t1\ne\t2\n";
        let only = crate::Reading::of(&crate::Columns {
            coordinates: vec!["x".into()],
            ..crate::Columns::default()
        });
        let read = |name: &str| crate::parse_as(std::path::Path::new(name), text, &only);
        assert_eq!(read("a.tsv").unwrap().points, [1.0, 2.0]);
        assert!(read("a.csv").is_err());
        assert!(message("a.tsv", b"1 2\n").contains("separate the fields by tabs"));
    }

    #[test]
    fn semicolons_divide_fields_and_commas_may_be_decimal_marks() {
        let expected = [1.5, -2.0, 3e5, 0.25];
        for text in [
            "x;y\n1,5;-2\n3e5;0,25\n",
            "1,5;-2\n3e5;0,25\n",
            "x;y\n1.5;-2\n3e5;0.25\n",
            "# von Hand, am 3.4.\nx;y\n\"1,5\"; -2\n3e5;,25\n",
        ] {
            let cloud = parse("a.csv", text.as_bytes()).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (2, &expected[..]),
                "{text}"
            );
        }
        // Semicolons in a text are not separators.
        let cloud = parse("a.csv", b"\"a;b\",y\n1,5\n2,6\n").unwrap();
        assert_eq!(cloud.points, [1.0, 5.0, 2.0, 6.0]);
        // In one column with decimal commas the header shows that this is not a table of two.
        assert!(message("a.csv", b"x\n1,5\n2,5\n").contains("has 2 columns where 1 are expected"));
        assert!(
            message("a.csv", b"x,y\n1,5,2\n7,5,2\n").contains("3 columns where 2 are expected")
        );
    }
}

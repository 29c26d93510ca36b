//! Tables with other coordinates, and everything else as it was.

use super::{
    csv::records,
    dialect::Dialect,
    sequence::{Part, names},
    xyz::{Molecule, xyz},
};
use crate::{
    Attributes, Columns, Error, Reading, Result,
    attributes::{Extra, NORMALS},
    columns::complete,
};
use csv::WriterBuilder;
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

/// Copies `reader`, the csv called `file`, with its coordinates at `points` (row-major), with decimal commas if `comma` is set;
/// all other fields stay unchanged.
pub(crate) fn write_moved_csv(
    (file, reading): (&Path, &Reading),
    reader: impl BufRead,
    (dialect, comma): (Option<Dialect>, bool),
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let format = (dialect, reading.header);
    let mut moved = Moved::new(file, &reading.columns, points, attributes);
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    records(file, reader, format, |dialect, part, record| {
        fields.clear();
        fields.extend(record.iter().map(<[u8]>::to_vec));
        match part {
            Part::Comment(line) | Part::Header(Some(line)) => {
                out.write_all(line)?;
                if let Part::Header(_) = part {
                    for name in moved.named(names(record)) {
                        write!(out, "{}{name}", char::from(dialect.separator))?;
                    }
                }
                return out.write_all(b"\n");
            }
            Part::Header(None) => fields.extend(moved.named(names(record)).map(Vec::from)),
            Part::Row(_) => moved.replace(&mut fields, comma)?,
            Part::Atoms(_) => {}
        }
        let mut row = WriterBuilder::new()
            .flexible(true)
            .delimiter(dialect.separator)
            .buffer_capacity(1 << 10)
            .from_writer(std::mem::take(&mut text));
        row.write_byte_record(&fields.iter().collect())?;
        text = row.into_inner().map_err(|error| error.into_error())?;
        out.write_all(&text)?;
        text.clear();
        Ok(())
    })?;
    moved.finish()
}

/// The same for lines of coordinates; comments stay unchanged.
pub(crate) fn write_moved_xyz(
    (file, reading): (&Path, &Reading),
    reader: impl BufRead,
    (points, attributes): (&[f64], &Attributes),
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut moved = Moved::new(file, &reading.columns, points, attributes);
    let of_atoms = Molecule::columns(&reading.columns);
    let mut x_of_atoms = None;
    xyz(file, reader, reading.header, |part, record| {
        match part {
            Part::Atoms(x) => {
                x_of_atoms = Some(x);
                moved.columns = &of_atoms;
                return Ok(());
            }
            Part::Comment(line) => out.write_all(line)?,
            Part::Header(line) => {
                moved.names = Some(names(record));
                match line {
                    Some(line) => out.write_all(line)?,
                    None => out.write_all(&record.iter().collect::<Vec<_>>().join(&b' '))?,
                }
            }
            Part::Row(row) => {
                if let (0, Some(x)) = (row, x_of_atoms) {
                    moved.names = Some(Molecule::names(x, record.len()));
                }
                let mut fields: Vec<_> = record.iter().map(<[u8]>::to_vec).collect();
                moved.replace(&mut fields, false)?;
                out.write_all(&fields.join(&b' '))?;
            }
        }
        out.write_all(b"\n")
    })?;
    moved.finish()
}

/// The columns of a table that are rewritten.
struct Places {
    coordinates: Vec<usize>,
    /// The columns of the normals that turn; none if there are fewer of them than coordinates.
    normals: Vec<usize>,
    /// The columns of the extras; none for one that is appended.
    extras: Vec<Option<usize>>,
}

/// Coordinates and attributes that replace fields in the rows of a table.
struct Moved<'m> {
    file: &'m Path,
    columns: &'m Columns,
    names: Option<Vec<String>>,
    /// The columns that are rewritten, once a row was seen.
    places: Option<Places>,
    /// The points that have no row yet.
    points: &'m [f64],
    attributes: &'m Attributes<'m>,
    extras: Vec<Extra<'m>>,
    /// The number of finished rows.
    rows: usize,
}

impl<'m> Moved<'m> {
    fn new(
        file: &'m Path,
        columns: &'m Columns,
        points: &'m [f64],
        attributes: &'m Attributes<'m>,
    ) -> Self {
        Self {
            file,
            columns,
            names: None,
            places: None,
            points,
            attributes,
            extras: attributes.extras(),
            rows: 0,
        }
    }

    /// Stores the names of a header; returns those of the appended columns.
    fn named(&mut self, names: Vec<String>) -> impl Iterator<Item = &'static str> + use<> {
        let known = |extra: &Extra| names.iter().any(|name| name == extra.name);
        let new: Vec<_> = (self.extras.iter())
            .filter(|extra| !known(extra))
            .map(|extra| extra.name)
            .collect();
        self.names = Some(names);
        new.into_iter()
    }

    /// Decides which of `width` columns are rewritten.
    fn places(&mut self, width: usize) -> Result<Places> {
        complete(&mut self.names, width);
        let names = self.names.as_deref();
        if names.is_some_and(|names| names.len() != width) {
            return Err(changed(self.file));
        }
        let coordinates = self.columns.among(self.file, names, width)?.coordinates;
        let column = |name: &str| names.into_iter().flatten().position(|known| known == name);
        let known = NORMALS.iter().take(coordinates.len());
        let mut normals: Vec<_> = known.map_while(|name| column(name)).collect();
        let chosen = normals.iter().any(|column| coordinates.contains(column));
        if chosen || normals.len() != coordinates.len() || self.attributes.normals.is_none() {
            normals.clear();
        }
        let extras = self.extras.iter().map(|extra| column(extra.name));
        let extras = extras.map(|found| found.filter(|column| !coordinates.contains(column)));
        Ok(Places {
            extras: extras.collect(),
            coordinates,
            normals,
        })
    }

    /// Writes the next point into the fields of a row.
    fn replace(&mut self, fields: &mut Vec<Vec<u8>>, comma: bool) -> Result<()> {
        let places = match self.places.take() {
            Some(places) => places,
            None => self.places(fields.len())?,
        };
        for &column in &places.coordinates {
            let (Some(field), Some((value, rest))) =
                (fields.get_mut(column), self.points.split_first())
            else {
                return Err(changed(self.file));
            };
            *field = written(&format!("{value:?}"), comma);
            self.points = rest;
        }
        self.turn(&places.normals, fields, comma)?;
        for (extra, place) in self.extras.iter().zip(&places.extras) {
            let text = written(&extra.text(self.rows), comma);
            match place.map(|column| fields.get_mut(column)) {
                Some(Some(field)) => *field = text,
                Some(None) => return Err(changed(self.file)),
                None => fields.push(text),
            }
        }
        self.places = Some(places);
        self.rows += 1;
        Ok(())
    }

    /// Turns the normal in these columns.
    fn turn(&self, columns: &[usize], fields: &mut [Vec<u8>], comma: bool) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let dialect = match comma {
            true => Dialect::SEMICOLONS,
            false => Dialect::COMMAS,
        };
        let value = |(&column, name): (&usize, &&str)| {
            let field = fields.get(column).ok_or_else(|| changed(self.file))?;
            dialect.number(field).ok_or_else(|| Error::NotANumber {
                file: self.file.into(),
                row: self.rows + 1,
                column: (*name).into(),
                text: String::from_utf8_lossy(field).chars().take(40).collect(),
            })
        };
        let normal = columns.iter().zip(&NORMALS).map(value);
        let normal = normal.collect::<Result<Vec<_>>>()?;
        let turned = self.attributes.turned(&normal).unwrap_or(normal);
        for (&column, value) in columns.iter().zip(turned) {
            fields[column] = written(&format!("{value:?}"), comma);
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self.points {
            [] => Ok(()),
            _ => Err(changed(self.file).into()),
        }
    }
}

/// A number with the decimal mark of the table.
fn written(number: &str, comma: bool) -> Vec<u8> {
    match comma {
        true => number.replace('.', ",").into_bytes(),
        false => number.into(),
    }
}

fn changed(file: &Path) -> Error {
    let reason = "has other rows than it had when it was read";
    Error::malformed(file, "table", reason, "a table")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::has_decimal_commas;

    #[test]
    fn what_is_moved_keeps_the_other_fields() {
        let reading = Reading::of(&Columns {
            coordinates: vec!["3".into(), "2".into()],
            ..Columns::default()
        });
        let moved = |text: &str, points: &[f64]| {
            let mut out = Vec::new();
            let file = Path::new("a.csv");
            let beside = (points, &Attributes::default());
            write_moved_csv(
                (file, &reading),
                text.as_bytes(),
                (None, false),
                beside,
                &mut out,
            )?;
            io::Result::Ok(String::from_utf8(out).unwrap())
        };
        let before = "cell,x,y,note\n\"a, b\",1,2, kept \n c1 ,3,4,\n";
        let after = "cell,x,y,note\n\"a, b\",-2.0,0.5, kept \n c1 ,1e300,7.0,\n";
        assert_eq!(moved(before, &[0.5, -2.0, 7.0, 1e300]).unwrap(), after);
        assert_eq!(moved("a,1,2\r\n", &[5.0, 6.0]).unwrap(), "a,6.0,5.0\n");
        for points in [&[1.0; 2][..], &[1.0; 6]] {
            let error = moved(before, points).unwrap_err().to_string();
            assert!(error.contains("has other rows than it had"), "{error}");
        }
        let mut out = Vec::new();
        let lines = "# a scan\n9 1 2 255\n\n9\t3 4 7\r\n";
        write_moved_xyz(
            (Path::new("a.xyz"), &reading),
            lines.as_bytes(),
            (&[0.5, -2.0, 7.0, 8.0], &Attributes::default()),
            &mut out,
        )
        .unwrap();
        assert_eq!(out, b"# a scan\n9 -2.0 0.5 255\n\n9 8.0 7.0 7\n");
    }

    #[test]
    fn comments_and_separators_stay_where_a_table_is_moved() {
        let reading = Reading::of(&Columns {
            coordinates: vec!["y".into()],
            ..Columns::default()
        });
        for (before, after, comma) in [
            (
                "# k,\"a\"\nx,y\n1,2\n# b\n3,4\n",
                "# k,a\nx,y\n1,0.5\n# b\n3,-7.0\n",
                false,
            ),
            ("x;y\n1,5;2\n3;4\n", "x;y\n1,5;0,5\n3;-7,0\n", true),
            ("x\ty\n1,5\t2\n3\t4\n", "x\ty\n1,5\t0,5\n3\t-7,0\n", true),
            ("a,y\n1,2,3\n2,4,5\n", "a,y\n1,2,0.5\n2,4,-7.0\n", false),
        ] {
            let file = Path::new("a.csv");
            assert_eq!(
                has_decimal_commas(file, before.as_bytes(), (None, None)).unwrap(),
                comma
            );
            let mut out = Vec::new();
            write_moved_csv(
                (file, &reading),
                before.as_bytes(),
                (None, comma),
                (&[0.5, -7.0], &Attributes::default()),
                &mut out,
            )
            .unwrap();
            assert_eq!(String::from_utf8(out.clone()).unwrap(), after);
            let cloud = crate::parse_as(file, &out, &reading).unwrap();
            assert_eq!(cloud.points, [0.5, -7.0]);
        }
    }
}

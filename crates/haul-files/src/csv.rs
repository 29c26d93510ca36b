//! Tables as text: `.csv` (comma separated, a header or none, a column named `weight` set apart)
//! and `.xyz` (separated by white space, `#` opens a comment line, nothing but coordinates).

use crate::{Cloud, Error, Result, cloud::column_name, error::one_line};
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

/// A cloud and what its columns are called.
type Named = (Cloud, Option<Vec<String>>);

/// A table of numbers, row-major, but for the column of weights; `width` is set by the header or
/// else by the first row.
#[derive(Default)]
struct Table {
    names: Option<Vec<String>>,
    width: usize,
    /// Which column is named `weight`, if one is.
    weight: Option<usize>,
    rows: usize,
    points: Vec<f64>,
    weights: Vec<f64>,
}

impl Table {
    fn push<'a>(
        &mut self,
        file: &Path,
        fields: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<()> {
        let (found, row) = (fields.len(), self.rows + 1);
        if self.width == 0 {
            self.width = found;
        }
        if found != self.width {
            return Err(Error::Ragged {
                file: file.into(),
                row,
                found,
                expected: self.width,
            });
        }
        for (column, field) in fields.enumerate() {
            let Some(value) = number(field) else {
                let name = |names: &Vec<String>| names.get(column).cloned();
                return Err(Error::NotANumber {
                    file: file.into(),
                    row,
                    column: (self.names.as_ref().and_then(name))
                        .unwrap_or_else(|| column_name(column, self.width)),
                    text: String::from_utf8_lossy(field).chars().take(40).collect(),
                });
            };
            if self.weight == Some(column) {
                self.weights.push(value);
            } else {
                self.points.push(value);
            }
        }
        self.rows = row;
        Ok(())
    }

    fn set_header(&mut self, record: &ByteRecord) {
        let name = |field| one_line(&String::from_utf8_lossy(field));
        let names: Vec<_> = record.iter().map(name).collect();
        self.weight = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case("weight"));
        self.width = names.len();
        self.names = Some(names);
    }

    /// Reads csv. The first row is a header if no field of it is a number.
    fn from_csv(file: &Path, reader: impl BufRead) -> Result<Self> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(reader);
        let mut record = ByteRecord::new();
        let mut table = Self::default();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(table),
                Err(error) => return Err(table.broken(file, error.into(), ".csv")),
            }
            if record.as_slice().is_empty() && record.len() == 1 {
                continue;
            }
            if table.width == 0 && record.iter().all(|field| number(field).is_none()) {
                table.set_header(&record);
                continue;
            }
            table.push(file, record.iter())?;
        }
    }

    /// Reads lines of fields that white space divides.
    fn from_xyz(file: &Path, mut reader: impl BufRead) -> Result<Self> {
        let mut table = Self::default();
        let mut lines = Vec::new();
        loop {
            lines.clear();
            match reader.read_until(b'\n', &mut lines) {
                Ok(0) => return Ok(table),
                Ok(_) => {}
                Err(error) => return Err(table.broken(file, error, ".xyz")),
            }
            // Windows editors open a text with this mark.
            let mark: &[u8] = if table.rows == 0 {
                b"\xef\xbb\xbf"
            } else {
                b""
            };
            let lines = lines.strip_prefix(mark).unwrap_or(&lines);
            for line in lines.split(|&byte| byte == b'\r') {
                let fields: Vec<_> = line
                    .split(u8::is_ascii_whitespace)
                    .filter(|field| !field.is_empty())
                    .collect();
                if fields.first().is_some_and(|first| !first.starts_with(b"#")) {
                    table.push(file, fields.into_iter())?;
                }
            }
        }
    }

    fn broken(&self, file: &Path, error: io::Error, format: &'static str) -> Error {
        Error::broken(file, &format!("row {}", self.rows + 1), error, format)
    }

    /// The table as a cloud.
    fn into_cloud(mut self, file: &Path) -> Result<Named> {
        let mut weights = None;
        if let (Some(names), Some(weight)) = (&mut self.names, self.weight) {
            if self.width == 1 {
                return Err(Error::Missing {
                    file: file.into(),
                    wanted: "column of coordinates",
                    found: names.clone(),
                });
            }
            names.remove(weight);
            self.width -= 1;
            weights = Some(self.weights);
        }
        let cloud = Cloud {
            points: self.points,
            // An empty table has no width; its cloud is refused for having no rows.
            dimension: self.width.max(1),
            weights,
        };
        Ok((cloud, self.names))
    }
}

fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Reads a cloud from csv.
pub(crate) fn read_csv(file: &Path, reader: impl BufRead) -> Result<Named> {
    Table::from_csv(file, reader)?.into_cloud(file)
}

/// Reads a csv of one column.
pub(crate) fn read_column(file: &Path, reader: impl BufRead) -> Result<Vec<f64>> {
    let table = Table::from_csv(file, reader)?;
    match (table.width, table.weight) {
        (0 | 1, None) => Ok(table.points),
        (1, Some(_)) => Ok(table.weights),
        (width, _) => Err(Error::Shape {
            file: file.into(),
            name: "of weights".into(),
            shape: vec![table.rows as u64, width as u64],
            wanted: "one column, one weight per point",
        }),
    }
}

/// Reads a cloud from lines of coordinates.
pub(crate) fn read_xyz(file: &Path, reader: impl BufRead) -> Result<Named> {
    Table::from_xyz(file, reader)?.into_cloud(file)
}

/// Writes a header and one row per point, each number with the digits that read back as itself.
pub(crate) fn write_csv(
    out: &mut dyn Write,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
) -> io::Result<()> {
    let mut names: Vec<_> = (0..dimension)
        .map(|column| column_name(column, dimension))
        .collect();
    if dimension > 3 {
        // A bare number would read back as a row.
        names.iter_mut().for_each(|name| name.insert(0, 'x'));
    }
    names.extend(weights.map(|_| "weight".into()));
    writeln!(out, "{}", names.join(","))?;
    write_rows(out, points, dimension, weights, ",")
}

/// Writes one line of coordinates per point.
pub(crate) fn write_xyz(out: &mut dyn Write, points: &[f64], dimension: usize) -> io::Result<()> {
    write_rows(out, points, dimension, None, " ")
}

fn write_rows(
    out: &mut dyn Write,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
    separator: &str,
) -> io::Result<()> {
    let mut weights = weights.into_iter().flatten();
    for row in points.chunks_exact(dimension) {
        for (column, value) in row.iter().chain(weights.next()).enumerate() {
            write!(out, "{}{value:?}", if column == 0 { "" } else { separator })?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::tests::{message, parse};

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
    fn xyz_takes_any_white_space_and_skips_comments() {
        let text = "\u{feff}# a scan\n1 2\t3\r\n\n  4   5 6  \n#7 8 9\n";
        let cloud = parse("a.xyz", text.as_bytes()).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.dimension),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], 3)
        );
    }

    #[test]
    fn errors_name_the_row_the_column_and_the_remedy() {
        for (name, text, expected) in [
            (
                "a.csv",
                "1,2\n3,NaN\n",
                "row 2, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "1,2\n3,-inf\n",
                "row 2, column y is -inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,weight,lat\n1,1,nan\n",
                "row 1, column lat is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "x,weight\n1,1\n2,-1\n",
                "row 2, column weight is -1; a weight is a mass: give it zero or a positive value",
            ),
            (
                "a.csv",
                "x,weight\n1,inf\n",
                "row 1, column weight is inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "lon,lat\n1,two\n",
                "row 1, column lat is \"two\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "1,2,3,4\n1,2,,4\n",
                "row 2, column 3 is \"\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "1,2\n3,4,5\n",
                "row 2 has 3 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n1\n",
                "row 1 has 1 columns where 2 are expected; give every row the same columns",
            ),
            (
                "a.csv",
                "x,y\n",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "",
                "holds no rows; a cloud needs at least one point",
            ),
            (
                "a.csv",
                "\"lon\n\u{1b}gitude\",y\nnan,1\n",
                "row 1, column lon gitude is NaN; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "weight\n1\n",
                "has no column of coordinates among [\"weight\"]; add it or rename the one that is meant",
            ),
            (
                "a.xyz",
                "#c\n1 2 3\n4 5 z\n",
                "row 2, column z is \"z\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.xyz",
                "1 2 3\n\n4 5\n",
                "row 2 has 2 columns where 3 are expected; give every row the same columns",
            ),
            (
                "a.xyz",
                "1 NaN\n",
                "row 1, column y is NaN; remove the row or give it a finite value",
            ),
            (
                "a.xyz",
                "# nothing\n",
                "holds no rows; a cloud needs at least one point",
            ),
        ] {
            assert_eq!(
                message(name, text.as_bytes()),
                format!("{name}: {expected}")
            );
        }
    }
}

//! Tables as text: `.csv` (comma separated, a header or none, a column named `weight` set apart)
//! and `.xyz` (separated by white space, `#` opens a comment line, nothing but coordinates).

use crate::{
    Cloud, Columns, Error, Result,
    cloud::column_name,
    columns::{Names, Place, Roles, Texts},
    error::one_line,
};
use csv::{ByteRecord, ReaderBuilder};
use std::{
    io::{self, BufRead, Write},
    path::Path,
};

/// A table of numbers, row-major: the columns that are coordinates, and the one of weights. The width
/// is set by the header or else by the first row, the roles by both.
#[derive(Default)]
struct Table {
    names: Option<Vec<String>>,
    width: usize,
    roles: Roles,
    rows: usize,
    points: Vec<f64>,
    weights: Vec<f64>,
}

/// What a record of a csv is.
enum Part {
    Header,
    /// With its number, from 0.
    Row(usize),
}

/// Says what the columns are of a table of these names, this width and this first row.
type Choice<'c> = &'c dyn Fn(Option<&[String]>, usize, Texts) -> Result<Roles>;

impl Table {
    fn push<'a>(
        &mut self,
        file: &Path,
        found: usize,
        field: impl Fn(usize) -> &'a [u8],
        choose: Choice,
    ) -> Result<()> {
        let row = self.rows + 1;
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
        let text = |column: usize| match number(field(column)) {
            Some(_) => None,
            None => Some(String::from_utf8_lossy(field(column).trim_ascii()).into_owned()),
        };
        let names = self.names.as_deref();
        if self.rows == 0 {
            self.roles = choose(names, found, &text)?;
        }
        let value = |column| {
            number(field(column)).ok_or_else(|| {
                let place = Place { file, row, column };
                self.roles.no_number(place, names, found, &text)
            })
        };
        for &column in &self.roles.coordinates {
            self.points.push(value(column)?);
        }
        if let Some(column) = self.roles.weight {
            self.weights.push(value(column)?);
        }
        self.rows = row;
        Ok(())
    }

    /// Reads csv.
    fn from_csv(file: &Path, reader: impl BufRead, choose: Choice) -> Result<Self> {
        let mut table = Self::default();
        records(file, reader, |part, record| match part {
            Part::Header => {
                let names = names(record);
                table.width = names.len();
                table.names = Some(names);
                Ok(())
            }
            Part::Row(row) => {
                let pushed = table.push(file, record.len(), |column| &record[column], choose);
                pushed.map_err(|error| separated(error, file, row + 1, record))
            }
        })?;
        Ok(table)
    }

    /// Reads lines of fields that white space divides.
    fn from_xyz(file: &Path, reader: impl BufRead, choose: Choice) -> Result<Self> {
        let mut table = Self::default();
        lines(file, reader, |line| {
            let fields = fields(line);
            if is_row(&fields) {
                table.push(file, fields.len(), |column| fields[column], choose)?;
            }
            Ok(())
        })?;
        Ok(table)
    }

    /// The table as a cloud.
    fn into_cloud(self) -> (Cloud, Names) {
        let names = self.roles.names(self.names.as_deref());
        let cloud = Cloud {
            points: self.points,
            // An empty table has no width; its cloud is refused for having no rows.
            dimension: self.roles.coordinates.len().max(1),
            weights: self.roles.weight.map(|_| self.weights),
        };
        (cloud, names)
    }
}

/// Goes over the records of a csv, but for empty ones. The first is a header if no field of it is a
/// number.
fn records<E: From<Error>>(
    file: &Path,
    reader: impl BufRead,
    mut each: impl FnMut(Part, &ByteRecord) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(reader);
    let mut record = ByteRecord::new();
    let (mut rows, mut begun) = (0, false);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(broken(file, rows, error.into(), ".csv").into()),
        }
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        if !begun && record.iter().all(|field| number(field).is_none()) {
            each(Part::Header, &record)?;
        } else {
            each(Part::Row(rows), &record)?;
            rows += 1;
        }
        begun = true;
    }
}

/// The names in a header. Some programs open it like a comment.
fn names(header: &ByteRecord) -> Vec<String> {
    let name = |field| one_line(&String::from_utf8_lossy(field));
    let mut names: Vec<_> = header.iter().map(name).collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches(['#', '/', ' ']).to_owned();
    }
    names
}

/// The error of a row, or that of its separators, where a field of it is several numbers.
fn separated(error: Error, file: &Path, row: usize, record: &ByteRecord) -> Error {
    let several = |field: &&[u8]| {
        let parts = field.split(|byte| *byte == b';' || byte.is_ascii_whitespace());
        let mut parts = parts.filter(|part| !part.is_empty()).peekable();
        parts.next_if(|part| number(part).is_some()).is_some()
            && parts.peek().is_some()
            && parts.all(|part| number(part).is_some())
    };
    let not_a_number = matches!(error, Error::NotANumber { .. } | Error::TextColumn { .. });
    match record.iter().find(several).filter(|_| not_a_number) {
        Some(field) => Error::Separator {
            file: file.into(),
            row,
            text: String::from_utf8_lossy(field).chars().take(40).collect(),
        },
        None => error,
    }
}

/// Goes over the lines of a text, whatever ends them; the mark with which Windows editors open one is
/// left out.
fn lines<E: From<Error>>(
    file: &Path,
    mut reader: impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Vec::new();
    let mut read = 0;
    loop {
        lines.clear();
        match reader.read_until(b'\n', &mut lines) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(broken(file, read, error, ".xyz").into()),
        }
        let mark: &[u8] = if read == 0 { b"\xef\xbb\xbf" } else { b"" };
        let text = lines.strip_prefix(mark).unwrap_or(&lines);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        text.split(|&byte| byte == b'\r').try_for_each(&mut each)?;
        read += 1;
    }
}

/// What white space divides.
fn fields(line: &[u8]) -> Vec<&[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .collect()
}

/// Whether a line is one of numbers, and no comment.
fn is_row(fields: &[&[u8]]) -> bool {
    let comment = |first: &&[u8]| first.starts_with(b"#") || first.starts_with(b"//");
    fields.first().is_some_and(|first| !comment(first))
}

fn broken(file: &Path, read: usize, error: io::Error, format: &'static str) -> Error {
    Error::broken(file, &format!("row {}", read + 1), error, format)
}

fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

/// Reads a cloud from csv.
pub(crate) fn read_csv(
    file: &Path,
    reader: impl BufRead,
    columns: &Columns,
) -> Result<(Cloud, Names)> {
    let choose = |names: Option<&[String]>, width, text: Texts| {
        columns.among_fields(file, names, width, text)
    };
    Ok(Table::from_csv(file, reader, &choose)?.into_cloud())
}

/// Reads a csv of one column.
pub(crate) fn read_column(file: &Path, reader: impl BufRead) -> Result<Vec<f64>> {
    let table = Table::from_csv(file, reader, &|_, width, _| Ok(Roles::all(width)))?;
    match table.width {
        0 | 1 => Ok(table.points),
        width => Err(Error::Shape {
            file: file.into(),
            name: "of weights".into(),
            shape: vec![table.rows as u64, width as u64],
            wanted: "one column, one weight per point",
        }),
    }
}

/// Reads a cloud from lines of coordinates.
pub(crate) fn read_xyz(
    file: &Path,
    reader: impl BufRead,
    columns: &Columns,
) -> Result<(Cloud, Names)> {
    let choose = |names: Option<&[String]>, width, text: Texts| {
        columns.among_fields(file, names, width, text)
    };
    Ok(Table::from_xyz(file, reader, &choose)?.into_cloud())
}

/// Writes what `reader` holds, which is the csv called `file`, with the columns that are coordinates
/// at `points` (row-major); all other fields stay what they are.
pub(crate) fn write_moved_csv(
    file: &Path,
    reader: impl BufRead,
    columns: &Columns,
    points: &[f64],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer(out);
    let mut moved = Moved::new(file, columns, points);
    let mut fields: Vec<Vec<u8>> = Vec::new();
    records(file, reader, |part, record| {
        fields.clear();
        fields.extend(record.iter().map(<[u8]>::to_vec));
        match part {
            Part::Header => moved.choose(Some(&names(record)), record.len())?,
            Part::Row(_) => moved.replace(&mut fields)?,
        }
        out.write_byte_record(&fields.iter().collect())
            .map_err(io::Error::from)
    })?;
    moved.finish()?;
    out.flush()
}

/// The same for lines of coordinates; comments stay.
pub(crate) fn write_moved_xyz(
    file: &Path,
    reader: impl BufRead,
    columns: &Columns,
    points: &[f64],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut moved = Moved::new(file, columns, points);
    lines(file, reader, |line| {
        let parts = fields(line);
        if is_row(&parts) {
            let mut parts: Vec<_> = parts.into_iter().map(<[u8]>::to_vec).collect();
            moved.replace(&mut parts)?;
            out.write_all(&parts.join(&b' '))?;
        } else {
            out.write_all(line)?;
        }
        out.write_all(b"\n")
    })?;
    moved.finish()
}

/// Coordinates on their way into the rows of a table.
struct Moved<'m> {
    file: &'m Path,
    columns: &'m Columns,
    roles: Option<Roles>,
    /// Those that have no row yet.
    points: &'m [f64],
}

impl<'m> Moved<'m> {
    fn new(file: &'m Path, columns: &'m Columns, points: &'m [f64]) -> Self {
        Self {
            file,
            columns,
            roles: None,
            points,
        }
    }

    fn choose(&mut self, names: Option<&[String]>, width: usize) -> Result<()> {
        self.roles = Some(self.columns.among(self.file, names, width)?);
        Ok(())
    }

    /// Puts the next point into the fields of a row.
    fn replace(&mut self, fields: &mut [Vec<u8>]) -> Result<()> {
        if self.roles.is_none() {
            self.choose(None, fields.len())?;
        }
        for &column in self.roles.iter().flat_map(|roles| &roles.coordinates) {
            let (Some(field), Some((value, rest))) =
                (fields.get_mut(column), self.points.split_first())
            else {
                return Err(self.changed());
            };
            *field = format!("{value:?}").into_bytes();
            self.points = rest;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self.points {
            [] => Ok(()),
            _ => Err(self.changed().into()),
        }
    }

    fn changed(&self) -> Error {
        let reason = "has other rows than it had when it was read";
        Error::malformed(self.file, "table", reason, "a table")
    }
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
    use super::*;
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
        let text = "\u{feff}# a scan\n//X Y Z\n1 2\t3\r\n\n  4   5 6  \n#7 8 9\n";
        let cloud = parse("a.xyz", text.as_bytes()).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.dimension),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..], 3)
        );
    }

    #[test]
    fn what_is_moved_keeps_the_other_fields() {
        let columns = Columns {
            coordinates: vec!["3".into(), "2".into()],
            ..Columns::default()
        };
        let moved = |text: &str, points: &[f64]| {
            let mut out = Vec::new();
            let file = Path::new("a.csv");
            write_moved_csv(file, text.as_bytes(), &columns, points, &mut out)?;
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
            Path::new("a.xyz"),
            lines.as_bytes(),
            &columns,
            &[0.5, -2.0, 7.0, 8.0],
            &mut out,
        )
        .unwrap();
        assert_eq!(out, b"# a scan\n9 -2.0 0.5 255\n\n9 8.0 7.0 7\n");
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
                "lon,lat\n1,2\n1,two\n",
                "row 2, column lat is \"two\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "lon,lat\n1,two\n",
                "row 1, column lat is \"two\", not a number; select the columns that are coordinates",
            ),
            (
                "a.csv",
                "x;y;z\n0;0;0\n",
                "row 1 has \"0;0;0\" in one field; separate the fields by commas, and write decimals with a point",
            ),
            (
                "a.csv",
                "0,5;1,5\n",
                "row 1 has \"5;1\" in one field; separate the fields by commas, and write decimals with a point",
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

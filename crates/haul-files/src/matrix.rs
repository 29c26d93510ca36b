//! Square matrices as files: lines of numbers separated by spaces, commas or semicolons, or `.npy`.

use crate::{
    Array, Error, Result, atomic,
    format::{Format, Kind, has_extension},
    npy,
    source::Source,
    write::{write_npy, write_text},
};
use std::{io::BufRead, path::Path};

/// A matrix with more rows is not one of a map of points.
const MOST_ROWS: usize = 1 << 12;

/// Reads a square matrix, row-major, and returns its number of rows as well. In a text, blank lines and those that begin with
/// `#` are skipped; a file named `.npy` is an array; `-` is standard input.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::NotANumber`] and [`Error::NotFinite`] with the place, [`Error::Ragged`] for rows of
/// different lengths, [`Error::Empty`], and [`Error::Shape`] for a matrix that is not square.
pub fn read_matrix(path: &Path) -> Result<(Vec<f64>, usize)> {
    let plain = Kind {
        format: Format::Csv,
        packed: false,
    };
    let npy = has_extension(path, "npy");
    let source = match path == Path::new("-") {
        true => Source::StandardInput,
        false => Source::open(path)?,
    };
    let mut stream = source.stream(plain);
    let (values, rows, columns) = match npy {
        true => npy::read(path, "of the matrix", &mut stream)?.into_matrix(path)?,
        false => of_text(path, &mut stream.reader)?,
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite {
            file: path.into(),
            row: at / columns + 1,
            column: (at % columns + 1).to_string(),
            value: values[at].to_string(),
            rows: 1,
            of: rows,
        });
    }
    if rows != columns {
        return Err(Error::Shape {
            file: path.into(),
            name: "of the matrix".into(),
            shape: vec![rows as u64, columns as u64],
            wanted: "as many rows as columns: (d+1)×(d+1) for points of dimension d",
        });
    }
    Ok((values, rows))
}

fn of_text(file: &Path, reader: &mut dyn BufRead) -> Result<(Vec<f64>, usize, usize)> {
    let (mut values, mut rows, mut columns) = (Vec::new(), 0, 0);
    for line in reader.lines() {
        let place = || format!("line {}", rows + 1);
        let line =
            line.map_err(|reason| Error::broken(file, &place(), reason, "lines of numbers"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        rows += 1;
        let before = values.len();
        let divides = |letter: char| letter.is_whitespace() || ",;[]".contains(letter);
        for (column, text) in line
            .split(divides)
            .filter(|text| !text.is_empty())
            .enumerate()
        {
            let number = text.parse().map_err(|_| Error::NotANumber {
                file: file.into(),
                row: rows,
                column: (column + 1).to_string(),
                text: text.chars().take(40).collect(),
            })?;
            values.push(number);
        }
        let found = values.len() - before;
        if rows == 1 {
            columns = found;
        } else if found != columns {
            return Err(Error::Ragged {
                file: file.into(),
                row: rows,
                found,
                expected: columns,
            });
        }
        if rows > MOST_ROWS {
            return Err(Error::Shape {
                file: file.into(),
                name: "of the matrix".into(),
                shape: vec![rows as u64, columns as u64],
                wanted: "as many rows as columns: (d+1)×(d+1) for points of dimension d",
            });
        }
    }
    if values.is_empty() {
        return Err(Error::Empty { file: file.into() });
    }
    Ok((values, rows, columns))
}

/// Refuses a target of [`write_matrix`] before the work that fills it.
///
/// # Errors
/// [`Error::Directory`], [`Error::Unwritable`].
pub fn check_matrix(path: &Path) -> Result<()> {
    atomic::check(path)
}

/// Writes a matrix of `rows` rows, row-major, with digits that read back exactly: `.npy`, or otherwise lines of numbers
/// separated by spaces; `-` is standard output.
///
/// # Errors
/// [`Error::Shape`] if rows and length disagree, and [`Error::Unwritable`].
pub fn write_matrix(path: &Path, values: &[f64], rows: usize) -> Result<()> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    if has_extension(path, "npy") {
        let array = Array {
            name: "matrix",
            shape: vec![rows, columns],
            values,
        };
        return write_npy(path, &array);
    }
    let mut text = String::new();
    for row in values.chunks(columns.max(1)) {
        let numbers: Vec<_> = row.iter().map(|value| format!("{value:?}")).collect();
        text += &numbers.join(" ");
        text.push('\n');
    }
    write_text(path, &text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_matrix_comes_back_from_text_and_from_an_array() {
        let folder = tempfile::tempdir().unwrap();
        let values = [0.1, -1e300, 5e-324, 1.0, 1.0 / 3.0, 0.0, -0.0, 7.0, 2.5];
        for name in ["m.txt", "m.npy", "m"] {
            let path = folder.path().join(name);
            write_matrix(&path, &values, 3).unwrap();
            assert_eq!(read_matrix(&path).unwrap(), (values.to_vec(), 3), "{name}");
        }
        let text = fs::read_to_string(folder.path().join("m.txt")).unwrap();
        assert_eq!(
            text,
            "0.1 -1e300 5e-324\n1.0 0.3333333333333333 0.0\n-0.0 7.0 2.5\n"
        );
        // In the format of other programs.
        let path = folder.path().join("other.txt");
        for text in [
            "# by hand\n1, 2\r\n3, 4\r\n",
            "\u{feff}1;2\n\n3;4",
            "[[1 2]\n [3 4]]\n",
            "1\t2\n3\t4\n",
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(
                read_matrix(&path).unwrap(),
                (vec![1.0, 2.0, 3.0, 4.0], 2),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_square_of_numbers_is_told_in_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.txt");
        let long = "1 2\n".repeat(MOST_ROWS + 2);
        for (text, told) in [
            ("1 2\n3 x\n", "row 2, column 2 is \"x\", not a number"),
            ("1 2\n3 inf\n", "row 2, column 2 is inf"),
            ("1 2\n3\n", "row 2 has 1 columns where 2 are expected"),
            ("1 2\n", "has shape [1, 2]"),
            ("\n# nothing\n", "holds no rows"),
            (&*long, "has shape"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read_matrix(&path).unwrap_err().to_string();
            assert!(
                error.contains(told) && error.lines().count() == 1,
                "{error}"
            );
        }
        assert!(matches!(
            read_matrix(&folder.path().join("none")),
            Err(Error::Unreadable { .. })
        ));
        assert!(matches!(
            check_matrix(folder.path()),
            Err(Error::Directory { .. })
        ));
    }
}

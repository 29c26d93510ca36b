//! Clouds as tables.

use super::{dialect::Dialect, sequence::is_comment};
use crate::{
    Attributes, Columns,
    attributes::Extra,
    cloud::column_name,
    columns::{AXES_OF_XYZ, is_missing},
};
use csv::WriterBuilder;
use std::{
    io::{self, Write},
    path::Path,
};

/// Writes a header and one row per point, each number with digits that read back exactly.
pub(crate) fn write_csv(
    out: &mut dyn Write,
    (points, dimension): (&[f64], usize),
    weights: Option<&[f64]>,
    attributes: &Attributes,
    dialect: Dialect,
) -> io::Result<()> {
    let separator = dialect.separator;
    let extras = attributes.extras();
    let mut names = match attributes.names {
        Some(names) if are_header(names) => names.to_vec(),
        _ => (0..dimension)
            // A bare number would read back as a row.
            .map(|column| match column_name(column, dimension) {
                number if dimension > 3 => format!("x{number}"),
                axis => axis,
            })
            .collect(),
    };
    names.extend(weights.map(|_| "weight".into()));
    names.extend(extras.iter().map(|extra| extra.name.to_owned()));
    let mut header = WriterBuilder::new()
        .delimiter(separator)
        .from_writer(Vec::new());
    header.write_record(&names)?;
    out.write_all(&header.into_inner().map_err(|error| error.into_error())?)?;
    write_rows(out, (points, dimension), weights, &extras, separator.into())
}

/// Whether a row of these names reads back as the header of columns that are all coordinates.
fn are_header(names: &[String]) -> bool {
    let plain = |name: &String| {
        let text = name.as_bytes();
        !is_missing(text) && Dialect::COMMAS.number(text).is_none() && !is_comment(text)
    };
    let roles = Columns::default().among(Path::new(""), Some(names), names.len());
    names.iter().all(plain) && roles.is_ok_and(|roles| roles.coordinates.len() == names.len())
}

/// Writes one line of coordinates per point, with their names if there are more than x, y and z.
pub(crate) fn write_xyz(out: &mut dyn Write, points: &[f64], dimension: usize) -> io::Result<()> {
    if dimension > AXES_OF_XYZ {
        let names = (1..=dimension).map(|k| format!(" x{k}"));
        writeln!(out, "#{}", names.collect::<String>())?;
    }
    write_rows(out, (points, dimension), None, &[], ' ')
}

fn write_rows(
    out: &mut dyn Write,
    (points, dimension): (&[f64], usize),
    weights: Option<&[f64]>,
    extras: &[Extra],
    separator: char,
) -> io::Result<()> {
    let mut weights = weights.into_iter().flatten();
    for (at, row) in points.chunks_exact(dimension).enumerate() {
        for (column, value) in row.iter().chain(weights.next()).enumerate() {
            if column > 0 {
                write!(out, "{separator}")?;
            }
            write!(out, "{value:?}")?;
        }
        for extra in extras {
            write!(out, "{separator}{}", extra.text(at))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

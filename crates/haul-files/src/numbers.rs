//! Arrays of numbers that are neither points nor masses: potentials, vectors of words, rows of a matrix.

use crate::{
    Error, Result,
    format::{Format, Kind},
    npy, npz,
    part::Part,
    source::Source,
};
use std::path::Path;

/// An array of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Sizes of the axes, slowest first.
    pub shape: Vec<usize>,
    /// The values in C order.
    pub values: Vec<f64>,
}

/// Reads an array of finite numbers: `file.npy`, an entry `file.npy:7` of it, or an array `file.npz:name` of an archive.
///
/// # Errors
/// [`Error::Extension`] for other formats, [`Error::NoArray`] and [`Error::Index`] for a part that the file does not have,
/// [`Error::NotFinite`], and those of a file that cannot be read.
pub fn read_numbers(path: &Path) -> Result<Numbers> {
    let part = Part::of(path);
    let file = part.file;
    let kind = Kind::among(file, |it| matches!(it, Format::Npy | Format::Npz))?;
    let source = Source::open(file)?;
    let stored = match kind.format {
        Format::Npz => npz::Archive::open(file, source)?.part(&part)?,
        _ => {
            let mut stream = source.stream(kind);
            npy::read(file, "of numbers", &mut stream)?.entry(file, &part.indices)?
        }
    };
    let (shape, values) = stored.into_parts();
    check(file, &shape, &values)?;
    Ok(Numbers { shape, values })
}

/// Refuses values that are not finite.
fn check(file: &Path, shape: &[usize], values: &[f64]) -> Result<()> {
    let wrong = |value: &f64| !value.is_finite();
    let Some(at) = values.iter().position(wrong) else {
        return Ok(());
    };
    let columns = shape.last().copied().unwrap_or(1).max(1);
    Err(Error::NotFinite {
        file: file.into(),
        row: at / columns + 1,
        column: (at % columns + 1).to_string(),
        value: values[at].to_string(),
        rows: values
            .chunks(columns)
            .filter(|row| row.iter().any(wrong))
            .count(),
        of: values.len() / columns,
    })
}

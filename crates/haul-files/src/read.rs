//! From files to clouds and weights.

use crate::{
    Cloud, Columns, Error, Result,
    cloud::check_weights,
    columns::Names,
    csv,
    format::{Format, Kind},
    npy, npz, ply,
    source::Source,
};
use std::path::{Path, PathBuf};

/// Reads a cloud in the format its extension names; `-` is csv on standard input.
///
/// # Errors
/// Any [`Error`] of reading: the file is unreadable, malformed, cut short or empty, or a
/// value in it is not finite or a weight negative.
pub fn read_cloud(path: &Path) -> Result<Cloud> {
    read_columns(path, &Columns::default())
}

/// Reads these columns of a table as [`read_cloud`] reads all of them.
///
/// # Errors
/// As [`read_cloud`], [`Error::NoColumn`] for a column that is not there, and [`Error::NoTable`] where
/// some are selected of a file that is no table.
pub fn read_columns(path: &Path, columns: &Columns) -> Result<Cloud> {
    let (file, kind, source) = opened(path, Kind::of_cloud)?;
    cloud_from(&file, kind, source, columns)
}

/// The cloud of a file of this name that holds these bytes.
///
/// # Errors
/// As [`read_cloud`].
pub fn parse_cloud(name: &Path, bytes: &[u8]) -> Result<Cloud> {
    parse_columns(name, bytes, &Columns::default())
}

/// The cloud of these columns of a table of this name that holds these bytes.
///
/// # Errors
/// As [`read_columns`].
pub fn parse_columns(name: &Path, bytes: &[u8], columns: &Columns) -> Result<Cloud> {
    cloud_from(name, Kind::of_cloud(name)?, Source::Memory(bytes), columns)
}

/// Reads one weight (a mass ≥ 0) per point from `.npy` (`n` or `n × 1`) or from one column of
/// `.csv`; `-` is csv on standard input.
///
/// # Errors
/// As [`read_cloud`], and [`Error::Shape`] where there is more than one column.
pub fn read_weights(path: &Path) -> Result<Vec<f64>> {
    let tables = |format| matches!(format, Format::Npy | Format::Csv);
    let (file, kind, source) = opened(path, |path| Kind::among(path, tables))?;
    let mut stream = source.stream(kind);
    let weights = match kind.format {
        Format::Npy => npy::read(&file, "of weights", &mut stream)?.into_vector(&file)?,
        _ => csv::read_column(&file, &mut stream.reader)?,
    };
    check_weights(&file, &weights, None)?;
    Ok(weights)
}

/// The input, and the name that errors give it.
fn opened(
    path: &Path,
    kind: impl Fn(&Path) -> Result<Kind>,
) -> Result<(PathBuf, Kind, Source<'static>)> {
    if path == Path::new("-") {
        return Ok(("standard input".into(), Kind::CSV, Source::StandardInput));
    }
    Ok((path.into(), kind(path)?, Source::open(path)?))
}

fn cloud_from(file: &Path, kind: Kind, source: Source, columns: &Columns) -> Result<Cloud> {
    if !columns.is_default() && !kind.format.is_table() {
        return Err(Error::NoTable { file: file.into() });
    }
    let text = matches!(kind.format, Format::Csv | Format::Xyz);
    if source.length() == Some(0) && !text {
        return Err(Error::NoBytes { file: file.into() });
    }
    let (cloud, names) = match kind.format {
        Format::Npz => (npz::read(file, source)?, Names::default()),
        #[cfg(feature = "las")]
        Format::Las => {
            let read = || Ok((crate::las::read(file, source)?, Names::default()));
            guarded(file, ".las or .laz", read)?
        }
        #[cfg(feature = "parquet")]
        Format::Parquet => {
            let read = || crate::parquet::read(file, source, columns);
            guarded(file, ".parquet", read)?
        }
        Format::Npy | Format::Ply | Format::Csv | Format::Xyz => {
            let mut stream = source.stream(kind);
            let read = match kind.format {
                Format::Npy => {
                    let points = npy::read(file, "of points", &mut stream)?;
                    columns.of_array(file, points.into_cloud(file)?)?
                }
                Format::Ply => (ply::read(file, &mut stream)?, Names::default()),
                Format::Xyz => csv::read_xyz(file, &mut stream.reader, columns)?,
                _ => csv::read_csv(file, &mut stream.reader, columns)?,
            };
            if kind.packed {
                let end = |error| Error::broken(file, "end of the file", error, "gzip");
                stream.finish().map_err(end)?;
            }
            read
        }
    };
    cloud.checked(file, names)
}

/// Lets a library read that panics on some files that are malformed; of that panic nobody hears.
#[cfg(any(feature = "las", feature = "parquet"))]
fn guarded<T>(file: &Path, format: &'static str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
    use std::{cell::Cell, sync::Once};
    thread_local! {
        static GUARDED: Cell<bool> = const { Cell::new(false) };
    }
    static SILENCE: Once = Once::new();
    // Whoever sets another hook later hears the panics again, and gets the same errors.
    SILENCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                told(panic);
            }
        }));
    });
    GUARDED.set(true);
    // Nothing of what it leaves behind is looked at again.
    let read = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    read.unwrap_or_else(|_| {
        let reason = "does not follow the format";
        Err(Error::malformed(file, "somewhere inside", reason, format))
    })
}

#[cfg(test)]
#[cfg(any(feature = "las", feature = "parquet"))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_panic_that_becomes_an_error_is_not_heard() {
        const OWN: &str = "read::tests::a_panic_that_becomes_an_error_is_not_heard";
        if std::env::var_os("HAUL_TEST_PANICS").is_some() {
            let read = guarded(Path::new("a.las"), ".las", || -> Result<()> {
                panic!("of a library")
            });
            assert!(read.is_err());
            let other = std::thread::spawn(|| panic!("of somebody else"));
            assert!(other.join().is_err());
            return;
        }
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", OWN, "--nocapture"]);
        let ran = alone.env("HAUL_TEST_PANICS", "1").output().unwrap();
        let heard = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{heard}");
        assert!(heard.contains("of somebody else"), "{heard}");
        assert!(!heard.contains("of a library"), "{heard}");
    }
}

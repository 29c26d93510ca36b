//! Clouds, weights and arrays as files: `.npy`, `.npz`, `.ply`, `.csv` and `.xyz`.
//!
//! The extension picks the format. A reader never trusts a header: a claimed size is checked
//! against the bytes that are there before anything is reserved, and every value is checked, so
//! that what comes out is finite and every complaint names the file, the row and the column. A
//! writer fills a temporary file beside the target and renames it at the end, so that a target is
//! either complete or untouched.

mod atomic;
mod csv;
mod npy;
mod npz;
mod ply;

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A cloud as a file holds it: every coordinate and weight is finite, every weight is at least
/// zero.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CloudFile {
    /// Coordinates, row-major `n × dimension`, in the file's own units; `n ≥ 1`.
    pub(crate) points: Vec<f64>,
    /// Coordinates per point, at least 1.
    pub(crate) dimension: usize,
    /// The mass of each point (`n`), if the file gives it.
    pub(crate) weights: Option<Vec<f64>>,
}

/// A named array of numbers on its way to a file.
#[derive(Clone, Debug)]
pub(crate) struct Array<'a> {
    /// The key under which `.npz` files it; `.npy` has no place for a name.
    pub(crate) name: &'a str,
    /// Sizes of the axes, slowest first; their product is the length of `values`.
    pub(crate) shape: Vec<usize>,
    /// The values in C order.
    pub(crate) values: &'a [f64],
}

/// Why a file could not be read or written: what, where in the file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FormatError {
    /// The system refused to hand over the file: correct the path or its permissions.
    #[error("{}: cannot be read: {reason}; check that the file exists and that you may read it", .file.display())]
    Unreadable {
        /// The file as the user named it.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The system refused to take the file: make its folder, or make room.
    #[error(
        "{}: cannot be written: {reason}; check that its folder exists, lets you write and has room",
        .file.display()
    )]
    Unwritable {
        /// The file as the user named it.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A folder stands where a file is needed: name a file inside it.
    #[error("{}: is a directory; name a file inside it", .file.display())]
    Directory {
        /// The folder as the user named it.
        file: PathBuf,
    },
    /// The extension names no format that fits: rename or convert the file.
    #[error("{}: the extension names no format that fits here; choose from {known}", .file.display())]
    Extension {
        /// The file as the user named it.
        file: PathBuf,
        /// The extensions that would do.
        known: &'static str,
    },
    /// The file is well formed and holds nothing: give it at least one row.
    #[error("{}: holds no rows; a cloud needs at least one point", .file.display())]
    Empty {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A coordinate or weight is NaN or infinite: remove the row or give it a finite value.
    #[error("{}: row {row}, column {column} is {value}; remove the row or give it a finite value", .file.display())]
    NotFinite {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The column's name, or its number counted from 1.
        column: String,
        /// What stands there.
        value: f64,
    },
    /// A weight is below zero: weights are masses.
    #[error(
        "{}: row {row}, column weight is {value}; a weight is a mass: give it zero or a positive value",
        .file.display()
    )]
    NegativeWeight {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// What stands there.
        value: f64,
    },
    /// A text field is no number: correct it.
    #[error(
        "{}: row {row}, column {column} is {text:?}, not a number; write a decimal number such as 0.25",
        .file.display()
    )]
    NotANumber {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The column's name, or its number counted from 1.
        column: String,
        /// The field, shortened.
        text: String,
    },
    /// A row is longer or shorter than the first one: give every row the same columns.
    #[error(
        "{}: row {row} has {found} columns where {expected} are expected; give every row the same columns",
        .file.display()
    )]
    Ragged {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// Its columns.
        found: usize,
        /// Columns of the header, or else of the first row.
        expected: usize,
    },
    /// The header promises more than the file holds: fetch or export the file again.
    #[error(
        "{}: the header promises {promised} {what} but only {found} are there; the file is cut short or its header \
         wrong: copy or export it again",
        .file.display()
    )]
    Truncated {
        /// The file as the user named it.
        file: PathBuf,
        /// What is being counted.
        what: &'static str,
        /// How many the header promises.
        promised: u64,
        /// How many whole ones were found.
        found: u64,
    },
    /// The bytes do not follow the format: export the file again.
    #[error("{}: {place}: {reason}; export the file again as {format}", .file.display())]
    Malformed {
        /// The file as the user named it.
        file: PathBuf,
        /// Where: a byte offset, a row, or a named part.
        place: String,
        /// What is wrong there.
        reason: String,
        /// The format that was expected.
        format: &'static str,
    },
    /// An array has the wrong shape: reshape it.
    #[error("{}: array {name} has shape {shape:?}; reshape it to {wanted}", .file.display())]
    Shape {
        /// The file as the user named it.
        file: PathBuf,
        /// The array's name.
        name: String,
        /// Its shape.
        shape: Vec<u64>,
        /// The shape that would do.
        wanted: &'static str,
    },
    /// An array holds something other than real numbers: convert it.
    #[error("{}: array {name} holds values of type {found}; store it as float32, float64 or integers", .file.display())]
    ElementType {
        /// The file as the user named it.
        file: PathBuf,
        /// The array's name.
        name: String,
        /// NumPy's description of the type.
        found: String,
    },
    /// A part that must be there is missing: add it, or rename the one meant.
    #[error("{}: has no {wanted} among {found:?}; add it or rename the one that is meant", .file.display())]
    Missing {
        /// The file as the user named it.
        file: PathBuf,
        /// What is needed.
        wanted: &'static str,
        /// The names that are there.
        found: Vec<String>,
    },
    /// There are more or fewer weights than points: give one to each.
    #[error("{}: holds {weights} weights for {points} points; give one weight to each point", .file.display())]
    WeightCount {
        /// The file as the user named it.
        file: PathBuf,
        /// Points.
        points: usize,
        /// Weights.
        weights: usize,
    },
    /// What is to be written has no place in this format: choose another extension.
    #[error("{}: cannot hold {what}; write {instead} instead", .file.display())]
    Unstorable {
        /// The file as the user named it.
        file: PathBuf,
        /// What does not fit.
        what: String,
        /// What would fit.
        instead: &'static str,
    },
}

impl FormatError {
    /// [`FormatError::Malformed`], with what the file or a library says brought to one line.
    fn malformed(file: &Path, place: &str, reason: impl ToString, format: &'static str) -> Self {
        Self::Malformed {
            file: file.into(),
            place: one_line(place),
            reason: one_line(&reason.to_string()),
            format,
        }
    }
}

/// A text from elsewhere, fit to stand in a message: a few words on one line.
fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect()
}

type Result<T> = std::result::Result<T, FormatError>;

/// The formats, by extension.
#[derive(Clone, Copy)]
enum Format {
    Npy,
    Npz,
    Ply,
    Csv,
    Xyz,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        [
            ("npy", Self::Npy),
            ("npz", Self::Npz),
            ("ply", Self::Ply),
            ("csv", Self::Csv),
            ("xyz", Self::Xyz),
        ]
        .into_iter()
        .find_map(|(name, format)| name.eq_ignore_ascii_case(extension).then_some(format))
    }

    fn of_cloud(path: &Path) -> Result<Self> {
        Self::of(path).ok_or_else(|| FormatError::Extension {
            file: path.into(),
            known: ".npy, .npz, .ply, .csv, .xyz",
        })
    }
}

/// Reads a cloud in the format its extension names; `-` is csv on standard input.
///
/// # Errors
/// Any [`FormatError`] of reading: the file is unreadable, malformed, cut short or empty, or a
/// value in it is not finite or a weight negative.
pub(crate) fn read_cloud(path: &Path) -> Result<CloudFile> {
    let format = if is_standard_input(path) {
        Format::Csv
    } else {
        Format::of_cloud(path)?
    };
    let (file, bytes) = contents(path)?;
    cloud_from(&file, format, bytes)
}

/// Reads one weight (a mass ≥ 0) per point from `.npy` (`n` or `n × 1`) or from one column of
/// `.csv`; `-` is csv on standard input.
///
/// # Errors
/// As [`read_cloud`], and [`FormatError::Shape`] where there is more than one column.
pub(crate) fn read_weights(path: &Path) -> Result<Vec<f64>> {
    let format = Format::of(path);
    if !is_standard_input(path) && !matches!(format, Some(Format::Npy | Format::Csv)) {
        return Err(FormatError::Extension {
            file: path.into(),
            known: ".npy, .csv",
        });
    }
    let (file, bytes) = contents(path)?;
    let weights = match format {
        Some(Format::Npy) => npy::read(&file, "of weights", &bytes)?.into_vector(&file)?,
        _ => csv::read_column(&file, &bytes)?,
    };
    check_weights(&file, &weights)?;
    Ok(weights)
}

/// Writes a cloud (row-major `n × dimension`) and the masses of its points as float64, in the
/// format the extension names. A target that exists is replaced only once the new one is complete.
///
/// # Errors
/// [`FormatError::Extension`] for an unknown format, [`FormatError::Unstorable`] where the format
/// has no place for the weights (`.npy`, `.xyz`) or the dimension (`.ply` beyond 3),
/// [`FormatError::Shape`] and [`FormatError::WeightCount`] where the lengths disagree,
/// [`FormatError::Unwritable`] where the system refuses.
pub(crate) fn write_cloud(
    path: &Path,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
) -> Result<()> {
    let format = Format::of_cloud(path)?;
    let rows = points.len().checked_div(dimension).unwrap_or(0);
    let array = Array {
        name: "points",
        shape: vec![rows, dimension],
        values: points,
    };
    check_array(path, &array)?;
    if let Some(weights) = weights.filter(|weights| weights.len() != rows) {
        return Err(FormatError::WeightCount {
            file: path.into(),
            points: rows,
            weights: weights.len(),
        });
    }
    let unstorable = |what: String, instead| FormatError::Unstorable {
        file: path.into(),
        what,
        instead,
    };
    if weights.is_some() && matches!(format, Format::Npy | Format::Xyz) {
        return Err(unstorable("weights".into(), ".npz, .ply or .csv"));
    }
    match format {
        Format::Npy => write_npy(path, &array),
        Format::Npz => {
            let weights = weights.map(|values| Array {
                name: "weights",
                shape: vec![rows],
                values,
            });
            let arrays: Vec<_> = [Some(array), weights].into_iter().flatten().collect();
            write_npz(path, &arrays)
        }
        Format::Ply if dimension > 3 => Err(unstorable(
            format!("points of dimension {dimension}"),
            ".npy, .npz or .csv",
        )),
        Format::Ply => atomic::write(path, |out| ply::write(out, points, dimension, weights)),
        Format::Csv => atomic::write(path, |out| csv::write_csv(out, points, dimension, weights)),
        Format::Xyz => atomic::write(path, |out| csv::write_xyz(out, points, dimension)),
    }
}

/// Writes one array as `.npy`, float64 in C order.
///
/// # Errors
/// [`FormatError::Shape`] where shape and length disagree, [`FormatError::Unwritable`] where the
/// system refuses.
pub(crate) fn write_npy(path: &Path, array: &Array) -> Result<()> {
    check_array(path, array)?;
    atomic::write(path, |out| npy::write(out, array))
}

/// Writes arrays under their names as `.npz`, float64 in C order.
///
/// # Errors
/// As [`write_npy`].
pub(crate) fn write_npz(path: &Path, arrays: &[Array]) -> Result<()> {
    arrays
        .iter()
        .try_for_each(|array| check_array(path, array))?;
    atomic::write(path, |out| npz::write(out, arrays))
}

/// Refuses a target of [`write_npz`] or [`write_text`] before the work that fills it: one whose
/// extension is another than that of its only format, or that the system would refuse.
///
/// # Errors
/// [`FormatError::Extension`], [`FormatError::Directory`], [`FormatError::Unwritable`].
pub(crate) fn check_target(path: &Path, extension: &'static str) -> Result<()> {
    let named = path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case(extension.trim_start_matches('.')));
    if !named && !atomic::is_special(path) {
        return Err(FormatError::Extension {
            file: path.into(),
            known: extension,
        });
    }
    atomic::check(path)
}

/// Writes a text (a picture, a table) as it stands.
///
/// # Errors
/// [`FormatError::Unwritable`] where the system refuses.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    atomic::write(path, |out| out.write_all(text.as_bytes()))
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The whole input and the name that errors give it.
fn contents(path: &Path) -> Result<(PathBuf, Vec<u8>)> {
    let (file, read) = if is_standard_input(path) {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        ("standard input".into(), read.map(|_| bytes))
    } else {
        (path.to_path_buf(), fs::read(path))
    };
    match read {
        Ok(bytes) => Ok((file, bytes)),
        Err(_) if path.is_dir() => Err(FormatError::Directory { file }),
        Err(reason) => Err(FormatError::Unreadable { file, reason }),
    }
}

fn cloud_from(file: &Path, format: Format, bytes: Vec<u8>) -> Result<CloudFile> {
    let (cloud, columns) = match format {
        Format::Npy => (
            npy::read(file, "of points", &bytes)?.into_cloud(file)?,
            None,
        ),
        Format::Npz => (npz::read(file, &bytes)?, None),
        Format::Ply => (ply::read(file, bytes)?, None),
        Format::Csv => csv::read_csv(file, &bytes)?,
        Format::Xyz => csv::read_xyz(file, &bytes)?,
    };
    if cloud.points.is_empty() {
        return Err(FormatError::Empty { file: file.into() });
    }
    if let Some(at) = cloud.points.iter().position(|value| !value.is_finite()) {
        let (row, column) = (at / cloud.dimension, at % cloud.dimension);
        return Err(FormatError::NotFinite {
            file: file.into(),
            row: row + 1,
            column: columns
                .and_then(|names| names.get(column).cloned())
                .unwrap_or_else(|| column_name(column, cloud.dimension)),
            value: cloud.points.get(at).copied().unwrap_or(f64::NAN),
        });
    }
    if let Some(weights) = &cloud.weights {
        let points = cloud.points.len() / cloud.dimension;
        if weights.len() != points {
            return Err(FormatError::WeightCount {
                file: file.into(),
                points,
                weights: weights.len(),
            });
        }
        check_weights(file, weights)?;
    }
    Ok(cloud)
}

fn check_weights(file: &Path, weights: &[f64]) -> Result<()> {
    let file = || file.into();
    if weights.is_empty() {
        return Err(FormatError::Empty { file: file() });
    }
    for (row, &value) in (1..).zip(weights) {
        if !value.is_finite() {
            let column = "weight".into();
            return Err(FormatError::NotFinite {
                file: file(),
                row,
                column,
                value,
            });
        }
        if value < 0.0 {
            return Err(FormatError::NegativeWeight {
                file: file(),
                row,
                value,
            });
        }
    }
    Ok(())
}

fn check_array(path: &Path, array: &Array) -> Result<()> {
    let length = array
        .shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    if length == Some(array.values.len()) {
        return Ok(());
    }
    Err(FormatError::Shape {
        file: path.into(),
        name: array.name.into(),
        shape: array.shape.iter().map(|&size| size as u64).collect(),
        wanted: "sizes whose product is the number of its values",
    })
}

/// What a person calls a coordinate: x, y, z as far as these go, and otherwise its number counted
/// from 1.
fn column_name(column: usize, dimension: usize) -> String {
    match ["x", "y", "z"].get(column) {
        Some(axis) if dimension <= 3 => (*axis).into(),
        _ => (column + 1).to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What a file of this name with these bytes is read as.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<CloudFile> {
        let path = Path::new(name);
        cloud_from(path, Format::of_cloud(path)?, bytes.to_vec())
    }

    pub(super) fn message(name: &str, bytes: &[u8]) -> String {
        parse(name, bytes).unwrap_err().to_string()
    }

    /// No prefix of a file and no file with one byte changed may panic or take more than a line to
    /// complain.
    pub(super) fn mutilate(name: &str, bytes: &[u8]) {
        let survives = |bytes: &[u8]| {
            if let Err(error) = parse(name, bytes) {
                let text = error.to_string();
                assert_eq!(text.lines().count(), 1, "{text}");
            }
        };
        for length in 0..bytes.len() {
            survives(&bytes[..length]);
        }
        for at in 0..bytes.len() {
            for value in [0, 1, b'0', b'9', b'-', b'(', b'\n', 0x7f, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                survives(&changed);
            }
        }
    }

    fn written(name: &str, points: &[f64], dimension: usize, weights: Option<&[f64]>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write_cloud(&path, points, dimension, weights).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else stays behind"
        );
        fs::read(path).unwrap()
    }

    const POINTS: [f64; 6] = [0.1, -2.5e-300, f64::MAX, 4.0, f64::MIN_POSITIVE, -0.0];

    #[test]
    fn what_is_written_reads_back_bit_for_bit() {
        for name in ["a.npy", "a.npz", "a.ply", "a.csv", "a.xyz", "A.CSV"] {
            for dimension in [1, 2, 3] {
                let cloud = parse(name, &written(name, &POINTS, dimension, None)).unwrap();
                assert_eq!(
                    (cloud.dimension, cloud.weights),
                    (dimension, None),
                    "{name}"
                );
                let bits = |points: &[f64]| {
                    points
                        .iter()
                        .map(|value| value.to_bits())
                        .collect::<Vec<_>>()
                };
                assert_eq!(bits(&cloud.points), bits(&POINTS), "{name}");
            }
        }
    }

    #[test]
    fn weights_read_back() {
        for name in ["a.npz", "a.ply", "a.csv"] {
            let cloud = parse(name, &written(name, &POINTS, 2, Some(&[0.5, 0.0, 1e-9]))).unwrap();
            assert_eq!(
                cloud.weights.as_deref(),
                Some(&[0.5, 0.0, 1e-9][..]),
                "{name}"
            );
            assert_eq!(cloud.points, POINTS, "{name}");
        }
    }

    #[test]
    fn six_dimensions_read_back_where_they_fit() {
        for name in ["a.npy", "a.npz", "a.csv", "a.xyz"] {
            let cloud = parse(name, &written(name, &POINTS, 6, None)).unwrap();
            assert_eq!(
                (cloud.dimension, &*cloud.points),
                (6, &POINTS[..]),
                "{name}"
            );
        }
    }

    #[test]
    fn what_has_no_place_in_a_format_is_refused() {
        let refused = |name: &str, dimension, weights| {
            write_cloud(Path::new(name), &POINTS, dimension, weights)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused("no/a.ply", 6, None),
            "no/a.ply: cannot hold points of dimension 6; write .npy, .npz or .csv instead"
        );
        assert_eq!(
            refused("no/a.xyz", 2, Some(&[1.0; 3])),
            "no/a.xyz: cannot hold weights; write .npz, .ply or .csv instead"
        );
        assert_eq!(
            refused("no/a.csv", 2, Some(&[1.0; 2])),
            "no/a.csv: holds 2 weights for 3 points; give one weight to each point"
        );
        for dimension in [0, 4] {
            let text = refused("no/a.csv", dimension, None);
            assert!(text.contains("array points has shape"), "{text}");
        }
        assert!(refused("no/a.csv", 2, None).contains("check that its folder exists"));
    }

    #[test]
    fn a_failed_write_leaves_the_target_and_its_folder_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.txt");
        write_text(&path, "before").unwrap();
        let failed = atomic::write(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no space"))
        });
        assert!(matches!(failed, Err(FormatError::Unwritable { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_text(&path, "after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
    }

    #[cfg(unix)]
    #[test]
    fn a_result_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name| {
            fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode()
        };
        write_text(&folder.path().join("ours"), "").unwrap();
        fs::write(folder.path().join("plain"), "").unwrap();
        assert_eq!(mode("ours"), mode("plain"));
    }

    #[test]
    fn unreadable_files_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            read_cloud(&folder.path().join(name))
                .unwrap_err()
                .to_string()
        };
        fs::create_dir(folder.path().join("folder.csv")).unwrap();
        assert!(at("folder.csv").ends_with("folder.csv: is a directory; name a file inside it"));
        assert!(at("none.csv").contains("none.csv: cannot be read: No such file"));
        let known = "the extension names no format that fits here; choose from .npy, .npz, .ply, .csv, .xyz";
        for name in ["a", "a.txt", "csv", ""] {
            assert!(at(name).ends_with(known), "{name}");
        }
        let weights = read_weights(Path::new("w.ply")).unwrap_err().to_string();
        assert_eq!(
            weights,
            "w.ply: the extension names no format that fits here; choose from .npy, .csv"
        );
        let target = write_text(&folder.path().join("folder.csv"), "").unwrap_err();
        assert!(matches!(target, FormatError::Directory { .. }));
    }

    #[test]
    fn weights_come_from_npy_or_from_one_column_of_csv() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| read_weights(&folder.path().join(name));
        let array = |shape: &[usize], values| Array {
            name: "w",
            shape: shape.into(),
            values,
        };
        for (name, shape) in [("v.npy", &[2][..]), ("c.npy", &[2, 1])] {
            write_npy(&folder.path().join(name), &array(shape, &[0.5, 2.0])).unwrap();
            assert_eq!(read(name).unwrap(), [0.5, 2.0]);
        }
        write_npy(&folder.path().join("row.npy"), &array(&[1, 2], &[0.5, 2.0])).unwrap();
        let text = read("row.npy").unwrap_err().to_string();
        assert!(
            text.ends_with("shape [1, 2]; reshape it to (n,) or (n, 1), one weight per point"),
            "{text}"
        );
        for text in ["0.5\n2\n", "mass\n0.5\r\n2.0"] {
            write_text(&folder.path().join("w.csv"), text).unwrap();
            assert_eq!(read("w.csv").unwrap(), [0.5, 2.0]);
        }
        for (text, end) in [
            (
                "1,2\n",
                "shape [1, 2]; reshape it to one column, one weight per point",
            ),
            (
                "1\n-1\n",
                "row 2, column weight is -1; a weight is a mass: give it zero or a positive value",
            ),
            (
                "inf\n",
                "row 1, column weight is inf; remove the row or give it a finite value",
            ),
            ("", "holds no rows; a cloud needs at least one point"),
        ] {
            write_text(&folder.path().join("w.csv"), text).unwrap();
            let text = read("w.csv").unwrap_err().to_string();
            assert!(text.ends_with(end), "{text}");
        }
    }

    #[test]
    fn garbage_is_an_error_of_one_line_and_never_a_panic() {
        let mut state = 1_u64;
        for length in (0..300).chain([5000]) {
            let garbage: Vec<u8> = std::iter::repeat_with(|| {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                (state >> 56) as u8
            })
            .take(length)
            .collect();
            for name in ["a.npy", "a.npz", "a.ply", "a.csv", "a.xyz"] {
                let text = message(name, &garbage);
                assert!(
                    text.starts_with(name) && text.lines().count() == 1,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        for name in ["a.npy", "a.npz", "a.ply", "a.csv"] {
            let weights = (name != "a.npy").then_some(&[0.5, 1.0, 2.0][..]);
            mutilate(name, &written(name, &POINTS, 2, weights));
        }
        mutilate("a.xyz", &written("a.xyz", &POINTS, 3, None));
    }
}

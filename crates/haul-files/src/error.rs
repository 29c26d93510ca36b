//! Why a file could not be read or written.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a file could not be read or written: what, where in the file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
        known: String,
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
    /// The values are more than the machine has room for: thin the cloud before.
    #[error("{}: its {values} values do not fit into memory; write a part of its rows to a file of their own", .file.display())]
    Memory {
        /// The file as the user named it.
        file: PathBuf,
        /// How many there are.
        values: usize,
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

/// The result of reading or writing a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What ended the reading of a file: the system, or bytes that are not what they should be.
    pub(crate) fn broken(
        file: &Path,
        place: &str,
        reason: io::Error,
        format: &'static str,
    ) -> Self {
        if reason.raw_os_error().is_some() {
            let file = file.into();
            return Self::Unreadable { file, reason };
        }
        Self::malformed(file, place, reason, format)
    }

    /// [`Error::Malformed`], with what the file or a library says brought to one line.
    pub(crate) fn malformed(
        file: &Path,
        place: &str,
        reason: impl ToString,
        format: &'static str,
    ) -> Self {
        Self::Malformed {
            file: file.into(),
            place: one_line(place),
            reason: one_line(&reason.to_string()),
            format,
        }
    }
}

impl From<Error> for io::Error {
    /// The error inside one of writing, where what is written comes from another file.
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// A text from elsewhere, fit to stand in a message: a few words on one line.
pub(crate) fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    visible
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect()
}

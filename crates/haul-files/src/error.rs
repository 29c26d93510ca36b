//! Why a file could not be read or written.

use crate::Columns;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a file could not be read or written: the fault, its place in the file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system could not open or read the file: correct the path or its permissions.
    #[error("{}: cannot be read: {reason}; check that the file exists and that you may read it", .file.display())]
    Unreadable {
        /// The file as the user named it.
        file: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The system could not write the file: create its folder, or free some space.
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
        /// The extensions that are possible here.
        known: String,
    },
    /// haul knows the format but cannot read it: convert the file.
    #[error("{}: {extension} is not read; {remedy}", .file.display())]
    Foreign {
        /// The file as the user named it.
        file: PathBuf,
        /// Its extension, with the point.
        extension: &'static str,
        /// How to bring it into a format that is read.
        remedy: &'static str,
    },
    /// The file is empty: fetch or export it again.
    #[error("{}: the file is empty; copy or export it again", .file.display())]
    NoBytes {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// The file is well formed but has no rows: give it at least one.
    #[error("{}: holds no rows; a cloud needs at least one point", .file.display())]
    Empty {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A coordinate or weight is missing, NaN or infinite: remove the rows or give them finite values.
    #[error("{}: row {row}, column {column} is {value}; {}", .file.display(), removal(*.rows, *.of))]
    NotFinite {
        /// The file as the user named it.
        file: PathBuf,
        /// The first such data row, counted from 1.
        row: usize,
        /// The column's name, or its number counted from 1.
        column: String,
        /// What stands there; a text in quotes.
        value: String,
        /// How many rows have such a value.
        rows: usize,
        /// How many rows there are.
        of: usize,
    },
    /// A column has no value in any row: select the columns that are coordinates.
    #[error("{}: column {column} has no value in any row; select the columns that are coordinates", .file.display())]
    EmptyColumn {
        /// The file as the user named it.
        file: PathBuf,
        /// The column's name, or its number counted from 1.
        column: String,
        /// The columns that are most likely meant.
        likely: Box<Columns>,
    },
    /// A column numbers the rows, as the index that other programs write: select the columns that are
    /// coordinates.
    #[error("{}: column {column} numbers the rows; select the columns that are coordinates", .file.display())]
    RowNumbers {
        /// The file as the user named it.
        file: PathBuf,
        /// The column's name, or its number counted from 1.
        column: String,
        /// The columns that are most likely meant.
        likely: Box<Columns>,
        /// All columns, in case this one is a coordinate.
        all: Box<Columns>,
    },
    /// The first row may be a point or a header of numbers: say which.
    #[error(
        "{}: the first row, {row}, may be a point or the names of the columns; say whether it is a header", .file.display()
    )]
    DoubtfulHeader {
        /// The file as the user named it.
        file: PathBuf,
        /// The row, shortened.
        row: String,
    },
    /// A column is selected twice: leave one of them out.
    #[error(
        "{}: {first} and {second} are one column; select each column once; names in the header go before numbers",
        .file.display()
    )]
    ColumnTwice {
        /// The file as the user named it.
        file: PathBuf,
        /// The first selection of the column.
        first: String,
        /// The later one.
        second: String,
    },
    /// A weight is below zero: weights are masses.
    #[error(
        "{}: row {row}, column {column} is {value}; a weight is a mass: give it zero or a positive value",
        .file.display()
    )]
    NegativeWeight {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The column's name.
        column: String,
        /// What stands there.
        value: f64,
    },
    /// A field is not a number: correct it.
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
    /// A column holds text: select the columns that are coordinates.
    #[error(
        "{}: row {row}, column {column} is {text:?}, not a number; select the columns that are coordinates",
        .file.display()
    )]
    TextColumn {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The column's name, or its number counted from 1.
        column: String,
        /// The field, shortened.
        text: String,
        /// The columns of numbers that are most likely meant.
        likely: Box<Columns>,
    },
    /// Some columns that would be coordinates have the name of a weight, a colour or a
    /// normal: select the columns that are coordinates.
    #[error(
        "{}: {} would be coordinates, but {} called like {like}; select the columns that are coordinates",
        .file.display(), listed(.taken), subject(.doubtful)
    )]
    DoubtfulColumns {
        /// The file as the user named it.
        file: PathBuf,
        /// All columns that would be coordinates.
        taken: Vec<String>,
        /// Those among them that may be something else.
        doubtful: Vec<String>,
        /// What their names say.
        like: &'static str,
        /// The columns that are most likely meant.
        likely: Box<Columns>,
    },
    /// Columns without names do not look like coordinates, or are more than the format has: select the columns that are.
    #[error(
        "{}: columns from {first} on have no names and {like}; say which columns are coordinates",
        .file.display()
    )]
    UnnamedColumns {
        /// The file as the user named it.
        file: PathBuf,
        /// The first of them, counted from 1.
        first: usize,
        /// What they look like.
        like: &'static str,
        /// The columns that are most likely meant.
        likely: Box<Columns>,
        /// All of them, where all are coordinates.
        all: Box<Columns>,
    },
    /// The selection leaves out a column with the name of a weight: select it as well, or say
    /// that all points weigh the same.
    #[error(
        "{}: column {column} is called like a weight and would be left out; select it as the weight, or let all points weigh the same",
        .file.display()
    )]
    WeightLeftOut {
        /// The file as the user named it.
        file: PathBuf,
        /// The column.
        column: String,
    },
    /// A selected column is not there: select one that is.
    #[error("{}: has no column {wanted:?}; {}", .file.display(), choice(.names, *.width))]
    NoColumn {
        /// The file as the user named it.
        file: PathBuf,
        /// What was asked for.
        wanted: String,
        /// The names that are there.
        names: Vec<String>,
        /// How many columns there are.
        width: usize,
    },
    /// A point has no label: give it one, or remove its row.
    #[error("{}: row {row}, column {column} has no label; {}", .file.display(), unlabelled(*.rows, *.of))]
    NoLabel {
        /// The file as the user named it.
        file: PathBuf,
        /// The first such row, counted from 1.
        row: usize,
        /// The column's name, or its number counted from 1.
        column: String,
        /// How many rows have none.
        rows: usize,
        /// How many rows there are.
        of: usize,
    },
    /// Labels are asked for, but the format has none: write the points in one that has.
    #[error("{}: has no columns of labels; write the points as .csv, .tsv or .parquet", .file.display())]
    NoLabels {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// The file has many arrays, and none or another one was named as the points: name one of them.
    #[error(
        "{}: {}; say which array has the coordinates: {}",
        .file.display(), no_array(.wanted.as_ref()), listed(.found)
    )]
    Embedding {
        /// The file as the user named it.
        file: PathBuf,
        /// The array that was named.
        wanted: Option<String>,
        /// The arrays that are there.
        found: Vec<String>,
    },
    /// An array is named, but the format has one cloud in a file: leave the name out.
    #[error("{}: has no arrays to choose from; leave the embedding out", .file.display())]
    NoEmbeddings {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A group of a file is named, but not the column that divides it: say which column.
    #[error("{}: names a group of {}; say which column has the groups", .path.display(), .file.display())]
    GroupColumn {
        /// The group as the user named it.
        path: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// The file is divided into groups, and one cloud is needed: name one of them.
    #[error(
        "{}: has the groups {} by the column {column}; name one of them, as {}:{}",
        .file.display(), listed(.names), .file.display(), .names.first().map_or("NAME", String::as_str)
    )]
    Groups {
        /// The file as the user named it.
        file: PathBuf,
        /// The column that divides it.
        column: String,
        /// The groups.
        names: Vec<String>,
    },
    /// The file has no group of that name: choose one that it has.
    #[error("{}: has no group {wanted:?} in the column {column}; choose from {}", .file.display(), listed(.names))]
    NoGroup {
        /// The file as the user named it.
        file: PathBuf,
        /// The column that divides it.
        column: String,
        /// The group that was wanted.
        wanted: String,
        /// The groups.
        names: Vec<String>,
    },
    /// Columns are selected, but the file is not a table: leave the selection out.
    #[error(
        "{}: has no columns to select; leave the selection out, or write the points as .csv, .xyz or .npy",
        .file.display()
    )]
    NoTable {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A surface is asked for, but the format has no faces: leave the surface out.
    #[error(
        "{}: has no faces; leave the surface out, or give a mesh as .ply, .obj, .stl or .off",
        .file.display()
    )]
    NoFaces {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A field holds several numbers: separate them as the format does.
    #[error(
        "{}: row {row} has {text:?} in one field; separate the fields by {separator}, and write decimals with a point",
        .file.display()
    )]
    Separator {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The field, shortened.
        text: String,
        /// What stands between fields.
        separator: &'static str,
    },
    /// Some decimals have a point and others a comma: write all of them in the same way.
    #[error(
        "{}: row {row} has {text:?}, and other numbers have the other decimal mark; write all decimals with a point, or \
         all with a comma",
        .file.display()
    )]
    DecimalMark {
        /// The file as the user named it.
        file: PathBuf,
        /// The data row, counted from 1.
        row: usize,
        /// The field, shortened.
        text: String,
    },
    /// A line has more or fewer values than the header says: export the file again.
    #[error(
        "{}: line {line} has {found} values where the header says {expected} for {what}; the file or its header is \
         wrong: export it again",
        .file.display()
    )]
    Line {
        /// The file as the user named it.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Its values.
        found: u64,
        /// The number that the header says.
        expected: u64,
        /// What stands on the line.
        what: String,
    },
    /// The file holds more than its header says: export the file again.
    #[error("{}: {place}: there is more than the header says; the file or its header is wrong: export it again", .file.display())]
    LeftOver {
        /// The file as the user named it.
        file: PathBuf,
        /// Where it begins.
        place: String,
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
    /// The values do not fit into the memory of the machine: thin the cloud first.
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
        /// The shape that is needed.
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
    /// A required part is missing: add it, or rename the one that is meant.
    #[error("{}: has no {wanted} among {}; add it or rename the one that is meant", .file.display(), quoted(.found))]
    Missing {
        /// The file as the user named it.
        file: PathBuf,
        /// What is needed.
        wanted: &'static str,
        /// The names that are there.
        found: Vec<String>,
    },
    /// An archive has no array of that name: choose one that it has.
    #[error(
        "{}: has no array {wanted:?}; choose from {}, as {}:{}",
        .file.display(), listed(.found), .file.display(), .found.first().map_or("NAME", String::as_str)
    )]
    NoArray {
        /// The file as the user named it.
        file: PathBuf,
        /// The array that was wanted.
        wanted: String,
        /// The names that are there.
        found: Vec<String>,
    },
    /// An index selects no entry of an array: give one that does.
    #[error(
        "{}: array {name} has shape {shape:?}, so that {index:?} selects nothing in it; give a whole number below {}",
        .file.display(), .shape.first().copied().unwrap_or(0)
    )]
    Index {
        /// The file as the user named it.
        file: PathBuf,
        /// The array's name.
        name: String,
        /// What was asked for.
        index: String,
        /// The shape of what it was asked of.
        shape: Vec<u64>,
    },
    /// An entry of an array of one or two axes is selected, and these may be points: say that they are masses on a grid.
    #[error(
        "{}: an array of shape {shape:?} may hold points, which have no entries to select; say that it holds masses on a grid",
        .file.display()
    )]
    DoubtfulGrid {
        /// The file as the user named it.
        file: PathBuf,
        /// The shape of the array.
        shape: Vec<u64>,
    },
    /// An array has no axis, or more than three: select an entry of it.
    #[error(
        "{}: array {name} has shape {shape:?}; a grid has one to three axes: select an entry of the array by its number, as {}:0",
        .file.display(), .file.display()
    )]
    Axes {
        /// The file as the user named it.
        file: PathBuf,
        /// The array's name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The file has masses on a grid, and points are needed: name a file of points.
    #[error("{}: holds masses on a grid, and points are needed here; name a file of points", .file.display())]
    Grid {
        /// The file as the user named it.
        file: PathBuf,
    },
    /// A value is not a mass: give the cell a number of at least 0.
    #[error(
        "{}: cell {cell:?} is {value}, and {}; make all of them finite and at least 0",
        .file.display(), no_masses(*.cells, *.of)
    )]
    BadCell {
        /// The file as the user named it.
        file: PathBuf,
        /// The first such cell, its index along each axis, counted from 0.
        cell: Vec<usize>,
        /// Its value.
        value: f64,
        /// How many such cells there are.
        cells: usize,
        /// How many cells there are.
        of: usize,
    },
    /// All cells are empty: check which file is meant.
    #[error("{}: the mass is 0 in every cell; name an image or an array that is not empty", .file.display())]
    NoMass {
        /// The file as the user named it.
        file: PathBuf,
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
    /// The format cannot hold what is to be written: choose another extension.
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
    /// The error of a read that ended early, because the system failed or the bytes are malformed.
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

    /// [`Error::Malformed`], with the text of the file or of a library on one line.
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
    /// The error about another file inside an error of writing, where the data come from that file.
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// How many cells have values that are no masses.
fn no_masses(cells: usize, of: usize) -> String {
    match cells {
        1 => "that is no mass".into(),
        _ => format!("{cells} of {of} cells have values that are no masses"),
    }
}

/// Advice for so many rows without finite values.
fn removal(rows: usize, of: usize) -> String {
    if rows == 1 {
        return "remove the row or give it a finite value".into();
    }
    format!(
        "{rows} of {of} rows have values that are missing or not finite: remove these rows or give them finite values"
    )
}

/// What is wrong with the name of an array.
fn no_array(wanted: Option<&String>) -> String {
    match wanted {
        Some(wanted) => format!("has no array {:?}", one_line(wanted)),
        None => "has arrays".into(),
    }
}

/// Advice for so many rows without a label.
fn unlabelled(rows: usize, of: usize) -> String {
    match rows {
        1 => "remove the row or give it a label".into(),
        _ => format!("{rows} of {of} rows have none: remove these rows or give them labels"),
    }
}

/// More names than these are counted instead of listed.
const LISTED: usize = 10;

/// Some names, and how many there are besides.
pub(crate) fn listed(names: &[String]) -> String {
    let short = |name: &String| -> String {
        let name = one_line(name);
        match name.char_indices().nth(60) {
            Some((end, _)) => format!("{}…", &name[..end]),
            None => name,
        }
    };
    let some: Vec<_> = names.iter().take(LISTED).map(short).collect();
    match names.len().saturating_sub(LISTED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// The same in quotes and brackets.
fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", listed(&names))
}

/// Names as the subject of a sentence, with its verb.
fn subject(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", listed(names))
}

/// How a column can be selected.
fn choice(names: &[String], width: usize) -> String {
    if names.is_empty() {
        return format!("its columns have no names: choose by a number from 1 to {width}");
    }
    format!(
        "choose from {}, or by a number from 1 to {width}",
        listed(names)
    )
}

/// A foreign text shortened for a message: a few words on one line.
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

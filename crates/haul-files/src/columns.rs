//! Which columns of a table are a cloud: the selected ones, or else all but the weight, unless their names or their values
//! suggest otherwise.

use crate::{
    Cloud, Error, Result,
    cloud::{check_weights, column_name, not_finite},
};
use std::{ops::Range, path::Path};

/// Which columns of a table are a cloud, each by its name or by its number, counted from 1; two numbers with a dash between
/// them, as `2-9`, are all columns from one to the other. By default all are coordinates, except one named like weights:
/// `weight` or `weights`, also with `scalar_` before it, as programs for scans name their fields; and except one named
/// `displacement` beside an x. Names take precedence over numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The coordinates, in this order; empty for all columns but the weights.
    pub coordinates: Vec<String>,
    /// The weights; `None` for a column named like weights, if there is one.
    pub weight: Option<String>,
    /// Whether points may have equal weights although a column that is left out is named like a weight.
    pub unweighted: bool,
}

/// The roles of the columns of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    /// The columns that are coordinates, in their order.
    pub(crate) coordinates: Vec<usize>,
    pub(crate) weight: Option<usize>,
    /// Whether the coordinates were selected.
    pub(crate) selected: bool,
}

/// Names of weights.
const WEIGHTS: [&str; 2] = ["weight", "weights"];

/// Common names of weights. The letters may mean something else, unless an x is beside them.
const LIKE_WEIGHTS: [&str; 7] = [
    "mass",
    "masses",
    "count",
    "counts",
    "number",
    "multiplicity",
    "multiplicities",
];
const LETTERS_OF_WEIGHTS: [&str; 2] = ["w", "n"];

/// Words in the names of counts, as in `total_counts`, `n_umi` and `nCount_RNA`: numbers of things beside coordinates.
const WORDS_OF_COUNTS: [&str; 11] = [
    "count",
    "counts",
    "umi",
    "umis",
    "numi",
    "ncount",
    "ncounts",
    "nfeature",
    "nfeatures",
    "ngene",
    "ngenes",
];

/// The prefix that programs for scans put before the names of their fields.
const OF_FIELDS: &str = "scalar_";

/// The name of a column of displacements beside an x: no coordinate.
pub(crate) const DISPLACEMENT: &str = "displacement";

/// Columns that come together and are rarely meant as coordinates beside others.
const ATTRIBUTES: [(&str, [&str; 3]); 3] = [
    ("a colour", ["r", "g", "b"]),
    ("a colour", ["red", "green", "blue"]),
    ("a normal", ["nx", "ny", "nz"]),
];

/// Names of columns of row numbers, if their values are integers.
const NUMBERS: [&str; 14] = [
    "id",
    "idx",
    "fid",
    "gid",
    "pid",
    "row",
    "rowid",
    "row_id",
    "rownames",
    "row_names",
    "point_id",
    "objectid",
    "no",
    "nr",
];

/// Plain names of coordinates; digits may follow.
const COORDINATES: [&str; 9] = [
    "x",
    "y",
    "z",
    "lon",
    "lat",
    "longitude",
    "latitude",
    "easting",
    "northing",
];

/// With fewer rows, columns may look like counts, colours or normals by chance.
const COUNTED: usize = 3;

/// Number of coordinates in an `.xyz`, as its name says.
pub(crate) const AXES_OF_XYZ: usize = 3;

/// Wider tables without names are data, not points with a colour.
const MOST_OF_SCANS: usize = 10;

/// Largest deviation of the length of a normal from 1, as in text of few digits.
const OFF_UNIT: f64 = 0.01;

impl Columns {
    /// Whether nothing is selected.
    pub fn is_default(&self) -> bool {
        self.coordinates.is_empty() && self.weight.is_none()
    }

    /// The roles of the columns of a table of this width, whose header has these `names`.
    pub(crate) fn among(
        &self,
        file: &Path,
        names: Option<&[String]>,
        width: usize,
    ) -> Result<Roles> {
        let absent = |wanted: &String| Error::NoColumn {
            file: file.into(),
            wanted: wanted.clone(),
            names: names.map(<[_]>::to_vec).unwrap_or_default(),
            width,
        };
        let mut coordinates: Vec<usize> = Vec::new();
        let mut taken = vec![
            None;
            if self.coordinates.is_empty() {
                0
            } else {
                width
            }
        ];
        for wanted in &self.coordinates {
            let found = positions(names, width, wanted).ok_or_else(|| absent(wanted))?;
            for column in found {
                if let Some(first) = taken[column].replace(wanted) {
                    return Err(Error::ColumnTwice {
                        file: file.into(),
                        first: first.clone(),
                        second: wanted.clone(),
                    });
                }
                coordinates.push(column);
            }
        }
        let weight = match &self.weight {
            Some(name) => Some(position(names, width, name).ok_or_else(|| absent(name))?),
            None => weight_by_name(names).filter(|column| !coordinates.contains(column)),
        };
        let selected = !coordinates.is_empty();
        if !selected {
            let displacement = names
                .filter(|names| has_axis(names))
                .and_then(|names| named(names, &(0..width).collect::<Vec<_>>(), DISPLACEMENT));
            coordinates = (0..width)
                .filter(|column| ![weight, displacement].contains(&Some(*column)))
                .collect();
            if coordinates.is_empty() {
                return Err(Error::Missing {
                    file: file.into(),
                    wanted: "column of coordinates",
                    found: numbered_or(names, 0..width),
                });
            }
            if let Some(names) = names {
                check_names(file, names, &coordinates, weight)?;
            }
        } else if let Some(names) = names.filter(|_| weight.is_none() && !self.unweighted) {
            let left: Vec<_> = {
                let mut left = vec![true; width];
                coordinates.iter().for_each(|&column| left[column] = false);
                (0..width).filter(|&column| left[column]).collect()
            };
            if let Some(column) = weight_like(names, &left, has_x(names)) {
                return Err(Error::WeightLeftOut {
                    file: file.into(),
                    column: names[column].clone(),
                });
            }
        }
        Ok(Roles {
            coordinates,
            weight,
            selected,
        })
    }
}

/// The content of a field of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Number(f64),
    /// A word for a missing value, or an empty field.
    Missing(String),
    Text(String),
}

impl Field {
    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// Words for a missing value; `nan` is a number.
const MISSING: [&str; 7] = ["", "na", "n/a", "#n/a", "<na>", "null", "none"];

/// Whether a text stands for a missing value.
pub(crate) fn is_missing(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    (MISSING.iter()).any(|word| word.as_bytes().eq_ignore_ascii_case(text))
}

/// A table that becomes a cloud: names of columns, their roles, and the numbers of those that are used. The roles are those of
/// the selection or, without one, of all columns without a text in the first row.
pub(crate) struct Table<'t> {
    file: &'t Path,
    columns: &'t Columns,
    pub(crate) names: Option<Vec<String>>,
    width: usize,
    roles: Roles,
    rows: usize,
    points: Vec<f64>,
    weights: Vec<f64>,
    /// The index among the points, or among the weights, of the first missing value, and its text.
    missing: [Option<(usize, String)>; 2],
    /// The first column of texts, and its text in the first row, if no columns were selected.
    text: Option<(usize, String)>,
    /// Whether the header lacks the name of the first column, as for R's row names.
    short: bool,
    /// The most columns without names that are coordinates by default.
    most: usize,
}

impl<'t> Table<'t> {
    pub(crate) fn new(file: &'t Path, columns: &'t Columns, names: Option<Vec<String>>) -> Self {
        Self {
            file,
            columns,
            names,
            width: 0,
            roles: Roles::default(),
            rows: 0,
            points: Vec::new(),
            weights: Vec::new(),
            missing: [None, None],
            text: None,
            short: false,
            most: usize::MAX,
        }
    }

    /// The table, in which at most this many columns are coordinates unless they have names or were selected.
    pub(crate) fn of_axes(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// A table of numbers only, row-major, with at least one column.
    pub(crate) fn of_numbers(
        file: &'t Path,
        columns: &'t Columns,
        values: Vec<f64>,
        width: usize,
    ) -> Result<Self> {
        let mut table = Self::new(file, columns, None);
        table.rows = values.len() / width;
        table.roles = columns.among(file, None, width)?;
        table.width = width;
        if columns.is_default() {
            table.points = values;
            return Ok(table);
        }
        let Roles {
            coordinates,
            weight,
            ..
        } = &table.roles;
        let rows = || values.chunks_exact(width);
        table.points = rows()
            .flat_map(|row| coordinates.iter().map(|&column| row[column]))
            .collect();
        table.weights =
            weight.map_or_else(Vec::new, |column| rows().map(|row| row[column]).collect());
        Ok(table)
    }

    /// Reserves memory for this many rows.
    pub(crate) fn reserve(
        &mut self,
        room: impl Fn(u64) -> Result<Vec<f64>>,
        rows: u64,
    ) -> Result<()> {
        self.points = room(rows.saturating_mul(self.roles.coordinates.len() as u64))?;
        if self.roles.weight.is_some() {
            self.weights = room(rows)?;
        }
        Ok(())
    }

    /// Decides the roles of the columns, `width` in number.
    pub(crate) fn choose(&mut self, width: usize) -> Result<()> {
        self.width = width;
        self.short = complete(&mut self.names, width);
        if let Some(names) = self.names.as_ref().filter(|names| names.len() != width) {
            return Err(Error::Ragged {
                file: self.file.into(),
                row: 1,
                found: width,
                expected: names.len(),
            });
        }
        self.roles = self
            .columns
            .among(self.file, self.names.as_deref(), width)?;
        Ok(())
    }

    /// The number of rows and columns so far.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.rows, self.width)
    }

    /// The numbers of the only coordinate, as weights.
    pub(crate) fn into_weights(self) -> Result<Vec<f64>> {
        match &self.missing[0] {
            Some((at, text)) => Err(not_finite(
                self.file,
                &self.points,
                *at,
                "weight",
                quoted(text),
            )),
            None => Ok(self.points),
        }
    }

    /// Adds the next row, of `found` fields.
    pub(crate) fn push(&mut self, found: usize, field: impl Fn(usize) -> Field) -> Result<()> {
        let pushed = self.push_row(found, field);
        match &self.text {
            // An error about texts is returned at the end, or in place of any other error.
            Some(text) if pushed.is_err() => Err(self.text_column(text)),
            _ => pushed,
        }
    }

    fn push_row(&mut self, found: usize, field: impl Fn(usize) -> Field) -> Result<()> {
        if self.rows == 0 && self.width == 0 {
            self.begin(found, &field)?;
        }
        let row = self.rows + 1;
        let ragged = || Error::Ragged {
            file: self.file.into(),
            row,
            found,
            expected: self.width - usize::from(self.short),
        };
        if found != self.width {
            return Err(ragged());
        }
        if self.short
            && let Field::Number(number) = field(0)
            && number != row as f64
            && number != (row - 1) as f64
        {
            return Err(ragged());
        }
        let [points, weights] = [&mut self.points, &mut self.weights];
        let parts = [
            (&self.roles.coordinates[..], points),
            (self.roles.weight.as_slice(), weights),
        ];
        for ((columns, values), missing) in parts.into_iter().zip(&mut self.missing) {
            for &column in columns {
                match field(column) {
                    Field::Number(value) => values.push(value),
                    Field::Missing(text) => {
                        missing.get_or_insert((values.len(), text));
                        values.push(f64::NAN);
                    }
                    Field::Text(text) => {
                        return Err(Error::NotANumber {
                            file: self.file.into(),
                            row,
                            column: name(self.names.as_deref(), self.roles.selected, column, found),
                            text: shortened(&text),
                        });
                    }
                }
            }
        }
        self.rows = row;
        Ok(())
    }

    /// Decides the roles of the columns from the first row; without a selection, an error about texts comes before one about
    /// names.
    fn begin(&mut self, found: usize, field: &impl Fn(usize) -> Field) -> Result<()> {
        let chosen = self.choose(found);
        let doubtful = matches!(chosen, Err(Error::DoubtfulColumns { .. }));
        if !doubtful {
            chosen?;
        } else {
            self.roles = Roles {
                coordinates: (0..found).collect(),
                weight: weight_by_name(self.names.as_deref()),
                selected: false,
            };
            let weight = self.roles.weight;
            self.roles.coordinates.retain(|it| Some(*it) != weight);
        }
        if !self.roles.selected {
            let texts: Vec<_> = (0..found).map(|column| field(column).is_text()).collect();
            let first = texts.iter().position(|is_text| *is_text);
            let numbers = |column: &usize| !texts[*column];
            if let Some(first) = first
                && self.roles.coordinates.iter().any(numbers)
            {
                let Field::Text(text) = field(first) else {
                    return Ok(());
                };
                self.text = Some((first, text));
                self.roles.coordinates.retain(numbers);
                self.roles.weight = self.roles.weight.filter(numbers);
                return Ok(());
            }
        }
        if doubtful {
            self.choose(found)?;
        }
        Ok(())
    }

    /// Whether there is a column of texts among those that were not selected.
    pub(crate) fn has_texts(&self) -> bool {
        self.text.is_some()
    }

    fn text_column(&self, (column, text): &(usize, String)) -> Error {
        let names = self.names.as_deref();
        Error::TextColumn {
            file: self.file.into(),
            row: 1,
            column: name(names, false, *column, self.width),
            text: shortened(text),
            likely: Box::new(self.likely(|_| true)),
        }
    }

    /// The columns that are most likely meant, among the coordinates that satisfy `holds`.
    fn likely(&self, holds: impl Fn(usize) -> bool) -> Columns {
        let Roles {
            coordinates,
            weight,
            ..
        } = &self.roles;
        let at = 0..coordinates.len();
        let among = |at: usize| holds(at) && !self.numbers_rows(at);
        let mut left: Vec<_> = at
            .filter(|&at| among(at))
            .map(|at| coordinates[at])
            .collect();
        if left.is_empty() {
            left = coordinates.clone();
        }
        if let Some((axes, _)) = self.unnamed_axes(&left) {
            left.truncate(axes);
        }
        likely(self.names.as_deref(), self.width, &left, *weight)
    }

    /// The number of these unnamed columns that are coordinates, and what the others look like; `None` if all may be
    /// coordinates.
    fn unnamed_axes(&self, columns: &[usize]) -> Option<(usize, &'static str)> {
        if self.names.is_some() || self.roles.selected {
            return None;
        }
        let places: Vec<_> = (columns.iter())
            .filter_map(|column| self.roles.coordinates.iter().position(|it| it == column))
            .collect();
        let looks = |at: &[usize], like: &dyn Fn(&[f64]) -> bool| {
            let dimension = self.roles.coordinates.len().max(1);
            let row = |row: &[f64]| like(&at.iter().map(|&at| row[at]).collect::<Vec<_>>());
            self.rows >= COUNTED && self.points.chunks_exact(dimension).all(row)
        };
        let shade = |x: &f64| x.fract() == 0.0 && (0.0..=255.0).contains(x);
        let colour = |values: &[f64]| values.iter().all(shade);
        let unit = |values: &[f64]| {
            let length: f64 = values.iter().map(|x| x * x).sum();
            (length.sqrt() - 1.0).abs() <= OFF_UNIT
        };
        let starts = 1..=AXES_OF_XYZ.min(places.len().saturating_sub(3));
        let starts = starts.filter(|_| (4..=MOST_OF_SCANS).contains(&places.len()));
        // From the last one on: a z may be as whole as a colour.
        for start in starts.rev() {
            let (axes, triple) = (&places[..start], &places[start..start + 3]);
            if looks(triple, &colour) && !looks(axes, &colour) {
                return Some((start, "look like colours"));
            }
            if looks(triple, &unit) && !looks(axes, &unit) {
                return Some((start, "look like normals"));
            }
        }
        let rest = "may be something else than x, y and z";
        (places.len() > self.most).then_some((self.most, rest))
    }

    /// The values of one of the coordinates.
    fn values(&self, at: usize) -> impl Iterator<Item = f64> {
        let dimension = self.roles.coordinates.len().max(1);
        self.points.iter().skip(at).step_by(dimension).copied()
    }

    /// Whether one of the coordinates numbers the rows, by its name and its values.
    fn numbers_rows(&self, at: usize) -> bool {
        let column = self.roles.coordinates[at];
        let counts = || {
            let first = self.points.get(at).copied().unwrap_or(0.5);
            let from = |(k, value): (usize, f64)| value == first + k as f64;
            column == 0
                && self.rows >= COUNTED
                && (first == 0.0 || first == 1.0)
                && self.values(at).enumerate().all(from)
        };
        let Some(names) = &self.names else {
            return counts();
        };
        let name = &names[column];
        let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_index(name) {
            return true;
        }
        if is(&NUMBERS) {
            return self.values(at).all(|value| value.fract() == 0.0);
        }
        // R names an unnamed first column X.
        let twin = |(other, twin): (usize, &String)| {
            other != column && twin.eq_ignore_ascii_case(name) && twin != name
        };
        let plain = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let known = (COORDINATES.iter()).any(|known| plain.eq_ignore_ascii_case(known));
        counts() && (!known || names.iter().enumerate().any(twin))
    }

    /// The table as a cloud, with its numbers checked.
    pub(crate) fn finish(self) -> Result<Cloud> {
        let file = self.file;
        if let Some(text) = &self.text {
            return Err(self.text_column(text));
        }
        if self.points.is_empty() {
            return Err(Error::Empty { file: file.into() });
        }
        self.check_finite()?;
        let names = self.names.as_deref();
        if self.roles.weight.is_some() {
            let name = numbered_or(names, self.roles.weight).pop();
            check_weights(file, &self.weights, name.as_deref())?;
        }
        let dimension = self.roles.coordinates.len();
        let several = !self.roles.selected && dimension > 1;
        if let Some(at) = (0..dimension).find(|&at| several && self.numbers_rows(at)) {
            let column = self.roles.coordinates[at];
            return Err(Error::RowNumbers {
                file: file.into(),
                column: name(names, false, column, self.width),
                likely: Box::new(self.likely(|_| true)),
                all: Box::new(Columns {
                    coordinates: selection(names, self.width, &self.roles.coordinates),
                    ..Columns::default()
                }),
            });
        }
        if let Some((axes, like)) = self.unnamed_axes(&self.roles.coordinates) {
            return Err(Error::UnnamedColumns {
                file: file.into(),
                first: self.roles.coordinates[axes] + 1,
                like,
                likely: Box::new(self.likely(|_| true)),
                all: Box::new(Columns {
                    coordinates: selection(names, self.width, &self.roles.coordinates),
                    ..Columns::default()
                }),
            });
        }
        let names = names.map(|names| {
            let name = |&column: &usize| names[column].clone();
            self.roles.coordinates.iter().map(name).collect()
        });
        Ok(Cloud {
            points: self.points,
            dimension,
            weights: self.roles.weight.map(|_| self.weights),
            names,
        })
    }

    /// Refuses missing or infinite values.
    fn check_finite(&self) -> Result<()> {
        let dimension = self.roles.coordinates.len();
        let infinite = |values: &[f64]| values.iter().position(|value| !value.is_finite());
        let parts = [&self.points, &self.weights];
        let Some((part, at)) = (parts.iter().enumerate())
            .find_map(|(part, values)| infinite(values).map(|at| (part, at)))
        else {
            return Ok(());
        };
        let names = self.names.as_deref();
        let (row, column) = match part {
            0 => (at / dimension, Some(at % dimension)),
            _ => (at, None),
        };
        let number = column.map_or(self.roles.weight, |at| Some(self.roles.coordinates[at]));
        let called = match number {
            Some(number) => name(names, self.roles.selected, number, self.width),
            None => "weight".into(),
        };
        let lacks = |at: usize| self.values(at).all(|value| value.is_nan());
        let empty: Vec<_> = (0..dimension)
            .map(|at| self.rows > 1 && self.values(at).next().is_some_and(f64::is_nan) && lacks(at))
            .collect();
        if let Some(at) = column
            && empty[at]
            && !self.roles.selected
            && empty.contains(&false)
        {
            return Err(Error::EmptyColumn {
                file: self.file.into(),
                column: called,
                likely: Box::new(self.likely(|at| !empty[at])),
            });
        }
        let weights = self.weights.iter().map(Some).chain(std::iter::repeat(None));
        let rows = self.points.chunks_exact(dimension).zip(weights);
        let lacking = rows.filter(|(row, weight)| {
            infinite(row).is_some() || weight.is_some_and(|weight| !weight.is_finite())
        });
        let text = match &self.missing[part] {
            Some((first, text)) if *first == at => quoted(text),
            _ => parts[part][at].to_string(),
        };
        Err(Error::NotFinite {
            file: self.file.into(),
            row: row + 1,
            column: called,
            value: text,
            rows: lacking.count(),
            of: self.rows,
        })
    }
}

/// The name of a column in messages.
fn name(names: Option<&[String]>, selected: bool, column: usize, width: usize) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) if !name.is_empty() => crate::error::one_line(name),
        Some(_) => (column + 1).to_string(),
        None if selected => (column + 1).to_string(),
        None => column_name(column, width),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Adds an empty first name to a header of several names that has one fewer than rows have fields; returns whether it did.
pub(crate) fn complete(names: &mut Option<Vec<String>>, width: usize) -> bool {
    match names {
        Some(names) if names.len() > 1 && names.len() + 1 == width => {
            names.insert(0, String::new());
            true
        }
        _ => false,
    }
}

/// The columns of this name, of this number, or of this range of numbers.
fn positions(names: Option<&[String]>, width: usize, wanted: &str) -> Option<Range<usize>> {
    if let Some(column) = position(names, width, wanted) {
        return Some(column..column + 1);
    }
    let (first, last) = wanted.trim().split_once('-')?;
    let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= width).then(|| first - 1..last)
}

/// The column of this name, or else of this number.
fn position(names: Option<&[String]>, width: usize, wanted: &str) -> Option<usize> {
    let wanted = wanted.trim();
    let names = names.unwrap_or_default();
    let exact = names.iter().position(|name| name == wanted);
    let alike = || (names.iter()).position(|name| name.eq_ignore_ascii_case(wanted));
    let number = || wanted.parse::<usize>().ok()?.checked_sub(1);
    (exact.or_else(alike).or_else(number)).filter(|&column| column < width)
}

/// The names of these columns, or their numbers if there are no names.
fn numbered_or(names: Option<&[String]>, columns: impl IntoIterator<Item = usize>) -> Vec<String> {
    let columns = columns.into_iter();
    columns.map(|column| name(names, true, column, 0)).collect()
}

/// More columns than this are selected by ranges of their numbers.
const NAMED: usize = 12;

/// The texts that select these columns: names if they are few and can be written in a list, otherwise numbers.
fn selection(names: Option<&[String]>, width: usize, columns: &[usize]) -> Vec<String> {
    let leads = |text: &str, to: &Range<usize>| positions(names, width, text).as_ref() == Some(to);
    let by_name = |column: usize| {
        let name = names?.get(column)?;
        let plain = !name.contains([',', '\'']) && !name.starts_with('-') && !name.is_empty();
        (plain && name.len() <= 60 && leads(name, &(column..column + 1))).then(|| name.clone())
    };
    if columns.len() > NAMED {
        let ranges = columns.chunk_by(|a, b| a + 1 == *b);
        let range = |range: &[usize]| {
            let (first, last) = (range[0], range[range.len() - 1]);
            let text = match first == last {
                true => (first + 1).to_string(),
                false => format!("{}-{}", first + 1, last + 1),
            };
            leads(&text, &(first..last + 1)).then_some(text)
        };
        if let Some(ranges) = ranges.map(range).collect::<Option<Vec<_>>>() {
            return ranges;
        }
    }
    let by_number = |column: usize| {
        let number = (column + 1).to_string();
        match leads(&number, &(column..column + 1)) {
            true => number,
            // Another column has that name.
            false => format!("{number}-{number}"),
        }
    };
    let one = |&column: &usize| by_name(column).unwrap_or_else(|| by_number(column));
    columns.iter().map(one).collect()
}

/// A name without the prefix of programs for scans.
fn bare(name: &str) -> &str {
    match name.get(..OF_FIELDS.len()) {
        Some(start) if start.eq_ignore_ascii_case(OF_FIELDS) => &name[OF_FIELDS.len()..],
        _ => name,
    }
}

/// The column named like weights by default.
pub(crate) fn weight_by_name(names: Option<&[String]>) -> Option<usize> {
    let names = names?;
    let exact = |weight: &&str| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(weight))
    };
    let field =
        |weight: &&str| (names.iter()).position(|name| bare(name).eq_ignore_ascii_case(weight));
    (WEIGHTS.iter().find_map(exact)).or_else(|| WEIGHTS.iter().find_map(field))
}

/// Whether a column of this name is the index of a table from another program.
fn is_index(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let numbered = |start: &str, end: &str| {
        let number = lower
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    lower.is_empty()
        || lower == "index"
        || numbered("unnamed: ", "")
        || numbered("level_", "")
        || numbered("__index_level_", "__")
}

/// Refuses coordinates with the name of something else.
fn check_names(
    file: &Path,
    names: &[String],
    coordinates: &[usize],
    weight: Option<usize>,
) -> Result<()> {
    let (doubtful, like) = match attribute(names, coordinates) {
        Some(found) => found,
        None => match weight_like(names, coordinates, has_x(names)).filter(|_| weight.is_none()) {
            Some(column) => (vec![column], "a weight"),
            None => (counts(names, coordinates), "a count"),
        },
    };
    if doubtful.is_empty() {
        return Ok(());
    }
    if doubtful.len() == coordinates.len() {
        // These may be points of a space of colours.
        return Ok(());
    }
    Err(Error::DoubtfulColumns {
        file: file.into(),
        taken: numbered_or(Some(names), coordinates.iter().copied()),
        doubtful: numbered_or(Some(names), doubtful),
        like,
        likely: Box::new(likely(Some(names), names.len(), coordinates, weight)),
    })
}

/// The columns that are most likely coordinates and weights.
fn likely(
    names: Option<&[String]>,
    width: usize,
    columns: &[usize],
    weight: Option<usize>,
) -> Columns {
    let weight = weight.or_else(|| weight_by_name(names));
    let mut left: Vec<_> = (columns.iter().copied())
        .filter(|column| Some(*column) != weight)
        .collect();
    let mut found = None;
    if let Some(names) = names {
        let indices = left
            .iter()
            .filter(|&&column| is_index(&names[column]))
            .count();
        if indices < left.len() {
            left.retain(|&column| !is_index(&names[column]));
        }
        while let Some((attribute, _)) =
            attribute(names, &left).filter(|it| it.0.len() < left.len())
        {
            left.retain(|column| !attribute.contains(column));
        }
        let mut taken = counts(names, &left);
        if weight.is_none() {
            let like = weight_like(names, &left, has_x(names));
            found = like.or_else(|| taken.first().copied());
            taken.extend(like);
        }
        match left.iter().all(|column| taken.contains(column)) {
            // Counts alone are data.
            true => found = None,
            false => left.retain(|column| !taken.contains(column)),
        }
    }
    Columns {
        coordinates: selection(names, width, &left),
        weight: found.map(|column| selection(names, width, &[column]).concat()),
        unweighted: false,
    }
}

/// The columns of a colour or a normal, and the name of the kind.
fn attribute(names: &[String], columns: &[usize]) -> Option<(Vec<usize>, &'static str)> {
    ATTRIBUTES.iter().find_map(|(what, parts)| {
        let found = parts.iter().map(|part| named(names, columns, part));
        Some((found.collect::<Option<Vec<_>>>()?, *what))
    })
}

/// The column named like a weight; single letters count only if `coordinates` is set.
pub(crate) fn weight_like(names: &[String], columns: &[usize], coordinates: bool) -> Option<usize> {
    let letters = if coordinates {
        &LETTERS_OF_WEIGHTS[..]
    } else {
        &[]
    };
    let words = WEIGHTS.iter().chain(&LIKE_WEIGHTS).chain(letters);
    words
        .into_iter()
        .find_map(|name| named(names, columns, name))
}

/// The columns that are called like a count.
fn counts(names: &[String], columns: &[usize]) -> Vec<usize> {
    let columns = columns.iter().copied();
    columns
        .filter(|column| is_count(bare(&names[*column])))
        .collect()
}

/// Whether a name has the word of a count, or begins with `n_` before another word.
fn is_count(name: &str) -> bool {
    let words: Vec<_> = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .map(str::to_ascii_lowercase)
        .collect();
    let number = matches!(&words[..], [n, of, ..] if n == "n" && of.len() > 1 && of.bytes().all(|byte| byte.is_ascii_alphabetic()));
    number
        || words
            .iter()
            .any(|word| WORDS_OF_COUNTS.contains(&word.as_str()))
}

/// Whether there is an x, so that letters have their usual meaning.
fn has_x(names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case("x"))
}

/// Whether there is an x or an x1.
fn has_axis(names: &[String]) -> bool {
    has_x(names) || names.iter().any(|name| name.eq_ignore_ascii_case("x1"))
}

fn named(names: &[String], columns: &[usize], name: &str) -> Option<usize> {
    let is = |column: &usize| bare(&names[*column]).eq_ignore_ascii_case(name);
    columns.iter().copied().find(is)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Reading, parse_as, tests::parse};

    fn columns(coordinates: &[&str], weight: Option<&str>) -> Columns {
        Columns {
            coordinates: coordinates.iter().map(|&name| name.into()).collect(),
            weight: weight.map(str::to_owned),
            unweighted: false,
        }
    }

    fn selected(name: &str, text: &str, columns: &Columns) -> Result<Cloud> {
        parse_as(Path::new(name), text.as_bytes(), &Reading::of(columns))
    }

    const CELLS: &str = "cell,x,y,count\nc0,1,2,5\nc1,3,4,6\n";

    #[test]
    fn columns_are_taken_by_name_and_by_number_in_the_order_that_is_asked_for() {
        let numbers = "7 1 2 5\n8 3 4 6\n";
        for (name, text, of) in [
            ("a.csv", CELLS, columns(&["y", "x"], Some("count"))),
            ("a.csv", CELLS, columns(&["3", "X"], Some("4"))),
            ("a.xyz", numbers, columns(&["3", "2"], Some("4"))),
        ] {
            let cloud = selected(name, text, &of).unwrap();
            assert_eq!(cloud.points, [2.0, 1.0, 4.0, 3.0], "{of:?}");
            assert_eq!(cloud.weights.as_deref(), Some(&[5.0, 6.0][..]));
            let other = columns(&["2", "3"], Some("4"));
            assert_ne!(selected(name, text, &other).unwrap().points, cloud.points);
        }
        // Weights can be selected without coordinates.
        let cloud = selected("a.csv", "x,count,y\n1,5,2\n", &columns(&[], Some("count"))).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.weights),
            (&[1.0, 2.0][..], Some(vec![5.0]))
        );
        // A column named weight stays the weight, unless it is a coordinate.
        let text = "id,x,weight\na,1,5\n";
        let cloud = selected("a.csv", text, &columns(&["x"], None)).unwrap();
        assert_eq!(cloud.weights, Some(vec![5.0]));
        let cloud = selected("a.csv", text, &columns(&["x", "weight"], None)).unwrap();
        assert_eq!((cloud.dimension, cloud.weights), (2, None));
    }

    #[test]
    fn a_weight_is_not_left_out_without_a_word() {
        let chosen = columns(&["x", "y"], None);
        let error = selected("a.csv", CELLS, &chosen).unwrap_err();
        assert!(
            matches!(&error, Error::WeightLeftOut { column, .. } if column == "count"),
            "{error}"
        );
        let unweighted = Columns {
            unweighted: true,
            ..chosen.clone()
        };
        for (text, of) in [
            (CELLS, &unweighted),
            (CELLS, &columns(&["x", "y"], Some("count"))),
            (CELLS, &columns(&["x", "count"], None)),
            ("x,y,age\n1,2,3\n", &chosen),
            ("count,x,y,weight\n1,2,3,4\n", &chosen),
        ] {
            assert_eq!(selected("a.csv", text, of).unwrap().dimension, 2, "{text}");
        }
    }

    #[test]
    fn columns_of_an_array_have_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = crate::Array {
            name: "points",
            shape: vec![2, 3],
            values: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        };
        crate::write_npy(&path, &array).unwrap();
        let cloud = crate::read_as(&path, &Reading::of(&columns(&["3", "1"], Some("2")))).unwrap();
        assert_eq!(cloud.points, [3.0, 1.0, 6.0, 4.0]);
        assert_eq!(cloud.weights, Some(vec![2.0, 5.0]));
    }

    #[test]
    fn what_cannot_be_selected_is_told_with_what_can() {
        for (name, text, of, expected) in [
            (
                "a.csv",
                CELLS,
                columns(&["x", "z"], None),
                "has no column \"z\"; choose from cell, x, y, count, or by a number from 1 to 4",
            ),
            (
                "a.csv",
                CELLS,
                columns(&["x"], Some("5")),
                "has no column \"5\"; choose from cell, x, y, count, or by a number from 1 to 4",
            ),
            (
                "a.xyz",
                "1 2\n",
                columns(&["x"], None),
                "has no column \"x\"; its columns have no names: choose by a number from 1 to 2",
            ),
            (
                "a.csv",
                CELLS,
                columns(&["x", "cell"], Some("count")),
                "row 1, column cell is \"c0\", not a number; write a decimal number such as 0.25",
            ),
            (
                "a.csv",
                "1,2\n3,inf\n",
                columns(&["2"], None),
                "row 2, column 2 is inf; remove the row or give it a finite value",
            ),
            (
                "a.csv",
                "x,count\n1,-1\n",
                columns(&["x"], Some("count")),
                "row 1, column count is -1; a weight is a mass: give it zero or a positive value",
            ),
        ] {
            let error = selected(name, text, &of).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: {expected}"));
        }
    }

    #[test]
    fn a_column_of_texts_is_told_with_those_that_may_be_coordinates() {
        for (text, column, coordinates, weight) in [
            (CELLS, "cell", &["x", "y"][..], Some("count")),
            ("x,kind,y,r,g,b\n1,a,2,3,4,5\n", "kind", &["x", "y"], None),
            ("c0,1,2\n", "x", &["2", "3"], None),
        ] {
            match parse("a.csv", text.as_bytes()).unwrap_err() {
                Error::TextColumn {
                    column: found,
                    likely,
                    ..
                } => assert_eq!((&*found, *likely), (column, columns(coordinates, weight))),
                error => panic!("{error}"),
            }
        }
    }

    #[test]
    fn columns_called_like_something_else_are_no_coordinates_unasked() {
        for (header, coordinates, weight) in [
            ("x,y,count", &["x", "y"][..], Some("count")),
            ("x,y,W", &["x", "y"], Some("W")),
            (
                "lon,lat,multiplicity",
                &["lon", "lat"],
                Some("multiplicity"),
            ),
            ("x,y,z,r,g,b", &["x", "y", "z"], None),
            ("//X,Y,Z,R,G,B,Nx,Ny,Nz", &["X", "Y", "Z"], None),
            ("x,y,z,red,green,blue,n", &["x", "y", "z"], Some("n")),
            ("x,weight,r,g,b", &["x"], None),
            ("PC_1,PC_2,n_umi", &["PC_1", "PC_2"], Some("n_umi")),
            (
                "u,v,total_counts,n_genes",
                &["u", "v"],
                Some("total_counts"),
            ),
            (
                "a,b,nCount_RNA,nFeature_RNA",
                &["a", "b"],
                Some("nCount_RNA"),
            ),
            ("x,y,weight,count", &["x", "y"], None),
        ] {
            let width = header.split(',').count();
            let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
            let error = parse("a.csv", text.as_bytes()).unwrap_err();
            let Error::DoubtfulColumns { likely, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(**likely, columns(coordinates, weight));
            // A selection of all columns is accepted.
            let all: Vec<_> = (1..=width).map(|column| column.to_string()).collect();
            let all = Columns {
                coordinates: all,
                ..Columns::default()
            };
            assert_eq!(selected("a.csv", &text, &all).unwrap().dimension, width);
        }
        for header in [
            "r,g,b",
            "e,n",
            "x,y,weight",
            "x,y,z,intensity",
            "count",
            "n_umi,n_genes",
            "county,recount,n_1,n_x",
        ] {
            let width = header.split(',').count();
            let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
            assert!(parse("a.csv", text.as_bytes()).is_ok(), "{header}");
        }
        let error = parse("a.csv", b"x,y,count\n1,2,3\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "a.csv: x, y, count would be coordinates, but count is called like a weight; select the columns that \
             are coordinates"
        );
    }
    /// The columns that an error suggests.
    fn told(name: &str, text: &str) -> Columns {
        match parse(name, text.as_bytes()).unwrap_err() {
            Error::RowNumbers { likely, .. }
            | Error::TextColumn { likely, .. }
            | Error::EmptyColumn { likely, .. }
            | Error::DoubtfulColumns { likely, .. } => *likely,
            error => panic!("{error}"),
        }
    }

    /// The result of following an error's advice.
    fn followed(name: &str, text: &str) -> Cloud {
        let advice = told(name, text);
        selected(name, text, &advice)
            .unwrap_or_else(|error| panic!("{text:?}, {advice:?}: {error}"))
    }

    #[test]
    fn columns_that_number_rows_are_no_coordinates_unasked() {
        let expected = [0.3, 0.5, 0.1, 0.9, 0.7, 0.2];
        for (name, text) in [
            // pandas, with and without names of columns, and after a selection of rows.
            ("a.csv", ",x,y\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
            ("a.csv", ",0,1\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
            ("a.csv", "index,0,1\n0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
            ("a.csv", "Unnamed: 0,x,y\n3,.3,.5\n7,.1,.9\n9,.7,.2\n"),
            ("a.csv", "x,y,level_0\n.3,.5,4\n.1,.9,2\n.7,.2,0\n"),
            // R, with the name of the column of row names and without it.
            (
                "a.csv",
                "\"\",\"x\",\"y\"\n\"1\",.3,.5\n\"2\",.1,.9\n\"3\",.7,.2\n",
            ),
            (
                "a.csv",
                "\"x\",\"y\"\n\"1\",.3,.5\n\"2\",.1,.9\n\"3\",.7,.2\n",
            ),
            ("a.xyz", "x y\n1 .3 .5\n2 .1 .9\n3 .7 .2\n"),
            ("a.csv", "x,y\nr1,.3,.5\nr2,.1,.9\nr9,.7,.2\n"),
            ("a.csv", "X,x,y\n1,.3,.5\n2,.1,.9\n3,.7,.2\n"),
            ("a.csv", "x,y,id\n.3,.5,40\n.1,.9,20\n.7,.2,90\n"),
            // Without a header.
            ("a.csv", "0,.3,.5\n1,.1,.9\n2,.7,.2\n"),
            ("a.xyz", "1 .3 .5\n2 .1 .9\n3 .7 .2\n"),
            ("a.csv", "t,u,v\n1,.3,.5\n2,.1,.9\n3,.7,.2\n"),
            // Beside texts, which are reported first.
            ("a.csv", "0,a,.3,.5\n1,b,.1,.9\n2,c,.7,.2\n"),
            ("a.csv", ",kind,x,y\n0,a,.3,.5\n5,b,.1,.9\n9,c,.7,.2\n"),
        ] {
            assert_eq!(followed(name, text).points, expected, "{text}");
        }
    }

    #[test]
    fn columns_without_names_that_are_no_coordinates_are_asked_about() {
        let expected = [0.3, 0.5, 1.5, 0.1, 0.9, 1.0, 0.7, 0.2, 0.0];
        let table = |separator: &str, ends: [&str; 3]| -> String {
            let rows = expected.chunks(3).zip(ends);
            let line = |(row, end): (&[f64], &str)| {
                let fields = row
                    .iter()
                    .map(f64::to_string)
                    .chain(end.split(' ').map(str::to_owned));
                fields.collect::<Vec<_>>().join(separator) + "\n"
            };
            rows.map(line).collect()
        };
        let colours = ["255 0 3", "0 0 0", "17 9 254"];
        let normals = ["0 0 1", "0.6 -0.8 0", "0.577 0.577 0.577"];
        let intensities = ["0.5", "12", "3.25"];
        let both = ["255 0 3 0 0 1", "0 0 0 0 1 0", "17 9 254 1 0 0"];
        for (name, separator, ends, like, first) in [
            ("a.xyz", " ", colours, "look like colours", 4),
            ("a.xyz", "\t", normals, "look like normals", 4),
            ("a.xyz", " ", both, "look like colours", 4),
            (
                "a.xyz",
                " ",
                intensities,
                "may be something else than x, y and z",
                4,
            ),
            ("a.csv", ",", colours, "look like colours", 4),
            ("a.csv", ",", normals, "look like normals", 4),
        ] {
            let text = table(separator, ends);
            let error = parse(name, text.as_bytes()).unwrap_err();
            let Error::UnnamedColumns { likely, all, .. } = &error else {
                panic!("{text} {error}");
            };
            assert_eq!(selected(name, &text, likely).unwrap().points, expected);
            let width = text.lines().next().unwrap().split(separator).count();
            assert_eq!(selected(name, &text, all).unwrap().dimension, width);
            let wanted = format!(
                "{name}: columns from {first} on have no names and {like}; say which columns are coordinates"
            );
            assert_eq!(error.to_string(), wanted);
        }
        // A number before and a colour after points of the plane.
        let scan = "0 .3 .5 255 1 0\n1 .1 .9 255 2 0\n2 .7 .2 255 3 0\n";
        assert_eq!(told("a.xyz", scan), columns(&["2", "3"], None));
        for (name, text) in [
            // Names, or no sign of anything but coordinates.
            ("a.xyz", "# a b c d\n1 2 3 4\n".to_owned()),
            ("a.xyz", "1 2 3\n4 5 6\n7 8 9\n".into()),
            ("a.csv", table(",", intensities)),
            ("a.csv", table(",", ["255 0 3", "0 0 0", "17 9 254.5"])),
            ("a.csv", table(",", ["255 0 3", "0 0 0", "17 9 256"])),
            ("a.csv", table(",", ["0 0 1", "0.6 -0.8 0", "0.5 0.5 0.5"])),
            // Counts are counts, all of them.
            ("a.csv", "5,2,3,4,5,6\n1,1,2,2,3,4\n7,5,3,2,8,9\n".into()),
            (
                "a.csv",
                format!("{0}{0}{0}", ["0"; 11].join(",") + ",.5,1\n"),
            ),
        ] {
            assert!(parse(name, text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn how_far_points_were_moved_is_no_coordinate_of_theirs() {
        for (header, dimension) in [
            ("x,y,displacement", 2),
            ("x1,x2,x3,x4,scalar_Displacement", 4),
            ("x,displacement,weight", 1),
            ("load,displacement", 2),
        ] {
            let width = header.split(',').count();
            let text = format!("{header}\n{}\n", vec!["1"; width].join(","));
            assert_eq!(
                parse("a.csv", text.as_bytes()).unwrap().dimension,
                dimension,
                "{header}"
            );
        }
        let chosen = columns(&["x", "displacement"], None);
        let cloud = selected("a.csv", "x,y,displacement\n1,2,3\n", &chosen).unwrap();
        assert_eq!(cloud.points, [1.0, 3.0]);
    }

    #[test]
    fn who_says_so_has_row_numbers_as_coordinates() {
        let text = "0,.3\n1,.1\n2,.7\n";
        let Error::RowNumbers { likely, all, .. } = parse("a.csv", text.as_bytes()).unwrap_err()
        else {
            panic!("{text}");
        };
        assert_eq!(*likely, columns(&["2"], None));
        let all = selected("a.csv", text, &all).unwrap();
        assert_eq!(all.points, [0.0, 0.3, 1.0, 0.1, 2.0, 0.7]);
        for text in [
            // Coordinates by their names, or alone, or too few to be counts.
            "x,y\n0,.3\n1,.1\n2,.7\n",
            "x1,x2\n0,.3\n1,.1\n2,.7\n",
            "0\n1\n2\n3\n",
            "index\n0\n1\n2\n",
            "0,.3\n1,.1\n",
            // The numbers of a grid start again.
            "0,.3\n1,.1\n2,.7\n0,.2\n",
            "0,.3\n2,.1\n4,.7\n",
            "-1,.3\n0,.1\n1,.7\n",
        ] {
            assert!(parse("a.csv", text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_header_of_numbers_is_one_or_asked_about() {
        let with = |text: &str, header| {
            let reading = Reading {
                header,
                ..Reading::default()
            };
            parse_as(Path::new("a.csv"), text.as_bytes(), &reading)
        };
        // A cloud does not begin like this by chance.
        let points = [0.5, 0.25, 1.0, 7.0, 8.5, 9.0];
        let cloud = with("0,1,2\n0.5,0.25,1.0\n7.0,8.5,9.0\n", None).unwrap();
        assert_eq!((cloud.dimension, &*cloud.points), (3, &points[..]));
        for text in [
            "0,1\n5,6\n7,8\n",
            "0,1\n0.5,0.6\n",
            "0,1,2\n3,4,5\n",
            "2019,2020\n0.5,0.6\n",
            "0\n0.5\n0.7\n",
            "city,2019,2020\nParis,0.5,0.6\n",
        ] {
            let error = with(text, None).unwrap_err();
            assert!(
                matches!(error, Error::DoubtfulHeader { .. }),
                "{text}: {error}"
            );
            if !text.starts_with("city") {
                let [read, all] = [Some(true), Some(false)].map(|it| with(text, it).unwrap());
                assert_eq!(
                    read.points.len() + read.dimension,
                    all.points.len(),
                    "{text}"
                );
            }
        }
        // Names take precedence over numbers, and no column is taken twice because of that.
        let names = Reading {
            header: Some(true),
            ..Reading::of(&columns(&["0"], None))
        };
        let read = |reading: &Reading| parse_as(Path::new("a.csv"), b"0,1\n5,6\n7,8\n", reading);
        assert_eq!(read(&names).unwrap().points, [5.0, 7.0]);
        let twice = Reading {
            header: Some(true),
            ..Reading::of(&columns(&["1", "2"], None))
        };
        assert!(matches!(read(&twice), Err(Error::ColumnTwice { .. })));
        for text in [
            "1,2\n3,4\n",
            "0,1\n",
            "0,0\n1,0\n",
            "a,0\nb,1\n",
            "3,1,2\n0.5,0.1,0.2\n",
        ] {
            let error = with(text, None).err();
            assert!(
                !matches!(error, Some(Error::DoubtfulHeader { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn values_that_are_missing_are_counted_and_their_rows_are_to_go() {
        for (text, expected) in [
            (
                "x,y\n1,2\n3,\n5,6\n,8\n",
                "row 2, column y is \"\"; 2 of 4 rows have values that are missing or not finite: \
             remove these rows or give them finite values",
            ),
            (
                "x,y\nNA,2\n3,1\n",
                "row 1, column x is \"NA\"; remove the row or give it a finite value",
            ),
            (
                "1,2\nnull,4\n",
                "row 2, column x is \"null\"; remove the row or give it a finite value",
            ),
            (
                "x,weight\n1,2\n2,nan\n3,inf\n",
                "row 2, column weight is NaN; 2 of 3 rows have values that are missing or not \
             finite: remove these rows or give them finite values",
            ),
        ] {
            let error = parse("a.csv", text.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("a.csv: {expected}"));
        }
        // The advice works: without these rows the file is read.
        assert!(parse("a.csv", b"x,y\n1,2\n5,6\n").is_ok());
        // A column that is empty everywhere was not meant.
        assert_eq!(
            followed("a.csv", "x,y,\n1,2,\n3,4,\n").points,
            [1.0, 2.0, 3.0, 4.0]
        );
        assert_eq!(
            told("a.csv", "x,y,z\n1,,2\n3,,4\n"),
            columns(&["x", "z"], None)
        );
    }

    #[test]
    fn thousands_of_columns_are_told_in_a_few_words_that_can_be_followed() {
        let names: Vec<_> = (0..5000).map(|k| format!("gene-{k}")).collect();
        let row =
            |first: &str, last: &str| format!("{first},{},{last}\n", vec!["1"; 4999].join(","));
        let text = format!(
            "cell,{},kind\n{}{}",
            names[1..].join(","),
            row("a", "k"),
            row("b", "l")
        );
        let error = parse("a.csv", text.as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
        assert_eq!(told("a.csv", &text), columns(&["2-5000"], None));
        assert_eq!(followed("a.csv", &text).dimension, 4999);
        let missing = selected("a.csv", &text, &columns(&["x"], None)).unwrap_err();
        assert!(
            missing.to_string().len() < 300 && missing.to_string().contains("4991 more"),
            "{missing}"
        );
        let counts = format!("{},count\n{}", names.join(","), vec!["1"; 5001].join(","));
        let doubtful = parse("a.csv", counts.as_bytes()).unwrap_err().to_string();
        assert!(doubtful.len() < 2000, "{doubtful}");
        // A column whose name cannot be in a list of names is given by its number.
        assert_eq!(
            told("a.csv", "\"a, b\",-c,d,kind\n1,2,3,k\n"),
            columns(&["1", "2", "d"], None)
        );
    }

    #[test]
    fn one_rule_says_which_columns_are_weights() {
        for (header, weighted) in [
            ("x,y,weight", true),
            ("x,y,Weights", true),
            ("x,y,scalar_weight", true),
            ("x,y,Scalar_Weights", true),
            ("x,y,weighting", false),
        ] {
            let cloud = parse("a.csv", format!("{header}\n1,2,3\n").as_bytes()).unwrap();
            assert_eq!(cloud.weights.is_some(), weighted, "{header}");
        }
        assert_eq!(
            told("a.csv", "x,y,scalar_mass\n1,2,3\n"),
            columns(&["x", "y"], Some("scalar_mass"))
        );
    }
}

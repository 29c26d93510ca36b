//! The rows of a table, as they become a cloud.

use super::{
    Columns, Roles,
    selection::{name, numbered_or, quoted, selection, shortened},
    weight_by_name,
};
use crate::{
    Cloud, Error, Result,
    cloud::{check_weights, not_finite},
    labels::Collected,
};
use std::path::Path;

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
    pub(super) file: &'t Path,
    columns: &'t Columns,
    pub(crate) names: Option<Vec<String>>,
    pub(super) width: usize,
    pub(super) roles: Roles,
    pub(super) rows: usize,
    pub(super) points: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// Those of each column of labels.
    labels: Vec<Collected>,
    /// The index among the points, or among the weights, of the first missing value, and its text.
    pub(super) missing: [Option<(usize, String)>; 2],
    /// The first column of texts, and its text in the first row, if no columns were selected.
    text: Option<(usize, String)>,
    /// Whether the header lacks the name of the first column, as for R's row names.
    short: bool,
    /// The most columns without names that are coordinates by default.
    pub(super) most: usize,
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
            labels: Vec::new(),
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
        (self.labels).resize_with(self.roles.labels.len(), Collected::default);
        for (&column, labels) in self.roles.labels.iter().zip(&mut self.labels) {
            labels.push(field(column));
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
            let names = self.names.as_deref();
            let weight = weight_by_name(names);
            let labels = self.columns.labels_among(self.file, names, found)?;
            let is_coordinate = |it: &usize| Some(*it) != weight && !labels.contains(it);
            self.roles = Roles {
                coordinates: (0..found).filter(is_coordinate).collect(),
                weight,
                labels,
                selected: false,
            };
        }
        if !self.roles.selected {
            let labels = &self.roles.labels;
            let is_text = |column| !labels.contains(&column) && field(column).is_text();
            let texts: Vec<_> = (0..found).map(is_text).collect();
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
        for (column, labels) in self.roles.labels.iter().zip(&self.labels) {
            if let Some((row, rows)) = labels.missing() {
                return Err(Error::NoLabel {
                    file: file.into(),
                    row: row + 1,
                    column: name(names, true, *column, self.width),
                    rows,
                    of: self.rows,
                });
            }
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
            labels: self.labels.into_iter().map(Collected::finish).collect(),
        })
    }
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

//! What the values of a table say about its columns, and the errors that ask which ones are meant.

use super::{
    AXES_OF_XYZ, Columns, Roles, Table,
    names::{is_coordinate, is_index, is_row_number},
    selection::{name, quoted, shortened},
};
use crate::{Error, Result};

/// With fewer rows, columns may look like counts, colours or normals by chance.
const COUNTED: usize = 3;

/// Wider tables without names are data, not points with a colour.
const MOST_OF_SCANS: usize = 10;

/// Largest deviation of the length of a normal from 1, as in text of few digits.
const OFF_UNIT: f64 = 0.01;

impl Table<'_> {
    pub(super) fn text_column(&self, (column, text): &(usize, String)) -> Error {
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
    pub(super) fn likely(&self, holds: impl Fn(usize) -> bool) -> Columns {
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
        super::likely(self.names.as_deref(), self.width, &left, *weight)
    }

    /// The number of these unnamed columns that are coordinates, and what the others look like; `None` if all may be
    /// coordinates.
    pub(super) fn unnamed_axes(&self, columns: &[usize]) -> Option<(usize, &'static str)> {
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
    pub(super) fn numbers_rows(&self, at: usize) -> bool {
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
        if is_index(name) {
            return true;
        }
        if is_row_number(name) {
            return self.values(at).all(|value| value.fract() == 0.0);
        }
        // R names an unnamed first column X.
        let twin = |(other, twin): (usize, &String)| {
            other != column && twin.eq_ignore_ascii_case(name) && twin != name
        };
        counts() && (!is_coordinate(name) || names.iter().enumerate().any(twin))
    }

    /// Refuses missing or infinite values.
    pub(super) fn check_finite(&self) -> Result<()> {
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

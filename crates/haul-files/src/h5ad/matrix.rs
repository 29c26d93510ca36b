//! Arrays of two axes: whole ones, and sparse ones by rows or by columns.

use super::{Store, columns::text_of};
use crate::{Error, Result, source};
use hdf5_pure::AttrValue;

/// A matrix with every entry.
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Row-major.
    pub(super) values: Vec<f64>,
}

impl Store<'_> {
    /// The array at this place.
    pub(super) fn matrix(&self, place: &str) -> Result<Matrix> {
        let Ok(dataset) = self.h5.dataset(place) else {
            return self.sparse(place);
        };
        let shape = self.shape(place, &dataset)?;
        let (rows, columns) = match shape[..] {
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => {
                return Err(Error::Shape {
                    file: self.file.into(),
                    name: place.into(),
                    shape: shape.into_iter().map(|side| side as u64).collect(),
                    wanted: "points × coordinates",
                });
            }
        };
        if rows * columns == 0 {
            let file = self.file.into();
            return Err(Error::Empty { file });
        }
        let values = self.numbers(place, &dataset)?;
        Ok(Matrix {
            rows,
            columns,
            values,
        })
    }

    /// The shape of a sparse array, and whether it is stored by columns; `None` for another group.
    pub(super) fn shape_of_sparse(&self, place: &str) -> Result<Option<([usize; 2], bool)>> {
        let attributes = self.group(place)?.attrs();
        let attributes = attributes.map_err(|error| self.malformed(place, error))?;
        let encoding = attributes.get("encoding-type").and_then(text_of);
        let by_columns = match encoding.as_deref() {
            Some("csr_matrix") => false,
            Some("csc_matrix") => true,
            _ => return Ok(None),
        };
        let shape = match attributes.get("shape") {
            Some(AttrValue::I64Array(shape)) => shape.iter().map(|n| usize::try_from(*n)).collect(),
            Some(AttrValue::U64Array(shape)) => shape.iter().map(|n| usize::try_from(*n)).collect(),
            Some(AttrValue::I32Array(shape)) => shape.iter().map(|n| usize::try_from(*n)).collect(),
            _ => Ok(Vec::new()),
        };
        match shape.unwrap_or_default()[..] {
            [rows, columns] => Ok(Some(([rows, columns], by_columns))),
            _ => Err(self.malformed(place, "has no shape of two numbers")),
        }
    }

    /// A sparse array with its zeros.
    fn sparse(&self, place: &str) -> Result<Matrix> {
        let Some(([rows, columns], by_columns)) = self.shape_of_sparse(place)? else {
            return Err(self.malformed(place, "is a group of arrays; name one of them"));
        };
        let part = |name: &str| {
            let place = format!("{place}/{name}");
            let values = self.numbers(&place, &self.dataset(&place)?)?;
            Ok((place, values))
        };
        let (_, data) = part("data")?;
        let (at_indices, indices) = part("indices")?;
        let (at_starts, starts) = part("indptr")?;
        let (outer, inner) = match by_columns {
            true => (columns, rows),
            false => (rows, columns),
        };
        if starts.len() != outer.saturating_add(1) || indices.len() != data.len() {
            return Err(self.malformed(&at_starts, "does not fit the shape of the matrix"));
        }
        if rows == 0 || columns == 0 {
            let file = self.file.into();
            return Err(Error::Empty { file });
        }
        // The shape is a promise of a few bytes, which no other bytes have to keep.
        let entries = (rows as u64).saturating_mul(columns as u64);
        if entries.saturating_mul(size_of::<f64>() as u64) > self.limit {
            return Err(self.malformed(place, "is larger than the file can hold"));
        }
        let mut values = source::room(self.file, entries)?;
        values.resize(rows * columns, 0.0);
        let mut at = 0;
        for (line, bounds) in starts.windows(2).enumerate() {
            let end = whole(bounds[1]).filter(|end| *end >= at && *end <= data.len());
            let (Some(end), true) = (end, bounds[0] == at as f64) else {
                return Err(
                    self.malformed(&at_starts, format!("entry {} is out of order", line + 1))
                );
            };
            for (index, value) in indices[at..end].iter().zip(&data[at..end]) {
                let Some(index) = whole(*index).filter(|index| *index < inner) else {
                    return Err(
                        self.malformed(&at_indices, format!("{index} is beyond the matrix"))
                    );
                };
                let (row, column) = match by_columns {
                    true => (index, line),
                    false => (line, index),
                };
                values[row * columns + column] += value;
            }
            at = end;
        }
        Ok(Matrix {
            rows,
            columns,
            values,
        })
    }
}

/// A number that counts something.
pub(super) fn whole(number: f64) -> Option<usize> {
    let counts = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    counts.then_some(number as usize)
}

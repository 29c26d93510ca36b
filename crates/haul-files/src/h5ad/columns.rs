//! Columns about the points: numbers, texts, categories, and those with missing values.

use super::{OBS, Store, matrix::whole};
use crate::{
    Error, Result,
    columns::{Field, is_missing},
    labels::{Collected, Labels, text_of as text_of_number},
};
use hdf5_pure::{AttrValue, DType};

/// A column.
pub(super) enum Column {
    /// A number for each point; missing ones are NaN.
    Numbers(Vec<f64>),
    Texts(Vec<String>),
    /// The names of categories, and the code of each point; a missing one is no code.
    Categories(Vec<String>, Vec<f64>),
}

/// The text of an attribute.
pub(super) fn text_of(value: &AttrValue) -> Option<String> {
    match value {
        AttrValue::String(text)
        | AttrValue::AsciiString(text)
        | AttrValue::VarLenString(text)
        | AttrValue::StringSized { value: text, .. }
        | AttrValue::AsciiStringSized { value: text, .. } => Some(text.clone()),
        _ => None,
    }
}

impl Store<'_> {
    /// The names of the columns about points.
    pub(super) fn names_of_columns(&self) -> Result<Vec<String>> {
        let Ok(group) = self.h5.group(OBS) else {
            return Ok(Vec::new());
        };
        let broken = |error| self.malformed(OBS, error);
        let mut names = group.datasets().map_err(broken)?;
        names.extend(group.groups().map_err(broken)?);
        let index = self.index(OBS)?;
        names.retain(|name| name != "__categories" && index != format!("{OBS}/{name}"));
        Ok(names)
    }

    /// The place of a column: its name in `obs`, also as `obs:day`, or any place in the file.
    fn place_of_column(&self, wanted: &str) -> Result<String> {
        let path = wanted.trim().replace(':', "/");
        let places = [format!("{OBS}/{path}"), path];
        match places.into_iter().find(|place| self.is_there(place)) {
            Some(place) => Ok(place),
            None => {
                let names = self.names_of_columns()?;
                Err(Error::NoColumn {
                    file: self.file.into(),
                    wanted: wanted.into(),
                    width: names.len(),
                    names,
                })
            }
        }
    }

    /// The column at this place.
    pub(super) fn column(&self, place: &str) -> Result<Column> {
        if let Ok(dataset) = self.h5.dataset(place) {
            let texts = matches!(
                dataset
                    .dtype()
                    .map_err(|error| self.malformed(place, error))?,
                DType::String | DType::VariableLengthString
            );
            if texts {
                return Ok(Column::Texts(self.texts(place, &dataset)?));
            }
            let numbers = self.numbers(place, &dataset)?;
            // Older versions keep the names of categories in a group of their own.
            let name = place
                .strip_prefix(OBS)
                .and_then(|rest| rest.strip_prefix('/'));
            let names = name.map(|name| format!("{OBS}/__categories/{name}"));
            return match names.filter(|names| self.h5.dataset(names).is_ok()) {
                Some(names) => Ok(Column::Categories(
                    self.names_of_categories(&names)?,
                    numbers,
                )),
                None => Ok(Column::Numbers(numbers)),
            };
        }
        let part = |name: &str| format!("{place}/{name}");
        let numbers = |name: &str| self.numbers(&part(name), &self.dataset(&part(name))?);
        if self.is_there(&part("codes")) {
            let names = self.names_of_categories(&part("categories"))?;
            return Ok(Column::Categories(names, numbers("codes")?));
        }
        if self.is_there(&part("mask")) && self.is_there(&part("values")) {
            let mask = numbers("mask")?;
            let at = part("values");
            return match self.column(&at)? {
                Column::Numbers(values) => {
                    let masked = values.into_iter().zip(mask);
                    let masked =
                        masked.map(|(value, mask)| if mask == 0.0 { value } else { f64::NAN });
                    Ok(Column::Numbers(masked.collect()))
                }
                Column::Texts(values) => {
                    let masked = values.into_iter().zip(mask);
                    let masked =
                        masked.map(|(text, mask)| if mask == 0.0 { text } else { String::new() });
                    Ok(Column::Texts(masked.collect()))
                }
                Column::Categories(..) => Err(self.malformed(&at, "is no array")),
            };
        }
        Err(self.malformed(place, "is no column of numbers, texts or categories"))
    }

    fn names_of_categories(&self, place: &str) -> Result<Vec<String>> {
        let names = match self.column(place)? {
            Column::Texts(names) => names,
            Column::Numbers(values) => values.into_iter().map(text_of_number).collect(),
            Column::Categories(..) => return Err(self.malformed(place, "is no array")),
        };
        Ok(names)
    }

    /// The column of this name, one entry for each of `rows` points.
    fn about(&self, name: &str, rows: usize) -> Result<Column> {
        let place = self.place_of_column(name)?;
        let column = self.column(&place)?;
        let found = match &column {
            Column::Numbers(values) | Column::Categories(_, values) => values.len(),
            Column::Texts(texts) => texts.len(),
        };
        match found == rows {
            true => Ok(column),
            false => Err(Error::Shape {
                file: self.file.into(),
                name: place,
                shape: vec![found as u64],
                wanted: "one entry for each point",
            }),
        }
    }

    /// The numbers of a column.
    pub(super) fn numbers_about(&self, name: &str, rows: usize) -> Result<Vec<f64>> {
        match self.about(name, rows)? {
            Column::Numbers(values) => Ok(values),
            _ => Err(self.not_numbers(name, "text")),
        }
    }

    /// The labels of a column; those of categories are in the order of the categories.
    pub(super) fn labels(&self, name: &str, rows: usize) -> Result<Labels> {
        let mut collected = Collected::default();
        match self.about(name, rows)? {
            Column::Numbers(values) => {
                values
                    .into_iter()
                    .for_each(|value| collected.push(Field::Number(value)));
            }
            Column::Texts(texts) => {
                for text in texts {
                    collected.push(match is_missing(text.as_bytes()) {
                        true => Field::Missing(text),
                        false => Field::Text(text),
                    });
                }
            }
            Column::Categories(names, codes) => {
                let place = |code: &f64| whole(*code).filter(|code| *code < names.len());
                let of: Vec<Option<usize>> = codes.iter().map(place).collect();
                if let Some(row) = of.iter().position(Option::is_none) {
                    let missing = of.iter().filter(|code| code.is_none()).count();
                    return Err(self.no_label(name, (row, missing), rows));
                }
                return Ok(Labels::of_categories(
                    names,
                    of.into_iter().flatten().collect(),
                ));
            }
        }
        match collected.missing() {
            Some(missing) => Err(self.no_label(name, missing, rows)),
            None => Ok(collected.finish()),
        }
    }

    fn no_label(&self, name: &str, (row, missing): (usize, usize), of: usize) -> Error {
        Error::NoLabel {
            file: self.file.into(),
            row: row + 1,
            column: crate::error::one_line(name),
            rows: missing,
            of,
        }
    }
}

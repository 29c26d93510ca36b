//! Texts beside points: the day or the kind of each.

use crate::{Cloud, columns::Field};
use std::collections::HashMap;

/// A column of labels: a text for each point, such as its day or its kind. Numbers are texts without needless zeros,
/// so that `1` and `1.0` are one label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    of: Vec<usize>,
}

impl Labels {
    /// The distinct labels: in the order of their values where all are numbers, else in that of the file. A group of a
    /// file has the labels of the whole file, also those that none of its points has.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The index of each point's label among the names.
    pub fn indices(&self) -> &[usize] {
        &self.of
    }

    /// The number that each point's label is; `None` if one of them is no finite number.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let numbers: Vec<f64> = self.names.iter().map_while(|name| number(name)).collect();
        (self.of.iter().map(|&name| numbers.get(name).copied())).collect()
    }

    /// Labels of points from the names and the index of each, which is below their number.
    #[cfg(feature = "h5ad")]
    pub(crate) const fn of_categories(names: Vec<String>, of: Vec<usize>) -> Self {
        Self { names, of }
    }

    /// Those of some points.
    fn rows(&self, rows: &[usize]) -> Self {
        Self {
            names: self.names.clone(),
            of: rows.iter().map(|&row| self.of[row]).collect(),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The text of a number that is a label.
pub(crate) fn text_of(number: f64) -> String {
    // Zero has one sign.
    let text = format!("{:?}", number + 0.0);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Labels while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    labels: Labels,
    places: HashMap<String, usize>,
    /// The first row without a label, counted from 0, and how many there are.
    missing: Option<usize>,
    count_missing: usize,
}

impl Collected {
    /// Adds the label of the next point.
    pub(crate) fn push(&mut self, field: Field) {
        let text = match field {
            Field::Text(text) => text.trim().to_owned(),
            Field::Number(number) if !number.is_nan() => text_of(number),
            // A treatment may be called none.
            Field::Missing(text) if text.trim().eq_ignore_ascii_case("none") => text.trim().into(),
            Field::Number(_) | Field::Missing(_) => {
                self.missing.get_or_insert(self.labels.of.len());
                self.count_missing += 1;
                String::new()
            }
        };
        let Labels { names, of } = &mut self.labels;
        let place = match self.places.get(&text) {
            Some(place) => *place,
            None => {
                names.push(text.clone());
                self.places.insert(text, names.len() - 1);
                names.len() - 1
            }
        };
        of.push(place);
    }

    /// The number of labels that differ.
    #[cfg(any(feature = "arrow", feature = "parquet"))]
    pub(crate) fn distinct(&self) -> usize {
        self.labels.names.len()
    }

    /// The first row without a label, counted from 0, and the number of such rows; `None` if all have one.
    pub(crate) fn missing(&self) -> Option<(usize, usize)> {
        self.missing.map(|row| (row, self.count_missing))
    }

    /// The labels; numbers are put into the order of their values.
    pub(crate) fn finish(self) -> Labels {
        let Labels { names, of } = self.labels;
        let Some(numbers) = names
            .iter()
            .map(|name| number(name))
            .collect::<Option<Vec<_>>>()
        else {
            return Labels { names, of };
        };
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        let mut places = vec![0; names.len()];
        for (place, &name) in order.iter().enumerate() {
            places[name] = place;
        }
        Labels {
            of: of.into_iter().map(|name| places[name]).collect(),
            names: order.into_iter().map(|name| names[name].clone()).collect(),
        }
    }
}

/// A cloud divided by its labels.
pub(crate) struct Groups {
    cloud: Cloud,
    labels: Labels,
}

impl Groups {
    pub(crate) const fn new(cloud: Cloud, labels: Labels) -> Self {
        Self { cloud, labels }
    }

    /// The names of the groups that have a point, in the order of the labels.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut present = vec![false; self.labels.names.len()];
        self.labels.of.iter().for_each(|&name| present[name] = true);
        let names = self.labels.names.iter().zip(present);
        let present = names.filter(|(_, present)| *present);
        present.map(|(name, _)| name.clone()).collect()
    }

    /// The group of this name, or of a number of the same value.
    pub(crate) fn get(&self, wanted: &str) -> Option<Cloud> {
        let wanted = wanted.trim();
        let same = |name: &String| number(name).is_some() && number(name) == number(wanted);
        let names = &self.labels.names;
        let exact = names.iter().position(|name| name == wanted);
        let label = exact.or_else(|| names.iter().position(same))?;
        let rows = self.labels.of.iter().enumerate();
        let rows: Vec<usize> = rows
            .filter_map(|(row, of)| (*of == label).then_some(row))
            .collect();
        (!rows.is_empty()).then(|| self.cloud.rows(&rows))
    }
}

impl Cloud {
    /// Some points of the cloud, with all that is beside them.
    fn rows(&self, rows: &[usize]) -> Self {
        let d = self.dimension;
        let point = |&row: &usize| self.points[row * d..][..d].iter().copied();
        let weights = self.weights.as_ref();
        Self {
            points: rows.iter().flat_map(point).collect(),
            dimension: d,
            weights: weights.map(|weights| rows.iter().map(|&row| weights[row]).collect()),
            names: self.names.clone(),
            labels: self.labels.iter().map(|labels| labels.rows(rows)).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn collected(fields: impl IntoIterator<Item = Field>) -> Labels {
        let mut collected = Collected::default();
        fields.into_iter().for_each(|field| collected.push(field));
        assert_eq!(collected.missing(), None);
        collected.finish()
    }

    #[test]
    fn numbers_are_ordered_by_value_and_texts_as_they_come() {
        let days = collected([10.0, 2.5, -0.0, 10.0, 0.0].map(Field::Number));
        assert_eq!(days.names(), ["0", "2.5", "10"]);
        assert_eq!(days.indices(), [2, 1, 0, 2, 0]);
        assert_eq!(days.numbers().unwrap(), [10.0, 2.5, 0.0, 10.0, 0.0]);
        let kinds = collected(["stem", " muscle ", "stem"].map(|text| Field::Text(text.into())));
        assert_eq!(kinds.names(), ["stem", "muscle"]);
        assert_eq!((kinds.indices(), kinds.numbers()), (&[0, 1, 0][..], None));
    }

    #[test]
    fn a_row_without_a_label_is_told_and_none_is_a_label() {
        let mut collected = Collected::default();
        for field in [
            Field::Missing("none".into()),
            Field::Missing("NA".into()),
            Field::Number(f64::NAN),
        ] {
            collected.push(field);
        }
        assert_eq!(collected.missing(), Some((1, 2)));
    }
}

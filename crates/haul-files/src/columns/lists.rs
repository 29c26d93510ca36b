//! Tables with lists of numbers among their columns, such as the embeddings of texts: the lists of one column are the points, and columns
//! of numbers and of labels stand beside them.

use super::{Columns, Field, Table, selection::position, weight_by_name};
use crate::{
    Cloud, Error, Reading, Result,
    cloud::check_weights,
    error::one_line,
    labels::Collected,
    outline::{About, Outline},
};
use std::path::Path;

/// The names of the columns, in their order, and what they hold.
pub(crate) struct Kinds {
    pub(crate) names: Vec<String>,
    /// Whether a column holds lists of numbers.
    pub(crate) lists: Vec<bool>,
    /// Whether a column holds numbers.
    pub(crate) numbers: Vec<bool>,
    /// Whether a column holds texts, which may be labels.
    pub(crate) texts: Vec<bool>,
}

/// The most labels that a column has in an outline; more are texts of another kind.
const MOST_LABELS: usize = 1000;

impl Kinds {
    /// The columns of lists.
    pub(crate) fn lists(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|&column| self.lists[column])
    }

    /// The column of lists that are the points: the one that the reading names, or else the only one where nothing else can be the
    /// points; `None` where the points are numbers of several columns.
    ///
    /// # Errors
    /// [`Error::Embedding`] where there is no such column, or the reading has to say which.
    pub(crate) fn chosen(&self, file: &Path, reading: &Reading) -> Result<Option<usize>> {
        let wanted = reading.embedding.as_ref();
        let unknown = || Error::Embedding {
            file: file.into(),
            wanted: wanted.cloned(),
            found: self
                .lists()
                .map(|column| self.names[column].clone())
                .collect(),
        };
        if let Some(wanted) = wanted {
            let found = self.lists().find(|&column| self.names[column] == *wanted);
            return found.map(Some).ok_or_else(unknown);
        }
        let columns = &reading.columns;
        let mut lists = self.lists();
        let Some(first) = lists.next().filter(|_| columns.coordinates.is_empty()) else {
            return Ok(None);
        };
        let names = Some(&self.names[..]);
        let beside = |wanted: &String| position(names, self.names.len(), wanted);
        let mut beside: Vec<usize> = columns.labels.iter().filter_map(beside).collect();
        beside.extend(
            columns
                .weight
                .as_ref()
                .and_then(|it| position(names, self.names.len(), it)),
        );
        beside.extend(weight_by_name(names));
        let points = (0..self.names.len()).any(|at| self.numbers[at] && !beside.contains(&at));
        match lists.next().is_some() || points {
            true => Err(unknown()),
            false => Ok(Some(first)),
        }
    }
}

/// What there is to choose from, while a file is read.
pub(crate) struct Listing {
    kinds: Kinds,
    rows: usize,
    /// The columns of lists, with the numbers of the first one.
    lists: Vec<(usize, Option<usize>)>,
    /// The columns of texts; `None` where there are too many labels.
    texts: Vec<(usize, Option<Collected>)>,
}

impl Listing {
    /// `None` where there are no lists to choose from.
    pub(crate) fn new(kinds: Kinds) -> Option<Self> {
        let lists: Vec<_> = kinds.lists().map(|column| (column, None)).collect();
        let texts = (0..kinds.names.len()).filter(|&column| kinds.texts[column]);
        let texts = texts
            .map(|column| (column, Some(Collected::default())))
            .collect();
        (!lists.is_empty()).then_some(Self {
            texts,
            rows: 0,
            lists,
            kinds,
        })
    }

    /// Adds a row: the numbers of a list in each column of lists, and the fields.
    pub(crate) fn push(
        &mut self,
        width: impl Fn(usize) -> Option<usize>,
        field: impl Fn(usize) -> Field,
    ) {
        self.rows += 1;
        for (column, known) in &mut self.lists {
            *known = known.or_else(|| width(*column));
        }
        for (column, labels) in &mut self.texts {
            if let Some(known) = labels {
                known.push(field(*column));
            }
            if labels
                .as_ref()
                .is_some_and(|known| known.distinct() > MOST_LABELS)
            {
                *labels = None;
            }
        }
    }

    pub(crate) fn finish(self) -> Outline {
        let Kinds { names, numbers, .. } = &self.kinds;
        let about = |(column, width): &(usize, Option<usize>)| About {
            name: names[*column].clone(),
            shape: [self.rows, width.unwrap_or(0)],
            sparse: false,
        };
        let labels = self.texts.into_iter().filter_map(|(column, labels)| {
            let labels = labels?.finish().names().to_vec();
            Some((names[column].clone(), labels))
        });
        let numbers = names
            .iter()
            .zip(numbers)
            .filter(|(_, is_number)| **is_number);
        Outline {
            arrays: self.lists.iter().map(about).collect(),
            numbers: numbers.map(|(name, _)| name.clone()).collect(),
            labels: labels.collect(),
            scans: Vec::new(),
        }
    }
}

/// Points that are lists, while a file is read.
pub(crate) struct Lists<'t> {
    file: &'t Path,
    columns: &'t Columns,
    names: Vec<String>,
    /// The numbers of a list, once the first one has been read.
    width: Option<usize>,
    rows: usize,
    points: Vec<f64>,
    weight: Option<usize>,
    weights: Vec<f64>,
    labels: Vec<(usize, Collected)>,
}

impl<'t> Lists<'t> {
    /// Points beside which stand columns of these names.
    pub(crate) fn new(file: &'t Path, columns: &'t Columns, names: Vec<String>) -> Result<Self> {
        let named = |wanted: &String| {
            position(Some(&names), names.len(), wanted).ok_or_else(|| Error::NoColumn {
                file: file.into(),
                wanted: wanted.clone(),
                width: names.len(),
                names: names.clone(),
            })
        };
        let weight = match &columns.weight {
            Some(name) => Some(named(name)?),
            None => weight_by_name(Some(&names)).filter(|_| !columns.unweighted),
        };
        let labels = columns.labels.iter();
        let labels = labels.map(|name| Ok((named(name)?, Collected::default())));
        Ok(Self {
            file,
            columns,
            width: None,
            rows: 0,
            points: Vec::new(),
            weight,
            weights: Vec::new(),
            labels: labels.collect::<Result<_>>()?,
            names,
        })
    }

    /// Adds a point: its list, where it has one, and the fields of its row.
    pub(crate) fn push(
        &mut self,
        list: Option<impl ExactSizeIterator<Item = f64>>,
        field: impl Fn(usize) -> Field,
    ) -> Result<()> {
        let row = self.rows + 1;
        let found = list.as_ref().map_or(0, ExactSizeIterator::len);
        let expected = *self.width.get_or_insert(found);
        if found != expected || found == 0 {
            return Err(Error::Ragged {
                file: self.file.into(),
                row,
                found,
                expected: expected.max(1),
            });
        }
        self.points.extend(list.into_iter().flatten());
        if let Some(column) = self.weight {
            self.weights.push(match field(column) {
                Field::Number(number) => number,
                Field::Missing(_) => f64::NAN,
                Field::Text(text) => {
                    return Err(Error::NotANumber {
                        file: self.file.into(),
                        row,
                        column: one_line(&self.names[column]),
                        text: super::selection::shortened(&text),
                    });
                }
            });
        }
        for (column, labels) in &mut self.labels {
            labels.push(field(*column));
        }
        self.rows = row;
        Ok(())
    }

    /// The points, of which a selection takes some coordinates by their numbers, counted from 1.
    pub(crate) fn finish(self) -> Result<Cloud> {
        let file = self.file;
        let Some(width) = self.width else {
            return Err(Error::Empty { file: file.into() });
        };
        let selected = Columns {
            coordinates: self.columns.coordinates.clone(),
            ..Columns::default()
        };
        let cloud = Table::of_numbers(file, &selected, self.points, width)?.finish()?;
        for (column, labels) in &self.labels {
            if let Some((row, rows)) = labels.missing() {
                return Err(Error::NoLabel {
                    file: file.into(),
                    row: row + 1,
                    column: one_line(&self.names[*column]),
                    rows,
                    of: self.rows,
                });
            }
        }
        if let Some(column) = self.weight {
            check_weights(file, &self.weights, Some(&one_line(&self.names[column])))?;
        }
        Ok(Cloud {
            weights: self.weight.map(|_| self.weights),
            labels: self
                .labels
                .into_iter()
                .map(|(_, labels)| labels.finish())
                .collect(),
            ..cloud
        })
    }
}

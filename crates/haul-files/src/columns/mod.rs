//! Which columns of a table are a cloud: the selected ones, or else all but the weight, unless their names or their values
//! suggest otherwise.

mod doubts;
#[cfg(any(feature = "arrow", feature = "parquet"))]
mod lists;
mod names;
mod selection;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

#[cfg(any(feature = "arrow", feature = "parquet"))]
pub(crate) use lists::{Kinds, Listing, Lists};
pub(crate) use names::{DISPLACEMENT, weight_by_name, weight_like};
pub(crate) use table::{Field, Table, complete, is_missing};

use crate::{Error, Result};
use names::{attribute, counts, has_axis, has_x, is_index, named};
use selection::{numbered_or, position, positions, selection};
use std::path::Path;

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
    /// Columns of labels, which are no coordinates unless they are selected as such.
    pub labels: Vec<String>,
}

/// The roles of the columns of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    /// The columns that are coordinates, in their order.
    pub(crate) coordinates: Vec<usize>,
    pub(crate) weight: Option<usize>,
    pub(crate) labels: Vec<usize>,
    /// Whether the coordinates were selected.
    pub(crate) selected: bool,
}

/// Number of coordinates in an `.xyz`, as its name says.
pub(crate) const AXES_OF_XYZ: usize = 3;

impl Columns {
    /// Whether nothing is selected.
    pub fn is_default(&self) -> bool {
        self.coordinates.is_empty() && self.weight.is_none() && self.labels.is_empty()
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
        let labels = self.labels_among(file, names, width)?;
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
                .filter(|column| !labels.contains(column))
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
            labels,
            selected,
        })
    }

    /// The columns of labels of a table of this width.
    fn labels_among(
        &self,
        file: &Path,
        names: Option<&[String]>,
        width: usize,
    ) -> Result<Vec<usize>> {
        let column = |wanted: &String| {
            position(names, width, wanted).ok_or_else(|| Error::NoColumn {
                file: file.into(),
                wanted: wanted.clone(),
                names: names.map(<[_]>::to_vec).unwrap_or_default(),
                width,
            })
        };
        self.labels.iter().map(column).collect()
    }
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
        labels: Vec::new(),
    }
}

//! What a file has: arrays that may be points, and columns about them.

use super::{OBS, Store, columns::Column};
use crate::{
    Result,
    error::one_line,
    outline::{About, Outline},
};
use hdf5_pure::DType;

/// The groups of arrays with a row for each cell, and what stands before the names in them.
const GROUPS: [(&str, &str); 2] = [("obsm", ""), ("layers", "layers:")];

/// The deepest group and the most arrays of a file without cells that are looked at.
const DEPTH: usize = 4;
const MOST: usize = 100;

impl Store<'_> {
    pub(super) fn outline(&self) -> Result<Outline> {
        let mut outline = Outline::default();
        if self.h5.group(OBS).is_err() {
            self.walk("", DEPTH, &mut outline)?;
            return Ok(outline);
        }
        for (group, prefix) in GROUPS {
            for name in self.members(group)? {
                self.add(
                    &format!("{group}/{name}"),
                    format!("{prefix}{name}"),
                    &mut outline,
                )?;
            }
        }
        self.add("X", "X".into(), &mut outline)?;
        for name in self.names_of_columns()? {
            match self.column(&format!("{OBS}/{name}")) {
                Ok(Column::Numbers(_)) => outline.numbers.push(one_line(&name)),
                Ok(Column::Categories(labels, _)) => outline.labels.push((one_line(&name), labels)),
                Ok(Column::Texts(mut labels)) => {
                    labels.sort();
                    labels.dedup();
                    outline.labels.push((one_line(&name), labels));
                }
                // What cannot be read cannot be used.
                Err(_) => {}
            }
        }
        Ok(outline)
    }

    /// The names of the arrays and groups in a group, if it is there.
    fn members(&self, group: &str) -> Result<Vec<String>> {
        let opened = match group {
            "" => self.h5.root(),
            _ => match self.h5.group(group) {
                Ok(opened) => opened,
                Err(_) => return Ok(Vec::new()),
            },
        };
        let broken = |error| self.malformed(if group.is_empty() { "/" } else { group }, error);
        let mut names = opened.datasets().map_err(broken)?;
        names.extend(opened.groups().map_err(broken)?);
        Ok(names)
    }

    /// Adds the array at this place, if it may be points.
    fn add(&self, place: &str, name: String, outline: &mut Outline) -> Result<()> {
        let found = match self.h5.dataset(place) {
            Ok(dataset) => {
                let numbers = dataset.dtype().is_ok_and(|kind| {
                    !matches!(
                        kind,
                        DType::String | DType::VariableLengthString | DType::Compound(_)
                    )
                });
                match self.shape(place, &dataset).ok().as_deref() {
                    Some(&[rows, columns]) if numbers => Some(([rows, columns], false)),
                    _ => None,
                }
            }
            Err(_) if self.h5.group(place).is_ok() => {
                self.shape_of_sparse(place)?.map(|(shape, _)| (shape, true))
            }
            Err(_) => None,
        };
        if let Some((shape, sparse)) = found {
            let name = one_line(&name);
            outline.arrays.push(About {
                name,
                shape,
                sparse,
            });
        }
        Ok(())
    }

    /// Adds the arrays of a group and of the groups in it.
    fn walk(&self, group: &str, depth: usize, outline: &mut Outline) -> Result<()> {
        for name in self.members(group)? {
            let place = match group {
                "" => name,
                _ => format!("{group}/{name}"),
            };
            if outline.arrays.len() >= MOST {
                return Ok(());
            }
            let before = outline.arrays.len();
            self.add(&place, place.clone(), outline)?;
            let is_group = outline.arrays.len() == before && self.h5.group(&place).is_ok();
            if is_group && depth > 0 {
                self.walk(&place, depth - 1, outline)?;
            }
        }
        Ok(())
    }
}

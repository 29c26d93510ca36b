//! Two clouds that were compared, with the names of their files.

use crate::input::{Cloud, on_grid};
use crate::number::short;
use crate::options::cells;
use crate::page::clouds::Clouds;
use crate::picture::Matching;
use crate::rows::Rows;
use haul::{Extent, Grid, Measure, spacing};
use std::path::Path;
use std::sync::Arc;

/// Two clouds, and the names of their files.
pub(crate) struct Pair {
    pub(crate) a: String,
    pub(crate) b: String,
    source: Arc<Cloud>,
    target: Arc<Cloud>,
}

impl Pair {
    pub(crate) fn new(files: [&Path; 2], [source, target]: [&Arc<Cloud>; 2]) -> Self {
        let [a, b] = files.map(|file| file.to_string_lossy().into_owned());
        Self {
            a,
            b,
            source: source.clone(),
            target: target.clone(),
        }
    }

    pub(crate) fn source(&self) -> &Measure {
        &self.source.measure
    }

    pub(crate) fn target(&self) -> &Measure {
        &self.target.measure
    }

    /// The clouds for a page, with the matching of a plan if there is one.
    pub(crate) fn drawn<'c>(&'c self, matching: Option<&'c Matching>) -> Clouds<'c> {
        Clouds {
            a: &self.a,
            b: &self.b,
            source: self.source(),
            target: self.target(),
            matching,
        }
    }

    /// Both files, with the sizes of their clouds.
    pub(crate) fn rows(&self, rows: &mut Rows) {
        let (source, target) = (self.source(), self.target());
        let d = source.dimension();
        let dimension = match on_grid(source) {
            Some(_) => String::new(),
            None => format!(" in dimension {d}"),
        };
        rows.row(
            "source",
            format!("{}, {}{dimension}{}", self.a, count(source), size(source)),
        );
        rows.row(
            "target",
            format!("{}, {}{}", self.b, count(target), size(target)),
        );
    }
}

/// The number of points, or of the cells along each axis.
pub(crate) fn count(measure: &Measure) -> String {
    match on_grid(measure) {
        Some(grid) => cells(grid.shape()),
        None => format!("{} points", measure.len()),
    }
}

/// The sides of the cells of a grid.
pub(crate) fn sides(grid: &Grid) -> String {
    let sides: Vec<_> = grid.spacing().iter().map(|side| short(*side)).collect();
    match &sides[..] {
        [first, rest @ ..] if rest.iter().all(|side| side == first) => first.clone(),
        _ => sides.join("×"),
    }
}

/// The size and the spacing of a cloud.
fn size(measure: &Measure) -> String {
    let across = short(Extent::of(measure).diagonal());
    let size = match on_grid(measure) {
        Some(grid) => Some(format!(" of side {}", sides(grid))),
        None => {
            spacing(measure).map(|spacing| format!(", {across} across, spacing {}", short(spacing)))
        }
    };
    let mass = measure.mass();
    let mass = ((mass - 1.0).abs() > 1e-9).then(|| format!(", mass {}", short(mass)));
    size.into_iter().chain(mass).collect()
}

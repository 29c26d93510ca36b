//! Two clouds that were compared, with the names of their files.

use crate::input::Cloud;
use crate::number::short;
use crate::page::clouds::Clouds;
use crate::picture::Matching;
use crate::rows::Rows;
use haul::{Extent, Measure, spacing};
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
        let (n, m, d) = (source.len(), target.len(), source.dimension());
        rows.row(
            "source",
            format!("{}, {n} points in dimension {d}{}", self.a, size(source)),
        );
        rows.row("target", format!("{}, {m} points{}", self.b, size(target)));
    }
}

/// The size and the spacing of a cloud.
fn size(measure: &Measure) -> String {
    let across = short(Extent::of(measure).diagonal());
    let size =
        spacing(measure).map(|spacing| format!(", {across} across, spacing {}", short(spacing)));
    let mass = measure.mass();
    let mass = ((mass - 1.0).abs() > 1e-9).then(|| format!(", mass {}", short(mass)));
    size.into_iter().chain(mass).collect()
}

//! The clouds in time, with the labels of their points.

use crate::input;
use crate::options::Treatment;
use anyhow::{Context, Result, bail};
use haul::{Extent, Measure};
use haul_files::{Cloud, Labels};
use std::path::{Path, PathBuf};

/// Clouds in the order of time.
#[derive(Debug)]
pub(super) struct Moments {
    pub(super) all: Vec<Moment>,
    /// The labels of all clouds.
    pub(super) labels: Vec<String>,
    /// The corners of the bounding boxes of all clouds; their bounding box is that of all points.
    pub(super) corners: Measure,
}

/// A cloud.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) path: PathBuf,
    /// The names of its coordinates.
    pub(super) names: Option<Vec<String>>,
    pub(super) measure: Measure,
    /// The measure after its points have grown.
    grown: Option<Measure>,
    /// The place of each point's label among the labels of all clouds.
    pub(super) classes: Vec<usize>,
}

impl Moments {
    /// Reads the clouds with the columns of labels and, if there is one, of growth.
    pub(super) fn read(
        files: &[PathBuf],
        columns: [Option<&String>; 2],
        treatment: &Treatment,
    ) -> Result<Self> {
        let mut reading = treatment.reading();
        reading.columns.labels = columns.into_iter().flatten().cloned().collect();
        let (mut all, mut known) = (Vec::new(), Vec::new());
        for file in files {
            for (path, cloud) in input::groups(file, &reading)? {
                let moment = Moment::of(&path, cloud, treatment, &mut known);
                all.push(moment.with_context(|| path.display().to_string())?);
            }
        }
        if all.len() < 2 {
            let first = files.first().map_or(Path::new(""), PathBuf::as_path);
            bail!(
                "{}: one cloud has none to become; name the next one, or divide this file by --group",
                first.display()
            );
        }
        Ok(Self {
            corners: corners(&all)?,
            all,
            labels: known,
        })
    }
}

impl Moment {
    /// A cloud with its labels; those that are new are added to the known ones.
    fn of(
        path: &Path,
        mut cloud: Cloud,
        treatment: &Treatment,
        known: &mut Vec<String>,
    ) -> Result<Self> {
        let mut columns = std::mem::take(&mut cloud.labels).into_iter();
        let labels = columns.next().unwrap_or_default();
        let places: Vec<usize> = labels
            .names()
            .iter()
            .map(|name| place(known, name))
            .collect();
        let names = cloud.names.take();
        let measure = input::measure(treatment.apply(cloud)?, treatment)?;
        let grown = columns
            .next()
            .map(|growth| grown(&measure, &growth))
            .transpose()?;
        Ok(Self {
            path: path.to_owned(),
            names,
            measure,
            grown,
            classes: labels
                .indices()
                .iter()
                .map(|&label| places[label])
                .collect(),
        })
    }

    /// The measure from which mass moves on.
    pub(super) fn source(&self) -> &Measure {
        self.grown.as_ref().unwrap_or(&self.measure)
    }
}

/// The place of a label among the known ones, which is the last one if it is new.
fn place(known: &mut Vec<String>, label: &str) -> usize {
    let place = known.iter().position(|it| it == label);
    place.unwrap_or_else(|| {
        known.push(label.to_owned());
        known.len() - 1
    })
}

/// The corners of the bounding boxes of clouds, which must be in one space.
fn corners(all: &[Moment]) -> Result<Measure> {
    let d = all[0].measure.dimension();
    let mut corners = Vec::new();
    for moment in all {
        let of = moment.measure.dimension();
        if of != d {
            bail!(
                "{} has dimension {d}, {} has {of}; bring all clouds into one space",
                all[0].path.display(),
                moment.path.display()
            );
        }
        let Extent { low, high, .. } = Extent::of(&moment.measure);
        corners.extend([low, high].concat());
    }
    Ok(Measure::uniform(&corners, d)?)
}

/// The measure whose points have these numbers of descendants, of the same mass.
fn grown(measure: &Measure, growth: &Labels) -> Result<Measure> {
    let wrong = |number: &f64| *number < 0.0;
    let Some(growth) = growth.numbers().filter(|growth| !growth.iter().any(wrong)) else {
        bail!("the column of --growth has something else than numbers of at least 0");
    };
    let weights = measure.weights().iter().zip(growth);
    let weights: Vec<f64> = weights.map(|(weight, growth)| weight * growth).collect();
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        bail!("no point has descendants in the column of --growth");
    }
    let scale = measure.mass() / sum;
    let weights: Vec<f64> = weights.into_iter().map(|weight| scale * weight).collect();
    Ok(measure.clone().with_weights(&weights)?)
}

//! From files to measures.

use crate::options::{MassUnit, Treatment, Weights};
use anyhow::{Context, Result, anyhow, bail};
use haul::Measure;
use haul_files::{self as formats, Columns};
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// A hash of a content; 128 bits, not proof against forgery.
pub(crate) type Digest = u128;

/// A measure, and beside it what its files gave, for whoever moves every point.
pub(crate) struct Cloud {
    pub(crate) measure: Measure,
    /// All points, row-major n×d, where the measure has but some of them.
    pub(crate) all: Option<Vec<f64>>,
    /// The weights of all points as they were, if there were any.
    pub(crate) weights: Option<Vec<f64>>,
}

impl From<Measure> for Cloud {
    fn from(measure: Measure) -> Self {
        Self {
            measure,
            all: None,
            weights: None,
        }
    }
}

impl Cloud {
    /// All points, also those that the measure was thinned out of.
    pub(crate) fn points(&self) -> &[f64] {
        self.all.as_deref().unwrap_or(self.measure.points())
    }

    /// How many points these are.
    pub(crate) fn len(&self) -> usize {
        self.points().len() / self.measure.dimension()
    }

    /// A name for all that it holds, the same for equal ones and no others.
    pub(crate) fn digest(&self) -> Digest {
        let measure = &self.measure;
        let beside = [&self.all, &self.weights].map(|values| values.as_deref().unwrap_or(&[]));
        let parts = [measure.points(), measure.weights(), beside[0], beside[1]];
        let mut digest = Xxh3::new();
        digest.update(&measure.dimension().to_le_bytes());
        // One that was scaled to a mass of 1 has it exactly, whatever its weights sum to.
        digest.update(&measure.mass().to_le_bytes());
        for part in parts {
            digest.update(&part.len().to_le_bytes());
            digest.update(bytemuck::cast_slice(part));
        }
        digest.digest128()
    }

    /// The memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let beside = [&self.all, &self.weights].into_iter().flatten();
        let beside: usize = beside.map(|values| size_of_val(&**values)).sum();
        size_of_val(self.measure.points()) + size_of_val(self.measure.weights()) + beside
    }
}

/// Where a measure comes from, and what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Input<'c> {
    pub(crate) points: &'c Path,
    pub(crate) weights: Option<&'c Path>,
    pub(crate) treatment: &'c Treatment,
    /// Whether what the files gave is kept beside the measure.
    pub(crate) moved: bool,
}

impl<'c> Input<'c> {
    /// Two clouds, which may have files of weights.
    pub(crate) fn pair([a, b]: [&'c Path; 2], weights: &'c Weights) -> [Self; 2] {
        let Weights {
            weights_a,
            weights_b,
            treatment,
        } = weights;
        [(a, weights_a), (b, weights_b)].map(|(points, weights)| Self {
            points,
            weights: weights.as_deref(),
            treatment,
            moved: false,
        })
    }

    /// The files that are read.
    pub(crate) fn files(self) -> impl Iterator<Item = &'c Path> {
        std::iter::once(self.points).chain(self.weights)
    }
}

/// Reads clouds with their weights; `-` may stand for one of the files.
///
/// # Errors
///
/// Those of [`read`], and more than one file from standard input.
pub(crate) fn read_all(inputs: &[Input<'_>]) -> Result<Vec<Arc<Cloud>>> {
    let files = inputs.iter().flat_map(|input| input.files());
    if files.filter(|file| *file == Path::new("-")).count() > 1 {
        bail!("- is given more than once; standard input holds one file, name the others");
    }
    inputs
        .iter()
        .map(|input| read(*input).map(Arc::new))
        .collect()
}

/// The clouds of a task that takes two.
///
/// # Errors
///
/// Any other number of them.
pub(crate) fn two(clouds: &[Arc<Cloud>]) -> Result<[&Arc<Cloud>; 2]> {
    match clouds {
        [source, target] => Ok([source, target]),
        _ => bail!("two clouds are compared, and these are {}", clouds.len()),
    }
}

/// Reads the file of a cloud; where it is not clear what is meant, the error names the options that say so.
pub(crate) fn file(path: &Path, treatment: &Treatment) -> Result<formats::Cloud> {
    formats::read_as(path, &treatment.reading()).map_err(advised)
}

/// An error of reading, with the options that make good what it is about.
fn advised(error: formats::Error) -> anyhow::Error {
    use formats::Error::{
        DoubtfulColumns, DoubtfulHeader, EmptyColumn, Extension, Foreign, RowNumbers, TextColumn,
        UnnamedColumns, WeightLeftOut,
    };
    let advice = match &error {
        TextColumn { likely, .. } | DoubtfulColumns { likely, .. } | EmptyColumn { likely, .. } => {
            options(likely)
        }
        RowNumbers { likely, all, .. } => {
            format!("{}, or with it {}", options(likely), options(all))
        }
        UnnamedColumns { likely, all, .. } => format!("{}, or {}", options(likely), options(all)),
        DoubtfulHeader { .. } => "--header yes, or --header no".to_owned(),
        WeightLeftOut { column, .. } => {
            format!("--weight-column {}, or --equal-weights", quoted(column))
        }
        Extension { .. } => "or name one of them with --format".to_owned(),
        Foreign { remedy, .. } if remedy.ends_with(".xyz") => "or --format xyz".to_owned(),
        _ => return error.into(),
    };
    let mark = if advice.starts_with("or ") { "," } else { ":" };
    anyhow!("{error}{mark} {advice}")
}

/// Longer options than this nobody reads, or takes over.
const READABLE: usize = 600;

/// The options that select these columns.
fn options(columns: &Columns) -> String {
    let coordinates = quoted(&columns.coordinates.join(","));
    let coordinates = match coordinates.len() {
        0..=READABLE => format!("--columns {coordinates}"),
        _ => format!("--columns with these {}", columns.coordinates.len()),
    };
    match &columns.weight {
        Some(weight) => format!("{coordinates} --weight-column {}", quoted(weight)),
        None => coordinates,
    }
}

/// A name as a shell takes it for one word.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-.,:/@%+".contains(letter);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Reads a cloud. Weights come from their own file, else from the cloud's; where there are none, all
/// are 1/n.
///
/// # Errors
///
/// Files that cannot be read, or that do not hold what is asked of them.
pub(crate) fn read(input: Input<'_>) -> Result<Cloud> {
    let mut cloud = file(input.points, input.treatment)?;
    if let Some(file) = input.weights {
        let weights = formats::read_weights(file, &input.treatment.reading()).map_err(advised)?;
        let points = cloud.points.len() / cloud.dimension;
        if weights.len() != points {
            let weights = weights.len();
            let error = haul::Error::WeightsLength { points, weights };
            return Err(error).with_context(|| file.display().to_string());
        }
        cloud.weights = Some(weights);
    }
    let kept = if input.moved {
        cloud.weights.clone()
    } else {
        None
    };
    let thinned = input.moved && input.treatment.reduction.is_given();
    let all = thinned.then(|| cloud.points.clone());
    let place = input.weights.unwrap_or(input.points).display();
    let measure = measure(input.treatment.apply(cloud)?, input.treatment)
        .with_context(|| place.to_string())?;
    Ok(Cloud {
        measure,
        all,
        weights: kept,
    })
}

/// The measure of a cloud that was treated; where it has no weights, all are 1/n, in whatever unit.
pub(crate) fn measure(cloud: formats::Cloud, treatment: &Treatment) -> haul::Result<Measure> {
    let n = cloud.points.len() / cloud.dimension;
    let weights = match (cloud.weights, treatment.mass_unit) {
        (Some(weights), Some(MassUnit(unit))) => weights.iter().map(|w| w / unit).collect(),
        (Some(weights), None) => weights,
        (None, _) => vec![1.0 / n as f64; n],
    };
    let measure = Measure::new(cloud.points, cloud.dimension, weights)?;
    Ok(if treatment.normalize {
        measure.normalized()
    } else {
        measure
    })
}

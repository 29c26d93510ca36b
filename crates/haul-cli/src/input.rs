//! From files to measures.

use crate::options::{Positive, Treatment, Weights};
use anyhow::{Context, Result, anyhow, bail};
use haul::{Grid, Measure, Support};
use haul_files::{self as formats, Columns, Contents, Histogram, Placement, Reading};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// A 128-bit hash of a content, not cryptographic.
pub(crate) type Digest = u128;

/// A measure, with the data of its files for commands that move every point.
pub(crate) struct Cloud {
    pub(crate) measure: Measure,
    /// All points, row-major n×d, if the measure has only some of them.
    pub(crate) all: Option<Vec<f64>>,
    /// The original weights of all points, if there were any.
    pub(crate) weights: Option<Vec<f64>>,
    /// The names of the coordinates, if the file has a header.
    pub(crate) names: Option<Vec<String>>,
    /// Where the cells of a volume lie in space.
    pub(crate) placement: Option<Placement>,
}

impl From<Measure> for Cloud {
    fn from(measure: Measure) -> Self {
        Self {
            measure,
            all: None,
            weights: None,
            names: None,
            placement: None,
        }
    }
}

impl Cloud {
    /// All points, including those that thinning removed.
    pub(crate) fn points(&self) -> &[f64] {
        self.all.as_deref().unwrap_or(self.measure.points())
    }

    /// Number of all points.
    pub(crate) fn len(&self) -> usize {
        let all = self.all.as_ref();
        all.map_or(self.measure.len(), |all| {
            all.len() / self.measure.dimension()
        })
    }

    /// Identifies the content: equal for equal clouds only.
    pub(crate) fn digest(&self) -> Digest {
        let measure = &self.measure;
        let beside = [&self.all, &self.weights].map(|values| values.as_deref().unwrap_or(&[]));
        let mut digest = Xxh3::new();
        digest.update(&measure.dimension().to_le_bytes());
        let points = match measure.support() {
            Support::Grid(grid) => {
                digest.update(b"grid");
                digest.update(bytemuck::cast_slice(grid.shape()));
                [grid.spacing(), grid.origin()].concat()
            }
            _ => Vec::new(),
        };
        let points = match on_grid(measure) {
            Some(_) => &points,
            None => measure.points(),
        };
        let parts = [points, measure.weights(), beside[0], beside[1]];
        // A mass scaled to 1 is exactly 1, whatever the sum of the weights.
        digest.update(&measure.mass().to_le_bytes());
        for part in parts {
            digest.update(&part.len().to_le_bytes());
            digest.update(bytemuck::cast_slice(part));
        }
        digest.digest128()
    }

    /// Its memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let beside = [&self.all, &self.weights].into_iter().flatten();
        let beside: usize = beside.map(|values| size_of_val(&**values)).sum();
        let points = match on_grid(&self.measure) {
            Some(_) => 0,
            None => size_of_val(self.measure.points()),
        };
        points + size_of_val(self.measure.weights()) + beside
    }
}

/// The grid of a measure that is on one.
pub(crate) fn on_grid(measure: &Measure) -> Option<&Grid> {
    match measure.support() {
        Support::Grid(grid) => Some(grid),
        _ => None,
    }
}

/// The source of a measure, and how it is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Input<'c> {
    pub(crate) points: &'c Path,
    pub(crate) weights: Option<&'c Path>,
    pub(crate) treatment: &'c Treatment,
    /// Whether the data of the files is kept beside the measure.
    pub(crate) moved: bool,
}

impl<'c> Input<'c> {
    /// Two clouds, with their files of weights if there are any.
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

    /// The input files.
    pub(crate) fn files(self) -> impl Iterator<Item = &'c Path> {
        let mask = self.treatment.mask.as_deref().map(formats::file_of);
        std::iter::once(formats::file_of(self.points))
            .chain(self.weights)
            .chain(mask)
    }

    /// The files beside the file of points that it names, and that are read with it.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub(crate) fn beside(self) -> formats::Result<Vec<PathBuf>> {
        formats::files_beside(formats::file_of(self.points), &self.treatment.reading())
    }
}

/// The points of positive weight of a measure on a grid, as a cloud; a cloud as it is. Means over pairs are the same, from
/// fewer pairs.
pub(crate) fn without_empty_cells(measure: &Measure) -> haul::Result<Cow<'_, Measure>> {
    if on_grid(measure).is_none() {
        return Ok(Cow::Borrowed(measure));
    }
    let d = measure.dimension();
    let cells = measure.points().chunks_exact(d).zip(measure.weights());
    let filled = cells.filter(|(_, mass)| **mass > 0.0);
    let (points, masses): (Vec<&[f64]>, Vec<f64>) = filled.unzip();
    Measure::new(points.concat(), d, masses).map(Cow::Owned)
}

/// Reads clouds with their weights; one file may be `-`.
///
/// # Errors
///
/// Those of [`read`], and more than one file on standard input.
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

/// Reads the file of a cloud; if its meaning is ambiguous, the error names the options that settle it.
pub(crate) fn file(path: &Path, treatment: &Treatment) -> Result<formats::Cloud> {
    formats::read_as(path, &treatment.reading()).map_err(advised)
}

/// Reads a file of points, or of masses on a grid.
pub(crate) fn contents(path: &Path, treatment: &Treatment) -> Result<Contents> {
    formats::read_contents(path, &treatment.reading()).map_err(advised)
}

/// The clouds that these files are: with a column of groups each file is all of its groups, as `FILE:LABEL`, unless
/// it names one.
///
/// # Errors
///
/// Those of [`groups`].
pub(crate) fn clouds_of(files: &[PathBuf], treatment: &Treatment) -> Result<Vec<PathBuf>> {
    if treatment.group.is_none() {
        return Ok(files.to_vec());
    }
    let mut clouds = Vec::new();
    for file in files {
        let groups = groups(file, &treatment.reading())?;
        clouds.extend(groups.into_iter().map(|(path, _)| path));
    }
    Ok(clouds)
}

/// The clouds of a file by this reading: all of its groups, each as `FILE:LABEL`, if the reading names a column of groups and
/// the path no group; otherwise the one cloud that it is.
///
/// # Errors
///
/// Files that cannot be read, or cannot be divided.
pub(crate) fn groups(path: &Path, reading: &Reading) -> Result<Vec<(PathBuf, formats::Cloud)>> {
    if reading.group.is_none() || formats::file_of(path) != path {
        let cloud = formats::read_as(path, reading).map_err(advised)?;
        return Ok(vec![(path.to_owned(), cloud)]);
    }
    let groups = formats::read_groups(path, reading).map_err(advised)?;
    let named = |(name, cloud): (String, _)| {
        let mut group = path.as_os_str().to_owned();
        group.push(":");
        group.push(name);
        (group.into(), cloud)
    };
    Ok(groups.into_iter().map(named).collect())
}

/// The same for an input whose weights may come from a file of their own, so that it may leave out a column of weights.
fn given(input: Input<'_>) -> Result<Contents> {
    let mut reading = input.treatment.reading();
    reading.columns.unweighted |= input.weights.is_some();
    formats::read_contents(input.points, &reading).map_err(advised)
}

/// Adds to an error of reading the options that help.
fn advised(error: formats::Error) -> anyhow::Error {
    use formats::Error::{
        DoubtfulColumns, DoubtfulGrid, DoubtfulHeader, Embedding, EmptyColumn, Extension, Foreign,
        GroupColumn, NoMass, RowNumbers, TextColumn, UnnamedColumns, WeightLeftOut,
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
        DoubtfulGrid { .. } => "--grid".to_owned(),
        Embedding { found, .. } => match found.iter().find(|name| !name.contains(char::is_control))
        {
            Some(first) => format!("--embedding {}", quoted(first)),
            None => return error.into(),
        },
        GroupColumn { .. } => "--group NAME".to_owned(),
        NoMass { .. } => "or exchange light and dark with --invert".to_owned(),
        WeightLeftOut { column, .. } => {
            format!("--weight-column {}, or --equal-weights", quoted(column))
        }
        Extension { .. } => "or name one of them with --format".to_owned(),
        Foreign { remedy, .. } if remedy.ends_with(".xyz") => "or --format xyz".to_owned(),
        Foreign { remedy, .. } if remedy.ends_with(".tsv") => "or --format tsv".to_owned(),
        _ => return error.into(),
    };
    let mark = if advice.starts_with("or ") { "," } else { ":" };
    anyhow!("{error}{mark} {advice}")
}

/// Lists of options longer than this are not printed.
const READABLE: usize = 600;

/// The options that select these columns. Nobody but the user knows whether a column that is called like one is a weight.
fn options(columns: &Columns) -> String {
    let coordinates = quoted(&columns.coordinates.join(","));
    let coordinates = match coordinates.len() {
        0..=READABLE => format!("--columns {coordinates}"),
        _ => format!("--columns with these {}", columns.coordinates.len()),
    };
    match &columns.weight {
        Some(weight) => format!(
            "{coordinates} --equal-weights, or {coordinates} --weight-column {}",
            quoted(weight)
        ),
        None => coordinates,
    }
}

/// Quotes a name as one shell word.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-.,:/@%+".contains(letter);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Reads a cloud. Weights come from their own file, else from the cloud's; if there are none, all are 1/n.
///
/// # Errors
///
/// Files that cannot be read, or that lack the requested data.
pub(crate) fn read(input: Input<'_>) -> Result<Cloud> {
    let mut cloud = match given(input)? {
        Contents::Cloud(cloud) => cloud,
        Contents::Histogram(histogram) => return read_grid(input, histogram),
    };
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
    let names = cloud.names.take();
    let place = input.weights.unwrap_or(input.points).display();
    let measure = measure(input.treatment.apply(cloud)?, input.treatment)
        .with_context(|| place.to_string())?;
    Ok(Cloud {
        measure,
        all,
        weights: kept,
        names,
        placement: None,
    })
}

/// The measure of a file of masses on a grid.
fn read_grid(input: Input<'_>, histogram: Histogram) -> Result<Cloud> {
    let file = input.points.display();
    if input.moved {
        bail!(
            "{file}: holds masses on a grid, whose cells do not move; name a cloud, or let haul barycenter make the \
             images between two"
        );
    }
    if let Some(weights) = input.weights {
        let weights = weights.display();
        bail!(
            "{file}: holds masses on a grid, so that {weights} cannot be its weights; leave that out"
        );
    }
    let placement = histogram.placement;
    let measure = input.treatment.on_grid(histogram);
    Ok(Cloud {
        placement,
        ..measure.with_context(|| file.to_string())?.into()
    })
}

/// The measure of a treated cloud; if it has no weights, all are 1/n, in any unit of mass.
pub(crate) fn measure(cloud: formats::Cloud, treatment: &Treatment) -> haul::Result<Measure> {
    let n = cloud.points.len() / cloud.dimension;
    let weights = match (cloud.weights, treatment.mass_unit) {
        (Some(weights), Some(Positive(unit))) => weights.iter().map(|w| w / unit).collect(),
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

//! The histograms of a dictionary, and the points that their bins are.

use super::arguments::Dictionary;
use crate::densities::check_shapes;
use crate::input::{self, Input, on_grid};
use crate::number::plain;
use anyhow::{Context, Result, anyhow, bail};
use haul::{Histograms, Measure, Regularization};
use haul_files::{self as formats, Histogram};
use std::path::{Path, PathBuf};

/// Histograms over the points of a support.
#[derive(Debug)]
pub(super) struct Data {
    /// The points of the bins, all of one weight.
    pub(super) support: Measure,
    pub(super) histograms: Histograms,
    /// The name of each bin, if there are names.
    pub(super) words: Option<Vec<String>>,
    /// The file of each histogram, if each has its own.
    pub(super) files: Vec<PathBuf>,
}

/// The extensions of images in a folder.
const IMAGES: [&str; 3] = ["png", "jpg", "jpeg"];

/// The part of the mean cost between bins that ε is by default, where bins are vectors.
const SHARE: f64 = 0.1;

/// The blur on grids by default, in cells.
const CELLS: f64 = 1.5;

/// The files of the data: those of a folder one by one, in the order of their names.
pub(super) fn files(data: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let [folder] = data else {
        return Ok(data.to_vec());
    };
    if !folder.is_dir() {
        return Ok(data.to_vec());
    }
    let unreadable = || {
        format!(
            "{}: cannot be read; name a folder of images",
            folder.display()
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let is = |extension: &&str| {
            path.extension()
                .is_some_and(|it| it.eq_ignore_ascii_case(extension))
        };
        if IMAGES.iter().any(is) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "{}: has no .png and no .jpg; name a folder of images",
            folder.display()
        );
    }
    files.sort();
    Ok(files)
}

impl Data {
    /// Reads what the arguments name.
    ///
    /// # Errors
    ///
    /// Files that cannot be read, that do not fit together, or that hold no histograms.
    pub(super) fn read(arguments: &Dictionary) -> Result<Self> {
        let files = files(&arguments.data)?;
        let mut data = match &files[..] {
            [one] if is_matrix(one) => Self::of_matrix(arguments, one)?,
            _ => Self::of_images(arguments, files)?,
        };
        data.words = arguments.words.as_deref().map(words).transpose()?;
        if let (Some(words), Some(file)) = (&data.words, &arguments.words) {
            let (found, bins) = (words.len(), data.support.len());
            if found != bins {
                bail!(
                    "{}: has {found} words, and the histograms have {bins} bins; give one a line for each",
                    file.display()
                );
            }
        }
        Ok(data)
    }

    /// Images, or arrays of one shape.
    fn of_images(arguments: &Dictionary, files: Vec<PathBuf>) -> Result<Self> {
        if arguments.vectors.is_some() {
            bail!("--vectors is for a matrix, and these are images; leave it out");
        }
        let mut measures = Vec::new();
        for file in &files {
            let cloud = input::read(Input {
                points: file,
                weights: None,
                treatment: &arguments.treatment,
                moved: false,
            })?;
            measures.push(cloud.measure);
        }
        let names: Vec<_> = files.iter().collect();
        check_shapes(&names, &measures.iter().collect::<Vec<_>>())?;
        let first = measures.first().context("there are no histograms")?;
        let support = first.clone().with_weights(&vec![1.0; first.len()])?;
        let count = arguments.take.unwrap_or(usize::MAX).min(files.len());
        let rows = measures.iter().take(count);
        let values: Vec<f64> = rows.flat_map(Measure::weights).copied().collect();
        let histograms = Histograms::dense(support.len(), &values);
        Ok(Self {
            histograms: histograms.map_err(|error| of_row(error, &files, &files[0]))?,
            support: support.normalized(),
            words: None,
            files: files.into_iter().take(count).collect(),
        })
    }

    /// The rows of a matrix, or the entries of an array along its first axis.
    fn of_matrix(arguments: &Dictionary, file: &Path) -> Result<Self> {
        let most = arguments.take.unwrap_or(usize::MAX);
        if let Some(sparse) = formats::read_sparse(file)? {
            if arguments.treatment.invert {
                bail!("--invert is for images, and this matrix is sparse; leave it out");
            }
            let rows = sparse.rows.min(most);
            let offsets = sparse.offsets.get(..=rows).unwrap_or(&sparse.offsets);
            let end = offsets.last().copied().unwrap_or(0);
            let (indices, values) = (&sparse.indices[..end], &sparse.values[..end]);
            let histograms = Histograms::csr(sparse.columns, offsets, indices, values);
            return Ok(Self {
                histograms: histograms.map_err(|error| of_row(error, &[], file))?,
                support: Self::support(arguments, file, &[sparse.columns])?,
                words: None,
                files: Vec::new(),
            });
        }
        let mut array = formats::read_numbers(file)?;
        let Some((count, shape)) = array
            .shape
            .split_first()
            .filter(|(_, rest)| !rest.is_empty())
        else {
            bail!(
                "{}: is one row of numbers; a dictionary needs an array of several histograms along its first axis",
                file.display()
            );
        };
        let n: usize = shape.iter().product();
        array.values.truncate(most.min(*count) * n);
        if arguments.treatment.invert {
            for row in array.values.chunks_mut(n.max(1)) {
                let most = row.iter().copied().fold(0.0, f64::max);
                row.iter_mut().for_each(|value| *value = most - *value);
            }
        }
        let histograms = Histograms::dense(n, &array.values);
        Ok(Self {
            histograms: histograms.map_err(|error| of_row(error, &[], file))?,
            support: Self::support(arguments, file, shape)?,
            words: None,
            files: Vec::new(),
        })
    }

    /// The points of the bins: the vectors, or the cells of a grid of this shape.
    fn support(arguments: &Dictionary, file: &Path, shape: &[usize]) -> Result<Measure> {
        if arguments.treatment.mask.is_some() {
            bail!("--mask is for files of images, and these are rows of numbers; leave it out");
        }
        let n: usize = shape.iter().product();
        let Some(vectors) = &arguments.vectors else {
            let histogram = Histogram {
                shape: shape.to_vec(),
                masses: vec![1.0; n],
                spacing: None,
                placement: None,
            };
            if shape.len() > 3 {
                bail!(
                    "{}: each histogram has {} axes; give arrays of one to three",
                    file.display(),
                    shape.len()
                );
            }
            let support = arguments.treatment.on_grid(histogram);
            return Ok(support
                .with_context(|| file.display().to_string())?
                .normalized());
        };
        let name = vectors.display();
        let mut found = formats::read_numbers(vectors)?;
        let [rows, dimension] = *found.shape else {
            bail!("{name}: vectors are the rows of an array of two axes, bins × dimension");
        };
        if rows != n {
            bail!(
                "{name}: has {rows} vectors, and the histograms have {n} bins; give one for each"
            );
        }
        if arguments.directions {
            for (row, vector) in found.values.chunks_mut(dimension.max(1)).enumerate() {
                let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
                if length == 0.0 {
                    bail!(
                        "{name}: vector {row}, counted from 0, is 0 and has no direction; leave --directions out"
                    );
                }
                vector.iter_mut().for_each(|x| *x /= length);
            }
        }
        let support = Measure::uniform(&found.values, dimension);
        support.with_context(|| name.to_string())
    }

    /// The default regularisation.
    pub(super) fn regularization(&self, p: f64) -> Regularization {
        match on_grid(&self.support) {
            Some(grid) => {
                Regularization::Blur(CELLS * grid.spacing().iter().copied().fold(0.0, f64::max))
            }
            None => Regularization::Epsilon(SHARE * mean_cost(&self.support, p)),
        }
    }

    /// A histogram as a measure.
    pub(super) fn measure(&self, index: usize) -> Result<Measure> {
        let mut weights = vec![0.0; self.support.len()];
        let (bins, values) = self.histograms.row(index);
        for (bin, value) in bins.iter().zip(values) {
            weights[*bin] = *value;
        }
        Ok(self.support.clone().with_weights(&weights)?)
    }

    /// What a histogram is called.
    pub(super) fn name(&self, index: usize) -> String {
        match self.files.get(index) {
            Some(file) => file.display().to_string(),
            None => format!("number {index}"),
        }
    }
}

/// Whether a file has many histograms.
fn is_matrix(file: &Path) -> bool {
    let name = formats::file_of(file)
        .to_string_lossy()
        .to_ascii_lowercase();
    [".npy", ".npz", ".npy.gz"]
        .iter()
        .any(|it| name.ends_with(it))
}

/// The words of a file, one a line.
fn words(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "{}: cannot be read; name a file with a word a line",
            file.display()
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    Ok(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// An error about a row, with its file, or with its number from 0.
fn of_row(error: haul::Error, files: &[PathBuf], matrix: &Path) -> anyhow::Error {
    let haul::Error::Input { index, error } = error else {
        return anyhow::Error::from(error).context(matrix.display().to_string());
    };
    let row = index.saturating_sub(1);
    let place = match files.get(row) {
        Some(file) => file.display().to_string(),
        None => format!("{}: histogram {row}, counted from 0", matrix.display()),
    };
    match *error {
        haul::Error::BadWeight { row, value } => anyhow!(
            "{place}: bin {} is {}; make all of them finite and at least 0",
            row - 1,
            plain(value)
        ),
        haul::Error::BadMass { .. } => {
            anyhow!("{place}: is 0 in every bin; leave it out")
        }
        other => anyhow::Error::from(other).context(place),
    }
}

/// The mean of |x − y|^p over pairs of points, of at most some hundred of them.
fn mean_cost(points: &Measure, p: f64) -> f64 {
    const MOST: usize = 400;
    let d = points.dimension();
    let all: Vec<&[f64]> = points.points().chunks_exact(d).collect();
    let some: Vec<_> = all
        .iter()
        .step_by(all.len().div_ceil(MOST).max(1))
        .collect();
    let cost = |x: &[f64], y: &[f64]| {
        let square: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
        square.powf(0.5 * p)
    };
    let pairs = some.iter().flat_map(|x| some.iter().map(move |y| (x, y)));
    let sum: f64 = pairs.map(|(x, y)| cost(x, y)).sum();
    sum / (some.len() * some.len()).max(1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_cost_is_that_of_all_pairs() {
        let points = Measure::uniform(&[0.0, 1.0, 3.0], 1).unwrap();
        assert!((mean_cost(&points, 2.0) - 2.0 * (1.0 + 9.0 + 4.0) / 9.0).abs() < 1e-14);
        assert!((mean_cost(&points, 1.0) - 2.0 * (1.0 + 3.0 + 2.0) / 9.0).abs() < 1e-14);
        // Of many evenly spaced points the mean of some is near that of all, 1/6 of the squared length.
        let many: Vec<f64> = (0..5000).map(|k| f64::from(k) / 5000.0).collect();
        let many = Measure::uniform(&many, 1).unwrap();
        assert!((mean_cost(&many, 2.0) - 1.0 / 6.0).abs() < 1e-2);
    }
}

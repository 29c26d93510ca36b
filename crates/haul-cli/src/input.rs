//! From files to measures.

use crate::arguments::{MassUnit, Settings, Treatment, Weights};
use crate::comparison::Inputs;
use crate::formats::{self, Cloud, Columns};
use crate::report::plain;
use anyhow::{Context, Result, anyhow, bail};
use haul::{Measure, Regularization, Sinkhorn};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Reads both clouds with their weights; `-` may stand for one of them.
pub(crate) fn both(inputs: Inputs<'_>) -> Result<(Given, Given)> {
    inputs.check()?;
    let [a, b] = inputs.sides();
    Ok((given(a)?, given(b)?))
}

/// Of a content; 128 bits, which only those could make collide who want them to.
pub(crate) type Digest = u128;

/// A measure, and beside it what its files gave, for whoever moves every point.
pub(crate) struct Given {
    pub(crate) measure: Measure,
    /// All points, row-major n×d, where the measure has but some of them.
    pub(crate) all: Option<Vec<f64>>,
    /// The weights of all points as they were, if there were any.
    pub(crate) weights: Option<Vec<f64>>,
}

impl Given {
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
pub(crate) struct Side<'c> {
    pub(crate) points: &'c Path,
    pub(crate) weights: Option<&'c Path>,
    pub(crate) treatment: &'c Treatment,
    /// Whether what the files gave is kept beside the measure.
    pub(crate) moved: bool,
}

impl<'c> Inputs<'c> {
    /// Refuses to read more than one file from standard input.
    pub(crate) fn check(self) -> Result<()> {
        let standard = |file: &&Path| *file == Path::new("-");
        if self.files().filter(standard).count() > 1 {
            bail!("- is given more than once; standard input holds one file, name the others");
        }
        Ok(())
    }

    /// Every file that is read.
    pub(crate) fn files(self) -> impl Iterator<Item = &'c Path> {
        let sides = self.sides().into_iter();
        sides.flat_map(|side| std::iter::once(side.points).chain(side.weights))
    }

    pub(crate) fn sides(self) -> [Side<'c>; 2] {
        let Weights {
            weights_a,
            weights_b,
            treatment,
        } = self.weights;
        let sides = [
            (self.a, weights_a, self.moves_a),
            (self.b, weights_b, false),
        ];
        sides.map(|(points, weights, moved)| Side {
            points,
            weights: weights.as_deref(),
            treatment,
            moved,
        })
    }
}

/// Reads a cloud; where it is not clear what is meant, the error names the options that say so.
pub(crate) fn cloud(path: &Path, treatment: &Treatment) -> Result<Cloud> {
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

/// Reads one side. Weights come from their own file, else from the cloud's; where there are none, all
/// are 1/n.
pub(crate) fn given(side: Side<'_>) -> Result<Given> {
    let mut cloud = cloud(side.points, side.treatment)?;
    if let Some(file) = side.weights {
        let weights = formats::read_weights(file, &side.treatment.reading()).map_err(advised)?;
        let points = cloud.points.len() / cloud.dimension;
        if weights.len() != points {
            let weights = weights.len();
            let error = haul::Error::WeightsLength { points, weights };
            return Err(error).with_context(|| file.display().to_string());
        }
        cloud.weights = Some(weights);
    }
    let kept = if side.moved {
        cloud.weights.clone()
    } else {
        None
    };
    let thinned = side.moved && side.treatment.reduction.is_given();
    let all = thinned.then(|| cloud.points.clone());
    let place = side.weights.unwrap_or(side.points).display();
    let measure =
        measure(side.treatment.apply(cloud)?, side.treatment).with_context(|| place.to_string())?;
    Ok(Given {
        measure,
        all,
        weights: kept,
    })
}

/// The measure of a cloud that was treated; where it has no weights, all are 1/n, in whatever unit.
pub(crate) fn measure(cloud: Cloud, treatment: &Treatment) -> haul::Result<Measure> {
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

/// The settings of a solve.
pub(crate) fn settings(settings: &Settings) -> Sinkhorn {
    let regularization = match (settings.blur, settings.epsilon) {
        (Some(blur), _) => Regularization::Blur(blur),
        (None, Some(epsilon)) => Regularization::Epsilon(epsilon),
        (None, None) => Regularization::RelativeBlur(0.05),
    };
    let form = match settings.form {
        crate::arguments::Form::Log => haul::Form::Log,
        crate::arguments::Form::Scaling => haul::Form::Scaling,
    };
    let mut sinkhorn = Sinkhorn::with(regularization);
    if let Some(reach) = settings.reach {
        sinkhorn = sinkhorn.reach(reach);
    }
    if let Some(rho) = settings.rho {
        sinkhorn = sinkhorn.rho(rho);
    }
    if let Some(rho) = settings.rho_a {
        sinkhorn = sinkhorn.rho_a(rho);
    }
    if let Some(rho) = settings.rho_b {
        sinkhorn = sinkhorn.rho_b(rho);
    }
    sinkhorn
        .p(settings.p.unwrap_or(2.0))
        .tolerance(settings.tolerance)
        .max_iterations(settings.max_iterations)
        .form(form)
}

/// An error with its parameter by the name of its option.
pub(crate) fn in_options(error: haul::Error) -> anyhow::Error {
    let haul::Error::BadParameter { name, value, range } = error else {
        return error.into();
    };
    // The width of a kernel is what the program calls a blur everywhere.
    let name = if name == "sigma" { "blur" } else { name };
    anyhow!(
        "--{} is {}; it must be {range}",
        name.replace('_', "-"),
        plain(value)
    )
}

/// An error in the words of the command line, with the names of both files.
pub(crate) fn named<T>(checked: haul::Result<T>, a: &Path, b: &Path) -> Result<T> {
    match checked {
        Ok(checked) => Ok(checked),
        Err(haul::Error::UnequalMass {
            source_mass,
            target_mass,
        }) => {
            bail!(
                "{} and {}: the masses differ: {} and {}; scale both to 1 with --normalize, or let mass be destroyed and created, with --reach or a --rho for both sides or one",
                a.display(),
                b.display(),
                plain(source_mass),
                plain(target_mass)
            )
        }
        Err(error @ (haul::Error::DimensionMismatch { .. } | haul::Error::Extent { .. })) => {
            bail!("{} and {}: {error}", a.display(), b.display())
        }
        Err(error) => Err(in_options(error)),
    }
}

//! From files to measures.

use crate::arguments::{Settings, Weights};
use crate::comparison::Inputs;
use crate::formats::{self, Cloud};
use crate::reduce::Reduction;
use anyhow::{Context, Result, bail};
use haul::{Measure, Problem, Regularization, Sinkhorn};
use std::path::Path;

/// Reads both clouds with their weights; `-` may stand for one of them.
pub(crate) fn measures(inputs: Inputs<'_>) -> Result<(Measure, Measure)> {
    inputs.check()?;
    let [a, b] = inputs.sides();
    Ok((measure(a)?, measure(b)?))
}

/// Where a measure comes from, and what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Side<'c> {
    pub(crate) points: &'c Path,
    pub(crate) weights: Option<&'c Path>,
    pub(crate) normalize: bool,
    pub(crate) reduction: &'c Reduction,
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
            normalize,
            reduction,
        } = self.weights;
        [(self.a, weights_a), (self.b, weights_b)].map(|(points, weights)| Side {
            points,
            weights: weights.as_deref(),
            normalize: *normalize,
            reduction,
        })
    }
}

/// The measure of one side.
pub(crate) fn measure(side: Side<'_>) -> Result<Measure> {
    measure_of(side, cloud(side)?)
}

/// The cloud of one side as it is. Weights come from their own file, else from the cloud's.
pub(crate) fn cloud(side: Side<'_>) -> Result<Cloud> {
    let mut cloud = formats::read_cloud(side.points)?;
    if let Some(file) = side.weights {
        let weights = formats::read_weights(file)?;
        let points = cloud.points.len() / cloud.dimension;
        if weights.len() != points {
            let weights = weights.len();
            let error = haul::Error::WeightsLength { points, weights };
            return Err(error).with_context(|| file.display().to_string());
        }
        cloud.weights = Some(weights);
    }
    Ok(cloud)
}

/// The measure that is made of the cloud of one side; where it has no weights, all are 1/n.
pub(crate) fn measure_of(side: Side<'_>, cloud: Cloud) -> Result<Measure> {
    let Cloud {
        points,
        dimension,
        weights,
    } = side.reduction.apply(cloud)?;
    let n = points.len() / dimension;
    let weights = weights.unwrap_or_else(|| vec![1.0 / n as f64; n]);
    let place = side.weights.unwrap_or(side.points).display();
    let measure = Measure::new(points, dimension, weights).with_context(|| place.to_string())?;
    Ok(if side.normalize {
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

/// The problem that the settings pose between two measures; refused with the names of their files.
pub(crate) fn problem<'m>(
    settings: &Sinkhorn,
    a: (&Path, &'m Measure),
    b: (&Path, &'m Measure),
) -> Result<Problem<'m>> {
    named(settings.problem(a.1, b.1), a.0, b.0)
}

/// An error in the words of the command line, with the names of both files.
pub(crate) fn named<T>(checked: haul::Result<T>, a: &Path, b: &Path) -> Result<T> {
    match checked {
        Ok(checked) => Ok(checked),
        Err(haul::Error::BadParameter { name, value, range }) => {
            // The width of a kernel is what the program calls a blur everywhere.
            let name = if name == "sigma" { "blur" } else { name };
            bail!(
                "--{} is {value}; it must be {range}",
                name.replace('_', "-")
            )
        }
        Err(haul::Error::UnequalMass {
            source_mass,
            target_mass,
        }) => {
            bail!(
                "{} and {}: the masses differ: {source_mass} and {target_mass}; scale both to 1 with --normalize, or let mass be destroyed and created with --reach or --rho",
                a.display(),
                b.display()
            )
        }
        Err(error @ (haul::Error::DimensionMismatch { .. } | haul::Error::Extent { .. })) => {
            bail!("{} and {}: {error}", a.display(), b.display())
        }
        Err(error) => Err(error.into()),
    }
}

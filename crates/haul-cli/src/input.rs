//! From files to measures.

use crate::arguments::{Solving, Weights};
use crate::formats::{self, Cloud};
use anyhow::{Context, Result, bail};
use haul::{Measure, Problem, Regularization, Sinkhorn};
use std::path::{Path, PathBuf};

/// Reads both clouds with their weights; `-` may stand for one of them.
pub(crate) fn measures(a: &Path, b: &Path, options: &Weights) -> Result<(Measure, Measure)> {
    check_names(a, b, options)?;
    let read =
        |path, weights: &Option<PathBuf>| measure(path, cloud(path, weights.as_deref())?, options);
    Ok((read(a, &options.weights_a)?, read(b, &options.weights_b)?))
}

/// Refuses to read more than one file from standard input.
pub(crate) fn check_names(a: &Path, b: &Path, options: &Weights) -> Result<()> {
    let inputs = [
        Some(a),
        Some(b),
        options.weights_a.as_deref(),
        options.weights_b.as_deref(),
    ];
    let standard = |input: &&Path| *input == Path::new("-");
    if inputs.into_iter().flatten().filter(standard).count() > 1 {
        bail!("- is given more than once; standard input holds one file, name the others");
    }
    Ok(())
}

/// One cloud as it is. Weights come from their own file, else from the cloud's.
pub(crate) fn cloud(path: &Path, weights: Option<&Path>) -> Result<Cloud> {
    let mut cloud = formats::read_cloud(path)?;
    if let Some(file) = weights {
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

/// The measure that is made of the cloud of this file; where it has no weights, all are 1/n.
pub(crate) fn measure(path: &Path, cloud: Cloud, options: &Weights) -> Result<Measure> {
    let Cloud {
        points,
        dimension,
        weights,
    } = options.reduction.apply(cloud)?;
    let n = points.len() / dimension;
    let weights = weights.unwrap_or_else(|| vec![1.0 / n as f64; n]);
    let measure =
        Measure::new(points, dimension, weights).with_context(|| path.display().to_string())?;
    Ok(if options.normalize {
        measure.normalized()
    } else {
        measure
    })
}

/// The settings of a solve.
pub(crate) fn settings(solving: &Solving) -> Sinkhorn {
    let regularization = match (solving.blur, solving.epsilon) {
        (Some(blur), _) => Regularization::Blur(blur),
        (None, Some(epsilon)) => Regularization::Epsilon(epsilon),
        (None, None) => Regularization::RelativeBlur(0.05),
    };
    let form = match solving.form {
        crate::arguments::Form::Log => haul::Form::Log,
        crate::arguments::Form::Scaling => haul::Form::Scaling,
    };
    let mut settings = Sinkhorn::with(regularization);
    if let Some(reach) = solving.reach {
        settings = settings.reach(reach);
    }
    if let Some(rho) = solving.rho {
        settings = settings.rho(rho);
    }
    if let Some(rho) = solving.rho_a {
        settings = settings.rho_a(rho);
    }
    if let Some(rho) = solving.rho_b {
        settings = settings.rho_b(rho);
    }
    settings
        .p(solving.p)
        .tolerance(solving.tolerance)
        .max_iterations(solving.max_iterations)
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

//! From files to measures.

use crate::arguments::{Solving, Weights};
use crate::formats::{self, CloudFile};
use anyhow::{Context, Result, bail};
use haul::{Measure, Regularization, Sinkhorn};
use std::path::Path;

/// Reads both clouds with their weights; `-` may stand for one of them.
pub(crate) fn measures(a: &Path, b: &Path, options: &Weights) -> Result<(Measure, Measure)> {
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
    let read = |path: &Path, weights: Option<&Path>| {
        let measure = measure(path, weights)?;
        Ok::<_, anyhow::Error>(if options.normalize {
            measure.normalized()
        } else {
            measure
        })
    };
    Ok((
        read(a, options.weights_a.as_deref())?,
        read(b, options.weights_b.as_deref())?,
    ))
}

/// One cloud. Weights come from their own file, else from the cloud's, else all are 1/n.
fn measure(path: &Path, weights: Option<&Path>) -> Result<Measure> {
    let CloudFile {
        points,
        dimension,
        weights: own,
    } = formats::read_cloud(path)?;
    let n = points.len() / dimension;
    let (weights, place) = match weights {
        Some(file) => (formats::read_weights(file)?, file),
        None => (own.unwrap_or_else(|| vec![1.0 / n as f64; n]), path),
    };
    let place = place.display();
    Measure::new(points, dimension, weights).with_context(|| place.to_string())
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

/// Refuses what the settings cannot solve between two measures, naming their files.
pub(crate) fn check(settings: &Sinkhorn, a: (&Path, &Measure), b: (&Path, &Measure)) -> Result<()> {
    named(settings.problem(a.1, b.1).map(|_| ()), a.0, b.0)
}

/// An error in the words of the command line, with the names of both files.
pub(crate) fn named(checked: haul::Result<()>, a: &Path, b: &Path) -> Result<()> {
    match checked {
        Ok(()) => Ok(()),
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

//! Errors of the library in terms of the command line: parameters by the names of their options, measures by those of
//! their files.

use crate::number::plain;
use anyhow::{Result, anyhow, bail};
use std::path::Path;

/// An error that names the option of its parameter.
pub(crate) fn in_options(error: haul::Error) -> anyhow::Error {
    let haul::Error::BadParameter { name, value, range } = error else {
        return error.into();
    };
    // The program calls the width of a kernel a blur.
    let name = if name == "sigma" { "blur" } else { name };
    anyhow!(
        "--{} is {}; it must be {range}",
        name.replace('_', "-"),
        plain(value)
    )
}

/// An error in terms of the command line, with the names of both files.
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

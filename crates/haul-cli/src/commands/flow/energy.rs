//! The energy of a flow: its name, its parameter, and the potential.

use crate::input::on_grid;
use crate::number::plain;
use crate::options::cells;
use anyhow::{Result, bail};
use clap::ValueEnum;
use haul::{InternalEnergy, Measure};
use haul_files::{self as formats, Contents, Reading};
use std::path::Path;

/// The name of an energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    Entropy,
    Crowd,
    Porous,
}

impl Name {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Entropy => "entropy",
            Self::Crowd => "crowd",
            Self::Porous => "porous",
        }
    }
}

/// An internal energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Energy {
    Entropy,
    Crowd { bound: f64 },
    Porous { exponent: f64 },
}

/// γ by default.
const EXPONENT: f64 = 2.0;

impl Energy {
    /// The energy with its parameter.
    ///
    /// # Errors
    ///
    /// A parameter of another energy, a crowd without its bound, and a parameter that is not above 1.
    pub(super) fn new(name: Name, bound: Option<f64>, exponent: Option<f64>) -> Result<Self> {
        let others = [
            ("--bound", bound, name != Name::Crowd, "crowd"),
            ("--exponent", exponent, name != Name::Porous, "porous"),
        ];
        for (option, given, other, energy) in others {
            if given.is_some() && other {
                bail!(
                    "{option} is of --energy {energy}; leave it out with {}",
                    name.words()
                );
            }
            if let Some(value) = given.filter(|value| !(*value > 1.0 && value.is_finite())) {
                bail!(
                    "{option} is {}; it must be a finite number above 1",
                    plain(value)
                );
            }
        }
        Ok(match (name, bound, exponent) {
            (Name::Entropy, ..) => Self::Entropy,
            (Name::Crowd, Some(bound), _) => Self::Crowd { bound },
            (Name::Crowd, None, _) => bail!(
                "--energy crowd needs --bound, the largest density relative to the mean of all points, as --bound 3"
            ),
            (Name::Porous, _, exponent) => Self::Porous {
                exponent: exponent.unwrap_or(EXPONENT),
            },
        })
    }

    pub(super) fn internal(self) -> InternalEnergy {
        match self {
            Self::Entropy => InternalEnergy::Entropy,
            Self::Crowd { bound } => InternalEnergy::Crowd { bound },
            Self::Porous { exponent } => InternalEnergy::Porous { exponent },
        }
    }

    pub(super) fn name(self) -> &'static str {
        let name = match self {
            Self::Entropy => Name::Entropy,
            Self::Crowd { .. } => Name::Crowd,
            Self::Porous { .. } => Name::Porous,
        };
        name.words()
    }

    /// κ of a crowd.
    pub(super) fn bound(self) -> Option<f64> {
        match self {
            Self::Crowd { bound } => Some(bound),
            _ => None,
        }
    }

    /// γ of a porous medium.
    pub(super) fn exponent(self) -> Option<f64> {
        match self {
            Self::Porous { exponent } => Some(exponent),
            _ => None,
        }
    }

    /// U as a formula.
    pub(super) fn formula(self) -> String {
        match self {
            Self::Entropy => "Σ b log u".to_owned(),
            Self::Crowd { bound } => format!("0 where u ≤ {}", plain(bound)),
            Self::Porous { exponent } => {
                format!("Σ b u^(γ−1) / (γ − 1), γ = {}", plain(exponent))
            }
        }
    }
}

/// The numbers of a file of a potential, times its strength.
///
/// # Errors
///
/// A file that cannot be read, or that has another shape than the points.
pub(super) fn potential(file: &Path, support: &Measure, strength: f64) -> Result<Vec<f64>> {
    let is_array = [".npy", ".npz", ".npy.gz"].iter().any(|extension| {
        let name = formats::file_of(file)
            .to_string_lossy()
            .to_ascii_lowercase();
        name.ends_with(extension)
    });
    let (shape, mut values) = match is_array {
        true => {
            let numbers = formats::read_numbers(file)?;
            (numbers.shape, numbers.values)
        }
        false => match formats::read_contents(file, &Reading::default())? {
            Contents::Histogram(image) => (image.shape, image.masses),
            Contents::Cloud(_) => bail!(
                "{}: a potential is an array .npy with a number for each cell or point, or an image",
                file.display()
            ),
        },
    };
    let wanted = match on_grid(support) {
        Some(grid) => grid.shape().to_vec(),
        None => vec![support.len()],
    };
    let column = shape.len() == 2 && shape.ends_with(&[1]) && shape.starts_with(&wanted);
    if shape != wanted && !column {
        let found: Vec<_> = shape.iter().map(usize::to_string).collect();
        let wanted = match on_grid(support) {
            Some(grid) => cells(grid.shape()),
            None => format!("{} points", support.len()),
        };
        bail!(
            "{}: the potential has {} numbers, and the density {wanted}; give one number for each",
            file.display(),
            found.join("×")
        );
    }
    if !strength.is_finite() {
        bail!(
            "--strength is {}; it must be a finite number",
            plain(strength)
        );
    }
    values.iter_mut().for_each(|value| *value *= strength);
    Ok(values)
}

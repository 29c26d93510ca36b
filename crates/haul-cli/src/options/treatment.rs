//! How the files of clouds are read, and how the clouds are treated before a solve.

use super::number::number;
use super::reduction::Reduction;
use anyhow::Result;
use clap::{Args, ValueEnum};
use haul_files::{Cloud, Columns, Reading};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// How clouds are read, and what is made of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct Treatment {
    /// The columns that are coordinates, in this order: names in the header, or numbers counted from 1,
    /// as 1,2 or 2-9 [default: all but that of the weights; of a .ply x, y, z]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// The column that has the weights, by name or number; of an .npz the array [default: weight or
    /// weights, also with scalar_ before it]
    #[arg(long, value_name = "NAME")]
    pub(crate) weight_column: Option<String>,

    /// Whether the first row of a .csv or .xyz names the columns: yes or no [default: as it looks]
    #[arg(long, value_name = "yes|no", value_enum, hide_possible_values = true)]
    pub(crate) header: Option<Header>,

    /// The format of files whose names tell none, as -, /dev/stdin or <(…): csv, ply, npy.gz and so on
    /// [default of -: csv]
    #[arg(long, value_name = "EXT")]
    pub(crate) format: Option<haul_files::Kind>,

    /// Scale all masses to 1
    #[arg(long)]
    pub(crate) normalize: bool,

    /// Divide all weights by M, for instance by the mass of the first cloud: where masses differ and are far
    /// from 1, the mass that is moved depends on their unit
    #[arg(
        long,
        value_name = "M",
        conflicts_with = "normalize",
        allow_negative_numbers = true
    )]
    pub(crate) mass_unit: Option<MassUnit>,

    /// Give all points of a cloud the same weight and keep its mass; with --voxel all cells, so that a
    /// region that was scanned more densely weighs no more
    #[arg(long)]
    pub(crate) equal_weights: bool,

    #[command(flatten)]
    pub(crate) reduction: Reduction,
}

/// Whether the first row of a table names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Header {
    Yes,
    No,
}

/// The mass that counts as 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MassUnit(pub(crate) f64);

impl FromStr for MassUnit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = number(text)?;
        if unit.is_normal() && unit > 0.0 {
            Ok(Self(unit))
        } else {
            Err("it must be a positive number")
        }
    }
}

impl PartialEq for MassUnit {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for MassUnit {}

impl Hash for MassUnit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Treatment {
    /// How files are read.
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            columns: Columns {
                coordinates: self.columns.clone(),
                weight: self.weight_column.clone(),
                unweighted: self.equal_weights,
            },
            header: self.header.map(|header| header == Header::Yes),
            format: self.format,
        }
    }

    /// Whether every point stays, with the weight in its file.
    pub(crate) fn keeps_points(&self) -> bool {
        let scaled = self.normalize || self.mass_unit.is_some() || self.equal_weights;
        !scaled && !self.reduction.is_given()
    }

    /// The treated cloud; its mass is scaled later.
    pub(crate) fn apply(&self, cloud: Cloud) -> Result<Cloud> {
        let mut cloud = self.reduction.apply(cloud)?;
        if let Some(weights) = cloud.weights.as_mut().filter(|_| self.equal_weights) {
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            weights.fill(mean);
        }
        Ok(cloud)
    }

    /// How files are read without options.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self {
        columns: Vec::new(),
        weight_column: None,
        header: None,
        format: None,
        normalize: false,
        mass_unit: None,
        equal_weights: false,
        reduction: Reduction::NONE,
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_keep_the_mass_of_all_that_is_left() {
        let cloud = Cloud {
            points: vec![0.1, 0.2, 0.3, 5.5],
            dimension: 1,
            weights: Some(vec![1.0, 2.0, 3.0, 4.0]),
            names: None,
        };
        let treated = |equal_weights, reduction| {
            let treatment = Treatment {
                equal_weights,
                reduction,
                ..Treatment::PLAIN
            };
            treatment.apply(cloud.clone()).unwrap().weights.unwrap()
        };
        assert_eq!(treated(false, Reduction::voxels(1.0)), [6.0, 4.0]);
        assert_eq!(treated(true, Reduction::voxels(1.0)), [5.0, 5.0]);
        assert_eq!(treated(true, Reduction::NONE), [2.5; 4]);
    }
}

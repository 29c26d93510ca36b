//! What is made of a cloud before anything is solved: the options for it.

use crate::arguments::{Answer, Treatment, number, whole};
use crate::input;
use anyhow::Result;
use clap::Args;
use haul_files::{Cloud, Columns, Reading};
use std::hash::{Hash, Hasher};

/// What is made of large clouds before anything is solved.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reduction {
    /// Take N points of each cloud, drawn without replacement; the mass stays what it is, and what
    /// is written point by point is about these points
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64, 1, { u64::MAX }>)]
    subsample: Option<u64>,

    /// The seed of --subsample; the same one takes the same points of a cloud
    #[arg(long, value_name = "S", default_value_t = 0, requires = "subsample", allow_negative_numbers = true, value_parser = whole::<u64, 0, { u64::MAX }>)]
    seed: u64,

    /// Take one point for each cell of a grid: the centre of its mass, with that mass
    #[arg(
        long,
        value_name = "SIZE",
        conflicts_with = "subsample",
        allow_negative_numbers = true,
        value_parser = number
    )]
    voxel: Option<f64>,
}

impl PartialEq for Reduction {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Reduction {}

impl Hash for Reduction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
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
            header: self.header.map(|answer| answer == Answer::Yes),
            format: self.format,
        }
    }

    /// The cloud that takes the place of this one; its mass is scaled later.
    pub(crate) fn apply(&self, cloud: Cloud) -> Result<Cloud> {
        let mut cloud = self.reduction.apply(cloud)?;
        if let Some(weights) = cloud.weights.as_mut().filter(|_| self.equal_weights) {
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            weights.fill(mean);
        }
        Ok(cloud)
    }
}

impl Reduction {
    /// Every point stays.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        subsample: None,
        seed: 0,
        voxel: None,
    };

    /// So many points of each cloud.
    #[cfg(test)]
    pub(crate) fn of(points: u64) -> Self {
        Self {
            subsample: Some(points),
            ..Self::NONE
        }
    }

    fn bits(&self) -> (Option<u64>, u64, Option<u64>) {
        (self.subsample, self.seed, self.voxel.map(f64::to_bits))
    }

    /// Whether there is anything to do.
    pub(crate) fn is_given(&self) -> bool {
        self.subsample.is_some() || self.voxel.is_some()
    }

    /// The cloud that takes the place of this one.
    fn apply(&self, cloud: Cloud) -> Result<Cloud> {
        let reduction = match (self.subsample, self.voxel) {
            (Some(count), _) => haul::Reduction::Sample {
                points: usize::try_from(count).unwrap_or(usize::MAX),
                seed: self.seed,
            },
            (None, Some(size)) => haul::Reduction::Voxels { size },
            (None, None) => return Ok(cloud),
        };
        let Cloud {
            points,
            dimension,
            weights,
        } = cloud;
        let reduced = reduction.apply_to(points, dimension, weights);
        let (points, weights) = reduced.map_err(input::in_options)?;
        Ok(Cloud {
            points,
            dimension,
            weights,
        })
    }
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
        };
        let treated = |equal_weights, voxel| {
            let reduction = Reduction {
                voxel,
                ..Reduction::NONE
            };
            let treatment = Treatment {
                columns: Vec::new(),
                weight_column: None,
                header: None,
                format: None,
                normalize: false,
                mass_unit: None,
                equal_weights,
                reduction,
            };
            treatment.apply(cloud.clone()).unwrap().weights.unwrap()
        };
        assert_eq!(treated(false, Some(1.0)), [6.0, 4.0]);
        assert_eq!(treated(true, Some(1.0)), [5.0, 5.0]);
        assert_eq!(treated(true, None), [2.5; 4]);
    }
}

//! Options to thin large clouds before a solve.

use super::number::{number, whole};
use super::problem::in_options;
use anyhow::Result;
use clap::Args;
use haul_files::Cloud;
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

impl Reduction {
    /// Keeps every point.
    pub(crate) const NONE: Self = Self {
        subsample: None,
        seed: 0,
        voxel: None,
    };

    /// Keeps this many points of each cloud.
    #[cfg(test)]
    pub(crate) fn of(points: u64) -> Self {
        Self {
            subsample: Some(points),
            ..Self::NONE
        }
    }

    /// Keeps one point for each cell of this size.
    #[cfg(test)]
    pub(crate) fn voxels(size: f64) -> Self {
        Self {
            voxel: Some(size),
            ..Self::NONE
        }
    }

    fn bits(&self) -> (Option<u64>, u64, Option<u64>) {
        (self.subsample, self.seed, self.voxel.map(f64::to_bits))
    }

    /// Whether an option is given.
    pub(crate) fn is_given(&self) -> bool {
        self.subsample.is_some() || self.voxel.is_some()
    }

    /// The most points that a cloud keeps, if given.
    pub(crate) fn most(&self) -> Option<u64> {
        self.subsample
    }

    /// Whether clouds are thinned by the cells of a grid.
    pub(crate) fn by_voxels(&self) -> bool {
        self.voxel.is_some()
    }

    /// The thinned cloud.
    pub(super) fn apply(&self, cloud: Cloud) -> Result<Cloud> {
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
            names,
            labels: _,
        } = cloud;
        let reduced = reduction.apply_to(points, dimension, weights);
        let (points, weights) = reduced.map_err(in_options)?;
        Ok(Cloud {
            points,
            dimension,
            weights,
            names,
            // Which points stay is not known any more.
            labels: Vec::new(),
        })
    }
}

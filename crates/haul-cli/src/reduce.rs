//! Fewer points for a cloud: a part of them drawn at random, or the centres of mass of the cells of
//! a grid. Both keep the total mass, and take no more room than the cloud itself.

use crate::arguments::{Answer, Treatment, number, whole};
use crate::report::plain;
use anyhow::{Result, bail};
use clap::Args;
use haul_files::{Cloud, Columns, Reading};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::collections::HashMap;
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
    pub(crate) fn apply(&self, cloud: Cloud) -> Result<Cloud> {
        match (self.subsample, self.voxel) {
            (Some(count), _) => Ok(subsample(cloud, count, self.seed)),
            (None, Some(size)) => voxels(cloud, size),
            (None, None) => Ok(cloud),
        }
    }
}

/// `count` of the points, every choice of so many equally likely, in the order they had: each point
/// is taken with the probability (still wanted)/(still there) (Knuth, The Art of Computer
/// Programming, volume 2, section 3.4.2, algorithm S). Their weights are scaled to the mass of all.
fn subsample(mut cloud: Cloud, count: u64, seed: u64) -> Cloud {
    let (n, d) = (cloud.points.len() / cloud.dimension, cloud.dimension);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut wanted = usize::try_from(count).unwrap_or(n).min(n);
    let all = cloud.weights.iter().flatten().sum::<f64>();
    let mut taken = 0;
    for i in 0..n {
        if random.random::<f64>() * ((n - i) as f64) < wanted as f64 {
            cloud.points.copy_within(i * d..(i + 1) * d, taken * d);
            if let Some(weights) = &mut cloud.weights {
                weights[taken] = weights[i];
            }
            (taken, wanted) = (taken + 1, wanted - 1);
        }
    }
    cloud.points.truncate(taken * d);
    cloud.points.shrink_to_fit();
    if let Some(weights) = &mut cloud.weights {
        weights.truncate(taken);
        weights.shrink_to_fit();
        let scale = all / weights.iter().sum::<f64>();
        // Where all that is taken weighs nothing, its mass is refused later.
        if scale.is_finite() {
            weights.iter_mut().for_each(|weight| *weight *= scale);
        }
    }
    cloud
}

/// One point a cell [k SIZE, (k + 1) SIZE) of every axis that holds mass: the mean of its points,
/// weighted, with the sum of their weights. Cells come in the order of their first points.
fn voxels(mut cloud: Cloud, size: f64) -> Result<Cloud> {
    if !(size.is_finite() && size > 0.0) {
        bail!("--voxel is {}; it must be finite and above 0", plain(size));
    }
    let (n, d) = (cloud.points.len() / cloud.dimension, cloud.dimension);
    let uniform = 1.0 / n as f64;
    let mut weights = cloud.weights.take().unwrap_or_else(|| vec![uniform; n]);
    let mut cells: HashMap<Box<[i64]>, usize> = HashMap::new();
    let (mut point, mut cell) = (vec![0.0; d], vec![0; d]);
    for i in 0..n {
        let weight = weights[i];
        if weight == 0.0 {
            continue;
        }
        point.copy_from_slice(&cloud.points[i * d..][..d]);
        for (k, x) in cell.iter_mut().zip(&point) {
            let index = (x / size).floor();
            // Beyond this integers are no longer told apart.
            if index.abs() > 2f64.powi(53) {
                bail!(
                    "--voxel is {}, too small for a coordinate of {}; choose larger cells",
                    plain(size),
                    plain(*x)
                );
            }
            *k = index as i64;
        }
        // As many cells as points so far, at most: theirs is the room that these have left.
        let new = cells.len();
        let at = match cells.get(&*cell) {
            Some(&at) => at,
            None => {
                cells.insert(cell.as_slice().into(), new);
                weights[new] = 0.0;
                new
            }
        };
        weights[at] += weight;
        let share = weight / weights[at];
        let centre = &mut cloud.points[at * d..][..d];
        for (centre, x) in centre.iter_mut().zip(&point) {
            *centre = if at == new {
                *x
            } else {
                *centre + share * (x - *centre)
            };
        }
    }
    // A cloud without mass has no cells; it stays, and is refused for that later.
    if !cells.is_empty() {
        cloud.points.truncate(cells.len() * d);
        cloud.points.shrink_to_fit();
        weights.truncate(cells.len());
        weights.shrink_to_fit();
    }
    cloud.weights = Some(weights);
    Ok(cloud)
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

    fn line(n: usize, weights: Option<Vec<f64>>) -> Cloud {
        Cloud {
            points: (0..2 * n).map(|i| i as f64).collect(),
            dimension: 2,
            weights,
        }
    }

    #[test]
    fn a_sample_is_of_the_cloud_without_repetition_and_as_heavy() {
        let weights: Vec<f64> = (0..50).map(|i| f64::from(i % 7)).collect();
        let total: f64 = weights.iter().sum();
        let sample = subsample(line(50, Some(weights.clone())), 20, 3);
        assert_eq!(sample.points.len(), 40);
        assert!(sample.points.is_sorted_by(|a, b| a < b), "no point twice");
        let taken = sample.weights.unwrap();
        assert!((taken.iter().sum::<f64>() - total).abs() < 1e-12);
        let heaviest = taken.iter().fold(0.0, |most: f64, w| most.max(*w));
        for (point, weight) in sample.points.chunks_exact(2).zip(&taken) {
            assert_eq!(point[1], point[0] + 1.0, "a point stays whole");
            let old = weights[point[0] as usize / 2];
            assert!((weight / heaviest - old / 6.0).abs() < 1e-12);
        }
        assert_eq!(subsample(line(50, None), 20, 3).points, sample.points);
        assert_ne!(subsample(line(50, None), 20, 4).points, sample.points);
        assert_eq!(subsample(line(5, None), 9, 3), line(5, None));
    }

    #[test]
    fn every_point_is_as_likely() {
        let mut times = [0_u32; 10];
        for seed in 0..4000 {
            for point in subsample(line(10, None), 3, seed).points.chunks_exact(2) {
                times[point[0] as usize / 2] += 1;
            }
        }
        // 1200 each, with a standard deviation of √(4000 · 0.3 · 0.7) = 29.
        assert!(
            times.iter().all(|&times| times.abs_diff(1200) < 4 * 29),
            "{times:?}"
        );
    }

    #[test]
    fn cells_keep_mass_and_its_moments() {
        let cloud = Cloud {
            points: vec![0.1, 0.1, 9.5, 0.0, 0.3, 0.5, -0.1, 0.2, 0.9, 0.9, 5.0, 5.0],
            dimension: 2,
            weights: Some(vec![1.0, 2.0, 3.0, 4.0, 0.0, 0.0]),
        };
        let cells = voxels(cloud.clone(), 1.0).unwrap();
        let expected = [0.25, 0.4, 9.5, 0.0, -0.1, 0.2];
        for (found, expected) in cells.points.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{:?}", cells.points);
        }
        assert_eq!(cells.points.len(), expected.len());
        assert_eq!(cells.weights.unwrap(), [4.0, 2.0, 4.0]);

        let large = voxels(cloud.clone(), 100.0).unwrap();
        assert_eq!(large.weights.unwrap(), [6.0, 4.0], "0 divides cells");
        for size in [0.0, -1.0, f64::NAN, 1e-300] {
            assert!(voxels(cloud.clone(), size).is_err(), "{size}");
        }
    }
}

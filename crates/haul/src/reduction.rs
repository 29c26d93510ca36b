//! Fewer points for a cloud: a random sample, or the centres of mass of the cells of a grid. Both keep the total mass, and need
//! no more memory than the cloud itself.

use crate::{Error, Measure, Result};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::collections::HashMap;

/// A way to make a cloud smaller before a problem is posed.
///
/// The result depends only on the cloud and on the reduction, so that a divergence of a cloud from itself stays 0.
///
/// ```
/// use haul::{Measure, Reduction};
/// let line = Measure::uniform(&[0.1, 0.3, 0.8, 5.5], 1)?;
/// let cells = Reduction::Voxels { size: 1.0 }.apply(&line)?;
/// assert_eq!((cells.len(), cells.weights()), (2, &[0.75, 0.25][..]));
/// assert!((cells.points()[0] - 0.4).abs() < 1e-15);
///
/// let two = Reduction::Sample { points: 2, seed: 7 }.apply(&line)?;
/// assert_eq!((two.len(), two.mass()), (2, 1.0));
/// # Ok::<(), haul::Error>(())
/// ```
///
/// A map that was solved for the remaining points extends to all of them, by [`Plan::map_points`](crate::Plan::map_points).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reduction {
    /// One point for each cell ∏ₖ [iₖ s, (iₖ + 1) s) that holds mass: with the points xⱼ and weights aⱼ of the cell, the centre
    /// Σⱼ aⱼ xⱼ / Σⱼ aⱼ with the weight Σⱼ aⱼ. Cells come in the order of their first points.
    Voxels {
        /// The side s of a cell, above 0, in units of the points.
        size: f64,
    },
    /// A sample of `points` of the points, drawn without replacement, every sample equally likely; in their original order,
    /// with weights scaled to the total mass. A cloud with no more points is left unchanged.
    Sample {
        /// Number of points, at least 1.
        points: usize,
        /// The same seed draws the same points of a cloud, on every machine.
        seed: u64,
    },
}

impl Reduction {
    /// The reduced measure.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`], named `voxel` or `points`, for a number out of its range; a cell is too small where a coordinate is
    /// 2⁵³ of them from 0. [`Error::BadMass`] where all points that were drawn have the weight 0.
    pub fn apply(&self, measure: &Measure) -> Result<Measure> {
        let (points, weights) = (measure.points().to_vec(), measure.weights().to_vec());
        let d = measure.dimension();
        let (points, weights) = self.apply_to(points, d, Some(weights))?;
        let n = points.len() / d;
        Measure::new(
            points,
            d,
            weights.unwrap_or_else(|| vec![1.0 / n as f64; n]),
        )
    }

    /// The same for coordinates, n×`dimension` row-major, and n weights, in place: for clouds that nearly fill the machine's
    /// memory. Without weights all are 1/n; a sample then has none either. The numbers themselves are not checked:
    /// [`Measure::new`] does that.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] as for [`apply`](Self::apply); [`Error::ZeroDimension`], [`Error::RaggedPoints`] and
    /// [`Error::WeightsLength`] for lengths that do not match.
    pub fn apply_to(
        &self,
        points: Vec<f64>,
        dimension: usize,
        weights: Option<Vec<f64>>,
    ) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        if dimension == 0 {
            return Err(Error::ZeroDimension);
        }
        let coordinates = points.len();
        if !coordinates.is_multiple_of(dimension) {
            return Err(Error::RaggedPoints {
                coordinates,
                dimension,
            });
        }
        let n = coordinates / dimension;
        match weights.as_ref().map(Vec::len) {
            Some(weights) if weights != n => Err(Error::WeightsLength { points: n, weights }),
            _ => match *self {
                Self::Voxels { size } => voxels(points, dimension, weights, size),
                Self::Sample { points: 0, .. } => Err(Error::BadParameter {
                    name: "points",
                    value: 0.0,
                    range: "at least 1",
                }),
                Self::Sample {
                    points: count,
                    seed,
                } => Ok(sample(points, dimension, weights, (count, seed))),
            },
        }
    }
}

/// Draws `count` of the points, in their original order: each point is taken with the probability (still wanted)/(still there)
/// (Knuth, The Art of Computer Programming, volume 2, section 3.4.2, algorithm S).
fn sample(
    mut points: Vec<f64>,
    d: usize,
    mut weights: Option<Vec<f64>>,
    (count, seed): (usize, u64),
) -> (Vec<f64>, Option<Vec<f64>>) {
    let n = points.len() / d;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut wanted = count.min(n);
    let all = weights.iter().flatten().sum::<f64>();
    let mut taken = 0;
    for i in 0..n {
        if random.random::<f64>() * ((n - i) as f64) < wanted as f64 {
            points.copy_within(i * d..(i + 1) * d, taken * d);
            if let Some(weights) = &mut weights {
                weights[taken] = weights[i];
            }
            (taken, wanted) = (taken + 1, wanted - 1);
        }
    }
    points.truncate(taken * d);
    points.shrink_to_fit();
    if let Some(weights) = &mut weights {
        weights.truncate(taken);
        weights.shrink_to_fit();
        let scale = all / weights.iter().sum::<f64>();
        // If the sampled weights are all 0, the mass is refused later.
        if scale.is_finite() {
            weights.iter_mut().for_each(|weight| *weight *= scale);
        }
    }
    (points, weights)
}

fn voxels(
    mut points: Vec<f64>,
    d: usize,
    weights: Option<Vec<f64>>,
    size: f64,
) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
    let bad = |range| Error::BadParameter {
        name: "voxel",
        value: size,
        range,
    };
    if !(size.is_finite() && size > 0.0) {
        return Err(bad("finite and above 0"));
    }
    let n = points.len() / d;
    let mut weights = weights.unwrap_or_else(|| vec![1.0 / n as f64; n]);
    let mut cells: HashMap<Box<[i64]>, usize> = HashMap::new();
    let (mut point, mut cell) = (vec![0.0; d], vec![0; d]);
    for i in 0..n {
        let weight = weights[i];
        if weight == 0.0 {
            continue;
        }
        point.copy_from_slice(&points[i * d..][..d]);
        for (k, x) in cell.iter_mut().zip(&point) {
            let index = (x / size).floor();
            // f64 does not tell larger integers apart.
            if index.abs() > 2f64.powi(53) {
                return Err(bad(
                    "at least 2^-53 of the largest coordinate: choose larger cells",
                ));
            }
            *k = index as i64;
        }
        // There are at most as many cells as points so far, so a new one fits in their place.
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
        let centre = &mut points[at * d..][..d];
        for (centre, x) in centre.iter_mut().zip(&point) {
            *centre = if at == new {
                *x
            } else {
                *centre + share * (x - *centre)
            };
        }
    }
    // A cloud without mass has no cells; it is left unchanged, and refused later.
    if !cells.is_empty() {
        points.truncate(cells.len() * d);
        points.shrink_to_fit();
        weights.truncate(cells.len());
        weights.shrink_to_fit();
    }
    Ok((points, Some(weights)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The points (0, 1), (2, 3), …
    fn line(n: usize) -> Vec<f64> {
        (0..2 * n).map(|i| i as f64).collect()
    }

    fn sampled(n: usize, points: usize, seed: u64) -> Vec<f64> {
        let sample = Reduction::Sample { points, seed };
        sample.apply_to(line(n), 2, None).unwrap().0
    }

    #[test]
    fn a_sample_is_of_the_cloud_without_repetition_and_as_heavy() {
        let weights: Vec<f64> = (0..50).map(|i| f64::from(i % 7)).collect();
        let measure = Measure::new(line(50), 2, weights.clone()).unwrap();
        let reduction = Reduction::Sample {
            points: 20,
            seed: 3,
        };
        let sample = reduction.apply(&measure).unwrap();
        assert_eq!(sample.len(), 20);
        assert!(
            sample.points().is_sorted_by(|a, b| a < b),
            "no point comes twice"
        );
        assert!((sample.mass() - measure.mass()).abs() < 1e-12);
        let heaviest = sample
            .weights()
            .iter()
            .fold(0.0, |most: f64, w| most.max(*w));
        for (point, weight) in sample.points().chunks_exact(2).zip(sample.weights()) {
            assert_eq!(point[1], point[0] + 1.0, "a point stays whole");
            let old = weights[point[0] as usize / 2];
            assert!((weight / heaviest - old / 6.0).abs() < 1e-12);
        }
        // Weights do not affect the draw; the seed does.
        assert_eq!(sampled(50, 20, 3), sample.points());
        assert_ne!(sampled(50, 20, 4), sample.points());
        assert_eq!(sampled(5, 9, 3), line(5));
    }

    #[test]
    fn every_point_is_as_likely() {
        let mut times = [0_u32; 10];
        for seed in 0..4000 {
            for point in sampled(10, 3, seed).chunks_exact(2) {
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
        let points = vec![0.1, 0.1, 9.5, 0.0, 0.3, 0.5, -0.1, 0.2, 0.9, 0.9, 5.0, 5.0];
        let weights = vec![1.0, 2.0, 3.0, 4.0, 0.0, 0.0];
        let cloud = Measure::new(points, 2, weights).unwrap();
        let voxels = |size| Reduction::Voxels { size }.apply(&cloud);
        let cells = voxels(1.0).unwrap();
        let expected = [0.25, 0.4, 9.5, 0.0, -0.1, 0.2];
        assert_eq!(cells.points().len(), expected.len());
        for (found, expected) in cells.points().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{:?}", cells.points());
        }
        assert_eq!(cells.weights(), [4.0, 2.0, 4.0]);
        assert_eq!(
            voxels(100.0).unwrap().weights(),
            [6.0, 4.0],
            "0 divides cells"
        );
        for size in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            let error = voxels(size).unwrap_err().to_string();
            assert!(
                error.starts_with("voxel is ") && error.contains("it must be"),
                "{error}"
            );
        }
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let sample = Reduction::Sample { points: 1, seed: 0 };
        for reduction in [sample, Reduction::Voxels { size: 1.0 }] {
            let of = |points: &[f64], d, weights| reduction.apply_to(points.to_vec(), d, weights);
            assert!(matches!(of(&[1.0], 0, None), Err(Error::ZeroDimension)));
            let ragged = of(&[1.0; 3], 2, None);
            assert!(matches!(ragged, Err(Error::RaggedPoints { .. })));
            let long = of(&[1.0; 4], 2, Some(vec![1.0; 3]));
            assert!(matches!(long, Err(Error::WeightsLength { .. })));
            assert!(of(&[1.0; 4], 2, Some(vec![1.0; 2])).is_ok());
            assert!(of(&[], 2, None).is_ok());
        }
        let none = Reduction::Sample { points: 0, seed: 0 };
        let none = none.apply_to(line(3), 2, None);
        assert!(matches!(
            none,
            Err(Error::BadParameter { name: "points", .. })
        ));
    }
}

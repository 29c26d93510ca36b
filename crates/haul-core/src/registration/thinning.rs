//! Subsamples of a cloud, for steps that need only its shape.

use crate::{Measure, Result};

/// The fractional part of the golden ratio; its multiples fill an interval evenly and without a period.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// At most `most` of the points, at least 1, with the mass of all: one from each run of n/`most`, at a position that
/// changes from run to run, so that a period of the file has no effect. A measure with no more points is left as it
/// is, and so is one if these points have weight 0.
pub(super) fn thinned(measure: &Measure, most: usize) -> Result<Measure> {
    let (n, d) = (measure.len(), measure.dimension());
    if n <= most {
        return Ok(measure.clone());
    }
    let length = n as f64 / most as f64;
    let place = |k: usize| {
        let within = (k as f64 * GOLDEN).fract();
        (((k as f64 + within) * length) as usize).min(n - 1)
    };
    let (mut points, mut weights) = (Vec::with_capacity(most * d), Vec::with_capacity(most));
    for i in (0..most).map(place) {
        points.extend_from_slice(&measure.points()[i * d..(i + 1) * d]);
        weights.push(measure.weights()[i]);
    }
    let mass: f64 = weights.iter().sum();
    if mass == 0.0 {
        return Ok(measure.clone());
    }
    let scale = measure.mass() / mass;
    weights.iter_mut().for_each(|weight| *weight *= scale);
    Measure::new(points, d, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_the_points_has_the_mass_and_the_shape_of_all() {
        // Rows of a scan with a period that divides the step.
        let points: Vec<f64> = (0..64 * 64)
            .flat_map(|i| [f64::from(i / 64), f64::from(i % 64)])
            .collect();
        let all = Measure::uniform(&points, 2).unwrap();
        let part = thinned(&all, 64).unwrap();
        assert_eq!(part.len(), 64);
        assert!((part.mass() - 1.0).abs() < 1e-14);
        let spread = |measure: &Measure| {
            let column = |k: usize| measure.points().iter().skip(k).step_by(2);
            [0, 1].map(|k| {
                let mean: f64 = column(k).sum::<f64>() / measure.len() as f64;
                column(k).map(|x| (x - mean).powi(2)).sum::<f64>() / measure.len() as f64
            })
        };
        for (part, all) in spread(&part).into_iter().zip(spread(&all)) {
            assert!((part / all - 1.0).abs() < 0.2, "{part} {all}");
        }
        assert_eq!(thinned(&all, 5000).unwrap(), all);
        let mut weights = vec![0.0; 4096];
        weights[0] = 1.0;
        let heavy = all.with_weights(&weights).unwrap();
        assert!((thinned(&heavy, 7).unwrap().mass() - 1.0).abs() < 1e-14);
    }
}

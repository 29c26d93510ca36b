//! The forecast before a long solve: how much work there is, how long it takes, and what would make it short.
//!
//! The task's solver runs on some of the points, and a pass over some thousand points is timed. The estimate is the
//! number of passes of the first at the rate of the second.

use crate::input::{self, Cloud};
use crate::number::{self, duration};
use crate::passes::{Passes, Sample};
use crate::speed;
use crate::task::Task;
use haul::{Cost, Device};
use std::sync::Arc;

/// Work below this takes a few seconds at most on any machine, in pairs: it gets no forecast.
const LEAST_PAIRS: f64 = 5e8;

/// Passes of a solve, as a first guess.
const PASSES: f64 = 50.0;

/// Seconds below which a solve counts as short.
const SHORT: f64 = 4.0;

/// The most points of each cloud in the sample solve, and in the pass that is timed.
const SAMPLE: usize = 1024;
const TIMED: usize = 4096;

/// Number of timed runs of that pass.
const RUNS: usize = 3;

/// The forecast of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forecast {
    /// The points of each cloud.
    points: Vec<f64>,
    /// Pairs of points of all passes, and the pairs per second of the device.
    pairs: f64,
    rate: f64,
    /// The number of points of each cloud that makes the solve short, and the seconds it then takes.
    thinned: Option<(f64, f64)>,
    /// Whether clouds are already thinned by the cells of a grid.
    by_voxels: bool,
}

impl Forecast {
    /// The forecast of a task; `None` if it is short, or if the sample cannot be solved, for instance because of its
    /// weights.
    pub(crate) fn of<T: Task>(task: &T, device: &Device, clouds: &[Arc<Cloud>]) -> Option<Self> {
        // Between grids a pass runs axis by axis, and has far fewer pairs than points times points.
        if clouds
            .iter()
            .all(|it| input::on_grid(&it.measure).is_some())
        {
            return None;
        }
        let points: Vec<_> = clouds.iter().map(|it| it.measure.len() as f64).collect();
        let work = task.work(&points);
        let thought = if work.iteration.is_some() {
            PASSES
        } else {
            1.0
        };
        if work.pairs() * thought < LEAST_PAIRS {
            return None;
        }
        let (passes, cost) = match &work.iteration {
            Some(sinkhorn) => {
                let clouds = input::two(clouds).ok()?.map(|cloud| &cloud.measure);
                // The pairs that are near do not follow from the passes over all pairs of a sample.
                if sinkhorn.is_multiscale(clouds[0], clouds[1]).ok()? {
                    return None;
                }
                let sample = Sample::of(&work, device, clouds, SAMPLE).ok()?;
                (sample.passes, sample.cost)
            }
            None => (Passes::ONE, Cost::SquaredEuclidean),
        };
        let inputs = task.inputs();
        let by_voxels = inputs.iter().any(|it| it.treatment.reduction.by_voxels());
        let pairs_of = |points: &[f64]| passes.pairs(&task.work(points));
        Self::new(points, pairs_of, rate(device, cost, clouds)?, by_voxels)
    }

    /// The forecast of work that evaluates so many pairs for clouds of these sizes, at a rate.
    fn new(
        points: Vec<f64>,
        pairs_of: impl Fn(&[f64]) -> f64,
        rate: f64,
        by_voxels: bool,
    ) -> Option<Self> {
        let pairs = pairs_of(&points);
        if pairs / rate <= SHORT {
            return None;
        }
        let seconds = |most: f64| {
            let thinned: Vec<_> = points.iter().map(|n| n.min(most)).collect();
            pairs_of(&thinned) / rate
        };
        // Round to 500, 200, 100 and so on.
        let rounded =
            (0..).flat_map(|power| [5.0, 2.0, 1.0].map(|digit| digit * 10f64.powi(8 - power)));
        let most = rounded
            .take_while(|most| *most >= 100.0)
            .find(|most| seconds(*most) <= SHORT);
        Some(Self {
            thinned: most.map(|most| (most, seconds(most))),
            points,
            pairs,
            rate,
            by_voxels,
        })
    }
}

impl std::fmt::Display for Forecast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            points,
            pairs,
            rate,
            thinned,
            by_voxels,
        } = self;
        let points: Vec<_> = points.iter().map(f64::to_string).collect();
        write!(
            f,
            "{} points: about {}, for {} at {}/s",
            points.join(" × "),
            duration(pairs / rate),
            number::pairs(*pairs),
            number::pairs(*rate)
        )?;
        match thinned {
            Some((most, seconds)) if *by_voxels => write!(
                f,
                "; a --voxel that leaves {most} points makes it {}",
                duration(*seconds)
            ),
            Some((most, seconds)) => {
                write!(f, "; --subsample {most} makes it {}", duration(*seconds))
            }
            None => Ok(()),
        }
    }
}

/// Pairs per second of a pass.
fn rate(device: &Device, cost: Cost, clouds: &[Arc<Cloud>]) -> Option<f64> {
    let measures = || clouds.iter().map(|cloud| &cloud.measure);
    let dimension = measures().next()?.dimension();
    let points = measures().map(|measure| measure.len().min(TIMED)).max()?;
    let mut times = speed::times(device, cost, (points, points, dimension), RUNS).ok()?;
    Some((points as f64).powi(2) / speed::median(&mut times))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A solve of 30 passes at 1 Gpairs/s.
    fn forecast(points: &[f64], by_voxels: bool) -> Option<Forecast> {
        let pairs = |points: &[f64]| 30.0 * points.iter().product::<f64>();
        Forecast::new(points.to_vec(), pairs, 1e9, by_voxels)
    }

    #[test]
    fn what_is_short_is_not_told_of() {
        assert_eq!(forecast(&[5000.0, 5000.0], false), None);
        assert!(forecast(&[2e4, 1e4], false).is_some());
    }

    #[test]
    fn what_is_long_is_told_with_what_makes_it_short() {
        let told = |points: &[f64], by_voxels| forecast(points, by_voxels).unwrap().to_string();
        assert_eq!(
            told(&[1e6, 2e5], false),
            "1000000 × 200000 points: about 1 h 40 min, for 6000 Gpairs at 1 Gpairs/s; --subsample 10000 makes it 3 s"
        );
        assert!(
            told(&[1e6, 2e5], true).ends_with("; a --voxel that leaves 10000 points makes it 3 s")
        );
        // The smaller cloud keeps all of its points.
        let small = forecast(&[1e7, 100.0], false).unwrap();
        assert_eq!(small.thinned, Some((1e6, 3.0)));
    }
}

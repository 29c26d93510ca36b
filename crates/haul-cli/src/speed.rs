//! The speed of the softmin of a device.
//!
//! Two uniform clouds in the cube [−1, 1]^d, a blur of 0.05 of its diagonal, and a potential after a few updates: the
//! timed pass is typical of the middle of a solve, with the corresponding shift. Each run ends with reading back a
//! result, and the median is reported.

use haul::engine::{Kernel, Pairs, Side};
use haul::{Cost, CpuEngine, Device, Engine};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::time::Instant;

/// Updates of both potentials before the timed pass.
const UPDATES: usize = 2;

/// The speed of a device, from a short measurement.
pub(crate) struct Speed {
    /// Points of each of the two clouds.
    pub(crate) points: usize,
    pub(crate) pairs_per_second: f64,
    /// The bound from the arithmetic of a CPU.
    pub(crate) floor: Option<f64>,
}

/// The rate of a softmin of the cost |x − y|², with enough points for a measurable time.
///
/// # Errors
///
/// Those of the device.
pub(crate) fn speed(device: &Device, d: usize) -> haul::Result<Speed> {
    const SECONDS: f64 = 0.02;
    const MOST: usize = 1 << 16;
    let cost = Cost::SquaredEuclidean;
    let mut points = 1 << 12;
    loop {
        let seconds = median(&mut times(device, cost, (points, points, d), 3)?);
        if seconds >= SECONDS || points >= MOST {
            return Ok(Speed {
                points,
                pairs_per_second: (points as f64).powi(2) / seconds,
                floor: floor(device, cost, d, 0)?,
            });
        }
        points *= 2;
    }
}

/// Pairs per second that a CPU's arithmetic admits; 0 threads means one for each processor.
pub(crate) fn floor(
    device: &Device,
    cost: Cost,
    d: usize,
    threads: usize,
) -> haul::Result<Option<f64>> {
    Ok(match device {
        Device::Cpu(_) => Some(CpuEngine::<f32>::floor_pairs_per_second(cost, d, threads)?),
        Device::CpuF64(_) => Some(CpuEngine::<f64>::floor_pairs_per_second(cost, d, threads)?),
        _ => None,
    })
}

/// The seconds of each run of a softmin of n rows over m columns.
pub(crate) fn times(
    device: &Device,
    cost: Cost,
    (n, m, d): (usize, usize, usize),
    runs: usize,
) -> haul::Result<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut cloud = |points: usize| {
        let coordinate = || 2.0 * random.random::<f64>() - 1.0;
        let coordinates: Vec<f64> = std::iter::repeat_with(coordinate)
            .take(points * d)
            .collect();
        let weights = device.weights(&vec![1.0 / points as f64; points], 1)?;
        Ok::<_, haul::Error>((device.points(&coordinates, d)?, weights))
    };
    let ((x, a), (y, b)) = (cloud(n)?, cloud(m)?);
    let (mut f, mut g) = (device.zeros(n)?, device.zeros(m)?);
    let diagonal = 2.0 * (d as f64).sqrt();
    let kernel = Kernel {
        cost,
        epsilon: cost.at(0.05 * diagonal),
    };
    let (forth, back) = (Pairs::new(kernel, &x, &y), Pairs::new(kernel, &y, &x));
    for _ in 0..UPDATES {
        device.softmin(back, Side::new(&a, &f), None, None, &mut g)?;
        device.softmin(forth, Side::new(&b, &g), None, None, &mut f)?;
    }

    let columns = Side::new(&b, &g);
    let mut out = device.zeros(n)?;
    let mut times = Vec::with_capacity(runs);
    // The first run warms up.
    for run in 0..=runs {
        let start = Instant::now();
        device.softmin(forth, columns, Some(&f), None, &mut out)?;
        pollster::block_on(device.read(&out))?;
        if run > 0 {
            times.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(times)
}

/// The median of some times.
pub(crate) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    let half = times.len() / 2;
    if times.len() % 2 == 1 {
        at(half)
    } else {
        0.5 * (at(half - 1) + at(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_there() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}

//! `haul bench softmin`: pairs per second of the engine, beside what the machine's arithmetic
//! admits.
//!
//! Two uniform clouds in the cube [−1, 1]^d, the blur of 0.05 of its diagonal, and a potential a
//! few updates from anywhere: the pass that is timed is one of the middle of a solve, with the
//! shift that belongs to it. Each run ends with a result read back, and the median is told.

use crate::arguments::{Operator, Softmin};
use crate::device;
use crate::outcome::{self, Outcome};
use crate::rows::{Rows, STRONG, styled};
use anyhow::{Result, bail};
use haul::engine::{Kernel, Pairs, Side};
use haul::{Cost, CpuEngine, Device, Engine};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde::Serialize;
use std::time::Instant;

/// Updates of both potentials before the pass that is timed.
const UPDATES: usize = 2;

/// The JSON object of a measurement; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Measurement<'d> {
    operator: &'static str,
    n: usize,
    m: usize,
    d: usize,
    device: &'d str,
    precision: &'static str,
    pairs_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor_pairs_per_second: Option<f64>,
    seconds: f64,
    runs: usize,
}

pub(crate) fn run(operator: &Operator) -> Result<Outcome> {
    match operator {
        Operator::Softmin(softmin) => run_softmin(softmin),
    }
}

fn run_softmin(arguments: &Softmin) -> Result<Outcome> {
    let cost = Cost::power(arguments.p)?;
    let (n, d) = (arguments.n as usize, arguments.d as usize);
    let m = arguments.m.map_or(n, |m| m as usize);
    let runs = arguments.runs as usize;
    for points in [n, m] {
        if points
            .checked_mul(d)
            .is_none_or(|count| count > MOST_COORDINATES)
        {
            bail!("{points} points of dimension {d} are more than a measurement needs");
        }
    }
    let device = device::open(&arguments.engine)?;
    let threads = arguments.engine.threads.map_or(0, usize::from);
    let floor = floor(&device, cost, d, threads)?;
    let seconds = median(&mut times(&device, cost, (n, m, d), runs)?);
    let measurement = Measurement {
        operator: "softmin",
        n,
        m,
        d,
        device: device.device(),
        precision: device.precision().name(),
        pairs_per_second: n as f64 * m as f64 / seconds,
        floor_pairs_per_second: floor,
        seconds,
        runs,
    };
    if arguments.json {
        outcome::print(&(serde_json::to_string(&measurement)? + "\n"))?;
    } else {
        outcome::show(&text(&measurement, cost))?;
    }
    Ok(Outcome::Done)
}

/// How fast a device is, measured in a moment.
pub(crate) struct Speed {
    /// Points of each of the two clouds.
    pub(crate) points: usize,
    pub(crate) pairs_per_second: f64,
    /// What the arithmetic of a CPU admits.
    pub(crate) floor: Option<f64>,
}

/// The rate of a softmin of the cost |x − y|², of as many points as it takes for a pass to last.
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

/// Pairs per second that a CPU's arithmetic admits; 0 threads are one for each processor.
fn floor(device: &Device, cost: Cost, d: usize, threads: usize) -> haul::Result<Option<f64>> {
    Ok(match device {
        Device::Cpu(_) => Some(CpuEngine::<f32>::floor_pairs_per_second(cost, d, threads)?),
        Device::CpuF64(_) => Some(CpuEngine::<f64>::floor_pairs_per_second(cost, d, threads)?),
        _ => None,
    })
}

/// Coordinates of the largest cloud that is made up.
const MOST_COORDINATES: usize = 1 << 28;

/// The seconds of each run of a softmin of n rows over m columns.
fn times(
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
    // The first one warms up.
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

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    let half = times.len() / 2;
    if times.len() % 2 == 1 {
        at(half)
    } else {
        0.5 * (at(half - 1) + at(half))
    }
}

/// The measurement for a person.
fn text(measurement: &Measurement<'_>, cost: Cost) -> String {
    let Measurement {
        n,
        m,
        d,
        device,
        precision,
        pairs_per_second,
        seconds,
        runs,
        ..
    } = measurement;
    let rate = pairs_per_second / 1e9;
    let floor = match measurement.floor_pairs_per_second {
        Some(floor) => format!(
            "{:.3} Gpairs/s is what this machine's arithmetic admits: {:.0}% of it reached",
            floor / 1e9,
            100.0 * pairs_per_second / floor
        ),
        None => "not measured on an adapter".to_owned(),
    };
    let mut rows = Rows::default();
    let cost = format!("cost |x − y|^{}", crate::report::plain(cost.p()));
    rows.row(
        "softmin",
        format!("{n} × {m} points in dimension {d}, {cost}"),
    );
    let rate = styled(STRONG, format_args!("{rate:.3} Gpairs/s"));
    rows.row(
        "rate",
        format!("{rate}, {seconds:.4} s, the median of {runs}"),
    );
    rows.row("floor", floor);
    rows.row("device", format!("{device}, {precision}"));
    rows.text()
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

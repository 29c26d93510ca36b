//! How long a pass takes with so many points and ranks: a model, with the rates of the ranks that run it.
//!
//! ```text
//! pass   n²/(R r) + s n/B + 2 L log₂(2R)/log₂(2M) + h n
//! ```
//!
//! n points a cloud, R ranks; r the pairs a second of a rank, s the bytes of a number, B the bytes a second of an all-gather, L the
//! seconds of a short one among the M ranks that measure it, h the seconds of a point in what each rank does with all points.

use crate::Place;
use haul::engine::{Kernel, Pairs, Side};
use haul::{Cost, CpuEngine, Engine, Error, Result};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

/// Points of the pass that is timed, of the vector that is timed, and the bytes of the long all-gather.
const POINTS: usize = 1 << 14;
const LENGTH: usize = 1 << 20;
const BYTES: usize = 1 << 23;

/// Runs of each measurement, of which the median counts, and short all-gathers in one.
const RUNS: usize = 5;
const SHORT: usize = 200;

/// A usual network, where one rank cannot measure it.
const LATENCY: f64 = 50e-6;
const BANDWIDTH: f64 = 1e9;

/// Passes of a solve, as a round number.
const PASSES: f64 = 100.0;

/// The rates of a rank.
struct Rates {
    /// r, in pairs a second.
    pairs: f64,
    /// h, in seconds.
    point: f64,
    /// L, in seconds.
    latency: f64,
    /// B, in bytes a second.
    bandwidth: f64,
    /// M.
    ranks: usize,
}

/// Measures the ranks and prints how long a pass takes with 10⁶ to 10⁹ points and 1 to 1000 such ranks.
pub fn plan(place: &Place) -> ExitCode {
    let told = match Rates::measure(place) {
        Ok(rates) if place.ranks.rank() == 0 => rates.table(place),
        Ok(_) => return ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::from(4);
        }
    };
    match std::io::stdout().write_all(told.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

impl Rates {
    fn measure(place: &Place) -> Result<Self> {
        let ranks = &place.ranks;
        let engine = CpuEngine::<f32>::with_threads(place.threads)?;
        // All ranks compute at once, as they do in a solve.
        ranks.agree(0, Ok(()))?;
        let pairs = rate(&engine);
        let pairs = ranks.agree(1, pairs)?;
        let point = ranks.agree(2, time_of_a_point(&engine))?;
        let slowest = |own: f64| -> Result<f64> {
            let all = ranks.gather_all(3, Ok(own.to_le_bytes().to_vec()))?;
            let numbers = all.iter().map(|bytes| {
                let mut number = [0; 8];
                number.copy_from_slice(&bytes[..8]);
                f64::from_le_bytes(number)
            });
            Ok(numbers.fold(0.0, f64::max))
        };
        let mut rates = Self {
            pairs: 1.0 / slowest(1.0 / pairs)?,
            point: slowest(point)?,
            latency: LATENCY,
            bandwidth: BANDWIDTH,
            ranks: ranks.size(),
        };
        if ranks.size() > 1 {
            rates.latency = slowest(median(|| {
                for _ in 0..SHORT {
                    ranks.agree(4, Ok(()))?;
                }
                Ok(())
            })?)?
                / SHORT as f64;
            let lengths = vec![BYTES / ranks.size(); ranks.size()];
            let own = vec![1; lengths[0]];
            let seconds = slowest(median(|| ranks.gather(&own, &lengths).map(drop))?)?;
            rates.bandwidth = BYTES as f64 / seconds;
        }
        Ok(rates)
    }

    /// Seconds of a pass.
    fn pass(&self, points: f64, ranks: f64) -> f64 {
        let Self {
            pairs,
            point,
            latency,
            bandwidth,
            ..
        } = self;
        let computing = points * points / (ranks * pairs) + point * points;
        if ranks <= 1.0 {
            return computing;
        }
        let growth = (2.0 * ranks).log2() / (2.0 * self.ranks.max(2) as f64).log2();
        computing + size_of::<f32>() as f64 * points / bandwidth + 2.0 * latency * growth
    }

    fn table(&self, place: &Place) -> String {
        const RANKS: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0];
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "a rank     {}, {:.2} Gpairs/s in three dimensions and f32, {:.1} ns a point beside",
            counted(place.threads, "thread"),
            self.pairs * 1e-9,
            self.point * 1e9
        );
        let source = match self.ranks {
            1 => "assumed: one rank measures no network".to_owned(),
            ranks => format!("measured among {}", counted(ranks, "rank")),
        };
        let _ = writeln!(
            text,
            "network    {:.1} µs a short all-gather, {:.2} GB/s a long one, {source}",
            self.latency * 1e6,
            self.bandwidth * 1e-9
        );
        let _ = writeln!(
            text,
            "a pass     of n × n points; a solve takes about {PASSES} of them, and where passes take near pairs only, a share of its time\n"
        );
        let _ = write!(text, "{:>7} {:>9} {:>9}", "points", "pairs", "bytes");
        for ranks in RANKS {
            let _ = write!(text, " {:>10}", counted(ranks as usize, "rank"));
        }
        text.push('\n');
        for exponent in 6..=9 {
            let points = 10f64.powi(exponent);
            let _ = write!(
                text,
                "{:>7} {:>9} {:>9}",
                format!("1e{exponent}"),
                format!("1e{}", 2 * exponent),
                format!("{}e{exponent}", size_of::<f32>())
            );
            for ranks in RANKS {
                let _ = write!(text, " {:>10}", duration(self.pass(points, ranks)));
            }
            text.push('\n');
        }
        text
    }
}

/// A number of things.
fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// A time in a unit of its size.
fn duration(seconds: f64) -> String {
    let units = [
        (60.0, 1.0, "s"),
        (3600.0, 60.0, "min"),
        (86400.0, 3600.0, "h"),
        (3.2e7, 86400.0, "days"),
    ];
    let unit = units.into_iter().find(|(below, ..)| seconds < *below);
    let (_, length, name) = unit.unwrap_or((0.0, 3.15576e7, "years"));
    let value = seconds / length;
    match value {
        _ if value < 0.995 => format!("{value:.2} {name}"),
        _ if value < 9.95 => format!("{value:.1} {name}"),
        _ => format!("{value:.0} {name}"),
    }
}

/// The median of the seconds that some work takes.
fn median(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(RUNS);
    // The first run is not counted.
    for _ in 0..=RUNS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64());
    }
    let times = &mut times[1..];
    times.sort_unstable_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Pairs a second of a softmin from a guess, as an iteration has it.
fn rate(engine: &CpuEngine<f32>) -> Result<f64> {
    // A sequence that fills the cube evenly enough.
    let coordinates: Vec<f64> = (0..3 * POINTS)
        .map(|k| (0.618 * k as f64).fract())
        .collect();
    let points = engine.points(&coordinates, 3)?;
    let weights = engine.weights(&vec![1.0 / POINTS as f64; POINTS], 1)?;
    let kernel = Kernel {
        cost: Cost::SquaredEuclidean,
        epsilon: 0.05,
    };
    let zeros = engine.zeros(POINTS)?;
    let (side, pairs) = (
        Side::new(&weights, &zeros),
        Pairs::new(kernel, &points, &points),
    );
    let mut guess = engine.zeros(POINTS)?;
    engine.softmin(pairs, side, None, None, &mut guess)?;
    let mut out = engine.zeros(POINTS)?;
    let seconds = median(|| engine.softmin(pairs, side, Some(&guess), None, &mut out))?;
    Ok((POINTS as f64).powi(2) / seconds)
}

/// Seconds of a point in what a rank does with all of them in an iteration: a vector read, written and combined.
fn time_of_a_point(engine: &CpuEngine<f32>) -> Result<f64> {
    let values = vec![0.25; LENGTH];
    let mut out = engine.zeros(LENGTH)?;
    let seconds = median(|| {
        let vector = engine.vector(&values)?;
        engine.combine(&[(0.5, &vector), (0.25, &vector)], &mut out)?;
        let read = pollster::block_on(engine.read(&out))?;
        match read.len() {
            LENGTH => Ok(()),
            found => Err(Error::Length {
                what: "a vector that was read",
                expected: LENGTH,
                found,
            }),
        }
    })?;
    Ok(seconds / LENGTH as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_ranks_help_until_the_network_is_all() {
        let rates = Rates {
            pairs: 4e9,
            point: 5e-9,
            latency: 1e-5,
            bandwidth: 1e9,
            ranks: 2,
        };
        // One rank has its pairs and points alone.
        assert!((rates.pass(1e6, 1.0) - (250.0 + 5e-3)).abs() < 1e-9);
        let ten = rates.pass(1e6, 10.0);
        assert!((ten - 25.0 - 9e-3).abs() < 1e-3, "{ten}");
        assert!(rates.pass(1e6, 1e9) > 9e-3);
        assert_eq!(duration(0.034), "0.03 s");
        assert_eq!(duration(250.0), "4.2 min");
        assert_eq!(duration(3e9), "95 years");
    }
}

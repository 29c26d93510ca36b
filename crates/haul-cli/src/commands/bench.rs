//! `haul bench softmin`: pairs per second of the engine, beside the bound from the machine's arithmetic.

use crate::command::{Command, Program};
use crate::device;
use crate::number::{duration, pairs, percent, plain};
use crate::options::{Engine, MOST_U32, number, whole};
use crate::outcome::{self, Outcome};
use crate::rows::{Rows, STRONG, styled};
use crate::speed::{floor, median, times};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use haul::{Cost, Engine as _};
use serde::Serialize;

/// The most coordinates of a synthetic cloud.
const MOST_COORDINATES: usize = 1 << 28;

/// Measure an operator of a device
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul bench softmin --n 4096 --d 3 --device cpu")]
pub(crate) struct Bench {
    #[command(subcommand)]
    operator: Operator,
}

#[derive(Debug, Subcommand)]
enum Operator {
    /// Pairs per second of a softmin, and of the machine's arithmetic
    Softmin(Softmin),
}

#[derive(Debug, Args)]
#[command(mut_arg("precision", |it| it.help("f64 runs on the CPU [default: f32]")), after_help = "Example:\n  haul bench softmin --n 16384 --d 3 --device cpu --json")]
struct Softmin {
    /// Points of the rows
    #[arg(long, default_value_t = 16384, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    n: u32,

    /// Points of the columns [default: as many]
    #[arg(long, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    m: Option<u32>,

    /// The dimension
    #[arg(long, default_value_t = 3, allow_negative_numbers = true, value_parser = whole::<u32, 1, MOST_U32>)]
    d: u32,

    /// The power p of the cost |x − y|^p, above 0 and at most 2
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true, value_parser = number)]
    p: f64,

    /// Passes that are timed, after one that is not
    #[arg(long, default_value_t = 7, allow_negative_numbers = true, value_parser = whole::<u32, 1, 9999>)]
    runs: u32,

    #[command(flatten)]
    engine: Engine,

    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Command for Bench {
    fn run(&self, _: &Program) -> Result<Outcome> {
        match &self.operator {
            Operator::Softmin(softmin) => softmin.run(),
        }
    }
}

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

impl Softmin {
    fn run(&self) -> Result<Outcome> {
        let cost = Cost::power(self.p)?;
        let (n, d) = (self.n as usize, self.d as usize);
        let m = self.m.map_or(n, |m| m as usize);
        let runs = self.runs as usize;
        for points in [n, m] {
            if points
                .checked_mul(d)
                .is_none_or(|count| count > MOST_COORDINATES)
            {
                bail!("{points} points of dimension {d} are more than a measurement needs");
            }
        }
        let device = device::open(&self.engine)?;
        let threads = self.engine.threads.map_or(0, usize::from);
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
        if self.json {
            outcome::print(&(serde_json::to_string(&measurement)? + "\n"))?;
        } else {
            outcome::show(&text(&measurement, cost))?;
        }
        Ok(Outcome::Done)
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
    let floor = match measurement.floor_pairs_per_second {
        Some(floor) => format!(
            "{}/s is what this machine's arithmetic admits: {} of it reached",
            pairs(floor),
            percent(pairs_per_second / floor)
        ),
        None => "not measured on an adapter".to_owned(),
    };
    let mut rows = Rows::default();
    let cost = format!("cost |x − y|^{}", plain(cost.p()));
    rows.row(
        "softmin",
        format!("{n} × {m} points in dimension {d}, {cost}"),
    );
    let rate = styled(STRONG, format_args!("{}/s", pairs(*pairs_per_second)));
    let time = duration(*seconds);
    rows.row("rate", format!("{rate}, {time}, the median of {runs}"));
    rows.row("floor", floor);
    rows.row("device", format!("{device}, {precision}"));
    rows.text()
}

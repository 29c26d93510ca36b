//! `haul batch --dry-run`: every job checked with its files, and how long all would take.
//!
//! How many passes a solve takes hardly depends on how many points there are, but much on the blur
//! and on where the clouds lie. So some of the jobs are solved for a few hundred of their points: the
//! passes and the rate of these, times the pairs of all jobs, make the estimate.

use super::job::Job;
use crate::arguments::Engine;
use crate::comparison::Comparison;
use crate::machine::{Machine, Ready};
use crate::outcome::{self, Outcome};
use crate::{device, report};
use anyhow::Result;
use haul::{Device, Measure, Regularization, Sinkhorn};
use rayon::prelude::*;
use std::fmt::Write;

/// Jobs that are measured.
const SAMPLES: usize = 8;

/// The most points of a cloud that is measured.
const POINTS: usize = 512;

/// Refused jobs that are told of, each in a line.
const MOST_TOLD: usize = 20;

/// A job that would run.
struct Planned {
    comparison: Box<dyn Comparison + Send>,
    /// On one thread, beside others.
    shared: bool,
    /// Pairs of a pass.
    pairs: f64,
}

/// What the sample tells.
struct Rate {
    samples: usize,
    /// Passes of a solve.
    passes: f64,
    /// Pairs per second of the whole machine.
    rate: f64,
}

/// Prints the plan of all jobs but the first ones, whose results are there.
pub(super) fn print(jobs: &[Job], held: usize, machine: &Machine) -> Result<Outcome> {
    let pending = jobs.get(held..).unwrap_or_default();
    let checked: Vec<_> = pending.par_iter().map(|job| plan(job, machine)).collect();
    let refused = || {
        let both = pending.iter().zip(&checked);
        both.filter_map(|(job, checked)| Some((&job.id, checked.as_ref().err()?)))
    };
    let planned: Vec<_> = checked.iter().flatten().collect();

    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16}{value}");
    };
    row("jobs", format!("{}, of which {held} are done", jobs.len()));
    row("refused", refused().count().to_string());
    for (id, error) in refused().take(MOST_TOLD) {
        row("", format!("{id}: {}", outcome::one_line(error)));
    }
    if refused().count() > MOST_TOLD {
        row("", "and others".to_owned());
    }
    let shared = planned.iter().filter(|job| job.shared).count();
    let threads = rayon::current_num_threads();
    row(
        "to do",
        format!(
            "{shared} on one thread each, {threads} at a time; {} alone",
            planned.len() - shared
        ),
    );
    if let Some(estimate) = estimate(&planned, machine) {
        row("estimated time", estimate);
    }
    outcome::print(&text)?;
    Ok(if refused().next().is_some() {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

fn plan(job: &Job, machine: &Machine) -> Result<Planned> {
    let comparison = job.comparison()?;
    let ready = machine.ready(&*comparison)?;
    // A device that is not there is refused as well.
    machine.gpu(&ready.engine)?;
    let [n, m] = [&ready.source, &ready.target].map(|given| given.measure.len() as u64);
    Ok(Planned {
        shared: ready.is_for_one_thread(),
        pairs: comparison.pairs(n, m) as f64,
        comparison,
    })
}

/// How long the jobs take, in words; none where no sample of them can be solved.
fn estimate(planned: &[&Planned], machine: &Machine) -> Option<String> {
    let Rate {
        samples,
        passes,
        rate,
    } = sample(planned, machine)?;
    let pairs = planned.iter().map(|job| match job.comparison.iteration() {
        Some(_) => passes * job.pairs,
        None => job.pairs,
    });
    let pairs: f64 = pairs.sum();
    Some(format!(
        "{} s: {pairs:.1e} pairs at {:.2} Gpairs/s, {passes:.0} passes a solve as in {samples} jobs of at most {POINTS} points",
        report::short(pairs / rate),
        rate / 1e9
    ))
}

/// Solves some of the jobs for some of their points.
fn sample(planned: &[&Planned], machine: &Machine) -> Option<Rate> {
    let step = planned.len().div_ceil(SAMPLES).max(1);
    let mut solved = Vec::new();
    let (mut all_pairs, mut seconds) = (0.0, 0.0);
    for job in planned.iter().step_by(step) {
        // What cannot be solved so thinned out, as for its weights, tells nothing.
        let Ok((passes, pairs, time)) = measure(&*job.comparison, machine) else {
            continue;
        };
        all_pairs += pairs;
        seconds += time;
        solved.push(passes);
    }
    let passes = solved.iter().sum::<f64>() / solved.len() as f64;
    (!solved.is_empty()).then_some(Rate {
        samples: solved.len(),
        passes,
        rate: all_pairs / seconds,
    })
}

/// The passes of a solve, its pairs, and the seconds that they take of the whole machine.
fn measure(comparison: &dyn Comparison, machine: &Machine) -> Result<(f64, f64, f64)> {
    let Ready {
        source,
        target,
        engine,
    } = machine.ready(comparison)?;
    let (source, target) = (thinned(&source.measure)?, thinned(&target.measure)?);
    let settings = comparison
        .iteration()
        .unwrap_or(Sinkhorn::with(Regularization::RelativeBlur(0.05)));
    let solved = |device: &Device| {
        let solution = settings.solve(device, &source, &target)?;
        Ok::<_, haul::Error>(solution.report().clone())
    };
    let (report, beside) = match machine.gpu(&engine)? {
        Some(device) => (solved(&device)?, 1),
        None => {
            let device = device::open(&Engine {
                threads: Some(1),
                ..engine
            })?;
            (solved(&device)?, rayon::current_num_threads())
        }
    };
    let pairs = report.pairs as f64;
    let passes = pairs / (report.n as f64 * report.m as f64);
    Ok((passes, pairs, report.seconds / beside as f64))
}

/// Evenly some of the points, with all of the mass.
fn thinned(measure: &Measure) -> haul::Result<Measure> {
    let step = measure.len().div_ceil(POINTS);
    let d = measure.dimension();
    let points = measure.points().chunks_exact(d).step_by(step).flatten();
    let weights: Vec<f64> = measure.weights().iter().step_by(step).copied().collect();
    let scale = measure.mass() / weights.iter().sum::<f64>();
    let weights = weights.into_iter().map(|weight| weight * scale);
    Measure::new(points.copied().collect(), d, weights.collect())
}

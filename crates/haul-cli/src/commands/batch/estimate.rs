//! `haul batch --dry-run`: checks every job with its files and estimates the total time.
//!
//! Some of the jobs are solved for a few hundred of their points, in parallel as in the run. The estimate is their
//! passes and their rate, times the pairs of all jobs.

use super::job::Job;
use super::kind::Kind;
use super::results::Ledger;
use crate::device;
use crate::input;
use crate::machine::{Machine, Ready};
use crate::number::{self, duration, percent, significant};
use crate::options::Engine;
use crate::outcome::{self, Outcome};
use crate::passes::{Passes, Sample};
use crate::rows::Rows;
use crate::task::Work;
use anyhow::Result;
use haul::Device;
use rayon::prelude::*;
use std::time::Instant;

/// Jobs that are measured, at least; more if there are more threads.
const SAMPLES: usize = 8;

/// The most points of a cloud that is measured.
const POINTS: usize = 512;

/// A job that takes a larger fraction of the total time is named.
const MOST_SHARE: f64 = 1.0 / 3.0;

/// The most refused jobs that are named, one a line.
const MOST_TOLD: usize = 20;

/// A job that would run.
struct Planned<'j> {
    job: &'j Job,
    /// Whether it runs on one thread, beside others.
    shared: bool,
    work: Work,
}

/// Measurements of the sample.
struct Rate {
    samples: usize,
    /// Passes of a solve.
    passes: Passes,
    /// Pairs per second of the whole machine.
    rate: f64,
}

/// Prints the plan of all jobs except those whose results exist and are kept.
pub(super) fn print(
    jobs: &[Job],
    kinds: &[Kind],
    ledger: &Ledger,
    machine: &Machine,
) -> Result<Outcome> {
    let pending: Vec<_> = ledger.to_do().map(|place| &jobs[place]).collect();
    let checked: Vec<_> = pending
        .par_iter()
        .map(|job| plan(job, kinds, machine))
        .collect();
    let refused = || {
        let both = pending.iter().zip(&checked);
        both.filter_map(|(job, checked)| Some((&job.id, checked.as_ref().err()?)))
    };
    let planned: Vec<_> = checked.iter().flatten().collect();

    let mut rows = Rows::default();
    let mut row = |name: &str, value: String| rows.row(name, value);
    row("jobs", {
        let (done, failed) = (ledger.kept().count(), ledger.failures_kept());
        let mut told = format!("{}, of which {done} are done", jobs.len());
        if failed > 0 {
            told += &format!(", {failed} of them with an error");
        }
        told
    });
    if !ledger.unlisted.is_empty() {
        let unlisted = ledger.unlisted.len();
        row(
            "not in the list",
            format!("{unlisted} of the results, to be put aside"),
        );
    }
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
    if let Some(Estimate { time, longest }) = estimate(&planned, kinds, machine) {
        row("estimated time", time);
        if let Some(longest) = longest {
            row("longest", longest);
        }
    }
    outcome::show(&rows.text())?;
    Ok(if refused().next().is_some() {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

fn plan<'j>(job: &'j Job, kinds: &[Kind], machine: &Machine) -> Result<Planned<'j>> {
    let task = job.task(kinds)?;
    let ready = machine.ready(&*task)?;
    // A missing device is refused as well.
    machine.gpu(&ready.engine)?;
    let points = ready.clouds.iter().map(|cloud| cloud.measure.len() as f64);
    Ok(Planned {
        shared: ready.is_for_one_thread(),
        work: task.work(&points.collect::<Vec<_>>()),
        job,
    })
}

/// The estimated time of the jobs, in words.
struct Estimate {
    time: String,
    /// The job that takes a large part of it, if there is one.
    longest: Option<String>,
}

/// Estimates the time of the jobs; `None` if no sample of them can be solved.
fn estimate(planned: &[&Planned<'_>], kinds: &[Kind], machine: &Machine) -> Option<Estimate> {
    let Rate {
        samples,
        passes,
        rate,
    } = sample(planned, kinds, machine)?;
    let pairs = |job: &Planned| match job.work.iteration {
        Some(_) => passes.pairs(&job.work),
        None => Passes::ONE.pairs(&job.work),
    };
    let works = planned.iter().map(|job| (pairs(job), job.job));
    let all = works.clone().map(|(pairs, _)| pairs).sum::<f64>();
    let most = works.max_by(|(one, _), (other, _)| one.total_cmp(other));
    Some(Estimate {
        time: format!(
            "{}: {} at {}/s, {} passes a solve as in {samples} jobs of at most {POINTS} points, side by side",
            duration(all / rate),
            number::pairs(all),
            number::pairs(rate),
            significant(passes.between, 2)
        ),
        longest: most.and_then(|(pairs, job)| longest(&job.id, pairs, all, planned.len())),
    })
}

/// Names the job that takes longest, if it takes a large part of the total of several jobs.
fn longest(id: &str, pairs: f64, all: f64, jobs: usize) -> Option<String> {
    let share = pairs / all;
    (jobs > 1 && share > MOST_SHARE).then(|| {
        format!(
            "{id}, {} of all pairs: thin its clouds by \"subsample\" or \"voxel\"",
            percent(share)
        )
    })
}

/// Solves some of the jobs for some of their points, in parallel.
fn sample(planned: &[&Planned<'_>], kinds: &[Kind], machine: &Machine) -> Option<Rate> {
    let most = SAMPLES.max(2 * rayon::current_num_threads());
    let step = planned.len().div_ceil(most).max(1);
    let samples: Vec<_> = planned.iter().step_by(step).collect();
    // The first solve on a device compiles its kernels.
    let _ = measure(samples.first()?, kinds, machine);
    let start = Instant::now();
    // Jobs that cannot be solved for a sample, for instance because of its weights, are skipped.
    let solved = samples.par_iter().map(|it| measure(it, kinds, machine));
    let solved: Vec<_> = solved.filter_map(Result::ok).collect();
    let seconds = start.elapsed().as_secs_f64();
    let pairs: f64 = solved.iter().map(|sample| sample.pairs as f64).sum();
    let mean = |passes: fn(&Passes) -> f64| {
        // Not every job has both kinds of passes.
        let some = solved.iter().map(|sample| passes(&sample.passes));
        let some: Vec<_> = some.filter(|passes| *passes > 0.0).collect();
        some.iter().sum::<f64>() / some.len().max(1) as f64
    };
    (!solved.is_empty()).then_some(Rate {
        samples: solved.len(),
        passes: Passes {
            between: mean(|passes| passes.between),
            within: mean(|passes| passes.within),
        },
        rate: pairs / seconds,
    })
}

/// Solves a job for some of its points, on one thread or on a GPU.
fn measure(planned: &Planned<'_>, kinds: &[Kind], machine: &Machine) -> Result<Sample> {
    let task = planned.job.task(kinds)?;
    let Ready { clouds, engine } = machine.ready(&*task)?;
    let clouds = input::two(&clouds)?.map(|cloud| &cloud.measure);
    let solved = |device: &Device| Ok(Sample::of(&planned.work, device, clouds, POINTS)?);
    match machine.gpu(&engine)? {
        Some(device) => solved(&device),
        None => solved(&device::open(&Engine {
            threads: Some(1),
            ..engine
        })?),
    }
}

//! `haul batch`: many comparisons, one a line, that can be stopped and gone on with at any time.
//!
//! Results depend on their jobs alone and come in the order of the jobs, so that the file of a run that
//! was killed is the beginning of that of a run that was not.

mod job;
mod plan;
mod results;

use crate::arguments::Batch;
use crate::comparison::Compared;
use crate::lines::Lines;
use crate::machine::Machine;
use crate::ordered::{self, Tasks};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use crate::rows::{BAD, GOOD, WARNING, styled};
use crate::{formats, interrupt};
use anyhow::{Context, Result};
use clap::ValueEnum;
use job::{BadJob, Job, Options};
use results::{Ending, Told};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(arguments: &Batch) -> Result<Outcome> {
    let Batch {
        jobs,
        output,
        fail_fast,
        dry_run,
        cache,
        engine,
        quiet,
    } = arguments;
    let mut defaults = Options::new();
    defaults.insert("device".to_owned(), engine.device.clone().into());
    if let Some(precision) = engine.precision.and_then(|it| it.to_possible_value()) {
        defaults.insert("precision".to_owned(), precision.get_name().into());
    }
    let folder = jobs.parent().filter(|folder| *folder != Path::new(""));
    let jobs = job::read(jobs, &defaults)?;
    let machine = Machine::new(cache.saturating_mul(1 << 20), engine.threads)?;
    if *dry_run {
        let bytes = if output.is_file() {
            std::fs::read(output)
                .with_context(|| format!("{}: cannot be read", output.display()))?
        } else {
            Vec::new()
        };
        let (held, _) = results::held(output, &bytes, &jobs)?;
        enter(folder)?;
        return plan::print(&jobs, held.len(), &machine);
    }
    interrupt::wait_for_the_end();
    let mut told = Vec::new();
    let mut results = Lines::open(output, |bytes| {
        let (held, whole) = results::held(output, bytes, &jobs)?;
        told = held;
        Ok(whole)
    })?;
    enter(folder)?;

    let held = told.len();
    let failed = |told: &Told| told.ending == Ending::Failed;
    let start = Instant::now();
    if !(*fail_fast && told.iter().any(failed)) {
        let progress = Count::new(jobs.len(), held, *quiet);
        let comparison = |index: usize| jobs[index].comparison();
        let tasks = Tasks {
            shared: |index| {
                let compared = comparison(index).and_then(|it| machine.on_one_thread(&*it));
                compared.transpose()
            },
            alone: |index| comparison(index).and_then(|it| machine.alone(&*it)),
            stop: interrupt::requested,
        };
        ordered::run(held..jobs.len(), tasks, |index, outcome| {
            let (line, result) = line(&jobs[index], outcome)?;
            results.append(&line)?;
            told.push(result);
            progress.one_more();
            Ok(if *fail_fast && failed(&result) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    Ok(end(&jobs, &told, held, start, *quiet))
}

/// Files of jobs are relative to the file that names them.
fn enter(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) => std::env::set_current_dir(folder)
            .with_context(|| format!("{}: cannot be entered", folder.display())),
        None => Ok(()),
    }
}

/// How the line of a job begins, without the comma that follows.
fn beginning(job: &Job) -> String {
    let id = serde_json::Value::from(&*job.id);
    format!("{{\"id\":{id},\"job\":\"{}\"", job.digest)
}

/// The line of a job, and what it tells.
fn line(job: &Job, outcome: Result<Compared>) -> Result<(String, Told)> {
    let line = match &outcome {
        Ok(Compared { output, .. }) => {
            let members = output.strip_prefix('{').unwrap_or(output);
            format!("{},{members}", beginning(job))
        }
        Err(error) => {
            let error = serde_json::json!({
                "kind": kind(error),
                "message": outcome::one_line(error),
            });
            format!("{},\"error\":{error}}}\n", beginning(job))
        }
    };
    let told = Told::by(&serde_json::from_str(&line)?);
    Ok((line, told))
}

/// Where the fault of a failed job is.
fn kind(error: &anyhow::Error) -> &'static str {
    if error.is::<BadJob>() {
        "job"
    } else if outcome::is_of_device(error) {
        "device"
    } else {
        match error.downcast_ref() {
            Some(formats::Error::Unwritable { .. } | formats::Error::Unstorable { .. }) => "output",
            _ => "input",
        }
    }
}

/// How the run ended, and a word on it.
fn end(jobs: &[Job], told: &[Told], held: usize, start: Instant, quiet: bool) -> Outcome {
    let count = |ending| told.iter().filter(|told| told.ending == ending).count();
    let [done, failed, loose] = [Ending::Done, Ending::Failed, Ending::NotConverged].map(count);
    let left = jobs.len() - told.len();
    if !quiet {
        let seconds = start.elapsed().as_secs_f64();
        let pairs: u64 = told.iter().skip(held).map(|told| told.pairs).sum();
        let rate = pairs as f64 / seconds / 1e9;
        let counted = |style, count: usize, what: &str| match count {
            0 => format!("0 {what}"),
            _ => styled(style, format_args!("{count} {what}")),
        };
        let mut text = [
            counted(GOOD, done, "done"),
            counted(BAD, failed, "failed"),
            counted(WARNING, loose, "not converged"),
        ]
        .join(", ");
        for (count, what) in [(held, "of these by an earlier run"), (left, "left")] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        if told.len() > held {
            text += &format!("; {seconds:.1} s, {rate:.2} Gpairs/s");
        }
        outcome::tell(&text);
    }
    if left > 0 && interrupt::requested() {
        Outcome::Interrupted
    } else if failed > 0 {
        Outcome::Failed
    } else {
        Outcome::of(loose == 0)
    }
}

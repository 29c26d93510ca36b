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
use crate::{formats, interrupt, page};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
pub(crate) use job::Job;
use job::{BadJob, Options};
pub(crate) use results::{Ending, Told};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(arguments: &Batch) -> Result<Outcome> {
    let Batch {
        jobs: file,
        output,
        report,
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
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let jobs = job::read(file, &defaults)?;
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
    let report = report.as_deref().map(|target| report_to(target, output));
    let report = report.transpose()?;
    interrupt::wait_for_the_end();
    let mut told = Vec::new();
    let mut results = Lines::open(output, |bytes| {
        let (held, whole) = results::held(output, bytes, &jobs)?;
        told = held;
        Ok(whole)
    })?;
    enter(folder)?;

    let held = told.len();
    let start = Instant::now();
    if !(*fail_fast && told.iter().any(Told::failed)) {
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
            let last = *fail_fast && result.failed();
            told.push(result);
            progress.one_more();
            Ok(if last {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
    }
    let run = Run {
        jobs: &jobs,
        told: &told,
        held,
        seconds: start.elapsed().as_secs_f64(),
        clouds: machine.uploads(),
    };
    if let Some(target) = report {
        formats::write_text(&target, &run.page(file)?)?;
    }
    Ok(run.end(*quiet))
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

/// A run that has ended, and what all results tell.
struct Run<'r> {
    jobs: &'r [Job],
    told: &'r [Told],
    /// Results of earlier runs.
    held: usize,
    seconds: f64,
    /// Those that were put on GPUs, and those that lay there already.
    clouds: (u64, u64),
}

impl Run<'_> {
    /// Pairs that this run evaluated.
    fn pairs(&self) -> u64 {
        self.told
            .iter()
            .skip(self.held)
            .map(|told| told.pairs)
            .sum()
    }

    /// The page about all jobs of this file.
    fn page(&self, file: &Path) -> Result<String> {
        let row = |(job, told)| page::Row { job, told };
        let rows: Vec<_> = self.jobs.iter().zip(self.told).map(row).collect();
        let summary = page::Summary {
            jobs: &file.to_string_lossy(),
            left: self.jobs.len() - self.told.len(),
            held: self.held,
            seconds: self.seconds,
            pairs: self.pairs(),
        };
        Ok(page::batch(&summary, &rows)?)
    }

    /// How it ended, and a word on it.
    fn end(&self, quiet: bool) -> Outcome {
        let Self {
            jobs,
            told,
            held,
            seconds,
            clouds: (uploaded, shared),
        } = *self;
        let failed = told.iter().filter(|told| told.failed()).count();
        let count = |ending| told.iter().filter(|told| told.ending == ending).count();
        let [done, loose] = [Ending::Done, Ending::NotConverged].map(count);
        let left = jobs.len() - told.len();
        if !quiet {
            let rate = self.pairs() as f64 / seconds / 1e9;
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
            if uploaded > 0 {
                text += &format!("; {uploaded} clouds uploaded, {shared} found on the GPU");
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
}

/// Where the page is to be written, whatever folder is entered meanwhile.
fn report_to(target: &Path, output: &Path) -> Result<PathBuf> {
    page::check(Some(target))?;
    let whole = |path: &Path| {
        std::path::absolute(path).with_context(|| format!("{}: has no place", path.display()))
    };
    let (target, output) = (whole(target)?, whole(output)?);
    if target == output {
        bail!(
            "{}: is both --report and --output; give the page a file of its own",
            target.display()
        );
    }
    Ok(target)
}

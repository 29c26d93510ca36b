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
use crate::rows::{BAD, GOOD, WARNING, duration, styled};
use crate::{formats, interrupt, page};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
pub(crate) use job::Job;
use job::{BadJob, Options};
use results::{Anew, Held};
pub(crate) use results::{Ending, Told};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub(crate) fn run(arguments: &Batch) -> Result<Outcome> {
    let Batch {
        jobs: file,
        output,
        report,
        retry_failed,
        retry_changed,
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
    let anew = Anew {
        failed: *retry_failed,
        changed: *retry_changed,
    };
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
        let held = results::held(output, &bytes, &jobs, anew)?;
        enter(folder)?;
        return plan::print(&jobs, &held, &machine);
    }
    let report = report.as_deref().map(|target| report_to(target, output));
    let report = report.transpose()?;
    interrupt::wait_for_the_end();
    let start = Instant::now();
    let mut held = Held::default();
    let mut results = Lines::open(output, |bytes| {
        held = results::held(output, bytes, &jobs, anew)?;
        Ok(held.bytes())
    })?;
    enter(folder)?;

    let mut run = Run::after(&jobs, &held);
    let computing = Computing {
        jobs: &jobs,
        machine: &machine,
        fail_fast: *fail_fast,
        progress: Count::new(
            jobs.iter().map(Job::weight),
            held.kept().map(|(place, _)| place),
            *quiet,
        ),
    };
    // Where a failure ended an earlier run, it ends this one.
    let ended = *fail_fast && run.held_failures > 0;
    if !ended && run.retry(&computing, &held.anew, held.lines, &mut results)? {
        let rest: Vec<_> = (run.told.len()..jobs.len()).collect();
        computing.all(&rest, |_, line, told| {
            results.append(&line)?;
            run.takes(&told);
            run.told.push(told);
            Ok(())
        })?;
    }
    drop(computing);
    run.seconds = start.elapsed().as_secs_f64();
    run.clouds = machine.uploads();
    if let Some(target) = report {
        formats::write_text(&target, &run.page(file)?)?;
    }
    Ok(run.end(*quiet))
}

/// What computes jobs.
struct Computing<'c> {
    jobs: &'c [Job],
    machine: &'c Machine,
    /// Whether a job that fails is the last one.
    fail_fast: bool,
    progress: Count,
}

impl Computing<'_> {
    /// Computes the jobs in these places, and hands the line of each and what it tells to `sink`, in
    /// their order; says whether nothing has ended it before all were done, be it an interrupt or a
    /// failure.
    fn all(
        &self,
        places: &[usize],
        mut sink: impl FnMut(usize, String, Told) -> Result<()>,
    ) -> Result<bool> {
        let mut left = places.len();
        let mut failed = false;
        let comparison = |index: usize| self.jobs[places[index]].comparison();
        let tasks = Tasks {
            shared: |index| {
                let compared = comparison(index).and_then(|it| self.machine.on_one_thread(&*it));
                compared.transpose()
            },
            alone: |index| comparison(index).and_then(|it| self.machine.alone(&*it)),
            stop: interrupt::requested,
        };
        ordered::run(0..places.len(), tasks, |index, outcome| {
            let place = places[index];
            let (line, told) = line(&self.jobs[place], outcome)?;
            failed = self.fail_fast && told.failed();
            sink(place, line, told)?;
            self.progress.one_more(place);
            left -= 1;
            Ok(if failed {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        Ok(left == 0 && !failed)
    }
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

/// A run, and what all results tell.
struct Run<'r> {
    jobs: &'r [Job],
    told: Vec<Told>,
    /// Results of earlier runs that stay, and how many of them failed.
    held: usize,
    held_failures: usize,
    /// Whether an interrupt left results as they were that were to be computed anew.
    retry_left: bool,
    /// Jobs that this run computed, and the pairs that it evaluated for them.
    computed: usize,
    pairs: u64,
    seconds: f64,
    /// Clouds that were put on GPUs, and those that lay there already.
    clouds: (u64, u64),
}

impl<'r> Run<'r> {
    /// One that goes on with what a file held.
    fn after(jobs: &'r [Job], held: &Held) -> Self {
        Self {
            jobs,
            told: held.told.clone(),
            held: held.kept().count(),
            held_failures: held.failures_kept(),
            retry_left: false,
            computed: 0,
            pairs: 0,
            seconds: 0.0,
            clouds: (0, 0),
        }
    }

    /// Computes results anew, and then puts all lines in the place of those in the file; until then it is
    /// as it was. Whether the run goes on.
    fn retry(
        &mut self,
        computing: &Computing,
        places: &[usize],
        mut lines: Vec<String>,
        results: &mut Lines,
    ) -> Result<bool> {
        if places.is_empty() {
            return Ok(true);
        }
        let mut anew = Vec::new();
        let goes_on = computing.all(places, |place, line, told| {
            anew.push((place, line, told));
            Ok(())
        })?;
        if anew.len() < places.len() && interrupt::requested() {
            self.retry_left = true;
            return Ok(false);
        }
        for (place, line, told) in anew {
            self.takes(&told);
            lines[place] = line;
            self.told[place] = told;
        }
        results.replace(&lines.concat())?;
        Ok(goes_on)
    }

    /// Counts a result as one of this run.
    fn takes(&mut self, told: &Told) {
        self.computed += 1;
        self.pairs += told.pairs;
    }

    fn failed(&self) -> usize {
        self.told.iter().filter(|told| told.failed()).count()
    }

    /// Jobs without a result.
    fn left(&self) -> usize {
        self.jobs.len() - self.told.len()
    }

    /// The page about all jobs of this file.
    fn page(&self, file: &Path) -> Result<String> {
        let row = |(job, told)| page::Row { job, told };
        let rows: Vec<_> = self.jobs.iter().zip(&self.told).map(row).collect();
        let summary = page::Summary {
            jobs: &file.to_string_lossy(),
            left: self.left(),
            held: self.held,
            computed: self.computed,
            seconds: self.seconds,
            pairs: self.pairs,
        };
        Ok(page::batch(&summary, &rows)?)
    }

    /// How it ended, and a word on it.
    fn end(&self, quiet: bool) -> Outcome {
        let failed = self.failed();
        let count = |ending| {
            self.told
                .iter()
                .filter(|told| told.ending == ending)
                .count()
        };
        let [done, loose] = [Ending::Done, Ending::NotConverged].map(count);
        let interrupted = interrupt::requested() && (self.left() > 0 || self.retry_left);
        if !quiet {
            outcome::tell(&self.summary([done, failed, loose], interrupted));
        }
        if interrupted {
            Outcome::Interrupted
        } else if failed > 0 {
            Outcome::Failed
        } else {
            Outcome::of(loose == 0)
        }
    }

    /// How many ended in which way, and what that took.
    fn summary(&self, [done, failed, loose]: [usize; 3], interrupted: bool) -> String {
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
        for (count, what) in [
            (self.held, "of these by an earlier run"),
            (self.left(), "left"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        if self.computed > 0 {
            let rate = self.pairs as f64 / self.seconds / 1e9;
            text += &format!("; {}, {rate:.2} Gpairs/s", duration(self.seconds));
        }
        text += &uploads(self.clouds);
        if self.retry_left {
            text += "; the file of results is as it was";
        }
        if interrupted {
            text += "; the same command goes on from there";
        } else if self.held_failures > 0 {
            text += "; --retry-failed computes anew what failed";
        }
        text
    }
}

/// How many clouds went to a GPU, where any did.
fn uploads((uploaded, found): (u64, u64)) -> String {
    let clouds = if uploaded == 1 { "cloud" } else { "clouds" };
    match uploaded {
        0 => String::new(),
        _ => format!("; {uploaded} {clouds} uploaded, {found} found on the GPU"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_on_the_gpu_is_there_where_one_was_used() {
        assert_eq!(uploads((0, 0)), "");
        assert_eq!(uploads((1, 0)), "; 1 cloud uploaded, 0 found on the GPU");
        let many = "; 40 clouds uploaded, 2360 found on the GPU";
        assert_eq!(uploads((40, 2360)), many);
    }
}

//! `haul batch`: many comparisons, one a line; a run can be stopped and resumed at any time.
//!
//! Results depend on their jobs alone and come in the order of the jobs, so that the file of a run that was killed is
//! a prefix of the file of an undisturbed run. If results are out of order, as after a change of the list, new ones
//! are still appended, and the file is put in order when the run ends or the next one begins: results are found by
//! their ids.

mod aside;
mod computing;
mod estimate;
mod job;
pub(crate) mod kind;
mod overview;
mod page;
mod record;
mod results;
mod run;
mod value;

use crate::command::{Command, Program};
use crate::files::{self, Uses};
use crate::fingerprint::Fingerprints;
use crate::interrupt;
use crate::lines::Lines;
use crate::machine::Machine;
use crate::options::{Engine, MOST_U32, whole};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use crate::task;
use anyhow::{Context, Result};
use aside::Aside;
use clap::{Args, ValueEnum};
use computing::Computing;
use haul::engine::Ranks;
use haul_files as formats;
use job::Job;
use kind::Kind;
use rayon::prelude::*;
use results::{Ledger, Retry};
use run::Run;
use std::path::{Path, PathBuf};
use std::time::Instant;
use value::Options;

/// Run many comparisons, one JSON object a line, and go on where an earlier run stopped
#[derive(Debug, Args)]
#[command(
    after_help = r#"A job is a line of JOBS.jsonl, a JSON object: an id, a command (sinkhorn, divergence, energy,
exact, map, align, barycenter, coordinates, dictionary, flow, gromov, words, "study epsilon" or
"study samples"), its files by the names that its help has (a and b, the list inputs, target, data,
documents, input), and options of it by their long names, with _ for -.
Files are relative to the folder of JOBS.jsonl. No job may read or write what it or another one
writes, nor what the run itself needs; that is refused before anything runs.

  {"id": "1", "command": "divergence", "a": "a.ply", "b": "b.ply", "blur": 0.05}
  {"id": "2", "command": "sinkhorn", "a": "a.ply", "b": "b.ply", "max_iterations": 500}
  {"id": "3", "command": "map", "a": "a.ply", "b": "b.ply", "output": "moved.ply"}

Each job has one line of RESULTS.jsonl, in the order of the jobs. It begins with the id and "job", a
digest of the command, files and options. A job that failed has "error": {"kind": …, "message": …}.
Others have "input", the length, time and hash of each file that was read, and what --json prints.

If a run was stopped, in whatever way, the same command goes on with it. Results are found by id and
digest: you may sort the list, add jobs and remove jobs. New results stand behind those that are
there until the run ends or the next one begins, which puts the file into the order of the jobs; of
two lines of one id the last one counts. Results of jobs that are not in the list go to
RESULTS.jsonl.unlisted. If a job has changed since its line was written, or what one of its files
holds, the run names it and does nothing; --retry-changed computes such jobs again. --retry-failed
computes all jobs again whose lines hold an error, changed or not. A job of at most 4096 points a
cloud runs on one thread, beside others.

Exit status: 0 all done, 1 a job failed, 3 a result did not reach its tolerance.

Example:
  haul batch jobs.jsonl -o results.jsonl"#
)]
pub(crate) struct Batch {
    /// The jobs, one JSON object a line
    #[arg(value_name = "JOBS.jsonl")]
    jobs: PathBuf,

    /// The results, one JSON object a line; those that are there are kept
    #[arg(short, long, value_name = "RESULTS.jsonl", help_heading = "Output")]
    output: PathBuf,

    /// Write a page for people about all jobs, those of earlier runs included
    #[arg(long, value_name = "F.html", help_heading = "Output")]
    report: Option<PathBuf>,

    /// Compute jobs anew that failed in an earlier run, corrected or not; other results stay
    #[arg(long)]
    retry_failed: bool,

    /// Compute results anew whose job, or one of its files, has changed since, and keep all others
    #[arg(long)]
    retry_changed: bool,

    /// Stop at the first job that fails
    #[arg(long)]
    fail_fast: bool,

    /// Check every file and option, and estimate the time; compute and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Memory for clouds that several jobs share, in MiB; as much on a GPU, at most 1024
    #[arg(long, value_name = "MiB", default_value_t = 1024, allow_negative_numbers = true, value_parser = whole::<usize, 0, MOST_U32>)]
    cache: usize,

    #[command(flatten)]
    engine: Engine,

    /// No progress and no summary
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

impl Command for Batch {
    fn run(&self, program: &Program) -> Result<Outcome> {
        let file = &self.jobs;
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let jobs = job::read(file, &self.defaults())?;
        let inputs = Fingerprints::within(folder.unwrap_or(Path::new("")))?;
        let machine = Machine::new(self.cache.saturating_mul(1 << 20), self.engine.threads)?;
        self.check_files(&jobs, program.kinds, folder)?;
        if self.dry_run {
            let ledger = self.ledger(&jobs, &inputs)?;
            enter(folder)?;
            return estimate::print(&jobs, program.kinds, &ledger, &machine);
        }
        if let Some(report) = &self.report {
            formats::check_target(report, ".html")?;
        }
        let report = self.report.as_deref().map(whole_path).transpose()?;
        interrupt::keep_what_is_finished();
        let start = Instant::now();
        let ranks = program.ranks.as_ref();
        if let Some(ranks) = ranks.filter(|_| !program.is_first()) {
            enter(folder)?;
            let computing = Computing {
                jobs: &jobs,
                kinds: program.kinds,
                machine: &machine,
                files: &inputs,
                fail_fast: self.fail_fast,
            };
            computing.nothing(ranks)?;
            return Ok(Outcome::Done);
        }
        let (mut results, ledger) = self.open(&jobs, &inputs)?;
        enter(folder)?;

        let mut run = Run::after(&jobs, ledger);
        let weights = jobs.iter().map(|job| job.weight(program.kinds));
        let computing = Computing {
            jobs: &jobs,
            kinds: program.kinds,
            machine: &machine,
            files: &inputs,
            fail_fast: self.fail_fast,
        };
        let progress = Count::new(weights, run.done(), self.quiet);
        // If a failure ended an earlier run, it ends this one.
        if !(self.fail_fast && run.held_failures > 0) {
            self.compute(&computing, (&progress, ranks), &mut run, &mut results)?;
        } else if let Some(ranks) = ranks {
            computing.nothing(ranks)?;
        }
        drop(progress);
        run.seconds = start.elapsed().as_secs_f64();
        run.clouds = machine.uploads();
        if let Some(target) = report {
            formats::write_text(&target, &run.page(file, program.kinds)?)?;
        }
        Ok(run.end(self.quiet))
    }
}

impl Batch {
    /// The threads that it makes.
    pub(crate) fn threads(&self) -> Option<u16> {
        self.engine.threads
    }

    /// Options of the run, the defaults of each job.
    fn defaults(&self) -> Options {
        let mut defaults = Options::new();
        defaults.insert("device".to_owned(), self.engine.device.clone().into());
        if let Some(precision) = self.engine.precision.and_then(|it| it.to_possible_value()) {
            defaults.insert("precision".to_owned(), precision.get_name().into());
        }
        defaults
    }

    fn retry(&self) -> Retry {
        Retry {
            failed: self.retry_failed,
            changed: self.retry_changed,
        }
    }

    /// Reads the file of results without changing it.
    fn ledger(&self, jobs: &[Job], inputs: &Fingerprints) -> Result<Ledger> {
        let bytes = match self.output.is_file() {
            true => results::bytes(&self.output)?,
            false => Vec::new(),
        };
        let beside = Aside::of(&self.output)?.lines;
        results::read(&self.output, &bytes, &beside, jobs, inputs, self.retry())
    }

    /// Opens the file of results, puts its lines in the order of the jobs, and returns them.
    fn open(&self, jobs: &[Job], inputs: &Fingerprints) -> Result<(Lines, Ledger)> {
        let output = &self.output;
        let mut ledger = Ledger::nothing(jobs.len());
        let mut aside = None;
        let mut lines = Lines::open(output, |bytes| {
            // The file is locked: no other run uses these results now.
            let beside = aside.insert(Aside::of(output)?);
            ledger = results::read(output, bytes, &beside.lines, jobs, inputs, self.retry())?;
            Ok(ledger.whole)
        })?;
        if let Some(aside) = aside.filter(|_| !ledger.in_order) {
            let moved = aside.exchange(&ledger, &mut lines)?;
            if let Some(moved) = moved.filter(|_| !self.quiet) {
                outcome::tell(&moved);
            }
        }
        let unknown = ledger.of_unknown_files();
        if unknown > 0 && !self.quiet {
            outcome::warn(&format!(
                "{unknown} of the results in {} do not say what their files held, as an earlier version wrote them: \
                 they are kept, and changes of these files are not noticed",
                output.display()
            ));
        }
        Ok((lines, ledger))
    }

    /// Computes the missing results and appends their lines; if they are out of order, the file is put in order at
    /// the end.
    fn compute(
        &self,
        computing: &Computing,
        (progress, ranks): (&Count, Option<&Ranks>),
        run: &mut Run,
        results: &mut Lines,
    ) -> Result<()> {
        let mut last = run.last;
        let mut in_order = true;
        let to_do = std::mem::take(&mut run.to_do);
        run.to_do_left = computing.all(&to_do, progress, ranks, |place, line, account| {
            results.append(&line)?;
            in_order &= last.is_none_or(|last| last < place);
            last = Some(place);
            run.takes(place, account);
            Ok(())
        })?;
        let bytes = match in_order {
            true => Vec::new(),
            false => results.read()?,
        };
        if !bytes.is_empty() {
            results.replace(&results::ordered(&self.output, &bytes, computing.jobs)?)?;
        }
        Ok(())
    }

    /// Refuses files that are both read and written, or written twice, across all jobs.
    fn check_files(&self, jobs: &[Job], kinds: &[Kind], folder: Option<&Path>) -> Result<()> {
        let own = |what: &str| Uses::new(what, what);
        let written = |what: &str, file: &Path| own(what).writes([file]);
        let mut all = vec![
            own("the list of jobs").reads([&*self.jobs]),
            written("--output", &self.output),
            written(
                "the place of results whose jobs are gone",
                &Aside::place(&self.output),
            ),
        ];
        all.extend(self.report.iter().map(|it| written("--report", it)));
        let of_job = |job: &Job| {
            // An invalid job fails later, and touches no file.
            let task = job.task(kinds).ok()?;
            let [input, output] =
                ["input", "output"].map(|it| format!("an {it} of the job {:?}", job.id));
            let uses = Uses::new(input, output).within(folder);
            Some(task::uses(&*task, uses))
        };
        let of_jobs: Vec<_> = jobs.par_iter().map(of_job).collect();
        all.extend(of_jobs.into_iter().flatten());
        files::check_apart(&all)
    }
}

/// Enters the folder of the file of jobs: paths in jobs are relative to it.
fn enter(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) => std::env::set_current_dir(folder)
            .with_context(|| format!("{}: cannot be entered", folder.display())),
        None => Ok(()),
    }
}

/// An absolute path, valid in whatever folder is entered later.
fn whole_path(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}: has no place", path.display()))
}

//! `haul batch`: many comparisons, one a line, that can be stopped and gone on with at any time.
//!
//! Results depend on their jobs alone and come in the order of the jobs, so that the file of a run that
//! was killed is the beginning of that of a run that was not. Where results are there out of turn, as after a
//! change of the list, new ones are appended all the same, and the file is put in order at once, when the run
//! ends or the next one begins: results are found by their ids.

mod job;
mod plan;
mod results;

use crate::arguments::Batch;
use crate::comparison::Compared;
use crate::files::{self, Uses};
use crate::lines::Lines;
use crate::machine::Machine;
use crate::ordered::{self, Ended, Tasks};
use crate::outcome::{self, Outcome};
use crate::progress::Count;
use crate::rows::{BAD, GOOD, WARNING, duration, styled};
use crate::{comparison, formats, interrupt, page};
use anyhow::{Context, Result};
use clap::ValueEnum;
pub(crate) use job::Job;
use job::{BadJob, Options};
use rayon::prelude::*;
use results::{Anew, Held};
pub(crate) use results::{Ending, Told};
use std::collections::HashSet;
use std::io::ErrorKind;
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
    check_files(arguments, &jobs, folder)?;
    if *dry_run {
        let bytes = match output.is_file() {
            true => read(output)?,
            false => Vec::new(),
        };
        let held = results::held(output, &bytes, &Aside::of(output)?.lines, &jobs, anew)?;
        enter(folder)?;
        return plan::print(&jobs, &held, &machine);
    }
    page::check(report.as_deref())?;
    let report = report.as_deref().map(whole).transpose()?;
    interrupt::keep_what_is_finished();
    let start = Instant::now();
    let mut held = Held::nothing(jobs.len());
    let mut aside = None;
    let mut results = Lines::open(output, |bytes| {
        // No other run has them now.
        let beside = aside.insert(Aside::of(output)?);
        held = results::held(output, bytes, &beside.lines, &jobs, anew)?;
        Ok(held.whole)
    })?;
    if let Some(aside) = aside.filter(|_| !held.in_order) {
        let moved = aside.exchange(&held, &mut results)?;
        if let Some(moved) = moved.filter(|_| !quiet) {
            outcome::tell(&moved);
        }
    }
    enter(folder)?;

    let mut run = Run::after(&jobs, held);
    let computing = Computing {
        jobs: &jobs,
        machine: &machine,
        fail_fast: *fail_fast,
        progress: Count::new(jobs.iter().map(Job::weight), run.done(), *quiet),
    };
    // Where a failure ended an earlier run, it ends this one.
    if !(*fail_fast && run.held_failures > 0) {
        let mut last = run.last;
        let mut in_order = true;
        let to_do = std::mem::take(&mut run.to_do);
        run.to_do_left = computing.all(&to_do, |place, line, told| {
            results.append(&line)?;
            in_order &= last.is_none_or(|last| last < place);
            last = Some(place);
            run.takes(place, told);
            Ok(())
        })?;
        let bytes = match in_order {
            true => Vec::new(),
            false => results.read()?,
        };
        if !bytes.is_empty() {
            let held = results::held(output, &bytes, &[], &jobs, Anew::ANY)?;
            results.replace(&held.lines())?;
        }
    }
    drop(computing);
    run.seconds = start.elapsed().as_secs_f64();
    run.clouds = machine.uploads();
    if let Some(target) = report {
        formats::write_text(&target, &run.page(file)?)?;
    }
    Ok(run.end(*quiet))
}

/// Refuses files that are written and read, or written twice, by whichever jobs.
fn check_files(arguments: &Batch, jobs: &[Job], folder: Option<&Path>) -> Result<()> {
    let own = |what: &str| Uses::new(what, what);
    let written = |what: &str, file: &Path| own(what).writes([file]);
    let mut all = vec![
        own("the list of jobs").reads([&*arguments.jobs]),
        written("--output", &arguments.output),
        written(
            "the place of results whose jobs are gone",
            &Aside::place(&arguments.output),
        ),
    ];
    all.extend(arguments.report.iter().map(|it| written("--report", it)));
    let of_job = |job: &Job| {
        // One that is none fails later, and touches no file.
        let comparison = job.comparison().ok()?;
        let [input, output] =
            ["input", "output"].map(|it| format!("an {it} of the job {:?}", job.id));
        let uses = Uses::new(input, output).within(folder);
        Some(comparison::uses(&*comparison, uses))
    };
    let of_jobs: Vec<_> = jobs.par_iter().map(of_job).collect();
    all.extend(of_jobs.into_iter().flatten());
    files::check_apart(&all)
}

/// The place beside the results of those whose jobs are not in the list.
struct Aside {
    path: PathBuf,
    lines: Vec<String>,
}

impl Aside {
    /// Where that is.
    fn place(output: &Path) -> PathBuf {
        let mut path = output.as_os_str().to_owned();
        path.push(".unlisted");
        PathBuf::from(path)
    }

    /// That of a file of results, as it is now.
    fn of(output: &Path) -> Result<Self> {
        let path = Self::place(output);
        let lines = match path.is_file() {
            true => results::beside(&path, &read(&path)?)?,
            false => Vec::new(),
        };
        Ok(Self { path, lines })
    }

    /// Puts the results in the order of the jobs. Those whose jobs are not in the list are put aside, and those
    /// whose jobs are in it again are taken back. Whatever ends the program meanwhile, each is in one of both
    /// files. Says what was moved, if anything was.
    fn exchange(self, held: &Held, results: &mut Lines) -> Result<Option<String>> {
        let Self { path, lines } = self;
        let known: HashSet<_> = lines.iter().collect();
        let new = held.unlisted.iter().filter(|line| !known.contains(line));
        let all: Vec<_> = lines.iter().chain(new).map(String::as_str).collect();
        if !held.unlisted.is_empty() {
            formats::write_text(&path, &all.concat())?;
        }
        results.replace(&held.lines())?;
        let found: HashSet<_> = held.found.iter().flatten().map(|it| &*it.line).collect();
        let left: Vec<_> = all.into_iter().filter(|it| !found.contains(it)).collect();
        if left.is_empty() {
            remove(&path)?;
        } else if held.taken_back > 0 {
            formats::write_text(&path, &left.concat())?;
        }
        let what = match held.unlisted.len() {
            0 => return Ok(None),
            1 => "one result of a job that is not in the list is".to_owned(),
            many => format!("{many} results of jobs that are not in the list are"),
        };
        Ok(Some(format!("{what} now in {}", path.display())))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
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
    /// their order but for an interrupt; says how many are left, be it for that or for a failure.
    fn all(
        &self,
        places: &[usize],
        mut sink: impl FnMut(usize, String, Told) -> Result<()>,
    ) -> Result<usize> {
        let mut left = places.len();
        let mut failed = false;
        let comparison = |index: usize| self.jobs[places[index]].comparison();
        let tasks = Tasks {
            shared: |index| {
                let compared = comparison(index).and_then(|it| self.machine.on_one_thread(&*it));
                Ended::shared(compared)
            },
            alone: |index| {
                let compared = comparison(index).and_then(|it| self.machine.alone(&*it));
                ordered::finished(compared)
            },
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
        Ok(left)
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

/// What stands between the id of a line and the digest of its job.
const DIGEST: &str = ",\"job\":\"";

/// How the line of a job begins, without the comma that follows.
fn beginning(job: &Job) -> String {
    let id = serde_json::Value::from(&*job.id);
    format!("{{\"id\":{id}{DIGEST}{}\"", job.digest)
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
    /// What is known of each job.
    told: Vec<Option<Told>>,
    /// The places of the jobs to compute, and how many of them an interrupt or a failure left.
    to_do: Vec<usize>,
    to_do_left: usize,
    /// The place of the last result that the file holds.
    last: Option<usize>,
    /// Results of earlier runs that stay, and how many of them failed.
    held: usize,
    held_failures: usize,
    /// Jobs that this run computed, and the pairs that it evaluated for them.
    computed: usize,
    pairs: u64,
    seconds: f64,
    /// Clouds that were put on GPUs, and those that lay there already.
    clouds: (u64, u64),
}

impl<'r> Run<'r> {
    /// One that goes on with what a file held.
    fn after(jobs: &'r [Job], held: Held) -> Self {
        let to_do: Vec<_> = held.to_do().collect();
        Self {
            jobs,
            to_do_left: to_do.len(),
            to_do,
            last: held.found.iter().rposition(Option::is_some),
            held: held.kept().count(),
            held_failures: held.failures_kept(),
            told: held
                .found
                .into_iter()
                .map(|found| found.map(|found| found.told))
                .collect(),
            computed: 0,
            pairs: 0,
            seconds: 0.0,
            clouds: (0, 0),
        }
    }

    /// The places of the jobs that are not to be computed.
    fn done(&self) -> impl Iterator<Item = usize> {
        (0..self.jobs.len()).filter(|place| self.to_do.binary_search(place).is_err())
    }

    /// Takes a result as one of this run.
    fn takes(&mut self, place: usize, told: Told) {
        self.computed += 1;
        self.pairs += told.pairs;
        self.told[place] = Some(told);
    }

    fn failed(&self) -> usize {
        let told = self.told.iter().flatten();
        told.filter(|told| told.failed()).count()
    }

    /// Jobs without a result.
    fn left(&self) -> usize {
        self.told.iter().filter(|told| told.is_none()).count()
    }

    /// The page about all jobs of this file.
    fn page(&self, file: &Path) -> Result<String> {
        let both = self.jobs.iter().zip(&self.told);
        let told = both.filter_map(|(job, told)| Some((job, told.as_ref()?)));
        let rows: Vec<_> = told.map(|(job, told)| page::Row { job, told }).collect();
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
            let told = self.told.iter().flatten();
            told.filter(|told| told.ending == ending).count()
        };
        let [done, loose] = [Ending::Done, Ending::NotConverged].map(count);
        let interrupted = interrupt::requested() && self.to_do_left > 0;
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

/// A path that means the same whatever folder is entered meanwhile.
fn whole(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}: has no place", path.display()))
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

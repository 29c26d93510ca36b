//! Computes the jobs of a run, small ones in parallel, and writes their lines in order.

use super::job::Job;
use super::kind::{BoxedTask, Kind};
use super::record::{Account, Record};
use super::results::beginning;
use super::value::BadJob;
use crate::deal::{Sink, deal};
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::interrupt;
use crate::machine::Machine;
use crate::ordered::{self, Ended, Tasks};
use crate::outcome;
use crate::progress::Count;
use anyhow::Result;
use haul::engine::Ranks;
use haul_files as formats;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Computes jobs.
pub(super) struct Computing<'c> {
    pub(super) jobs: &'c [Job],
    pub(super) kinds: &'c [Kind],
    pub(super) machine: &'c Machine,
    pub(super) files: &'c Fingerprints,
    /// Whether the run stops at the first job that fails.
    pub(super) fail_fast: bool,
}

impl Computing<'_> {
    /// Computes the jobs at these indices and passes the line and the account of each to `sink`, in order unless
    /// interrupted. Returns the number of jobs left because of an interrupt or a failure.
    pub(super) fn all(
        &self,
        places: &[usize],
        progress: &Count,
        ranks: Option<&Ranks>,
        mut sink: impl FnMut(usize, String, Account) -> Result<()>,
    ) -> Result<usize> {
        let mut left = places.len();
        let mut take = |place: usize, told: Told| {
            let Told { line, warning, .. } = told;
            let account = match told.account {
                Some(account) => account,
                None => Account {
                    warning,
                    ..Account::of_text(&line)?
                },
            };
            let failed = self.fail_fast && account.failed();
            sink(place, line, account)?;
            progress.one_more(place);
            left -= 1;
            Ok(if failed {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        };
        match ranks {
            Some(ranks) => self.over(ranks, places, &mut take)?,
            None => self.some(places, &mut take)?,
        }
        Ok(left)
    }

    /// Computes the jobs that rank 0 has, on all ranks.
    pub(super) fn over(
        &self,
        ranks: &Ranks,
        places: &[usize],
        sink: &mut Sink<'_, Told>,
    ) -> Result<()> {
        let weight = |place: usize| self.jobs[place].weight(self.kinds);
        let some = |places: &[usize], sink: &mut Sink<'_, Told>| self.some(places, sink);
        deal(ranks, places, weight, some, sink)
    }

    /// Computes the jobs that rank 0 has, on a rank that has none itself; or none at all, on rank 0.
    pub(super) fn nothing(&self, ranks: &Ranks) -> Result<()> {
        self.over(ranks, &[], &mut |_, _| Ok(ControlFlow::Continue(())))
    }

    /// Computes some jobs on this rank.
    fn some(&self, places: &[usize], sink: &mut Sink<'_, Told>) -> Result<()> {
        let job = |index: usize| &self.jobs[places[index]];
        let tasks = Tasks {
            shared: |index| {
                let on_one_thread = |task: &BoxedTask| self.machine.on_one_thread(&**task);
                let computed = self.compute(job(index), on_one_thread);
                Ended::shared(computed.map(|(record, inputs)| Some((record?, inputs))))
            },
            alone: |index| {
                let alone = |task: &BoxedTask| self.machine.alone(&**task);
                ordered::finished(self.compute(job(index), alone))
            },
            stop: interrupt::requested,
        };
        ordered::run(0..places.len(), tasks, |index, result| {
            let place = places[index];
            sink(place, told(&self.jobs[place], result)?)
        })
    }

    /// Computes a job with `run`, and returns the fingerprints of its files from before they were read.
    fn compute<R>(
        &self,
        job: &Job,
        run: impl FnOnce(&BoxedTask) -> Result<R>,
    ) -> Result<(R, Vec<Fingerprint>)> {
        let task = job.task(self.kinds)?;
        let inputs = task.inputs();
        let files = inputs.iter().flat_map(|input| input.files());
        let files = files.chain(task.other_files());
        let mut prints: Vec<_> = files.map(|file| self.files.of(file)).collect();
        for input in &inputs {
            match input.beside() {
                Ok(beside) => prints.extend(beside.iter().map(|file| self.files.of(file))),
                Err(error) => prints.push(Err(error.into())),
            }
        }
        // An unreadable file is an error of the reader, whose message has the advice.
        let record = run(&task)?;
        let prints = prints.into_iter().filter_map(Result::transpose);
        Ok((record, prints.collect::<Result<_>>()?))
    }
}

/// The line of a job, the warning about its clouds, and its account on the rank that computed it: others take it from the
/// line, as they do where an earlier run wrote it.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    line: String,
    warning: Option<String>,
    #[serde(skip)]
    account: Option<Account>,
}

fn told(job: &Job, result: Result<(Record, Vec<Fingerprint>)>) -> Result<Told> {
    let beginning = beginning(job);
    Ok(match result {
        Ok((Record { json, account }, inputs)) => {
            let inputs = serde_json::to_string(&inputs)?;
            let members = json.strip_prefix('{').unwrap_or(&json);
            let line = format!("{beginning},\"input\":{inputs},{members}");
            Told {
                line,
                warning: account.warning.clone(),
                account: Some(account),
            }
        }
        Err(error) => {
            let message = outcome::one_line(&error);
            let told = serde_json::json!({ "kind": kind(&error), "message": message });
            Told {
                line: format!("{beginning},\"error\":{told}}}\n"),
                warning: None,
                account: Some(Account::of_failure(&message)),
            }
        }
    })
}

/// The kind of error of a failed job.
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

//! The jobs of a run computed, small ones beside each other, and their lines in order.

use super::job::{BadJob, Job, Kind};
use super::record::{Account, Record};
use super::results::beginning;
use crate::interrupt;
use crate::machine::Machine;
use crate::ordered::{self, Ended, Tasks};
use crate::outcome;
use crate::progress::Count;
use anyhow::Result;
use haul_files as formats;
use std::ops::ControlFlow;

/// What computes jobs.
pub(super) struct Computing<'c> {
    pub(super) jobs: &'c [Job],
    pub(super) kinds: &'c [Kind],
    pub(super) machine: &'c Machine,
    /// Whether a job that fails is the last one.
    pub(super) fail_fast: bool,
    pub(super) progress: Count,
}

impl Computing<'_> {
    /// Computes the jobs in these places, and hands the line of each and what it tells to `sink`, in
    /// their order but for an interrupt; says how many are left, be it for that or for a failure.
    pub(super) fn all(
        &self,
        places: &[usize],
        mut sink: impl FnMut(usize, String, Account) -> Result<()>,
    ) -> Result<usize> {
        let mut left = places.len();
        let mut failed = false;
        let task = |index: usize| self.jobs[places[index]].task(self.kinds);
        let tasks = Tasks {
            shared: |index| {
                Ended::shared(task(index).and_then(|it| self.machine.on_one_thread(&*it)))
            },
            alone: |index| ordered::finished(task(index).and_then(|it| self.machine.alone(&*it))),
            stop: interrupt::requested,
        };
        ordered::run(0..places.len(), tasks, |index, result| {
            let place = places[index];
            let (line, account) = line(&self.jobs[place], result);
            failed = self.fail_fast && account.failed();
            sink(place, line, account)?;
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

/// The line of a job, and what it tells.
fn line(job: &Job, result: Result<Record>) -> (String, Account) {
    match result {
        Ok(Record { json, account }) => {
            let members = json.strip_prefix('{').unwrap_or(&json);
            (format!("{},{members}", beginning(job)), account)
        }
        Err(error) => {
            let message = outcome::one_line(&error);
            let told = serde_json::json!({ "kind": kind(&error), "message": message });
            let line = format!("{},\"error\":{told}}}\n", beginning(job));
            (line, Account::of_failure(&message))
        }
    }
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

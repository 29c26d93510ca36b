//! A run of jobs: the account of each, and the summary.

use super::job::Job;
use super::kind::Kind;
use super::page::{self, Row};
use super::record::{Account, Ending};
use super::results::Ledger;
use crate::interrupt;
use crate::number::effort;
use crate::outcome::{self, Outcome};
use crate::rows::{BAD, GOOD, WARNING, styled};
use anyhow::Result;
use std::path::Path;

/// A run, with the accounts of all results.
pub(super) struct Run<'r> {
    jobs: &'r [Job],
    /// The account of each job.
    accounts: Vec<Option<Account>>,
    /// Indices of the jobs to compute, and the number of them that an interrupt or a failure left.
    pub(super) to_do: Vec<usize>,
    pub(super) to_do_left: usize,
    /// The index of the job of the last result in the file.
    pub(super) last: Option<usize>,
    /// Kept results of earlier runs, and the number of them that failed.
    held: usize,
    pub(super) held_failures: usize,
    /// Jobs that this run computed, and the pairs that it evaluated.
    computed: usize,
    pairs: u64,
    pub(super) seconds: f64,
    /// Clouds that were uploaded to GPUs, and those that were there already.
    pub(super) clouds: (u64, u64),
}

impl<'r> Run<'r> {
    /// A run that continues with the results of a file.
    pub(super) fn after(jobs: &'r [Job], ledger: Ledger) -> Self {
        let to_do: Vec<_> = ledger.to_do().collect();
        Self {
            jobs,
            to_do_left: to_do.len(),
            to_do,
            last: ledger.found.iter().rposition(Option::is_some),
            held: ledger.kept().count(),
            held_failures: ledger.failures_kept(),
            accounts: ledger
                .found
                .into_iter()
                .map(|found| found.map(|found| found.account))
                .collect(),
            computed: 0,
            pairs: 0,
            seconds: 0.0,
            clouds: (0, 0),
        }
    }

    /// Indices of the jobs that are not to be computed.
    pub(super) fn done(&self) -> impl Iterator<Item = usize> {
        (0..self.jobs.len()).filter(|place| self.to_do.binary_search(place).is_err())
    }

    /// Adds a result of this run.
    pub(super) fn takes(&mut self, place: usize, account: Account) {
        self.computed += 1;
        self.pairs += account.summary.pairs;
        self.accounts[place] = Some(account);
    }

    fn failed(&self) -> usize {
        let accounts = self.accounts.iter().flatten();
        accounts.filter(|account| account.failed()).count()
    }

    /// Jobs without a result.
    fn left(&self) -> usize {
        self.accounts
            .iter()
            .filter(|account| account.is_none())
            .count()
    }

    /// The page about all jobs of this file.
    pub(super) fn page(&self, file: &Path, kinds: &[Kind]) -> Result<String> {
        let both = self.jobs.iter().zip(&self.accounts);
        let known = both.filter_map(|(job, account)| Some((job, account.as_ref()?)));
        let row = |(job, account): (&'r Job, _)| Row {
            job,
            account,
            quantity: job.quantity(kinds),
        };
        let rows: Vec<_> = known.map(row).collect();
        let summary = page::Summary {
            jobs: &file.to_string_lossy(),
            left: self.left(),
            held: self.held,
            computed: self.computed,
            seconds: self.seconds,
            pairs: self.pairs,
        };
        Ok(page::page(&summary, &rows)?)
    }

    /// The outcome; prints the summary.
    pub(super) fn end(&self, quiet: bool) -> Outcome {
        let failed = self.failed();
        let count = |ending| {
            let accounts = self.accounts.iter().flatten();
            accounts.filter(|account| account.ending == ending).count()
        };
        let [done, loose] = [Ending::Done, Ending::NotConverged].map(count);
        let interrupted = interrupt::requested() && self.to_do_left > 0;
        if !quiet {
            outcome::tell(&self.summary([done, failed, loose], interrupted));
            if let Some(failure) = self.first_failure() {
                outcome::tell(&failure);
            }
            if let Some(warning) = self.warning() {
                outcome::warn(&warning);
            }
        }
        if interrupted {
            Outcome::Interrupted
        } else if failed > 0 {
            Outcome::Failed
        } else {
            Outcome::of(loose == 0)
        }
    }

    /// The jobs that have an account, with it.
    fn accounts(&self) -> impl Iterator<Item = (&Job, &Account)> {
        let both = self.jobs.iter().zip(&self.accounts);
        both.filter_map(|(job, account)| Some((job, account.as_ref()?)))
    }

    /// The first job that failed, and why.
    fn first_failure(&self) -> Option<String> {
        self.accounts()
            .find_map(|(job, account)| match &account.ending {
                Ending::Failed { message } => Some(format!(
                    "the first job that failed is {:?}: {message}",
                    job.id
                )),
                _ => None,
            })
    }

    /// The first warning about the clouds of a job, and the number of jobs with others.
    fn warning(&self) -> Option<String> {
        let mut warned = self
            .accounts()
            .filter_map(|(job, account)| Some((job, account.warning.as_ref()?)));
        let (job, warning) = warned.next()?;
        let others = match warned.count() {
            0 => String::new(),
            count => format!("; {count} other jobs have such names as well"),
        };
        Some(format!("job {:?}: {warning}{others}", job.id))
    }

    /// Counts of the jobs by how they ended, and the cost.
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
            text += &format!("; {}", effort(self.pairs, self.seconds));
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

/// Number of clouds uploaded to a GPU, if any.
fn uploads((uploaded, found): (u64, u64)) -> String {
    let clouds = if uploaded == 1 { "cloud" } else { "clouds" };
    match uploaded {
        0 => String::new(),
        _ => format!("; {uploaded} {clouds} uploaded, {found} found on the GPU"),
    }
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

//! A run of jobs: what is known of each, and what it tells of itself.

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

/// A run, and what all results tell.
pub(super) struct Run<'r> {
    jobs: &'r [Job],
    /// What is known of each job.
    accounts: Vec<Option<Account>>,
    /// The places of the jobs to compute, and how many of them an interrupt or a failure left.
    pub(super) to_do: Vec<usize>,
    pub(super) to_do_left: usize,
    /// The place of the last result that the file holds.
    pub(super) last: Option<usize>,
    /// Results of earlier runs that stay, and how many of them failed.
    held: usize,
    pub(super) held_failures: usize,
    /// Jobs that this run computed, and the pairs that it evaluated for them.
    computed: usize,
    pairs: u64,
    pub(super) seconds: f64,
    /// Clouds that were put on GPUs, and those that lay there already.
    pub(super) clouds: (u64, u64),
}

impl<'r> Run<'r> {
    /// One that goes on with what a file held.
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

    /// The places of the jobs that are not to be computed.
    pub(super) fn done(&self) -> impl Iterator<Item = usize> {
        (0..self.jobs.len()).filter(|place| self.to_do.binary_search(place).is_err())
    }

    /// Takes a result as one of this run.
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

    /// How it ended, and a word on it.
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

/// How many clouds went to a GPU, where any did.
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

//! Results of earlier runs: which of the jobs they are of, and how these ended.
//!
//! A result is found by the id of its job and by a digest of what was asked for, wherever its line stands.

use super::job::Job;
use super::record::Account;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// What a file holds.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

/// What stands between the id of a line and the digest of its job.
const DIGEST: &str = ",\"job\":\"";

/// How the line of a job begins, without the comma that follows.
pub(super) fn beginning(job: &Job) -> String {
    let id = Value::from(&*job.id);
    format!("{{\"id\":{id}{DIGEST}{}\"", job.digest)
}

/// A line that is a result: of which job, and as that was when it was computed.
struct Line<'l> {
    text: &'l str,
    id: String,
    digest: String,
    account: Account,
}

impl<'l> Line<'l> {
    /// None where it is no result: one that failed tells nothing but that.
    fn of(bytes: &'l [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let result: Value = serde_json::from_str(text).ok()?;
        let named = |key: &str| result.get(key).and_then(Value::as_str).map(str::to_owned);
        let tells = |key: &&str| result.get(*key).is_some();
        ["error", "seconds"].iter().find(|key| tells(key))?;
        Some(Self {
            text,
            id: named("id")?,
            digest: named("job")?,
            account: Account::of_line(&result),
        })
    }
}

/// Whether bytes may be the torn beginning of a result, whose id and digest come first.
fn begins_a_result(bytes: &[u8]) -> bool {
    let agree = |found: &[u8], expected: &str| {
        let mut both = found.iter().zip(expected.as_bytes());
        both.all(|(found, expected)| found == expected)
    };
    let start = "{\"id\":\"";
    if !agree(bytes, start) {
        return false;
    }
    let rest = bytes.get(start.len() - 1..).unwrap_or_default();
    let mut id = serde_json::Deserializer::from_slice(rest).into_iter::<String>();
    match id.next() {
        Some(Ok(_)) => agree(&rest[id.byte_offset()..], DIGEST),
        Some(Err(error)) => error.is_eof(),
        None => true,
    }
}

/// A result that is there.
pub(super) struct Found {
    pub(super) line: String,
    pub(super) account: Account,
    /// Whether it is to be computed anew; until then it stays.
    pub(super) anew: bool,
}

/// What files hold of some jobs.
pub(super) struct Ledger {
    /// The result of each job, if it has one.
    pub(super) found: Vec<Option<Found>>,
    /// Lines of jobs that are not in the list.
    pub(super) unlisted: Vec<String>,
    /// How many of those found were kept beside the file, as lines of jobs that were not in the list.
    pub(super) taken_back: usize,
    /// How many bytes of the file are whole lines.
    pub(super) whole: usize,
    /// Whether these are results of the jobs in their order, and nothing else.
    pub(super) in_order: bool,
}

/// Which results are to be computed anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// Those that are errors.
    pub(super) failed: bool,
    /// Those whose job has changed since.
    pub(super) changed: bool,
}

impl Retry {
    /// Whatever is there is taken as it is.
    pub(super) const ANY: Self = Self {
        failed: true,
        changed: true,
    };
}

impl Ledger {
    /// Nothing of so many jobs.
    pub(super) fn nothing(jobs: usize) -> Self {
        Self {
            found: std::iter::repeat_with(|| None).take(jobs).collect(),
            unlisted: Vec::new(),
            taken_back: 0,
            whole: 0,
            in_order: true,
        }
    }

    /// The places of the jobs that are to be computed.
    pub(super) fn to_do(&self) -> impl Iterator<Item = usize> {
        let found = self.found.iter().enumerate();
        found.filter_map(|(place, found)| found.as_ref().is_none_or(|it| it.anew).then_some(place))
    }

    /// Those that stay.
    pub(super) fn kept(&self) -> impl Iterator<Item = (usize, &Account)> {
        let found = self.found.iter().enumerate();
        let found = found.filter_map(|(place, found)| Some((place, found.as_ref()?)));
        let kept = found.filter(|(_, found)| !found.anew);
        kept.map(|(place, found)| (place, &found.account))
    }

    /// How many of those that stay are errors.
    pub(super) fn failures_kept(&self) -> usize {
        self.kept().filter(|(_, account)| account.failed()).count()
    }

    /// The lines of the jobs, in their order.
    pub(super) fn lines(&self) -> String {
        let found = self.found.iter().flatten();
        found.map(|found| &*found.line).collect()
    }
}

/// The lines that are kept beside a file of results, each a result of a job that was not in the list.
///
/// # Errors
///
/// A line that is none.
pub(super) fn beside(path: &Path, bytes: &[u8]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let Some(line) = Line::of(line) else {
            bail!(
                "{}: line {number} is no result, and the run needs the place; move the file",
                path.display()
            );
        };
        lines.push(line.text.to_owned());
    }
    Ok(lines)
}

/// The results of some jobs, as a file holds them, and lines beside it. Of several lines of one id the last one
/// counts. A last line that is torn counts for nothing.
///
/// # Errors
///
/// A line that is no result, a file that has results and none of these jobs, and the result of a job that has
/// changed since, in its command, files, options or those of the run, unless it is to be computed anew.
/// What the files held when they were read is not known.
pub(super) fn read(
    path: &Path,
    bytes: &[u8],
    beside: &[String],
    jobs: &[Job],
    retry: Retry,
) -> Result<Ledger> {
    const REMEDY: &str = "remove the file, or give another --output";
    let mut ledger = Ledger::nothing(jobs.len());
    let places = jobs.iter().enumerate();
    let places: HashMap<_, _> = places.map(|(place, job)| (&*job.id, place)).collect();
    let mut numbers = vec![0; jobs.len()];
    let mut next = 0;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if line.last() != Some(&b'\n') && begins_a_result(line) {
            break;
        }
        let Some(read) = Line::of(line).filter(|_| line.ends_with(b"\n")) else {
            bail!(
                "{}: line {number} is no result: the file holds something else; {REMEDY}",
                path.display(),
            );
        };
        ledger.whole += line.len();
        let Some(&place) = places.get(&*read.id) else {
            ledger.in_order = false;
            ledger.unlisted.push(read.text.to_owned());
            continue;
        };
        ledger.in_order &= place >= next;
        next = place + 1;
        numbers[place] = number;
        ledger.found[place] = Some(Found {
            anew: read.digest != jobs[place].digest,
            line: read.text.to_owned(),
            account: read.account,
        });
    }
    if !ledger.unlisted.is_empty() && ledger.found.iter().all(Option::is_none) {
        bail!(
            "{}: holds results of other jobs, and none of these; {REMEDY}",
            path.display()
        );
    }
    for ((found, job), number) in ledger.found.iter_mut().zip(jobs).zip(numbers) {
        let Some(found) = found else { continue };
        let (changed, failed) = (found.anew, found.account.failed());
        found.anew = (retry.failed && failed) || (retry.changed && changed);
        if changed && !found.anew {
            let (what, option) = match failed {
                true => ("failure", "--retry-failed"),
                false => ("result", "--retry-changed"),
            };
            bail!(
                "{}: line {number} is the {what} of a job {:?} with another command, other files or other options than now; {option} computes it anew",
                path.display(),
                job.id
            );
        }
    }
    for line in beside {
        let Some(read) = Line::of(line.as_bytes()) else {
            continue;
        };
        let Some(&place) = places.get(&*read.id) else {
            continue;
        };
        if ledger.found[place].is_none() && read.digest == jobs[place].digest {
            ledger.found[place] = Some(Found {
                anew: retry.failed && read.account.failed(),
                line: line.clone(),
                account: read.account,
            });
            ledger.taken_back += 1;
            ledger.in_order = false;
        }
    }
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_known_at_any_byte() {
        let line = r#"{"id":"a \"job\" №","job":"0123456789abcdef","command":"energy""#;
        for cut in 0..line.len() {
            assert!(begins_a_result(&line.as_bytes()[..cut]), "{cut}");
        }
        for other in [
            "x",
            r#"{"id":7"#,
            r#"{"id": "1""#,
            r#"{"id":"1","command":"energy"}"#,
            r#"{"id":"1"} {"id""#,
        ] {
            assert!(!begins_a_result(other.as_bytes()), "{other}");
        }
    }
}

//! Results of earlier runs: which jobs they belong to, and how these ended.
//!
//! A result is found by the id of its job and by a digest of what was asked for, independent of the order of lines.

use super::job::Job;
use super::record::Account;
use crate::fingerprint::{Fingerprint, Fingerprints};
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The content of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

/// The text between the id of a line and the digest of its job.
const DIGEST: &str = ",\"job\":\"";

/// The beginning of the line of a job, without the comma that follows.
pub(super) fn beginning(job: &Job) -> String {
    let id = Value::from(&*job.id);
    format!("{{\"id\":{id}{DIGEST}{}\"", job.digest)
}

/// A result line, with its job and that job's state when it was computed.
struct Line<'l> {
    text: &'l str,
    id: String,
    digest: String,
    /// Fingerprints of its files; `None` in lines of earlier versions.
    inputs: Option<Vec<Fingerprint>>,
    account: Account,
}

impl<'l> Line<'l> {
    /// Parses a result; `None` if the line is no result. A failed one has only its error.
    fn of(bytes: &'l [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let result: Value = serde_json::from_str(text).ok()?;
        let named = |key: &str| result.get(key).and_then(Value::as_str).map(str::to_owned);
        let tells = |key: &&str| result.get(*key).is_some();
        ["error", "command"].iter().find(|key| tells(key))?;
        let inputs = result.get("input").cloned().map(serde_json::from_value);
        Some(Self {
            text,
            id: named("id")?,
            digest: named("job")?,
            inputs: inputs.transpose().ok()?,
            account: Account::of_line(&result),
        })
    }
}

/// Whether bytes may be the truncated beginning of a result, whose id and digest come first.
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

/// An existing result.
pub(super) struct Found {
    pub(super) line: String,
    pub(super) account: Account,
    inputs: Option<Vec<Fingerprint>>,
    /// Whether it is to be recomputed; it stays until then.
    pub(super) anew: bool,
}

impl Found {
    /// Whether it is a value without fingerprints of its files.
    fn is_of_unknown_files(&self) -> bool {
        !self.anew && !self.account.failed() && self.inputs.is_none()
    }
}

/// What has changed since a result was computed.
enum Change {
    /// The command, the files or the options of the job changed.
    Job,
    /// The content of a file changed.
    Content(PathBuf),
}

impl Change {
    /// The change, in words.
    fn words(&self) -> String {
        match self {
            Self::Job => "with another command, other files or other options than now".to_owned(),
            Self::Content(file) => format!("whose file {} has changed since", file.display()),
        }
    }
}

/// The results that files hold for some jobs.
pub(super) struct Ledger {
    /// The result of each job, if it has one.
    pub(super) found: Vec<Option<Found>>,
    /// Lines of jobs that are not in the list.
    pub(super) unlisted: Vec<String>,
    /// Number of those found that had been moved beside the file because their jobs were not in the list.
    pub(super) taken_back: usize,
    /// Bytes of whole lines in the file.
    pub(super) whole: usize,
    /// Whether the file holds results of the jobs in their order, and nothing else.
    pub(super) in_order: bool,
}

/// Which results are to be recomputed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// Failed ones.
    pub(super) failed: bool,
    /// Those whose job, or the content of its files, has changed since.
    pub(super) changed: bool,
}

impl Ledger {
    /// A ledger without results.
    pub(super) fn nothing(jobs: usize) -> Self {
        Self {
            found: std::iter::repeat_with(|| None).take(jobs).collect(),
            unlisted: Vec::new(),
            taken_back: 0,
            whole: 0,
            in_order: true,
        }
    }

    /// Moves back lines of jobs that were not in the list and are in it again, unchanged.
    fn take_back(
        &mut self,
        beside: &[String],
        jobs: &[Job],
        files: &Fingerprints,
        retry: Retry,
    ) -> Result<()> {
        let places = places(jobs);
        for text in beside {
            let Some(line) = Line::of(text.as_bytes()) else {
                continue;
            };
            let Some(&place) = places.get(&*line.id) else {
                continue;
            };
            if self.found[place].is_none() && change(&line, &jobs[place], files)?.is_none() {
                self.found[place] = Some(Found {
                    anew: retry.failed && line.account.failed(),
                    line: text.clone(),
                    account: line.account,
                    inputs: line.inputs,
                });
                self.taken_back += 1;
                self.in_order = false;
            }
        }
        Ok(())
    }

    /// The indices of the jobs to compute.
    pub(super) fn to_do(&self) -> impl Iterator<Item = usize> {
        let found = self.found.iter().enumerate();
        found.filter_map(|(place, found)| found.as_ref().is_none_or(|it| it.anew).then_some(place))
    }

    /// The results that are kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = (usize, &Account)> {
        let found = self.found.iter().enumerate();
        let found = found.filter_map(|(place, found)| Some((place, found.as_ref()?)));
        let kept = found.filter(|(_, found)| !found.anew);
        kept.map(|(place, found)| (place, &found.account))
    }

    /// Number of kept results that are errors.
    pub(super) fn failures_kept(&self) -> usize {
        self.kept().filter(|(_, account)| account.failed()).count()
    }

    /// Number of kept results without fingerprints of their files.
    pub(super) fn of_unknown_files(&self) -> usize {
        let found = self.found.iter().flatten();
        found.filter(|found| found.is_of_unknown_files()).count()
    }

    /// The lines of the jobs, in their order.
    pub(super) fn lines(&self) -> String {
        let found = self.found.iter().flatten();
        found.map(|found| &*found.line).collect()
    }
}

/// Lines in the file beside the results, each a result of a job that was not in the list.
///
/// # Errors
///
/// A line that is no result.
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

/// What has changed since a line was written, if anything. A failure does not become stale.
fn change(line: &Line, job: &Job, files: &Fingerprints) -> Result<Option<Change>> {
    if line.digest != job.digest {
        return Ok(Some(Change::Job));
    }
    for input in line.inputs.iter().flatten() {
        if files.has_changed(input)? {
            return Ok(Some(Change::Content(input.file.clone())));
        }
    }
    Ok(None)
}

/// The lines of a file of results, by the indices of their jobs.
struct Lines<'l> {
    /// The last line of each job, and its line number.
    listed: Vec<Option<(usize, Line<'l>)>>,
    unlisted: Vec<String>,
    /// Bytes of whole lines.
    whole: usize,
    in_order: bool,
}

impl<'l> Lines<'l> {
    fn of(path: &Path, bytes: &'l [u8], jobs: &[Job]) -> Result<Self> {
        const REMEDY: &str = "remove the file, or give another --output";
        let places = places(jobs);
        let mut lines = Self {
            listed: std::iter::repeat_with(|| None).take(jobs.len()).collect(),
            unlisted: Vec::new(),
            whole: 0,
            in_order: true,
        };
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
            lines.whole += line.len();
            let Some(&place) = places.get(&*read.id) else {
                lines.in_order = false;
                lines.unlisted.push(read.text.to_owned());
                continue;
            };
            lines.in_order &= place >= next;
            next = place + 1;
            lines.listed[place] = Some((number, read));
        }
        if !lines.unlisted.is_empty() && lines.listed.iter().all(Option::is_none) {
            bail!(
                "{}: holds results of other jobs, and none of these; {REMEDY}",
                path.display()
            );
        }
        Ok(lines)
    }
}

fn places(jobs: &[Job]) -> HashMap<&str, usize> {
    let places = jobs.iter().enumerate();
    places.map(|(place, job)| (&*job.id, place)).collect()
}

/// The results of some jobs in a file, in the order of the jobs. If several lines have the same id, the last one
/// counts.
///
/// # Errors
///
/// A line that is no result.
pub(super) fn ordered(path: &Path, bytes: &[u8], jobs: &[Job]) -> Result<String> {
    let lines = Lines::of(path, bytes, jobs)?;
    let listed = lines.listed.iter().flatten();
    Ok(listed.map(|(_, line)| line.text).collect())
}

/// The results of some jobs in a file and in the file beside it. If several lines have the same id, the last one
/// counts. A truncated last line is ignored.
///
/// # Errors
///
/// A line that is no result, a file that has results but none of these jobs, and the result of a job that has changed
/// since (its command, its options or those of the run, its files or their content), unless it is to be recomputed.
pub(super) fn read(
    path: &Path,
    bytes: &[u8],
    beside: &[String],
    jobs: &[Job],
    files: &Fingerprints,
    retry: Retry,
) -> Result<Ledger> {
    let Lines {
        listed,
        unlisted,
        whole,
        in_order,
    } = Lines::of(path, bytes, jobs)?;
    let both = listed.par_iter().zip(jobs);
    let changes = both.map(|(line, job)| match line {
        Some((_, line)) => change(line, job, files),
        None => Ok(None),
    });
    let changes: Vec<_> = changes.collect::<Result<_>>()?;
    let found = listed.into_iter().zip(changes).zip(jobs);
    let found = found.map(|((line, change), job)| {
        let Some((number, line)) = line else {
            return Ok(None);
        };
        let failed = line.account.failed();
        let anew = (retry.failed && failed) || (retry.changed && change.is_some());
        if let (Some(change), false) = (change, anew) {
            let (what, option) = match failed {
                true => ("failure", "--retry-failed"),
                false => ("result", "--retry-changed"),
            };
            bail!(
                "{}: line {number} is the {what} of a job {:?} {}; {option} computes it anew",
                path.display(),
                job.id,
                change.words()
            );
        }
        Ok(Some(Found {
            line: line.text.to_owned(),
            account: line.account,
            inputs: line.inputs,
            anew,
        }))
    });
    let mut ledger = Ledger {
        found: found.collect::<Result<_>>()?,
        unlisted,
        taken_back: 0,
        whole,
        in_order,
    };
    ledger.take_back(beside, jobs, files, retry)?;
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

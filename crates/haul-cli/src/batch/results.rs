//! Results of earlier runs: which of the jobs they are of, and how these ended.

use super::job::Job;
use anyhow::{Result, bail};
use serde_json::Value;
use std::path::Path;

/// What a line of results tells of its job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) ending: Ending,
    pub(crate) value: Option<f64>,
    /// Lower and upper bound of the value.
    pub(crate) bounds: Option<(f64, f64)>,
    pub(crate) iterations: Option<u64>,
    pub(crate) seconds: Option<f64>,
    /// Pairs of points that were evaluated.
    pub(crate) pairs: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    NotConverged,
    Failed { message: String },
}

impl Told {
    /// Reads a line that is a result.
    pub(super) fn by(result: &Value) -> Self {
        let ending = if let Some(error) = result.get("error") {
            let message = error.get("message").and_then(Value::as_str);
            Ending::Failed {
                message: message.unwrap_or_default().to_owned(),
            }
        } else if result.get("converged") == Some(&Value::Bool(false)) {
            Ending::NotConverged
        } else {
            Ending::Done
        };
        let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64);
        let count = |key: &str| result.get(key).and_then(Value::as_u64);
        let lower = number("/certificate/lower_bound");
        Self {
            ending,
            value: number("/value"),
            bounds: lower.zip(number("/certificate/upper_bound")),
            iterations: count("iterations"),
            seconds: number("/seconds"),
            pairs: count("pairs").unwrap_or(0),
        }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.ending, Ending::Failed { .. })
    }
}

/// Whether a JSON value is a result under the id of a job: one that failed tells nothing but that.
fn is_of(result: &Value, job: &Job) -> bool {
    let text = |key: &str| result.get(key).and_then(Value::as_str);
    let told = ["error", "seconds"]
        .iter()
        .any(|key| result.get(key).is_some());
    text("id") == Some(&job.id) && text("job").is_some() && told
}

/// What a file holds of the first of some jobs.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) told: Vec<Told>,
    /// The lines, whole and in their order.
    pub(super) lines: Vec<String>,
    /// The places of those that are to be computed anew.
    pub(super) anew: Vec<usize>,
}

/// Which results are to be computed anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anew {
    /// Those that are errors.
    pub(super) failed: bool,
    /// Those whose job has changed since.
    pub(super) changed: bool,
}

impl Held {
    /// How many bytes of the file they are.
    pub(super) fn bytes(&self) -> usize {
        self.lines.iter().map(String::len).sum()
    }

    /// Those that stay.
    pub(super) fn kept(&self) -> impl Iterator<Item = (usize, &Told)> {
        let told = self.told.iter().enumerate();
        told.filter(|(place, _)| self.anew.binary_search(place).is_err())
    }

    /// How many of those that stay are errors.
    pub(super) fn failures_kept(&self) -> usize {
        self.kept().filter(|(_, told)| told.failed()).count()
    }
}

/// The results of the first of some jobs, as a file holds them. A last line that is torn counts for
/// nothing.
///
/// # Errors
///
/// A line that is no result of the job in its place, as that is now: its command, files, options and
/// those of the run, unless it is to be computed anew. What the files held when they were read is not known.
pub(super) fn held(path: &Path, bytes: &[u8], jobs: &[Job], anew: Anew) -> Result<Held> {
    const REMEDY: &str = "remove the file, or give another --output";
    let mut held = Held::default();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let Some(job) = jobs.get(held.told.len()) else {
            bail!(
                "{}: line {number} is beyond the last of the {} jobs: the file holds results of others; {REMEDY}",
                path.display(),
                jobs.len()
            );
        };
        let torn = line.last() != Some(&b'\n');
        let beginning = super::beginning(job);
        let mut both = line.iter().zip(beginning.as_bytes());
        if torn && both.all(|(found, expected)| found == expected) {
            break;
        }
        let text = std::str::from_utf8(line).ok().filter(|_| !torn);
        let read = text.and_then(|text| Some((text, serde_json::from_str(text).ok()?)));
        let Some((text, result)) = read.filter(|(_, result)| is_of(result, job)) else {
            bail!(
                "{}: line {number} is no result of the job {:?}: the file holds something else; {REMEDY}",
                path.display(),
                job.id
            );
        };
        let told = Told::by(&result);
        let changed = result.get("job").and_then(Value::as_str) != Some(&job.digest);
        if (anew.failed && told.failed()) || (anew.changed && changed) {
            held.anew.push(held.told.len());
        } else if changed {
            let (what, option) = match told.failed() {
                true => ("failure", "--retry-failed"),
                false => ("result", "--retry-changed"),
            };
            bail!(
                "{}: line {number} is the {what} of a job {:?} with another command, other files or other options than now; {option} computes it anew",
                path.display(),
                job.id
            );
        }
        held.told.push(told);
        held.lines.push(text.to_owned());
    }
    Ok(held)
}

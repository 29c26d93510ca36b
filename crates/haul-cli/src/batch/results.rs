//! Results of earlier runs: which of the jobs they are of, and how these ended.
//!
//! A result is found by the id of its job and by a digest of what was asked for, wherever its line stands.

use super::job::Job;
use crate::outcome;
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::HashMap;
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
                message: outcome::in_short(message.unwrap_or_default()),
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

/// A line that is a result: of which job, and as that was when it was computed.
struct Line<'l> {
    text: &'l str,
    id: String,
    digest: String,
    told: Told,
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
            told: Told::by(&result),
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
        Some(Ok(_)) => agree(&rest[id.byte_offset()..], super::DIGEST),
        Some(Err(error)) => error.is_eof(),
        None => true,
    }
}

/// A result that is there.
pub(super) struct Found {
    pub(super) line: String,
    pub(super) told: Told,
    /// Whether it is to be computed anew; until then it stays.
    pub(super) anew: bool,
}

/// What files hold of some jobs.
pub(super) struct Held {
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
pub(super) struct Anew {
    /// Those that are errors.
    pub(super) failed: bool,
    /// Those whose job has changed since.
    pub(super) changed: bool,
}

impl Anew {
    /// Whatever is there is taken as it is.
    pub(super) const ANY: Self = Self {
        failed: true,
        changed: true,
    };
}

impl Held {
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
    pub(super) fn kept(&self) -> impl Iterator<Item = (usize, &Told)> {
        let found = self.found.iter().enumerate();
        let found = found.filter_map(|(place, found)| Some((place, found.as_ref()?)));
        let kept = found.filter(|(_, found)| !found.anew);
        kept.map(|(place, found)| (place, &found.told))
    }

    /// How many of those that stay are errors.
    pub(super) fn failures_kept(&self) -> usize {
        self.kept().filter(|(_, told)| told.failed()).count()
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
pub(super) fn held(
    path: &Path,
    bytes: &[u8],
    beside: &[String],
    jobs: &[Job],
    anew: Anew,
) -> Result<Held> {
    const REMEDY: &str = "remove the file, or give another --output";
    let mut held = Held::nothing(jobs.len());
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
        held.whole += line.len();
        let Some(&place) = places.get(&*read.id) else {
            held.in_order = false;
            held.unlisted.push(read.text.to_owned());
            continue;
        };
        held.in_order &= place >= next;
        next = place + 1;
        numbers[place] = number;
        held.found[place] = Some(Found {
            anew: read.digest != jobs[place].digest,
            line: read.text.to_owned(),
            told: read.told,
        });
    }
    if !held.unlisted.is_empty() && held.found.iter().all(Option::is_none) {
        bail!(
            "{}: holds results of other jobs, and none of these; {REMEDY}",
            path.display()
        );
    }
    for ((found, job), number) in held.found.iter_mut().zip(jobs).zip(numbers) {
        let Some(found) = found else { continue };
        let (changed, failed) = (found.anew, found.told.failed());
        found.anew = (anew.failed && failed) || (anew.changed && changed);
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
        if held.found[place].is_none() && read.digest == jobs[place].digest {
            held.found[place] = Some(Found {
                anew: anew.failed && read.told.failed(),
                line: line.clone(),
                told: read.told,
            });
            held.taken_back += 1;
            held.in_order = false;
        }
    }
    Ok(held)
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

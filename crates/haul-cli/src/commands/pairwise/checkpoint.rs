//! The comparisons computed so far, in a file beside the target until the matrix is written: a line that names the
//! program, then comparisons, each under a key that names the contents of both clouds and the settings. So
//! comparisons are found again if files are added, removed or reordered.

use super::entry::Entry;
use crate::lines::Lines;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The beginning of every such file.
const BEGINNING: &str = "haul pairwise ";

/// The first line.
const HEADER: &str = "haul pairwise comparisons\n";

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(flatten)]
    entry: Entry,
}

/// The file of a run, and its comparisons of this run.
pub(super) struct Checkpoint {
    path: PathBuf,
    lines: Lines,
    /// The key of each comparison of the run.
    keys: Vec<String>,
    pub(super) entries: Vec<Option<Entry>>,
    /// Lines of other clouds or settings.
    others: Vec<String>,
    /// Whether the file was of another version and unusable.
    pub(super) foreign: bool,
}

/// The file beside a target.
pub(super) fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

impl Checkpoint {
    /// Opens the file beside a target, or makes it, for comparisons of these keys.
    ///
    /// # Errors
    ///
    /// Those of [`Lines::open`], and a file that is not a checkpoint.
    pub(super) fn open(target: &Path, keys: Vec<String>) -> Result<Self> {
        let path = beside(target);
        let mut held = HashMap::new();
        let mut foreign = false;
        let mut lines = Lines::open(&path, |bytes| {
            let begins = |with: &str| {
                let mut both = bytes.iter().zip(with.as_bytes());
                both.all(|(found, expected)| found == expected)
            };
            let Some(mut rest) = bytes.strip_prefix(HEADER.as_bytes()) else {
                if !begins(BEGINNING) {
                    bail!(
                        "{}: is not of this program; move it, for the run needs the place",
                        path.display()
                    );
                }
                foreign = bytes.contains(&b'\n');
                return Ok(0);
            };
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, after) = rest.split_at(end + 1);
                let read: Result<Line, _> = serde_json::from_slice(line);
                let (Ok(read), Ok(text)) = (read, std::str::from_utf8(line)) else {
                    bail!(
                        "{}: line {} is no comparison; remove the file",
                        path.display(),
                        held.len() + 2
                    );
                };
                held.insert(read.key, (text.to_owned(), read.entry));
                rest = after;
            }
            Ok(bytes.len() - rest.len())
        })?;
        if lines.is_empty() {
            lines.append(HEADER)?;
        }
        let entry = |key: &String| held.get(key).map(|(_, entry)| entry.clone());
        let entries = keys.iter().map(entry).collect();
        for key in &keys {
            held.remove(key);
        }
        Ok(Self {
            path,
            lines,
            keys,
            entries,
            others: held.into_values().map(|(line, _)| line).collect(),
            foreign,
        })
    }

    /// The comparisons that are missing.
    pub(super) fn missing(&self) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter_map(|(place, entry)| entry.is_none().then_some(place))
            .collect()
    }

    pub(super) fn append(&mut self, place: usize, entry: Entry) -> Result<()> {
        let line = Line {
            key: self.keys[place].clone(),
            entry,
        };
        self.lines.append(&(serde_json::to_string(&line)? + "\n"))?;
        self.entries[place] = Some(line.entry);
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of comparisons of other clouds or settings in the file.
    pub(super) fn others(&self) -> usize {
        self.others.len()
    }

    /// Removes the comparisons of this run from the file, or the file if there are no others.
    pub(super) fn served(mut self) {
        // A failure here does no harm: the next run would find nothing left to do.
        if self.others.is_empty() {
            let _ = std::fs::remove_file(&self.path);
        } else {
            self.others.sort_unstable();
            let _ = self
                .lines
                .replace(&(HEADER.to_owned() + &self.others.concat()));
        }
    }
}

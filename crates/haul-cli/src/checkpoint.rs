//! What a run has computed so far, in a file beside its target until the target is written: a line that names what the file
//! has, then results, each under a key that names all that it depends on. So results are found again if a run is stopped and
//! started again, also if its files are added, removed or reordered.

use crate::lines::Lines;
use anyhow::{Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What is in a file, as its first line says: the command, and the name of its results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) command: &'static str,
    pub(crate) results: &'static str,
}

impl Kind {
    /// The beginning of every file of the command.
    fn beginning(self) -> String {
        format!("haul {} ", self.command)
    }

    /// The first line.
    fn header(self) -> String {
        format!("{}{}\n", self.beginning(), self.results)
    }
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    key: String,
    #[serde(flatten)]
    entry: T,
}

/// The file of a run, and the results of this run.
pub(crate) struct Checkpoint<T> {
    path: PathBuf,
    lines: Lines,
    kind: Kind,
    /// The key of each result of the run.
    keys: Vec<String>,
    pub(crate) entries: Vec<Option<T>>,
    /// Lines of other inputs or settings.
    others: Vec<String>,
    /// Whether the file was of another version and unusable.
    pub(crate) foreign: bool,
}

/// The file beside a target.
pub(crate) fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

impl<T: Clone + Serialize + DeserializeOwned> Checkpoint<T> {
    /// Opens the file beside a target, or makes it, for results of these keys.
    ///
    /// # Errors
    ///
    /// Those of [`Lines::open`], and a file that is not a checkpoint.
    pub(crate) fn open(target: &Path, kind: Kind, keys: Vec<String>) -> Result<Self> {
        let path = beside(target);
        let (beginning, header) = (kind.beginning(), kind.header());
        let mut held = HashMap::new();
        let mut foreign = false;
        let mut lines = Lines::open(&path, |bytes| {
            let begins = |with: &str| {
                let mut both = bytes.iter().zip(with.as_bytes());
                both.all(|(found, expected)| found == expected)
            };
            let Some(mut rest) = bytes.strip_prefix(header.as_bytes()) else {
                if !begins(&beginning) {
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
                let read: Result<Line<T>, _> = serde_json::from_slice(line);
                let (Ok(read), Ok(text)) = (read, std::str::from_utf8(line)) else {
                    bail!(
                        "{}: line {} is no result of this program; remove the file",
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
            lines.append(&header)?;
        }
        let entry = |key: &String| held.get(key).map(|(_, entry)| entry.clone());
        let entries = keys.iter().map(entry).collect();
        for key in &keys {
            held.remove(key);
        }
        Ok(Self {
            path,
            lines,
            kind,
            keys,
            entries,
            others: held.into_values().map(|(line, _)| line).collect(),
            foreign,
        })
    }

    /// The results that are missing.
    pub(crate) fn missing(&self) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter_map(|(place, entry)| entry.is_none().then_some(place))
            .collect()
    }

    pub(crate) fn append(&mut self, place: usize, entry: T) -> Result<()> {
        let line = Line {
            key: self.keys[place].clone(),
            entry,
        };
        self.lines.append(&(serde_json::to_string(&line)? + "\n"))?;
        self.entries[place] = Some(line.entry);
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of results of other inputs or settings in the file.
    pub(crate) fn others(&self) -> usize {
        self.others.len()
    }

    /// Removes the results of this run from the file, or the file if there are no others.
    pub(crate) fn served(mut self) {
        // A failure here does no harm: the next run would find nothing left to do.
        if self.others.is_empty() {
            let _ = std::fs::remove_file(&self.path);
        } else {
            self.others.sort_unstable();
            let _ = self
                .lines
                .replace(&(self.kind.header() + &self.others.concat()));
        }
    }
}

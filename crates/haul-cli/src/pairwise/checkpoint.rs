//! What a run has computed, beside its target, until the matrix is written: a line that says of what,
//! then the entries in their order.

use super::plan::{BEGINNING, Plan};
use crate::lines::Lines;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One comparison of two files, or of a file with itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) value: f64,
    pub(super) converged: bool,
    /// Pairs of points that were evaluated.
    pub(super) pairs: u64,
}

/// The file of a run, and what it held when it was opened.
pub(super) struct Checkpoint {
    path: PathBuf,
    lines: Lines,
    pub(super) entries: Vec<Entry>,
    /// Whether the file was of another run, and nothing of it could be used.
    pub(super) foreign: bool,
}

impl Checkpoint {
    /// Opens the file beside a target, or makes it, for the entries of a plan.
    ///
    /// # Errors
    ///
    /// Those of [`Lines::open`], and a file that is none of this program's.
    pub(super) fn open(target: &Path, plan: &Plan, count: usize) -> Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let mut entries = Vec::new();
        let mut foreign = false;
        let identity = plan.identity();
        let mut lines = Lines::open(&path, |bytes| {
            let Some(mut rest) = bytes.strip_prefix(identity.as_bytes()) else {
                let mut both = bytes.iter().zip(BEGINNING.as_bytes());
                if !both.all(|(found, expected)| found == expected) {
                    bail!(
                        "{}: is not of this program; move it, for the run needs the place",
                        path.display()
                    );
                }
                foreign = bytes.contains(&b'\n');
                return Ok(0);
            };
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n')
                && let (line, after) = rest.split_at(end + 1)
                && let Ok(entry) = serde_json::from_slice(line)
                && entries.len() < count
            {
                entries.push(entry);
                rest = after;
            }
            Ok(bytes.len() - rest.len())
        })?;
        if lines.is_empty() {
            lines.append(&identity)?;
        }
        Ok(Self {
            path,
            lines,
            entries,
            foreign,
        })
    }

    pub(super) fn append(&mut self, entry: Entry) -> Result<()> {
        self.lines
            .append(&(serde_json::to_string(&entry)? + "\n"))?;
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, which has served, and hands out what it held.
    pub(super) fn removed(self) -> Vec<Entry> {
        // One that stays is no harm: the next run would find that nothing is left to do.
        let _ = std::fs::remove_file(&self.path);
        self.entries
    }
}

//! The file beside the results that keeps the results of jobs that are not in the list.

use super::results::{self, Ledger};
use crate::lines::Lines;
use anyhow::{Context, Result};
use haul_files as formats;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The results in that file.
pub(super) struct Aside {
    path: PathBuf,
    pub(super) lines: Vec<String>,
}

impl Aside {
    /// The path of that file.
    pub(super) fn place(output: &Path) -> PathBuf {
        let mut path = output.as_os_str().to_owned();
        path.push(".unlisted");
        PathBuf::from(path)
    }

    /// The current file beside a file of results.
    pub(super) fn of(output: &Path) -> Result<Self> {
        let path = Self::place(output);
        let lines = match path.is_file() {
            true => results::beside(&path, &results::bytes(&path)?)?,
            false => Vec::new(),
        };
        Ok(Self { path, lines })
    }

    /// Puts the results in the order of the jobs. Results of jobs that are not in the list are moved to this file,
    /// and those of jobs that are in the list again are moved back. If the program is killed meanwhile, each result
    /// is in one of both files. Returns a message if anything was moved.
    pub(super) fn exchange(self, ledger: &Ledger, results: &mut Lines) -> Result<Option<String>> {
        let Self { path, lines } = self;
        let known: HashSet<_> = lines.iter().collect();
        let new = ledger.unlisted.iter().filter(|line| !known.contains(line));
        let all: Vec<_> = lines.iter().chain(new).map(String::as_str).collect();
        if !ledger.unlisted.is_empty() {
            formats::write_text(&path, &all.concat())?;
        }
        results.replace(&ledger.lines())?;
        let found: HashSet<_> = ledger.found.iter().flatten().map(|it| &*it.line).collect();
        let left: Vec<_> = all.into_iter().filter(|it| !found.contains(it)).collect();
        if left.is_empty() {
            remove(&path)?;
        } else if ledger.taken_back > 0 {
            formats::write_text(&path, &left.concat())?;
        }
        let what = match ledger.unlisted.len() {
            0 => return Ok(None),
            1 => "one result of a job that is not in the list is".to_owned(),
            many => format!("{many} results of jobs that are not in the list are"),
        };
        Ok(Some(format!("{what} now in {}", path.display())))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

//! What every solving command may write beside its result: the course of the iteration, and a page.

use crate::arguments::Solving;
use crate::{formats, page};
use anyhow::Result;
use std::path::PathBuf;

impl Solving {
    /// The files of these that are asked for.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.trace, &self.report].into_iter().flatten()
    }

    /// Refuses what cannot be written, before a solve.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(path) = &self.trace {
            formats::check_target(path, ".csv")?;
        }
        Ok(page::check(self.report.as_deref())?)
    }
}

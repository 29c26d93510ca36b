//! Options of the commands that solve transport.

use super::engine::Engine;
use super::settings::Settings;
use super::weights::Weights;
use anyhow::Result;
use clap::Args;
use haul_files as formats;
use std::path::PathBuf;

/// What the solving commands share.
#[derive(Debug, Args)]
pub(crate) struct Solving {
    #[command(flatten)]
    pub(crate) weights: Weights,

    #[command(flatten)]
    pub(crate) settings: Settings,

    /// Keep each pass in a file, from which the same command goes on if the run ends early; removed at the end
    #[arg(long, value_name = "F", help_heading = "Iteration")]
    pub(crate) checkpoint: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) engine: Engine,

    /// Print one JSON object, with every digit
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// No progress and no warnings
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Write a table of the iteration: iteration, epsilon, marginal_error, seconds
    #[arg(long, value_name = "F.csv", help_heading = "Output")]
    pub(crate) trace: Option<PathBuf>,

    /// Write a page for people: the answer, its certificate, the convergence and a picture of both clouds
    #[arg(long, value_name = "F.html", help_heading = "Output")]
    pub(crate) report: Option<PathBuf>,
}

impl Solving {
    /// The files that are written beside a result: trace, page and passes.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        let files = [&self.trace, &self.report, &self.checkpoint];
        files.into_iter().flatten()
    }

    /// Whether somebody reads the answer as text or on a page, and not a program.
    pub(crate) fn is_read(&self) -> bool {
        !self.quiet && (!self.json || self.report.is_some())
    }

    /// Refuses files that cannot be written, before a solve.
    pub(crate) fn check(&self) -> Result<()> {
        for (path, extension) in [(&self.trace, ".csv"), (&self.report, ".html")] {
            if let Some(path) = path {
                formats::check_target(path, extension)?;
            }
        }
        Ok(())
    }
}

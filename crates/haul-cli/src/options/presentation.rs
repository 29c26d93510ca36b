//! How an answer is shown.

use anyhow::Result;
use clap::Args;
use haul_files as formats;
use std::path::PathBuf;

/// How an answer is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Presentation {
    /// Write a page for people: the pictures, and what is certain about them
    #[arg(long, value_name = "F.html")]
    pub(crate) report: Option<PathBuf>,

    /// Print one JSON object, with every digit
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress and no warnings
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Presentation {
    /// Refuses a page that cannot be written.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.report {
            Some(page) => Ok(formats::check_target(page, ".html")?),
            None => Ok(()),
        }
    }
}

//! `haul man`: a manual page for the program and one for each command, `haul-batch.1` and so on.

use crate::command::{Command, Program};
use crate::outcome::Outcome;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// Write the manual pages
#[derive(Debug, Args)]
#[command(hide = true, after_help = "Example:\n  haul man --out man")]
pub(crate) struct Man {
    /// The folder that is written to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Command for Man {
    fn run(&self, program: &Program) -> Result<Outcome> {
        std::fs::create_dir_all(&self.out)
            .and_then(|()| clap_mangen::generate_to((program.definition)(), &self.out))
            .with_context(|| {
                format!(
                    "{}: cannot be written; give another --out",
                    self.out.display()
                )
            })?;
        Ok(Outcome::Done)
    }
}

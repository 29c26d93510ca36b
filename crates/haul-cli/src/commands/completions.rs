//! `haul completions`: the completion script for a shell.

use crate::command::{Command, Program};
use crate::outcome::{self, Outcome};
use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  haul completions bash > haul.bash")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Command for Completions {
    fn run(&self, program: &Program) -> Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut (program.definition)(), "haul", &mut script);
        outcome::print(&String::from_utf8_lossy(&script))?;
        Ok(Outcome::Done)
    }
}

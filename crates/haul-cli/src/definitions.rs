//! What the definitions of the command line make beside its parser: completion scripts and manual pages.

use crate::arguments::Arguments;
use crate::outcome::{self, Outcome};
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;

/// `haul completions`: prints the script of a shell.
pub(crate) fn completions(shell: Shell) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "haul", &mut script);
    outcome::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

/// `haul man`: writes a page for the program and one for each command, `haul-batch.1` and so on.
pub(crate) fn manual(folder: &Path) -> Result<Outcome> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .with_context(|| {
            format!(
                "{}: cannot be written; give another --out",
                folder.display()
            )
        })?;
    Ok(Outcome::Done)
}

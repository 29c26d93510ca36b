//! `haul study`: how values depend on ε, and on the number of points of a sample.

mod epsilon;
mod samples;

pub(crate) use epsilon::Epsilon;
pub(crate) use samples::Samples;

use crate::canvas::Svg;
use crate::checkpoint::{self, Checkpoint, Kind};
use crate::command::{Command, Program};
use crate::interrupt;
use crate::outcome::{self, Outcome};
use anyhow::Result;
use clap::{Args, Subcommand};
use haul_files as formats;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Study what ε does, or the number of points
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  haul study epsilon a.ply b.ply --report study.html\n  haul study samples --points 16,32,64 --trials 4"
)]
pub(crate) struct Study {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// OT_ε, S_ε and ⟨P, C⟩ from large ε to small, between their limits
    Epsilon(Box<Epsilon>),
    /// How fast distances between samples of one law fall as the number of points grows
    Samples(Box<Samples>),
}

impl Command for Study {
    fn run(&self, program: &Program) -> Result<Outcome> {
        match &self.subject {
            Subject::Epsilon(epsilon) => epsilon.run(program),
            Subject::Samples(samples) => samples.run(program),
        }
    }
}

/// Files that a study writes beside its page.
#[derive(Debug, Args)]
struct Files {
    /// Write the table
    #[arg(short, long, value_name = "F.csv", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write the picture
    #[arg(long, value_name = "F.svg", help_heading = "Output")]
    image: Option<PathBuf>,
}

impl Files {
    fn check(&self) -> Result<()> {
        for (path, extension) in [(&self.output, ".csv"), (&self.image, ".svg")] {
            if let Some(path) = path {
                formats::check_target(path, extension)?;
            }
        }
        Ok(())
    }

    /// Those that stay.
    fn written(&self) -> Vec<PathBuf> {
        self.output.iter().chain(&self.image).cloned().collect()
    }

    /// These, and the one of a run that is not finished.
    fn all(&self) -> impl Iterator<Item = PathBuf> {
        let beside = self.output.as_deref().map(checkpoint::beside);
        self.written().into_iter().chain(beside)
    }

    fn write(&self, table: &str, picture: impl FnOnce() -> Result<Svg>) -> Result<()> {
        if let Some(path) = &self.output {
            formats::write_text(path, table)?;
        }
        if let Some(path) = &self.image {
            formats::write_text(path, &picture()?.file(1.5))?;
        }
        Ok(())
    }
}

/// The results of earlier runs of a study with a table, of these keys. Ctrl-C then keeps what is finished.
fn table<T: Clone + Serialize + DeserializeOwned>(
    output: &Path,
    kind: Kind,
    keys: Vec<String>,
    quiet: bool,
) -> Result<Checkpoint<T>> {
    interrupt::keep_what_is_finished();
    let table = Checkpoint::open(output, kind, keys)?;
    if table.foreign && !quiet {
        let file = table.path().display();
        outcome::warn(&format!("{file} is of another version: starting anew"));
    }
    Ok(table)
}

/// Takes the results out of the file beside the table, once that is written.
fn served<T: Clone + Serialize + DeserializeOwned>(table: Checkpoint<T>, quiet: bool) {
    if table.others() > 0 && !quiet {
        outcome::tell(&format!(
            "results of other settings ({}) stay in {}; remove it where they are not wanted",
            table.others(),
            table.path().display()
        ));
    }
    table.served();
}

/// Ends a study after Ctrl-C. What is finished is in the file of the table, if there is one; `done` of `all` are.
fn interrupted([done, all]: [usize; 2], what: &str, partial: Option<&Path>) -> anyhow::Error {
    if let Some(file) = partial
        && interrupt::requested()
    {
        outcome::tell(&format!(
            "{done} of {all} {what} are in {}; the same command goes on from there",
            file.display()
        ));
    }
    haul::Error::Interrupted.into()
}

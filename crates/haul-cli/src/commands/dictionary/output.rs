//! The files of a dictionary.

use super::answer::DictionaryAnswer;
use super::fit::Step;
use crate::input::on_grid;
use anyhow::{Context, Result};
use haul_files::{self as formats, Array};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The folder of the results.
pub(super) struct Folder<'p>(&'p Path);

impl<'p> Folder<'p> {
    pub(super) fn new(path: &'p Path) -> Self {
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The state to go on from.
    pub(super) fn state(&self) -> PathBuf {
        self.file("state.npz")
    }

    /// All files that may be written; topics if there are words.
    pub(super) fn files(&self, topics: bool) -> Vec<PathBuf> {
        let names = [
            "atoms.npy",
            "weights.npy",
            "errors.npy",
            "history.csv",
            "atoms.png",
            "state.npz",
        ];
        let topics = topics.then_some("topics.txt");
        let names = names.into_iter().chain(topics);
        names.map(|name| self.file(name)).collect()
    }

    /// Refuses a folder that cannot be made, as far as that is known.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.exists() && !self.0.is_dir() {
            anyhow::bail!("{}: is a file; name a folder", self.0.display());
        }
        Ok(())
    }

    /// Makes the folder.
    pub(super) fn make(&self) -> Result<()> {
        std::fs::create_dir_all(self.0)
            .with_context(|| format!("{}: the folder cannot be made", self.0.display()))
    }

    /// Writes all files but the state.
    pub(super) fn write(&self, answer: &DictionaryAnswer) -> Result<()> {
        let (learned, support) = (&answer.learned, &answer.histograms.support);
        let shape = on_grid(support).map_or(vec![support.len()], |grid| grid.shape().to_vec());
        let count = answer.count();
        let arrays = [
            ("atoms", [&[count], &shape[..]].concat(), &learned.atoms),
            (
                "weights",
                vec![learned.errors.len(), count],
                &learned.weights,
            ),
            ("errors", vec![learned.errors.len()], &learned.errors),
        ];
        for (name, shape, values) in arrays {
            let array = Array {
                name,
                shape,
                values,
            };
            formats::write_npy(&self.file(&format!("{name}.npy")), &array)?;
        }
        formats::write_text(&self.file("history.csv"), &history(&learned.history))?;
        if let Some(picture) = answer.picture()? {
            picture.write(&self.file("atoms.png"))?;
        }
        if let Some(topics) = answer.topics() {
            let lines = topics.iter().map(|words| words.join(" ") + "\n");
            formats::write_text(&self.file("topics.txt"), &lines.collect::<String>())?;
        }
        Ok(())
    }
}

/// The table of the steps.
fn history(steps: &[Step]) -> String {
    let gaps = steps.iter().all(|step| step.gaps.is_some());
    let mut text = String::from("step,objective,seconds");
    text += if gaps {
        ",weights_gap,atoms_gap\n"
    } else {
        "\n"
    };
    for step in steps {
        // Writing to a string cannot fail.
        let _ = write!(text, "{},{:e},{}", step.step, step.objective, step.seconds);
        if let Some([weights, atoms]) = step.gaps {
            let _ = write!(text, ",{weights:e},{atoms:e}");
        }
        text.push('\n');
    }
    text
}

//! The line that tells how a solve gets on, and the file that keeps its course.

use crate::formats;
use anyhow::Result;
use haul::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// A line on standard error where that is a terminal.
pub(crate) struct Line {
    bar: ProgressBar,
}

impl Line {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self {
                bar: ProgressBar::hidden(),
            };
        }
        let bar = ProgressBar::new_spinner();
        // The template is constant; should it ever be wrong, the default one serves.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    pub(crate) fn tell(&self, progress: &Progress) {
        let Progress {
            iteration,
            epsilon,
            marginal_error,
            goal,
            ..
        } = progress;
        self.bar.set_message(format!(
            "iteration {iteration}, ε {epsilon:.3e}, error {marginal_error:.2e} → {goal:.0e}"
        ));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The course of an iteration, for `--trace`.
#[derive(Default)]
pub(crate) struct Trace {
    lines: String,
}

impl Trace {
    pub(crate) fn add(&mut self, progress: &Progress) {
        let Progress {
            iteration,
            epsilon,
            marginal_error,
            seconds,
            ..
        } = progress;
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.lines,
            "{iteration},{epsilon:e},{marginal_error:e},{seconds}"
        );
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = format!("iteration,epsilon,marginal_error,seconds\n{}", self.lines);
        Ok(formats::write_text(path, &text)?)
    }
}

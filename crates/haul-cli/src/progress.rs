//! How work gets on: the course of a solve, told in a line and in the file of `--trace`, and the count of
//! many comparisons.

use crate::arguments::Solving;
use crate::formats;
use anyhow::Result;
use haul::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// An observer of a solve, or of several in turn.
pub(crate) struct Course<'s> {
    bar: ProgressBar,
    steps: Vec<Progress>,
    trace: Option<&'s Path>,
}

impl<'s> Course<'s> {
    /// The line shows on standard error where that is a terminal.
    pub(crate) fn new(solving: &'s Solving) -> Self {
        Self {
            bar: shown(None, "{spinner} {elapsed_precise} {msg}", solving.quiet),
            steps: Vec::new(),
            trace: solving.trace.as_deref(),
        }
    }

    /// Notes where a solve stands; it never ends one.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
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
        self.steps.push(*progress);
        ControlFlow::Continue(())
    }

    /// Clears the line, writes the trace where it is asked for, and tells every step.
    pub(crate) fn end(mut self) -> Result<Vec<Progress>> {
        let steps = std::mem::take(&mut self.steps);
        if let Some(path) = self.trace {
            formats::write_text(path, &trace(&steps))?;
        }
        Ok(steps)
    }
}

/// The table of `--trace`.
fn trace(steps: &[Progress]) -> String {
    let mut text = String::from("iteration,epsilon,marginal_error,seconds\n");
    for step in steps {
        let Progress {
            iteration,
            epsilon,
            marginal_error,
            seconds,
            ..
        } = step;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{iteration},{epsilon:e},{marginal_error:e},{seconds}");
    }
    text
}

impl Drop for Course<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A line that tells how many comparisons are done, at what rate, and when all will be.
pub(crate) struct Count(ProgressBar);

impl Count {
    /// The line shows on standard error where that is a terminal.
    pub(crate) fn new(all: usize, done: usize, quiet: bool) -> Self {
        const LINE: &str =
            "{spinner} {elapsed_precise} {wide_bar} {pos}/{len}, {per_sec}, ETA {eta}";
        let bar = shown(Some(all as u64), LINE, quiet).with_position(done as u64);
        bar.reset_eta();
        Self(bar)
    }

    pub(crate) fn one_more(&self) {
        self.0.inc(1);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar in the style of a template, hidden where nobody would see it.
fn shown(length: Option<u64>, template: &str, quiet: bool) -> ProgressBar {
    let hidden = quiet || !std::io::stderr().is_terminal();
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    // The templates are constant; should one ever be wrong, the default serves.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

//! How work gets on: the course of a solve, told in a line and in the file of `--trace`, and the count of
//! many comparisons.

use crate::interrupt;
use crate::options::Solving;
use anyhow::Result;
use haul::{PairCount, Progress, Stop};
use haul_files as formats;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
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

    /// Notes where a solve stands, and ends it where Ctrl-C asked for that.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<Stop> {
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
        match interrupt::requested() {
            true => ControlFlow::Break(Stop::Abandon),
            false => ControlFlow::Continue(()),
        }
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

/// A line that tells how many pairs of points are done, and when all will be.
pub(crate) struct Passes(ProgressBar);

impl Passes {
    /// The line shows on standard error where that is a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        const LINE: &str = "{spinner} {elapsed_precise} {wide_bar} {msg}, ETA {eta}";
        Self(shown(None, LINE, quiet))
    }

    /// Tells where the passes stand, and ends them where Ctrl-C asked for that.
    pub(crate) fn observe(&self, pairs: PairCount) -> ControlFlow<()> {
        let PairCount { done, all, .. } = pairs;
        self.0.set_length(all);
        self.0.set_position(done);
        let message = format!("{:.1e} of {:.1e} pairs", done as f64, all as f64);
        self.0.set_message(message);
        match interrupt::requested() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Drop for Passes {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line that tells how many comparisons are done, at what rate, and when all will be: by what each of
/// them is thought to take, since one may take as long as a thousand others.
pub(crate) struct Count {
    bar: ProgressBar,
    /// What each takes, in parts of [`WHOLE`].
    parts: Vec<u64>,
    done: Cell<usize>,
    /// How many were done before.
    before: usize,
}

/// What all take.
const WHOLE: f64 = 1e9;

impl Count {
    /// Of comparisons that take times in these proportions, some of which are done. The line shows on
    /// standard error where that is a terminal; elsewhere nobody asks for the proportions.
    pub(crate) fn new(
        weights: impl Iterator<Item = f64>,
        done: impl Iterator<Item = usize>,
        quiet: bool,
    ) -> Self {
        const LINE: &str = "{spinner} {elapsed_precise} {wide_bar} {msg}, ETA {eta}";
        let bar = shown(None, LINE, quiet);
        if bar.is_hidden() {
            return Self::on(bar, Vec::new(), done);
        }
        Self::on(bar, weights.collect(), done)
    }

    fn on(bar: ProgressBar, weights: Vec<f64>, done: impl Iterator<Item = usize>) -> Self {
        let all: f64 = weights.iter().sum();
        let part = |weight: f64| (weight / all * WHOLE) as u64;
        let parts: Vec<_> = weights.into_iter().map(part).collect();
        bar.set_length(parts.iter().sum());
        let mut count = Self {
            bar,
            parts,
            done: Cell::new(0),
            before: 0,
        };
        for place in done {
            count.one_more(place);
        }
        count.before = count.done.get();
        count.bar.reset_eta();
        count.tell();
        count
    }

    /// The comparison in that place is done.
    pub(crate) fn one_more(&self, place: usize) {
        self.done.set(self.done.get() + 1);
        self.bar.inc(self.parts.get(place).copied().unwrap_or(0));
        self.tell();
    }

    fn tell(&self) {
        let (done, all) = (self.done.get(), self.parts.len());
        let rate = (done - self.before) as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{done}/{all}, {rate:.2}/s"));
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_many_comparisons_are_goes_by_what_each_takes() {
        let count = Count::on(
            ProgressBar::hidden(),
            vec![1.0, 1.0, 2.0, 96.0],
            [0, 2].into_iter(),
        );
        assert_eq!((count.done.get(), count.bar.position()), (2, 30_000_000));
        count.one_more(1);
        assert_eq!((count.done.get(), count.bar.position()), (3, 40_000_000));
        count.one_more(3);
        assert_eq!(Some(count.bar.position()), count.bar.length());
    }
}

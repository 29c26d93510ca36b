//! Progress: the course of a solve, as a line and as the file of `--trace`, and the count of many comparisons.

use crate::interrupt;
use crate::number::{duration, error, pairs, significant};
use crate::options::Solving;
use crate::outcome;
use crate::trend::Trend;
use anyhow::Result;
use haul::{
    ExactProgress, FitProgress, GromovProgress, PairCount, Progress, RegistrationProgress, Stop,
};
use haul_files as formats;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::fmt::Write;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// Length of the bar of a course.
const WAY: u64 = 1000;

/// An observer of a solve, or of several in turn.
pub(crate) struct Course<'s> {
    bar: ProgressBar,
    trend: Trend,
    /// Number of solves.
    solves: usize,
    steps: Vec<Progress>,
    trace: Option<&'s Path>,
}

impl<'s> Course<'s> {
    /// An observer of this many solves. The line is shown if standard error is a terminal.
    pub(crate) fn new(solving: &'s Solving, solves: usize) -> Self {
        let mut course = Self::of(solving.quiet, solves);
        course.trace = solving.trace.as_deref();
        course
    }

    /// The same without a trace.
    pub(crate) fn of(quiet: bool, solves: usize) -> Self {
        const LINE: &str = "{spinner} {elapsed_precise} {wide_bar} {msg}";
        Self {
            bar: shown(Some(WAY), LINE, quiet),
            trend: Trend::default(),
            solves,
            steps: Vec::new(),
            trace: None,
        }
    }

    /// Records a step of a solve, and ends the solve after Ctrl-C.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<Stop> {
        self.trend.observe(progress);
        let done = self.trend.solve().min(self.solves) as f64 - 1.0 + self.trend.part();
        let part = done / self.solves as f64;
        self.bar.set_position((part * WAY as f64) as u64);
        self.bar.set_message(self.message(progress));
        self.steps.push(*progress);
        match interrupt::requested() {
            true => ControlFlow::Break(Stop::Abandon),
            false => ControlFlow::Continue(()),
        }
    }

    /// The state of a solve, in words.
    fn message(&self, progress: &Progress) -> String {
        let Progress {
            iteration,
            marginal_error,
            goal,
            level,
            ..
        } = progress;
        let solve = match self.solves {
            1 => String::new(),
            all => format!("solve {} of {all}, ", self.trend.solve().min(all)),
        };
        let left = self.trend.left().map(duration);
        let left = left
            .map(|left| format!(", {left} left"))
            .unwrap_or_default();
        let (error, goal) = (error(*marginal_error), error(*goal));
        let clouds = if *level > 0 { "coarse clouds, " } else { "" };
        format!("{solve}{clouds}iteration {iteration}, error {error}, goal {goal}{left}")
    }

    /// Clears the line, writes the trace if requested, and returns every step.
    pub(crate) fn end(mut self) -> Result<Vec<Progress>> {
        let steps = std::mem::take(&mut self.steps);
        if let Some(path) = self.trace {
            formats::write_text(path, &trace(&steps))?;
        }
        Ok(steps)
    }
}

/// A line that shows the progress of a fit.
pub(crate) struct Fitting(ProgressBar);

impl Fitting {
    /// The line is shown if standard error is a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        Self(shown(None, "{spinner} {elapsed_precise} {msg}", quiet))
    }

    /// Shows the state of a registration, and ends it after Ctrl-C.
    pub(crate) fn observe(&self, progress: &RegistrationProgress) -> ControlFlow<Stop> {
        let RegistrationProgress {
            iteration,
            blur,
            last_blur,
            goal,
            ..
        } = progress;
        let moved = progress
            .movement
            .map(|moved| format!(", moved by {}, goal {}", error(moved), error(*goal)));
        self.tell(format!(
            "iteration {iteration}, blur {} on the way to {}{}",
            significant(*blur, 2),
            significant(*last_blur, 2),
            moved.unwrap_or_default()
        ))
    }

    /// Shows a state in words, and ends the fit after Ctrl-C.
    pub(crate) fn tell(&self, state: String) -> ControlFlow<Stop> {
        self.0.set_message(state);
        match interrupt::requested() {
            true => ControlFlow::Break(Stop::Abandon),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Fitting {
    /// Shows the state of a fit of points, and ends it after Ctrl-C.
    pub(crate) fn observe_fit(&self, progress: &FitProgress) -> ControlFlow<Stop> {
        let FitProgress {
            step,
            movement,
            goal,
            ..
        } = progress;
        let moved = movement
            .is_finite()
            .then(|| format!(", moved by {}, goal {}", error(*movement), error(*goal)));
        self.0
            .set_message(format!("step {step}{}", moved.unwrap_or_default()));
        match interrupt::requested() {
            true => ControlFlow::Break(Stop::Abandon),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Fitting {
    /// Shows the state of a search for a coupling of two spaces.
    pub(crate) fn observe_gromov(&self, progress: &GromovProgress) {
        let GromovProgress {
            step, change, goal, ..
        } = progress;
        let state = format!(
            "step {step}, change {}, goal {}",
            error(*change),
            error(*goal)
        );
        self.0.set_message(state);
    }
}

impl Drop for Fitting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
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

/// A line that shows the state of an exact solve.
pub(crate) struct Pivoting(ProgressBar);

impl Pivoting {
    /// The line is shown if standard error is a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        Self(shown(None, "{spinner} {elapsed_precise} {msg}", quiet))
    }

    /// Shows the round and the gap.
    pub(crate) fn observe(&self, progress: &ExactProgress) {
        let ExactProgress {
            iterations,
            round,
            arcs,
            pivots,
            gap,
            goal,
            level,
            ..
        } = progress;
        let clouds = match level {
            0 => String::new(),
            level => format!("coarser clouds, level {level}: "),
        };
        let gap = gap
            .is_finite()
            .then(|| format!(", gap {}, goal {}", error(*gap), error(*goal)));
        if *round == 0 {
            self.0
                .set_message(format!("potentials to start from: iteration {iterations}"));
            return;
        }
        self.0.set_message(format!(
            "{clouds}round {round}, {arcs} arcs, {pivots} pivots{}",
            gap.unwrap_or_default()
        ));
    }
}

impl Drop for Pivoting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line that shows how many pairs of points are done, and the time left.
pub(crate) struct Passes(ProgressBar);

impl Passes {
    /// The line is shown if standard error is a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        const LINE: &str = "{spinner} {elapsed_precise} {wide_bar} {msg}, ETA {eta}";
        Self(shown(None, LINE, quiet))
    }

    /// Shows the state of the passes, and ends them after Ctrl-C.
    pub(crate) fn observe(&self, count: PairCount) -> ControlFlow<()> {
        let PairCount { done, all, .. } = count;
        self.0.set_length(all);
        self.0.set_position(done);
        let message = format!("{} of {}", pairs(done as f64), pairs(all as f64));
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

/// A line that shows how many comparisons are done, the rate, and the time left. The time is weighted by the expected
/// cost of each comparison, since one may take as long as a thousand others.
pub(crate) struct Count {
    bar: ProgressBar,
    /// The cost of each, in parts of [`WHOLE`].
    parts: Vec<u64>,
    done: Cell<usize>,
    /// Number done before this run.
    before: usize,
}

/// The cost of all.
const WHOLE: f64 = 1e9;

impl Count {
    /// Comparisons with these relative costs, some of which are done. The line is shown if standard error is a
    /// terminal; otherwise the costs are not evaluated.
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

    /// Marks the comparison with this index as done.
    pub(crate) fn one_more(&self, place: usize) {
        self.done.set(self.done.get() + 1);
        self.bar.inc(self.parts.get(place).copied().unwrap_or(0));
        self.tell();
    }

    fn tell(&self) {
        let (done, all) = (self.done.get(), self.parts.len());
        let rate = (done - self.before) as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        let rate = significant(rate, 3);
        self.bar.set_message(format!("{done}/{all}, {rate}/s"));
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar in the style of a template, hidden if nobody would see it.
fn shown(length: Option<u64>, template: &str, quiet: bool) -> ProgressBar {
    let hidden = quiet || outcome::is_silent() || !std::io::stderr().is_terminal();
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    // The templates are constant; if one were invalid, the default style is used.
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

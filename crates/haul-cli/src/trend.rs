//! The progress of an iteration, from the decrease of its error.
//!
//! From some iteration on, the error of the marginals falls by about the same factor in each second. So progress is
//! measured in logarithms of the error, and the time left is the rest at the rate of the last part, at one ε.

use haul::Progress;

/// Iterations needed before the rate is used.
const LEAST: usize = 8;

/// The course of one solve or of several in turn.
#[derive(Debug, Default)]
pub(crate) struct Trend {
    /// Solves that have ended.
    solves: usize,
    /// The largest error of this solve.
    largest: f64,
    /// The step with the largest error at this ε: after it the error falls.
    peak: Option<Progress>,
    last: Option<Progress>,
    /// The least error since.
    least: f64,
}

impl Trend {
    /// Records a step.
    pub(crate) fn observe(&mut self, step: &Progress) {
        let goes_on =
            |last: &Progress| step.iteration > last.iteration && step.seconds >= last.seconds;
        let goes_on = self.last.as_ref().is_some_and(goes_on);
        self.solves += usize::from(self.last.is_some() && !goes_on);
        if !goes_on || self.last.is_some_and(|last| last.level > step.level) {
            self.largest = 0.0;
            self.peak = None;
        }
        let falls = |peak: &Progress| {
            peak.epsilon == step.epsilon && step.marginal_error <= peak.marginal_error
        };
        if !self.peak.as_ref().is_some_and(falls) {
            self.peak = Some(*step);
            self.least = f64::INFINITY;
        }
        self.largest = self.largest.max(step.marginal_error);
        self.least = self.least.min(step.marginal_error);
        self.last = Some(*step);
    }

    /// The number of this solve, from 1.
    pub(crate) fn solve(&self) -> usize {
        self.solves + 1
    }

    /// Fraction of the path of this solve, 0 to 1. Iterations between coarse clouds take little time, and are before that path.
    pub(crate) fn part(&self) -> f64 {
        let Some(last) = self.last.filter(|last| last.level == 0) else {
            return 0.0;
        };
        let way = (self.largest / last.goal).ln();
        let gone = (self.largest / self.least).ln();
        match way > 0.0 {
            true => (gone / way).clamp(0.0, 1.0),
            false => 1.0,
        }
    }

    /// The seconds left of this solve; `None` if no rate is known.
    pub(crate) fn left(&self) -> Option<f64> {
        let (peak, last) = (self.peak?, self.last.filter(|last| last.level == 0)?);
        if last.iteration < peak.iteration + LEAST {
            return None;
        }
        let gone = (peak.marginal_error / self.least).ln();
        let rest = (self.least / last.goal).ln();
        let seconds = (last.seconds - peak.seconds) * rest / gone;
        (gone > 0.0 && seconds >= 0.0 && seconds.is_finite()).then_some(seconds)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A step of a solve that halves its error in each iteration of two seconds.
    fn step(iteration: usize) -> Progress {
        Progress {
            iteration,
            epsilon: 0.1,
            marginal_error: 0.5f64.powi(iteration as i32),
            goal: 0.5f64.powi(20),
            seconds: 2.0 * iteration as f64,
            level: 0,
        }
    }

    fn after(iterations: impl Iterator<Item = usize>) -> Trend {
        let mut trend = Trend::default();
        iterations.for_each(|iteration| trend.observe(&step(iteration)));
        trend
    }

    #[test]
    fn an_error_that_falls_by_the_same_factor_says_when_it_is_there() {
        assert_eq!(after(0..8).left(), None);
        let trend = after(0..16);
        assert!((trend.left().unwrap() - 10.0).abs() < 1e-9, "{trend:?}");
        assert!((trend.part() - 0.75).abs() < 1e-9);
        let done = after(0..21);
        assert!(done.left().unwrap() < 1e-9 && done.part() > 1.0 - 1e-9);
        assert_eq!(Trend::default().part(), 0.0);
    }

    #[test]
    fn the_pace_is_that_of_the_present_stage() {
        let mut trend = after(0..16);
        let at = |iteration: usize| Progress {
            epsilon: 0.05,
            ..step(iteration)
        };
        trend.observe(&at(16));
        assert_eq!(trend.left(), None);
        // Half as fast from here on.
        for later in 1..=8 {
            trend.observe(&Progress {
                marginal_error: 0.5f64.powf(16.0 + 0.25 * later as f64),
                seconds: 32.0 + 2.0 * later as f64,
                ..at(16 + later)
            });
        }
        // Two of 20 halvings are left, and two took 16 seconds.
        assert!((trend.left().unwrap() - 16.0).abs() < 1e-9, "{trend:?}");
        assert!((trend.part() - 0.9).abs() < 1e-9);
    }

    #[test]
    fn an_error_that_rises_tells_no_time_and_takes_nothing_back() {
        let mut trend = after(0..10);
        let part = trend.part();
        trend.observe(&Progress {
            marginal_error: 1.0,
            ..step(10)
        });
        assert_eq!(trend.part(), part);
        let mut rising = Trend::default();
        for iteration in 0..20 {
            let marginal_error = 1.0 + iteration as f64;
            rising.observe(&Progress {
                marginal_error,
                ..step(iteration)
            });
        }
        assert_eq!((rising.left(), rising.part()), (None, 0.0));
    }

    #[test]
    fn coarse_clouds_are_before_the_path() {
        let mut trend = Trend::default();
        for iteration in 1..12 {
            trend.observe(&Progress {
                level: 1,
                ..step(iteration)
            });
        }
        assert_eq!((trend.left(), trend.part()), (None, 0.0));
        trend.observe(&Progress {
            marginal_error: 0.5,
            ..step(12)
        });
        assert_eq!((trend.solve(), trend.part()), (1, 0.0));
        trend.observe(&step(13));
        assert!((trend.part() - 12.0 / 19.0).abs() < 1e-9, "{trend:?}");
    }

    #[test]
    fn solves_are_counted() {
        let trend = after((0..5).chain(0..3).chain(0..2));
        assert_eq!(trend.solve(), 3);
        assert!((trend.part() - 0.05).abs() < 1e-9);
    }
}

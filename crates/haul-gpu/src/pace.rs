//! The speed of a device, measured by the waits for its results.
//!
//! Work is counted in pairs of dimension 3. One dispatch and one submission are limited in time: a watchdog kills what takes
//! seconds (2 s on Windows, less on some others), and a desktop must stay responsive. The work done in that time differs by a
//! factor of a thousand between a software adapter and a large GPU.

use web_time::{Duration, Instant};

/// Longest intended time of one dispatch, in seconds.
const DISPATCH: f64 = 0.08;

/// Seconds after which what is recorded is submitted.
const SUBMISSION: f64 = 0.2;

/// The rate before any measurement: that of a software adapter on a few cores.
const FIRST_GUESS: f64 = 3e9;

/// Shortest wait that is measured: a shorter one is mostly the round trip to the device.
const LEAST_WAIT: Duration = Duration::from_millis(4);

/// One measurement changes the rate by this factor at most.
const MOST_CHANGE: f64 = 4.0;

/// The pace of a device, and the current wait.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    busy_since: Option<Instant>,
    outstanding: usize,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            per_second: FIRST_GUESS,
            busy_since: None,
            outstanding: 0,
        }
    }

    /// The work of one dispatch.
    pub(crate) fn dispatch(&self) -> usize {
        (self.per_second * DISPATCH) as usize
    }

    /// The work of one submission.
    pub(crate) fn submission(&self) -> usize {
        (self.per_second * SUBMISSION) as usize
    }

    /// Work was submitted.
    pub(crate) fn begins(&mut self, work: usize, now: Instant) {
        self.busy_since.get_or_insert(now);
        self.outstanding += work;
    }

    /// Drops the measurement: no one will observe when the submitted work ends.
    pub(crate) fn forgets(&mut self) {
        self.busy_since = None;
        self.outstanding = 0;
    }

    /// The device has done all that was submitted.
    pub(crate) fn ends(&mut self, now: Instant) {
        let work = std::mem::take(&mut self.outstanding) as f64;
        let Some(start) = self.busy_since.take() else {
            return;
        };
        let wait = now.saturating_duration_since(start);
        if wait >= LEAST_WAIT && work > 0.0 {
            let (low, high) = (self.per_second / MOST_CHANGE, self.per_second * MOST_CHANGE);
            self.per_second = (work / wait.as_secs_f64()).clamp(low, high).max(1e6);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pace after waits for rounds of work that a device does at a given rate.
    fn after(rounds: usize, work: usize, rate: f64) -> Pace {
        let mut pace = Pace::new();
        let mut now = Instant::now();
        for _ in 0..rounds {
            pace.begins(work, now);
            now += Duration::from_secs_f64(work as f64 / rate);
            pace.ends(now);
        }
        pace
    }

    #[test]
    fn the_pace_approaches_what_is_measured_step_by_step() {
        let once = after(1, 1 << 40, 1e12);
        assert!(once.dispatch() > 3 * Pace::new().dispatch());
        assert!(once.dispatch() < 5 * Pace::new().dispatch());
        let often = after(8, 1 << 40, 1e12);
        assert!((often.dispatch() as f64 / 8e10 - 1.0).abs() < 1e-6);
        let slow = after(8, 1 << 30, 1e7);
        assert!((slow.dispatch() as f64 - 0.8e6).abs() < 2.0);
    }

    #[test]
    fn short_waits_tell_nothing() {
        let pace = after(100, 1000, 1e12);
        assert_eq!(pace.dispatch(), Pace::new().dispatch());
    }
}

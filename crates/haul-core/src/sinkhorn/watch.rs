//! Whether an accelerated iteration is worth its passes.
//!
//! Errors do not tell. Where two clusters differ in mass, the marginals are off by that difference until the
//! potentials of one have drifted far enough against those of the other, whatever the iteration. The dual does
//! tell: a plain update f ← T_b(g) raises it by ε KL(a | r), and what is left of the iteration raises it by about as much.
//! Plain updates gain less and less, so that over a window of iterations they gain at least what the last of them is
//! worth, times their number. An accelerated iteration that gained less than that in two windows, one after
//! the other, is slower than plain updates.

/// Iterations of a window: as many as Anderson's method remembers.
const WINDOW: usize = 10;

/// Windows of too little gain, one after the other, after which an iteration is given up.
const PATIENCE: usize = 2;

/// A gain is told from rounding that is this many times smaller.
const LEAST_VISIBLE: f64 = 4.0;

/// What of the error must be left after a window at most, where the rounding of the dual hides what it gained.
const LEAST_DECREASE: f64 = 0.95;

/// How an iteration stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) iteration: usize,
    /// The dual at (f, T_a(f)), over ε.
    pub(crate) dual: f64,
    /// What f ← T_b(g) adds to it.
    pub(crate) gain: f64,
    /// What rounding may add to it.
    pub(crate) rounding: f64,
    /// The L1 error of the marginals.
    pub(crate) error: f64,
}

/// Watches an iteration, window by window.
pub(crate) struct Watch {
    next: usize,
    last: Option<Standing>,
    slow: usize,
}

impl Watch {
    /// From the iteration after this one on.
    pub(crate) fn new(iteration: usize) -> Self {
        Self {
            next: iteration + 1,
            last: None,
            slow: 0,
        }
    }

    /// Whether a window ends with an iteration, or after it.
    pub(crate) fn due(&self, iteration: usize) -> bool {
        iteration >= self.next
    }

    /// Takes note of where the iteration stands at the end of a window; whether plain updates are faster.
    pub(crate) fn is_slow(&mut self, now: Standing) -> bool {
        if let Some(before) = self.last {
            let iterations = (now.iteration - before.iteration) as f64;
            let gained = now.dual - before.dual;
            let plainly = 2.0 * iterations * now.gain;
            let slow = if plainly > LEAST_VISIBLE * now.rounding {
                gained + now.rounding < plainly
            } else {
                now.error > LEAST_DECREASE * before.error
            };
            self.slow = if slow { self.slow + 1 } else { 0 };
        }
        self.last = Some(now);
        self.next = now.iteration + WINDOW;
        self.slow >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The iteration at which a course of (dual, gain, error) is given up.
    fn given_up(course: impl Fn(f64) -> (f64, f64, f64)) -> Option<usize> {
        let mut watch = Watch::new(0);
        (1..1000).find(|&iteration| {
            let (dual, gain, error) = course(iteration as f64);
            watch.due(iteration)
                && watch.is_slow(Standing {
                    iteration,
                    dual,
                    gain,
                    rounding: 1e-9,
                    error,
                })
        })
    }

    #[test]
    fn plain_updates_are_never_too_slow() {
        // A drift, and a geometric end, whose gain is half of what the dual gains.
        assert_eq!(given_up(|k| (0.04 * k, 0.019, 0.2)), None);
        let rate: f64 = 0.97;
        let left = |k: f64| rate.powf(2.0 * k);
        let course = |k: f64| (-left(k), 0.5 * (left(k) - left(k + 1.0)), rate.powf(k));
        assert_eq!(given_up(course), None);
    }

    #[test]
    fn less_than_plain_updates_twice_is_too_slow() {
        let course = |k: f64| (0.01 * k, 0.02, 0.2);
        assert_eq!(given_up(course), Some(1 + 2 * WINDOW));
        assert_eq!(given_up(|k| (0.04 * k, 0.02 + 1e-4, 0.2)), Some(21));
    }

    #[test]
    fn where_the_dual_is_rounded_away_errors_count() {
        assert_eq!(given_up(|_| (1.0, 1e-12, 1e-3)), Some(21));
        assert_eq!(given_up(|k| (1.0, 1e-12, 0.98f64.powf(k))), None);
    }
}

//! Decides whether an accelerated iteration is faster than plain updates.
//!
//! Errors do not show it. If two clusters differ in mass, the marginals are off by that difference until the
//! potentials of one have drifted far enough against those of the other, whatever the method. The dual does show it:
//! a plain update f ← T_b(g) raises it by ε KL(a | r), and the rest of the iteration by about as much. The gain of
//! plain updates decreases, so that over a window of iterations they gain at least the gain of the last one times
//! their number. An accelerated iteration that gained less than that in two consecutive windows is slower than plain
//! updates.

/// Iterations of a window: the memory of Anderson's method.
const WINDOW: usize = 10;

/// The number of consecutive windows of too little gain after which a method is given up.
const PATIENCE: usize = 2;

/// A gain must be this many times the rounding to be visible.
const LEAST_VISIBLE: f64 = 4.0;

/// The largest ratio of the errors after and before a window, if rounding of the dual hides the gain.
const LEAST_DECREASE: f64 = 0.95;

/// The state of an iteration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) iteration: usize,
    /// The dual at (f, T_a(f)), over ε.
    pub(crate) dual: f64,
    /// The increase of the dual by f ← T_b(g).
    pub(crate) gain: f64,
    /// The rounding error of the dual.
    pub(crate) rounding: f64,
    /// The L1 error of the marginals.
    pub(crate) error: f64,
}

/// Watches an iteration, window by window.
pub(crate) struct Watch {
    next: usize,
    last: Option<Standing>,
    slow: usize,
    rough: bool,
}

impl Watch {
    /// Starts after this iteration.
    pub(crate) fn new(iteration: usize) -> Self {
        Self {
            next: iteration + 1,
            last: None,
            slow: 0,
            rough: false,
        }
    }

    /// For iterates with jumps between groups of points, from this iteration on. A plain update removes such jumps at
    /// once, so that its gain says little about those of later ones: such an iteration is slow only if its errors do
    /// not fall either.
    pub(crate) fn of_rough_iterates(iteration: usize) -> Self {
        Self {
            rough: true,
            ..Self::new(iteration)
        }
    }

    /// Whether a window ends at this iteration or before it.
    pub(crate) fn due(&self, iteration: usize) -> bool {
        iteration >= self.next
    }

    /// Records the state at the end of a window; returns whether plain updates are faster.
    pub(crate) fn is_slow(&mut self, now: Standing) -> bool {
        if let Some(before) = self.last {
            let iterations = (now.iteration - before.iteration) as f64;
            let gained = now.dual - before.dual;
            let plainly = 2.0 * iterations * now.gain;
            let gains_less = gained + now.rounding < plainly;
            let stands = now.error > LEAST_DECREASE * before.error;
            let slow = match plainly > LEAST_VISIBLE * now.rounding {
                true if self.rough => gains_less && stands,
                true => gains_less,
                false => stands,
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
        // A drift, and geometric convergence at the end, where the gain is half of the dual's increase.
        assert_eq!(given_up(|k| (0.04 * k, 0.019, 0.2)), None);
        let rate: f64 = 0.97;
        let left = |k: f64| rate.powf(2.0 * k);
        let course = |k: f64| (-left(k), 0.5 * (left(k) - left(k + 1.0)), rate.powf(k));
        assert_eq!(given_up(course), None);
    }

    #[test]
    fn rough_iterates_are_slow_only_if_their_errors_stand() {
        let is_given_up = |mut watch: Watch, error: fn(usize) -> f64| {
            (1..100).any(|iteration| {
                let dual = 0.01 * iteration as f64;
                watch.due(iteration)
                    && watch.is_slow(Standing {
                        iteration,
                        dual,
                        gain: 0.02,
                        rounding: 1e-9,
                        error: error(iteration),
                    })
            })
        };
        let falls = |iteration: usize| 0.9f64.powi(iteration as i32);
        assert!(!is_given_up(Watch::of_rough_iterates(0), falls));
        assert!(is_given_up(Watch::of_rough_iterates(0), |_| 0.2));
        assert!(is_given_up(Watch::new(0), falls));
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

//! The schedule of error measurements.
//!
//! A measurement waits for the device, so many iterations are recorded between two of them; a late one costs
//! unnecessary passes. Sinkhorn's iteration converges linearly, so the measured errors predict when it reaches the
//! goal.

/// The number of pairs that may be evaluated between two measurements.
const PAIRS_BETWEEN: u64 = 1 << 30;

/// The largest number of iterations between two measurements.
const MOST_BETWEEN: u64 = 32;

/// A schedule of measurements, in iterations.
pub(crate) struct Checks {
    most_between: usize,
    next: usize,
    last: Option<(usize, f64)>,
}

impl Checks {
    /// For iterations of this many pairs, starting after `iteration`.
    pub(crate) fn new(pairs: u64, iteration: usize) -> Self {
        let most = (PAIRS_BETWEEN / pairs.max(1)).clamp(1, MOST_BETWEEN);
        Self {
            most_between: most as usize,
            next: iteration + 1,
            last: None,
        }
    }

    /// Whether to measure the error of an iteration.
    pub(crate) fn due(&self, iteration: usize) -> bool {
        iteration >= self.next
    }

    /// Records a measured error, and predicts when the goal is reached.
    pub(crate) fn measured(&mut self, iteration: usize, error: f64, goal: f64) {
        let ahead = match self.last {
            Some((before, larger)) if error < larger && error > goal => {
                let per_iteration = (larger / error).ln() / (iteration - before) as f64;
                ((error / goal).ln() / per_iteration).ceil() as usize
            }
            // No estimate or no progress: double the number of iterations.
            _ => iteration,
        };
        self.next = iteration + ahead.clamp(1, self.most_between);
        self.last = Some((iteration, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The iterations at which a geometric error is measured before it meets the goal.
    fn course(rate: f64, goal: f64, pairs: u64) -> Vec<usize> {
        let mut checks = Checks::new(pairs, 0);
        let mut measured = Vec::new();
        for iteration in 1..10_000 {
            if checks.due(iteration) {
                let error = rate.powi(iteration as i32);
                measured.push(iteration);
                checks.measured(iteration, error, goal);
                if error <= goal {
                    break;
                }
            }
        }
        measured
    }

    #[test]
    fn a_geometric_error_is_met_where_it_reaches_the_goal() {
        assert_eq!(course(0.5, 1e-3, 100), [1, 2, 10]);
        let slow = course(0.9, 1e-3, 100);
        assert_eq!(slow.last(), Some(&66));
        assert!(slow.len() < 6, "{slow:?}");
    }

    #[test]
    fn large_problems_are_measured_often_and_stalled_ones_now_and_then() {
        assert_eq!(course(0.5, 1e-3, 1 << 31).len(), 10);
        let stalled = course(1.0, 1e-3, 100);
        assert!(stalled.windows(2).all(|pair| pair[1] - pair[0] <= 32));
    }
}

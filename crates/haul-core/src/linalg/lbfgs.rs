//! A quasi-Newton method of limited memory [Liu–Nocedal'89], whose caller evaluates the function: evaluations may wait
//! for a device.
//!
//! The step along a direction meets the weak Wolfe conditions, found by a bracket that needs no second derivative, so
//! that functions with kinks are minimised as well [Lewis–Overton'13].

use super::dot;
use std::collections::VecDeque;

/// The number of past steps that make up the estimate of the second derivative.
const MEMORY: usize = 10;

/// The decrease of the function, relative to that of its tangent, that a step needs.
const DECREASE: f64 = 1e-4;

/// The slope at the end of a step, relative to that at its beginning, that is flat enough.
const FLATNESS: f64 = 0.9;

/// The most evaluations along one direction.
const TRIALS: usize = 20;

/// A point with the function's value and gradient there.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) point: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
}

/// What an evaluation led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// A step was made, and there is a new direction.
    Moved,
    /// Another point along the same direction is next.
    Searching,
    /// No point along the direction is better, as far as the values can tell.
    Stuck,
}

/// The difference of two points, and of the gradients there.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// The state of a minimisation.
pub(crate) struct Lbfgs {
    pairs: VecDeque<Pair>,
    current: Trial,
    direction: Vec<f64>,
    /// The most that a step without an estimate of second derivatives changes a coordinate.
    reach: f64,
    /// The derivative along the direction.
    slope: f64,
    length: f64,
    /// The longest length known to be too short, with its point, and the shortest one known to be too long.
    low: Option<(f64, Trial)>,
    high: f64,
    trials: usize,
}

impl Lbfgs {
    /// Starts at an evaluated point; the first step moves no coordinate by more than `reach`.
    pub(crate) fn new(start: Trial, reach: f64) -> Self {
        let mut search = Self {
            pairs: VecDeque::new(),
            current: start,
            direction: Vec::new(),
            reach,
            slope: 0.0,
            length: 1.0,
            low: None,
            high: f64::INFINITY,
            trials: 0,
        };
        search.aim();
        search
    }

    /// The best point so far.
    pub(crate) fn current(&self) -> &Trial {
        &self.current
    }

    /// The decrease that the tangent promises of the next evaluation.
    pub(crate) fn promise(&self) -> f64 {
        -self.length * self.slope
    }

    /// Whether the length of the next step comes from an estimate of second derivatives.
    pub(crate) fn is_informed(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// The point to evaluate next.
    pub(crate) fn next(&self) -> Vec<f64> {
        let along = self.current.point.iter().zip(&self.direction);
        along.map(|(x, d)| x + self.length * d).collect()
    }

    /// Whether a value at the next point is small enough; if not, its gradient is not needed.
    pub(crate) fn accepts(&self, value: f64) -> bool {
        value <= self.current.value + DECREASE * self.length * self.slope
    }

    /// Takes the evaluation of the point that was next.
    pub(crate) fn tell(&mut self, trial: Trial) -> Search {
        self.trials += 1;
        let tangent = self.length * self.slope;
        let slope = dot(&trial.gradient, &self.direction);
        let low = self.low.as_ref().map_or(0.0, |(length, _)| *length);
        let rises = !(self.accepts(trial.value) && slope.is_finite());
        if rises {
            self.high = self.length;
            // The minimum of the parabola with both values and the first slope.
            let bend = trial.value - self.current.value - tangent;
            let least = -0.5 * tangent * self.length / bend;
            let width = self.high - low;
            let least = if least.is_finite() { least } else { low };
            self.length = least.clamp(low + 0.1 * width, low + 0.5 * width);
        } else if slope < FLATNESS * self.slope {
            let length = self.length;
            self.low = Some((length, trial));
            self.length = if self.high.is_finite() {
                0.5 * (length + self.high)
            } else {
                // Where the slope would be 0 if it went on as it changed so far.
                let ahead = length * self.slope / (self.slope - slope);
                if ahead.is_finite() {
                    ahead.clamp(2.0 * length, 10.0 * length)
                } else {
                    2.0 * length
                }
            };
        } else {
            self.step_to(trial);
            return Search::Moved;
        }
        if self.trials < TRIALS {
            return Search::Searching;
        }
        match self.low.take() {
            Some((_, trial)) => {
                self.step_to(trial);
                Search::Moved
            }
            None => Search::Stuck,
        }
    }

    /// Begins anew at a more exact evaluation of the current point: the pairs of evaluations before it may have errors of
    /// the size of the steps that are left.
    pub(crate) fn refine(&mut self, trial: Trial, reach: f64) {
        self.pairs.clear();
        self.reach = reach;
        self.current = trial;
        self.aim();
    }

    /// Makes a point the current one, and finds the direction from there.
    fn step_to(&mut self, trial: Trial) {
        let difference = |v: &[f64], w: &[f64]| v.iter().zip(w).map(|(v, w)| v - w).collect();
        let step: Vec<f64> = difference(&trial.point, &self.current.point);
        let change: Vec<f64> = difference(&trial.gradient, &self.current.gradient);
        let product = dot(&step, &change);
        // A pair without curvature would make the estimate indefinite.
        if product > 1e-10 * (dot(&step, &step) * dot(&change, &change)).sqrt() {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair {
                step,
                change,
                product,
            });
        }
        self.current = trial;
        self.aim();
    }

    /// The direction from the current point, and a fresh bracket.
    fn aim(&mut self) {
        self.direction = self.descent();
        self.slope = dot(&self.direction, &self.current.gradient);
        if self.slope >= 0.0 || self.slope.is_nan() {
            self.pairs.clear();
            self.direction = self.current.gradient.iter().map(|g| -g).collect();
            self.slope = dot(&self.direction, &self.current.gradient);
        }
        let steepest = self
            .direction
            .iter()
            .fold(0.0, |most: f64, d| most.max(d.abs()));
        self.length = match self.pairs.is_empty() && steepest > 0.0 {
            true => (self.reach / steepest).min(1e100),
            false => 1.0,
        };
        self.low = None;
        self.high = f64::INFINITY;
        self.trials = 0;
    }

    /// −H g, with H the inverse of the second derivative estimated from the pairs, by two loops over them.
    fn descent(&self) -> Vec<f64> {
        let mut direction: Vec<f64> = self.current.gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::new();
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &direction) / pair.product;
            add(&mut direction, -share, &pair.change);
            shares.push(share);
        }
        if let Some(newest) = self.pairs.back() {
            let scale = newest.product / dot(&newest.change, &newest.change);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for (pair, share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let other = dot(&pair.change, &direction) / pair.product;
            add(&mut direction, share - other, &pair.step);
        }
        direction
    }
}

/// v += c w.
fn add(v: &mut [f64], c: f64, w: &[f64]) {
    for (v, w) in v.iter_mut().zip(w) {
        *v += c * w;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimises until the gradient is small; the point and the number of evaluations.
    fn minimum(
        function: impl Fn(&[f64]) -> (f64, Vec<f64>),
        start: &[f64],
        small: f64,
    ) -> (Vec<f64>, usize) {
        let at = |point: Vec<f64>| {
            let (value, gradient) = function(&point);
            Trial {
                point,
                value,
                gradient,
            }
        };
        let mut search = Lbfgs::new(at(start.to_vec()), 1.0);
        for evaluations in 1..500 {
            let gradient = &search.current().gradient;
            let done = dot(gradient, gradient).sqrt() < small;
            if done || search.tell(at(search.next())) == Search::Stuck {
                return (search.current().point.clone(), evaluations);
            }
        }
        (search.current().point.clone(), 500)
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let valley = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let gradient = vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b];
            (a * a + 100.0 * b * b, gradient)
        };
        let (point, evaluations) = minimum(valley, &[-1.2, 1.0], 1e-9);
        assert!(point.iter().all(|x| (x - 1.0).abs() < 1e-8), "{point:?}");
        assert!(evaluations < 70, "{evaluations}");
    }

    #[test]
    fn a_badly_scaled_parabola_takes_few_evaluations() {
        let scales: Vec<f64> = (0..8).map(|k| 4f64.powi(k)).collect();
        let parabola = |x: &[f64]| {
            let terms = x.iter().zip(&scales);
            let value = terms.clone().map(|(x, s)| 0.5 * s * x * x).sum();
            (value, terms.map(|(x, s)| s * x).collect())
        };
        let (point, evaluations) = minimum(parabola, &[1.0; 8], 1e-8);
        assert!(point.iter().all(|x| x.abs() < 1e-7), "{point:?}");
        // The largest scale is 4^7 times the least, so that steepest descent takes tens of thousands.
        assert!(evaluations < 150, "{evaluations}");
    }

    #[test]
    fn a_kink_is_found() {
        let kinked = |x: &[f64]| {
            let value = (x[0] - 0.3).abs() + 2.0 * (x[1] + 0.2).abs() + 0.1 * x[0] * x[0];
            let gradient = vec![
                (x[0] - 0.3).signum() + 0.2 * x[0],
                2.0 * (x[1] + 0.2).signum(),
            ];
            (value, gradient)
        };
        let (point, _) = minimum(kinked, &[2.0, 2.0], 1e-12);
        let (value, _) = kinked(&point);
        assert!((value - 0.009).abs() < 1e-4, "{value} at {point:?}");
    }

    #[test]
    fn values_out_of_range_shorten_the_step() {
        let log = |x: &[f64]| (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]);
        let (point, _) = minimum(log, &[0.01], 1e-9);
        assert!((point[0] - 1.0).abs() < 1e-8, "{point:?}");
    }
}

//! Anderson acceleration of several potentials at once, on the host.
//!
//! The potentials of all inputs are one vector. Its inner product weighs the potential of input s at point i with
//! λₛ (bᵢ + mᵢ/1000): the current barycenter b, plus a little of the reference m, without which points where b has
//! vanished would have no influence. Weights change from iteration to iteration, so each row of the Gram matrix uses
//! the weights of its iteration.

use crate::Precision;
use crate::sinkhorn::least_affine_combination;

/// The number of iterates in the history.
const MEMORY: usize = 10;

/// The history is dropped when the error exceeds its least value by this factor.
const RESTART_GROWTH: f64 = 4.0;

/// An update of the potentials: its residual and its image.
struct Update {
    residual: Vec<f64>,
    image: Vec<f64>,
}

/// The last updates and the inner products of their residuals.
pub(super) struct Mixing {
    updates: Vec<Update>,
    gram: Vec<Vec<f64>>,
    least_error: f64,
    ridge: f64,
}

impl Mixing {
    /// An empty history, for potentials of this precision.
    pub(super) fn new(precision: Precision) -> Self {
        Self {
            updates: Vec::new(),
            gram: Vec::new(),
            least_error: f64::INFINITY,
            ridge: match precision {
                Precision::F32 => 1e-7,
                Precision::F64 => 1e-10,
            },
        }
    }

    /// The next potentials, after an update from `before` to `image` with this `error`.
    pub(super) fn next(
        &mut self,
        weights: impl Fn(usize) -> f64,
        before: &[f64],
        image: Vec<f64>,
        error: f64,
    ) -> Vec<f64> {
        if error > RESTART_GROWTH * self.least_error {
            // The history was misleading: restart from this update.
            self.updates.clear();
            self.gram.clear();
            self.least_error = error;
        }
        self.least_error = self.least_error.min(error);
        if self.updates.len() == MEMORY {
            self.updates.remove(0);
            self.gram.remove(0);
            for row in &mut self.gram {
                row.remove(0);
            }
        }
        let residual: Vec<f64> = image.iter().zip(before).map(|(f, g)| f - g).collect();
        self.updates.push(Update { residual, image });
        self.add_row(weights);
        self.combination()
    }

    /// Adds the inner products of the last residual with all residuals.
    fn add_row(&mut self, weights: impl Fn(usize) -> f64) {
        let Some(last) = self.updates.last() else {
            return;
        };
        let weighted: Vec<f64> = (0..)
            .zip(&last.residual)
            .map(|(i, r)| weights(i) * r)
            .collect();
        let product = |other: &Update| -> f64 {
            let terms = weighted.iter().zip(&other.residual);
            terms.map(|(v, w)| v * w).sum()
        };
        let row: Vec<f64> = self.updates.iter().map(product).collect();
        for (other, product) in self.gram.iter_mut().zip(&row) {
            other.push(*product);
        }
        self.gram.push(row);
    }

    /// The best affine combination of the images; the last image if the matrix gives no coefficients.
    fn combination(&self) -> Vec<f64> {
        let last = self.updates.last().map_or(&[][..], |last| &last.image);
        let Some(coefficients) = least_affine_combination(&self.gram, self.ridge) else {
            return last.to_vec();
        };
        let mut sum = vec![0.0; last.len()];
        for (coefficient, update) in coefficients.iter().zip(&self.updates) {
            for (sum, f) in sum.iter_mut().zip(&update.image) {
                *sum += coefficient * f;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f ← A f + c, with a slow second component.
    fn map(f: &[f64]) -> Vec<f64> {
        vec![0.5 * f[0] + 0.1 * f[1] + 1.0, 0.99 * f[1] + 0.02]
    }

    #[test]
    fn a_linear_map_of_two_numbers_is_solved_in_three_updates() {
        let mut mixing = Mixing::new(Precision::F64);
        let mut f = vec![0.0, 0.0];
        for _ in 0..4 {
            let image = map(&f);
            f = mixing.next(|_| 1.0, &f, image, 1.0);
        }
        assert!(
            (f[0] - 2.4).abs() < 1e-6 && (f[1] - 2.0).abs() < 1e-6,
            "{f:?}"
        );
        // Plain updates are far from the fixed point.
        let plain = (0..4).fold(vec![0.0, 0.0], |f, _| map(&f));
        assert!((plain[1] - 2.0).abs() > 1.0);
    }

    #[test]
    fn an_error_that_grows_makes_it_forget() {
        let mut mixing = Mixing::new(Precision::F64);
        mixing.next(|_| 1.0, &[0.0], vec![1.0], 1.0);
        let next = mixing.next(|_| 1.0, &[5.0], vec![7.0], 4.5);
        assert_eq!(next, [7.0]);
    }
}

//! Anderson acceleration of a fixed-point iteration f ← F(f).
//!
//! From the last k iterates fₗ with residuals rₗ = F(fₗ) − fₗ it computes the affine combination of the F(fₗ) with
//! the least combined residual: min ‖Σ θₗ rₗ‖² with Σ θₗ = 1, from the Gram matrix of the residuals in f64 with a
//! ridge [Anderson'65; Walker–Ni'11]. Near the solution Sinkhorn's map is close to linear and has few slow modes, so
//! that the number of iterations falls from the order of (diam/blur)² to that of diam/blur. A memory of 5 takes up to
//! twice the passes of one of 10, a memory of 20 the same number.

use super::history::History;
use crate::linalg::{Cholesky, sum};
use crate::pass::Marginal;
use crate::{Engine, Result};

/// The ridge, relative to the trace of the Gram matrix.
const RIDGE: f64 = 1e-7;

/// The history is dropped when the error exceeds its least value by this factor.
const RESTART_GROWTH: f64 = 4.0;

pub(crate) struct Anderson<E: Engine> {
    slots: usize,
    history: History<E>,
    /// The Gram matrix of the residuals, by slots; the first `filled` of them are in use.
    gram: Vec<Vec<f64>>,
    filled: usize,
    newest: usize,
    least_error: f64,
    /// Σᵢ aᵢ imageᵢ of each slot, and of the very first image.
    means: Vec<f64>,
    gauge: Option<f64>,
    /// Whether the constant of the potential is free.
    free: bool,
}

impl<E: Engine> Anderson<E> {
    /// Buffers for `memory` updates of a marginal's potential, whose constant may be `free`.
    pub(crate) fn new(
        engine: &E,
        memory: usize,
        marginal: &Marginal<E>,
        free: bool,
    ) -> Result<Self> {
        Ok(Self {
            slots: memory,
            history: History::new(engine, memory, marginal)?,
            gram: vec![vec![0.0; memory]; memory],
            filled: 0,
            newest: 0,
            least_error: f64::INFINITY,
            means: vec![0.0; memory],
            gauge: None,
            free,
        })
    }

    /// Stores a marginal's update that is not yet accepted; returns the L1 error of the marginal before it, which is not
    /// computed from the update if it is `known`.
    pub(crate) async fn remember(
        &mut self,
        engine: &E,
        epsilon: f64,
        marginal: &Marginal<E>,
        known: Option<f64>,
    ) -> Result<f64> {
        let index = (self.newest + 1) % self.slots;
        let slot = (index, self.slots);
        let remembered = self
            .history
            .remember(engine, epsilon, marginal, slot)
            .await?;
        let mean = sum(remembered.means);
        let error = known.unwrap_or_else(|| sum(remembered.errors));
        if error > RESTART_GROWTH * self.least_error {
            // The history was misleading: restart from this update.
            self.filled = 0;
            self.least_error = error;
        }
        self.least_error = self.least_error.min(error);
        self.newest = index;
        self.means[index] = mean;
        if self.free {
            self.gauge.get_or_insert(mean);
        }
        self.filled = (self.filled + 1).min(self.slots);
        for (other, product) in remembered.products.into_iter().enumerate() {
            self.gram[index][other] = product;
            self.gram[other][index] = product;
        }
        Ok(error)
    }

    /// Replaces a marginal's potential by the best combination of the images in memory.
    pub(crate) fn extrapolate(&mut self, engine: &E, marginal: &mut Marginal<E>) -> Result<()> {
        let slots: Vec<usize> = (0..self.slots)
            .filter(|slot| self.age(*slot) < self.filled)
            .collect();
        let gram = slots
            .iter()
            .map(|row| {
                slots
                    .iter()
                    .map(|column| self.gram[*row][*column])
                    .collect()
            })
            .collect::<Vec<Vec<f64>>>();
        let mut coefficients = vec![0.0; self.slots];
        match least_affine_combination(&gram, RIDGE) {
            Some(least) => {
                for (slot, coefficient) in slots.iter().zip(least) {
                    coefficients[*slot] = coefficient;
                }
            }
            // A matrix that is not positive gives no coefficients: take the plain iteration.
            None => coefficients[self.newest] = 1.0,
        }
        // f + t is as good as f, so nothing fixes the mean of the potential: large coefficients of both signs would
        // let it drift away, and the potential would lose digits.
        let terms = coefficients.iter().zip(&self.means);
        let mean: f64 = terms.map(|(coefficient, mean)| coefficient * mean).sum();
        let offset = self.gauge.map_or(0.0, |gauge| gauge - mean);
        let out = &mut marginal.potential;
        self.history.extrapolate(engine, &coefficients, offset, out)
    }

    /// Drops all updates, after the marginal's potential was set by other means.
    pub(crate) fn forget(&mut self) {
        self.filled = 0;
        self.least_error = f64::INFINITY;
        self.history.forget();
    }

    /// The number of updates since a slot was written.
    fn age(&self, slot: usize) -> usize {
        (self.newest + self.slots - slot) % self.slots
    }
}

/// θ with Σθ = 1 that minimises θᵀ(G + ridge)θ, for a ridge relative to the trace; `None` if the matrix is not
/// positive.
pub(crate) fn least_affine_combination(gram: &[Vec<f64>], ridge: f64) -> Option<Vec<f64>> {
    let ridge = ridge * gram.iter().enumerate().map(|(i, row)| row[i]).sum::<f64>();
    let z = Cholesky::of(gram, ridge)?.solve(vec![1.0; gram.len()]);
    let sum: f64 = z.iter().sum();
    (sum.is_finite() && sum > 0.0).then(|| z.iter().map(|z| z / sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn least(rows: &[&[f64]]) -> Option<Vec<f64>> {
        let gram = rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
        least_affine_combination(&gram, RIDGE)
    }

    #[test]
    fn opposite_residuals_cancel() {
        let theta = least(&[&[4.0, -2.0], &[-2.0, 1.0]]).unwrap();
        assert!(
            (theta[0] - 1.0 / 3.0).abs() < 1e-5 && (theta[1] - 2.0 / 3.0).abs() < 1e-5,
            "{theta:?}"
        );
    }

    #[test]
    fn a_matrix_that_is_not_positive_has_no_combination() {
        assert_eq!(least(&[&[0.0, 0.0], &[0.0, 0.0]]), None);
        assert_eq!(least(&[&[1.0, f64::NAN], &[f64::NAN, 1.0]]), None);
    }
}

//! Anderson acceleration of a fixed-point iteration f ← F(f), all vectors on the device.
//!
//! Of the last k iterates fₗ with residuals rₗ = F(fₗ) − fₗ it takes the affine combination of the
//! F(fₗ) whose combined residual is least: min ‖Σ θₗ rₗ‖² with Σ θₗ = 1, from the Gram matrix of
//! the residuals in f64 with a ridge [Anderson'65; Walker–Ni'11]. Near the solution Sinkhorn's map
//! is close to linear and its slow modes are few, so that the number of iterations falls from the
//! order of (diam/blur)² to that of diam/blur.

use crate::marginal::Marginal;
use crate::{Engine, Result};
use std::collections::VecDeque;

/// Relative to the trace of the Gram matrix.
const RIDGE: f64 = 1e-7;

/// The history is dropped when the error grows by this factor over its least.
const RESTART_GROWTH: f64 = 10.0;

/// An iterate of the past.
struct Entry<V> {
    image: V,
    residual: V,
}

pub(crate) struct Anderson<E: Engine> {
    memory: usize,
    history: VecDeque<Entry<E::Vector>>,
    /// Gram matrix of the residuals, in the order of the history.
    gram: VecDeque<VecDeque<f64>>,
    least_error: f64,
}

impl<E: Engine> Anderson<E> {
    pub(crate) fn new(memory: usize) -> Self {
        Self {
            memory,
            history: VecDeque::new(),
            gram: VecDeque::new(),
            least_error: f64::INFINITY,
        }
    }

    /// Replaces a marginal's potential f by the next iterate, from f and its image F(f), the
    /// update not yet accepted. `error`, where it is known, decides about a restart.
    pub(crate) fn advance(
        &mut self,
        engine: &E,
        marginal: &mut Marginal<E>,
        error: Option<f64>,
    ) -> Result<()> {
        if let Some(error) = error {
            if error > RESTART_GROWTH * self.least_error {
                self.history.clear();
                self.gram.clear();
                self.least_error = error;
            }
            self.least_error = self.least_error.min(error);
        }
        let mut entry = self.vacancy(engine, marginal.weights.len())?;
        engine.combine(
            &[(1.0, &marginal.updated), (-1.0, &marginal.potential)],
            &mut entry.residual,
        )?;
        std::mem::swap(&mut entry.image, &mut marginal.updated);
        self.history.push_back(entry);

        let newest = &self.history[self.history.len() - 1].residual;
        let pairs: Vec<_> = self
            .history
            .iter()
            .map(|entry| (&entry.residual, newest))
            .collect();
        let products = engine.dots(&pairs)?;
        for (row, product) in self.gram.iter_mut().zip(&products) {
            row.push_back(*product);
        }
        self.gram.push_back(products.into());

        let coefficients = least_affine_combination(&self.gram);
        let terms: Vec<_> = coefficients
            .into_iter()
            .zip(self.history.iter().map(|entry| &entry.image))
            .collect();
        engine.combine(&terms, &mut marginal.potential)
    }

    /// Room for an entry: the oldest one's vectors once the memory is full, so that the steady
    /// state allocates nothing.
    fn vacancy(&mut self, engine: &E, length: usize) -> Result<Entry<E::Vector>> {
        if self.history.len() == self.memory
            && let Some(oldest) = self.history.pop_front()
        {
            self.gram.pop_front();
            for row in &mut self.gram {
                row.pop_front();
            }
            return Ok(oldest);
        }
        let zeros = vec![0.0; length];
        Ok(Entry {
            image: engine.vector(&zeros)?,
            residual: engine.vector(&zeros)?,
        })
    }
}

/// θ with Σθ = 1 that minimises θᵀ(G + ridge)θ, by Cholesky's method. Falls back on the newest
/// image alone, the plain iteration, where the matrix is not positive.
fn least_affine_combination(gram: &VecDeque<VecDeque<f64>>) -> Vec<f64> {
    let k = gram.len();
    let plain = || (0..k).map(|i| if i + 1 == k { 1.0 } else { 0.0 }).collect();
    let ridge = RIDGE * (0..k).map(|i| gram[i][i]).sum::<f64>();
    let mut factor = vec![vec![0.0; k]; k];
    for i in 0..k {
        for j in 0..=i {
            let known: f64 = (0..j).map(|l| factor[i][l] * factor[j][l]).sum();
            let entry = gram[i][j] + if i == j { ridge } else { 0.0 } - known;
            factor[i][j] = if i == j {
                entry.sqrt()
            } else {
                entry / factor[j][j]
            };
        }
        if !(factor[i][i].is_finite() && factor[i][i] > 0.0) {
            return plain();
        }
    }
    let mut z = vec![1.0; k];
    for i in 0..k {
        let known: f64 = (0..i).map(|l| factor[i][l] * z[l]).sum();
        z[i] = (z[i] - known) / factor[i][i];
    }
    for i in (0..k).rev() {
        let known: f64 = (i + 1..k).map(|l| factor[l][i] * z[l]).sum();
        z[i] = (z[i] - known) / factor[i][i];
    }
    let sum: f64 = z.iter().sum();
    if !(sum.is_finite() && sum > 0.0) {
        return plain();
    }
    z.iter().map(|z| z / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(rows: &[&[f64]]) -> VecDeque<VecDeque<f64>> {
        rows.iter()
            .map(|row| row.iter().copied().collect())
            .collect()
    }

    #[test]
    fn opposite_residuals_cancel() {
        let theta = least_affine_combination(&gram(&[&[4.0, -2.0], &[-2.0, 1.0]]));
        assert!(
            (theta[0] - 1.0 / 3.0).abs() < 1e-5 && (theta[1] - 2.0 / 3.0).abs() < 1e-5,
            "{theta:?}"
        );
    }

    #[test]
    fn a_matrix_that_is_none_means_the_plain_iteration() {
        assert_eq!(
            least_affine_combination(&gram(&[&[0.0, 0.0], &[0.0, 0.0]])),
            [0.0, 1.0]
        );
        assert_eq!(
            least_affine_combination(&gram(&[&[1.0, f64::NAN], &[f64::NAN, 1.0]])),
            [0.0, 1.0]
        );
    }
}

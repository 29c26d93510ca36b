//! Anderson's method [Anderson'65] over vectors of the host.

use crate::sinkhorn::least_affine_combination;

/// The ridge of a Gram matrix, relative to its trace.
const RIDGE: f64 = 1e-9;

/// The last updates of a fixed-point iteration.
pub(super) struct History {
    memory: usize,
    residuals: Vec<Vec<f64>>,
    images: Vec<Vec<f64>>,
}

impl History {
    /// Of as many updates as `memory`.
    pub(super) fn new(memory: usize) -> Self {
        Self {
            memory,
            residuals: Vec::new(),
            images: Vec::new(),
        }
    }

    /// The affine combination of images whose residual has the least norm under these weights, after another update; that image
    /// itself where there is none.
    pub(super) fn combined(
        &mut self,
        residual: Vec<f64>,
        image: Vec<f64>,
        weights: &[f64],
    ) -> Vec<f64> {
        if self.residuals.len() == self.memory {
            self.residuals.remove(0);
            self.images.remove(0);
        }
        self.residuals.push(residual);
        self.images.push(image.clone());
        let inner = |r: &[f64], s: &[f64]| -> f64 {
            let terms = weights.iter().zip(r.iter().zip(s));
            terms.map(|(b, (r, s))| b * r * s).sum()
        };
        let gram: Vec<Vec<f64>> = self
            .residuals
            .iter()
            .map(|r| self.residuals.iter().map(|s| inner(r, s)).collect())
            .collect();
        let Some(shares) = least_affine_combination(&gram, RIDGE) else {
            return image;
        };
        let mut mixed = vec![0.0; image.len()];
        for (share, image) in shares.iter().zip(&self.images) {
            let entries = mixed.iter_mut().zip(image);
            entries.for_each(|(mixed, value)| *mixed += share * value);
        }
        match mixed.iter().all(|value| value.is_finite()) {
            true => mixed,
            false => image,
        }
    }
}

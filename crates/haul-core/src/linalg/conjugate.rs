//! Conjugate gradients, of which the caller applies the operator and measures inner products.

/// A preconditioned iteration under way: A z = right.
pub(crate) struct ConjugateGradients {
    pub(crate) solution: Vec<f64>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    slope: f64,
    size: f64,
    /// What is left of the right-hand side, relative to it.
    pub(crate) left: f64,
    pub(crate) iterations: usize,
}

impl ConjugateGradients {
    /// From 0 on, for a right-hand side and what the preconditioner makes of it, in the given inner product.
    pub(crate) fn new(
        right: Vec<f64>,
        conditioned: Vec<f64>,
        inner: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Self {
        let size = inner(&right, &right).sqrt();
        Self {
            solution: vec![0.0; right.len()],
            slope: inner(&right, &conditioned),
            direction: conditioned,
            residual: right,
            left: if size == 0.0 { 0.0 } else { 1.0 },
            size,
            iterations: 0,
        }
    }

    /// What the operator is to be applied to next.
    pub(crate) fn direction(&self) -> &[f64] {
        &self.direction
    }

    /// One step, by the image of the direction; `false` where rounding has left no digits, and nothing is changed.
    pub(crate) fn step(
        &mut self,
        image: &[f64],
        precondition: impl Fn(&[f64]) -> Vec<f64>,
        inner: impl Fn(&[f64], &[f64]) -> f64,
    ) -> bool {
        let curvature = inner(&self.direction, image);
        // Rounding alone makes a positive operator look otherwise.
        if !(curvature > 0.0 && self.slope > 0.0) {
            return false;
        }
        let step = self.slope / curvature;
        for (j, image) in image.iter().enumerate() {
            self.solution[j] += step * self.direction[j];
            self.residual[j] -= step * image;
        }
        self.iterations += 1;
        self.left = inner(&self.residual, &self.residual).sqrt() / self.size;
        let conditioned = precondition(&self.residual);
        let next = inner(&self.residual, &conditioned);
        let ratio = next / self.slope;
        self.slope = next;
        for (direction, conditioned) in self.direction.iter_mut().zip(&conditioned) {
            *direction = conditioned + ratio * *direction;
        }
        true
    }
}

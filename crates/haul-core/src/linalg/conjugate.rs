//! Conjugate gradients; the caller applies the operator and computes inner products.

/// The state of a preconditioned iteration for A z = right.
pub(crate) struct ConjugateGradients {
    pub(crate) solution: Vec<f64>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    slope: f64,
    size: f64,
    /// The relative residual.
    pub(crate) left: f64,
    pub(crate) iterations: usize,
    /// The length of the last step along its direction.
    pub(crate) length: f64,
}

impl ConjugateGradients {
    /// Starts at 0, for a right-hand side and its preconditioned image, in the given inner product.
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
            length: 0.0,
        }
    }

    /// The next vector to apply the operator to.
    pub(crate) fn direction(&self) -> &[f64] {
        &self.direction
    }

    /// One step, given the image of the direction; `false` if rounding has left no digits, and then nothing is
    /// changed.
    pub(crate) fn step(
        &mut self,
        image: &[f64],
        precondition: impl Fn(&[f64]) -> Vec<f64>,
        inner: impl Fn(&[f64], &[f64]) -> f64,
    ) -> bool {
        let curvature = inner(&self.direction, image);
        // Only rounding can make the curvature of a positive operator negative.
        if !(curvature > 0.0 && self.slope > 0.0) {
            return false;
        }
        let step = self.slope / curvature;
        self.length = step;
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

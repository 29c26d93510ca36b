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

/// Numbers that are taken at a time from all updates: they stay in the first cache.
const BLOCK: usize = 1024;

/// Partial sums of an inner product.
const PARTIALS: usize = 8;

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
        let mut row = vec![0.0; self.updates.len()];
        let mut weighted = Vec::with_capacity(BLOCK);
        for (block, residuals) in last.residual.chunks(BLOCK).enumerate() {
            let first = block * BLOCK;
            weighted.clear();
            weighted.extend((first..).zip(residuals).map(|(i, r)| weights(i) * r));
            for (product, other) in row.iter_mut().zip(&self.updates) {
                *product += product_of(&weighted, &other.residual[first..][..residuals.len()]);
            }
        }
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
        let mut sums = vec![0.0; last.len()];
        for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
            for (coefficient, update) in coefficients.iter().zip(&self.updates) {
                let image = &update.image[block * BLOCK..];
                for (sum, f) in sums.iter_mut().zip(image) {
                    *sum += coefficient * f;
                }
            }
        }
        sums
    }
}

/// ⟨v, w⟩ of a block.
fn product_of(v: &[f64], w: &[f64]) -> f64 {
    let (v, v_rest) = v.as_chunks::<PARTIALS>();
    let (w, w_rest) = w.as_chunks::<PARTIALS>();
    let mut partials = [0.0; PARTIALS];
    for (v, w) in v.iter().zip(w) {
        for (partial, (v, w)) in partials.iter_mut().zip(v.iter().zip(w)) {
            *partial += v * w;
        }
    }
    let rest = v_rest.iter().zip(w_rest).map(|(v, w)| v * w);
    partials.into_iter().chain(rest).sum()
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
    fn many_numbers_are_mixed_as_few_are() {
        // Copies of two numbers, over more than two blocks, the last one not whole.
        let copies = BLOCK + PARTIALS + 1;
        let repeated = |f: &[f64]| -> Vec<f64> { f.repeat(copies) };
        let (mut few, mut many) = (Mixing::new(Precision::F64), Mixing::new(Precision::F64));
        let (mut f, mut g) = (vec![0.0, 0.0], repeated(&[0.0, 0.0]));
        for step in 0..4 {
            let (image, images) = (map(&f), repeated(&map(&g[..2])));
            f = few.next(|_| 1.0, &f, image, 1.0);
            g = many.next(|_| 1.0, &g, images, 1.0);
            for (k, g) in g.iter().enumerate() {
                assert!((g - f[k % 2]).abs() < 1e-5, "{step}: {g} at {k}, {f:?}");
            }
            assert!((g[1] - f[0]).abs() > 1e-3);
        }
    }

    #[test]
    fn an_error_that_grows_makes_it_forget() {
        let mut mixing = Mixing::new(Precision::F64);
        mixing.next(|_| 1.0, &[0.0], vec![1.0], 1.0);
        let next = mixing.next(|_| 1.0, &[5.0], vec![7.0], 4.5);
        assert_eq!(next, [7.0]);
    }
}

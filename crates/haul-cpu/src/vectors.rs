//! Arithmetic on vectors, in f64 whatever they are stored in.
//!
//! Sums are taken in blocks of 4096 terms, eight partial sums each, and over blocks in their order:
//! the result does not depend on the number of threads.

use crate::real::Float;
use haul_core::engine::{ABSORB_LOG2, STEP_LOG2};
use std::f64::consts::LN_2;

/// Terms of a block.
const BLOCK: usize = 4096;

/// Partial sums of a block.
const PARTIALS: usize = 8;

/// A vector on the CPU.
#[derive(Debug, Clone, PartialEq)]
pub struct CpuVector<T> {
    pub(crate) values: Vec<T>,
}

impl<T: Float> CpuVector<T> {
    pub(crate) fn new(values: &[f64]) -> Self {
        let values = values.iter().map(|value| T::from_f64(*value)).collect();
        Self { values }
    }

    pub(crate) fn read(&self) -> Vec<f64> {
        self.values.iter().map(|value| value.to_f64()).collect()
    }
}

/// Σₖ cₖ vₖ into `out`, where all are of one length.
pub(crate) fn combine<T: Float>(terms: &[(f64, &[T])], out: &mut [T]) {
    let mut sums = [0.0; BLOCK];
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let sums = &mut sums[..out.len()];
        sums.fill(0.0);
        for (coefficient, vector) in terms {
            let vector = &vector[block * BLOCK..][..out.len()];
            for (sum, value) in sums.iter_mut().zip(vector) {
                *sum += coefficient * value.to_f64();
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = T::from_f64(*sum);
        }
    }
}

/// Writes after − before and after into a slot of every row of `residuals` and `images`; returns
/// Σ aᵢ afterᵢ, and Σ rᵢ rₗᵢ for every slot l. Rows of weight 0 add nothing.
pub(crate) fn remember<T: Float>(
    weights: &[f64],
    (before, after): (&[T], &[T]),
    (residuals, images): (&mut [T], &mut [T]),
    (slot, slots): (usize, usize),
) -> (f64, Vec<f64>) {
    let mut mean = 0.0;
    let mut products = vec![0.0; slots];
    let mut partials = vec![0.0; slots];
    let rows = (0..weights.len()).step_by(BLOCK);
    for block in rows.map(|first| first..weights.len().min(first + BLOCK)) {
        let mut sum = 0.0;
        partials.fill(0.0);
        for row in block {
            let entries = row * slots..(row + 1) * slots;
            let residuals = &mut residuals[entries.clone()];
            let residual = T::from_f64(after[row].to_f64() - before[row].to_f64());
            residuals[slot] = residual;
            images[entries][slot] = after[row];
            if weights[row] > 0.0 {
                sum += weights[row] * after[row].to_f64();
                for (partial, other) in partials.iter_mut().zip(residuals) {
                    *partial += residual.to_f64() * other.to_f64();
                }
            }
        }
        mean += sum;
        for (product, partial) in products.iter_mut().zip(&partials) {
            *product += partial;
        }
    }
    (mean, products)
}

/// offset + Σₗ θₗ imageₗ of every row.
pub(crate) fn extrapolate<T: Float>(
    coefficients: &[f64],
    offset: f64,
    images: &[T],
    out: &mut [T],
) {
    for (images, out) in images.chunks_exact(coefficients.len().max(1)).zip(out) {
        let terms = coefficients.iter().zip(images);
        let sum: f64 = terms.map(|(c, image)| c * image.to_f64()).sum();
        *out = T::from_f64(offset + sum);
    }
}

/// Σ aᵢ |excess(i)|, where the excess of a row is how far its ratio is from what is wanted; rows of
/// weight 0 add nothing.
pub(crate) fn marginal_error(weights: &[f64], excess: impl Fn(usize) -> f64) -> f64 {
    let mut errors = [0.0; BLOCK];
    let blocks = weights.chunks(BLOCK).enumerate();
    blocks
        .map(|(block, weights)| {
            let errors = &mut errors[..weights.len()];
            for (i, (error, weight)) in errors.iter_mut().zip(weights).enumerate() {
                *error = if *weight > 0.0 {
                    excess(block * BLOCK + i).abs()
                } else {
                    0.0
                };
            }
            sum_of_block(weights, errors, |weight, error| weight * error)
        })
        .sum()
}

/// u ← s^{−λ} exp(−f/(ρ + ε)) for s within 2^±[`STEP_LOG2`]; beyond 2^±[`ABSORB_LOG2`] it goes into
/// the potential f.
pub(crate) fn scale<T: Float>(
    (epsilon, rho): (f64, f64),
    sums: &[T],
    scaling: &mut [T],
    potential: &mut [T],
) {
    let limit = STEP_LOG2.exp2();
    // 1 where ρ is infinite.
    let damping = 1.0 / (1.0 + epsilon / rho);
    for ((sum, u), f) in sums.iter().zip(scaling).zip(potential) {
        let sum = sum.to_f64().clamp(1.0 / limit, limit);
        let rest = -f.to_f64() / (rho + epsilon);
        let log = rest - damping * sum.ln();
        if log.abs() <= ABSORB_LOG2 * LN_2 {
            *u = T::from_f64(sum.powf(-damping) * rest.exp());
        } else {
            *f = T::from_f64(f.to_f64() + epsilon * log);
            *u = T::from_f64(1.0);
        }
    }
}

/// Σ term(v, w) over a block.
fn sum_of_block<T: Copy>(v: &[T], w: &[T], term: impl Fn(T, T) -> f64) -> f64 {
    let (v, v_rest) = v.as_chunks::<PARTIALS>();
    let (w, w_rest) = w.as_chunks::<PARTIALS>();
    let mut partials = [0.0; PARTIALS];
    for (v, w) in v.iter().zip(w) {
        for (partial, (v, w)) in partials.iter_mut().zip(v.iter().zip(w)) {
            *partial += term(*v, *w);
        }
    }
    for (partial, (v, w)) in partials.iter_mut().zip(v_rest.iter().zip(w_rest)) {
        *partial += term(*v, *w);
    }
    let [a, b, c, d, e, f, g, h] = partials;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

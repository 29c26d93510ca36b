//! Arithmetic on vectors, in f64 whatever the format in memory.
//!
//! Sums are taken within blocks of 4096 terms, with eight partial sums each, and then over the blocks in order:
//! the result does not depend on the number of threads.

use crate::pass::ranges;
use crate::real::Float;
use haul_core::engine::{ABSORB_LOG2, Integral, STEP_LOG2};
use std::f64::consts::LN_2;
use std::ops::Range;

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

    pub(crate) fn zeros(length: usize) -> Self {
        let values = vec![T::ZERO; length];
        Self { values }
    }

    pub(crate) fn read(&self, part: Range<usize>) -> Vec<f64> {
        let part = self.values[part].iter();
        part.map(|value| value.to_f64()).collect()
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
/// Σ aᵢ afterᵢ of each of q histograms, and Σ rᵢ rₗᵢ for every slot l. Entries of weight 0 add nothing.
pub(crate) fn remember<T: Float>(
    (weights, q): (&[f64], usize),
    (before, after): (&[T], &[T]),
    (residuals, images): (&mut [T], &mut [T]),
    (slot, slots): (usize, usize),
) -> (Vec<f64>, Vec<f64>) {
    let (mut means, mut sums) = (vec![0.0; q], vec![0.0; q]);
    let (mut products, mut partials) = (vec![0.0; slots], vec![0.0; slots]);
    for block in ranges(0..weights.len(), BLOCK * q) {
        sums.fill(0.0);
        partials.fill(0.0);
        for entry in block {
            let places = entry * slots..(entry + 1) * slots;
            let residuals = &mut residuals[places.clone()];
            let residual = T::from_f64(after[entry].to_f64() - before[entry].to_f64());
            residuals[slot] = residual;
            images[places][slot] = after[entry];
            if weights[entry] > 0.0 {
                sums[entry % q] += weights[entry] * after[entry].to_f64();
                for (partial, other) in partials.iter_mut().zip(residuals) {
                    *partial += residual.to_f64() * other.to_f64();
                }
            }
        }
        for (mean, sum) in means.iter_mut().zip(&sums) {
            *mean += sum;
        }
        for (product, partial) in products.iter_mut().zip(&partials) {
            *product += partial;
        }
    }
    (means, products)
}

/// offset + V Λ for V of n×q and Λ of q×k, all row-major.
pub(crate) fn mix<T: Float>(
    (coefficients, q): (&[f64], usize),
    offset: f64,
    vectors: &[T],
    out: &mut [T],
) {
    let k = coefficients.len() / q.max(1);
    let mut sums = vec![0.0; k];
    let rows = vectors.chunks_exact(q.max(1));
    for (row, out) in rows.zip(out.chunks_exact_mut(k.max(1))) {
        sums.fill(0.0);
        for (value, coefficients) in row.iter().zip(coefficients.chunks_exact(k.max(1))) {
            for (sum, coefficient) in sums.iter_mut().zip(coefficients) {
                *sum += coefficient * value.to_f64();
            }
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = T::from_f64(offset + sum);
        }
    }
}

/// The integrals of q histograms, where `terms` has ψ of an entry and the largest of its vectors' absolute values; entries
/// of weight 0 add nothing.
pub(crate) fn integrals(
    (weights, q): (&[f64], usize),
    terms: impl Fn(usize) -> (f64, f64),
) -> Vec<Integral> {
    let mut integrals = vec![Integral::default(); q];
    let (mut masses, mut values) = ([0.0; BLOCK], [0.0; BLOCK]);
    for block in ranges(0..weights.len(), BLOCK * q) {
        for (s, integral) in integrals.iter_mut().enumerate() {
            let entries = (block.start + s..block.end).step_by(q);
            let count = entries.len();
            let places = masses.iter_mut().zip(&mut values);
            for (entry, (mass, value)) in entries.zip(places) {
                (*mass, *value) = (weights[entry], 0.0);
                if *mass > 0.0 {
                    let (term, height) = terms(entry);
                    *value = term;
                    integral.height = integral.height.max(height);
                }
            }
            let (masses, values) = (&masses[..count], &values[..count]);
            integral.sum += sum_of_block(masses, values, |mass, value| mass * value);
            integral.size += sum_of_block(masses, values, |mass, value| mass * value.abs());
        }
    }
    integrals
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

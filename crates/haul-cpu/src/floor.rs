//! How fast this machine could be: the time that the arithmetic of a pair takes alone.
//!
//! A pair of dimension d in difference form costs at least d subtractions and d fused
//! multiply-adds for the squared distance, one more of these for the exponent, an exponential (the
//! engine's own polynomial, limited from below) and an addition; for p = 1 a square root as well, for
//! other powers but 2 the engine's own power.
//! Two loops measure that time, on values that never leave the registers and on chains that
//! do not depend on one another:
//!
//! ```text
//! t₁   a pair of dimension 1:   c ← c + (x − c)²,  S ← S + 2^(h − k c)
//! t₊   one dimension more:      c ← c + (x − c)²
//!
//! pairs/s = threads / (t₁ + (d − 1) t₊)
//! ```
//!
//! It includes no load, no broadcast of a row, no other loop and no sharing of caches: an engine
//! comes near it and stays below. It is measured at run time, on the vectors and the threads that an
//! engine would use, as the best of a few tries of some milliseconds each.

use crate::engine::CpuEngine;
use crate::exp2::exp2_of_limited;
use crate::power::{Metric, power};
use crate::real::{Float, Real};
use crate::workers::Workers;
use haul_core::{Cost, Error, Result};
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;
use std::time::Instant;

/// How many rounds of a loop are timed together: some milliseconds, so that the time to wake a thread does not
/// matter. An unoptimised build, whose measurement is worthless, takes fewer.
const ROUNDS: usize = if cfg!(debug_assertions) {
    1 << 12
} else {
    1 << 19
};

/// How many tries; the best counts.
const TRIES: usize = 7;

/// How many chains of whole pairs run at once, so that they overlap.
const PAIRS: usize = 4;

/// Pairs per second that this machine's arithmetic admits in a softmin of a cost and a dimension,
/// in the format `T` on a number of threads; 0 means one for each processor.
///
/// # Errors
///
/// [`Error::Device`] when the system starts no threads.
pub fn pairs_per_second<T: Real>(cost: Cost, dimension: usize, threads: usize) -> Result<f64> {
    let workers = workers(threads)?;
    let lanes = Arch::new().dispatch(Width::<T>(T::ZERO));
    let metric = Metric::new(cost);
    let pair = match metric {
        Metric::Squared => seconds(&workers, || Pairs::<T, SQUARED>(values(), metric)),
        Metric::Distance => seconds(&workers, || Pairs::<T, DISTANCE>(values(), metric)),
        Metric::Power { .. } => seconds(&workers, || Pairs::<T, POWER>(values(), metric)),
    };
    let more = seconds(&workers, || Dimensions::<T, true>(values()));
    let vector = pair + (dimension.max(1) - 1) as f64 * more;
    Ok((workers.count() * lanes) as f64 / vector)
}

/// Fused multiply-adds per second that this machine does in the format `T` on a number of threads, on values that never
/// leave the registers; 0 threads means one for each processor.
///
/// # Errors
///
/// [`Error::Device`] when the system starts no threads.
pub fn multiply_adds_per_second<T: Real>(threads: usize) -> Result<f64> {
    let workers = workers(threads)?;
    let lanes = Arch::new().dispatch(Width::<T>(T::ZERO));
    let vector = seconds(&workers, || Dimensions::<T, false>(values()));
    Ok((workers.count() * lanes) as f64 / vector)
}

fn workers(threads: usize) -> Result<Workers> {
    Workers::new(threads).map_err(|source| Error::Device {
        device: "CPU".to_owned(),
        source: Box::new(source),
    })
}

impl<T: Real> CpuEngine<T> {
    /// The [multiply-adds per second](multiply_adds_per_second) of this engine's machine, for callers who have the
    /// engine but not its crate.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the system starts no threads.
    pub fn floor_multiply_adds_per_second(threads: usize) -> Result<f64> {
        multiply_adds_per_second::<T>(threads)
    }

    /// The [floor](pairs_per_second) of this engine's softmin, for callers who have the engine but
    /// not its crate.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the system starts no threads.
    pub fn floor_pairs_per_second(cost: Cost, dimension: usize, threads: usize) -> Result<f64> {
        pairs_per_second::<T>(cost, dimension, threads)
    }
}

/// A loop of [`ROUNDS`] rounds; it returns how many vectors a round works on.
fn seconds<K: WithSimd<Output = usize>>(workers: &Workers, kernel: impl Fn() -> K + Sync) -> f64 {
    let try_once = || {
        let start = Instant::now();
        let chains = workers.on_each(|| Arch::new().dispatch(kernel()));
        let chains = chains.into_iter().max().unwrap_or(1);
        start.elapsed().as_secs_f64() / (ROUNDS * chains) as f64
    };
    (0..TRIES).map(|_| try_once()).fold(f64::INFINITY, f64::min)
}

/// x, h and k, which the compiler does not know.
fn values<T: Float>() -> [T; 3] {
    black_box([0.75, -0.5, 1.5]).map(T::from_f64)
}

pub(crate) struct Width<T>(pub(crate) T);

impl<T: Float> WithSimd for Width<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        T::width::<S>()
    }
}

/// c + (x − c)².
#[inline(always)]
fn one_dimension<T: Float, S: Simd>(simd: S, x: T::Lanes<S>, c: T::Lanes<S>) -> T::Lanes<S> {
    let difference = T::sub(simd, x, c);
    T::mul_add(simd, difference, difference, c)
}

/// The loop of t₁ for a metric, whose kind is known when the loop is compiled.
struct Pairs<T, const KIND: u8>([T; 3], Metric<T>);

const SQUARED: u8 = 0;
const DISTANCE: u8 = 1;
const POWER: u8 = 2;

impl<T: Float, const KIND: u8> WithSimd for Pairs<T, KIND> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let [x, h, k] = self.0.map(|value| T::splat(simd, value));
        let mut costs = [T::splat(simd, T::ZERO); PAIRS];
        let mut sums = costs;
        for _ in 0..ROUNDS {
            for (c, sum) in costs.iter_mut().zip(&mut sums) {
                *c = one_dimension::<T, S>(simd, x, *c);
                let cost = match self.1 {
                    Metric::Power { head, tail } if KIND == POWER => {
                        power::<T, S>(simd, *c, (head, tail))
                    }
                    _ if KIND == DISTANCE => T::sqrt(simd, *c),
                    _ => *c,
                };
                let s = T::negate_mul_add(simd, k, cost, h);
                *sum = T::add(simd, *sum, exp2_of_limited::<T, S>(simd, s));
            }
        }
        black_box(sums.map(|sum| T::sum(simd, sum)));
        PAIRS
    }
}

/// The loop of t₊; without differences, of multiply-adds alone.
struct Dimensions<T, const DIFFERENCES: bool>([T; 3]);

impl<T: Float, const DIFFERENCES: bool> WithSimd for Dimensions<T, DIFFERENCES> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        // As many chains as registers are left besides x and a difference.
        if S::REGISTER_COUNT < 32 {
            self.chains::<S, 14>(simd)
        } else {
            self.chains::<S, 28>(simd)
        }
    }
}

impl<T: Float, const DIFFERENCES: bool> Dimensions<T, DIFFERENCES> {
    #[inline(always)]
    fn chains<S: Simd, const CHAINS: usize>(self, simd: S) -> usize {
        let x = T::splat(simd, self.0[0]);
        let mut costs = [T::splat(simd, T::ZERO); CHAINS];
        for _ in 0..ROUNDS {
            for c in &mut costs {
                *c = if DIFFERENCES {
                    one_dimension::<T, S>(simd, x, *c)
                } else {
                    T::mul_add(simd, x, *c, x)
                };
            }
        }
        black_box(costs.map(|c| T::sum(simd, c)));
        CHAINS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_dimensions_take_longer() {
        let rate = |cost, d| pairs_per_second::<f32>(cost, d, 1).unwrap();
        let (low, high) = (
            rate(Cost::SquaredEuclidean, 1),
            rate(Cost::SquaredEuclidean, 1000),
        );
        assert!(high > 0.0 && low > high, "{low} {high}");
        for p in [0.5, 1.0, 1.5] {
            let slower = rate(Cost::power(p).unwrap(), 1000);
            assert!(slower > 0.0 && low > slower, "{p} {low} {slower}");
        }
    }
}

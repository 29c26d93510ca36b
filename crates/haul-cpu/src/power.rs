//! The costs as functions of a squared distance s: s itself, √s, and s^{p/2} for other powers.
//!
//! With s = 2^e m, √½ ≤ m < √2, and h = p/2, the power is 2^{h e + h log₂ m}. The product h e has
//! more bits than a float where e is large, and each unit it is rounded by is one of the result; so
//! h is split into a head, short enough that its product with any e is exact, and a tail:
//!
//! ```text
//! n = round(head e + h log₂ m),   r = (head e − n) + (tail e + h log₂ m),   s^h = 2^n 2^r
//! log₂ m = 2/ln 2 (z + z³/3 + z⁵/5 + …),   z = (m − 1)/(m + 1),   |z| ≤ 3 − √8
//! ```
//!
//! where only terms of size 1 are rounded. The series ends when the next term is below a roundoff.
//! A subnormal s counts as 0, whose power is 0.

use crate::exp2::exp2_fraction;
use crate::real::Float;
use haul_core::Cost;
use pulp::Simd;

/// A cost as the kernels evaluate it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Metric<T> {
    /// s.
    Squared,
    /// √s.
    Distance,
    /// s^{head + tail}.
    Power {
        /// p/2, shortened.
        head: T,
        /// p/2 minus the head.
        tail: T,
    },
}

impl<T: Float> Metric<T> {
    pub(crate) fn new(cost: Cost) -> Self {
        match cost {
            Cost::SquaredEuclidean => Self::Squared,
            Cost::Euclidean => Self::Distance,
            other => {
                let half = 0.5 * other.p();
                let head = T::shortened(half);
                Self::Power {
                    head,
                    tail: T::from_f64(half - head.to_f64()),
                }
            }
        }
    }

    /// Whether the cost is the root of the sum of squares.
    pub(crate) fn is_distance(self) -> bool {
        matches!(self, Self::Distance)
    }

    /// Whether the cost is the sum of squares itself, which a kernel may start from any number.
    pub(crate) fn is_squared(self) -> bool {
        matches!(self, Self::Squared)
    }
}

/// s^{head + tail}, to within 6 roundoffs; 0 for s = 0.
#[inline(always)]
pub(crate) fn power<T: Float, S: Simd>(
    simd: S,
    s: T::Lanes<S>,
    (head, tail): (T, T),
) -> T::Lanes<S> {
    let (e, log) = log2::<T, S>(simd, s);
    let half = T::splat(simd, T::from_f64(head.to_f64() + tail.to_f64()));
    let log = T::mul(simd, log, half);
    let rest = T::mul_add(simd, T::splat(simd, tail), e, log);
    let whole = T::mul(simd, T::splat(simd, head), e);

    let rounder = T::splat(simd, T::ROUNDER);
    let rounded = T::add(simd, T::add(simd, whole, rest), rounder);
    let n = T::sub(simd, rounded, rounder);
    let r = T::add(simd, T::sub(simd, whole, n), rest);
    let value = T::times_power(simd, exp2_fraction::<T, S>(simd, r), rounded);
    T::where_normal(simd, s, value)
}

/// e and log₂ m with s = 2^e m and √½ ≤ m < √2, for a normal number s > 0.
#[inline(always)]
pub(crate) fn log2<T: Float, S: Simd>(simd: S, s: T::Lanes<S>) -> (T::Lanes<S>, T::Lanes<S>) {
    let one = T::splat(simd, T::from_f64(1.0));
    let (e, m) = T::decompose(simd, s);
    let z = T::div(simd, T::sub(simd, m, one), T::add(simd, m, one));
    let z2 = T::mul(simd, z, z);
    let terms = T::LOG2.len();
    let mut series = T::splat(simd, T::LOG2[terms - 1]);
    for coefficient in T::LOG2[..terms - 1].iter().rev() {
        series = T::mul_add(simd, series, z2, T::splat(simd, *coefficient));
    }
    (e, T::mul(simd, series, z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Evaluate<'a, T>(&'a [T], (T, T), &'a mut Vec<f64>);

    impl<T: Float> WithSimd for Evaluate<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for s in self.0 {
                let power = power::<T, S>(simd, T::splat(simd, *s), self.1);
                self.2.push(T::largest(simd, power).to_f64());
            }
        }
    }

    /// The largest relative error over `values`, in roundoffs, whichever the instruction set.
    fn largest_error<T: Float>(p: f64, values: &[T]) -> f64 {
        let Metric::Power { head, tail } = Metric::<T>::new(Cost::power(p).unwrap()) else {
            panic!("{p} is no general power");
        };
        let mut largest = 0f64;
        for arch in [Arch::new(), Arch::Scalar] {
            let mut powers = Vec::new();
            arch.dispatch(Evaluate(values, (head, tail), &mut powers));
            for (s, power) in values.iter().zip(powers) {
                let exact = s.to_f64().powf(0.5 * p);
                largest = largest.max((power / exact - 1.0).abs());
            }
        }
        largest / T::PRECISION.unit_roundoff()
    }

    /// Numbers from 2^low to 2^high, none of them round.
    fn spread<T: Float>(low: f64, high: f64) -> Vec<T> {
        let at = |i: u32| low + (high - low) * (f64::from(i) + 0.37) / 20_000.0;
        (0..20_000).map(|i| T::from_f64(at(i).exp2())).collect()
    }

    #[test]
    fn powers_are_right_to_some_roundoffs_over_the_whole_range() {
        for p in [1e-3, 0.1, 0.5, 1.0 / 3.0, 0.9, 1.3, 1.5, 1.999] {
            let single = largest_error::<f32>(p, &spread(-126.0, 127.0));
            assert!(single <= 6.0, "p {p}: {single} roundoffs in f32");
            let double = largest_error::<f64>(p, &spread(-1022.0, 1023.0));
            assert!(double <= 6.0, "p {p}: {double} roundoffs in f64");
            let near_one = largest_error::<f64>(p, &spread(-1.0, 1.0));
            assert!(near_one <= 6.0, "p {p}: {near_one} roundoffs near 1");
        }
    }

    #[test]
    fn another_power_is_another_value() {
        let values: Vec<f32> = spread(-20.0, 4.0);
        let near = Metric::<f32>::new(Cost::power(1.300_01).unwrap());
        let Metric::Power { head, tail } = near else {
            panic!("a general power");
        };
        let mut powers = Vec::new();
        Arch::new().dispatch(Evaluate(&values, (head, tail), &mut powers));
        let differs = |(s, power): (&f32, &f64)| (power / f64::from(*s).powf(0.65) - 1.0).abs();
        assert!(values.iter().zip(&powers).map(differs).fold(0.0, f64::max) > 1e-5);
    }

    #[test]
    fn nothing_to_any_power_is_nothing() {
        let zero = |p| {
            let Metric::Power { head, tail } = Metric::<f32>::new(Cost::power(p).unwrap()) else {
                panic!("{p} is no general power");
            };
            let mut powers = Vec::new();
            for arch in [Arch::new(), Arch::Scalar] {
                arch.dispatch(Evaluate(&[0.0, 1e-40, 1.0], (head, tail), &mut powers));
            }
            powers
        };
        for p in [1e-3, 0.5, 1.5] {
            assert_eq!(zero(p), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        }
    }
}

//! 2^s on vectors: s = n + r with an integer n and |r| ≤ ½, a polynomial in r, and n added to the
//! bits of the exponent.
//!
//! The polynomials are the 1 + r q(r) with the least maximal relative error on [−½, ½], by Remez's
//! exchange in 60 digits: 9.1e-8 at degree 5 for f32, 3.4e-18 at degree 11 for f64. As p(0) = 1
//! exactly, the limit of the exponents from below comes out as 0: a weight of 0 adds nothing.

use crate::real::Float;
use pulp::Simd;

#[allow(clippy::approx_constant)] // the best for this degree is not the series' first, ln 2
pub(crate) const F32: [f32; 5] = [
    0.693_147,
    0.240_222_42,
    0.055_507_337,
    0.009_671_513,
    0.001_326_472_7,
];

pub(crate) const F64: [f64; 11] = [
    std::f64::consts::LN_2,
    0.240_226_506_959_101_3,
    0.055_504_108_664_820_08,
    0.009_618_129_107_594_12,
    0.001_333_355_814_677_462,
    0.000_154_035_304_571_120_9,
    0.000_015_252_733_493_127_487,
    0.000_001_321_543_528_230_848_8,
    0.000_000_101_781_995_718_421_38,
    7.073_783_248_503_133e-9,
    4.434_771_298_200_377e-10,
];

/// Coefficients of r, r², … in 2^r − 1 on [−½, ½], by interpolation of (2^r − 1)/r at Chebyshev's points: the
/// error relative to 2^r − 1 itself is at most 1.3e-8.
#[allow(clippy::approx_constant)] // the first is not ln 2
pub(crate) const F32_EXCESS: [f32; 6] = [
    0.693_147_2,
    0.240_226_5,
    0.055_503_57,
    0.009_618_083,
    0.001_339_086_3,
    0.000_154_531_63,
];

/// The same for f64: the error is at most 2.8e-19.
pub(crate) const F64_EXCESS: [f64; 12] = [
    std::f64::consts::LN_2,
    0.240_226_506_959_100_7,
    0.055_504_108_664_821_63,
    0.009_618_129_107_628_48,
    0.001_333_355_814_640_647,
    0.000_154_035_303_933_707_33,
    0.000_015_252_733_841_556_773,
    1.321_548_680_870_556_3e-6,
    1.017_805_708_773_394_1e-7,
    7.054_897_304_155_499e-9,
    4.455_817_908_336_065e-10,
    2.572_932_417_736_230_4e-11,
];

/// 2^s for s that is at most the upper limit of the exponents.
#[inline(always)]
pub(crate) fn exp2_of_limited<T: Float, S: Simd>(simd: S, s: T::Lanes<S>) -> T::Lanes<S> {
    let s = T::max(simd, s, T::splat(simd, T::EXPONENTS.0));
    let rounder = T::splat(simd, T::ROUNDER);
    let rounded = T::add(simd, s, rounder);
    let r = T::sub(simd, s, T::sub(simd, rounded, rounder));
    T::times_power(simd, exp2_fraction::<T, S>(simd, r), rounded)
}

/// 2^r for |r| ≤ ½.
#[inline(always)]
pub(crate) fn exp2_fraction<T: Float, S: Simd>(simd: S, r: T::Lanes<S>) -> T::Lanes<S> {
    let degree = T::EXP2.len();
    let mut p = T::splat(simd, T::EXP2[degree - 1]);
    for coefficient in T::EXP2[..degree - 1].iter().rev() {
        p = T::mul_add(simd, p, r, T::splat(simd, *coefficient));
    }
    T::mul_add(simd, p, r, T::splat(simd, T::from_f64(1.0)))
}

/// 2^s − 1 for any s, limited to the range of the exponents: as exact relative to itself as s is.
///
/// With s = n + r it is 2^n (2^r − 1) + (2^n − 1), where a small s has n = 0.
#[inline(always)]
pub(crate) fn excess<T: Float, S: Simd>(simd: S, s: T::Lanes<S>) -> T::Lanes<S> {
    let s = T::min(simd, s, T::splat(simd, T::EXPONENTS.1));
    let s = T::max(simd, s, T::splat(simd, T::EXPONENTS.0));
    let rounder = T::splat(simd, T::ROUNDER);
    let rounded = T::add(simd, s, rounder);
    let r = T::sub(simd, s, T::sub(simd, rounded, rounder));
    let degree = T::EXCESS.len();
    let mut p = T::splat(simd, T::EXCESS[degree - 1]);
    for coefficient in T::EXCESS[..degree - 1].iter().rev() {
        p = T::mul_add(simd, p, r, T::splat(simd, *coefficient));
    }
    let one = T::splat(simd, T::from_f64(1.0));
    let power = T::times_power(simd, one, rounded);
    T::mul_add(simd, T::mul(simd, p, r), power, T::sub(simd, power, one))
}

/// 2^s for any s, limited to the range of the exponents.
#[inline(always)]
pub(crate) fn exp2<T: Float, S: Simd>(simd: S, s: T::Lanes<S>) -> T::Lanes<S> {
    let s = T::min(simd, s, T::splat(simd, T::EXPONENTS.1));
    exp2_of_limited::<T, S>(simd, s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Evaluate<'a, T>(&'a [T], bool, &'a mut Vec<f64>);

    impl<T: Float> WithSimd for Evaluate<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for s in self.0 {
                let s = T::splat(simd, *s);
                let power = if self.1 {
                    excess::<T, S>(simd, s)
                } else {
                    exp2::<T, S>(simd, s)
                };
                self.2.push(T::largest(simd, power).to_f64());
            }
        }
    }

    /// 2^s of the values, or 2^s − 1, on each instruction set.
    fn powers<T: Float>(values: &[T], excess: bool) -> Vec<Vec<f64>> {
        [Arch::new(), Arch::Scalar]
            .into_iter()
            .map(|arch| {
                let mut powers = Vec::new();
                arch.dispatch(Evaluate(values, excess, &mut powers));
                powers
            })
            .collect()
    }

    fn largest_error<T: Float>(values: &[T], limit: f64) {
        for powers in powers(values, false) {
            for (s, power) in values.iter().zip(powers) {
                let exact = s.to_f64().exp2();
                let error = (power / exact - 1.0).abs();
                assert!(error <= limit, "2^{s:?} is {power:e}, off by {error:e}");
            }
        }
    }

    #[test]
    fn the_relative_error_is_below_3e_7_in_f32() {
        let values: Vec<f32> = (0..100_000)
            .map(|i| -126.0 + 253.0 * (i as f32 / 100_000.0))
            .collect();
        largest_error(&values, 3e-7);
    }

    #[test]
    fn the_relative_error_is_below_4e_16_in_f64() {
        // The error of std's exp2 is included.
        let values: Vec<f64> = (0..100_000)
            .map(|i| -1022.0 + 2045.0 * (f64::from(i) / 100_000.0))
            .collect();
        largest_error(&values, 4e-16);
    }

    /// The largest relative error of 2^s − 1 for s of all sizes and both signs, and that of the difference of
    /// 2^s and 1.
    fn errors_of_excess<T: Float>() -> [f64; 2] {
        let size = |i: i32| (-60.0 + 66.0 * f64::from(i) / 20_000.0).exp2();
        let values: Vec<T> = (0..20_000)
            .flat_map(|i| [size(i), -size(i)])
            .map(T::from_f64)
            .collect();
        let errors = [true, false].map(|direct| {
            let less = if direct { 0.0 } else { 1.0 };
            let error = |(s, power): (&T, f64)| {
                let s = s.to_f64();
                // The product with ln 2 loses digits that exponents far from 0 need.
                let exact = if s.abs() < 1.0 {
                    (s * std::f64::consts::LN_2).exp_m1()
                } else {
                    s.exp2() - 1.0
                };
                ((power - less) / exact - 1.0).abs()
            };
            let powers = powers(&values, direct);
            let errors = powers
                .into_iter()
                .flat_map(|powers| values.iter().zip(powers));
            errors.map(error).fold(0.0, f64::max)
        });
        errors.map(|error| error / T::PRECISION.unit_roundoff())
    }

    #[test]
    fn what_a_power_exceeds_one_by_is_exact_relative_to_itself() {
        for [direct, difference] in [errors_of_excess::<f32>(), errors_of_excess::<f64>()] {
            assert!(direct <= 8.0, "{direct} roundoffs");
            assert!(difference >= 1e4, "{difference} roundoffs");
        }
    }

    fn the_ends<T: Float>() {
        let (low, high) = T::EXPONENTS;
        let values = [
            -1e30,
            low.to_f64() - 1.0,
            low.to_f64(),
            0.0,
            1.0,
            -1.0,
            1e30,
        ];
        let values = values.map(T::from_f64);
        for powers in powers(&values, false) {
            let largest = high.to_f64().exp2();
            assert_eq!(powers, [0.0, 0.0, 0.0, 1.0, 2.0, 0.5, largest]);
        }
        // Between the lower limit and the least normal number powers decrease to 0 without a jump.
        let least = (low.to_f64() + 1.0).exp2();
        let fading: Vec<T> = (0..=100)
            .map(|i| T::from_f64(low.to_f64() + f64::from(i) / 100.0))
            .collect();
        for powers in powers(&fading, false) {
            assert!(powers.windows(2).all(|pair| pair[0] <= pair[1]));
            assert!(powers.iter().all(|power| (0.0..=least).contains(power)));
        }
    }

    #[test]
    fn powers_end_at_0_and_at_the_largest() {
        the_ends::<f32>();
        the_ends::<f64>();
    }
}

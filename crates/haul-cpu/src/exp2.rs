//! 2^s on vectors: s = n + r with an integer n and |r| ≤ ½, a polynomial in r, and n added to the
//! bits of the exponent.
//!
//! The polynomials are 1 + r q(r) of the least maximal relative error on [−½, ½], by Remez's
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

    struct Evaluate<'a, T>(&'a [T], &'a mut Vec<f64>);

    impl<T: Float> WithSimd for Evaluate<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for s in self.0 {
                let power = exp2::<T, S>(simd, T::splat(simd, *s));
                self.1.push(T::largest(simd, power).to_f64());
            }
        }
    }

    /// 2^s of the values, on each instruction set.
    fn powers<T: Float>(values: &[T]) -> Vec<Vec<f64>> {
        [Arch::new(), Arch::Scalar]
            .into_iter()
            .map(|arch| {
                let mut powers = Vec::new();
                arch.dispatch(Evaluate(values, &mut powers));
                powers
            })
            .collect()
    }

    fn largest_error<T: Float>(values: &[T], limit: f64) {
        for powers in powers(values) {
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
        // What std's exp2 is off by counts as well.
        let values: Vec<f64> = (0..100_000)
            .map(|i| -1022.0 + 2045.0 * (f64::from(i) / 100_000.0))
            .collect();
        largest_error(&values, 4e-16);
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
        for powers in powers(&values) {
            let largest = high.to_f64().exp2();
            assert_eq!(powers, [0.0, 0.0, 0.0, 1.0, 2.0, 0.5, largest]);
        }
        // Between the lower limit and the least normal number powers fade to 0 without a jump.
        let least = (low.to_f64() + 1.0).exp2();
        let fading: Vec<T> = (0..=100)
            .map(|i| T::from_f64(low.to_f64() + f64::from(i) / 100.0))
            .collect();
        for powers in powers(&fading) {
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

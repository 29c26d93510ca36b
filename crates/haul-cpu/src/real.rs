//! The two floating-point formats, and their vectors on any instruction set of pulp.
//!
//! A kernel is written once over `Float` and pulp's `Simd`; dispatch at run time decides on which
//! vectors it runs. Every function here must be inlined: otherwise the compiler would
//! compile it for the baseline of the machine, without the instructions of the dispatched
//! set.

use haul_core::Precision;
use pulp::Simd;
use pulp::bytemuck::cast_slice_mut;
use std::f64::consts::LOG2_E;
use std::fmt::Debug;

/// The floating-point format of a [`CpuEngine`](crate::CpuEngine): `f32` or `f64`. Sealed.
pub trait Real: Float {}

impl Real for f32 {}
impl Real for f64 {}

/// The operations of a format that the kernels need. It can be reached only as a bound of [`Real`].
pub trait Float: Copy + Debug + Send + Sync + 'static {
    /// A vector on the instruction set `S`.
    type Lanes<S: Simd>: Copy;

    /// The number of points of a tile: four vectors of the widest instruction set.
    const TILE: usize;
    const PRECISION: Precision;
    const ZERO: Self;
    /// The least normal number.
    const LEAST: Self;

    /// The range to which exponents are limited; 2 to the power of its lower end counts as 0.
    const EXPONENTS: (Self, Self);
    /// 1.5 × 2^(bits of the mantissa): adding it rounds to an integer, which is then in the lowest bits.
    const ROUNDER: Self;
    /// Coefficients of r, r², … in 2^r on [−½, ½]; that of 1 is 1.
    const EXP2: &'static [Self];
    /// Coefficients of r, r², … in 2^r − 1, with a small relative error.
    const EXCESS: &'static [Self];
    /// 2/ln 2 times 1, 1/3, 1/5, …: coefficients of z, z³, z⁵, … in log₂((1 + z)/(1 − z)).
    const LOG2: &'static [Self];

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    /// The value without its last bits: its product with any exponent of the format is exact.
    fn shortened(value: f64) -> Self;

    fn width<S: Simd>() -> usize;
    fn lanes<S: Simd>(values: &[Self]) -> &[Self::Lanes<S>];
    fn lanes_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Lanes<S>];
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Lanes<S>;
    fn add<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sub<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn mul<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn div<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// ab + c, fused if the machine can.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// c − ab, fused if the machine can.
    fn negate_mul_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    fn min<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn max<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sqrt<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    /// `yes` where a < b, else `no`.
    fn where_less<S: Simd>(
        simd: S,
        compared: (Self::Lanes<S>, Self::Lanes<S>),
        yes: Self::Lanes<S>,
        no: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    fn sum<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    fn largest<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    /// `a` × 2ⁿ, with n in the lowest bits of `rounded`, a sum with [`ROUNDER`](Self::ROUNDER).
    fn times_power<S: Simd>(simd: S, a: Self::Lanes<S>, rounded: Self::Lanes<S>) -> Self::Lanes<S>;
    /// e and m with a = 2^e m and √½ ≤ m < √2, for a normal number a > 0.
    fn decompose<S: Simd>(simd: S, a: Self::Lanes<S>) -> (Self::Lanes<S>, Self::Lanes<S>);
    /// `value` where a > 0 is a normal number, else 0.
    fn where_normal<S: Simd>(simd: S, a: Self::Lanes<S>, value: Self::Lanes<S>) -> Self::Lanes<S>;
}

/// The methods for which pulp has one name for each format.
macro_rules! vectors {
    ($lanes:ident, $width:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $add:ident,
     $sub:ident, $mul:ident, $div:ident, $less:ident, $less_or_equal:ident, $select:ident, $mul_add:ident,
     $negate_mul_add:ident, $min:ident, $max:ident, $sqrt:ident, $sum:ident,
     $largest:ident) => {
        type Lanes<S: Simd> = S::$lanes;

        #[inline(always)]
        fn width<S: Simd>() -> usize {
            S::$width
        }
        #[inline(always)]
        fn lanes<S: Simd>(values: &[Self]) -> &[S::$lanes] {
            S::$as_simd(values).0
        }
        #[inline(always)]
        fn lanes_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$lanes] {
            S::$as_mut_simd(values).0
        }
        #[inline(always)]
        fn splat<S: Simd>(simd: S, value: Self) -> S::$lanes {
            simd.$splat(value)
        }
        #[inline(always)]
        fn add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$add(a, b)
        }
        #[inline(always)]
        fn sub<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$sub(a, b)
        }
        #[inline(always)]
        fn mul<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$mul(a, b)
        }
        #[inline(always)]
        fn div<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$div(a, b)
        }
        #[inline(always)]
        fn where_normal<S: Simd>(simd: S, a: S::$lanes, value: S::$lanes) -> S::$lanes {
            let normal = simd.$less_or_equal(simd.$splat(Self::MIN_POSITIVE), a);
            simd.$select(normal, value, simd.$splat(0.0))
        }
        #[inline(always)]
        fn where_less<S: Simd>(
            simd: S,
            (a, b): (S::$lanes, S::$lanes),
            yes: S::$lanes,
            no: S::$lanes,
        ) -> S::$lanes {
            simd.$select(simd.$less(a, b), yes, no)
        }
        #[inline(always)]
        fn mul_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
            simd.$mul_add(a, b, c)
        }
        #[inline(always)]
        fn negate_mul_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
            simd.$negate_mul_add(a, b, c)
        }
        #[inline(always)]
        fn min<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$min(a, b)
        }
        #[inline(always)]
        fn max<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$max(a, b)
        }
        #[inline(always)]
        fn sqrt<S: Simd>(simd: S, a: S::$lanes) -> S::$lanes {
            simd.$sqrt(a)
        }
        #[inline(always)]
        fn sum<S: Simd>(simd: S, a: S::$lanes) -> Self {
            simd.$sum(a)
        }
        #[inline(always)]
        fn largest<S: Simd>(simd: S, a: S::$lanes) -> Self {
            simd.$largest(a)
        }
    };
}

/// The coefficients of [`Float::LOG2`].
const fn logarithm<const TERMS: usize>() -> [f64; TERMS] {
    let mut coefficients = [0.0; TERMS];
    let mut k = 0;
    while k < TERMS {
        coefficients[k] = 2.0 * LOG2_E / (2 * k + 1) as f64;
        k += 1;
    }
    coefficients
}

impl Float for f32 {
    const TILE: usize = 64;
    const PRECISION: Precision = Precision::F32;
    const ZERO: Self = 0.0;
    const LEAST: Self = f32::MIN_POSITIVE;
    const EXPONENTS: (Self, Self) = (-127.0, 127.0);
    const ROUNDER: Self = 12_582_912.0;
    const EXP2: &'static [Self] = &crate::exp2::F32;
    const EXCESS: &'static [Self] = &crate::exp2::F32_EXCESS;
    const LOG2: &'static [Self] = &{
        let [a, b, c, d, e] = logarithm::<5>();
        [a as f32, b as f32, c as f32, d as f32, e as f32]
    };

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    #[inline(always)]
    fn shortened(value: f64) -> Self {
        // 16 bits of the mantissa and the 8 of an exponent.
        Self::from_bits((value as Self).to_bits() & !0xff)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    vectors!(
        f32s,
        F32_LANES,
        as_simd_f32s,
        as_mut_simd_f32s,
        splat_f32s,
        add_f32s,
        sub_f32s,
        mul_f32s,
        div_f32s,
        less_than_f32s,
        less_than_or_equal_f32s,
        select_f32s,
        mul_add_e_f32s,
        negate_mul_add_e_f32s,
        min_f32s,
        max_f32s,
        sqrt_f32s,
        reduce_sum_f32s,
        reduce_max_f32s
    );

    #[inline(always)]
    fn times_power<S: Simd>(simd: S, a: S::f32s, rounded: S::f32s) -> S::f32s {
        let n = simd.transmute_u32s_f32s(rounded);
        let exponent = simd.wrapping_dyn_shl_u32s(n, simd.splat_u32s(23));
        let bits = simd.add_u32s(simd.transmute_u32s_f32s(a), exponent);
        simd.transmute_f32s_u32s(bits)
    }

    #[inline(always)]
    fn decompose<S: Simd>(simd: S, a: S::f32s) -> (S::f32s, S::f32s) {
        const ROOT: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
        let (mut e, mut m) = (a, a);
        let lanes = cast_slice_mut(std::slice::from_mut(&mut e)).iter_mut();
        for (e, m) in lanes.zip(cast_slice_mut(std::slice::from_mut(&mut m))) {
            let (e, m): (&mut u32, &mut u32) = (e, m);
            let bits = m.wrapping_sub(ROOT).wrapping_add(127 << 23);
            *e = (bits >> 23) | 8_388_608f32.to_bits();
            *m = (bits & ((1 << 23) - 1)) + ROOT;
        }
        // A number whose unit is 1 holds an integer in its last bits.
        (simd.sub_f32s(e, simd.splat_f32s(8_388_608.0 + 127.0)), m)
    }
}

impl Float for f64 {
    const TILE: usize = 32;
    const PRECISION: Precision = Precision::F64;
    const ZERO: Self = 0.0;
    const LEAST: Self = f64::MIN_POSITIVE;
    const EXPONENTS: (Self, Self) = (-1023.0, 1023.0);
    const ROUNDER: Self = 6_755_399_441_055_744.0;
    const EXP2: &'static [Self] = &crate::exp2::F64;
    const EXCESS: &'static [Self] = &crate::exp2::F64_EXCESS;
    const LOG2: &'static [Self] = &logarithm::<10>();

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn shortened(value: f64) -> Self {
        // 42 bits of the mantissa and the 11 of an exponent.
        Self::from_bits(value.to_bits() & !0x7ff)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    vectors!(
        f64s,
        F64_LANES,
        as_simd_f64s,
        as_mut_simd_f64s,
        splat_f64s,
        add_f64s,
        sub_f64s,
        mul_f64s,
        div_f64s,
        less_than_f64s,
        less_than_or_equal_f64s,
        select_f64s,
        mul_add_e_f64s,
        negate_mul_add_e_f64s,
        min_f64s,
        max_f64s,
        sqrt_f64s,
        reduce_sum_f64s,
        reduce_max_f64s
    );

    #[inline(always)]
    fn times_power<S: Simd>(simd: S, a: S::f64s, rounded: S::f64s) -> S::f64s {
        let n = simd.transmute_u64s_f64s(rounded);
        // pulp shifts no 64-bit lanes; the compiler makes this product one.
        let exponent = simd.mul_u64s(n, simd.splat_u64s(1 << 52));
        let bits = simd.add_u64s(simd.transmute_u64s_f64s(a), exponent);
        simd.transmute_f64s_u64s(bits)
    }

    #[inline(always)]
    fn decompose<S: Simd>(simd: S, a: S::f64s) -> (S::f64s, S::f64s) {
        const ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
        const UNIT: f64 = 4_503_599_627_370_496.0;
        let (mut e, mut m) = (a, a);
        let lanes = cast_slice_mut(std::slice::from_mut(&mut e)).iter_mut();
        for (e, m) in lanes.zip(cast_slice_mut(std::slice::from_mut(&mut m))) {
            let (e, m): (&mut u64, &mut u64) = (e, m);
            let bits = m.wrapping_sub(ROOT).wrapping_add(1023 << 52);
            *e = (bits >> 52) | UNIT.to_bits();
            *m = (bits & ((1 << 52) - 1)) + ROOT;
        }
        (simd.sub_f64s(e, simd.splat_f64s(UNIT + 1023.0)), m)
    }
}

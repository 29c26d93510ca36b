//! The two floating-point formats, and their vectors on any instruction set of pulp.
//!
//! A kernel is written once over `Float` and over pulp's `Simd`; which vectors it runs on is known
//! only when it is dispatched. Everything here is inlined without exception: a function that is
//! not would be compiled for the machine's baseline, without the instructions it was dispatched
//! for.

use haul_core::Precision;
use pulp::Simd;
use std::fmt::Debug;

/// The floating-point format of a [`CpuEngine`](crate::CpuEngine): `f32` or `f64`. Sealed.
pub trait Real: Float {}

impl Real for f32 {}
impl Real for f64 {}

/// What the kernels need of a format. It is reachable only as a bound of [`Real`].
pub trait Float: Copy + Debug + Send + Sync + 'static {
    /// A vector on the instruction set `S`.
    type Lanes<S: Simd>: Copy;

    /// Points of a tile: four vectors of the widest instruction set.
    const TILE: usize;
    const PRECISION: Precision;
    const ZERO: Self;

    /// Exponents are limited to this range; 2 to the power of the lower end counts as 0.
    const EXPONENTS: (Self, Self);
    /// 1.5 × 2^(bits of the mantissa): adding it rounds to an integer, found in the lowest bits.
    const ROUNDER: Self;
    /// Coefficients of r, r², … in 2^r on [−½, ½]; that of 1 is 1.
    const EXP2: &'static [Self];

    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;

    fn width<S: Simd>() -> usize;
    fn lanes<S: Simd>(values: &[Self]) -> &[Self::Lanes<S>];
    fn lanes_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Lanes<S>];
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Lanes<S>;
    fn add<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sub<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn mul<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// ab + c, fused where the machine can.
    fn mul_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    /// c − ab, fused where the machine can.
    fn negate_mul_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;
    fn min<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn max<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sqrt<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sum<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    fn largest<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    /// `a` × 2ⁿ, with n in the lowest bits of `rounded`, a sum with [`ROUNDER`](Self::ROUNDER).
    fn times_power<S: Simd>(simd: S, a: Self::Lanes<S>, rounded: Self::Lanes<S>) -> Self::Lanes<S>;
}

/// The methods that pulp has under one name for each format.
macro_rules! vectors {
    ($lanes:ident, $width:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident,
     $mul_add:ident, $negate_mul_add:ident, $min:ident, $max:ident, $sqrt:ident, $sum:ident,
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

impl Float for f32 {
    const TILE: usize = 64;
    const PRECISION: Precision = Precision::F32;
    const ZERO: Self = 0.0;
    const EXPONENTS: (Self, Self) = (-127.0, 127.0);
    const ROUNDER: Self = 12_582_912.0;
    const EXP2: &'static [Self] = &crate::exp2::F32;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
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
}

impl Float for f64 {
    const TILE: usize = 32;
    const PRECISION: Precision = Precision::F64;
    const ZERO: Self = 0.0;
    const EXPONENTS: (Self, Self) = (-1023.0, 1023.0);
    const ROUNDER: Self = 6_755_399_441_055_744.0;
    const EXP2: &'static [Self] = &crate::exp2::F64;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
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
}

//! The kernels of many lines, for pairs whose costs are stored.
//!
//! For some rows, the costs Cᵢⱼ of a span of columns fit in the first cache, and each line runs over them:
//!
//! ```text
//! maximum    Mᵢ = maxⱼ (hⱼ − k Cᵢⱼ),   Sᵢ = Σⱼ 2^(hⱼ − k Cᵢⱼ − Mᵢ)
//! plain      Sᵢ = Σⱼ 2^(hⱼ − k(Cᵢⱼ − fᵢ)) φ(Cᵢⱼ) Vⱼ
//! ```
//!
//! The order of a sum depends on its line alone, not on the other lines of the pass.

use crate::block::ROWS;
use crate::exp2::{excess, exp2, exp2_of_limited};
use crate::layout::Tiled;
use crate::maximum::LogSum;
use crate::real::Float;
use crate::weights::FLOOR;
use crate::wide::Coefficients;
use haul_core::engine::{BLOCK, Factor};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Tiles of a span: the costs of [`ROWS`] rows are 16 kB.
pub(crate) const TILES: usize = 16;

/// Some rows, and some lines over a span of columns.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a, T> {
    /// The costs, of a multiple of [`ROWS`] rows.
    pub(crate) costs: &'a Coefficients<T>,
    /// The tiles of columns of the costs.
    pub(crate) tiles: &'a Range<usize>,
    /// h of all columns of some lines.
    pub(crate) terms: &'a Tiled<T>,
    /// The indices of these lines.
    pub(crate) lines: &'a [usize],
    /// k = log₂(e)/ε.
    pub(crate) sharpness: T,
}

/// The costs of some rows, column after column.
#[inline(always)]
fn of_columns<T: Float, S: Simd>(
    [a, b, c, d]: [&[T::Lanes<S>]; ROWS],
) -> impl Iterator<Item = [&T::Lanes<S>; ROWS]> {
    let columns = a.iter().zip(b).zip(c).zip(d);
    columns.map(|(((a, b), c), d)| [a, b, c, d])
}

/// The kernel with a maximum.
pub(crate) struct Maxima<'a, T> {
    pub(crate) span: Span<'a, T>,
    /// The sums are added here: one a line for each row.
    pub(crate) totals: &'a mut [LogSum],
}

impl<T: Float> WithSimd for Maxima<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { span, totals } = self;
        let k = T::splat(simd, span.sharpness);
        let zero = T::splat(simd, T::ZERO);
        let floor = T::splat(simd, T::from_f64(FLOOR));
        let width = span.lines.len();
        let groups = totals.chunks_mut(ROWS * width);
        for (costs, totals) in span.costs.groups().zip(groups) {
            for (slot, line) in span.lines.iter().enumerate() {
                let h = T::lanes::<S>(span.terms.of(*line, span.tiles));
                let c = costs.map(|costs| &T::lanes::<S>(costs)[..h.len()]);
                let mut maxima = [floor; ROWS];
                for (h, c) in h.iter().zip(of_columns::<T, S>(c)) {
                    for r in 0..ROWS {
                        let exponent = T::negate_mul_add(simd, k, *c[r], *h);
                        maxima[r] = T::max(simd, maxima[r], exponent);
                    }
                }
                let mut largest = [T::ZERO; ROWS];
                let mut sums = [zero; ROWS];
                for r in 0..ROWS {
                    largest[r] = T::largest(simd, maxima[r]);
                    maxima[r] = T::splat(simd, largest[r]);
                }
                for (first, h) in (0..).step_by(BLOCK).zip(h.chunks(BLOCK)) {
                    let c = c.map(|costs| &costs[first..][..h.len()]);
                    let mut inner = [zero; ROWS];
                    for (h, c) in h.iter().zip(of_columns::<T, S>(c)) {
                        for r in 0..ROWS {
                            let exponent = T::negate_mul_add(simd, k, *c[r], *h);
                            let below = T::sub(simd, exponent, maxima[r]);
                            let power = exp2_of_limited::<T, S>(simd, below);
                            inner[r] = T::add(simd, inner[r], power);
                        }
                    }
                    for r in 0..ROWS {
                        sums[r] = T::add(simd, sums[r], inner[r]);
                    }
                }
                for (r, totals) in totals.chunks_exact_mut(width).enumerate() {
                    totals[slot].add(LogSum {
                        maximum: largest[r].to_f64(),
                        sum: T::sum(simd, sums[r]).to_f64(),
                    });
                }
            }
        }
    }
}

/// The contribution of a pair to the sum of a line, beside its exponent.
pub(crate) trait Contribution<T: Float>: Copy {
    /// The numbers of a line over some tiles.
    fn values(&self, line: usize, tiles: &Range<usize>) -> &[T];

    /// `sum` plus the contribution of a vector of pairs.
    fn add<S: Simd>(
        self,
        simd: S,
        exponent: T::Lanes<S>,
        cost: T::Lanes<S>,
        value: Option<&T::Lanes<S>>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S>;
}

/// The power alone.
#[derive(Clone, Copy)]
pub(crate) struct Power;

impl<T: Float> Contribution<T> for Power {
    #[inline(always)]
    fn values(&self, _: usize, _: &Range<usize>) -> &[T] {
        &[]
    }

    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        exponent: T::Lanes<S>,
        _: T::Lanes<S>,
        _: Option<&T::Lanes<S>>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S> {
        T::add(simd, sum, exp2::<T, S>(simd, exponent))
    }
}

/// φ(Cᵢⱼ) Vⱼ times the power, or times its excess over 1.
#[derive(Clone, Copy)]
pub(crate) struct Weighted<'a, T> {
    pub(crate) factor: Factor,
    /// V.
    pub(crate) values: &'a Tiled<T>,
}

impl<T: Float> Contribution<T> for Weighted<'_, T> {
    #[inline(always)]
    fn values(&self, line: usize, tiles: &Range<usize>) -> &[T] {
        self.values.of(line, tiles)
    }

    #[inline(always)]
    fn add<S: Simd>(
        self,
        simd: S,
        exponent: T::Lanes<S>,
        cost: T::Lanes<S>,
        value: Option<&T::Lanes<S>>,
        sum: T::Lanes<S>,
    ) -> T::Lanes<S> {
        let Some(value) = value else { return sum };
        let power = match self.factor {
            Factor::One => exp2::<T, S>(simd, exponent),
            Factor::Excess => excess::<T, S>(simd, exponent),
            Factor::Cost => T::mul(simd, exp2::<T, S>(simd, exponent), cost),
        };
        T::mul_add(simd, power, *value, sum)
    }
}

/// The kernel of plain sums.
pub(crate) struct Plain<'a, T, M> {
    pub(crate) span: Span<'a, T>,
    /// f, one a line for each row.
    pub(crate) potential: &'a [T],
    pub(crate) contribution: M,
    /// The sums are added here: one a line for each row.
    pub(crate) totals: &'a mut [f64],
}

impl<T: Float, M: Contribution<T>> WithSimd for Plain<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            span,
            potential,
            contribution,
            totals,
        } = self;
        let k = T::splat(simd, span.sharpness);
        let zero = T::splat(simd, T::ZERO);
        let width = span.lines.len();
        let groups = totals.chunks_mut(ROWS * width);
        let potentials = potential.chunks(ROWS * width);
        for ((costs, totals), potential) in span.costs.groups().zip(groups).zip(potentials) {
            for (slot, line) in span.lines.iter().enumerate() {
                let h = T::lanes::<S>(span.terms.of(*line, span.tiles));
                let values = T::lanes::<S>(contribution.values(*line, span.tiles));
                let c = costs.map(|costs| &T::lanes::<S>(costs)[..h.len()]);
                let mut f = [zero; ROWS];
                for (f, potential) in f.iter_mut().zip(potential.chunks_exact(width)) {
                    *f = T::splat(simd, potential[slot]);
                }
                let mut sums = [zero; ROWS];
                for (first, h) in (0..).step_by(BLOCK).zip(h.chunks(BLOCK)) {
                    let c = c.map(|costs| &costs[first..][..h.len()]);
                    let mut values = values.get(first..).unwrap_or(&[]).iter();
                    let mut inner = [zero; ROWS];
                    for (h, c) in h.iter().zip(of_columns::<T, S>(c)) {
                        let value = values.next();
                        for r in 0..ROWS {
                            let rest = T::sub(simd, *c[r], f[r]);
                            let exponent = T::negate_mul_add(simd, k, rest, *h);
                            inner[r] = contribution.add(simd, exponent, *c[r], value, inner[r]);
                        }
                    }
                    for r in 0..ROWS {
                        sums[r] = T::add(simd, sums[r], inner[r]);
                    }
                }
                for (totals, sum) in totals.chunks_exact_mut(width).zip(sums) {
                    totals[slot] += T::sum(simd, sum).to_f64();
                }
            }
        }
    }
}

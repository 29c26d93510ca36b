//! The kernel of log-sum-exp with a running maximum: for rows i,
//!
//! ```text
//! Mᵢ = maxⱼ (hⱼ − k Cᵢⱼ),   Sᵢ = Σⱼ 2^(hⱼ − k Cᵢⱼ − Mᵢ)
//! ```
//!
//! for exponents of any size. Each lane has its own maximum; a tile of exponents
//! raises it once and rescales its sum once, and the lanes are combined at the end of the
//! range.

use crate::block::{Block, ROWS, RowKernel, Rows, is_known};
use crate::exp2::exp2_of_limited;
use crate::real::Float;
use crate::weights::FLOOR;
use pulp::Simd;

/// The sum 2^`maximum` × `sum`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSum {
    pub(crate) maximum: f64,
    pub(crate) sum: f64,
}

impl LogSum {
    /// The sum of nothing.
    pub(crate) const EMPTY: Self = Self {
        maximum: FLOOR,
        sum: 0.0,
    };

    #[inline(always)]
    pub(crate) fn add(&mut self, other: Self) {
        // The first sum needs no power of two.
        if self.sum == 0.0 {
            *self = other;
            return;
        }
        let maximum = self.maximum.max(other.maximum);
        self.sum = self.sum * (self.maximum - maximum).exp2()
            + other.sum * (other.maximum - maximum).exp2();
        self.maximum = maximum;
    }

    /// The base-2 logarithm of the sum.
    pub(crate) fn log2(self) -> f64 {
        self.maximum + self.sum.log2()
    }
}

pub(crate) struct Maximum<'a, T> {
    pub(crate) block: Block<'a, T>,
    /// The sums to add to: one a row, padded to a multiple of [`ROWS`].
    pub(crate) totals: &'a mut [LogSum],
}

/// Vectors of columns between two rescalings.
const VECTORS: usize = 4;

impl<T: Float> RowKernel for Maximum<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const D: usize, const POWER: bool>(self, simd: S) {
        let Self { block, totals } = self;
        let zero = T::splat(simd, T::ZERO);
        let floor = T::splat(simd, T::from_f64(FLOOR));
        let lanes = T::width::<S>();
        let width = VECTORS * lanes;

        for row in (0..block.count).step_by(ROWS) {
            let rows = Rows::new(simd, block, row, None, true);
            let mut maxima = [floor; ROWS];
            let mut sums = [zero; ROWS];

            let columns = block.columns.chunks_exact(block.dimension * T::TILE);
            let terms = block.terms.chunks_exact(T::TILE);
            for (columns, terms) in columns.zip(terms) {
                for column in (0..T::TILE).step_by(width) {
                    let mut s = [[zero; VECTORS]; ROWS];
                    if !const { is_known(D) } && S::REGISTER_COUNT < 32 {
                        // Two vectors at a time: the sums of squares of all four would take every register.
                        for v in [0, 2] {
                            let meeting = rows.meet(columns, column + v * lanes);
                            let [_, costs] = rows.costs::<D, POWER, 2>(simd, meeting);
                            for r in 0..ROWS {
                                s[r][v..v + 2].copy_from_slice(&costs[r]);
                            }
                        }
                    } else {
                        let meeting = rows.meet(columns, column);
                        [_, s] = rows.costs::<D, POWER, VECTORS>(simd, meeting);
                    }
                    let h = T::lanes::<S>(&terms[column..][..width]);
                    for r in 0..ROWS {
                        let before = maxima[r];
                        for v in 0..VECTORS {
                            s[r][v] = rows.exponent(simd, r, s[r][v], h[v]);
                            maxima[r] = T::max(simd, maxima[r], s[r][v]);
                        }
                        let raised = T::sub(simd, before, maxima[r]);
                        let scale = exp2_of_limited::<T, S>(simd, raised);
                        sums[r] = T::mul(simd, sums[r], scale);
                        for s in s[r] {
                            let below = T::sub(simd, s, maxima[r]);
                            let power = exp2_of_limited::<T, S>(simd, below);
                            sums[r] = T::add(simd, sums[r], power);
                        }
                    }
                }
            }

            for r in 0..ROWS {
                let maximum = T::largest(simd, maxima[r]);
                let below = T::sub(simd, maxima[r], T::splat(simd, maximum));
                let scale = exp2_of_limited::<T, S>(simd, below);
                totals[row + r].add(LogSum {
                    maximum: maximum.to_f64(),
                    sum: T::sum(simd, T::mul(simd, sums[r], scale)).to_f64(),
                });
            }
        }
    }
}

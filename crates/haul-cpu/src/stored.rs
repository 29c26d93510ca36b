//! Operators on stored matrices in f64: products of matrices, Gibbs kernels, and passes over them.
//!
//! A product takes [`DEPTH`] rows of B at a time, copied into panels of [`PANEL`] columns. A tile of some rows and one panel has
//! its sums in registers, and a panel stays in the first cache while a block of rows meets it. So the order of a sum depends on
//! its length alone.

use crate::aligned::Aligned;
use crate::compiled::Real;
use crate::engine::CpuEngine;
use crate::exp2::exp2;
use haul_core::engine::MatrixEngine;
use haul_core::{Error, Result};
use pulp::{Simd, WithSimd};
use std::f64::consts::{LN_2, LOG2_E};

/// Rows of B that are copied at a time, and the columns of a panel.
const DEPTH: usize = 256;
const PANEL: usize = 16;

/// Rows of the output in a block, whose share of A stays in the second cache.
const BLOCK_OF_ROWS: usize = 64;

/// Rows whose sums of columns are added before they are added to those of others.
const ROWS_OF_SUMS: usize = 64;

impl<T: Real> MatrixEngine for CpuEngine<T> {
    fn multiply(&self, [a, b]: [&[f64]; 2], columns: usize, out: &mut [f64]) -> Result<()> {
        let depth = b.len().checked_div(columns).unwrap_or(0);
        check(b.len(), depth * columns)?;
        let rows = a.len().checked_div(depth).unwrap_or(0);
        check(a.len(), rows * depth)?;
        check(out.len(), rows * columns)?;
        out.fill(0.0);
        let panels = columns.div_ceil(PANEL);
        let mut packed = Aligned::filled(panels * DEPTH.min(depth) * PANEL, 0.0);
        for first in (0..depth).step_by(DEPTH) {
            let deep = DEPTH.min(depth - first);
            let size = deep * PANEL;
            let packed = &mut packed[..panels * size];
            let b = &b[first * columns..][..deep * columns];
            let all = (0..panels, size);
            self.workers
                .for_each_block(packed, all, (size, 1), |panel, packed| {
                    let from = panel * PANEL;
                    let wide = PANEL.min(columns - from);
                    for (packed, row) in packed.chunks_exact_mut(PANEL).zip(b.chunks_exact(columns))
                    {
                        packed[..wide].copy_from_slice(&row[from..][..wide]);
                        packed[wide..].fill(0.0);
                    }
                    Ok(())
                })?;
            let (packed, all) = (&*packed, (0..rows, columns));
            let effort = (deep * columns, BLOCK_OF_ROWS);
            self.workers.for_each_block(out, all, effort, |row, out| {
                self.interrupt.check()?;
                self.arch.dispatch(Multiply {
                    a: &a[row * depth..],
                    part: first..first + deep,
                    depth,
                    packed,
                    columns,
                    out,
                });
                Ok(())
            })?;
        }
        Ok(())
    }

    fn gibbs(
        &self,
        costs: &[f64],
        epsilon: f64,
        [b, g]: [&[f64]; 2],
        potential: &mut [f64],
        kernel: &mut [f64],
    ) -> Result<()> {
        let (n, m) = (potential.len(), b.len());
        check(g.len(), m)?;
        check(costs.len(), n * m)?;
        check(kernel.len(), n * m)?;
        let potentials: Vec<_> = potential
            .iter_mut()
            .zip(kernel.chunks_exact_mut(m))
            .enumerate()
            .collect();
        self.workers
            .for_each_of(potentials, 16 * n * m, |(i, (f, kernel))| {
                self.interrupt.check()?;
                *f = self.arch.dispatch(Gibbs {
                    costs: &costs[i * m..][..m],
                    weights: b,
                    potential: g,
                    epsilon,
                    kernel,
                });
                Ok(())
            })
    }

    fn sweep(
        &self,
        kernel: &[f64],
        [a, h]: [&[f64]; 2],
        lambda: f64,
        columns: &[f64],
        scaling: &mut [f64],
        sums: &mut [f64],
    ) -> Result<()> {
        let (n, m) = (a.len(), columns.len());
        check(h.len(), n)?;
        check(scaling.len(), n)?;
        check(sums.len(), m)?;
        check(kernel.len(), n * m)?;
        let mut partial = vec![0.0; n.div_ceil(ROWS_OF_SUMS) * m];
        let scalings = scaling.chunks_mut(ROWS_OF_SUMS);
        let items: Vec<_> = scalings
            .zip(partial.chunks_exact_mut(m))
            .enumerate()
            .collect();
        self.workers
            .for_each_of(items, 2 * n * m, |(block, (scaling, sums))| {
                self.interrupt.check()?;
                let first = block * ROWS_OF_SUMS;
                self.arch.dispatch(Sweep {
                    kernel: &kernel[first * m..][..scaling.len() * m],
                    rows: [&a[first..][..scaling.len()], &h[first..][..scaling.len()]],
                    lambda,
                    columns,
                    scaling,
                    sums,
                });
                Ok(())
            })?;
        sums.fill(0.0);
        for partial in partial.chunks_exact(m) {
            sums.iter_mut()
                .zip(partial)
                .for_each(|(sum, part)| *sum += part);
        }
        Ok(())
    }
}

fn check(found: usize, expected: usize) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Length {
            what: "a stored matrix",
            expected,
            found,
        }),
    }
}

/// Adds the product of some columns of a block of rows with panels to the output.
struct Multiply<'a> {
    /// The rows of the block, from their first column on.
    a: &'a [f64],
    /// The columns of A that are multiplied.
    part: std::ops::Range<usize>,
    /// All columns of A.
    depth: usize,
    packed: &'a [f64],
    columns: usize,
    out: &'a mut [f64],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F64_LANES {
            8 => self.run::<S, 2, 8>(simd),
            4 => self.run::<S, 4, 3>(simd),
            2 => self.run::<S, 8, 3>(simd),
            _ => self.run::<S, 16, 1>(simd),
        }
    }
}

impl Multiply<'_> {
    /// V vectors of a panel and R rows at a time.
    #[inline(always)]
    fn run<S: Simd, const V: usize, const R: usize>(self, simd: S) {
        let Self {
            a,
            part,
            depth,
            packed,
            columns,
            out,
        } = self;
        let rows = out.len() / columns;
        for (panel, packed) in packed.chunks_exact(part.len() * PANEL).enumerate() {
            let from = panel * PANEL;
            let wide = PANEL.min(columns - from);
            let mut row = 0;
            while row < rows {
                let count = R.min(rows - row);
                // Rows beyond the last one repeat it, and their sums are dropped.
                let of_row: [&[f64]; R] =
                    std::array::from_fn(|r| &a[(row + r.min(count - 1)) * depth..][part.clone()]);
                let mut sums = [[simd.splat_f64s(0.0); V]; R];
                for (k, values) in packed.chunks_exact(PANEL).enumerate() {
                    let values = S::as_simd_f64s(values).0;
                    for r in 0..R {
                        let factor = simd.splat_f64s(of_row[r][k]);
                        for v in 0..V {
                            sums[r][v] = simd.mul_add_e_f64s(factor, values[v], sums[r][v]);
                        }
                    }
                }
                for (r, sums) in sums.iter().enumerate().take(count) {
                    let mut buffer = [0.0; PANEL];
                    S::as_mut_simd_f64s(&mut buffer).0.copy_from_slice(sums);
                    let out = &mut out[(row + r) * columns + from..][..wide];
                    out.iter_mut()
                        .zip(&buffer)
                        .for_each(|(out, sum)| *out += sum);
                }
                row += count;
            }
        }
    }
}

/// A row of a Gibbs kernel; returns f.
struct Gibbs<'a> {
    costs: &'a [f64],
    weights: &'a [f64],
    potential: &'a [f64],
    epsilon: f64,
    kernel: &'a mut [f64],
}

impl WithSimd for Gibbs<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self {
            costs,
            weights,
            potential,
            epsilon,
            kernel,
        } = self;
        let factor = LOG2_E / epsilon;
        let mut largest = f64::NEG_INFINITY;
        for ((out, g), c) in kernel.iter_mut().zip(potential).zip(costs) {
            *out = (g - c) * factor;
            largest = largest.max(*out);
        }
        let (head, tail) = S::as_mut_simd_f64s(kernel);
        let (of_head, of_tail) = S::as_simd_f64s(weights);
        let top = simd.splat_f64s(largest);
        let mut sums = simd.splat_f64s(0.0);
        for (out, b) in head.iter_mut().zip(of_head) {
            *out = exp2::<f64, S>(simd, simd.sub_f64s(*out, top));
            sums = simd.mul_add_e_f64s(*b, *out, sums);
        }
        let mut sum = simd.reduce_sum_f64s(sums);
        for (out, b) in tail.iter_mut().zip(of_tail) {
            *out = (*out - largest).exp2();
            sum += b * *out;
        }
        let scale = 1.0 / sum;
        kernel.iter_mut().for_each(|out| *out *= scale);
        -epsilon * LN_2 * (largest + sum.log2())
    }
}

/// Scalings of some rows, and their part of the sums of the columns.
struct Sweep<'a> {
    kernel: &'a [f64],
    rows: [&'a [f64]; 2],
    lambda: f64,
    columns: &'a [f64],
    scaling: &'a mut [f64],
    sums: &'a mut [f64],
}

impl WithSimd for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        const AT_ONCE: usize = 4;
        let [a, h] = self.rows;
        let m = self.columns.len();
        let rows = self.kernel.chunks_exact(m).zip(a.iter().zip(h));
        for ((row, (a, h)), u) in rows.zip(self.scaling) {
            let (head, tail) = S::as_simd_f64s(row);
            let (of_head, of_tail) = S::as_simd_f64s(self.columns);
            let (groups, rest) = head.as_chunks::<AT_ONCE>();
            let (of_groups, of_rest) = of_head.as_chunks::<AT_ONCE>();
            let mut sums = [simd.splat_f64s(0.0); AT_ONCE];
            for (k, w) in groups.iter().zip(of_groups) {
                for n in 0..AT_ONCE {
                    sums[n] = simd.mul_add_e_f64s(k[n], w[n], sums[n]);
                }
            }
            for (k, w) in rest.iter().zip(of_rest) {
                sums[0] = simd.mul_add_e_f64s(*k, *w, sums[0]);
            }
            let pairs = [
                simd.add_f64s(sums[0], sums[1]),
                simd.add_f64s(sums[2], sums[3]),
            ];
            let mut sum = simd.reduce_sum_f64s(simd.add_f64s(pairs[0], pairs[1]));
            sum += tail.iter().zip(of_tail).map(|(k, w)| k * w).sum::<f64>();
            *u = match self.lambda == 1.0 {
                true => h / sum,
                false => h * sum.powf(-self.lambda),
            };
            let factor = a * *u;
            let (out, out_tail) = S::as_mut_simd_f64s(self.sums);
            let wide = simd.splat_f64s(factor);
            for (sum, k) in out.iter_mut().zip(head) {
                *sum = simd.mul_add_e_f64s(wide, *k, *sum);
            }
            out_tail
                .iter_mut()
                .zip(tail)
                .for_each(|(sum, k)| *sum += factor * k);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::InstructionSet;

    fn drawn(count: usize, seed: u64) -> Vec<f64> {
        let next =
            |k: usize| ((k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed) >> 40) as f64;
        (0..count)
            .map(|k| next(k) / f64::from(1 << 24) - 0.3)
            .collect()
    }

    /// The largest difference relative to the largest number.
    fn off(got: &[f64], expected: &[f64]) -> f64 {
        let largest = expected.iter().fold(0.0f64, |most, e| most.max(e.abs()));
        let apart = got.iter().zip(expected).map(|(g, e)| (g - e).abs());
        apart.fold(0.0, f64::max) / largest
    }

    #[test]
    fn products_kernels_and_passes_are_those_of_the_definition() {
        // Odd sizes, several panels, and more rows of B than are copied at a time.
        for (n, k, m) in [(1, 1, 1), (67, 300, 45), (130, 17, 16), (5, 257, 33)] {
            let (a, b) = (drawn(n * k, 1), drawn(k * m, 2));
            let mut product = vec![0.0; n * m];
            for i in 0..n {
                for j in 0..m {
                    product[i * m + j] = (0..k).map(|l| a[i * k + l] * b[l * m + j]).sum();
                }
            }
            let costs = drawn(n * m, 3);
            let weights: Vec<f64> = drawn(m, 4).iter().map(|w| w.abs() + 0.1).collect();
            let (g, masses) = (drawn(m, 5), vec![1.0 / n as f64; n]);
            let (epsilon, lambda) = (0.07, 0.8);
            for set in InstructionSet::available() {
                for threads in [1, 3] {
                    let engine = CpuEngine::<f32>::with_threads(threads).unwrap();
                    let engine = engine.with_instructions(set).unwrap();
                    let mut out = vec![f64::NAN; n * m];
                    engine.multiply([&a, &b], m, &mut out).unwrap();
                    assert!(off(&out, &product) < 1e-14, "{set:?} {n} {k} {m}");
                    let (mut f, mut kernel) = (vec![0.0; n], vec![0.0; n * m]);
                    engine
                        .gibbs(&costs, epsilon, [&weights, &g], &mut f, &mut kernel)
                        .unwrap();
                    let (mut u, mut sums) = (vec![0.0; n], vec![0.0; m]);
                    let h = vec![1.25; n];
                    engine
                        .sweep(&kernel, [&masses, &h], lambda, &weights, &mut u, &mut sums)
                        .unwrap();
                    for i in 0..n {
                        let term =
                            |j: usize| weights[j] * ((g[j] - costs[i * m + j]) / epsilon).exp();
                        let soft = -epsilon * (0..m).map(term).sum::<f64>().ln();
                        assert!((f[i] - soft).abs() < 1e-13, "{} {soft}", f[i]);
                        // A density has the sum 1, whatever the power.
                        assert!((u[i] - 1.25).abs() < 1e-13, "{}", u[i]);
                    }
                    let expected: Vec<f64> = (0..m)
                        .map(|j| {
                            let density =
                                |i: usize| ((f[i] + g[j] - costs[i * m + j]) / epsilon).exp();
                            (0..n).map(|i| masses[i] * 1.25 * density(i)).sum()
                        })
                        .collect();
                    assert!(off(&sums, &expected) < 1e-12);
                    // A power counts where the sums are not 1.
                    let halves: Vec<f64> = weights.iter().map(|w| 0.5 * w).collect();
                    engine
                        .sweep(&kernel, [&masses, &h], lambda, &halves, &mut u, &mut sums)
                        .unwrap();
                    assert!((u[0] - 1.25 * 2f64.powf(lambda)).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let engine = CpuEngine::<f64>::new();
        let (mut out, mut f) = ([0.0; 4], [0.0; 2]);
        let short = |result: Result<()>| matches!(result, Err(Error::Length { .. }));
        assert!(short(engine.multiply([&[1.0; 4], &[1.0; 3]], 2, &mut out)));
        assert!(short(engine.multiply(
            [&[1.0; 4], &[1.0; 4]],
            2,
            &mut out[..3]
        )));
        assert!(short(engine.gibbs(
            &[1.0; 3],
            1.0,
            [&[1.0; 2], &[1.0; 2]],
            &mut f,
            &mut out
        )));
        let mut sums = [0.0; 1];
        assert!(short(engine.sweep(
            &[1.0; 4],
            [&[1.0; 2]; 2],
            1.0,
            &[1.0; 2],
            &mut f,
            &mut sums
        )));
        engine.interrupt.raise();
        let stopped = engine.multiply([&[1.0; 4], &[1.0; 4]], 2, &mut out);
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}

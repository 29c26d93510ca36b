//! The plan of a solution, which is never stored but applied.

use crate::engine::{Factor, Side};
use crate::marginal::Marginal;
use crate::pass::{Pass, weighted};
use crate::{Engine, Error, Measure, Report, Result, Solution};
use std::ops::Range;

/// The optimal plan, never stored: each product is one more pass over the pairs.
pub struct Plan<'s, 'e, E: Engine> {
    solution: &'s Solution<'e, E>,
}

impl<'s, 'e, E: Engine> Plan<'s, 'e, E> {
    pub(crate) fn of(solution: &'s Solution<'e, E>) -> Self {
        Self { solution }
    }

    /// P V: Σⱼ Pᵢⱼ Vⱼ for V of m×w values, row-major, of any width w ≥ 1; n×w.
    pub fn product(&self, values: &[f64]) -> Result<Vec<f64>> {
        let Solution { source, target, .. } = self.solution;
        self.weighted(source, target, values)
    }

    /// Pᵀ U: Σᵢ Pᵢⱼ Uᵢ for U of n×w values, row-major, of any width w ≥ 1; m×w.
    pub fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>> {
        let Solution { source, target, .. } = self.solution;
        self.weighted(target, source, values)
    }

    /// Both marginals, P1 and Pᵀ1.
    pub fn marginals(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let Report { n, m, .. } = *self.solution.report();
        Ok((
            self.product(&vec![1.0; m])?,
            self.product_transposed(&vec![1.0; n])?,
        ))
    }

    /// The barycentric map T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ: where the mass of each point goes on
    /// average; n×d, in the coordinates of the points. Points of weight 0 have an image as well, and
    /// so do those whose mass an unbalanced plan takes away to less than a float holds.
    pub fn map(&self) -> Result<Vec<f64>> {
        let source = &self.solution.source;
        self.means(&source.cloud, source.weights.len())
    }

    /// The map at other points than those of the source, n×d, row-major: the entropic map
    /// T(x) = Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε) yⱼ / Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε), which continues
    /// [`map`](Self::map) [Pooladian–Niles-Weed'21].
    ///
    /// # Errors
    ///
    /// [`Error::RaggedPoints`], [`Error::NotFinitePoint`], and the engine's own.
    pub fn map_points(&self, points: &[f64]) -> Result<Vec<f64>> {
        let Solution {
            engine,
            target,
            frame,
            ..
        } = self.solution;
        if points.is_empty() {
            return Ok(Vec::new());
        }
        let d = target.dimension;
        let n = Measure::uniform(points, d)?.len();
        let cloud = engine.cloud(&frame.place_points(points), d, &vec![1.0; n])?;
        self.means(&cloud, n)
    }

    /// The entropic map at the n points of a cloud, n×d. A potential of the rows divides out; that of
    /// the target's softmin makes every sum 1, however little mass a row has.
    fn means(&self, cloud: &E::Cloud, n: usize) -> Result<Vec<f64>> {
        let Solution {
            engine,
            kernel,
            target,
            frame,
            ..
        } = self.solution;
        let d = target.dimension;
        let mut potential = engine.vector(&vec![0.0; n])?;
        engine.softmin(*kernel, cloud, target.side(), None, &mut potential)?;
        let pass = Pass {
            engine: *engine,
            kernel: *kernel,
            rows: Side {
                cloud,
                potential: &potential,
            },
            columns: target.side(),
            shape: (n, d),
        };
        // A column of ones beside the coordinates: what rounding left of 1 comes from the same pass.
        let points = target.points.chunks_exact(d);
        let values: Vec<f64> = points
            .flat_map(|point| std::iter::once(1.0).chain(point.iter().copied()))
            .collect();
        let sums = pass.product(Factor::One, &values, d + 1)?;
        let rows = sums.chunks_exact(d + 1);
        let mut map: Vec<f64> = rows
            .flat_map(|row| row[1..].iter().map(|sum| sum / row[0]))
            .collect();
        frame.unplace(&mut map);
        Ok(map)
    }

    /// The rows i of a range, dense: (i, j) at (i − start)·m + j. Computed on the host, in f64, from
    /// the engine's potentials; they take as much memory as they have entries.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a range beyond the n rows, and the engine's own.
    pub fn rows(&self, range: Range<usize>) -> Result<Vec<f64>> {
        let n = self.solution.source.weights.len();
        if range.end > n {
            let (expected, found) = (n, range.end);
            return Err(Error::Length {
                what: "the rows of a plan",
                expected,
                found,
            });
        }
        let entries = Entries::of(self.solution)?;
        let row = |i| {
            let mut row = vec![0.0; self.solution.target.weights.len()];
            for (j, exponent) in entries.exponents(i) {
                row[j] = entries.mass(i, exponent);
            }
            row
        };
        Ok(range.flat_map(row).collect())
    }

    /// For each point of the source the j of the largest Pᵢⱼ, where most of its mass goes; the first
    /// of several. Points that send no mass have none.
    pub fn assignment(&self) -> Result<Vec<Option<usize>>> {
        let largest = |row: Vec<(usize, f64)>| row.first().map(|(j, _)| *j);
        Ok(self.top_k(1)?.into_iter().map(largest).collect())
    }

    /// The `k` largest entries of each row as (j, Pᵢⱼ), largest first; fewer where Pᵢⱼ > 0 has
    /// fewer. Computed on the host, in f64, from the engine's potentials.
    pub fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let entries = Entries::of(self.solution)?;
        let k = k.min(entries.columns.len());
        let row = |i| {
            // Sorted by falling exponent; most columns fail the first comparison.
            let mut best: Vec<(usize, f64)> = Vec::with_capacity(k + 1);
            for (j, exponent) in entries.exponents(i) {
                if best.len() < k || best.last().is_some_and(|(_, least)| exponent > *least) {
                    let place = best.partition_point(|(_, other)| *other >= exponent);
                    best.insert(place, (j, exponent));
                    best.truncate(k);
                }
            }
            let masses = best
                .into_iter()
                .map(|(j, exponent)| (j, entries.mass(i, exponent)));
            masses.filter(|(_, mass)| *mass > 0.0).collect()
        };
        Ok((0..entries.f.len()).map(row).collect())
    }

    fn weighted(
        &self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        values: &[f64],
    ) -> Result<Vec<f64>> {
        let sums = self.kernel_product(rows, columns, values)?;
        Ok(weighted(&rows.weights, self.solution.masses.plan, sums))
    }

    /// The plan's rows divided by their weights, so that rows of weight 0 have one as well.
    fn kernel_product(
        &self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        values: &[f64],
    ) -> Result<Vec<f64>> {
        let m = columns.weights.len();
        if values.is_empty() || !values.len().is_multiple_of(m) {
            return Err(Error::Length {
                what: "the factor of the plan",
                expected: m,
                found: values.len(),
            });
        }
        let Solution { engine, kernel, .. } = self.solution;
        let width = values.len() / m;
        Pass::between(*engine, *kernel, rows, columns).product(Factor::One, values, width)
    }
}

/// The entries of a plan one by one, on the host and in f64, from the engine's potentials.
struct Entries<'s, E: Engine> {
    solution: &'s Solution<'s, E>,
    f: Vec<f64>,
    /// Those of positive weight: j, yⱼ, and log bⱼ + gⱼ/ε.
    columns: Vec<(usize, &'s [f64], f64)>,
}

impl<'s, E: Engine> Entries<'s, E> {
    fn of(solution: &'s Solution<'_, E>) -> Result<Self> {
        let Solution {
            engine,
            kernel,
            source,
            target,
            ..
        } = solution;
        let g = engine.read(&target.potential)?;
        let weights = target.weights.iter().zip(&g);
        let columns = target.points.chunks_exact(target.dimension).zip(weights);
        let columns = columns.enumerate().filter(|(_, (_, (b, _)))| **b > 0.0);
        Ok(Self {
            solution,
            f: engine.read(&source.potential)?,
            columns: columns
                .map(|(j, (y, (b, g)))| (j, y, b.ln() + g / kernel.epsilon))
                .collect(),
        })
    }

    /// j and log bⱼ + (gⱼ − Cᵢⱼ)/ε, for each column of positive weight.
    fn exponents(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let Solution { kernel, source, .. } = self.solution;
        let x = &source.points[i * source.dimension..][..source.dimension];
        self.columns.iter().map(move |(j, y, term)| {
            let squared: f64 = x.iter().zip(*y).map(|(x, y)| (x - y) * (x - y)).sum();
            (*j, term - kernel.cost.at(squared.sqrt()) / kernel.epsilon)
        })
    }

    /// The entry of a row that has an exponent.
    fn mass(&self, i: usize, exponent: f64) -> f64 {
        let Solution {
            kernel,
            source,
            masses,
            ..
        } = self.solution;
        let weight = source.weights[i];
        if weight == 0.0 {
            return 0.0;
        }
        masses.plan * weight * (exponent + self.f[i] / kernel.epsilon).exp()
    }
}

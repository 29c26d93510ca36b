//! What a solve returns: the values with their certificate, the potentials, and the plan, which is
//! never stored but applied.

use crate::certificate::{self, Values, product};
use crate::engine::{Factor, Integrand, Kernel, Side};
use crate::marginal::Marginal;
use crate::masses::Masses;
use crate::{Certificate, Cost, Engine, Error, Frame, Measure, Precision, Problem, Result};
use std::time::Instant;

/// A solved problem: its numbers on the host, its clouds and potentials still on the device.
pub struct Solution<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    frame: Frame,
    source: Marginal<E>,
    target: Marginal<E>,
    masses: Masses,
    report: Report,
}

/// All that is known of a solution, as plain numbers. Costs are in units of |x − y|^p.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Points of the source measure.
    pub n: usize,
    /// Points of the target measure.
    pub m: usize,
    /// Dimension of the space.
    pub d: usize,
    /// The cost |x − y|^p.
    pub cost: Cost,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = ε^{1/p}, a length.
    pub blur: f64,
    /// ρ_a, in units of the cost; infinite where P1 = a was asked for.
    pub rho_a: f64,
    /// ρ_b, in units of the cost; infinite where Pᵀ1 = b was asked for.
    pub rho_b: f64,
    /// OT_ε, as the dual has it: a lower bound whose error is of second order in the marginals'.
    pub value: f64,
    /// ⟨P, C⟩ + ε KL(P | a⊗b) + ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b), the primal at the plan P as it is;
    /// without the term of a side whose ρ is infinite.
    pub regularized_cost: f64,
    /// ⟨P, C⟩.
    pub transport_cost: f64,
    /// ⟨a, f⟩ + ⟨b, g⟩ − ε(ΣP − ΣaΣb), where a side of finite ρ has −ρ ⟨a, e^{−f/ρ} − 1⟩ for ⟨a, f⟩.
    pub dual: f64,
    /// KL(P | a⊗b), mass terms included.
    pub kl: f64,
    /// ΣP.
    pub mass: f64,
    /// Errors and bounds.
    pub certificate: Certificate,
    /// The L1 marginal error asked for, relative to the mass that moves where moving costs nothing:
    /// that of both measures, if it is one; see [`Sinkhorn::tolerance`](crate::Sinkhorn::tolerance).
    pub tolerance: f64,
    /// Whether both marginals together meet the tolerance.
    pub converged: bool,
    /// Pairs of updates, those of the annealing included.
    pub iterations: usize,
    /// Passes over all pairs that the iterations took.
    pub softmin_passes: usize,
    /// Pairs (i, j) of all passes, those of the certificate included. Of a measure against itself an
    /// engine may evaluate half.
    pub pairs: u64,
    /// Wall-clock seconds, uploads and certificate included.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The dual potentials f (n) and g (m), in units of the cost. In a balanced problem f + t and g − t
/// serve as well.
#[derive(Debug, Clone, PartialEq)]
pub struct Potentials {
    /// On the points of the source.
    pub f: Vec<f64>,
    /// On the points of the target.
    pub g: Vec<f64>,
}

/// What a solve has cost so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) iterations: usize,
    pub(crate) softmin_passes: usize,
    pub(crate) start: Instant,
}

impl<'e, E: Engine> Solution<'e, E> {
    pub(crate) fn certified(
        engine: &'e E,
        problem: &Problem<'_>,
        source: Marginal<E>,
        target: Marginal<E>,
        tolerance: f64,
        effort: Effort,
    ) -> Result<Self> {
        let kernel = problem.kernel();
        let unit = problem.cost_unit();
        let frame = problem.frame().clone();
        let (values, errors, passes) =
            certificate::certify(engine, kernel, &source, &target, frame.diameter_in_frame())?;
        let Values {
            transport_cost,
            dual,
            primal,
            kl,
            mass,
        } = values;
        let masses = problem.masses().clone();
        let (lower, upper) = (errors.lower_bound, errors.upper_bound);
        let certificate = Certificate {
            marginal_error_a: errors.marginal_error_a * masses.plan,
            marginal_error_b: errors.marginal_error_b * masses.plan,
            lower_bound: masses.value(lower) - masses.rounding(lower),
            upper_bound: masses.value(upper) + masses.rounding(upper),
            ..errors
        };
        let value = masses.value(dual);
        let (n, m) = (source.weights.len(), target.weights.len());
        let Effort {
            iterations,
            softmin_passes,
            start,
        } = effort;
        let report = Report {
            n,
            m,
            d: source.dimension,
            cost: problem.cost(),
            epsilon: problem.epsilon(),
            blur: problem.blur(),
            rho_a: problem.rho_a(),
            rho_b: problem.rho_b(),
            value,
            regularized_cost: masses.primal(primal, mass),
            transport_cost: transport_cost * masses.plan * unit,
            dual: value,
            kl: masses.kl(kl, mass),
            mass: mass * masses.plan,
            certificate,
            tolerance,
            converged: errors.marginal_error() <= tolerance,
            iterations,
            softmin_passes,
            pairs: (softmin_passes + passes) as u64 * n as u64 * m as u64,
            seconds: start.elapsed().as_secs_f64(),
            device: engine.device().to_owned(),
            precision: engine.precision(),
        };
        Ok(Self {
            engine,
            kernel,
            frame,
            source,
            target,
            masses,
            report,
        })
    }

    /// OT_ε, as the dual has it; see [`Report::value`].
    pub fn value(&self) -> f64 {
        self.report.value
    }

    /// Errors and bounds.
    pub fn certificate(&self) -> &Certificate {
        &self.report.certificate
    }

    /// Every number of the solution.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The potentials, brought back from the device.
    pub fn potentials(&self) -> Result<Potentials> {
        let unit = self.frame.cost_unit(self.kernel.cost);
        let [shift_a, shift_b] = self.masses.shifts;
        let read = |marginal: &Marginal<E>, shift: f64| {
            let values = self.engine.read(&marginal.potential)?;
            let values = values.into_iter().map(|value| value * unit - shift);
            Ok::<_, Error>(values.collect())
        };
        Ok(Potentials {
            f: read(&self.source, shift_a)?,
            g: read(&self.target, shift_b)?,
        })
    }

    /// The plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε), to be applied.
    pub fn plan(&self) -> Plan<'_, 'e, E> {
        Plan { solution: self }
    }
}

/// The optimal plan, never stored: each product is one more pass over the pairs.
pub struct Plan<'s, 'e, E: Engine> {
    solution: &'s Solution<'e, E>,
}

impl<E: Engine> Plan<'_, '_, E> {
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
        let Report { n, m, .. } = self.solution.report;
        Ok((
            self.product(&vec![1.0; m])?,
            self.product_transposed(&vec![1.0; n])?,
        ))
    }

    /// The barycentric map T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ: where the mass of each point goes on
    /// average; n×d, in the coordinates of the points. Points of weight 0 have an image as well.
    pub fn map(&self) -> Result<Vec<f64>> {
        let Solution { source, target, .. } = self.solution;
        let sums = self.kernel_product(source, target, &self.ones_and_targets())?;
        Ok(self.means(&sums))
    }

    /// The map at other points than those of the source, n×d, row-major: the entropic map
    /// T(x) = Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε) yⱼ / Σⱼ bⱼ exp((gⱼ − C(x, yⱼ))/ε), which continues
    /// [`map`](Self::map) (Pooladian and Niles-Weed, Entropic estimation of optimal transport maps, 2021).
    pub fn map_points(&self, points: &[f64]) -> Result<Vec<f64>> {
        let Solution {
            engine,
            kernel,
            frame,
            target,
            ..
        } = self.solution;
        if points.is_empty() {
            return Ok(Vec::new());
        }
        let d = target.dimension;
        let points = Measure::uniform(points, d)?;
        let n = points.len();
        let cloud = engine.cloud(&frame.place(&points), d, points.weights())?;
        // With the potential that belongs to x the sums are near 1.
        let mut potential = engine.vector(&vec![0.0; n])?;
        engine.softmin(*kernel, &cloud, target.side(), None, &mut potential)?;
        let rows = Side {
            cloud: &cloud,
            potential: &potential,
        };
        let mut sums = engine.vector(&vec![0.0; n * (d + 1)])?;
        let integrand = Integrand {
            factor: Factor::One,
            values: &engine.vector(&self.ones_and_targets())?,
            width: d + 1,
        };
        engine.product(*kernel, rows, target.side(), integrand, &mut sums)?;
        Ok(self.means(&engine.read(&sums)?))
    }

    /// A column of ones beside the coordinates of the target: the sums of rows come from the same
    /// pass as the means.
    fn ones_and_targets(&self) -> Vec<f64> {
        let target = &self.solution.target;
        let rows = target.points.chunks_exact(target.dimension);
        rows.flat_map(|point| std::iter::once(1.0).chain(point.iter().copied()))
            .collect()
    }

    /// Means in the coordinates of the points, from products with `ones_and_targets`.
    fn means(&self, sums: &[f64]) -> Vec<f64> {
        let d = self.solution.target.dimension;
        let mut means = Vec::with_capacity(sums.len() / (d + 1) * d);
        for sums in sums.chunks_exact(d + 1) {
            means.extend(sums[1..].iter().map(|sum| sum / sums[0]));
        }
        self.solution.frame.unplace(&mut means);
        means
    }

    /// The `k` largest entries of each row as (j, Pᵢⱼ), largest first; fewer where Pᵢⱼ > 0 has
    /// fewer. Computed on the host, in f64, from the engine's potentials.
    pub fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let Solution {
            engine,
            kernel,
            source,
            target,
            masses,
            ..
        } = self.solution;
        let f = engine.read(&source.potential)?;
        let g = engine.read(&target.potential)?;
        let d = source.dimension;
        let columns: Vec<(usize, &[f64], f64)> = target
            .points
            .chunks_exact(d)
            .zip(target.weights.iter().zip(&g))
            .enumerate()
            .filter(|(_, (_, (weight, _)))| **weight > 0.0)
            .map(|(j, (y, (weight, g)))| (j, y, weight.ln() + g / kernel.epsilon))
            .collect();
        let k = k.min(columns.len());
        let row = |(x, (weight, f)): (&[f64], (&f64, &f64))| {
            // Sorted by falling exponent; most columns fail the first comparison.
            let mut best: Vec<(usize, f64)> = Vec::with_capacity(k + 1);
            for (j, y, term) in &columns {
                let squared: f64 = x.iter().zip(*y).map(|(x, y)| (x - y) * (x - y)).sum();
                let exponent = term - kernel.cost.at(squared.sqrt()) / kernel.epsilon;
                if best.len() < k || best.last().is_some_and(|(_, least)| exponent > *least) {
                    let place = best.partition_point(|(_, other)| *other >= exponent);
                    best.insert(place, (*j, exponent));
                    best.truncate(k);
                }
            }
            let mass = |(j, exponent): (usize, f64)| {
                (
                    j,
                    masses.plan * weight * (exponent + f / kernel.epsilon).exp(),
                )
            };
            best.into_iter()
                .map(mass)
                .filter(|(_, mass)| *mass > 0.0)
                .collect()
        };
        Ok(source
            .points
            .chunks_exact(d)
            .zip(source.weights.iter().zip(&f))
            .map(row)
            .collect())
    }

    fn weighted(
        &self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        values: &[f64],
    ) -> Result<Vec<f64>> {
        let mut out = self.kernel_product(rows, columns, values)?;
        let width = out.len() / rows.weights.len();
        for (row, weight) in out.chunks_exact_mut(width).zip(&rows.weights) {
            // The sums of a point of weight 0 are nobody's concern, and may be infinite.
            let weight = self.solution.masses.plan * weight;
            let weighted = |value: f64| if weight == 0.0 { 0.0 } else { weight * value };
            row.iter_mut().for_each(|value| *value = weighted(*value));
        }
        Ok(out)
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
        product(*engine, *kernel, rows, columns, Factor::One, values)
    }
}

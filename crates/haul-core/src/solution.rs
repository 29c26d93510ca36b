//! What a solve returns: the values with their certificate, and the potentials.

use crate::certificate::{self, Bounds, Values};
use crate::engine::Kernel;
use crate::marginal::Marginal;
use crate::masses::Masses;
use crate::{Certificate, Cost, Engine, Error, Frame, Plan, Precision, Problem, Result};
use std::time::Instant;

/// A solved problem: its numbers on the host, its clouds and potentials still on the device.
pub struct Solution<'e, E: Engine> {
    pub(crate) engine: &'e E,
    pub(crate) kernel: Kernel,
    pub(crate) frame: Frame,
    pub(crate) source: Marginal<E>,
    pub(crate) target: Marginal<E>,
    pub(crate) masses: Masses,
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
        let rounding = problem.rounding(engine.precision());
        let (values, errors, passes) =
            certificate::certify(engine, kernel, &source, &target, rounding)?;
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
            wasserstein: errors.wasserstein.map(|Bounds { lower, upper }| Bounds {
                lower: masses.plan * unit * lower,
                upper: masses.plan * unit * upper,
            }),
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
        Plan::of(self)
    }
}

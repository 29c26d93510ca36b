//! The result of a solve: the values with their certificate, the potentials, and the plan.

mod coupling;
mod entries;
mod plan;
mod report;
mod resident;

pub use coupling::Coupling;
pub use plan::Plan;
pub use report::Report;
pub use resident::ResidentSolution;
pub(crate) use resident::{Surveyed, write};

use crate::certificate::{self, Bounds, Certificate, Values};
use crate::engine::{Factor, Kernel};
use crate::pass::{Marginal, Pass, pairs_of_a_pass};
use crate::problem::{Masses, Posed, Potentials};
use crate::sinkhorn::{Effort, Fit, Observer, Ordered};
use crate::truncation::Omitted;
use crate::{Engine, Frame, Measure, Problem, Progress, Result, Sinkhorn, Stop, block_on};
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

/// A solved problem: its numbers are on the host, its points and potentials still on the device.
///
/// It holds the engine as given: a reference, an `Arc`, or the engine itself. So it can be stored, returned, and sent
/// to another thread if the engine can.
///
/// ```
/// use haul_core::{Engine, Measure, Result, Sinkhorn, Solution};
/// use std::sync::Arc;
///
/// fn solved<E: Engine>(engine: Arc<E>, a: &Measure, b: &Measure) -> Result<Solution<Arc<E>>> {
///     Sinkhorn::blur(0.05).solve(engine, a, b)
/// }
/// ```
pub struct Solution<E: Engine> {
    plan: Plan<E>,
    report: Report,
}

impl<E: Engine> fmt::Debug for Solution<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Solution")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// One of the two measures of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Source,
    Target,
}

/// The shared state of a solution and its plans.
pub(crate) struct State<E: Engine> {
    pub(crate) engine: E,
    pub(crate) kernel: Kernel,
    pub(crate) frame: Frame,
    pub(crate) source: Marginal<E>,
    pub(crate) target: Marginal<E>,
    pub(crate) masses: Masses,
    /// If passes see both sides in another order: the sides in that order.
    pub(crate) ordered: Option<Ordered<E>>,
}

impl Sinkhorn {
    /// Solves OT_ε(source, target) on an engine, which the solution then holds: `&engine`, an `Arc`, or any other
    /// handle that can be cloned.
    ///
    /// # Errors
    ///
    /// Those of [`problem`](Self::problem), [`Error::BelowFloor`](crate::Error::BelowFloor) and
    /// [`Error::NoDigits`](crate::Error::NoDigits) if the precision has too few digits,
    /// [`Error::NotFiniteResult`](crate::Error::NotFiniteResult), [`Error::Interrupted`](crate::Error::Interrupted),
    /// and the engine's own.
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Solution<E>> {
        block_on(self.solve_async(engine, source, target))
    }

    /// [`solve`](Self::solve) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub async fn solve_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Solution<E>> {
        let observer = |_: &Progress| ControlFlow::Continue(());
        self.solve_observed_async(engine, source, target, observer)
            .await
    }

    /// [`solve`](Self::solve) that reports its progress, and ends early if the observer breaks: with a solution that
    /// did not converge, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        observer: impl FnMut(&Progress) -> ControlFlow<Stop> + Send,
    ) -> Result<Solution<E>> {
        block_on(self.solve_observed_async(engine, source, target, observer))
    }

    /// [`solve_observed`](Self::solve_observed) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub async fn solve_observed_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&Progress) -> ControlFlow<Stop> + Send,
    ) -> Result<Solution<E>> {
        let problem = self.problem(source, target)?;
        self.solve_problem(engine, &problem, &mut observer).await
    }

    /// The potentials alone, without values and certificate.
    pub(crate) async fn solve_uncertified<E: Engine>(
        &self,
        engine: E,
        [source, target]: [&Measure; 2],
        observer: &mut Observer<'_>,
    ) -> Result<(State<E>, Effort)> {
        let problem = self.problem(source, target)?;
        let fit = self.fit(&engine, &problem, observer).await?;
        let effort = fit.effort;
        let state = State {
            ordered: fit.ordered,
            ..State::new(engine, problem.posed(), [fit.source, fit.target])
        };
        Ok((state, effort))
    }

    /// Solves the problem of these settings, or a similar one.
    pub(crate) async fn solve_problem<E: Engine + Clone>(
        &self,
        engine: E,
        problem: &Problem<'_>,
        observer: &mut Observer<'_>,
    ) -> Result<Solution<E>> {
        let fit = self.fit(&engine, problem, observer).await?;
        Solution::evaluated(engine, problem, fit, self).await
    }
}

impl<E: Engine> Solution<E> {
    async fn evaluated(
        engine: E,
        problem: &Problem<'_>,
        fit: Fit<E>,
        settings: &Sinkhorn,
    ) -> Result<Self> {
        let Fit {
            source,
            target,
            effort,
            ordered,
        } = fit;
        let problem = problem.posed();
        let kernel = problem.kernel();
        let rounding = problem.rounding(&engine);
        let (sides, omitted) = match &ordered {
            Some(ordered) => (ordered.sides.each_ref(), ordered.omitted),
            None => ([&source, &target], Omitted::NOTHING),
        };
        let evaluated = match settings.certified {
            true => certificate::certify(&engine, kernel, sides, rounding, omitted).await?,
            false => certificate::value(&engine, kernel, sides, rounding, omitted).await?,
        };
        let state = State {
            ordered,
            ..State::new(engine, problem, [source, target])
        };
        let report = state.report(problem, evaluated, effort, settings);
        let plan = Plan::new(state);
        Ok(Self { plan, report })
    }

    pub(crate) fn state(&self) -> &State<E> {
        self.plan.state()
    }

    /// OT_ε, the value of the dual; see [`Report::value`].
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

    /// The potentials, read back from the device.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn potentials(&self) -> Result<Potentials> {
        block_on(self.potentials_async())
    }

    /// [`potentials`](Self::potentials) without blocking a thread.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub async fn potentials_async(&self) -> Result<Potentials> {
        self.state().potentials().await
    }

    /// The plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε), as an operator. It shares its data with the solution, and may
    /// outlive it.
    pub fn plan(&self) -> Plan<E> {
        self.plan.clone()
    }
}

impl<E: Engine> State<E> {
    fn new(engine: E, problem: &Posed, [source, target]: [Marginal<E>; 2]) -> Self {
        Self {
            engine,
            kernel: problem.kernel(),
            frame: problem.frame().clone(),
            source,
            target,
            masses: problem.masses().clone(),
            ordered: None,
        }
    }

    /// All numbers, from those of the device's problem and its number of passes.
    fn report(
        &self,
        problem: &Posed,
        (values, errors, passes): (Values, Certificate, usize),
        effort: Effort,
        settings: &Sinkhorn,
    ) -> Report {
        let Self {
            engine,
            source,
            target,
            masses,
            ..
        } = self;
        let Values {
            transport_cost,
            dual,
            primal,
            kl,
            mass,
        } = values;
        let unit = problem.cost_unit();
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
        let pairs = self.pairs_after(&effort, passes);
        let Effort {
            iterations,
            softmin_passes,
            stages,
            levels,
            start,
            ..
        } = effort;
        let all = pairs_of_a_pass(&source.points, &target.points);
        let [rows, columns] = self.sides();
        let kept = match rows.near {
            Some(_) => rows.pairs_with(columns) as f64 / all as f64,
            None => 1.0,
        };
        let dropped = self.ordered.as_ref().map_or(0.0, |of| of.omitted.mass);
        let [rho_a, rho_b] = problem.rho();
        Report {
            n: source.len(),
            m: target.len(),
            d: source.dimension(),
            cost: problem.cost(),
            epsilon: problem.epsilon(),
            blur: problem.blur(),
            rho_a,
            rho_b,
            value: masses.value(dual),
            regularized_cost: masses.primal(primal, mass),
            transport_cost: masses.transport_cost(transport_cost, mass),
            kl: masses.kl(kl, mass),
            mass: mass * masses.plan,
            certificate,
            certified: settings.certified,
            tolerance: settings.tolerance,
            converged: errors.marginal_error() <= settings.tolerance * problem.moving(),
            iterations,
            stages,
            softmin_passes,
            pairs,
            kept,
            dropped: dropped * masses.plan,
            levels,
            distance_bytes: rows.kept_distances(engine, columns),
            seconds: start.elapsed().as_secs_f64(),
            device: engine.device().to_owned(),
            precision: engine.precision(),
        }
    }

    /// The sides as passes see them: with lists of near pairs, if pairs are left out, or where an engine keeps distances.
    pub(crate) fn sides(&self) -> [&Marginal<E>; 2] {
        match &self.ordered {
            Some(ordered) => ordered.sides.each_ref(),
            None => [&self.source, &self.target],
        }
    }

    /// Values of the points of a side, a row each, in the order of [`sides`](Self::sides).
    pub(crate) fn ordered<'v>(&self, place: Place, values: &'v [f64]) -> Cow<'v, [f64]> {
        let Some(ordered) = &self.ordered else {
            return Cow::Borrowed(values);
        };
        let order = &ordered.orders[place as usize];
        let width = values.len() / self.side(place).len();
        let rows = order.iter().flat_map(|i| &values[i * width..][..width]);
        Cow::Owned(rows.copied().collect())
    }

    /// Values of points in the order of [`sides`](Self::sides), in the order of the measure.
    pub(crate) fn natural<T: Copy>(&self, place: Place, values: Vec<T>) -> Vec<T> {
        let Some(ordered) = &self.ordered else {
            return values;
        };
        let order = &ordered.orders[place as usize];
        let width = values.len() / order.len();
        let mut out = values[..self.side(place).len() * width].to_vec();
        // Of several places of a point, the first counts.
        for (i, row) in order.iter().zip(values.chunks_exact(width.max(1))).rev() {
            out[i * width..][..width].copy_from_slice(row);
        }
        out
    }

    /// A side in the order of its measure.
    fn side(&self, place: Place) -> &Marginal<E> {
        match place {
            Place::Source => &self.source,
            Place::Target => &self.target,
        }
    }

    /// Replaces f by T_b(g): the rows of the plan then have the masses of the source.
    pub(crate) async fn make_rows_exact(&mut self) -> Result<()> {
        let Self {
            engine,
            kernel,
            source,
            target,
            ordered,
            ..
        } = self;
        let Some(ordered) = ordered else {
            source.update(engine, *kernel, target, true)?;
            source.accept();
            return Ok(());
        };
        let [rows, columns] = &mut ordered.sides;
        rows.update(engine, *kernel, columns, true)?;
        rows.accept();
        let order = &ordered.orders[Place::Source as usize];
        source.take_potential(engine, rows, order).await
    }

    /// Σⱼ Pᵢⱼ vⱼ / Σⱼ Pᵢⱼ for values v of the target, m×`width`; n×`width`.
    pub(crate) async fn images(&self, values: &[f64], width: usize) -> Result<Vec<f64>> {
        let values = self.ordered(Place::Target, values);
        // A column of ones beside them: the sums differ from 1 by rounding, and come from the same pass.
        let beside = values.chunks_exact(width);
        let beside = beside.flat_map(|row| std::iter::once(1.0).chain(row.iter().copied()));
        let beside: Vec<f64> = beside.collect();
        let [rows, columns] = self.sides();
        let pass = Pass::between(&self.engine, self.kernel, rows, columns);
        let sums = pass.product(Factor::One, &beside, width + 1).await?;
        let mut images = Vec::with_capacity(rows.len() * width);
        for row in sums.chunks_exact(width + 1) {
            if let [mass, sums @ ..] = row {
                images.extend(sums.iter().map(|sum| sum / mass));
            }
        }
        Ok(self.natural(Place::Source, images))
    }

    /// Pairs of this many passes, after those of a solve.
    pub(crate) fn pairs_after(&self, effort: &Effort, passes: usize) -> u64 {
        let [rows, columns] = self.sides();
        effort.all_pairs() + passes as u64 * rows.pairs_with(columns)
    }

    /// The potentials, in units of the cost.
    pub(crate) async fn potentials(&self) -> Result<Potentials> {
        let unit = self.frame.cost_unit(self.kernel.cost);
        let [shift_a, shift_b] = self.masses.shifts;
        let in_units = |values: Vec<f64>, shift: f64| {
            let values = values.into_iter().map(|value| value * unit - shift);
            values.collect()
        };
        Ok(Potentials {
            f: in_units(self.engine.read(&self.source.potential).await?, shift_a),
            g: in_units(self.engine.read(&self.target.potential).await?, shift_b),
        })
    }

    /// Whether P1 = a and Pᵀ1 = b were required.
    pub(crate) fn is_balanced(&self) -> bool {
        Marginal::are_exact(&self.source, &self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ResidentEngine;
    use crate::{Divergence, Energy, ResidentMeasure, ResidentTerms, Terms};

    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Send + Sync>() {}

    /// Compiles if futures of solves can be sent to another thread, and results shared between threads.
    #[allow(dead_code)]
    fn futures_and_results_cross_threads<E: Engine + Clone>(engine: E, a: &Measure, b: &Measure) {
        let (sinkhorn, divergence) = (Sinkhorn::default(), Divergence::default());
        is_send(&sinkhorn.solve_async(engine.clone(), a, b));
        is_send(&divergence.evaluate_async(engine, a, b));
        is_sync::<(Solution<E>, Plan<E>, Terms<E>, Energy)>();
    }

    /// The same for measures on a device.
    #[allow(dead_code)]
    fn resident_ones_cross_threads<E: ResidentEngine + Clone>(
        engine: E,
        a: &ResidentMeasure<E::Array>,
    ) {
        let (sinkhorn, divergence) = (Sinkhorn::default(), Divergence::default());
        is_send(&sinkhorn.solve_resident_async(engine.clone(), a, a));
        is_send(&divergence.evaluate_resident_async(engine, a, a));
        is_sync::<(ResidentSolution<E>, ResidentTerms<E>)>();
    }
}

//! Exact transport: W_p^p between measures, with a plan and a proof.
//!
//! ```text
//! W_p^p = min ⟨P, C⟩   over P ≥ 0 with P1 = a, Pᵀ1 = b        = max ⟨a, f⟩ + ⟨b, g⟩   over f + g ≤ C
//! ```
//!
//! In one dimension and for p ≥ 1 both measures are sorted ([`line`]). Small problems, and those of an explicit matrix of costs,
//! are solved on [`all_pairs`] by the network [`simplex`] method. Larger ones ([`between`]) are solved on a short list of pairs, to
//! which [`columns`] adds those that are found to be missing ([`pricing`]). An entropic solve gives the potentials to [`start`]
//! from, or solutions of [`coarse`] clouds where mass stays. [`placed`] puts a solution on all points of its measures. [`sliced`]
//! averages distances on lines.

mod all_pairs;
mod between;
mod coarse;
mod columns;
mod line;
mod masses;
mod placed;
mod plan;
mod pricing;
mod simplex;
mod sliced;
mod start;

pub use columns::ExactProgress;
pub(crate) use masses::Integers;
pub use plan::{ExactReport, ExactSolution, SparsePlan};
pub(crate) use simplex::Simplex;
pub use sliced::{Sliced, SlicedProgress, SlicedValue};

use crate::problem::{equal_masses, same_space};
use crate::{Cost, Engine, Error, Frame, Measure, Precision, Result, Stop, block_on};
use all_pairs::AllPairs;
use between::{ALL_PAIRS, Between};
use coarse::Cloud;
use columns::Generated;
use placed::Placed;
use pricing::FEW_DIMENSIONS;
use std::ops::ControlFlow;

/// Settings of exact transport.
///
/// ```
/// # use haul_core::{Engine, Exact, Measure, Result};
/// # fn example<E: Engine + Clone>(engine: &E, a: &Measure, b: &Measure) -> Result<()> {
/// let solution = Exact::default().p(1).solve(engine, a, b)?;
/// assert!(solution.report().proved);
/// for (i, j, mass) in solution.plan().entries() {
///     println!("{i} sends {mass} to {j}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    p: f64,
    tolerance: f64,
    partial: Option<f64>,
}

impl Default for Exact {
    /// p = 2, and a gap of 1e-9.
    fn default() -> Self {
        Self {
            p: 2.0,
            tolerance: 1e-9,
            partial: None,
        }
    }
}

impl Exact {
    /// Up to this dimension the host searches for violated arcs, in f64, by bounds over blocks of points. In more an engine
    /// does, by passes over all pairs in its precision.
    pub const FEW_DIMENSIONS: usize = FEW_DIMENSIONS;

    /// The power p of the cost |x − y|^p: above 0 and at most 2 (the default), or any p ≥ 1 in one dimension.
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// The gap at which a solve ends: the difference of both bounds, relative to the value. Default 1e-9. In more than 7
    /// dimensions an engine in f32 proves bounds as far as its roundings allow, and the solve ends when it finds no more pairs.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Moves only this mass, from wherever and to wherever it costs least: the marginals of the plan are at most the weights,
    /// and their masses may differ. Infinity moves as much as possible, the smaller of both masses; the value over that mass is
    /// then the earth mover's distance of signatures [Rubner'98], as p = 1 has it.
    ///
    /// The mass that stays goes to a reservoir, or comes from one, at no cost.
    pub fn partial(mut self, mass: f64) -> Self {
        self.partial = Some(mass);
        self
    }

    /// Solves W_p^p(source, target) on an engine. Problems in one dimension and those of at most 65 536 pairs are solved on the
    /// host.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`], [`Error::DimensionMismatch`], [`Error::UnequalMass`], [`Error::Extent`],
    /// [`Error::Interrupted`], and the engine's own.
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<ExactSolution> {
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
    ) -> Result<ExactSolution> {
        let observer = |_: &ExactProgress| ControlFlow::Continue(());
        self.solve_observed_async(engine, source, target, observer)
            .await
    }

    /// [`solve`](Self::solve) that reports its progress, and ends early if the observer breaks: with the best plan and the best
    /// bounds so far, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        observer: impl FnMut(&ExactProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<ExactSolution> {
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
        mut observer: impl FnMut(&ExactProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<ExactSolution> {
        let began = web_time::Instant::now();
        self.check(source, target)?;
        if self.is_monotone(source) {
            return Ok(self.solve_on_line(source, target, began));
        }
        let cost = Cost::power(self.p)?;
        let frame = Frame::joint(source, target).for_moments();
        let points = Integers::of([source.weights(), target.weights()]).points;
        let (mass, ratio, reservoirs) = self.masses(source, target);
        let clouds = [
            Cloud::of(source, &points[0], 1.0),
            Cloud::of(target, &points[1], ratio),
        ];
        let engine_used = clouds[0].len().saturating_mul(clouds[1].len()) > ALL_PAIRS;
        let device = match engine_used {
            true => engine.device().to_owned(),
            false => String::new(),
        };
        let precision = match engine_used && source.dimension() > FEW_DIMENSIONS {
            true => engine.precision(),
            false => Precision::F64,
        };
        let mut abandoned = false;
        let generated = Between {
            cost,
            frame,
            tolerance: self.tolerance,
            reservoirs,
            observer: &mut noting(&mut observer, &mut abandoned),
        }
        .solve(&engine, clouds)
        .await?;
        if abandoned {
            return Err(Error::Interrupted);
        }
        let placed = Placed {
            generated,
            points: &points,
        };
        let distance = |i: usize, j: usize| {
            let d = source.dimension();
            cost.between(
                &source.points()[i * d..][..d],
                &target.points()[j * d..][..d],
            )
        };
        let (plan, potentials) = placed.among([source.len(), target.len()], &distance);
        let report = ExactReport {
            d: source.dimension(),
            p: self.p,
            seconds: began.elapsed().as_secs_f64(),
            device,
            precision,
            mass,
            ..placed.report([source.len(), target.len()], self.tolerance)
        };
        Ok(ExactSolution {
            plan: plan.onto(target),
            potentials,
            report,
        })
    }

    /// Solves the problem of an explicit matrix of costs, n×m, row-major, of any finite numbers, between histograms of n and m
    /// weights. It stores all pairs.
    ///
    /// ```
    /// # use haul_core::{Exact, Result};
    /// # fn main() -> Result<()> {
    /// let costs = [4.0, 1.0, 3.0, 2.0, 0.0, 5.0];
    /// let solution = Exact::default().solve_costs(&[0.5, 0.5], &[0.5, 0.25, 0.25], &costs)?;
    /// assert_eq!(solution.value(), 0.5 * 2.0 + 0.25 * 1.0 + 0.25 * 3.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for a wrong number of costs, [`Error::BadParameter`] for a cost that is not finite, and the errors of
    /// weights.
    pub fn solve_costs(&self, a: &[f64], b: &[f64], costs: &[f64]) -> Result<ExactSolution> {
        self.solve_costs_observed(a, b, costs, |_| ControlFlow::Continue(()))
    }

    /// [`solve_costs`](Self::solve_costs) that reports its progress, and ends early if the observer breaks: with the best plan and
    /// the best bounds so far, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve_costs`](Self::solve_costs), and [`Error::Interrupted`].
    pub fn solve_costs_observed(
        &self,
        a: &[f64],
        b: &[f64],
        costs: &[f64],
        mut observer: impl FnMut(&ExactProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<ExactSolution> {
        let began = web_time::Instant::now();
        self.check_tolerance()?;
        let [source, target] = [a, b].map(|weights| {
            let points = vec![0.0; weights.len()];
            Measure::new(points, 1, weights.to_vec())
        });
        let (source, target) = (source?, target?);
        self.check_masses(&source, &target)?;
        let (n, m) = (a.len(), b.len());
        if costs.len() != n * m {
            return Err(Error::Length {
                what: "the matrix of costs",
                expected: n * m,
                found: costs.len(),
            });
        }
        if let Some(value) = costs.iter().find(|cost| !cost.is_finite()) {
            return Err(Error::BadParameter {
                name: "a cost",
                value: *value,
                range: "a finite number",
            });
        }
        let points = Integers::of([a, b]).points;
        let (mass, ratio, reservoirs) = self.masses(&source, &target);
        let weights = [
            points[0].iter().map(|&i| a[i]).collect::<Vec<_>>(),
            points[1].iter().map(|&j| ratio * b[j]).collect::<Vec<_>>(),
        ];
        let cost = |i: usize, j: usize| costs[points[0][i] * m + points[1][j]];
        let mut abandoned = false;
        let all = AllPairs::new([&weights[0], &weights[1]], reservoirs, &cost);
        let generated = all.solve(
            0.0,
            self.tolerance,
            &mut noting(&mut observer, &mut abandoned),
        );
        if abandoned {
            return Err(Error::Interrupted);
        }
        let placed = Placed {
            generated,
            points: &points,
        };
        let (plan, potentials) = placed.among([n, m], &|i, j| costs[i * m + j]);
        let report = ExactReport {
            d: 0,
            p: 1.0,
            seconds: began.elapsed().as_secs_f64(),
            mass,
            ..placed.report([n, m], self.tolerance)
        };
        Ok(ExactSolution {
            plan,
            potentials,
            report,
        })
    }

    /// Checks the settings, and that the measures can be compared.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`], [`Error::DimensionMismatch`], [`Error::UnequalMass`] and [`Error::Extent`].
    pub fn check(&self, source: &Measure, target: &Measure) -> Result<()> {
        self.check_tolerance()?;
        same_space(source, target)?;
        self.check_masses(source, target)?;
        let frame = Frame::joint(source, target);
        if !self.is_monotone(source) {
            return frame.check(Cost::power(self.p)?);
        }
        let extent = frame.diameter();
        let largest = extent.powf(self.p);
        if largest.is_finite() && (extent == 0.0 || largest.is_normal()) {
            return Ok(());
        }
        Err(Error::Extent { extent, p: self.p })
    }

    fn check_masses(&self, source: &Measure, target: &Measure) -> Result<()> {
        match self.partial {
            None => equal_masses(source, target),
            Some(mass) if mass > 0.0 && mass <= source.mass().min(target.mass()) => Ok(()),
            Some(f64::INFINITY) => Ok(()),
            Some(mass) => Err(Error::BadParameter {
                name: "partial",
                value: mass,
                range: "above 0 and at most the smaller mass, or infinity",
            }),
        }
    }

    /// The mass that is moved, the factor of the target's weights, and the masses of a reservoir behind the source's points and
    /// of one behind the target's.
    fn masses(&self, source: &Measure, target: &Measure) -> (f64, f64, [f64; 2]) {
        let [a, b] = [source.mass(), target.mass()];
        match self.partial {
            None => (a, a / b, [0.0; 2]),
            Some(mass) => {
                let mass = mass.min(a).min(b);
                (mass, 1.0, [b - mass, a - mass])
            }
        }
    }

    /// Whether the monotone plan is optimal.
    fn is_monotone(&self, source: &Measure) -> bool {
        self.partial.is_none() && source.dimension() == 1 && self.p >= 1.0 && self.p.is_finite()
    }

    fn check_tolerance(&self) -> Result<()> {
        if self.tolerance >= 0.0 && self.tolerance.is_finite() {
            return Ok(());
        }
        Err(Error::BadParameter {
            name: "tolerance",
            value: self.tolerance,
            range: "a finite number, at least 0",
        })
    }

    fn solve_on_line(
        &self,
        source: &Measure,
        target: &Measure,
        began: web_time::Instant,
    ) -> ExactSolution {
        let line::Monotone {
            plan,
            potentials,
            primal,
            lower,
        } = line::monotone(source, target, self.p);
        let generated = Generated {
            primal,
            lower: lower.max(0.0),
            ..Generated::default()
        };
        let report = ExactReport {
            d: 1,
            p: self.p,
            seconds: began.elapsed().as_secs_f64(),
            mass: source.mass(),
            ..generated.report([source.len(), target.len()], self.tolerance)
        };
        ExactSolution {
            plan,
            potentials,
            report,
        }
    }
}

/// The observer that the solvers call; it notes whether the caller's asked for no result.
fn noting<'o>(
    observer: &'o mut (impl FnMut(&ExactProgress) -> ControlFlow<Stop> + Send),
    abandoned: &'o mut bool,
) -> impl FnMut(&ExactProgress) -> ControlFlow<()> + Send + 'o {
    move |progress| match observer(progress) {
        ControlFlow::Continue(()) => ControlFlow::Continue(()),
        ControlFlow::Break(stop) => {
            *abandoned |= stop == Stop::Abandon;
            ControlFlow::Break(())
        }
    }
}

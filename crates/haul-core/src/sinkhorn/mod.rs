//! Sinkhorn's algorithm: the settings of a solve of OT_ε, and the computation of its potentials.
//!
//! [`run`] is the iteration. It begins with [`start`] and [`anneal`], and uses plain updates, [`anderson`] over a
//! [`history`] ([`accelerated`]), with the correction of [`two_level`] whose small matrix is balanced by [`balance`],
//! [`relaxation`] or [`newton`] in potentials, or [`scaling`]s; [`watch`] stops slow methods, [`checks`]
//! schedules error measurements, [`translation`] sets the constant of unbalanced potentials, and [`flat`] refines
//! potentials if ε is far above the costs. A [`coarse`] start solves the problem between
//! centroids of groups ([`grouping`]), and [`multiscale`] goes from coarse clouds to fine ones, over near pairs.

#[macro_use]
mod settings;

mod accelerated;
mod anderson;
mod anneal;
mod balance;
mod checks;
mod coarse;
mod effort;
mod flat;
mod grouping;
mod history;
mod multiscale;
mod newton;
mod relaxation;
mod run;
mod scaling;
mod start;
mod translation;
mod two_level;
mod watch;

pub(crate) use anderson::least_affine_combination;
pub(crate) use effort::Effort;
pub use effort::{Method, Stage};
pub(crate) use multiscale::Ordered;
pub use multiscale::{Level, Multiscale};
pub use start::Start;

use crate::pass::Marginal;
use crate::problem::Posed;
use crate::{
    Cost, Engine, Error, Measure, Penalty, Precision, Problem, Regularization, Result, Stop,
};
use run::Run;
use std::ops::ControlFlow;

/// The observer of a solve's progress.
pub(crate) type Observer<'o> = dyn FnMut(&Progress) -> ControlFlow<Stop> + Send + 'o;

/// The variables of the iteration. Both forms give the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Potentials f and g, by log-sum-exp: the default, safe in any range.
    #[default]
    Log,
    /// Scalings u = a/(K v), v = b/(Kᵀu), absorbed into the potentials before they leave the range
    /// of a float. It is not accelerated.
    Scaling,
}

/// The acceleration of the iteration's tail, in [`Form::Log`].
///
/// All but the first use one method from the first iteration to the last, whatever its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acceleration {
    /// The method expected to be fastest, and another one if it is not; the [stages](crate::Report::stages) of the
    /// report list those that ran.
    ///
    /// 1. Newton's method on the dual, annealed, on the host and in f64, if the smaller side has n ≤ 1024
    ///    points, there are at most 2²¹ pairs, and diam^p/ε is at least 1000 and n²/4. It stores the costs
    ///    and the plan, three arrays of 8 bytes a pair. The engine continues from its result. With a
    ///    given [start](Sinkhorn::start), it follows Anderson's method.
    /// 2. Anderson's method with a memory of 10. Between clouds of at least 128 points on the host, if at least four
    ///    iterations are expected after the second one (eight with fewer than 2²⁰ pairs), it goes on over updates with the
    ///    two-level correction: the masses that the plan moves between groups of neighbouring points are balanced, and the
    ///    factors that balance them correct the potentials of all points of a group. There are at most 1024 groups of a side,
    ///    of at least 32 points. Points are in another order meanwhile, which needs a second copy of the clouds on the
    ///    device; a GPU also stores the sums of rows over groups, in one binding.
    ///    Anderson's method ends if the dual rose, in two windows of 10 iterations, by less than plain updates would have
    ///    raised it; and after n iterations, but at least 24, if Newton's method can follow.
    /// 3. Over-relaxation, under the same condition.
    /// 4. Plain updates.
    #[default]
    Automatic,
    /// Plain alternating updates.
    None,
    /// Updates over-relaxed by a factor between 1 and 2, estimated from the errors. It needs no memory and no inner
    /// products, and about twice the passes of Anderson's method.
    OverRelaxation,
    /// Anderson's method over this many past iterates.
    Anderson {
        /// The number of iterates, at least 2.
        memory: usize,
    },
}

/// The progress of a solve, reported to its observer whenever an error is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Iterations so far, including those of the annealing, steps of Newton's method, and iterations between coarse clouds
    /// ([`Level`]).
    pub iteration: usize,
    /// The ε of this iteration, in units of the cost.
    pub epsilon: f64,
    /// L1 error of the marginals before this iteration's last update, at that ε, relative to the mass; see
    /// [`Certificate`](crate::Certificate).
    pub marginal_error: f64,
    /// The error at which the solve ends: the tolerance minus a margin for rounding.
    pub goal: f64,
    /// Seconds since the start.
    pub seconds: f64,
    /// How many [levels](Level) of coarse clouds are still to come, this one included: 0 between all points.
    pub level: usize,
}

/// Settings of a solve of OT_ε.
///
/// ```
/// # use haul_core::{Measure, Sinkhorn};
/// let sinkhorn = Sinkhorn::blur(0.05).p(2).tolerance(1e-4);
/// // sinkhorn.solve(&engine, &a, &b)? runs it on an engine.
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sinkhorn {
    pub(crate) regularization: Regularization,
    pub(crate) penalties: [Penalty; 2],
    pub(crate) p: f64,
    pub(crate) over_axes: bool,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
    pub(crate) start: Start,
    pub(crate) form: Form,
    pub(crate) acceleration: Acceleration,
    pub(crate) multiscale: Multiscale,
    pub(crate) certified: bool,
}

settings!(Sinkhorn);
solver_settings!(Sinkhorn);

impl Default for Sinkhorn {
    /// A blur of 1/20 of the diameter of both clouds, p = 2, balanced, with a tolerance of 1e-3.
    fn default() -> Self {
        Self {
            regularization: Regularization::RelativeBlur(0.05),
            penalties: [Penalty::EXACT; 2],
            p: 2.0,
            over_axes: false,
            tolerance: 1e-3,
            max_iterations: 10_000,
            start: Start::default(),
            form: Form::default(),
            acceleration: Acceleration::default(),
            multiscale: Multiscale::default(),
            certified: true,
        }
    }
}

impl Sinkhorn {
    fn sinkhorn_mut(&mut self) -> &mut Self {
        self
    }

    /// The checked problem of these settings between two measures.
    pub fn problem<'m>(&self, source: &'m Measure, target: &'m Measure) -> Result<Problem<'m>> {
        let cost = self.checked_cost()?;
        Problem::new(source, target, cost, self.regularization, self.penalties)
    }

    /// The cost of these settings; checks all settings except those of the problem.
    pub(crate) fn checked_cost(&self) -> Result<Cost> {
        if !(self.tolerance > 0.0 && self.tolerance.is_finite()) {
            let range = "a finite number above 0";
            return Err(Error::BadParameter {
                name: "tolerance",
                value: self.tolerance,
                range,
            });
        }
        if self.max_iterations == 0 {
            return Err(Error::BadParameter {
                name: "max_iterations",
                value: 0.0,
                range: "at least 1",
            });
        }
        if let Acceleration::Anderson {
            memory: memory @ 0..2,
        } = self.acceleration
        {
            return Err(Error::BadParameter {
                name: "memory",
                value: memory as f64,
                range: "at least 2",
            });
        }
        if self.multiscale == Multiscale::Always && !self.can_leave_pairs_out() {
            return Err(Error::NearPairs);
        }
        if self.over_axes {
            Cost::sum_over_axes(self.p)
        } else {
            Cost::power(self.p)
        }
    }

    /// The marginal error at which an iteration ends.
    ///
    /// The certificate includes both marginals, and that of the last update is exact only up to rounding: the
    /// iteration leaves a margin for it. The constant that is set after the last update may double the sum of both
    /// errors.
    pub(crate) fn goal(&self, problem: &Posed, precision: Precision) -> Result<f64> {
        let floor = problem.precision_floor(precision);
        let (tolerance, precision) = (self.tolerance, precision.name());
        if floor >= 1.0 {
            return Err(Error::NoDigits { precision, floor });
        }
        if tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance,
                precision,
                floor,
            });
        }
        let share = if problem.is_balanced() { 1.0 } else { 0.5 };
        Ok(share * problem.moving() * (tolerance - floor).max(0.5 * tolerance))
    }

    /// Computes the potentials of a problem with these settings, or a similar one.
    pub(crate) async fn fit<E: Engine>(
        &self,
        engine: &E,
        problem: &Problem<'_>,
        observer: &mut Observer<'_>,
    ) -> Result<Fit<E>> {
        let posed = problem.posed();
        let effort = Effort::begin();
        let goal = self.goal(posed, engine.precision())?;
        let marginal = |measure, rho| {
            let (frame, rho) = (problem.frame(), rho / problem.cost_unit());
            Marginal::new(engine, frame, measure, rho, problem.is_separable())
        };
        let marginals = [
            marginal(problem.source(), problem.rho_a())?,
            marginal(problem.target(), problem.rho_b())?,
        ];
        let same = problem.source() == problem.target();
        self.fit_marginals(engine, posed, (marginals, same), (goal, effort), observer)
            .await
    }

    /// Computes the potentials of marginals that lie on the device, and may be the `same` measure.
    pub(crate) async fn fit_marginals<E: Engine>(
        &self,
        engine: &E,
        problem: &Posed,
        (marginals, same): ([Marginal<E>; 2], bool),
        (goal, effort): (f64, Effort),
        observer: &mut Observer<'_>,
    ) -> Result<Fit<E>> {
        let on_host = marginals.iter().all(|side| !side.is_resident());
        if !on_host && self.multiscale == Multiscale::Always {
            return Err(Error::Unsupported {
                what: "near pairs of measures that lie on the device",
                device: engine.device().to_owned(),
            });
        }
        let places = || {
            let sides = marginals.each_ref();
            sides.map(|side| side.points.coordinates().into_owned())
        };
        if on_host && self.suits_levels(problem, places) {
            let work = (goal, effort);
            return self
                .fit_levels(engine, problem, (marginals, same), work, observer)
                .await;
        }
        let posed = (problem, self);
        let mut run = Run::new(engine, posed, marginals, (goal, effort), observer);
        let [rho_a, rho_b] = problem.rho();
        let symmetric = self.form == Form::Log && same && rho_a == rho_b;
        let automatic =
            !symmetric && (self.form, self.acceleration) == (Form::Log, Acceleration::Automatic);
        if automatic {
            run.begin().await?;
        } else {
            run.start(symmetric).await?;
        }
        match (self.form, self.acceleration) {
            _ if symmetric => run.iterate_symmetrically().await?,
            (Form::Log, Acceleration::Automatic) => run.iterate_automatically().await?,
            (Form::Scaling, _) => run.iterate_scalings().await?,
            (Form::Log, Acceleration::None) => run.iterate_plainly().await?,
            (Form::Log, Acceleration::OverRelaxation) => run.iterate_relaxed(false).await?,
            (Form::Log, Acceleration::Anderson { memory }) => {
                run.iterate_accelerated(memory, None).await?
            }
        }
        let Run {
            mut source,
            mut target,
            mut effort,
            mut ordered,
            ..
        } = run;
        if !source.is_resident() && !target.is_resident() {
            let rounding = problem.rounding(engine);
            let sides = (&mut source, &mut target);
            let passes = flat::refine(engine, problem.kernel(), sides, rounding, symmetric);
            let passes = passes.await?;
            if passes > 0 {
                // These potentials are those of the sides in their own order.
                ordered = None;
            }
            effort.evaluated(passes);
        }
        Ok(Fit {
            source,
            target,
            effort,
            ordered,
        })
    }
}

/// Both sides of a problem with their computed potentials, and the effort.
pub(crate) struct Fit<E: Engine> {
    pub(crate) source: Marginal<E>,
    pub(crate) target: Marginal<E>,
    pub(crate) effort: Effort,
    /// If passes saw both sides in another order: the sides in that order.
    pub(crate) ordered: Option<Ordered<E>>,
}

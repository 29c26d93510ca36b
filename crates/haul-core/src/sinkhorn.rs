//! The settings of a solve of OT_ε, and how it begins; `run` is the algorithm.

use crate::flat;
use crate::run::Run;
use crate::solution::Potentials;
use crate::start::Start;
use crate::{
    Cost, Engine, Error, Measure, Penalty, Problem, Regularization, Result, Solution, Stop,
};
use std::ops::ControlFlow;

/// In which variables the iteration runs. Both give the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Potentials f and g, by log-sum-exp: the default, at home in any range.
    #[default]
    Log,
    /// Scalings u = a/(K v), v = b/(Kᵀu), absorbed into the potentials before they leave the range
    /// of a float. It is not accelerated.
    Scaling,
}

/// How the tail of the iteration is shortened, in [`Form::Log`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceleration {
    /// Plain alternating updates.
    None,
    /// Updates drawn out by a factor between 1 and 2, learnt from the errors. It needs no memory
    /// and no inner products, and about twice the passes of Anderson's method.
    OverRelaxation,
    /// Anderson's method over that many past iterates.
    Anderson {
        /// How many, at least 2; 10 is the default.
        memory: usize,
    },
}

/// Where a solve stands; told to its observer whenever an error is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Iterations so far, those of the annealing included.
    pub iteration: usize,
    /// The ε of this iteration, in units of the cost.
    pub epsilon: f64,
    /// L1 error of the marginals before this iteration's last update, at that ε, relative to the
    /// mass; as [`Certificate`](crate::Certificate) has it.
    pub marginal_error: f64,
    /// The error at which the solve ends: the tolerance, less room for rounding.
    pub goal: f64,
    /// Seconds since the start.
    pub seconds: f64,
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
    p: f64,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
    pub(crate) start: Start,
    form: Form,
    acceleration: Acceleration,
}

impl Sinkhorn {
    /// With ε = σ^p, for a length σ.
    pub fn blur(sigma: f64) -> Self {
        Self::with(Regularization::Blur(sigma))
    }

    /// With ε in units of the cost.
    pub fn epsilon(epsilon: f64) -> Self {
        Self::with(Regularization::Epsilon(epsilon))
    }

    /// With ε as [`Regularization`] has it.
    pub fn with(regularization: Regularization) -> Self {
        Self {
            regularization,
            penalties: [Penalty::EXACT; 2],
            p: 2.0,
            tolerance: 1e-3,
            max_iterations: 10_000,
            start: Start::default(),
            form: Form::default(),
            acceleration: Acceleration::Anderson { memory: 10 },
        }
    }

    /// The same settings with another ε.
    pub fn regularized(mut self, regularization: Regularization) -> Self {
        self.regularization = regularization;
        self
    }

    /// The power p of the cost |x − y|^p, above 0 and at most 2 (the default).
    pub fn p(mut self, p: impl Into<f64>) -> Self {
        self.p = p.into();
        self
    }

    /// Both marginals of the plan may leave their measures, at ρ KL each with ρ = r^p for a length
    /// r: what is farther apart is rather destroyed and created than moved. The masses may differ.
    /// Infinity, the default, keeps both constraints.
    ///
    /// ```
    /// # use haul_core::Sinkhorn;
    /// let within_reach = Sinkhorn::blur(0.05).reach(0.3);
    /// let source_constrained = Sinkhorn::blur(0.05).rho_b(0.3);
    /// ```
    pub fn reach(mut self, reach: f64) -> Self {
        self.penalties = [Penalty::Reach(reach); 2];
        self
    }

    /// The same with ρ itself, in units of the cost.
    pub fn rho(mut self, rho: f64) -> Self {
        self.penalties = [Penalty::Rho(rho); 2];
        self
    }

    /// ρ_a of the source's side alone, in units of the cost; infinity keeps P1 = a.
    pub fn rho_a(mut self, rho: f64) -> Self {
        self.penalties[0] = Penalty::Rho(rho);
        self
    }

    /// ρ_b of the target's side alone, in units of the cost; infinity keeps Pᵀ1 = b.
    pub fn rho_b(mut self, rho: f64) -> Self {
        self.penalties[1] = Penalty::Rho(rho);
        self
    }

    /// The L1 marginal error, relative to the mass that moves where moving costs nothing, at which
    /// the solve ends. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The most iterations (pairs of updates), those of the annealing included. Default 10 000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// Where the iteration starts. Default [`Start::Automatic`].
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Starts from potentials of a similar problem, as [`Start::Potentials`].
    pub fn warm_start(self, potentials: Potentials) -> Self {
        self.start(Start::Potentials(potentials))
    }

    /// The variables of the iteration. Default [`Form::Log`].
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The acceleration of [`Form::Log`]. Default Anderson's, with a memory of 10.
    pub fn acceleration(mut self, acceleration: Acceleration) -> Self {
        self.acceleration = acceleration;
        self
    }

    /// The problem these settings pose between two measures, checked.
    pub fn problem<'m>(&self, source: &'m Measure, target: &'m Measure) -> Result<Problem<'m>> {
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
        let cost = Cost::power(self.p)?;
        Problem::new(source, target, cost, self.regularization, self.penalties)
    }

    /// Solves OT_ε(source, target) on an engine.
    pub fn solve<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Solution<'e, E>> {
        self.solve_observed(engine, source, target, |_| ControlFlow::Continue(()))
    }

    /// [`solve`](Self::solve) that tells its progress, and ends early where the observer breaks: as a
    /// solution that did not converge, or without a result, as [`Stop`] says.
    pub fn solve_observed<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&Progress) -> ControlFlow<Stop>,
    ) -> Result<Solution<'e, E>> {
        let problem = self.problem(source, target)?;
        let mut run = Run::new(engine, &problem, self, &mut observer)?;
        let symmetric =
            self.form == Form::Log && source == target && problem.rho_a() == problem.rho_b();
        run.start(symmetric)?;
        match (self.form, self.acceleration) {
            _ if symmetric => run.iterate_symmetrically()?,
            (Form::Scaling, _) => run.iterate_scalings()?,
            (Form::Log, Acceleration::None) => run.iterate_plainly()?,
            (Form::Log, Acceleration::OverRelaxation) => run.iterate_relaxed()?,
            (Form::Log, Acceleration::Anderson { memory }) => run.iterate_accelerated(memory)?,
        }
        let Run {
            mut source,
            mut target,
            mut effort,
            ..
        } = run;
        let rounding = problem.rounding(engine.precision());
        let sides = (&mut source, &mut target);
        effort.softmin_passes +=
            flat::refine(engine, problem.kernel(), sides, rounding, symmetric)?;
        Solution::certified(engine, &problem, source, target, self.tolerance, effort)
    }
}

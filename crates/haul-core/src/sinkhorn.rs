//! Sinkhorn's algorithm for OT_ε, over any engine.
//!
//! Alternating updates g ← T_a(f), f ← T_b(g), first down a ladder of ε (`anneal`), then at the ε
//! asked for, accelerated (`anderson`) or in the scaling form (`scaling`), until the L1 error of
//! the marginals is at most tolerance × mass. A measure against itself has one potential, and an
//! iteration of its own. After each update one marginal is exact, and the
//! error of the other falls out of the next update: rᵢ = aᵢ exp((fᵢ − T_b(g)ᵢ)/ε).

use crate::anderson::Anderson;
use crate::certificate::precision_floor;
use crate::engine::Kernel;
use crate::marginal::Marginal;
use crate::scaling::Scalings;
use crate::solution::Effort;
use crate::{Cost, Engine, Error, Measure, Problem, Regularization, Result, Solution, anneal};
use std::ops::ControlFlow;
use std::time::Instant;

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
    /// mass.
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
    regularization: Regularization,
    p: f64,
    tolerance: f64,
    max_iterations: usize,
    form: Form,
    acceleration: Acceleration,
}

/// A readback of the error waits for the device; it is asked for once in about so many pairs.
const PAIRS_PER_CHECK: u64 = 1 << 24;

/// And at least once in so many iterations; the first few double, for problems that end at once.
const ITERATIONS_PER_CHECK: u64 = 16;

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
            p: 2.0,
            tolerance: 1e-3,
            max_iterations: 10_000,
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

    /// The L1 marginal error, relative to the mass, at which the solve ends. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The most iterations (pairs of updates), those of the annealing included. Default 10 000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
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
        Problem::new(source, target, Cost::power(self.p)?, self.regularization)
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

    /// [`solve`](Self::solve) that tells its progress, and ends early where the observer breaks:
    /// a solve ended early is certified as it is, a solution that did not converge.
    pub fn solve_observed<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Solution<'e, E>> {
        let problem = self.problem(source, target)?;
        let mut run = Run::new(engine, &problem, self, &mut observer)?;
        match self.form {
            Form::Log if source == target => run.iterate_symmetrically()?,
            Form::Log => {
                run.anneal()?;
                run.iterate_potentials()?;
            }
            Form::Scaling => {
                run.anneal()?;
                run.iterate_scalings()?;
            }
        }
        let Run {
            source,
            target,
            effort,
            ..
        } = run;
        Solution::certified(engine, &problem, source, target, self.tolerance, effort)
    }
}

/// A solve under way.
struct Run<'r, 'e, E: Engine> {
    engine: &'e E,
    problem: &'r Problem<'r>,
    settings: &'r Sinkhorn,
    observer: &'r mut dyn FnMut(&Progress) -> ControlFlow<()>,
    effort: Effort,
    kernel: Kernel,
    source: Marginal<E>,
    target: Marginal<E>,
    goal: f64,
    stopped: bool,
}

impl<'r, 'e, E: Engine> Run<'r, 'e, E> {
    fn new(
        engine: &'e E,
        problem: &'r Problem<'r>,
        settings: &'r Sinkhorn,
        observer: &'r mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        let start = Instant::now();
        let kernel = problem.kernel();
        // The certificate counts both marginals, and that of the last update is exact only up to
        // rounding: the iteration leaves room for it.
        let floor = precision_floor(
            engine.precision(),
            problem.frame().diameter_in_frame(),
            kernel,
        );
        if floor >= 1.0 {
            let precision = engine.precision().name();
            return Err(Error::NoDigits { precision, floor });
        }
        Ok(Self {
            engine,
            problem,
            settings,
            observer,
            effort: Effort {
                iterations: 0,
                softmin_passes: 0,
                start,
            },
            kernel,
            source: Marginal::new(engine, problem.frame(), problem.source())?,
            target: Marginal::new(engine, problem.frame(), problem.target())?,
            goal: (settings.tolerance - floor).max(0.5 * settings.tolerance),
            stopped: false,
        })
    }

    /// One iteration at each level above the ε asked for. Where there are more levels than
    /// iterations, the largest are left out; where the observer ends it here, one iteration makes
    /// the potentials those of the ε asked for.
    fn anneal(&mut self) -> Result<()> {
        let levels = anneal::levels(
            self.problem.frame().diameter(),
            self.problem.cost().p(),
            self.problem.epsilon(),
        );
        let skipped = levels
            .len()
            .saturating_sub(self.settings.max_iterations - 1);
        for epsilon in &levels[skipped..] {
            let level = Kernel {
                epsilon: epsilon / self.problem.cost_unit(),
                ..self.kernel
            };
            let error = self.update(level, true)?;
            self.source.accept();
            self.tell(level, error)?;
            if self.stopped {
                self.update(self.kernel, false)?;
                self.source.accept();
                break;
            }
        }
        Ok(())
    }

    fn iterate_potentials(&mut self) -> Result<()> {
        let mut anderson = match self.settings.acceleration {
            Acceleration::None => None,
            Acceleration::Anderson { memory } => Some(Anderson::new(memory)),
        };
        while !self.ended() {
            let error = self.update(self.kernel, self.measures())?;
            self.tell(self.kernel, error)?;
            match &mut anderson {
                Some(anderson) if !self.ended() => {
                    anderson.advance(self.engine, &mut self.source, error)?
                }
                // The last iterate is a plain update: the source's marginal is then exact.
                _ => self.source.accept(),
            }
        }
        Ok(())
    }

    /// OT_ε(α, α) has f = g, and the averaged update f ← ½(f + T(f)) halves the error whatever ε
    /// [FSVATP'19]: one pass an iteration, no annealing.
    fn iterate_symmetrically(&mut self) -> Result<()> {
        let Self { engine, kernel, .. } = *self;
        while !self.ended() {
            let measured = self.measures();
            let guessed = self.effort.iterations > 0;
            self.source.update_by_itself(engine, kernel, guessed)?;
            self.effort.iterations += 1;
            self.effort.softmin_passes += 1;
            // Both marginals have the same error.
            let error = if measured {
                Some(2.0 * self.source.error(engine, kernel.epsilon)?)
            } else {
                None
            };
            self.tell(kernel, error)?;
            let average = [(0.5, &self.source.potential), (0.5, &self.source.updated)];
            engine.combine(&average, &mut self.target.potential)?;
            std::mem::swap(&mut self.source.potential, &mut self.target.potential);
        }
        engine.combine(&[(1.0, &self.source.potential)], &mut self.target.potential)
    }

    fn iterate_scalings(&mut self) -> Result<()> {
        let mut scalings = Scalings::new(self.engine, self.kernel, &self.source, &self.target)?;
        while !self.ended() {
            let measured = self.measures();
            let error = scalings.iterate(&mut self.source, &mut self.target, measured)?;
            self.effort.iterations += 1;
            self.effort.softmin_passes += 2;
            self.tell(self.kernel, error)?;
        }
        scalings.absorb_into(&mut self.source, &mut self.target)?;
        // A last update in potentials: scalings that are still on their way into the range of a
        // float would make no plan.
        self.source
            .update(self.engine, self.kernel, &self.target, false)?;
        self.source.accept();
        self.effort.softmin_passes += 1;
        Ok(())
    }

    /// g ← T_a(f); then T_b(g), not yet accepted. Where `measured`, the error of (f, g) as well.
    fn update(&mut self, kernel: Kernel, measured: bool) -> Result<Option<f64>> {
        let Self {
            engine,
            source,
            target,
            effort,
            ..
        } = self;
        // From the second iteration on, the potentials at hand are guesses of their updates.
        let guessed = effort.iterations > 0;
        target.update(*engine, kernel, source, guessed)?;
        target.accept();
        source.update(*engine, kernel, target, guessed)?;
        effort.iterations += 1;
        effort.softmin_passes += 2;
        if measured {
            source.error(*engine, kernel.epsilon).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether the error of the coming iteration is worth waiting for.
    fn measures(&self) -> bool {
        let pairs = self.source.weights.len() as u64 * self.target.weights.len() as u64;
        let every = (PAIRS_PER_CHECK / pairs.max(1)).clamp(1, ITERATIONS_PER_CHECK);
        let coming = self.effort.iterations + 1;
        (coming as u64).is_multiple_of(every)
            || coming.is_power_of_two()
            || coming >= self.settings.max_iterations
    }

    fn tell(&mut self, kernel: Kernel, error: Option<f64>) -> Result<()> {
        let Some(marginal_error) = error else {
            return Ok(());
        };
        if !marginal_error.is_finite() {
            let device = self.engine.device().to_owned();
            return Err(Error::NotFiniteResult {
                what: "the marginal error",
                device,
            });
        }
        let progress = Progress {
            iteration: self.effort.iterations,
            epsilon: kernel.epsilon * self.problem.cost_unit(),
            marginal_error,
            goal: self.goal,
            seconds: self.effort.start.elapsed().as_secs_f64(),
        };
        let arrived = kernel == self.kernel && marginal_error <= self.goal;
        self.stopped = (self.observer)(&progress).is_break() || arrived;
        Ok(())
    }

    fn ended(&self) -> bool {
        self.stopped || self.effort.iterations >= self.settings.max_iterations
    }
}

//! Sinkhorn's algorithm for OT_ε, over any engine.
//!
//! Alternating updates g ← T_a(f), f ← T_b(g) from where the settings start (`start`, `anneal`),
//! accelerated (`anderson`, `relaxation`) or in the scaling form (`scaling`), until the L1 error of
//! the marginals is at most tolerance × mass. A measure against itself has one potential, and an
//! iteration of its own. After each update one marginal is exact, and the error of the other falls
//! out of the next update: rᵢ = aᵢ exp((fᵢ − T_b(g)ᵢ)/ε).
//!
//! A penalty ρ KL(P1 | a) in place of the constraint damps the update, f ← λ T_b(g) with
//! λ = ρ/(ρ + ε), and asks for P1 = a e^{−f/ρ} in place of P1 = a [Séjourné et al.'19]. The constant
//! t of f + t, g − t, which the plan does not feel, then has a best value. Damped updates find it as
//! slowly as (λ_a λ_b)^k, where ρ ≫ ε; so it is set after each of them, in closed form
//! [Séjourné–Vialard–Peyré'22].

use crate::anderson::Anderson;
use crate::checks::Checks;
use crate::engine::Kernel;
use crate::marginal::Marginal;
use crate::relaxation::Relaxation;
use crate::scaling::Scalings;
use crate::sinkhorn::{Progress, Sinkhorn};
use crate::solution::{Effort, Potentials};
use crate::start::{Start, gaussian};
use crate::{Engine, Error, Problem, Result, Stop, anneal};
use std::ops::ControlFlow;
use std::time::Instant;

/// A solve under way.
pub(crate) struct Run<'r, 'e, E: Engine> {
    engine: &'e E,
    problem: &'r Problem<'r>,
    settings: &'r Sinkhorn,
    observer: &'r mut dyn FnMut(&Progress) -> ControlFlow<Stop>,
    pub(crate) effort: Effort,
    kernel: Kernel,
    pub(crate) source: Marginal<E>,
    pub(crate) target: Marginal<E>,
    goal: f64,
    stopped: bool,
}

impl<'r, 'e, E: Engine> Run<'r, 'e, E> {
    pub(crate) fn new(
        engine: &'e E,
        problem: &'r Problem<'r>,
        settings: &'r Sinkhorn,
        observer: &'r mut dyn FnMut(&Progress) -> ControlFlow<Stop>,
    ) -> Result<Self> {
        let start = Instant::now();
        let kernel = problem.kernel();
        // The certificate counts both marginals, and that of the last update is exact only up to
        // rounding: the iteration leaves room for it. The constant that is set after the last
        // update may double the sum of both errors.
        let floor = problem.precision_floor(engine.precision());
        if floor >= 1.0 {
            let precision = engine.precision().name();
            return Err(Error::NoDigits { precision, floor });
        }
        if settings.tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance: settings.tolerance,
                precision: engine.precision().name(),
                floor,
            });
        }
        let balanced = problem.rho_a().is_infinite() && problem.rho_b().is_infinite();
        let share = if balanced { 1.0 } else { 0.5 };
        let marginal = |measure, rho| {
            let (frame, rho) = (problem.frame(), rho / problem.cost_unit());
            Marginal::new(engine, frame, measure, rho)
        };
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
            source: marginal(problem.source(), problem.rho_a())?,
            target: marginal(problem.target(), problem.rho_b())?,
            goal: share * (settings.tolerance - floor).max(0.5 * settings.tolerance),
            stopped: false,
        })
    }

    /// Brings the potentials to where the iteration starts.
    pub(crate) fn start(&mut self, symmetric: bool) -> Result<()> {
        match self.settings.start.resolved(self.problem) {
            _ if symmetric && self.settings.start == Start::Automatic => Ok(()),
            Start::Automatic | Start::Zero => Ok(()),
            Start::Annealed => self.anneal(),
            Start::Gaussian => {
                let Kernel { cost, epsilon } = self.kernel;
                let f = gaussian(cost, epsilon, &self.source, &self.target)?;
                self.source.potential = self.engine.vector(&f)?;
                Ok(())
            }
            Start::Potentials(potentials) => {
                let Potentials { mut f, g } = self.problem.in_frame(&potentials)?;
                if symmetric {
                    for (f, g) in f.iter_mut().zip(&g) {
                        *f = 0.5 * (*f + g);
                    }
                }
                self.source.potential = self.engine.vector(&f)?;
                self.target.potential = self.engine.vector(&g)?;
                Ok(())
            }
        }
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
            self.update(level)?;
            let error = self.source.error(self.engine, level.epsilon)?;
            self.accept()?;
            self.tell(level, error)?;
            if self.stopped {
                self.update(self.kernel)?;
                self.accept()?;
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn iterate_plainly(&mut self) -> Result<()> {
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            self.update(self.kernel)?;
            if measured {
                let error = self.source.error(self.engine, self.kernel.epsilon)?;
                self.tell(self.kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
            self.accept()?;
        }
        Ok(())
    }

    /// Iterations are drawn out, but for those whose error is measured: after them the marginals
    /// are what a plain update makes them.
    pub(crate) fn iterate_relaxed(&mut self) -> Result<()> {
        let mut relaxation = Relaxation::new(self.effort.iterations);
        while !self.ended() {
            if self.measures(relaxation.due(self.coming())) {
                self.update(self.kernel)?;
                let error = self.source.error(self.engine, self.kernel.epsilon)?;
                self.tell(self.kernel, error)?;
                relaxation.measured(self.effort.iterations, error);
                self.accept()?;
            } else {
                self.update_by(self.kernel, relaxation.omega())?;
                self.translate()?;
                self.source
                    .accept_relaxed(self.engine, relaxation.omega())?;
            }
        }
        Ok(())
    }

    pub(crate) fn iterate_accelerated(&mut self, memory: usize) -> Result<()> {
        let Self { engine, kernel, .. } = *self;
        let mut anderson = Anderson::new(engine, memory, self.source.weights.len())?;
        while !self.ended() {
            self.update(kernel)?;
            let error = if self.balanced() {
                anderson.remember(engine, kernel.epsilon, &self.source, None)?
            } else {
                // The error is that of the update, the image that of the best constant.
                let error = self.source.error(engine, kernel.epsilon)?;
                self.translate()?;
                anderson.remember(engine, kernel.epsilon, &self.source, Some(error))?
            };
            self.tell(kernel, error)?;
            if self.ended() {
                // The last iterate is a plain update: the source's marginal is then exact.
                self.source.accept();
            } else {
                anderson.extrapolate(engine, &mut self.source)?;
            }
        }
        Ok(())
    }

    /// OT_ε(α, α) has f = g, and the averaged update f ← ½(f + λ T(f)) halves the error whatever ε
    /// [FSVATP'19; Séjourné et al.'19]: the derivative of λ T has its spectrum in [−λ, 0], so that of
    /// the average is in [½ − ½λ, ½]. One pass an iteration, no annealing.
    pub(crate) fn iterate_symmetrically(&mut self) -> Result<()> {
        let Self { engine, kernel, .. } = *self;
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            let guessed = self.effort.iterations > 0;
            self.source.update_by_itself(engine, kernel, guessed)?;
            self.effort.iterations += 1;
            self.effort.softmin_passes += 1;
            if measured {
                // Both marginals have the same error.
                let error = 2.0 * self.source.error(engine, kernel.epsilon)?;
                self.tell(kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
            self.source.accept_relaxed(engine, 0.5)?;
        }
        engine.combine(&[(1.0, &self.source.potential)], &mut self.target.potential)
    }

    pub(crate) fn iterate_scalings(&mut self) -> Result<()> {
        // Wherever it starts, potentials bring the sums into the range of a float.
        self.update(self.kernel)?;
        self.accept()?;
        let mut scalings = Scalings::new(self.engine, self.kernel, &self.source, &self.target)?;
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            let error = scalings.iterate(&mut self.source, &mut self.target, measured)?;
            if measured {
                scalings.translate(&mut self.source, &mut self.target)?;
            }
            self.effort.iterations += 1;
            self.effort.softmin_passes += 2;
            if let Some(error) = error {
                self.tell(self.kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
        }
        scalings.absorb_into(&mut self.source, &mut self.target)?;
        // A last update in potentials: scalings that are still on their way into the range of a
        // float would make no plan.
        self.source
            .update(self.engine, self.kernel, &self.target, false)?;
        self.accept()?;
        self.effort.softmin_passes += 1;
        Ok(())
    }

    /// g ← T_a(f); then T_b(g), not yet accepted.
    fn update(&mut self, kernel: Kernel) -> Result<()> {
        self.update_by(kernel, 1.0)
    }

    /// g ← g + ω (T_a(f) − g); then T_b(g), not yet accepted.
    fn update_by(&mut self, kernel: Kernel, omega: f64) -> Result<()> {
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
        target.accept_relaxed(*engine, omega)?;
        source.update(*engine, kernel, target, guessed)?;
        effort.iterations += 1;
        effort.softmin_passes += 2;
        Ok(())
    }

    /// Makes the update the present potential, with the best constant.
    fn accept(&mut self) -> Result<()> {
        self.translate()?;
        self.source.accept();
        Ok(())
    }

    fn balanced(&self) -> bool {
        self.source.rho.is_infinite() && self.target.rho.is_infinite()
    }

    /// f + t, g − t for the updated f that is not yet accepted, with the t of the largest dual.
    fn translate(&mut self) -> Result<()> {
        if self.balanced() {
            return Ok(());
        }
        let Self {
            engine,
            source,
            target,
            ..
        } = self;
        let (f, g) = (
            engine.read(&source.updated)?,
            engine.read(&target.potential)?,
        );
        if let Some(t) = best_translation(*engine, (source, &f), (target, &g)) {
            source.updated = shifted(*engine, f, t)?;
            target.potential = shifted(*engine, g, -t)?;
        }
        Ok(())
    }

    fn checks(&self) -> Checks {
        let pairs = self.source.weights.len() as u64 * self.target.weights.len() as u64;
        Checks::new(pairs, self.effort.iterations)
    }

    fn coming(&self) -> usize {
        self.effort.iterations + 1
    }

    /// Whether the coming iteration is measured: where it is due, and where it is the last.
    fn measures(&self, due: bool) -> bool {
        due || self.coming() >= self.settings.max_iterations
    }

    fn tell(&mut self, kernel: Kernel, marginal_error: f64) -> Result<()> {
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
        self.stopped = match (self.observer)(&progress) {
            ControlFlow::Continue(()) => arrived,
            ControlFlow::Break(Stop::Certify) => true,
            ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
        };
        Ok(())
    }

    fn ended(&self) -> bool {
        self.stopped || self.effort.iterations >= self.settings.max_iterations
    }
}

/// The t of the largest dual(f + t, g − t), where ⟨a, e^{−f/ρ_a}⟩ = ⟨b, e^{−g/ρ_b}⟩; none where it
/// is below the rounding of the potentials.
pub(crate) fn best_translation<E: Engine>(
    engine: &E,
    (source, f): (&Marginal<E>, &[f64]),
    (target, g): (&Marginal<E>, &[f64]),
) -> Option<f64> {
    let difference = source.log_wanted_mass(f) - target.log_wanted_mass(g);
    let t = difference / (1.0 / source.rho + 1.0 / target.rho);
    let height = f
        .iter()
        .chain(g)
        .fold(0.0, |height: f64, f| height.max(f.abs()));
    let felt = t.abs() > engine.precision().unit_roundoff() * height;
    (felt && t.is_finite()).then_some(t)
}

/// A potential and a constant, on the device.
pub(crate) fn shifted<E: Engine>(engine: &E, mut potential: Vec<f64>, t: f64) -> Result<E::Vector> {
    potential.iter_mut().for_each(|f| *f += t);
    engine.vector(&potential)
}

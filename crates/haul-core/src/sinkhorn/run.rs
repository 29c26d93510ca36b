//! Sinkhorn's algorithm for OT_ε, over any engine.
//!
//! Alternating updates g ← T_a(f), f ← T_b(g), from the start that the settings select (`start`, `anneal`). They are
//! accelerated (`anderson`, `relaxation`, monitored by `watch`) or in the scaling form (`scaling`), or replaced by
//! Newton's method (`newton`), until the L1 error of the marginals is at most tolerance × mass. A measure against
//! itself has one potential, and an iteration of its own. After each update one marginal is exact, and the error of
//! the other follows from the next update: rᵢ = aᵢ exp((fᵢ − T_b(g)ᵢ)/ε).
//!
//! A penalty ρ KL(P1 | a) in place of the constraint damps the update, f ← λ T_b(g) with λ = ρ/(ρ + ε), and the
//! optimality condition is P1 = a e^{−f/ρ} in place of P1 = a [Séjourné et al.'19]. The plan does not depend on the
//! constant t of f + t, g − t, but t then has a best value. If ρ ≫ ε, damped updates approach it as slowly as
//! (λ_a λ_b)^k; so it is set after each update, in closed form [Séjourné–Vialard–Peyré'22].

use super::checks::Checks;
use super::effort::{Effort, Method};
use super::grouping::Grouping;
use super::multiscale::{Following, Half, Ordered};
use super::newton::{self, Newton, Step};
use super::relaxation::Relaxation;
use super::scaling::Scalings;
use super::start::{Start, gaussian};
use super::translation::Constant;
use super::watch::Watch;
use super::{Observer, Sinkhorn, anneal};
use crate::engine::Kernel;
use crate::pass::{Marginal, pairs_of_a_pass};
use crate::problem::{Posed, Potentials};
use crate::{Engine, Error, Precision, Progress, Result, Stop};
use std::ops::ControlFlow;

/// The state of a solve.
pub(crate) struct Run<'r, 'e, E: Engine> {
    pub(super) engine: &'e E,
    pub(super) problem: &'r Posed,
    pub(super) settings: &'r Sinkhorn,
    pub(super) observer: &'r mut Observer<'r>,
    pub(crate) effort: Effort,
    pub(super) kernel: Kernel,
    pub(crate) source: Marginal<E>,
    pub(crate) target: Marginal<E>,
    pub(super) goal: f64,
    /// The method of the current iterations.
    pub(super) method: Method,
    /// Whether the current potentials are guesses of their updates.
    pub(super) guessed: bool,
    pub(super) stopped: bool,
    /// The sides in the order of groups, if the run ended there and the engine keeps distances between them.
    pub(super) ordered: Option<Ordered<E>>,
    /// The groups of a start from coarse clouds.
    pub(super) groupings: Option<[Grouping; 2]>,
    /// While passes include near pairs only.
    pub(super) following: Option<Following>,
}

/// The default memory of Anderson's method.
const MEMORY: usize = 10;

/// Below this ratio of the largest cost to ε, Newton's method is not tried first.
const HARD: f64 = 1e3;

/// The least number of iterations of Anderson's method before Newton's.
const FEWEST_TRIED: usize = 24;

/// Newton's method ends at this fraction of the iteration's target error.
const NEWTON_SHARE: f64 = 0.25;

/// The largest number of coordinate differences that the host computes for the costs of Newton's method.
const MOST_DIFFERENCES: usize = 1 << 30;

impl<'r, 'e, E: Engine> Run<'r, 'e, E> {
    /// For marginals that lie on the device, to an error of `goal`.
    pub(crate) fn new(
        engine: &'e E,
        (problem, settings): (&'r Posed, &'r Sinkhorn),
        [source, target]: [Marginal<E>; 2],
        (goal, effort): (f64, Effort),
        observer: &'r mut Observer<'r>,
    ) -> Self {
        let pairs_of_a_pass = source.pairs_with(&target);
        Self {
            engine,
            problem,
            settings,
            observer,
            effort: Effort {
                pairs_of_a_pass,
                ..effort
            },
            kernel: problem.kernel(),
            source,
            target,
            goal,
            method: Method::Plain,
            guessed: false,
            stopped: false,
            ordered: None,
            groupings: None,
            following: None,
        }
    }

    /// Whether points and weights of a side are only on the device.
    pub(super) fn is_resident(&self) -> bool {
        self.source.is_resident() || self.target.is_resident()
    }

    /// Computes the start potentials.
    pub(crate) async fn start(&mut self, symmetric: bool) -> Result<()> {
        let start = match &self.settings.start {
            Start::Automatic if symmetric => Start::Zero,
            Start::Automatic if self.suits_coarse_start()? => Start::Coarse,
            start => start.resolved(self.problem, self.is_resident()),
        };
        match start {
            Start::Automatic | Start::Zero => Ok(()),
            Start::Coarse => self.start_from_coarse().await,
            Start::Annealed => self.anneal().await,
            Start::Gaussian => {
                let f = gaussian(self.engine, self.kernel, &self.source, &self.target)?;
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

    /// One iteration at each level above the required ε. If there are more levels than iterations, the largest are
    /// left out; if the observer ends it here, one more iteration computes potentials for the required ε.
    async fn anneal(&mut self) -> Result<()> {
        let levels = anneal::levels(
            self.problem.frame().diameter(),
            self.problem.cost().p(),
            self.problem.epsilon(),
        );
        self.method = Method::Annealing;
        let skipped = levels
            .len()
            .saturating_sub(self.settings.max_iterations - 1);
        for epsilon in &levels[skipped..] {
            let level = Kernel {
                epsilon: epsilon / self.problem.cost_unit(),
                ..self.kernel
            };
            self.update(level).await?;
            let error = self.source.error(self.engine, level.epsilon).await?;
            self.accept().await?;
            self.tell(level, error)?;
            if self.stopped {
                return self.end_here().await;
            }
        }
        Ok(())
    }

    /// Ends a start that the observer asked to end: one iteration computes potentials for the required ε.
    pub(super) async fn end_here(&mut self) -> Result<()> {
        self.method = Method::Plain;
        self.update(self.kernel).await?;
        self.accept().await?;
        self.stopped = true;
        Ok(())
    }

    /// The default, [`Acceleration::Automatic`](crate::Acceleration::Automatic).
    ///
    /// A small problem at a small ε has begun with Newton's method ([`begin`](Self::begin)). Any other problem begins
    /// with Anderson's, which must be faster than plain updates (`watch`). In a small problem Anderson's method gets
    /// one iteration for each point of the smaller side, about half of the cost of Newton's method, and then Newton's
    /// method follows. If that does not solve the problem, over-relaxation follows, and if plain updates are faster,
    /// they follow it.
    pub(crate) async fn iterate_automatically(&mut self) -> Result<()> {
        if self.suits_newton() && !self.had_newton() {
            let at_most = self.smaller_side().max(FEWEST_TRIED);
            self.iterate_accelerated(MEMORY, Some(at_most)).await?;
            if !self.ended() {
                self.iterate_by_newton().await?;
            }
        }
        if !self.ended() {
            self.iterate_accelerated(MEMORY, Some(self.settings.max_iterations))
                .await?;
        }
        if !self.ended() {
            self.iterate_relaxed(true).await?;
        }
        if !self.ended() {
            self.iterate_plainly().await?;
        }
        Ok(())
    }

    /// The start of the default acceleration: the potentials of Newton's method, if it is expected to cost less than
    /// Anderson's, and otherwise those of [`start`](Self::start).
    ///
    /// A Newton step takes at most n²(m + n) operations, where n is the smaller side, and the number of steps hardly
    /// depends on ε: measured on two cores, all steps take as long as about 2n iterations. Anderson's method takes
    /// from one to five times √(diam^p/ε) iterations for p = 2, and more for other p.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        let hardness = self.problem.largest_cost() / self.problem.epsilon();
        let half = 0.5 * self.smaller_side() as f64;
        let hard = hardness >= HARD.max(half * half);
        if hard && self.settings.start == Start::Automatic && self.suits_newton() {
            self.iterate_by_newton().await
        } else {
            self.start(false).await
        }
    }

    pub(super) fn smaller_side(&self) -> usize {
        self.source.len().min(self.target.len())
    }

    /// Whether the problem is small enough for arrays of its pairs.
    fn suits_newton(&self) -> bool {
        let pairs = self.source.len().saturating_mul(self.target.len());
        !self.problem.is_separable()
            && !self.is_resident()
            && self.smaller_side() <= newton::MOST_ROWS
            && pairs <= newton::MOST_PAIRS
            && pairs.saturating_mul(self.source.dimension()) <= MOST_DIFFERENCES
    }

    fn had_newton(&self) -> bool {
        let mut stages = self.effort.stages.iter();
        stages.any(|stage| stage.method == Method::Newton)
    }

    /// Newton's method on the host; then uploads its potentials. It leaves one iteration for the next method.
    pub(super) async fn iterate_by_newton(&mut self) -> Result<()> {
        self.method = Method::Newton;
        let present = [&self.source, &self.target].map(|side| {
            let points = 0..side.len();
            points
                .filter(|i| side.weights[*i] > 0.0)
                .collect::<Vec<_>>()
        });
        let swapped = present[1].len() < present[0].len();
        let mut newton = self.dense(&present, swapped);
        newton.descend();
        if !newton.error().is_finite() {
            // Costs or weights whose exponentials leave the range of f64: keep the current potentials.
            return Ok(());
        }
        let goal = NEWTON_SHARE * self.goal;
        while !(newton.at_last() && newton.error() <= goal)
            && self.coming() < self.settings.max_iterations
        {
            self.engine.interrupt().check()?;
            let step = newton.step();
            self.effort.took(self.method);
            let level = Kernel {
                epsilon: newton.epsilon(),
                ..self.kernel
            };
            if self.observe(level, newton.error())? {
                self.stopped = true;
                break;
            }
            if step == Step::Exhausted {
                break;
            }
            newton.descend();
        }
        let [rows, columns] = newton.potentials();
        let of_sides = if swapped {
            [columns, rows]
        } else {
            [rows, columns]
        };
        let sides = [&mut self.source, &mut self.target];
        for ((side, values), present) in sides.into_iter().zip(of_sides).zip(&present) {
            let mut potential = vec![0.0; side.len()];
            for (i, value) in present.iter().zip(values) {
                potential[*i] = *value;
            }
            side.potential = self.engine.vector(&potential)?;
        }
        self.guessed = false;
        if self.stopped {
            return self.end_here().await;
        }
        Ok(())
    }

    /// The problem of the points of positive weight as the engine sees it, with the smaller side as rows.
    fn dense(&self, present: &[Vec<usize>; 2], swapped: bool) -> Newton {
        let d = self.source.dimension();
        let single = self.engine.precision() == Precision::F32;
        let rounded = |x: &f64| if single { f64::from(*x as f32) } else { *x };
        let sides = [&self.source, &self.target];
        let points = [0, 1].map(|side: usize| {
            let coordinates = sides[side].points.coordinates();
            let of_point = |i: &usize| coordinates[i * d..][..d].iter().map(rounded);
            present[side].iter().flat_map(of_point).collect::<Vec<_>>()
        });
        let weights = [0, 1].map(|side: usize| {
            let of_point = |i: &usize| sides[side].weights[*i];
            present[side].iter().map(of_point).collect::<Vec<_>>()
        });
        let [rows, columns] = if swapped { [1, 0] } else { [0, 1] };
        let mut costs = Vec::with_capacity(present[0].len() * present[1].len());
        for y in points[columns].chunks_exact(d) {
            for x in points[rows].chunks_exact(d) {
                costs.push(self.kernel.cost.between(x, y));
            }
        }
        let [a, b] = weights;
        let weights = if swapped { (b, a) } else { (a, b) };
        let rho = [sides[rows].rho, sides[columns].rho];
        Newton::new(costs, weights, rho, self.kernel.epsilon)
    }

    pub(crate) async fn iterate_plainly(&mut self) -> Result<()> {
        self.method = Method::Plain;
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            self.update(self.kernel).await?;
            if measured {
                let error = self.source.error(self.engine, self.kernel.epsilon).await?;
                self.tell(self.kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
            self.accept().await?;
        }
        Ok(())
    }

    /// Iterations are over-relaxed, except when the error is measured: the marginals are then those of a plain
    /// update. If `watched`, it also returns when plain updates are faster.
    pub(crate) async fn iterate_relaxed(&mut self, watched: bool) -> Result<()> {
        self.method = Method::OverRelaxation;
        let mut relaxation = Relaxation::new(self.effort.iterations);
        let mut watch = Watch::new(self.effort.iterations);
        while !self.ended() {
            if self.measures(relaxation.due(self.coming())) {
                self.update(self.kernel).await?;
                let error = self.source.error(self.engine, self.kernel.epsilon).await?;
                let slow = watched
                    && watch.due(self.effort.iterations)
                    && watch.is_slow(self.standing(error).await?);
                self.tell(self.kernel, error)?;
                relaxation.measured(self.effort.iterations, error);
                self.accept().await?;
                if slow {
                    break;
                }
            } else {
                self.update_by(self.kernel, relaxation.omega()).await?;
                self.translate().await?;
                self.source
                    .accept_relaxed(self.engine, relaxation.omega())?;
            }
        }
        Ok(())
    }

    /// OT_ε(α, α) has f = g, and the averaged update f ← ½(f + λ T(f)) halves the error whatever ε
    /// [FSVATP'19; Séjourné et al.'19]: the derivative of λ T has its spectrum in [−λ, 0], so that of
    /// the average is in [½ − ½λ, ½]. One pass an iteration, no annealing.
    pub(crate) async fn iterate_symmetrically(&mut self) -> Result<()> {
        self.method = Method::Averaging;
        let Self { engine, kernel, .. } = *self;
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            let guessed = self.effort.iterations > 0;
            let update = |run: &mut Self| run.source.update_by_itself(engine, kernel, guessed);
            self.update_near(Half::Both, update).await?;
            self.effort.took(self.method);
            if measured {
                // Both marginals have the same error.
                let error = 2.0 * self.source.error(engine, kernel.epsilon).await?;
                self.tell(kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
            self.source.accept_relaxed(engine, 0.5)?;
        }
        engine.combine(&[(1.0, &self.source.potential)], &mut self.target.potential)
    }

    pub(crate) async fn iterate_scalings(&mut self) -> Result<()> {
        self.method = Method::Scaling;
        // Whatever the start, an update in potentials brings the sums into the range of floats.
        self.update(self.kernel).await?;
        self.accept().await?;
        let mut scalings = Scalings::new(self.engine, self.kernel, &self.source, &self.target)?;
        let mut checks = self.checks();
        while !self.ended() {
            let measured = self.measures(checks.due(self.coming()));
            let error = scalings
                .iterate(&mut self.source, &mut self.target, measured)
                .await?;
            if measured {
                scalings
                    .translate(&mut self.source, &mut self.target)
                    .await?;
            }
            self.effort.evaluated(2);
            self.effort.took(self.method);
            if let Some(error) = error {
                self.tell(self.kernel, error)?;
                checks.measured(self.effort.iterations, error, self.goal);
            }
        }
        scalings
            .absorb_into(&mut self.source, &mut self.target)
            .await?;
        // A last update in potentials: scalings that have not reached the range of floats yet would not give a plan.
        self.source
            .update(self.engine, self.kernel, &self.target, false)?;
        self.accept().await?;
        self.effort.evaluated(1);
        Ok(())
    }

    /// g ← T_a(f); then T_b(g), not yet accepted.
    pub(super) async fn update(&mut self, kernel: Kernel) -> Result<()> {
        self.update_by(kernel, 1.0).await
    }

    /// g ← g + ω (T_a(f) − g); then T_b(g), not yet accepted.
    async fn update_by(&mut self, kernel: Kernel, omega: f64) -> Result<()> {
        let (engine, guessed) = (self.engine, self.guessed);
        let update = |run: &mut Self| run.target.update(engine, kernel, &run.source, guessed);
        self.update_near(Half::Target, update).await?;
        self.target.accept_relaxed(engine, omega)?;
        let update = |run: &mut Self| run.source.update(engine, kernel, &run.target, guessed);
        self.update_near(Half::Source, update).await?;
        self.guessed = true;
        self.effort.took(self.method);
        Ok(())
    }

    /// Replaces the potential by the update, with the best constant.
    async fn accept(&mut self) -> Result<()> {
        self.translate().await?;
        self.source.accept();
        Ok(())
    }

    /// f + t, g − t for the updated f that is not yet accepted, with the t that maximises the dual.
    pub(super) async fn translate(&mut self) -> Result<()> {
        if self.problem.is_balanced() {
            return Ok(());
        }
        let Self {
            engine,
            source,
            target,
            ..
        } = self;
        let f = source.conjugate_on_device(engine, &source.updated).await?;
        let g = target
            .conjugate_on_device(engine, &target.potential)
            .await?;
        let rho = [source.rho, target.rho];
        let constant = Constant {
            excesses: [-f.sum / rho[0], -g.sum / rho[1]],
            height: f.height.max(g.height),
        };
        if let Some(t) = constant.best(rho, engine.precision()) {
            source.shift_updated(engine, t)?;
            target.shift(engine, -t)?;
        }
        Ok(())
    }

    fn checks(&self) -> Checks {
        let pairs = pairs_of_a_pass(&self.source.points, &self.target.points);
        Checks::new(pairs, self.effort.iterations)
    }

    fn coming(&self) -> usize {
        self.effort.iterations + 1
    }

    /// Whether to measure the next iteration: if it is due, or the last one.
    fn measures(&self, due: bool) -> bool {
        due || self.coming() >= self.settings.max_iterations
    }

    /// Reports an error to the observer, and ends the iteration at the goal, or if the observer asks for it.
    pub(super) fn tell(&mut self, kernel: Kernel, marginal_error: f64) -> Result<()> {
        let asked = self.observe(kernel, marginal_error)?;
        let arrived = kernel == self.kernel && marginal_error <= self.goal;
        self.stopped = arrived || asked;
        Ok(())
    }

    /// Reports an error to the observer; returns whether it asks to end.
    fn observe(&mut self, kernel: Kernel, marginal_error: f64) -> Result<bool> {
        if !marginal_error.is_finite() {
            let device = self.engine.device().to_owned();
            return Err(Error::NotFiniteResult {
                what: "the marginal error",
                device,
            });
        }
        let progress = Progress {
            iteration: self.effort.all_iterations(),
            epsilon: if kernel == self.kernel {
                self.problem.epsilon()
            } else {
                kernel.epsilon * self.problem.cost_unit()
            },
            marginal_error,
            goal: self.goal,
            seconds: self.effort.start.elapsed().as_secs_f64(),
            level: 0,
        };
        match (self.observer)(&progress) {
            ControlFlow::Continue(()) => Ok(false),
            ControlFlow::Break(Stop::Certify) => Ok(true),
            ControlFlow::Break(Stop::Abandon) => Err(Error::Interrupted),
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.stopped || self.effort.iterations >= self.settings.max_iterations
    }
}

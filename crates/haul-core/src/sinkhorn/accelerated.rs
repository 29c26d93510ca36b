//! Anderson's method over pairs of updates, from some iteration on with the two-level correction.

use super::anderson::Anderson;
use super::effort::Method;
use super::run::Run;
use super::two_level::{Pace, TwoLevel};
use super::watch::{Standing, Watch};
use crate::engine::Pointwise;
use crate::{Engine, Result};

/// What an accelerated iteration has beside the potentials.
struct Course<E: Engine> {
    memory: usize,
    anderson: Anderson<E>,
    /// If the iteration is watched.
    watch: Option<Watch>,
    pace: Pace,
    /// While the two-level correction runs.
    levels: Option<TwoLevel<E>>,
}

/// An update that is not yet accepted.
struct Pending {
    error: f64,
    /// With the two-level correction, the masses between groups.
    masses: Vec<f64>,
    /// Whether the history has it already.
    remembered: bool,
    /// Whether the watch finds the iteration slow.
    slow: bool,
}

impl<E: Engine> Run<'_, '_, E> {
    /// Anderson's method. If the number of iterations is limited by `at_most`, it is watched, may take the two-level
    /// correction, and also returns at the limit or when plain updates are faster.
    pub(crate) async fn iterate_accelerated(
        &mut self,
        memory: usize,
        at_most: Option<usize>,
    ) -> Result<()> {
        self.method = Method::Anderson;
        let watched = at_most.is_some();
        let free = self.problem.is_balanced();
        let mut course = Course {
            memory,
            anderson: Anderson::new(self.engine, memory, &self.source, free)?,
            watch: watched.then(|| Watch::new(self.effort.iterations)),
            pace: self.pace(watched),
            levels: None,
        };
        if self.groupings.is_some() && course.pace.may_ask() {
            self.begin_two_levels(&mut course).await?;
        }
        let last = at_most.map(|most| self.effort.iterations.saturating_add(most));
        while !self.ended() {
            let pending = self.advance(&mut course).await?;
            let over = last.is_some_and(|last| self.effort.iterations >= last);
            let gives_up = pending.slow && course.levels.is_none();
            if self.ended() || over || gives_up {
                // The last iterate is a plain update: the source's marginal is then exact.
                self.source.accept();
                break;
            }
            if pending.slow {
                self.source.accept();
                self.end_two_levels(&mut course).await?;
            } else {
                self.extrapolate(&mut course, pending).await?;
            }
        }
        match course.levels {
            Some(levels) => levels.leave(self).await,
            None => Ok(()),
        }
    }

    /// A pair of updates, of which the second is not yet accepted; measures and reports its error.
    async fn advance(&mut self, course: &mut Course<E>) -> Result<Pending> {
        match &mut course.levels {
            Some(levels) => self.update_with_masses(levels).await?,
            None => self.update(self.kernel).await?,
        }
        // In a balanced problem the history computes the error as well, from an update that is not corrected.
        let remembered = self.problem.is_balanced() && course.levels.is_none();
        let (engine, epsilon) = (self.engine, self.kernel.epsilon);
        let (error, masses) = if let Some(levels) = &course.levels {
            levels.measure(engine, &self.source, epsilon).await?
        } else if remembered {
            let anderson = &mut course.anderson;
            let error = anderson.remember(engine, epsilon, &self.source, None);
            (error.await?, Vec::new())
        } else {
            (self.source.error(engine, epsilon).await?, Vec::new())
        };
        let mut slow = false;
        if let Some(watch) = &mut course.watch
            && watch.due(self.effort.iterations)
        {
            slow = watch.is_slow(self.standing(error).await?);
        }
        // The error is that of the update; the image has the best constant.
        self.translate().await?;
        self.tell(self.kernel, error)?;
        Ok(Pending {
            error,
            masses,
            remembered,
            slow,
        })
    }

    /// Accepts the combination of the updates in the history, of which the last one is pending, and goes on with the
    /// two-level correction if that pays.
    async fn extrapolate(&mut self, course: &mut Course<E>, pending: Pending) -> Result<()> {
        let error = pending.error;
        if let Some(levels) = &course.levels
            && !levels.correct(self, pending.masses, error).await?
        {
            // Potentials of groups drift: their updates are alike, and a combination of such would fall behind the last.
            self.source.accept();
            course.anderson.forget();
            return Ok(());
        }
        if !pending.remembered {
            let (engine, epsilon) = (self.engine, self.kernel.epsilon);
            let anderson = &mut course.anderson;
            anderson
                .remember(engine, epsilon, &self.source, Some(error))
                .await?;
        }
        course.anderson.extrapolate(self.engine, &mut self.source)?;
        if course.levels.is_none() && course.pace.asks_for_two_levels(error, self.goal) {
            self.begin_two_levels(course).await?;
        }
        Ok(())
    }

    /// Goes on with the two-level correction.
    async fn begin_two_levels(&mut self, course: &mut Course<E>) -> Result<()> {
        course.levels = Some(TwoLevel::enter(self).await?);
        self.method = Method::TwoLevel;
        course.watch = Some(Watch::of_rough_iterates(self.effort.iterations));
        let free = self.problem.is_balanced();
        course.anderson = Anderson::new(self.engine, course.memory, &self.source, free)?;
        Ok(())
    }

    /// Goes on without the two-level correction.
    async fn end_two_levels(&mut self, course: &mut Course<E>) -> Result<()> {
        if let Some(levels) = course.levels.take() {
            levels.leave(self).await?;
        }
        self.method = Method::Anderson;
        course.pace = Pace::never();
        course.watch = Some(Watch::new(self.effort.iterations));
        let free = self.problem.is_balanced();
        course.anderson = Anderson::new(self.engine, course.memory, &self.source, free)?;
        Ok(())
    }

    /// The state of the iteration after an [`update`](Self::update) that is not yet accepted: g is then λ_b T_a(f).
    // Mutable, because the observer cannot be shared between threads, and a future that holds it would not be `Send`.
    pub(super) async fn standing(&mut self, error: f64) -> Result<Standing> {
        let Self {
            engine,
            source,
            target,
            ..
        } = self;
        let epsilon = self.kernel.epsilon;
        let f = source
            .conjugate_on_device(engine, &source.potential)
            .await?;
        let g = target
            .conjugate_on_device(engine, &target.potential)
            .await?;
        let gain = Pointwise::Gain {
            before: &source.potential,
            after: &source.updated,
            rho: source.rho,
        };
        let risen = source.integral(engine, gain).await?;
        // ⟨a, e^{−f/ρ} − 1⟩ from the term of a side in the dual.
        let excess = |conjugate: f64, rho: f64| -conjugate / rho;
        let missing = excess(f.sum + risen.sum, source.rho) - excess(g.sum, target.rho);
        let height = risen.height.max(g.height);
        Ok(Standing {
            iteration: self.effort.iterations,
            dual: (f.sum + g.sum) / epsilon - excess(g.sum, target.rho),
            gain: (risen.sum - epsilon * missing) / epsilon,
            rounding: 4.0 * engine.precision().unit_roundoff() * height / epsilon,
            error,
        })
    }
}

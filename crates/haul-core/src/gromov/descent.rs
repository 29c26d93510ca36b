//! The alternation of both minima: A ← M, and the plan at A, with potentials from step to step.
//!
//! J(A) is an objective that no exact step raises: F(P_A) = J(A) − ακ|A − M|² ≥ J(M). The error of the marginals follows the
//! change of A, so that early steps are cheap and the last ones exact. Near the end, where steps are slow, A becomes a combination of
//! the last M; where that raises the objective, the plain step is taken.

use super::history::History;
use super::pair::Pair;
use super::turn::{Turn, turn};
use super::{Gromov, GromovProgress, Observer};
use crate::{Engine, Error, Potentials, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// The error of the marginals of a first step, and the largest one.
pub(super) const LOOSEST: f64 = 1e-3;

/// The error of the marginals over the change of A.
pub(super) const SHARE: f64 = 0.03;

/// Steps without a lower objective or a smaller change, at the least error of the marginals, after which rounding is all that
/// moves A.
pub(super) const IDLE: usize = 8;

/// A fall of the objective that counts, over ε times the error of the marginals.
pub(super) const NOTICED: f64 = 1e-3;

/// The updates of A that are combined, and the ratio of two changes above which they are: below it steps converge fast by themselves.
const MEMORY: usize = 5;
const SLOW: f64 = 0.3;

/// The change of A below which its steps are about linear.
const NEAR: f64 = 0.1;

/// A run over one pair of spaces.
pub(super) struct Descent<'d, E: Engine> {
    pub(super) engine: &'d E,
    pub(super) pair: &'d Pair,
    pub(super) epsilon: f64,
    pub(super) settings: &'d Gromov,
    pub(super) began: Instant,
    pub(super) effort: Effort,
}

/// The work of all steps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effort {
    pub(super) starts: usize,
    pub(super) softmins: usize,
    pub(super) pairs: u64,
}

/// Where a run begins.
pub(super) struct Guess {
    /// A.
    pub(super) moments: Vec<f64>,
    /// Potentials of the plan at A, if some are known.
    pub(super) potentials: Option<Potentials>,
}

impl From<Vec<f64>> for Guess {
    fn from(moments: Vec<f64>) -> Self {
        Self {
            moments,
            potentials: None,
        }
    }
}

/// The end of a run.
pub(super) struct End<E: Engine> {
    pub(super) turn: Turn<E>,
    /// F after each step.
    pub(super) course: Vec<f64>,
    /// The largest rise of the objective in a step, beyond what the errors of the marginals explain; 0 if there was none.
    pub(super) rise: f64,
    pub(super) converged: bool,
    pub(super) effort: Effort,
}

impl<'d, E: Engine + Clone> Descent<'d, E> {
    pub(super) fn new(
        engine: &'d E,
        pair: &'d Pair,
        epsilon: f64,
        settings: &'d Gromov,
        began: Instant,
    ) -> Self {
        Self {
            engine,
            pair,
            epsilon,
            settings,
            began,
            effort: Effort::default(),
        }
    }

    /// The problem at A.
    pub(super) async fn turn(
        &mut self,
        a: &[f64],
        tolerance: f64,
        warm: Option<&Potentials>,
    ) -> Result<Turn<E>> {
        let limits = (self.epsilon, tolerance, self.settings.max_iterations);
        let turn = turn(self.engine, self.pair, a, limits, warm).await?;
        self.effort.softmins += turn.softmins;
        self.effort.pairs += turn.pairs;
        Ok(turn)
    }

    /// Steps from A until it is stationary.
    pub(super) async fn run(
        mut self,
        start: Guess,
        max_steps: usize,
        observer: &mut Observer<'_>,
    ) -> Result<End<E>> {
        let goal = self.settings.tolerance;
        let tightest = SHARE * goal;
        let mut asked = LOOSEST.max(tightest);
        let mut turn = self
            .turn(&start.moments, asked, start.potentials.as_ref())
            .await?;
        let mut course = vec![turn.objective];
        let mut a = start.moments;
        let (mut history, mut before) = (History::new(MEMORY), f64::INFINITY);
        let (mut rise, mut idle) = (0.0f64, 0);
        let mut least = [turn.objective, turn.change];
        let converged = loop {
            let told = observer(&GromovProgress {
                step: course.len(),
                objective: turn.objective,
                change: turn.change,
                goal,
                seconds: self.began.elapsed().as_secs_f64(),
            });
            match told {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Certify) => break false,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            }
            // Where the precision has no digits for what was asked, the error is as small as it gets.
            let at_best = asked <= tightest || turn.tolerance > asked;
            if turn.change <= goal && at_best {
                break true;
            }
            if course.len() >= max_steps || (at_best && idle >= IDLE) {
                break false;
            }
            asked = (SHARE * turn.change).clamp(tightest, LOOSEST.max(tightest));
            let residual: Vec<f64> = turn.moments.iter().zip(&a).map(|(m, a)| m - a).collect();
            let combined = history.combined(residual, turn.moments.clone(), &vec![1.0; a.len()]);
            let is_slow = turn.change < NEAR && turn.change > SLOW * before;
            before = turn.change;
            a = match is_slow {
                true => combined,
                false => turn.moments.clone(),
            };
            let mut next = self.turn(&a, asked, Some(&turn.potentials)).await?;
            // A value is low by at most ε times the error of the marginals, and the plan's distance adds as much.
            let mut explained = 4.0 * self.epsilon * turn.tolerance.max(next.tolerance);
            if is_slow && next.objective > turn.objective + explained {
                history = History::new(MEMORY);
                a.clone_from(&turn.moments);
                next = self.turn(&a, asked, Some(&turn.potentials)).await?;
                explained = 4.0 * self.epsilon * turn.tolerance.max(next.tolerance);
            }
            rise = rise.max(next.objective - turn.objective - explained);
            let lower = next.objective < least[0] - NOTICED * self.epsilon * next.tolerance;
            idle = if lower || next.change < least[1] {
                0
            } else {
                idle + 1
            };
            least = [least[0].min(next.objective), least[1].min(next.change)];
            course.push(next.objective);
            turn = next;
        };
        Ok(End {
            turn,
            course,
            rise,
            converged,
            effort: self.effort,
        })
    }
}

//! Barycenters on a free support [Cuturi–Doucet'14]: n points with the least weighted mean of the regularised squared
//! distances to several inputs.
//!
//! ```text
//! product   min over x  Σₛ λₛ OT_ε(Σᵢ aᵢ δ(xᵢ), bₛ)
//! debiased  min over x  Σₛ λₛ S_ε(Σᵢ aᵢ δ(xᵢ), bₛ)
//! ```
//!
//! For p = 2 the derivative in xᵢ is 2aᵢ (xᵢ − Σ λₛ Tₛ(xᵢ)), with Tₛ the barycentric map of the plan Pₛ to input s; in the
//! debiased kind it is 2aᵢ (T(xᵢ) − Σ λₛ Tₛ(xᵢ)), with T the map of the points to themselves. So a step is
//!
//! ```text
//! x ← Σ λₛ Tₛ(x)   |   x ← x + Σ λₛ Tₛ(x) − T(x)                       product | debiased
//! ```
//!
//! The first one is Algorithm 2 of [Cuturi–Doucet'14]: with the plans held, it is the minimum, so that the objective falls at
//! each step. Its maps are means over the blur, and points gather; the second one has no such bias.
//!
//! Where the weights are learned as well, they are at every step those of the [barycenter](crate::Barycenter) on the points as a
//! fixed support, with the reference m = 1/n.
//!
//! A step that raises the objective is taken back, and halved. The points of a minimum are not unique: the objective is not
//! convex in them, and the result depends on the start.

use super::average::FreeAverage;
use super::turn::{Turn, turn};
use super::{moved, root_mean_square};
use crate::histograms::{checked_lambda, weights_on};
use crate::linalg::sum;
use crate::problem::{equal_masses, same_space};
use crate::{
    BarycenterKind, Cost, Engine, Error, Frame, Measure, Potentials, Regularization, Result,
    Sinkhorn, Stop, block_on,
};
use std::ops::ControlFlow;
use web_time::Instant;

/// The weights of a free support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SupportWeights {
    /// Those of the start.
    #[default]
    Fixed,
    /// Learned with the points.
    Learned,
}

/// The progress of a fit, after each of its steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitProgress {
    /// Steps so far.
    pub step: usize,
    /// The objective before this step, up to a constant, in units of the squared distance for measures of mass 1.
    pub objective: f64,
    /// The length of this step: the root mean square over the points, in their units.
    pub movement: f64,
    /// The movement at which the fit ends.
    pub goal: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// The observer of a fit.
pub(super) type Observer<'o> = dyn FnMut(&FitProgress) -> ControlFlow<Stop> + Send + 'o;

/// Settings of a barycenter on a free support.
///
/// ```
/// # use haul_core::{FreeBarycenter, Sinkhorn};
/// let barycenter = FreeBarycenter::new(Sinkhorn::blur(0.05)).lambda(&[0.25, 0.75]);
/// // barycenter.solve(&engine, &start, &[a, b])?.measure() has the points of `start`, moved.
/// ```
///
/// The transport problems are balanced, with p = 2. A relative blur is a fraction of the diagonal of the bounding box of all
/// inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct FreeBarycenter {
    pub(super) sinkhorn: Sinkhorn,
    kind: BarycenterKind,
    weights: SupportWeights,
    lambda: Option<Vec<f64>>,
    movement: f64,
    max_steps: usize,
}

/// A checked problem: measures of mass 1, and an ε.
pub(super) struct Posed {
    pub(super) inputs: Vec<Measure>,
    /// The common mass of the inputs.
    pub(super) mass: f64,
    pub(super) lambda: Vec<f64>,
    pub(super) kind: BarycenterKind,
    pub(super) weights: SupportWeights,
    pub(super) sinkhorn: Sinkhorn,
    pub(super) epsilon: f64,
    /// The length of a step at which the loop ends.
    pub(super) goal: f64,
}

/// The end of the loop.
pub(super) struct Found {
    pub(super) support: Measure,
    /// Of each input, in their order; `None` for λ = 0.
    pub(super) potentials: Vec<Option<Potentials>>,
    /// The length of the next step.
    pub(super) movement: f64,
    /// ‖a' − a‖₁ of the last step.
    pub(super) change: f64,
    pub(super) steps: usize,
    pub(super) passes: usize,
    pub(super) pairs: u64,
}

/// The support with all potentials and images at its points, and the next step.
struct Place {
    support: Measure,
    turns: Vec<Option<Turn>>,
    own: Option<Turn>,
    objective: f64,
    /// The step of the points, n×d.
    step: Vec<f64>,
    movement: f64,
    /// ‖a' − a‖₁ of the step to this support.
    change: f64,
}

impl FreeBarycenter {
    /// Of the debiased kind, with fixed weights and equal λ.
    pub fn new(sinkhorn: Sinkhorn) -> Self {
        Self {
            sinkhorn,
            kind: BarycenterKind::default(),
            weights: SupportWeights::default(),
            lambda: None,
            movement: 1e-2,
            max_steps: 500,
        }
    }

    /// The objective. Default [`BarycenterKind::Debiased`]. [`BarycenterKind::Plain`] differs from
    /// [`BarycenterKind::Product`] if weights are learned; its reference is uniform over the points.
    pub fn kind(mut self, kind: BarycenterKind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether the weights are learned. Default [`SupportWeights::Fixed`].
    pub fn weights(mut self, weights: SupportWeights) -> Self {
        self.weights = weights;
        self
    }

    /// λ, a number ≥ 0 for each input; scaled to a sum of 1. By default all are equal.
    pub fn lambda(mut self, lambda: &[f64]) -> Self {
        self.lambda = Some(lambda.to_vec());
        self
    }

    /// The movement at which it ends: the next step moves the points by less than this fraction of the blur, as the root mean
    /// square over the measure; learned weights change by less than this in L1. Default 1e-2. The plans have an error of
    /// the tolerance of their solves.
    pub fn movement(mut self, share: f64) -> Self {
        self.movement = share;
        self
    }

    /// The largest number of steps. Default 500.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// The barycenter of `inputs` with the points of `start` as its first guess, on an engine. The inputs have one mass; that
    /// of the start does not matter.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for an input with a different mass or dimension; [`Error::BadParameter`] for λ, for a power other
    /// than 2, for penalties of the marginals, a movement that is not positive, and 0 steps; [`Error::Length`] if there is not
    /// one λ for each input; [`Error::EmptyCloud`] without inputs; and those of [`Sinkhorn::solve`].
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        start: &Measure,
        inputs: &[Measure],
    ) -> Result<FreeAverage> {
        block_on(self.solve_async(engine, start, inputs))
    }

    /// [`solve`](Self::solve) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve).
    pub async fn solve_async<E: Engine + Clone>(
        &self,
        engine: E,
        start: &Measure,
        inputs: &[Measure],
    ) -> Result<FreeAverage> {
        let mut observer = |_: &FitProgress| ControlFlow::Continue(());
        self.average(engine, start, inputs, &mut observer).await
    }

    /// [`solve`](Self::solve) that reports its progress, and ends early if the observer breaks: with a result that did not
    /// converge, or without one, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), and [`Error::Interrupted`].
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        start: &Measure,
        inputs: &[Measure],
        mut observer: impl FnMut(&FitProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<FreeAverage> {
        block_on(self.average(engine, start, inputs, &mut observer))
    }

    pub(super) async fn average<E: Engine + Clone>(
        &self,
        engine: E,
        start: &Measure,
        inputs: &[Measure],
        observer: &mut Observer<'_>,
    ) -> Result<FreeAverage> {
        let begin = Instant::now();
        let posed = self.posed(start, inputs)?;
        let found = posed
            .iterate(&engine, start, (self.max_steps, begin), observer)
            .await?;
        FreeAverage::certified(engine, posed, found, begin).await
    }

    /// Refuses input that is invalid on every device.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve) that need no device.
    pub fn check(&self, start: &Measure, inputs: &[Measure]) -> Result<()> {
        self.posed(start, inputs).map(drop)
    }

    fn posed(&self, start: &Measure, inputs: &[Measure]) -> Result<Posed> {
        let bad = |name, value, range| Error::BadParameter { name, value, range };
        let first = inputs.first().ok_or(Error::EmptyCloud)?;
        for (index, input) in (1..).zip(inputs) {
            let fits = same_space(start, input).and_then(|()| equal_masses(first, input));
            fits.map_err(|error| Error::Input {
                index,
                error: Box::new(error),
            })?;
        }
        let lambda = checked_lambda(self.lambda.as_deref(), inputs.len())?;
        let all: Vec<&Measure> = inputs.iter().collect();
        let diameter = Frame::of(&all).diameter();
        let regularization = match self.sinkhorn.regularization {
            Regularization::RelativeBlur(share) if diameter > 0.0 => {
                Regularization::Blur(share * diameter)
            }
            other => other,
        };
        let sinkhorn = self.sinkhorn.clone().regularized(regularization);
        let start = start.clone().normalized();
        let inputs: Vec<Measure> = inputs.iter().map(|b| b.clone().normalized()).collect();
        let first_input = inputs.first().ok_or(Error::EmptyCloud)?;
        let problem = sinkhorn.problem(&start, first_input)?;
        if problem.cost() != Cost::SquaredEuclidean {
            let range = "2, for which the best place of a point is a mean";
            return Err(bad("p", problem.cost().p(), range));
        }
        if !problem.is_balanced() {
            let rho = problem.rho_a().min(problem.rho_b());
            let range = "infinite: averages keep the mass";
            return Err(bad("rho", rho, range));
        }
        if !(self.movement > 0.0 && self.movement.is_finite()) {
            return Err(bad("movement", self.movement, "a finite number above 0"));
        }
        if self.max_steps == 0 {
            return Err(bad("max_steps", 0.0, "at least 1"));
        }
        let epsilon = problem.epsilon();
        Ok(Posed {
            mass: first.mass(),
            goal: self.movement * problem.blur(),
            sinkhorn: sinkhorn.regularized(Regularization::Epsilon(epsilon)),
            lambda,
            kind: self.kind,
            weights: self.weights,
            epsilon,
            inputs,
        })
    }
}

/// A solve in the middle of a fit may have so many times the tolerance.
const LOOSE: f64 = 10.0;

/// The most iterations for the weights of a step. They are few while the error is above the tolerance; where weights vanish, more
/// would change little.
const MOST_ITERATIONS: usize = 100;

/// The least part of a step; where a smaller one would be needed, rounding raises the objective.
const LEAST_SHARE: f64 = 1.0 / 64.0;

impl Posed {
    pub(super) fn is_debiased(&self) -> bool {
        self.kind == BarycenterKind::Debiased
    }

    /// The loop described at the head of this module.
    async fn iterate<E: Engine + Clone>(
        &self,
        engine: &E,
        start: &Measure,
        (max_steps, begin): (usize, Instant),
        observer: &mut Observer<'_>,
    ) -> Result<Found> {
        let (mut passes, mut pairs) = (0, 0);
        let mut count = |place: &Place| {
            for turn in place.turns.iter().chain([&place.own]).flatten() {
                passes += turn.passes;
                pairs += turn.pairs;
            }
        };
        let mut loose = LOOSE;
        let start = start.clone().normalized();
        let mut place = self.place(engine, start, None, loose).await?;
        count(&place);
        let (mut share, mut steps) = (1.0, 0);
        loop {
            let told = observer(&FitProgress {
                step: steps,
                objective: place.objective,
                movement: place.movement,
                goal: self.goal,
                seconds: begin.elapsed().as_secs_f64(),
            });
            let small = self.is_small(place.movement, place.change);
            let stopped = match told {
                ControlFlow::Continue(()) => false,
                ControlFlow::Break(Stop::Certify) => true,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            };
            if stopped || steps == max_steps || (small && loose == 1.0) {
                break;
            }
            let largest = loose * self.sinkhorn.tolerance;
            if small {
                loose = 1.0;
                let again = place.support.clone();
                place = self.place(engine, again, Some(&place), loose).await?;
                count(&place);
                continue;
            }
            loose = (place.movement / self.goal).clamp(1.0, loose);
            steps += 1;
            loop {
                let ahead = self.ahead(engine, &place, share)?;
                let next = self.place(engine, ahead, Some(&place), loose).await?;
                count(&next);
                // Objectives are low by the square of an error of the marginals, at most ε times it.
                let risen = next.objective > place.objective + self.epsilon * largest;
                if risen && share > LEAST_SHARE {
                    share *= 0.5;
                } else {
                    place = next;
                    share = (2.0 * share).min(1.0);
                    break;
                }
            }
        }
        let potentials = |turn: Option<Turn>| turn.map(|turn| turn.potentials);
        Ok(Found {
            support: place.support,
            potentials: place.turns.into_iter().map(potentials).collect(),
            movement: place.movement,
            change: place.change,
            steps,
            passes,
            pairs,
        })
    }

    /// Whether the next step of the points and that of the weights are below the goal.
    pub(super) fn is_small(&self, movement: f64, change: f64) -> bool {
        movement <= self.goal && change * self.epsilon.sqrt() <= self.goal
    }

    /// All that is known at a support; `before` has the potentials of a similar one.
    async fn place<E: Engine + Clone>(
        &self,
        engine: &E,
        support: Measure,
        before: Option<&Place>,
        loose: f64,
    ) -> Result<Place> {
        let settings = self.sinkhorn.clone();
        let settings = settings.tolerance(loose * self.sinkhorn.tolerance);
        let (support, change) = match self.weights {
            SupportWeights::Fixed => (support, 0.0),
            SupportWeights::Learned => self.weighted(engine, &settings, support).await?,
        };
        let mut turns = Vec::with_capacity(self.inputs.len());
        for (s, (input, lambda)) in self.inputs.iter().zip(&self.lambda).enumerate() {
            if *lambda == 0.0 {
                turns.push(None);
                continue;
            }
            let warm = before.and_then(|place| place.turns.get(s)?.as_ref());
            let warm = warm.map(|turn| &turn.potentials);
            turns.push(Some(
                turn(engine, &settings, (&support, input), warm).await?,
            ));
        }
        let own = if self.is_debiased() {
            let warm = before.and_then(|place| place.own.as_ref());
            let warm = warm.map(|turn| &turn.potentials);
            Some(turn(engine, &settings, (&support, &support), warm).await?)
        } else {
            None
        };
        Ok(self.with_step((support, change), turns, own))
    }

    /// The support with the best weights for its points, and how far they are from those it had.
    async fn weighted<E: Engine>(
        &self,
        engine: &E,
        settings: &Sinkhorn,
        support: Measure,
    ) -> Result<(Measure, f64)> {
        let before = support.weights().to_vec();
        let n = support.len();
        let support = support.with_weights(&vec![1.0 / n as f64; n])?;
        let settings = settings.clone().max_iterations(MOST_ITERATIONS);
        let places = (&support, self.inputs.as_slice());
        let weights = weights_on(engine, &settings, places, &self.lambda, self.kind).await?;
        let change = sum(weights.iter().zip(&before).map(|(v, w)| (v - w).abs()));
        Ok((support.with_weights(&weights)?, change))
    }

    /// The objective and the next step at a support, which the last step changed so far in its weights.
    fn with_step(
        &self,
        (support, change): (Measure, f64),
        turns: Vec<Option<Turn>>,
        own: Option<Turn>,
    ) -> Place {
        let (n, d) = (support.len(), support.dimension());
        let mut step = vec![0.0; n * d];
        let mut add = |share: f64, images: &[f64]| {
            let places = step.iter_mut().zip(images);
            places.for_each(|(step, image)| *step += share * image);
        };
        let mut objective = self.entropy(&support);
        for (lambda, turn) in self.lambda.iter().zip(&turns) {
            if let Some(turn) = turn {
                add(*lambda, &turn.images);
                objective += lambda * turn.value;
            }
        }
        match &own {
            Some(own) => {
                add(-1.0, &own.images);
                objective -= 0.5 * own.value;
            }
            None => add(-1.0, support.points()),
        }
        Place {
            movement: root_mean_square(support.weights(), &step, d),
            support,
            turns,
            own,
            objective,
            step,
            change,
        }
    }

    /// The support after a share of the next step.
    fn ahead<E: Engine>(&self, engine: &E, place: &Place, share: f64) -> Result<Measure> {
        let support = &place.support;
        let points = support.points().iter().zip(&place.step);
        let points = points.map(|(x, step)| x + share * step).collect();
        moved(engine, points, support.dimension(), support.weights())
    }
}

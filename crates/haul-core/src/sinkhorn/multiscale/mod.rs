//! Large clouds: from coarse clouds to fine ones, over near pairs.
//!
//! Points are put into a k-d [order](crate::measure::order), in which blocks of 8, 64, … points are coarse clouds. The
//! problem between the coarsest ones is solved over all pairs, at an ε of the square of their blocks' width. Its
//! potentials, [continued](lift) to the next finer clouds, are the start at their ε [Schmitzer'19]. Passes between the
//! finer clouds leave out pairs by the rule of [`truncation`](crate::truncation), with lists that [`follow`] the
//! potentials.
//!
//! If lists would keep more than half of the pairs, passes are over all pairs, from the same start.

mod descent;
mod follow;
mod ladder;
mod lift;

pub(crate) use follow::{Following, Half};

use super::effort::Effort;
use super::grouping::{BOX_DIMENSIONS, has_islands};
use super::run::Run;
use super::start::Start;
use super::{Acceleration, Fit, Form, Observer, Sinkhorn};
use crate::engine::Kernel;
use crate::measure::order;
use crate::pass::Marginal;
use crate::problem::Posed;
use crate::truncation::{Omitted, Tree};
use crate::{Cost, Engine, Measure, Progress, Result, Stop};
use std::ops::ControlFlow;

/// Whether large problems go from coarse clouds to fine ones, with passes over near pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiscale {
    /// Where it is expected to pay: between clouds on the host of at least 2²⁷ pairs in up to 7 dimensions, at a blur
    /// of at most 1/16 of their diameter, in the log form with the default acceleration. Pairs are left out if at
    /// most half of them are near, and lists of them take at most half a gigabyte.
    #[default]
    Automatic,
    /// Between clouds on the host of any size and dimension at any blur; [`Error::NearPairs`](crate::Error::NearPairs) with
    /// another form, acceleration or start. Passes between grids go along axes all the same.
    Always,
    /// Passes are over all pairs.
    Never,
}

/// A solve between coarse clouds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The numbers of points of both clouds.
    pub points: [usize; 2],
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The number of iterations.
    pub iterations: usize,
    /// Pairs of all passes.
    pub pairs: u64,
}

/// Both sides in the order of passes, with lists of near pairs if pairs are left out.
pub(crate) struct Ordered<E: Engine> {
    pub(crate) sides: [Marginal<E>; 2],
    /// The index of the point at each place. A point at several places in a row has its weight in the first.
    pub(crate) orders: [Vec<usize>; 2],
    /// What the lists leave out.
    pub(crate) omitted: Omitted,
}

/// Clouds of fewer pairs are solved in less time than lists and levels take.
const FEWEST_PAIRS: u64 = 1 << 27;

/// Clouds of islands are solved by passes over all pairs up to so many.
const MOST_PAIRS_OF_ISLANDS: u64 = 1 << 31;

/// Below this ratio of diameter to blur most pairs matter.
const LEAST_RATIO: f64 = 16.0;

/// The share of the tolerance that pairs left out may take on each side.
const DROPPED_SHARE: f64 = 0.05;

impl Sinkhorn {
    /// Whether a solve between two measures goes from coarse clouds to fine ones.
    ///
    /// # Errors
    ///
    /// Those of [`problem`](Self::problem).
    pub fn is_multiscale(&self, source: &Measure, target: &Measure) -> Result<bool> {
        let problem = self.problem(source, target)?;
        let places = || [source, target].map(|side| problem.frame().place_points(side.points()));
        Ok(self.suits_levels(problem.posed(), places))
    }

    /// Whether form, acceleration and start have passes over near pairs.
    pub(crate) fn can_leave_pairs_out(&self) -> bool {
        (self.form, self.acceleration) == (Form::Log, Acceleration::Automatic)
            && matches!(self.start, Start::Automatic | Start::Potentials(_))
    }

    /// [`is_multiscale`](Self::is_multiscale) of a problem of measures on the host.
    ///
    /// Blocks of a k-d order mix islands, so that coarse clouds need a large ε, and masses that differ drift between islands
    /// afterwards. Up to a number of pairs, passes over all of them from a [coarse](Start::Coarse) start take less time.
    pub(crate) fn suits_levels(
        &self,
        problem: &Posed,
        places: impl FnOnce() -> [Vec<f64>; 2],
    ) -> bool {
        let can = self.can_leave_pairs_out()
            && !problem.is_separable()
            && !matches!(problem.cost(), Cost::SumOverAxes(_));
        let pays = || {
            let ratio = problem.frame().diameter() / problem.blur();
            problem.pairs() >= FEWEST_PAIRS
                && problem.frame().dimension() <= BOX_DIMENSIONS
                && ratio >= LEAST_RATIO
        };
        let mixes = || {
            let d = problem.frame().dimension();
            let of = |places: &Vec<f64>| has_islands(places, d, problem.kernel());
            self.start == Start::Automatic
                && problem.pairs() <= MOST_PAIRS_OF_ISLANDS
                && places().iter().any(of)
        };
        match self.multiscale {
            Multiscale::Automatic => can && pays() && !mixes(),
            Multiscale::Always => can,
            Multiscale::Never => false,
        }
    }

    /// Computes the potentials of marginals from coarse clouds to fine ones.
    pub(crate) async fn fit_levels<E: Engine>(
        &self,
        engine: &E,
        problem: &Posed,
        (marginals, same): ([Marginal<E>; 2], bool),
        (goal, effort): (f64, Effort),
        observer: &mut Observer<'_>,
    ) -> Result<Fit<E>> {
        let symmetric = same && marginals[0].rho == marginals[1].rho;
        let [mut source, mut target] = marginals;
        let of = |side: &Marginal<E>| order(&side.points.coordinates(), side.dimension());
        let rows = of(&source);
        let columns = if same { rows.clone() } else { of(&target) };
        let orders = [rows, columns];
        let mut sides = [
            source.reordered(engine, &orders[0]).await?,
            target.reordered(engine, &orders[1]).await?,
        ];
        let places = (!symmetric).then_some((&mut sides, &orders));
        let begun = match places {
            Some(places) => {
                self.begin_levels(engine, problem, places, &effort, observer)
                    .await?
            }
            None => Begun::default(),
        };
        let mut settings = self.clone();
        if begun.stopped {
            // The least that gives potentials for the required ε.
            settings.max_iterations = 1;
        }
        let share = 1.0 - 2.0 * DROPPED_SHARE;
        let following = following(engine, problem, &sides, DROPPED_SHARE * goal);
        let mut tell = after(&begun.levels, 0, observer);
        let posed = (problem, &settings);
        let mut run = Run::new(engine, posed, sides, (share * goal, effort), &mut tell);
        run.guessed = begun.lifted && problem.is_balanced();
        if !begun.lifted && !symmetric && self.start == Start::Automatic {
            // Clouds that have no coarser ones start as others do.
            run.begin().await?;
        }
        run.follow(following).await?;
        if symmetric {
            run.iterate_symmetrically().await?;
        } else {
            run.iterate_automatically().await?;
        }
        let (kernel, following) = (run.kernel, run.following);
        let (sides, mut effort) = ([run.source, run.target], run.effort);
        effort.levels = begun.levels;
        source.take_potential(engine, &sides[0], &orders[0]).await?;
        target.take_potential(engine, &sides[1], &orders[1]).await?;
        let ordered = match following {
            Some(following) => Ordered::of(engine, kernel, (sides, orders), following).await?,
            None => None,
        };
        Ok(Fit {
            source,
            target,
            effort,
            ordered,
        })
    }

    /// Sets the potentials of sides in a k-d order: those that are given, or those of coarser clouds.
    async fn begin_levels<E: Engine>(
        &self,
        engine: &E,
        problem: &Posed,
        (sides, orders): (&mut [Marginal<E>; 2], &[Vec<usize>; 2]),
        effort: &Effort,
        observer: &mut Observer<'_>,
    ) -> Result<Begun> {
        if let Start::Potentials(potentials) = &self.start {
            let potentials = problem.in_frame(potentials)?;
            let given = [potentials.f, potentials.g];
            for ((side, order), given) in sides.iter_mut().zip(orders).zip(given) {
                let values: Vec<f64> = order.iter().map(|i| given[*i]).collect();
                side.potential = engine.vector(&values)?;
            }
            return Ok(Begun::default());
        }
        let mut stopped = false;
        let mut watch = |progress: &Progress| {
            let flow = observer(progress);
            stopped |= flow == ControlFlow::Break(Stop::Certify);
            flow
        };
        let descent = self.descend(engine, problem, (&*sides, effort), &mut watch);
        let (coarse, levels) = descent.await?;
        if let Some(coarse) = &coarse {
            let slack = slack(engine, problem);
            coarse.lift(engine, sides, [1, 1], slack).await?;
        }
        Ok(Begun {
            levels,
            lifted: coarse.is_some(),
            stopped,
        })
    }
}

/// What came before the iteration between all points.
#[derive(Default)]
struct Begun {
    levels: Vec<Level>,
    /// Whether the potentials are those of coarser clouds.
    lifted: bool,
    /// Whether the observer asked for the end.
    stopped: bool,
}

impl<E: Engine> Ordered<E> {
    /// The sides of a solve, with lists for their final potentials; `None` if these would keep too many pairs.
    async fn of(
        engine: &E,
        kernel: Kernel,
        (mut sides, orders): ([Marginal<E>; 2], [Vec<usize>; 2]),
        mut following: Following,
    ) -> Result<Option<Self>> {
        let f = engine.read(&sides[0].potential).await?;
        let g = engine.read(&sides[1].potential).await?;
        let Some(lists) = following.last(kernel, [f, g])? else {
            return Ok(None);
        };
        for (side, near) in sides.iter_mut().zip(lists.near) {
            side.near = Some(near);
        }
        Ok(Some(Self {
            sides,
            orders,
            omitted: lists.omitted,
        }))
    }
}

/// An observer that counts iterations after those of `levels`, with this many levels still to come.
pub(super) fn after<'o>(
    levels: &[Level],
    level: usize,
    observer: &'o mut Observer<'_>,
) -> impl FnMut(&Progress) -> ControlFlow<Stop> + Send + 'o {
    let past: usize = levels.iter().map(|level| level.iterations).sum();
    move |progress: &Progress| {
        observer(&Progress {
            iteration: past + progress.iteration,
            level,
            ..*progress
        })
    }
}

/// Lists between two sides in a k-d order, of which none is made yet.
fn following<E: Engine>(
    engine: &E,
    problem: &Posed,
    sides: &[Marginal<E>; 2],
    budget: f64,
) -> Following {
    let trees = [0, 1].map(|k: usize| {
        let side = &sides[k];
        let coordinates = side.points.coordinates().into_owned();
        Tree::new(coordinates, side.dimension(), &side.weights)
    });
    let rho = [sides[0].rho, sides[1].rho];
    Following::new(trees, rho, budget, slack(engine, problem))
}

/// The error of a cost on the device.
fn slack<E: Engine>(engine: &E, problem: &Posed) -> f64 {
    let rounding = problem.rounding(engine);
    rounding.cost() + rounding.near()
}

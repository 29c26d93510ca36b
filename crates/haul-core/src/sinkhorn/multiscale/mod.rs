//! Large clouds: from coarse clouds to fine ones, over near pairs.
//!
//! Points are put into a k-d [order](crate::measure::order), in which blocks of 8, 64, … points are coarse clouds. The
//! problem between the coarsest ones is solved over all pairs, at an ε of the square of their blocks' width. Its
//! potentials, [continued](lift) to the next finer clouds, are the start at their ε [Schmitzer'19]. Passes between the
//! finer clouds leave out pairs by the rule of [`truncation`](crate::truncation), with lists that [`follow`] the
//! potentials.
//!
//! If lists would keep more than half of the pairs, passes are over all pairs, from the same start.

mod clouds;
mod follow;
mod lift;

pub(crate) use follow::{Following, Half};

use super::effort::Effort;
use super::run::Run;
use super::start::Start;
use super::{Acceleration, Fit, Form, Observer, Sinkhorn};
use crate::measure::order;
use crate::pass::Marginal;
use crate::problem::Posed;
use crate::truncation::{Omitted, Tree};
use crate::{Cost, Engine, Measure, Progress, Result, Stop};
use clouds::{Cloud, ladder};
use lift::Coarse;
use std::ops::ControlFlow;

/// Whether large problems go from coarse clouds to fine ones, with passes over near pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiscale {
    /// Where it is expected to pay: between clouds on the host of at least 2²⁷ pairs in up to 7 dimensions, at a blur
    /// of at most 1/16 of their diameter, in the log form with the default acceleration. Pairs are left out if at
    /// most half of them are near, and lists of them take at most half a gigabyte.
    #[default]
    Automatic,
    /// For clouds of any size and dimension and any blur, where the form and the acceleration are the default ones.
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

/// Both sides in the order of passes, with lists of near pairs.
pub(crate) struct Ordered<E: Engine> {
    pub(crate) sides: [Marginal<E>; 2],
    /// The index of the point at each place.
    pub(crate) orders: [Vec<usize>; 2],
    /// What the lists leave out.
    pub(crate) omitted: Omitted,
}

/// Clouds of fewer pairs are solved in less time than lists and levels take.
const FEWEST_PAIRS: u64 = 1 << 27;

/// The same for the lists of a coarse cloud.
const FEWEST_PAIRS_OF_A_LEVEL: u64 = 1 << 24;

/// In more dimensions boxes are nowhere far apart.
const MOST_DIMENSIONS: usize = 7;

/// Below this ratio of diameter to blur most pairs matter.
const LEAST_RATIO: f64 = 16.0;

/// Tolerance and largest number of iterations between coarse clouds.
const LEVEL_TOLERANCE: f64 = 1e-3;
const LEVEL_ITERATIONS: usize = 150;

/// The share of the tolerance that pairs left out may take on each side.
const DROPPED_SHARE: f64 = 0.05;

impl Sinkhorn {
    /// Whether a solve between two measures goes from coarse clouds to fine ones.
    ///
    /// # Errors
    ///
    /// Those of [`problem`](Self::problem).
    pub fn is_multiscale(&self, source: &Measure, target: &Measure) -> Result<bool> {
        Ok(self.suits_levels(self.problem(source, target)?.posed()))
    }

    /// The same for a problem of measures on the host.
    pub(crate) fn suits_levels(&self, problem: &Posed) -> bool {
        let can = (self.form, self.acceleration) == (Form::Log, Acceleration::Automatic)
            && matches!(self.start, Start::Automatic | Start::Potentials(_))
            && !problem.is_separable()
            && !matches!(problem.cost(), Cost::SumOverAxes(_));
        let pays = || {
            let ratio = problem.frame().diameter() / problem.blur();
            problem.pairs() >= FEWEST_PAIRS
                && problem.frame().dimension() <= MOST_DIMENSIONS
                && ratio >= LEAST_RATIO
        };
        match self.multiscale {
            Multiscale::Automatic => can && pays(),
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
        let mut asked = false;
        let mut levels = Vec::new();
        let mut guessed = false;
        match &self.start {
            Start::Potentials(potentials) => {
                let potentials = problem.in_frame(potentials)?;
                let given = [potentials.f, potentials.g];
                for ((side, order), given) in sides.iter_mut().zip(&orders).zip(given) {
                    let values: Vec<f64> = order.iter().map(|i| given[*i]).collect();
                    side.potential = engine.vector(&values)?;
                }
            }
            _ if symmetric => {}
            _ => {
                let mut watch = |progress: &Progress| {
                    let flow = observer(progress);
                    asked |= flow == ControlFlow::Break(Stop::Certify);
                    flow
                };
                let coarse;
                let descent = self.descend(engine, problem, (&sides, &effort), &mut watch);
                (coarse, levels) = descent.await?;
                if let Some(coarse) = coarse {
                    let slack = slack(engine, problem);
                    coarse.lift(engine, &mut sides, [1, 1], slack).await?;
                    guessed = true;
                }
            }
        }
        let budget = DROPPED_SHARE * goal;
        let settings = if asked {
            // The least that gives potentials for the required ε.
            Self {
                max_iterations: 1,
                ..self.clone()
            }
        } else {
            self.clone()
        };
        let share = 1.0 - 2.0 * DROPPED_SHARE;
        let work = (share * goal, effort);
        let following = following(engine, problem, &sides, budget);
        let mut tell = after(&levels, observer);
        let mut run = Run::new(engine, (problem, &settings), sides, work, &mut tell);
        run.guessed = guessed && problem.is_balanced();
        if !guessed && !symmetric && self.start == Start::Automatic {
            // Clouds that have no coarser ones start as others do.
            run.begin().await?;
        }
        run.follow(following).await?;
        if symmetric {
            run.iterate_symmetrically().await?;
        } else {
            run.iterate_automatically().await?;
        }
        let kernel = run.kernel;
        let Run {
            source: rows,
            target: columns,
            following,
            mut effort,
            ..
        } = run;
        effort.levels = levels;
        source.take_potential(engine, &rows, &orders[0]).await?;
        target.take_potential(engine, &columns, &orders[1]).await?;
        let lists = match following {
            Some(mut following) => {
                let f = engine.read(&rows.potential).await?;
                let g = engine.read(&columns.potential).await?;
                following.last(kernel, [f, g])?
            }
            None => None,
        };
        let ordered = lists.map(|lists| {
            let mut sides = [rows, columns];
            for (side, near) in sides.iter_mut().zip(lists.near) {
                side.near = Some(near);
            }
            Ordered {
                sides,
                orders,
                omitted: lists.omitted,
            }
        });
        Ok(Fit {
            source,
            target,
            effort,
            ordered,
        })
    }

    /// Solves the problems between coarse clouds, from the coarsest on.
    async fn descend<E: Engine>(
        &self,
        engine: &E,
        problem: &Posed,
        (sides, effort): (&[Marginal<E>; 2], &Effort),
        observer: &mut Observer<'_>,
    ) -> Result<(Option<Coarse<E>>, Vec<Level>)> {
        let d = sides[0].dimension();
        let slack = slack(engine, problem);
        let (mut coarse, mut levels): (Option<Coarse<E>>, _) = (None, Vec::new());
        for (step, blocks) in ladder([sides[0].len(), sides[1].len()])
            .into_iter()
            .enumerate()
        {
            let clouds = [0, 1].map(|k: usize| {
                let coordinates = sides[k].points.coordinates();
                Cloud::of(&coordinates, d, &sides[k].weights, blocks[k])
            });
            let variance = clouds[0].variance.max(clouds[1].variance);
            let posed = problem.at(coarse_epsilon(problem, variance.sqrt()));
            let [a, b] = clouds;
            let mut marginals = [
                a.on_device(engine, d, sides[0].rho)?,
                b.on_device(engine, d, sides[1].rho)?,
            ];
            let started = match &coarse {
                Some(coarse) => {
                    coarse.lift(engine, &mut marginals, blocks, slack).await?;
                    true
                }
                None => false,
            };
            let settings = Self {
                start: Start::Automatic,
                tolerance: self.tolerance.max(LEVEL_TOLERANCE),
                max_iterations: if step == 0 {
                    self.max_iterations
                } else {
                    LEVEL_ITERATIONS.min(self.max_iterations)
                },
                ..self.clone()
            };
            let goal = settings.goal(&posed, engine.precision())?;
            let few = marginals[0].pairs_with(&marginals[1]) < FEWEST_PAIRS_OF_A_LEVEL;
            let following = (started && !few)
                .then(|| following(engine, &posed, &marginals, DROPPED_SHARE * goal));
            let own = Effort {
                start: effort.start,
                ..Effort::begin()
            };
            let mut tell = after(&levels, observer);
            let work = (goal, own);
            let mut run = Run::new(engine, (&posed, &settings), marginals, work, &mut tell);
            if started {
                run.guessed = problem.is_balanced();
            } else {
                run.begin().await?;
            }
            if let Some(following) = following {
                run.follow(following).await?;
            }
            run.iterate_automatically().await?;
            let level = Level {
                points: [run.source.len(), run.target.len()],
                epsilon: posed.epsilon(),
                iterations: run.effort.iterations,
                pairs: run.effort.pairs,
            };
            let (kernel, sides) = (run.kernel, [run.source, run.target]);
            levels.push(level);
            coarse = Some(Coarse::of(engine, kernel, sides, blocks).await?);
        }
        Ok((coarse, levels))
    }
}

/// An observer that counts iterations after those of levels.
fn after<'o>(
    levels: &[Level],
    observer: &'o mut Observer<'_>,
) -> impl FnMut(&Progress) -> ControlFlow<Stop> + Send + 'o {
    let past: usize = levels.iter().map(|level| level.iterations).sum();
    move |progress: &Progress| {
        observer(&Progress {
            iteration: past + progress.iteration,
            ..*progress
        })
    }
}

/// The ε of coarse clouds, in units of the cost: the cost of the width of their blocks, at least that of the problem. It is
/// larger by a power of 2^p, so that the unit of the frame suits it as well.
fn coarse_epsilon(problem: &Posed, width: f64) -> f64 {
    let p = problem.cost().p();
    let wanted = problem.cost().at(width) / problem.kernel().epsilon;
    let steps = (wanted.log2() / p).ceil().max(0.0);
    problem.epsilon() * (p * steps).exp2()
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

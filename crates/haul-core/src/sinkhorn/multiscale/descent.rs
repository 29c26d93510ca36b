//! Solves between coarse clouds, from the coarsest to the level above all points.

use super::ladder::ladder;
use super::lift::Coarse;
use super::{DROPPED_SHARE, Level, after, following, slack};
use crate::pass::Marginal;
use crate::problem::Posed;
use crate::sinkhorn::coarse::Cloud;
use crate::sinkhorn::run::Run;
use crate::sinkhorn::{Effort, Observer, Sinkhorn, Start};
use crate::{Engine, Result};

/// Lists are not worth their time below so many pairs.
const FEWEST_PAIRS: u64 = 1 << 24;

/// The least tolerance between coarse clouds, and the largest number of iterations of all levels but the coarsest.
const LEVEL_TOLERANCE: f64 = 1e-3;
const LEVEL_ITERATIONS: usize = 150;

impl Sinkhorn {
    /// Solves between the coarse clouds of sides in a k-d order. The last solve is `None` if they have none.
    pub(super) async fn descend<E: Engine>(
        &self,
        engine: &E,
        problem: &Posed,
        (sides, effort): (&[Marginal<E>; 2], &Effort),
        observer: &mut Observer<'_>,
    ) -> Result<(Option<Coarse<E>>, Vec<Level>)> {
        let d = sides[0].dimension();
        let slack = slack(engine, problem);
        let ladder = ladder([sides[0].len(), sides[1].len()]);
        let (mut coarse, mut levels): (Option<Coarse<E>>, _) = (None, Vec::new());
        for (step, blocks) in ladder.iter().enumerate() {
            let clouds = [0, 1].map(|k: usize| {
                let coordinates = sides[k].points.coordinates();
                let n = sides[k].len();
                let groups: Vec<usize> = (0..n).step_by(blocks[k]).chain([n]).collect();
                Cloud::of(&coordinates, d, &sides[k].weights, &groups)
            });
            let variance = clouds[0].variance.max(clouds[1].variance);
            let posed = problem.at(coarse_epsilon(problem, variance.sqrt()));
            let [a, b] = clouds;
            let mut marginals = [
                a.on_device(engine, d, sides[0].rho)?,
                b.on_device(engine, d, sides[1].rho)?,
            ];
            if let Some(coarse) = &coarse {
                coarse.lift(engine, &mut marginals, *blocks, slack).await?;
            }
            let own = Effort {
                start: effort.start,
                ..Effort::begin()
            };
            let mut tell = after(&levels, ladder.len() - step, observer);
            let work = (coarse.is_some(), own);
            let run = self.solve_level(engine, &posed, marginals, work, &mut tell);
            let (sides, own) = run.await?;
            levels.push(Level {
                points: [sides[0].len(), sides[1].len()],
                epsilon: posed.epsilon(),
                iterations: own.iterations,
                pairs: own.pairs,
            });
            coarse = Some(Coarse::of(engine, posed.kernel(), sides, *blocks).await?);
        }
        Ok((coarse, levels))
    }

    /// Solves between coarse clouds, which may be `lifted` from coarser ones.
    async fn solve_level<E: Engine>(
        &self,
        engine: &E,
        posed: &Posed,
        marginals: [Marginal<E>; 2],
        (lifted, effort): (bool, Effort),
        observer: &mut Observer<'_>,
    ) -> Result<([Marginal<E>; 2], Effort)> {
        let mut settings = Self {
            start: Start::Automatic,
            tolerance: self.tolerance.max(LEVEL_TOLERANCE),
            ..self.clone()
        };
        if lifted {
            settings.max_iterations = LEVEL_ITERATIONS.min(self.max_iterations);
        }
        let goal = settings.goal(posed, engine.precision())?;
        let follows = lifted && marginals[0].pairs_with(&marginals[1]) >= FEWEST_PAIRS;
        let following = follows.then(|| following(engine, posed, &marginals, DROPPED_SHARE * goal));
        let mut run = Run::new(
            engine,
            (posed, &settings),
            marginals,
            (goal, effort),
            observer,
        );
        if lifted {
            run.guessed = posed.is_balanced();
        } else {
            run.begin().await?;
        }
        if let Some(following) = following {
            run.follow(following).await?;
        }
        run.iterate_automatically().await?;
        Ok(([run.source, run.target], run.effort))
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

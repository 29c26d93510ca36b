//! A problem between clouds, solved after the same one between coarser clouds.

use super::all_pairs::{AllPairs, with};
use super::coarse::Cloud;
use super::columns::{self, Columns, ExactProgress, Generated};
use super::plan::Costs;
use super::pricing::{FEW_DIMENSIONS, Pricing};
use super::start;
use crate::{Cost, Engine, Error, Frame, Potentials, Progress, Result};

/// Up to this many pairs, all of them are arcs from the beginning.
pub(super) const ALL_PAIRS: usize = 1 << 16;

/// The gap at which a solve between coarser clouds ends.
const COARSE_TOLERANCE: f64 = 1e-3;

/// A problem between clouds of positive weights.
pub(super) struct Between<'o, 'f> {
    pub(super) cost: Cost,
    pub(super) frame: Frame,
    pub(super) tolerance: f64,
    /// The mass of a reservoir behind the points of each cloud, which gives, or takes, what the other cloud has in excess.
    pub(super) reservoirs: [f64; 2],
    pub(super) observer: &'o mut columns::Observer<'f>,
}

impl Between<'_, '_> {
    /// Solves between clouds: small ones on the host, others from the potentials of an entropic solve, or after coarser ones.
    pub(super) async fn solve<E: Engine + Clone>(
        mut self,
        engine: &E,
        clouds: [Cloud; 2],
    ) -> Result<Generated> {
        if pairs(&clouds) <= ALL_PAIRS {
            return Ok(self.on_host(&clouds, 0));
        }
        let start = if self.reservoirs == [0.0; 2] {
            let observer = &mut *self.observer;
            let goal = self.tolerance;
            let observer = |progress: &Progress| {
                observer(&ExactProgress {
                    iterations: progress.iteration,
                    seconds: progress.seconds,
                    ..ExactProgress::new(goal)
                })
            };
            start::entropic(engine, self.cost, &clouds, observer).await?
        } else {
            self.coarse(engine, &clouds).await?
        };
        self.on_engine(engine, &clouds, start, 0).await
    }

    /// The potentials that solutions between coarser and coarser clouds give, if the dimension is low.
    async fn coarse<E: Engine>(&mut self, engine: &E, clouds: &[Cloud; 2]) -> Result<Potentials> {
        let mut levels = vec![clouds.clone()];
        while let Some(last) = levels.last()
            && self.frame.dimension() <= FEW_DIMENSIONS
            && pairs(last) > ALL_PAIRS
        {
            levels.push(last.each_ref().map(Cloud::coarser));
        }
        let mut coarser: Option<([Cloud; 2], Potentials)> = None;
        while let Some(clouds) = levels.pop() {
            let start = match &coarser {
                Some((coarse, potentials)) => {
                    let space = (self.cost, &self.frame);
                    start::lift(engine, space, &clouds, coarse, potentials).await?
                }
                None => Potentials {
                    f: vec![0.0; clouds[0].len()],
                    g: vec![0.0; clouds[1].len()],
                },
            };
            let level = levels.len();
            if level == 0 {
                return Ok(start);
            }
            let generated = match pairs(&clouds) <= ALL_PAIRS {
                true => self.on_host(&clouds, level),
                false => self.on_engine(engine, &clouds, start, level).await?,
            };
            coarser = Some((clouds, generated.potentials));
        }
        Err(Error::EmptyCloud)
    }

    fn on_host(&mut self, clouds: &[Cloud; 2], level: usize) -> Generated {
        let (cost, [x, y]) = (self.cost, clouds);
        let between = |i: usize, j: usize| cost.between(x.point(i), y.point(j));
        let all = AllPairs::new([&x.weights, &y.weights], self.reservoirs, &between);
        let (relative, tolerance) = (self.relative_error(), self.tolerance);
        all.solve(relative, tolerance, &mut |progress| {
            (self.observer)(&ExactProgress { level, ..*progress })
        })
    }

    async fn on_engine<E: Engine>(
        &mut self,
        engine: &E,
        clouds: &[Cloud; 2],
        start: Potentials,
        level: usize,
    ) -> Result<Generated> {
        let pricing = Pricing::new(engine, self.cost, &self.frame, clouds)?;
        let (cost, relative) = (self.cost, self.relative_error());
        let [n, m] = clouds.each_ref().map(Cloud::len);
        let largest = self.frame.largest_cost(cost);
        let costs = Costs {
            between: &|i, j| match (i < n, j < m) {
                (true, true) => cost.between(clouds[0].point(i), clouds[1].point(j)),
                (false, false) => largest,
                _ => 0.0,
            },
            relative,
            range: [0.0, largest],
        };
        let weights = [0, 1].map(|side| with(&clouds[side].weights, self.reservoirs[side]));
        let weights = [&*weights[0], &*weights[1]];
        let start = with_reservoirs(start, self.reservoirs);
        let tolerance = match level {
            0 => self.tolerance,
            _ => self.tolerance.max(COARSE_TOLERANCE),
        };
        let observer = &mut *self.observer;
        let mut observer =
            |progress: &ExactProgress| observer(&ExactProgress { level, ..*progress });
        Columns::new((weights, costs), start, tolerance, &mut observer)
            .solve(&pricing)
            .await
    }

    /// The relative error of a cost on the host: a difference, its square, a sum of d of them in four parts, and a power.
    fn relative_error(&self) -> f64 {
        let d = self.frame.dimension();
        (0.5 * self.cost.p() * (5.0 + d.div_ceil(4) as f64) + 1.0) * f64::EPSILON
    }
}

fn pairs([x, y]: &[Cloud; 2]) -> usize {
    x.len().saturating_mul(y.len())
}

/// Potentials with those of the reservoirs: the largest ones for which every arc at no cost has f + g ≤ 0.
fn with_reservoirs(Potentials { mut f, mut g }: Potentials, [row, column]: [f64; 2]) -> Potentials {
    let least = |values: &[f64]| {
        values
            .iter()
            .fold(f64::INFINITY, |least, value| least.min(-value))
    };
    let [u, v] = [least(&g), least(&f)];
    if row > 0.0 {
        f.push(u);
    }
    if column > 0.0 {
        g.push(v);
    }
    Potentials { f, g }
}

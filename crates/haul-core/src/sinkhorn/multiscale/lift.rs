//! Potentials between coarse clouds, continued to finer ones.
//!
//! The finer f is the softmin of the coarse g at the finer points, which agrees with the coarse f at the coarse ones. The
//! finer g is continued by its slopes: the first update replaces it, and only its lists need it.

use super::follow::{RISE, SHARE, most_tiles, rise};
use crate::engine::{Factor, Kernel, Near};
use crate::pass::{Marginal, Pass};
use crate::truncation::{Lists, Rule, Tree};
use crate::{Engine, Result};

/// Lists are not worth their time below so many pairs.
const FEWEST_PAIRS: u64 = 1 << 26;

/// A solved problem between coarse clouds.
pub(super) struct Coarse<E: Engine> {
    kernel: Kernel,
    sides: [Marginal<E>; 2],
    slopes: [Slopes; 2],
}

impl<E: Engine> Coarse<E> {
    /// Of blocks of so many points on each side.
    pub(super) async fn of(
        engine: &E,
        kernel: Kernel,
        sides: [Marginal<E>; 2],
        blocks: [usize; 2],
    ) -> Result<Self> {
        let [source, target] = &sides;
        let slopes = [
            Slopes::of(engine, kernel, (source, target), blocks[0]).await?,
            Slopes::of(engine, kernel, (target, source), blocks[1]).await?,
        ];
        Ok(Self {
            kernel,
            sides,
            slopes,
        })
    }

    /// Sets the potentials of finer clouds, of smaller blocks in the same order. Costs have an error of `slack`.
    pub(super) async fn lift(
        &self,
        engine: &E,
        finer: &mut [Marginal<E>; 2],
        blocks: [usize; 2],
        slack: f64,
    ) -> Result<()> {
        let d = finer[0].dimension();
        let continued = |k: usize, side: &Marginal<E>| {
            self.slopes[k].at(&side.points.coordinates(), d, blocks[k])
        };
        let mut f = continued(0, &finer[0]);
        finer[1].potential = engine.vector(&continued(1, &finer[1]))?;
        let [source, _] = finer;
        // The softmin is λ⁻¹ times the potential.
        let undamped = 1.0 + self.kernel.epsilon / source.rho;
        let screen = self.screen(source, undamped, slack);
        let mut near = screen.as_ref().map_or(Ok(None), |screen| screen.near(&f))?;
        let mut out = engine.zeros(f.len())?;
        loop {
            let pass = Pass {
                engine,
                kernel: self.kernel,
                rows: &source.points,
                potential: None,
                columns: &self.sides[1].points,
                side: self.sides[1].side(),
                near: near.as_ref(),
            };
            pass.softmin(None, false, &mut out)?;
            let softmin = engine.read(&out).await?;
            let lifted: Vec<f64> = softmin.iter().map(|value| value / undamped).collect();
            let holds = undamped * rise(&lifted, &f) <= RISE * self.kernel.epsilon;
            f = lifted;
            if near.is_none() || holds {
                break;
            }
            near = screen.as_ref().map_or(Ok(None), |screen| screen.near(&f))?;
        }
        source.potential = engine.vector(&f)?;
        Ok(())
    }

    /// The search for the coarse target's points near those of a finer source; `None` where all pairs take less time.
    fn screen(&self, source: &Marginal<E>, undamped: f64, slack: f64) -> Option<Screen<'_>> {
        let target = &self.sides[1];
        if source.pairs_with(target) < FEWEST_PAIRS {
            return None;
        }
        let tree = |side: &Marginal<E>| {
            let coordinates = side.points.coordinates().into_owned();
            Tree::new(coordinates, side.dimension(), &side.weights)
        };
        Some(Screen {
            trees: [tree(source), tree(target)],
            kernel: self.kernel,
            rule: Rule {
                share: SHARE,
                rise: RISE,
                slack,
            },
            undamped,
            g: &self.slopes[1].values,
        })
    }
}

/// The boxes of a finer source and the coarse target, and the potential of the latter.
struct Screen<'c> {
    trees: [Tree; 2],
    kernel: Kernel,
    rule: Rule,
    /// The softmin over the potential of the source.
    undamped: f64,
    g: &'c [f64],
}

impl Screen<'_> {
    /// The lists at a potential f of the source; `None` for all pairs.
    fn near(&self, f: &[f64]) -> Result<Option<Near>> {
        let softmin: Vec<f64> = f.iter().map(|f| self.undamped * f).collect();
        let trees = [&self.trees[0], &self.trees[1]];
        let most = most_tiles(trees);
        let lists = Lists::new(trees, [&softmin, self.g], self.kernel, self.rule, most)?;
        Ok(lists.map(|lists| {
            let [rows, _] = lists.near;
            rows
        }))
    }
}

/// The potential of one coarse cloud, and its slopes.
pub(super) struct Slopes {
    coordinates: Vec<f64>,
    values: Vec<f64>,
    /// n×d.
    slopes: Vec<f64>,
    /// Points of each block.
    block: usize,
}

impl Slopes {
    /// The potential of one side after a solve against the other, of blocks of so many points.
    pub(super) async fn of<E: Engine>(
        engine: &E,
        kernel: Kernel,
        (side, other): (&Marginal<E>, &Marginal<E>),
        block: usize,
    ) -> Result<Self> {
        let pass = Pass::between(engine, kernel, side, other);
        let ones = vec![1.0; other.len()];
        let values = engine.read(&side.potential).await?;
        let d = side.dimension();
        let slopes = if kernel.cost.p() >= 1.0 {
            let sums = pass.product(Factor::One, &ones, 1).await?;
            let mut slopes = pass.slopes(Factor::One, &ones).await?;
            let damping = 1.0 / (1.0 + kernel.epsilon / side.rho);
            for (slopes, sum) in slopes.chunks_exact_mut(d).zip(sums) {
                for slope in slopes {
                    let mean = damping * *slope / sum;
                    *slope = if mean.is_finite() { mean } else { 0.0 };
                }
            }
            slopes
        } else {
            // The cost of near points has no slope that says more than its value.
            vec![0.0; values.len() * d]
        };
        Ok(Self {
            coordinates: side.points.coordinates().into_owned(),
            values,
            slopes,
            block,
        })
    }

    /// The potential at the points of blocks of this size, by its slope in the coarse block of each.
    pub(super) fn at(&self, coordinates: &[f64], d: usize, block: usize) -> Vec<f64> {
        let ratio = self.block / block;
        let points = coordinates.chunks_exact(d).enumerate();
        let at = |(i, point): (usize, &[f64])| {
            let coarse = i / ratio;
            let centre = &self.coordinates[coarse * d..][..d];
            let slope = &self.slopes[coarse * d..][..d];
            let away = point.iter().zip(centre).map(|(x, c)| x - c);
            self.values[coarse] + away.zip(slope).map(|(x, slope)| x * slope).sum::<f64>()
        };
        points.map(at).collect()
    }
}

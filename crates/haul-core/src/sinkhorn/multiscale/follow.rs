//! Lists of near pairs that follow the potentials of an iteration.
//!
//! Lists made at potentials f⁰ and g⁰ hold as long as max(f − f⁰) + max(g − g⁰) ≤ κε. A softmin over a list that left out
//! too much is too large, never too small. So if its result breaks that rule, lists made at the result hold for the softmin
//! that follows, and an update is computed twice at most.

use crate::engine::{Kernel, Near, TILE};
use crate::sinkhorn::run::Run;
use crate::truncation::{Lists, Rule, Tree};
use crate::{Engine, Result};

/// θ, if the bound of the dropped mass allows it. The bound is mostly hundreds of times below θ.
pub(super) const SHARE: f64 = 1e-2;

/// κ: a larger one keeps more pairs, a smaller one makes more lists.
pub(super) const RISE: f64 = 3.0;

/// θ is made smaller at most so many times.
const MOST_SHARES: usize = 4;

/// Above this share of pairs, passes over all of them cost less than lists.
const MOST_KEPT: f64 = 0.5;

/// The most pairs of tiles in a list: half a gigabyte.
const MOST_TILES: usize = 1 << 26;

/// The most updates with new lists, in place of one.
const MOST_RENEWALS: usize = 4;

/// The half of an iteration that is not accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Source,
    Target,
    /// Of a measure against itself.
    Both,
}

/// The trees of both sides, and the potentials at which lists were made.
#[derive(Debug)]
pub(crate) struct Following {
    trees: [Tree; 2],
    rule: Rule,
    /// The mass that pairs left out may have.
    budget: f64,
    rho: [f64; 2],
    /// f⁰ and g⁰.
    potentials: [Vec<f64>; 2],
}

impl Following {
    /// No lists yet. Costs on the device have an error of `slack`.
    pub(crate) fn new(trees: [Tree; 2], rho: [f64; 2], budget: f64, slack: f64) -> Self {
        Self {
            trees,
            rule: Rule {
                share: SHARE,
                rise: RISE,
                slack,
            },
            budget,
            rho,
            potentials: [Vec::new(), Vec::new()],
        }
    }

    /// Whether the present lists hold at these potentials, as [`raised`](Self::raised) returns them.
    fn hold(&self, epsilon: f64, potentials: &[Vec<f64>; 2]) -> bool {
        let rise = |side: usize| rise(&potentials[side], &self.potentials[side]);
        rise(0) + rise(1) <= self.rule.rise * epsilon
    }

    /// The larger one of each potential and the softmin that it is λ times: lists serve the plan, and the softmin.
    fn raised(&self, epsilon: f64, mut potentials: [Vec<f64>; 2]) -> [Vec<f64>; 2] {
        for (potential, rho) in potentials.iter_mut().zip(self.rho) {
            let undamped = 1.0 + epsilon / rho;
            if undamped > 1.0 {
                let positive = potential.iter_mut().filter(|f| **f > 0.0);
                positive.for_each(|f| *f *= undamped);
            }
        }
        potentials
    }

    /// Lists at raised potentials, of which `rise` ε may be added; `None` if they would keep too many pairs.
    fn lists(
        &mut self,
        kernel: Kernel,
        potentials: [&[f64]; 2],
        rise: f64,
    ) -> Result<Option<Lists>> {
        let trees = [&self.trees[0], &self.trees[1]];
        let most = most_tiles(trees);
        for _ in 0..MOST_SHARES {
            let rule = Rule { rise, ..self.rule };
            let Some(lists) = Lists::new(trees, potentials, kernel, rule, most)? else {
                return Ok(None);
            };
            if lists.omitted.mass <= self.budget {
                return Ok(Some(lists));
            }
            self.rule.share *= (0.5 * self.budget / lists.omitted.mass).min(0.5);
        }
        Ok(None)
    }

    /// New lists at potentials of both sides.
    fn renew(&mut self, kernel: Kernel, raised: [Vec<f64>; 2]) -> Result<Option<[Near; 2]>> {
        let lists = self.lists(kernel, [&raised[0], &raised[1]], self.rule.rise)?;
        self.potentials = raised;
        Ok(lists.map(|lists| lists.near))
    }

    /// Lists for the final potentials, which do not change any more.
    pub(crate) fn last(
        &mut self,
        kernel: Kernel,
        potentials: [Vec<f64>; 2],
    ) -> Result<Option<Lists>> {
        let raised = self.raised(kernel.epsilon, potentials);
        self.lists(kernel, [&raised[0], &raised[1]], 0.0)
    }
}

/// The most pairs of tiles that a list between two clouds is worth.
pub(super) fn most_tiles(trees: [&Tree; 2]) -> usize {
    let [rows, columns] = trees.map(|tree| tree.points().div_ceil(TILE));
    let most = MOST_KEPT * rows as f64 * columns as f64;
    (most as usize).min(MOST_TILES)
}

/// The largest rise of a potential; infinite where it is not known.
pub(super) fn rise(now: &[f64], then: &[f64]) -> f64 {
    if now.len() != then.len() {
        return f64::INFINITY;
    }
    let rises = now.iter().zip(then).map(|(now, then)| now - then);
    // Infinities of both leave no number.
    rises.fold(f64::NEG_INFINITY, |most, rise| {
        if rise.is_nan() {
            f64::INFINITY
        } else {
            most.max(rise)
        }
    })
}

impl<E: Engine> Run<'_, '_, E> {
    /// Makes lists at the present potentials; passes are over all pairs if lists would keep too many.
    pub(crate) async fn follow(&mut self, mut following: Following) -> Result<()> {
        let f = self.engine.read(&self.source.potential).await?;
        let g = self.engine.read(&self.target.potential).await?;
        let raised = following.raised(self.kernel.epsilon, [f, g]);
        let near = following.renew(self.kernel, raised)?;
        self.following = near.is_some().then_some(following);
        self.keep(near);
        Ok(())
    }

    /// Computes a half of an iteration by `update`, again if lists were made for its result.
    pub(crate) async fn update_near(
        &mut self,
        half: Half,
        mut update: impl FnMut(&mut Self) -> Result<()> + Send,
    ) -> Result<()> {
        for _ in 0..MOST_RENEWALS {
            update(self)?;
            self.effort.evaluated(1);
            if self.lists_hold(half).await? {
                break;
            }
        }
        Ok(())
    }

    /// Whether the lists hold for the pending half of an iteration. If not, makes new ones.
    async fn lists_hold(&mut self, half: Half) -> Result<bool> {
        let Some(mut following) = self.following.take() else {
            return Ok(true);
        };
        let (source, target) = (&self.source, &self.target);
        let [f, g] = match half {
            Half::Source => [&source.updated, &target.potential],
            Half::Target => [&source.potential, &target.updated],
            Half::Both => [&source.updated, &source.potential],
        };
        let f = self.engine.read(f).await?;
        let g = self.engine.read(g).await?;
        let epsilon = self.kernel.epsilon;
        let raised = following.raised(epsilon, [f, g]);
        if following.hold(epsilon, &raised) {
            self.following = Some(following);
            return Ok(true);
        }
        let near = following.renew(self.kernel, raised)?;
        self.following = near.is_some().then_some(following);
        self.keep(near);
        Ok(false)
    }

    /// Passes include these pairs from now on.
    fn keep(&mut self, near: Option<[Near; 2]>) {
        [self.source.near, self.target.near] = match near {
            Some([rows, columns]) => [Some(rows), Some(columns)],
            None => [None, None],
        };
        self.effort.pairs_of_a_pass = self.source.pairs_with(&self.target);
    }
}

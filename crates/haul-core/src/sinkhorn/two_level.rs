//! The two-level correction of an iteration.
//!
//! Sinkhorn's updates remove errors of the potentials that vary within a blur, and take long for those that vary over
//! many blurs. For these the masses of the plan between groups of neighbouring points say enough. From the plan P at
//! the potentials (f', g) after an update f' = T_b(g),
//!
//! ```text
//! M_IJ = Σ_{i∈I} Σ_{j∈J} Pᵢⱼ,      U_I Σ_J M_IJ V_J = a_I,      V_J Σ_I U_I M_IJ = b_J,      f'ᵢ ← f'ᵢ + ε log U_{I∋i}
//! ```
//!
//! The factors U and V balance the small matrix M ([`balance`](super::balance)). Anderson's method then runs over the
//! corrected updates. M comes from the pass of the update. This is the aggregation–disaggregation of Markov chains
//! [Koury–McAllister–Stewart'84] for Sinkhorn's algorithm.
//!
//! If no factors balance M, as between clusters that exchange no mass that a float shows while their masses differ, the
//! potentials of groups drift, up to 30 ε in an iteration, until they do. Those iterations are not extrapolated.
//!
//! The sides of the problem are in the order of [groups](super::grouping) as long as the correction runs.

use super::balance::{Balance, Factors};
use super::grouping::Grouping;
use super::multiscale::{Half, Ordered};
use super::run::Run;
use crate::engine::{GROUP, TILE};
use crate::pass::Marginal;
use crate::truncation::Omitted;
use crate::{Engine, Result};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// The least number of groups of a side.
const FEWEST_GROUPS: usize = 4;

/// The largest number of groups of a side.
const MOST_GROUPS: usize = 1024;

/// Pairs of a pass for each pair of groups, so that the host balances their masses in a fraction of the time of a pass.
const PAIRS_OF_A_MASS: u64 = 256;

/// The small matrix is balanced to this fraction of the error of the iteration.
const BALANCE_SHARE: f64 = 0.02;

/// The correction begins if at least so many iterations are expected without it.
const LEAST_LEFT: f64 = 4.0;

/// The same for sides that are in the order of groups already.
const LEAST_LEFT_IN_ORDER: f64 = 1.0;

/// The same between few points, fewer than `FEW_PAIRS` pairs, where a pass takes hardly longer than the order of the points and
/// the correction.
const LEAST_LEFT_OF_FEW: f64 = 8.0;
const FEW_PAIRS: usize = 1 << 20;

/// Decides when the correction begins, from the errors of the iteration.
pub(crate) struct Pace {
    /// The least number of iterations that are left.
    least_left: f64,
    /// The first error, and the number of iterations since then.
    first: Option<f64>,
    iterations: f64,
}

impl Pace {
    /// For iterations of which at least so many must be left.
    fn new(least_left: f64) -> Self {
        Self {
            least_left,
            first: None,
            iterations: 0.0,
        }
    }

    /// The correction never begins.
    pub(crate) fn never() -> Self {
        Self::new(f64::INFINITY)
    }

    /// Whether the correction may begin at all.
    pub(crate) fn may_ask(&self) -> bool {
        self.least_left.is_finite()
    }

    /// Whether an iteration of this error should go on with the correction: not, if few more of the mean rate so far arrive
    /// at the goal.
    pub(crate) fn asks_for_two_levels(&mut self, error: f64, goal: f64) -> bool {
        if !self.may_ask() {
            return false;
        }
        let Some(first) = self.first else {
            self.first = Some(error);
            return false;
        };
        self.iterations += 1.0;
        let fallen = (first / error).ln();
        let left = self.iterations * (error / goal).ln() / fallen;
        fallen <= 0.0 || left >= self.least_left
    }
}

/// Both sides in their own order, and for each the index of the point at each place of the order of groups.
type Natural<E> = ([Marginal<E>; 2], [Vec<usize>; 2]);

/// The sides of a problem in the order of their groups, and the masses between these.
pub(crate) struct TwoLevel<E: Engine> {
    /// The sides in their own order, if that of groups is another one.
    natural: Option<Natural<E>>,
    /// The first point of each group, and the number of points.
    groups: [Vec<usize>; 2],
    masses: E::Vector,
}

impl<E: Engine> Run<'_, '_, E> {
    /// When the correction begins in an iteration that `may` take it: never, if a side has too few points, so
    /// many that their groups would be too few, or no coordinates on the host.
    pub(crate) fn pace(&self, may: bool) -> Pace {
        let suits = !self.problem.is_separable()
            && !self.is_resident()
            && self.smaller_side() >= FEWEST_GROUPS * GROUP
            && self
                .most_groups(self.source.len())
                .iter()
                .all(|most| *most >= FEWEST_GROUPS);
        if !(may && suits) {
            return Pace::never();
        }
        let pairs = self.source.len().saturating_mul(self.target.len());
        Pace::new(if self.following.is_some() {
            LEAST_LEFT_IN_ORDER
        } else if pairs < FEW_PAIRS {
            LEAST_LEFT_OF_FEW
        } else {
            LEAST_LEFT
        })
    }

    /// The most groups of both sides, where the source has so many places.
    fn most_groups(&self, places: usize) -> [usize; 2] {
        let masses = self.source.pairs_with(&self.target) / PAIRS_OF_A_MASS;
        let most = MOST_GROUPS.min(masses.isqrt() as usize);
        let rows = places.next_multiple_of(TILE);
        let sums = self.engine.most_group_sums() / rows;
        [most, most.min(sums)]
    }

    /// The groups of both sides.
    pub(super) fn groupings(&self) -> Result<[Grouping; 2]> {
        let [rows, _] = self.most_groups(self.source.len());
        let source = Grouping::of(&self.source, self.kernel, rows)?;
        let [_, columns] = self.most_groups(source.order.len());
        Ok([source, Grouping::of(&self.target, self.kernel, columns)?])
    }

    /// [`update`](Self::update) that computes masses between groups as well.
    pub(crate) async fn update_with_masses(&mut self, levels: &mut TwoLevel<E>) -> Result<()> {
        let (engine, kernel) = (self.engine, self.kernel);
        let update = |run: &mut Self| run.target.update(engine, kernel, &run.source, true);
        self.update_near(Half::Target, update).await?;
        self.target.accept();
        let TwoLevel { groups, masses, .. } = levels;
        let groups = [&*groups[0], &groups[1]];
        let update = |run: &mut Self| {
            let Self { source, target, .. } = run;
            source.update_with_masses(engine, kernel, target, groups, masses)
        };
        self.update_near(Half::Source, update).await?;
        self.effort.took(self.method);
        Ok(())
    }
}

impl<E: Engine> TwoLevel<E> {
    /// Puts the sides of a run into the order of groups; those with lists of near pairs have it already.
    pub(crate) async fn enter(run: &mut Run<'_, '_, E>) -> Result<Self> {
        let (groups, natural) = if run.following.is_some() {
            let most = run.most_groups(run.source.len());
            let sides = [&run.source, &run.target];
            let places = sides.map(|side| Grouping::in_order(side.len()));
            ([0, 1].map(|k| places[k].groups(most[k])), None)
        } else {
            let groupings = match run.groupings.take() {
                Some(groupings) => groupings,
                None => run.groupings()?,
            };
            let most = run.most_groups(groupings[0].order.len());
            let groups = [0, 1].map(|k| groupings[k].groups(most[k]));
            let orders = groupings.map(|grouping| grouping.order);
            let source = run.source.reordered(run.engine, &orders[0]).await?;
            let target = run.target.reordered(run.engine, &orders[1]).await?;
            let sides = [
                std::mem::replace(&mut run.source, source),
                std::mem::replace(&mut run.target, target),
            ];
            (groups, Some((sides, orders)))
        };
        run.effort.pairs_of_a_pass = run.source.pairs_with(&run.target);
        let count = (groups[0].len() - 1) * (groups[1].len() - 1);
        let masses = run.engine.zeros(count)?;
        Ok(Self {
            natural,
            groups,
            masses,
        })
    }

    /// Puts the potentials into the sides' own order. Where the engine keeps distances, the sides in the order of groups stay
    /// with a run that has ended.
    pub(crate) async fn leave(self, run: &mut Run<'_, '_, E>) -> Result<()> {
        let Some(([mut source, mut target], [rows, columns])) = self.natural else {
            return Ok(());
        };
        source
            .take_potential(run.engine, &run.source, &rows)
            .await?;
        target
            .take_potential(run.engine, &run.target, &columns)
            .await?;
        let sides = [
            std::mem::replace(&mut run.source, source),
            std::mem::replace(&mut run.target, target),
        ];
        run.effort.pairs_of_a_pass = run.source.pairs_with(&run.target);
        if run.ended() && sides[0].kept_distances(run.engine, &sides[1]) > 0 {
            run.ordered = Some(Ordered {
                sides,
                orders: [rows, columns],
                omitted: Omitted::NOTHING,
            });
        }
        Ok(())
    }

    /// The error of the source's marginal before its update, not yet accepted, and the masses between groups.
    pub(crate) async fn measure(
        &self,
        engine: &E,
        source: &Marginal<E>,
        epsilon: f64,
    ) -> Result<(f64, Vec<f64>)> {
        let error = source.error(engine, epsilon);
        let (error, masses) = both(error, engine.read(&self.masses)).await;
        Ok((error?, masses?))
    }

    /// Corrects the source's update, not yet accepted, from the masses between groups and the error of the iteration. Returns
    /// `false` if no factors balance the masses, so that the corrected potential drifts in the direction that the masses tell.
    pub(crate) async fn correct(
        &self,
        run: &mut Run<'_, '_, E>,
        masses: Vec<f64>,
        error: f64,
    ) -> Result<bool> {
        let (engine, epsilon) = (run.engine, run.kernel.epsilon);
        let [rows, columns] = &self.groups;
        let wanted = [
            wanted(engine, &run.source, &run.source.updated, rows).await?,
            wanted(engine, &run.target, &run.target.potential, columns).await?,
        ];
        let damping = [&run.source, &run.target].map(|side| 1.0 / (1.0 + epsilon / side.rho));
        let Some(balance) = Balance::new(masses, wanted, damping) else {
            return Ok(true);
        };
        let Factors { logs, balance } = balance.factors(BALANCE_SHARE * error);
        let of_group =
            |(group, log): (&[usize], f64)| std::iter::repeat_n(epsilon * log, group[1] - group[0]);
        let correction: Vec<f64> = rows.windows(2).zip(logs).flat_map(of_group).collect();
        run.source
            .add_to_updated(engine, &engine.vector(&correction)?)?;
        Ok(balance)
    }
}

/// Waits for two results at once, so that a device computes both before it is waited for.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|context| {
        if of_a.is_none()
            && let Poll::Ready(result) = a.as_mut().poll(context)
        {
            of_a = Some(result);
        }
        if of_b.is_none()
            && let Poll::Ready(result) = b.as_mut().poll(context)
        {
            of_b = Some(result);
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            pending => {
                (of_a, of_b) = pending;
                Poll::Pending
            }
        }
    })
    .await
}

/// Σ_{i∈I} aᵢ e^{−fᵢ/ρ}, the mass that each group should have.
async fn wanted<E: Engine>(
    engine: &E,
    side: &Marginal<E>,
    potential: &E::Vector,
    groups: &[usize],
) -> Result<Vec<f64>> {
    let mut masses = side.weights.clone();
    if side.rho.is_finite() {
        let potential = engine.read(potential).await?;
        for (mass, f) in masses.iter_mut().zip(potential) {
            *mass *= (-f / side.rho).exp();
        }
    }
    let of_group = |group: &[usize]| masses[group[0]..group[1]].iter().sum();
    Ok(groups.windows(2).map(of_group).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The iteration after which the correction begins, for errors that fall by a rate to 1e-3.
    fn begins(rate: f64, least_left: f64) -> Option<i32> {
        let mut pace = Pace::new(least_left);
        let errors = (0..200).map(|k| (k, rate.powi(k)));
        let mut above = errors.take_while(|(_, error)| *error > 1e-3);
        above.find_map(|(k, error)| pace.asks_for_two_levels(error, 1e-3).then_some(k))
    }

    #[test]
    fn the_correction_begins_if_many_iterations_are_left() {
        // 0.2 takes five iterations, 0.9 takes 66.
        assert_eq!(begins(0.2, LEAST_LEFT), None);
        assert_eq!(begins(0.9, LEAST_LEFT), Some(1));
        assert_eq!(begins(1.0, LEAST_LEFT), Some(1));
        assert_eq!(begins(0.4, LEAST_LEFT), Some(1));
        assert_eq!(begins(0.4, LEAST_LEFT_OF_FEW), None);
    }
}

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
//! Groups are blocks of a k-d order, in which the sides of the problem are as long as the correction runs.

use super::balance::Balance;
use super::run::Run;
use crate::engine::GROUP;
use crate::measure::order;
use crate::pass::Marginal;
use crate::{Engine, Result};

/// The least number of groups of a side.
const FEWEST_GROUPS: usize = 4;

/// The largest number of groups of a side, so that the host balances their matrix in a fraction of the time of a pass.
const MOST_GROUPS: usize = 256;

/// The largest product of the numbers of points and groups: a GPU stores the sums of each row over the groups.
const MOST_SUMS: usize = 1 << 24;

/// The small matrix is balanced to this fraction of the error of the iteration.
const BALANCE_SHARE: f64 = 0.02;

/// The correction begins if at least so many iterations are expected without it.
const LEAST_LEFT: f64 = 2.5;

/// Decides when the correction begins, from the errors of the iteration.
pub(crate) struct Pace {
    suits: bool,
    last: Option<f64>,
}

impl Pace {
    /// For a problem that `suits` the correction, or does not.
    pub(crate) fn new(suits: bool) -> Self {
        Self { suits, last: None }
    }

    /// Whether an iteration of this error should go on with the correction.
    pub(crate) fn asks_for_two_levels(&mut self, error: f64, goal: f64) -> bool {
        if !self.suits {
            return false;
        }
        let Some(last) = self.last.replace(error) else {
            return false;
        };
        let left = (error / goal).ln() / (last / error).ln();
        error >= last || left >= LEAST_LEFT
    }
}

/// The sides of a problem in the order of their groups, and the masses between these.
pub(crate) struct TwoLevel<E: Engine> {
    /// The sides in their own order.
    natural: [Marginal<E>; 2],
    orders: [Vec<usize>; 2],
    /// The first point of each group, and the number of points.
    groups: [Vec<usize>; 2],
    masses: E::Vector,
}

impl<E: Engine> Run<'_, '_, E> {
    /// Whether both sides have enough points, with coordinates on the host.
    pub(crate) fn suits_two_levels(&self) -> bool {
        !self.problem.is_separable()
            && !self.is_resident()
            && self.smaller_side() >= FEWEST_GROUPS * GROUP
    }

    /// [`update`](Self::update) that computes masses between groups as well.
    pub(crate) fn update_with_masses(&mut self, levels: &mut TwoLevel<E>) -> Result<()> {
        let Self {
            engine,
            kernel,
            source,
            target,
            effort,
            method,
            ..
        } = self;
        target.update(*engine, *kernel, source, true)?;
        target.accept();
        let groups = [&*levels.groups[0], &levels.groups[1]];
        source.update_with_masses(*engine, *kernel, target, groups, &mut levels.masses)?;
        effort.took(*method, 2);
        Ok(())
    }
}

impl<E: Engine> TwoLevel<E> {
    /// Puts the sides of a run into the order of groups.
    pub(crate) async fn enter(run: &mut Run<'_, '_, E>) -> Result<Self> {
        let sides = [&run.source, &run.target];
        let orders = sides.map(|side| order(&side.points.coordinates(), side.dimension()));
        let groups = sides.map(|side| groups(side.len()));
        let source = run.source.reordered(run.engine, &orders[0]).await?;
        let target = run.target.reordered(run.engine, &orders[1]).await?;
        let count = (groups[0].len() - 1) * (groups[1].len() - 1);
        Ok(Self {
            natural: [
                std::mem::replace(&mut run.source, source),
                std::mem::replace(&mut run.target, target),
            ],
            orders,
            groups,
            masses: run.engine.zeros(count)?,
        })
    }

    /// Puts the potentials into the sides' own order.
    pub(crate) async fn leave(self, run: &mut Run<'_, '_, E>) -> Result<()> {
        let [mut source, mut target] = self.natural;
        source
            .take_potential(run.engine, &run.source, &self.orders[0])
            .await?;
        target
            .take_potential(run.engine, &run.target, &self.orders[1])
            .await?;
        (run.source, run.target) = (source, target);
        Ok(())
    }

    /// Corrects the source's update, not yet accepted, at an error of the iteration.
    pub(crate) async fn correct(&self, run: &mut Run<'_, '_, E>, error: f64) -> Result<()> {
        let (engine, epsilon) = (run.engine, run.kernel.epsilon);
        let [rows, columns] = &self.groups;
        let wanted = [
            wanted(engine, &run.source, &run.source.updated, rows).await?,
            wanted(engine, &run.target, &run.target.potential, columns).await?,
        ];
        let damping = [&run.source, &run.target].map(|side| 1.0 / (1.0 + epsilon / side.rho));
        let masses = engine.read(&self.masses).await?;
        let Some(balance) = Balance::new(masses, wanted, damping) else {
            return Ok(());
        };
        let logs = balance.log_factors(BALANCE_SHARE * error);
        let of_group =
            |(group, log): (&[usize], f64)| std::iter::repeat_n(epsilon * log, group[1] - group[0]);
        let correction: Vec<f64> = rows.windows(2).zip(logs).flat_map(of_group).collect();
        run.source
            .add_to_updated(engine, &engine.vector(&correction)?)
    }
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

/// The first point of each group of so many points, and that number.
fn groups(points: usize) -> Vec<usize> {
    let least = points.div_ceil(MOST_GROUPS);
    let size = least
        .max(points.saturating_mul(points) / MOST_SUMS)
        .next_power_of_two();
    let size = size.max(GROUP);
    (0..points).step_by(size).chain([points]).collect()
}

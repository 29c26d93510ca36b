//! The averaged measures on a device, and their passes to and from the support of the barycenter.
//!
//! Inputs on the same points are columns of one wide pass, which evaluates the cost of a pair once for all of them.

use crate::engine::{Kernel, Side};
use crate::linalg::mean;
use crate::pass::{Pass, Points, pairs_of_a_pass};
use crate::{Engine, Frame, Measure, Result};
use std::sync::Arc;

/// Inputs that share their points.
pub(super) struct Group<E: Engine> {
    /// The indices of the inputs.
    pub(super) members: Vec<usize>,
    /// Their points; `None` if they are those of the support.
    pub(super) points: Option<Points<E>>,
    /// m×q, of sum 1 each.
    pub(super) weights: E::Weights,
    pub(super) on_host: Vec<Vec<f64>>,
    /// g, m×q.
    pub(super) potential: Arc<E::Vector>,
    /// T_b(g), n×q.
    transform: E::Vector,
}

/// The support of the barycenter, the inputs, and their potentials.
pub(super) struct Inputs<E: Engine> {
    pub(super) kernel: Kernel,
    pub(super) support: Points<E>,
    pub(super) groups: Vec<Group<E>>,
    /// The number of inputs.
    pub(super) count: usize,
    /// Whether the potentials are those of the previous iteration.
    guessed: bool,
    /// Pairs of the passes so far.
    pub(super) pairs: u64,
    /// Softmins of one histogram so far.
    pub(super) products: usize,
}

impl<E: Engine> Inputs<E> {
    /// Puts all on a device; `separable` says whether passes go along axes.
    pub(super) fn new(
        engine: &E,
        (frame, kernel): (&Frame, Kernel),
        support: &Measure,
        inputs: &[&Measure],
        separable: bool,
    ) -> Result<Self> {
        let n = support.len();
        let mut shared: Vec<Vec<usize>> = Vec::new();
        for (s, input) in inputs.iter().enumerate() {
            let same = |group: &&mut Vec<usize>| inputs[group[0]].shares_points(input);
            match shared.iter_mut().find(same) {
                Some(group) => group.push(s),
                None => shared.push(vec![s]),
            }
        }
        let group = |members: Vec<usize>| {
            let first = inputs[members[0]];
            let on_host: Vec<Vec<f64>> = members
                .iter()
                .map(|s| {
                    let (weights, mass) = (inputs[*s].weights(), inputs[*s].mass());
                    weights.iter().map(|w| w / mass).collect()
                })
                .collect();
            let (m, q) = (first.len(), members.len());
            let wide: Vec<f64> = (0..m * q).map(|k| on_host[k % q][k / q]).collect();
            Ok(Group {
                points: if first.shares_points(support) {
                    None
                } else {
                    Some(Points::of(engine, frame, first, separable)?)
                },
                weights: engine.weights(&wide, q)?,
                potential: Arc::new(engine.zeros(m * q)?),
                transform: engine.zeros(n * q)?,
                on_host,
                members,
            })
        };
        Ok(Self {
            kernel,
            support: Points::of(engine, frame, support, separable)?,
            groups: shared.into_iter().map(group).collect::<Result<_>>()?,
            count: inputs.len(),
            guessed: false,
            pairs: 0,
            products: 0,
        })
    }

    /// gₛ ← T(hₛ) and tₛ ← T_{bₛ}(gₛ) for all inputs, from n×`count` potentials h on the support that include the
    /// weights; returns the tₛ, n×`count`.
    pub(super) async fn transforms(&mut self, engine: &E, potentials: &[f64]) -> Result<Vec<f64>> {
        let (n, count) = (self.support.len(), self.count);
        let mut transforms = vec![0.0; n * count];
        for group in &mut self.groups {
            let q = group.members.len();
            let of_group = |k: usize| potentials[k / q * count + group.members[k % q]];
            let h = engine.vector(&(0..n * q).map(of_group).collect::<Vec<_>>())?;
            let points = group.points.as_ref().unwrap_or(&self.support);
            let to_inputs = Pass {
                engine,
                kernel: self.kernel,
                rows: points,
                potential: None,
                columns: &self.support,
                side: Side {
                    weights: None,
                    potential: Some(&h),
                },
                near: None,
            };
            let mut updated = engine.zeros(points.len() * q)?;
            let guess = self.guessed.then_some(&*group.potential);
            to_inputs.softmins(q, guess, &mut updated)?;
            group.potential = Arc::new(updated);
            let to_support = Pass {
                rows: &self.support,
                columns: points,
                side: Side::new(&group.weights, &group.potential),
                ..to_inputs
            };
            let mut updated = engine.zeros(n * q)?;
            let guess = self.guessed.then_some(&group.transform);
            to_support.softmins(q, guess, &mut updated)?;
            group.transform = updated;
            self.pairs += 2 * pairs_of_a_pass(&self.support, points);
            self.products += 2 * q;
        }
        for group in &self.groups {
            let q = group.members.len();
            let values = engine.read(&group.transform).await?;
            for (k, value) in values.into_iter().enumerate() {
                transforms[k / q * count + group.members[k % q]] = value;
            }
        }
        self.guessed = true;
        Ok(transforms)
    }

    /// T(h) on the support for a potential h on it that includes the weights.
    pub(super) async fn own_transform(
        &mut self,
        engine: &E,
        potential: &[f64],
    ) -> Result<Vec<f64>> {
        let on_device = engine.vector(potential)?;
        let pass = Pass {
            engine,
            kernel: self.kernel,
            rows: &self.support,
            potential: None,
            columns: &self.support,
            side: Side {
                weights: None,
                potential: Some(&on_device),
            },
            near: None,
        };
        let mut transform = engine.zeros(self.support.len())?;
        pass.softmins(1, None, &mut transform)?;
        self.pairs += pairs_of_a_pass(&self.support, &self.support);
        self.products += 1;
        engine.read(&transform).await
    }

    /// The potentials gₛ of all inputs.
    pub(super) async fn potentials(&self, engine: &E) -> Result<Vec<Vec<f64>>> {
        let mut potentials = vec![Vec::new(); self.count];
        for group in &self.groups {
            let q = group.members.len();
            let values = engine.read(&group.potential).await?;
            for (column, s) in group.members.iter().enumerate() {
                potentials[*s] = values.iter().skip(column).step_by(q).copied().collect();
            }
        }
        Ok(potentials)
    }

    /// ⟨bₛ, vₛ⟩ of each input, and the largest |vₛ| over the points of positive weight in bₛ.
    pub(super) fn means(&self, values: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let mut means = vec![(0.0, 0.0); self.count];
        for group in &self.groups {
            for (s, weights) in group.members.iter().zip(&group.on_host) {
                let pairs = weights.iter().zip(&values[*s]).filter(|(b, _)| **b > 0.0);
                let height = pairs.fold(0.0, |height: f64, (_, v)| height.max(v.abs()));
                means[*s] = (mean(weights, values[*s].iter().copied()), height);
            }
        }
        means
    }
}

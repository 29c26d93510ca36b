//! The entries of a plan, computed on the host in f64 from the engine's potentials.

use super::State;
use crate::{Engine, Result};
use std::borrow::Cow;

pub(super) struct Entries<'s, E: Engine> {
    state: &'s State<E>,
    rows: Cow<'s, [f64]>,
    points: Cow<'s, [f64]>,
    f: Vec<f64>,
    /// The columns of positive weight: j, and log bⱼ + gⱼ/ε.
    columns: Vec<(usize, f64)>,
}

impl<'s, E: Engine> Entries<'s, E> {
    pub(super) async fn of(state: &'s State<E>) -> Result<Self> {
        let State {
            engine,
            kernel,
            source,
            target,
            ..
        } = state;
        let g = engine.read(&target.potential).await?;
        let columns = target.weights.iter().zip(&g).enumerate();
        let present = columns.filter(|(_, (b, _))| **b > 0.0);
        Ok(Self {
            state,
            rows: source.points.coordinates(),
            points: target.points.coordinates(),
            f: engine.read(&source.potential).await?,
            columns: present
                .map(|(j, (b, g))| (j, b.ln() + g / kernel.epsilon))
                .collect(),
        })
    }

    /// The number of columns of positive weight.
    pub(super) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// j and log bⱼ + (gⱼ − Cᵢⱼ)/ε, for each column of positive weight.
    pub(super) fn exponents(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let State { kernel, source, .. } = self.state;
        let d = source.dimension();
        let x = &self.rows[i * d..][..d];
        self.columns.iter().map(move |(j, term)| {
            let y = &self.points[j * d..][..d];
            (*j, term - kernel.cost.between(x, y) / kernel.epsilon)
        })
    }

    /// The entry of a row, from its exponent.
    pub(super) fn mass(&self, i: usize, exponent: f64) -> f64 {
        let State {
            kernel,
            source,
            masses,
            ..
        } = self.state;
        let weight = source.weights[i];
        if weight == 0.0 {
            return 0.0;
        }
        masses.plan * weight * (exponent + self.f[i] / kernel.epsilon).exp()
    }
}

//! Barycenters of spaces with stored matrices: the mean of P D Pᵀ, by products of matrices.

use super::{Couplings, Effort, Round};
use crate::gromov::matrices::{self, Host, Posed, Reached, balanced, starts};
use crate::gromov::space::Features;
use crate::gromov::{DistanceMatrix, Gromov, MatrixCoupling};
use crate::{Error, Result};
use std::ops::ControlFlow;
use web_time::Instant;

/// The moving space, and its couplings.
pub(super) struct Stored<'s> {
    host: Host<'s>,
    gromov: &'s Gromov,
    lambda: &'s [f64],
    /// The pairs of the moving space with each input.
    posed: Vec<Posed>,
    space: DistanceMatrix,
    epsilon: f64,
    /// The plans of the last round; empty before the first.
    reached: Vec<Reached>,
    tried: Vec<matrices::Effort>,
    effort: Effort,
}

impl<'s> Stored<'s> {
    pub(super) fn new(
        host: Host<'s>,
        gromov: &'s Gromov,
        lambda: &'s [f64],
        start: &DistanceMatrix,
        inputs: &[DistanceMatrix],
    ) -> Result<Self> {
        let posed = inputs
            .iter()
            .map(|input| Posed::new([start, input], gromov.alpha));
        let posed = posed.collect::<Result<Vec<Posed>>>()?;
        let totals = posed.iter().zip(lambda);
        let mean = totals
            .map(|(posed, lambda)| lambda * posed.pair.total)
            .sum();
        Ok(Self {
            host,
            gromov,
            lambda,
            posed,
            space: start.clone(),
            epsilon: gromov.strength(mean),
            reached: Vec::new(),
            tried: Vec::new(),
            effort: Effort::default(),
        })
    }

    /// The space and its couplings, of a solve that began then.
    pub(super) fn ended(self, began: Instant) -> (DistanceMatrix, Vec<MatrixCoupling>) {
        let runs = self.posed.iter().zip(self.reached).zip(self.tried);
        let couplings = runs.map(|((posed, reached), tried)| {
            posed.concluded(
                self.gromov,
                self.host,
                self.epsilon,
                reached,
                (tried, began),
            )
        });
        (self.space, couplings.collect())
    }
}

impl Couplings for Stored<'_> {
    async fn couple(&mut self, steps: usize) -> Result<Round> {
        let mut round = Round {
            objective: 0.0,
            explained: 0.0,
            change: 0.0,
        };
        let mut before = std::mem::take(&mut self.reached).into_iter();
        for (posed, lambda) in self.posed.iter().zip(self.lambda) {
            let start = match before.next() {
                Some(reached) => reached.plan,
                None => {
                    let limits = (self.epsilon, self.gromov.max_iterations);
                    let (start, tried) =
                        starts::choose(self.host, &posed.pair, limits, self.gromov.start)?;
                    self.effort.add(&tried);
                    self.tried.push(tried);
                    start
                }
            };
            let run = (start, self.gromov.ends(steps));
            let mut ignored = |_, _, _| ControlFlow::Continue(());
            let reached = balanced(self.host, &posed.pair, self.epsilon, run, &mut ignored)?;
            self.effort.add(&reached.effort);
            round.objective += lambda * reached.objective;
            round.explained += lambda * reached.explained;
            round.change = round.change.max(reached.change);
            self.reached.push(reached);
        }
        Ok(round)
    }

    async fn average(&mut self) -> Result<()> {
        let n = self.space.len();
        let engine = self.host.engine;
        let mut mean = vec![0.0; n * n];
        let mut carried = vec![0.0; n * n];
        let mut features: Option<Features> = None;
        for ((posed, reached), lambda) in self.posed.iter().zip(&self.reached).zip(self.lambda) {
            let [_, input] = &posed.pair.spaces;
            let m = input.len();
            let mut half = vec![0.0; n * m];
            engine.multiply([&reached.plan, &input.distances], m, &mut half)?;
            let across: Vec<f64> = (0..m)
                .flat_map(|j| reached.plan.iter().skip(j).step_by(m))
                .copied()
                .collect();
            engine.multiply([&half, &across], n, &mut carried)?;
            let entries = mean.iter_mut().zip(&carried);
            entries.for_each(|(mean, d)| *mean += lambda * d);
            let of = input.features.as_ref().filter(|_| posed.pair.is_fused());
            if let Some(of) = of {
                let mut sums = vec![0.0; n * of.dimension];
                engine.multiply([&reached.plan, &of.values], of.dimension, &mut sums)?;
                let mean = features.get_or_insert_with(|| Features {
                    dimension: of.dimension,
                    values: vec![0.0; sums.len()],
                });
                let rows = mean.values.chunks_exact_mut(of.dimension);
                let rows = rows.zip(sums.chunks_exact(of.dimension));
                for ((mean, sums), a) in rows.zip(&self.space.weights) {
                    let entries = mean.iter_mut().zip(sums);
                    entries.for_each(|(mean, sum)| *mean += lambda * sum / a);
                }
            }
        }
        // Rounding is not symmetric.
        let entry = |i: usize, k: usize| mean.get(i * n + k).copied().unwrap_or(0.0);
        let weights = || self.space.weights.iter().enumerate();
        let distances = weights().flat_map(|(i, a)| {
            weights().map(move |(k, b)| 0.5 * (entry(i, k) + entry(k, i)) / (a * b))
        });
        let distances: Vec<f64> = distances.collect();
        if distances.iter().any(|d| !d.is_finite()) {
            return Err(Error::NotFiniteResult {
                what: "a mean of distances",
                device: self.host.device.to_owned(),
            });
        }
        self.space.distances = distances;
        self.space.features = features;
        for posed in &mut self.posed {
            posed.moved(&self.space)?;
        }
        Ok(())
    }

    fn epsilon(&self) -> f64 {
        self.epsilon
    }

    fn effort(&self) -> Effort {
        self.effort
    }
}

impl Effort {
    fn add(&mut self, more: &matrices::Effort) {
        self.softmins += more.passes;
        self.pairs += more.pairs;
    }
}

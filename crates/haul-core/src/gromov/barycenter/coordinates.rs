//! Barycenters of spaces with coordinates.
//!
//! With zₛ the images of the points of input s under its plan, the best matrix has coordinates again: for inner products
//! Dₖₗ = Σ λₛ ⟨zₛₖ, zₛₗ⟩, and for squared distances, with the images pₛ of |x|²,
//!
//! ```text
//! Dₖₗ = Σ λₛ (pₛₖ + pₛₗ − 2⟨zₛₖ, zₛₗ⟩) = |zₖ − zₗ|² + vₖ + vₗ,    z = (√λₛ zₛ)ₛ,   v = Σ λₛ (pₛ − |zₛ|²)
//! ```

use super::{Couplings, Effort, Round};
use crate::gromov::descent::{Descent, End, Guess};
use crate::gromov::pair::{Pair, interleaved};
use crate::gromov::space::{Features, Form, MetricSpace, cross};
use crate::gromov::{Gromov, GromovSolution, bound, starts};
use crate::linalg::{Svd, dot};
use crate::{Engine, Measure, Result};
use std::ops::ControlFlow;
use web_time::Instant;

/// Axes whose variance is below this share of the largest one are rounding.
const RANK: f64 = 1e-13;

/// The most coordinates that are turned to their principal axes.
const MOST_DIMENSIONS: usize = 256;

/// A coupling of the moving space with an input.
struct Coupled<E: Engine> {
    pair: Pair,
    end: End<E>,
}

/// The moving space, and its couplings.
pub(super) struct Lifted<'l, E: Engine> {
    engine: &'l E,
    gromov: &'l Gromov,
    lambda: &'l [f64],
    inputs: &'l [MetricSpace],
    space: MetricSpace,
    epsilon: f64,
    couplings: Vec<Coupled<E>>,
    /// Where the couplings of the next round begin; empty before the first.
    guesses: Vec<Guess>,
    effort: Effort,
}

impl<'l, E: Engine + Clone> Lifted<'l, E> {
    pub(super) fn new(
        engine: &'l E,
        gromov: &'l Gromov,
        lambda: &'l [f64],
        start: &MetricSpace,
        inputs: &'l [MetricSpace],
    ) -> Self {
        Self {
            engine,
            gromov,
            lambda,
            inputs,
            space: start.clone(),
            epsilon: 0.0,
            couplings: Vec::new(),
            guesses: Vec::new(),
            effort: Effort::default(),
        }
    }

    /// The space and its couplings, of a solve that began then.
    pub(super) async fn ended(
        self,
        began: Instant,
    ) -> Result<(MetricSpace, Vec<GromovSolution<E>>)> {
        let mut solutions = Vec::with_capacity(self.couplings.len());
        for Coupled { pair, end } in self.couplings {
            let numbers = (self.epsilon, self.gromov.tolerance, bound::lower(&pair));
            solutions.push(GromovSolution::of(self.engine, pair, numbers, end, began).await?);
        }
        Ok((self.space, solutions))
    }
}

impl<E: Engine + Clone> Couplings for Lifted<'_, E> {
    async fn couple(&mut self, steps: usize) -> Result<Round> {
        let pairs = self.inputs.iter().map(|input| {
            let spaces = [self.space.clone(), input.clone()];
            Pair::new(spaces, self.gromov.alpha)
        });
        let pairs = pairs.collect::<Result<Vec<Pair>>>()?;
        if self.guesses.is_empty() {
            let totals = pairs.iter().zip(self.lambda);
            let mean = totals.map(|(pair, lambda)| lambda * pair.total).sum();
            self.epsilon = self.gromov.strength(mean);
        }
        let mut guesses = std::mem::take(&mut self.guesses).into_iter();
        let mut round = Round {
            objective: 0.0,
            explained: 0.0,
            change: 0.0,
        };
        self.couplings.clear();
        for (pair, lambda) in pairs.into_iter().zip(self.lambda) {
            let began = Instant::now();
            let mut descent = Descent::new(self.engine, &pair, self.epsilon, self.gromov, began);
            let guess = match guesses.next() {
                Some(guess) => guess,
                None => starts::choose(&mut descent, self.gromov.start)
                    .await?
                    .into(),
            };
            let mut ignored = |_: &_| ControlFlow::Continue(());
            let end = descent.run(guess, steps, &mut ignored).await?;
            self.effort.softmins += end.effort.softmins;
            self.effort.pairs += end.effort.pairs;
            round.objective += lambda * end.turn.objective;
            round.explained += lambda * 4.0 * self.epsilon * end.turn.tolerance;
            round.change = round.change.max(end.turn.change);
            self.couplings.push(Coupled { pair, end });
        }
        Ok(round)
    }

    async fn average(&mut self) -> Result<()> {
        let (n, weights) = (self.space.len(), &self.space.weights);
        let mut images = Vec::with_capacity(self.inputs.len());
        let mut scaled = Vec::with_capacity(self.inputs.len());
        let mut variances = vec![0.0; n];
        let mut features: Option<Features> = None;
        for ((coupled, input), lambda) in self.couplings.iter().zip(self.inputs).zip(self.lambda) {
            let carried = Carried::by(coupled, input).await?;
            let rows = || carried.points.chunks_exact(input.dimension());
            for ((v, square), z) in variances.iter_mut().zip(&carried.squares).zip(rows()) {
                *v += lambda * (square - dot(z, z)).max(0.0);
            }
            // Inner products are those of the points where they are.
            let shift = |mean: &f64| match input.form {
                Form::Squared => 0.0,
                Form::Inner => *mean,
            };
            let place = |z: &[f64]| -> Vec<f64> {
                let coordinates = z.iter().zip(&input.mean);
                let coordinates = coordinates.map(|(z, mean)| lambda.sqrt() * (z + shift(mean)));
                coordinates.collect()
            };
            scaled.push(rows().flat_map(place).collect::<Vec<f64>>());
            if let Some(of) = &carried.features {
                let mean = features.get_or_insert_with(|| Features {
                    dimension: of.dimension,
                    values: vec![0.0; of.values.len()],
                });
                let values = mean.values.iter_mut().zip(&of.values);
                values.for_each(|(mean, u)| *mean += lambda * u);
            }
            images.push(carried.points);
        }
        let parts: Vec<&[f64]> = scaled.iter().map(Vec::as_slice).collect();
        let widths: Vec<usize> = self.inputs.iter().map(MetricSpace::dimension).collect();
        let (points, d) = principal(interleaved(&parts, &widths), widths.iter().sum(), weights);
        let measure = Measure::new(points, d, weights.clone())?;
        let mut space = MetricSpace::new(self.space.form, &measure);
        space.features = features;
        if space.form == Form::Squared {
            space.variances = variances;
        }
        let guess = |(coupled, z): (Coupled<E>, Vec<f64>)| Guess {
            moments: cross(&space.points, &z, &space.weights),
            potentials: Some(coupled.end.turn.potentials),
        };
        self.guesses = self.couplings.drain(..).zip(images).map(guess).collect();
        self.space = space;
        Ok(())
    }

    fn epsilon(&self) -> f64 {
        self.epsilon
    }

    fn effort(&self) -> Effort {
        self.effort
    }
}

/// The images of an input under its plan.
struct Carried {
    /// Of |x|², and of the points less their mean, n×d.
    squares: Vec<f64>,
    points: Vec<f64>,
    features: Option<Features>,
}

impl Carried {
    async fn by<E: Engine + Clone>(coupled: &Coupled<E>, input: &MetricSpace) -> Result<Self> {
        let features = input.features.as_ref().filter(|_| coupled.pair.is_fused());
        let widths = [1, input.dimension(), features.map_or(0, |of| of.dimension)];
        let (squares, values) = (input.squares(), features.map_or(&[][..], |of| &of.values));
        let beside = interleaved(&[&squares, &input.points, values], widths);
        let width = widths.iter().sum();
        let images = coupled.end.turn.state.images(&beside, width).await?;
        let part = |from: usize, wide: usize| -> Vec<f64> {
            let rows = images.chunks_exact(width);
            let parts = rows.flat_map(|row| row.get(from..from + wide).unwrap_or_default());
            parts.copied().collect()
        };
        Ok(Self {
            squares: part(0, 1),
            points: part(1, widths[1]),
            features: features.map(|of| Features {
                dimension: of.dimension,
                values: part(1 + widths[1], of.dimension),
            }),
        })
    }
}

/// Points turned to the principal axes of their second moments about the origin, the longest first, as many as their rank; as they
/// are in more dimensions than is worth while.
fn principal(points: Vec<f64>, d: usize, weights: &[f64]) -> (Vec<f64>, usize) {
    if d > MOST_DIMENSIONS {
        return (points, d);
    }
    let axes = Svd::of(&cross(&points, &points, weights), d);
    let rank = axes.rank(RANK).max(1);
    let along = |x: &[f64]| -> Vec<f64> {
        let axes = axes.right.chunks_exact(d).take(rank);
        axes.map(|axis| dot(axis, x)).collect()
    };
    (points.chunks_exact(d).flat_map(along).collect(), rank)
}

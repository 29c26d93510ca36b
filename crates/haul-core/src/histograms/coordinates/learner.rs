//! The objective of a barycentric dictionary, and its unknowns.

use super::Coordinates;
use super::dictionary::BarycentricGradient;
use super::loss::Distance;
use super::model::{Model, settled};
use super::simplex::{softmax, to_logits};
use crate::linalg::{Trial, sum};
use crate::pass::finite;
use crate::{Engine, Error, Measure, Result};

pub(super) fn of_input(index: usize, error: Error) -> Error {
    let error = Box::new(error);
    Error::Input { index, error }
}

/// Rows of n weights as measures of mass 1 on a support.
pub(super) fn rows(support: &Measure, values: &[f64]) -> Result<Vec<Measure>> {
    let n = support.len();
    if values.is_empty() || !values.len().is_multiple_of(n) {
        return Err(Error::Length {
            what: "a matrix of histograms",
            expected: values.len().div_ceil(n).max(1) * n,
            found: values.len(),
        });
    }
    let measure = |(index, row): (usize, &[f64])| {
        let measure = support.clone().with_weights(row);
        measure
            .map_err(|error| of_input(index, error))
            .map(Measure::normalized)
    };
    (1..).zip(values.chunks_exact(n)).map(measure).collect()
}

/// The data, and what is known of them between two evaluations.
pub(super) struct Learner<'l, E: Engine> {
    pub(super) engine: E,
    pub(super) coordinates: &'l Coordinates,
    pub(super) support: Measure,
    pub(super) distances: Vec<Distance>,
    /// tₛ of the last barycenter of each histogram.
    pub(super) warm: Vec<Option<Vec<f64>>>,
    pub(super) epsilon: f64,
    /// How much the errors of the barycenters may have changed the last objective.
    pub(super) noise: f64,
    pub(super) products: usize,
    pub(super) evaluations: usize,
}

impl<E: Engine + Clone> Learner<'_, E> {
    /// The objective and its derivatives in the atoms and in all λ.
    pub(super) async fn evaluate(
        &mut self,
        atoms: &[Measure],
        weights: &[f64],
    ) -> Result<BarycentricGradient> {
        let (count, n) = (atoms.len(), self.support.len());
        let engine = self.engine.clone();
        let first = weights.get(..count);
        let mut model: Model<E> = self
            .coordinates
            .model(engine, &self.support, atoms, first)?;
        let tolerance = model.method.sinkhorn.tolerance;
        self.noise = 0.0;
        let mut sums = vec![0.0; count * n];
        let (mut terms, mut slopes) = (Vec::new(), Vec::new());
        let data = self.distances.iter_mut().zip(&mut self.warm);
        for ((distance, warm), lambda) in data.zip(weights.chunks_exact(count)) {
            let start = warm.take().map(|warm| settled(&warm, lambda));
            let path = model.barycenter(lambda, start, tolerance).await?;
            let (value, slope) = distance.evaluate(&model.engine, &path.weights).await?;
            self.noise += model.noise(&path, &slope);
            let adjoint = model.adjoint(&path, &slope, false).await?;
            self.products += adjoint.products;
            let of_atoms = adjoint.atoms.into_iter().flatten();
            sums.iter_mut().zip(of_atoms).for_each(|(sum, g)| *sum += g);
            slopes.extend(adjoint.lambda);
            terms.push(value);
            *warm = path.last_transforms();
        }
        self.products += model.inputs.products;
        self.evaluations += 1;
        Ok(BarycentricGradient {
            objective: sum(terms.iter().copied()),
            terms,
            atoms: finite(sums, &self.engine)?,
            weights: slopes,
        })
    }

    /// The same at a point of the unknowns.
    pub(super) async fn at(&mut self, unknowns: &Unknowns, point: Vec<f64>) -> Result<Evaluation> {
        let (atoms, weights) = unknowns.factors(self, &point)?;
        let found = self.evaluate(&atoms, &weights).await?;
        let trial = Trial {
            gradient: unknowns.gradient(&atoms, &weights, &found),
            value: found.objective,
            point,
        };
        Ok((trial, found))
    }
}

/// The objective at a point of the unknowns.
pub(super) type Evaluation = (Trial, BarycentricGradient);

/// Logits of atoms divided by a scale, K×n, and then logits of λ, N×K.
pub(super) struct Unknowns {
    count: usize,
    n: usize,
    histograms: usize,
    pub(super) scale: f64,
}

impl Unknowns {
    pub(super) fn new<E: Engine>(learner: &Learner<'_, E>, atoms: &[Measure]) -> Self {
        let n = learner.support.len();
        Self {
            count: atoms.len(),
            n,
            histograms: learner.distances.len(),
            scale: (n as f64).sqrt(),
        }
    }

    /// The unknowns of atoms, with all λ equal.
    pub(super) fn first(&self, atoms: &[Measure]) -> Vec<f64> {
        // An empty bin would stay empty.
        let least = 1e-6 / self.n as f64;
        let logits = atoms.iter().flat_map(Measure::weights);
        let logits = logits.map(|a| a.max(least).ln() / self.scale);
        logits
            .chain(vec![0.0; self.histograms * self.count])
            .collect()
    }

    /// Atoms and λ.
    pub(super) fn factors<E: Engine>(
        &self,
        learner: &Learner<'_, E>,
        point: &[f64],
    ) -> Result<(Vec<Measure>, Vec<f64>)> {
        let (logits, weights) = point.split_at(self.count * self.n);
        let atom = |logits: &[f64]| {
            let logits: Vec<f64> = logits.iter().map(|u| u * self.scale).collect();
            learner
                .support
                .clone()
                .with_weights(&softmax(&logits))
                .map(Measure::normalized)
        };
        let atoms = logits.chunks_exact(self.n).map(atom);
        let weights = weights.chunks_exact(self.count).flat_map(softmax);
        Ok((atoms.collect::<Result<_>>()?, weights.collect()))
    }

    /// The derivative in the unknowns.
    fn gradient(
        &self,
        atoms: &[Measure],
        weights: &[f64],
        found: &BarycentricGradient,
    ) -> Vec<f64> {
        let of_atoms = atoms.iter().zip(found.atoms.chunks_exact(self.n));
        let of_atoms = of_atoms.flat_map(|(atom, slope)| to_logits(atom.weights(), slope));
        let of_atoms = of_atoms.map(|g| g * self.scale);
        let of_lambda = weights.chunks_exact(self.count);
        let of_lambda = of_lambda.zip(found.weights.chunks_exact(self.count));
        let of_lambda = of_lambda.flat_map(|(lambda, slope)| to_logits(lambda, slope));
        of_atoms.chain(of_lambda).collect()
    }
}

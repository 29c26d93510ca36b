//! The objective of a dictionary and its derivatives, from potentials that are kept between evaluations.

use super::factors::{DictionaryPotentials, DictionaryState};
use super::posed::Posed;
use crate::histograms::BarycenterKind;
use crate::histograms::mixing::Mixing;
use crate::histograms::transforms::{Transforms, errors, means};
use crate::{Engine, Result};

/// How far potentials are computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// The L1 error of all plans' marginals at which their updates end.
    pub(super) tolerance: f64,
    /// The largest number of updates.
    pub(super) iterations: usize,
}

/// The objective and its derivatives at some factors, in units of ε.
#[derive(Debug, Clone)]
pub(super) struct Evaluation {
    /// The loss of each histogram, without the histogram's own term.
    pub(super) terms: Vec<f64>,
    /// ∂a_k, K×n.
    pub(super) atoms: Vec<f64>,
    /// ∂Λᵢ, N×K.
    pub(super) weights: Vec<f64>,
    /// The largest L1 error of the marginals of a plan.
    pub(super) error: f64,
    /// The mean of these errors over the histograms.
    pub(super) mean_error: f64,
}

impl Evaluation {
    pub(super) fn empty(bins: usize, atoms: usize, histograms: usize) -> Self {
        Self {
            terms: vec![0.0; histograms],
            atoms: vec![0.0; atoms * bins],
            weights: vec![0.0; histograms * atoms],
            error: 0.0,
            mean_error: 0.0,
        }
    }
}

/// The histograms of one pass, in columns.
struct Columns {
    q: usize,
    /// bᵢ, n×q.
    data: Vec<f64>,
    /// Σ_k Λᵢ_k a_k, n×q.
    mixtures: Vec<f64>,
    /// Λ of these histograms, K×q.
    weights: Vec<f64>,
}

/// The loss of each column and its derivative in the mixture, n×q, in units of ε.
struct Losses {
    terms: Vec<f64>,
    derivative: Vec<f64>,
    /// The L1 errors of the marginals.
    errors: Vec<f64>,
}

/// Evaluates the objective for a support and histograms.
pub(super) struct Evaluator<'e, E: Engine> {
    pub(super) posed: &'e Posed<'e>,
    pub(super) transforms: Transforms<'e, E>,
    pub(super) potentials: DictionaryPotentials,
}

impl<'e, E: Engine> Evaluator<'e, E> {
    pub(super) fn new(
        engine: &'e E,
        posed: &'e Posed<'e>,
        potentials: Option<DictionaryPotentials>,
    ) -> Result<Self> {
        let problem = &posed.problem;
        let place = (problem.frame(), problem.kernel());
        let separable = problem.is_separable();
        let own = if posed.has_own() {
            posed.data.len() * posed.support.len()
        } else {
            0
        };
        Ok(Self {
            transforms: Transforms::between(engine, place, [posed.support; 2], separable)?,
            potentials: potentials.unwrap_or_else(|| DictionaryPotentials {
                data: vec![0.0; posed.data.entries()],
                own: vec![0.0; own],
            }),
            posed,
        })
    }

    /// ½ OT_ε(bᵢ, bᵢ)/ε of each histogram, if the loss has this term.
    pub(super) async fn own_terms(&mut self, effort: Effort) -> Result<Vec<f64>> {
        let (count, n) = (self.posed.data.len(), self.posed.support.len());
        let mut terms = vec![0.0; count];
        if !self.posed.has_own() {
            return Ok(terms);
        }
        let members: Vec<usize> = (0..count).collect();
        for part in members.chunks(self.posed.settings.columns) {
            let data = self.posed.data.weights(part);
            let mut own = vec![0.0; n * part.len()];
            let (values, _) = self.own(&data, &mut own, part.len(), effort).await?;
            part.iter()
                .zip(values)
                .for_each(|(i, value)| terms[*i] = 0.5 * value);
        }
        Ok(terms)
    }

    /// Adds the terms and derivatives of some histograms to an evaluation.
    pub(super) async fn add(
        &mut self,
        state: &DictionaryState,
        members: &[usize],
        effort: Effort,
        evaluation: &mut Evaluation,
    ) -> Result<()> {
        for part in members.chunks(self.posed.settings.columns) {
            let columns = self.columns(state, part);
            let losses = match self.posed.rho {
                Some(rho) => self.penalized(part, &columns, rho, effort).await?,
                None => self.exact(part, &columns, effort).await?,
            };
            evaluation.error = evaluation.error.max(largest(&losses.errors));
            let share = self.posed.data.len() as f64;
            evaluation.mean_error += losses.errors.iter().sum::<f64>() / share;
            for (i, term) in part.iter().zip(&losses.terms) {
                evaluation.terms[*i] = *term;
            }
            pull_back(state, part, &columns, &losses.derivative, evaluation);
        }
        Ok(())
    }

    fn columns(&self, state: &DictionaryState, part: &[usize]) -> Columns {
        let (n, q) = (self.posed.support.len(), part.len());
        let count = self.posed.atoms(state);
        let mut weights = vec![0.0; count * q];
        for (column, i) in part.iter().enumerate() {
            for k in 0..count {
                weights[k * q + column] = state.weights[i * count + k];
            }
        }
        let mut mixtures = vec![0.0; n * q];
        for (bin, row) in mixtures.chunks_exact_mut(q).enumerate() {
            for (k, weights) in weights.chunks_exact(q).enumerate() {
                let a = state.atoms[k * n + bin];
                for (sum, weight) in row.iter_mut().zip(weights) {
                    *sum += a * weight;
                }
            }
        }
        Columns {
            q,
            data: self.posed.data.weights(part),
            mixtures,
            weights,
        }
    }

    /// The losses with exact marginals.
    async fn exact(&mut self, part: &[usize], columns: &Columns, effort: Effort) -> Result<Losses> {
        let Columns {
            q, data, mixtures, ..
        } = columns;
        let data_potentials = &self.potentials.data;
        let g = self.posed.data.columns(part, data_potentials);
        let (f, g, mut errors) = self.between(columns, g, effort).await?;
        self.posed.data.take(part, &g, &mut self.potentials.data);
        let [of_mixtures, of_data] = [means(mixtures, &f, *q), means(data, &g, *q)];
        let mut terms: Vec<f64> = of_mixtures
            .iter()
            .zip(&of_data)
            .map(|(f, g)| f + g)
            .collect();
        let mut derivative = f;
        match self.posed.settings.kind {
            BarycenterKind::Product => {}
            BarycenterKind::Debiased => {
                let n = self.posed.support.len();
                let mut own = vec![0.0; n * q];
                for (column, i) in part.iter().enumerate() {
                    let kept = &self.potentials.own[i * n..(i + 1) * n];
                    for (bin, potential) in kept.iter().enumerate() {
                        own[bin * q + column] = *potential;
                    }
                }
                let (values, off) = self.own(mixtures, &mut own, *q, effort).await?;
                errors
                    .iter_mut()
                    .zip(off)
                    .for_each(|(error, off)| *error = error.max(off));
                terms
                    .iter_mut()
                    .zip(values)
                    .for_each(|(term, own)| *term -= 0.5 * own);
                derivative
                    .iter_mut()
                    .zip(&own)
                    .for_each(|(f, own)| *f -= own);
                for (column, i) in part.iter().enumerate() {
                    let kept = &mut self.potentials.own[i * n..(i + 1) * n];
                    for (bin, potential) in kept.iter_mut().enumerate() {
                        *potential = own[bin * q + column];
                    }
                }
            }
            BarycenterKind::Plain => {
                for (bin, row) in derivative.chunks_exact_mut(*q).enumerate() {
                    let m = self.posed.reference[bin];
                    for (column, f) in row.iter_mut().enumerate() {
                        let mixture = mixtures[bin * q + column];
                        // Where a mixture has no mass its derivative is −∞.
                        let log = (mixture / m).max(f64::MIN_POSITIVE).ln();
                        *f += log;
                        if mixture > 0.0 {
                            terms[column] += mixture * log;
                        }
                    }
                }
            }
        }
        Ok(Losses {
            terms,
            derivative,
            errors,
        })
    }

    /// f and g between mixtures and data, from a g to start with, and the L1 errors of their plans' marginals.
    async fn between(
        &mut self,
        columns: &Columns,
        mut g: Vec<f64>,
        effort: Effort,
    ) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
        let Columns {
            q, data, mixtures, ..
        } = columns;
        let n = self.posed.support.len();
        let mut mixing = Mixing::new(self.transforms.precision());
        let weight = |entry: usize| mixtures[entry] + 1e-3 / n as f64;
        let mut f = self.transforms.of(data, &g, *q).await?;
        let mut iterations = 0;
        loop {
            g = self.transforms.of(mixtures, &f, *q).await?;
            let image = self.transforms.of(data, &g, *q).await?;
            let off = errors(mixtures, &f, &image, *q);
            let error = largest(&off);
            iterations += 1;
            if error <= effort.tolerance || iterations >= effort.iterations {
                return Ok((image, g, off));
            }
            f = mixing.next(weight, &f, image, error);
        }
    }

    /// OT_ε(w, w)/ε of n×q weights, from potentials that are improved, and the L1 errors.
    async fn own(
        &mut self,
        weights: &[f64],
        own: &mut [f64],
        q: usize,
        effort: Effort,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut iterations = 0;
        loop {
            iterations += 1;
            let image = self.transforms.of(weights, own, q).await?;
            let off = errors(weights, own, &image, q);
            let values = means(weights, own, q);
            let values: Vec<f64> = values
                .iter()
                .zip(means(weights, &image, q))
                .map(|(before, after)| before + after)
                .collect();
            own.iter_mut()
                .zip(&image)
                .for_each(|(own, image)| *own = 0.5 * (*own + image));
            if largest(&off) <= effort.tolerance || iterations >= effort.iterations {
                return Ok((values, off));
            }
        }
    }

    /// The losses with a penalty on the side of the mixtures; the marginals of the data are exact.
    async fn penalized(
        &mut self,
        part: &[usize],
        columns: &Columns,
        rho: f64,
        effort: Effort,
    ) -> Result<Losses> {
        let Columns {
            q, data, mixtures, ..
        } = columns;
        let damping = rho / (rho + 1.0);
        let mut g = self.posed.data.columns(part, &self.potentials.data);
        let mut image = self.transforms.of(data, &g, *q).await?;
        let mut iterations = 0;
        loop {
            iterations += 1;
            let f: Vec<f64> = image.iter().map(|t| damping * t).collect();
            g = self.transforms.of(mixtures, &f, *q).await?;
            image = self.transforms.of(data, &g, *q).await?;
            // The rows of the plan are mix e^{f − T}, and at the solution mix e^{−f/ρ}.
            let after: Vec<f64> = image.iter().map(|t| damping * t).collect();
            let errors = errors(mixtures, &f, &after, *q);
            if largest(&errors) > effort.tolerance && iterations < effort.iterations {
                continue;
            }
            self.posed.data.take(part, &g, &mut self.potentials.data);
            let mut terms = means(data, &g, *q);
            let mut derivative = vec![0.0; image.len()];
            for (row, mixtures) in mixtures.chunks_exact(*q).enumerate() {
                for (column, mixture) in mixtures.iter().enumerate() {
                    let entry = row * q + column;
                    let log = f[entry] - image[entry];
                    let ratio = log.exp();
                    terms[column] += mixture * ratio * (f[entry] + rho * log);
                    derivative[entry] = -(1.0 + rho) * ratio;
                }
            }
            return Ok(Losses {
                terms,
                derivative,
                errors,
            });
        }
    }
}

/// Adds the derivatives in both factors from those in the mixtures.
fn pull_back(
    state: &DictionaryState,
    part: &[usize],
    columns: &Columns,
    derivative: &[f64],
    evaluation: &mut Evaluation,
) {
    let q = columns.q;
    let count = columns.weights.len() / q;
    let n = derivative.len() / q;
    let mut of_weights = vec![0.0; count * q];
    for (bin, row) in derivative.chunks_exact(q).enumerate() {
        let both = columns
            .weights
            .chunks_exact(q)
            .zip(of_weights.chunks_exact_mut(q));
        for (k, (weights, sums)) in both.enumerate() {
            let a = state.atoms[k * n + bin];
            for (sum, g) in sums.iter_mut().zip(row) {
                *sum += a * g;
            }
            let product: f64 = weights.iter().zip(row).map(|(w, g)| w * g).sum();
            evaluation.atoms[k * n + bin] += product;
        }
    }
    for (column, i) in part.iter().enumerate() {
        for k in 0..count {
            evaluation.weights[i * count + k] = of_weights[k * q + column];
        }
    }
}

fn largest(errors: &[f64]) -> f64 {
    errors.iter().copied().fold(0.0, f64::max)
}

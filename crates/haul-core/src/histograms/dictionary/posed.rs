//! The checked problem of a dictionary, its first factors, and the bounds of its objective.

use super::factors::{DictionaryState, Factors};
use super::{Histograms, LinearDictionary};
use crate::histograms::BarycenterKind;
use crate::linalg::sum;
use crate::{
    Bounds, Divergence, Engine, Error, Measure, Penalty, Precision, Problem, Regularization,
    Result, Solution,
};

/// Settings that were checked against a support and histograms.
pub(super) struct Posed<'m> {
    pub(super) settings: &'m LinearDictionary,
    pub(super) support: &'m Measure,
    pub(super) data: &'m Histograms,
    /// m, of sum 1.
    pub(super) reference: Vec<f64>,
    /// The support against itself.
    pub(super) problem: Problem<'m>,
    /// ρ/ε of the mixtures' side, if the dictionary is monotone.
    pub(super) rho: Option<f64>,
}

impl<'m> Posed<'m> {
    pub(super) fn new(
        settings: &'m LinearDictionary,
        support: &'m Measure,
        data: &'m Histograms,
    ) -> Result<Self> {
        let (expected, found) = (support.len(), data.bins());
        if expected != found {
            return Err(Error::Length {
                what: "each histogram",
                expected,
                found,
            });
        }
        if let Some(row) = support.weights().iter().position(|m| *m == 0.0) {
            let (row, value) = (row + 1, 0.0);
            return Err(Error::BadWeight { row, value });
        }
        let above = |name, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(Error::BadParameter {
                name,
                value,
                range: "a finite number above 0",
            }),
        };
        above("step_size", settings.step_size)?;
        above("tolerance", settings.tolerance)?;
        above("columns", settings.columns as f64)?;
        above("minibatch", settings.minibatch.unwrap_or(1) as f64)?;
        above("rho", settings.monotone.unwrap_or(1.0))?;
        let problem = settings.sinkhorn.problem(support, support)?;
        Ok(Self {
            reference: support
                .weights()
                .iter()
                .map(|m| m / support.mass())
                .collect(),
            rho: settings.monotone.map(|rho| rho / problem.epsilon()),
            problem,
            settings,
            support,
            data,
        })
    }

    /// Refuses a tolerance that rounding makes unreachable.
    pub(super) fn check_tolerance(&self, precision: Precision, tolerance: f64) -> Result<()> {
        let floor = self.problem.precision_floor(precision);
        let precision = precision.name();
        match tolerance >= floor {
            true => Ok(()),
            false => Err(Error::BelowFloor {
                tolerance,
                precision,
                floor,
            }),
        }
    }

    /// The number of atoms.
    pub(super) fn atoms(&self, state: &DictionaryState) -> usize {
        state.atoms.len() / self.support.len()
    }

    /// The first factors: given atoms or histograms blended with the reference, and equal weights.
    pub(super) fn start(&self) -> Result<DictionaryState> {
        let (n, data) = (self.support.len(), self.data);
        let atoms = match &self.settings.initial {
            Some(atoms) => atoms.clone(),
            None => {
                let count = self.settings.atoms;
                if count == 0 || count > data.len() {
                    return Err(Error::BadParameter {
                        name: "atoms",
                        value: count as f64,
                        range: "at least 1 and at most the number of histograms",
                    });
                }
                let mut atoms = Vec::with_capacity(count * n);
                for member in shuffled(data.len(), self.settings.seed)
                    .into_iter()
                    .take(count)
                {
                    let mut atom: Vec<f64> = self.reference.iter().map(|m| 0.5 * m).collect();
                    let (bins, weights) = data.row(member);
                    for (bin, weight) in bins.iter().zip(weights) {
                        atom[*bin] += 0.5 * weight;
                    }
                    atoms.extend(atom);
                }
                atoms
            }
        };
        let count = atoms.len() / n;
        let weights = vec![1.0; count * data.len()];
        self.state_of(&atoms, &weights)
    }

    /// A state of some factors, with their rows scaled to sum 1.
    pub(super) fn state_of(&self, atoms: &[f64], weights: &[f64]) -> Result<DictionaryState> {
        self.checked_state(DictionaryState {
            atoms: atoms.to_vec(),
            weights: weights.to_vec(),
            potentials: None,
            steps: 0,
            step_size: self.settings.step_size,
        })
    }

    /// A given state, checked, with its rows scaled to sum 1.
    pub(super) fn checked_state(&self, mut state: DictionaryState) -> Result<DictionaryState> {
        let n = self.support.len();
        let length = |what, expected: usize, found: usize| match expected == found {
            true => Ok(()),
            false => Err(Error::Length {
                what,
                expected,
                found,
            }),
        };
        let count = state.atoms.len().div_ceil(n).max(1);
        length("the matrix of atoms", count * n, state.atoms.len())?;
        let weights = state.weights.len();
        length("the matrix of weights", self.data.len() * count, weights)?;
        normalize(&mut state.atoms, n)?;
        normalize(&mut state.weights, count)?;
        if let Some(potentials) = &state.potentials {
            let own = if self.has_own() {
                self.data.len() * n
            } else {
                0
            };
            let found = potentials.data.len();
            length("the potentials of the data", self.data.entries(), found)?;
            length("the potentials of the mixtures", own, potentials.own.len())?;
            let all = potentials.data.iter().chain(&potentials.own);
            if let Some((row, value)) = (1..).zip(all).find(|(_, value)| !value.is_finite()) {
                let value = *value;
                return Err(Error::BadPotential { row, value });
            }
        }
        if !(state.step_size > 0.0 && state.step_size.is_finite()) {
            return Err(Error::BadParameter {
                name: "step_size",
                value: state.step_size,
                range: "a finite number above 0",
            });
        }
        Ok(state)
    }

    /// Whether the objective has the term of a mixture against itself.
    pub(super) fn has_own(&self) -> bool {
        self.rho.is_none() && self.settings.kind == BarycenterKind::Debiased
    }

    /// Bounds of the objective at the factors, from a solve for each term.
    pub(super) async fn bounds<E: Engine + Clone>(
        &self,
        engine: E,
        factors: &Factors,
    ) -> Result<Bounds> {
        let epsilon = self.problem.epsilon();
        let mut settings = self.settings.sinkhorn.clone();
        settings.regularization = Regularization::Epsilon(epsilon);
        if let Some(rho) = self.settings.monotone {
            settings.penalties[0] = Penalty::Rho(rho);
        }
        let divergence = Divergence::from(settings.clone());
        let bounds = |solution: &Solution<E>| {
            let certificate = solution.certificate();
            [certificate.lower_bound, certificate.upper_bound]
        };
        let count = self.atoms(&factors.state);
        let (mut lower, mut upper) = (0.0, 0.0);
        let rows = factors.weights().chunks_exact(count).enumerate();
        for (member, weights) in rows {
            let mixture = self.mixture(factors.atoms(), weights);
            let bins = self.data.weights(&[member]);
            let [mixture, histogram] = [
                self.support.clone().with_weights(&mixture)?.normalized(),
                self.support.clone().with_weights(&bins)?.normalized(),
            ];
            let between = settings
                .solve_async(engine.clone(), &mixture, &histogram)
                .await?;
            let [mut least, mut most] = bounds(&between);
            if self.has_own() {
                for measure in [&mixture, &histogram] {
                    let own = divergence.self_term_async(engine.clone(), measure).await?;
                    let [least_own, most_own] = bounds(&own);
                    least -= 0.5 * most_own;
                    most -= 0.5 * least_own;
                }
                least = least.max(0.0);
            }
            let entropy = self.entropy(mixture.weights()) * epsilon;
            let slack = 16.0 * Precision::F64.unit_roundoff() * (entropy.abs() + most.abs());
            lower += least + entropy - slack;
            upper += most + entropy + slack;
        }
        Ok(Bounds { lower, upper })
    }

    /// KL(mix | m) in the plain kind, else 0.
    pub(super) fn entropy(&self, mixture: &[f64]) -> f64 {
        if self.rho.is_some() || self.settings.kind != BarycenterKind::Plain {
            return 0.0;
        }
        let pairs = mixture.iter().zip(&self.reference);
        sum(pairs
            .filter(|(w, _)| **w > 0.0)
            .map(|(w, m)| w * (w / m).ln()))
    }

    /// Σ_k λ_k a_k.
    fn mixture(&self, atoms: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut mixture = vec![0.0; self.support.len()];
        for (atom, weight) in atoms.chunks_exact(mixture.len()).zip(weights) {
            for (sum, a) in mixture.iter_mut().zip(atom) {
                *sum += weight * a;
            }
        }
        mixture
    }
}

/// Scales the rows of a matrix to sum 1.
fn normalize(matrix: &mut [f64], width: usize) -> Result<()> {
    for (index, row) in (1..).zip(matrix.chunks_exact_mut(width)) {
        let input = |error| Error::Input {
            index,
            error: Box::new(error),
        };
        let wrong = |w: &f64| !(w.is_finite() && *w >= 0.0);
        if let Some(bin) = row.iter().position(wrong) {
            let (row, value) = (bin + 1, row[bin]);
            return Err(input(Error::BadWeight { row, value }));
        }
        let mass = sum(row.iter().copied());
        if !(mass > 0.0 && mass.is_finite()) {
            return Err(input(Error::BadMass { mass }));
        }
        row.iter_mut().for_each(|w| *w /= mass);
    }
    Ok(())
}

/// The numbers below `count` in a pseudorandom order: that of their hashes.
pub(super) fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let hash = |index: usize| {
        let mut bits =
            (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.rotate_left(17);
        for _ in 0..3 {
            bits = (bits ^ (bits >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        }
        bits ^ (bits >> 32)
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|index| (hash(*index), *index));
    order
}

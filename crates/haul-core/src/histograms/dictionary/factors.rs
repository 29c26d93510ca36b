//! The result of a dictionary: atoms, and the weights with which each histogram mixes them.

use crate::histograms::BarycenterKind;
use crate::{Bounds, Cost, Error, Measure, Precision, Result};

/// Numbers of a dictionary. Costs are in units of |x − y|^p, for histograms of mass 1; sums are over the histograms.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DictionaryReport {
    /// The loss between a histogram and its mixture.
    pub kind: BarycenterKind,
    /// The number of bins.
    pub n: usize,
    /// The dimension of the space.
    pub d: usize,
    /// The number of histograms, N.
    pub histograms: usize,
    /// The number of atoms, K.
    pub atoms: usize,
    /// The cost.
    pub cost: Cost,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = ε^{1/p}, a length.
    pub blur: f64,
    /// ρ of the mixtures' side; infinite unless the dictionary is [monotone](crate::LinearDictionary::monotone).
    pub rho: f64,
    /// The loss of each histogram, at potentials of the given `error`.
    pub terms: Vec<f64>,
    /// The sum of the terms.
    pub objective: f64,
    /// Bounds of the objective at these factors, if they were asked for.
    pub bounds: Option<Bounds>,
    /// An upper bound of the possible decrease of the objective by other weights for these atoms, the Frank–Wolfe gap
    /// Σᵢ max_k ⟨∂ᵢ, mixᵢ − a_k⟩. It holds up to the error of the potentials.
    pub weights_gap: f64,
    /// The same for other atoms with these weights.
    pub atoms_gap: f64,
    /// The largest L1 error of the marginals of a plan between a histogram and its mixture.
    pub error: f64,
    /// The number of steps, including those before a [resumption](crate::LinearDictionary::resume).
    pub steps: usize,
    /// The step size after the last step.
    pub step_size: f64,
    /// Softmins of one histogram. A pass over all histograms counts N of them.
    pub products: usize,
    /// The decrease of the objective, in units of ε a histogram, below which the steps end.
    pub tolerance: f64,
    /// Whether the steps ended because of the tolerance.
    pub converged: bool,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// Data that a fit can be resumed from. All of it is plain: a caller may save it in any format.
#[derive(Debug, Clone, PartialEq)]
pub struct DictionaryState {
    /// The atoms, K×n, row-major; each row has sum 1.
    pub atoms: Vec<f64>,
    /// The weights, N×K, row-major; each row has sum 1.
    pub weights: Vec<f64>,
    /// Potentials to go on from; without them, they are found again.
    pub potentials: Option<DictionaryPotentials>,
    /// The number of steps so far.
    pub steps: usize,
    /// The step size η.
    pub step_size: f64,
}

/// Potentials of all histograms, divided by ε.
#[derive(Debug, Clone, PartialEq)]
pub struct DictionaryPotentials {
    /// The potential of each histogram at its bins that are not empty, in the order of the rows of the data.
    pub data: Vec<f64>,
    /// The potential of each mixture against itself, N×n; empty for losses without this term.
    pub own: Vec<f64>,
}

/// Atoms, and weights for each histogram, whose mixtures approximate the histograms.
#[derive(Debug, Clone)]
pub struct Factors {
    pub(super) support: Measure,
    pub(super) state: DictionaryState,
    pub(super) report: DictionaryReport,
}

impl Factors {
    /// The atoms, K×n, row-major; each row has sum 1.
    pub fn atoms(&self) -> &[f64] {
        &self.state.atoms
    }

    /// The weights, N×K, row-major; each row has sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.state.weights
    }

    /// Atom k as a measure on the support.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if there is no such atom.
    pub fn atom(&self, k: usize) -> Result<Measure> {
        let n = self.support.len();
        match self.atoms().chunks_exact(n).nth(k) {
            Some(atom) => self.support.clone().with_weights(atom),
            None => Err(Error::Length {
                what: "the dictionary",
                expected: k.saturating_add(1),
                found: self.report.atoms,
            }),
        }
    }

    /// The numbers of the fit.
    pub fn report(&self) -> &DictionaryReport {
        &self.report
    }

    /// The state to resume from.
    pub fn state(&self) -> &DictionaryState {
        &self.state
    }
}

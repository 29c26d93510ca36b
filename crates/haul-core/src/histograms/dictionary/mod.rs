//! Dictionaries of linear mixtures: few atoms a_k on a support whose mixtures are near many histograms bᵢ, where near
//! is measured by regularised transport.
//!
//! ```text
//! min Σᵢ L(Σ_k Λᵢ_k a_k, bᵢ)   over weights Λᵢ and atoms a_k, all of sum 1      [Sandler–Lindenbaum'11; Rolet–Cuturi–Peyré'16]
//! ```
//!
//! L is one of the objectives of a barycenter ([`BarycenterKind`]), of which a dictionary of one atom is one:
//! OT_ε + ε KL(·|m) (plain), S_ε (debiased), OT_ε (product). Only S_ε is 0 at a true factorisation.
//!
//! With f and g the potentials between mixture and histogram, and q the potential of the mixture against itself, the
//! derivative of L in the mixture is G = f, less q for the debiased kind, plus ε log (mix/m) for the plain one, and
//!
//! ```text
//! ∂Λᵢ_k = ⟨a_k, Gᵢ⟩,   ∂a_k = Σᵢ Λᵢ_k Gᵢ
//! ```
//!
//! up to a constant of each row. A step multiplies both factors, and normalises:
//!
//! ```text
//! up to three times  f ← T_b(g), g ← T_mix(f), q ← ½ (q + T_mix(q))         from those of the last step
//! Λ ← Λ exp(−η ∂Λ/ε),   a_k ← a_k exp(−η ∂a_k / (ε Σᵢ Λᵢ_k))
//! ```
//!
//! where η grows by a tenth at each step that the potentials can follow, and halves where the mean of the slopes at both ends of the step says that
//! the objective rose; then the step is undone. The objective is computed from these potentials, with an error of
//! second order in theirs.
//!
//! `monotone` minimises Σᵢ min_P ⟨C, P⟩ + ε KL(P | mixᵢ⊗bᵢ) + ρ KL(P1 | mixᵢ) with Pᵀ1 = bᵢ in place of it. Sinkhorn's
//! update f ← λ T_b(g), g ← T_mix(f), λ = ρ/(ρ + ε), is a mirror step in P of the length that the objective's relative
//! smoothness ε + ρ allows. For fixed P only (ε + ρ) KL(R | mix), R = P1, depends on the factors, and a step of the
//! expectation–maximisation for mixtures [Hofmann'99] lowers it: Λᵢ_k ∝ Λᵢ_k ⟨a_k, R/mix⟩,
//! a_k ∝ a_k Σᵢ Λᵢ_k Rᵢ/mixᵢ. So the objective falls at each step, without a step size.

mod data;
mod evaluation;
mod factors;
mod fit;
mod posed;

pub use data::Histograms;
pub use factors::{DictionaryPotentials, DictionaryReport, DictionaryState, Factors};
pub use fit::DictionaryProgress;

use super::BarycenterKind;
use crate::{Engine, Measure, Result, Sinkhorn, Stop, block_on};
use evaluation::Effort;
use fit::Fit;
use posed::Posed;
use std::ops::ControlFlow;

/// Settings of a dictionary of linear mixtures.
///
/// ```
/// # use haul_core::{Engine, Histograms, LinearDictionary, Measure};
/// # fn topics(engine: &impl Engine, words: &Measure, counts: &Histograms) -> haul_core::Result<()> {
/// // Documents over words, which are points with vectors as coordinates.
/// let dictionary = LinearDictionary::epsilon(0.1).atoms(8).max_steps(50);
/// let factors = dictionary.fit(engine, words, counts)?;
/// assert_eq!(factors.atoms().len(), 8 * words.len());
/// assert_eq!(factors.weights().len(), 8 * counts.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearDictionary {
    sinkhorn: Sinkhorn,
    kind: BarycenterKind,
    atoms: usize,
    seed: u64,
    initial: Option<Vec<f64>>,
    monotone: Option<f64>,
    step_size: f64,
    tolerance: f64,
    max_steps: usize,
    columns: usize,
    minibatch: Option<usize>,
    bounded: bool,
}

impl Default for LinearDictionary {
    fn default() -> Self {
        Self {
            sinkhorn: Sinkhorn::default(),
            kind: BarycenterKind::default(),
            atoms: 8,
            seed: 0,
            initial: None,
            monotone: None,
            step_size: 0.5,
            tolerance: 1e-3,
            max_steps: 200,
            columns: 512,
            minibatch: None,
            bounded: false,
        }
    }
}

settings!(LinearDictionary);

/// The objective of a dictionary and its derivatives in both factors.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FactorGradient {
    /// The loss of each histogram.
    pub terms: Vec<f64>,
    /// Their sum.
    pub objective: f64,
    /// ∂/∂a_k, K×n, each row up to a constant.
    pub atoms: Vec<f64>,
    /// ∂/∂Λᵢ, N×K, each row up to a constant.
    pub weights: Vec<f64>,
    /// The largest L1 error of the marginals of a plan.
    pub error: f64,
}

impl LinearDictionary {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    /// The loss. Default [`BarycenterKind::Debiased`], S_ε.
    pub fn kind(mut self, kind: BarycenterKind) -> Self {
        self.kind = kind;
        self
    }

    /// The number of atoms, K. Default 8.
    pub fn atoms(mut self, atoms: usize) -> Self {
        self.atoms = atoms;
        self
    }

    /// The first atoms are K of the histograms, each blended half and half with the reference measure; the seed
    /// chooses them. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The first atoms, K×n, row-major; their number replaces that of [`atoms`](Self::atoms). A bin of weight 0 keeps
    /// it.
    pub fn initial_atoms(mut self, atoms: &[f64]) -> Self {
        self.initial = Some(atoms.to_vec());
        self
    }

    /// Minimises the objective with a penalty ρ KL(P1 | mix) in place of the constraint that a plan's marginal is the
    /// mixture, by steps that need no size and never raise it. The loss of [`kind`](Self::kind) has no effect then.
    /// ρ is in units of the cost; a larger one needs more steps.
    pub fn monotone(mut self, rho: f64) -> Self {
        self.monotone = Some(rho);
        self
    }

    /// The first step size η, without a unit. Default 0.5.
    pub fn step_size(mut self, step_size: f64) -> Self {
        self.step_size = step_size;
        self
    }

    /// The steps end when ten of them together lowered the objective by less than this, in units of ε a histogram, or when both
    /// Frank–Wolfe gaps together are below it. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The largest number of steps. Default 200.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// The largest number of histograms in a pass, which bounds the memory: about 4 arrays of n×`columns` floats on the
    /// device and 8 on the host. Default 512. The host also keeps the potentials of all histograms, N×n for the
    /// debiased kind. Potentials of one pass are accelerated together, so that steps differ a little with this number.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Takes a step after every `size` histograms in place of one step for all: more steps for the same number of
    /// passes, whose objective may rise. Atoms go after each part in turn, so that the objective ends above that of steps
    /// for all, the more the smaller the parts: finish with those. The reported objective is that of each histogram at
    /// its own step.
    pub fn minibatch(mut self, size: usize) -> Self {
        self.minibatch = Some(size);
        self
    }

    /// Also computes bounds of the objective at the end, from the certificates of a solve for each histogram, to a
    /// marginal error of 1e-3.
    pub fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    /// The atoms and weights of some histograms on the points of `support`, whose weights, all positive, are the
    /// reference m.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) for histograms of another number of bins, or initial atoms that are not
    /// K×n; [`Error::BadParameter`](crate::Error::BadParameter) for a setting out of its range;
    /// [`Error::Input`](crate::Error::Input) for an initial atom of mass 0 or with a negative weight; and those of
    /// [`Sinkhorn::solve`].
    pub fn fit<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &Histograms,
    ) -> Result<Factors> {
        self.fit_observed(engine, support, data, |_| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit) that reports the progress after each step, and ends early if the observer breaks.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit).
    pub fn fit_observed<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &Histograms,
        mut observer: impl FnMut(&DictionaryProgress<'_>) -> ControlFlow<Stop> + Send,
    ) -> Result<Factors> {
        block_on(self.run(engine, (support, data), None, &mut observer))
    }

    /// [`fit`](Self::fit) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit).
    pub async fn fit_async<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &Histograms,
    ) -> Result<Factors> {
        let mut observer = |_: &DictionaryProgress<'_>| ControlFlow::Continue(());
        self.run(engine, (support, data), None, &mut observer).await
    }

    /// Goes on from the state of an earlier fit of the same histograms; [`max_steps`](Self::max_steps) counts its
    /// steps as well.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit), and [`Error::Length`](crate::Error::Length) for a state of other sizes.
    pub fn resume<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &Histograms,
        state: DictionaryState,
        mut observer: impl FnMut(&DictionaryProgress<'_>) -> ControlFlow<Stop> + Send,
    ) -> Result<Factors> {
        block_on(self.run(engine, (support, data), Some(state), &mut observer))
    }

    /// The objective and its derivatives at given factors, with potentials that are converged to an L1 error of
    /// `tolerance`: `atoms` K×n and `weights` N×K, row-major, whose rows are scaled to sum 1.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit), and [`Error::BelowFloor`](crate::Error::BelowFloor) for a tolerance that rounding
    /// makes unreachable.
    pub fn gradient<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        data: &Histograms,
        (atoms, weights): (&[f64], &[f64]),
        tolerance: f64,
    ) -> Result<FactorGradient> {
        let posed = Posed::new(self, support, data)?;
        posed.check_tolerance(engine.precision(), tolerance)?;
        let state = posed.state_of(atoms, weights)?;
        let effort = Effort {
            tolerance,
            iterations: self.sinkhorn.max_iterations,
        };
        block_on(Fit::new(&engine, &posed, state)?.gradient(effort))
    }

    async fn run<E: Engine + Clone>(
        &self,
        engine: E,
        (support, data): (&Measure, &Histograms),
        state: Option<DictionaryState>,
        observer: &mut fit::Observer<'_>,
    ) -> Result<Factors> {
        let posed = Posed::new(self, support, data)?;
        let state = match state {
            Some(state) => posed.checked_state(state)?,
            None => posed.start()?,
        };
        let fit = Fit::new(&engine, &posed, state)?;
        let mut factors = fit.run(observer).await?;
        if self.bounded {
            factors.report.bounds = Some(posed.bounds(engine, &factors).await?);
        }
        Ok(factors)
    }
}

//! The Sinkhorn divergence
//!
//! ```text
//! S_ε(α, β) = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_a − m_b)²
//! ```
//!
//! It removes the bias of the entropy: S_ε ≥ 0, 0 only for equal measures, convex in each, and it metrises weak
//! convergence [FSVATP'19]. It lies between W_p^p, as ε → 0, and an energy distance, as ε → ∞. Unbalanced
//! divergences, of masses m_a and m_b, have these properties if both sides have the same ρ [Séjourné et al.'19].
//!
//! With ρ_a ≠ ρ_b each self term has the penalty of its own side on both of its sides, and S_ε ≥ 0 still holds: the
//! dual of OT_ε(α, β) at the potentials f of OT_ε(α, α) and g of OT_ε(β, β), with the same penalties, is a lower
//! bound, which gives
//!
//! ```text
//! S_ε(α, β) ≥ ½ε ‖e^{f/ε} α − e^{g/ε} β‖²_K,   ‖μ‖²_K = ⟨μ ⊗ μ, exp(−C/ε)⟩
//! ```
//!
//! for a kernel exp(−C/ε) that is positive definite, as it is for 0 < p ≤ 2. For equal measures S_ε is then above 0
//! by the difference of both potentials, which vanishes as ε → 0.

use crate::sinkhorn::Observer;
use crate::{
    Bounds, Certificate, Engine, Measure, Potentials, Progress, Regularization, Report, Result,
    Sinkhorn, Solution, Start, Stop, block_on,
};
use std::fmt;
use std::ops::ControlFlow;

/// Settings of a Sinkhorn divergence, which are those of its three solves.
///
/// ```
/// # use haul_core::Divergence;
/// let divergence = Divergence::blur(0.05).p(2).tolerance(1e-4);
/// // divergence.evaluate(&engine, &a, &b)?.value()
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Divergence {
    sinkhorn: Sinkhorn,
}

/// An evaluated divergence: its three terms, each with its certificate, potentials and plan.
pub struct Terms<E: Engine> {
    /// OT_ε(α, β).
    pub ab: Solution<E>,
    /// OT_ε(α, α).
    pub aa: Solution<E>,
    /// OT_ε(β, β).
    pub bb: Solution<E>,
    /// m_a and m_b.
    masses: [f64; 2],
}

settings!(Divergence);
solver_settings!(Divergence);

impl Divergence {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    /// The settings of its solves.
    pub(crate) fn settings(&self) -> &Sinkhorn {
        &self.sinkhorn
    }

    /// Evaluates S_ε(source, target) on an engine; each term of the result holds a clone of it.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub fn evaluate<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Terms<E>> {
        block_on(self.evaluate_async(engine, source, target))
    }

    /// [`evaluate`](Self::evaluate) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub async fn evaluate_async<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Terms<E>> {
        let mut observer = |_: &Progress| ControlFlow::Continue(());
        self.terms(engine, source, target, &mut observer).await
    }

    /// [`evaluate`](Self::evaluate) that reports the progress of each solve in turn; a break ends the current solve.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub fn evaluate_observed<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&Progress) -> ControlFlow<Stop> + Send,
    ) -> Result<Terms<E>> {
        block_on(self.terms(engine, source, target, &mut observer))
    }

    async fn terms<E: Engine + Clone>(
        &self,
        engine: E,
        source: &Measure,
        target: &Measure,
        observer: &mut Observer<'_>,
    ) -> Result<Terms<E>> {
        let problem = self.sinkhorn.problem(source, target)?;
        // All three use the ε of the first, which may depend on the positions of both clouds.
        let settings = self
            .sinkhorn
            .clone()
            .regularized(Regularization::Epsilon(problem.epsilon()));
        let ab = settings
            .solve_problem(engine.clone(), &settings.problem(source, target)?, observer)
            .await?;
        let [own_a, own_b] = own_settings(&settings).map(Self::from);
        Ok(Terms {
            masses: [source.mass(), target.mass()],
            ab,
            aa: own_a.solve_self(engine.clone(), source, observer).await?,
            bb: own_b.solve_self(engine, target, observer).await?,
        })
    }

    /// OT_ε(α, α), which all divergences of α at one ε share: to compare many measures, solve it once for each,
    /// beside OT_ε(α, β) for each pair, and compute the divergences with [`debiased`]. A relative blur is relative to
    /// α alone here; give ε instead. If both ρ differ, it uses the source's, ρ_a, on both sides.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub fn self_term<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
    ) -> Result<Solution<E>> {
        block_on(self.self_term_async(engine, measure))
    }

    /// [`self_term`](Self::self_term) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve`].
    pub async fn self_term_async<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
    ) -> Result<Solution<E>> {
        let mut observer = |_: &Progress| ControlFlow::Continue(());
        self.solve_self(engine, measure, &mut observer).await
    }

    async fn solve_self<E: Engine + Clone>(
        &self,
        engine: E,
        measure: &Measure,
        observer: &mut Observer<'_>,
    ) -> Result<Solution<E>> {
        // Given start potentials are those between two measures.
        let mut settings = self.sinkhorn.clone().start(Start::Automatic);
        settings.penalties = [settings.penalties[0]; 2];
        let problem = settings.problem(measure, measure)?;
        settings.solve_problem(engine, &problem, observer).await
    }
}

/// The settings of the self terms: each has the penalty of its own side on both sides, and a start of its own, since
/// given start potentials are those between two measures.
pub(crate) fn own_settings(settings: &Sinkhorn) -> [Sinkhorn; 2] {
    settings.penalties.map(|own| {
        let mut settings = settings.clone().start(Start::Automatic);
        settings.penalties = [own; 2];
        settings
    })
}

/// S_ε(α, β) = ab − ½ aa − ½ bb + ½ε (m_a − m_b)², from the values of its terms: OT_ε(α, β), the self terms
/// OT_ε(α, α) and OT_ε(β, β), and the masses of α and β.
pub fn debiased(ab: f64, [aa, bb]: [f64; 2], epsilon: f64, [m_a, m_b]: [f64; 2]) -> f64 {
    ab - 0.5 * aa - 0.5 * bb + 0.5 * epsilon * (m_a - m_b).powi(2)
}

impl From<Sinkhorn> for Divergence {
    /// The divergence of solves with these settings.
    fn from(sinkhorn: Sinkhorn) -> Self {
        Self { sinkhorn }
    }
}

impl<E: Engine> fmt::Debug for Terms<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Terms")
            .field("ab", &self.ab)
            .field("aa", &self.aa)
            .field("bb", &self.bb)
            .field("masses", &self.masses)
            .finish()
    }
}

impl<E: Engine> Terms<E> {
    /// The report of OT_ε(α, β); each self term has its own report.
    pub fn report(&self) -> &Report {
        self.ab.report()
    }

    /// The certificate of OT_ε(α, β). Bounds of S_ε itself are [`lower_bound`](Self::lower_bound) and
    /// [`upper_bound`](Self::upper_bound).
    pub fn certificate(&self) -> &Certificate {
        self.ab.certificate()
    }

    /// The potentials of OT_ε(α, β), from which a similar divergence may [start](Divergence::warm_start).
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn potentials(&self) -> Result<Potentials> {
        self.ab.potentials()
    }

    /// S_ε; exactly 0 for equal measures and equal penalties, and not negative beyond the errors of its terms.
    pub fn value(&self) -> f64 {
        self.debiased().value()
    }

    /// A lower bound of S_ε, which is at least 0.
    pub fn lower_bound(&self) -> f64 {
        self.debiased().lower_bound()
    }

    /// An upper bound of S_ε.
    pub fn upper_bound(&self) -> f64 {
        self.debiased().upper_bound()
    }

    /// The length (S_ε/m)^{1/p} for measures of mass m, in the units of the points: the average distance between mass
    /// and its destination. For p = 2 it is |t| between a measure and its copy moved by t. It is 0 if rounding made
    /// S_ε negative. `None` if mass is destroyed and created, which S_ε counts as well.
    pub fn distance(&self) -> Option<f64> {
        self.debiased().length(self.value())
    }

    /// Bounds of [`distance`](Self::distance).
    pub fn distance_bounds(&self) -> Option<Bounds> {
        self.debiased().distance_bounds()
    }

    /// Whether all three solves met their tolerance.
    pub fn converged(&self) -> bool {
        self.debiased().converged()
    }

    fn debiased(&self) -> Debiased<'_> {
        Debiased {
            ab: self.ab.report(),
            own: [self.aa.report(), self.bb.report()],
            masses: self.masses,
        }
    }
}

/// The numbers of a divergence, from the numbers of its terms.
pub(super) struct Debiased<'t> {
    /// OT_ε(α, β).
    pub(super) ab: &'t Report,
    /// OT_ε(α, α) and OT_ε(β, β).
    pub(super) own: [&'t Report; 2],
    /// m_a and m_b.
    pub(super) masses: [f64; 2],
}

impl Debiased<'_> {
    pub(super) fn value(&self) -> f64 {
        self.of(self.ab.value, self.own.map(|own| own.value))
    }

    pub(super) fn lower_bound(&self) -> f64 {
        let own = self.own.map(|own| own.certificate.upper_bound);
        self.of(self.ab.certificate.lower_bound, own).max(0.0)
    }

    pub(super) fn upper_bound(&self) -> f64 {
        let own = self.own.map(|own| own.certificate.lower_bound);
        self.of(self.ab.certificate.upper_bound, own)
    }

    pub(super) fn distance_bounds(&self) -> Option<Bounds> {
        Some(Bounds {
            lower: self.length(self.lower_bound())?,
            upper: self.length(self.upper_bound())?,
        })
    }

    pub(super) fn length(&self, value: f64) -> Option<f64> {
        let balanced = self.ab.rho_a.is_infinite() && self.ab.rho_b.is_infinite();
        let root = |value: f64| value.max(0.0).powf(1.0 / self.ab.cost.p());
        balanced.then(|| root(value / self.masses[0]))
    }

    pub(super) fn converged(&self) -> bool {
        self.ab.converged && self.own.iter().all(|own| own.converged)
    }

    fn of(&self, ab: f64, own: [f64; 2]) -> f64 {
        debiased(ab, own, self.ab.epsilon, self.masses)
    }
}

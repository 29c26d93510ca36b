//! The Sinkhorn divergence
//!
//! ```text
//! S_ε(α, β) = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_a − m_b)²
//! ```
//!
//! which takes away the bias of the entropy: S_ε ≥ 0, 0 only for equal measures, convex in each,
//! and it metrises weak convergence [FSVATP'19]. Between W_p^p, as ε → 0, and an energy distance, as
//! ε → ∞. Unbalanced ones, of masses m_a and m_b, are that as well where both sides have the same ρ
//! [Séjourné et al.'19].
//!
//! With ρ_a ≠ ρ_b each self term has the penalty of its own side on both of its sides, and then S_ε ≥ 0 still:
//! the dual of OT_ε(α, β) at the potentials f of OT_ε(α, α) and g of OT_ε(β, β), whose penalties are those of the
//! sides, is a lower bound, and what it leaves of S_ε is
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
use std::ops::ControlFlow;

/// Settings of a Sinkhorn divergence; they are those of its three solves.
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

    /// Those of its solves.
    pub(super) fn settings(&self) -> &Sinkhorn {
        &self.sinkhorn
    }

    /// Evaluates S_ε(source, target) on an engine, which its terms then hold, each a clone of it.
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

    /// [`evaluate`](Self::evaluate) that blocks no thread while it waits for the device.
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

    /// [`evaluate`](Self::evaluate) that tells the progress of each solve in turn; a break ends
    /// the one under way.
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
        // All three share the ε of the first, which may depend on where both clouds are.
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

    /// OT_ε(α, α), which all divergences of α at one ε share: whoever compares many measures solves
    /// it once for each, beside OT_ε(α, β) for each pair, and makes the divergences with
    /// [`debiased`]. A relative blur is here relative to α alone; give ε. Of two different ρ it takes the
    /// source's, ρ_a, on both sides.
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

    /// [`self_term`](Self::self_term) that blocks no thread.
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
        // Potentials to start from are those between two measures.
        let mut settings = self.sinkhorn.clone().start(Start::Automatic);
        settings.penalties = [settings.penalties[0]; 2];
        let problem = settings.problem(measure, measure)?;
        settings.solve_problem(engine, &problem, observer).await
    }
}

/// The settings of the self terms: each has the penalty of its own side on both, and a start of its own, since potentials to
/// start from are those between two measures.
pub(super) fn own_settings(settings: &Sinkhorn) -> [Sinkhorn; 2] {
    settings.penalties.map(|own| {
        let mut settings = settings.clone().start(Start::Automatic);
        settings.penalties = [own; 2];
        settings
    })
}

/// S_ε(α, β) = ab − ½ aa − ½ bb + ½ε (m_a − m_b)², from the values of its terms: OT_ε(α, β), the self
/// terms OT_ε(α, α) and OT_ε(β, β), and the masses of α and β.
pub fn debiased(ab: f64, [aa, bb]: [f64; 2], epsilon: f64, [m_a, m_b]: [f64; 2]) -> f64 {
    ab - 0.5 * aa - 0.5 * bb + 0.5 * epsilon * (m_a - m_b).powi(2)
}

impl From<Sinkhorn> for Divergence {
    /// The divergence of solves with these settings.
    fn from(sinkhorn: Sinkhorn) -> Self {
        Self { sinkhorn }
    }
}

impl<E: Engine> Terms<E> {
    /// The report of OT_ε(α, β); those of the self terms are theirs.
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

    /// S_ε; exactly 0 for equal measures and equal penalties, and not negative beyond what its terms may be off
    /// by.
    pub fn value(&self) -> f64 {
        self.debiased().value()
    }

    /// S_ε is not below this, which is at least 0.
    pub fn lower_bound(&self) -> f64 {
        self.debiased().lower_bound()
    }

    /// S_ε is not above this.
    pub fn upper_bound(&self) -> f64 {
        self.debiased().upper_bound()
    }

    /// The length (S_ε/m)^{1/p} for measures of mass m, in the units of the points: how far mass is from
    /// where it is to go, on average. For p = 2 it is |t| between a measure and its copy moved by t. It is
    /// 0 where rounding left S_ε negative. None where mass is destroyed and created, which S_ε counts as well.
    pub fn distance(&self) -> Option<f64> {
        self.debiased().length(self.value())
    }

    /// [`distance`](Self::distance) is between these.
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

/// The numbers of a divergence, from those of its terms.
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

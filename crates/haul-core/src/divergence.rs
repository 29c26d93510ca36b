//! The Sinkhorn divergence
//!
//! ```text
//! S_ε(α, β) = OT_ε(α, β) − ½ OT_ε(α, α) − ½ OT_ε(β, β) + ½ε (m_a − m_b)²
//! ```
//!
//! which takes away the bias of the entropy: S_ε ≥ 0, 0 only for equal measures, convex in each,
//! and it metrises weak convergence [FSVATP'19]. Between W_p^p, as ε → 0, and an energy distance, as
//! ε → ∞. Unbalanced ones, of masses m_a and m_b, are that as well where both sides have the same ρ
//! [Séjourné et al.'19]. With two different ρ all three terms have the same pair of them, and what
//! is left of it is that S_ε = 0 for equal measures.

use crate::{Engine, Measure, Progress, Regularization, Result, Sinkhorn, Solution, Start};
use std::ops::ControlFlow;

/// Settings of a Sinkhorn divergence; they are those of its three solves.
///
/// ```
/// # use haul_core::Divergence;
/// let divergence = Divergence::blur(0.05).p(2).tolerance(1e-4);
/// // divergence.evaluate(&engine, &a, &b)?.value()
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    sinkhorn: Sinkhorn,
}

/// An evaluated divergence: its three terms, each with its certificate, potentials and plan.
pub struct Terms<'e, E: Engine> {
    /// OT_ε(α, β).
    pub ab: Solution<'e, E>,
    /// OT_ε(α, α).
    pub aa: Solution<'e, E>,
    /// OT_ε(β, β).
    pub bb: Solution<'e, E>,
    /// ½ε (m_a − m_b)².
    masses: f64,
}

impl Divergence {
    /// With ε = σ^p, for a length σ.
    pub fn blur(sigma: f64) -> Self {
        Self::from(Sinkhorn::blur(sigma))
    }

    /// With ε in units of the cost.
    pub fn epsilon(epsilon: f64) -> Self {
        Self::from(Sinkhorn::epsilon(epsilon))
    }

    /// The power p of the cost |x − y|^p, above 0 and at most 2 (the default).
    pub fn p(self, p: impl Into<f64>) -> Self {
        Self::from(self.sinkhorn.p(p))
    }

    /// The length within which mass is moved: ρ = r^p; see [`Sinkhorn::reach`].
    pub fn reach(self, reach: f64) -> Self {
        Self::from(self.sinkhorn.reach(reach))
    }

    /// ρ of both sides, in units of the cost; see [`Sinkhorn::rho`].
    pub fn rho(self, rho: f64) -> Self {
        Self::from(self.sinkhorn.rho(rho))
    }

    /// ρ_a of the first side alone; see [`Sinkhorn::rho_a`].
    pub fn rho_a(self, rho: f64) -> Self {
        Self::from(self.sinkhorn.rho_a(rho))
    }

    /// ρ_b of the second side alone; see [`Sinkhorn::rho_b`].
    pub fn rho_b(self, rho: f64) -> Self {
        Self::from(self.sinkhorn.rho_b(rho))
    }

    /// The L1 marginal error, relative to the mass, at which each solve ends. Default 1e-3.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self::from(self.sinkhorn.tolerance(tolerance))
    }

    /// The most iterations of each solve. Default 10 000.
    pub fn max_iterations(self, iterations: usize) -> Self {
        Self::from(self.sinkhorn.max_iterations(iterations))
    }

    /// Evaluates S_ε(source, target) on an engine.
    pub fn evaluate<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
    ) -> Result<Terms<'e, E>> {
        self.evaluate_observed(engine, source, target, |_| ControlFlow::Continue(()))
    }

    /// [`evaluate`](Self::evaluate) that tells the progress of each solve in turn; a break ends
    /// the one under way.
    pub fn evaluate_observed<'e, E: Engine>(
        &self,
        engine: &'e E,
        source: &Measure,
        target: &Measure,
        mut observer: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Terms<'e, E>> {
        // All three share the ε of the first, which may depend on where both clouds are.
        let epsilon = self.sinkhorn.problem(source, target)?.epsilon();
        let settings = self
            .sinkhorn
            .clone()
            .regularized(Regularization::Epsilon(epsilon));
        // Potentials to start from are those between the two.
        let itself = settings.clone().start(Start::Automatic);
        Ok(Terms {
            masses: 0.5 * epsilon * (source.mass() - target.mass()).powi(2),
            ab: settings.solve_observed(engine, source, target, &mut observer)?,
            aa: itself.solve_observed(engine, source, source, &mut observer)?,
            bb: itself.solve_observed(engine, target, target, &mut observer)?,
        })
    }
}

impl From<Sinkhorn> for Divergence {
    /// The divergence of solves with these settings.
    fn from(sinkhorn: Sinkhorn) -> Self {
        Self { sinkhorn }
    }
}

impl<E: Engine> Terms<'_, E> {
    /// S_ε; exactly 0 for equal measures, and not negative beyond the rounding of its terms.
    pub fn value(&self) -> f64 {
        self.ab.value() - 0.5 * self.aa.value() - 0.5 * self.bb.value() + self.masses
    }

    /// S_ε is not below this.
    pub fn lower_bound(&self) -> f64 {
        let (aa, bb) = (self.aa.certificate(), self.bb.certificate());
        let own = 0.5 * (aa.upper_bound + bb.upper_bound);
        self.ab.certificate().lower_bound - own + self.masses
    }

    /// S_ε is not above this.
    pub fn upper_bound(&self) -> f64 {
        let (aa, bb) = (self.aa.certificate(), self.bb.certificate());
        let own = 0.5 * (aa.lower_bound + bb.lower_bound);
        self.ab.certificate().upper_bound - own + self.masses
    }

    /// Whether all three solves met their tolerance.
    pub fn converged(&self) -> bool {
        [&self.ab, &self.aa, &self.bb]
            .iter()
            .all(|term| term.report().converged)
    }
}

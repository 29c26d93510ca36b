//! Sinkhorn divergences between measures that lie on the device.

use super::divergence::{Debiased, own_settings};
use crate::engine::ResidentEngine;
use crate::measure::Located;
use crate::solution::Surveyed;
use crate::{
    Bounds, Certificate, Divergence, Engine, Regularization, Report, ResidentSolution, Result,
    Sinkhorn, block_on,
};
use std::fmt;

/// An evaluated divergence between resident measures. Its derivatives can be written into arrays on the device.
pub struct ResidentTerms<E: Engine> {
    /// OT_ε(α, β).
    pub ab: ResidentSolution<E>,
    /// OT_ε(α, α).
    pub aa: ResidentSolution<E>,
    /// OT_ε(β, β).
    pub bb: ResidentSolution<E>,
    /// m_a and m_b.
    masses: [f64; 2],
}

impl<E: Engine> fmt::Debug for ResidentTerms<E> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ResidentTerms")
            .field("ab", &self.ab)
            .field("aa", &self.aa)
            .field("bb", &self.bb)
            .field("masses", &self.masses)
            .finish()
    }
}

impl Divergence {
    /// Evaluates S_ε(source, target) if one measure or both lie in arrays on the engine's device; see
    /// [`Sinkhorn::solve_resident`].
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve_resident`].
    pub fn evaluate_resident<'m, E: ResidentEngine + Clone>(
        &self,
        engine: E,
        source: impl Into<Located<'m, E::Array>>,
        target: impl Into<Located<'m, E::Array>>,
    ) -> Result<ResidentTerms<E>>
    where
        E::Array: 'm,
    {
        let measures = [source.into(), target.into()];
        block_on(self.evaluate_located(engine, measures))
    }

    /// [`evaluate_resident`](Self::evaluate_resident) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`Sinkhorn::solve_resident`].
    pub async fn evaluate_resident_async<'m, E: ResidentEngine + Clone>(
        &self,
        engine: E,
        source: impl Into<Located<'m, E::Array>>,
        target: impl Into<Located<'m, E::Array>>,
    ) -> Result<ResidentTerms<E>>
    where
        E::Array: 'm,
    {
        let measures = [source.into(), target.into()];
        self.evaluate_located(engine, measures).await
    }

    async fn evaluate_located<E: ResidentEngine + Clone>(
        &self,
        engine: E,
        [source, target]: [Located<'_, E::Array>; 2],
    ) -> Result<ResidentTerms<E>> {
        let a = Surveyed::of(&engine, source).await?;
        let b = Surveyed::of(&engine, target).await?;
        let settings = self.settings();
        // All three use the ε of the first, which may depend on the positions of both clouds.
        let epsilon = settings.posed([&a, &b])?.epsilon();
        let settings = settings
            .clone()
            .regularized(Regularization::Epsilon(epsilon));
        let [own_a, own_b]: [Sinkhorn; 2] = own_settings(&settings);
        Ok(ResidentTerms {
            masses: [a.mass(), b.mass()],
            ab: settings
                .solve_surveyed(engine.clone(), [&a, &b], false)
                .await?,
            aa: own_a.solve_surveyed(engine.clone(), [&a, &a], true).await?,
            bb: own_b.solve_surveyed(engine, [&b, &b], true).await?,
        })
    }
}

impl<E: ResidentEngine> ResidentTerms<E> {
    /// The report of OT_ε(α, β); each self term has its own report.
    pub fn report(&self) -> &Report {
        self.ab.report()
    }

    /// The certificate of OT_ε(α, β). Bounds of S_ε itself are [`lower_bound`](Self::lower_bound) and
    /// [`upper_bound`](Self::upper_bound).
    pub fn certificate(&self) -> &Certificate {
        self.ab.certificate()
    }

    /// S_ε; not negative beyond the errors of its terms.
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

    /// The length (S_ε/m)^{1/p}; see [`Terms::distance`](crate::Terms::distance).
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

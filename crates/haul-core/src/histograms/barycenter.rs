//! Barycenters on a fixed support: the measure b on given points with the least weighted mean of the regularised
//! distances to several inputs.
//!
//! ```text
//! plain     min_b Σₛ λₛ OT_ε(b, bₛ) + ε KL(b | m)      [Benamou–Carlier–Cuturi–Nenna–Peyré'15]
//! debiased  min_b Σₛ λₛ S_ε(b, bₛ)                      [Janati–Cuturi–Gramfort'20]
//! product   min_b Σₛ λₛ OT_ε(b, bₛ)
//! ```
//!
//! Here m is a reference measure on the support. The plain barycenter is blurred: the variance of Gaussians grows by
//! ε/2. The variance of the product kind shrinks by ε/2, down to points. The debiased one has neither bias; equal
//! inputs are their own average.
//!
//! Barycenters are balanced: inputs of unequal mass are refused. With penalties of marginals [Chizat et al.'18] the density
//! would be m (Σ λₛ e^{−tₛ/(ρ+ε)})^{(ρ+ε)/ε}, of any mass. That is no proximal map of the mean t̄, and neither the loop nor
//! the bounds here hold for it.

use super::averaging::Found;
use super::posed::Posed;
use crate::linalg::sum;
use crate::sinkhorn::Observer;
use crate::{
    Bounds, Cost, Engine, Error, Measure, Potentials, Precision, Progress, Result, Sinkhorn,
};
use std::ops::ControlFlow;
use web_time::Instant;

/// The objective that a barycenter minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BarycenterKind {
    /// Σ λₛ OT_ε(b, bₛ) + ε KL(b | m): blurred.
    Plain,
    /// Σ λₛ S_ε(b, bₛ): the default.
    #[default]
    Debiased,
    /// Σ λₛ OT_ε(b, bₛ): sharper than its inputs; for a large ε it shrinks to points.
    Product,
}

impl BarycenterKind {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Debiased => "debiased",
            Self::Product => "product",
        }
    }
}

/// Settings of a barycenter on a fixed support.
///
/// ```
/// # use haul_core::{Barycenter, BarycenterKind};
/// let barycenter = Barycenter::blur(0.05).lambda(&[0.25, 0.75]).kind(BarycenterKind::Plain);
/// // barycenter.solve(&engine, &[a, b])?.measure() is three quarters of the way from a to b.
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Barycenter {
    pub(super) sinkhorn: Sinkhorn,
    kind: BarycenterKind,
    lambda: Option<Vec<f64>>,
}

settings!(Barycenter);
average_settings!(Barycenter);

/// Numbers of a barycenter. Costs are in units of |x − y|^p, for measures of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BarycenterReport {
    /// The objective.
    pub kind: BarycenterKind,
    /// Number of points of the support.
    pub n: usize,
    /// Dimension of the space.
    pub d: usize,
    /// The cost.
    pub cost: Cost,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = ε^{1/p}, a length.
    pub blur: f64,
    /// λ, of sum 1.
    pub lambda: Vec<f64>,
    /// OT_ε(b, bₛ) of each input, or S_ε(b, bₛ) for the debiased kind. Up to a constant it is the derivative of the
    /// minimum in λₛ.
    pub terms: Vec<f64>,
    /// Σ λₛ OT_ε(b, bₛ), or Σ λₛ S_ε(b, bₛ) for the debiased kind.
    pub value: f64,
    /// The objective: the value, plus ε KL(b | m) for the plain kind.
    pub objective: f64,
    /// Bounds of the least value of the objective.
    pub bounds: Bounds,
    /// max(Σ λₛ ‖Pₛ1 − Σᵣ λᵣ Pᵣ1‖₁, ‖Σ λₛ Pₛ1 − b‖₁) at the last iteration; for the debiased kind the maximum
    /// includes ‖m exp((q − T_m(q))/ε) − b‖₁.
    pub error: f64,
    /// The required error.
    pub tolerance: f64,
    /// Whether the error met the tolerance.
    pub converged: bool,
    /// The number of iterations.
    pub iterations: usize,
    /// Softmins of one histogram in the iterations, two for each input.
    pub products: usize,
    /// Pairs of all passes of the iterations.
    pub pairs: u64,
    /// Wall-clock seconds, including the certificate.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The result of a barycenter solve.
#[derive(Debug, Clone)]
pub struct Average {
    pub(super) measure: Measure,
    pub(super) report: BarycenterReport,
    pub(super) potentials: Vec<Potentials>,
    /// The derivatives in the weights of each input.
    pub(super) slopes: Vec<Vec<f64>>,
    /// The settings of the terms' solves.
    pub(super) settings: Sinkhorn,
}

impl Average {
    /// The barycenter: the support with its weights, with the same mass as the inputs.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// The numbers of the barycenter.
    pub fn report(&self) -> &BarycenterReport {
        &self.report
    }

    /// The potentials f (on the support) and g (on the input) of OT_ε(b, bₛ) for each input, for masses 1.
    pub fn potentials(&self) -> &[Potentials] {
        &self.potentials
    }
}

impl Barycenter {
    /// The objective. Default [`BarycenterKind::Debiased`].
    pub fn kind(mut self, kind: BarycenterKind) -> Self {
        self.kind = kind;
        self
    }

    /// The error at which the iteration ends, in L1 for marginals of mass 1. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.sinkhorn.tolerance = tolerance;
        self
    }

    async fn average<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        inputs: &[Measure],
        observer: &mut Observer<'_>,
    ) -> Result<Average> {
        let start = Instant::now();
        let posed = self.posed(support, inputs)?;
        posed.check_tolerance(&engine, self.sinkhorn.tolerance)?;
        let found = posed
            .iterate(&engine, &self.sinkhorn, None, observer)
            .await?;
        posed.average(engine, &self.sinkhorn, found, start).await
    }

    /// The checked problem of these settings.
    pub(super) fn posed(&self, support: &Measure, inputs: &[Measure]) -> Result<Posed> {
        let lambda = checked_lambda(self.lambda.as_deref(), inputs.len())?;
        Posed::new(&self.sinkhorn, (support, inputs), lambda, self.kind)
    }
}

impl Posed {
    /// The result of a loop that began at `start`.
    pub(super) async fn average<E: Engine + Clone>(
        self,
        engine: E,
        settings: &Sinkhorn,
        mut found: Found<E>,
        start: Instant,
    ) -> Result<Average> {
        let certified = self
            .certified(engine.clone(), settings, &mut found, None)
            .await?;
        let weights = certified.measure.weights().iter();
        let weights: Vec<f64> = weights.map(|b| b * self.mass).collect();
        Ok(Average {
            measure: certified.measure.with_weights(&weights)?,
            potentials: certified.potentials,
            slopes: certified.slopes,
            settings: self.exact_settings(settings),
            report: BarycenterReport {
                kind: self.kind,
                n: self.reference.len(),
                d: self.reference.dimension(),
                cost: self.cost,
                epsilon: self.epsilon,
                blur: self.epsilon.powf(1.0 / self.cost.p()),
                lambda: self.lambda,
                terms: certified.terms,
                value: certified.value,
                objective: certified.value + certified.entropy,
                bounds: certified.bounds,
                error: found.last.error,
                tolerance: settings.tolerance,
                converged: found.last.error <= settings.tolerance,
                iterations: found.last.iterations,
                products: certified.products,
                pairs: certified.pairs,
                seconds: start.elapsed().as_secs_f64(),
                device: engine.device().to_owned(),
                precision: engine.precision(),
            },
        })
    }
}

/// The weights of a barycenter on the points of `support`, of sum 1, without bounds.
pub(crate) async fn weights_on<E: Engine>(
    engine: &E,
    settings: &Sinkhorn,
    places: (&Measure, &[Measure]),
    lambda: &[f64],
    kind: BarycenterKind,
) -> Result<Vec<f64>> {
    let posed = Posed::new(settings, places, lambda.to_vec(), kind)?;
    let mut observer = |_: &Progress| ControlFlow::Continue(());
    let found = posed.iterate(engine, settings, None, &mut observer).await?;
    let logs = found.last.logs.iter().zip(posed.reference.weights());
    let weights: Vec<f64> = logs.map(|(log, m)| m * log.exp()).collect();
    let mass = sum(weights.iter().copied());
    Ok(weights.iter().map(|b| b / mass).collect())
}

/// λ of sum 1 for so many inputs; all equal if it is not given.
pub(crate) fn checked_lambda(lambda: Option<&[f64]>, inputs: usize) -> Result<Vec<f64>> {
    let Some(lambda) = lambda else {
        return Ok(vec![1.0 / inputs as f64; inputs]);
    };
    let (expected, found) = (inputs, lambda.len());
    if expected != found {
        let what = "λ";
        return Err(Error::Length {
            what,
            expected,
            found,
        });
    }
    let total = sum(lambda.iter().copied());
    let wrong = |value: &f64| !(*value >= 0.0 && value.is_finite());
    let bad = lambda.iter().copied().find(wrong);
    let bad = bad.or((!(total > 0.0 && total.is_finite())).then_some(total));
    match bad {
        Some(value) => Err(Error::BadParameter {
            name: "lambda",
            value,
            range: "finite and at least 0, and one is above 0",
        }),
        None => Ok(lambda.iter().map(|l| l / total).collect()),
    }
}

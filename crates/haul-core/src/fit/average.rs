//! The result of a free support: the measure, with certified values of its objective.

use super::bound;
use super::free::{Found, Posed, SupportWeights};
use crate::linalg::sum;
use crate::{
    BarycenterKind, Bounds, Divergence, Engine, Measure, Potentials, Precision, Report, Result,
    block_on,
};
use web_time::Instant;

/// Numbers of a barycenter on a free support. Costs are in units of |x − y|², for measures of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FreeReport {
    /// The objective.
    pub kind: BarycenterKind,
    /// Whether the weights were learned.
    pub weights: SupportWeights,
    /// Number of points of the support.
    pub n: usize,
    /// Dimension of the space.
    pub d: usize,
    /// ε, in units of the cost.
    pub epsilon: f64,
    /// The blur σ = √ε, a length.
    pub blur: f64,
    /// λ, of sum 1.
    pub lambda: Vec<f64>,
    /// OT_ε(b, bₛ) of each input, or S_ε(b, bₛ) for the debiased kind.
    pub terms: Vec<f64>,
    /// Σ λₛ OT_ε(b, bₛ), or Σ λₛ S_ε(b, bₛ) for the debiased kind.
    pub value: f64,
    /// The objective: the value, plus ε KL(a | 1/n) for the plain kind.
    pub objective: f64,
    /// Bounds of the objective at these points and weights.
    pub bounds: Bounds,
    /// The length of the next step, (Σᵢ aᵢ |xᵢ' − xᵢ|²)^½: 0 where the objective is stationary in the points.
    pub movement: f64,
    /// The movement at which the fit ends.
    pub goal: f64,
    /// ‖a' − a‖₁ of the last step of the weights: 0 if they are fixed.
    pub change: f64,
    /// Whether movement and change are small enough, and all solves met their tolerance.
    pub converged: bool,
    /// Steps of the points.
    pub steps: usize,
    /// Passes over the pairs of the support and one input, or of the support with itself, in all steps.
    pub passes: usize,
    /// Pairs of all these passes.
    pub pairs: u64,
    /// The L1 marginal error required of each solve.
    pub tolerance: f64,
    /// Wall-clock seconds, including the certificate.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// A barycenter on a free support.
#[derive(Debug, Clone)]
pub struct FreeAverage {
    measure: Measure,
    report: FreeReport,
    /// Of each input.
    potentials: Vec<Potentials>,
    evidence: Evidence,
}

/// What a lower bound for all measures needs.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// The inputs of λ > 0, of mass 1.
    pub(super) inputs: Vec<Measure>,
    pub(super) lambda: Vec<f64>,
    /// g of each of them.
    pub(super) potentials: Vec<Vec<f64>>,
    /// The support of mass 1.
    pub(super) support: Measure,
    pub(super) epsilon: f64,
}

/// A number with bounds.
#[derive(Clone, Copy, Default)]
struct Enclosed {
    value: f64,
    lower: f64,
    upper: f64,
}

impl Enclosed {
    fn of(report: &Report) -> Self {
        Self {
            value: report.value,
            lower: report.certificate.lower_bound,
            upper: report.certificate.upper_bound,
        }
    }

    /// self + share · other.
    fn plus(self, share: f64, other: Self) -> Self {
        let [low, high] = if share < 0.0 {
            [other.upper, other.lower]
        } else {
            [other.lower, other.upper]
        };
        Self {
            value: self.value + share * other.value,
            lower: self.lower + share * low,
            upper: self.upper + share * high,
        }
    }
}

impl FreeAverage {
    /// The barycenter, with the mass of the inputs.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// The numbers of the barycenter.
    pub fn report(&self) -> &FreeReport {
        &self.report
    }

    /// The potentials f (on the support) and g (on the input) of OT_ε(b, bₛ) for each input, for masses 1.
    pub fn potentials(&self) -> &[Potentials] {
        &self.potentials
    }

    /// A lower bound of Σ λₛ OT_ε(b, bₛ) for all measures b, whatever their number of points and their weights; so of the
    /// objective in the plain and the product kind. `None` in the debiased kind and in more than 3 dimensions.
    ///
    /// For the potentials gₛ of the inputs it is
    ///
    /// ```text
    /// Σ λₛ ⟨bₛ, gₛ⟩ + min over x of t̄(x),    t̄ = Σ λₛ T_{bₛ}(gₛ)
    /// ```
    ///
    /// The minimum is bounded from below on cells, which are divided until the bound is within 0.01 ε of the least value on the
    /// support, or until 2¹⁷ cells have been evaluated. The bound is close to the objective if the support has enough points.
    ///
    /// # Errors
    ///
    /// The engine's own.
    pub fn lower_bound<E: Engine>(&self, engine: &E) -> Result<Option<f64>> {
        let is_debiased = self.report.kind == BarycenterKind::Debiased;
        if is_debiased || self.measure.dimension() > bound::MOST_DIMENSIONS {
            return Ok(None);
        }
        block_on(bound::lower(engine, &self.evidence)).map(Some)
    }

    /// The result of a loop that began at `begin`.
    pub(super) async fn certified<E: Engine + Clone>(
        engine: E,
        posed: Posed,
        found: Found,
        begin: Instant,
    ) -> Result<Self> {
        let support = &found.support;
        let divergence = Divergence::from(posed.sinkhorn.clone());
        let own = if posed.is_debiased() {
            Some(divergence.self_term_async(engine.clone(), support).await?)
        } else {
            None
        };
        let mut converged = own.as_ref().is_none_or(|own| own.report().converged);
        let mut total = Enclosed::default();
        let (mut terms, mut potentials) = (Vec::new(), Vec::new());
        let pairs = posed.inputs.iter().zip(&posed.lambda);
        for ((input, lambda), warm) in pairs.zip(&found.potentials) {
            let settings = posed.sinkhorn.clone();
            let settings = match warm {
                Some(warm) => settings.warm_start(warm.clone()),
                None => settings,
            };
            let solution = settings.solve_async(engine.clone(), support, input).await?;
            let mut term = Enclosed::of(solution.report());
            converged &= solution.report().converged;
            if let Some(own) = &own {
                let itself = divergence.self_term_async(engine.clone(), input).await?;
                converged &= itself.report().converged;
                term = term.plus(-0.5, Enclosed::of(own.report()));
                term = term.plus(-0.5, Enclosed::of(itself.report()));
            }
            terms.push(term.value);
            total = total.plus(*lambda, term);
            potentials.push(solution.potentials_async().await?);
        }
        let entropy = posed.entropy(support);
        let present = |s: &usize| posed.lambda.get(*s).is_some_and(|lambda| *lambda > 0.0);
        let present: Vec<usize> = (0..posed.inputs.len()).filter(present).collect();
        let evidence = Evidence {
            inputs: present.iter().map(|s| posed.inputs[*s].clone()).collect(),
            lambda: present.iter().map(|s| posed.lambda[*s]).collect(),
            potentials: present.iter().map(|s| potentials[*s].g.clone()).collect(),
            support: support.clone(),
            epsilon: posed.epsilon,
        };
        let weights = support.weights().iter();
        let weights: Vec<f64> = weights.map(|a| a * posed.mass).collect();
        Ok(Self {
            measure: support.clone().with_weights(&weights)?,
            report: FreeReport {
                kind: posed.kind,
                weights: posed.weights,
                n: support.len(),
                d: support.dimension(),
                epsilon: posed.epsilon,
                blur: posed.epsilon.sqrt(),
                terms,
                value: total.value,
                objective: total.value + entropy,
                bounds: Bounds {
                    lower: total.lower + entropy,
                    upper: total.upper + entropy,
                },
                movement: found.movement,
                goal: posed.goal,
                change: found.change,
                converged: converged && posed.is_small(found.movement, found.change),
                steps: found.steps,
                passes: found.passes,
                pairs: found.pairs,
                tolerance: posed.sinkhorn.tolerance,
                seconds: begin.elapsed().as_secs_f64(),
                device: engine.device().to_owned(),
                precision: engine.precision(),
                lambda: posed.lambda,
            },
            potentials,
            evidence,
        })
    }
}

impl Posed {
    /// ε KL(a | 1/n) of learned weights in the plain kind.
    pub(super) fn entropy(&self, support: &Measure) -> f64 {
        if self.kind != BarycenterKind::Plain || self.weights == SupportWeights::Fixed {
            return 0.0;
        }
        let n = support.len() as f64;
        let positive = support.weights().iter().filter(|a| **a > 0.0);
        self.epsilon * sum(positive.map(|a| a * (n * a).ln()))
    }
}

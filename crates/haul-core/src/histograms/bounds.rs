//! The values and the bounds of a barycenter.
//!
//! Any gₛ and q give a lower bound, with κ = T_m(q): OT_ε(b, bₛ) ≥ ⟨bₛ, gₛ⟩ + ⟨b, tₛ⟩ is linear in b, so its minimum
//! over all b is known. In the debiased kind −½ OT_ε(b, b) is bounded by the joint convexity of
//! (b, d) ↦ ε⟨b, log(b/d)⟩ + ½ε⟨d, Kd⟩ at b̄ = d·Kd [FSVATP'19]:
//!
//! ```text
//! plain     Σ λₛ⟨bₛ, gₛ⟩ − ε log Σ m e^{−t̄/ε}
//! product   Σ λₛ⟨bₛ, gₛ⟩ + min t̄
//! debiased  Σ λₛ⟨bₛ, gₛ⟩ + ½ε (1 − Σ m e^{(q−κ)/ε}) + min (t̄ − κ) − ½ Σ λₛ OT_ε(bₛ, bₛ)
//! ```
//!
//! The upper bound is the objective at b, from the certificates of OT_ε(b, bₛ) and of the self terms.

use super::averaging::{Found, Posed};
use super::{Average, BarycenterKind, BarycenterReport};
use crate::linalg::{mean, sum};
use crate::problem::Rounding;
use crate::{
    Bounds, Divergence, Engine, Measure, Potentials, Precision, Regularization, Result, Sinkhorn,
    Solution,
};

/// The terms of an objective, each with its certificate.
struct Terms<E: Engine> {
    /// OT_ε(b, bₛ).
    between: Vec<Solution<E>>,
    /// OT_ε(b, b), and OT_ε(bₛ, bₛ) of each input; empty except in the debiased kind.
    own: Vec<Solution<E>>,
}

impl<E: Engine> Terms<E> {
    /// A number of OT_ε(b, bₛ) for each input, minus half of that of both self terms if there are any.
    fn of_inputs(
        &self,
        of: impl Fn(&Solution<E>) -> f64,
        of_own: impl Fn(&Solution<E>) -> f64,
    ) -> Vec<f64> {
        let of_average = self.own.first().map_or(0.0, &of_own);
        let terms = self.between.iter().zip(self.own_of_inputs(of_own));
        terms
            .map(|(term, own)| of(term) - 0.5 * (of_average + own))
            .collect()
    }

    /// A number of OT_ε(bₛ, bₛ) for each input; 0 if there is no such term.
    fn own_of_inputs(&self, of: impl Fn(&Solution<E>) -> f64) -> Vec<f64> {
        let own = |s| self.own.get(s + 1).map_or(0.0, &of);
        (0..self.between.len()).map(own).collect()
    }
}

impl Posed {
    /// The barycenter with its bounds.
    pub(super) async fn certified<E: Engine + Clone>(
        &self,
        engine: E,
        kind: BarycenterKind,
        settings: &Sinkhorn,
        found: &mut Found<E>,
    ) -> Result<Average> {
        let (products, pairs) = (found.inputs.products, found.inputs.pairs);
        let barycenter = self.measure(kind, &found.last)?;
        let g = found.inputs.potentials(&engine).await?;
        let least = self.lower_bound(&engine, kind, found, &g).await?;
        let solves = settings
            .clone()
            .regularized(Regularization::Epsilon(self.epsilon));
        let terms = self
            .terms(engine.clone(), kind, &solves, &barycenter, found, &g)
            .await?;
        let entropy = match kind {
            BarycenterKind::Plain => self.epsilon * self.divergence(&barycenter),
            BarycenterKind::Debiased | BarycenterKind::Product => 0.0,
        };
        let lower = |solution: &Solution<E>| solution.certificate().lower_bound;
        let upper = |solution: &Solution<E>| solution.certificate().upper_bound;
        let values = terms.of_inputs(Solution::value, Solution::value);
        let value = mean(&self.lambda, values.iter().copied());
        let most = mean(&self.lambda, terms.of_inputs(upper, lower));
        let unit = self.frame.cost_unit(self.cost);
        let least = least * unit - 0.5 * mean(&self.lambda, terms.own_of_inputs(upper));
        let host = 16.0 * Precision::F64.unit_roundoff() * (entropy.abs() + value.abs());
        let mut potentials = Vec::new();
        for solution in &terms.between {
            potentials.push(solution.potentials_async().await?);
        }
        let weights = barycenter.weights().iter().map(|b| b * self.mass);
        let weights: Vec<f64> = weights.collect();
        Ok(Average {
            measure: barycenter.with_weights(&weights)?,
            potentials,
            report: BarycenterReport {
                kind,
                n: self.reference.len(),
                d: self.reference.dimension(),
                cost: self.cost,
                epsilon: self.epsilon,
                blur: self.epsilon.powf(1.0 / self.cost.p()),
                lambda: self.lambda.clone(),
                terms: values,
                value,
                objective: value + entropy,
                bounds: Bounds {
                    lower: match kind {
                        // S_ε is at least 0.
                        BarycenterKind::Debiased => least.max(0.0),
                        BarycenterKind::Plain | BarycenterKind::Product => least,
                    },
                    upper: most + entropy + host,
                },
                error: found.last.error,
                tolerance: settings.tolerance,
                converged: found.last.error <= settings.tolerance,
                iterations: found.last.iterations,
                products,
                pairs,
                seconds: 0.0,
                device: engine.device().to_owned(),
                precision: engine.precision(),
            },
        })
    }

    /// KL(b | m) for b of mass 1.
    fn divergence(&self, barycenter: &Measure) -> f64 {
        let pairs = barycenter.weights().iter().zip(self.reference.weights());
        let pairs = pairs.filter(|(b, _)| **b > 0.0);
        sum(pairs.map(|(b, m)| b * (b / m).ln()))
    }

    /// OT_ε(b, bₛ) of all inputs, from the computed potentials, and the self terms of the debiased kind.
    async fn terms<E: Engine + Clone>(
        &self,
        engine: E,
        kind: BarycenterKind,
        settings: &Sinkhorn,
        barycenter: &Measure,
        found: &Found<E>,
        g: &[Vec<f64>],
    ) -> Result<Terms<E>> {
        let unit = self.frame.cost_unit(self.cost);
        let (mut between, mut own) = (Vec::new(), Vec::new());
        for (s, input) in self.inputs.iter().enumerate() {
            let settings = match found.present.iter().position(|present| *present == s) {
                Some(k) => {
                    let f = found
                        .last
                        .transforms
                        .iter()
                        .skip(k)
                        .step_by(found.present.len());
                    settings.clone().warm_start(Potentials {
                        f: f.map(|f| f * unit).collect(),
                        g: g[k].iter().map(|g| g * unit).collect(),
                    })
                }
                None => settings.clone(),
            };
            let solution = settings.solve_async(engine.clone(), barycenter, input);
            between.push(solution.await?);
        }
        if kind == BarycenterKind::Debiased {
            let divergence = Divergence::from(settings.clone());
            for measure in std::iter::once(barycenter).chain(&self.inputs) {
                own.push(divergence.self_term_async(engine.clone(), measure).await?);
            }
        }
        Ok(Terms { between, own })
    }

    /// The lower bound of the objective, without the self terms of the inputs, in units of the frame.
    async fn lower_bound<E: Engine>(
        &self,
        engine: &E,
        kind: BarycenterKind,
        found: &mut Found<E>,
        g: &[Vec<f64>],
    ) -> Result<f64> {
        let (m, epsilon) = (self.reference.weights(), self.kernel.epsilon);
        let height = |values: &[f64]| values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let lambda: Vec<f64> = found.present.iter().map(|s| self.lambda[*s]).collect();
        let means = found.inputs.means(g);
        let dual = mean(&lambda, means.iter().map(|(mean, _)| *mean));
        let points = self
            .inputs
            .iter()
            .map(Measure::len)
            .fold(self.reference.len(), usize::max);
        let rounding = Rounding::of(engine, self.cost, &self.frame, points);
        let rounding = if self.separable {
            let weights = self.inputs.iter().flat_map(Measure::weights).chain(m);
            let least = weights
                .filter(|w| **w > 0.0)
                .fold(f64::INFINITY, |least, w| least.min(*w));
            rounding.along_axes(self.reference.dimension(), -least.ln())
        } else {
            rounding
        };
        // A softmin has the error of its terms, and that of the costs.
        let softmin = |heights: [f64; 2]| {
            rounding.term(self.kernel, heights) * epsilon + rounding.cost() + rounding.near()
        };
        let tallest = means
            .iter()
            .fold(0.0, |most: f64, (_, height)| most.max(*height));
        let off = softmin([height(&found.last.transforms), tallest]);
        let bound = match kind {
            BarycenterKind::Plain => {
                let least = found
                    .last
                    .mean
                    .iter()
                    .copied()
                    .fold(f64::INFINITY, f64::min);
                let masses = found.last.mean.iter().zip(m);
                let masses = masses.map(|(t, m)| m * ((least - t) / epsilon).exp());
                dual + least - epsilon * sum(masses).ln() - off
            }
            BarycenterKind::Product => {
                dual + found
                    .last
                    .mean
                    .iter()
                    .copied()
                    .fold(f64::INFINITY, f64::min)
                    - off
            }
            BarycenterKind::Debiased => {
                let q = &found.last.tilt;
                let logs: Vec<f64> = m.iter().map(|m| epsilon * m.ln()).collect();
                let weighted: Vec<f64> = q.iter().zip(&logs).map(|(q, log)| q + log).collect();
                let kappa = found.inputs.own_transform(engine, &weighted).await?;
                let off_kappa = softmin([height(&kappa), height(&weighted)]);
                let masses = q.iter().zip(&kappa).zip(m);
                let mass = sum(masses.map(|((q, k), m)| m * ((q - k) / epsilon).exp()));
                let slack = found.last.mean.iter().zip(&kappa).map(|(t, k)| t - k);
                let least = slack.fold(f64::INFINITY, f64::min);
                let off_mass = 0.5 * epsilon * mass * (off_kappa / epsilon).exp_m1();
                dual + 0.5 * epsilon * (1.0 - mass) + least - off - off_kappa - off_mass
            }
        };
        let host = 16.0
            * Precision::F64.unit_roundoff()
            * (dual.abs() + height(&found.last.mean) + epsilon);
        Ok(bound - host)
    }
}

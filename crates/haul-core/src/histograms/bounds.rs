//! The values and the bounds of an average.
//!
//! Any gₛ and q give a lower bound, with κ = T_m(q): OT_ε(b, bₛ) ≥ ⟨bₛ, gₛ⟩ + ⟨b, tₛ⟩ is linear in b, so the minimum
//! over all b of mass 1 is that of a proximal map of F. In the debiased kind −½ OT_ε(b, b) is bounded by the joint
//! convexity of (b, d) ↦ ε⟨b, log(b/d)⟩ + ½ε⟨d, Kd⟩ at b̄ = d·Kd [FSVATP'19]:
//!
//! ```text
//! plain     Σ λₛ⟨bₛ, gₛ⟩ + min_b ⟨b, t̄⟩ + ε KL(b | m) + F(b)
//! product   Σ λₛ⟨bₛ, gₛ⟩ + min_b ⟨b, t̄⟩ + F(b)
//! debiased  Σ λₛ⟨bₛ, gₛ⟩ + ½ε (1 − Σ m e^{(q−κ)/ε}) + min_b (⟨b, t̄ − κ⟩ + F(b)) − ½ Σ λₛ OT_ε(bₛ, bₛ)
//! ```
//!
//! For F = 0 the minima are −ε log Σ m e^{−t̄/ε}, min t̄ and min (t̄ − κ).
//!
//! The upper bound is the objective at b, from the certificates of OT_ε(b, bₛ) and of the self terms.

use super::BarycenterKind;
use super::averaging::{Found, difference};
use super::mixing::Mixing;
use super::posed::Posed;
use crate::linalg::{mean, sum};
use crate::problem::Rounding;
use crate::{
    Bounds, Engine, Measure, Potentials, Precision, Regularization, Result, Sinkhorn, Solution,
};

/// The terms of an objective, each with its certificate.
struct Terms<E: Engine> {
    /// OT_ε(b, bₛ).
    between: Vec<Solution<E>>,
    /// OT_ε(b, b), and OT_ε(bₛ, bₛ) of each input; empty except in the debiased kind.
    own: Vec<OwnTerm>,
}

/// OT_ε(b, b) of a measure, and its potential.
#[derive(Debug, Clone)]
pub(super) struct OwnTerm {
    value: f64,
    bounds: Bounds,
    potential: Vec<f64>,
}

impl OwnTerm {
    async fn of<E: Engine>(solution: &Solution<E>) -> Result<Self> {
        Ok(Self {
            value: solution.value(),
            bounds: bounds(solution),
            potential: solution.potentials_async().await?.f,
        })
    }
}

fn bounds<E: Engine>(solution: &Solution<E>) -> Bounds {
    let certificate = solution.certificate();
    Bounds {
        lower: certificate.lower_bound,
        upper: certificate.upper_bound,
    }
}

/// An average with its values and bounds, in units of the cost, for measures of mass 1.
pub(super) struct Certified {
    /// b, of mass 1.
    pub(super) measure: Measure,
    /// Those of OT_ε(b, bₛ).
    pub(super) potentials: Vec<Potentials>,
    /// λₛ gₛ, less λₛ times the potential of OT_ε(bₛ, bₛ) in the debiased kind; of mean 0 over bₛ.
    pub(super) slopes: Vec<Vec<f64>>,
    /// OT_ε(b, bₛ) or S_ε(b, bₛ).
    pub(super) terms: Vec<f64>,
    /// Their mean.
    pub(super) value: f64,
    /// ε KL(b | m) in the plain kind, else 0.
    pub(super) entropy: f64,
    /// U(b) and ⟨b, V⟩.
    pub(super) energies: [f64; 2],
    /// Bounds of the objective's least value.
    pub(super) bounds: Bounds,
    /// OT_ε(b, b) in the debiased kind.
    pub(super) own: Option<OwnTerm>,
    /// Softmins of one histogram, and pairs, in the iterations.
    pub(super) products: usize,
    pub(super) pairs: u64,
}

impl<E: Engine> Terms<E> {
    /// A number of OT_ε(b, bₛ) for each input, minus half of that of both self terms if there are any.
    fn of_inputs(
        &self,
        of: impl Fn(&Solution<E>) -> f64,
        of_own: impl Fn(&OwnTerm) -> f64,
    ) -> Vec<f64> {
        let of_average = self.own.first().map_or(0.0, &of_own);
        let terms = self.between.iter().zip(self.own_of_inputs(of_own));
        terms
            .map(|(term, own)| of(term) - 0.5 * (of_average + own))
            .collect()
    }

    /// A number of OT_ε(bₛ, bₛ) for each input; 0 if there is no such term.
    fn own_of_inputs(&self, of: impl Fn(&OwnTerm) -> f64) -> Vec<f64> {
        let own = |s| self.own.get(s + 1).map_or(0.0, &of);
        (0..self.between.len()).map(own).collect()
    }
}

impl Posed {
    /// The settings of the terms' solves, with ε itself.
    pub(super) fn exact_settings(&self, settings: &Sinkhorn) -> Sinkhorn {
        settings
            .clone()
            .regularized(Regularization::Epsilon(self.epsilon))
    }

    /// The average with its bounds; `known` is the self term of the first input, where it was computed before.
    pub(super) async fn certified<E: Engine + Clone>(
        &self,
        engine: E,
        settings: &Sinkhorn,
        found: &mut Found<E>,
        known: Option<OwnTerm>,
    ) -> Result<Certified> {
        let (products, pairs) = (found.inputs.products, found.inputs.pairs);
        let measure = self.measure(&found.last)?;
        let g = found.inputs.potentials(&engine).await?;
        let (least, own) = self.lower_bound(&engine, found, &g).await?;
        let solves = self.exact_settings(settings);
        let between = self
            .between(engine.clone(), &solves, &measure, found, &g)
            .await?;
        let own = match own {
            Some(own) => {
                self.own_terms(engine, &solves, &measure, own, known)
                    .await?
            }
            None => Vec::new(),
        };
        let terms = Terms { between, own };
        let entropy = match self.kind {
            BarycenterKind::Plain => self.epsilon * self.divergence(&measure),
            BarycenterKind::Debiased | BarycenterKind::Product => 0.0,
        };
        let (m, b) = (self.reference.weights(), measure.weights());
        let unit = self.frame.cost_unit(self.cost);
        let energy = unit * self.functional.value(m, b);
        let values = terms.of_inputs(Solution::value, |own| own.value);
        let value = mean(&self.lambda, values.iter().copied());
        let most = terms.of_inputs(|term| bounds(term).upper, |own| own.bounds.lower);
        let of_inputs = terms.own_of_inputs(|own| own.bounds.upper);
        let mut lower = least * unit - 0.5 * mean(&self.lambda, of_inputs);
        if self.kind == BarycenterKind::Debiased {
            // S_ε is at least 0.
            lower = lower.max(unit * self.functional.least(m, &vec![0.0; m.len()]));
        }
        let size = entropy.abs() + value.abs() + energy.abs();
        let host = 16.0 * Precision::F64.unit_roundoff() * size;
        let potentials = potentials(&terms).await?;
        Ok(Certified {
            slopes: self.slopes(&terms, &potentials),
            potentials,
            terms: values,
            value,
            entropy,
            energies: self.functional.energies(m, b),
            bounds: Bounds {
                lower,
                upper: mean(&self.lambda, most) + entropy + energy + host,
            },
            own: terms.own.into_iter().next(),
            products,
            pairs,
            measure,
        })
    }

    /// The derivatives of the minimum in the weights of each input, of mean 0 over it.
    fn slopes<E: Engine>(&self, terms: &Terms<E>, potentials: &[Potentials]) -> Vec<Vec<f64>> {
        let inputs = self.inputs.iter().zip(&self.lambda).zip(potentials);
        let slopes = inputs
            .enumerate()
            .map(|(s, ((input, lambda), potentials))| {
                let mut slope = potentials.g.clone();
                if let Some(own) = terms.own.get(s + 1) {
                    for (slope, own) in slope.iter_mut().zip(&own.potential) {
                        *slope -= own;
                    }
                }
                let mean = mean(input.weights(), slope.iter().copied());
                slope.iter().map(|slope| lambda * (slope - mean)).collect()
            });
        slopes.collect()
    }

    /// KL(b | m) for b of mass 1.
    fn divergence(&self, barycenter: &Measure) -> f64 {
        let pairs = barycenter.weights().iter().zip(self.reference.weights());
        let pairs = pairs.filter(|(b, _)| **b > 0.0);
        sum(pairs.map(|(b, m)| b * (b / m).ln()))
    }

    /// OT_ε(b, bₛ) of all inputs, from the computed potentials.
    async fn between<E: Engine + Clone>(
        &self,
        engine: E,
        settings: &Sinkhorn,
        measure: &Measure,
        found: &Found<E>,
        g: &[Vec<f64>],
    ) -> Result<Vec<Solution<E>>> {
        let unit = self.frame.cost_unit(self.cost);
        let mut between = Vec::new();
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
            let solution = settings.solve_async(engine.clone(), measure, input);
            between.push(solution.await?);
        }
        Ok(between)
    }

    /// OT_ε(b, b), from the potential `own`, and OT_ε(bₛ, bₛ) of all inputs.
    async fn own_terms<E: Engine + Clone>(
        &self,
        engine: E,
        settings: &Sinkhorn,
        measure: &Measure,
        own: Vec<f64>,
        known: Option<OwnTerm>,
    ) -> Result<Vec<OwnTerm>> {
        let unit = self.frame.cost_unit(self.cost);
        let own: Vec<f64> = own.iter().map(|own| own * unit).collect();
        let warm = settings.clone().warm_start(Potentials {
            f: own.clone(),
            g: own,
        });
        let solution = warm.solve_async(engine.clone(), measure, measure).await?;
        let mut terms = vec![OwnTerm::of(&solution).await?];
        let first = known.is_some();
        terms.extend(known);
        for input in self.inputs.iter().skip(usize::from(first)) {
            let solution = settings.solve_async(engine.clone(), input, input).await?;
            terms.push(OwnTerm::of(&solution).await?);
        }
        Ok(terms)
    }

    /// The lower bound of the objective, without the self terms of the inputs, in units of the frame; in the debiased
    /// kind also κ.
    async fn lower_bound<E: Engine>(
        &self,
        engine: &E,
        found: &mut Found<E>,
        g: &[Vec<f64>],
    ) -> Result<(f64, Option<Vec<f64>>)> {
        let (m, epsilon) = (self.reference.weights(), self.kernel.epsilon);
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
        let (mut bound, mut own) = (dual - off, None);
        match self.kind {
            BarycenterKind::Plain => {
                bound += self.functional.proximal(m, &found.last.mean, epsilon).value;
            }
            BarycenterKind::Product => bound += self.functional.least(m, &found.last.mean),
            BarycenterKind::Debiased => {
                let (own_part, kappa) = self.least_debiased(engine, found, softmin).await?;
                bound += own_part;
                own = Some(kappa);
            }
        }
        let size = dual.abs() + self.functional.height(&found.last.mean) + epsilon + bound.abs();
        let host = 16.0 * Precision::F64.unit_roundoff() * size;
        Ok((bound - host, own))
    }

    /// The part of the debiased kind's bound that depends on q, with the error of κ taken off; and κ of the loop's q.
    ///
    /// Where bins are empty at the minimum, the loop's q fits slowly, and the minimum of t̄ − κ is low there. So q moves on
    /// with t̄ held, in the loop for an objective with a share of ε KL(b | m) added, which keeps all bins from being empty;
    /// the largest bound counts.
    async fn least_debiased<E: Engine>(
        &self,
        engine: &E,
        found: &mut Found<E>,
        softmin: impl Fn([f64; 2]) -> f64,
    ) -> Result<(f64, Vec<f64>)> {
        /// The number of steps, one softmin of the support each.
        const STEPS: usize = 8;
        /// That share of ε.
        const SHARE: f64 = 0.1;
        let (m, epsilon) = (self.reference.weights(), self.kernel.epsilon);
        let steps = if self.functional.is_smooth() {
            0
        } else {
            STEPS
        };
        let mut mixing = Mixing::new(engine.precision());
        let (mut q, mut own, mut most) = (found.last.tilt.clone(), None, f64::NEG_INFINITY);
        for step in 0..=steps {
            let weighted = self.weighted(&q, 1);
            let kappa = found.inputs.own_transform(engine, &weighted).await?;
            let off = softmin([height(&kappa), height(&weighted)]);
            let masses = q.iter().zip(&kappa).zip(m);
            let mass = sum(masses.map(|((q, k), m)| m * ((q - k) / epsilon).exp()));
            let off = off + 0.5 * epsilon * mass * (off / epsilon).exp_m1();
            let slack = difference(&found.last.mean, &kappa);
            let bound = 0.5 * epsilon * (1.0 - mass) + self.functional.least(m, &slack) - off;
            most = most.max(bound);
            if step < steps {
                let costs = difference(&found.last.mean, &q);
                let weight = (1.0 + SHARE) * epsilon;
                let logs = self.functional.proximal(m, &costs, weight).logs;
                let terms = q.iter().zip(&logs).zip(&kappa);
                let image = terms.map(|((q, log), k)| 0.5 * (q + epsilon * log + k));
                let near = |i: usize| m[i] * (logs[i].exp() + 1e-3);
                q = mixing.next(near, &q, image.collect(), 1.0);
            }
            own.get_or_insert(kappa);
        }
        Ok((most, own.unwrap_or_default()))
    }
}

fn height(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// Those of OT_ε(b, bₛ) for each input.
async fn potentials<E: Engine>(terms: &Terms<E>) -> Result<Vec<Potentials>> {
    let mut potentials = Vec::new();
    for solution in &terms.between {
        potentials.push(solution.potentials_async().await?);
    }
    Ok(potentials)
}

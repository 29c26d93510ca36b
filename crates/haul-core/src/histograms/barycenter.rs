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
//! One loop computes all three, with T_w(h) the softmin −ε log Σⱼ wⱼ exp((hⱼ − C)/ε):
//!
//! ```text
//! gₛ ← T_m(fₛ),   tₛ ← T_{bₛ}(gₛ),   t̄ = Σ λₛ tₛ,   q = Σ λₛ fₛ
//! q  ← 0   |   thrice ½ (q + c + T_m(q)) with c = q − t̄ of before   |   q − t̄
//! fₛ ← tₛ − t̄ + q,   accelerated by [`mixing`](super::mixing)
//! b  = m exp((q − t̄)/ε), or m exp(q/ε) for the product kind
//! ```
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

use super::inputs::Inputs;
use super::mixing::Mixing;
use crate::engine::{Kernel, RATIO_LOG2};
use crate::linalg::{mean, sum};
use crate::measure::Support;
use crate::problem::{Rounding, equal_masses, same_space};
use crate::sinkhorn::Observer;
use crate::{
    Bounds, Cost, Divergence, Engine, Error, Frame, Measure, Potentials, Precision, Progress,
    Regularization, Result, Sinkhorn, Solution, Stop, block_on,
};
use std::f64::consts::LN_2;
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
    sinkhorn: Sinkhorn,
    kind: BarycenterKind,
    lambda: Option<Vec<f64>>,
}

settings!(Barycenter);

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
    measure: Measure,
    report: BarycenterReport,
    potentials: Vec<Potentials>,
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

    /// The potentials f (on the support) and g (on the input) of OT_ε(b, bₛ) for each input, for masses 1. λₛ g is
    /// the derivative of the plain and product kinds' minimum in the weights of bₛ.
    pub fn potentials(&self) -> &[Potentials] {
        &self.potentials
    }
}

impl Barycenter {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    /// The objective. Default [`BarycenterKind::Debiased`].
    pub fn kind(mut self, kind: BarycenterKind) -> Self {
        self.kind = kind;
        self
    }

    /// λ, a number ≥ 0 for each input; scaled to a sum of 1. By default all are equal.
    pub fn lambda(mut self, lambda: &[f64]) -> Self {
        self.lambda = Some(lambda.to_vec());
        self
    }

    /// The error at which the iteration ends, in L1 for marginals of mass 1. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.sinkhorn.tolerance = tolerance;
        self
    }

    /// The largest number of iterations. Default 10 000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.sinkhorn.max_iterations = iterations;
        self
    }

    /// The barycenter of inputs on the points of the first one, with uniform m: for example all pixels, if the inputs
    /// are images.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub fn solve<E: Engine + Clone>(&self, engine: E, inputs: &[Measure]) -> Result<Average> {
        let first = inputs.first().ok_or(Error::EmptyCloud)?;
        let support = first.clone().with_weights(&vec![1.0; first.len()])?;
        self.solve_on(engine, &support, inputs)
    }

    /// The barycenter of inputs on the points of `support`, whose weights, all positive, are the reference m. Inputs
    /// may have points of their own, and all have the same mass.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for an input with a different mass or dimension; [`Error::BadParameter`] for λ, and
    /// [`Error::Length`] if there is not one λ for each input; [`Error::BadWeight`] for a weight 0 of the support;
    /// and those of [`Sinkhorn::solve`].
    pub fn solve_on<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        inputs: &[Measure],
    ) -> Result<Average> {
        block_on(self.solve_on_async(engine, support, inputs))
    }

    /// [`solve_on`](Self::solve_on) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub async fn solve_on_async<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        inputs: &[Measure],
    ) -> Result<Average> {
        let mut observer = |_: &Progress| ControlFlow::Continue(());
        self.average(engine, support, inputs, &mut observer).await
    }

    /// [`solve_on`](Self::solve_on) that reports its progress, and ends early if the observer breaks.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub fn solve_on_observed<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        inputs: &[Measure],
        mut observer: impl FnMut(&Progress) -> ControlFlow<Stop> + Send,
    ) -> Result<Average> {
        block_on(self.average(engine, support, inputs, &mut observer))
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
        let mut found = posed
            .iterate(&engine, self.kind, &self.sinkhorn, observer)
            .await?;
        let average = posed
            .certified(engine, self.kind, &self.sinkhorn, &mut found)
            .await?;
        let mut report = average.report;
        report.seconds = start.elapsed().as_secs_f64();
        Ok(Average { report, ..average })
    }

    /// The checked problem of these settings.
    fn posed<'m>(&self, support: &'m Measure, inputs: &'m [Measure]) -> Result<Posed<'m>> {
        let first = inputs.first().ok_or(Error::EmptyCloud)?;
        let lambda = self.checked_lambda(inputs.len())?;
        if let Some(row) = support.weights().iter().position(|m| *m == 0.0) {
            let (row, value) = (row + 1, 0.0);
            return Err(Error::BadWeight { row, value });
        }
        for (index, input) in (1..).zip(inputs) {
            let fits = same_space(support, input).and_then(|()| equal_masses(first, input));
            fits.map_err(|error| Error::Input {
                index,
                error: Box::new(error),
            })?;
        }
        let reference = support.clone().normalized();
        let normalized: Vec<Measure> = inputs.iter().map(|b| b.clone().normalized()).collect();
        let all: Vec<&Measure> = std::iter::once(support).chain(inputs).collect();
        let frame = Frame::of(&all);
        let regularization = match self.sinkhorn.regularization {
            Regularization::RelativeBlur(share) if frame.diameter() > 0.0 => {
                Regularization::Blur(share * frame.diameter())
            }
            other => other,
        };
        let settings = self.sinkhorn.clone().regularized(regularization);
        let mut posed = None;
        for (index, input) in (1..).zip(&normalized) {
            let problem = settings.problem(&reference, input);
            let problem = problem.map_err(|error| Error::Input {
                index,
                error: Box::new(error),
            })?;
            posed.get_or_insert((problem.cost(), problem.epsilon()));
        }
        let (cost, epsilon) = posed.ok_or(Error::EmptyCloud)?;
        frame.check(cost)?;
        let frame = frame.for_kernel(cost, epsilon);
        let on_grids = |measure: &&Measure| matches!(measure.support(), Support::Grid(_));
        Ok(Posed {
            separable: all.iter().all(on_grids)
                && cost.along_an_axis(support.dimension()).is_some(),
            kernel: Kernel {
                cost,
                epsilon: epsilon / frame.cost_unit(cost),
            },
            mass: first.mass(),
            reference,
            inputs: normalized,
            lambda,
            epsilon,
            cost,
            frame,
            support,
        })
    }

    fn checked_lambda(&self, inputs: usize) -> Result<Vec<f64>> {
        let Some(lambda) = &self.lambda else {
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
}

/// A checked problem of a barycenter.
struct Posed<'m> {
    support: &'m Measure,
    /// m, of mass 1.
    reference: Measure,
    /// The inputs, of mass 1.
    inputs: Vec<Measure>,
    /// The original mass of the inputs.
    mass: f64,
    lambda: Vec<f64>,
    cost: Cost,
    epsilon: f64,
    frame: Frame,
    /// The kernel on a device.
    kernel: Kernel,
    separable: bool,
}

/// The result of the loop, in units of the frame. Inputs of λ = 0 are left out.
struct Found<E: Engine> {
    inputs: Inputs<E>,
    present: Vec<usize>,
    /// tₛ, n×inputs.
    transforms: Vec<f64>,
    /// t̄.
    mean: Vec<f64>,
    /// q.
    tilt: Vec<f64>,
    error: f64,
    iterations: usize,
}

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

impl Posed<'_> {
    /// Refuses a tolerance that rounding makes unreachable.
    fn check_tolerance<E: Engine>(&self, engine: &E, tolerance: f64) -> Result<()> {
        let precision = engine.precision();
        let floor = Rounding::of_costs(precision, self.cost, &self.frame).floor(self.kernel);
        let precision = precision.name();
        if floor >= 1.0 {
            return Err(Error::NoDigits { precision, floor });
        }
        if tolerance < floor {
            return Err(Error::BelowFloor {
                tolerance,
                precision,
                floor,
            });
        }
        Ok(())
    }

    /// The loop described at the head of this module.
    async fn iterate<E: Engine>(
        &self,
        engine: &E,
        kind: BarycenterKind,
        settings: &Sinkhorn,
        observer: &mut Observer<'_>,
    ) -> Result<Found<E>> {
        let start = Instant::now();
        let present: Vec<usize> = (0..self.inputs.len())
            .filter(|s| self.lambda[*s] > 0.0)
            .collect();
        let lambda: Vec<f64> = present.iter().map(|s| self.lambda[*s]).collect();
        let of_present: Vec<&Measure> = present.iter().map(|s| &self.inputs[*s]).collect();
        let (n, count, epsilon) = (self.support.len(), present.len(), self.kernel.epsilon);
        let m = self.reference.weights();
        let logs: Vec<f64> = m.iter().map(|m| epsilon * m.ln()).collect();
        let places = (&self.frame, self.kernel);
        let mut inputs = Inputs::new(engine, places, &self.reference, &of_present, self.separable)?;
        let mut mixing = Mixing::new(engine.precision());
        let mut f = vec![0.0; n * count];
        let mut iterations = 0;
        loop {
            iterations += 1;
            let weighted: Vec<f64> = (0..n * count).map(|k| f[k] + logs[k / count]).collect();
            let transforms = inputs.transforms(engine, &weighted).await?;
            let mean = means(&transforms, &lambda);
            let before = match kind {
                BarycenterKind::Plain => vec![0.0; n],
                BarycenterKind::Debiased | BarycenterKind::Product => means(&f, &lambda),
            };
            // Exponents are cut, so that a large error is finite.
            let most = RATIO_LOG2 * LN_2;
            let density = |logs: &[f64]| -> Vec<f64> {
                let terms = logs.iter().zip(m);
                terms
                    .map(|(log, m)| m * (log / epsilon).min(most).exp())
                    .collect()
            };
            let held = difference(&before, &mean);
            // b; for the debiased kind also m exp((q − T_m(q))/ε), which equals b at the solution.
            let (tilt, b, own) = match kind {
                BarycenterKind::Plain => (before, density(&held), None),
                BarycenterKind::Product => (held, density(&before), None),
                BarycenterKind::Debiased => {
                    let (tilt, own) = tilted(engine, &mut inputs, &logs, &before, &held).await?;
                    let own = density(&difference(&before, &own));
                    (tilt, density(&held), Some(own))
                }
            };
            let off = own.map_or(0.0, |own| distance(&own, &b));
            let error = self.error(&f, &transforms, &lambda, &b).max(off);
            if !error.is_finite() {
                return Err(Error::NotFiniteResult {
                    what: "the marginal error",
                    device: engine.device().to_owned(),
                });
            }
            let progress = Progress {
                iteration: iterations,
                epsilon: self.epsilon,
                marginal_error: error,
                goal: settings.tolerance,
                seconds: start.elapsed().as_secs_f64(),
            };
            let stopped = match observer(&progress) {
                ControlFlow::Continue(()) => false,
                ControlFlow::Break(Stop::Certify) => true,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            };
            if stopped || error <= settings.tolerance || iterations >= settings.max_iterations {
                return Ok(Found {
                    inputs,
                    present,
                    transforms,
                    mean,
                    tilt,
                    error,
                    iterations,
                });
            }
            let image = (0..n * count).map(|k| transforms[k] - mean[k / count] + tilt[k / count]);
            let weight = |k: usize| lambda[k % count] * (b[k / count] + 1e-3 * m[k / count]);
            f = mixing.next(weight, &f, image.collect(), error);
            centre(&mut f, m, &lambda);
        }
    }

    /// The distance of the marginals on the support from their mean, or of that mean from b, whichever is larger.
    fn error(&self, f: &[f64], transforms: &[f64], lambda: &[f64], b: &[f64]) -> f64 {
        let (count, epsilon) = (lambda.len(), self.kernel.epsilon);
        let m = self.reference.weights();
        let (mut apart, mut off) = (0.0, 0.0);
        for (i, (m, b)) in m.iter().zip(b).enumerate() {
            let row =
                |s: usize| m * ((f[i * count + s] - transforms[i * count + s]) / epsilon).exp();
            let average: f64 = (0..count).map(|s| lambda[s] * row(s)).sum();
            apart += (0..count)
                .map(|s| lambda[s] * (row(s) - average).abs())
                .sum::<f64>();
            off += (average - b).abs();
        }
        f64::max(apart, off)
    }

    /// The barycenter with its bounds.
    async fn certified<E: Engine + Clone>(
        &self,
        engine: E,
        kind: BarycenterKind,
        settings: &Sinkhorn,
        found: &mut Found<E>,
    ) -> Result<Average> {
        let (products, pairs) = (found.inputs.products, found.inputs.pairs);
        let barycenter = self.measure(kind, found)?;
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
                n: self.support.len(),
                d: self.support.dimension(),
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
                error: found.error,
                tolerance: settings.tolerance,
                converged: found.error <= settings.tolerance,
                iterations: found.iterations,
                products,
                pairs,
                seconds: 0.0,
                device: engine.device().to_owned(),
                precision: engine.precision(),
            },
        })
    }

    /// b, of mass 1.
    fn measure<E: Engine>(&self, kind: BarycenterKind, found: &Found<E>) -> Result<Measure> {
        let logs = match kind {
            BarycenterKind::Product => found.tilt.clone(),
            BarycenterKind::Plain | BarycenterKind::Debiased => {
                difference(&found.tilt, &found.mean)
            }
        };
        // Relative to the largest exponent, whose exponential is 1.
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms = logs.iter().zip(self.reference.weights());
        let weight = |(log, m): (&f64, &f64)| m * ((log - largest) / self.kernel.epsilon).exp();
        let weights: Vec<f64> = terms.map(weight).collect();
        Ok(self.reference.clone().with_weights(&weights)?.normalized())
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
                    let f = found.transforms.iter().skip(k).step_by(found.present.len());
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
            .fold(self.support.len(), usize::max);
        let rounding = Rounding::of(engine, self.cost, &self.frame, points);
        let rounding = if self.separable {
            let weights = self.inputs.iter().flat_map(Measure::weights).chain(m);
            let least = weights
                .filter(|w| **w > 0.0)
                .fold(f64::INFINITY, |least, w| least.min(*w));
            rounding.along_axes(self.support.dimension(), -least.ln())
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
        let off = softmin([height(&found.transforms), tallest]);
        let bound = match kind {
            BarycenterKind::Plain => {
                let least = found.mean.iter().copied().fold(f64::INFINITY, f64::min);
                let masses = found.mean.iter().zip(m);
                let masses = masses.map(|(t, m)| m * ((least - t) / epsilon).exp());
                dual + least - epsilon * sum(masses).ln() - off
            }
            BarycenterKind::Product => {
                dual + found.mean.iter().copied().fold(f64::INFINITY, f64::min) - off
            }
            BarycenterKind::Debiased => {
                let q = &found.tilt;
                let logs: Vec<f64> = m.iter().map(|m| epsilon * m.ln()).collect();
                let weighted: Vec<f64> = q.iter().zip(&logs).map(|(q, log)| q + log).collect();
                let kappa = found.inputs.own_transform(engine, &weighted).await?;
                let off_kappa = softmin([height(&kappa), height(&weighted)]);
                let masses = q.iter().zip(&kappa).zip(m);
                let mass = sum(masses.map(|((q, k), m)| m * ((q - k) / epsilon).exp()));
                let slack = found.mean.iter().zip(&kappa).map(|(t, k)| t - k);
                let least = slack.fold(f64::INFINITY, f64::min);
                let off_mass = 0.5 * epsilon * mass * (off_kappa / epsilon).exp_m1();
                dual + 0.5 * epsilon * (1.0 - mass) + least - off - off_kappa - off_mass
            }
        };
        let host =
            16.0 * Precision::F64.unit_roundoff() * (dual.abs() + height(&found.mean) + epsilon);
        Ok(bound - host)
    }
}

/// q of the debiased kind after several steps towards its own transform, with c = q − t̄ fixed; and that transform
/// before the first step.
async fn tilted<E: Engine>(
    engine: &E,
    inputs: &mut Inputs<E>,
    logs: &[f64],
    before: &[f64],
    held: &[f64],
) -> Result<(Vec<f64>, Vec<f64>)> {
    /// The number of steps.
    const STEPS: usize = 3;
    let mut tilt = before.to_vec();
    let mut first = None;
    for _ in 0..STEPS {
        let weighted: Vec<f64> = tilt.iter().zip(logs).map(|(q, log)| q + log).collect();
        let own = inputs.own_transform(engine, &weighted).await?;
        for ((q, own), held) in tilt.iter_mut().zip(&own).zip(held) {
            *q = 0.5 * (*q + held + own);
        }
        first.get_or_insert(own);
    }
    Ok((tilt, first.unwrap_or_default()))
}

/// Σ λₛ vₛ at each point, for n×inputs values.
fn means(values: &[f64], lambda: &[f64]) -> Vec<f64> {
    let rows = values.chunks_exact(lambda.len());
    rows.map(|row| row.iter().zip(lambda).map(|(v, l)| v * l).sum())
        .collect()
}

/// Σ |vᵢ − wᵢ|.
fn distance(v: &[f64], w: &[f64]) -> f64 {
    sum(v.iter().zip(w).map(|(v, w)| (v - w).abs()))
}

fn difference(v: &[f64], w: &[f64]) -> Vec<f64> {
    v.iter().zip(w).map(|(v, w)| v - w).collect()
}

/// Subtracts a constant from each potential, so that all have the same mean over m and Σ λₛ fₛ stays the same:
/// nothing else fixes these constants, and if they were far from 0 the potentials would lose digits.
fn centre(f: &mut [f64], m: &[f64], lambda: &[f64]) {
    let count = lambda.len();
    let mut means = vec![0.0; count];
    for (row, m) in f.chunks_exact(count).zip(m) {
        for (mean, f) in means.iter_mut().zip(row) {
            *mean += m * f;
        }
    }
    let joint: f64 = means.iter().zip(lambda).map(|(mean, l)| mean * l).sum();
    for row in f.chunks_exact_mut(count) {
        for (f, mean) in row.iter_mut().zip(&means) {
            *f += joint - mean;
        }
    }
}

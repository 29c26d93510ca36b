//! Flows of densities: each step minimises an energy plus the transport from the density before.
//!
//! ```text
//! b_{k+1} = argmin_b  OT_ε(b, b_k) + R(b) + 2τ J(b),     J(b) = U(b) + ⟨b, V⟩
//! ```
//!
//! This is the minimising movement of [Jordan–Kinderlehrer–Otto'98], with the regularised distance in place of W₂²
//! [Peyré'15]. For p = 2 and τ → 0 densities u = b/m follow ∂u/∂t = Δu + ∇·(u∇V) for the entropy, with Δu^γ in place of
//! Δu in a porous medium. There are two forms:
//!
//! ```text
//! debiased   R = −½ OT_ε(b, b): S_ε(b, b_k) + 2τ J(b)
//! reference  R = ε KL(b | m): the scaling form of [Peyré'15] and [Chizat et al.'18]
//! ```
//!
//! The reference form blurs: between Gaussians it adds ε/2 to the variance **at each step**, whatever τ is, so that it
//! needs ε much smaller than τ. The debiased form has no such bias. With σ² = ε/2, a step of the entropy takes a Gaussian
//! of variance B to the variance A of
//!
//! ```text
//! debiased   (4A² + σ⁴)^½ − (4AB + σ⁴)^½ = 2τ
//! reference  A² − A (B + c) + ¼ (c² − σ⁴) = 0, the larger root, c = σ² + 2τ
//! ```
//!
//! The loop is that of [barycenters](super::averaging) of one input, with F = 2τJ.

use super::BarycenterKind;
use super::averaging::Warm;
use super::bounds::OwnTerm;
use super::functional::{Functional, InternalEnergy};
use super::posed::Posed;
use crate::{
    Bounds, Cost, Engine, Error, Measure, Precision, Progress, Regularization, Result, Sinkhorn,
    Stop, block_on,
};
use std::ops::ControlFlow;
use web_time::Instant;

/// The observer of a flow's progress.
type Observer<'o> = dyn FnMut(&FlowProgress) -> ControlFlow<Stop> + Send + 'o;

/// The form of a flow's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FlowKind {
    /// S_ε(b, b_k) + 2τ J(b): the default.
    #[default]
    Debiased,
    /// OT_ε(b, b_k) + ε KL(b | m) + 2τ J(b): each step adds about ε/2 to variances.
    Reference,
}

impl FlowKind {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debiased => "debiased",
            Self::Reference => "reference",
        }
    }

    fn of_average(self) -> BarycenterKind {
        match self {
            Self::Debiased => BarycenterKind::Debiased,
            Self::Reference => BarycenterKind::Plain,
        }
    }
}

/// Settings of a flow of densities.
///
/// ```
/// # use haul_core::{Flow, InternalEnergy};
/// let crowd = Flow::blur(0.05).internal_energy(InternalEnergy::Crowd { bound: 4.0 }).tau(0.01).steps(20);
/// // crowd.solve(&engine, &start)?.densities() are 20 densities, at the times 0.01, 0.02, …
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    sinkhorn: Sinkhorn,
    kind: FlowKind,
    internal: InternalEnergy,
    potential: Option<Vec<f64>>,
    tau: Option<f64>,
    steps: usize,
}

settings!(Flow);

impl Default for Flow {
    fn default() -> Self {
        Self {
            sinkhorn: Sinkhorn::default(),
            kind: FlowKind::default(),
            internal: InternalEnergy::default(),
            potential: None,
            tau: None,
            steps: 1,
        }
    }
}

/// The progress of a flow: that of the current step's iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowProgress {
    /// The current step, from 1.
    pub step: usize,
    /// The number of steps.
    pub steps: usize,
    /// The iteration of this step.
    pub progress: Progress,
}

/// Numbers of a step. Costs are in units of |x − y|^p, energies have none; all for measures of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FlowReport {
    /// The form of the step.
    pub kind: FlowKind,
    /// The number of the step, from 1.
    pub step: usize,
    /// The time at its end: τ times the number of the step.
    pub time: f64,
    /// τ, in units of the cost.
    pub tau: f64,
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
    /// S_ε(b, b_k), or OT_ε(b, b_k) in the reference form, where b_k is the density before.
    pub distance: f64,
    /// U(b).
    pub internal_energy: f64,
    /// ⟨b, V⟩.
    pub potential_energy: f64,
    /// The objective: the distance plus 2τ (U + ⟨b, V⟩), plus ε KL(b | m) in the reference form.
    pub objective: f64,
    /// Bounds of the least value of the objective.
    pub bounds: Bounds,
    /// The mass of the density, that of the start.
    pub mass: f64,
    /// ‖P1 − b‖₁ at the last iteration; in the debiased form the larger of it and ‖m exp((q − T_m(q))/ε) − b‖₁, for a
    /// potential q that fits OT_ε(b, b).
    pub error: f64,
    /// The required error.
    pub tolerance: f64,
    /// Whether the error met the tolerance.
    pub converged: bool,
    /// The number of iterations.
    pub iterations: usize,
    /// Softmins of one histogram in the iterations: two each, and three more in the debiased form.
    pub products: usize,
    /// Pairs of all passes of the iterations.
    pub pairs: u64,
    /// Wall-clock seconds of the step, including its certificate.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// The densities of a flow after each step, without that of the start.
#[derive(Debug, Clone)]
pub struct Evolution {
    densities: Vec<Measure>,
    reports: Vec<FlowReport>,
}

impl Evolution {
    /// The density after each step: the support with its weights, with the mass of the start.
    pub fn densities(&self) -> &[Measure] {
        &self.densities
    }

    /// The numbers of each step.
    pub fn reports(&self) -> &[FlowReport] {
        &self.reports
    }
}

/// What a step leaves to the next one.
struct Before {
    epsilon: f64,
    warm: Warm,
    own: Option<OwnTerm>,
}

impl Flow {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.sinkhorn
    }

    /// The form of the steps. Default [`FlowKind::Debiased`].
    pub fn kind(mut self, kind: FlowKind) -> Self {
        self.kind = kind;
        self
    }

    /// The internal energy U. Default [`InternalEnergy::Entropy`]. It is one of u = b/m for measures of mass 1: with
    /// densities of mass M on a domain of volume v in place of u, a porous medium's time runs (M/v)^{γ−1} times as
    /// fast.
    pub fn internal_energy(mut self, internal: InternalEnergy) -> Self {
        self.internal = internal;
        self
    }

    /// V, a finite number at each point of the support, in units of U. Default 0.
    pub fn potential(mut self, potential: &[f64]) -> Self {
        self.potential = Some(potential.to_vec());
        self
    }

    /// The time τ of a step, in units of the cost: that of heat, which spreads to the variance 2t in each direction.
    /// Default ε.
    pub fn tau(mut self, tau: f64) -> Self {
        self.tau = Some(tau);
        self
    }

    /// The number of steps. Default 1.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The error at which the iteration of a step ends, in L1 for marginals of mass 1. Default 1e-3.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.sinkhorn.tolerance = tolerance;
        self
    }

    /// The largest number of iterations of a step. Default 10 000. A debiased crowd converges slowly where its bins
    /// become empty: bound its iterations, and read the bounds of its steps.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.sinkhorn.max_iterations = iterations;
        self
    }

    /// The flow from `start`, on its points with uniform m: for example all pixels of an image.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub fn solve<E: Engine + Clone>(&self, engine: E, start: &Measure) -> Result<Evolution> {
        block_on(self.solve_async(engine, start))
    }

    /// [`solve`](Self::solve) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub async fn solve_async<E: Engine + Clone>(
        &self,
        engine: E,
        start: &Measure,
    ) -> Result<Evolution> {
        let support = start.clone().with_weights(&vec![1.0; start.len()])?;
        self.solve_on_async(engine, &support, start).await
    }

    /// The flow from `start` on the points of `support`, whose weights, all positive, are the reference m: volumes of
    /// cells, for example. The start may have points of its own.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for τ, the number of steps, the energy or a potential that is not finite;
    /// [`Error::Length`] for a potential that does not have one number a point; [`Error::BadWeight`] for a weight 0 of
    /// the support; and those of [`Sinkhorn::solve`].
    pub fn solve_on<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        start: &Measure,
    ) -> Result<Evolution> {
        block_on(self.solve_on_async(engine, support, start))
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
        start: &Measure,
    ) -> Result<Evolution> {
        let mut observer = |_: &FlowProgress| ControlFlow::Continue(());
        self.evolve(engine, support, start, &mut observer).await
    }

    /// [`solve_on`](Self::solve_on) that reports its progress, and ends early if the observer breaks.
    /// [`Stop::Certify`] makes the current step the last one.
    ///
    /// # Errors
    ///
    /// Those of [`solve_on`](Self::solve_on).
    pub fn solve_on_observed<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        start: &Measure,
        mut observer: impl FnMut(&FlowProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<Evolution> {
        block_on(self.evolve(engine, support, start, &mut observer))
    }

    async fn evolve<E: Engine + Clone>(
        &self,
        engine: E,
        support: &Measure,
        start: &Measure,
        observer: &mut Observer<'_>,
    ) -> Result<Evolution> {
        self.check(support)?;
        let mut evolution = Evolution {
            densities: Vec::new(),
            reports: Vec::new(),
        };
        let mut before = None;
        let mut stopped = false;
        for step in 1..=self.steps {
            let mut of_step = |progress: &Progress| {
                let steps = self.steps;
                let progress = *progress;
                let flow = observer(&FlowProgress {
                    step,
                    steps,
                    progress,
                });
                stopped |= flow.is_break();
                flow
            };
            let density = evolution.densities.last().unwrap_or(start);
            let measures = (support, density);
            let (density, report, next) = self
                .step(engine.clone(), measures, (step, before), &mut of_step)
                .await?;
            evolution.densities.push(density);
            evolution.reports.push(report);
            before = Some(next);
            if stopped {
                break;
            }
        }
        Ok(evolution)
    }

    /// One step from a density, after what the step before left.
    async fn step<E: Engine + Clone>(
        &self,
        engine: E,
        (support, density): (&Measure, &Measure),
        (step, before): (usize, Option<Before>),
        observer: &mut crate::sinkhorn::Observer<'_>,
    ) -> Result<(Measure, FlowReport, Before)> {
        let start = Instant::now();
        let settings = match &before {
            Some(before) => {
                let epsilon = Regularization::Epsilon(before.epsilon);
                self.sinkhorn.clone().regularized(epsilon)
            }
            None => self.sinkhorn.clone(),
        };
        let inputs = std::slice::from_ref(density);
        let (kind, tolerance) = (self.kind.of_average(), settings.tolerance);
        let posed = Posed::new(&settings, (support, inputs), vec![1.0], kind);
        let mut posed = posed.map_err(|error| match error {
            // There is one input only.
            Error::Input { error, .. } => *error,
            other => other,
        })?;
        posed.check_tolerance(&engine, tolerance)?;
        let tau = self.tau.unwrap_or(posed.epsilon);
        posed.functional = Functional::Energy {
            factor: 2.0 * tau / posed.frame.cost_unit(posed.cost),
            internal: self.internal,
            potential: self.potential.clone().unwrap_or_default(),
        };
        let (warm, own) = match before {
            Some(Before { warm, own, .. }) => (Some(warm), own),
            None => (None, None),
        };
        let mut found = posed
            .iterate(&engine, &settings, warm.as_ref(), observer)
            .await?;
        let certified = posed
            .certified(engine.clone(), &settings, &mut found, own)
            .await?;
        let [internal_energy, potential_energy] = certified.energies;
        let energy = 2.0 * tau * (internal_energy + potential_energy);
        let weights = certified.measure.weights().iter();
        let weights: Vec<f64> = weights.map(|b| b * posed.mass).collect();
        let report = FlowReport {
            kind: self.kind,
            step,
            time: step as f64 * tau,
            tau,
            n: support.len(),
            d: support.dimension(),
            cost: posed.cost,
            epsilon: posed.epsilon,
            blur: posed.epsilon.powf(1.0 / posed.cost.p()),
            distance: certified.value,
            internal_energy,
            potential_energy,
            objective: certified.value + certified.entropy + energy,
            bounds: certified.bounds,
            mass: posed.mass,
            error: found.last.error,
            tolerance,
            converged: found.last.error <= tolerance,
            iterations: found.last.iterations,
            products: certified.products,
            pairs: certified.pairs,
            seconds: start.elapsed().as_secs_f64(),
            device: engine.device().to_owned(),
            precision: engine.precision(),
        };
        let next = Before {
            epsilon: posed.epsilon,
            warm: found.last.warm(&posed),
            own: certified.own,
        };
        Ok((certified.measure.with_weights(&weights)?, report, next))
    }

    /// Checks the settings that only flows have.
    fn check(&self, support: &Measure) -> Result<()> {
        let above = |name, value: f64, least: f64, range| match value > least && value.is_finite() {
            true => Ok(()),
            false => Err(Error::BadParameter { name, value, range }),
        };
        if let Some(tau) = self.tau {
            above("tau", tau, 0.0, "a finite number above 0")?;
        }
        above("steps", self.steps as f64, 0.0, "at least 1")?;
        match self.internal {
            InternalEnergy::Entropy => {}
            InternalEnergy::Crowd { bound } => {
                above("bound", bound, 1.0, "a finite number above 1")?;
            }
            InternalEnergy::Porous { exponent } => {
                above("exponent", exponent, 1.0, "a finite number above 1")?;
            }
        }
        let Some(potential) = &self.potential else {
            return Ok(());
        };
        let (what, expected, found) = ("the potential", support.len(), potential.len());
        if expected != found {
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
        match potential.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(Error::BadParameter {
                name: "potential",
                value: potential[index],
                range: "finite at every point; a wall is a large number",
            }),
            None => Ok(()),
        }
    }
}

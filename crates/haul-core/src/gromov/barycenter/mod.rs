//! Gromov–Wasserstein barycenters [Peyré–Cuturi–Solomon'16]: a space of given size and weights that has the least mean objective to
//! several others.
//!
//! ```text
//! min over D of  F(D) = Σₛ λₛ GW_ε(D, Dₛ)
//! ```
//!
//! With the plans Pₛ held, the best matrix is the mean of those that they carry over,
//!
//! ```text
//! Dₖₗ = Σₛ λₛ Σᵢⱼ (Pₛ)ₖᵢ (Pₛ)ₗⱼ (Dₛ)ᵢⱼ / (aₖ aₗ)
//! ```
//!
//! and the best features are the means of their images. A round takes some steps of each plan from where it was, and then this one, so
//! that F falls from round to round. Spaces with [`coordinates`] stay so, and [`matrices`] are stored.

mod coordinates;
mod matrices;

use super::{DistanceMatrix, Gromov, GromovProgress, GromovSolution, MatrixCoupling, MetricSpace};
use crate::engine::MatrixEngine;
use crate::histograms::checked_lambda;
use crate::{Engine, Error, Precision, Result, Stop, block_on};
use std::ops::ControlFlow;
use web_time::Instant;

/// The most steps of a plan in a round.
const STEPS: usize = 10;

/// Settings of a Gromov–Wasserstein barycenter [Peyré–Cuturi–Solomon'16]: a space of given size and weights with the least
/// Σₛ λₛ GW_ε to several spaces, which need share nothing.
///
/// ```
/// # use haul_core::{Engine, Gromov, GromovBarycenter, Measure, MetricSpace, Result};
/// # fn example<E: Engine + Clone>(engine: &E, start: &Measure, shapes: &[Measure]) -> Result<()> {
/// let space = MetricSpace::squared_euclidean;
/// let inputs: Vec<MetricSpace> = shapes.iter().map(space).collect();
/// let average = GromovBarycenter::new(Gromov::relative(0.01)).solve(engine, &space(start), &inputs)?;
/// let points = average.space().points(); // along its principal axes, the longest first
/// # Ok(())
/// # }
/// ```
///
/// The objective is not convex: no other space is proved to be farther, and the result depends on the start.
#[derive(Debug, Clone, PartialEq)]
pub struct GromovBarycenter {
    gromov: Gromov,
    lambda: Option<Vec<f64>>,
    fall: f64,
    max_rounds: usize,
}

/// All numbers of a barycenter. Energies are in units of D², for weights of sum 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GromovAverageReport {
    /// λ, of sum 1.
    pub lambda: Vec<f64>,
    /// ε, in units of D².
    pub epsilon: f64,
    /// Σₛ λₛ F(Pₛ), the mean of the objectives of the plans.
    pub objective: f64,
    /// The objective after each round.
    pub course: Vec<f64>,
    /// The largest rise of the objective in a round, beyond what the errors of marginals explain; 0 where each round lowered it.
    pub rise: f64,
    /// The fall of the objective in the last round over ε; infinite after one round.
    pub fall: f64,
    /// Whether all plans are stationary, and the fall is at most the one required.
    pub converged: bool,
    /// Softmin passes of all rounds.
    pub softmin_passes: usize,
    /// Pairs of all passes.
    pub pairs: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device that computed it.
    pub device: String,
    /// The precision it computed in.
    pub precision: Precision,
}

/// A barycenter: a space of kind `S`, and its couplings `C` with the inputs.
#[derive(Debug, Clone)]
pub struct GromovAverage<S, C> {
    space: S,
    couplings: Vec<C>,
    report: GromovAverageReport,
}

impl<S, C> GromovAverage<S, C> {
    /// The barycenter, with the weights of the start. Its diagonal is not 0: Dₖₖ is the mean of D between two points of the mass
    /// that k stands for.
    pub fn space(&self) -> &S {
        &self.space
    }

    /// The couplings of the barycenter, the source, with each input, the target, in the order of the inputs.
    pub fn couplings(&self) -> &[C] {
        &self.couplings
    }

    /// The couplings alone.
    pub fn into_couplings(self) -> Vec<C> {
        self.couplings
    }

    /// Every number of the barycenter.
    pub fn report(&self) -> &GromovAverageReport {
        &self.report
    }
}

/// The state of all couplings after a round.
struct Round {
    /// Σ λₛ F(Pₛ).
    objective: f64,
    /// What the errors of marginals may add to it.
    explained: f64,
    /// The largest change of a plan in another step.
    change: f64,
}

/// The work of all rounds.
#[derive(Debug, Clone, Copy, Default)]
struct Effort {
    softmins: usize,
    pairs: u64,
}

/// A space that moves, and its couplings with all inputs.
trait Couplings {
    /// Some steps of each coupling, from where it was.
    async fn couple(&mut self, steps: usize) -> Result<Round>;

    /// The best space for the couplings, in place of the one that was.
    async fn average(&mut self) -> Result<()>;

    /// ε, once they are coupled.
    fn epsilon(&self) -> f64;

    fn effort(&self) -> Effort;
}

impl GromovBarycenter {
    /// With the settings of the couplings, whose share of ε is one of the mean objective at the product couplings with the start,
    /// and equal λ.
    pub fn new(gromov: Gromov) -> Self {
        Self {
            gromov,
            lambda: None,
            fall: 1e-3,
            max_rounds: 100,
        }
    }

    /// λ, a number ≥ 0 for each input; scaled to a sum of 1. By default all are equal.
    pub fn lambda(mut self, lambda: &[f64]) -> Self {
        self.lambda = Some(lambda.to_vec());
        self
    }

    /// The fall at which it ends: a round lowers the objective by at most this share of ε. Default 1e-3.
    pub fn fall(mut self, share: f64) -> Self {
        self.fall = share;
        self
    }

    /// The largest number of rounds. Default 100.
    pub fn max_rounds(mut self, rounds: usize) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// The barycenter of spaces with coordinates, of the size, the weights and the features of a start, in linear memory.
    ///
    /// Inner products have the coordinates √λₛ zₛ side by side, with zₛ the images of the inputs' points under the plans. Squared
    /// distances have Dₖₗ = |zₖ − zₗ|² + vₖ + vₗ, with v the mean variance of the points that are sent to zₖ. The
    /// coordinates, up to 256 in all, are turned to their principal axes, the longest first, and as many are left as their rank.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyCloud`] without inputs; [`Error::Input`] for an input that cannot be [coupled](Gromov::check) with the start;
    /// [`Error::BadWeight`] for a point of the start without weight; [`Error::BadParameter`] for λ, a fall that is not
    /// positive, and 0 rounds; [`Error::Length`] if there is not one λ for each input; and those of [`Gromov::solve`].
    pub fn solve<E: Engine + Clone>(
        &self,
        engine: E,
        start: &MetricSpace,
        inputs: &[MetricSpace],
    ) -> Result<GromovAverage<MetricSpace, GromovSolution<E>>> {
        self.solve_observed(engine, start, inputs, |_| ControlFlow::Continue(()))
    }

    /// [`solve`](Self::solve) that reports each round, with the fall over ε as the change, and ends early if the observer breaks:
    /// with the barycenter of the last round, or without a result, as [`Stop`] says.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), and [`Error::Interrupted`].
    pub fn solve_observed<E: Engine + Clone>(
        &self,
        engine: E,
        start: &MetricSpace,
        inputs: &[MetricSpace],
        mut observer: impl FnMut(&GromovProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<GromovAverage<MetricSpace, GromovSolution<E>>> {
        let began = Instant::now();
        let lambda = self.checked(start.weights(), inputs, |input| {
            self.gromov.check(start, input)
        })?;
        block_on(async {
            let mut couplings =
                coordinates::Lifted::new(&engine, &self.gromov, &lambda, start, inputs);
            let course = self
                .rounds(&mut couplings, (&lambda, began), &mut observer)
                .await?;
            let report = course.report(&couplings, engine.device(), engine.precision());
            let (space, couplings) = couplings.ended(began).await?;
            Ok(GromovAverage {
                space,
                couplings,
                report,
            })
        })
    }

    /// The barycenter of spaces that are known by their matrices, of the size, the weights and the features of a start. It is
    /// computed as [`Gromov::solve_matrices`] does.
    ///
    /// # Errors
    ///
    /// Those of [`solve`](Self::solve), [`Error::BadParameter`] for a reach, and [`Error::Unsupported`] for a device that has no
    /// kernels of stored matrices.
    pub fn solve_matrices<E: Engine + MatrixEngine>(
        &self,
        engine: &E,
        start: &DistanceMatrix,
        inputs: &[DistanceMatrix],
    ) -> Result<GromovAverage<DistanceMatrix, MatrixCoupling>> {
        self.solve_matrices_observed(engine, start, inputs, |_| ControlFlow::Continue(()))
    }

    /// The same, and tells an observer of each round.
    ///
    /// # Errors
    ///
    /// Those of [`solve_matrices`](Self::solve_matrices), and [`Error::Interrupted`].
    pub fn solve_matrices_observed<E: Engine + MatrixEngine>(
        &self,
        engine: &E,
        start: &DistanceMatrix,
        inputs: &[DistanceMatrix],
        mut observer: impl FnMut(&GromovProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<GromovAverage<DistanceMatrix, MatrixCoupling>> {
        let began = Instant::now();
        let lambda = self.checked(start.weights(), inputs, |input| {
            self.gromov
                .check_moved_whole("infinite: barycenters keep the mass")?;
            self.gromov.check_matrices(start, input)
        })?;
        let host = super::matrices::Host::of(engine);
        let mut couplings = matrices::Stored::new(host, &self.gromov, &lambda, start, inputs)?;
        let course = block_on(self.rounds(&mut couplings, (&lambda, began), &mut observer))?;
        let report = course.report(&couplings, engine.device(), Precision::F64);
        let (space, couplings) = couplings.ended(began);
        Ok(GromovAverage {
            space,
            couplings,
            report,
        })
    }

    /// λ of a valid problem.
    fn checked<S>(
        &self,
        weights: &[f64],
        inputs: &[S],
        check: impl Fn(&S) -> Result<()>,
    ) -> Result<Vec<f64>> {
        super::positive("fall", self.fall)?;
        if self.max_rounds == 0 {
            return Err(Error::BadParameter {
                name: "max_rounds",
                value: 0.0,
                range: "at least 1",
            });
        }
        if inputs.is_empty() {
            return Err(Error::EmptyCloud);
        }
        for (row, weight) in (1..).zip(weights) {
            if *weight == 0.0 {
                return Err(Error::BadWeight { row, value: 0.0 });
            }
        }
        for (index, input) in (1..).zip(inputs) {
            check(input).map_err(|error| Error::Input {
                index,
                error: Box::new(error),
            })?;
        }
        checked_lambda(self.lambda.as_deref(), inputs.len())
    }

    async fn rounds(
        &self,
        couplings: &mut impl Couplings,
        (lambda, began): (&[f64], Instant),
        observer: &mut super::Observer<'_>,
    ) -> Result<Course> {
        let steps = STEPS.min(self.gromov.max_steps);
        let (mut objectives, mut rise, mut fall) = (Vec::new(), 0.0f64, f64::INFINITY);
        let mut before = f64::INFINITY;
        let converged = loop {
            let round = couplings.couple(steps).await?;
            fall = match objectives.is_empty() {
                true => fall,
                false => (before - round.objective) / couplings.epsilon(),
            };
            rise = rise.max(round.objective - before - round.explained);
            before = round.objective;
            objectives.push(round.objective);
            let told = observer(&GromovProgress {
                step: objectives.len(),
                objective: round.objective,
                change: fall,
                goal: self.fall,
                seconds: began.elapsed().as_secs_f64(),
            });
            match told {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Certify) => break false,
                ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            }
            if fall.abs() <= self.fall && round.change <= self.gromov.tolerance {
                break true;
            }
            if objectives.len() >= self.max_rounds {
                break false;
            }
            couplings.average().await?;
        };
        Ok(Course {
            lambda: lambda.to_vec(),
            objectives,
            rise,
            fall,
            converged,
            began,
        })
    }
}

/// The objective from round to round, and how it ended.
struct Course {
    lambda: Vec<f64>,
    objectives: Vec<f64>,
    rise: f64,
    fall: f64,
    converged: bool,
    began: Instant,
}

impl Course {
    fn report(
        self,
        couplings: &impl Couplings,
        device: &str,
        precision: Precision,
    ) -> GromovAverageReport {
        let Effort { softmins, pairs } = couplings.effort();
        GromovAverageReport {
            lambda: self.lambda,
            epsilon: couplings.epsilon(),
            objective: self.objectives.last().copied().unwrap_or(f64::NAN),
            course: self.objectives,
            rise: self.rise,
            fall: self.fall,
            converged: self.converged,
            softmin_passes: softmins,
            pairs,
            seconds: self.began.elapsed().as_secs_f64(),
            device: device.to_owned(),
            precision,
        }
    }
}

//! Barycentric coordinates [Bonneel–Peyré–Cuturi'16]: the weights λ at which the barycenter of given atoms is nearest
//! to a target.
//!
//! ```text
//! min_λ Loss(b(λ), q),   b(λ) = argmin_b Σₛ λₛ OT_ε(b, pₛ) + ε KL(b | m)
//! ```
//!
//! λ is the softmax of logits, which a quasi-Newton method changes. By default b(λ) is the converged barycenter,
//! differentiated implicitly; each one starts at the potentials of the one before. With a fixed number of iterations
//! b is what they make of f = 0, and its derivative is exactly that of those steps, as in the paper.
//!
//! [`model`] finds barycenters, [`derivative`] differentiates them with the products of [`passes`], [`loss`] compares
//! them with the target, and [`fit`] minimises over the [`simplex`]. [`dictionary`] learns the
//! atoms as well, by the objective of [`learner`].

mod derivative;
mod dictionary;
mod fit;
mod learner;
mod loss;
mod model;
mod passes;
mod reconstruction;
mod simplex;

pub use dictionary::{
    BarycentricDictionary, BarycentricFactors, BarycentricGradient, BarycentricProgress,
    BarycentricReport,
};
pub use loss::CoordinatesLoss;
pub use reconstruction::{PointsGradient, Reconstruction, ReconstructionGradient};

use super::{Average, Barycenter, BarycenterKind};
use crate::problem::{equal_masses, same_space};
use crate::{Engine, Error, Measure, Regularization, Result, Sinkhorn, Stop, block_on};
use fit::{Fit, FitObserver};
use loss::Distance;
use model::{Method, Model};
use std::ops::ControlFlow;

/// Settings of barycentric coordinates.
///
/// ```
/// # use haul_core::{Coordinates, CoordinatesLoss};
/// let coordinates = Coordinates::blur(0.05).loss(CoordinatesLoss::ReverseKl);
/// // coordinates.of(&engine, &target, &atoms)?.lambda() are the shares of the atoms in the target.
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates {
    barycenter: Barycenter,
    loss: CoordinatesLoss,
    iterations: Option<usize>,
    gradient_tolerance: f64,
    lambda_tolerance: f64,
    max_evaluations: usize,
    start: Option<Vec<f64>>,
}

settings!(Coordinates);

impl Default for Coordinates {
    /// The converged barycenter at a blur of 1/20 of the diameter, with [`CoordinatesLoss::L2`].
    fn default() -> Self {
        Self {
            barycenter: Barycenter::default()
                .kind(BarycenterKind::Plain)
                .tolerance(1e-4),
            loss: CoordinatesLoss::default(),
            iterations: None,
            gradient_tolerance: 1e-2,
            lambda_tolerance: 5e-4,
            max_evaluations: 200,
            start: None,
        }
    }
}

/// The progress of a fit, reported before each evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoordinatesProgress {
    /// Evaluations so far.
    pub evaluation: usize,
    /// The least loss so far.
    pub value: f64,
    /// The norm of its gradient on the simplex.
    pub gradient_norm: f64,
    /// The L1 length of the next step in λ; the fit ends where it is small.
    pub step: f64,
    /// Seconds since the start.
    pub seconds: f64,
}

/// Numbers of barycentric coordinates, for measures of mass 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CoordinatesReport {
    /// The loss.
    pub loss: CoordinatesLoss,
    /// The fixed number of iterations of a barycenter; `None` if it converges.
    pub iterations: Option<usize>,
    /// λ, of sum 1; what is below 1e-6 is 0.
    pub lambda: Vec<f64>,
    /// The loss at λ.
    pub value: f64,
    /// Its derivative in λ, centred: Σ λₛ gₛ = 0. Σ λₛ gₛ − min gₛ is 0 at a stationary point.
    pub gradient: Vec<f64>,
    /// The norm of the steepest descent within the simplex. The loss is not convex in λ: where it is 0, λ may be a
    /// local minimum.
    pub gradient_norm: f64,
    /// The mass of b before it is scaled: not 1 after a fixed number of iterations.
    pub mass: f64,
    /// The difference of the bounds of the barycenter's objective.
    pub gap: f64,
    /// Whether the last step in λ was within the tolerance, and so was the error of the barycenter.
    pub converged: bool,
    /// The number of barycenters computed.
    pub evaluations: usize,
    /// Softmins and products of one histogram, of barycenters and derivatives.
    pub products: usize,
    /// Wall-clock seconds, including the certificate.
    pub seconds: f64,
}

/// A target projected onto the barycenters of atoms.
#[derive(Debug, Clone)]
pub struct Projection {
    report: CoordinatesReport,
    barycenter: Average,
}

impl Projection {
    /// λ, of sum 1.
    pub fn lambda(&self) -> &[f64] {
        &self.report.lambda
    }

    /// The barycenter at λ, on the points of the target and with its mass.
    pub fn measure(&self) -> &Measure {
        self.barycenter.measure()
    }

    /// The numbers of the fit.
    pub fn report(&self) -> &CoordinatesReport {
        &self.report
    }

    /// The barycenter at λ with its own numbers, among them the bounds of its objective.
    pub fn barycenter(&self) -> &Average {
        &self.barycenter
    }
}

impl Coordinates {
    fn sinkhorn_mut(&mut self) -> &mut Sinkhorn {
        &mut self.barycenter.sinkhorn
    }

    /// The loss. Default [`CoordinatesLoss::L2`].
    pub fn loss(mut self, loss: CoordinatesLoss) -> Self {
        self.loss = loss;
        self
    }

    /// A barycenter is the result of L iterations, at least 1, from f = 0, and its derivative is exactly that of these
    /// steps [Bonneel–Peyré–Cuturi'16]. They keep the potentials of all iterations, 2L (n + m) numbers an atom. By
    /// default it is the converged barycenter, for which fewer products lead to a better λ.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = Some(iterations);
        self
    }

    /// The error at which a barycenter has converged, in L1 for marginals of mass 1. Default 1e-4.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.barycenter = self.barycenter.tolerance(tolerance);
        self
    }

    /// The largest number of iterations of a barycenter that converges. Default 10 000.
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.barycenter = self.barycenter.max_iterations(iterations);
        self
    }

    /// The relative residual of the linear system that differentiates a converged barycenter. Default 1e-2, which is
    /// enough for a fit.
    pub fn gradient_tolerance(mut self, tolerance: f64) -> Self {
        self.gradient_tolerance = tolerance;
        self
    }

    /// The fit ends when the next step would change λ by less, in L1. Default 5e-4.
    pub fn lambda_tolerance(mut self, tolerance: f64) -> Self {
        self.lambda_tolerance = tolerance;
        self
    }

    /// The largest number of barycenters computed. Default 200.
    pub fn max_evaluations(mut self, evaluations: usize) -> Self {
        self.max_evaluations = evaluations;
        self
    }

    /// The λ at which the fit starts, a number above 0 for each atom; scaled to a sum of 1. By default all are equal.
    pub fn start(mut self, lambda: &[f64]) -> Self {
        self.start = Some(lambda.to_vec());
        self
    }

    /// The coordinates of a target with respect to atoms, whose barycenters are on the points of the target, with
    /// uniform m. Atoms may have points of their own.
    ///
    /// # Errors
    ///
    /// Those of [`Barycenter::solve_on`] for the atoms; [`Error::DimensionMismatch`] and [`Error::UnequalMass`] for
    /// the target; [`Error::EmptyBin`] for [`CoordinatesLoss::Kl`] of a target with an empty bin;
    /// [`Error::BadParameter`] for a setting outside its range.
    pub fn of<E: Engine + Clone>(
        &self,
        engine: E,
        target: &Measure,
        atoms: &[Measure],
    ) -> Result<Projection> {
        block_on(self.of_async(engine, target, atoms))
    }

    /// [`of`](Self::of) without blocking a thread while it waits for the device.
    ///
    /// # Errors
    ///
    /// Those of [`of`](Self::of).
    pub async fn of_async<E: Engine + Clone>(
        &self,
        engine: E,
        target: &Measure,
        atoms: &[Measure],
    ) -> Result<Projection> {
        let mut observer = |_: &CoordinatesProgress| ControlFlow::Continue(());
        self.project(engine, target, atoms, &mut observer).await
    }

    /// [`of`](Self::of) that reports its progress, and ends early if the observer breaks.
    ///
    /// # Errors
    ///
    /// Those of [`of`](Self::of).
    pub fn of_observed<E: Engine + Clone>(
        &self,
        engine: E,
        target: &Measure,
        atoms: &[Measure],
        mut observer: impl FnMut(&CoordinatesProgress) -> ControlFlow<Stop> + Send,
    ) -> Result<Projection> {
        block_on(self.project(engine, target, atoms, &mut observer))
    }

    async fn project<E: Engine + Clone>(
        &self,
        engine: E,
        target: &Measure,
        atoms: &[Measure],
        observer: &mut FitObserver<'_>,
    ) -> Result<Projection> {
        let first = atoms.first().ok_or(Error::EmptyCloud)?;
        same_space(target, first)?;
        equal_masses(target, first)?;
        self.loss.check(target)?;
        let support = target.clone().with_weights(&vec![1.0; target.len()])?;
        let model = self.model(engine, &support, atoms, self.start.as_deref())?;
        let start = model.posed.lambda.clone();
        if let Some(value) = start.iter().copied().find(|l| *l <= 0.0) {
            return Err(Error::BadParameter {
                name: "start",
                value,
                range: "above 0 for each atom",
            });
        }
        let epsilon = Regularization::Epsilon(model.posed.epsilon);
        let sinkhorn = self.barycenter.sinkhorn.clone().regularized(epsilon);
        let distance = Distance::new(self.loss, target.clone().normalized(), sinkhorn);
        Fit::new(model, distance).run(self, &start, observer).await
    }

    /// The barycenter of atoms at the coordinates λ on the points of `support`, whose weights are the reference m, with
    /// the derivatives of functions of it. For derivatives of many digits, take small
    /// [`tolerance`](Self::tolerance)s.
    ///
    /// # Errors
    ///
    /// Those of [`Barycenter::solve_on`], and [`Error::BadParameter`] for a λ of 0 of a converged barycenter.
    pub fn reconstruction<E: Engine>(
        &self,
        engine: E,
        support: &Measure,
        atoms: &[Measure],
        lambda: &[f64],
    ) -> Result<Reconstruction<E>> {
        block_on(self.reconstruction_async(engine, support, atoms, lambda))
    }

    /// [`reconstruction`](Self::reconstruction) without blocking a thread.
    ///
    /// # Errors
    ///
    /// Those of [`reconstruction`](Self::reconstruction).
    pub async fn reconstruction_async<E: Engine>(
        &self,
        engine: E,
        support: &Measure,
        atoms: &[Measure],
        lambda: &[f64],
    ) -> Result<Reconstruction<E>> {
        let model = self.model(engine, support, atoms, Some(lambda))?;
        // Without a part in the barycenter an atom has no potential, of which the derivative in its λ is made.
        if self.iterations.is_none() && model.posed.lambda.contains(&0.0) {
            let (name, value) = ("lambda", 0.0);
            let range = "above 0 for each atom of a converged barycenter";
            return Err(Error::BadParameter { name, value, range });
        }
        Reconstruction::new(model).await
    }

    /// Puts atoms on a device.
    fn model<E: Engine>(
        &self,
        engine: E,
        support: &Measure,
        atoms: &[Measure],
        lambda: Option<&[f64]>,
    ) -> Result<Model<E>> {
        self.check()?;
        let barycenter = match lambda {
            Some(lambda) => self.barycenter.clone().lambda(lambda),
            None => self.barycenter.clone(),
        };
        let posed = barycenter.posed(support, atoms)?;
        let method = Method {
            sinkhorn: self.barycenter.sinkhorn.clone(),
            iterations: self.iterations,
            gradient_tolerance: self.gradient_tolerance,
        };
        Model::new(engine, posed, method)
    }

    /// Refuses settings outside their ranges.
    fn check(&self) -> Result<()> {
        for (name, value) in [
            ("gradient_tolerance", self.gradient_tolerance),
            ("lambda_tolerance", self.lambda_tolerance),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                let range = "a finite number above 0";
                return Err(Error::BadParameter { name, value, range });
            }
        }
        for (name, count) in [
            ("iterations", self.iterations.unwrap_or(1)),
            ("max_evaluations", self.max_evaluations),
        ] {
            if count == 0 {
                let (value, range) = (0.0, "at least 1");
                return Err(Error::BadParameter { name, value, range });
            }
        }
        Ok(())
    }
}

//! The λ whose barycenter has the least loss.

use super::loss::Distance;
use super::model::{Model, Path, settled};
use super::simplex::{descent_norm, softmax, to_logits, without_negligible};
use super::{Coordinates, CoordinatesProgress, CoordinatesReport, Projection};
use crate::histograms::averaging::distance;
use crate::linalg::{Lbfgs, Search, Trial, mean, sum};
use crate::{Engine, Error, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// The observer of a fit.
pub(super) type FitObserver<'o> = dyn FnMut(&CoordinatesProgress) -> ControlFlow<Stop> + Send + 'o;

/// The most that the first step changes a logit.
const REACH: f64 = 1.0;

/// The tolerance of a barycenter on the way, relative to the length of the step in λ that led there.
const SHARE: f64 = 2e-2;

/// A fit of λ, and its effort so far.
pub(super) struct Fit<E: Engine> {
    model: Model<E>,
    distance: Distance,
    /// tₛ of the last barycenter, near which the next one begins.
    warm: Option<Vec<f64>>,
    evaluations: usize,
    /// Products of derivatives.
    products: usize,
}

/// The loss at some logits.
struct Evaluation<E: Engine> {
    trial: Trial,
    path: Path<E>,
    /// In λ, centred; empty where no derivative was asked for.
    gradient: Vec<f64>,
    /// How much the error of the barycenter may change the loss.
    noise: f64,
}

impl<E: Engine + Clone> Fit<E> {
    pub(super) fn new(model: Model<E>, distance: Distance) -> Self {
        Self {
            model,
            distance,
            warm: None,
            evaluations: 0,
            products: 0,
        }
    }

    /// The loss at these logits, and its derivative if `wanted` for that value. The barycenter has the tolerance that is
    /// asked for, or a larger one where λ has `moved` so far that it need not be exact.
    async fn evaluate(
        &mut self,
        logits: Vec<f64>,
        moved: f64,
        wanted: impl Fn(f64) -> bool,
    ) -> Result<Evaluation<E>> {
        let lambda = softmax(&logits);
        let start = self.warm.take().map(|warm| settled(&warm, &lambda));
        let tolerance = self.model.method.sinkhorn.tolerance.max(SHARE * moved);
        let path = self.model.barycenter(&lambda, start, tolerance).await?;
        let engine = &self.model.engine;
        let (value, slope) = self.distance.evaluate(engine, &path.weights).await?;
        let noise = self.model.noise(&path, &slope);
        let mut gradient = Vec::new();
        if wanted(value) {
            let adjoint = self.model.adjoint(&path, &slope, false).await?;
            self.products += adjoint.products;
            let centre = mean(&lambda, adjoint.lambda.iter().copied());
            gradient = adjoint.lambda.iter().map(|g| g - centre).collect();
        }
        self.evaluations += 1;
        self.warm = path.last_transforms();
        Ok(Evaluation {
            trial: Trial {
                gradient: to_logits(&lambda, &gradient),
                point: logits,
                value,
            },
            path,
            gradient,
            noise,
        })
    }

    /// Whether a barycenter has the tolerance that was asked for.
    fn is_exact(&self, path: &Path<E>) -> bool {
        let method = &self.model.method;
        method.iterations.is_some() || path.error <= method.sinkhorn.tolerance
    }

    /// Minimises from λ, and certifies the barycenter there.
    pub(super) async fn run(
        mut self,
        settings: &Coordinates,
        start: &[f64],
        observer: &mut FitObserver<'_>,
    ) -> Result<Projection> {
        let clock = Instant::now();
        let logits = start.iter().map(|l| l.ln()).collect();
        let mut best = self.evaluate(logits, 1.0, |_| true).await?;
        let mut search = Lbfgs::new(best.trial.clone(), REACH);
        let (mut searching, mut exact) = (false, false);
        let converged = loop {
            let next = search.next();
            let moved = distance(&softmax(&next), &best.path.lambda);
            if self.stops(&best, moved, &clock, observer)? {
                break false;
            }
            // The length of the first step says nothing.
            let says = search.is_informed() || searching || search.promise() == 0.0;
            let mut ends = says && moved <= settings.lambda_tolerance;
            if !ends {
                if self.evaluations >= settings.max_evaluations {
                    break false;
                }
                let near = if exact { 0.0 } else { moved };
                let made = self
                    .evaluate(next, near, |value| search.accepts(value))
                    .await?;
                let found = search.tell(made.trial.clone());
                searching = found == Search::Searching;
                match found {
                    Search::Searching => {}
                    Search::Stuck => ends = true,
                    Search::Moved if made.trial.point == search.current().point => best = made,
                    Search::Moved => {
                        let point = search.current().point.clone();
                        best = self.evaluate(point, near, |_| true).await?;
                    }
                }
            }
            if ends && (exact || self.is_exact(&best.path)) {
                break moved <= settings.lambda_tolerance || search.promise() <= best.noise;
            }
            if ends {
                // What seems to be the end is looked at more closely.
                (exact, searching) = (true, false);
                best = self.evaluate(best.trial.point, 0.0, |_| true).await?;
                search.refine(best.trial.clone(), settings.lambda_tolerance.sqrt());
            }
        };
        if !self.is_exact(&best.path) {
            best = self.evaluate(best.trial.point, 0.0, |_| true).await?;
        }
        self.certified(settings, best, (converged, clock)).await
    }

    /// Reports the progress; whether the observer asks for the result.
    fn stops(
        &self,
        best: &Evaluation<E>,
        step: f64,
        clock: &Instant,
        observer: &mut FitObserver<'_>,
    ) -> Result<bool> {
        let progress = CoordinatesProgress {
            evaluation: self.evaluations,
            value: best.trial.value,
            gradient_norm: descent_norm(&best.path.lambda, &best.gradient),
            step,
            seconds: clock.elapsed().as_secs_f64(),
        };
        match observer(&progress) {
            ControlFlow::Continue(()) => Ok(false),
            ControlFlow::Break(Stop::Certify) => Ok(true),
            ControlFlow::Break(Stop::Abandon) => Err(Error::Interrupted),
        }
    }

    /// The result at an evaluated λ.
    async fn certified(
        self,
        settings: &Coordinates,
        best: Evaluation<E>,
        (converged, clock): (bool, Instant),
    ) -> Result<Projection> {
        let sinkhorn = &settings.barycenter.sinkhorn;
        let products = self.model.inputs.products + self.products;
        let lambda = without_negligible(&best.path.lambda);
        let is_exact = self.is_exact(&best.path);
        let mut report = CoordinatesReport {
            loss: settings.loss,
            iterations: settings.iterations,
            value: best.trial.value,
            gradient_norm: descent_norm(&lambda, &best.gradient),
            gradient: best.gradient,
            mass: sum(best.path.weights.iter().copied()),
            gap: 0.0,
            converged: converged && is_exact,
            evaluations: self.evaluations,
            products,
            seconds: 0.0,
            lambda,
        };
        let Some((engine, posed, found)) = self.model.found(best.path) else {
            return Err(Error::EmptyCloud);
        };
        let barycenter = posed.average(engine, sinkhorn, found, clock).await?;
        let bounds = barycenter.report().bounds;
        report.gap = bounds.upper - bounds.lower;
        report.seconds = clock.elapsed().as_secs_f64();
        Ok(Projection { report, barycenter })
    }
}

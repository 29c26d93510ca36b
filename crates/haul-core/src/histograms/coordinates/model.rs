//! Atoms on a device, and the barycenters of them.

use super::passes::Duals;
use crate::histograms::averaging::{Found, Iterate, State, means};
use crate::histograms::inputs::Inputs;
use crate::histograms::posed::Posed;
use crate::linalg::sum;
use crate::{Engine, Error, Measure, Progress, Result, Sinkhorn};
use std::ops::ControlFlow;

/// How barycenters are found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Method {
    pub(super) sinkhorn: Sinkhorn,
    /// L; until convergence if `None`.
    pub(super) iterations: Option<usize>,
    /// The relative residual of the linear system of a converged barycenter's derivatives.
    pub(super) gradient_tolerance: f64,
}

/// Atoms and the support of their barycenters on a device.
pub(super) struct Model<E: Engine> {
    pub(super) engine: E,
    pub(super) posed: Posed,
    pub(super) inputs: Inputs<E>,
    pub(super) method: Method,
}

/// One iteration: gₛ ← T_m(fₛ), tₛ ← T_{bₛ}(gₛ).
pub(super) struct Step<E: Engine> {
    pub(super) duals: Duals<E>,
    /// tₛ, n×atoms.
    pub(super) transforms: Vec<f64>,
}

/// A barycenter with the iterations that its derivatives are those of: all of them, or the last one of a converged
/// barycenter.
pub(super) struct Path<E: Engine> {
    pub(super) lambda: Vec<f64>,
    /// fₛ before the first step, n×atoms.
    pub(super) start: Vec<f64>,
    pub(super) steps: Vec<Step<E>>,
    /// t̄ of the last step.
    pub(super) mean: Vec<f64>,
    /// b: m exp(−t̄/ε), of mass 1 if it is converged.
    pub(super) weights: Vec<f64>,
    /// The error of the marginals, as in [`BarycenterReport`](crate::BarycenterReport).
    pub(super) error: f64,
    pub(super) iterations: usize,
}

impl<E: Engine> Path<E> {
    /// tₛ of the last step, from which the barycenter of a similar λ is near.
    pub(super) fn last_transforms(&self) -> Option<Vec<f64>> {
        self.steps.last().map(|step| step.transforms.clone())
    }

    /// fₛ before a step: tₛ − t̄ of the step before it.
    pub(super) fn before(&self, step: usize) -> Vec<f64> {
        match step.checked_sub(1).and_then(|step| self.steps.get(step)) {
            Some(step) => settled(&step.transforms, &self.lambda),
            None => self.start.clone(),
        }
    }
}

/// tₛ − Σ λᵣ tᵣ: potentials that begin a step, from the transforms of another.
pub(super) fn settled(transforms: &[f64], lambda: &[f64]) -> Vec<f64> {
    let count = lambda.len();
    let mean = means(transforms, lambda);
    let values = transforms.iter().enumerate();
    values.map(|(k, t)| t - mean[k / count]).collect()
}

impl<E: Engine> Model<E> {
    /// Puts a checked problem on a device.
    pub(super) fn new(engine: E, posed: Posed, method: Method) -> Result<Self> {
        if method.iterations.is_none() {
            posed.check_tolerance(&engine, method.sinkhorn.tolerance)?;
        }
        let atoms: Vec<&Measure> = posed.inputs.iter().collect();
        let places = (&posed.frame, posed.kernel);
        let inputs = Inputs::new(&engine, places, &posed.reference, &atoms, posed.separable)?;
        Ok(Self {
            engine,
            posed,
            inputs,
            method,
        })
    }

    /// ε in units of the frame.
    pub(super) fn epsilon(&self) -> f64 {
        self.posed.kernel.epsilon
    }

    /// m.
    pub(super) fn reference(&self) -> &[f64] {
        self.posed.reference.weights()
    }

    /// v + ε log m, for n×atoms potentials.
    pub(super) fn with_reference(&self, potentials: &[f64]) -> Vec<f64> {
        let (count, epsilon) = (self.inputs.count, self.epsilon());
        let logs: Vec<f64> = self.reference().iter().map(|m| epsilon * m.ln()).collect();
        let values = potentials.iter().enumerate();
        values.map(|(k, f)| f + logs[k / count]).collect()
    }

    /// The barycenter of the atoms at λ; a converged one has this tolerance, and may start from potentials with
    /// Σ λₛ fₛ = 0.
    pub(super) async fn barycenter(
        &mut self,
        lambda: &[f64],
        start: Option<Vec<f64>>,
        tolerance: f64,
    ) -> Result<Path<E>> {
        let zeros = || vec![0.0; self.posed.reference.len() * lambda.len()];
        match self.method.iterations {
            Some(iterations) => self.truncated(lambda, zeros(), iterations).await,
            None => {
                let start = start.unwrap_or_else(zeros);
                self.converged((lambda, start), tolerance).await
            }
        }
    }

    async fn truncated(
        &mut self,
        lambda: &[f64],
        start: Vec<f64>,
        iterations: usize,
    ) -> Result<Path<E>> {
        let mut path = Path {
            lambda: lambda.to_vec(),
            steps: Vec::with_capacity(iterations),
            mean: Vec::new(),
            weights: Vec::new(),
            error: 0.0,
            iterations,
            start,
        };
        for step in 0..iterations {
            let before = path.before(step);
            let weighted = self.with_reference(&before);
            let transforms = self.inputs.transforms(&self.engine, &weighted).await?;
            if step + 1 == iterations {
                path.mean = means(&transforms, lambda);
                path.weights = self.density(&path.mean);
                path.error = self
                    .posed
                    .error(&before, &transforms, lambda, &path.weights);
            }
            path.steps.push(Step {
                duals: self.inputs.duals(),
                transforms,
            });
        }
        self.finite(path)
    }

    async fn converged(
        &mut self,
        (lambda, start): (&[f64], Vec<f64>),
        tolerance: f64,
    ) -> Result<Path<E>> {
        let mut observer = |_: &Progress| ControlFlow::Continue(());
        let Self {
            engine,
            posed,
            inputs,
            method,
        } = self;
        let sinkhorn = method.sinkhorn.clone().tolerance(tolerance);
        let mut state = State {
            f: start,
            tilt: vec![0.0; posed.reference.len()],
        };
        let from = (lambda, &mut state);
        let last = posed
            .iterate_from(engine, &sinkhorn, inputs, from, &mut observer)
            .await?;
        let weights = posed.measure(&last)?;
        let path = Path {
            lambda: lambda.to_vec(),
            steps: vec![Step {
                duals: inputs.duals(),
                transforms: last.transforms,
            }],
            start: state.f,
            mean: last.mean,
            weights: weights.weights().to_vec(),
            error: last.error,
            iterations: last.iterations,
        };
        self.finite(path)
    }

    /// How much the error of a barycenter may change a function of it with this derivative.
    pub(super) fn noise(&self, path: &Path<E>, slope: &[f64]) -> f64 {
        let low = slope.iter().copied().fold(f64::INFINITY, f64::min);
        let high = slope.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // What L iterations make is exact up to rounding.
        let error = match self.method.iterations {
            Some(_) => 0.0,
            None => path.error,
        };
        0.5 * (high - low) * (error + 64.0 * self.engine.precision().unit_roundoff())
    }

    fn finite(&self, path: Path<E>) -> Result<Path<E>> {
        let mass = sum(path.weights.iter().copied());
        if mass.is_finite() && mass > 0.0 {
            return Ok(path);
        }
        Err(Error::NotFiniteResult {
            what: "the barycenter",
            device: self.engine.device().to_owned(),
        })
    }

    /// m exp(−t̄/ε).
    fn density(&self, mean: &[f64]) -> Vec<f64> {
        let terms = mean.iter().zip(self.reference());
        terms
            .map(|(t, m)| m * (-t / self.epsilon()).exp())
            .collect()
    }

    /// The end of a path as the result of the loop of barycenters, for its bounds.
    pub(super) fn found(mut self, path: Path<E>) -> Option<(E, Posed, Found<E>)> {
        let mass = sum(path.weights.iter().copied());
        let points = path.weights.iter().zip(self.reference());
        let logs = points.map(|(b, m)| (b / mass / m).ln()).collect();
        let last = path.steps.into_iter().next_back()?;
        self.inputs.restore(&last.duals);
        self.posed.lambda = path.lambda;
        let n = self.posed.reference.len();
        let found = Found {
            present: (0..self.inputs.count).collect(),
            inputs: self.inputs,
            last: Iterate {
                transforms: last.transforms,
                mean: path.mean,
                tilt: vec![0.0; n],
                logs,
                error: path.error,
                iterations: path.iterations,
            },
        };
        Some((self.engine, self.posed, found))
    }
}

//! Flows of particles: the points of a measure follow the steepest descent of a loss to a target.
//!
//! In the geometry of transport a loss L falls fastest along the velocities vᵢ = −∂L/∂xᵢ / aᵢ, which an [`Optimizer`] follows in
//! steps of length τ. For S_ε and p = 2 the velocity is 2 (Σ P y/a − Σ Q x/a), with the plans to the target and to itself: τ = ½
//! brings each point to its debiased image.

use super::{FitLoss, Optimizer, OptimizerState, moved};
use crate::{Engine, Measure, Potentials, Result};

/// A flow of the points of a measure onto a target; weights stay.
///
/// ```
/// # use haul_core::{Divergence, Engine, FitLoss, Measure, ParticleFlow, Result};
/// fn flow(engine: &impl Engine, start: Measure, target: &Measure) -> Result<Measure> {
///     let loss = FitLoss::Divergence(Divergence::blur(0.05));
///     let mut flow = ParticleFlow::new(loss, start).tau(0.1);
///     for _ in 0..40 {
///         flow.step(engine, target)?;
///     }
///     Ok(flow.measure().clone())
/// }
/// ```
///
/// A clone goes on in the same way, and so does a flow [from](Self::from_state) its [state](Self::state).
#[derive(Debug, Clone)]
pub struct ParticleFlow {
    loss: FitLoss,
    tau: f64,
    optimizer: Optimizer,
    state: ParticleState,
}

/// The state of a flow: plain data, of which a checkpoint can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticleState {
    /// The particles.
    pub measure: Measure,
    /// What the optimizer remembers, with a number for each coordinate.
    pub optimizer: OptimizerState,
    /// The potentials between the particles before the last step and the target.
    pub potentials: Option<Potentials>,
}

impl ParticleFlow {
    /// A flow that starts at a measure, with τ = ½ and plain steps.
    pub fn new(loss: FitLoss, start: Measure) -> Self {
        let coordinates = start.len() * start.dimension();
        let state = ParticleState {
            measure: start,
            optimizer: OptimizerState::start(coordinates),
            potentials: None,
        };
        Self::from_state(loss, state)
    }

    /// A flow that goes on from a state, with τ = ½ and plain steps.
    pub fn from_state(loss: FitLoss, state: ParticleState) -> Self {
        Self {
            loss,
            tau: 0.5,
            optimizer: Optimizer::Plain,
            state,
        }
    }

    /// The state after the last step.
    pub fn state(&self) -> &ParticleState {
        &self.state
    }

    /// τ: a time, in which a velocity is a derivative of the loss in a point over its weight; of Adam a length. Default ½.
    pub fn tau(mut self, tau: f64) -> Self {
        self.tau = tau;
        self
    }

    /// How steps follow the slope. Default [`Optimizer::Plain`].
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// The particles as they are.
    pub fn measure(&self) -> &Measure {
        &self.state.measure
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.state.optimizer.steps
    }

    /// Takes a step, and returns the loss before it.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`](crate::Error::BadParameter) for a τ that is not positive and a β outside of [0, 1);
    /// [`Error::Unsupported`](crate::Error::Unsupported) for points of a grid; [`Error::Length`](crate::Error::Length) for a state
    /// of other lengths; those of the loss; and [`Error::NotFiniteResult`](crate::Error::NotFiniteResult).
    pub fn step<E: Engine>(&mut self, engine: &E, target: &Measure) -> Result<f64> {
        self.optimizer.check(self.tau)?;
        let measure = &self.state.measure;
        let (d, weights) = (measure.dimension(), measure.weights());
        self.state.optimizer.check(measure.len() * d)?;
        let warm = self.state.potentials.as_ref();
        let slope = self.loss.slope(&engine, (measure, target), warm)?;
        let velocity = |(index, slope): (usize, &f64)| match weights[index / d] {
            0.0 => 0.0,
            weight => -slope / weight,
        };
        let slopes = slope.gradient.points.iter().enumerate();
        let velocities: Vec<f64> = slopes.map(velocity).collect();
        let mut optimizer = self.state.optimizer.clone();
        let steps = self
            .optimizer
            .increments(self.tau, &velocities, &mut optimizer);
        let points = measure.points().iter().zip(steps);
        let points = points.map(|(x, step)| x + step).collect();
        self.state = ParticleState {
            measure: moved(engine, points, d, weights)?,
            optimizer,
            potentials: slope.potentials,
        };
        Ok(slope.value)
    }
}

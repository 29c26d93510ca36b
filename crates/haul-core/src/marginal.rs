//! One side of a solve: a measure on the device with its potential, and what the host keeps of it.

use crate::engine::{Kernel, Ratio, Side, Update};
use crate::{Engine, Frame, Measure, Result};

/// A measure on a device and its potential there.
pub(crate) struct Marginal<E: Engine> {
    pub(crate) cloud: E::Cloud,
    pub(crate) potential: E::Vector,
    /// The next potential, while the present one is still needed.
    pub(crate) updated: E::Vector,
    /// Room for a potential between the two.
    relaxed: E::Vector,
    /// The points in the frame, n×d.
    pub(crate) points: Vec<f64>,
    pub(crate) dimension: usize,
    /// The weights, of sum 1.
    pub(crate) weights: Vec<f64>,
}

impl<E: Engine> Marginal<E> {
    /// Puts a measure on the device, its mass scaled to 1.
    pub(crate) fn new(engine: &E, frame: &Frame, measure: &Measure) -> Result<Self> {
        let points = frame.place(measure);
        let weights: Vec<f64> = measure
            .weights()
            .iter()
            .map(|w| w / measure.mass())
            .collect();
        let zeros = vec![0.0; weights.len()];
        Ok(Self {
            cloud: engine.cloud(&points, measure.dimension(), &weights)?,
            potential: engine.vector(&zeros)?,
            updated: engine.vector(&zeros)?,
            relaxed: engine.vector(&zeros)?,
            points,
            dimension: measure.dimension(),
            weights,
        })
    }

    pub(crate) fn side(&self) -> Side<'_, E> {
        Side {
            cloud: &self.cloud,
            potential: &self.potential,
        }
    }

    /// Computes the softmin of the other side's potential, without accepting it yet. The present
    /// potential is a guess of it where `guessed`.
    pub(crate) fn update(
        &mut self,
        engine: &E,
        kernel: Kernel,
        other: &Self,
        guessed: bool,
    ) -> Result<()> {
        let guess = guessed.then_some(&self.potential);
        engine.softmin(kernel, &self.cloud, other.side(), guess, &mut self.updated)
    }

    /// The same for a measure against itself.
    pub(crate) fn update_by_itself(
        &mut self,
        engine: &E,
        kernel: Kernel,
        guessed: bool,
    ) -> Result<()> {
        let Self {
            cloud,
            potential,
            updated,
            ..
        } = self;
        let guess = guessed.then_some(&*potential);
        engine.softmin(kernel, cloud, Side { cloud, potential }, guess, updated)
    }

    /// The update that is not yet accepted.
    pub(crate) fn pending(&self, epsilon: f64) -> Update<'_, E::Vector> {
        Update {
            epsilon,
            before: &self.potential,
            after: &self.updated,
        }
    }

    /// The L1 error of this side's marginal under the potential that is not yet updated.
    pub(crate) fn error(&self, engine: &E, epsilon: f64) -> Result<f64> {
        engine.marginal_error(&self.cloud, Ratio::Potentials(self.pending(epsilon)))
    }

    /// Makes the updated potential the present one.
    pub(crate) fn accept(&mut self) {
        std::mem::swap(&mut self.potential, &mut self.updated);
    }

    /// Goes from the present potential towards the updated one by a factor: f + ω (T − f).
    pub(crate) fn accept_relaxed(&mut self, engine: &E, omega: f64) -> Result<()> {
        if omega == 1.0 {
            self.accept();
            return Ok(());
        }
        let terms = [(1.0 - omega, &self.potential), (omega, &self.updated)];
        engine.combine(&terms, &mut self.relaxed)?;
        std::mem::swap(&mut self.potential, &mut self.relaxed);
        Ok(())
    }
}

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
    /// ρ in units of the frame; infinite where the plan's marginal is the measure.
    pub(crate) rho: f64,
    /// The softmin of the last update, before λ = ρ/(ρ + ε) damped it; there where ρ is finite.
    undamped: Option<E::Vector>,
    /// The points in the frame, n×d.
    pub(crate) points: Vec<f64>,
    pub(crate) dimension: usize,
    /// The weights, of sum 1.
    pub(crate) weights: Vec<f64>,
}

impl<E: Engine> Marginal<E> {
    /// Puts a measure on the device, its mass scaled to 1. `rho` is in units of the frame.
    pub(crate) fn new(engine: &E, frame: &Frame, measure: &Measure, rho: f64) -> Result<Self> {
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
            rho,
            undamped: if rho.is_finite() {
                Some(engine.vector(&zeros)?)
            } else {
                None
            },
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

    /// Computes λ T(h) of the other side's potential h, without accepting it yet. What is known of
    /// the last softmin is a guess of this one where `guessed`.
    pub(crate) fn update(
        &mut self,
        engine: &E,
        kernel: Kernel,
        other: &Self,
        guessed: bool,
    ) -> Result<()> {
        let guess = guessed.then_some(self.undamped.as_ref().unwrap_or(&self.potential));
        engine.softmin(kernel, &self.cloud, other.side(), guess, &mut self.updated)?;
        self.damp(engine, kernel.epsilon)
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
            undamped,
            ..
        } = self;
        let guess = guessed.then_some(undamped.as_ref().unwrap_or(&*potential));
        engine.softmin(kernel, cloud, Side { cloud, potential }, guess, updated)?;
        self.damp(engine, kernel.epsilon)
    }

    /// Multiplies the softmin that was just computed with λ = ρ/(ρ + ε).
    fn damp(&mut self, engine: &E, epsilon: f64) -> Result<()> {
        let Some(undamped) = &mut self.undamped else {
            return Ok(());
        };
        std::mem::swap(&mut self.updated, undamped);
        let taken = epsilon / (self.rho + epsilon);
        // Near 1, λ itself would lose digits to rounding that 1 − λ keeps.
        let terms: &[(f64, &E::Vector)] = if taken < 0.5 {
            &[(1.0, undamped), (-taken, undamped)]
        } else {
            &[(self.rho / (self.rho + epsilon), undamped)]
        };
        engine.combine(terms, &mut self.updated)
    }

    /// The update that is not yet accepted.
    pub(crate) fn pending(&self, epsilon: f64) -> Update<'_, E::Vector> {
        Update {
            epsilon,
            rho: self.rho,
            before: &self.potential,
            after: &self.updated,
        }
    }

    /// Σ |rᵢ − aᵢ e^{−fᵢ/ρ}| of this side's marginal r under the potential f that is not yet updated.
    pub(crate) fn error(&self, engine: &E, epsilon: f64) -> Result<f64> {
        engine.marginal_error(&self.cloud, Ratio::Potentials(self.pending(epsilon)))
    }

    /// The largest |f| on a point of positive weight.
    pub(crate) fn height(&self, potential: &[f64]) -> f64 {
        let pairs = self.weights.iter().zip(potential);
        let weighty = pairs.filter(|(a, _)| **a > 0.0);
        weighty.fold(0.0, |height, (_, f)| height.max(f.abs()))
    }

    /// log ⟨â, e^{−f/ρ}⟩ for this side's weights and a potential f: 0 where ρ is infinite.
    pub(crate) fn log_wanted_mass(&self, potential: &[f64]) -> f64 {
        let excess = |(a, f): (&f64, &f64)| {
            if *a > 0.0 {
                a * (-f / self.rho).exp_m1()
            } else {
                0.0
            }
        };
        let excess: f64 = self.weights.iter().zip(potential).map(excess).sum();
        excess.ln_1p()
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

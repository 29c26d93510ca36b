//! Implicit steps of a flow of particles: the minimising movements of [Jordan–Kinderlehrer–Otto'98] among measures with these
//! weights.
//!
//! ```text
//! x' = argmin over y  L(y) + Σᵢ aᵢ |yᵢ − xᵢ|²/(2τ)
//! ```
//!
//! The second term is W₂²/(2τ) where no two particles could change places for less. Explicit steps may overshoot where τ is large;
//! these never raise the loss, at any τ. The minimum is that of y ← y + s r, with the residual rᵢ = −∂L/∂yᵢ/aᵢ − (yᵢ − xᵢ)/τ, where s is
//! halved whenever the objective rises.

use super::{ParticleFlow, moved, root_mean_square};
use crate::linalg::sum;
use crate::{Engine, Measure, Potentials, Result};

/// Numbers of an implicit step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImplicitStep {
    /// The loss at its end.
    pub loss: f64,
    /// Σᵢ aᵢ |x'ᵢ − xᵢ|², an upper bound of W₂² between both.
    pub square: f64,
    /// The root mean square of the residual over that of the velocity: 0 at the exact minimum.
    pub residual: f64,
    /// Whether the residual met its tolerance.
    pub converged: bool,
    /// Evaluations of the loss.
    pub evaluations: usize,
}

/// The largest number of evaluations of the loss, and of halvings of s.
const MOST_EVALUATIONS: usize = 200;
const MOST_HALVINGS: usize = 30;

/// The objective may rise by so much of the loss, which the error of a solve may be.
const RISE: f64 = 1e-6;

/// A place of the particles on the way to the minimum.
struct Place {
    measure: Measure,
    loss: f64,
    /// L + Σ a |y − x|²/(2τ).
    objective: f64,
    square: f64,
    residuals: Vec<f64>,
    /// The root mean square of the residuals over that of the velocities.
    residual: f64,
    potentials: Option<Potentials>,
}

impl ParticleFlow {
    /// Takes an implicit step of the time τ; the optimizer has no part in it. It ends when the residual is at most `tolerance` times the
    /// velocity, as root mean squares, or after 200 evaluations.
    ///
    /// # Errors
    ///
    /// Those of [`step`](Self::step), and [`Error::BadParameter`](crate::Error::BadParameter) for a tolerance that is not positive.
    pub fn implicit_step<E: Engine>(
        &mut self,
        engine: &E,
        target: &Measure,
        tolerance: f64,
    ) -> Result<ImplicitStep> {
        self.optimizer.check(self.tau)?;
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(crate::Error::BadParameter {
                name: "tolerance",
                value: tolerance,
                range: "a finite number above 0",
            });
        }
        let start = self.state.measure.clone();
        let (d, weights) = (start.dimension(), start.weights());
        let warm = self.state.potentials.as_ref();
        let mut place = self.place(engine, (&start, target), start.clone(), warm)?;
        // The objective of S_ε and p = 2 is no steeper than this.
        let mut share = 1.0 / (2.0 + 1.0 / self.tau);
        let (mut evaluations, mut halvings) = (1, 0);
        while place.residual > tolerance
            && evaluations < MOST_EVALUATIONS
            && halvings < MOST_HALVINGS
        {
            let points = place.measure.points().iter().zip(&place.residuals);
            let points = points.map(|(y, r)| y + share * r).collect();
            let next = moved(engine, points, d, weights)?;
            let warm = place.potentials.as_ref();
            let next = self.place(engine, (&start, target), next, warm)?;
            evaluations += 1;
            if next.objective > place.objective + RISE * place.loss.abs() {
                share *= 0.5;
                halvings += 1;
            } else {
                place = next;
            }
        }
        let step = ImplicitStep {
            loss: place.loss,
            square: place.square,
            residual: place.residual,
            converged: place.residual <= tolerance,
            evaluations,
        };
        self.state.measure = place.measure;
        self.state.potentials = place.potentials;
        self.state.optimizer.steps += 1;
        Ok(step)
    }

    fn place<E: Engine>(
        &self,
        engine: &E,
        (start, target): (&Measure, &Measure),
        measure: Measure,
        warm: Option<&Potentials>,
    ) -> Result<Place> {
        let slope = self.loss.slope(&engine, (&measure, target), warm)?;
        let (d, weights) = (measure.dimension(), measure.weights());
        let way = measure.points().iter().zip(start.points());
        let way: Vec<f64> = way.map(|(y, x)| y - x).collect();
        let velocity = |(index, slope): (usize, &f64)| match weights[index / d] {
            0.0 => 0.0,
            weight => -slope / weight,
        };
        let slopes = slope.gradient.points.iter().enumerate();
        let velocities: Vec<f64> = slopes.map(velocity).collect();
        let pairs = velocities.iter().zip(&way);
        let residuals: Vec<f64> = pairs.map(|(v, way)| v - way / self.tau).collect();
        let squares = way.chunks_exact(d).zip(weights);
        let squares = squares.map(|(way, a)| a * way.iter().map(|w| w * w).sum::<f64>());
        let square = sum(squares);
        let speed = root_mean_square(weights, &velocities, d).max(f64::MIN_POSITIVE);
        Ok(Place {
            loss: slope.value,
            objective: slope.value + square / (2.0 * self.tau),
            square,
            residual: root_mean_square(weights, &residuals, d) / speed,
            residuals,
            potentials: slope.potentials,
            measure,
        })
    }
}

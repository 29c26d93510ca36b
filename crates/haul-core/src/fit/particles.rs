//! Flows of particles: the points of a measure follow the steepest descent of a loss to a target.
//!
//! In the geometry of transport a loss L falls fastest along the velocities vᵢ = −∂L/∂xᵢ / aᵢ. A step of length τ is
//!
//! ```text
//! plain      x ← x + τ v                                                 explicit Euler
//! momentum   u ← β u + v,  x ← x + τ u                                   [Polyak'64]
//! Adam       u ← β₁ u + (1 − β₁) v,  w ← β₂ w + (1 − β₂) v²,
//!            x ← x + τ (u/(1 − β₁ᵏ)) / (√(w/(1 − β₂ᵏ)) + 10⁻⁸ max √w)    [Kingma–Ba'15]
//! ```
//!
//! For S_ε and p = 2 the velocity is 2 (Σ P y/a − Σ Q x/a), with the plans to the target and to itself: τ = ½ brings each point to its
//! debiased image.

use super::moved;
use crate::{Divergence, Energy, Engine, Error, Measure, Mmd, Potentials, Result};

/// The loss that a flow descends.
#[derive(Debug, Clone, PartialEq)]
pub enum ParticleLoss {
    /// The Sinkhorn divergence; potentials of a step start the next one.
    Divergence(Divergence),
    /// The energy distance.
    Energy(Energy),
    /// The squared maximum mean discrepancy.
    Mmd(Mmd),
}

/// How a flow takes its steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ParticleStep {
    /// Explicit Euler steps.
    #[default]
    Plain,
    /// Steps with momentum, of a share β of the one before.
    Momentum(f64),
    /// Adam, with β₁ = 0.9 and β₂ = 0.999: steps of about τ in each coordinate.
    Adam,
}

/// A flow of the points of a measure onto a target; weights stay.
///
/// ```
/// # use haul_core::{Divergence, Engine, Measure, ParticleFlow, ParticleLoss, Result};
/// fn flow(engine: &impl Engine, start: Measure, target: &Measure) -> Result<Measure> {
///     let loss = ParticleLoss::Divergence(Divergence::blur(0.05));
///     let mut flow = ParticleFlow::new(loss, start).tau(0.1);
///     for _ in 0..40 {
///         flow.step(engine, target)?;
///     }
///     Ok(flow.measure().clone())
/// }
/// ```
///
/// The state is that of the flow: a clone of it continues in the same way.
#[derive(Debug, Clone)]
pub struct ParticleFlow {
    loss: ParticleLoss,
    measure: Measure,
    tau: f64,
    step: ParticleStep,
    /// u and w, n×d.
    means: Vec<f64>,
    squares: Vec<f64>,
    steps: usize,
    /// Of the source and the target, after the last step.
    potentials: Option<Potentials>,
}

/// β₁, β₂ and the share of the largest root in the denominator of Adam.
const ADAM: [f64; 3] = [0.9, 0.999, 1e-8];

impl ParticleFlow {
    /// A flow that starts at a measure, with τ = ½ and plain steps.
    pub fn new(loss: ParticleLoss, start: Measure) -> Self {
        let length = start.len() * start.dimension();
        Self {
            loss,
            measure: start,
            tau: 0.5,
            step: ParticleStep::Plain,
            means: vec![0.0; length],
            squares: vec![0.0; length],
            steps: 0,
            potentials: None,
        }
    }

    /// τ: a time, in which a velocity is a derivative of the loss in a point over its weight; of Adam a length. Default ½.
    pub fn tau(mut self, tau: f64) -> Self {
        self.tau = tau;
        self
    }

    /// How steps are taken. Default [`ParticleStep::Plain`].
    pub fn stepping(mut self, step: ParticleStep) -> Self {
        self.step = step;
        self
    }

    /// The particles as they are.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }

    /// Steps so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Takes a step, and returns the loss before it.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a τ that is not positive and a β outside of [0, 1); [`Error::Unsupported`] for points of a grid;
    /// those of the loss; and [`Error::NotFiniteResult`].
    pub fn step<E: Engine>(&mut self, engine: &E, target: &Measure) -> Result<f64> {
        self.check()?;
        let (value, gradient) = self.slope(engine, target)?;
        let d = self.measure.dimension();
        let weights = self.measure.weights().to_vec();
        let velocity = |(index, slope): (usize, &f64)| match weights[index / d] {
            0.0 => 0.0,
            weight => -slope / weight,
        };
        let velocities: Vec<f64> = gradient.iter().enumerate().map(velocity).collect();
        let steps = self.increments(&velocities);
        let points = self.measure.points().iter().zip(steps);
        let points = points.map(|(x, step)| x + step).collect();
        self.measure = moved(engine, points, d, &weights)?;
        self.steps += 1;
        Ok(value)
    }

    fn check(&self) -> Result<()> {
        let bad = |name, value, range| Err(Error::BadParameter { name, value, range });
        if !(self.tau > 0.0 && self.tau.is_finite()) {
            return bad("tau", self.tau, "a finite number above 0");
        }
        match self.step {
            ParticleStep::Momentum(beta) if !(0.0..1.0).contains(&beta) => {
                bad("momentum", beta, "at least 0 and below 1")
            }
            _ => Ok(()),
        }
    }

    /// The loss and its derivatives in the points.
    fn slope<E: Engine>(&mut self, engine: &E, target: &Measure) -> Result<(f64, Vec<f64>)> {
        let measure = &self.measure;
        match &self.loss {
            ParticleLoss::Divergence(divergence) => {
                let mut divergence = divergence.clone();
                let fits = |it: &Potentials| it.g.len() == target.len();
                if let Some(potentials) = self.potentials.take().filter(fits) {
                    divergence = divergence.warm_start(potentials);
                }
                let terms = divergence.evaluate(engine, measure, target)?;
                self.potentials = Some(terms.potentials()?);
                Ok((terms.value(), terms.gradient()?.points))
            }
            ParticleLoss::Energy(energy) => Ok((
                energy.evaluate(engine, measure, target)?.value,
                energy.gradient_points(engine, measure, target)?,
            )),
            ParticleLoss::Mmd(mmd) => Ok((
                mmd.evaluate(engine, measure, target)?.value,
                mmd.gradient_points(engine, measure, target)?,
            )),
        }
    }

    /// The steps of all coordinates.
    fn increments(&mut self, velocities: &[f64]) -> Vec<f64> {
        let tau = self.tau;
        let [first, second, share] = ADAM;
        match self.step {
            ParticleStep::Plain => velocities.iter().map(|v| tau * v).collect(),
            ParticleStep::Momentum(beta) => {
                let pairs = self.means.iter_mut().zip(velocities);
                pairs.for_each(|(mean, v)| *mean = beta * *mean + v);
                self.means.iter().map(|mean| tau * mean).collect()
            }
            ParticleStep::Adam => {
                let moments = self.means.iter_mut().zip(&mut self.squares);
                for ((mean, square), v) in moments.zip(velocities) {
                    *mean = first * *mean + (1.0 - first) * v;
                    *square = second * *square + (1.0 - second) * v * v;
                }
                let power = i32::try_from(self.steps + 1).unwrap_or(i32::MAX);
                let [mean_share, square_share] = [first, second].map(|beta| 1.0 - beta.powi(power));
                let root = |square: &f64| (square / square_share).sqrt();
                let largest = self.squares.iter().map(root).fold(0.0, f64::max);
                // Without any velocity nothing moves.
                let least = (share * largest).max(f64::MIN_POSITIVE);
                let moments = self.means.iter().zip(&self.squares);
                moments
                    .map(|(mean, square)| tau * (mean / mean_share) / (root(square) + least))
                    .collect()
            }
        }
    }
}

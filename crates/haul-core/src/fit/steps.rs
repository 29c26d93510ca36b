//! The steps of a fit: what each one draws, the loss and its slope in the parameters, and the way of the model.

use super::models::{Model, of_length, sample};
use super::{Draws, Fit, FitLoss, FitState, root_mean_square};
use crate::linalg::moments;
use crate::measure::Numbers;
use crate::{Engine, Error, Measure, Potentials, Result};
use std::f64::consts::PI;

/// Streams of estimates begin here, apart from those of steps.
const ESTIMATES: u64 = 1 << 62;

/// The noise and the data of a step.
struct Batches {
    noise: Vec<Measure>,
    data: Vec<Measure>,
}

/// The loss of a step and its derivatives in the parameters.
struct Step {
    value: f64,
    slopes: Vec<f64>,
    potentials: Option<Potentials>,
}

/// A checked problem.
pub(super) struct Posed<'a, E, M> {
    fit: &'a Fit,
    engine: &'a E,
    model: &'a M,
    data: Measure,
    /// ε at the end of the annealing.
    epsilon: Option<f64>,
    /// The root mean square distance of the data from their mean.
    spread: f64,
    /// With fixed draws, the noise.
    fixed: Option<Measure>,
    /// With fixed draws, ε and the part of the loss that is the same in all steps with this ε.
    constant: Option<(Option<f64>, f64)>,
}

impl<'a, E: Engine + Clone, M: Model> Posed<'a, E, M> {
    /// The problem of a fit, if its settings are in range.
    pub(super) fn new(fit: &'a Fit, engine: &'a E, model: &'a M, data: &Measure) -> Result<Self> {
        fit.check()?;
        let data = data.clone().normalized();
        let epsilon = match fit.loss.settings() {
            Some(settings) => Some(settings.problem(&data, &data)?.epsilon()),
            None => None,
        };
        let fixed = match fit.draws {
            Draws::Fixed => {
                let mut numbers = Numbers::stream(fit.seed, 0);
                Some(model.noise().fixed(fit.batch, &mut numbers)?)
            }
            _ => None,
        };
        let d = data.dimension();
        let (mean, _) = moments(data.points(), d, data.weights(), 1.0);
        let rows = data.points().iter().zip(mean.iter().cycle());
        let away: Vec<f64> = rows.map(|(x, mean)| x - mean).collect();
        Ok(Self {
            fit,
            engine,
            model,
            spread: root_mean_square(data.weights(), &away, d),
            data,
            epsilon,
            fixed,
            constant: None,
        })
    }

    /// ε of a step.
    pub(super) fn epsilon_at(&self, step: usize) -> Option<f64> {
        let (factor, steps) = self.fit.annealing;
        let left = 1.0 - step as f64 / steps.max(1) as f64;
        let factor = if step < steps { factor.powf(left) } else { 1.0 };
        self.epsilon.map(|epsilon| factor * epsilon)
    }

    /// The loss with the ε of a step.
    fn loss_at(&self, step: usize) -> FitLoss {
        match self.epsilon_at(step) {
            Some(epsilon) => self.fit.loss.with_epsilon(epsilon),
            None => self.fit.loss.clone(),
        }
    }

    /// Fresh draws of the noise and of the data, those of an index.
    fn drawn(&self, index: u64) -> Result<Batches> {
        let (seed, n) = (self.fit.seed, self.fit.batch);
        let halves = if self.fit.draws == Draws::Halves {
            2
        } else {
            1
        };
        let stream = |half: u64| Numbers::stream(seed, index.wrapping_mul(4).wrapping_add(half));
        let law = self.model.noise();
        let noise = (0..halves).map(|half| law.drawn(n, &mut stream(half)));
        let data = (0..halves).map(|half| sample(&self.data, n, &mut stream(2 + half)));
        Ok(Batches {
            noise: noise.collect::<Result<_>>()?,
            data: data.collect::<Result<_>>()?,
        })
    }

    /// The loss at given parameters with the draws of an index, which no step has, at the last ε.
    pub(super) fn drawn_loss(&self, parameters: &[f64], index: u64) -> Result<f64> {
        let Batches { noise, data } = self.drawn(ESTIMATES + index)?;
        let push = |noise: &Measure| self.model.push(parameters, noise);
        let points = noise.iter().map(push).collect::<Result<Vec<_>>>()?;
        let loss = self.loss_at(usize::MAX);
        match (&points[..], &data[..]) {
            ([x, x2], [y, y2]) => {
                let (value, _) = loss.of_halves(self.engine, [x, x2], [y, y2], false)?;
                Ok(value)
            }
            _ => {
                let mut value = 0.0;
                for both in points.iter().zip(&data) {
                    value += loss.slope(self.engine, both, None)?.value;
                }
                Ok(value)
            }
        }
    }

    /// Takes a step, and returns how far it moved the model where draws are fixed.
    pub(super) fn advance(&mut self, state: &mut FitState) -> Result<Option<f64>> {
        let (step, fit) = (state.steps(), self.fit);
        let found = match self.fixed.clone() {
            Some(noise) => self.fixed_step(&noise, state)?,
            None => self.fresh_step(step, &state.parameters)?,
        };
        let share = match fit.draws {
            Draws::Fixed => 1.0,
            _ => 0.5 + 0.5 * (PI * step as f64 / fit.max_steps as f64).cos(),
        };
        let mut next = state.clone();
        let FitState {
            parameters,
            optimizer,
            ..
        } = &mut next;
        let tau = share * fit.tau;
        fit.optimizer
            .step(tau, parameters, &found.slopes, optimizer)?;
        let numbers = next.parameters.iter().chain([&found.value]);
        if numbers.into_iter().any(|number| !number.is_finite()) {
            return Err(Error::NotFiniteResult {
                what: "a parameter of the fit",
                device: self.engine.device().to_owned(),
            });
        }
        next.losses.push(found.value);
        next.potentials = found.potentials;
        let movement = match &self.fixed {
            Some(noise) => Some(self.movement(noise, [&state.parameters, &next.parameters])?),
            None => None,
        };
        *state = next;
        Ok(movement)
    }

    fn fresh_step(&self, step: usize, parameters: &[f64]) -> Result<Step> {
        let Batches { noise, data } = self.drawn(step as u64)?;
        let push = |noise: &Measure| self.model.push(parameters, noise);
        let points = noise.iter().map(push).collect::<Result<Vec<_>>>()?;
        let loss = self.loss_at(step);
        let (value, gradients) = match (&points[..], &data[..]) {
            ([x, x2], [y, y2]) => {
                let (value, gradients) = loss.of_halves(self.engine, [x, x2], [y, y2], true)?;
                (value, gradients.into())
            }
            _ => {
                let (mut value, mut gradients) = (0.0, Vec::new());
                for both in points.iter().zip(&data) {
                    let slope = loss.slope(self.engine, both, None)?;
                    value += slope.value;
                    gradients.push(slope.gradient);
                }
                (value, gradients)
            }
        };
        let mut slopes = vec![0.0; parameters.len()];
        for (noise, gradient) in noise.iter().zip(&gradients) {
            let pulled = self.model.pull(parameters, noise, gradient)?;
            let found = pulled.len();
            of_length("the derivatives in the parameters", found, slopes.len())?;
            slopes.iter_mut().zip(pulled).for_each(|(sum, g)| *sum += g);
        }
        Ok(Step {
            value,
            slopes,
            potentials: None,
        })
    }

    fn fixed_step(&mut self, noise: &Measure, state: &FitState) -> Result<Step> {
        let (parameters, step) = (&state.parameters, state.steps());
        let points = self.model.push(parameters, noise)?;
        let loss = self.loss_at(step);
        let both = (&points, &self.data);
        let epsilon = self.epsilon_at(step);
        let constant = match self.constant {
            Some((of, constant)) if of == epsilon => constant,
            _ => loss.constant(self.engine, both)?,
        };
        self.constant = Some((epsilon, constant));
        let warm = state.potentials.as_ref();
        let slope = loss.slope_up_to_a_constant(self.engine, both, warm)?;
        Ok(Step {
            value: slope.value + constant,
            slopes: self.model.pull(parameters, noise, &slope.gradient)?,
            potentials: slope.potentials,
        })
    }

    /// The root mean square of the way of the points relative to the spread of the data, or the change of the weights in L1 if that
    /// is more.
    fn movement(&self, noise: &Measure, parameters: [&[f64]; 2]) -> Result<f64> {
        let [before, after] = parameters.map(|theta| self.model.push(theta, noise));
        let (before, after) = (before?, after?);
        let rows = before.points().iter().zip(after.points());
        let way: Vec<f64> = rows.map(|(x, y)| y - x).collect();
        let way = root_mean_square(after.weights(), &way, after.dimension());
        let weights = before.weights().iter().zip(after.weights());
        let change: f64 = weights.map(|(a, b)| (a - b).abs()).sum();
        // Data at one place have no spread, and then no way is short.
        let relative = match way > 0.0 {
            true => way / self.spread,
            false => 0.0,
        };
        Ok(relative.max(change))
    }
}

//! The soft form of k-means: points x and weights a with the least OT_ε(Σᵢ aᵢ δ(xᵢ), β), where both are free.
//!
//! The best plan for free weights has the potential f = 0, and the points and weights are those of expectation and maximisation
//! for a mixture of Gaussians of variance ε/2 [Dempster–Laird–Rubin'77] [Rigollet–Weed'18]:
//!
//! ```text
//! gⱼ  = −ε log Σᵢ aᵢ e^{−|xᵢ − yⱼ|²/ε},    Pᵢⱼ = aᵢ bⱼ e^{(gⱼ − |xᵢ − yⱼ|²)/ε}
//! aᵢ' = Σⱼ Pᵢⱼ,    xᵢ' = Σⱼ Pᵢⱼ yⱼ / aᵢ'
//! ```
//!
//! The objective ⟨b, g⟩ falls at each step.

use super::free::{FitProgress, Observer};
use super::lloyd::nearest;
use super::quantization::{Found, Quantization};
use crate::engine::{Factor, Kernel, Side};
use crate::linalg::{mean, sum};
use crate::pass::{Pass, Points};
use crate::{Cost, Engine, Error, Frame, Measure, Regularization, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// The measure on a device, with the kernel.
struct Data<'d, E: Engine> {
    engine: &'d E,
    measure: Measure,
    /// In units of the cost.
    epsilon: f64,
    frame: Frame,
    kernel: Kernel,
    points: Points<E>,
    weights: E::Weights,
    /// A column of ones beside the coordinates, n×(d + 1).
    values: Vec<f64>,
}

/// Centres with the next ones.
struct Step {
    /// ⟨b, g⟩, in units of the cost.
    objective: f64,
    centres: Vec<f64>,
    weights: Vec<f64>,
}

pub(super) async fn run<E: Engine>(
    settings: &Quantization,
    engine: &E,
    (measure, start): (&Measure, &Measure),
    begin: Instant,
    observer: &mut Observer<'_>,
) -> Result<Found> {
    let data = Data::new(settings, engine, measure, start)?;
    let d = measure.dimension();
    let goal = settings.movement * data.epsilon.sqrt();
    let start = start.clone().normalized();
    let (mut centres, mut weights) = (start.points().to_vec(), start.weights().to_vec());
    let mut iterations = 0;
    let (objective, movement, converged) = loop {
        let next = data.step(&centres, &weights).await?;
        let steps: Vec<f64> = next
            .centres
            .iter()
            .zip(&centres)
            .map(|(x, c)| x - c)
            .collect();
        let movement = super::root_mean_square(&next.weights, &steps, d);
        let change = sum(next
            .weights
            .iter()
            .zip(&weights)
            .map(|(v, w)| (v - w).abs()));
        let told = observer(&FitProgress {
            step: iterations,
            objective: next.objective,
            movement,
            goal,
            seconds: begin.elapsed().as_secs_f64(),
        });
        let converged = movement <= goal && change <= settings.movement;
        let ended = converged || iterations == settings.max_iterations;
        match told {
            ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            ControlFlow::Continue(()) if !ended => {}
            _ => break (next.objective, movement, converged),
        }
        (centres, weights) = (next.centres, next.weights);
        iterations += 1;
    };
    let (assignment, _) = nearest(engine, &data.frame, &data.points, &centres).await?;
    let passes = 2 * (iterations as u64 + 1) + 1;
    Ok(Found {
        pairs: passes * measure.len() as u64 * weights.len() as u64,
        centres: super::moved(engine, centres, d, &weights)?,
        assignment,
        epsilon: Some(data.epsilon),
        objective: Some(objective),
        movement,
        goal,
        converged,
        iterations,
    })
}

impl<'d, E: Engine> Data<'d, E> {
    fn new(
        settings: &Quantization,
        engine: &'d E,
        measure: &Measure,
        start: &Measure,
    ) -> Result<Self> {
        let measure = measure.clone().normalized();
        let own = Frame::joint(&measure, &measure).diameter();
        let regularization = match settings.sinkhorn.regularization {
            Regularization::RelativeBlur(share) if own > 0.0 => Regularization::Blur(share * own),
            other => other,
        };
        let sinkhorn = settings.sinkhorn.clone().regularized(regularization);
        let problem = sinkhorn.problem(&measure, &measure)?;
        let (cost, epsilon) = (Cost::SquaredEuclidean, problem.epsilon());
        let frame = Frame::joint(&measure, start);
        frame.check(cost)?;
        let frame = frame.for_kernel(cost, epsilon);
        let d = measure.dimension();
        let coordinates = frame.place(&measure);
        let rows = coordinates.chunks_exact(d);
        let values = rows.flat_map(|row| std::iter::once(1.0).chain(row.iter().copied()));
        let kernel = Kernel {
            cost,
            epsilon: epsilon / frame.cost_unit(cost),
        };
        Ok(Self {
            values: values.collect(),
            weights: engine.weights(measure.weights(), 1)?,
            points: Points::of_cloud(engine, coordinates, d)?,
            engine,
            measure,
            epsilon,
            frame,
            kernel,
        })
    }

    /// The step from centres with weights of sum 1.
    async fn step(&self, centres: &[f64], weights: &[f64]) -> Result<Step> {
        let Self { engine, kernel, .. } = *self;
        let d = self.measure.dimension();
        let rows = Points::of_cloud(engine, self.frame.place_points(centres), d)?;
        let on_device = engine.weights(weights, 1)?;
        let mut potential = engine.zeros(self.measure.len())?;
        let towards = Pass {
            engine,
            kernel,
            rows: &self.points,
            potential: None,
            columns: &rows,
            side: Side {
                weights: Some(&on_device),
                potential: None,
            },
            near: None,
        };
        towards.softmin(None, false, &mut potential)?;
        let back = Pass {
            engine,
            kernel,
            rows: &rows,
            potential: None,
            columns: &self.points,
            side: Side::new(&self.weights, &potential),
            near: None,
        };
        let sums = back.product(Factor::One, &self.values, d + 1).await?;
        let potential = engine.read(&potential).await?;
        let mut next = Step {
            objective: self.frame.cost_unit(kernel.cost) * mean(self.measure.weights(), potential),
            centres: Vec::with_capacity(centres.len()),
            weights: Vec::with_capacity(weights.len()),
        };
        let kept = centres.chunks_exact(d).zip(weights);
        for (sums, (centre, weight)) in sums.chunks_exact(d + 1).zip(kept) {
            match sums {
                [mass, sums @ ..] if *weight > 0.0 && *mass > 0.0 => {
                    let mut mean: Vec<f64> = sums.iter().map(|sum| sum / mass).collect();
                    self.frame.unplace(&mut mean);
                    next.centres.extend(mean);
                    next.weights.push(weight * mass);
                }
                _ => {
                    next.centres.extend(centre);
                    next.weights.push(0.0);
                }
            }
        }
        let mass = sum(next.weights.iter().copied());
        next.weights.iter_mut().for_each(|a| *a /= mass);
        Ok(next)
    }
}

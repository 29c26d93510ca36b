//! Lloyd's algorithm [Lloyd'82]: points go to their nearest centre, and centres to the mean of their points. Neither step raises
//! Σⱼ bⱼ |x(j) − yⱼ|². A centre without points stays where it is.
//!
//! Nearest centres are one [`nearest`](crate::Engine::nearest) pass; means are sums on the host, in f64.

use super::free::{FitProgress, Observer};
use super::quantization::{Found, Quantization};
use crate::engine::{Kernel, Side};
use crate::linalg::sum;
use crate::pass::{Pass, Points};
use crate::{Cost, Engine, Error, Frame, Measure, Result, Stop};
use std::ops::ControlFlow;
use web_time::Instant;

/// The points of a measure on a device, and the frame of all centres.
struct Data<'d, E: Engine> {
    engine: &'d E,
    measure: &'d Measure,
    frame: Frame,
    points: Points<E>,
}

pub(super) async fn run<E: Engine>(
    settings: &Quantization,
    engine: &E,
    (measure, start): (&Measure, &Measure),
    begin: Instant,
    observer: &mut Observer<'_>,
) -> Result<Found> {
    let frame = Frame::joint(measure, start).for_moments();
    frame.check(Cost::SquaredEuclidean)?;
    let d = measure.dimension();
    let data = Data {
        points: Points::of_cloud(engine, frame.place(measure), d)?,
        engine,
        measure,
        frame,
    };
    let mut centres = start.points().to_vec();
    let k = start.len();
    let mut assignment: Vec<usize> = Vec::new();
    let (mut iterations, mut movement, mut goal, mut passes) = (0, f64::INFINITY, 0.0, 0u64);
    let (converged, masses) = loop {
        let (nearest, squares) = data.nearest(&centres).await?;
        passes += 1;
        let unchanged = nearest == assignment;
        assignment = nearest;
        let (means, masses) = data.means(&assignment, &centres);
        if unchanged {
            // The centres are the means of their points, and the next step would be 0.
            movement = 0.0;
        }
        if movement <= goal {
            break (true, masses);
        }
        let told = observer(&FitProgress {
            step: iterations,
            objective: squares,
            movement,
            goal,
            seconds: begin.elapsed().as_secs_f64(),
        });
        match told {
            ControlFlow::Break(Stop::Abandon) => return Err(Error::Interrupted),
            ControlFlow::Break(Stop::Certify) => break (false, masses),
            ControlFlow::Continue(()) if iterations == settings.max_iterations => {
                break (false, masses);
            }
            ControlFlow::Continue(()) => {}
        }
        let steps: Vec<f64> = means.iter().zip(&centres).map(|(x, c)| x - c).collect();
        movement = super::root_mean_square(&masses, &steps, d);
        goal = settings.movement * squares.sqrt();
        centres = means;
        iterations += 1;
    };
    Ok(Found {
        centres: super::moved(engine, centres, d, &masses)?,
        assignment,
        epsilon: None,
        objective: None,
        movement,
        goal,
        converged,
        iterations,
        pairs: passes * measure.len() as u64 * k as u64,
    })
}

impl<E: Engine> Data<'_, E> {
    /// The nearest centre of each point, and the mean square of the distance to it.
    async fn nearest(&self, centres: &[f64]) -> Result<(Vec<usize>, f64)> {
        let (nearest, squares) = nearest(self.engine, &self.frame, &self.points, centres).await?;
        let weights = self.measure.weights().iter();
        let total = sum(squares.iter().zip(weights).map(|(square, b)| b * square));
        Ok((nearest, total / self.measure.mass()))
    }

    /// The mean of the points of each centre, and their mass over that of all.
    fn means(&self, assignment: &[usize], centres: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let d = self.measure.dimension();
        let mut sums = vec![0.0; centres.len()];
        let mut masses = vec![0.0; centres.len() / d];
        let rows = self
            .measure
            .points()
            .chunks_exact(d)
            .zip(self.measure.weights());
        for ((point, weight), i) in rows.zip(assignment) {
            masses[*i] += weight;
            // Differences from the centre keep their digits where the cloud is far from 0.
            let centre = &centres[i * d..(i + 1) * d];
            let places = sums[i * d..(i + 1) * d]
                .iter_mut()
                .zip(point.iter().zip(centre));
            places.for_each(|(sum, (x, c))| *sum += weight * (x - c));
        }
        let places = sums.chunks_exact_mut(d).zip(centres.chunks_exact(d));
        for ((mean, centre), mass) in places.zip(&mut masses) {
            let scale = if *mass > 0.0 { 1.0 / *mass } else { 0.0 };
            let axes = mean.iter_mut().zip(centre);
            axes.for_each(|(mean, c)| *mean = c + scale * *mean);
            *mass /= self.measure.mass();
        }
        (sums, masses)
    }
}

/// The nearest centre of each point of a frame, and the squared distance to it in the units of the points.
pub(super) async fn nearest<E: Engine>(
    engine: &E,
    frame: &Frame,
    points: &Points<E>,
    centres: &[f64],
) -> Result<(Vec<usize>, Vec<f64>)> {
    let cost = Cost::SquaredEuclidean;
    let columns = Points::of_cloud(engine, frame.place_points(centres), points.dimension())?;
    let side = Side {
        weights: None,
        potential: None,
    };
    let pass = Pass {
        engine,
        // ε does not enter.
        kernel: Kernel { cost, epsilon: 1.0 },
        rows: points,
        potential: None,
        columns: &columns,
        side,
        near: None,
    };
    let found = pass.nearest().await?;
    let unit = frame.cost_unit(cost);
    let columns = found.columns.into_iter();
    let nearest = columns.map(|column| column.map_or(0, |i| i as usize));
    let squares = found.values.into_iter().map(|square| unit * square);
    Ok((nearest.collect(), squares.collect()))
}

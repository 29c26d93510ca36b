//! A learned metric: features on which model and data differ most, beside the plain metric.
//!
//! The data are two thin stripes, much closer than they are long. At an ε that suits the whole they are one stripe. With features
//! h of a network the model minimises what h maximises [Genevay–Peyré–Cuturi'18],
//!
//! ```text
//! min over θ, max over ξ  S_ε(h_ξ(f_θ♯ζ), h_ξ(β))
//! ```
//!
//! Features are divided by their root mean square distance from the mean over the data; otherwise h would grow without end. So the mean
//! cost of the data is 2, and ε is a share of it. Self terms are between two independent halves.
//!
//! ```sh
//! cargo run --release -p haul --example metric [-- FOLDER [STEPS]]    # draws metric.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod network;
mod panels;

use haul::{Device, Measure, Model, Noise, Optimizer, OptimizerState, Sinkhorn};
use network::Network;
use panels::{BLUE, PALE, Panel};
use std::{env, error::Error, fs, path::PathBuf};

/// Points of a half.
const BATCH: usize = 64;
/// Steps of the features for each step of the model.
const ASCENTS: usize = 2;
/// ε, where the mean cost of the data is 2.
const EPSILON: f64 = 0.1;
/// Half of the distance of the stripes, whose length has the deviation 1.
const HALF: f64 = 0.15;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    let steps = match env::args().nth(2) {
        Some(text) => text.parse()?,
        None => 3000,
    };
    let device = Device::auto()?; // the best GPU, else the CPU
    let model = Network::new(&[2, 32, 2], Noise::Normal(2));
    let start = model.start(1)?;
    let data = stripes(&Noise::Normal(2).draw(400, 99)?);
    let noise = model.noise().draw(400, 98)?;
    let mut panels = vec![];
    let mut ends = vec![("the start", start.clone())];
    for (name, learned) in [("the plain metric", false), ("a learned metric", true)] {
        ends.push((name, train(&device, &model, &start, learned, steps)?));
    }
    let mut errors = vec![];
    for (name, theta) in &ends {
        let points = model.push(theta, &noise)?.points().to_vec();
        let error = across(&points, &data);
        println!("{name}: {error:.4} across the stripes");
        errors.push(error);
        panels.push(Panel {
            title: format!("{name}: {error:.3} across"),
            clouds: vec![(drawn(&data), PALE), (drawn(&points), BLUE)],
        });
    }
    fs::create_dir_all(&folder)?;
    let picture = folder.join("metric.svg");
    panels::draw(&picture, 3, &panels)?;
    println!("drawn in {}", picture.display());
    if steps >= 3000 {
        assert!(errors[2] < 0.7 * errors[1], "the metric did not help");
    }
    Ok(())
}

/// Two stripes along the first axis.
fn stripes(noise: &Measure) -> Vec<f64> {
    let rows = noise.points().chunks_exact(2);
    rows.flat_map(|z| [z[0], HALF * z[1].signum() + 0.02 * z[1]])
        .collect()
}

/// The distance W₁ of both samples across the stripes, by sorting.
fn across(points: &[f64], data: &[f64]) -> f64 {
    let sorted = |points: &[f64]| {
        let mut heights: Vec<f64> = points.chunks_exact(2).map(|x| x[1]).collect();
        heights.sort_by(f64::total_cmp);
        heights
    };
    let pairs = sorted(points).into_iter().zip(sorted(data));
    pairs.map(|(x, y)| (x - y).abs()).sum::<f64>() / (data.len() / 2) as f64
}

/// Points as they are drawn: across the stripes four times as large, and no farther than 1.5.
fn drawn(points: &[f64]) -> Vec<f64> {
    let rows = points.chunks_exact(2);
    rows.flat_map(|x| [x[0].clamp(-2.5, 2.5), (4.0 * x[1]).clamp(-1.5, 1.5)])
        .collect()
}

/// The parameters of the model after so many steps, with the metric of the plane or with a learned one.
fn train(
    device: &Device,
    model: &Network,
    start: &[f64],
    learned: bool,
    steps: usize,
) -> haul::Result<Vec<f64>> {
    let features = Network::new(&[2, 32, 4], Noise::Normal(2));
    let mut theta = start.to_vec();
    let mut xi = features.start(5)?;
    let mut of_theta = OptimizerState::start(theta.len());
    let mut of_xi = OptimizerState::start(xi.len());
    for step in 0..steps {
        for turn in 0..=ASCENTS {
            // Two halves of noise and two of data.
            let seed = (step * (ASCENTS + 1) + turn) as u64;
            let noise = Noise::Normal(2).draw(2 * BATCH, 2 * seed)?;
            let data = stripes(&Noise::Normal(2).draw(2 * BATCH, 2 * seed + 1)?);
            let points = model.push(&theta, &noise)?;
            let both = [points.points(), &data].concat();
            let last = turn == ASCENTS;
            if !learned && !last {
                continue;
            }
            let layers = match learned {
                true => features.forward(&xi, &both),
                false => vec![both],
            };
            let outputs = layers.last().map_or(&[][..], Vec::as_slice);
            let slopes = slopes(device, outputs)?;
            let (ascent, slopes) = match learned {
                true => features.backward(&xi, &layers, &slopes),
                false => (vec![], slopes),
            };
            if last {
                let gradient = haul::Gradient {
                    points: slopes[..points.points().len()].to_vec(),
                    weights: vec![0.0; points.len()],
                };
                let slope = model.pull(&theta, &noise, &gradient)?;
                let tau = 0.01 * (1.0 - step as f64 / steps as f64).max(0.01);
                Optimizer::Adam.step(tau, &mut theta, &slope, &mut of_theta)?;
            } else {
                let up: Vec<f64> = ascent.iter().map(|slope| -slope).collect();
                Optimizer::Adam.step(0.002, &mut xi, &up, &mut of_xi)?;
            }
        }
    }
    Ok(theta)
}

/// The slope of S_ε of two halves of the model and two of the data, in rows of features that follow one another, with its
/// derivative through the scale of the features.
fn slopes(device: &Device, features: &[f64]) -> haul::Result<Vec<f64>> {
    let half = features.len() / 4;
    let d = half / BATCH;
    let data = &features[2 * half..];
    let count = (2 * BATCH) as f64;
    let mut mean = vec![0.0; d];
    for row in data.chunks_exact(d) {
        let axes = mean.iter_mut().zip(row);
        axes.for_each(|(mean, h)| *mean += h / count);
    }
    let away: Vec<f64> = data
        .iter()
        .zip(mean.iter().cycle())
        .map(|(h, mean)| h - mean)
        .collect();
    let scale = (away.iter().map(|h| h * h).sum::<f64>() / count).sqrt();
    let scaled: Vec<f64> = features.iter().map(|h| h / scale).collect();
    let mut slopes = vec![0.0; features.len()];
    let solver = Sinkhorn::epsilon(EPSILON).tolerance(1e-2);
    // The halves are x, x', y, y'.
    for (share, one, other) in [(0.5, 0, 2), (0.5, 1, 3), (-0.5, 0, 1), (-0.5, 2, 3)] {
        let rows = |index: usize| index * half..(index + 1) * half;
        let [a, b] = [one, other].map(|index| Measure::uniform(&scaled[rows(index)], d));
        let solution = solver.solve(device, &a?, &b?)?;
        let of = [solution.gradient()?, solution.gradient_target()?];
        for (index, gradient) in [one, other].into_iter().zip(of) {
            let sums = slopes[rows(index)].iter_mut().zip(gradient.points);
            sums.for_each(|(sum, g)| *sum += share * g / scale);
        }
    }
    // A larger scale makes all features smaller.
    let products = slopes.iter().zip(&scaled).map(|(slope, h)| slope * h);
    let of_scale = -products.sum::<f64>();
    let of_data = slopes[2 * half..].iter_mut().zip(away);
    of_data.for_each(|(slope, h)| *slope += of_scale * h / (count * scale));
    Ok(slopes)
}

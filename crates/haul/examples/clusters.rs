//! A generative model: a network takes normal noise of the plane to eight clusters on a circle.
//!
//! The network has 64 hidden units, written down here without a library. It is trained with the Sinkhorn divergence of two
//! independent halves of noise and data [Genevay–Peyré–Cuturi'18; Salimans'18], and held against the distance between two samples of
//! the data. `generative`, a package beside this file, does so with images, and a network of the library burn.
//!
//! ```sh
//! cargo run --release -p haul --example clusters [-- FOLDER [STEPS]]    # draws clusters.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod network;
mod panels;

use haul::{Device, Divergence, Draws, Engine, Fit, FitLoss, FitState, Measure, Model, Noise};
use network::Network;
use panels::{BLUE, PALE, Panel};
use std::{env, error::Error, f64::consts::TAU, fs, ops::ControlFlow, path::Path, path::PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const EPSILON: f64 = 0.02;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().map_or("haul-examples", String::as_str));
    let steps = arguments.get(1).map(|text| text.parse::<usize>());
    let steps = steps.transpose()?.unwrap_or(1500);
    fs::create_dir_all(&folder)?;
    let device = Device::auto()?; // the best GPU, else the CPU
    let data = clusters()?;
    let network = Network::new(&[2, 64, 2], Noise::Normal(2));
    let start = network.start(1)?;
    println!("{} parameters on {}", network.parameters(), device.device());

    let mut frames = vec![(0, start.clone())];
    let observer = |state: &FitState| {
        let step = state.steps();
        if step.is_multiple_of(250) {
            let last = &state.losses[step - 50..];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            println!("step {step}: the loss of two halves is {mean:.4}");
            frames.push((step, state.parameters.clone()));
        }
        ControlFlow::Continue(())
    };
    let loss = Divergence::epsilon(EPSILON);
    let fit = Fit::new(FitLoss::Divergence(loss.clone().tolerance(1e-2)))
        .batch(200)
        .tau(0.02)
        .max_steps(steps)
        // A large ε shows the way, and costs few iterations.
        .annealing(8.0, steps / 2)
        .seed(3);
    let state = FitState::start(&start);
    let fitted = fit.resume(&device, &network, &data, state, observer)?;
    println!("trained in {:.1} s", fitted.report().seconds);
    frames.push((fitted.report().steps, fitted.parameters().to_vec()));
    frames.dedup_by_key(|(step, _)| *step);

    // Samples of 500 points: the model against the data, and the data against themselves.
    let samples = Fit::new(FitLoss::Divergence(loss));
    let samples = samples.draws(Draws::Batches).batch(500);
    let yardstick = samples.yardstick(&device, &data, 10)?;
    let of = |theta: &[f64]| samples.estimate(&device, &network, &data, theta, 10);
    let (before, after) = (of(&start)?, of(fitted.parameters())?);
    println!(
        "data against data: {:.4} ± {:.4}",
        yardstick.mean, yardstick.error
    );
    println!("model against data: {:.4} ± {:.4}", after.mean, after.error);
    println!("before the training: {:.4}", before.mean);
    assert!(
        after.mean < before.mean,
        "the training led away from the data"
    );
    draw(&folder.join("clusters.svg"), (&data, &network), &frames)
}

/// Eight clusters of deviation 0.1 on a circle of radius 1.
fn clusters() -> Result<Measure> {
    let noise = Noise::Normal(2).draw(4000, 7)?;
    let at = |(index, z): (usize, &[f64])| {
        let (sin, cos) = (TAU * (index % 8) as f64 / 8.0).sin_cos();
        [cos + 0.1 * z[0], sin + 0.1 * z[1]]
    };
    let points = noise.points().chunks_exact(2).enumerate().flat_map(at);
    Ok(Measure::uniform(&points.collect::<Vec<_>>(), 2)?)
}

fn draw(
    path: &Path,
    (data, network): (&Measure, &Network),
    frames: &[(usize, Vec<f64>)],
) -> Result<()> {
    let noise = network.noise().draw(400, 11)?;
    let data: Vec<f64> = data.points().iter().take(800).copied().collect();
    let panel = |(step, theta): &(usize, Vec<f64>)| -> Result<Panel> {
        let points = network.push(theta, &noise)?.points().to_vec();
        Ok(Panel {
            title: format!("after {step} steps"),
            clouds: vec![(data.clone(), PALE), (points, BLUE)],
        })
    };
    // The first and the last, and two in between.
    let last = frames.len() - 1;
    let mut chosen = vec![0, last / 3, 2 * last / 3, last];
    chosen.dedup();
    let shown = chosen.iter().map(|index| panel(&frames[*index]));
    panels::draw(path, 2, &shown.collect::<Result<Vec<_>>>()?)?;
    println!("drawn in {}", path.display());
    Ok(())
}

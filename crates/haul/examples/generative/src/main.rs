//! A generator of images: a network takes a square of noise to images like those of a file.
//!
//! It is trained with the Sinkhorn divergence, or with the cost after L iterations [Genevay–Peyré–Cuturi'18], of two independent halves
//! [Salimans'18], and held against images that the training does not see. The distance between samples of the data is the yardstick.
//!
//! ```sh
//! cargo run --release --manifest-path crates/haul/examples/generative/Cargo.toml -- digits.npy
//! ```
#![allow(clippy::print_stdout)] // what it found

mod arrays;
mod checkpoint;
mod images;
mod network;

use anyhow::{Result, bail, ensure};
use clap::Parser;
use haul::{Device, Divergence, Engine, Fit, FitLoss, FitState, Model, Truncated};
use images::Images;
use network::Network;
use std::{fs, ops::ControlFlow, path::PathBuf, time::Instant};

/// Train a network to make images like those of a file.
#[derive(Parser)]
struct Arguments {
    /// Images as an array, images × rows × columns: an `.npy`, or `images` of an `.npz`; without it, strokes
    images: Option<PathBuf>,
    /// The folder of the results
    #[arg(short, long, default_value = "haul-generative")]
    output: PathBuf,
    /// Hidden units of each layer
    #[arg(long, value_delimiter = ',', default_values_t = [128, 128])]
    hidden: Vec<usize>,
    /// ε over the mean cost of two images
    #[arg(long, default_value_t = 0.05)]
    epsilon: f64,
    /// Take the cost after so many iterations, in place of a divergence that is solved to a tolerance
    #[arg(long)]
    iterations: Option<usize>,
    /// Steps of the training
    #[arg(long, default_value_t = 1500)]
    steps: usize,
    /// Images of a batch; a step draws two batches of the network and two of the data
    #[arg(long, default_value_t = 200)]
    batch: usize,
    /// The length of the first step, in units of the parameters
    #[arg(long, default_value_t = 2e-3)]
    tau: f64,
    /// The seed of the first parameters and of all draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file that keeps the state every 100 steps; a training that was interrupted goes on from it
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Stop after this step, as an interruption would
    #[arg(long)]
    stop_after: Option<usize>,
}

/// ε of the distances that are told, over the mean cost: one for all trainings, so that they can be compared.
const YARDSTICK: f64 = 0.05;
/// Samples of a distance, and the images of each at most.
const SAMPLES: (usize, usize) = (10, 500);
/// Steps between two states of the file.
const BETWEEN: usize = 100;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let images = match &arguments.images {
        Some(path) => Images::read(path)?,
        None => Images::strokes()?,
    };
    let device = Device::auto()?; // the best GPU, else the CPU
    let mut widths = vec![2];
    widths.extend(&arguments.hidden);
    widths.push(images.training.dimension());
    ensure!(
        !widths.contains(&0),
        "a layer without units; give each at least one"
    );
    let settings = arguments.settings(&images, &widths);
    let network = Network::new(widths);
    println!(
        "{} images of {2} × {2}, and {1} held out; {3} parameters; {4}",
        images.training.len(),
        images.held_out.len(),
        images.side,
        network.parameters(),
        device.device(),
    );

    let fit = arguments.fit(&images);
    let start = network.start(arguments.seed)?;
    let mut state = FitState::start(&start);
    if let Some(path) = arguments.checkpoint.as_ref().filter(|path| path.exists()) {
        state = checkpoint::read(path, &settings)?;
        println!("going on after step {}", state.steps());
    }
    let begin = Instant::now();
    let mut unwritten = None;
    let observer = |state: &FitState| {
        let step = state.steps();
        let stops = arguments.stop_after == Some(step);
        if step.is_multiple_of(BETWEEN) || stops {
            let last = &state.losses[step.saturating_sub(BETWEEN)..];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            let seconds = begin.elapsed().as_secs_f64();
            println!("step {step}: the loss of two halves is {mean:.4}; {seconds:.0} s");
            if let Some(path) = &arguments.checkpoint
                && let Err(error) = checkpoint::write(path, state, &settings)
            {
                unwritten = Some(error);
                return ControlFlow::Break(());
            }
        }
        match stops {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let fitted = fit.resume(&device, &network, &images.training, state, observer)?;
    if let Some(error) = unwritten {
        bail!(error);
    }
    let report = fitted.report();
    println!(
        "{} steps; {:.1} minutes",
        report.steps,
        report.seconds / 60.0
    );
    if report.steps < arguments.steps {
        return Ok(());
    }

    fs::create_dir_all(&arguments.output)?;
    let sheet = arguments.output.join("sheet.png");
    images::sheet(
        &sheet,
        &network.push(fitted.parameters(), &images::places()?)?,
    )?;
    println!("drawn in {}", sheet.display());
    checkpoint::write(
        &arguments.output.join("network.npz"),
        fitted.state(),
        &settings,
    )?;

    let distances = distances(&device, &images, &network, &[fitted.parameters(), &start])?;
    for (what, (mean, error)) in ["data", "network", "network at the start"]
        .iter()
        .zip(distances)
    {
        println!("from {what} to data held out: {mean:.4} ± {error:.4}");
    }
    Ok(())
}

impl Arguments {
    /// How the network is trained.
    fn fit(&self, images: &Images) -> Fit {
        let epsilon = self.epsilon * images.mean_cost();
        let loss = match self.iterations {
            Some(iterations) => {
                FitLoss::Truncated(Truncated::epsilon(epsilon).iterations(iterations))
            }
            None => FitLoss::Divergence(Divergence::epsilon(epsilon).tolerance(1e-2)),
        };
        Fit::new(loss)
            .batch(self.batch)
            .tau(self.tau)
            .max_steps(self.steps)
            .seed(self.seed)
    }

    /// All that a state depends on, as numbers.
    fn settings(&self, images: &Images, widths: &[usize]) -> Vec<f64> {
        let counts = [
            self.iterations.unwrap_or(0),
            self.steps,
            self.batch,
            images.training.len(),
        ];
        let counts = counts.iter().chain(widths).map(|count| *count as f64);
        let others = [self.epsilon, self.tau, self.seed as f64, images.mean_cost()];
        others.into_iter().chain(counts).collect()
    }
}

/// Means and standard errors of S_ε to samples of the images held out: first of samples of the training images, then of the
/// network with each of these parameters. All samples have as many images.
fn distances(
    device: &Device,
    images: &Images,
    network: &Network,
    parameters: &[&[f64]],
) -> Result<Vec<(f64, f64)>> {
    let divergence = Divergence::epsilon(YARDSTICK * images.mean_cost());
    let (count, most) = SAMPLES;
    let size = most.min(images.held_out.len());
    let mut all = vec![Vec::new(); parameters.len() + 1];
    for seed in 0..count as u64 {
        let target = images::sample(&images.held_out, size, seed)?;
        let mut sources = vec![images::sample(&images.training, size, seed)?];
        let noise = network.noise().draw(size, seed)?;
        for parameters in parameters {
            sources.push(network.push(parameters, &noise)?);
        }
        for (values, source) in all.iter_mut().zip(&sources) {
            values.push(divergence.evaluate(device, source, &target)?.value());
        }
    }
    Ok(all.iter().map(|values| mean_with_error(values)).collect())
}

fn mean_with_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count * (count - 1.0))).sqrt())
}

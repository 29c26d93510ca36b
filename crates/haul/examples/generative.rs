//! A generative model: a network takes normal noise of the plane to eight clusters on a circle.
//!
//! The network has 64 hidden units. It is trained with the Sinkhorn divergence of two independent halves of noise and data
//! [Genevay–Peyré–Cuturi'18; Salimans'18], and held against the distance between two samples of the data. With a file of images,
//! images × pixels, it learns them from a square of noise in place of the clusters, and draws the images of a grid in that square.
//!
//! ```sh
//! cargo run --release -p haul --example generative [-- FOLDER [STEPS [IMAGES.npy]]]    # draws generative.svg, or sheet.png
//! ```
#![allow(clippy::print_stdout)] // what it found

mod network;
mod panels;

use haul::{Device, Divergence, Draws, Engine, Fit, FitLoss, FitState, Measure, Model, Noise};
use network::Network;
use panels::{BLUE, PALE, Panel};
use std::{env, error::Error, f64::consts::TAU, fs, ops::ControlFlow, path::Path, path::PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A task: data, a network and how it is trained.
struct Task {
    data: Measure,
    network: Network,
    epsilon: f64,
    fit: Fit,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().map_or("haul-examples", String::as_str));
    let steps = arguments.get(1).map(|text| text.parse::<usize>());
    let task = match arguments.get(2) {
        Some(images) => of_images(
            &read(Path::new(images))?,
            steps.transpose()?.unwrap_or(1500),
        ),
        None => of_clusters(steps.transpose()?.unwrap_or(1500))?,
    };
    fs::create_dir_all(&folder)?;
    let device = Device::auto()?; // the best GPU, else the CPU
    let start = task.network.start(1)?;
    println!(
        "{} parameters on {}",
        task.network.parameters(),
        device.device()
    );

    let steps = task.fit.clone();
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
    let state = FitState::start(&start);
    let fitted = steps.resume(&device, &task.network, &task.data, state, observer)?;
    println!("trained in {:.1} s", fitted.report().seconds);
    frames.push((fitted.report().steps, fitted.parameters().to_vec()));
    frames.dedup_by_key(|(step, _)| *step);

    // Samples of 500 points: the model against the data, and the data against themselves.
    let loss = FitLoss::Divergence(Divergence::epsilon(task.epsilon));
    let samples = Fit::new(loss).draws(Draws::Batches).batch(500);
    let yardstick = samples.yardstick(&device, &task.data, 10)?;
    let of = |theta: &[f64]| samples.estimate(&device, &task.network, &task.data, theta, 10);
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

    match arguments.get(2) {
        Some(_) => sheet(
            &folder.join("sheet.png"),
            &task.network,
            fitted.parameters(),
        ),
        None => draw(&folder.join("generative.svg"), &task, &frames),
    }
}

/// Eight clusters of deviation 0.1 on a circle of radius 1.
fn of_clusters(steps: usize) -> Result<Task> {
    let noise = Noise::Normal(2).draw(4000, 7)?;
    let at = |(index, z): (usize, &[f64])| {
        let (sin, cos) = (TAU * (index % 8) as f64 / 8.0).sin_cos();
        [cos + 0.1 * z[0], sin + 0.1 * z[1]]
    };
    let points = noise.points().chunks_exact(2).enumerate().flat_map(at);
    let (epsilon, batch) = (0.02, 200);
    Ok(Task {
        data: Measure::uniform(&points.collect::<Vec<_>>(), 2)?,
        network: Network::new(&[2, 64, 2], Noise::Normal(2)),
        epsilon,
        fit: fit(epsilon, steps).batch(batch).tau(0.02),
    })
}

/// Images as points, from noise in a square through 128 hidden units, with ε a twentieth of the mean cost.
fn of_images(data: &Measure, steps: usize) -> Task {
    let d = data.dimension();
    let squares: f64 = data.points().iter().map(|x| x * x).sum();
    let mut mean = vec![0.0; d];
    for row in data.points().chunks_exact(d) {
        let axes = mean.iter_mut().zip(row);
        axes.for_each(|(mean, x)| *mean += x / data.len() as f64);
    }
    let of_mean: f64 = mean.iter().map(|x| x * x).sum();
    let epsilon = 0.05 * 2.0 * (squares / data.len() as f64 - of_mean);
    Task {
        data: data.clone(),
        network: Network::new(&[2, 128, 128, d], Noise::Uniform(2)),
        epsilon,
        fit: fit(epsilon, steps).batch(200).tau(2e-3),
    }
}

fn fit(epsilon: f64, steps: usize) -> Fit {
    Fit::new(FitLoss::Divergence(
        Divergence::epsilon(epsilon).tolerance(1e-2),
    ))
    .max_steps(steps)
    // A large ε shows the way, and costs few iterations.
    .annealing(8.0, steps / 2)
    .seed(3)
}

fn draw(path: &Path, task: &Task, frames: &[(usize, Vec<f64>)]) -> Result<()> {
    let noise = task.network.noise().draw(400, 11)?;
    let data: Vec<f64> = task.data.points().iter().take(800).copied().collect();
    let panel = |(step, theta): &(usize, Vec<f64>)| -> Result<Panel> {
        let points = task.network.push(theta, &noise)?.points().to_vec();
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

/// Images of an .npy file, scaled so that the largest value is 1.
fn read(path: &Path) -> Result<Measure> {
    let file = npyz::NpyFile::new(std::io::BufReader::new(fs::File::open(path)?))?;
    let count = *file.shape().first().ok_or("an array without rows")? as usize;
    let descr = file.dtype().descr();
    let values: Vec<f64> = match descr.trim_matches('\'') {
        "|u1" => file.into_vec::<u8>()?.into_iter().map(f64::from).collect(),
        "<f4" => file.into_vec::<f32>()?.into_iter().map(f64::from).collect(),
        "<f8" => file.into_vec::<f64>()?,
        other => return Err(format!("arrays of type {other} are not read").into()),
    };
    let largest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let values: Vec<f64> = values.iter().map(|x| x / largest).collect();
    Ok(Measure::uniform(&values, values.len() / count.max(1))?)
}

/// The images of a 16×16 grid of the square, if they are square.
fn sheet(path: &Path, network: &Network, parameters: &[f64]) -> Result<()> {
    const SIDE: usize = 16;
    let place = |i: usize| (i as f64 + 0.5) / SIDE as f64;
    let places = (0..SIDE * SIDE).flat_map(|i| [place(i % SIDE), place(i / SIDE)]);
    let noise = Measure::uniform(&places.collect::<Vec<_>>(), 2)?;
    let images = network.push(parameters, &noise)?;
    let side = images.dimension().isqrt();
    let width = SIDE * side;
    let mut pixels = vec![0; width * width];
    for (image, values) in images.points().chunks_exact(images.dimension()).enumerate() {
        for (pixel, value) in values.iter().take(side * side).enumerate() {
            let row = image / SIDE * side + pixel / side;
            let column = image % SIDE * side + pixel % side;
            pixels[row * width + column] = (255.0 * value.clamp(0.0, 1.0)) as u8;
        }
    }
    let file = std::io::BufWriter::new(fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, width as u32, width as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&pixels)?;
    println!("drawn in {}", path.display());
    Ok(())
}

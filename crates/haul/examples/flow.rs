//! A gradient flow: a disc of points flows down the Sinkhorn divergence to the shape of a word.
//!
//! Each of n points has weight 1/n, so that in the geometry of transport S_ε decreases fastest along the velocities −n
//! ∂S_ε/∂xᵢ. Explicit Euler steps follow them.
//!
//! ```sh
//! cargo run --release -p haul --example flow [-- FOLDER]    # draws flow.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod panels;

use haul::{Device, Divergence, Engine, Measure};
use panels::{BLUE, PALE, Panel};
use std::{env, error::Error, f64::consts::TAU, fs, path::PathBuf};

const WORD: [&str; 6] = [
    "#              #",
    "#     ##       #",
    "###     # #  # #",
    "#  #  ### #  # #",
    "#  # #  # #  # #",
    "#  #  ###  ### #",
];
const POINTS: usize = 400;
const STEP: f64 = 0.1;
/// The steps at which the cloud is drawn; the flow ends at the last one.
const FRAMES: [usize; 6] = [0, 2, 4, 8, 16, 40];

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let target = Measure::uniform(&word(), 2)?;
    let mut points = disc();
    let mut divergence = Divergence::blur(0.03).tolerance(1e-3);
    let mut bounds = Vec::new();
    let mut frames = Vec::new();

    println!(
        "{POINTS} points flow onto {} on {}",
        target.len(),
        device.device()
    );
    for step in 0..=FRAMES[FRAMES.len() - 1] {
        let cloud = Measure::uniform(&points, 2)?;
        let terms = divergence.evaluate(&device, &cloud, &target)?;
        assert!(terms.converged(), "step {step} did not meet its tolerance");
        let (value, least, most) = (terms.value(), terms.lower_bound(), terms.upper_bound());
        bounds.push((least, most));
        if FRAMES.contains(&step) {
            let time = STEP * step as f64;
            println!("t = {time:.1}: S = {value:.5}, certainly between {least:.5} and {most:.5}");
            frames.push(Panel {
                title: format!("t = {time:.1}, S = {value:.5}"),
                clouds: vec![(target.points().to_vec(), PALE), (points.clone(), BLUE)],
            });
        }
        for (x, slope) in points.iter_mut().zip(terms.gradient()?.points) {
            *x -= STEP * POINTS as f64 * slope;
        }
        // The next cloud is near this one, and so are its potentials: a warm start needs about half the passes.
        divergence = divergence.warm_start(terms.potentials()?);
    }

    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("flow.svg");
    panels::draw(&picture, 2, &frames)?;
    println!("drawn in {}", picture.display());

    let (first, last) = (bounds[0], bounds[bounds.len() - 1]);
    assert!(
        last.1 < first.0 / 100.0,
        "the divergence did not fall to a hundredth"
    );
    Ok(())
}

/// A disc, by the spiral of the golden angle: even, without randomness.
fn disc() -> Vec<f64> {
    let golden = TAU * (1.0 - 2.0 / (1.0 + 5f64.sqrt()));
    let point = |i: usize| {
        let radius = 0.3 * ((i as f64 + 0.5) / POINTS as f64).sqrt();
        let (sin, cos) = (golden * i as f64).sin_cos();
        [radius * cos, radius * sin]
    };
    (0..POINTS).flat_map(point).collect()
}

/// The word around the origin, 3×3 points for each #.
fn word() -> Vec<f64> {
    let mut points = Vec::new();
    for (row, line) in WORD.iter().enumerate() {
        for (column, _) in line.match_indices('#') {
            for k in 0..9 {
                let x = column as f64 + f64::from(k % 3) / 3.0;
                let y = row as f64 + f64::from(k / 3) / 3.0;
                points.extend([0.1 * (x - 7.8), 0.1 * (2.8 - y)]);
            }
        }
    }
    points
}

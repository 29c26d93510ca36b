//! Losses between laws whose supports do not overlap, side by side.
//!
//! The model is a circle under an affine map, and the data lie on an ellipse elsewhere. Neither has a density in the plane. For
//! maximum likelihood the model is blurred by normal noise of a deviation σ; a kernel sees as far as its width; transport has
//! no such limit. The loss of transport without self terms ends at a model that is too narrow.
//!
//! ```sh
//! cargo run --release -p haul --example densities [-- FOLDER]    # draws densities.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod panels;

use haul::{
    AffineModel, Device, Divergence, Draws, Energy, Fit, FitLoss, Gradient, Measure, Mmd, Model,
    Noise, Optimizer, Sinkhorn,
};
use panels::{BLUE, PALE, Panel};
use std::{env, error::Error, f64::consts::TAU, fs, path::PathBuf};

const POINTS: usize = 120;
const STEPS: usize = 400;
/// The map of the data, and the start of the model: matrix and shift.
const TRUTH: [f64; 6] = [1.2, 0.4, 0.2, 0.5, 3.0, 1.0];
const START: [f64; 6] = [0.5, 0.0, 0.0, 0.5, 0.0, 0.0];

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let circle = (0..POINTS).flat_map(|i| {
        let (sin, cos) = (TAU * (i as f64 + 0.5) / POINTS as f64).sin_cos();
        [cos, sin]
    });
    let circle = Measure::uniform(&circle.collect::<Vec<_>>(), 2)?;
    let model = AffineModel::new(Noise::Measure(circle.clone()), 2);
    let data = model.push(&TRUTH, &Noise::Measure(circle.clone()).draw(200, 4)?)?;
    let losses = [
        ("energy distance", FitLoss::Energy(Energy::new())),
        ("MMD, σ = 0.03", FitLoss::Mmd(Mmd::gaussian(0.03))),
        ("MMD, σ = 2", FitLoss::Mmd(Mmd::gaussian(2.0))),
        (
            "S_ε, ε = 10",
            FitLoss::Divergence(Divergence::epsilon(10.0)),
        ),
        ("S_ε, ε = 1", FitLoss::Divergence(Divergence::epsilon(1.0))),
        (
            "S_ε, ε = 0.1",
            FitLoss::Divergence(Divergence::epsilon(0.1)),
        ),
        ("OT_ε, ε = 1", FitLoss::Transport(Sinkhorn::epsilon(1.0))),
    ];
    let mut ends = vec![("start", START.to_vec())];
    for sigma in [0.3, 0.05] {
        let end = likelihood(&model, &circle, &data, sigma)?;
        let name = if sigma > 0.1 {
            "MLE, σ = 0.3"
        } else {
            "MLE, σ = 0.05"
        };
        ends.push((name, end));
    }
    for (name, loss) in losses {
        let fit = Fit::new(loss)
            .draws(Draws::Fixed)
            .optimizer(Optimizer::Adam)
            .tau(0.05)
            .max_steps(STEPS);
        let fitted = fit.solve(&device, &model, &data, &START)?;
        ends.push((name, fitted.parameters().to_vec()));
    }

    // One measure of all: the divergence from the law of the data at a small ε.
    let truth = model.push(&TRUTH, &circle)?;
    let mut panels = Vec::new();
    let mut left = Vec::new();
    for (name, theta) in &ends {
        let found = model.push(theta, &circle)?;
        let distance = Divergence::epsilon(0.02).evaluate(&device, &found, &truth)?;
        let distance = distance.value().max(0.0).sqrt();
        println!("{name:16} {distance:.3} from the law of the data");
        left.push(distance);
        panels.push(Panel {
            title: format!("{name}: {distance:.3} away"),
            clouds: vec![
                (data.points().to_vec(), PALE),
                (found.points().to_vec(), BLUE),
            ],
        });
    }
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("densities.svg");
    panels::draw(&picture, 2, &panels)?;
    println!("drawn in {}", picture.display());

    let [start, .., narrow_kernel, _, _, _, transport, biased] = left[..] else {
        return Err("a loss is missing".into());
    };
    assert!(narrow_kernel > 0.9 * start, "a narrow kernel sees nothing");
    assert!(transport < 0.1 && transport < 0.5 * biased);
    Ok(())
}

/// Maximum likelihood of the model blurred by normal noise of deviation σ, by Adam's steps along the derivative
/// Σⱼ pᵢⱼ (xᵢ − yⱼ)/(σ² m), where pᵢⱼ is the probability that point i of the model is behind point j of the data.
fn likelihood(
    model: &AffineModel,
    noise: &Measure,
    data: &Measure,
    sigma: f64,
) -> haul::Result<Vec<f64>> {
    let mut theta = START.to_vec();
    let (mut means, mut squares) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for step in 1..=STEPS {
        let points = model.push(&theta, noise)?;
        let mut slopes = vec![0.0; points.points().len()];
        for y in data.points().chunks_exact(2) {
            let rows = || points.points().chunks_exact(2);
            let exponent = |x: &[f64]| {
                -((x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2)) / (2.0 * sigma * sigma)
            };
            let largest = rows().map(exponent).fold(f64::MIN, f64::max);
            let shares: Vec<f64> = rows().map(|x| (exponent(x) - largest).exp()).collect();
            let all: f64 = shares.iter().sum::<f64>() * sigma * sigma * data.len() as f64;
            for ((x, slope), share) in rows().zip(slopes.chunks_exact_mut(2)).zip(&shares) {
                slope[0] += share * (x[0] - y[0]) / all;
                slope[1] += share * (x[1] - y[1]) / all;
            }
        }
        let gradient = Gradient {
            points: slopes,
            weights: vec![0.0; points.len()],
        };
        let pulled = model.pull(&theta, noise, &gradient)?;
        let moments = means.iter_mut().zip(&mut squares);
        for ((t, g), (mean, square)) in theta.iter_mut().zip(pulled).zip(moments) {
            *mean = 0.9 * *mean + 0.1 * g;
            *square = 0.999 * *square + 0.001 * g * g;
            let [first, second] = [0.9f64, 0.999].map(|beta| 1.0 - beta.powi(step as i32));
            *t -= 0.05 * (*mean / first) / ((*square / second).sqrt() + 1e-12);
        }
    }
    Ok(theta)
}

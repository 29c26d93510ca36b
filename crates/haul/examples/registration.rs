//! Registration: how a scan of a fish was turned and moved, in spite of noise, of a part that is
//! missing and of points that belong to nothing.
//!
//! Two steps in turn: a plan of unbalanced transport says where each point of the scan belongs, and
//! the motion that brings it there is fitted in closed form (Procrustes). A point with nothing within
//! its reach loses its mass, and with it its say. Blur and reach shrink from the size of the fish to
//! that of the noise, so that first the whole finds its place and then its parts.
//!
//! ```sh
//! cargo run --release -p haul --example registration [-- FOLDER]    # draws registration.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod panels;

use haul::{Device, Measure, Sinkhorn};
use panels::{BLUE, PALE, Panel};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, Normal};
use std::{env, error::Error, f64::consts::TAU, fs, path::PathBuf};

const VERMILION: &str = "#d55e00";
/// Points of the fish in the scan, and points beside it.
const FISH: usize = 300;
const OUTLIERS: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let model = fish(500, 0.0, &mut random)?;
    let mut part = fish(FISH, 0.2, &mut random)?;
    part.extend((0..2 * OUTLIERS).map(|_| random.random_range(-1.2..1.2)));
    let (angle, shift) = (50f64.to_radians(), [-1.2, -0.6]);
    let scan = Motion { angle, shift }.apply(&part);

    let (motion, kept) = register(&device, &scan, &model, 4.0)?;
    // Without a reach the outliers have to be moved as well, and they turn the fish.
    let (balanced, _) = register(&device, &scan, &model, f64::INFINITY)?;
    let [off, off_balanced] =
        [motion, balanced].map(|found| (found.angle + angle).to_degrees().abs());
    println!("turned by 50°, found to {off:.2}°; without a reach to {off_balanced:.2}°");

    let found = motion.apply(&scan);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for (point, kept) in found.chunks_exact(2).zip(&kept) {
        if *kept > 0.5 {
            near.extend(point)
        } else {
            far.extend(point)
        }
    }
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("registration.svg");
    let before = Panel {
        title: "a scan, turned by 50° and moved".to_owned(),
        clouds: vec![(model.clone(), PALE), (scan, BLUE)],
    };
    let after = Panel {
        title: format!("back to within {off:.2}°, outliers left out"),
        clouds: vec![(model, PALE), (far, VERMILION), (near, BLUE)],
    };
    panels::draw(&picture, 2, &[before, after])?;
    println!("drawn in {}", picture.display());

    let lost = |kept: &[f64]| kept.iter().filter(|kept| **kept <= 0.5).count();
    let (of_fish, of_outliers) = (lost(&kept[..FISH]), lost(&kept[FISH..]));
    println!(
        "left out: {of_fish} of {FISH} points of the fish, {of_outliers} of {OUTLIERS} outliers"
    );
    let gaps = found.iter().zip(&part).map(|(x, home)| (x - home).abs());
    let gap = gaps.fold(0.0, f64::max);
    assert!(off < 0.5, "the angle is off by {off:.2}°");
    assert!(gap < 0.03, "a coordinate is off by {gap:.3}");
    assert!(off_balanced > 1.0, "nothing needed a reach");
    assert!(of_fish < FISH / 10, "the fish itself is left out");
    assert!(of_outliers > OUTLIERS * 2 / 3, "outliers are kept");
    Ok(())
}

/// The motion that brings `scan` onto `model`, and what share of its mass each point has in the
/// last plan. `reach` is in units of the blur.
fn register(
    device: &Device,
    scan: &[f64],
    model: &[f64],
    reach: f64,
) -> haul::Result<(Motion, Vec<f64>)> {
    let model = Measure::uniform(model, 2)?;
    let (mut motion, mut kept) = (Motion::default(), Vec::new());
    for blur in [0.5, 0.2, 0.1, 0.05, 0.02] {
        let sinkhorn = Sinkhorn::blur(blur).reach(reach * blur);
        let mut error = 0.0;
        for _ in 0..10 {
            let moved = Measure::uniform(&motion.apply(scan), 2)?;
            let solution = sinkhorn.solve(device, &moved, &model)?;
            assert!(solution.report().converged, "no plan at blur {blur}");
            error = solution.certificate().marginal_error();
            let plan = solution.plan();
            let (masses, _) = plan.marginals()?;
            motion = Motion::fit(&masses, scan, &plan.map()?);
            let shares = masses.iter().zip(moved.weights());
            kept = shares.map(|(mass, weight)| mass / weight).collect();
        }
        println!(
            "blur {blur}, reach {:.2}: {:+.2}°, marginals off by {error:.0e}",
            reach * blur,
            motion.angle.to_degrees()
        );
    }
    Ok((motion, kept))
}

/// A rotation about the origin and a translation after it.
#[derive(Clone, Copy, Default)]
struct Motion {
    angle: f64,
    shift: [f64; 2],
}

impl Motion {
    fn apply(self, points: &[f64]) -> Vec<f64> {
        let (sin, cos) = self.angle.sin_cos();
        let [right, up] = self.shift;
        let image = |x: &[f64]| {
            [
                cos * x[0] - sin * x[1] + right,
                sin * x[0] + cos * x[1] + up,
            ]
        };
        points.chunks_exact(2).flat_map(image).collect()
    }

    /// The motion R of least Σᵢ wᵢ |R(xᵢ) − yᵢ|².
    fn fit(weights: &[f64], from: &[f64], to: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mean = |points: &[f64], axis| {
            let values = points.iter().skip(axis).step_by(2);
            values.zip(weights).map(|(x, w)| w * x).sum::<f64>() / total
        };
        let (p, q) = ([mean(from, 0), mean(from, 1)], [mean(to, 0), mean(to, 1)]);
        let (mut along, mut across) = (0.0, 0.0);
        for ((x, y), w) in from.chunks_exact(2).zip(to.chunks_exact(2)).zip(weights) {
            let (x, y) = ([x[0] - p[0], x[1] - p[1]], [y[0] - q[0], y[1] - q[1]]);
            along += w * (x[0] * y[0] + x[1] * y[1]);
            across += w * (x[0] * y[1] - x[1] * y[0]);
        }
        let (angle, shift) = (across.atan2(along), [0.0; 2]);
        let turned = Self { angle, shift }.apply(&p);
        let shift = [q[0] - turned[0], q[1] - turned[1]];
        Self { angle, shift }
    }
}

/// Points at random on the outline of a fish and around its eye, all but a share of them, with noise.
fn fish(n: usize, missing: f64, random: &mut ChaCha8Rng) -> Result<Vec<f64>, Box<dyn Error>> {
    let noise = Normal::new(0.0, 0.015)?;
    let mut points = Vec::new();
    for k in 0..n {
        let (sin, cos) = (TAU * random.random_range(missing..1.0)).sin_cos();
        let (x, y) = if k % 12 == 0 {
            (0.62 + 0.06 * cos, 0.14 + 0.06 * sin)
        } else {
            (cos - sin * sin / 2f64.sqrt(), cos * sin)
        };
        points.extend([x + noise.sample(random), y + noise.sample(random)]);
    }
    Ok(points)
}

//! Registration: finds the rotation and the shift of a scan of a fish, in spite of noise, a missing part and outliers.
//!
//! A point with nothing within its reach loses its mass, and so its influence. Without a reach it must be matched as well, and
//! turns the fish.
//!
//! ```sh
//! cargo run --release -p haul --example registration [-- FOLDER]    # draws registration.svg
//! ```
#![allow(clippy::print_stdout)] // what it found

mod panels;

use haul::{Device, Measure, Registration, Sinkhorn, Transform};
use panels::{BLUE, PALE, Panel};
use rand::RngExt;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, Normal};
use std::{env, error::Error, f64::consts::TAU, fs, path::PathBuf};

const VERMILION: &str = "#d55e00";
/// Points of the fish in the scan, and outliers.
const FISH: usize = 300;
const OUTLIERS: usize = 60;
/// Rotation of the scan, in degrees.
const ANGLE: f64 = 130.0;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let model = fish(500, 0.0, &mut random)?;
    let mut part = fish(FISH, 0.2, &mut random)?;
    part.extend((0..2 * OUTLIERS).map(|_| random.random_range(-1.2..1.2)));
    let turn = Transform::rotation(2, (0, 1), ANGLE.to_radians())?;
    let scan = turn
        .then(&Transform::translation(&[-1.2, -0.6])?)?
        .apply(&part)?;

    let (source, target) = (Measure::uniform(&scan, 2)?, Measure::uniform(&model, 2)?);
    let settings = Sinkhorn::blur(0.02);
    let alignment =
        Registration::rigid(settings.clone().reach(0.08)).align(&device, &source, &target)?;
    // Without a reach the outliers must be moved as well.
    let balanced = Registration::rigid(settings).align(&device, &source, &target)?;
    let [off, off_balanced] =
        [&alignment.transform, &balanced.transform].map(|found| off(found, ANGLE));
    println!("turned by {ANGLE}°, found to {off:.2}°; without a reach to {off_balanced:.2}°");
    println!(
        "{} iterations, {:.2} s; the last moved the points by {:.0e}, marginals off by {:.0e}",
        alignment.iterations,
        alignment.seconds,
        alignment.movement,
        alignment.solution.certificate().marginal_error()
    );

    let found = alignment.transform.apply(&scan)?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for (point, share) in found.chunks_exact(2).zip(&alignment.shares) {
        if *share > 0.5 {
            near.extend(point)
        } else {
            far.extend(point)
        }
    }
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("registration.svg");
    let before = Panel {
        title: format!("a scan, turned by {ANGLE}° and moved"),
        clouds: vec![(model.clone(), PALE), (scan, BLUE)],
    };
    let after = Panel {
        title: format!("back to within {off:.2}°, outliers left out"),
        clouds: vec![(model, PALE), (far, VERMILION), (near, BLUE)],
    };
    panels::draw(&picture, 2, &[before, after])?;
    println!("drawn in {}", picture.display());

    let lost = |shares: &[f64]| shares.iter().filter(|share| **share <= 0.5).count();
    let shares = &alignment.shares;
    let (of_fish, of_outliers) = (lost(&shares[..FISH]), lost(&shares[FISH..]));
    println!(
        "left out: {of_fish} of {FISH} points of the fish, {of_outliers} of {OUTLIERS} outliers"
    );
    let gaps = found.iter().zip(&part).map(|(x, home)| (x - home).abs());
    let gap = gaps.fold(0.0, f64::max);
    assert!(
        alignment.converged && off < 0.5,
        "the angle is off by {off:.2}°"
    );
    assert!(gap < 0.03, "a coordinate is off by {gap:.3}");
    assert!(off_balanced > 1.0, "nothing needed a reach");
    assert!(of_fish < FISH / 10, "the fish itself is left out");
    assert!(of_outliers > OUTLIERS * 2 / 3, "outliers are kept");
    Ok(())
}

/// Degrees by which a motion differs from the rotation back by this angle.
fn off(motion: &Transform, angle: f64) -> f64 {
    let linear = motion.linear();
    let left = linear[2].atan2(linear[0]).to_degrees() + angle;
    (left - 360.0 * (left / 360.0).round()).abs()
}

/// Random points on the outline of a fish and around its eye, without a share of them, with noise.
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

//! Averages of shapes: four images at the corners of a sheet, and between them their barycenters.
//!
//! Each image is a histogram on a grid of pixels. The debiased barycenter is the histogram whose mean Sinkhorn divergence
//! to the four is least: mass moves from shape to shape and does not fade from one into the other.
//!
//! ```sh
//! cargo run --release -p haul --example averages [-- FOLDER]    # paints averages.png, and disc.png, ring.png, …
//! ```
#![allow(clippy::print_stdout)] // what it found

use haul::{Barycenter, Device, Grid, Measure};
use std::{env, error::Error, fs, io::BufWriter, path::Path, path::PathBuf};

/// Pixels of a side of an image.
const SIDE: usize = 80;
/// Images of a side of the sheet.
const STEPS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let pixels = Grid::new(&[SIDE, SIDE], &[1.0 / SIDE as f64; 2], &[0.0; 2])?;
    let image = |shape: fn(f64, f64) -> bool| {
        let inside = |i: usize| {
            let p = pixels.point(i);
            f64::from(u8::from(shape(p[1] - 0.5, p[0] - 0.5)))
        };
        let weights = (0..pixels.len()).map(inside).collect();
        Measure::grid(pixels.clone(), weights).map(Measure::normalized)
    };
    let corners = [image(disc)?, image(ring)?, image(star)?, image(twins)?];
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    for (name, corner) in ["disc", "ring", "star", "twins"].iter().zip(&corners) {
        let light = |weight: &f64| if *weight > 0.0 { 255 } else { 0 };
        let grey: Vec<u8> = corner.weights().iter().map(light).collect();
        write(&folder.join(format!("{name}.png")), SIDE, &grey)?;
    }
    let settings = Barycenter::blur(1.5 / SIDE as f64)
        .tolerance(2e-2)
        .max_iterations(150);

    let mut sheet = Vec::new();
    for place in 0..STEPS * STEPS {
        let [down, across] = [place / STEPS, place % STEPS].map(|k| k as f64 / (STEPS - 1) as f64);
        let lambda = [
            (1.0 - across) * (1.0 - down),
            across * (1.0 - down),
            (1.0 - across) * down,
            across * down,
        ];
        let average = settings.clone().lambda(&lambda).solve(&device, &corners)?;
        let report = average.report();
        // Off the corners the divergence is not 0: it is a squared distance.
        println!(
            "{down:.2} {across:.2}: mean divergence {:.5}, at least {:.5}, {} iterations",
            report.value, report.bounds.lower, report.iterations
        );
        assert!(
            report.bounds.lower <= report.bounds.upper,
            "the bounds are none"
        );
        sheet.push(average.measure().clone());
    }
    let picture = folder.join("averages.png");
    let (side, grey) = painted(&sheet);
    write(&picture, side, &grey)?;
    println!("painted in {}", picture.display());
    Ok(())
}

fn disc(x: f64, y: f64) -> bool {
    x.hypot(y) < 0.3
}

fn ring(x: f64, y: f64) -> bool {
    (0.22..0.36).contains(&x.hypot(y))
}

/// A star with five points.
fn star(x: f64, y: f64) -> bool {
    let turn = (x.atan2(-y) * 5.0).cos();
    x.hypot(y) < 0.27 + 0.13 * turn
}

/// Two discs.
fn twins(x: f64, y: f64) -> bool {
    [0.22, -0.22].iter().any(|at| (x - at).hypot(y + at) < 0.15)
}

/// The grey pixels of all images, row by row, each scaled to its darkest pixel, and the pixels of a side.
fn painted(images: &[Measure]) -> (usize, Vec<u8>) {
    const GAP: usize = 6;
    let side = STEPS * (SIDE + GAP) + GAP;
    let mut grey = vec![255u8; side * side];
    for (place, image) in images.iter().enumerate() {
        let (top, left) = (
            place / STEPS * (SIDE + GAP) + GAP,
            place % STEPS * (SIDE + GAP) + GAP,
        );
        let mut sorted = image.weights().to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let most = sorted[sorted.len() - sorted.len() / 100];
        for (i, weight) in image.weights().iter().enumerate() {
            let dark = (weight / most).min(1.0);
            grey[(top + i / SIDE) * side + left + i % SIDE] = (255.0 * (1.0 - 0.9 * dark)) as u8;
        }
    }
    (side, grey)
}

/// A square image of grey pixels.
fn write(path: &Path, side: usize, grey: &[u8]) -> Result<(), Box<dyn Error>> {
    let file = BufWriter::new(fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(grey)?;
    Ok(())
}

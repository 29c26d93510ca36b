//! Colour transfer: a forest in the colours of a sunset.
//!
//! The pixels of an image are points in the cube of colours. The plan between samples of the pixels of two images says which
//! colour becomes which, and the entropic map extends it to every pixel.
//!
//! ```sh
//! cargo run --release -p haul --example colours [-- FOLDER]    # paints colours.png
//! ```
#![allow(clippy::print_stdout)] // what it found

mod scenes;

use haul::{Device, Divergence, Measure, Sinkhorn};
use scenes::Colour;
use std::{env, error::Error, fs, io::BufWriter, path::Path, path::PathBuf};

const WIDTH: usize = 320;
const HEIGHT: usize = 200;
/// One of this many pixels is in the sample; a prime, so that samples do not line up in a column.
const EVERY: usize = 37;

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::auto()?; // the best GPU, else the CPU
    let (forest, sunset) = (paint(scenes::forest), paint(scenes::sunset));
    let source = Measure::uniform(&sample(&forest, 0), 3)?;
    let target = Measure::uniform(&sample(&sunset, 0), 3)?;

    // With `.reach(0.3)`, say, a colour far from all colours of the other image would not drag its neighbours along.
    let solution = Sinkhorn::blur(0.05).solve(&device, &source, &target)?;
    let report = solution.report();
    println!(
        "{} colours onto {} on {}: {} passes, marginals off by {:.0e}",
        report.n,
        report.m,
        report.device,
        report.softmin_passes,
        report.certificate.marginal_error(),
    );
    assert!(report.converged, "the plan is not one between the samples");

    let plan = solution.plan();
    let recoloured = plan.map_points(&forest)?;
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or("haul-examples".into()));
    fs::create_dir_all(&folder)?;
    let picture = folder.join("colours.png");
    write(&picture, &[&forest, &sunset, &recoloured])?;
    println!("painted in {}", picture.display());

    // At the sample the entropic map is the barycentric map of the plan: Σⱼ Pᵢⱼ yⱼ / aᵢ.
    let taken = plan.product(target.points())?;
    let pairs = taken.iter().zip(sample(&recoloured, 0));
    let gap = pairs
        .map(|(sum, x)| (report.n as f64 * sum - x).abs())
        .fold(0.0, f64::max);
    println!("at the sample the entropic map is off the plan by {gap:.0e}");
    assert!(gap < 1e-3, "the entropic map does not continue the plan");

    // Pixels outside the samples must have the colours of the sunset as well.
    let unseen = Measure::uniform(&sample(&recoloured, EVERY / 2), 3)?;
    let divergence = Divergence::blur(0.05);
    let before = divergence.evaluate(&device, &source, &target)?;
    let after = divergence.evaluate(&device, &unseen, &target)?;
    println!(
        "divergence from the sunset: at least {:.4} before, at most {:.4} after",
        before.lower_bound(),
        after.upper_bound(),
    );
    assert!(
        after.upper_bound() < before.lower_bound() / 50.0,
        "the colours are not the sunset's"
    );
    Ok(())
}

/// The image of a scene, pixel by pixel from the upper left corner; n×3.
fn paint(scene: fn(f64, f64) -> Colour) -> Vec<f64> {
    let pixel = |k| {
        let (row, column) = (k / WIDTH, k % WIDTH);
        scene(column as f64 / WIDTH as f64, row as f64 / HEIGHT as f64)
    };
    (0..WIDTH * HEIGHT).flat_map(pixel).collect()
}

/// Some of an image's pixels, from `first` on.
fn sample(image: &[f64], first: usize) -> Vec<f64> {
    let pixels = image.chunks_exact(3).skip(first).step_by(EVERY);
    pixels.flatten().copied().collect()
}

/// Images side by side as one PNG.
fn write(path: &Path, images: &[&[f64]]) -> Result<(), Box<dyn Error>> {
    const GAP: &[u8] = &[255; 3 * 8];
    let mut rows = Vec::new();
    for row in 0..HEIGHT {
        let part = |image: &&[f64]| {
            let pixels = &image[row * 3 * WIDTH..][..3 * WIDTH];
            pixels
                .iter()
                .map(|x| (255.0 * x).round() as u8)
                .collect::<Vec<u8>>()
        };
        rows.extend(images.iter().map(part).collect::<Vec<_>>().join(GAP));
    }
    let width = rows.len() / (3 * HEIGHT);
    let file = BufWriter::new(fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, width as u32, HEIGHT as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header()?.write_image_data(&rows)?;
    Ok(())
}

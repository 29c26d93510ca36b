//! Images as points: what is read, what is held out, and a sheet of them.

use crate::arrays;
use anyhow::{Context, Result, ensure};
use haul::{Measure, Noise};
use std::{fs::File, io::BufWriter, path::Path};

/// Images of `side` × `side` pixels, each a point whose coordinates are grey values from 0 to 1.
pub(crate) struct Images {
    pub(crate) training: Measure,
    /// A third of all, which the training does not see.
    pub(crate) held_out: Measure,
    pub(crate) side: usize,
}

impl Images {
    /// The images of an array, images × pixels or images × rows × columns, divided by the largest value: an `.npy`, or `images` of
    /// an `.npz`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let arrays::Array { shape, numbers } = arrays::read(path, "images")?;
        let largest = numbers.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let values: Vec<f64> = numbers.iter().map(|x| x / largest).collect();
        let pixels = shape.iter().skip(1).product::<u64>() as usize;
        Self::divided(&values, pixels).with_context(|| path.display().to_string())
    }

    /// Where no file is at hand: 600 images of 8 × 8 pixels, a soft stroke each, of random angle and place.
    pub(crate) fn strokes() -> Result<Self> {
        const SIDE: usize = 8;
        let laws = Noise::Uniform(2).draw(600, 5)?;
        let place = |i: usize| (i as f64 + 0.5) / SIDE as f64 - 0.5;
        let stroke = |law: &[f64]| {
            let (sin, cos) = (std::f64::consts::PI * law[0]).sin_cos();
            let at = 0.6 * (law[1] - 0.5);
            (0..SIDE * SIDE).map(move |pixel| {
                let away = cos * place(pixel % SIDE) + sin * place(pixel / SIDE) - at;
                (-(away / 0.12).powi(2)).exp()
            })
        };
        let values = laws.points().chunks_exact(2).flat_map(stroke);
        Self::divided(&values.collect::<Vec<_>>(), SIDE * SIDE)
    }

    /// The images in a random order that is the same every time, and a third of them apart.
    fn divided(values: &[f64], pixels: usize) -> Result<Self> {
        let side = pixels.isqrt();
        ensure!(
            side > 0 && side * side == pixels,
            "images of {pixels} pixels; give images × rows × columns with as many rows as columns"
        );
        let all = Measure::uniform(values, pixels)?;
        ensure!(
            all.len() >= 6,
            "there are {} images; give at least 6",
            all.len()
        );
        let order = order(all.len(), 1)?;
        let (held_out, training) = order.split_at(all.len() / 3);
        Ok(Self {
            training: chosen(&all, training)?,
            held_out: chosen(&all, held_out)?,
            side,
        })
    }

    /// The mean of |x − y|² over pairs of training images.
    pub(crate) fn mean_cost(&self) -> f64 {
        let d = self.training.dimension();
        let n = self.training.len() as f64;
        let mut mean = vec![0.0; d];
        for row in self.training.points().chunks_exact(d) {
            let axes = mean.iter_mut().zip(row);
            axes.for_each(|(mean, x)| *mean += x / n);
        }
        let squares = |points: &[f64]| points.iter().map(|x| x * x).sum::<f64>();
        2.0 * (squares(self.training.points()) / n - squares(&mean))
    }
}

/// So many different points of a measure, by a seed.
pub(crate) fn sample(measure: &Measure, count: usize, seed: u64) -> Result<Measure> {
    chosen(measure, &order(measure.len(), seed)?[..count])
}

/// A random order of the numbers below n.
fn order(n: usize, seed: u64) -> Result<Vec<usize>> {
    let keys = Noise::Uniform(1).draw(n, seed)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| keys.points()[*a].total_cmp(&keys.points()[*b]));
    Ok(order)
}

fn chosen(measure: &Measure, rows: &[usize]) -> Result<Measure> {
    let d = measure.dimension();
    let row = |row: &usize| &measure.points()[row * d..(row + 1) * d];
    let points: Vec<f64> = rows.iter().flat_map(row).copied().collect();
    Ok(Measure::uniform(&points, d)?)
}

/// The places of a sheet of images: a grid in the square [0, 1]².
pub(crate) fn places() -> Result<Measure> {
    let place = |i: usize| (i as f64 + 0.5) / SHEET as f64;
    let places = (0..SHEET * SHEET).flat_map(|i| [place(i % SHEET), place(i / SHEET)]);
    Ok(Measure::uniform(&places.collect::<Vec<_>>(), 2)?)
}

/// Images of a side of the sheet.
const SHEET: usize = 20;

/// Writes the images of all [places](places) as a `.png`.
pub(crate) fn sheet(path: &Path, images: &Measure) -> Result<()> {
    let side = images.dimension().isqrt();
    // Small images are shown larger.
    let scale = (24 / side).max(1);
    let width = SHEET * side * scale;
    let value = |place: usize| {
        let [row, column] = [place / width / scale, place % width / scale];
        let image = row / side * SHEET + column / side;
        let pixel = row % side * side + column % side;
        images.points()[image * side * side + pixel]
    };
    let grey = |place| (255.0 * value(place).clamp(0.0, 1.0)).round() as u8;
    let pixels: Vec<u8> = (0..width * width).map(grey).collect();
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, width as u32, width as u32);
    encoder.set_color(png::ColorType::Grayscale);
    Ok(encoder.write_header()?.write_image_data(&pixels)?)
}

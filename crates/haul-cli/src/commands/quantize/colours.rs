//! The colours of an image as a measure, and the image in fewer of them.

use anyhow::Result;
use haul::{Measure, Quantizer};
use haul_files::{self as formats, Colours};
use std::collections::HashMap;
use std::path::Path;

/// The different colours of an image; their weight is the number of pixels, each times its opacity.
pub(super) struct Palette {
    image: Colours,
    /// Red, green and blue of each colour.
    colours: Vec<f64>,
    weights: Vec<f64>,
    /// The colour of each pixel.
    places: Vec<usize>,
}

impl Palette {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let image = formats::read_colours(file)?;
        let mut known = HashMap::new();
        let (mut colours, mut weights) = (Vec::new(), Vec::new());
        let mut places = Vec::with_capacity(image.values.len());
        for [red, green, blue, opacity] in &image.values {
            let colour = [*red, *green, *blue];
            let place = *known.entry(colour.map(f64::to_bits)).or_insert_with(|| {
                colours.extend(colour);
                weights.push(0.0);
                weights.len() - 1
            });
            weights[place] += opacity;
            places.push(place);
        }
        Ok(Self {
            image,
            colours,
            weights,
            places,
        })
    }

    /// The colours as points.
    pub(super) fn measure(&self) -> haul::Result<Measure> {
        Measure::new(self.colours.clone(), 3, self.weights.clone())
    }

    /// Writes the image with each pixel in its colour of the result; opacities stay.
    pub(super) fn write(&self, file: &Path, found: &Quantizer) -> Result<()> {
        let byte = |value: f64| (255.0 * value.clamp(0.0, 1.0)).round() as u8;
        let (points, assignment) = (found.measure().points(), found.assignment());
        let pixels = self.places.iter().zip(&self.image.values);
        let pixels = pixels.map(|(place, [.., opacity])| {
            let at = 3 * assignment[*place];
            let [red, green, blue] = [0, 1, 2].map(|k| byte(points[at + k]));
            [red, green, blue, byte(*opacity)]
        });
        let pixels: Vec<[u8; 4]> = pixels.collect();
        Ok(formats::write_colours(file, self.image.width, &pixels)?)
    }
}

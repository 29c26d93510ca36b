//! Images: `.png` and `.jpg`, whose first bytes tell which. A pixel has a mass between 0 and 1,
//!
//! ```text
//! A · Y, or A · (1 − Y) where dark is mass;   Y = 0.2126 R + 0.7152 G + 0.0722 B  [ITU-R BT.709]
//! ```
//!
//! for the values R, G, B and the opacity A as they are stored, divided by the largest that can be stored. Grey pixels
//! have R = G = B, and pixels without an opacity A = 1.

mod jpeg;
mod png;

pub(crate) use png::{write, write_colours};

use crate::{Error, Histogram, Result, source::Source};
use std::path::Path;

/// The weights of red, green and blue in the luma of ITU-R BT.709.
const LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// Decoded pixels.
struct Pixels {
    width: usize,
    height: usize,
    /// Values of a pixel: grey, grey and opacity, colours, or colours and opacity.
    channels: usize,
    /// All values, row by row, from 0 to 1.
    values: Vec<f64>,
}

/// The colours of an image, row by row from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Colours {
    /// Pixels in a row.
    pub width: usize,
    /// Red, green, blue and opacity of each pixel, from 0 to 1, as they are stored.
    pub values: Vec<[f64; 4]>,
}

/// Reads an image as masses on its pixels. If `invert`, dark is mass.
pub(crate) fn read(file: &Path, source: Source, invert: bool) -> Result<Histogram> {
    let pixels = pixels(file, source)?;
    let pairs = pixels.values.chunks_exact(pixels.channels);
    let masses = pairs.map(|pixel| mass(pixel, invert)).collect();
    Histogram::with_mass(file, vec![pixels.height, pixels.width], masses)
}

/// Reads the colours of an image.
pub(crate) fn read_colours(file: &Path, source: Source) -> Result<Colours> {
    let pixels = pixels(file, source)?;
    let colour = |pixel: &[f64]| match *pixel {
        [grey] => [grey, grey, grey, 1.0],
        [grey, opacity] => [grey, grey, grey, opacity],
        [red, green, blue] => [red, green, blue, 1.0],
        [red, green, blue, opacity, ..] => [red, green, blue, opacity],
        [] => [0.0; 4],
    };
    let pairs = pixels.values.chunks_exact(pixels.channels);
    Ok(Colours {
        width: pixels.width,
        values: pairs.map(colour).collect(),
    })
}

/// Decodes an image.
fn pixels(file: &Path, source: Source) -> Result<Pixels> {
    let owned;
    let bytes = match source {
        Source::Memory(bytes) => bytes,
        source => {
            owned = source.contents(file)?;
            &owned
        }
    };
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png::decode(file, bytes),
        [0xff, 0xd8, ..] => jpeg::decode(file, bytes),
        _ => {
            let reason = "these are not the first bytes of a .png or a .jpg";
            Err(malformed(file, "header", reason, ".png or .jpg"))
        }
    }
}

/// The mass of a pixel.
fn mass(pixel: &[f64], dark: bool) -> f64 {
    let (luma, opacity) = match *pixel {
        [grey] => (grey, 1.0),
        [grey, opacity] => (grey, opacity),
        [red, green, blue] => (luma([red, green, blue]), 1.0),
        [red, green, blue, opacity] => (luma([red, green, blue]), opacity),
        _ => (0.0, 0.0),
    };
    opacity * if dark { 1.0 - luma } else { luma }
}

/// A grey pixel keeps its value to the last digit, whatever its format.
fn luma([red, green, blue]: [f64; 3]) -> f64 {
    if red == green && green == blue {
        return red;
    }
    (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).min(1.0)
}

/// The error for bytes that are not an image; libraries end their sentences with a point.
fn malformed(file: &Path, place: &str, reason: impl ToString, format: &'static str) -> Error {
    Error::malformed(
        file,
        place,
        reason.to_string().trim_end_matches('.'),
        format,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_mass_is_the_luma_behind_its_opacity() {
        for (pixel, light, dark) in [
            (&[0.25][..], 0.25, 0.75),
            (&[0.25, 0.5], 0.125, 0.375),
            (&[0.25, 0.25, 0.25], 0.25, 0.75),
            (&[0.0, 1.0, 0.0], 0.7152, 1.0 - 0.7152),
            (&[1.0, 0.0, 0.0, 0.5], 0.1063, 0.5 - 0.1063),
            (&[0.3, 0.6, 0.9, 0.0], 0.0, 0.0),
        ] {
            assert!((mass(pixel, false) - light).abs() < 1e-15, "{pixel:?}");
            assert!((mass(pixel, true) - dark).abs() < 1e-15, "{pixel:?}");
        }
        assert!((LUMA.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}

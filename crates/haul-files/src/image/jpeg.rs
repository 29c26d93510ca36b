//! `.jpg`: baseline and progressive, grey or in colours. The orientation that a camera writes beside the pixels is not
//! applied.

use super::{Pixels, malformed};
use crate::read::guarded;
use crate::source::MAX_RATIO;
use crate::{Error, Result};
use std::path::Path;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The name of the format in errors.
const FORMAT: &str = ".jpg";

/// The longest side of an image that the format allows.
const LONGEST: usize = 65_535;

/// The pixels of a file. A file that ends early is refused, although its beginning could be shown.
pub(super) fn decode(file: &Path, bytes: &[u8]) -> Result<Pixels> {
    guarded(file, FORMAT, || decoded(file, bytes))
}

fn decoded(file: &Path, bytes: &[u8]) -> Result<Pixels> {
    if !is_whole(bytes) {
        let reason = "the marker of its end is missing: it is cut short";
        return Err(malformed(file, "end of the file", reason, FORMAT));
    }
    let wrong =
        |place: &str, reason: &dyn ToString| malformed(file, place, reason.to_string(), FORMAT);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(LONGEST)
        .set_max_height(LONGEST)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| wrong("header", &error))?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let promised = (width as u64).saturating_mul(height as u64);
    if promised > (bytes.len() as u64).saturating_mul(MAX_RATIO) {
        let reason = format!("it promises {width}×{height} pixels, more than its bytes can hold");
        return Err(wrong("header", &reason));
    }
    let pixels = decoder.decode().map_err(|error| wrong("pixels", &error))?;
    if pixels.len() as u64 != 3 * promised {
        return Err(Error::Truncated {
            file: file.into(),
            what: "pixels",
            promised,
            found: pixels.len() as u64 / 3,
        });
    }
    Ok(Pixels {
        width,
        height,
        channels: 3,
        values: pixels
            .iter()
            .map(|value| f64::from(*value) / 255.0)
            .collect(),
    })
}

/// Whether the marker of the end of an image stands behind the beginning of the last scan. Decoders fill what is missing.
fn is_whole(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    let (scan, end) = (last([0xff, 0xda]), last([0xff, 0xd9]));
    end.is_some_and(|end| scan.is_none_or(|scan| scan < end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Contents, Reading, parse_contents};

    /// 8×8 grey pixels: the left half black, the right half 204.
    #[rustfmt::skip]
    const HALF: &[u8] = &[
        0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01,
        0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x02, 0x01, 0x01, 0x01, 0x01, 0x01, 0x02,
        0x01, 0x01, 0x01, 0x02, 0x02, 0x02, 0x02, 0x02, 0x04, 0x03, 0x02, 0x02, 0x02, 0x02, 0x05, 0x04,
        0x04, 0x03, 0x04, 0x06, 0x05, 0x06, 0x06, 0x06, 0x05, 0x06, 0x06, 0x06, 0x07, 0x09, 0x08, 0x06,
        0x07, 0x09, 0x07, 0x06, 0x06, 0x08, 0x0b, 0x08, 0x09, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x06, 0x08,
        0x0b, 0x0c, 0x0b, 0x0a, 0x0c, 0x09, 0x0a, 0x0a, 0x0a, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00, 0x08,
        0x00, 0x08, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0xff, 0xc4, 0x00, 0x18,
        0x10, 0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x0a, 0x48, 0x86, 0xc5, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00,
        0x17, 0x51, 0xb9, 0x05, 0x54, 0xd9, 0x3f, 0xff, 0xd9,
    ];

    fn masses(name: &str, bytes: &[u8]) -> Result<Vec<f64>> {
        match parse_contents(name.as_ref(), bytes, &Reading::default())? {
            Contents::Histogram(histogram) => {
                assert_eq!(histogram.shape, [8, 8]);
                Ok(histogram.masses)
            }
            Contents::Cloud(_) => panic!("an image is no cloud"),
        }
    }

    #[test]
    fn pixels_have_their_masses_whatever_the_file_is_called() {
        for name in ["a.jpg", "a.JPEG", "a.png"] {
            for (place, mass) in masses(name, HALF).unwrap().into_iter().enumerate() {
                let expected = if place % 8 < 4 { 0.0 } else { 0.8 };
                assert!((mass - expected).abs() < 3.0 / 255.0, "{place}: {mass}");
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_changed_is_told_in_a_line_and_never_panics() {
        for length in 0..HALF.len() {
            let told = masses("a.jpg", &HALF[..length]).unwrap_err().to_string();
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        for at in 2..HALF.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = HALF.to_vec();
                changed[at] = value;
                let read = parse_contents("a.jpg".as_ref(), &changed, &Reading::default());
                if let Err(error) = read {
                    assert_eq!(error.to_string().lines().count(), 1, "{error}");
                }
            }
        }
    }
}

//! `.png`: any colour type and depth, interlaced or not; of an animation the first frame.

use super::{Pixels, malformed};
use crate::source::MAX_RATIO;
use crate::{Error, Result};
use ::png::{BitDepth, ColorType, Compression, Decoder, Encoder, Limits, Transformations};
use std::io::{self, Cursor, Write};
use std::path::Path;

/// The name of the format in errors.
const FORMAT: &str = ".png";

/// The pixels of a file. A file cannot promise more of them than its bytes may unpack to.
pub(super) fn decode(file: &Path, bytes: &[u8]) -> Result<Pixels> {
    let wrong =
        |place: &str, reason: &dyn ToString| malformed(file, place, reason.to_string(), FORMAT);
    let most = (bytes.len() as u64).saturating_mul(MAX_RATIO);
    let bytes_of_limit = usize::try_from(most).unwrap_or(usize::MAX);
    let limits = Limits {
        bytes: bytes_of_limit.max(1 << 20),
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Palettes become colours, and a transparent colour becomes an opacity.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder
        .read_info()
        .map_err(|error| wrong("header", &error))?;
    let (width, height) = reader.info().size();
    let promised = (reader.info().raw_row_length() as u64).saturating_mul(height.into());
    let size = reader.output_buffer_size().filter(|_| promised <= most);
    let Some(size) = size else {
        let reason = format!("it promises {width}×{height} pixels, more than its bytes can hold");
        return Err(wrong("header", &reason));
    };
    let mut room = Vec::new();
    if room.try_reserve_exact(size).is_err() {
        return Err(Error::Memory {
            file: file.into(),
            values: size,
        });
    }
    room.resize(size, 0);
    let frame = reader
        .next_frame(&mut room)
        .map_err(|error| wrong("pixels", &error))?;
    let channels = match frame.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb | ColorType::Indexed => 3,
        ColorType::Rgba => 4,
    };
    let values = match frame.bit_depth {
        BitDepth::Sixteen => {
            let pairs = room.as_chunks().0;
            pairs
                .iter()
                .map(|pair| f64::from(u16::from_be_bytes(*pair)) / 65_535.0)
                .collect()
        }
        _ => room.iter().map(|value| f64::from(*value) / 255.0).collect(),
    };
    Ok(Pixels {
        width: frame.width as usize,
        height: frame.height as usize,
        channels,
        values,
    })
}

/// Writes grey pixels, row by row.
pub(crate) fn write(out: impl Write, width: u32, height: u32, grey: &[u8]) -> io::Result<()> {
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(grey)?;
    writer.finish()?;
    Ok(())
}

/// Writes colours with their opacity, row by row: as indices of a palette if there are at most 256 different ones.
pub(crate) fn write_colours(
    out: impl Write,
    width: u32,
    height: u32,
    pixels: &[[u8; 4]],
) -> io::Result<()> {
    let mut palette = pixels.to_vec();
    palette.sort_unstable();
    palette.dedup();
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_compression(Compression::High);
    let data = if palette.len() <= 256 {
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(
            palette
                .iter()
                .flat_map(|it| [it[0], it[1], it[2]])
                .collect::<Vec<_>>(),
        );
        if palette.iter().any(|it| it[3] < u8::MAX) {
            encoder.set_trns(palette.iter().map(|it| it[3]).collect::<Vec<_>>());
        }
        let index = |pixel: &[u8; 4]| palette.partition_point(|it| it < pixel) as u8;
        pixels.iter().map(index).collect()
    } else {
        encoder.set_color(ColorType::Rgba);
        pixels.concat()
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&data)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Contents, Histogram, Reading, parse_contents};

    /// An image of this type and depth.
    fn encoded(
        color: ColorType,
        depth: BitDepth,
        [width, height]: [u32; 2],
        data: &[u8],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(vec![0, 0, 0, 255, 255, 255, 255, 0, 0]);
            encoder.set_trns(vec![255, 255, 51]);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn parsed(bytes: &[u8], invert: bool) -> Result<Histogram> {
        let reading = Reading {
            invert,
            ..Reading::default()
        };
        match parse_contents("a.png".as_ref(), bytes, &reading)? {
            Contents::Histogram(histogram) => Ok(histogram),
            Contents::Cloud(_) => panic!("an image is no cloud"),
        }
    }

    #[test]
    fn every_type_of_pixel_has_its_mass() {
        let close = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{found} is not {expected}"
                );
            }
        };
        use BitDepth::{Eight, One, Sixteen};
        for (color, depth, data, expected) in [
            (
                ColorType::Grayscale,
                Eight,
                &[0, 51, 255, 102][..],
                [0.0, 0.2, 1.0, 0.4],
            ),
            (
                ColorType::Grayscale,
                One,
                &[0b0100_0000, 0b1000_0000],
                [0.0, 1.0, 1.0, 0.0],
            ),
            (
                ColorType::Grayscale,
                Sixteen,
                &[0, 0, 0x33, 0x33, 255, 255, 0x66, 0x66],
                [0.0, 0.2, 1.0, 0.4],
            ),
            (
                ColorType::GrayscaleAlpha,
                Eight,
                &[255, 51, 255, 0, 51, 255, 0, 255],
                [0.2, 0.0, 0.2, 0.0],
            ),
            (
                ColorType::Rgb,
                Eight,
                &[255, 0, 0, 0, 255, 0, 0, 0, 255, 51, 51, 51],
                [0.2126, 0.7152, 0.0722, 0.2],
            ),
            (
                ColorType::Rgba,
                Eight,
                &[255, 0, 0, 51, 0, 0, 0, 0, 255, 255, 255, 51, 0, 0, 0, 255],
                [0.04252, 0.0, 0.2, 0.0],
            ),
            (
                ColorType::Indexed,
                Eight,
                &[0, 1, 2, 0],
                [0.0, 1.0, 0.04252, 0.0],
            ),
        ] {
            let bytes = encoded(color, depth, [2, 2], data);
            let histogram = parsed(&bytes, false).unwrap();
            assert_eq!(histogram.shape, [2, 2]);
            close(&histogram.masses, &expected);
        }
        let dark = parsed(
            &encoded(ColorType::Grayscale, Eight, [4, 1], &[0, 51, 255, 102]),
            true,
        );
        let dark = dark.unwrap();
        assert_eq!(dark.shape, [1, 4]);
        close(&dark.masses, &[1.0, 0.8, 0.0, 0.6]);
    }

    #[test]
    fn images_without_mass_and_bytes_that_are_none_are_told_in_a_line() {
        let black = encoded(ColorType::Grayscale, BitDepth::Eight, [2, 1], &[0, 0]);
        let white = encoded(ColorType::Grayscale, BitDepth::Eight, [2, 1], &[255, 255]);
        for (bytes, invert) in [(&black, false), (&white, true)] {
            assert!(matches!(parsed(bytes, invert), Err(Error::NoMass { .. })));
            assert!(parsed(bytes, !invert).is_ok());
        }
        let whole = encoded(ColorType::Rgb, BitDepth::Eight, [7, 5], &[93; 105]);
        assert!(parsed(&whole, false).is_ok());
        for length in 0..whole.len() - 12 {
            let told = parsed(&whole[..length], false).unwrap_err().to_string();
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                if let Err(error) = parsed(&changed, false) {
                    assert_eq!(error.to_string().lines().count(), 1, "{error}");
                }
            }
        }
    }

    #[test]
    fn a_header_reserves_no_more_than_its_bytes_can_hold() {
        let mut huge = encoded(ColorType::Grayscale, BitDepth::Eight, [1, 1], &[9]);
        // Width and height stand in the first chunk, whose checksum is that of the changed bytes.
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = flate2::Crc::new();
        let mut checksum = checksum;
        checksum.update(&huge[12..29]);
        let sum = checksum.sum().to_be_bytes();
        huge[29..33].copy_from_slice(&sum);
        let told = parsed(&huge, false).unwrap_err().to_string();
        assert!(told.contains("promises 65536×65536 pixels"), "{told}");
    }

    #[test]
    fn few_colours_are_a_palette_and_many_are_stored_as_they_are() {
        let few: Vec<[u8; 4]> = vec![
            [255, 0, 51, 255],
            [0, 0, 0, 0],
            [255, 0, 51, 255],
            [9, 8, 7, 51],
        ];
        let many: Vec<[u8; 4]> = (0..300u16)
            .map(|i| [i as u8, (i >> 8) as u8, 3, 255])
            .collect();
        for (width, pixels, color) in [(2, few, ColorType::Indexed), (30, many, ColorType::Rgba)] {
            let mut bytes = Vec::new();
            let height = (pixels.len() / width) as u32;
            write_colours(&mut bytes, width as u32, height, &pixels).unwrap();
            let reader = Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
            assert_eq!(reader.info().color_type, color);
            let source = crate::source::Source::Memory(&bytes);
            let colours = super::super::read_colours("a.png".as_ref(), source).unwrap();
            assert_eq!(colours.width, width);
            let bytes = |value: f64| (255.0 * value).round() as u8;
            let back: Vec<_> = colours.values.iter().map(|it| it.map(bytes)).collect();
            assert_eq!(back, pixels);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut bytes = Vec::new();
        write(&mut bytes, 3, 2, &[0, 51, 255, 1, 2, 3]).unwrap();
        let histogram = parsed(&bytes, false).unwrap();
        assert_eq!(histogram.shape, [2, 3]);
        let grey: Vec<f64> = histogram
            .masses
            .iter()
            .map(|mass| (mass * 255.0).round())
            .collect();
        assert_eq!(grey, [0.0, 51.0, 255.0, 1.0, 2.0, 3.0]);
    }
}

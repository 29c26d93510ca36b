//! Perceptual colours: Oklab (Ottosson 2020), in which equal distances look about equal, and the contrast of two
//! colours by WCAG 2.2.

/// An sRGB colour, each component from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rgb(pub(crate) [f64; 3]);

impl Rgb {
    /// The components in steps of 1/255.
    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0.map(|part| (255.0 * part).round() as u8)
    }

    /// The colour in SVG notation.
    pub(crate) fn hex(self) -> String {
        let [r, g, b] = self.bytes();
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Relative luminance, from 0 to 1 (WCAG).
    pub(crate) fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| match part {
            ..=0.04045 => part / 12.92,
            _ => ((part + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Contrast ratio of two colours, from 1 to 21.
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }
}

/// Black or white, whichever has more contrast with this background: at least √21 > 4.5.
pub(crate) fn ink_on(ground: Rgb) -> Rgb {
    let [black, white] = [Rgb([0.0; 3]), Rgb([1.0; 3])];
    if ground.contrast(black) >= ground.contrast(white) {
        black
    } else {
        white
    }
}

/// Ten samples of Viridis (Smith and van der Walt 2015).
const VIRIDIS: [[u8; 3]; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3e, 0x49, 0x89],
    [0x31, 0x68, 0x8e],
    [0x26, 0x82, 0x8e],
    [0x1f, 0x9e, 0x89],
    [0x35, 0xb7, 0x79],
    [0x6e, 0xce, 0x58],
    [0xb5, 0xde, 0x2b],
    [0xfd, 0xe7, 0x25],
];

/// The colour of a fraction from 0 to 1, from dark to light in perceptually equal steps; values outside are clamped.
pub(crate) fn viridis(share: f64) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let part = |axis: usize| {
        let [one, other] = [below, below + 1].map(|k| f64::from(VIRIDIS[k][axis]) / 255.0);
        one + (place - below as f64) * (other - one)
    };
    Rgb([0, 1, 2].map(part))
}

/// A colour by lightness, from 0 to 1, and its coordinates on the green–red and blue–yellow axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Oklab {
    pub(crate) lightness: f64,
    pub(crate) red: f64,
    pub(crate) yellow: f64,
}

impl Oklab {
    /// The nearest colour in the sRGB gamut.
    pub(crate) fn rgb(self) -> Rgb {
        let Self {
            lightness,
            red,
            yellow,
        } = self;
        let long = (lightness + 0.396_337_777_4 * red + 0.215_803_757_3 * yellow).powi(3);
        let middle = (lightness - 0.105_561_345_8 * red - 0.063_854_172_8 * yellow).powi(3);
        let short = (lightness - 0.089_484_177_5 * red - 1.291_485_548_0 * yellow).powi(3);
        let light = [
            4.076_741_662_1 * long - 3.307_711_591_3 * middle + 0.230_969_929_2 * short,
            -1.268_438_004_6 * long + 2.609_757_401_1 * middle - 0.341_319_396_5 * short,
            -0.004_196_086_3 * long - 0.703_418_614_7 * middle + 1.707_614_701_0 * short,
        ];
        Rgb(light.map(|part| match part.clamp(0.0, 1.0) {
            part @ ..=0.003_130_8 => 12.92 * part,
            part => 1.055 * part.powf(1.0 / 2.4) - 0.055,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklab_is_that_of_its_author() {
        // White, and the red, green and blue of sRGB, from the table in the article.
        for (lab, hex) in [
            ([1.0, 0.0, 0.0], "#ffffff"),
            ([0.627_955, 0.224_863, 0.125_846], "#ff0000"),
            ([0.866_440, -0.233_888, 0.179_498], "#00ff00"),
            ([0.452_014, -0.032_457, -0.311_528], "#0000ff"),
        ] {
            let [lightness, red, yellow] = lab;
            let lab = Oklab {
                lightness,
                red,
                yellow,
            };
            assert_eq!(lab.rgb().hex(), hex);
        }
    }

    #[test]
    fn black_or_white_is_legible_on_every_colour() {
        for step in 0..=1000 {
            let ground = Rgb([f64::from(step) / 1000.0; 3]);
            assert!(ground.contrast(ink_on(ground)) >= 4.5);
        }
        assert!((Rgb([0.0; 3]).contrast(Rgb([1.0; 3])) - 21.0).abs() < 1e-9);
    }
}

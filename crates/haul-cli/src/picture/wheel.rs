//! Colours of positions in the source.

use super::view::Spot;
use crate::canvas::{Oklab, Rgb};

/// A colour wheel over a cloud: the hue of a position is its direction from the centre of the cloud, the chroma its
/// distance.
///
/// The wheel is a disc in Oklab, tilted: blue is left and yellow right, green above and red below, and greener
/// colours are lighter as well. So readers who cannot tell red from green see the lightness, and the whole disc
/// contrasts with white as much as with the dark background of a page (3 or more). Its rim has the largest chroma
/// that a screen can show at this lightness.
pub(super) struct Wheel {
    centre: Spot,
    /// From the centre to the rim, along both axes; above 0.
    reach: Spot,
}

/// Lightness at the centre of the disc, its tilt, and the chroma of its rim.
const LIGHTNESS: f64 = 0.59;
const TILT: f64 = 0.06;
const GREEN: f64 = 0.11;
const RED: f64 = 0.16;
const BLUE_AND_YELLOW: f64 = 0.12;

impl Wheel {
    /// The wheel over some spots. Its rim is at two standard deviations: the boundary of a uniform disc.
    pub(super) fn over(spots: impl Iterator<Item = Spot> + Clone) -> Self {
        let along = |part: fn(&Spot) -> f64| {
            let values = spots.clone().map(|spot| part(&spot));
            let count = values.clone().count().max(1) as f64;
            let mean = values.clone().sum::<f64>() / count;
            let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let reach = 2.0 * variance.sqrt();
            (mean, if reach > 0.0 { reach } else { 1.0 })
        };
        let (x, y) = (along(|spot| spot.0), along(|spot| spot.1));
        Self {
            centre: (x.0, y.0),
            reach: (x.1, y.1),
        }
    }

    /// The colour of a position; beyond the rim, the colour of the rim.
    pub(super) fn colour(&self, spot: Spot) -> Rgb {
        let x = (spot.0 - self.centre.0) / self.reach.0;
        let y = (spot.1 - self.centre.1) / self.reach.1;
        let beyond = x.hypot(y).max(1.0);
        disc(x / beyond, y / beyond)
    }
}

/// The colour at a point of the unit disc.
fn disc(x: f64, y: f64) -> Rgb {
    Oklab {
        lightness: LIGHTNESS + TILT * y,
        red: -y * if y > 0.0 { GREEN } else { RED },
        yellow: BLUE_AND_YELLOW * x,
    }
    .rgb()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Points of the disc, on circles.
    fn places() -> impl Iterator<Item = (f64, f64)> {
        (0..=8).flat_map(|r| {
            (0..48).map(move |k| {
                let (sin, cos) = (TAU * f64::from(k) / 48.0).sin_cos();
                (f64::from(r) / 8.0 * cos, f64::from(r) / 8.0 * sin)
            })
        })
    }

    #[test]
    fn every_colour_stands_out_from_light_and_from_dark_paper() {
        let [white, dark] = [1.0, f64::from(0x18) / 255.0].map(|it| Rgb([it; 3]));
        for (x, y) in places() {
            let colour = disc(x, y);
            assert!(colour.contrast(white) >= 3.0 && colour.contrast(dark) >= 3.0);
        }
    }

    /// A colour as seen without red cones, or without green ones (Viénot–Brettel–Mollon 1999), as linear light.
    fn dichromat(colour: Rgb, without: [[f64; 3]; 3]) -> [f64; 3] {
        let light = colour.0.map(|part| ((part + 0.055) / 1.055).powf(2.4));
        without.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum())
    }

    #[test]
    fn opposite_places_differ_without_a_sense_of_red_and_green() {
        let protan = [
            [0.11238, 0.88762, 0.0],
            [0.11238, 0.88762, 0.0],
            [0.00401, -0.00401, 1.0],
        ];
        let deutan = [
            [0.29275, 0.70725, 0.0],
            [0.29275, 0.70725, 0.0],
            [-0.02234, 0.02234, 1.0],
        ];
        let distance = |one: [f64; 3], other: [f64; 3]| {
            let lightness = |it: f64| it.max(0.0).cbrt();
            let parts = one.into_iter().zip(other);
            parts
                .map(|(a, b)| (lightness(a) - lightness(b)).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        for without in [protan, deutan] {
            for (x, y) in places().filter(|(x, y)| x.hypot(*y) > 0.99) {
                let [one, other] = [(x, y), (-x, -y)].map(|(x, y)| dichromat(disc(x, y), without));
                assert!(distance(one, other) > 0.1, "{x} {y}");
            }
        }
    }

    #[test]
    fn the_rim_is_at_two_standard_deviations_and_nothing_is_beyond() {
        let wheel = Wheel::over([(-1.0, 3.0), (1.0, 3.0)].into_iter());
        // A compiler may evaluate one of two equal colours, and round its cosines in another way than the machine does.
        let are_equal = |one: Rgb, other: Rgb| {
            let mut parts = one.0.into_iter().zip(other.0);
            parts.all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(are_equal(wheel.colour((2.0, 3.0)), disc(1.0, 0.0)));
        assert!(are_equal(wheel.colour((50.0, 3.0)), disc(1.0, 0.0)));
        assert!(are_equal(wheel.colour((0.0, 3.0)), disc(0.0, 0.0)));
        assert!(!are_equal(wheel.colour((1.99, 3.0)), disc(1.0, 0.0)));
    }
}

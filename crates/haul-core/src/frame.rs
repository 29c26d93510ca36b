//! The frame in which a device sees a pair of clouds.
//!
//! f32 keeps 24 bits, and an offset shared by both clouds wastes them: an offset of 100 on a unit
//! cube spoils log-marginals by 11. So both clouds are moved to the centre of their joint bounding
//! box and scaled to half-widths of at most 1, in f64, before anything is rounded. The scale is a
//! power of two: the scaling itself rounds nothing, and OT_{sᵖε}(sx, sy) = sᵖ OT_ε(x, y) brings
//! every number back exactly.

use crate::{Cost, Error, Measure, Result};

/// Centre and scale shared by two clouds.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    centre: Vec<f64>,
    scale: f64,
    diameter: f64,
}

impl Frame {
    /// The frame of two clouds of one dimension.
    pub fn joint(a: &Measure, b: &Measure) -> Self {
        let d = a.dimension();
        let mut low = vec![f64::INFINITY; d];
        let mut high = vec![f64::NEG_INFINITY; d];
        for point in a.points().chunks_exact(d).chain(b.points().chunks_exact(d)) {
            for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(point) {
                *low = low.min(x);
                *high = high.max(x);
            }
        }
        // Halves first: the sum or difference of two huge coordinates would overflow.
        let centre = low
            .iter()
            .zip(&high)
            .map(|(l, h)| 0.5 * l + 0.5 * h)
            .collect();
        let half_widths: Vec<f64> = low
            .iter()
            .zip(&high)
            .map(|(l, h)| 0.5 * h - 0.5 * l)
            .collect();
        let largest = half_widths.iter().copied().fold(0.0, f64::max);
        let scale = power_of_two_above(largest);
        let diameter = 2.0
            * scale
            * half_widths
                .iter()
                .map(|w| (w / scale).powi(2))
                .sum::<f64>()
                .sqrt();
        Self {
            centre,
            scale,
            diameter,
        }
    }

    /// The diagonal of the joint bounding box: an upper bound of every distance, in the units of
    /// the points.
    pub fn diameter(&self) -> f64 {
        self.diameter
    }

    /// What a cost measured in the frame is multiplied with to be in the units of the points.
    pub fn cost_unit(&self, cost: Cost) -> f64 {
        cost.at(self.scale)
    }

    /// The points of a measure in the frame, each coordinate in [−1, 1].
    pub fn place(&self, measure: &Measure) -> Vec<f64> {
        let mut points = measure.points().to_vec();
        for point in points.chunks_exact_mut(self.centre.len()) {
            for (x, c) in point.iter_mut().zip(&self.centre) {
                *x = *x / self.scale - c / self.scale;
            }
        }
        points
    }

    /// Brings points of the frame back into their own coordinates.
    pub(crate) fn unplace(&self, points: &mut [f64]) {
        for point in points.chunks_exact_mut(self.centre.len()) {
            for (x, c) in point.iter_mut().zip(&self.centre) {
                *x = *x * self.scale + c;
            }
        }
    }

    /// The diameter as the frame has it.
    pub(crate) fn diameter_in_frame(&self) -> f64 {
        self.diameter / self.scale
    }

    /// Refuses extents whose cost is no finite, normal f64.
    pub(crate) fn check(&self, cost: Cost) -> Result<()> {
        let largest = cost.at(self.diameter);
        if largest.is_finite() && (self.diameter == 0.0 || largest.is_normal()) {
            Ok(())
        } else {
            Err(Error::Extent {
                extent: self.diameter,
                p: cost.p(),
            })
        }
    }
}

/// The smallest power of two that is at least `x`; 1 for 0.
fn power_of_two_above(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let exponent = x.log2().ceil().clamp(-1000.0, 1000.0);
    let power = exponent.exp2();
    if power < x { 2.0 * power } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_offset_leaves_nothing_in_the_frame() {
        let a = Measure::uniform(&[100.0, 1.0, 101.0, 2.0], 2).unwrap();
        let b = Measure::uniform(&[100.5, 1.5], 2).unwrap();
        let frame = Frame::joint(&a, &b);
        assert_eq!(frame.place(&b), [0.0, 0.0]);
        assert_eq!(frame.place(&a), [-1.0, -1.0, 1.0, 1.0]);
        assert!((frame.diameter() - 2f64.sqrt()).abs() < 1e-15);
        assert_eq!(frame.cost_unit(Cost::SquaredEuclidean), 0.25);
    }

    #[test]
    fn powers_of_two_bound_from_above_and_closely() {
        for x in [1.0, 0.75, 3.0, 1e-6, 1e6, 2f64.powi(-40), 1e300] {
            let power = power_of_two_above(x);
            assert!(
                power >= x && power < 2.0 * x + f64::MIN_POSITIVE,
                "{x} {power}"
            );
            assert_eq!(power.log2().fract(), 0.0);
        }
    }
}

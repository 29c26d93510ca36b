//! The frame of two clouds on a device.
//!
//! f32 keeps 24 bits, and an offset shared by both clouds wastes them: an offset of 100 on a unit cube makes
//! log-marginals wrong by 11. So both clouds are shifted to the centre of their joint bounding box and scaled to
//! half-widths of at most 1, in f64, before anything is rounded.
//!
//! Each coordinate of the centre is rounded to a power of two times an integer, by at most a 4th of the half-width,
//! so that pairs of clouds at about the same place have the same frame. A cloud in several of these pairs is then the
//! same numbers on a device, and is uploaded once.
//!
//! The unit of length makes log2(e)/ε a power of 2^p. Exponents are base 2, so that potentials, coordinates and costs
//! are converted to exponents, and sums to potentials, by powers of two: no conversion rounds anything, at ε or at
//! any level of an annealing that halves the blur.
//! OT_{sᵖε}(sx, sy) = sᵖ OT_ε(x, y) converts every number back.

use super::{Cost, Support};
use crate::{Error, Measure, Precision, Result};
use std::borrow::Cow;
use std::f64::consts::LOG2_E;

/// The largest distance of points from the rounded centre, in half-widths of their box.
const REACH: f64 = 1.25;

/// Below this ratio of the half-width to the blur, ε is so large that the unit does not matter.
const LEAST_RATIO: f64 = 1e-100;

/// The centre and scale of two clouds.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    centre: Vec<f64>,
    half_width: f64,
    /// The widths of the joint bounding box.
    widths: Vec<f64>,
    diameter: f64,
    /// The largest distance of a point from the centre.
    radius: f64,
    scale: f64,
    /// Whether a device places the points in the frame, in f32.
    by_device: bool,
}

/// A device can place points in f32 if the unit of length is between 2^-100 and 2^100.
const FARTHEST_LOG2: f64 = 100.0;

impl Frame {
    /// The frame of two clouds of one dimension, in the units of the points.
    pub(crate) fn joint(a: &Measure, b: &Measure) -> Self {
        Self::of(&[a, b])
    }

    /// The frame of some clouds of one dimension, in the units of the points.
    pub(crate) fn of(measures: &[&Measure]) -> Self {
        let d = measures.first().map_or(0, |first| first.dimension());
        let each: Vec<_> = measures
            .iter()
            .map(|measure| Corners::of(measure))
            .collect();
        let all = || each.iter().flat_map(|points| points.0.chunks_exact(d));
        let [low, high] = corners(d, all());
        let frame = Self::of_box(&low, &high, |middle| middle);
        let Self {
            half_width, centre, ..
        } = &frame;
        let square = |point: &[f64]| -> f64 {
            let pairs = point.iter().zip(centre);
            pairs.map(|(x, c)| ((x - c) / half_width).powi(2)).sum()
        };
        let radius = if *half_width > 0.0 {
            half_width * all().map(square).fold(0.0, f64::max).sqrt()
        } else {
            0.0
        };
        Self { radius, ..frame }
    }

    /// The frame of bounding boxes measured by a device, which will also place the points; their largest distance
    /// from the centre is not known until then.
    pub(crate) fn of_device(low: &[f64], high: &[f64]) -> Self {
        Self {
            by_device: true,
            ..Self::of_box(low, high, |middle| f64::from(middle as f32))
        }
    }

    /// The same frame with the given largest distance of a point from the centre, in the unit of the frame.
    pub(crate) fn with_radius(self, radius: f64) -> Self {
        let radius = radius * self.scale;
        Self { radius, ..self }
    }

    /// The frame of a bounding box, with a centre rounded once more.
    fn of_box(low: &[f64], high: &[f64], rounded: impl Fn(f64) -> f64) -> Self {
        // Halves first: the sum or difference of two huge coordinates would overflow.
        let half_widths: Vec<f64> = low
            .iter()
            .zip(high)
            .map(|(l, h)| 0.5 * h - 0.5 * l)
            .collect();
        let largest = half_widths.iter().copied().fold(0.0, f64::max);
        // Relative to the largest: the square of a huge or tiny width would leave the range of f64.
        let relative = |width: &f64| {
            if largest > 0.0 {
                (width / largest).powi(2)
            } else {
                0.0
            }
        };
        let diameter = 2.0 * largest * half_widths.iter().map(relative).sum::<f64>().sqrt();
        let middle = |(low, high): (&f64, &f64)| {
            let exact = 0.5 * low + 0.5 * high;
            let half_width = 0.5 * high - 0.5 * low;
            let grid = power_of_two_above(half_width) / 4.0;
            let near = (exact / grid).round() * grid;
            // A width at the end of the range of f64 has no such power; its centre is not rounded.
            if (near - exact).abs() <= (REACH - 1.0) * half_width {
                near
            } else {
                exact
            }
        };
        let centre: Vec<f64> = low.iter().zip(high).map(middle).map(rounded).collect();
        let reach = |(c, (low, high)): (&f64, (&f64, &f64))| (c - low).max(high - c);
        let reaches = centre.iter().zip(low.iter().zip(high)).map(reach);
        let half_width = reaches.fold(0.0, f64::max);
        Self {
            half_width,
            radius: 0.0,
            widths: half_widths.iter().map(|width| 2.0 * width).collect(),
            centre,
            diameter,
            scale: 1.0,
            by_device: false,
        }
    }

    /// The same frame in a unit of length suited to a kernel.
    pub(crate) fn for_kernel(self, cost: Cost, epsilon: f64) -> Self {
        let unit = (epsilon / LOG2_E).powf(1.0 / cost.p());
        let ratio = self.half_width / unit;
        let scale = unit * power_of_two_above(ratio);
        // For a small p that unit may be out of the range of f64, and so may the ratio for a relatively tiny extent;
        // any other unit then works as well.
        let within = self.half_width == 0.0 || ratio >= LEAST_RATIO;
        if within && scale.is_normal() && scale >= self.half_width {
            Self { scale, ..self }
        } else {
            self.for_moments()
        }
    }

    /// The same frame without a kernel: the unit is a power of two.
    pub(crate) fn for_moments(self) -> Self {
        Self {
            scale: power_of_two_above(self.half_width),
            ..self
        }
    }

    /// The diagonal of the joint bounding box: an upper bound of every distance, in the units of
    /// the points.
    pub fn diameter(&self) -> f64 {
        self.diameter
    }

    /// An upper bound of every cost, in the units of the points.
    pub(crate) fn largest_cost(&self, cost: Cost) -> f64 {
        match cost {
            Cost::SumOverAxes(_) => self.widths.iter().map(|width| cost.at(*width)).sum(),
            _ => cost.at(self.diameter),
        }
    }

    /// The same bound in the frame. In many dimensions points are far closer to the centre than the corners of the
    /// box are.
    pub(crate) fn farthest_cost(&self, cost: Cost) -> f64 {
        match cost {
            Cost::SumOverAxes(_) => self.largest_cost(cost) / self.cost_unit(cost),
            _ => cost.at(self.farthest()),
        }
    }

    /// The factor from a cost in the frame to a cost in the units of the points.
    pub fn cost_unit(&self, cost: Cost) -> f64 {
        cost.at(self.scale)
    }

    /// The factor from a derivative of a cost in the frame to one in the units of the points.
    pub(crate) fn slope_unit(&self, cost: Cost) -> f64 {
        self.cost_unit(cost) / self.scale
    }

    /// Coordinates along an axis in the frame.
    pub(crate) fn place_axis(&self, k: usize, mut coordinates: Vec<f64>) -> Vec<f64> {
        for x in &mut coordinates {
            *x = (*x - self.centre[k]) / self.scale;
        }
        coordinates
    }

    /// The points of a measure in the frame, each coordinate in [−1, 1].
    pub fn place(&self, measure: &Measure) -> Vec<f64> {
        self.place_points(measure.points())
    }

    /// Points in the frame; points of neither cloud may lie outside [−1, 1].
    pub(crate) fn place_points(&self, points: &[f64]) -> Vec<f64> {
        let mut points = points.to_vec();
        for point in points.chunks_exact_mut(self.centre.len()) {
            for (x, c) in point.iter_mut().zip(&self.centre) {
                *x = (*x - c) / self.scale;
            }
        }
        points
    }

    /// Differences of points in the frame.
    pub(crate) fn scaled(&self, differences: &[f64]) -> Vec<f64> {
        differences.iter().map(|x| x / self.scale).collect()
    }

    /// Converts points of the frame back to their own coordinates.
    pub(crate) fn unplace(&self, points: &mut [f64]) {
        for point in points.chunks_exact_mut(self.centre.len()) {
            for (x, c) in point.iter_mut().zip(&self.centre) {
                *x = *x * self.scale + c;
            }
        }
    }

    /// The centre, in the units of the points.
    pub(crate) fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// The unit of length, in the units of the points.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// The bounding box of a measure: its least and its largest coordinates.
    pub(crate) fn corners(measure: &Measure) -> [Vec<f64>; 2] {
        let d = measure.dimension();
        corners(d, Corners::of(measure).0.chunks_exact(d))
    }

    /// The dimension of the points.
    pub(crate) fn dimension(&self) -> usize {
        self.centre.len()
    }

    /// An upper bound of every distance in the frame. In many dimensions points are far closer to the centre than the
    /// corners of the box are.
    pub(crate) fn farthest(&self) -> f64 {
        self.diameter.min(2.0 * self.radius) / self.scale
    }

    /// How far rounding of the coordinates may move two points of the frame relative to each other: the error of each
    /// coordinate is one roundoff of its distance from the centre, and three more in f64, where features are computed
    /// from scores, and coordinates shifted and scaled.
    pub(crate) fn moved(&self, precision: Precision) -> f64 {
        let roundings = match precision {
            // A difference, its product with two parts of a factor, and their sum.
            Precision::F32 if self.by_device => 4.0,
            Precision::F32 => 1.0,
            Precision::F64 => 4.0,
        };
        roundings * precision.unit_roundoff() * 2.0 * self.radius / self.scale
    }

    /// Refuses extents that a device cannot place in f32.
    pub(crate) fn check_floats(&self) -> Result<()> {
        if self.half_width == 0.0 || self.scale.log2().abs() <= FARTHEST_LOG2 {
            return Ok(());
        }
        Err(Error::FloatExtent {
            extent: self.diameter,
        })
    }

    /// Refuses extents whose cost is not a finite, normal f64.
    pub(crate) fn check(&self, cost: Cost) -> Result<()> {
        let largest = self.largest_cost(cost);
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

/// Points with the same bounding box, and the same largest distance from a centre, as a measure: all points of a
/// cloud, the corners of a grid.
struct Corners<'m>(Cow<'m, [f64]>);

impl<'m> Corners<'m> {
    fn of(measure: &'m Measure) -> Self {
        Self(match measure.support() {
            Support::Cloud { points, .. } => Cow::Borrowed(points),
            Support::Grid(grid) => {
                let (first, last) = (grid.origin(), grid.last());
                let ends: Vec<_> = first.iter().zip(last).map(|(x, y)| [*x, y]).collect();
                let axes: Vec<&[f64]> = ends.iter().map(<[f64; 2]>::as_slice).collect();
                Cow::Owned(super::product(&axes))
            }
        })
    }
}

/// The least and the largest coordinates of points in d dimensions.
fn corners<'p>(d: usize, points: impl Iterator<Item = &'p [f64]>) -> [Vec<f64>; 2] {
    let (mut low, mut high) = (vec![f64::INFINITY; d], vec![f64::NEG_INFINITY; d]);
    for point in points {
        for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(point) {
            *low = low.min(x);
            *high = high.max(x);
        }
    }
    [low, high]
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

    fn pair() -> (Measure, Measure) {
        let a = Measure::uniform(&[100.0, 1.0, 101.0, 2.0], 2).unwrap();
        let b = Measure::uniform(&[100.5, 1.5], 2).unwrap();
        (a, b)
    }

    #[test]
    fn a_shared_offset_leaves_nothing_in_the_frame() {
        let (a, b) = pair();
        let frame = Frame::joint(&a, &b);
        assert_eq!(frame.place(&b), [0.0, 0.0]);
        assert_eq!(frame.place(&a), [-0.5, -0.5, 0.5, 0.5]);
        assert!((frame.diameter() - 2f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn pairs_at_one_place_have_one_frame() {
        let square = |x: f64, y: f64, side: f64| {
            let points = [x, y, x + side, y, x, y + side, x + side, y + side];
            Measure::uniform(&points, 2).unwrap()
        };
        let all = [
            square(5.0, 3.0, 1.0),
            square(5.03, 2.98, 0.97),
            square(4.96, 3.01, 1.02),
        ];
        let frame = |i: usize, j: usize, epsilon| {
            Frame::joint(&all[i], &all[j]).for_kernel(Cost::power(2.0).unwrap(), epsilon)
        };
        let placed = |frame: Frame| frame.place(&all[0]);
        for (i, j) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            assert_eq!(
                placed(frame(0, 0, 0.01)),
                placed(frame(i, j, 0.01)),
                "{i} {j}"
            );
        }
        assert_ne!(placed(frame(0, 0, 0.01)), placed(frame(0, 0, 0.02)));
        // A rounded centre leaves the points in the frame, wherever the box is.
        for step in 0..1000 {
            let x = 7.0 + 1e-3 * f64::from(step);
            let (a, b) = (square(x, -x, 1.0 + 1e-4 * x), square(x + 0.1, 0.0, 0.3));
            let frame = Frame::joint(&a, &b).for_kernel(Cost::power(2.0).unwrap(), 0.01 * x);
            let placed = [frame.place(&a), frame.place(&b)].concat();
            let largest = placed.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(largest <= 1.0 && largest > 0.5, "{x} {largest}");
        }
    }

    #[test]
    fn a_centre_is_rounded_by_a_4th_of_the_half_width_at_most_whatever_that_is() {
        for exponent in (-1022..1020).step_by(7) {
            let half = 1.3 * f64::from(exponent).exp2();
            for place in [0.0, 0.3, 5.0] {
                let (low, high) = (half * (place - 1.0), half * (place + 1.0));
                let pair = Measure::uniform(&[low, high], 1).unwrap();
                let frame = Frame::joint(&pair, &pair);
                let reach = frame.half_width / half;
                assert!(
                    (0.999..=REACH + 1e-9).contains(&reach),
                    "{half} {place} {reach}"
                );
            }
        }
    }

    #[test]
    fn exponents_are_powers_of_two_away_and_points_fill_the_frame() {
        let (a, b) = pair();
        for p in [0.5, 1.0, 1.5, 2.0] {
            let cost = Cost::power(p).unwrap();
            for epsilon in [1e-6, 0.0317, 1.0, 500.0] {
                let frame = Frame::joint(&a, &b).for_kernel(cost, epsilon);
                let sharpness = LOG2_E / (epsilon / frame.cost_unit(cost));
                let exponent = sharpness.log2() / cost.p();
                assert!(
                    (exponent - exponent.round()).abs() < 1e-12,
                    "{epsilon} {exponent}"
                );
                let largest = frame.place(&a).into_iter().fold(0.0, f64::max);
                assert!(
                    largest <= 1.0 && largest > 0.5 - 1e-12,
                    "{epsilon} {largest}"
                );
                let mut back = frame.place(&a);
                frame.unplace(&mut back);
                assert!(
                    back.iter()
                        .zip(a.points())
                        .all(|(x, y)| (x - y).abs() < 1e-12)
                );
            }
        }
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

//! The size of a distance relative to the clouds: its fraction of their diameter, the diagonal of the box around both;
//! and clouds that are equal.

use crate::number::percent;
use haul::{Extent, Measure};

/// A cloud with fewer points than this does not count as a sample.
pub(crate) const FEW: usize = 16;

/// The size of two clouds, in the units of their points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The diagonal of the bounding box of both.
    diameter: f64,
}

impl Scale {
    pub(crate) fn of([source, target]: [&Measure; 2]) -> Self {
        let [a, b] = [source, target].map(Extent::of);
        let low = a.low.iter().zip(&b.low).map(|(a, b)| a.min(*b));
        let high = a.high.iter().zip(&b.high).map(|(a, b)| a.max(*b));
        let widths = low.zip(high).map(|(low, high)| high - low);
        Self {
            diameter: widths.fold(0.0, f64::hypot),
        }
    }

    /// A length as a fraction of the diameter: `9.3%`; `None` if the clouds have no extent.
    pub(crate) fn share(&self, length: f64) -> Option<String> {
        let share = length / self.diameter;
        share.is_finite().then(|| percent(share))
    }
}

/// Whether two measures are equal: the same points with the same weights, in any order.
pub(crate) fn are_equal([a, b]: [&Measure; 2]) -> bool {
    let sorted = |measure: &Measure| {
        let points = measure.points().chunks_exact(measure.dimension());
        let rows = points.zip(measure.weights());
        let bits = |(point, weight): (&[f64], &f64)| -> Vec<u64> {
            // The sum removes the sign of a zero.
            let all = point.iter().chain(std::iter::once(weight));
            all.map(|x| (x + 0.0).to_bits()).collect()
        };
        let mut rows: Vec<_> = rows.map(bits).collect();
        rows.sort_unstable();
        rows
    };
    (a.len(), a.dimension()) == (b.len(), b.dimension()) && sorted(a) == sorted(b)
}

/// The sentence about equal measures; `None` for others.
pub(crate) fn equal_in_words(clouds: [&Measure; 2]) -> Option<String> {
    let equal = "The clouds are equal: the same points with the same weights.";
    are_equal(clouds).then(|| equal.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A square of 20 × 20 points with sides of 19, moved to the right.
    fn square(moved: f64) -> Measure {
        let points = (0..400).flat_map(|k| [f64::from(k % 20) + moved, f64::from(k / 20)]);
        Measure::uniform(&points.collect::<Vec<_>>(), 2).unwrap()
    }

    #[test]
    fn a_distance_is_a_share_of_the_box_around_both_clouds() {
        let scale = Scale::of([&square(0.0), &square(5.0)]);
        let diameter = 24_f64.hypot(19.0);
        assert_eq!(scale.share(0.25 * diameter).unwrap(), "25%");
        // A single point has no diameter, so no length has a fraction of it.
        let point = Measure::uniform(&[1.0, 1.0], 2).unwrap();
        assert_eq!(Scale::of([&point, &point]).share(0.0), None);
    }

    #[test]
    fn measures_are_equal_in_any_order_and_not_with_other_weights() {
        let of = |points: &[f64], weights: &[f64]| {
            Measure::new(points.to_vec(), 2, weights.to_vec()).unwrap()
        };
        let one = of(&[0.0, 1.0, 2.0, 3.0], &[1.0, 2.0]);
        assert!(are_equal([&one, &of(&[2.0, 3.0, -0.0, 1.0], &[2.0, 1.0])]));
        for other in [
            of(&[2.0, 3.0, 0.0, 1.0], &[1.0, 2.0]),
            of(&[0.0, 1.0, 2.0, 3.5], &[1.0, 2.0]),
            of(&[0.0, 1.0], &[3.0]),
        ] {
            assert!(!are_equal([&one, &other]));
        }
    }
}

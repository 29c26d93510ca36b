//! The size of a distance relative to the clouds: its fraction of their diameter, and whether it exceeds the spacing
//! of their points, below which two samples of one shape differ from each other.

use crate::input;
use crate::number::{percent, significant};
use haul::{Bounds, Extent, Measure, spacing};

/// A cloud with fewer points than this does not count as a sample.
pub(crate) const FEW: usize = 16;

/// A distance of at most this many spacings may be that of two samples of one shape: in two and three dimensions W₂
/// between two samples is one to three times the median distance to the nearest other point.
pub(crate) const NEAR: f64 = 3.0;

/// A distance of this many spacings is far above the spacing.
pub(crate) const FAR: f64 = 10.0;

/// The sizes of two clouds, in the units of their points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The diagonal of the bounding box of both.
    diameter: f64,
    /// The median distance from a point to the nearest other one, for the cloud where that is larger; `None` if a
    /// cloud is too small to be a sample, or if half of its points are duplicates.
    spacing: Option<f64>,
    /// Whether both are on grids, which are no samples: the spacing is the side of a cell.
    grids: bool,
}

impl Scale {
    pub(crate) fn of([source, target]: [&Measure; 2]) -> Self {
        let [a, b] = [source, target].map(Extent::of);
        let low = a.low.iter().zip(&b.low).map(|(a, b)| a.min(*b));
        let high = a.high.iter().zip(&b.high).map(|(a, b)| a.max(*b));
        let widths = low.zip(high).map(|(low, high)| high - low);
        let spacings = [source, target].map(|cloud| {
            let sample = cloud.len() >= FEW;
            let spacing = sample.then(|| spacing(cloud)).flatten();
            spacing.filter(|spacing| *spacing > 0.0 && spacing.is_finite())
        });
        Self {
            diameter: widths.fold(0.0, f64::hypot),
            spacing: match spacings {
                [Some(a), Some(b)] => Some(a.max(b)),
                _ => None,
            },
            grids: [source, target]
                .iter()
                .all(|it| input::on_grid(it).is_some()),
        }
    }

    /// A length as a fraction of the diameter: `9.3%`; `None` if the clouds have no extent.
    pub(crate) fn share(&self, length: f64) -> Option<String> {
        let share = length / self.diameter;
        share.is_finite().then(|| percent(share))
    }

    /// A sentence that compares a distance and its bounds with the spacing of the points.
    pub(crate) fn sentence(&self, distance: f64, bounds: Bounds) -> Option<String> {
        let spacing = self.spacing?;
        self.clear_sentence(bounds).or_else(|| {
            let times = significant(distance / spacing, 2);
            Some(format!("It is {times} times {}.", self.spacing_of(spacing)))
        })
    }

    /// The sentence for a distance with only bounds; `None` if these do not decide whether it is near the spacing or
    /// far above it.
    pub(crate) fn clear_sentence(&self, Bounds { lower, upper }: Bounds) -> Option<String> {
        let spacing = self.spacing?;
        let of = self.spacing_of(spacing);
        if self.grids {
            let below = upper <= spacing;
            return below.then(|| format!("It is below {of}."));
        }
        if upper <= spacing {
            Some(format!("It is below {of}: sampling alone may explain it."))
        } else if upper <= NEAR * spacing {
            Some(format!("It is about {of}: sampling alone may explain it."))
        } else if lower >= FAR * spacing {
            Some(format!("It is far above {of}."))
        } else {
            None
        }
    }

    fn spacing_of(&self, spacing: f64) -> String {
        let what = match self.grids {
            true => "the side of a cell",
            false => "the spacing of the points",
        };
        format!("{what} ({})", significant(spacing, 2))
    }
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

    fn exactly(length: f64) -> Bounds {
        Bounds {
            lower: length,
            upper: length,
        }
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
    fn a_distance_is_held_against_the_spacing_by_its_bounds() {
        let scale = Scale::of([&square(0.0), &square(1.0)]);
        let told = |distance, bounds| scale.sentence(distance, bounds).unwrap();
        assert!(told(0.5, exactly(0.5)).starts_with("It is below the spacing of the points (1)"));
        assert!(
            told(2.0, exactly(2.0)).contains("about")
                && told(2.0, exactly(2.0)).contains("sampling")
        );
        assert_eq!(
            told(5.23, exactly(5.23)),
            "It is 5.2 times the spacing of the points (1)."
        );
        assert_eq!(
            told(12.0, exactly(12.0)),
            "It is far above the spacing of the points (1)."
        );
        // No sentence that the bounds do not support.
        let wide = Bounds {
            lower: 0.0,
            upper: 40.0,
        };
        for distance in [0.5, 2.0, 12.0] {
            assert!(told(distance, wide).contains(" times "));
        }
        assert_eq!(scale.clear_sentence(wide), None);
    }

    #[test]
    fn on_grids_nothing_is_said_of_sampling() {
        let grid = haul::Grid::new(&[20, 20], &[1.0; 2], &[0.0; 2]).unwrap();
        let image = Measure::grid(grid, vec![1.0; 400]).unwrap();
        let scale = Scale::of([&image, &image]);
        let told = |distance| scale.sentence(distance, exactly(distance)).unwrap();
        assert_eq!(told(0.5), "It is below the side of a cell (1).");
        assert_eq!(told(2.0), "It is 2 times the side of a cell (1).");
        assert_eq!(told(12.0), "It is 12 times the side of a cell (1).");
        // Beside a cloud the points are a sample.
        let beside = Scale::of([&image, &square(0.0)]);
        assert!(
            beside
                .sentence(0.5, exactly(0.5))
                .unwrap()
                .contains("sampling")
        );
    }

    #[test]
    fn clouds_that_are_no_samples_have_no_spacing_to_be_held_against() {
        let few = Measure::uniform(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2).unwrap();
        let twice = Measure::uniform(&[0.5; 200], 2).unwrap();
        for other in [&few, &twice] {
            let scale = Scale::of([&square(0.0), other]);
            assert_eq!(scale.sentence(3.0, exactly(3.0)), None);
        }
    }
}

//! The centres of two clouds: a part of their distance that a translation removes.

use crate::number::{percent, short};
use haul::Measure;

/// Where the distance between the centres makes up more than this part of a square, the rest, which is what a rigid
/// comparison would find, is less than a third of that distance.
const MOST: f64 = 0.9;

/// The mean of a measure.
pub(crate) fn centre(measure: &Measure) -> Vec<f64> {
    let d = measure.dimension();
    let mut mean = vec![0.0; d];
    for (point, weight) in measure.points().chunks_exact(d).zip(measure.weights()) {
        for (mean, x) in mean.iter_mut().zip(point) {
            *mean += weight / measure.mass() * x;
        }
    }
    mean
}

/// The distance between the centres of two measures.
pub(crate) fn apart(clouds: [&Measure; 2]) -> f64 {
    let [a, b] = clouds.map(centre);
    a.iter()
        .zip(&b)
        .fold(0.0_f64, |far, (a, b)| far.hypot(a - b))
}

/// The advice to align clouds first, if the distance between their centres is most of a squared distance with this
/// name.
pub(crate) fn hint(apart: f64, square: f64, name: &str) -> Option<String> {
    let share = apart * apart / square;
    (share > MOST && square > 0.0).then(|| {
        format!(
            "{} apart, whose square is {} of {name}; to compare forms, bring the first cloud onto the second by haul align",
            short(apart),
            percent(share.min(1.0))
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn clouds_that_differ_by_their_places_are_to_be_aligned() {
        let at = |x: f64| Measure::new(vec![x, 0.0, x + 4.0, 0.0], 2, vec![3.0, 1.0]).unwrap();
        assert_eq!(centre(&at(0.0)), [1.0, 0.0]);
        assert_eq!(apart([&at(0.0), &at(2.5)]), 2.5);
        assert!(
            hint(2.5, 2.5 * 2.5, "S_ε")
                .unwrap()
                .starts_with("2.5 apart, whose square is 100% of S_ε")
        );
        assert_eq!(hint(2.5, 7.5, "S_ε"), None);
        assert_eq!(hint(0.0, 0.0, "S_ε"), None);
    }
}

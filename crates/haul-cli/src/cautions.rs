//! Warnings about the size and the density of clouds, before any solve.

use crate::number::short;
use crate::scale::FEW;
use haul::{Extent, Measure, spacing};
use std::path::Path;

/// Clouds whose diagonals differ by this factor are rarely meant to be compared unscaled.
const UNLIKE: f64 = 10.0;

/// Warnings about two clouds that are about to be compared at a blur; empty if nothing is unusual.
pub(crate) fn cautions(sides: [(&Path, &Measure); 2], blur: f64) -> Vec<String> {
    let diagonals = sides.map(|(_, measure)| Extent::of(measure).diagonal());
    let [small, large] = if diagonals[0] <= diagonals[1] {
        [0, 1]
    } else {
        [1, 0]
    };
    let across = |side: usize| {
        let (file, _) = sides[side];
        format!("{} is {} across", file.display(), short(diagonals[side]))
    };
    let mut cautions = Vec::new();
    if diagonals[small] > 0.0 && diagonals[large] > UNLIKE * diagonals[small] {
        cautions.push(format!(
            "{}, {}: where these are not in one unit, scale one of them",
            across(small),
            across(large)
        ));
    }
    if diagonals[small] > 0.0 && blur > diagonals[small] {
        cautions.push(format!(
            "the blur is {}, and {}: nothing of its form is seen; give a smaller --blur",
            short(blur),
            across(small)
        ));
    }
    cautions.extend(too_fine(blur, sides.map(|(_, measure)| measure)));
    cautions
}

/// Warning about a blur that is far below the spacing of some of the clouds.
pub(crate) fn too_fine<'m>(
    blur: f64,
    measures: impl IntoIterator<Item = &'m Measure>,
) -> Option<String> {
    let samples = measures.into_iter().filter(|measure| measure.len() >= FEW);
    let widest = samples.filter_map(spacing).fold(0.0, f64::max);
    (blur < 0.5 * widest).then(|| {
        format!(
            "the blur is {}, and neighbouring points are {} apart: below that the noise of sampling is compared, and convergence is slow",
            short(blur),
            short(widest)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unusual_is_told_and_nothing_else() {
        let square = |side: f64| {
            let points = (0..400)
                .flat_map(|k| [f64::from(k % 20), f64::from(k / 20)].map(|x| side * x / 19.0));
            Measure::uniform(&points.collect::<Vec<_>>(), 2).unwrap()
        };
        let told = |a: &Measure, b: &Measure, blur: f64| {
            cautions([(Path::new("a.ply"), a), (Path::new("b.ply"), b)], blur)
        };
        let (one, two, twenty) = (square(1.0), square(2.0), square(20.0));
        assert_eq!(told(&one, &two, 0.15), [""; 0]);
        let unlike = told(&twenty, &one, 1.2);
        assert_eq!(
            unlike,
            [
                "b.ply is 1.414 across, a.ply is 28.28 across: where these are not in one unit, scale one of them"
            ]
        );
        let large = told(&one, &two, 1.5);
        assert!(
            large.len() == 1 && large[0].contains("the blur is 1.5, and a.ply is 1.414 across")
        );
        assert_eq!(told(&one, &two, 0.1), [""; 0]);
        let small = told(&one, &two, 0.05);
        assert!(
            small.len() == 1 && small[0].contains("neighbouring points are 0.1053 apart"),
            "{small:?}"
        );
        // A single point has neither a shape nor neighbours.
        let point = Measure::uniform(&[0.5, 0.5], 2).unwrap();
        assert_eq!(told(&one, &point, 0.02), told(&one, &one, 0.02));
        assert_eq!(told(&point, &point, 0.1), [""; 0]);
    }
}

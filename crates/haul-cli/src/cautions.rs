//! Warnings about the size and the density of clouds, before any solve.

use crate::input;
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
    cautions.extend(
        sides
            .iter()
            .filter_map(|(file, measure)| doubtful(file, measure)),
    );
    cautions
}

/// Warning about an array that was read as points and looks like an image, and about an image whose ground is heavy.
pub(crate) fn doubtful(file: &Path, measure: &Measure) -> Option<String> {
    let (n, d) = (measure.len(), measure.dimension());
    let name = file.display();
    let Some(grid) = input::on_grid(measure) else {
        let is_array = haul_files::file_of(file)
            .extension()
            .is_some_and(|it| it == "npy");
        return (is_array && d >= LEAST_SIDE && n <= 4 * d && d <= 4 * n).then(|| {
            format!("{name} is read as {n} points in dimension {d}; if it is an image, add --grid")
        });
    };
    let [rows, columns] = *grid.shape() else {
        return None;
    };
    let border = |i: usize| {
        i < columns
            || i >= n - columns
            || i.is_multiple_of(columns)
            || (i + 1).is_multiple_of(columns)
    };
    let on_border: Vec<f64> = (0..n)
        .filter(|i| border(*i))
        .map(|i| measure.weights()[i])
        .collect();
    let most = measure.weights().iter().copied().fold(0.0, f64::max);
    let mean = on_border.iter().sum::<f64>() / on_border.len().max(1) as f64;
    (rows.min(columns) >= LEAST_SIDE && mean > HEAVY * most).then(|| {
        format!(
            "the ground of {name} is mass: its edge is about as heavy as its heaviest cells; --invert exchanges light and dark"
        )
    })
}

/// An array with fewer rows or columns is hardly an image.
const LEAST_SIDE: usize = 16;

/// An edge with this share of the largest mass is a heavy ground.
const HEAVY: f64 = 0.9;

/// Warning about a blur that is far below the spacing of some of the clouds.
pub(crate) fn too_fine<'m>(
    blur: f64,
    measures: impl IntoIterator<Item = &'m Measure>,
) -> Option<String> {
    if blur <= 0.0 {
        // It is refused.
        return None;
    }
    let samples = measures.into_iter().filter(|measure| measure.len() >= FEW);
    let spaced = samples.filter_map(|measure| Some((spacing(measure)?, measure)));
    let widest = spaced.max_by(|(one, _), (other, _)| one.total_cmp(other));
    let (widest, measure) = widest.filter(|(widest, _)| blur < 0.5 * widest)?;
    let (blur, widest) = (short(blur), short(widest));
    Some(match input::on_grid(measure) {
        Some(_) => format!(
            "the blur is {blur}, and the side of a cell is {widest}: below that a blur changes little, and convergence is slow"
        ),
        None => format!(
            "the blur is {blur}, and neighbouring points are {widest} apart: below that the noise of sampling is compared, and convergence is slow"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_look_like_points_and_grounds_that_are_mass_are_told() {
        let square = Measure::uniform(&vec![0.5; 20 * 32], 32).unwrap();
        let told = |file: &str, measure: &Measure| doubtful(Path::new(file), measure);
        assert!(
            told("a.npy", &square)
                .unwrap()
                .contains("20 points in dimension 32")
        );
        assert_eq!(told("a.csv", &square), None);
        let embedding = Measure::uniform(&vec![0.5; 400 * 32], 32).unwrap();
        assert_eq!(told("a.npy", &embedding), None);
        let image = |ground: f64| {
            let grid = haul::Grid::new(&[20, 20], &[0.05; 2], &[0.0; 2]).unwrap();
            let inside = |i: usize| (5..15).contains(&(i / 20)) && (5..15).contains(&(i % 20));
            let masses = (0..400).map(|i| if inside(i) { 0.5 } else { ground });
            Measure::grid(grid, masses.collect()).unwrap()
        };
        assert!(told("a.png", &image(1.0)).unwrap().contains("--invert"));
        assert_eq!(told("a.png", &image(0.0)), None);
        let fine = too_fine(0.01, [&image(0.0)]).unwrap();
        assert!(fine.contains("the side of a cell is 0.05"), "{fine}");
    }

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

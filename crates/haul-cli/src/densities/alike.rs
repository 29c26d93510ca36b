//! Whether measures can be averaged, or be mixtures of each other.

use super::shape;
use crate::input::on_grid;
use crate::number::plain;
use anyhow::{Result, bail};
use haul::Measure;
use haul_files as formats;
use std::path::{Path, PathBuf};

/// Refuses measures that differ in kind, dimension, extent or mass; errors name their files.
pub(crate) fn check_alike(files: &[&PathBuf], measures: &[&Measure]) -> Result<()> {
    let mut both = files.iter().zip(measures);
    let Some((first_file, first)) = both.next() else {
        return Ok(());
    };
    for (file, input) in both {
        let names = || format!("{} and {}", first_file.display(), file.display());
        match (on_grid(first), on_grid(input)) {
            (Some(one), Some(other)) => {
                let sides = [one, other].map(|grid| {
                    let sides = grid.shape().iter().zip(grid.spacing());
                    sides.map(|(n, side)| *n as f64 * side).collect::<Vec<_>>()
                });
                let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.max(*b);
                let alike =
                    sides[0].len() == sides[1].len() && sides[0].iter().zip(&sides[1]).all(close);
                if !alike {
                    bail!(
                        "{}: grids of {} and of {} do not cover one region; give images whose sides have one ratio",
                        names(),
                        shape(one),
                        shape(other)
                    );
                }
            }
            (None, None) if first.dimension() != input.dimension() => {
                let [one, other] = [first, input].map(|it| it.dimension());
                bail!(
                    "{}: the dimensions are {one} and {other}; give points of one space",
                    names()
                );
            }
            (None, None) => {}
            _ => bail!(
                "{}: one holds masses on a grid and the other points; give inputs of one kind, or --grid for arrays",
                names()
            ),
        }
        if (first.mass() - input.mass()).abs() > 1e-6 * first.mass() {
            bail!(
                "{}: the masses differ: {} and {}; scale all to 1 with --normalize",
                names(),
                plain(first.mass()),
                plain(input.mass())
            );
        }
    }
    Ok(())
}

/// Refuses measures that are not on grids of one shape; errors name their files.
pub(crate) fn check_shapes(files: &[&PathBuf], measures: &[&Measure]) -> Result<()> {
    let mut both = files.iter().zip(measures);
    let Some((first_file, first)) = both.next() else {
        return Ok(());
    };
    let Some(first) = on_grid(first) else {
        bail!(
            "{}: holds points; name images, or arrays of masses on a grid",
            first_file.display()
        );
    };
    for (file, measure) in both {
        let found = on_grid(measure).map_or_else(|| "points".to_owned(), shape);
        if on_grid(measure).is_none_or(|grid| grid.shape() != first.shape()) {
            bail!(
                "{} and {}: these are {} and {found}; give images of one size",
                first_file.display(),
                file.display(),
                shape(first)
            );
        }
    }
    Ok(())
}

/// Whether a file is an array, which may be an image.
pub(crate) fn is_array(file: &Path) -> bool {
    let file = formats::file_of(file);
    file.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

//! What the coordinates of clouds are called. Clouds are compared by the positions of their columns, so that columns in
//! another order, or of another kind, would give a wrong number without a sign of it.

use crate::input::{Cloud, Input, on_grid, quoted};
use crate::number::short;
use anyhow::{Result, bail};
use haul_files::Placement;
use std::path::Path;
use std::sync::Arc;

/// More names than this are not listed in a message.
const LISTED: usize = 8;

/// A file, and the names of the coordinates in its header.
pub(crate) type Named<'n> = (&'n Path, Option<&'n [String]>);

/// Compares the names of the coordinates of clouds: a warning where they differ from those of the first file that has
/// names. Files without names are taken as they are, and so are clouds of another dimension, which are refused later.
///
/// # Errors
///
/// Files whose coordinates have the same names in another order, with the option that settles the order.
pub(crate) fn compared<'n>(clouds: impl IntoIterator<Item = Named<'n>>) -> Result<Option<String>> {
    let mut named = clouds
        .into_iter()
        .filter_map(|(file, names)| Some((file, names?)));
    let Some(first) = named.next() else {
        return Ok(None);
    };
    let (mut warning, mut others) = (None, 0);
    for other in named {
        if other.1.len() != first.1.len() || differing(first.1, other.1).next().is_none() {
            continue;
        }
        if in_another_order(first.1, other.1) {
            bail!(refused(first, other));
        }
        match warning {
            None => warning = Some(differ(first, other)),
            Some(_) => others += 1,
        }
    }
    Ok(warning.map(|warning| match others {
        0 => warning,
        1 => format!("{warning}; those of another file differ as well"),
        _ => format!("{warning}; those of {others} other files differ as well"),
    }))
}

/// [`compared`] for the clouds of a task, and a warning about volumes whose voxels lie elsewhere.
///
/// # Errors
///
/// Those of [`compared`].
pub(crate) fn of_task(inputs: &[Input<'_>], clouds: &[Arc<Cloud>]) -> Result<Option<String>> {
    let named = inputs.iter().zip(clouds);
    let named = named.map(|(input, cloud)| (input.points, cloud.names.as_deref()));
    Ok(compared(named)?.or_else(|| elsewhere(inputs, clouds)))
}

/// A warning about the first volume of the shape of the first one whose voxels lie elsewhere in space, because voxels are
/// compared by their indices.
fn elsewhere(inputs: &[Input<'_>], clouds: &[Arc<Cloud>]) -> Option<String> {
    let mut volumes = inputs.iter().zip(clouds).filter_map(|(input, cloud)| {
        let shape = on_grid(&cloud.measure)?.shape();
        Some((input.points.display(), cloud.placement?, shape))
    });
    let (first, own, shape) = volumes.next()?;
    volumes.filter(|other| other.2 == shape).find_map(|(file, other, _)| {
        let apart = own.apart(&other, shape);
        (apart > Placement::NEAR).then(|| {
            format!(
                "{first} and {file}: voxels of one index lie up to {} sides of a voxel apart in space, and they are compared by their \
                 indices; resample one of the volumes to the grid of the other one",
                short(apart)
            )
        })
    })
}

/// The places in which lists of names differ.
fn differing<'n>(a: &'n [String], b: &'n [String]) -> impl Iterator<Item = usize> {
    let places = a.iter().zip(b).enumerate();
    places.filter_map(|(place, (a, b))| (!same(a, b)).then_some(place))
}

/// Whether names of columns are the same, as `--columns` has it.
fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

/// Whether two lists have the same names, each of them once, in another order.
fn in_another_order(a: &[String], b: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names: Vec<_> = names
            .iter()
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        names.sort_unstable();
        names
    };
    let (a, b) = (sorted(a), sorted(b));
    a == b && a.windows(2).all(|pair| pair[0] != pair[1])
}

/// The error for the same names in another order.
fn refused((a, first): (&Path, &[String]), (b, second): (&Path, &[String])) -> String {
    let selects = |name: &String| !name.contains(',') && !name.starts_with('-');
    let advice = match first.iter().all(selects) {
        true if first.len() <= LISTED => {
            let names = quoted(&first.join(","));
            format!("select them in one order for all files: --columns {names}")
        }
        true => "select them in one order for all files: --columns with their names".to_owned(),
        false => "write the files with one order of columns".to_owned(),
    };
    format!(
        "{} and {}: {}, in another order; {advice}",
        a.display(),
        b.display(),
        both(first, second),
    )
}

/// The warning for other names.
fn differ((a, first): (&Path, &[String]), (b, second): (&Path, &[String])) -> String {
    format!(
        "{} and {}: {}; they are compared in this order, whatever their names: --columns selects others",
        a.display(),
        b.display(),
        both(first, second),
    )
}

/// What the coordinates of two files are called: all of them, or the first that differs.
fn both(a: &[String], b: &[String]) -> String {
    if a.len() <= LISTED {
        return format!("the coordinates are {} and {}", a.join(", "), b.join(", "));
    }
    let mut places = differing(a, b);
    let place = places.next().unwrap_or(0);
    let others = match places.count() {
        0 => String::new(),
        count => format!(", and {count} more differ"),
    };
    format!(
        "coordinate {} is {} and {}{others}",
        place + 1,
        a[place],
        b[place]
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Result<Option<String>, String> {
        let names: Vec<Option<Vec<String>>> = files
            .iter()
            .map(|(_, names)| {
                let names = names.split(' ').map(str::to_owned).collect::<Vec<_>>();
                (names != [""]).then_some(names)
            })
            .collect();
        let clouds = files.iter().zip(&names);
        compared(clouds.map(|((file, _), names)| (Path::new(*file), names.as_deref())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn names_in_another_order_are_refused_and_others_are_told() {
        for same in [
            &[("a.csv", "x y"), ("b.csv", "X y")][..],
            &[("a.csv", "x y"), ("b.npy", "")],
            &[("a.csv", "x y"), ("b.csv", "x y z")],
        ] {
            assert_eq!(told(same), Ok(None));
        }
        let refused = told(&[("a.npy", ""), ("b.csv", "x y"), ("c.csv", "y X")]).unwrap_err();
        assert!(
            refused.contains("b.csv and c.csv") && refused.ends_with(": --columns x,y"),
            "{refused}"
        );
        let spaced = told(&[("a.csv", "x,1 y"), ("b.csv", "y x,1")]).unwrap_err();
        assert!(
            spaced.ends_with("write the files with one order of columns"),
            "{spaced}"
        );
        let warned = told(&[("a.csv", "x y"), ("b.csv", "u v"), ("c.csv", "u v")]);
        let warned = warned.unwrap().unwrap();
        for part in ["a.csv and b.csv", "x, y and u, v", "those of another file"] {
            assert!(warned.contains(part), "{warned}");
        }
        // Where a name is there twice, it selects nothing.
        let twice = told(&[("a.csv", "x x y"), ("b.csv", "x y x")])
            .unwrap()
            .unwrap();
        assert!(twice.contains("in this order"), "{twice}");
    }

    #[test]
    fn of_many_names_the_first_that_differs_is_told() {
        let names = |last: [&str; 2]| {
            let genes = (0..5000).map(|k| format!("g{k}"));
            genes
                .chain(last.map(str::to_owned))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (a, b) = (names(["p", "q"]), names(["r", "q"]));
        let warned = told(&[("a.csv", &a), ("b.csv", &b)]).unwrap().unwrap();
        assert!(
            warned.contains("coordinate 5001 is p and r;") && warned.len() < 300,
            "{warned}"
        );
        let swapped = told(&[("a.csv", &a), ("b.csv", &names(["q", "p"]))]).unwrap_err();
        assert!(
            swapped.contains("--columns with their names") && swapped.len() < 300,
            "{swapped}"
        );
    }
}

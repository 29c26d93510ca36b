//! `haul thin`: what the commands would make of a cloud, as a file.

use crate::arguments::Thin;
use crate::files::{self, Uses};
use crate::formats;
use crate::input;
use crate::outcome::{self, Outcome};
use crate::report::short;
use crate::rows::Rows;
use anyhow::{Context, Result};
use std::path::Path;

pub(crate) fn run(thin: &Thin) -> Result<Outcome> {
    let Thin {
        input,
        output,
        treatment,
    } = thin;
    let uses = Uses::of_command().reads([&**input]);
    files::check_apart(&[uses.writes([&**output])])?;
    let cloud = input::cloud(input, treatment)?;
    let (d, before) = (cloud.dimension, cloud.points.len() / cloud.dimension);
    formats::check_cloud(output, treatment.format, d)?;
    let cloud = treatment.apply(cloud)?;
    let weighted = cloud.weights.is_some();
    let measure = input::measure(cloud, treatment).with_context(|| input.display().to_string())?;
    let weights = measure.weights();
    let equal = weights.iter().all(|weight| *weight == weights[0]);
    // Where there is no place for weights, points weigh the same.
    let stored = weighted && (!equal || formats::holds_weights(output, treatment.format)?);
    let weights = stored.then_some(weights);
    formats::write_cloud(output, treatment.format, measure.points(), d, weights)?;
    if weighted && !stored && (measure.mass() - 1.0).abs() > 1e-9 {
        let (file, mass) = (output.display(), short(measure.mass()));
        outcome::warn(&format!(
            "{file} has no place for weights: its mass is 1 where it was {mass}; write .npz, .ply or .csv to keep it"
        ));
    }
    if output == Path::new("-") {
        return Ok(Outcome::Done);
    }
    let mut rows = Rows::default();
    rows.row(
        "read",
        format!("{}, {before} points in dimension {d}", input.display()),
    );
    rows.row(
        "written",
        format!("{}, {} points", output.display(), measure.len()),
    );
    outcome::show(&rows.text())?;
    Ok(Outcome::Done)
}

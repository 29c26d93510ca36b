//! The file of a plan.

use anyhow::{Result, bail};
use haul::ExactSolution;
use haul_files::{self as formats, Array};
use std::fmt::Write;
use std::path::Path;

fn extension(path: &Path) -> &str {
    path.extension().and_then(|it| it.to_str()).unwrap_or("")
}

/// Refuses a file that cannot have the plan.
pub(super) fn check(path: &Path) -> Result<()> {
    match extension(path) {
        "csv" => formats::check_target(path, ".csv")?,
        "npz" => formats::check_target(path, ".npz")?,
        _ => bail!("{}: a plan is a .csv or an .npz", path.display()),
    }
    Ok(())
}

/// Writes the entries, and to an .npz the potentials.
pub(super) fn write(path: &Path, solution: &ExactSolution) -> Result<()> {
    let plan = solution.plan();
    if extension(path) == "csv" {
        let mut text = String::from("row,column,mass\n");
        for (row, column, mass) in plan.entries() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{row},{column},{mass:?}");
        }
        formats::write_text(path, &text)?;
        return Ok(());
    }
    let column = |of: fn((usize, usize, f64)) -> f64| plan.entries().map(of).collect::<Vec<_>>();
    let potentials = solution.potentials();
    let arrays = [
        ("rows", &column(|(row, _, _)| row as f64)),
        ("columns", &column(|(_, column, _)| column as f64)),
        ("mass", &column(|(_, _, mass)| mass)),
        ("f", &potentials.f),
        ("g", &potentials.g),
    ];
    let arrays = arrays.map(|(name, values)| Array {
        name,
        shape: vec![values.len()],
        values,
    });
    formats::write_npz(path, &arrays)?;
    Ok(())
}

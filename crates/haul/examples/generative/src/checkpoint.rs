//! The state of a training as an `.npz`.

use crate::arrays;
use anyhow::{Result, ensure};
use haul::{FitState, OptimizerState};
use std::path::Path;

/// Writes a state, with the settings it belongs to. An existing file is replaced when the new one is complete.
pub(crate) fn write(path: &Path, state: &FitState, settings: &[f64]) -> Result<()> {
    let vectors: [(&str, &[f64]); 5] = [
        ("settings", settings),
        ("parameters", &state.parameters),
        ("means", &state.optimizer.means),
        ("squares", &state.optimizer.squares),
        ("losses", &state.losses),
    ];
    arrays::write(path, &vectors)
}

/// Reads a state, which must have been written with these settings.
pub(crate) fn read(path: &Path, settings: &[f64]) -> Result<FitState> {
    let read = |name| Ok::<_, anyhow::Error>(arrays::read(path, name)?.numbers);
    ensure!(
        read("settings")? == settings,
        "{} is of a training with other settings or data; give those, or another file",
        path.display()
    );
    let losses = read("losses")?;
    let optimizer = OptimizerState {
        means: read("means")?,
        squares: read("squares")?,
        // A step has one loss.
        steps: losses.len(),
    };
    Ok(FitState {
        parameters: read("parameters")?,
        optimizer,
        losses,
        potentials: None,
    })
}

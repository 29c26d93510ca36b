//! The state of a fit as a file, from which a later run goes on.

use anyhow::{Context, Result, bail};
use haul::{DictionaryPotentials, DictionaryProgress, DictionaryState};
use haul_files::{self as formats, Array};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Potentials with more numbers are not written: they are found again.
const MOST: usize = 1 << 23;

/// A file that is written from time to time.
pub(super) struct Checkpoint {
    path: PathBuf,
    period: Duration,
    last: Instant,
}

impl Checkpoint {
    /// A file that is written when so many seconds have passed.
    pub(super) fn new(path: PathBuf, seconds: f64) -> Self {
        Self {
            path,
            period: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX),
            last: Instant::now(),
        }
    }

    /// Writes the state, if it is time.
    pub(super) fn observe(&mut self, progress: &DictionaryProgress<'_>) -> Result<()> {
        if progress.step == 0 || self.last.elapsed() < self.period {
            return Ok(());
        }
        self.write(&progress.state())?;
        self.last = Instant::now();
        Ok(())
    }

    /// Writes a state.
    pub(super) fn write(&self, state: &DictionaryState) -> Result<()> {
        let numbers = [state.steps as f64, state.step_size];
        let mut arrays = vec![
            array("atoms", &state.atoms),
            array("weights", &state.weights),
            array("steps", &numbers[..1]),
            array("step_size", &numbers[1..]),
        ];
        let few = |potentials: &&DictionaryPotentials| {
            potentials.data.len() + potentials.own.len() <= MOST
        };
        if let Some(potentials) = state.potentials.as_ref().filter(few) {
            arrays.push(array("data", &potentials.data));
            arrays.push(array("own", &potentials.own));
        }
        Ok(formats::write_npz(&self.path, &arrays)?)
    }

    /// The state of an earlier run; `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<DictionaryState>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let read = |name: &str| -> Result<Vec<f64>> {
            let part = format!("{}:{name}", self.path.display());
            Ok(formats::read_numbers(part.as_ref())?.values)
        };
        let number = |name: &str| -> Result<f64> {
            let found = read(name)?.first().copied();
            found.with_context(|| format!("{}: {name} is empty", self.path.display()))
        };
        let steps = number("steps")?;
        if steps < 0.0 || steps.fract() != 0.0 {
            bail!(
                "{}: {steps} is no number of steps; remove the file",
                self.path.display()
            );
        }
        let potentials = match (read("data"), read("own")) {
            (Ok(data), Ok(own)) => Some(DictionaryPotentials { data, own }),
            _ => None,
        };
        Ok(Some(DictionaryState {
            atoms: read("atoms")?,
            weights: read("weights")?,
            potentials,
            steps: steps as usize,
            step_size: number("step_size")?,
        }))
    }
}

fn array<'v>(name: &'v str, values: &'v [f64]) -> Array<'v> {
    Array {
        name,
        shape: vec![values.len()],
        values,
    }
}

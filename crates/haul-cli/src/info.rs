//! `haul info`: what files of points hold, and what is left of it after thinning.

use crate::arguments::{Info, Treatment};
use crate::input;
use crate::outcome::{self, Outcome};
use crate::report::short;
use crate::rows::{Rows, STRONG, styled};
use anyhow::{Context, Result};
use haul::{Extent, spacing};
use serde::Serialize;
use std::path::Path;

/// Axes whose bounds a person is told.
const MOST_AXES: usize = 8;

/// The names of their keys are the program's contract.
#[derive(Serialize)]
struct About {
    file: String,
    points: usize,
    dimension: usize,
    low: Vec<f64>,
    high: Vec<f64>,
    diagonal: f64,
    spacing: Option<f64>,
    mass: f64,
    weighted: bool,
    smallest_weight: f64,
    largest_weight: f64,
}

pub(crate) fn run(info: &Info) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    for file in &info.files {
        match About::of(file, &info.treatment) {
            Ok(about) if info.json => outcome::show(&(serde_json::to_string(&about)? + "\n"))?,
            Ok(about) => outcome::show(&about.text())?,
            Err(error) => {
                // The status is that of the whole run.
                let _ = outcome::fail(&error, false);
                outcome = Outcome::Refused;
            }
        }
    }
    Ok(outcome)
}

impl About {
    fn of(file: &Path, treatment: &Treatment) -> Result<Self> {
        let cloud = input::cloud(file, treatment)?;
        let weighted = cloud.weights.is_some();
        let measure = input::measure(treatment.apply(cloud)?, treatment)
            .with_context(|| file.display().to_string())?;
        let extent = Extent::of(&measure);
        let weights = || measure.weights().iter().copied();
        Ok(Self {
            file: file.to_string_lossy().into(),
            points: measure.len(),
            dimension: measure.dimension(),
            diagonal: extent.diagonal(),
            low: extent.low,
            high: extent.high,
            spacing: spacing(&measure),
            mass: measure.mass(),
            weighted,
            smallest_weight: weights().fold(f64::INFINITY, f64::min),
            largest_weight: weights().fold(0.0, f64::max),
        })
    }

    fn text(&self) -> String {
        let mut rows = Rows::default();
        rows.heading(styled(STRONG, &self.file));
        let points = format!("{} in dimension {}", self.points, self.dimension);
        rows.below("points", points);
        for (axis, (low, high)) in self.low.iter().zip(&self.high).take(MOST_AXES).enumerate() {
            let name = match ["x", "y", "z"].get(axis) {
                Some(name) if self.dimension <= 3 => (*name).to_owned(),
                _ => format!("axis {}", axis + 1),
            };
            rows.below(&name, format!("{} to {}", short(*low), short(*high)));
        }
        if self.dimension > MOST_AXES {
            rows.below("", format!("and {} axes more", self.dimension - MOST_AXES));
        }
        rows.below("diagonal", short(self.diagonal));
        if let Some(spacing) = self.spacing {
            let spacing = short(spacing);
            rows.below(
                "spacing",
                format!("{spacing}, the median to the nearest other point"),
            );
        }
        let mass = short(self.mass);
        if !self.weighted {
            rows.below("mass", format!("{mass}, the file has no weights"));
        } else {
            rows.below("mass", mass);
        }
        if self.smallest_weight < self.largest_weight {
            let (least, most) = (short(self.smallest_weight), short(self.largest_weight));
            rows.below("weights", format!("{least} to {most}"));
        }
        rows.text()
    }
}

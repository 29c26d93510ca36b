//! The colours of the first cloud, and what a plan makes of them.

use crate::input::Cloud;
use anyhow::Result;
use haul_files::{self as formats, Columns, Error, Reading};
use std::path::Path;

/// The names of the properties and columns that haul writes colours to.
const CHANNELS: [&str; 3] = ["red", "green", "blue"];

/// The same reading with these columns as coordinates, and no weights.
pub(super) fn columns(reading: &Reading, names: &[String]) -> Reading {
    Reading {
        columns: Columns {
            coordinates: names.to_vec(),
            weight: None,
            unweighted: true,
            labels: Vec::new(),
        },
        ..reading.clone()
    }
}

/// Red, green and blue of each point, n×3, from 0 to 255: those of the file, or else colours of the places.
pub(super) fn of(file: &Path, cloud: &Cloud, reading: &Reading) -> Result<Vec<f64>> {
    let places = || places(cloud.measure.points(), cloud.measure.dimension());
    if file == Path::new("-") {
        return Ok(places());
    }
    match formats::read_as(file, &columns(reading, &CHANNELS.map(str::to_owned))) {
        Ok(read) if read.points.len() == 3 * cloud.measure.len() => Ok(read.points),
        Err(error) if !matches!(error, Error::NoColumn { .. } | Error::NoTable { .. }) => {
            Err(error.into())
        }
        _ => Ok(places()),
    }
}

/// Colours by the first three coordinates: each goes from dark to bright over the extent of the cloud.
fn places(points: &[f64], d: usize) -> Vec<f64> {
    const DARK: f64 = 40.0;
    const BRIGHT: f64 = 230.0;
    let range = |k: usize| {
        let values = || points.iter().skip(k).step_by(d).copied();
        let low = values().fold(f64::INFINITY, f64::min);
        (low, values().fold(f64::NEG_INFINITY, f64::max) - low)
    };
    let ranges: Vec<(f64, f64)> = (0..d.min(3)).map(range).collect();
    let channel = |point: &[f64], k: usize| match (point.get(k), ranges.get(k)) {
        (Some(x), Some((low, extent))) if *extent > 0.0 => {
            DARK + (BRIGHT - DARK) * (x - low) / extent
        }
        _ => 0.5 * (DARK + BRIGHT),
    };
    let rows = points.chunks_exact(d);
    rows.flat_map(|point| [0, 1, 2].map(|k| channel(point, k)))
        .collect()
}

/// Colours as bytes; points without a colour are grey.
pub(super) fn bytes(colours: &[f64]) -> Vec<[u8; 3]> {
    const GREY: f64 = 128.0;
    let byte = |value: f64| {
        let value = if value.is_finite() { value } else { GREY };
        value.clamp(0.0, 255.0).round() as u8
    };
    let colour = |colour: &[f64]| match colour {
        [red, green, blue] => [*red, *green, *blue].map(byte),
        _ => [byte(GREY); 3],
    };
    colours.chunks_exact(3).map(colour).collect()
}

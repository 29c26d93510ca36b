//! Checks of lengths and dimensions: wrong ones are an error of the caller.

use crate::arrays::{GpuPoints, GpuVector, GpuWeights};
use haul_core::engine::{Lines, Pairs, Side};
use haul_core::{Error, Result};
use std::sync::Arc;

pub(crate) fn check(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

/// Number of points in an array of `width` numbers a point; an error if it is empty or ragged.
pub(crate) fn check_rows(what: &'static str, numbers: usize, width: usize) -> Result<usize> {
    if numbers == 0 {
        return Err(Error::EmptyCloud);
    }
    let points = numbers / width.max(1);
    check(what, points.saturating_mul(width), numbers)?;
    Ok(points)
}

/// Refuses points of different dimensions.
pub(crate) fn check_dimensions(pairs: Pairs<'_, Arc<GpuPoints>>) -> Result<()> {
    if pairs.rows.dimension == pairs.columns.dimension {
        Ok(())
    } else {
        Err(Error::DimensionMismatch {
            source_dimension: pairs.rows.dimension,
            target_dimension: pairs.columns.dimension,
        })
    }
}

/// Refuses weights and potentials whose lengths do not match the points.
pub(crate) fn check_side(
    points: usize,
    lines: Lines,
    side: Side<'_, Arc<GpuWeights>, GpuVector>,
) -> Result<()> {
    if let Some(weights) = side.weights
        && weights.length != points
    {
        let expected = lines.length(points);
        check("the weights of the columns", expected, weights.length)?;
    }
    check_potential(
        "the potential of the columns",
        points,
        lines,
        side.potential,
    )
}

/// Refuses a potential that has neither a value for each point of each line nor one for each point.
pub(crate) fn check_potential(
    what: &'static str,
    points: usize,
    lines: Lines,
    potential: Option<&GpuVector>,
) -> Result<()> {
    match potential {
        Some(potential) if potential.length != points => {
            check(what, lines.length(points), potential.length)
        }
        _ => Ok(()),
    }
}

//! Lengths and dimensions are the caller's promise; where they are broken, that is an error.

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

/// Refuses an array that is not made of as many numbers a point; otherwise tells how many points there are.
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

/// Refuses weights and potentials that are not those of so many points.
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

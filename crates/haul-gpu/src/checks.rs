//! Lengths and dimensions are the caller's promise; where they are broken, that is an error.

use crate::cloud::{GpuCloud, GpuVector};
use crate::engine::GpuEngine;
use haul_core::engine::{Integrand, Side};

/// Refuses points and weights that make no cloud.
pub(crate) fn check_cloud(
    points: &[f64],
    dimension: usize,
    weights: &[f64],
) -> haul_core::Result<()> {
    if dimension == 0 {
        return Err(haul_core::Error::ZeroDimension);
    }
    if weights.is_empty() {
        return Err(haul_core::Error::EmptyCloud);
    }
    check(
        "the coordinates of a cloud",
        weights.len().saturating_mul(dimension),
        points.len(),
    )
}

pub(crate) fn check(what: &'static str, expected: usize, found: usize) -> haul_core::Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(haul_core::Error::Length {
            what,
            expected,
            found,
        })
    }
}

/// Refuses lengths that do not fit a sum over pairs; the result has `width` values a row.
pub(crate) fn check_sums(
    rows: Side<'_, GpuEngine>,
    columns: Side<'_, GpuEngine>,
    integrand: Integrand<'_, GpuVector>,
    (width, out): (usize, &GpuVector),
) -> haul_core::Result<()> {
    check_sides(rows, columns)?;
    let (n, m) = (rows.cloud.length, columns.cloud.length);
    let (values, values_width) = (integrand.values, integrand.width);
    check(
        "the values of a product",
        m.saturating_mul(values_width),
        values.length,
    )?;
    check(
        "the result of a product",
        n.saturating_mul(width),
        out.length,
    )
}

/// Refuses sides whose points have different dimensions, and potentials of other lengths.
pub(crate) fn check_sides(
    rows: Side<'_, GpuEngine>,
    columns: Side<'_, GpuEngine>,
) -> haul_core::Result<()> {
    let (x, y) = (rows.cloud, columns.cloud);
    check_dimensions(x, y)?;
    let (f, g) = (rows.potential, columns.potential);
    check("the potential of the columns", y.length, g.length)?;
    check("the potential of the rows", x.length, f.length)
}

pub(crate) fn check_dimensions(rows: &GpuCloud, columns: &GpuCloud) -> haul_core::Result<()> {
    if rows.dimension == columns.dimension {
        Ok(())
    } else {
        Err(haul_core::Error::DimensionMismatch {
            source_dimension: rows.dimension,
            target_dimension: columns.dimension,
        })
    }
}

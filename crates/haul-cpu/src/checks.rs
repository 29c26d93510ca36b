//! The checks of the engine's arguments before it computes.

use crate::compiled::Real;
use crate::points::{CpuPoints, check};
use crate::vectors::CpuVector;
use crate::weights::CpuWeights;
use haul_core::engine::{GROUP, Groups, Lines, Pairs, Part, Pointwise, Side, Slot, Update};
use haul_core::{Error, Result};

/// The points of a pass, the rows that are wanted, whose range has ends at multiples of `least`, and its list of near
/// columns.
pub(crate) fn check_pairs<T: Real>(pairs: Pairs<'_, CpuPoints<T>>, least: usize) -> Result<()> {
    let Pairs { rows, columns, .. } = pairs;
    if rows.dimension() != columns.dimension() {
        return Err(Error::DimensionMismatch {
            source_dimension: rows.dimension(),
            target_dimension: columns.dimension(),
        });
    }
    if pairs.symmetric {
        let what = "the columns of a symmetric pass";
        check(what, columns.len(), rows.len())?;
    }
    if let Some(Part { first, end }) = pairs.part {
        let whole = |at: usize| at.is_multiple_of(least) || at == rows.len();
        if first > end || end > rows.len() || !whole(first) || !whole(end) {
            let (what, start) = ("the wanted rows", first);
            return Err(Error::Range { what, start, end });
        }
    }
    if let Some(near) = pairs.near {
        check("the rows of near columns", near.rows(), rows.len())?;
        check("the columns of near columns", near.columns(), columns.len())?;
    }
    Ok(())
}

/// The side of the columns, for so many points in so many lines.
pub(crate) fn check_side<T: Real>(
    side: Side<'_, CpuWeights, CpuVector<T>>,
    lines: Lines,
    points: usize,
) -> Result<()> {
    if let Some(weights) = side.weights {
        let serves_all = weights.len() == points;
        if !serves_all {
            let what = "the weights of the columns";
            check(what, weights.len(), lines.length(points))?;
        }
        let histograms = weights.histograms();
        let expected = match histograms {
            _ if serves_all => 1,
            divisor if lines.inner.is_multiple_of(divisor) => divisor,
            _ => lines.inner,
        };
        let what = "the histograms of the columns' weights";
        check(what, histograms, expected)?;
    }
    check_potential(
        "the potential of the columns",
        side.potential,
        lines,
        points,
    )
}

/// A potential of so many points: one for each line, or one for all.
pub(crate) fn check_potential<T: Real>(
    what: &'static str,
    potential: Option<&CpuVector<T>>,
    lines: Lines,
    points: usize,
) -> Result<()> {
    match potential {
        Some(potential) if potential.values.len() != points => {
            check(what, potential.values.len(), lines.length(points))
        }
        _ => Ok(()),
    }
}

/// Groups of the points of a pass, and the output for their masses.
pub(crate) fn check_groups<T: Real>(
    groups: &Groups<'_, CpuWeights, CpuVector<T>>,
    (rows, columns): (usize, usize),
) -> Result<()> {
    check_bounds("the groups of the rows", groups.rows, rows)?;
    check_bounds("the groups of the columns", groups.columns, columns)?;
    let what = "the histograms of the rows' weights";
    check(what, groups.weights.histograms(), 1)?;
    check("the weights of the rows", groups.weights.len(), rows)?;
    let room = (groups.rows.len() - 1).saturating_mul(groups.columns.len() - 1);
    check("the masses of groups", groups.masses.values.len(), room)
}

/// The bounds of groups of so many points, the last of which is that number.
fn check_bounds(what: &'static str, bounds: &[usize], points: usize) -> Result<()> {
    let start = bounds.first().copied().unwrap_or(points);
    let end = bounds.last().copied().unwrap_or(0);
    if start != 0 || end != points {
        return Err(Error::Range { what, start, end });
    }
    for pair in bounds.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if end <= start || !start.is_multiple_of(GROUP) {
            return Err(Error::Range { what, start, end });
        }
    }
    Ok(())
}

/// The potentials of an update of so many entries.
pub(crate) fn check_update<T: Real>(
    update: Update<'_, CpuVector<T>>,
    entries: usize,
) -> Result<()> {
    let (before, after) = (&update.before.values, &update.after.values);
    check("the potential before an update", before.len(), entries)?;
    check("the potential after an update", after.len(), entries)
}

/// The vectors that an integrand is made of.
pub(crate) fn check_pointwise<T: Real>(
    integrand: Pointwise<'_, CpuVector<T>>,
    entries: usize,
) -> Result<()> {
    let mut vectors = integrand.vectors().into_iter().flatten();
    vectors.try_for_each(|vector| check("a vector of an integrand", vector.values.len(), entries))
}

/// A slot of a history of so many entries.
pub(crate) fn check_slot<T: Real>(slot: &Slot<'_, CpuVector<T>>, entries: usize) -> Result<()> {
    let Slot { index, slots, .. } = *slot;
    let room = entries.saturating_mul(slots);
    check(
        "the residuals of a history",
        slot.residuals.values.len(),
        room,
    )?;
    check("the images of a history", slot.images.values.len(), room)?;
    if index < slots {
        Ok(())
    } else {
        Err(Error::Slot { index, slots })
    }
}

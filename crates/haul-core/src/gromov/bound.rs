//! The first lower bound [Mémoli'11]: no coupling has less energy than a transport of eccentricities on the line.
//!
//! With sᵢ = (Σₖ aₖ Dᵢₖ²)^{1/2}, the triangle inequality of the mean square over (k, l) says
//!
//! ```text
//! Σₖₗ (Dᵢₖ − D'ⱼₗ)² Pₖₗ ≥ (sᵢ − tⱼ)²   so that   Σ (D − D')² P P ≥ min over P of Σ Pᵢⱼ (sᵢ − tⱼ)²
//! ```
//!
//! and the minimum keeps the order. Features add at least the squared distance of their means.

use super::pair::Pair;
use crate::linalg::sum;

/// Entries (i, j, mass) of the coupling that keeps the order of two lists of numbers.
pub(super) fn monotone(
    [s, t]: [&[f64]; 2],
    [a, b]: [&[f64]; 2],
) -> impl Iterator<Item = (usize, usize, f64)> {
    let ordered = |values: &[f64], weights: &[f64]| {
        let mut places: Vec<(usize, f64, f64)> = (0..)
            .zip(values.iter().zip(weights))
            .map(|(i, (value, weight))| (i, *value, *weight))
            .filter(|(_, _, weight)| *weight > 0.0)
            .collect();
        places.sort_by(|(_, s, _), (_, t, _)| s.total_cmp(t));
        places.into_iter().map(|(i, _, weight)| (i, weight))
    };
    let (mut rows, mut columns) = (ordered(s, a), ordered(t, b));
    let (mut row, mut column) = (rows.next(), columns.next());
    std::iter::from_fn(move || {
        let (Some((i, left)), Some((j, wanted))) = (row, column) else {
            return None;
        };
        let mass = left.min(wanted);
        row = if left > mass {
            Some((i, left - mass))
        } else {
            rows.next()
        };
        column = if wanted > mass {
            Some((j, wanted - mass))
        } else {
            columns.next()
        };
        Some((i, j, mass))
    })
}

/// A lower bound of the objective of every coupling.
pub(super) fn lower(pair: &Pair) -> f64 {
    let [x, y] = &pair.spaces;
    let [s, t] = [x, y].map(|space| space.eccentricities());
    let entries = monotone([&s, &t], [&x.weights, &y.weights]);
    let costs = entries.map(|(i, j, mass)| {
        let gap = s.get(i).zip(t.get(j)).map_or(0.0, |(s, t)| s - t);
        mass * gap * gap
    });
    pair.alpha * sum(costs) + (1.0 - pair.alpha) * pair.between_means
}

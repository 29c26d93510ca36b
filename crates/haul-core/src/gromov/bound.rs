//! The first lower bound [Mémoli'11]: no coupling has less energy than a transport of eccentricities on the line.
//!
//! With sᵢ = (Σₖ aₖ Dᵢₖ²)^{1/2}, the triangle inequality of the mean square over (k, l) says
//!
//! ```text
//! Σₖₗ (Dᵢₖ − D'ⱼₗ)² Pₖₗ ≥ (sᵢ − tⱼ)²   so that   Σ (D − D')² P P ≥ min over P of Σ Pᵢⱼ (sᵢ − tⱼ)²
//! ```
//!
//! and the minimum keeps the order. Features add at least the squared distance of their means.
//!
//! Computed eccentricities have an error e in all. (|s − t| − e)₊² is a convex function of s − t as well, so that the coupling
//! that keeps the order of the computed ones has the least sum of these, and that is below the sum for the true ones.

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
    let off = x.eccentricity_error(&s) + y.eccentricity_error(&t);
    let entries = monotone([&s, &t], [&x.weights, &y.weights]);
    let costs = entries.map(|(i, j, mass)| {
        let gap = s.get(i).zip(t.get(j)).map_or(0.0, |(s, t)| (s - t).abs());
        mass * (gap - off).max(0.0).powi(2)
    });
    let rounding = x.rounding() + y.rounding();
    let apart = pair.between_means.sqrt();
    let off = rounding * (apart + x.largest_feature() + y.largest_feature());
    let features = (apart - off * (x.dimension_of_features() as f64).sqrt()).max(0.0);
    let bound = pair.alpha * sum(costs) + (1.0 - pair.alpha) * features * features;
    (1.0 - rounding) * bound
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Measure, MetricSpace};

    /// n points of a curve, moved by `away` and turned in the plane.
    fn curve(n: usize, away: f64, angle: f64) -> Measure {
        let (sin, cos) = angle.sin_cos();
        let points = (0..n).map(|k| 0.37 * k as f64).flat_map(|t| {
            let [x, y] = [t.cos() * t, (2.0 * t).sin()];
            [cos * x - sin * y + away, sin * x + cos * y]
        });
        Measure::uniform(&points.collect::<Vec<_>>(), 2).unwrap()
    }

    #[test]
    fn rounding_lifts_no_bound_above_a_coupling() {
        let pair = |b: &Measure| {
            let spaces = [&curve(40, 0.0, 0.0), b].map(MetricSpace::squared_euclidean);
            Pair::new(spaces, 1.0).unwrap()
        };
        // Turned and moved, the spaces are the same, and the coupling of equal points has no energy.
        for (away, angle) in [(0.0, 0.0), (0.0, 1.0), (3.0, 2.0), (50.0, 0.5)] {
            assert_eq!(lower(&pair(&curve(40, away, angle))), 0.0, "{away} {angle}");
        }
        // Without the error of eccentricities it would be above 0.
        let turned = pair(&curve(40, 3.0, 2.0));
        let [s, t] = turned.spaces.each_ref().map(MetricSpace::eccentricities);
        assert!(s.iter().zip(&t).any(|(s, t)| s != t));
        let other = lower(&pair(&curve(30, 0.0, 0.0)));
        assert!(other > 1.0, "{other}");
    }
}

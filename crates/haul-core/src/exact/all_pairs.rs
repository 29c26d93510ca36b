//! A problem of which all pairs are arcs.

use super::columns::{self, Columns, Generated};
use super::plan::Costs;
use crate::Potentials;

/// A problem whose costs are all stored.
pub(super) struct AllPairs {
    weights: [Vec<f64>; 2],
    /// n×m, with those of the reservoirs.
    matrix: Vec<f64>,
    range: [f64; 2],
}

impl AllPairs {
    /// The problem of these costs. A pair with one reservoir costs nothing; a pair of both is too dear to be of use.
    pub(super) fn new(
        [a, b]: [&[f64]; 2],
        [row, column]: [f64; 2],
        cost: &dyn Fn(usize, usize) -> f64,
    ) -> Self {
        let (n, m) = (a.len(), b.len());
        let weights = [with(a, row), with(b, column)];
        let bounds = |[low, high]: [f64; 2], cost: f64| [low.min(cost), high.max(cost)];
        let all = (0..n).flat_map(|i| (0..m).map(move |j| cost(i, j)));
        let mut range = all.fold([f64::INFINITY, f64::NEG_INFINITY], bounds);
        if weights[0].len() > n || weights[1].len() > m {
            range = bounds(range, 0.0);
        }
        let columns = weights[1].len();
        let entry = |k: usize| match (k / columns, k % columns) {
            (i, j) if i < n && j < m => cost(i, j),
            (i, j) if i == n && j == m => range[1].abs().max(range[0].abs()),
            _ => 0.0,
        };
        let matrix = (0..weights[0].len() * columns).map(entry).collect();
        Self {
            weights,
            matrix,
            range,
        }
    }

    /// Solves it, for costs of a relative error.
    pub(super) fn solve(
        &self,
        relative: f64,
        tolerance: f64,
        observer: &mut columns::Observer<'_>,
    ) -> Generated {
        let (matrix, m) = (&self.matrix, self.weights[1].len());
        // The c-transform of 0, and that of the result: no reduced cost is negative.
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let f: Vec<f64> = matrix.chunks_exact(m).map(least).collect();
        let mut g = vec![f64::INFINITY; m];
        for (row, f) in matrix.chunks_exact(m).zip(&f) {
            for (g, cost) in g.iter_mut().zip(row) {
                *g = g.min(cost - f);
            }
        }
        let costs = Costs {
            between: &|i, j| matrix[i * m + j],
            relative,
            range: self.range,
        };
        let weights = [&*self.weights[0], &*self.weights[1]];
        Columns::new((weights, costs), Potentials { f, g }, tolerance, observer).solve_all()
    }
}

/// Numbers, and one more if it is above 0.
pub(super) fn with(values: &[f64], last: f64) -> Vec<f64> {
    let last = (last > 0.0).then_some(last);
    values.iter().copied().chain(last).collect()
}

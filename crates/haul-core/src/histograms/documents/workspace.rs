//! Small transportation problems one after another in the same memory.

use crate::exact::{Integers, Simplex};
use crate::linalg::sum;
use crate::{Error, Result};
use std::ops::ControlFlow;

/// The memory in which distances between documents are computed: one for each thread, for any number of distances.
#[derive(Debug)]
pub struct Workspace {
    simplex: Simplex,
    /// The places of the words that take part, in both documents.
    places: [Vec<usize>; 2],
    /// Their masses.
    masses: [Vec<f64>; 2],
    /// n×m.
    costs: Vec<f64>,
    nearest: Vec<f64>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            simplex: Simplex::new(&[], &[], 1.0),
            places: Default::default(),
            masses: Default::default(),
            costs: Vec::new(),
            nearest: Vec::new(),
        }
    }
}

/// The gap between the cost of a plan and the dual, relative to that cost, up to which a plan counts as optimal.
const GAP: f64 = 1e-9;

/// Weights whose sum is 1, and their bins, ascending.
type Document<'d> = (&'d [usize], &'d [f64]);

impl Workspace {
    /// n values of ∞.
    pub(super) fn nearest(&mut self, n: usize) -> &mut [f64] {
        self.nearest.clear();
        self.nearest.resize(n, f64::INFINITY);
        &mut self.nearest
    }

    /// Takes the masses of two documents; if `common` mass stays, only those by which they differ.
    pub(super) fn fill(&mut self, [(x, a), (y, b)]: [Document<'_>; 2], common: bool) {
        self.places.iter_mut().for_each(Vec::clear);
        self.masses.iter_mut().for_each(Vec::clear);
        let [rows, columns] = &mut self.places;
        let [row_masses, column_masses] = &mut self.masses;
        let mut push = |i: Option<usize>, j: Option<usize>, [a, b]: [f64; 2]| {
            if let Some(i) = i.filter(|_| a > 0.0) {
                rows.push(i);
                row_masses.push(a);
            }
            if let Some(j) = j.filter(|_| b > 0.0) {
                columns.push(j);
                column_masses.push(b);
            }
        };
        let (mut i, mut j) = (0, 0);
        while i < x.len() || j < y.len() {
            let [one, other] =
                [(x, i), (y, j)].map(|(bins, at)| bins.get(at).unwrap_or(&usize::MAX));
            let equal = one == other;
            let shared = match equal && common {
                true => a[i].min(b[j]),
                false => 0.0,
            };
            let (left, right) = (one <= other, other <= one);
            let mass = |takes: bool, weights: &[f64], at: usize| match takes {
                true => weights[at] - shared,
                false => 0.0,
            };
            let masses = [mass(left, a, i), mass(right, b, j)];
            push(left.then_some(i), right.then_some(j), masses);
            i += usize::from(left);
            j += usize::from(right);
        }
    }

    /// The least cost of a plan between these masses.
    pub(super) fn solve(&mut self, cost: impl Fn(usize, usize) -> f64) -> Result<f64> {
        let [a, b] = &self.masses;
        // Masses that differ by rounding alone leave nothing on one side.
        if a.is_empty() || b.is_empty() {
            return Ok(0.0);
        }
        let (n, m) = (a.len(), b.len());
        let [rows, columns] = &self.places;
        self.costs.clear();
        for i in rows {
            self.costs.extend(columns.iter().map(|j| cost(*i, *j)));
        }
        // Potentials for which no reduced cost is negative.
        let costs = &self.costs;
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let f: Vec<f64> = costs.chunks_exact(m).map(least).collect();
        let mut g = vec![f64::INFINITY; m];
        for (row, f) in costs.chunks_exact(m).zip(&f) {
            for (g, cost) in g.iter_mut().zip(row) {
                *g = g.min(cost - f);
            }
        }
        let reduced = |i: usize, j: usize| costs[i * m + j] - f[i] - g[j];
        let pairs = || (0..n).flat_map(|i| (0..m).map(move |j| (i, j)));
        let largest = pairs().fold(0.0, |most: f64, (i, j)| most.max(reduced(i, j)));
        let integers = Integers::of([a, b]);
        let [row_units, column_units] = &integers.masses;
        // A path over artificial arcs costs more than the dearest pair.
        let barrier = if largest > 0.0 { largest } else { 1.0 };
        self.simplex.reset(row_units, column_units, barrier);
        self.simplex
            .add(pairs().map(|(i, j)| (i, j, reduced(i, j))));
        let _ = self.simplex.solve(&mut |_| ControlFlow::Continue(()));
        let flows = self.simplex.flows(a, b);
        let value = sum(flows
            .entries
            .iter()
            .map(|(i, j, mass)| mass * costs[i * m + j]));
        // The dual with the potentials of the columns: each row takes the least of what they leave.
        let [_, v] = self.simplex.potentials();
        let v: Vec<f64> = v.iter().zip(&g).map(|(v, g)| v + g).collect();
        let rows = costs.chunks_exact(m).zip(a).map(|(row, mass)| {
            let left = row.iter().zip(&v).map(|(cost, v)| cost - v);
            mass * left.fold(f64::INFINITY, f64::min)
        });
        let lower = sum(rows) + sum(b.iter().zip(&v).map(|(mass, v)| mass * v));
        let size = costs.iter().copied().fold(0.0, f64::max);
        let rounding = 8.0 * (n + m) as f64 * f64::EPSILON * size * sum(a.iter().copied());
        match value - lower <= GAP * value + rounding {
            true => Ok(value),
            false => Err(Error::NotOptimal {
                gap: (value - lower) / value,
            }),
        }
    }
}

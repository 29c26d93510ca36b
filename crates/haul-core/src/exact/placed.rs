//! A solution on all points of its measures, and its numbers.

use super::columns::{Generated, relative_gap};
use super::plan::{ExactReport, Primal, SparsePlan};
use crate::{Bounds, Potentials, Precision};

/// A solution between the points of positive weight.
pub(super) struct Placed<'p> {
    pub(super) generated: Generated,
    pub(super) points: &'p [Vec<usize>; 2],
}

impl Placed<'_> {
    /// The plan and the potentials on all points. The potentials of points without weight are c-transforms.
    pub(super) fn among(
        &self,
        [n, m]: [usize; 2],
        cost: &dyn Fn(usize, usize) -> f64,
    ) -> (SparsePlan, Potentials) {
        let [rows, columns] = self.points;
        let Generated {
            entries,
            potentials,
            primal,
            ..
        } = &self.generated;
        // What goes to a reservoir, or comes from one, stays.
        let entries = entries
            .iter()
            .filter_map(|&(i, j, mass)| Some((*rows.get(i)?, *columns.get(j)?, mass)));
        let plan = SparsePlan::new([n, m], entries.collect(), primal.value);
        let place = |values: &[f64], points: &[usize], length: usize| {
            let mut all = vec![f64::NAN; length];
            for (&point, &value) in points.iter().zip(values) {
                all[point] = value;
            }
            all
        };
        let mut f = place(&potentials.f, rows, n);
        let mut g = place(&potentials.g, columns, m);
        for (i, f) in f.iter_mut().enumerate().filter(|(_, f)| f.is_nan()) {
            let reduced = columns.iter().map(|&j| cost(i, j) - g[j]);
            *f = reduced.fold(f64::INFINITY, f64::min);
        }
        for (j, g) in g.iter_mut().enumerate().filter(|(_, g)| g.is_nan()) {
            let reduced = (0..n).map(|i| cost(i, j) - f[i]);
            *g = reduced.fold(f64::INFINITY, f64::min);
        }
        (plan, Potentials { f, g })
    }

    pub(super) fn report(&self, shape: [usize; 2], tolerance: f64) -> ExactReport {
        self.generated.report(shape, tolerance)
    }
}

impl Generated {
    /// The numbers that every kind of solve has.
    pub(super) fn report(&self, [n, m]: [usize; 2], tolerance: f64) -> ExactReport {
        let Primal { value, upper } = self.primal;
        let gap = relative_gap(&self.primal, self.lower);
        ExactReport {
            n,
            m,
            d: 0,
            p: 1.0,
            value,
            bounds: Bounds {
                lower: self.lower,
                upper,
            },
            gap,
            tolerance,
            proved: gap <= tolerance,
            mass: 0.0,
            rounds: self.rounds,
            arcs: self.arcs,
            pivots: self.pivots,
            seconds: 0.0,
            device: String::new(),
            precision: Precision::F64,
        }
    }
}

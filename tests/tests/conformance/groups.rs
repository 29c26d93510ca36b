//! Masses between groups of points, which a softmin sums up in the same pass.

use crate::operators::{Uploaded, costs, side, unit};
use haul::engine::{Groups, Kernel, Near, TILE};
use haul::{Cost, Device, Engine, Result};
use haul_tests::clouds::Numbers;
use haul_tests::compare::{accept, close, number, reject};
use haul_tests::dense;
use haul_tests::engines::Body;
use haul_tests::supported::supported;
use haul_tests::wait;

pub const BODIES: &[(&str, Body)] = &[
    (
        "masses_between_groups_are_sums_of_the_plan",
        masses_between_groups_are_sums_of_the_plan,
    ),
    (
        "masses_between_groups_leave_out_what_is_not_near",
        masses_between_groups_leave_out_what_is_not_near,
    ),
];

/// Rows, columns, dimension, and the ends of groups of rows and of columns.
type Case = (usize, usize, usize, &'static [usize], &'static [usize]);

const CASES: [Case; 4] = [
    (300, 333, 3, &[0, 64, 224, 300], &[0, 96, 192, 333]),
    (200, 130, 2, &[0, 200], &[0, 64, 128, 130]),
    (70, 600, 17, &[0, 32, 64, 70], &[0, 320, 352, 448, 600]),
    (5, 30, 1, &[0, 5], &[0, 30]),
];

struct Problem {
    kernel: Kernel,
    /// With the guess as potential.
    rows: dense::Side,
    columns: dense::Side,
    tolerance: f64,
}

impl Problem {
    fn new(device: &Device, n: usize, m: usize, d: usize, cost: Cost) -> Self {
        let (mut rows, columns) = (side(n, d, 1, 0.0), side(m, d, 2, 0.3));
        let largest = dense::largest_cost(cost, &rows, &columns);
        let epsilon = 0.05 * largest;
        // A plan whose rows do not sum to 1, as the guess is not yet the result.
        let softmin = dense::softmin(cost, epsilon, &rows, &columns);
        let off = Numbers::new(3).vector(n, -2.0, 2.0).into_iter();
        let guess = softmin.iter().zip(off).map(|(f, off)| f + epsilon * off);
        rows.potential = guess.map(|f| f64::from(f as f32)).collect();
        let size = largest + rows.height() + columns.height() + epsilon;
        Self {
            kernel: Kernel { cost, epsilon },
            rows,
            columns,
            tolerance: (d as f64 + 12.0) * unit(device) * size,
        }
    }

    /// A softmin, and the masses where ends of groups are given.
    fn softmin(
        &self,
        device: &Device,
        near: Option<&Near>,
        groups: Option<[&[usize]; 2]>,
        damping: f64,
    ) -> Result<[Vec<f64>; 2]> {
        let (x, y) = (
            Uploaded::new(device, &self.rows),
            Uploaded::new(device, &self.columns),
        );
        let mut pairs = x.pairs(self.kernel, &y);
        pairs.near = near;
        let count = groups.map_or(0, |[rows, columns]| (rows.len() - 1) * (columns.len() - 1));
        let mut masses = device.vector(&vec![f64::NAN; count])?;
        let groups = groups.map(|[rows, columns]| Groups {
            rows,
            columns,
            weights: &x.weights,
            damping,
            masses: &mut masses,
        });
        let mut out = device.zeros(self.rows.len())?;
        device.softmin(pairs, y.side(), Some(&x.potential), groups, &mut out)?;
        Ok([wait(device.read(&out))?, wait(device.read(&masses))?])
    }

    /// The plan of a softmin from the plan of its guess, whose rows need not sum to those of the measure.
    fn of_result(&self, mut plan: Vec<f64>) -> Vec<f64> {
        let rows = plan.chunks_exact_mut(self.columns.len());
        for (row, weight) in rows.zip(&self.rows.weights) {
            let sum: f64 = row.iter().sum();
            // A row of weight 0 has no mass to scale.
            if sum > 0.0 {
                row.iter_mut().for_each(|mass| *mass *= weight / sum);
            }
        }
        plan
    }

    /// The sums of a plan between groups.
    fn masses(&self, plan: &[f64], rows: &[usize], columns: &[usize]) -> Vec<f64> {
        let m = self.columns.len();
        let mut masses = Vec::new();
        for of_rows in rows.windows(2) {
            for of_columns in columns.windows(2) {
                let block = plan[of_rows[0] * m..of_rows[1] * m].chunks_exact(m);
                let of_row = |row: &[f64]| row[of_columns[0]..of_columns[1]].iter().sum::<f64>();
                masses.push(block.map(of_row).sum());
            }
        }
        masses
    }

    fn check(
        &self,
        device: &Device,
        context: &str,
        near: Option<&Near>,
        plan: &[f64],
        [rows, columns]: [&[usize]; 2],
    ) -> bool {
        let name = match near {
            Some(_) => "masses between groups of near pairs",
            None => "masses between groups",
        };
        let asked = self.softmin(device, near, Some([rows, columns]), 1.0);
        let Some([softmin, masses]) = supported(device, name, asked) else {
            return false;
        };
        // The request for masses changes only the order of a sum.
        let [alone, _] = self.softmin(device, near, None, 1.0).unwrap();
        let allowed = 2.0 * self.tolerance;
        accept(context, close(&softmin, &alone, |_| allowed));
        let guess = &self.rows.potential;
        reject(context, close(guess, &alone, |_| allowed));

        // An exponent may be off by the tolerance of a potential over ε, and so each term of a sum by that factor, and the
        // potential of its row as well.
        let relative = 2.0 * self.tolerance / self.kernel.epsilon;
        let expected = self.masses(plan, rows, columns);
        let compare = |got: &[f64], expected: &[f64], allowed: &dyn Fn(usize) -> f64| {
            close(got, expected, allowed)
        };
        let close = |got: &[f64]| close(got, &expected, |k| relative * expected[k]);
        accept(context, close(&masses));
        // Damped by λ, every row has a factor of exp((λ − 1) f/ε).
        let damping = 0.9;
        let [_, damped] = self
            .softmin(device, near, Some([rows, columns]), damping)
            .unwrap();
        let mut of_damped = plan.to_vec();
        for (row, f) in of_damped.chunks_exact_mut(self.columns.len()).zip(&softmin) {
            let factor = ((damping - 1.0) * f / self.kernel.epsilon).exp();
            row.iter_mut().for_each(|mass| *mass *= factor);
        }
        let of_damped = self.masses(&of_damped, rows, columns);
        let as_damped = |got: &[f64]| compare(got, &of_damped, &|k| relative * of_damped[k]);
        accept(context, as_damped(&damped));
        reject(context, as_damped(&masses));
        let off: Vec<f64> = masses
            .iter()
            .map(|mass| mass * (1.0 + 3.0 * relative))
            .collect();
        reject(context, close(&off));

        // Together they are the mass of the rows, and not that of the plan of the guess.
        let all: f64 = masses.iter().sum();
        let total: f64 = self.rows.weights.iter().sum();
        accept(context, number("mass", all, total, 3.0 * relative * total));
        let guess = self.rows.potential.iter().zip(&softmin);
        let ratios = guess.map(|(f, softmin)| ((f - softmin) / self.kernel.epsilon).exp());
        let terms = self.rows.weights.iter().zip(ratios);
        let guessed: f64 = terms.map(|(a, ratio)| a * ratio).sum();
        reject(
            context,
            number("mass", guessed, total, 3.0 * relative * total),
        );
        true
    }
}

fn masses_between_groups_are_sums_of_the_plan(device: &Device) {
    for (n, m, d, rows, columns) in CASES {
        for cost in costs() {
            let problem = Problem::new(device, n, m, d, cost);
            let Kernel { cost, epsilon } = problem.kernel;
            let plan = dense::plan(cost, epsilon, &problem.rows, &problem.columns);
            let plan = problem.of_result(plan);
            let context = format!("{n}×{m}, d {d}, {cost:?}");
            if !problem.check(device, &context, None, &plan, [rows, columns]) {
                return;
            }
        }
    }
}

fn masses_between_groups_leave_out_what_is_not_near(device: &Device) {
    for (n, m, d, rows, columns) in CASES {
        for cost in costs() {
            let problem = Problem::new(device, n, m, d, cost);
            let Kernel { cost, epsilon } = problem.kernel;
            // Every second tile of columns, the first or the second one first.
            let list = |tile: usize| -> Vec<_> {
                let starts = (tile % 2 * TILE..m).step_by(2 * TILE);
                starts.map(|start| start..m.min(start + TILE)).collect()
            };
            let near = Near::new(n, m, (0..n.div_ceil(TILE)).map(list)).unwrap();
            let all = dense::plan(cost, epsilon, &problem.rows, &problem.columns);
            let mut plan = vec![0.0; all.len()];
            for (i, (row, all)) in plan
                .chunks_exact_mut(m)
                .zip(all.chunks_exact(m))
                .enumerate()
            {
                for range in near.of_tile(i / TILE) {
                    row[range.clone()].copy_from_slice(&all[range.clone()]);
                }
            }
            let [all, plan] = [all, plan].map(|plan| problem.of_result(plan));
            let context = format!("{n}×{m}, d {d}, {cost:?}");
            if !problem.check(device, &context, Some(&near), &plan, [rows, columns]) {
                return;
            }
            if m > TILE {
                let [without, with] = [&all, &plan].map(|p| problem.masses(p, rows, columns));
                reject(&context, close(&without, &with, |k| 0.01 * with[k]));
            }
        }
    }
}

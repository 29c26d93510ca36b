//! The balancing of a small matrix of masses, as the two-level correction needs it.
//!
//! For masses M between groups of rows and columns it finds factors U and V with
//!
//! ```text
//! U_I = (a_I / Σ_J M_IJ V_J)^λ_a      V_J = (b_J / Σ_I U_I M_IJ)^λ_b      λ = ρ/(ρ + ε), 1 where ρ is infinite
//! ```
//!
//! by Sinkhorn's algorithm with Anderson's method over log U. Eight iterations are usual, a few operations for each mass.
//!
//! Where too little mass connects groups, or so little that a float does not show it, there may be no factors at all: then the
//! iterations make those of a part of the groups grow without end. They say in which direction mass has to move, and not how far.

use super::anderson::least_affine_combination;

/// The largest number of iterations.
const MOST_ITERATIONS: usize = 24;

/// Factors balance the masses if they leave at most this fraction of the error.
const MOST_LEFT: f64 = 0.3;

/// The memory of Anderson's method, its ridge, and the growth of the error at which the memory is dropped.
const MEMORY: usize = 10;
const RIDGE: f64 = 1e-10;
const RESTART_GROWTH: f64 = 4.0;

/// The largest |log U| of factors that balance the masses: a larger one would be right for the groups, but not for their
/// points.
const LARGEST: f64 = 3.0;

/// The largest |log U| of factors that do not. Potentials that drift by this much an iteration keep sums near their guesses, in
/// the range of f32.
const LARGEST_DRIFT: f64 = 30.0;

/// The factors of rows.
pub(crate) struct Factors {
    /// log U.
    pub(crate) logs: Vec<f64>,
    /// Whether they balance the masses, so far as [`MOST_LEFT`] says.
    pub(crate) balance: bool,
}

/// Masses between groups, and what they should be.
pub(crate) struct Balance {
    /// Groups of rows × groups of columns, row-major.
    masses: Vec<f64>,
    /// a_I, and b_J.
    rows: Vec<f64>,
    columns: Vec<f64>,
    /// λ of both sides.
    damping: [f64; 2],
}

impl Balance {
    /// The rows of the masses are scaled to sums of `rows`. `None` if a row that should have mass has none.
    pub(crate) fn new(
        mut masses: Vec<f64>,
        [rows, columns]: [Vec<f64>; 2],
        damping: [f64; 2],
    ) -> Option<Self> {
        for (masses, row) in masses.chunks_exact_mut(columns.len()).zip(&rows) {
            let scale = if *row > 0.0 {
                row / masses.iter().sum::<f64>()
            } else {
                0.0
            };
            if !scale.is_finite() {
                return None;
            }
            masses.iter_mut().for_each(|mass| *mass *= scale);
        }
        Some(Self {
            masses,
            rows,
            columns,
            damping,
        })
    }

    /// log U at an L1 error of the rows of at most `goal`, or at the least error that was met. In a balanced problem
    /// its mean is 0, since U times a number and V over that number are factors as well.
    pub(crate) fn factors(&self, goal: f64) -> Factors {
        let mut first = None;
        let mut logs = vec![0.0; self.rows.len()];
        let mut best = (f64::INFINITY, logs.clone());
        let mut history = History::default();
        let mut last = f64::INFINITY;
        for _ in 0..MOST_ITERATIONS {
            let updated = self.update(&logs);
            let error = self.error(&logs, &updated);
            first.get_or_insert(error);
            if error < best.0 {
                best = (error, updated.clone());
            }
            if error <= goal || !error.is_finite() {
                break;
            }
            if error > RESTART_GROWTH * last {
                history = History::default();
            }
            last = error;
            history.push(&self.rows, &logs, updated.clone());
            logs = history.extrapolate().unwrap_or(updated);
        }
        let (error, mut logs) = best;
        let balance = error <= goal.max(MOST_LEFT * first.unwrap_or(0.0));
        if self.damping == [1.0; 2] {
            let total: f64 = self.rows.iter().sum();
            let mean = inner(&self.rows, &logs) / total;
            logs.iter_mut().for_each(|log| *log -= mean);
        }
        let largest = if balance { LARGEST } else { LARGEST_DRIFT };
        for (log, row) in logs.iter_mut().zip(&self.rows) {
            *log = if *row > 0.0 {
                log.clamp(-largest, largest)
            } else {
                0.0
            };
        }
        Factors { logs, balance }
    }

    /// log U from the V that belongs to the present log U; 0 for rows without mass.
    fn update(&self, logs: &[f64]) -> Vec<f64> {
        let width = self.columns.len();
        let mut sums = vec![0.0; width];
        for (masses, log) in self.masses.chunks_exact(width).zip(logs) {
            let factor = log.exp();
            for (sum, mass) in sums.iter_mut().zip(masses) {
                *sum += factor * mass;
            }
        }
        let [damping_a, damping_b] = self.damping;
        let factors = sums.iter().zip(&self.columns).map(|(sum, column)| {
            let ratio = if *sum > 0.0 { column / sum } else { 0.0 };
            if damping_b == 1.0 {
                ratio
            } else {
                ratio.powf(damping_b)
            }
        });
        let factors: Vec<f64> = factors.collect();
        let rows = self.masses.chunks_exact(width).zip(&self.rows);
        let of_row = |(masses, row): (&[f64], &f64)| {
            if *row > 0.0 {
                damping_a * (row / inner(masses, &factors)).ln()
            } else {
                0.0
            }
        };
        rows.map(of_row).collect()
    }

    /// Σ_I |r_I − a_I U_I^{1 − 1/λ_a}| of the sums r of the rows, without the powers of U at other points than 1.
    fn error(&self, logs: &[f64], updated: &[f64]) -> f64 {
        let pairs = logs.iter().zip(updated).zip(&self.rows);
        let terms = pairs
            .map(|((log, update), row)| row * ((log - update) / self.damping[0]).exp_m1().abs());
        terms.sum()
    }
}

/// The last updates and their residuals, with the Gram matrix of the residuals.
#[derive(Default)]
struct History {
    residuals: Vec<Vec<f64>>,
    updates: Vec<Vec<f64>>,
    gram: Vec<Vec<f64>>,
    next: usize,
}

impl History {
    /// Puts an update in the place of the oldest one. Inner products are weighted.
    fn push(&mut self, weights: &[f64], logs: &[f64], update: Vec<f64>) {
        let differences = update.iter().zip(logs).map(|(update, log)| update - log);
        let residual: Vec<f64> = differences.collect();
        let index = self.next % MEMORY;
        self.next = index + 1;
        if index == self.residuals.len() {
            self.gram.iter_mut().for_each(|row| row.push(0.0));
            self.gram.push(vec![0.0; index + 1]);
            self.residuals.push(residual);
            self.updates.push(update);
        } else {
            self.residuals[index] = residual;
            self.updates[index] = update;
        }
        let terms = self.residuals[index].iter().zip(weights);
        let weighted: Vec<f64> = terms.map(|(r, a)| r * a).collect();
        for (other, residual) in self.residuals.iter().enumerate() {
            let product = inner(&weighted, residual);
            self.gram[index][other] = product;
            self.gram[other][index] = product;
        }
    }

    /// The combination of the updates with the least residual.
    fn extrapolate(&self) -> Option<Vec<f64>> {
        let coefficients = least_affine_combination(&self.gram, RIDGE)?;
        let mut sum = vec![0.0; self.updates.first()?.len()];
        for (coefficient, update) in coefficients.iter().zip(&self.updates) {
            for (sum, value) in sum.iter_mut().zip(update) {
                *sum += coefficient * value;
            }
        }
        Some(sum)
    }
}

/// Σ vᵢ wᵢ, in eight partial sums.
fn inner(v: &[f64], w: &[f64]) -> f64 {
    let (v, v_rest) = v.as_chunks::<8>();
    let (w, w_rest) = w.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (v, w) in v.iter().zip(w) {
        for (sum, (v, w)) in sums.iter_mut().zip(v.iter().zip(w)) {
            *sum += v * w;
        }
    }
    let rest: f64 = v_rest.iter().zip(w_rest).map(|(v, w)| v * w).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [f64; 3] = [0.5, 0.3, 0.2];
    const COLUMNS: [f64; 4] = [0.1, 0.4, 0.3, 0.2];

    /// Masses that are far from balanced, with a part that is hardly linked to the rest.
    fn masses() -> Vec<f64> {
        vec![
            0.3, 0.05, 1e-4, 0.2, 0.02, 0.4, 0.03, 1e-5, 1e-6, 1e-5, 0.7, 0.03,
        ]
    }

    /// Σ_I |U_I Σ_J M_IJ V_J − a_I U_I^{1 − 1/λ_a}| for the V that belongs to U.
    fn error(logs: &[f64], damping: [f64; 2]) -> f64 {
        let masses = masses();
        let row_sum = |i: usize| masses[4 * i..][..4].iter().sum::<f64>();
        let mass = |i: usize, j: usize| masses[4 * i + j] * ROWS[i] / row_sum(i);
        let v: Vec<f64> = (0..4)
            .map(|j| {
                let sum: f64 = (0..3).map(|i| logs[i].exp() * mass(i, j)).sum();
                (COLUMNS[j] / sum).powf(damping[1])
            })
            .collect();
        let of_row = |i: usize| {
            let sum: f64 = (0..4).map(|j| mass(i, j) * v[j]).sum();
            let wanted = ROWS[i] * ((1.0 - 1.0 / damping[0]) * logs[i]).exp();
            (logs[i].exp() * sum - wanted).abs()
        };
        (0..3).map(of_row).sum()
    }

    #[test]
    fn factors_balance_the_masses() {
        for damping in [[1.0, 1.0], [0.8, 1.0], [1.0, 0.7], [0.9, 0.6]] {
            let sides = [ROWS.to_vec(), COLUMNS.to_vec()];
            let balance = Balance::new(masses(), sides, damping).unwrap();
            let Factors { logs, balance } = balance.factors(1e-10);
            assert!(balance);
            assert!(error(&logs, damping) < 1e-9, "{damping:?} {logs:?}");
            assert!(error(&[0.0; 3], damping) > 1e-2);
            if damping == [1.0, 1.0] {
                let mean: f64 = logs.iter().zip(ROWS).map(|(log, row)| log * row).sum();
                assert!(mean.abs() < 1e-12);
            }
        }
    }

    #[test]
    fn groups_without_mass_have_no_factor() {
        let sides = [vec![0.5, 0.0, 0.5], vec![0.4, 0.6, 0.0, 0.0]];
        let mut masses = masses();
        masses[4..8].fill(0.0);
        let balance = Balance::new(masses, sides, [1.0; 2]).unwrap();
        let Factors { logs, .. } = balance.factors(1e-10);
        assert!(logs[1] == 0.0 && logs.iter().all(|log| log.is_finite()));
    }

    #[test]
    fn factors_of_parts_that_exchange_no_mass_drift() {
        // The first two rows have a mass of 0.8, and the only columns that they reach one of 0.5.
        let mut masses = masses();
        for cut in [2, 3, 6, 7, 8, 9] {
            masses[cut] = 0.0;
        }
        let sides = [ROWS.to_vec(), COLUMNS.to_vec()];
        let parts = Balance::new(masses, sides, [1.0; 2]).unwrap();
        let Factors { logs, balance } = parts.factors(1e-10);
        assert!(!balance);
        assert!(
            logs[0] > logs[2] + 1.0 && logs[1] > logs[2] + 1.0,
            "{logs:?}"
        );
        assert!(
            logs.iter().all(|log| log.abs() <= LARGEST_DRIFT),
            "{logs:?}"
        );
    }

    #[test]
    fn a_row_that_lost_its_mass_is_refused() {
        let mut masses = masses();
        masses[4..8].fill(0.0);
        let sides = [ROWS.to_vec(), COLUMNS.to_vec()];
        assert!(Balance::new(masses.clone(), sides.clone(), [1.0; 2]).is_none());
        masses[5] = f64::NAN;
        assert!(Balance::new(masses, sides, [1.0; 2]).is_none());
    }
}

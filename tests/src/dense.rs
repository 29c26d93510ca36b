//! The operators and the plan, densely, in f64, from the formulas alone: nothing of haul is used
//! but its types.

use haul::Cost;
use haul::engine::Factor;

/// Points with weights and a potential.
#[derive(Debug, Clone)]
pub struct Side {
    pub points: Vec<f64>,
    pub dimension: usize,
    pub weights: Vec<f64>,
    pub potential: Vec<f64>,
}

impl Side {
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    pub fn point(&self, i: usize) -> &[f64] {
        &self.points[i * self.dimension..][..self.dimension]
    }

    /// The largest absolute value of the potential.
    pub fn height(&self) -> f64 {
        self.potential
            .iter()
            .fold(0.0, |height, f| f.abs().max(height))
    }
}

/// C(x, y).
pub fn cost(kind: Cost, x: &[f64], y: &[f64]) -> f64 {
    let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
    squared.powf(0.5 * kind.p())
}

/// The largest cost between two sides.
pub fn largest_cost(kind: Cost, rows: &Side, columns: &Side) -> f64 {
    let mut largest = 0f64;
    for i in 0..rows.len() {
        for j in 0..columns.len() {
            largest = largest.max(cost(kind, rows.point(i), columns.point(j)));
        }
    }
    largest
}

/// −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε), by the maximum of all exponents.
pub fn softmin(kind: Cost, epsilon: f64, rows: &Side, columns: &Side) -> Vec<f64> {
    (0..rows.len())
        .map(|i| {
            let exponents: Vec<f64> = (0..columns.len())
                .map(|j| {
                    let cost = cost(kind, rows.point(i), columns.point(j));
                    columns.weights[j].ln() + (columns.potential[j] - cost) / epsilon
                })
                .collect();
            let highest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = exponents.iter().map(|s| (s - highest).exp()).sum();
            -epsilon * (highest + sum.ln())
        })
        .collect()
}

/// Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ, and the same sum over absolute values, both n×width.
pub fn product(
    kind: Cost,
    epsilon: f64,
    rows: &Side,
    columns: &Side,
    factor: Factor,
    values: &[f64],
    width: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut sizes) = (vec![0.0; rows.len() * width], vec![0.0; rows.len() * width]);
    for i in 0..rows.len() {
        for j in 0..columns.len() {
            let cost = cost(kind, rows.point(i), columns.point(j));
            let exponent = (rows.potential[i] + columns.potential[j] - cost) / epsilon;
            let phi = if factor == Factor::Cost { cost } else { 1.0 };
            for k in 0..width {
                let term = columns.weights[j] * exponent.exp() * phi * values[j * width + k];
                sums[i * width + k] += term;
                sizes[i * width + k] += term.abs();
            }
        }
    }
    (sums, sizes)
}

/// The plan Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε), n×m.
pub fn plan(kind: Cost, epsilon: f64, rows: &Side, columns: &Side) -> Vec<f64> {
    let mut plan = Vec::with_capacity(rows.len() * columns.len());
    for i in 0..rows.len() {
        for j in 0..columns.len() {
            let cost = cost(kind, rows.point(i), columns.point(j));
            let exponent = (rows.potential[i] + columns.potential[j] - cost) / epsilon;
            plan.push(rows.weights[i] * columns.weights[j] * exponent.exp());
        }
    }
    plan
}

/// Both marginals of an n×m plan.
pub fn marginals(plan: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = plan.chunks_exact(m).map(|row| row.iter().sum()).collect();
    let mut columns = vec![0.0; m];
    for row in plan.chunks_exact(m) {
        for (sum, p) in columns.iter_mut().zip(row) {
            *sum += p;
        }
    }
    (rows, columns)
}

/// ‖v − w‖₁.
pub fn distance(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| (v - w).abs()).sum()
}

//! Dense operators and plans in f64, from the formulas alone: they use only haul's
//! types.

use haul::engine::{Factor, Lines, Near, TILE};
use haul::{Cost, Measure};

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

    /// Some of the points, in this order.
    pub fn only(&self, which: &[usize]) -> Self {
        let of = |values: &[f64]| which.iter().map(|i| values[*i]).collect();
        let points = which.iter().flat_map(|i| self.point(*i)).copied();
        Self {
            points: points.collect(),
            dimension: self.dimension,
            weights: of(&self.weights),
            potential: of(&self.potential),
        }
    }

    /// The largest absolute value of the potential.
    pub fn height(&self) -> f64 {
        self.potential
            .iter()
            .fold(0.0, |height, f| f.abs().max(height))
    }
}

/// C(x, y). Differences, squares and sums have twice the digits, so that the only error is the rounding of
/// a power.
pub fn cost(kind: Cost, x: &[f64], y: &[f64]) -> f64 {
    if let Cost::SumOverAxes(p) = kind {
        let axes = x.iter().zip(y);
        return axes.map(|(x, y)| (x - y).abs().powf(p.get())).sum();
    }
    let (mut sum, mut rest) = (0.0f64, 0.0f64);
    for (x, y) in x.iter().zip(y) {
        let difference = x - y;
        let back = difference + y;
        let lost = (x - back) + (back - difference - y);
        let square = difference * difference;
        rest += difference.mul_add(difference, -square) + 2.0 * difference * lost;
        let next = sum + square;
        rest += if sum >= square {
            sum - next + square
        } else {
            square - next + sum
        };
        sum = next;
    }
    let squared = sum + rest;
    match kind {
        Cost::SquaredEuclidean => squared,
        Cost::Euclidean => squared.sqrt(),
        _ => squared.powf(0.5 * kind.p()),
    }
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

/// Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ, or Σⱼ bⱼ (exp((fᵢ + gⱼ − Cᵢⱼ)/ε) − 1) Vⱼ, and the same sum over
/// absolute values, both n×width.
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
            let density = match factor {
                Factor::One => exponent.exp(),
                Factor::Excess => exponent.exp_m1(),
                Factor::Cost => exponent.exp() * cost,
            };
            for k in 0..width {
                let term = columns.weights[j] * density * values[j * width + k];
                sums[i * width + k] += term;
                sizes[i * width + k] += term.abs();
            }
        }
    }
    (sums, sizes)
}

/// ∂ₓC(x, y) = p |x − y|^{p−2} (x − y); 0 where x = y.
pub fn cost_gradient(kind: Cost, x: &[f64], y: &[f64]) -> Vec<f64> {
    let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
    let slope = if squared > 0.0 {
        kind.p() * squared.powf(0.5 * kind.p() - 1.0)
    } else {
        0.0
    };
    x.iter().zip(y).map(|(x, y)| slope * (x - y)).collect()
}

/// Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ), and the same sum over absolute values, both n×d.
pub fn gradient(
    kind: Cost,
    epsilon: f64,
    rows: &Side,
    columns: &Side,
    factor: Factor,
    values: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let d = rows.dimension;
    let (mut sums, mut sizes) = (vec![0.0; rows.len() * d], vec![0.0; rows.len() * d]);
    for i in 0..rows.len() {
        for (j, value) in values.iter().enumerate() {
            let (x, y) = (rows.point(i), columns.point(j));
            let cost = cost(kind, x, y);
            let exponent = (rows.potential[i] + columns.potential[j] - cost) / epsilon;
            let phi = if factor == Factor::Cost { cost } else { 1.0 };
            let weight = columns.weights[j] * exponent.exp() * phi * value;
            for (k, slope) in cost_gradient(kind, x, y).into_iter().enumerate() {
                sums[i * d + k] += weight * slope;
                sizes[i * d + k] += (weight * slope).abs();
            }
        }
    }
    (sums, sizes)
}

/// Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC⟩ ∂ₓC, and the same sum over absolute values, both n×d.
pub fn curvature(
    kind: Cost,
    epsilon: f64,
    rows: &Side,
    columns: &Side,
    directions: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let d = rows.dimension;
    let (mut sums, mut sizes) = (vec![0.0; rows.len() * d], vec![0.0; rows.len() * d]);
    for i in 0..rows.len() {
        let z = &directions[i * d..][..d];
        for j in 0..columns.len() {
            let (x, y) = (rows.point(i), columns.point(j));
            let exponent = (rows.potential[i] + columns.potential[j] - cost(kind, x, y)) / epsilon;
            let weight = columns.weights[j] * exponent.exp();
            let slopes = cost_gradient(kind, x, y);
            let terms = slopes.iter().zip(z).map(|(s, z)| s * z);
            let (along, size) = (terms.clone().sum::<f64>(), terms.map(f64::abs).sum::<f64>());
            for (k, slope) in slopes.iter().enumerate() {
                sums[i * d + k] += weight * along * slope;
                sizes[i * d + k] += weight * size * slope.abs();
            }
        }
    }
    (sums, sizes)
}

/// Cᵢⱼ − hⱼ, n×m; infinite for columns of weight 0.
pub fn reduced_costs(kind: Cost, rows: &Side, columns: &Side) -> Vec<f64> {
    let mut reduced = Vec::with_capacity(rows.len() * columns.len());
    for i in 0..rows.len() {
        for j in 0..columns.len() {
            let cost = cost(kind, rows.point(i), columns.point(j));
            let counts = columns.weights[j] > 0.0;
            let least = if counts { 0.0 } else { f64::INFINITY };
            reduced.push(cost - columns.potential[j] + least);
        }
    }
    reduced
}

/// The numbers of one line in a vector over so many points, `width` numbers a point.
pub fn line(values: &[f64], points: usize, width: usize, lines: Lines, line: usize) -> Vec<f64> {
    let places = places(points, lines, line);
    let of = |place: usize| values[place * width..][..width].iter().copied();
    places.flat_map(of).collect()
}

/// The vector over so many points with these lines.
pub fn lay(lines: Lines, points: usize, width: usize, of: impl Fn(usize) -> Vec<f64>) -> Vec<f64> {
    let mut values = vec![0.0; lines.length(points) * width];
    for line in 0..lines.count() {
        let of_line = of(line);
        for (i, place) in places(points, lines, line).enumerate() {
            values[place * width..][..width].copy_from_slice(&of_line[i * width..][..width]);
        }
    }
    values
}

/// The indices of the points of a line in a vector.
fn places(points: usize, lines: Lines, line: usize) -> impl Iterator<Item = usize> {
    let (outer, inner) = (line / lines.inner, line % lines.inner);
    (0..points).map(move |i| (outer * points + i) * lines.inner + inner)
}

/// A tile of rows with its near columns.
pub struct Tile {
    pub rows: Side,
    pub columns: Side,
    /// Which rows they are.
    pub rows_of: Vec<usize>,
    /// Which columns they are.
    pub columns_of: Vec<usize>,
}

/// All tiles of a list.
pub fn tiles(near: &Near, rows: &Side, columns: &Side) -> Vec<Tile> {
    let tile = |tile: usize| {
        let rows_of: Vec<usize> = (tile * TILE..rows.len().min((tile + 1) * TILE)).collect();
        let columns_of: Vec<usize> = near.of_tile(tile).iter().cloned().flatten().collect();
        Tile {
            rows: rows.only(&rows_of),
            columns: columns.only(&columns_of),
            rows_of,
            columns_of,
        }
    };
    (0..rows.len().div_ceil(TILE)).map(tile).collect()
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

/// A measure with a potential of zeros.
pub fn side(measure: &Measure) -> Side {
    Side {
        points: measure.points().to_vec(),
        dimension: measure.dimension(),
        weights: measure.weights().to_vec(),
        potential: vec![0.0; measure.len()],
    }
}

/// The optimal potentials of OT_ε with the penalties ρ, by f ← λ_a T_b(g), g ← λ_b T_a(f) until they no longer
/// change. Between updates the constant that may move from one to the other is set to its
/// best value, which plain updates approach slowly where ρ ≫ ε.
pub fn solve(kind: Cost, epsilon: f64, rho: [f64; 2], a: &Measure, b: &Measure) -> (Side, Side) {
    let (mut rows, mut columns) = (side(a), side(b));
    let [damping_a, damping_b] = rho.map(|rho| 1.0 / (1.0 + epsilon / rho));
    for _ in 0..20_000 {
        let damp = |damping: f64, softmin: Vec<f64>| -> Vec<f64> {
            softmin.into_iter().map(|t| damping * t).collect()
        };
        columns.potential = damp(damping_b, softmin(kind, epsilon, &columns, &rows));
        let updated = damp(damping_a, softmin(kind, epsilon, &rows, &columns));
        let change = updated
            .iter()
            .zip(&rows.potential)
            .fold(0.0f64, |change, (f, old)| change.max((f - old).abs()));
        let height = rows.height() + columns.height() + epsilon;
        rows.potential = updated;
        if change <= 1e-15 * height {
            break;
        }
        // Both sides require the same mass: ⟨a, e^{−(f + t)/ρ_a}⟩ = ⟨b, e^{−(g − t)/ρ_b}⟩.
        let log = |side: &Side, rho: f64| (wanted(side, rho).iter().sum::<f64>()).ln();
        let difference = log(&rows, rho[0]) - log(&columns, rho[1]);
        let t = difference / (1.0 / rho[0] + 1.0 / rho[1]);
        if t.is_finite() {
            rows.potential.iter_mut().for_each(|f| *f += t);
        }
    }
    columns.potential = {
        let softmin = softmin(kind, epsilon, &columns, &rows);
        softmin.into_iter().map(|t| damping_b * t).collect()
    };
    (rows, columns)
}

/// The optimal marginal at a potential: a e^{−f/ρ}.
pub fn wanted(side: &Side, rho: f64) -> Vec<f64> {
    let wanted = |(a, f): (&f64, &f64)| if *a > 0.0 { a * (-f / rho).exp() } else { 0.0 };
    side.weights
        .iter()
        .zip(&side.potential)
        .map(wanted)
        .collect()
}

/// The dual at the potentials of both sides.
pub fn dual(kind: Cost, epsilon: f64, rho: [f64; 2], rows: &Side, columns: &Side) -> f64 {
    let conjugate = |side: &Side, rho: f64| -> f64 {
        let terms = side.weights.iter().zip(&side.potential);
        if rho.is_finite() {
            terms.map(|(a, f)| -rho * a * (-f / rho).exp_m1()).sum()
        } else {
            terms.map(|(a, f)| a * f).sum()
        }
    };
    let mass = |weights: &[f64]| weights.iter().sum::<f64>();
    let plan = mass(&plan(kind, epsilon, rows, columns));
    let product = mass(&rows.weights) * mass(&columns.weights);
    conjugate(rows, rho[0]) + conjugate(columns, rho[1]) - epsilon * (plan - product)
}

/// ⟨P, C⟩ + ε KL(P | a⊗b) + Σ ρ KL(marginal | measure), term by term, over sides with finite ρ.
pub fn primal(kind: Cost, epsilon: f64, rho: [f64; 2], rows: &Side, columns: &Side) -> f64 {
    let kl = |p: f64, q: f64| match (p > 0.0, q > 0.0) {
        (true, true) => p * (p / q).ln() - p + q,
        _ => q,
    };
    let plan = plan(kind, epsilon, rows, columns);
    let mut total = 0.0;
    for (i, row) in plan.chunks_exact(columns.len()).enumerate() {
        for (j, p) in row.iter().enumerate() {
            let product = rows.weights[i] * columns.weights[j];
            total += p * cost(kind, rows.point(i), columns.point(j)) + epsilon * kl(*p, product);
        }
    }
    let (r, c) = marginals(&plan, columns.len());
    for (marginal, side, rho) in [(r, rows, rho[0]), (c, columns, rho[1])] {
        if rho.is_finite() {
            let terms = marginal.iter().zip(&side.weights);
            total += rho * terms.map(|(r, a)| kl(*r, *a)).sum::<f64>();
        }
    }
    total
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

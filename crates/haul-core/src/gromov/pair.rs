//! Two spaces, and the cost of a step as a product of coordinates.
//!
//! For centred points, D = p ⊕ p − 2⟨x, x⟩ with p = |x|² or more, p̃ = p − Σ ap and q̃ alike, M = Σ Pᵢⱼ xᵢ yⱼᵀ, and the covariances C_x and C_y,
//!
//! ```text
//! squared   Σ (Dᵢₖ − D'ⱼₗ)² Pᵢⱼ Pₖₗ = S − 4 Σ Pᵢⱼ p̃ᵢ q̃ⱼ − 8|M|²
//!           S = 4(Σap − Σbq)² + 2 Σa p̃² + 2 Σb q̃² + 4|C_x|² + 4|C_y|²
//! inner     the same = S − 4 ⟨x̄, Mȳ⟩ − 2|M|²,   S = |C_x + x̄x̄ᵀ|² + |C_y + ȳȳᵀ|² − 2|x̄|²|ȳ|²
//! ```
//!
//! So with κ = 8 or 2, and with the rest of the costs in L, the objective is
//!
//! ```text
//! F(P) = S + ⟨P, L⟩ − ακ|M|² + ε KL(P | a⊗b) = min over A of  S + ακ|A|² + ⟨P, L − 2ακ xᵀAy⟩ + ε KL(P | a⊗b)
//! ```
//!
//! at A = M [Zhang–Goldfeld–Mroueh–Sriperumbudur'24]. At a fixed A the minimum over P is an entropic problem, whose costs are products of few
//! coordinates. Its value J(A) bounds F from above at its own plan, F(P_A) = J(A) − ακ|A − M|², and A ← M is the step of
//! [Peyré–Cuturi–Solomon'16].

use super::space::{Form, MetricSpace, centred};
use crate::linalg::{dot, sum};
use crate::{Error, Measure, Result};

/// Two spaces and the weights of the terms of F.
pub(super) struct Pair {
    pub(super) spaces: [MetricSpace; 2],
    pub(super) alpha: f64,
    /// S of the term in α, and of F.
    pub(super) constant: f64,
    pub(super) total: f64,
    /// |ū − v̄|² of the features, and that with their variances: Σ P |u − v|² at the product coupling.
    pub(super) between_means: f64,
    between_features: f64,
    /// p̃ and q̃; empty for inner products.
    pub(super) squares: [Vec<f64>; 2],
    /// Centred features; empty if they do not matter.
    pub(super) features: [Vec<f64>; 2],
    /// x̄ȳᵀ for inner products, else 0.
    shift: Vec<f64>,
    /// The square root of |C_x||C_y|, in which changes of A are measured.
    pub(super) scale: f64,
}

/// Costs Cᵢⱼ = −⟨qᵢ, kⱼ⟩ of a step: the features of both sides, centred.
pub(super) struct Step {
    pub(super) measures: [Measure; 2],
    /// ½|q|² and ½|k|².
    pub(super) halves: [Vec<f64>; 2],
}

impl Pair {
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a share α without features on both sides, and for spaces of two kinds;
    /// [`Error::DimensionMismatch`] for features of different dimensions.
    pub(super) fn new(spaces: [MetricSpace; 2], alpha: f64) -> Result<Self> {
        let [x, y] = &spaces;
        if x.form != y.form {
            return Err(Error::Spaces);
        }
        let [c_x, c_y] = [x.covariance(), y.covariance()];
        let [norm_x, norm_y] = [&c_x, &c_y].map(|c| dot(c, c));
        let mut squares = [Vec::new(), Vec::new()];
        let (constant, shift) = match x.form {
            Form::Squared => {
                let [(mean_x, p), (mean_y, q)] = [x, y].map(|space| {
                    let (mean, moved) = centred(&space.squares(), 1, &space.weights);
                    (mean.first().copied().unwrap_or(0.0), moved)
                });
                let variance = |a: &[f64], p: &[f64]| sum(a.iter().zip(p).map(|(a, p)| a * p * p));
                let spread = variance(&x.weights, &p) + variance(&y.weights, &q);
                squares = [p, q];
                let size = (mean_x - mean_y).powi(2);
                let constant = 4.0 * (size + norm_x + norm_y) + 2.0 * spread;
                (constant, vec![0.0; c_len(&spaces)])
            }
            Form::Inner => {
                let whole = |c: &[f64], mean: &[f64]| {
                    let outer = mean.iter().flat_map(|u| mean.iter().map(move |v| u * v));
                    sum(c.iter().zip(outer).map(|(c, o)| (c + o) * (c + o)))
                };
                let means = dot(&x.mean, &x.mean) * dot(&y.mean, &y.mean);
                let outer = x
                    .mean
                    .iter()
                    .flat_map(|u| y.mean.iter().map(move |v| u * v));
                let constant = whole(&c_x, &x.mean) + whole(&c_y, &y.mean) - 2.0 * means;
                (constant, outer.collect())
            }
        };
        let (features, between_means, spread) = features(&spaces, alpha)?;
        let between_features = between_means + spread;
        let total = alpha * constant + (1.0 - alpha) * between_features;
        Ok(Self {
            alpha,
            constant,
            total,
            between_means,
            between_features,
            squares,
            features,
            shift,
            scale: (norm_x * norm_y).sqrt().sqrt(),
            spaces,
        })
    }

    /// κ.
    pub(super) fn curvature(&self) -> f64 {
        match self.form() {
            Form::Squared => 8.0,
            Form::Inner => 2.0,
        }
    }

    pub(super) fn form(&self) -> Form {
        self.spaces[0].form
    }

    /// Whether features count.
    pub(super) fn is_fused(&self) -> bool {
        !self.features[0].is_empty()
    }

    /// Values beside the points of the target, m×w: q̃, then features, then the points. Their images give all terms of F.
    pub(super) fn values(&self) -> (Vec<f64>, usize) {
        let [_, y] = &self.spaces;
        let m = y.len();
        let [_, features] = &self.features;
        let widths = [self.squares[1].len() / m, features.len() / m, y.dimension()];
        let parts = [&self.squares[1], features, &y.points];
        (
            interleaved(&parts.map(Vec::as_slice), widths),
            widths.iter().sum(),
        )
    }

    /// The energy Σ (Dᵢₖ − D'ⱼₗ)² P P, and Σ P |u − v|² of the features, from images of these values, and M.
    pub(super) fn terms(&self, images: &[f64]) -> (f64, f64, Vec<f64>) {
        let [x, y] = &self.spaces;
        let n = x.len();
        let own = [&self.squares[0], &self.features[0]].map(|values| values.len() / n);
        let width = images.len() / n;
        let [squared, featured] = own;
        let part = |from: usize, to: usize| -> Vec<f64> {
            let rows = images.chunks_exact(width);
            rows.flat_map(|row| row.get(from..to).unwrap_or_default())
                .copied()
                .collect()
        };
        let weighted = |values: &[f64], images: &[f64]| {
            let rows = values
                .chunks_exact(values.len() / n)
                .zip(images.chunks_exact(values.len() / n));
            sum(rows.zip(&x.weights).map(|((u, v), a)| a * dot(u, v)))
        };
        let moments = super::space::cross(&x.points, &part(squared + featured, width), &x.weights);
        let mut energy = self.constant - self.curvature() * dot(&moments, &moments);
        match self.form() {
            Form::Squared => energy -= 4.0 * weighted(&self.squares[0], &part(0, squared)),
            Form::Inner => energy -= 4.0 * dot(&self.shift, &moments),
        }
        let mut between = self.between_features;
        if featured > 0 {
            between -= 2.0 * weighted(&self.features[0], &part(squared, squared + featured));
        }
        debug_assert_eq!(moments.len(), x.dimension() * y.dimension());
        (energy, between, moments)
    }

    /// The costs L − 2ακ xᵀAy.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinitePoint`] where products leave the range of f64.
    pub(super) fn step(&self, a: &[f64]) -> Result<Step> {
        let [x, y] = &self.spaces;
        let (d, e) = (x.dimension(), y.dimension());
        let factor = 2.0 * self.alpha * self.curvature();
        let matrix: Vec<f64> = a
            .iter()
            .zip(&self.shift)
            .map(|(a, s)| factor * (a + s))
            .collect();
        let mut columns = Columns::default();
        if let [p, q] = &self.squares
            && !p.is_empty()
        {
            columns.push(
                x,
                y,
                p.iter().map(|p| 4.0 * self.alpha * p),
                q.iter().copied(),
            );
        }
        let [u, v] = &self.features;
        let width = u.len() / x.len();
        for k in 0..width {
            let column = |values: &'_ [f64]| {
                values
                    .iter()
                    .skip(k)
                    .step_by(width)
                    .copied()
                    .collect::<Vec<_>>()
            };
            let of_x = column(u).into_iter().map(|u| 2.0 * (1.0 - self.alpha) * u);
            columns.push(x, y, of_x, column(v));
        }
        if e <= d {
            for k in 0..e {
                let row: Vec<f64> = matrix.iter().skip(k).step_by(e).copied().collect();
                let of_y = y.points.iter().skip(k).step_by(e).copied();
                columns.push(x, y, x.rows().map(|x| dot(x, &row)), of_y);
            }
        } else {
            for (k, row) in matrix.chunks_exact(e).enumerate() {
                let of_x = x.points.iter().skip(k).step_by(d).copied();
                columns.push(x, y, of_x, y.rows().map(|y| dot(y, row)));
            }
        }
        columns.step([x, y])
    }
}

/// The length of d×d'.
fn c_len([x, y]: &[MetricSpace; 2]) -> usize {
    x.dimension() * y.dimension()
}

/// Centred features of both sides, |ū − v̄|², and the sum of their variances; nothing where α = 1.
fn features([x, y]: &[MetricSpace; 2], alpha: f64) -> Result<([Vec<f64>; 2], f64, f64)> {
    if alpha == 1.0 {
        return Ok(([Vec::new(), Vec::new()], 0.0, 0.0));
    }
    let (Some(u), Some(v)) = (&x.features, &y.features) else {
        return Err(Error::BadParameter {
            name: "fused",
            value: alpha,
            range: "1 for spaces without features",
        });
    };
    crate::problem::same_dimension([u.dimension, v.dimension])?;
    let (mean_u, of_x) = centred(&u.values, u.dimension, &x.weights);
    let (mean_v, of_y) = centred(&v.values, v.dimension, &y.weights);
    let variance = |values: &[f64], weights: &[f64]| {
        let rows = values.chunks_exact(u.dimension).zip(weights);
        sum(rows.map(|(row, a)| a * dot(row, row)))
    };
    let spread = variance(&of_x, &x.weights) + variance(&of_y, &y.weights);
    let between = sum(mean_u.iter().zip(&mean_v).map(|(u, v)| (u - v) * (u - v)));
    Ok(([of_x, of_y], between, spread))
}

/// Pairs of columns whose products are the costs. Both columns of a pair get one spread: so rounding is least.
#[derive(Default)]
struct Columns {
    sides: [Vec<Vec<f64>>; 2],
}

impl Columns {
    /// Adds a pair of columns of mean 0. A pair with a column of zeros adds nothing to the costs.
    fn push(
        &mut self,
        x: &MetricSpace,
        y: &MetricSpace,
        of_x: impl IntoIterator<Item = f64>,
        of_y: impl IntoIterator<Item = f64>,
    ) {
        let mut sides = [
            of_x.into_iter().collect::<Vec<_>>(),
            of_y.into_iter().collect(),
        ];
        let spread = |values: &[f64], a: &[f64]| {
            let squares = values.iter().zip(a).map(|(value, a)| a * value * value);
            sum(squares).sqrt()
        };
        let spreads = [spread(&sides[0], &x.weights), spread(&sides[1], &y.weights)];
        if spreads.iter().all(|spread| spread.is_normal()) {
            let ratio = (spreads[0] / spreads[1]).sqrt();
            sides[0].iter_mut().for_each(|value| *value /= ratio);
            sides[1].iter_mut().for_each(|value| *value *= ratio);
            let kept = self.sides.iter_mut().zip(sides);
            kept.for_each(|(columns, column)| columns.push(column));
        }
    }

    fn step(mut self, spaces: [&MetricSpace; 2]) -> Result<Step> {
        if self.sides[0].is_empty() {
            let columns = self.sides.iter_mut().zip(spaces);
            columns.for_each(|(columns, space)| columns.push(vec![0.0; space.len()]));
        }
        let [of_x, of_y] = self.sides;
        let measure = |columns: Vec<Vec<f64>>, space: &MetricSpace| {
            let widths = vec![1; columns.len()];
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let points = interleaved(&slices, widths);
            let rows = points.chunks_exact(columns.len());
            let halves = rows.map(|row| 0.5 * dot(row, row)).collect::<Vec<_>>();
            Ok((
                Measure::new(points, columns.len(), space.weights.clone())?,
                halves,
            ))
        };
        let (queries, of_queries) = measure(of_x, spaces[0])?;
        let (keys, of_keys) = measure(of_y, spaces[1])?;
        Ok(Step {
            measures: [queries, keys],
            halves: [of_queries, of_keys],
        })
    }
}

/// Rows made of rows of several arrays, with these widths; a width of 0 is left out.
pub(super) fn interleaved(parts: &[&[f64]], widths: impl AsRef<[usize]>) -> Vec<f64> {
    let parts = parts
        .iter()
        .zip(widths.as_ref())
        .filter(|(_, width)| **width > 0);
    let parts: Vec<(&[f64], usize)> = parts.map(|(part, width)| (*part, *width)).collect();
    let n = parts.first().map_or(0, |(part, width)| part.len() / width);
    let mut rows = Vec::with_capacity(parts.iter().map(|(part, _)| part.len()).sum());
    for i in 0..n {
        for (part, width) in &parts {
            rows.extend_from_slice(part.get(i * width..(i + 1) * width).unwrap_or_default());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gromov::bound::{lower, monotone};
    use crate::measure::Numbers;

    fn drawn(n: usize, d: usize, seed: u64) -> (Measure, Vec<f64>) {
        let mut numbers = Numbers::new(seed);
        let points = (0..n * d).map(|_| 3.0 * numbers.unit() + 0.5).collect();
        let weights = (0..n).map(|_| 0.1 + numbers.unit()).collect();
        let features = (0..2 * n).map(|_| numbers.unit()).collect();
        (Measure::new(points, d, weights).unwrap(), features)
    }

    /// D of a space, from its points where they are.
    fn matrix(form: Form, measure: &Measure) -> Vec<Vec<f64>> {
        let rows = || measure.points().chunks_exact(measure.dimension());
        let entry = |x: &[f64], y: &[f64]| match form {
            Form::Inner => x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>(),
            Form::Squared => x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum(),
        };
        rows()
            .map(|x| rows().map(|y| entry(x, y)).collect())
            .collect()
    }

    #[test]
    fn energies_and_costs_are_those_of_the_matrices() {
        for (form, of) in [
            (
                Form::Squared,
                MetricSpace::squared_euclidean as fn(&Measure) -> MetricSpace,
            ),
            (Form::Inner, MetricSpace::inner_product),
        ] {
            let (x, u) = drawn(9, 2, 3);
            let (y, v) = drawn(11, 3, 4);
            let spaces = [(&x, &u), (&y, &v)].map(|(m, u)| of(m).with_features(u, 2).unwrap());
            let pair = Pair::new(spaces, 0.7).unwrap();
            let [a, b] = pair.spaces.each_ref().map(|space| space.weights.clone());
            // A coupling with exact marginals that is far from the product.
            let keys = [&x.points()[..a.len()], &y.points()[..b.len()]];
            let mut plan = vec![vec![0.0; b.len()]; a.len()];
            for (i, j, mass) in monotone(keys, [&a, &b]) {
                plan[i][j] += mass;
            }
            let [d_x, d_y] = [matrix(form, &x), matrix(form, &y)];
            let (mut energy, mut between) = (0.0, 0.0);
            let mut costs = vec![vec![0.0; b.len()]; a.len()];
            for i in 0..a.len() {
                for j in 0..b.len() {
                    for k in 0..a.len() {
                        for l in 0..b.len() {
                            costs[i][j] += 2.0 * (d_x[i][k] - d_y[j][l]).powi(2) * plan[k][l];
                        }
                    }
                    let apart: f64 = (0..2).map(|c| (u[2 * i + c] - v[2 * j + c]).powi(2)).sum();
                    energy += 0.5 * costs[i][j] * plan[i][j];
                    between += apart * plan[i][j];
                    costs[i][j] = 0.7 * costs[i][j] + 0.3 * apart;
                }
            }
            let (values, width) = pair.values();
            let mut images = vec![0.0; a.len() * width];
            for i in 0..a.len() {
                for j in 0..b.len() {
                    for c in 0..width {
                        images[i * width + c] += plan[i][j] * values[j * width + c] / a[i];
                    }
                }
            }
            let (got, features, moments) = pair.terms(&images);
            assert!(
                (got - energy).abs() < 1e-12 * pair.constant,
                "{form:?} {got} {energy}"
            );
            assert!((features - between).abs() < 1e-12, "{features} {between}");
            assert!(lower(&pair) < 0.7 * energy + 0.3 * between);
            // Costs agree up to separable terms: second differences are equal.
            let step = pair.step(&moments).unwrap();
            let [q, k] = step.measures.each_ref();
            let cost = |i: usize, j: usize| {
                let w = q.dimension();
                -dot(&q.points()[i * w..][..w], &k.points()[j * w..][..w])
            };
            let mut largest = 0.0f64;
            for i in 1..a.len() {
                for j in 1..b.len() {
                    let dense = costs[i][j] - costs[0][j] - costs[i][0] + costs[0][0];
                    let lifted = cost(i, j) - cost(0, j) - cost(i, 0) + cost(0, 0);
                    assert!(
                        (dense - lifted).abs() < 1e-12 * pair.constant,
                        "{dense} {lifted}"
                    );
                    largest = largest.max(dense.abs());
                }
            }
            assert!(largest > 0.01 * pair.constant);
        }
    }

    #[test]
    fn eccentricities_are_those_of_the_matrices() {
        for (form, of) in [
            (
                Form::Squared,
                MetricSpace::squared_euclidean as fn(&Measure) -> MetricSpace,
            ),
            (Form::Inner, MetricSpace::inner_product),
        ] {
            let (x, _) = drawn(8, 3, 5);
            let space = of(&x);
            let rows = matrix(form, &x);
            for (row, got) in rows.iter().zip(space.eccentricities()) {
                let squares = row.iter().zip(&space.weights).map(|(d, a)| a * d * d);
                let expected = squares.sum::<f64>().sqrt();
                assert!(
                    (got - expected).abs() < 1e-13 * expected,
                    "{got} {expected}"
                );
            }
        }
    }
}

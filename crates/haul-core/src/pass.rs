//! Passes over all pairs of two clouds at given potentials, from host values to host values.

use crate::engine::{Factor, Integrand, Kernel, Side};
use crate::marginal::Marginal;
use crate::{Engine, Result};

/// The density πᵢⱼ = bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) of the rows of one cloud over another, to be summed
/// against something.
pub(crate) struct Pass<'p, E: Engine> {
    pub(crate) engine: &'p E,
    pub(crate) kernel: Kernel,
    pub(crate) rows: Side<'p, E>,
    pub(crate) columns: Side<'p, E>,
    /// How many rows there are, and coordinates of a point.
    pub(crate) shape: (usize, usize),
}

impl<'p, E: Engine> Pass<'p, E> {
    /// The rows of one marginal over the other.
    pub(crate) fn between(
        engine: &'p E,
        kernel: Kernel,
        rows: &'p Marginal<E>,
        columns: &'p Marginal<E>,
    ) -> Self {
        Self {
            engine,
            kernel,
            rows: rows.side(),
            columns: columns.side(),
            shape: (rows.weights.len(), rows.dimension),
        }
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) Vⱼ for V of m×`width` values; n×`width`.
    pub(crate) fn product(&self, factor: Factor, values: &[f64], width: usize) -> Result<Vec<f64>> {
        let values = self.engine.vector(values)?;
        let mut out = self.engine.vector(&vec![0.0; self.shape.0 * width])?;
        let integrand = Integrand {
            factor,
            values: &values,
            width,
        };
        self.engine
            .product(self.kernel, self.rows, self.columns, integrand, &mut out)?;
        self.engine.read(&out)
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ) for m values v; n×d.
    pub(crate) fn slopes(&self, factor: Factor, values: &[f64]) -> Result<Vec<f64>> {
        let (n, d) = self.shape;
        let values = self.engine.vector(values)?;
        let mut out = self.engine.vector(&vec![0.0; n * d])?;
        let integrand = Integrand {
            factor,
            values: &values,
            width: 1,
        };
        self.engine
            .gradient(self.kernel, self.rows, self.columns, integrand, &mut out)?;
        self.engine.read(&out)
    }

    /// Σⱼ πᵢⱼ ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ) for n directions z; n×d.
    pub(crate) fn curvature(&self, directions: &[f64]) -> Result<Vec<f64>> {
        let directions = self.engine.vector(directions)?;
        let mut out = self
            .engine
            .vector(&vec![0.0; self.shape.0 * self.shape.1])?;
        self.engine
            .curvature(self.kernel, self.rows, self.columns, &directions, &mut out)?;
        self.engine.read(&out)
    }
}

/// Rows of sums, each times the weight of its point and a number. The sums of a point of weight 0
/// are nobody's concern, and may be infinite.
pub(crate) fn weighted(weights: &[f64], number: f64, mut sums: Vec<f64>) -> Vec<f64> {
    let width = sums.len() / weights.len();
    for (row, weight) in sums.chunks_exact_mut(width).zip(weights) {
        let weight = number * weight;
        let times = |sum: f64| if weight == 0.0 { 0.0 } else { weight * sum };
        row.iter_mut().for_each(|sum| *sum = times(*sum));
    }
    sums
}

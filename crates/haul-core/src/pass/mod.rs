//! Passes over all pairs of two measures at given potentials: one operator of the engine between clouds, one per axis
//! between grids.

mod grid;
mod marginal;
mod points;

pub(crate) use marginal::Marginal;
pub(crate) use points::Points;

use crate::engine::{Factor, Groups, Integrand, Kernel, Lines, Near, Nearest, Pairs, Side};
use crate::{Engine, Error, Result};
use grid::GridPass;

/// The density πᵢⱼ = bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) of the rows of one measure over another, for sums over j.
pub(crate) struct Pass<'p, E: Engine> {
    pub(crate) engine: &'p E,
    pub(crate) kernel: Kernel,
    pub(crate) rows: &'p Points<E>,
    /// f; 0 if `None`.
    pub(crate) potential: Option<&'p E::Vector>,
    pub(crate) columns: &'p Points<E>,
    /// b and g.
    pub(crate) side: Side<'p, E::Weights, E::Vector>,
    /// The pairs of clouds that are included; all if `None`.
    pub(crate) near: Option<&'p Near>,
}

/// The pairs between two clouds, or between two grids.
enum Between<'p, E: Engine> {
    Clouds(Pairs<'p, E::Points>),
    Grids(GridPass<'p, E>),
}

impl<'p, E: Engine> Pass<'p, E> {
    /// The rows of one marginal over the other, or over the columns that are near.
    pub(crate) fn between(
        engine: &'p E,
        kernel: Kernel,
        rows: &'p Marginal<E>,
        columns: &'p Marginal<E>,
    ) -> Self {
        Self {
            engine,
            kernel,
            rows: &rows.points,
            potential: Some(&rows.potential),
            columns: &columns.points,
            side: columns.side(),
            near: rows.near.as_ref(),
        }
    }

    /// The pairs, for q histograms on the columns.
    fn pairs_of(&self, histograms: usize) -> Result<Between<'p, E>> {
        if let (Some(rows), Some(columns)) = (self.rows.on_device(), self.columns.on_device()) {
            return Ok(Between::Clouds(Pairs {
                lines: Lines::of_histograms(histograms),
                near: self.near,
                ..Pairs::new(self.kernel, rows, columns)
            }));
        }
        match (self.rows, self.columns) {
            (Points::Grid(rows), Points::Grid(columns)) => {
                let cost = self.kernel.cost.along_an_axis(rows.len());
                Ok(Between::Grids(GridPass {
                    engine: self.engine,
                    kernel: Kernel {
                        cost: cost.ok_or(Error::NoGrid)?,
                        ..self.kernel
                    },
                    rows,
                    columns,
                    side: self.side,
                    histograms,
                }))
            }
            _ => Err(Error::NoGrid),
        }
    }

    fn pairs(&self) -> Result<Between<'p, E>> {
        self.pairs_of(1)
    }

    /// The softmins of q histograms in one pass, n×q; potentials and weights are m×q.
    pub(crate) fn softmins(
        &self,
        histograms: usize,
        guess: Option<&E::Vector>,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self.pairs_of(histograms)? {
            Between::Clouds(pairs) => self.engine.softmin(pairs, self.side, guess, None, out),
            Between::Grids(pass) => pass.softmin(guess, out),
        }
    }

    /// The sums Σⱼ exp(−Cᵢⱼ/ε) Vⱼ of q histograms in one pass without weights and potentials, n×q.
    pub(crate) fn sums(
        &self,
        histograms: usize,
        values: &E::Vector,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self.pairs_of(histograms)? {
            Between::Clouds(_) => self.product_on_device(Factor::One, values, histograms, out),
            Between::Grids(pass) => {
                pass.densities(self.potential)?
                    .product(Factor::One, values, out)
            }
        }
    }

    /// The softmin over the columns. If `symmetric`, rows and columns are the same, and the guess is the potential of
    /// the columns.
    pub(crate) fn softmin(
        &self,
        guess: Option<&E::Vector>,
        symmetric: bool,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self.pairs()? {
            Between::Clouds(pairs) => {
                let pairs = Pairs { symmetric, ..pairs };
                self.engine.softmin(pairs, self.side, guess, None, out)
            }
            Between::Grids(pass) => pass.softmin(guess, out),
        }
    }

    /// The softmin over the columns of a cloud, and the masses between groups of its plan.
    pub(crate) fn softmin_with_masses(
        &self,
        guess: &E::Vector,
        groups: Groups<'_, E::Weights, E::Vector>,
        out: &mut E::Vector,
    ) -> Result<()> {
        let pairs = self.of_clouds()?;
        self.engine
            .softmin(pairs, self.side, Some(guess), Some(groups), out)
    }

    /// Σⱼ πᵢⱼ Vⱼ for q histograms in one pass, n×q; potentials, weights and values are m×q, and the potentials of the
    /// rows n×q.
    pub(crate) fn products(
        &self,
        histograms: usize,
        values: &E::Vector,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self.pairs_of(histograms)? {
            Between::Clouds(pairs) => {
                let integrand = Integrand {
                    factor: Factor::One,
                    values,
                    width: 1,
                };
                self.engine
                    .product(pairs, self.potential, self.side, integrand, out)
            }
            Between::Grids(pass) => {
                let densities = pass.densities(self.potential)?;
                densities.product(Factor::One, values, out)
            }
        }
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) Vⱼ for V of m×`width` values on the device, of width 1 between grids; n×`width`.
    pub(crate) fn product_on_device(
        &self,
        factor: Factor,
        values: &E::Vector,
        width: usize,
        out: &mut E::Vector,
    ) -> Result<()> {
        match self.pairs()? {
            Between::Clouds(pairs) => {
                let integrand = Integrand {
                    factor,
                    values,
                    width,
                };
                self.engine
                    .product(pairs, self.potential, self.side, integrand, out)
            }
            Between::Grids(pass) => {
                let densities = pass.densities(self.potential)?;
                densities.product(factor, values, out)
            }
        }
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) Vⱼ for V of m×`width` values; n×`width`.
    pub(crate) async fn product(
        &self,
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> Result<Vec<f64>> {
        let n = self.rows.len();
        match self.pairs()? {
            Between::Clouds(pairs) => {
                let values = self.engine.vector(values)?;
                let mut out = self.engine.zeros(n * width)?;
                let integrand = Integrand {
                    factor,
                    values: &values,
                    width,
                };
                self.engine
                    .product(pairs, self.potential, self.side, integrand, &mut out)?;
                self.engine.read(&out).await
            }
            Between::Grids(pass) => {
                let densities = pass.densities(self.potential)?;
                let mut sums = vec![0.0; n * width];
                let mut out = self.engine.zeros(n)?;
                for k in 0..width {
                    let column: Vec<f64> = values.iter().skip(k).step_by(width).copied().collect();
                    let column = self.engine.vector(&column)?;
                    densities.product(factor, &column, &mut out)?;
                    let made = self.engine.read(&out).await?;
                    let places = sums.iter_mut().skip(k).step_by(width);
                    places.zip(made).for_each(|(sum, value)| *sum = value);
                }
                Ok(sums)
            }
        }
    }

    /// Σⱼ πᵢⱼ φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ) for m values v; n×d.
    pub(crate) async fn slopes(&self, factor: Factor, values: &[f64]) -> Result<Vec<f64>> {
        let values = self.engine.vector(values)?;
        let slopes = self.slopes_on_device(factor, &values)?;
        self.engine.read(&slopes).await
    }

    /// The same on the device.
    pub(crate) fn slopes_on_device(&self, factor: Factor, values: &E::Vector) -> Result<E::Vector> {
        let mut out = self.engine.zeros(self.rows.len() * self.rows.dimension())?;
        let integrand = Integrand {
            factor,
            values,
            width: 1,
        };
        self.engine.gradient(
            self.of_clouds()?,
            self.potential,
            self.side,
            integrand,
            &mut out,
        )?;
        Ok(out)
    }

    /// Σⱼ πᵢⱼ ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ) for n directions z; n×d.
    pub(crate) async fn curvature(&self, directions: &[f64]) -> Result<Vec<f64>> {
        let directions = self.engine.vector(directions)?;
        let mut out = self.engine.zeros(self.rows.len() * self.rows.dimension())?;
        self.engine.curvature(
            self.of_clouds()?,
            self.potential,
            self.side,
            &directions,
            &mut out,
        )?;
        self.engine.read(&out).await
    }

    /// The column of the least Cᵢⱼ − gⱼ over the columns of positive weight, and that value.
    pub(crate) async fn nearest(&self) -> Result<Nearest> {
        match self.pairs()? {
            Between::Clouds(pairs) => self.engine.nearest(pairs, self.side).await,
            Between::Grids(pass) => pass.nearest().await,
        }
    }

    /// The pairs of two clouds. The points of a grid are fixed, and have no derivatives.
    pub(crate) fn of_clouds(&self) -> Result<Pairs<'p, E::Points>> {
        match self.pairs()? {
            Between::Clouds(pairs) => Ok(pairs),
            Between::Grids(_) => Err(Error::Unsupported {
                what: "derivatives in the points of a grid",
                device: self.engine.device().to_owned(),
            }),
        }
    }
}

/// A vector of this many ones on the device.
pub(crate) fn ones<E: Engine>(engine: &E, length: usize) -> Result<E::Vector> {
    let zeros = engine.zeros(length)?;
    let mut ones = engine.zeros(length)?;
    engine.mix(&[0.0], 1, 1.0, &zeros, &mut ones)?;
    Ok(ones)
}

/// The number of pairs in a pass: all pairs between clouds, the pairs of each axis between grids.
pub(crate) fn pairs_of_a_pass<E: Engine>(rows: &Points<E>, columns: &Points<E>) -> u64 {
    match (rows, columns) {
        (Points::Grid(rows), Points::Grid(columns)) => {
            let count = |axis: &points::Axis<E>| axis.coordinates.len() as u64;
            let along = |k: usize| {
                let before: u64 = rows[..=k].iter().map(count).product();
                let behind: u64 = columns[k..].iter().map(count).product();
                before.saturating_mul(behind)
            };
            (0..rows.len()).map(along).sum()
        }
        _ => rows.len() as u64 * columns.len() as u64,
    }
}

/// Rows of sums, each times the weight of its point and a number. The sums of a point of weight 0 are ignored, and
/// may be infinite.
pub(crate) fn weighted(weights: &[f64], number: f64, mut sums: Vec<f64>) -> Vec<f64> {
    let width = sums.len() / weights.len();
    for (row, weight) in sums.chunks_exact_mut(width).zip(weights) {
        let weight = number * weight;
        let times = |sum: f64| if weight == 0.0 { 0.0 } else { weight * sum };
        row.iter_mut().for_each(|sum| *sum = times(*sum));
    }
    sums
}

/// Refuses derivatives that left the range of floats.
pub(crate) fn finite<E: Engine>(values: Vec<f64>, engine: &E) -> Result<Vec<f64>> {
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(Error::NotFiniteResult {
            what: "the gradient",
            device: engine.device().to_owned(),
        })
    }
}

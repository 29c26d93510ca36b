//! The passes of a certificate.

use super::sums::{Scaling, Sums};
use crate::engine::{Factor, Kernel, Side};
use crate::linalg::{dot, mean, moments, sum};
use crate::pass::{Marginal, Pass};
use crate::{Cost, Engine, Result};

/// The common data of these passes.
pub(super) struct Passes<'e, E: Engine> {
    pub(super) engine: &'e E,
    pub(super) kernel: Kernel,
    /// Whether exponents are so small that sums are computed as their excess over 1.
    pub(super) flat: bool,
    /// The number of passes so far.
    pub(super) count: usize,
}

impl<E: Engine> Passes<'_, E> {
    async fn product(
        &mut self,
        (rows, columns): (&Marginal<E>, &Marginal<E>),
        factor: Factor,
        values: &[f64],
        width: usize,
    ) -> Result<Vec<f64>> {
        self.count += 1;
        let pass = Pass::between(self.engine, self.kernel, rows, columns);
        pass.product(factor, values, width).await
    }

    /// Σⱼ bⱼ πᵢⱼ yⱼ for a scaling y of the columns.
    pub(super) async fn sums(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        y: &Scaling,
    ) -> Result<Sums> {
        let factor = self.factor();
        let sums = self.product((rows, columns), factor, &y.factor, 1).await?;
        Ok(self.of(sums, mean(&columns.weights, y.taken.iter().copied())))
    }

    /// The same without a scaling and with y, in one pass.
    pub(super) async fn sums_of_both(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        y: &Scaling,
    ) -> Result<[Sums; 2]> {
        let [plain, scaled] = self.both((rows, columns), self.factor(), y).await?;
        let taken = mean(&columns.weights, y.taken.iter().copied());
        Ok([self.of(plain, 0.0), self.of(scaled, taken)])
    }

    /// Σⱼ bⱼ πᵢⱼ Cᵢⱼ yⱼ without a scaling and with y, in one pass.
    pub(super) async fn costs_of_both(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
        y: &Scaling,
    ) -> Result<[Vec<f64>; 2]> {
        self.both((rows, columns), Factor::Cost, y).await
    }

    async fn both(
        &mut self,
        pair: (&Marginal<E>, &Marginal<E>),
        factor: Factor,
        y: &Scaling,
    ) -> Result<[Vec<f64>; 2]> {
        let values: Vec<f64> = y.factor.iter().flat_map(|y| [1.0, *y]).collect();
        let sums = self.product(pair, factor, &values, 2).await?;
        let pairs = || sums.chunks_exact(2);
        let plain = pairs().map(|pair| pair[0]).collect();
        Ok([plain, pairs().map(|pair| pair[1]).collect()])
    }

    fn factor(&self) -> Factor {
        if self.flat {
            Factor::Excess
        } else {
            Factor::One
        }
    }

    /// Sums with the [`factor`](Self::factor), where a scaling has `taken` this fraction of the columns' mass.
    fn of(&self, mut sums: Vec<f64>, taken: f64) -> Sums {
        if self.flat {
            sums.iter_mut().for_each(|excess| *excess -= taken);
            Sums::of_excesses(sums)
        } else {
            Sums::of_ratios(sums)
        }
    }

    /// f_c(xᵢ) = minⱼ Cᵢⱼ − gⱼ, the c-transform of the columns' potential over the columns of positive weight.
    pub(super) async fn transform(
        &mut self,
        rows: &Marginal<E>,
        columns: &Marginal<E>,
    ) -> Result<Vec<f64>> {
        self.count += 1;
        let pass = Pass::between(self.engine, self.kernel, rows, columns);
        Ok(pass.nearest().await?.values)
    }

    /// ⟨e e'ᵀ, C⟩/t for the product of two measures of mass t on the points of both sides. If passes leave pairs out, it is
    /// a bound from above for p < 2, t (⟨e e'ᵀ, |x − y|²⟩/t²)^{p/2}, because a power p/2 is concave.
    pub(super) async fn product_cost(
        &mut self,
        rows: &Marginal<E>,
        e: &[f64],
        columns: &Marginal<E>,
        e2: &[f64],
    ) -> Result<f64> {
        let (mass, mass2) = (sum(e.iter().copied()), sum(e2.iter().copied()));
        if mass == 0.0 || mass2 == 0.0 {
            return Ok(0.0);
        }
        let cost = self.kernel.cost;
        if cost == Cost::SquaredEuclidean || rows.near.is_some() {
            let d = rows.dimension();
            let (mean, spread) = moments(&rows.points.coordinates(), d, e, mass);
            let (mean2, spread2) = moments(&columns.points.coordinates(), d, e2, mass2);
            let between: f64 = mean.iter().zip(&mean2).map(|(x, y)| (x - y).powi(2)).sum();
            let square = spread + spread2 + between;
            return Ok(0.5 * (mass + mass2) * cost.at(square.sqrt()));
        }
        let ratio: Vec<f64> = e2
            .iter()
            .zip(&columns.weights)
            .map(|(e, b)| if *b > 0.0 { e / b } else { 0.0 })
            .collect();
        self.count += 1;
        let pass = Pass {
            engine: self.engine,
            kernel: Kernel {
                epsilon: f64::INFINITY,
                ..self.kernel
            },
            rows: &rows.points,
            potential: None,
            columns: &columns.points,
            side: Side {
                weights: Some(&columns.on_device),
                potential: None,
            },
            near: None,
        };
        let costs = pass.product(Factor::Cost, &ratio, 1).await?;
        Ok(dot(e, &costs) / mass2)
    }
}

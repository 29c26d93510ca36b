//! The scaling form of Sinkhorn: u ← a/(K v), v ← b/(Kᵀu) [Cuturi'13], in any range of ε.
//!
//! haul writes the plan as Pᵢⱼ = uᵢ aᵢ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) bⱼ vⱼ: the scalings u and v are relative to a and b and
//! to potentials f and g, which absorb factors that leave the range of floats [Schmitzer'19]. With penalties in place
//! of the constraints, f + ε log u ← λ(f − ε log(K v)) becomes u ← (K v)^{−λ} exp(−f/(ρ + ε)), λ = ρ/(ρ + ε).
//! Absorption is done point by point, on the device; a sum that underflowed moves its point by the largest step
//! allowed, and the point arrives after a few steps.

use super::translation::Constant;
use crate::engine::{Factor, Kernel, Pointwise, Ratio};
use crate::pass::{Marginal, Pass};
use crate::{Engine, Result};

pub(crate) struct Scalings<'e, E: Engine> {
    engine: &'e E,
    kernel: Kernel,
    rows: Scaling<E>,
    columns: Scaling<E>,
}

/// A scaling and the sums of its last update.
struct Scaling<E: Engine> {
    factors: E::Vector,
    sums: E::Vector,
}

impl<E: Engine> Scaling<E> {
    fn ones(engine: &E, marginal: &Marginal<E>) -> Result<Self> {
        let ones = vec![1.0; marginal.weights.len()];
        Ok(Self {
            factors: engine.vector(&ones)?,
            sums: engine.vector(&ones)?,
        })
    }

    /// The sums of each row over the columns and their scaling.
    fn sum(
        &mut self,
        engine: &E,
        kernel: Kernel,
        rows: &Marginal<E>,
        columns: (&Marginal<E>, &Self),
    ) -> Result<()> {
        let (columns, scaling) = columns;
        let pass = Pass::between(engine, kernel, rows, columns);
        pass.product_on_device(Factor::One, &scaling.factors, 1, &mut self.sums)
    }

    fn update(&mut self, engine: &E, kernel: Kernel, marginal: &mut Marginal<E>) -> Result<()> {
        engine.scale(
            kernel.epsilon,
            marginal.rho,
            &self.sums,
            &mut self.factors,
            &mut marginal.potential,
        )
    }

    /// The potential of a scaling together with its absorbed part: f + ε log u.
    async fn total(&self, engine: &E, kernel: Kernel, marginal: &Marginal<E>) -> Result<Vec<f64>> {
        let mut potential = engine.read(&marginal.potential).await?;
        let factors = engine.read(&self.factors).await?;
        for (value, factor) in potential.iter_mut().zip(factors) {
            *value += kernel.epsilon * factor.ln();
        }
        Ok(potential)
    }
}

impl<'e, E: Engine> Scalings<'e, E> {
    /// Scalings of 1, with the potentials of both marginals.
    pub(crate) fn new(
        engine: &'e E,
        kernel: Kernel,
        source: &Marginal<E>,
        target: &Marginal<E>,
    ) -> Result<Self> {
        let (rows, columns) = (
            Scaling::ones(engine, source)?,
            Scaling::ones(engine, target)?,
        );
        Ok(Self {
            engine,
            kernel,
            rows,
            columns,
        })
    }

    /// One iteration, v before u. If `measured`, also computes the error between the two.
    pub(crate) async fn iterate(
        &mut self,
        source: &mut Marginal<E>,
        target: &mut Marginal<E>,
        measured: bool,
    ) -> Result<Option<f64>> {
        let Self {
            engine,
            kernel,
            rows,
            columns,
        } = self;
        columns.sum(engine, *kernel, target, (source, rows))?;
        columns.update(engine, *kernel, target)?;
        rows.sum(engine, *kernel, source, (target, columns))?;
        let ratio = Ratio::Scalings {
            epsilon: kernel.epsilon,
            rho: source.rho,
            potential: &source.potential,
            scaling: &rows.factors,
            sums: &rows.sums,
        };
        let error = if measured {
            Some(
                source
                    .integral(*engine, Pointwise::Excess(ratio))
                    .await?
                    .size,
            )
        } else {
            None
        };
        rows.update(engine, *kernel, source)?;
        Ok(error)
    }

    /// Moves the scalings into the potentials: f += ε log u, g += ε log v.
    pub(crate) async fn absorb_into(
        &self,
        source: &mut Marginal<E>,
        target: &mut Marginal<E>,
    ) -> Result<()> {
        let Self { engine, kernel, .. } = self;
        source.potential = engine.vector(&self.rows.total(engine, *kernel, source).await?)?;
        target.potential = engine.vector(&self.columns.total(engine, *kernel, target).await?)?;
        Ok(())
    }

    /// f + t, g − t with the t that maximises the dual, if a side has a penalty.
    pub(crate) async fn translate(
        &self,
        source: &mut Marginal<E>,
        target: &mut Marginal<E>,
    ) -> Result<()> {
        if Marginal::are_exact(source, target) {
            return Ok(());
        }
        let Self { engine, kernel, .. } = self;
        let f = self.rows.total(engine, *kernel, source).await?;
        let g = self.columns.total(engine, *kernel, target).await?;
        let constant = Constant::of((source, &f), (target, &g));
        if let Some(t) = constant.best([source.rho, target.rho], engine.precision()) {
            source.shift(*engine, t)?;
            target.shift(*engine, -t)?;
        }
        Ok(())
    }
}

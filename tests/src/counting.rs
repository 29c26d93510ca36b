//! An engine that counts the passes over pairs that are asked of it.

use haul::engine::{Integrand, Kernel, Ratio, Remembered, Side, Slot, Update};
use haul::{Engine, Interrupt, Precision, Result};
use std::cell::Cell;

/// Passes over all pairs, by operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub softmins: usize,
    pub products: usize,
    pub gradients: usize,
    pub curvatures: usize,
}

/// Hands everything on to an engine, and counts.
pub struct Counting<'e, E> {
    engine: &'e E,
    counts: Cell<Counts>,
}

impl<'e, E: Engine> Counting<'e, E> {
    pub fn new(engine: &'e E) -> Self {
        Self {
            engine,
            counts: Cell::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    fn count(&self, counted: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        counted(&mut counts);
        self.counts.set(counts);
    }

    fn inner<'v>(side: Side<'v, Self>) -> Side<'v, E> {
        Side {
            cloud: side.cloud,
            potential: side.potential,
        }
    }
}

impl<E: Engine> Engine for Counting<'_, E> {
    type Cloud = E::Cloud;
    type Vector = E::Vector;

    fn device(&self) -> &str {
        self.engine.device()
    }

    fn precision(&self) -> Precision {
        self.engine.precision()
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        self.engine.row_roundings(columns, dimension)
    }

    fn repeats_distances(&self) -> bool {
        self.engine.repeats_distances()
    }

    fn interrupt(&self) -> &Interrupt {
        self.engine.interrupt()
    }

    fn cloud(&self, points: &[f64], dimension: usize, weights: &[f64]) -> Result<E::Cloud> {
        self.engine.cloud(points, dimension, weights)
    }

    fn vector(&self, values: &[f64]) -> Result<E::Vector> {
        self.engine.vector(values)
    }

    fn read(&self, vector: &E::Vector) -> Result<Vec<f64>> {
        self.engine.read(vector)
    }

    fn softmin(
        &self,
        kernel: Kernel,
        rows: &E::Cloud,
        columns: Side<'_, Self>,
        shift: Option<&E::Vector>,
        out: &mut E::Vector,
    ) -> Result<()> {
        self.count(|counts| counts.softmins += 1);
        let columns = Self::inner(columns);
        self.engine.softmin(kernel, rows, columns, shift, out)
    }

    fn product(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, E::Vector>,
        out: &mut E::Vector,
    ) -> Result<()> {
        self.count(|counts| counts.products += 1);
        let (rows, columns) = (Self::inner(rows), Self::inner(columns));
        self.engine.product(kernel, rows, columns, integrand, out)
    }

    fn gradient(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, E::Vector>,
        out: &mut E::Vector,
    ) -> Result<()> {
        self.count(|counts| counts.gradients += 1);
        let (rows, columns) = (Self::inner(rows), Self::inner(columns));
        self.engine.gradient(kernel, rows, columns, integrand, out)
    }

    fn curvature(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        directions: &E::Vector,
        out: &mut E::Vector,
    ) -> Result<()> {
        self.count(|counts| counts.curvatures += 1);
        let (rows, columns) = (Self::inner(rows), Self::inner(columns));
        self.engine
            .curvature(kernel, rows, columns, directions, out)
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &E::Vector,
        scaling: &mut E::Vector,
        potential: &mut E::Vector,
    ) -> Result<()> {
        self.engine.scale(epsilon, rho, sums, scaling, potential)
    }

    fn marginal_error(&self, rows: &E::Cloud, ratio: Ratio<'_, E::Vector>) -> Result<f64> {
        self.engine.marginal_error(rows, ratio)
    }

    fn combine(&self, terms: &[(f64, &E::Vector)], out: &mut E::Vector) -> Result<()> {
        self.engine.combine(terms, out)
    }

    fn remember(
        &self,
        rows: &E::Cloud,
        update: Update<'_, E::Vector>,
        slot: Slot<'_, E::Vector>,
    ) -> Result<Remembered> {
        self.engine.remember(rows, update, slot)
    }

    fn extrapolate(
        &self,
        coefficients: &[f64],
        offset: f64,
        images: &E::Vector,
        out: &mut E::Vector,
    ) -> Result<()> {
        self.engine.extrapolate(coefficients, offset, images, out)
    }
}

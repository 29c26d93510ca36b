//! Engines that forward their work.

use super::{
    Engine, Groups, Integral, Integrand, Nearest, Pairs, Piece, Pointwise, Remembered,
    ResidentEngine, Side, Slot, Survey, Update, Writing,
};
use crate::{Interrupt, Precision, Result};
use std::ops::Range;
use std::sync::Arc;

/// The operators over pairs, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// [`Engine::softmin`].
    Softmin,
    /// [`Engine::product`].
    Product,
    /// [`Engine::gradient`].
    Gradient,
    /// [`Engine::curvature`].
    Curvature,
    /// [`Engine::nearest`].
    Nearest,
}

/// An engine that forwards all work to another one. Every type that implements it is an [`Engine`].
///
/// ```
/// use haul_core::engine::{Engine, Forward, Operator};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// /// Counts passes over pairs.
/// struct Counting<E> {
///     engine: E,
///     passes: AtomicUsize,
/// }
///
/// impl<E: Engine> Forward for Counting<E> {
///     type Inner = E;
///     fn inner(&self) -> &E {
///         &self.engine
///     }
///     fn before(&self, _: Operator) -> haul_core::Result<()> {
///         self.passes.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
/// }
/// ```
pub trait Forward: Send + Sync {
    /// The type of the inner engine.
    type Inner: Engine + ?Sized;

    /// The inner engine.
    fn inner(&self) -> &Self::Inner;

    /// Called before each pass over pairs. If it returns an error, the pass does not run.
    fn before(&self, _operator: Operator) -> Result<()> {
        Ok(())
    }
}

impl<E: Engine + ?Sized> Forward for &E {
    type Inner = E;

    fn inner(&self) -> &E {
        self
    }
}

impl<E: Engine + ?Sized> Forward for Arc<E> {
    type Inner = E;

    fn inner(&self) -> &E {
        self
    }
}

impl<F: Forward + ?Sized> Engine for F {
    type Points = <F::Inner as Engine>::Points;
    type Weights = <F::Inner as Engine>::Weights;
    type Vector = <F::Inner as Engine>::Vector;

    fn device(&self) -> &str {
        self.inner().device()
    }

    fn precision(&self) -> Precision {
        self.inner().precision()
    }

    fn most_group_sums(&self) -> usize {
        self.inner().most_group_sums()
    }

    fn row_roundings(&self, columns: usize, dimension: usize) -> usize {
        self.inner().row_roundings(columns, dimension)
    }

    fn repeats_distances(&self) -> bool {
        self.inner().repeats_distances()
    }

    fn kept_distances(&self, rows: &Self::Points, columns: &Self::Points) -> u64 {
        self.inner().kept_distances(rows, columns)
    }

    fn interrupt(&self) -> &Interrupt {
        self.inner().interrupt()
    }

    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Self::Points> {
        self.inner().points(coordinates, dimension)
    }

    fn count(&self, points: &Self::Points) -> usize {
        self.inner().count(points)
    }

    fn weights(&self, values: &[f64], histograms: usize) -> Result<Self::Weights> {
        self.inner().weights(values, histograms)
    }

    fn vector(&self, values: &[f64]) -> Result<Self::Vector> {
        self.inner().vector(values)
    }

    fn zeros(&self, length: usize) -> Result<Self::Vector> {
        self.inner().zeros(length)
    }

    async fn read(&self, vector: &Self::Vector) -> Result<Vec<f64>> {
        self.inner().read(vector).await
    }

    async fn read_part(&self, vector: &Self::Vector, part: Range<usize>) -> Result<Vec<f64>> {
        self.inner().read_part(vector, part).await
    }

    fn softmin(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        guess: Option<&Self::Vector>,
        groups: Option<Groups<'_, Self::Weights, Self::Vector>>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.before(Operator::Softmin)?;
        self.inner().softmin(pairs, columns, guess, groups, out)
    }

    fn pieces(&self, pairs: Pairs<'_, Self::Points>) -> usize {
        self.inner().pieces(pairs)
    }

    fn piece(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        piece: Piece,
        sums: &mut [f64],
    ) -> Result<()> {
        self.inner().piece(pairs, columns, piece, sums)
    }

    fn softmin_of_pieces(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        sums: &[f64],
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.before(Operator::Softmin)?;
        self.inner().softmin_of_pieces(pairs, columns, sums, out)
    }

    fn product(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.before(Operator::Product)?;
        self.inner().product(pairs, rows, columns, integrand, out)
    }

    fn gradient(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.before(Operator::Gradient)?;
        self.inner().gradient(pairs, rows, columns, integrand, out)
    }

    fn curvature(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.before(Operator::Curvature)?;
        self.inner()
            .curvature(pairs, rows, columns, directions, out)
    }

    async fn nearest(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
    ) -> Result<Nearest> {
        self.before(Operator::Nearest)?;
        self.inner().nearest(pairs, columns).await
    }

    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Self::Vector,
        scaling: &mut Self::Vector,
        potential: &mut Self::Vector,
    ) -> Result<()> {
        self.inner().scale(epsilon, rho, sums, scaling, potential)
    }

    async fn integral(
        &self,
        weights: &Self::Weights,
        integrand: Pointwise<'_, Self::Vector>,
        out: Option<&mut Self::Vector>,
    ) -> Result<Vec<Integral>> {
        self.inner().integral(weights, integrand, out).await
    }

    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()> {
        self.inner().combine(terms, out)
    }

    async fn remember(
        &self,
        weights: &Self::Weights,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> Result<Remembered> {
        self.inner().remember(weights, update, slot).await
    }

    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()> {
        self.inner().mix(coefficients, q, offset, vectors, out)
    }
}

impl<F: Forward + ?Sized> ResidentEngine for F
where
    F::Inner: ResidentEngine,
{
    type Array = <F::Inner as ResidentEngine>::Array;

    fn shape(&self, array: &Self::Array) -> Result<[usize; 2]> {
        self.inner().shape(array)
    }

    async fn survey(&self, array: &Self::Array) -> Result<Vec<Survey>> {
        self.inner().survey(array).await
    }

    async fn place(
        &self,
        array: &Self::Array,
        centre: &[f64],
        scale: f64,
    ) -> Result<(Self::Points, f64)> {
        self.inner().place(array, centre, scale).await
    }

    async fn weigh(
        &self,
        array: Option<&Self::Array>,
        points: usize,
        sum: f64,
    ) -> Result<Self::Weights> {
        self.inner().weigh(array, points, sum).await
    }

    fn homogeneous(&self, points: &Self::Points) -> Result<Self::Vector> {
        self.inner().homogeneous(points)
    }

    async fn write(
        &self,
        vector: &Self::Vector,
        writing: Writing<'_, Self::Weights>,
        array: &Self::Array,
    ) -> Result<bool> {
        self.inner().write(vector, writing, array).await
    }
}

//! The operators a device offers; every algorithm of haul is built from them.
//!
//! All of them evaluate the cost on the fly: no engine stores, or iterates over, an n×m array in
//! memory. One core serves them all: with h a potential and β = Σⱼ bⱼ δ(yⱼ) a measure,
//!
//! ```text
//! softmin   T_b(h)ᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε)
//! product         Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ      φ = 1 or C
//! gradient        Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ)
//! curvature       Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ)
//! nearest         argminⱼ Cᵢⱼ − hⱼ
//! ```
//!
//! The rest is arithmetic on vectors. Points come placed in a [`Frame`](crate::Frame):
//! within [−1, 1] in each coordinate. Potentials and ε are in units of the cost of those points.
//!
//! One pass may serve many [lines](Lines): vectors of the same points whose sums do not mix, as histograms on one
//! support, or the rows of a grid. The cost of a pair is then evaluated once for all of them.
//!
//! An engine never calls a solver, and a solver knows no engine by name.

mod forward;
mod pairs;
mod pointwise;
mod resident;

pub use forward::{Forward, Operator};
pub use pairs::{Groups, Lines, Near, Pairs, Side, TILE};
pub use pointwise::{Integral, Pointwise, RATIO_LOG2, Ratio, Update};
pub use resident::{ResidentEngine, Survey, Writing};

use crate::{Cost, Interrupt, Precision, Result};
use std::future::Future;

/// The Gibbs kernel exp(−C/ε), never evaluated as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    /// The cost C.
    pub cost: Cost,
    /// ε > 0, in units of the cost. [`Engine::product`] also takes infinity: the kernel is then 1
    /// and the potentials drop out.
    pub epsilon: f64,
}

/// What a product multiplies the kernel with, pair by pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// Nothing: φ = 1.
    One,
    /// What the density exceeds 1 by: Σⱼ bⱼ (πᵢⱼ − 1) Vⱼ with πᵢⱼ = exp((fᵢ + gⱼ − Cᵢⱼ)/ε). Where all
    /// exponents are small, each term is as exact, relative to itself, as its exponent.
    Excess,
    /// The cost itself: φ = C.
    Cost,
}

/// What the kernel, or the gradient of the cost, is summed against, pair by pair: φ(Cᵢⱼ) Vⱼ.
#[derive(Debug)]
pub struct Integrand<'v, V> {
    /// φ.
    pub factor: Factor,
    /// V, outer × m × inner × `width`.
    pub values: &'v V,
    /// How many values a column has for each line.
    pub width: usize,
}

impl<V> Clone for Integrand<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Integrand<'_, V> {}

/// A place in what an accelerated iteration remembers of its past: for each of n points, in
/// `slots` slots, the residuals after − before and the images of as many updates.
#[derive(Debug)]
pub struct Slot<'v, V> {
    /// Which slot, from 0.
    pub index: usize,
    /// How many there are.
    pub slots: usize,
    /// n×`slots`, row-major.
    pub residuals: &'v mut V,
    /// n×`slots`, row-major.
    pub images: &'v mut V,
}

/// What [`Engine::remember`] measures of an update, over all histograms but for what is told of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Σᵢ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}| of each histogram: the size of the integral of [`Pointwise::Excess`].
    pub errors: Vec<f64>,
    /// Σᵢ aᵢ afterᵢ of each histogram.
    pub means: Vec<f64>,
    /// Σᵢ rᵢ rₗᵢ over the points of positive weight: the inner products of this residual with that of
    /// every slot.
    pub products: Vec<f64>,
}

/// What [`Engine::nearest`] finds for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The column of the least Cᵢⱼ − hⱼ, the first of several; none where no column counts.
    pub columns: Vec<Option<u32>>,
    /// That least value; infinite where no column counts.
    pub values: Vec<f64>,
}

/// A scaling factor further from 1 than 2^±30 is absorbed into its potential.
pub const ABSORB_LOG2: f64 = 30.0;

/// An updated scaling is at most 2^±100, whatever the sum that asks for more.
pub const STEP_LOG2: f64 = 100.0;

/// How many terms an engine adds up in a row before it adds their sum to others.
pub const BLOCK: usize = 32;

/// How many roundings a term of |x − y|² = Σₖ (xₖ − yₖ)² goes through in the sum, at most. d terms are added in
/// blocks of [`BLOCK`], the sums of blocks in blocks of as many, and what comes of these in one row:
/// all terms are positive, so that the sum is off by that many roundings of itself. In a softmin it may
/// begin with a potential: as the first term of all up to [`BLOCK`] dimensions, and of the last row beyond.
pub fn distance_roundings(d: usize) -> usize {
    let inner = d.min(BLOCK);
    let middle = d.div_ceil(BLOCK).min(BLOCK);
    let outer = d.div_ceil(BLOCK * BLOCK);
    match d {
        _ if d <= BLOCK => inner,
        _ if d <= BLOCK * BLOCK => inner + middle,
        _ => inner + middle + outer,
    }
}

/// A device that holds points and vectors and evaluates the operators.
///
/// Operators may be recorded and run later. Four of them wait for what they return, as futures: [`read`](Engine::read),
/// [`integral`](Engine::integral), [`remember`](Engine::remember) and [`nearest`](Engine::nearest). They tell of every failure
/// that came before. No other operator blocks the thread that calls it. The lengths of vectors are the caller's promise; an
/// engine that finds them broken answers with [`Error::Length`](crate::Error::Length), and with
/// [`Error::Unsupported`](crate::Error::Unsupported) for what it has no kernel for.
///
/// The rounding of results is bounded by that of their parts, which every engine keeps to: a squared distance
/// is summed from differences as [`distance_roundings`] says, and a row over its columns as
/// [`row_roundings`](Engine::row_roundings) says.
///
/// `&E` and `Arc<E>` are engines where `E` is one; who wraps an engine implements [`Forward`].
pub trait Engine: Send + Sync {
    /// Points on the device.
    type Points: Send + Sync;
    /// Weights of points on the device.
    type Weights: Send + Sync;
    /// A vector on the device.
    type Vector: Send + Sync;

    /// The device's name, as results carry it.
    fn device(&self) -> &str;

    /// The precision in which the operators compute.
    fn precision(&self) -> Precision;

    /// How many roundings a term goes through in the sum of a [`product`](Self::product)'s row over so many
    /// columns of a dimension, at most. Engines add up in blocks, whose sums they add up in blocks.
    fn row_roundings(&self, columns: usize, dimension: usize) -> usize;

    /// Whether |x − y|² of two points is the same number in every product, whichever of them is a row. It is one where
    /// the arithmetic of all kernels is known to the bit.
    fn repeats_distances(&self) -> bool;

    /// The flag that ends this engine's work from another thread.
    fn interrupt(&self) -> &Interrupt;

    /// Puts n points on the device: n×`dimension` coordinates, row-major.
    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Self::Points>;

    /// Puts weights on the device, n×`histograms`, row-major. A point of weight 0 takes no part in a sum with these weights.
    fn weights(&self, values: &[f64], histograms: usize) -> Result<Self::Weights>;

    /// Puts values on the device.
    fn vector(&self, values: &[f64]) -> Result<Self::Vector>;

    /// A vector of so many zeros.
    fn zeros(&self, length: usize) -> Result<Self::Vector> {
        self.vector(&vec![0.0; length])
    }

    /// Brings the values of a vector back.
    fn read(&self, vector: &Self::Vector) -> impl Future<Output = Result<Vec<f64>>> + Send;

    /// `out` ← T_b(h): outᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε), for each line of the pairs; `columns` are b and h.
    ///
    /// `guess` is one of `out`: with the previous potential of the same ε each sum is near 1
    /// and no running maximum is needed. The result does not depend on it; a row whose guess was
    /// too far off is computed again. A sum without terms gives a number that is finite and so large that a
    /// sum in which it stands for −h has no such term either. `groups` asks for masses of the plan as well; it needs a
    /// guess, and one line.
    fn softmin(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        guess: Option<&Self::Vector>,
        groups: Option<Groups<'_, Self::Weights, Self::Vector>>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ for each line of the pairs, outer × n × inner × width. With
    /// V = 1 and φ = 1 these are the sums rᵢ/aᵢ of the plan's rows. `rows` is f, 0 where there is none.
    ///
    /// Where f and g are none, or one line's, the exponential of a pair serves all values. Where there are many lines with
    /// potentials, each has one value a column.
    fn product(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ), n×d, row-major, for one line and one value v a
    /// column, an integrand of width 1. ∂ₓ|x − y|^p = p |x − y|^{p−2} (x − y) is formed from
    /// differences; it is 0 where x = y, for p ≤ 1 as well, where the cost has no derivative.
    fn gradient(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ), n×d, row-major, for one line and one
    /// direction z a row (n×d): the second moments of the slopes, as Hessians need them.
    fn curvature(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// The column of the least Cᵢⱼ − hⱼ, and that value, for each row of each line (outer × n × inner), over the columns of
    /// positive weight. ε has no part in it. The value is that of some column, off by the rounding of its cost and of one
    /// difference; a column whose value is nearer to the least one than that may be told in place of it.
    fn nearest(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
    ) -> impl Future<Output = Result<Nearest>> + Send;

    /// The update of the scaling form: u ← s^{−λ} exp(−f/(ρ + ε)) with λ = ρ/(ρ + ε), which is
    /// 1/s where ρ is infinite, for `sums` s limited to 2^±[`STEP_LOG2`]; and a factor beyond
    /// 2^±[`ABSORB_LOG2`] moved into the potential: f += ε log u, u = 1.
    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Self::Vector,
        scaling: &mut Self::Vector,
        potential: &mut Self::Vector,
    ) -> Result<()>;

    /// Σᵢ aᵢ ψᵢ of each histogram of the weights a, over its points of positive weight; `out` ← ψ at every point, where it is
    /// given. Each term goes through at most [`row_roundings`](Self::row_roundings) additions in the engine's precision.
    fn integral(
        &self,
        weights: &Self::Weights,
        integrand: Pointwise<'_, Self::Vector>,
        out: Option<&mut Self::Vector>,
    ) -> impl Future<Output = Result<Vec<Integral>>> + Send;

    /// `out` ← Σₖ cₖ vₖ; `out` keeps its length.
    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()>;

    /// Puts an update into a slot, in place of what was there, and measures it. Points of weight 0
    /// count for nothing.
    fn remember(
        &self,
        weights: &Self::Weights,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> impl Future<Output = Result<Remembered>> + Send;

    /// `out` ← `offset` + V Λ for `vectors` V of n×q and the matrix Λ of q×k `coefficients`, all row-major; n×k.
    fn mix(
        &self,
        coefficients: &[f64],
        q: usize,
        offset: f64,
        vectors: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()>;
}

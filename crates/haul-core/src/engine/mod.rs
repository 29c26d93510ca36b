//! The operators of a device; every algorithm of haul is built from them.
//!
//! All of them evaluate the cost on the fly: no engine stores an n×m array, but for
//! [distances](Engine::kept_distances) up to a fixed number of bytes. They share one core: with h a potential and β = Σⱼ bⱼ δ(yⱼ) a measure,
//!
//! ```text
//! softmin   T_b(h)ᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε)
//! product         Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ      φ = 1 or C
//! gradient        Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ)
//! curvature       Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ)
//! nearest         argminⱼ Cᵢⱼ − hⱼ
//! ```
//!
//! The other operators are arithmetic on vectors. Points are placed in a [`Frame`](crate::Frame): within [−1, 1] in
//! each coordinate. Potentials and ε are in units of the cost of those points.
//!
//! One pass may compute many [lines](Lines): vectors of the same points with separate sums, such as histograms on one
//! support, or the rows of a grid. The cost of a pair is then evaluated once for all of them.
//!
//! An engine never calls a solver, and a solver does not depend on any particular engine.

mod forward;
mod matrices;
mod pairs;
mod pointwise;
mod ranked;
mod ranks;
mod resident;
mod shares;

pub use forward::{Forward, Operator};
pub use matrices::MatrixEngine;
pub use pairs::{GROUP, Groups, Lines, Near, Pairs, Part, Side, TILE};
pub use pointwise::{Integral, Pointwise, RATIO_LOG2, Ratio, Update};
pub use ranked::{Journal, Ranked};
pub use ranks::{Network, Ranks};
pub use resident::{ResidentEngine, Survey, Writing};

use crate::{Cost, Error, Interrupt, Precision, Result};
use std::future::Future;
use std::ops::Range;

/// The Gibbs kernel exp(−C/ε), never stored as a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    /// The cost C.
    pub cost: Cost,
    /// ε > 0, in units of the cost. [`Engine::product`] also takes infinity: the kernel is then 1 and the potentials
    /// have no effect.
    pub epsilon: f64,
}

/// The factor of the kernel in a product, pair by pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// No factor: φ = 1.
    One,
    /// The density minus 1: Σⱼ bⱼ (πᵢⱼ − 1) Vⱼ with πᵢⱼ = exp((fᵢ + gⱼ − Cᵢⱼ)/ε). Where all exponents are small, the
    /// relative error of each term is that of its exponent.
    Excess,
    /// The cost itself: φ = C.
    Cost,
}

/// The integrand against the kernel, or against the gradient of the cost, pair by pair: φ(Cᵢⱼ) Vⱼ.
#[derive(Debug)]
pub struct Integrand<'v, V> {
    /// φ.
    pub factor: Factor,
    /// V, outer × m × inner × `width`.
    pub values: &'v V,
    /// The number of values of a column for each line.
    pub width: usize,
}

impl<V> Clone for Integrand<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Integrand<'_, V> {}

/// A slot in the history of an accelerated iteration: for each of n points, in `slots` slots, the residuals
/// after − before and the images of as many updates.
#[derive(Debug)]
pub struct Slot<'v, V> {
    /// The slot's index, from 0.
    pub index: usize,
    /// The number of slots.
    pub slots: usize,
    /// n×`slots`, row-major.
    pub residuals: &'v mut V,
    /// n×`slots`, row-major.
    pub images: &'v mut V,
}

/// What [`Engine::remember`] measures of an update, over all histograms unless stated otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Σᵢ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}| of each histogram: the size of the integral of [`Pointwise::Excess`].
    pub errors: Vec<f64>,
    /// Σᵢ aᵢ afterᵢ of each histogram.
    pub means: Vec<f64>,
    /// Σᵢ rᵢ rₗᵢ over the points of positive weight: the inner products of this residual with the residual of every
    /// slot.
    pub products: Vec<f64>,
}

/// The result of [`Engine::nearest`] for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The column of the least Cᵢⱼ − hⱼ, the first one in a tie; `None` if no column takes part.
    pub columns: Vec<Option<u32>>,
    /// That least value; infinite if no column takes part.
    pub values: Vec<f64>,
}

/// A piece of half the pairs, or a share of it: at most one share of a piece adds to the sum of a row, so that the shares of a piece, added in any
/// order, are the piece to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The number of the piece, from 0.
    pub index: usize,
    /// The number of the share, from 0.
    pub share: usize,
    /// The number of shares; 1 for the whole piece.
    pub shares: usize,
}

impl Piece {
    /// A whole piece.
    pub const fn whole(index: usize) -> Self {
        Self {
            index,
            share: 0,
            shares: 1,
        }
    }

    /// Whether the part of this number, from 0, of what can be divided belongs to the share.
    pub const fn has(self, part: usize) -> bool {
        part % if self.shares == 0 { 1 } else { self.shares } == self.share
    }
}

/// A scaling factor further from 1 than 2^±30 is absorbed into its potential.
pub const ABSORB_LOG2: f64 = 30.0;

/// An updated scaling is limited to 2^±100, whatever the sum.
pub const STEP_LOG2: f64 = 100.0;

/// The number of terms that an engine adds one by one before it adds their sum to others.
pub const BLOCK: usize = 32;

/// The largest number of roundings of a term in the sum |x − y|² = Σₖ (xₖ − yₖ)². The d terms are added in blocks of
/// [`BLOCK`], the sums of blocks in blocks of as many, and the remaining sums one by one: all terms are positive, so
/// the relative error of the sum is at most that many roundings. In a softmin the sum may have a potential as
/// the first of all terms up to [`BLOCK`] dimensions, and as the last term of the final sum beyond.
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

/// A device that stores points and vectors and evaluates the operators.
///
/// Operators may be recorded and run later. Four of them return futures that wait for their result:
/// [`read`](Engine::read), [`integral`](Engine::integral), [`remember`](Engine::remember) and
/// [`nearest`](Engine::nearest). They report every earlier failure. No other operator blocks the calling thread. The
/// caller must pass vectors of the right lengths; an engine that finds a wrong one returns
/// [`Error::Length`], and it returns [`Error::Unsupported`] for an
/// operation that it has no kernel for.
///
/// The rounding error of results is bounded by that of their parts, and every engine must keep to these bounds: a
/// squared distance is summed from differences as [`distance_roundings`] says, and a row over its columns as
/// [`row_roundings`](Engine::row_roundings) says.
///
/// `&E` and `Arc<E>` are engines if `E` is one; to wrap an engine, implement [`Forward`].
pub trait Engine: Send + Sync {
    /// Points on the device.
    type Points: Send + Sync;
    /// Weights of points on the device.
    type Weights: Send + Sync;
    /// A vector on the device.
    type Vector: Send + Sync;

    /// The device's name, as reported in results.
    fn device(&self) -> &str;

    /// The precision in which the operators compute.
    fn precision(&self) -> Precision;

    /// The largest number of roundings of a term in a row's sum of a [`product`](Self::product) over this many
    /// columns of a dimension. Engines add terms in blocks, and the sums of blocks in blocks.
    fn row_roundings(&self, columns: usize, dimension: usize) -> usize;

    /// Whether |x − y|² of two points is the same number in every product, whichever of them is a row. This is true
    /// if the arithmetic of all kernels is known to the bit.
    fn repeats_distances(&self) -> bool;

    /// The largest product of rows and groups of columns that a softmin with masses of [`Groups`] should have: what a
    /// device stores for it. No limit, if it stores nothing for each of them.
    fn most_group_sums(&self) -> usize {
        usize::MAX
    }

    /// The bytes of the squared distances between these rows and columns that the engine keeps from pass to pass: within a
    /// fixed number, whatever the number of points. No engine keeps a kernel.
    fn kept_distances(&self, _rows: &Self::Points, _columns: &Self::Points) -> u64 {
        0
    }

    /// The flag that ends this engine's work from another thread.
    fn interrupt(&self) -> &Interrupt;

    /// Puts n points on the device: n×`dimension` coordinates, row-major.
    fn points(&self, coordinates: &[f64], dimension: usize) -> Result<Self::Points>;

    /// The number n of points.
    fn count(&self, points: &Self::Points) -> usize;

    /// Puts weights on the device, n×`histograms`, row-major. A point of weight 0 is left out of every sum with these
    /// weights.
    fn weights(&self, values: &[f64], histograms: usize) -> Result<Self::Weights>;

    /// Puts values on the device.
    fn vector(&self, values: &[f64]) -> Result<Self::Vector>;

    /// A vector of this many zeros.
    fn zeros(&self, length: usize) -> Result<Self::Vector> {
        self.vector(&vec![0.0; length])
    }

    /// Reads a vector back from the device.
    fn read(&self, vector: &Self::Vector) -> impl Future<Output = Result<Vec<f64>>> + Send;

    /// Reads the elements `part` of a vector back from the device, those of them that it has: no more of it moves, where an engine can do so.
    fn read_part(
        &self,
        vector: &Self::Vector,
        part: Range<usize>,
    ) -> impl Future<Output = Result<Vec<f64>>> + Send {
        async move {
            let mut values = self.read(vector).await?;
            values.truncate(part.end);
            Ok(values.split_off(part.start.min(values.len())))
        }
    }

    /// `out` ← T_b(h): outᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε), for each line of the pairs; `columns` are b and h.
    ///
    /// `guess` is a guess of `out`: with the previous potential of the same ε each sum is near 1 and no running
    /// maximum is needed. The result does not depend on it; a row with a guess too far off is computed again. A sum
    /// without terms gives a finite number so large that a sum with −h equal to it has no such term either. `groups`
    /// requests masses of the plan as well; it needs a guess, and one line.
    fn softmin(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        guess: Option<&Self::Vector>,
        groups: Option<Groups<'_, Self::Weights, Self::Vector>>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// The number of pieces that a softmin of points against themselves has, where it evaluates half the pairs: each
    /// piece adds at most one number to the sum of a row, and these are added in the order of the pieces. 0 for pairs
    /// that take a full pass.
    fn pieces(&self, _pairs: Pairs<'_, Self::Points>) -> usize {
        0
    }

    /// `sums` += Σⱼ bⱼ/b̄ exp((fᵢ + fⱼ − Cᵢⱼ)/ε) over the pairs of one piece, or of a share of it, for all rows i, with f the potential of
    /// the columns and b̄ a constant of their weights.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where there are no [pieces](Self::pieces).
    fn piece(
        &self,
        _pairs: Pairs<'_, Self::Points>,
        _columns: Side<'_, Self::Weights, Self::Vector>,
        _piece: Piece,
        _sums: &mut [f64],
    ) -> Result<()> {
        Err(self.without_pieces())
    }

    /// `out` ← T_b(f), from the sums over all pieces of the rows that are wanted: what [`softmin`](Self::softmin) gives with
    /// f as the guess, to the bit.
    ///
    /// # Errors
    ///
    /// Those of [`piece`](Self::piece).
    fn softmin_of_pieces(
        &self,
        _pairs: Pairs<'_, Self::Points>,
        _columns: Side<'_, Self::Weights, Self::Vector>,
        _sums: &[f64],
        _out: &mut Self::Vector,
    ) -> Result<()> {
        Err(self.without_pieces())
    }

    /// The error of pieces that there are not.
    #[doc(hidden)]
    fn without_pieces(&self) -> Error {
        Error::Unsupported {
            what: "a part of half the pairs",
            device: self.device().to_owned(),
        }
    }

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ for each line of the pairs, outer × n × inner × width. With
    /// V = 1 and φ = 1 these are the sums rᵢ/aᵢ of the plan's rows. `rows` is f; without it f is 0.
    ///
    /// If f and g are absent or those of one line, the exponential of a pair serves all values. Many lines with
    /// potentials have one value a column each.
    fn product(
        &self,
        pairs: Pairs<'_, Self::Points>,
        rows: Option<&Self::Vector>,
        columns: Side<'_, Self::Weights, Self::Vector>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ), n×d, row-major, for one line and one value v a
    /// column, an integrand of width 1. ∂ₓ|x − y|^p = p |x − y|^{p−2} (x − y) is computed from differences; it is 0
    /// where x = y, also for p ≤ 1, where the cost has no derivative.
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

    /// The column of the least Cᵢⱼ − hⱼ, and that value, for each row of each line (outer × n × inner), over the
    /// columns of positive weight. ε does not enter. The value is that of some column, up to the rounding of its cost
    /// and of one difference; a column whose value is closer to the least one than that may be returned in place of
    /// it.
    fn nearest(
        &self,
        pairs: Pairs<'_, Self::Points>,
        columns: Side<'_, Self::Weights, Self::Vector>,
    ) -> impl Future<Output = Result<Nearest>> + Send;

    /// The update of the scaling form: u ← s^{−λ} exp(−f/(ρ + ε)) with λ = ρ/(ρ + ε), which is 1/s where ρ is
    /// infinite, for `sums` s limited to 2^±[`STEP_LOG2`]. A factor beyond 2^±[`ABSORB_LOG2`] is moved into the
    /// potential: f += ε log u, u = 1.
    fn scale(
        &self,
        epsilon: f64,
        rho: f64,
        sums: &Self::Vector,
        scaling: &mut Self::Vector,
        potential: &mut Self::Vector,
    ) -> Result<()>;

    /// Σᵢ aᵢ ψᵢ of each histogram of the weights a, over its points of positive weight; `out` ← ψ at every point, if
    /// given. Each term goes through at most [`row_roundings`](Self::row_roundings) additions in the engine's
    /// precision.
    fn integral(
        &self,
        weights: &Self::Weights,
        integrand: Pointwise<'_, Self::Vector>,
        out: Option<&mut Self::Vector>,
    ) -> impl Future<Output = Result<Vec<Integral>>> + Send;

    /// `out` ← Σₖ cₖ vₖ; `out` keeps its length.
    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()>;

    /// Puts an update into a slot, in place of its previous content, and measures it. Points of weight 0 are ignored.
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

//! The operators a device offers; every algorithm of haul is built from them.
//!
//! All of them evaluate the cost on the fly: no engine stores, or iterates over, an n×m array in
//! memory. One core serves them all: with h a potential and β = Σⱼ bⱼ δ(yⱼ) a cloud,
//!
//! ```text
//! softmin   T_b(h)ᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε)
//! product         Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ      φ = 1 or C
//! gradient        Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ)
//! curvature       Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ)
//! ```
//!
//! The rest is arithmetic on vectors of length n. Points come placed in a [`Frame`](crate::Frame):
//! within [−1, 1] in each coordinate. Potentials and ε are in units of the cost of those points.
//! An engine never calls a solver, and a solver knows no engine by name.

use crate::{Cost, Interrupt, Result};

/// The floating-point format of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

impl Precision {
    /// Half the distance from 1 to the next number: the relative error of one rounding.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => 0.5 * f64::from(f32::EPSILON),
            Self::F64 => 0.5 * f64::EPSILON,
        }
    }

    /// `f32` or `f64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// The Gibbs kernel exp(−C/ε), never evaluated as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    /// The cost C.
    pub cost: Cost,
    /// ε > 0, in units of the cost. [`Engine::product`] also takes infinity: the kernel is then 1
    /// and the potentials drop out.
    pub epsilon: f64,
}

/// A cloud together with a potential on its points.
#[derive(Debug)]
pub struct Side<'v, E: Engine + ?Sized> {
    /// The points and their weights.
    pub cloud: &'v E::Cloud,
    /// One value a point, in units of the cost.
    pub potential: &'v E::Vector,
}

impl<E: Engine + ?Sized> Clone for Side<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Engine + ?Sized> Copy for Side<'_, E> {}

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
    /// V, m×`width`, row-major.
    pub values: &'v V,
    /// How many values a column has.
    pub width: usize,
}

impl<V> Clone for Integrand<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Integrand<'_, V> {}

/// A potential f and the update it is to be replaced with.
#[derive(Debug)]
pub struct Update<'v, V> {
    /// ε of the update.
    pub epsilon: f64,
    /// ρ of the points, in units of the cost; may be infinite.
    pub rho: f64,
    /// The potential as it is.
    pub before: &'v V,
    /// λ T_b(g), where λ = ρ/(ρ + ε).
    pub after: &'v V,
}

impl<V> Clone for Update<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Update<'_, V> {}

/// How far each row of a plan is from what its potential f wants: rᵢ/aᵢ and e^{−fᵢ/ρ}, told by the
/// vectors at hand. Where ρ is infinite, 1 is wanted.
#[derive(Debug)]
pub enum Ratio<'v, V> {
    /// rᵢ/aᵢ = exp((fᵢ − T_b(g)ᵢ)/ε) for f before an update: the error of (before, g).
    Potentials(Update<'v, V>),
    /// rᵢ/aᵢ = uᵢ sᵢ, where s = K v is the product the scaling u was not yet updated with. The
    /// potential that u and what it has absorbed make up is f + ε log u.
    Scalings {
        /// ε of the update.
        epsilon: f64,
        /// ρ of the rows, in units of the cost; may be infinite.
        rho: f64,
        /// The potential f that the scaling has been absorbed into.
        potential: &'v V,
        /// The scaling u of which the error is asked.
        scaling: &'v V,
        /// The sums s.
        sums: &'v V,
    },
}

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

/// What [`Engine::remember`] measures of an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// Σᵢ |rᵢ − aᵢ|, as [`Engine::marginal_error`] has it.
    pub error: f64,
    /// Σᵢ aᵢ afterᵢ.
    pub mean: f64,
    /// Σᵢ rᵢ rₗᵢ over the points of positive weight: the inner products of this residual with that of
    /// every slot.
    pub products: Vec<f64>,
}

/// A scaling factor further from 1 than 2^±30 is absorbed into its potential.
pub const ABSORB_LOG2: f64 = 30.0;

/// An updated scaling is at most 2^±100, whatever the sum that asks for more.
pub const STEP_LOG2: f64 = 100.0;

/// How many terms an engine adds up in a row before it adds their sum to others.
pub const BLOCK: usize = 32;

/// How many roundings a term goes through in the sum of a row over m columns, at most: engines add up in blocks,
/// whose sums they add up in blocks.
pub fn row_roundings(m: usize) -> usize {
    m.min(224 + (m >> 15))
}

/// How many roundings a term of |x − y|² = Σₖ (xₖ − yₖ)² goes through in the sum, at most. d terms are added in
/// blocks of [`BLOCK`], the sums of blocks in blocks of as many, and what comes of these in one row:
/// all terms are positive, so that the sum is off by that many roundings of itself. It may begin with a potential: as
/// the first term of all up to [`BLOCK`] dimensions, and of the last row beyond.
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

/// A device that holds clouds and vectors and evaluates the operators.
///
/// Operators may be recorded and run later; [`read`](Engine::read),
/// [`marginal_error`](Engine::marginal_error) and [`remember`](Engine::remember) wait for what they return, and tell of every failure
/// that came before. The lengths of vectors are the caller's promise; an engine that finds them
/// broken answers with [`Error::Length`](crate::Error::Length).
///
/// The rounding of results is bounded by that of their parts, which every engine keeps to: a squared distance
/// is summed from differences as [`distance_roundings`] says, and a row over its columns as
/// [`row_roundings`] says.
pub trait Engine {
    /// Points and weights on the device.
    type Cloud;
    /// A vector on the device.
    type Vector;

    /// The device's name, as results carry it.
    fn device(&self) -> &str;

    /// The precision in which the operators compute.
    fn precision(&self) -> Precision;

    /// The flag that ends this engine's work from another thread.
    fn interrupt(&self) -> &Interrupt;

    /// Puts n points (n×`dimension`, row-major) and their n weights on the device. Points of
    /// weight 0 take no part in any sum over this cloud.
    fn cloud(&self, points: &[f64], dimension: usize, weights: &[f64]) -> Result<Self::Cloud>;

    /// Puts values on the device.
    fn vector(&self, values: &[f64]) -> Result<Self::Vector>;

    /// Brings the values of a vector back.
    fn read(&self, vector: &Self::Vector) -> Result<Vec<f64>>;

    /// `out` ← T_b(h): outᵢ = −ε log Σⱼ bⱼ exp((hⱼ − Cᵢⱼ)/ε), for the points of `rows` against the
    /// measure and potential of `columns`.
    ///
    /// `shift` is a guess of `out`: with the previous potential of the same ε each sum is near 1
    /// and no running maximum is needed. The result does not depend on it; a row whose guess was
    /// too far off is computed again. Where rows and columns are one and the same cloud, and the
    /// guess is the potential of the columns, an engine may evaluate half the pairs.
    fn softmin(
        &self,
        kernel: Kernel,
        rows: &Self::Cloud,
        columns: Side<'_, Self>,
        shift: Option<&Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) Vⱼ, n×width, row-major. With V = 1 and φ = 1
    /// these are the sums rᵢ/aᵢ of the plan's rows.
    fn product(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) φ(Cᵢⱼ) vⱼ ∂ₓC(xᵢ, yⱼ), n×d, row-major, for one value v a
    /// column, an integrand of width 1. ∂ₓ|x − y|^p = p |x − y|^{p−2} (x − y) is formed from
    /// differences; it is 0 where x = y, for p ≤ 1 as well, where the cost has no derivative.
    fn gradient(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        integrand: Integrand<'_, Self::Vector>,
        out: &mut Self::Vector,
    ) -> Result<()>;

    /// `out` ← Σⱼ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε) ⟨zᵢ, ∂ₓC(xᵢ, yⱼ)⟩ ∂ₓC(xᵢ, yⱼ), n×d, row-major, for one
    /// direction z a row (n×d): the second moments of the slopes, as Hessians need them.
    fn curvature(
        &self,
        kernel: Kernel,
        rows: Side<'_, Self>,
        columns: Side<'_, Self>,
        directions: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()>;

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

    /// Σᵢ |rᵢ − aᵢ e^{−fᵢ/ρ}| = Σᵢ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}| over the weights a of `rows`. A ratio may be
    /// cut where it is beyond 2^100: far off is told as far off, and not as infinite.
    fn marginal_error(&self, rows: &Self::Cloud, ratio: Ratio<'_, Self::Vector>) -> Result<f64>;

    /// `out` ← Σₖ cₖ vₖ; `out` keeps its length.
    fn combine(&self, terms: &[(f64, &Self::Vector)], out: &mut Self::Vector) -> Result<()>;

    /// Puts an update into a slot, in place of what was there, and measures it. Points of weight 0
    /// count for nothing.
    fn remember(
        &self,
        rows: &Self::Cloud,
        update: Update<'_, Self::Vector>,
        slot: Slot<'_, Self::Vector>,
    ) -> Result<Remembered>;

    /// `out` ← `offset` + Σₗ θₗ imageₗ, for as many `coefficients` θ as the `images` of each point.
    fn extrapolate(
        &self,
        coefficients: &[f64],
        offset: f64,
        images: &Self::Vector,
        out: &mut Self::Vector,
    ) -> Result<()>;
}

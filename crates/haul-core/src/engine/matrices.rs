//! Operators on matrices that are stored, in f64.

use crate::Result;

/// A device that computes with stored matrices, all of them row-major and in f64: what spaces that are known by a matrix of
/// distances need, which have no coordinates to evaluate a cost from.
///
/// The caller passes slices of the right lengths; an engine that finds a wrong one returns
/// [`Error::Length`](crate::Error::Length). A device without such kernels returns
/// [`Error::Unsupported`](crate::Error::Unsupported). Results do not depend on the number of threads.
pub trait MatrixEngine: Send + Sync {
    /// `out` ← A B for A of n×k and B of k×`columns`; n×`columns`.
    fn multiply(&self, factors: [&[f64]; 2], columns: usize, out: &mut [f64]) -> Result<()>;

    /// The rows of a Gibbs kernel of n×m costs C, scaled to densities:
    ///
    /// ```text
    /// `potential` ← fᵢ = −ε log Σⱼ bⱼ exp((gⱼ − Cᵢⱼ)/ε)      `kernel` ← exp((fᵢ + gⱼ − Cᵢⱼ)/ε)
    /// ```
    ///
    /// `columns` are b, all above 0, and g.
    fn gibbs(
        &self,
        costs: &[f64],
        epsilon: f64,
        columns: [&[f64]; 2],
        potential: &mut [f64],
        kernel: &mut [f64],
    ) -> Result<()>;

    /// Half an iteration of the scaling form and the sums of the other half, in one pass over an n×m kernel K:
    ///
    /// ```text
    /// uᵢ = hᵢ (Σⱼ Kᵢⱼ wⱼ)^{−λ}      sⱼ = Σᵢ aᵢ uᵢ Kᵢⱼ
    /// ```
    ///
    /// `rows` are a and h, and `scaling` becomes u.
    fn sweep(
        &self,
        kernel: &[f64],
        rows: [&[f64]; 2],
        lambda: f64,
        columns: &[f64],
        scaling: &mut [f64],
        sums: &mut [f64],
    ) -> Result<()>;
}

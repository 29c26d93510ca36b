//! The operations that all transport plans share.

use crate::{Engine, Plan, Result};

/// A coupling of two measures: a matrix P ≥ 0 of n×m masses, stored or not. Examples are entropic plans ([`Plan`])
/// and sparse plans of exact transport. Code that draws, writes or applies plans takes any coupling.
pub trait Coupling {
    /// n and m.
    fn shape(&self) -> (usize, usize);

    /// P V: Σⱼ Pᵢⱼ Vⱼ for V of m×w values, row-major, of any width w ≥ 1; n×w.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) if the number of values is not a multiple of m.
    fn product(&self, values: &[f64]) -> Result<Vec<f64>>;

    /// Pᵀ U: Σᵢ Pᵢⱼ Uᵢ for U of n×w values; m×w.
    ///
    /// # Errors
    ///
    /// [`Error::Length`](crate::Error::Length) if the number of values is not a multiple of n.
    fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>>;

    /// The barycentric map Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, n×d, in the coordinates of the points.
    ///
    /// # Errors
    ///
    /// Those of the device.
    fn map(&self) -> Result<Vec<f64>>;

    /// The `k` largest entries of each row as (j, Pᵢⱼ), largest first; fewer if a row has fewer entries above 0.
    ///
    /// # Errors
    ///
    /// Those of the device.
    fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>>;

    /// ⟨P, C⟩, in units of cost times mass.
    ///
    /// # Errors
    ///
    /// Those of the device.
    fn transport_cost(&self) -> Result<f64>;

    /// Both marginals, P1 (n) and Pᵀ1 (m).
    ///
    /// # Errors
    ///
    /// Those of the device.
    fn marginals(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let (n, m) = self.shape();
        let rows = self.product(&vec![1.0; m])?;
        Ok((rows, self.product_transposed(&vec![1.0; n])?))
    }
}

impl<E: Engine> Coupling for Plan<E> {
    fn shape(&self) -> (usize, usize) {
        Plan::shape(self)
    }

    fn product(&self, values: &[f64]) -> Result<Vec<f64>> {
        Plan::product(self, values)
    }

    fn product_transposed(&self, values: &[f64]) -> Result<Vec<f64>> {
        Plan::product_transposed(self, values)
    }

    fn map(&self) -> Result<Vec<f64>> {
        Plan::map(self)
    }

    fn top_k(&self, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        Plan::top_k(self, k)
    }

    fn transport_cost(&self) -> Result<f64> {
        Plan::transport_cost(self)
    }
}

//! The constant of two potentials. The plan does not depend on it, but the dual of an unbalanced problem does.

use crate::pass::Marginal;
use crate::{Engine, Precision};

/// The data for the best constant of two potentials.
pub(crate) struct Constant {
    /// ⟨a, e^{−f/ρ_a} − 1⟩ and ⟨b, e^{−g/ρ_b} − 1⟩.
    pub(crate) excesses: [f64; 2],
    /// The largest absolute value of both potentials.
    pub(crate) height: f64,
}

impl Constant {
    /// For potentials on the host.
    pub(crate) fn of<E: Engine>(
        (source, f): (&Marginal<E>, &[f64]),
        (target, g): (&Marginal<E>, &[f64]),
    ) -> Self {
        let heights = f.iter().chain(g).map(|f| f.abs());
        Self {
            excesses: [source.excess(f), target.excess(g)],
            height: heights.fold(0.0, f64::max),
        }
    }

    /// The t that maximises the dual at (f + t, g − t), where ⟨a, e^{−f/ρ_a}⟩ = ⟨b, e^{−g/ρ_b}⟩; `None` if it is
    /// below the rounding of the potentials.
    pub(crate) fn best(&self, rho: [f64; 2], precision: Precision) -> Option<f64> {
        let [log_a, log_b] = self.excesses.map(f64::ln_1p);
        let t = (log_a - log_b) / (1.0 / rho[0] + 1.0 / rho[1]);
        let felt = t.abs() > precision.unit_roundoff() * self.height;
        (felt && t.is_finite()).then_some(t)
    }
}

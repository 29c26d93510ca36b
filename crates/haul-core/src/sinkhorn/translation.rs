//! The constant of two potentials, which the plan does not feel and the dual of an unbalanced problem does.

use crate::pass::Marginal;
use crate::{Engine, Result};

/// The t of the largest dual(f + t, g − t), where ⟨a, e^{−f/ρ_a}⟩ = ⟨b, e^{−g/ρ_b}⟩; none where it
/// is below the rounding of the potentials.
pub(crate) fn best_translation<E: Engine>(
    engine: &E,
    (source, f): (&Marginal<E>, &[f64]),
    (target, g): (&Marginal<E>, &[f64]),
) -> Option<f64> {
    let difference = source.log_wanted_mass(f) - target.log_wanted_mass(g);
    let t = difference / (1.0 / source.rho + 1.0 / target.rho);
    let height = f
        .iter()
        .chain(g)
        .fold(0.0, |height: f64, f| height.max(f.abs()));
    let felt = t.abs() > engine.precision().unit_roundoff() * height;
    (felt && t.is_finite()).then_some(t)
}

/// A potential and a constant, on the device.
pub(crate) fn shifted<E: Engine>(engine: &E, mut potential: Vec<f64>, t: f64) -> Result<E::Vector> {
    potential.iter_mut().for_each(|f| *f += t);
    engine.vector(&potential)
}

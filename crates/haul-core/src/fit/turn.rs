//! One turn of a fit: at given points, the potentials of OT_ε to each input, the images of the points, and the value.
//!
//! A plan with exact rows has the value ⟨a, f⟩ + ⟨b, g⟩, a lower bound of OT_ε whose error is of second order in that of the
//! other marginal. The last update of a turn makes the rows exact.

use crate::linalg::mean;
use crate::{Engine, Error, Measure, Potentials, Result, Sinkhorn, Start};
use std::ops::ControlFlow;

/// The potentials, images and value of one transport problem from the support.
pub(super) struct Turn {
    /// ⟨a, f⟩ + ⟨b, g⟩, in units of the cost.
    pub(super) value: f64,
    /// T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, n×d.
    pub(super) images: Vec<f64>,
    pub(super) potentials: Potentials,
    /// Softmins and products over all pairs.
    pub(super) passes: usize,
    pub(super) pairs: u64,
}

/// The turn of a problem from `support` to `target`, both of mass 1. A `warm` start has the potentials of similar points.
pub(super) async fn turn<E: Engine + Clone>(
    engine: &E,
    settings: &Sinkhorn,
    (support, target): (&Measure, &Measure),
    warm: Option<&Potentials>,
) -> Result<Turn> {
    let start = match warm {
        Some(potentials) => Start::Potentials(potentials.clone()),
        None => Start::Automatic,
    };
    let settings = settings.clone().start(start);
    let (mut state, effort) = settings
        .solve_uncertified(engine.clone(), [support, target], &mut |_| {
            ControlFlow::Continue(())
        })
        .await?;
    state.make_rows_exact().await?;
    let coordinates = state.target.points.coordinates();
    let mut images = state.images(&coordinates, support.dimension()).await?;
    state.frame.unplace(&mut images);
    let potentials = state.potentials().await?;
    let value = mean(support.weights(), potentials.f.iter().copied())
        + mean(target.weights(), potentials.g.iter().copied());
    if !value.is_finite() || images.iter().any(|x| !x.is_finite()) {
        return Err(Error::NotFiniteResult {
            what: "the barycentric map",
            device: engine.device().to_owned(),
        });
    }
    let pairs = state.pairs_after(&effort, 2);
    Ok(Turn {
        value,
        images,
        potentials,
        passes: effort.softmin_passes + 2,
        pairs,
    })
}

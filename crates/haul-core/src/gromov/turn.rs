//! One step: the entropic problem at a matrix A, its value J(A), and M.

use super::pair::{Pair, Step};
use crate::linalg::{dot, mean};
use crate::solution::State;
use crate::{Engine, Error, Potentials, Result, Sinkhorn, Start};
use std::ops::ControlFlow;

/// The solved problem at A.
pub(super) struct Turn<E: Engine> {
    pub(super) state: State<E>,
    /// f and g for the costs of the step, without separable terms.
    pub(super) potentials: Potentials,
    /// M of the plan.
    pub(super) moments: Vec<f64>,
    /// F at the plan, Σ (D − D')² P P, and Σ P |u − v|².
    pub(super) objective: f64,
    pub(super) energy: f64,
    pub(super) features: f64,
    /// |A − M| relative to (|C_x||C_y|)^{1/2}.
    pub(super) change: f64,
    /// The tolerance of the marginals.
    pub(super) tolerance: f64,
    pub(super) softmins: usize,
    pub(super) pairs: u64,
}

/// The least margin of a tolerance above what rounding may cause.
const ABOVE_FLOOR: f64 = 2.0;

/// Solves the problem at A to an error of the marginals, or as near to it as the precision allows.
pub(super) async fn turn<E: Engine + Clone>(
    engine: &E,
    pair: &Pair,
    a: &[f64],
    (epsilon, tolerance, max_iterations): (f64, f64, usize),
    warm: Option<&Potentials>,
) -> Result<Turn<E>> {
    let Step { measures, halves } = pair.step(a)?;
    let [source, target] = &measures;
    let start = match warm {
        Some(warm) => Start::Potentials(squared(warm, &halves)),
        None => Start::Automatic,
    };
    // C = ½|q − k|² less ½|q|² and ½|k|²: OT_ε is half of OT_2ε with the squared distance, less their means.
    let settings = Sinkhorn::epsilon(2.0 * epsilon)
        .max_iterations(max_iterations)
        .start(start);
    let floor = settings
        .problem(source, target)?
        .precision_floor(engine.precision());
    let tolerance = tolerance.max(ABOVE_FLOOR * floor);
    let (mut state, effort) = settings
        .tolerance(tolerance)
        .solve_uncertified(engine.clone(), [source, target], &mut |_| {
            ControlFlow::Continue(())
        })
        .await?;
    state.make_rows_exact().await?;
    let (values, width) = pair.values();
    let images = state.images(&values, width).await?;
    let of_squared = state.potentials().await?;
    let [x, y] = &pair.spaces;
    let dual = mean(&x.weights, of_squared.f.iter().copied())
        + mean(&y.weights, of_squared.g.iter().copied());
    let separable = dot(&x.weights, &halves[0]) + dot(&y.weights, &halves[1]);
    let cost = 0.5 * dual - separable;
    let (energy, features, moments) = pair.terms(&images);
    let factor = pair.alpha * pair.curvature();
    // J(A), whose error is of second order in that of the marginals.
    let bound = pair.total + factor * dot(a, a) + cost;
    let apart: Vec<f64> = a.iter().zip(&moments).map(|(a, m)| a - m).collect();
    let apart = dot(&apart, &apart);
    let objective = bound - factor * apart;
    if !objective.is_finite() || !apart.is_finite() {
        return Err(Error::NotFiniteResult {
            what: "the objective",
            device: engine.device().to_owned(),
        });
    }
    let softmins = effort.softmin_passes + 1;
    let pairs = state.pairs_after(&effort, 2);
    Ok(Turn {
        potentials: of_products(of_squared, &halves),
        state,
        moments,
        objective,
        energy,
        features,
        change: if pair.scale > 0.0 {
            apart.sqrt() / pair.scale
        } else {
            0.0
        },
        tolerance,
        softmins,
        pairs,
    })
}

/// Potentials for products of features as those for squared distances.
fn squared(potentials: &Potentials, halves: &[Vec<f64>; 2]) -> Potentials {
    let of = |f: &[f64], halves: &[f64]| {
        let pairs = f.iter().zip(halves);
        pairs.map(|(f, half)| 2.0 * (f + half)).collect()
    };
    Potentials {
        f: of(&potentials.f, &halves[0]),
        g: of(&potentials.g, &halves[1]),
    }
}

/// The same the other way.
fn of_products(potentials: Potentials, halves: &[Vec<f64>; 2]) -> Potentials {
    let of = |f: Vec<f64>, halves: &[f64]| {
        let pairs = f.into_iter().zip(halves);
        pairs.map(|(f, half)| 0.5 * f - half).collect()
    };
    Potentials {
        f: of(potentials.f, &halves[0]),
        g: of(potentials.g, &halves[1]),
    }
}

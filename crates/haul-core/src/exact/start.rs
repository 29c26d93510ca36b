//! Potentials to start from, on the points of clouds: those of an entropic solve, or of coarser clouds, made smooth.

use super::coarse::Cloud;
use super::pricing::FEW_DIMENSIONS;
use crate::engine::{Kernel, Pairs, Side};
use crate::{
    Cost, Engine, Frame, Measure, Potentials, Progress, Regularization, Result, Sinkhorn, Stop,
};
use std::ops::ControlFlow;

/// The blur of an entropic start in few dimensions, relative to the root mean square distance of a point from the mean of its
/// group of neighbours. Fewer than a hundred points of the other cloud are then plausible images of a point.
const SHARE: f64 = 0.5;

/// The least blur over the diameter of both clouds, where groups are of points at one place.
const LEAST_BLUR: f64 = 1e-3;

/// The blur of an entropic start in more dimensions, over the diameter of both clouds.
const BLUR: f64 = 0.02;

/// The L1 error of the marginals of an entropic start.
const TOLERANCE: f64 = 1e-2;

/// The most iterations of an entropic start.
const ITERATIONS: usize = 100;

/// The potentials of two clouds that those of coarser clouds give: softmins against the coarser clouds at an ε of the size of a
/// group.
pub(super) async fn lift<E: Engine>(
    engine: &E,
    (cost, frame): (Cost, &Frame),
    fine: &[Cloud; 2],
    coarse: &[Cloud; 2],
    potentials: &Potentials,
) -> Result<Potentials> {
    let [n, m] = fine.each_ref().map(Cloud::len);
    let spread = coarse[0].spread.max(coarse[1].spread).sqrt();
    let blur = spread.max(LEAST_BLUR * frame.diameter());
    if blur == 0.0 {
        return Ok(Potentials {
            f: vec![0.0; n],
            g: vec![0.0; m],
        });
    }
    let unit = frame.cost_unit(cost);
    let kernel = Kernel {
        cost,
        epsilon: cost.at(blur) / unit,
    };
    let d = frame.dimension();
    let points = |cloud: &Cloud| engine.points(&frame.place_points(&cloud.points), d);
    let placed = |values: &[f64]| {
        engine.vector(&values.iter().map(|value| value / unit).collect::<Vec<_>>())
    };
    let [x, y] = [points(&fine[0])?, points(&fine[1])?];
    let [mut f, mut g] = [engine.zeros(n)?, engine.zeros(m)?];
    for (rows, columns, potential, out) in [
        (&x, &coarse[1], &potentials.g, &mut f),
        (&y, &coarse[0], &potentials.f, &mut g),
    ] {
        let potential = placed(&potential[..columns.len()])?;
        let side = Side {
            weights: None,
            potential: Some(&potential),
        };
        let columns = points(columns)?;
        engine.softmin(Pairs::new(kernel, rows, &columns), side, None, None, out)?;
    }
    let in_units = |values: Vec<f64>| values.into_iter().map(|value| value * unit).collect();
    Ok(Potentials {
        f: in_units(engine.read(&f).await?),
        g: in_units(engine.read(&g).await?),
    })
}

/// The potentials of an entropic solve at a blur of about half the distance of neighbours; where the dimension is high, at a
/// small one, which few iterations find.
pub(super) async fn entropic<E: Engine + Clone>(
    engine: &E,
    cost: Cost,
    clouds: &[Cloud; 2],
    mut observer: impl FnMut(&Progress) -> ControlFlow<()> + Send,
) -> Result<Potentials> {
    let [source, target] = clouds.each_ref().map(|cloud| {
        let Cloud {
            points,
            dimension,
            weights,
            ..
        } = cloud.clone();
        Measure::new(points, dimension, weights)
    });
    let (source, target) = (source?, target?);
    let diameter = Frame::joint(&source, &target).diameter();
    if source == target || diameter == 0.0 {
        return Ok(Potentials {
            f: vec![0.0; source.len()],
            g: vec![0.0; target.len()],
        });
    }
    let regularization = match source.dimension() {
        ..=FEW_DIMENSIONS => {
            let [one, other] = clouds.each_ref().map(|cloud| cloud.coarser().spread);
            let blur = SHARE * one.max(other).sqrt();
            Regularization::Blur(blur.max(LEAST_BLUR * diameter))
        }
        _ => Regularization::RelativeBlur(BLUR),
    };
    let settings = Sinkhorn::with(regularization)
        .p(cost.p())
        .max_iterations(ITERATIONS);
    let problem = settings.problem(&source, &target)?;
    let floor = problem.posed().precision_floor(engine.precision());
    // Potentials that are stopped early serve as well.
    let mut observer = |progress: &Progress| match observer(progress) {
        ControlFlow::Continue(()) => ControlFlow::Continue(()),
        ControlFlow::Break(()) => ControlFlow::Break(Stop::Certify),
    };
    let (state, _) = settings
        .tolerance(TOLERANCE.max(2.0 * floor))
        .solve_uncertified(engine.clone(), [&source, &target], &mut observer)
        .await?;
    state.potentials().await
}

//! Potentials to start from, on the points of a cloud: those of coarser clouds, made smooth.

use super::coarse::Cloud;
use crate::engine::{Kernel, Pairs, Side};
use crate::{Cost, Engine, Frame, Measure, Potentials, Regularization, Result, Sinkhorn};

/// Pairs of updates at a blur of the size of groups.
const UPDATES: usize = 2;

/// The least blur of a softmin over the diameter of both clouds, where groups are of points at one place.
const LEAST_BLUR: f64 = 1e-3;

/// The blur of an entropic start, over the diameter of both clouds.
const BLUR: f64 = 0.02;

/// The most iterations of an entropic start.
const ITERATIONS: usize = 100;

/// The potentials of two clouds that those of coarser clouds give: softmins against the coarser clouds at an ε of the size of a
/// group. Where all mass is moved, some updates of Sinkhorn's algorithm follow.
pub(super) async fn lift<E: Engine>(
    engine: &E,
    (cost, frame): (Cost, &Frame),
    fine: [&Cloud; 2],
    coarse: [&Cloud; 2],
    potentials: &Potentials,
    balanced: bool,
) -> Result<Potentials> {
    let [n, m] = fine.map(Cloud::len);
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
    let [x, y] = [points(fine[0])?, points(fine[1])?];
    let [mut f, mut g] = [engine.zeros(n)?, engine.zeros(m)?];
    for (rows, columns, potential, out) in [
        (&x, coarse[1], &potentials.g, &mut f),
        (&y, coarse[0], &potentials.f, &mut g),
    ] {
        let potential = placed(&potential[..columns.len()])?;
        let side = Side {
            weights: None,
            potential: Some(&potential),
        };
        let columns = points(columns)?;
        engine.softmin(Pairs::new(kernel, rows, &columns), side, None, None, out)?;
    }
    if balanced {
        let weights = |cloud: &Cloud| {
            let mass: f64 = cloud.weights.iter().sum();
            let weights: Vec<f64> = cloud.weights.iter().map(|weight| weight / mass).collect();
            engine.weights(&weights, 1)
        };
        let [a, b] = [weights(fine[0])?, weights(fine[1])?];
        for _ in 0..UPDATES {
            let side = Side::new(&a, &f);
            engine.softmin(Pairs::new(kernel, &y, &x), side, None, None, &mut g)?;
            let side = Side::new(&b, &g);
            engine.softmin(Pairs::new(kernel, &x, &y), side, None, None, &mut f)?;
        }
    }
    let in_units = |values: Vec<f64>| values.into_iter().map(|value| value * unit).collect();
    Ok(Potentials {
        f: in_units(engine.read(&f).await?),
        g: in_units(engine.read(&g).await?),
    })
}

/// The potentials of an entropic solve at a small blur: where the dimension is high, few iterations find them.
pub(super) async fn entropic<E: Engine + Clone>(
    engine: &E,
    cost: Cost,
    clouds: &[Cloud; 2],
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
    if source == target {
        return Ok(Potentials {
            f: vec![0.0; source.len()],
            g: vec![0.0; target.len()],
        });
    }
    Sinkhorn::with(Regularization::RelativeBlur(BLUR))
        .p(cost.p())
        .tolerance(1e-2)
        .max_iterations(ITERATIONS)
        .solve_async(engine.clone(), &source, &target)
        .await?
        .potentials_async()
        .await
}

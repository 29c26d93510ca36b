//! The starts of a solve: matrices A from which the steps go.
//!
//! A does not depend on the number of points, so that starts are tried on a part of them.

use super::GromovStart;
use super::bound::monotone;
use super::descent::Descent;
use super::pair::Pair;
use crate::linalg::Svd;
use crate::measure::Numbers;
use crate::{Engine, Result};

/// The points of each side on which starts are tried.
const FEW: usize = 400;

/// The steps of a trial, the error of its marginals, and the change at which it ends.
const TRIAL_STEPS: usize = 20;
const TRIAL_TOLERANCE: f64 = 1e-2;

/// The number of axes, longest first, whose directions are tried.
const FLIPPED: usize = 3;

/// The largest dimension in which principal axes are computed.
const MOST_DIMENSIONS: usize = 64;

/// The random rotations in up to three dimensions, and their seed.
const ROTATIONS: usize = 8;
const SEED: u64 = 1;

/// The matrix A from which a run starts.
pub(super) async fn choose<E: Engine + Clone>(
    descent: &mut Descent<'_, E>,
    start: GromovStart,
) -> Result<Vec<f64>> {
    let pair = descent.pair;
    match start {
        GromovStart::Product => return Ok(product(pair)),
        GromovStart::Eccentricities => return Ok(eccentricities(pair)),
        GromovStart::Best => {}
    }
    let [x, y] = &pair.spaces;
    let few = Pair::new([x.part(FEW)?, y.part(FEW)?], pair.alpha)?;
    let mut trial = Descent {
        pair: &few,
        effort: descent.effort,
        ..*descent
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    let candidates = candidates(&few);
    trial.effort.starts = candidates.len();
    for start in candidates {
        let (objective, a) = descend(&mut trial, start).await?;
        if best.as_ref().is_none_or(|(least, _)| objective < *least) {
            best = Some((objective, a));
        }
    }
    descent.effort = trial.effort;
    Ok(best.map_or_else(|| product(pair), |(_, a)| a))
}

/// A few loose steps; the objective, and A at their end.
async fn descend<E: Engine + Clone>(
    trial: &mut Descent<'_, E>,
    start: Vec<f64>,
) -> Result<(f64, Vec<f64>)> {
    let mut turn = trial.turn(&start, TRIAL_TOLERANCE, None).await?;
    for _ in 1..TRIAL_STEPS {
        if turn.change <= TRIAL_TOLERANCE {
            break;
        }
        turn = trial
            .turn(&turn.moments, TRIAL_TOLERANCE, Some(&turn.potentials))
            .await?;
    }
    Ok((turn.objective, turn.moments))
}

/// All starts.
fn candidates(pair: &Pair) -> Vec<Vec<f64>> {
    let mut all = vec![product(pair), eccentricities(pair)];
    let dimensions = pair.spaces.each_ref().map(|space| space.dimension());
    if dimensions.iter().any(|d| *d > MOST_DIMENSIONS) {
        return all;
    }
    let axes = pair.spaces.each_ref().map(Axes::of);
    let shared = dimensions[0].min(dimensions[1]);
    for flips in 0..1 << shared.min(FLIPPED) {
        let sign = |k: usize| {
            if k < FLIPPED && flips >> k & 1 == 1 {
                -1.0
            } else {
                1.0
            }
        };
        all.push(between(&axes, |k, l| if k == l { sign(k) } else { 0.0 }));
    }
    let largest = dimensions[0].max(dimensions[1]);
    if (2..=3).contains(&largest) {
        let mut numbers = Numbers::new(SEED);
        for _ in 0..ROTATIONS {
            let square: Vec<f64> = (0..largest * largest)
                .map(|_| 2.0 * numbers.unit() - 1.0)
                .collect();
            let Svd { left, right, .. } = Svd::of(&square, largest);
            let turn = |k: usize, l: usize| -> f64 {
                let terms = left.chunks_exact(largest).zip(right.chunks_exact(largest));
                terms.filter_map(|(u, v)| Some(u.get(k)? * v.get(l)?)).sum()
            };
            all.push(between(&axes, turn));
        }
    }
    all
}

/// M of the product coupling.
fn product(pair: &Pair) -> Vec<f64> {
    let [x, y] = &pair.spaces;
    vec![0.0; x.dimension() * y.dimension()]
}

/// M of the coupling that keeps the order of eccentricities.
fn eccentricities(pair: &Pair) -> Vec<f64> {
    let [x, y] = &pair.spaces;
    let [s, t] = [x, y].map(|space| space.eccentricities());
    let (d, e) = (x.dimension(), y.dimension());
    let mut moments = product(pair);
    for (i, j, mass) in monotone([&s, &t], [&x.weights, &y.weights]) {
        let of_x = x.points.get(i * d..(i + 1) * d).unwrap_or_default();
        let of_y = y.points.get(j * e..(j + 1) * e).unwrap_or_default();
        for (row, x) in moments.chunks_exact_mut(e).zip(of_x) {
            row.iter_mut()
                .zip(of_y)
                .for_each(|(m, y)| *m += mass * x * y);
        }
    }
    moments
}

/// The principal axes of a space, the longest first, one a row, and standard deviations along them. The third moment along each
/// axis is at least 0.
struct Axes {
    axes: Vec<f64>,
    lengths: Vec<f64>,
}

impl Axes {
    fn of(space: &super::MetricSpace) -> Self {
        let d = space.dimension();
        let Svd {
            right: mut axes,
            values,
            ..
        } = Svd::of(&space.covariance(), d);
        for axis in axes.chunks_exact_mut(d) {
            let third: f64 = space
                .rows()
                .zip(&space.weights)
                .map(|(x, a)| a * crate::linalg::dot(x, axis).powi(3))
                .sum();
            if third < 0.0 {
                axis.iter_mut().for_each(|v| *v = -*v);
            }
        }
        Self {
            axes,
            lengths: values
                .into_iter()
                .map(|value| value.max(0.0).sqrt())
                .collect(),
        }
    }
}

/// Σₖₗ σₖ τₗ turn(k, l) uₖ vₗᵀ for the axes u and v and their lengths σ and τ: M of a coupling that turns one space onto the other
/// and stretches its axes.
fn between([x, y]: &[Axes; 2], turn: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let (d, e) = (x.lengths.len(), y.lengths.len());
    let mut a = vec![0.0; d * e];
    for (k, (u, sigma)) in x.axes.chunks_exact(d).zip(&x.lengths).enumerate() {
        for (l, (v, tau)) in y.axes.chunks_exact(e).zip(&y.lengths).enumerate() {
            let factor = turn(k, l) * sigma * tau;
            for (row, u) in a.chunks_exact_mut(e).zip(u) {
                row.iter_mut()
                    .zip(v)
                    .for_each(|(a, v)| *a += factor * u * v);
            }
        }
    }
    a
}

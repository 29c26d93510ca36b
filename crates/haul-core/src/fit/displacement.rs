//! Displacement interpolation [McCann'97]: all mass of a plan on its way, part by part.

use crate::linalg::sum;
use crate::problem::same_space;
use crate::{Coupling, Error, Measure, Result};

/// The measure at the time t on the way from `source` to `target` along a plan between them:
///
/// ```text
/// Σᵢⱼ Pᵢⱼ δ((1 − t) xᵢ + t yⱼ)
/// ```
///
/// Each point splits into the `parts` largest entries of its row, scaled to the mass of the point; with as many parts as the target has
/// points nothing is left out. At t = 0 it is the source, split, and at t = 1 the target. Between two Gaussians it is Gaussian. (The
/// barycentric map moves each point as a whole, to the mean of its parts, and the result is narrower.)
///
/// ```
/// use haul_core::{Engine, Measure, Result, Sinkhorn, displacement};
/// fn middle(engine: &impl Engine, a: &Measure, b: &Measure) -> Result<Measure> {
///     let plan = Sinkhorn::blur(0.05).solve(engine, a, b)?.plan();
///     displacement(&plan, a, b, 0.5, 8)
/// }
/// ```
///
/// # Errors
///
/// [`Error::BadParameter`] for a t outside of [0, 1], and for 0 parts; [`Error::Length`] for measures that are not those of the plan;
/// [`Error::DimensionMismatch`]; [`Error::BadMass`] if the plan moves no mass; and those of the device.
pub fn displacement(
    plan: &impl Coupling,
    source: &Measure,
    target: &Measure,
    t: f64,
    parts: usize,
) -> Result<Measure> {
    same_space(source, target)?;
    if !(0.0..=1.0).contains(&t) {
        let (name, range) = ("t", "between 0 and 1");
        return Err(Error::BadParameter {
            name,
            value: t,
            range,
        });
    }
    if parts == 0 {
        let (name, range) = ("parts", "at least 1");
        return Err(Error::BadParameter {
            name,
            value: 0.0,
            range,
        });
    }
    let (n, m) = plan.shape();
    for (what, expected, measure) in [
        ("the source of the plan", n, source),
        ("the target of the plan", m, target),
    ] {
        let found = measure.len();
        if expected != found {
            return Err(Error::Length {
                what,
                expected,
                found,
            });
        }
    }
    let d = source.dimension();
    let (mut points, mut weights) = (Vec::new(), Vec::new());
    let rows = source.points().chunks_exact(d).zip(source.weights());
    for (row, (x, weight)) in plan.top_k(parts)?.into_iter().zip(rows) {
        let mass = sum(row.iter().map(|(_, mass)| *mass));
        for (j, part) in row.into_iter().filter(|_| mass > 0.0) {
            let y = target.points().chunks_exact(d).nth(j).unwrap_or_default();
            points.extend(x.iter().zip(y).map(|(x, y)| (1.0 - t) * x + t * y));
            weights.push(weight * part / mass);
        }
    }
    if weights.is_empty() {
        return Err(Error::BadMass { mass: 0.0 });
    }
    Measure::new(points, d, weights)
}

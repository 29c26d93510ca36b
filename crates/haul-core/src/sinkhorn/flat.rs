//! Potentials where ε is far above the costs.
//!
//! A softmin is then ε times the logarithm of a sum near 1. Its error is a rounding of ε, which may exceed every
//! cost. The excess of that sum over 1 keeps the digits:
//!
//! ```text
//! T_b(g)ᵢ = fᵢ − ε log(1 + Eᵢ),   Eᵢ = Σⱼ bⱼ (exp((fᵢ + gⱼ − Cᵢⱼ)/ε) − 1)
//! ```
//!
//! Values do not need it, because an error δ of the potentials changes the dual by only δ²/ε; the potentials, and the
//! derivatives in the weights, do.

use super::translation::Constant;
use crate::engine::{Factor, Kernel};
use crate::linalg::mean;
use crate::pass::{Marginal, Pass};
use crate::problem::{FLAT, Rounding};
use crate::{Engine, Result};

/// Above this multiple of the largest cost, potentials are mostly rounding of ε.
const LARGE: f64 = 4.0;

/// Replaces potentials by their updates, from excesses, if all exponents are small; returns the number of passes over
/// pairs. If `symmetric`, both sides are one measure, and its potential is that of the source.
pub(crate) async fn refine<E: Engine>(
    engine: &E,
    kernel: Kernel,
    (source, target): (&mut Marginal<E>, &mut Marginal<E>),
    rounding: Rounding,
    symmetric: bool,
) -> Result<usize> {
    let f = engine.read(&source.potential).await?;
    let g = engine.read(&target.potential).await?;
    let (height, largest) = (
        source.height(&f) + target.height(&g),
        rounding.largest_cost(),
    );
    // Along axes a density is a product of several densities, and its excess is not theirs.
    if (largest + height) / kernel.epsilon > FLAT || source.points.is_grid() {
        return Ok(0);
    }
    // Each sweep rounds the rest that the previous one left; the potentials become as small as the costs.
    let sweeps = if height > LARGE * largest { 3 } else { 1 };
    for _ in 0..sweeps {
        if symmetric {
            // T removes the rounding errors of single points, and reverses the sign of their common error.
            let smooth = update(engine, kernel, source, target).await?;
            source.potential = engine.vector(&smooth)?;
            target.potential = engine.vector(&smooth)?;
            let next = update(engine, kernel, source, target).await?;
            let pairs = next.iter().zip(&smooth);
            let average: Vec<f64> = pairs.map(|(f, h)| 0.5 * (f + h)).collect();
            source.potential = engine.vector(&average)?;
            target.potential = engine.vector(&average)?;
            continue;
        }
        let mut g = update(engine, kernel, target, source).await?;
        target.potential = engine.vector(&g)?;
        let mut f = update(engine, kernel, source, target).await?;
        // The plan does not depend on this constant: take the best one, or the one that keeps the most digits.
        let balanced = Marginal::are_exact(source, target);
        let translation = if balanced {
            let [f, g] = [(&*source, &f), (&*target, &g)]
                .map(|(side, values)| mean(&side.weights, values.iter().copied()));
            Some(0.5 * (g - f))
        } else {
            let constant = Constant::of((source, &f), (target, &g));
            constant.best([source.rho, target.rho], engine.precision())
        };
        if let Some(t) = translation {
            f.iter_mut().for_each(|f| *f += t);
            g.iter_mut().for_each(|g| *g -= t);
            target.potential = engine.vector(&g)?;
        }
        source.potential = engine.vector(&f)?;
    }
    Ok(2 * sweeps)
}

/// λ T of the other side's potential.
async fn update<E: Engine>(
    engine: &E,
    kernel: Kernel,
    rows: &Marginal<E>,
    columns: &Marginal<E>,
) -> Result<Vec<f64>> {
    let ones = vec![1.0; columns.weights.len()];
    let pass = Pass::between(engine, kernel, rows, columns);
    let excess = pass.product(Factor::Excess, &ones, 1).await?;
    let damping = 1.0 / (1.0 + kernel.epsilon / rows.rho);
    // Read back from the device, since the excess refers to those values.
    let potential = engine.read(&rows.potential).await?;
    let pairs = potential.into_iter().zip(excess);
    Ok(pairs
        .map(|(f, excess)| damping * (f - kernel.epsilon * excess.ln_1p()))
        .collect())
}

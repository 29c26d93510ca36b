//! The certificate of a solution: the distance of its marginals from the measures, and bounds of OT_ε, at whatever
//! iteration the solve ended.
//!
//! The lower bound is the dual at (f, g), valid for any potentials. The upper bound is the cost of a plan with exact
//! marginals: P is first scaled down until no marginal exceeds its measure, and the missing mass is added as a
//! product measure [Altschuler–Weed–Rigollet'17]:
//!
//! ```text
//! A = diag(x) P diag(y),  e = a − A1,  e' = b − Aᵀ1,  t = Σe = Σe',  B = e e'ᵀ/t
//! OT_ε ≤ ⟨A + B, C⟩ + ε KL(A + B | a⊗b)
//! ```
//!
//! The entropy of the sum is bounded by convexity. If the marginals may differ from their measures, with penalties
//! ρ_a KL(P1 | a) and ρ_b KL(Pᵀ1 | b), that plan is still feasible; but so is P itself, once a constrained side has
//! been scaled to be exact. Its cost exceeds the dual by its deviation from the optimality conditions P1 = a
//! e^{−f/ρ_a}, Pᵀ1 = b e^{−g/ρ_b}:
//!
//! ```text
//! OT_ε ≤ dual(f, g) + ρ_a KL(P1 | a e^{−f/ρ_a}) + ρ_b KL(Pᵀ1 | b e^{−g/ρ_b})
//! ```
//!
//! The smaller of both bounds is used.
//!
//! The same plan bounds W_p^p, the least cost without an entropy, by ⟨A + B, C⟩. The lower bound of W_p^p comes from
//! the potential g with its c-transform, f_c(x) = min_j C(x, yⱼ) − gⱼ.
//!
//! If passes leave pairs out, all sums are those of the plan without these pairs, P̂. It is a plan as well, so that the
//! upper bounds hold as they are. For a bound Δ of the mass left out, the lower bound has ε(ΣP̂ + Δ) in place of ε ΣP, and
//! the errors of the marginals are larger by Δ. In the c-transform, pairs left out have at least their known bound.
//!
//! Every term comes from vectors of length n and a few more passes. Both bounds are widened by the rounding errors of
//! the engine's precision.

mod evaluation;
mod exact;
mod passes;
mod penalized;
mod penalty;
pub(crate) mod resident;
mod sums;

use crate::engine::Kernel;
use crate::pass::Marginal;
use crate::problem::Rounding;
use crate::truncation::Omitted;
use crate::{Engine, Error, Result};
use evaluation::{Evaluation, Plan};

/// Bounds and errors of a solution. Without the passes of a certificate ([`Sinkhorn::uncertified`](crate::Sinkhorn::uncertified)) the
/// upper bound is infinite, and all else holds. Costs are in the units of the cost of the points, errors in units of mass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// ‖P1 − a‖₁; where ρ_a is finite, ‖P1 − a e^{−f/ρ_a}‖₁, which is 0 at the optimum instead.
    pub marginal_error_a: f64,
    /// ‖Pᵀ1 − b‖₁, or ‖Pᵀ1 − b e^{−g/ρ_b}‖₁.
    pub marginal_error_b: f64,
    /// A lower bound of OT_ε.
    pub lower_bound: f64,
    /// An upper bound of OT_ε.
    pub upper_bound: f64,
    /// Bounds of W_p^p, the least ⟨P, C⟩ without an entropy. Given for balanced problems between measures with a copy
    /// on the host.
    pub wasserstein: Option<Bounds>,
    /// The relative marginal error that rounding alone may cause: a tolerance below it cannot be reached in this
    /// precision.
    pub precision_floor: f64,
}

/// A lower and an upper bound of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Certificate {
    /// Upper minus lower bound.
    pub fn gap(&self) -> f64 {
        self.upper_bound - self.lower_bound
    }

    /// The sum of both marginal errors.
    pub fn marginal_error(&self) -> f64 {
        self.marginal_error_a + self.marginal_error_b
    }
}

/// The values of one plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Values {
    pub(crate) transport_cost: f64,
    pub(crate) dual: f64,
    /// ⟨P, C⟩ + ε KL(P | a⊗b), plus the penalties of the sides that have one.
    pub(crate) primal: f64,
    pub(crate) kl: f64,
    pub(crate) mass: f64,
}

/// Evaluates plan and certificate in units of the frame, for masses of 1; returns the number of passes.
///
/// All of it is for the costs on the device, until bounds are widened by the error of these costs.
pub(crate) async fn certify<E: Engine>(
    engine: &E,
    kernel: Kernel,
    [source, target]: [&Marginal<E>; 2],
    rounding: Rounding,
    omitted: Omitted,
) -> Result<(Values, Certificate, usize)> {
    let plan = Plan::new(engine, kernel, (source, target), rounding).await?;
    let mut plan = Evaluation::new(plan).await?;
    let penalized = plan.penalized().await?;
    let exact = plan.exact().await?;
    let balanced = Marginal::are_exact(source, target);
    let hard_dual = if balanced {
        Some(plan.hard_dual(omitted).await?)
    } else {
        None
    };
    let Evaluation {
        values,
        errors: [marginal_error_a, marginal_error_b],
        term,
        error,
        host,
        ..
    } = plan;
    let mass = values.mass.max(1.0);
    let costs = (rounding.cost() + rounding.near()) * mass;
    let certificate = Certificate {
        wasserstein: hard_dual.map(|lower| Bounds {
            lower: (lower - costs - host).max(0.0),
            upper: exact.cost + term * exact.cost + error * rounding.largest_cost() + costs + host,
        }),
        marginal_error_a: marginal_error_a + omitted.mass,
        marginal_error_b: marginal_error_b + omitted.mass,
        lower_bound: values.dual - kernel.epsilon * (error * mass + omitted.mass) - costs - host,
        upper_bound: exact.bound.min(penalized + host) + costs,
        precision_floor: rounding.floor(kernel),
    };
    let marginal_error = certificate.marginal_error();
    let Values {
        transport_cost,
        dual,
        primal,
        kl,
        mass,
    } = values;
    let numbers = [
        transport_cost,
        dual,
        primal,
        kl,
        mass,
        marginal_error,
        exact.bound,
    ];
    finite(engine, &numbers)?;
    Ok((values, certificate, plan.passes.count))
}

/// The same without what takes more than two passes: the upper bound is infinite, and ⟨P, C⟩ and the entropy are NaN.
pub(crate) async fn value<E: Engine>(
    engine: &E,
    kernel: Kernel,
    [source, target]: [&Marginal<E>; 2],
    rounding: Rounding,
    omitted: Omitted,
) -> Result<(Values, Certificate, usize)> {
    let plan = Plan::new(engine, kernel, (source, target), rounding).await?;
    let found = plan.value(omitted).await?;
    let (
        Values {
            dual, primal, mass, ..
        },
        certificate,
        _,
    ) = &found;
    finite(
        engine,
        &[*dual, *primal, *mass, certificate.marginal_error()],
    )?;
    Ok(found)
}

/// Refuses numbers of a plan that are not finite.
fn finite<E: Engine>(engine: &E, numbers: &[f64]) -> Result<()> {
    match numbers.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(Error::NotFiniteResult {
            what: "the plan",
            device: engine.device().to_owned(),
        }),
    }
}

fn products<'v>(v: &'v [f64], w: &'v [f64]) -> impl Iterator<Item = f64> + 'v {
    v.iter().zip(w).map(|(v, w)| v * w)
}

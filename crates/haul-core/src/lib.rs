//! The mathematics of haul, written once over the operators of an [`Engine`].
//!
//! Notation, as everywhere in haul: measures α = Σᵢ aᵢ δ(xᵢ) and β = Σⱼ bⱼ δ(yⱼ), cost
//! Cᵢⱼ = |xᵢ − yⱼ|^p (no ½), ε in units of C, and
//!
//! ```text
//! OT_ε(α, β) = min ⟨P, C⟩ + ε KL(P | a⊗b)   over P ≥ 0 with P1 = a, Pᵀ1 = b
//! Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ − Cᵢⱼ)/ε)
//! ```
//!
//! An unbalanced problem has ρ_a KL(P1 | a) + ρ_b KL(Pᵀ1 | b) in the sum, in place of the
//! constraints; the constraint of a side whose ρ is infinite stays.
//!
//! The way of the data: [`Measure`]s make a [`Problem`], checked and complete before any device
//! works; [`Sinkhorn`] puts both clouds on an engine and iterates there; a [`Solution`] holds the
//! values, their [`Certificate`] and the potentials, and a lazy [`Plan`] that never stores the
//! n×m matrix. This crate has no threads, no SIMD, no GPU and no files: `haul-cpu` and `haul-gpu`
//! implement the trait.

mod anderson;
mod anneal;
mod certificate;
mod checks;
mod cost;
mod discrepancy;
mod divergence;
mod energy;
pub mod engine;
mod error;
mod flat;
mod frame;
mod gradient;
mod hessian;
mod history;
mod interrupt;
mod marginal;
mod masses;
mod means;
mod measure;
mod mmd;
mod newton;
mod pass;
mod plan;
mod problem;
mod relaxation;
mod rounding;
mod run;
mod scaling;
mod scores;
mod sinkhorn;
mod solution;
mod start;
mod sums;
mod tally;
mod truncated;
mod watch;

pub use certificate::{Bounds, Certificate};
pub use cost::{Cost, Exponent};
pub use discrepancy::{Discrepancy, Pairings};
pub use divergence::{Divergence, Terms, debiased};
pub use energy::Energy;
pub use engine::{Engine, Precision};
pub use error::{Error, Result};
pub use frame::Frame;
pub use gradient::Gradient;
pub use hessian::Sensitivity;
pub use interrupt::{Interrupt, Stop};
pub use measure::Measure;
pub use mmd::Mmd;
pub use plan::Plan;
pub use problem::{Penalty, Problem, Regularization};
pub use scores::{ScoredSolution, Scores};
pub use sinkhorn::{Acceleration, Form, Progress, Sinkhorn};
pub use solution::{Method, Potentials, Report, Solution, Stage};
pub use start::Start;
pub use tally::Pairs;
pub use truncated::{Truncated, TruncatedCost};

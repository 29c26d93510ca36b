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

mod cost;
pub mod engine;
mod error;
mod interrupt;
mod measure;
mod sums;

pub use cost::{Cost, Exponent};
pub use engine::{Engine, Precision};
pub use error::{Error, Result};
pub use interrupt::{Interrupt, Stop};
pub use measure::Measure;

//! haul's engine for the CPU: SIMD and threads, in f32 and f64.
//!
//! ```
//! use haul_core::{Measure, Sinkhorn};
//! use haul_cpu::CpuEngine;
//!
//! # fn main() -> haul_core::Result<()> {
//! let a = Measure::uniform(&[0.0, 0.0, 1.0, 0.0], 2)?;
//! let b = Measure::uniform(&[0.0, 1.0, 1.0, 1.0], 2)?;
//! let engine = CpuEngine::<f64>::new();
//! let solution = Sinkhorn::blur(0.1).solve(&engine, &a, &b)?;
//! assert!((solution.report().transport_cost - 1.0).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! A cloud lies in tiles ([`CpuCloud`]), an operator goes over blocks of rows in parallel and over
//! the columns in ranges that fit the cache. Points of weight 0 add exactly nothing. All exponents
//! have the base 2:
//!
//! ```text
//! s = hⱼ − k(Cᵢⱼ − fᵢ)        k = log₂(e)/ε,  hⱼ = log₂(bⱼ/b̄) + k gⱼ
//! ```
//!
//! and one kernel sums 2^s with or without values, another finds log₂ Σ 2^s with a running
//! maximum. From the bottom up:
//!
//! | file | |
//! |---|---|
//! | `real` | f32 and f64, and their vectors on any instruction set |
//! | `instructions` | which instruction sets there are |
//! | `exp2` | 2^s |
//! | `aligned`, `cloud` | points in tiles, weights and the terms h |
//! | `power` | the costs as functions of a squared distance |
//! | `block` | a block of rows against a range of columns: squared distances |
//! | `sums`, `maximum` | the two kernels |
//! | `wide` | sums of more values than registers hold |
//! | `pass` | rows and columns cut into blocks |
//! | `workers` | rows to threads |
//! | `softmin`, `product`, `vectors` | the operators |
//! | `symmetric` | the softmin of a measure against itself, by half the pairs |
//! | `engine` | [`CpuEngine`] |
//! | [`floor`] | what the machine's arithmetic admits, for benchmarks |

mod aligned;
mod block;
mod cloud;
mod engine;
mod exp2;
pub mod floor;
mod instructions;
mod maximum;
mod pass;
mod power;
mod product;
mod real;
mod softmin;
mod sums;
mod symmetric;
mod vectors;
mod wide;
mod workers;

pub use cloud::CpuCloud;
pub use engine::CpuEngine;
pub use instructions::InstructionSet;
pub use pass::SUM_ROUNDINGS;
pub use real::Real;
pub use vectors::CpuVector;

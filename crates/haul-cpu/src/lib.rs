//! haul's engine for the CPU: SIMD and threads, in f32 and f64.
//!
//! ```
//! use haul_core::engine::{Kernel, Pairs, Side};
//! use haul_core::{Cost, Engine};
//! use haul_cpu::CpuEngine;
//!
//! # fn main() -> haul_core::Result<()> {
//! let engine = CpuEngine::<f64>::new();
//! let x = engine.points(&[0.0, 0.0, 1.0, 0.0], 2)?;
//! let y = engine.points(&[0.0, 1.0, 1.0, 1.0], 2)?;
//! let weights = engine.weights(&[0.5, 0.5], 1)?;
//! let kernel = Kernel { cost: Cost::SquaredEuclidean, epsilon: 1e-3 };
//! let side = Side { weights: Some(&weights), potential: None };
//! let mut out = engine.zeros(2)?;
//! engine.softmin(Pairs::new(kernel, &x, &y), side, None, None, &mut out)?;
//! # Ok(())
//! # }
//! ```
//!
//! Points lie in tiles ([`CpuPoints`]). An operator takes blocks of rows in parallel, and
//! the columns in ranges that fit the cache. Points of weight 0 add exactly 0. All exponents
//! have the base 2:
//!
//! ```text
//! s = hⱼ − k(Cᵢⱼ − fᵢ)        k = log₂(e)/ε,  hⱼ = log₂(bⱼ/b̄) + k gⱼ
//! ```
//!
//! One kernel sums 2^s with or without values; another computes log₂ Σ 2^s with a running
//! maximum. From the bottom up:
//!
//! | file | |
//! |---|---|
//! | `real` | f32 and f64, and their vectors on any instruction set |
//! | `instructions` | which instruction sets there are |
//! | `exp2` | 2^s |
//! | `aligned`, `points` | points in tiles |
//! | `weights` | weights, and the terms h that they make with potentials |
//! | `power` | the costs as functions of a squared distance |
//! | `block` | a block of rows against a range of columns: squared distances |
//! | `sums`, `maximum` | the two kernels |
//! | `matrix` | products with many values, as products of matrices |
//! | `distances` | squared distances that are kept from pass to pass |
//! | `wide` | sums of differences in more dimensions than registers hold |
//! | `layout`, `spans` | where many lines lie in memory, and their kernels, for costs stored in the cache |
//! | `pass` | a pass over all pairs, cut into blocks |
//! | `workers` | the distribution of rows to threads |
//! | `softmin`, `product`, `nearest`, `vectors` | the operators |
//! | `lines` | softmins and products of many lines |
//! | `axis`, `table` | softmins of many lines in one dimension, by a table of the kernel |
//! | `groups` | the softmin that also computes the masses between groups |
//! | `symmetric` | the softmin of a measure against itself, by half the pairs |
//! | `stored` | products, kernels and passes of stored matrices |
//! | `engine` | [`CpuEngine`] |
//! | `checks`, `operators` | its operators, and the checks of their arguments |
//! | `compiled` | the operators over pairs, compiled for each format |
//! | [`floor`] | the speed limit of the machine's arithmetic, for benchmarks |

mod aligned;
mod axis;
mod block;
mod checks;
mod compiled;
mod distances;
mod engine;
mod exp2;
pub mod floor;
mod groups;
mod instructions;
mod layout;
mod lines;
mod matrix;
mod maximum;
mod nearest;
mod operators;
mod pass;
mod points;
mod power;
mod product;
mod real;
mod softmin;
mod spans;
mod stored;
mod sums;
mod symmetric;
mod table;
#[cfg(test)]
mod tests;
mod vectors;
mod weights;
mod wide;
mod workers;

pub use compiled::Real;
pub use engine::CpuEngine;
pub use instructions::InstructionSet;
pub use points::CpuPoints;
pub use vectors::CpuVector;
pub use weights::CpuWeights;

//! Regularised optimal transport between point clouds, on any GPU and on the CPU.
//!
//! ```
//! use haul::{Device, Measure, Sinkhorn};
//!
//! let device = Device::auto()?; // the best GPU, else the CPU engine
//! let square = Measure::uniform(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2)?;
//! let moved = Measure::uniform(&[0.5, 0.0, 1.5, 0.0, 0.5, 1.0, 1.5, 1.0], 2)?;
//!
//! let solution = Sinkhorn::blur(0.1).p(2).tolerance(1e-4).solve(&device, &square, &moved)?;
//! assert!(solution.report().converged);
//! println!("OT = {} on {}", solution.value(), solution.report().device);
//!
//! let map = solution.plan().map()?; // where the mass of each point goes, n×d
//! assert!((map[0] - 0.5).abs() < 1e-2 && map[1].abs() < 1e-2);
//! # Ok::<(), haul::Error>(())
//! ```
//!
//! The n×m matrix of costs is never stored: memory is O(n + m), and each operation is a pass over the pairs. Every result
//! carries a [`Certificate`]: the errors of its marginals, and bounds for the true value.
//!
//! [`Device`] is one of the engines; each of them can also be used alone. [`DeviceChoice`] opens one by name and chooses the
//! precision that a problem needs; [`Available`] lists all of them, and [`SelfCheck`] checks that one computes correctly.
//! [`Extent`] and [`spacing`] measure the size and the density of a cloud; a [`Reduction`] makes it smaller.
//!
//! Whole programs are in the folder `examples`; each draws or prints its result:
//!
//! - `flow`, a gradient flow of the Sinkhorn divergence;
//! - `colours`, a transfer of colours from one image to another, by the entropic map;
//! - `registration`, a rigid motion in spite of outliers, by a [`Registration`] with a reach;
//! - `topics`, topics of documents, by a [`LinearDictionary`];
//! - `clusters`, a network that takes noise to data, by a [`Fit`]; the folder `generative` has one of digits, on burn;
//! - `metric`, the same with features on which model and data differ most;
//! - `densities`, the ends of one fit with each [`FitLoss`].
//!
//! `frames` and `buffers` share a wgpu device with haul: one draws during a solve, the other keeps its particles in buffers.

mod available;
mod batch;
mod choice;
mod device;
mod extent;
mod graph;
mod on_device;
mod points;
mod reduction;
mod self_check;
mod transitions;

pub use available::Available;
pub use choice::{Conflict, DeviceChoice, PrecisionChoice, Preference};
pub use device::Device;
pub use extent::{Extent, spacing};
pub use graph::Graph;
pub use haul_core::*;
pub use haul_cpu::{CpuEngine, InstructionSet};
pub use haul_gpu::{self as gpu, GpuArray, GpuEngine, Selection};
pub use on_device::{OnDevice, Points, Vector, Weights};
pub use points::IntoMeasure;
pub use reduction::Reduction;
pub use self_check::{Check, SelfCheck};
pub use transitions::Transitions;

//! haul's engine for GPUs: the operators of [`haul_core::Engine`] as wgpu compute kernels.
//!
//! [`adapter`] lists the adapters and chooses one; [`GpuEngine::new`] opens it, and
//! [`GpuEngine::from_wgpu`] takes a device that is open already. Clouds and vectors lie in buffers
//! (`cloud`). An operator, its lengths looked at (`checks`), becomes dispatches
//! (`tiles` divides it so that no binding, loop or watchdog is exceeded), which are recorded
//! (`recorder`) and submitted when there are enough of them or when a result is read (`readback`).
//!
//! Everything is computed in f32. Failures of the device arrive as [`Error`], at the latest with
//! the next result that is read.

pub mod adapter;
mod checks;
mod choice;
mod cloud;
mod context;
mod engine;
mod error;
mod pace;
mod pairs;
mod params;
mod readback;
mod recorder;
mod store;
mod strips;
mod tiles;

pub use adapter::Selection;
pub use cloud::{GpuCloud, GpuVector};
pub use engine::{CloudUse, GpuEngine};
pub use error::Error;
pub use haul_shaders::Columns;

//! haul's engine for GPUs: the operators of [`haul_core::Engine`] as wgpu compute kernels.
//!
//! [`adapter`] lists the adapters and chooses one; [`GpuEngine::new`] opens it, and
//! [`GpuEngine::from_wgpu`] takes a device that is open already. Points, weights and vectors lie in buffers
//! (`arrays`). An operator, its lengths looked at (`checks`), becomes dispatches: of vectors (`vectors`), or of pairs of
//! points (`pairs`, `strips`, `lines`, `near`, `groups`, `nearest`; `pass` has what their kernels bind), divided so that no binding, loop or watchdog is exceeded (`tiles`). They
//! are recorded and submitted when there are enough of them or when a result is read (`recorder`).
//! Who reads waits in a future (`readback`), which a thread of the engine wakes (`waiter`).
//!
//! Points and weights may lie in buffers of the caller's, and results go there ([`GpuArray`]).
//!
//! Everything is computed in f32. Failures of the device arrive as [`Error`], at the latest with
//! the next result that is read.

pub mod adapter;
mod arrays;
mod checks;
mod choice;
mod context;
mod engine;
mod error;
mod groups;
mod lines;
mod near;
mod nearest;
mod pace;
mod pairs;
mod params;
mod pass;
mod readback;
mod recorder;
mod resident;
mod store;
mod strips;
mod tiles;
mod vectors;
mod waiter;

pub use adapter::Selection;
pub use arrays::{GpuPoints, GpuVector, GpuWeights};
pub use engine::{CloudUse, GpuEngine};
pub use error::Error;
pub use haul_shaders::Columns;
pub use resident::GpuArray;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what is whole whatever panics: nothing here is left half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

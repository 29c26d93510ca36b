//! haul's engine for GPUs: the operators of [`haul_core::Engine`] as wgpu compute kernels.
//!
//! [`adapter`] lists the adapters and chooses one; [`GpuEngine::new`] opens it, and [`GpuEngine::from_wgpu`] uses an open
//! device. Points, weights and vectors are in buffers (`arrays`). An operator checks lengths (`checks`) and becomes dispatches
//! over vectors (`vectors`) or over pairs of points (`pairs`, `strips`, `lines`, `near`, `groups`, `nearest`; `pass` has the
//! bindings of their kernels), divided so that none exceeds the limit of a binding, a loop or a watchdog (`tiles`). They are
//! recorded, and submitted when there are enough of them or when a result is read (`recorder`). A read is a future
//! (`readback`), which a thread of the engine wakes (`waiter`).
//!
//! Points, weights and results may be in buffers of the caller ([`GpuArray`]).
//!
//! Everything is computed in f32. Device failures are returned as [`Error`], at the latest by the next read of a result.

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

/// Locks a mutex even if poisoned: no panic leaves its data half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

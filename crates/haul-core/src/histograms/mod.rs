//! Averages of histograms.
//!
//! [`barycenter`] has the settings, the loop and the result; [`inputs`] are the averaged measures on a device, with
//! one wide pass for those that share their points; [`mixing`] accelerates the loop.

mod barycenter;
mod inputs;
mod mixing;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};

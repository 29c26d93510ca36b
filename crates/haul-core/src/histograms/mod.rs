//! Averages of histograms.
//!
//! [`barycenter`] has the settings and the result, [`averaging`] the problem and its loop, [`bounds`] the values and
//! the bounds; [`inputs`] are the averaged measures on a device, with one wide pass for those that share their
//! points; [`mixing`] accelerates the loop.

mod averaging;
mod barycenter;
mod bounds;
mod inputs;
mod mixing;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};

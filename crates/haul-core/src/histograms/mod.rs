//! Histograms: their averages.
//!
//! [`barycenter`] has the settings, the loop and the result; [`inputs`] are the measures that it is an average of, on a
//! device, those that share their points in one wide pass; [`mixing`] accelerates the loop.

mod barycenter;
mod inputs;
mod mixing;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};

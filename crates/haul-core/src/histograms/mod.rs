//! Averages and flows of histograms.
//!
//! [`barycenter`] and [`flow`] have the settings and the results, [`averaging`] the problem and the loop of both, and
//! [`bounds`] the values and the bounds; [`functional`] are the energies of flows, [`envelope`] the derivatives of
//! barycenters; [`descent`] finds barycenters by gradients; [`inputs`] are the averaged measures
//! on a device, with one wide pass for those that share their points; [`mixing`] accelerates the loop.

mod averaging;
mod barycenter;
mod bounds;
mod descent;
mod envelope;
mod flow;
mod functional;
mod inputs;
mod mixing;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};
pub use descent::Descent;
pub use envelope::AverageGradient;
pub use flow::{Evolution, Flow, FlowKind, FlowProgress, FlowReport};
pub use functional::InternalEnergy;

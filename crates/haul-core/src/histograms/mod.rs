//! Averages of histograms.
//!
//! [`barycenter`] has the settings and the result, [`averaging`] the problem and its loop, [`bounds`] the values and
//! the bounds; [`inputs`] are the averaged measures on a device, with one wide pass for those that share their
//! points; [`mixing`] accelerates the loop. [`coordinates`] express a measure as a barycenter of others.

mod averaging;
mod barycenter;
mod bounds;
mod coordinates;
mod inputs;
mod mixing;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};
pub use coordinates::{
    BarycentricDictionary, BarycentricFactors, BarycentricGradient, BarycentricProgress,
    BarycentricReport, Coordinates, CoordinatesLoss, CoordinatesProgress, CoordinatesReport,
    PointsGradient, Projection, Reconstruction, ReconstructionGradient,
};

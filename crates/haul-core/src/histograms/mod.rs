//! Averages and flows of histograms, and dictionaries whose mixtures approximate them.
//!
//! [`barycenter`] and [`flow`] have the settings and the results; [`posed`] is the problem of both, [`averaging`] the loop,
//! and [`bounds`] the values and the bounds. [`functional`] has the energies of flows. [`descent`] finds barycenters by
//! gradients, and [`envelope`] has the derivatives of their minimum. [`inputs`] are the averaged measures on a device,
//! with one wide pass for those that share their points; [`mixing`] accelerates the loop. [`transforms`] are the softmins
//! of many histograms at once, which [`dictionary`] and [`labels`], a loss between distributions over labels, are made of.
//! [`coordinates`] express a measure as a barycenter of others. [`documents`] compares histograms over words, without blur.

#[macro_use]
mod settings;

mod averaging;
mod barycenter;
mod bounds;
mod coordinates;
mod descent;
mod dictionary;
mod documents;
mod envelope;
mod flow;
mod functional;
mod inputs;
mod labels;
mod mixing;
mod posed;
mod transforms;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};
pub(crate) use barycenter::{checked_lambda, weights_on};
pub use coordinates::{
    BarycentricDictionary, BarycentricFactors, BarycentricGradient, BarycentricProgress,
    BarycentricReport, Coordinates, CoordinatesLoss, CoordinatesProgress, CoordinatesReport,
    PointsGradient, Projection, Reconstruction, ReconstructionGradient,
};
pub use descent::Descent;
pub use dictionary::{
    DictionaryPotentials, DictionaryProgress, DictionaryReport, DictionaryState, FactorGradient,
    Factors, Histograms, LinearDictionary,
};
pub use documents::{Documents, Neighbours, Query, Workspace};
pub use envelope::AverageGradient;
pub use flow::{Evolution, Flow, FlowKind, FlowProgress, FlowReport};
pub use functional::InternalEnergy;
pub use labels::{LabelLoss, LabelLosses, LabelMetric};

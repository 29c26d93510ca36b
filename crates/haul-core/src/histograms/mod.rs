//! Averages of histograms, and dictionaries whose mixtures approximate them.
//!
//! [`barycenter`] has the settings and the result, [`averaging`] the problem and its loop, [`bounds`] the values and
//! the bounds; [`inputs`] are the averaged measures on a device, with one wide pass for those that share their
//! points; [`mixing`] accelerates the loop. [`transforms`] are the softmins of many histograms at once, which
//! [`dictionary`] and [`labels`], a loss between distributions over labels, are made of.

mod averaging;
mod barycenter;
mod bounds;
mod dictionary;
mod inputs;
mod labels;
mod mixing;
mod transforms;

pub use barycenter::{Average, Barycenter, BarycenterKind, BarycenterReport};
pub use dictionary::{
    DictionaryPotentials, DictionaryProgress, DictionaryReport, DictionaryState, FactorGradient,
    Factors, Histograms, LinearDictionary,
};
pub use labels::{LabelLoss, LabelLosses, LabelMetric};

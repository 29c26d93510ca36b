//! Options that several commands share, one group a file: as clap parses them and as the libraries take them. Their
//! values are checked further before any work begins.

mod engine;
mod gradients;
mod kind;
mod loss;
mod motion;
mod number;
mod pictures;
mod presentation;
mod problem;
mod reduction;
mod settings;
mod smoothing;
mod solving;
mod treatment;
mod weights;

pub(crate) use engine::{Engine, Precision};
pub(crate) use gradients::Gradients;
pub(crate) use kind::Kind;
pub(crate) use loss::Loss;
pub(crate) use motion::{Motion, transform_from};
pub(crate) use number::{MOST_U32, number, whole};
pub(crate) use pictures::Pictures;
pub(crate) use presentation::Presentation;
pub(crate) use problem::{in_options, named};
#[cfg(test)]
pub(crate) use reduction::Reduction;
pub(crate) use settings::Settings;
pub(crate) use smoothing::Smoothing;
pub(crate) use solving::Solving;
pub(crate) use treatment::{Positive, Treatment, cells};
pub(crate) use weights::Weights;

//! Options that several commands share, one group a file: as clap parses them and as the libraries take them. Their
//! values are checked further before any work begins.

mod engine;
mod gradients;
mod motion;
mod number;
mod problem;
mod reduction;
mod settings;
mod solving;
mod treatment;
mod weights;

pub(crate) use engine::{Engine, Precision};
pub(crate) use gradients::Gradients;
pub(crate) use motion::{Motion, transform_from};
pub(crate) use number::{MOST_U32, number, whole};
pub(crate) use problem::{in_options, named};
#[cfg(test)]
pub(crate) use reduction::Reduction;
pub(crate) use settings::Settings;
pub(crate) use solving::Solving;
pub(crate) use treatment::{Positive, Treatment, cells};
pub(crate) use weights::Weights;

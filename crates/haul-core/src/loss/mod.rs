//! Comparisons of two measures, by solves or by means over pairs.
//!
//! [`divergence`] removes the bias of the entropy, [`energy`] and [`mmd`] compare by [`means`] without a plan, and
//! [`scores`] are costs from products of features.

mod discrepancy;
mod divergence;
mod energy;
mod means;
mod mmd;
mod resident;
mod scores;
mod tally;

pub use discrepancy::{Discrepancy, Pairings};
pub(crate) use divergence::own_settings;
pub use divergence::{Divergence, Terms, debiased};
pub use energy::Energy;
pub use mmd::Mmd;
pub use resident::ResidentTerms;
pub use scores::{ScoredSolution, Scores};
pub use tally::PairCount;

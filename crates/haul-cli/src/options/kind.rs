//! The kind of averages, and of the loss of a mixture.

use clap::ValueEnum;
use haul::BarycenterKind;

/// What transport between two histograms costs: S_ε, OT_ε with an entropy, or OT_ε.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Debiased,
    Plain,
    Product,
}

impl From<Kind> for BarycenterKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Debiased => Self::Debiased,
            Kind::Plain => Self::Plain,
            Kind::Product => Self::Product,
        }
    }
}

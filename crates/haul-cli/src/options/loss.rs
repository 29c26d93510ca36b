//! How an average is compared with a target.

use clap::ValueEnum;
use haul::CoordinatesLoss;

/// How an average is compared with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loss {
    L2,
    Kl,
    ReverseKl,
    TotalVariation,
    Wasserstein,
}

impl From<Loss> for CoordinatesLoss {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::L2 => Self::L2,
            Loss::Kl => Self::Kl,
            Loss::ReverseKl => Self::ReverseKl,
            Loss::TotalVariation => Self::TotalVariation,
            Loss::Wasserstein => Self::Wasserstein,
        }
    }
}

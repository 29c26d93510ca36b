//! The value that is computed between two clouds.

use clap::ValueEnum;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Loss {
    /// The Sinkhorn divergence S_ε: 0 for equal clouds
    Divergence,
    /// OT_ε
    Sinkhorn,
    /// The energy distance of |x − y|^p, with p = 1 unless --p says otherwise
    Energy,
}

impl Loss {
    /// What an entry is, in symbols.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Divergence => "S_ε",
            Self::Sinkhorn => "OT_ε",
            Self::Energy => "energy distance",
        }
    }

    /// What an entry is, in words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Divergence => "Each square: the Sinkhorn divergence of two clouds",
            Self::Sinkhorn => "Each square: the transport cost OT_ε of two clouds",
            Self::Energy => "Each square: the energy distance of two clouds",
        }
    }
}

//! The value that is computed between two clouds.

use crate::number::plain;
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
    /// W_p^p, proved to 1e-9
    Exact,
    /// The mean of W_p^p between projections onto random lines, the same lines for all pairs
    Sliced,
    /// The word mover's distance W_p between documents, with p = 1 unless --p says otherwise; --vectors names the vectors of the
    /// words
    Wmd,
    /// The mean squared distortion of the best Gromov–Wasserstein plan found, in which clouds may lie anywhere and have any
    /// dimensions
    Gromov,
}

impl Loss {
    /// What an entry is, in symbols.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Divergence => "S_ε",
            Self::Sinkhorn => "OT_ε",
            Self::Energy => "energy distance",
            Self::Exact => "W_p^p",
            Self::Sliced => "sliced W_p^p",
            Self::Wmd => "W_p",
            Self::Gromov => "Gromov–Wasserstein distortion",
        }
    }

    /// Whether entries have bounds.
    pub(super) fn is_bounded(self) -> bool {
        !matches!(self, Self::Sliced | Self::Wmd | Self::Gromov)
    }

    /// Whether it has a blur.
    pub(super) fn is_regularized(self) -> bool {
        matches!(self, Self::Divergence | Self::Sinkhorn)
    }

    /// The power of the cost by default.
    pub(super) fn usual_power(self) -> f64 {
        match self {
            Self::Energy | Self::Wmd => 1.0,
            _ => 2.0,
        }
    }

    /// Whether an entry is a distance, for the cost |x − y|^p; `balanced` where all mass is moved.
    pub(super) fn meaning(self, p: f64, balanced: bool) -> String {
        match (self, p) {
            (Self::Divergence, _) if !balanced => {
                "no distances, as mass is destroyed and created".to_owned()
            }
            (Self::Sinkhorn, _) => "costs, which are not 0 for equal clouds".to_owned(),
            (Self::Gromov, _) => {
                "squares of a distance between shapes, where the plan is the best one".to_owned()
            }
            (Self::Energy, _) => "squares of a distance between measures".to_owned(),
            // For p < 1 the costs themselves are distances.
            (Self::Exact, p) if p < 1.0 => "distances".to_owned(),
            (Self::Wmd, _) | (_, 1.0) => "distances".to_owned(),
            (_, 2.0) => "squared distances".to_owned(),
            (_, p) => format!("distances to the power {}", plain(p)),
        }
    }

    /// The distance that belongs to an entry between clouds of a mass, if there is one.
    pub(super) fn distance(self, value: f64, p: f64, mass: f64, balanced: bool) -> Option<f64> {
        match self {
            Self::Divergence | Self::Exact | Self::Sliced => {
                balanced.then(|| (value.max(0.0) / mass).powf(1.0 / p))
            }
            Self::Sinkhorn => None,
            Self::Wmd => Some(value),
            Self::Energy | Self::Gromov => Some(value.max(0.0).sqrt()),
        }
    }

    /// What an entry is, in words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Divergence => "Each square: the Sinkhorn divergence of two clouds",
            Self::Sinkhorn => "Each square: the transport cost OT_ε of two clouds",
            Self::Energy => "Each square: the energy distance of two clouds",
            Self::Exact => "Each square: the exact cost W_p^p between two clouds",
            Self::Wmd => "Each square: the word mover's distance of two documents",
            Self::Gromov => "Each square: the Gromov–Wasserstein distortion between two clouds",
            Self::Sliced => "Each square: the sliced cost W_p^p between two clouds",
        }
    }
}

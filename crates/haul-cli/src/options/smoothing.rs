//! The regularisation of densities on given points.

use super::number::number;
use clap::Args;
use haul::{Measure, Regularization, Support};

/// The blur on grids, in cells.
const CELLS: f64 = 3.0;

/// The blur of clouds, as a share of the diagonal.
const SHARE: f64 = 0.02;

/// The regularisation of densities on given points.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Regularisation")]
pub(crate) struct Smoothing {
    /// The blur σ, a length: ε = σ^p [default: 3 cells, or 0.02 of the diagonal of the box around all clouds]
    #[arg(long, value_name = "σ", allow_negative_numbers = true, value_parser = number)]
    pub(crate) blur: Option<f64>,

    /// The regularisation ε, in units of the cost
    #[arg(long, value_name = "ε", conflicts_with = "blur", allow_negative_numbers = true, value_parser = number)]
    epsilon: Option<f64>,

    /// The power p of the cost |x − y|^p, above 0 and at most 2; only 2 is fast on grids [default: 2]
    #[arg(long, allow_negative_numbers = true, value_parser = number)]
    pub(crate) p: Option<f64>,
}

impl Smoothing {
    /// Whether the blur or ε is given.
    pub(crate) fn is_given(&self) -> bool {
        self.blur.is_some() || self.epsilon.is_some()
    }

    /// The power of the cost.
    pub(crate) fn power(&self) -> f64 {
        self.p.unwrap_or(2.0)
    }

    /// The regularisation of densities on these points.
    pub(crate) fn on(&self, support: &Measure) -> Regularization {
        match (self.blur, self.epsilon, support.support()) {
            (Some(blur), ..) => Regularization::Blur(blur),
            (None, Some(epsilon), _) => Regularization::Epsilon(epsilon),
            (None, None, Support::Grid(grid)) => {
                Regularization::Blur(CELLS * grid.spacing().iter().copied().fold(0.0, f64::max))
            }
            (None, None, _) => self.expected(),
        }
    }

    /// A regularisation for estimates of work, where the points are not known yet.
    pub(crate) fn expected(&self) -> Regularization {
        Regularization::RelativeBlur(SHARE)
    }
}

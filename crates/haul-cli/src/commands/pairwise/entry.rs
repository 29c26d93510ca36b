//! The stored result of the comparison of two clouds.

use crate::number::finite;
use haul::{Discrepancy, Report};
use serde::{Deserialize, Serialize};

/// One comparison of two files, or of a file with itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) value: f64,
    /// Bounds of the value; `None` if unknown.
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
    pub(super) converged: bool,
    /// Evaluated pairs of points.
    pub(super) pairs: u64,
}

impl From<&Report> for Entry {
    fn from(report: &Report) -> Self {
        let certificate = &report.certificate;
        Self {
            value: report.value,
            lower: finite(certificate.lower_bound),
            upper: finite(certificate.upper_bound),
            converged: report.converged,
            pairs: report.pairs,
        }
    }
}

impl From<&Discrepancy> for Entry {
    fn from(discrepancy: &Discrepancy) -> Self {
        let Discrepancy {
            value,
            rounding,
            pairs,
            ..
        } = *discrepancy;
        Self {
            value,
            // An energy is not negative.
            lower: finite((value - rounding).max(0.0)),
            upper: finite(value + rounding),
            converged: true,
            pairs,
        }
    }
}

//! The stored result of the comparison of two clouds.

use crate::number::finite;
use haul::{Discrepancy, ExactReport, GromovReport, Report, SlicedValue};
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

impl From<&ExactReport> for Entry {
    fn from(report: &ExactReport) -> Self {
        Self {
            value: report.value,
            lower: finite(report.bounds.lower),
            upper: finite(report.bounds.upper),
            converged: report.proved,
            pairs: 0,
        }
    }
}

impl From<&SlicedValue> for Entry {
    /// Of the mean over these lines; nothing bounds that over all lines.
    fn from(sliced: &SlicedValue) -> Self {
        Self {
            value: sliced.value,
            lower: None,
            upper: None,
            converged: true,
            pairs: 0,
        }
    }
}

impl Entry {
    /// A distance of documents, which is proved.
    pub(super) fn of_documents(distance: f64) -> Self {
        Self {
            value: distance,
            lower: None,
            upper: None,
            converged: true,
            pairs: 0,
        }
    }
}

impl From<&GromovReport> for Entry {
    /// Of this plan, which is not proved to be the best.
    fn from(report: &GromovReport) -> Self {
        Self {
            value: report.energy,
            lower: None,
            upper: None,
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

//! Warnings beside the numbers of a solve.

use crate::number::{error, plain};
use haul::Report;

/// The warnings about these solves; empty if there are none.
pub(crate) fn warnings<'r>(reports: impl IntoIterator<Item = &'r Report>) -> Vec<String> {
    reports.into_iter().flat_map(warnings_of).collect()
}

fn warnings_of(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    let floor = report.certificate.precision_floor;
    if report.tolerance < floor {
        let f64 = match report.precision {
            haul::Precision::F32 => "--precision f64 or ",
            haul::Precision::F64 => "",
        };
        warnings.push(format!(
            "the tolerance {} is below what {} can tell at this blur, about {}; use {f64}a larger --blur",
            plain(report.tolerance),
            report.precision.name(),
            error(floor)
        ));
    }
    if !report.converged {
        warnings.push(format!(
            "not converged: the marginals are off by {} after {} iterations; raise --max-iterations, --blur or --tolerance",
            error(report.certificate.marginal_error()),
            report.iterations
        ));
    }
    warnings
}

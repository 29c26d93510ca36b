//! The typed answer of a command, rendered when it is printed or written.

use crate::headline::Headline;
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use haul::Report;
use serde::Serialize;

/// The answer of a task. As JSON its keys are the program's contract.
pub(crate) trait Answer: Serialize {
    /// The main number, which opens the text and the page. `None` if there is no such number, or if the answer itself
    /// went to standard output.
    fn headline(&self) -> Option<Headline>;

    /// The rows for a person; empty if the answer itself went to standard output.
    fn rows(&self) -> Rows;

    /// The HTML page of the answer.
    ///
    /// # Errors
    ///
    /// Errors of its figures.
    fn page(&self) -> Page;

    /// What a run of many tasks reports about this one.
    fn summary(&self) -> Summary;

    /// Warnings for the user; empty if there are none.
    fn warnings(&self) -> Vec<String>;

    /// How the task ended.
    fn outcome(&self) -> Outcome;

    /// The headline, and the rows below it.
    fn text(&self) -> String {
        let headline = self.headline().map(|headline| headline.rows().text());
        headline.unwrap_or_default() + &self.rows().text()
    }

    /// The JSON object, on one line.
    fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// The numbers that a run of many tasks reports about each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) value: Option<f64>,
    /// Lower and upper bound of the value.
    pub(crate) bounds: Option<(f64, f64)>,
    pub(crate) iterations: Option<u64>,
    pub(crate) seconds: Option<f64>,
    /// Evaluated pairs of points.
    pub(crate) pairs: u64,
}

impl Summary {
    /// The summary of a solve.
    pub(crate) fn of(report: &Report) -> Self {
        let certificate = &report.certificate;
        Self {
            value: Some(report.value),
            bounds: Some((certificate.lower_bound, certificate.upper_bound)),
            iterations: Some(report.iterations as u64),
            seconds: Some(report.seconds),
            pairs: report.pairs,
        }
    }
}

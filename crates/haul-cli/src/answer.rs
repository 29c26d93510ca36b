//! What comes out of a command: typed, and rendered where it is handed on.

use crate::headline::Headline;
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use haul::Report;
use serde::Serialize;

/// The answer of a task. As JSON its keys are the program's contract.
pub(crate) trait Answer: Serialize {
    /// What a person asked for, which opens the text and the page; none where there is no such number, or where the
    /// answer itself went to standard output.
    fn headline(&self) -> Option<Headline>;

    /// What is known, for a person; empty where the answer itself went to standard output.
    fn rows(&self) -> Rows;

    /// The answer as a page for people.
    ///
    /// # Errors
    ///
    /// Those of its figures.
    fn page(&self) -> Page;

    /// What a run of many tasks tells of this one.
    fn summary(&self) -> Summary;

    /// What a user should know beside the answer; nothing when all is well.
    fn warnings(&self) -> Vec<String>;

    /// How it ended.
    fn outcome(&self) -> Outcome;

    /// The headline, and the rows below it.
    fn text(&self) -> String {
        let headline = self.headline().map(|headline| headline.rows().text());
        headline.unwrap_or_default() + &self.rows().text()
    }

    /// The JSON object, in a line.
    fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// The numbers that a run of many tasks tells of each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) value: Option<f64>,
    /// Lower and upper bound of the value.
    pub(crate) bounds: Option<(f64, f64)>,
    pub(crate) iterations: Option<u64>,
    pub(crate) seconds: Option<f64>,
    /// Pairs of points that were evaluated.
    pub(crate) pairs: u64,
}

impl Summary {
    /// Of a solve.
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

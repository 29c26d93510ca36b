//! A transport between two clouds as an answer, common to the commands that solve one: JSON, text and page.

pub(crate) mod centres;
mod displacement;
mod exact;
mod json;
mod page;
pub(crate) mod penalties;
pub(crate) mod text;
mod warnings;

pub(crate) use displacement::{Displacement, lengths};
pub(crate) use exact::{ExactCost, engine_in};
pub(crate) use json::{Certificate, Json};
pub(crate) use warnings::warnings;

use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::plain;
use crate::options::Settings;
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::picture::Matching;
use crate::rows::Rows;
use haul::{Progress, Report};
use serde::{Serialize, Serializer};

/// The quantity that the value of a solve is, from its symbol and the power of the cost.
pub(crate) fn quantity(symbol: &str, settings: &Settings) -> String {
    match settings.p {
        Some(p) => format!("{symbol}, p = {}", plain(p)),
        None => symbol.to_owned(),
    }
}

/// A solve between two clouds.
pub(crate) struct Transport {
    /// The command.
    pub(crate) command: &'static str,
    pub(crate) pair: Pair,
    pub(crate) report: Report,
    /// The progress of its iteration.
    pub(crate) course: Vec<Progress>,
    /// The displacement of the points, for a command that moves them.
    pub(crate) displacement: Option<Displacement>,
    /// The cost without blur, if it was asked for.
    pub(crate) exact: Option<ExactCost>,
    /// How its plan matches the clouds, for a page.
    pub(crate) matching: Option<Matching>,
    /// What was written beside the answer, each with its name.
    pub(crate) written: Vec<(&'static str, String)>,
}

impl Serialize for Transport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Pair { a, b, .. } = &self.pair;
        let json = Json::new(self.command, a, b, &self.report);
        let json = json.moving(self.displacement).beside(self.exact);
        json.serialize(serializer)
    }
}

impl Transport {
    /// The page, under a headline of the command's own.
    ///
    /// # Errors
    ///
    /// Errors of its figures.
    pub(crate) fn page_under(&self, headline: &Headline) -> Page {
        page::page(self, headline)
    }
}

impl Answer for Transport {
    fn headline(&self) -> Option<Headline> {
        Some(text::headline(&self.pair, &self.report))
    }

    fn rows(&self) -> Rows {
        let mut rows = text::rows(&self.pair, &self.report, self.exact.as_ref());
        for (name, written) in &self.written {
            rows.row(name, written);
        }
        rows
    }

    fn page(&self) -> Page {
        self.page_under(&text::headline(&self.pair, &self.report))
    }

    fn summary(&self) -> Summary {
        Summary::of(&self.report)
    }

    fn warnings(&self) -> Vec<String> {
        warnings([&self.report])
    }

    fn outcome(&self) -> Outcome {
        Outcome::of(self.report.converged)
    }
}

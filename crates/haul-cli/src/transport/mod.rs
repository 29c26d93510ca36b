//! A transport between two clouds as an answer: what the commands that solve one have in common, as JSON, as
//! text and as a page.

mod displacement;
mod json;
mod page;
pub(crate) mod penalties;
pub(crate) mod text;
mod warnings;

pub(crate) use displacement::{Displacement, lengths};
pub(crate) use json::{Certificate, Json};
pub(crate) use warnings::warnings;

use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::plain;
use crate::options::Settings;
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::pair::Pair;
use crate::rows::Rows;
use haul::{Progress, Report};
use serde::{Serialize, Serializer};

/// What the value of a solve is, by the symbol that it has and the power that was asked for.
pub(crate) fn quantity(symbol: &str, settings: &Settings) -> String {
    match settings.p {
        Some(p) => format!("{symbol}, p = {}", plain(p)),
        None => symbol.to_owned(),
    }
}

/// A solve between two clouds.
pub(crate) struct Transport {
    /// The command that asked for it.
    pub(crate) command: &'static str,
    pub(crate) pair: Pair,
    pub(crate) report: Report,
    /// The course that its iteration took.
    pub(crate) course: Vec<Progress>,
    /// How far points are moved, by a command that moves them.
    pub(crate) displacement: Option<Displacement>,
    /// Where the mass of each point of the source goes on average, n×d, for a page.
    pub(crate) images: Option<Vec<f64>>,
}

impl Serialize for Transport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Pair { a, b, .. } = &self.pair;
        let json = Json::new(self.command, a, b, &self.report);
        json.moving(self.displacement).serialize(serializer)
    }
}

impl Transport {
    /// The page, where a command opens it with a number of its own.
    ///
    /// # Errors
    ///
    /// Those of its figures.
    pub(crate) fn page_under(&self, headline: &Headline) -> Page {
        page::page(self, headline)
    }
}

impl Answer for Transport {
    fn headline(&self) -> Option<Headline> {
        Some(text::headline(&self.pair, &self.report))
    }

    fn rows(&self) -> Rows {
        text::rows(&self.pair, &self.report)
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

//! The nearest documents as an answer.

use super::page;
use crate::answer::{Answer, Summary};
use crate::headline::Headline;
use crate::number::{duration, percent, short, whole};
use crate::outcome::Outcome;
use crate::page::sheet::Page;
use crate::rows::Rows;
use haul::Neighbours;
use serde::{Serialize, Serializer};

/// What each query found.
pub(crate) struct WordsAnswer {
    pub(super) documents: String,
    pub(super) vectors: String,
    pub(super) query: Option<String>,
    /// The number of documents.
    pub(super) n: usize,
    pub(super) bins: usize,
    pub(super) d: usize,
    pub(super) p: f64,
    pub(super) k: usize,
    /// Words of texts that have no vector.
    pub(super) unknown: usize,
    /// The lines of the documents, if they are a text.
    pub(super) texts: Vec<String>,
    pub(super) found: Vec<Found>,
    pub(super) written: Option<String>,
    pub(super) seconds: f64,
}

/// What one query found.
pub(super) struct Found {
    pub(super) neighbours: Neighbours,
    /// The distances to all documents, for a matrix.
    pub(super) row: Vec<f64>,
}

/// The queries of which text and page tell.
const SHOWN: usize = 10;

/// The letters of a line that are shown.
const LETTERS: usize = 60;

impl WordsAnswer {
    /// The documents that the means excluded, those that the words excluded, and those that were solved.
    pub(super) fn counts(&self) -> [usize; 3] {
        let count =
            |of: fn(&Neighbours) -> usize| self.found.iter().map(|it| of(&it.neighbours)).sum();
        [
            count(|it| it.excluded_by_means),
            count(|it| it.excluded_by_words),
            count(|it| it.solved),
        ]
    }

    /// The shares of pairs that the means excluded and that the words did, and the number of distances computed.
    pub(super) fn excluded(&self) -> String {
        let [means, words, solved] = self.counts();
        let pairs = (means + words + solved).max(1) as f64;
        let share = |count: usize| percent(count as f64 / pairs);
        format!(
            "{} of the pairs by their means, {} by nearest words; {solved} distances computed",
            share(means),
            share(words)
        )
    }

    /// What the documents are.
    pub(super) fn about(&self) -> String {
        format!(
            "{}, {} over {} words in dimension {}",
            self.documents, self.n, self.bins, self.d
        )
    }

    /// The queries of which text and page tell, each with the documents that it found: their numbers, distances and beginnings.
    pub(super) fn shown(&self) -> impl Iterator<Item = (usize, Vec<(usize, f64, String)>)> {
        let found = self.found.iter().take(SHOWN).enumerate();
        found.map(|(index, found)| {
            let documents = found.neighbours.documents.iter();
            let told = documents.map(|&(document, distance)| {
                let text = self.texts.get(document).map(|line| excerpt(line));
                (document, distance, text.unwrap_or_default())
            });
            (index, told.collect())
        })
    }

    /// The number of queries of which text and page do not tell.
    pub(super) fn hidden(&self) -> usize {
        self.found.len().saturating_sub(SHOWN)
    }
}

impl Answer for WordsAnswer {
    fn headline(&self) -> Option<Headline> {
        None
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        for (index, documents) in self.shown() {
            rows.heading(format!("nearest to {index}"));
            for (document, distance, text) in documents {
                let text = match &*text {
                    "" => text,
                    text => format!("  {text}"),
                };
                rows.below(&document.to_string(), format!("{}{text}", short(distance)));
            }
        }
        if self.hidden() > 0 {
            rows.heading(format!(
                "{} more queries, which --json lists",
                self.hidden()
            ));
        }
        rows.row("excluded", self.excluded());
        rows.row("documents", self.about());
        if let Some(query) = &self.query {
            rows.row("queries", format!("{query}, {}", self.found.len()));
        }
        if self.unknown > 0 {
            rows.row(
                "unknown",
                format!("{} words without a vector", self.unknown),
            );
        }
        if let Some(written) = &self.written {
            rows.row("written", written);
        }
        rows.row("effort", duration(self.seconds));
        rows
    }

    fn page(&self) -> Page {
        Ok(page::page(self))
    }

    fn summary(&self) -> Summary {
        Summary {
            seconds: Some(self.seconds),
            ..Summary::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

/// The beginning of a line.
fn excerpt(line: &str) -> String {
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// The JSON object; the names of its keys are the program's contract.
#[derive(Serialize)]
struct Keys<'r> {
    command: &'static str,
    documents: &'r str,
    vectors: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'r str>,
    n: usize,
    bins: usize,
    d: usize,
    p: serde_json::Value,
    k: usize,
    queries: usize,
    unknown: usize,
    excluded_by_means: usize,
    excluded_by_words: usize,
    solved: usize,
    seconds: f64,
    nearest: Vec<Vec<Neighbour>>,
}

#[derive(Serialize)]
struct Neighbour {
    document: usize,
    distance: f64,
}

impl Serialize for WordsAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [excluded_by_means, excluded_by_words, solved] = self.counts();
        let of = |found: &Found| {
            let all = found.neighbours.documents.iter();
            all.map(|&(document, distance)| Neighbour { document, distance })
                .collect()
        };
        let keys = Keys {
            command: "words",
            documents: &self.documents,
            vectors: &self.vectors,
            query: self.query.as_deref(),
            n: self.n,
            bins: self.bins,
            d: self.d,
            p: whole(self.p),
            k: self.k,
            queries: self.found.len(),
            unknown: self.unknown,
            excluded_by_means,
            excluded_by_words,
            solved,
            seconds: self.seconds,
            nearest: self.found.iter().map(of).collect(),
        };
        keys.serialize(serializer)
    }
}

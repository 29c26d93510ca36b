//! The page of nearest documents.

use super::answer::WordsAnswer;
use crate::number::{duration, plain};
use crate::page::number::Number;
use crate::page::sheet::sheet;
use crate::page::values::{row, table};
use maud::{Markup, html};

/// The page.
pub(super) fn page(answer: &WordsAnswer) -> String {
    let [means, words, solved] = answer.counts();
    let body = html! {
        h1 { "haul words: the nearest documents" }
        p.files {
            (answer.about())
            @if let Some(query) = &answer.query { "; queries of " (query) }
        }
        p.about {
            "The distance is how far the words of one document must move to become the other: W_" (plain(answer.p))
            " between histograms over the vectors of words."
        }
        section {
            h2 { "What is certain" }
            p {
                "The nearest documents are those of a search through all pairs. Two lower bounds excluded "
                (answer.excluded()) ", each proved to 1e-9."
                @if answer.unknown > 0 { " " (answer.unknown) " words have no vector and do not count." }
            }
        }
        section {
            h2 { "The nearest" }
            (nearest(answer))
        }
        section {
            h2 { "All numbers" }
            (table("Pairs", &html! {
                (row("excluded by their means", "excluded_by_means", &Number::count(means as u64)))
                (row("excluded by nearest words", "excluded_by_words", &Number::count(words as u64)))
                (row("distances computed", "solved", &Number::count(solved as u64)))
            }))
            (table("Problem", &html! {
                (row("documents", "n", &Number::count(answer.n as u64)))
                (row("words", "bins", &Number::count(answer.bins as u64)))
                (row("dimension of the vectors", "d", &Number::count(answer.d as u64)))
                (row("power p of the cost |x − y|^p", "p", &Number::power(answer.p)))
                (row("documents found for each query", "k", &Number::count(answer.k as u64)))
                (row("queries", "queries", &Number::count(answer.found.len() as u64)))
            }))
        }
        p.about { "Computed in " (duration(answer.seconds)) "." }
    };
    sheet(&format!("haul words: {}", answer.documents), None, &body)
}

/// A table for each query.
fn nearest(answer: &WordsAnswer) -> Markup {
    html! {
        @for (index, documents) in answer.shown() {
            div.box {
                table.terms {
                    caption { "nearest to " (index) }
                    thead { tr { th { "document" } th { "distance" } th.words { "text" } } }
                    tbody {
                        @for (document, distance, text) in documents {
                            tr {
                                th scope="row" { (document) }
                                td { (Number::short(distance)) }
                                td.words { (text) }
                            }
                        }
                    }
                }
            }
        }
        @if answer.hidden() > 0 { p { (answer.hidden()) " more queries are in what --json prints." } }
    }
}

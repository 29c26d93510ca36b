//! The page of transitions.

use super::answer::TransitionsAnswer;
use super::ribbons::Ribbons;
use crate::number::{error, percent, plain};
use crate::page::figure::figure;
use crate::page::number::Number;
use crate::page::sheet::sheet;
use crate::page::values::{effort, row, table};
use crate::transport::penalties::penalties;
use haul_files::file_of;
use maud::{Markup, html};
use std::path::Path;

/// The page.
pub(super) fn page(answer: &TransitionsAnswer) -> String {
    let files = answer.files();
    let last = files.len() - 1;
    let report = &answer.steps[0].report;
    let tables = (0..last).filter_map(|from| answer.transitions.masses(from, from + 1));
    let drawing = Ribbons {
        clouds: files.iter().map(|file| short(file)).collect(),
        labels: &answer.moments.labels,
        tables: tables.collect(),
    };
    let words = format!(
        "Bars of {} clouds, divided by {} labels, with ribbons from label to label",
        files.len(),
        answer.moments.labels.len()
    );
    let caption = html! {
        "A bar is a cloud, divided by the masses of its labels; a ribbon is the mass that goes from label to label, in the colour of where "
        "it comes from."
    };
    let settled = answer
        .steps
        .iter()
        .filter(|step| step.report.converged)
        .count();
    let body = html! {
        h1 { "haul transitions: which labels become which" }
        p.files {
            (files[0]) @for file in &files[1..] { " → " (file) }
            "; labels of " (answer.label)
            @if let Some(growth) = &answer.growth { ", growth of " (growth) }
        }
        (figure(&drawing.draw(), &words, &caption))
        section {
            h2 { "What is certain" }
            p {
                "The marginals of the plans are off by at most " (error(answer.off())) " of the mass; "
                (settled) " of " (last) " solves converged. A plan is the cheapest explanation by distances in these "
                "coordinates, and no proof that single points took that way."
            }
        }
        section {
            h2 { "Descendants" }
            @for from in 0..last {
                (shares(answer, &format!("{} → {}", files[from], files[from + 1]), answer.transitions.descendants(from, from + 1)))
            }
            @if last > 1 {
                (shares(answer, &format!("{} → … → {}", files[0], files[last]), answer.transitions.descendants(0, last)))
            }
        }
        section {
            h2 { "Ancestors" }
            p.about { "A column has the shares of a label's ancestors." }
            (shares(answer, &format!("ancestors of {} in {}", files[last], files[0]), answer.transitions.ancestors(0, last)))
        }
        section {
            h2 { "All numbers" }
            (steps(answer, &files))
            (table("Problem", &html! {
                (row("clouds", "files", &Number::count(files.len() as u64)))
                (row("labels", "labels", &Number::count(answer.moments.labels.len() as u64)))
                (row("power p of the cost |x − y|^p", "p", &Number::power(report.cost.p())))
                (row("ε", "epsilon", &Number::short(report.epsilon)))
                (row("blur", "blur", &Number::short(report.blur)))
                @if let Some(penalties) = penalties(report) {
                    tr { th scope="row" { "penalties" } td { (penalties) } }
                }
                tr { th scope="row" { "tolerance" } td { (plain(report.tolerance)) " × mass" } }
            }))
            (table("Effort", &html! {
                (effort(answer.pairs(), answer.seconds, &report.device, report.precision))
            }))
        }
    };
    sheet(&format!("haul transitions: {}", answer.label), None, &body)
}

/// The label of a group, or the name of a file.
fn short(file: &str) -> String {
    let whole = file_of(Path::new(file)).to_string_lossy();
    let group = file
        .strip_prefix(&*whole)
        .and_then(|rest| rest.strip_prefix(':'));
    group.unwrap_or(file).to_owned()
}

/// A table of shares, with a row for each label of the first cloud and a column for each of the second one.
fn shares(answer: &TransitionsAnswer, caption: &str, shares: Option<Vec<f64>>) -> Markup {
    let (labels, k) = (&answer.moments.labels, answer.moments.labels.len());
    let shares = shares.unwrap_or_default();
    let present: Vec<usize> = (0..k)
        .filter(|&to| (0..k).any(|from| shares[from * k + to] > 0.0))
        .collect();
    let rows = labels.iter().zip(shares.chunks(k.max(1)));
    let rows: Vec<_> = rows
        .filter(|(_, row)| row.iter().any(|share| *share > 0.0))
        .collect();
    html! {
        div.box {
            table.terms {
                caption { (caption) }
                thead { tr { th { "from" } @for &to in &present { th { (labels[to]) } } } }
                tbody {
                    @for (label, row) in &rows {
                        tr {
                            th scope="row" { (label) }
                            @for &to in &present { td { (percent(row[to])) } }
                        }
                    }
                }
            }
        }
    }
}

/// A row for each solve.
fn steps(answer: &TransitionsAnswer, files: &[String]) -> Markup {
    html! {
        div.box {
            table.terms {
                caption { "Steps" }
                thead { tr { th { "step" } th { "value" } th { "mass" } th { "marginal error" } th { "iterations" } } }
                tbody {
                    @for (step, pair) in answer.steps.iter().zip(files.windows(2)) {
                        tr {
                            th scope="row" { (pair.join(" → ")) }
                            td { (Number::short(step.report.value)) }
                            td { (Number::short(step.report.mass)) }
                            td { (Number::error(step.report.certificate.marginal_error())) }
                            td { (Number::count(step.report.iterations as u64)) }
                        }
                    }
                }
            }
        }
    }
}

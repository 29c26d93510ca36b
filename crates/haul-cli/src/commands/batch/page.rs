//! The page of many jobs: how they ended, a picture of their values, and a row for each.

use super::job::Job;
use super::overview;
use super::record::{Account, Ending};
use crate::names::common_folder;
use crate::number::{Certified, effort};
use crate::page::figure::figure;
use crate::page::number::Number;
use crate::page::sheet::{Page, Script, sheet};
use haul::Bounds;
use maud::{Markup, html};

/// Sorts and filters the table of jobs; without this script, the table is in the order of the jobs.
const SCRIPT: Script = Script {
    text: include_str!("jobs.js"),
    digest: "AqSjb0M8jEGoc4k4QNoTY+RU44qh14X8wQa4E9oJdxU=",
};

/// A job and its result.
pub(super) struct Row<'r> {
    pub(super) job: &'r Job,
    pub(super) account: &'r Account,
    /// The quantity that its value is.
    pub(super) quantity: String,
}

/// What a run reports about itself.
pub(super) struct Summary<'s> {
    /// The file of jobs.
    pub(super) jobs: &'s str,
    /// Jobs without a result.
    pub(super) left: usize,
    /// Results of earlier runs that are kept.
    pub(super) held: usize,
    /// Jobs that this run computed.
    pub(super) computed: usize,
    /// Duration of this run.
    pub(super) seconds: f64,
    pub(super) pairs: u64,
}

/// The page of these jobs, in their order.
///
/// # Errors
///
/// Errors of the figure.
pub(super) fn page(summary: &Summary, rows: &[Row]) -> Page {
    let Summary { jobs, .. } = summary;
    let failed = rows.iter().filter_map(|row| match &row.account.ending {
        Ending::Failed { message } => Some((&row.job.id, message)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    let body = html! {
        h1 { "haul batch: " (rows.len() + summary.left) " jobs" }
        p.files { (jobs) }
        (counts(summary, rows))
        @if !failed.is_empty() {
            section {
                h2 { "Failed jobs" }
                div.box tabindex="0" {
                    table.failed {
                        thead { tr { th scope="col" { "job" } th scope="col" { "why" } } }
                        tbody {
                            @for (id, message) in &failed {
                                tr { th scope="row" { (id) } td { (message) } }
                            }
                        }
                    }
                }
            }
        }
        (values(rows))
        section {
            h2 { "All jobs" }
            (table(rows))
        }
    };
    Ok(sheet(&format!("haul batch: {jobs}"), Some(&SCRIPT), &body))
}

/// Counts of the jobs by how they ended, and the cost of this run.
fn counts(summary: &Summary, rows: &[Row]) -> Markup {
    let Summary {
        left,
        held,
        computed,
        seconds,
        pairs,
        ..
    } = *summary;
    let count = |is: fn(&Ending) -> bool| rows.iter().filter(|row| is(&row.account.ending)).count();
    let done = count(|ending| matches!(ending, Ending::Done));
    let failed = count(|ending| matches!(ending, Ending::Failed { .. }));
    let loose = count(|ending| matches!(ending, Ending::NotConverged));
    html! {
        ul.counts {
            @for (number, what) in [(done, "done"), (failed, "failed"), (loose, "not converged"), (left, "left")] {
                li { b { (number) } " " (what) }
            }
        }
        p.about {
            @if held > 0 { (held) " of these by an earlier run. " }
            @if computed > 0 {
                "This run: " (computed) " jobs in " (effort(pairs, seconds)) "."
            } @else if left == 0 {
                "This run had nothing left to do."
            } @else {
                "This run did no job."
            }
        }
        @if loose > 0 {
            p.about {
                "A job that has not converged has a value between certain bounds all the same; more "
                code { "max_iterations" } ", a larger " code { "blur" } " or a larger " code { "tolerance" }
                " let it converge."
            }
        }
    }
}

/// One picture of the values for each quantity.
fn values(rows: &[Row]) -> Markup {
    let mut quantities: Vec<(&str, Vec<(usize, &Row)>)> = Vec::new();
    for (number, row) in (1..).zip(rows) {
        match quantities
            .iter_mut()
            .find(|(known, _)| *known == row.quantity)
        {
            Some((_, group)) => group.push((number, row)),
            None => quantities.push((&row.quantity, vec![(number, row)])),
        }
    }
    let mut figures = Vec::new();
    for (quantity, group) in &quantities {
        if let Some(svg) = overview::draw(group) {
            figures.push((quantity, svg));
        }
    }
    if figures.is_empty() {
        return html! {};
    }
    let words = |quantity: &str| {
        format!("{quantity} of each job, in their order, with its bounds as a line")
    };
    html! {
        section {
            h2 { "Values" }
            @if figures.len() > 1 {
                p.about { "Values of different quantities do not compare: each has a picture of its own." }
            }
            div.figures {
                @for (quantity, svg) in &figures {
                    (figure(svg, &words(quantity), &html! { b { (quantity) } }))
                }
            }
            p.about {
                span.key { span.source { "●" } " converged" } " "
                span.key { span.target { "▲" } " not converged" } " "
                "Lines: the bounds between which a value is, where they can be told from it."
            }
        }
    }
}

/// The columns of the table of jobs: head, and the class that the script uses.
const COLUMNS: [(&str, Option<&str>); 10] = [
    ("job", None),
    ("state", None),
    ("what", Some("what")),
    ("value", Some("of-what")),
    ("gap", Some("of-what")),
    ("iterations", None),
    ("seconds", None),
    ("command", None),
    ("a", None),
    ("b", None),
];

fn table(rows: &[Row]) -> Markup {
    let files = rows.iter().flat_map(|row| files(row.job));
    let folder = common_folder(files.flatten());
    html! {
        @if !folder.is_empty() {
            p.about { "The clouds are in " code.path { (folder) } }
        }
        div.box tabindex="0" {
            table.jobs {
                thead {
                    tr { @for (head, class) in COLUMNS { th scope="col" class=[class] { (head) } } }
                }
                tbody { @for row in rows { (line(row, folder)) } }
            }
        }
    }
}

/// Both files of a job, if it names them.
fn files(job: &Job) -> [Option<&str>; 2] {
    ["a", "b"].map(|key| job.text(key))
}

fn line(row: &Row, folder: &str) -> Markup {
    let Row {
        job,
        account,
        quantity,
    } = row;
    let numbers = &account.summary;
    let number = |key: &str, number: Option<Number>| {
        html! { td.number { @if let Some(number) = number { (number.of(key)) } } }
    };
    let gap = numbers
        .bounds
        .map(|(lower, upper)| Number::error(upper - lower));
    let value = numbers.value.map(|value| match numbers.bounds {
        Some((lower, upper)) => {
            let told = Certified::new(value, Bounds { lower, upper });
            Number::certified(value, told.value)
        }
        None => Number::short(value),
    });
    html! {
        tr {
            th scope="row" { (job.id) }
            @match &account.ending {
                Ending::Done => td.good { "done" },
                Ending::NotConverged => td.bad { "NOT converged" },
                Ending::Failed { .. } => td.bad { "FAILED" },
            }
            td { (quantity) }
            (number("value", value))
            (number("certificate.gap", gap))
            (number("iterations", numbers.iterations.map(Number::count)))
            (number("seconds", numbers.seconds.map(Number::short)))
            td { (job.text("command").unwrap_or_default()) }
            @for file in files(job) {
                td.cloud { (file.map_or("", |file| file.strip_prefix(folder).unwrap_or(file))) }
            }
        }
    }
}

//! The page of many jobs: how they ended, a picture of their values, and a line for each.

use super::figure::figure;
use super::number::Number;
use super::sheet::{Script, sheet};
use super::{Page, overview};
use crate::batch::{Ending, Job, Told};
use crate::report::short;
use maud::{Markup, html};

/// Sorts and filters the table of jobs; without it, the table is in the order of the jobs.
const SCRIPT: Script = Script {
    text: include_str!("jobs.js"),
    digest: "DNELywJl9x6q5MnAmVMqZIyzocEmtV+HZcQ23jdP7z0=",
};

/// A job and its result.
pub(crate) struct Row<'r> {
    pub(crate) job: &'r Job,
    pub(crate) told: &'r Told,
}

/// What a run tells of itself.
pub(crate) struct Summary<'s> {
    /// The file of jobs.
    pub(crate) jobs: &'s str,
    /// Jobs without a result.
    pub(crate) left: usize,
    /// Results that an earlier run left.
    pub(crate) held: usize,
    /// Of this run, from its start to its end.
    pub(crate) seconds: f64,
    pub(crate) pairs: u64,
}

/// The page of these jobs, in their order.
///
/// # Errors
///
/// Those of the figure.
pub(crate) fn batch(summary: &Summary, rows: &[Row]) -> Page {
    let Summary { jobs, .. } = summary;
    let failed = rows.iter().filter_map(|row| match &row.told.ending {
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
        (values(rows)?)
        section {
            h2 { "All jobs" }
            (table(rows))
        }
    };
    Ok(sheet(&format!("haul batch: {jobs}"), Some(&SCRIPT), &body))
}

/// How many ended in which way, and what this run took.
fn counts(summary: &Summary, rows: &[Row]) -> Markup {
    let Summary {
        left,
        held,
        seconds,
        pairs,
        ..
    } = *summary;
    let count = |is: fn(&Ending) -> bool| rows.iter().filter(|row| is(&row.told.ending)).count();
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
            @if rows.len() > held {
                "This run: " (rows.len() - held) " jobs in " (short(seconds)) " s, "
                (format!("{:.2}", pairs as f64 / seconds / 1e9)) " Gpairs/s."
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

/// The values as a picture, where there are any.
fn values(rows: &[Row]) -> Page<Markup> {
    let Some(svg) = overview::draw(rows)? else {
        return Ok(html! {});
    };
    let words = "The value of each job, in their order, with its bounds as a line";
    let caption = html! {
        span.key { span.source { "●" } " converged" } " "
        span.key { span.target { "▲" } " not converged" } " "
        "Lines: the bounds between which a value is, where they can be told from it."
    };
    Ok(html! {
        section {
            h2 { "Values" }
            (figure(&svg, words, &caption))
        }
    })
}

fn table(rows: &[Row]) -> Markup {
    let heads = [
        "job",
        "state",
        "value",
        "gap",
        "iterations",
        "seconds",
        "command",
        "clouds",
    ];
    html! {
        div.box tabindex="0" {
            table.jobs {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for row in rows { (line(row)) } }
            }
        }
    }
}

fn line(row: &Row) -> Markup {
    let Row { job, told } = row;
    let files = ["a", "b"].into_iter().filter_map(|key| job.text(key));
    let files: Vec<_> = files.collect();
    let number = |key: &str, number: Option<Number>| {
        html! { td.number { @if let Some(number) = number { (number.of(key)) } } }
    };
    let gap = told
        .bounds
        .map(|(lower, upper)| Number::error(upper - lower));
    html! {
        tr {
            th scope="row" { (job.id) }
            @match &told.ending {
                Ending::Done => td.good { "done" },
                Ending::NotConverged => td.bad { "NOT converged" },
                Ending::Failed { .. } => td.bad { "FAILED" },
            }
            (number("value", told.value.map(Number::long)))
            (number("certificate.gap", gap))
            (number("iterations", told.iterations.map(Number::count)))
            (number("seconds", told.seconds.map(Number::short)))
            td { (job.text("command").unwrap_or_default()) }
            td { (files.join(", ")) }
        }
    }
}

//! The files that are written: a row for each two labels, and one for each point of the last cloud.

use super::answer::TransitionsAnswer;
use anyhow::Result;
use csv::Writer;

/// The masses between the labels of each two clouds that have any.
pub(super) fn masses(answer: &TransitionsAnswer) -> Result<String> {
    let (files, labels) = (answer.files(), &answer.moments.labels);
    let mut rows = Writer::from_writer(Vec::new());
    let columns = "from,to,source,target,mass,descendants,ancestors";
    rows.write_record(columns.split(','))?;
    for to in 1..files.len() {
        for from in 0..to {
            let transitions = &answer.transitions;
            let of = [
                transitions.masses(from, to).map(<[f64]>::to_vec),
                transitions.descendants(from, to),
                transitions.ancestors(from, to),
            ]
            .map(Option::unwrap_or_default);
            let pairs = labels
                .iter()
                .flat_map(|k| labels.iter().map(move |l| (k, l)));
            for (at, (source, target)) in pairs.enumerate() {
                let [mass, descendants, ancestors] = [0, 1, 2].map(|it: usize| of[it][at]);
                if mass > 0.0 {
                    let numbers = [mass, descendants, ancestors].map(|it| format!("{it:?}"));
                    let names = [&files[from], &files[to], source, target];
                    rows.write_record(names.into_iter().chain(&numbers))?;
                }
            }
        }
    }
    text(rows)
}

/// The shares of the labels of the first cloud among the ancestors of each point of the last one.
pub(super) fn shares(answer: &TransitionsAnswer) -> Result<String> {
    let labels = &answer.moments.labels;
    let mut rows = Writer::from_writer(Vec::new());
    rows.write_record(labels)?;
    let shares = answer.transitions.shares(0).unwrap_or_default();
    for row in shares.chunks_exact(labels.len().max(1)) {
        rows.write_record(row.iter().map(|share| format!("{share:?}")))?;
    }
    text(rows)
}

fn text(rows: Writer<Vec<u8>>) -> Result<String> {
    let bytes = rows.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8(bytes)?)
}

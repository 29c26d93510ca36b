//! From texts to columns, and from columns to texts that select them.

use crate::cloud::column_name;
use std::ops::Range;

/// The name of a column in messages.
pub(super) fn name(
    names: Option<&[String]>,
    selected: bool,
    column: usize,
    width: usize,
) -> String {
    match names.and_then(|names| names.get(column)) {
        Some(name) if !name.is_empty() => crate::error::one_line(name),
        Some(_) => (column + 1).to_string(),
        None if selected => (column + 1).to_string(),
        None => column_name(column, width),
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The columns of this name, of this number, or of this range of numbers.
pub(super) fn positions(
    names: Option<&[String]>,
    width: usize,
    wanted: &str,
) -> Option<Range<usize>> {
    if let Some(column) = position(names, width, wanted) {
        return Some(column..column + 1);
    }
    let (first, last) = wanted.trim().split_once('-')?;
    let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last && last <= width).then(|| first - 1..last)
}

/// The column of this name, or else of this number.
pub(super) fn position(names: Option<&[String]>, width: usize, wanted: &str) -> Option<usize> {
    let wanted = wanted.trim();
    let names = names.unwrap_or_default();
    let exact = names.iter().position(|name| name == wanted);
    let alike = || (names.iter()).position(|name| name.eq_ignore_ascii_case(wanted));
    let number = || wanted.parse::<usize>().ok()?.checked_sub(1);
    (exact.or_else(alike).or_else(number)).filter(|&column| column < width)
}

/// The names of these columns, or their numbers if there are no names.
pub(super) fn numbered_or(
    names: Option<&[String]>,
    columns: impl IntoIterator<Item = usize>,
) -> Vec<String> {
    let columns = columns.into_iter();
    columns.map(|column| name(names, true, column, 0)).collect()
}

/// More columns than this are selected by ranges of their numbers.
const NAMED: usize = 12;

/// The texts that select these columns: names if they are few and can be written in a list, otherwise numbers.
pub(super) fn selection(names: Option<&[String]>, width: usize, columns: &[usize]) -> Vec<String> {
    let leads = |text: &str, to: &Range<usize>| positions(names, width, text).as_ref() == Some(to);
    let by_name = |column: usize| {
        let name = names?.get(column)?;
        let plain = !name.contains([',', '\'']) && !name.starts_with('-') && !name.is_empty();
        (plain && name.len() <= 60 && leads(name, &(column..column + 1))).then(|| name.clone())
    };
    if columns.len() > NAMED {
        let ranges = columns.chunk_by(|a, b| a + 1 == *b);
        let range = |range: &[usize]| {
            let (first, last) = (range[0], range[range.len() - 1]);
            let text = match first == last {
                true => (first + 1).to_string(),
                false => format!("{}-{}", first + 1, last + 1),
            };
            leads(&text, &(first..last + 1)).then_some(text)
        };
        if let Some(ranges) = ranges.map(range).collect::<Option<Vec<_>>>() {
            return ranges;
        }
    }
    let by_number = |column: usize| {
        let number = (column + 1).to_string();
        match leads(&number, &(column..column + 1)) {
            true => number,
            // Another column has that name.
            false => format!("{number}-{number}"),
        }
    };
    let one = |&column: &usize| by_name(column).unwrap_or_else(|| by_number(column));
    columns.iter().map(one).collect()
}

//! The JSON values of a job: descriptions, and errors.

use serde_json::Value;

/// The content of a JSON object.
pub(super) type Options = serde_json::Map<String, Value>;

/// An invalid job: what was wrong with its options.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadJob(pub(super) String);

/// Describes a JSON value, for an error about an unexpected one.
pub(super) fn in_words(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    let shown = match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    };
    match value {
        Value::Null | Value::Bool(_) => shown,
        Value::Number(_) => format!("the number {shown}"),
        Value::String(_) => format!("the text {shown}"),
        Value::Array(_) => format!("the list {shown}"),
        Value::Object(_) => format!("the object {shown}"),
    }
}

/// Whether an option counts as not given.
pub(super) fn says_no(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}

/// Suggests the known name nearest to an unknown one; empty if none is near. A name of one or two letters is near to
/// every name that begins like it, and tells nothing.
pub(super) fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    const NEAR: f64 = 0.7;
    const SHORTEST: usize = 3;
    let known = known.filter(|known| name.len().min(known.len()) >= SHORTEST);
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| format!("; did you mean {known:?}?"))
        .unwrap_or_default()
}

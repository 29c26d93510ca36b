//! The JSON values of a job: what they are, in words, and what is wrong with them.

use serde_json::Value;

/// What a JSON object holds.
pub(super) type Options = serde_json::Map<String, Value>;

/// A job that is no task: what was wrong with its options.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadJob(pub(super) String);

/// What a JSON value is, for whoever expected another one.
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

/// Whether an option is as good as not given.
pub(super) fn says_no(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}

/// The known name that an unknown one most likely means, in words; nothing where none is near.
pub(super) fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    const NEAR: f64 = 0.7;
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| format!("; did you mean {known:?}?"))
        .unwrap_or_default()
}

//! What the line of a job records, from an answer or from a line of an earlier run.

use crate::answer::{Answer, Summary};
use crate::outcome::{self, Outcome};
use anyhow::Result;
use serde_json::Value;

/// An answer as it is kept in the results.
#[derive(Debug)]
pub(crate) struct Record {
    /// The JSON object of the answer.
    pub(super) json: String,
    pub(super) account: Account,
}

impl Record {
    /// The record of an answer, with a warning about its clouds.
    pub(super) fn of(answer: &impl Answer, warning: Option<String>) -> Result<Self> {
        let ending = match answer.outcome() {
            Outcome::NotConverged => Ending::NotConverged,
            _ => Ending::Done,
        };
        Ok(Self {
            json: answer.json()?,
            account: Account {
                ending,
                summary: answer.summary(),
                warning,
            },
        })
    }
}

/// How a job ended, and its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(super) ending: Ending,
    pub(super) summary: Summary,
    /// What to tell of its clouds at the end of the run.
    pub(super) warning: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    NotConverged,
    Failed { message: String },
}

impl Account {
    /// The account of a failed job.
    pub(super) fn of_failure(message: &str) -> Self {
        Self {
            ending: Ending::Failed {
                message: outcome::in_short(message),
            },
            summary: Summary::default(),
            warning: None,
        }
    }

    /// The account of a result line.
    pub(super) fn of_text(line: &str) -> Result<Self> {
        Ok(Self::of_line(&serde_json::from_str(line)?))
    }

    /// The account of a result line that is parsed.
    pub(super) fn of_line(result: &Value) -> Self {
        if let Some(error) = result.get("error") {
            let message = error.get("message").and_then(Value::as_str);
            return Self::of_failure(message.unwrap_or_default());
        }
        let ending = match result.get("converged") {
            Some(Value::Bool(false)) => Ending::NotConverged,
            _ => Ending::Done,
        };
        let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64);
        let count = |key: &str| result.get(key).and_then(Value::as_u64);
        let lower = number("/certificate/lower_bound");
        Self {
            ending,
            summary: Summary {
                value: number("/value"),
                bounds: lower.zip(number("/certificate/upper_bound")),
                iterations: count("iterations"),
                seconds: number("/seconds"),
                pairs: count("pairs").unwrap_or(0),
            },
            warning: None,
        }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.ending, Ending::Failed { .. })
    }
}

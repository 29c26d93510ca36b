//! How a run ends: the exit status, and the one-line message.

use crate::interrupt;
use crate::rows::{BAD, WARNING, styled};
use anyhow::Context;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// The outcome of a run that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything succeeded.
    Done,
    /// Some of many jobs failed, and were reported.
    Failed,
    /// Some of many files could not be read, and were reported.
    Refused,
    /// The result exists, but did not reach its tolerance.
    NotConverged,
    /// Ctrl-C ended the run early.
    Interrupted,
}

impl Outcome {
    /// The outcome of a solve.
    pub(crate) fn of(converged: bool) -> Self {
        if converged {
            Self::Done
        } else {
            Self::NotConverged
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::Refused => Self::from(2),
            Outcome::NotConverged => Self::from(3),
            Outcome::Interrupted => Self::from(interrupt::STATUS),
        }
    }
}

/// Whether nothing is told.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From now on nothing is printed: another rank tells the same.
pub(crate) fn be_silent() {
    SILENT.store(true, Ordering::Relaxed);
}

pub(crate) fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// A failure of the device, not of its input.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DeviceFailure(pub(crate) String);

/// Prints an error in one line, with its causes if `chain` is set.
pub(crate) fn fail(error: &anyhow::Error, chain: bool) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if is_silent() {
        return ExitCode::from(status(error));
    }
    // Standard error may be closed as well; ignore that.
    let mut stderr = anstream::stderr().lock();
    let _ = writeln!(stderr, "{} {}", styled(BAD, "error:"), one_line(error));
    if chain {
        for cause in error.chain().skip(1) {
            let cause = in_short(&cause.to_string());
            let _ = writeln!(stderr, "  because: {cause}");
        }
    }
    ExitCode::from(status(error))
}

/// The most bytes of a message.
const MOST: usize = 2000;

/// Shortens a text to the limit of a message: keeps its beginning, which says what is wrong, and its end, which says
/// what to do.
pub(crate) fn in_short(text: &str) -> String {
    const END: usize = 500;
    const GAP: &str = " … ";
    if text.len() <= MOST {
        return text.to_owned();
    }
    let boundaries = || text.char_indices().map(|(place, _)| place);
    let start = boundaries().take_while(|place| *place <= MOST - END - GAP.len());
    let end = boundaries().find(|place| *place >= text.len() - END);
    let (start, end) = (start.last().unwrap_or(0), end.unwrap_or(text.len()));
    format!("{}{GAP}{}", &text[..start], &text[end..])
}

/// The message, with those causes that it does not repeat.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let message = cause.to_string().replace('\n', " ");
        if line.is_empty() {
            line = message;
        } else if !line.contains(&message) {
            line = format!("{line}: {message}");
        }
    }
    in_short(&line)
}

fn status(error: &anyhow::Error) -> u8 {
    if is_of_device(error) { 4 } else { 2 }
}

/// Whether the device is at fault, not its input.
pub(crate) fn is_of_device(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<DeviceFailure>()
            || matches!(
                cause.downcast_ref::<haul::Error>(),
                Some(haul::Error::Device { .. })
            )
    })
}

/// Whether the work was interrupted, which is not a failure.
pub(crate) fn is_interrupt(error: &anyhow::Error) -> bool {
    let interrupted = |cause: &haul::Error| matches!(cause, haul::Error::Interrupted);
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref())
        .any(interrupted)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
            || matches!(
                cause.downcast_ref::<haul_files::Error>(),
                Some(haul_files::Error::Unwritable { reason, .. }) if reason.kind() == std::io::ErrorKind::BrokenPipe
            )
    })
}

/// Prints a warning beside the result.
pub(crate) fn warn(text: &str) {
    if is_silent() {
        return;
    }
    // As in `fail`, standard error may be closed.
    let (word, text) = (styled(WARNING, "warning:"), in_short(text));
    let _ = writeln!(anstream::stderr(), "{word} {text}");
}

/// Prints a summary of a run.
pub(crate) fn tell(text: &str) {
    if is_silent() {
        return;
    }
    let _ = writeln!(anstream::stderr(), "haul: {}", in_short(text));
}

/// The error of the command-line parser in one line, without its usage advice.
pub(crate) fn of_parser(error: &clap::Error) -> String {
    let message = error.to_string();
    let advice = ["Usage:", "For more information"];
    let paragraphs = message.split("\n\n").filter(|paragraph| {
        let paragraph = paragraph.trim_start();
        !paragraph.is_empty() && !advice.iter().any(|start| paragraph.starts_with(start))
    });
    let lines = paragraphs.map(|paragraph| {
        let words: Vec<_> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let line = lines.collect::<Vec<_>>().join("; ");
    line.trim_start_matches("error: ").to_owned()
}

/// Writes text for a person to standard output, with colours if enabled; otherwise like [`print()`]. JSON has no
/// styles and may be written with it as well.
pub(crate) fn show(text: &str) -> anyhow::Result<()> {
    write(anstream::stdout().lock(), text)
}

/// Writes to standard output, byte for byte; a closed pipe ends the run with success.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write(std::io::stdout().lock(), text)
}

fn write(mut stdout: impl Write, text: &str) -> anyhow::Result<()> {
    if is_silent() {
        return Ok(());
    }
    let written = stdout.write_all(text.as_bytes());
    written
        .and_then(|()| stdout.flush())
        .context("standard output cannot be written; make room where it goes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_end() {
        for letter in ["x", "é", "№", "𝄞"] {
            for shift in 0..4 {
                let text = format!("{}begins {} ends", "y".repeat(shift), letter.repeat(5000));
                let short = in_short(&text);
                assert!(
                    short.len() <= MOST && short.len() > MOST - 10,
                    "{}",
                    short.len()
                );
                assert!(short[shift..].starts_with("begins ") && short.ends_with(" ends"));
                assert!(short.contains(" … "));
            }
        }
        let text = "x".repeat(MOST);
        assert_eq!(in_short(&text), text);
        let error = anyhow::anyhow!("y".repeat(3000)).context("x".repeat(3000));
        assert!(one_line(&error).len() <= MOST);
    }
}

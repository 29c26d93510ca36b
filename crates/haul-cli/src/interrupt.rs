//! Ctrl-C ends the program at once, in whatever pass it is; a file that is being replaced at that
//! moment is finished first, so that files are whole or absent. A run of many comparisons is let
//! finish those it has begun; a second Ctrl-C ends it as well.

use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit status of a run that was interrupted.
pub(crate) const STATUS: u8 = 130;

static WAITS: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Begins to listen.
pub(crate) fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        let first = !REQUESTED.swap(true, Ordering::Relaxed);
        if first && WAITS.load(Ordering::Relaxed) {
            say("interrupted: finishing what has begun; once more to end at once");
            return;
        }
        let _whole = haul_files::hold_writes();
        say("interrupted");
        std::process::exit(STATUS.into());
    })
    .context("cannot listen for Ctrl-C")
}

fn say(what: &str) {
    let mut stderr = std::io::stderr();
    // A line of progress may stand there.
    let start = if stderr.is_terminal() { "\n" } else { "" };
    let _ = writeln!(stderr, "{start}haul: {what}");
}

/// From now on the first Ctrl-C is only noted, for whoever asks [`requested`].
pub(crate) fn wait_for_the_end() {
    WAITS.store(true, Ordering::Relaxed);
}

/// Whether Ctrl-C asked for an end.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

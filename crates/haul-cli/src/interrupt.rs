//! Ctrl-C ends the program at once, in whatever pass it is; a file that is being replaced at that
//! moment is finished first, so that files are whole or absent.

use anyhow::Context;
use std::io::{IsTerminal, Write};

/// Begins to listen.
pub(crate) fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        let _whole = haul_files::hold_writes();
        let mut stderr = std::io::stderr();
        // A line of progress may stand there.
        let start = if stderr.is_terminal() { "\n" } else { "" };
        let _ = writeln!(stderr, "{start}haul: interrupted");
        std::process::exit(130);
    })
    .context("cannot listen for Ctrl-C")
}

//! Ctrl-C ends the program at once, even during a pass; a file that is being replaced at that moment is finished
//! first, so that files are complete or absent. A run of many comparisons keeps the finished ones: its first Ctrl-C
//! stops the engines and leaves a moment to write results, a second one ends the program at once.

use crate::outcome;
use anyhow::Context;
use haul::Interrupt;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The exit status of a run that was interrupted.
pub(crate) const STATUS: u8 = 130;

/// How long a run of many comparisons may take to end.
const MOMENT: Duration = Duration::from_millis(800);

static WAITS: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The running engines, each with its own number.
static ENGINES: Mutex<BTreeMap<u64, Interrupt>> = Mutex::new(BTreeMap::new());

/// Installs the handler.
pub(crate) fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        let first = !REQUESTED.swap(true, Ordering::Relaxed);
        if !(first && WAITS.load(Ordering::Relaxed)) {
            end("interrupted");
        }
        say("interrupted: keeping what is finished");
        engines().values().for_each(Interrupt::raise);
        // If the thread cannot be started, a second Ctrl-C still works.
        let _ = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(MOMENT);
            end("ended amid its work; the same command goes on from there");
        });
    })
    .context("cannot listen for Ctrl-C")
}

/// Ends the program, with complete files.
fn end(why: &str) {
    let _whole = haul_files::hold_writes();
    say(why);
    std::process::exit(STATUS.into());
}

fn say(what: &str) {
    if outcome::is_silent() {
        return;
    }
    let mut stderr = std::io::stderr();
    // The cursor may be on a line of progress.
    let start = if stderr.is_terminal() { "\n" } else { "" };
    let _ = writeln!(stderr, "{start}haul: {what}");
}

/// From now on the first Ctrl-C stops the engines and lets the run write finished results. Returns whether that was so before.
pub(crate) fn keep_what_is_finished() -> bool {
    WAITS.swap(true, Ordering::Relaxed)
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// A running engine, which Ctrl-C stops while this value exists.
pub(crate) struct AtWork(u64);

impl AtWork {
    /// Registers the interrupt of an engine.
    pub(crate) fn new(interrupt: &Interrupt) -> Self {
        let mut engines = engines();
        let number = engines.last_key_value().map_or(0, |(last, _)| last + 1);
        engines.insert(number, interrupt.clone());
        if requested() {
            interrupt.raise();
        }
        Self(number)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        engines().remove(&self.0);
    }
}

fn engines() -> MutexGuard<'static, BTreeMap<u64, Interrupt>> {
    ENGINES.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Ctrl-C ends the program at once, even during a pass; a file that is being replaced at that moment is finished
//! first, so that files are complete or absent. A run of many comparisons keeps the finished ones: its first Ctrl-C
//! stops the engines and leaves a moment to write results. A solve whose bounds hold at any time gets a while to answer with those
//! that it has. A second Ctrl-C ends the program at once.

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

/// How long a solve may take to answer.
const WHILE: Duration = Duration::from_secs(20);

/// Whether a run of many comparisons keeps those that are finished.
static KEEPS: AtomicBool = AtomicBool::new(false);
/// Whether a solve answers with what it has.
static ANSWERS: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The running engines, each with its own number.
static ENGINES: Mutex<BTreeMap<u64, Interrupt>> = Mutex::new(BTreeMap::new());

/// Installs the handler.
pub(crate) fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        let first = !REQUESTED.swap(true, Ordering::Relaxed);
        let (keeps, answers) = (is(&KEEPS), is(&ANSWERS));
        if !(first && (keeps || answers)) {
            end("interrupted");
        }
        let (time, ended) = match keeps {
            true => {
                say("interrupted: keeping what is finished");
                engines().values().for_each(Interrupt::raise);
                (
                    MOMENT,
                    "ended amid its work; the same command goes on from there",
                )
            }
            false => {
                say("interrupted: the answer so far follows; Ctrl-C again ends at once");
                (WHILE, "ended without an answer")
            }
        };
        // If the thread cannot be started, a second Ctrl-C still works.
        let _ = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(time);
            end(ended);
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

/// From now on the first Ctrl-C stops the engines and lets the run write finished results.
pub(crate) fn keep_what_is_finished() {
    KEEPS.store(true, Ordering::Relaxed);
}

/// From now on the first Ctrl-C lets a solve answer with what it has. Returns whether a run of many keeps what is finished, which
/// solves this one again.
pub(crate) fn answer_with_what_is_there() -> bool {
    ANSWERS.store(true, Ordering::Relaxed);
    is(&KEEPS)
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    is(&REQUESTED)
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
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

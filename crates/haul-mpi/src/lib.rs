//! Ranks of MPI for haul: what carries bytes between them, what of a machine each of them has, and how a run ends.
//!
//! A rank that panics or is killed ends the run of all: a panic calls `MPI_Abort`, and the launcher ends the ranks that are left
//! when one is gone. An error is agreed on by all ranks, which then end as one process does ([`Ranks::agree`]).
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     haul_mpi::run(|place| {
//!         eprintln!("rank {} of {}, {} threads", place.ranks.rank(), place.ranks.size(), place.threads);
//!         ExitCode::SUCCESS
//!     })
//! }
//! ```

mod network;
mod place;
mod plan;

pub use place::Place;
pub use plan::plan;

use haul::engine::Ranks;
use mpi::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};
use network::World;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The exit status of a run that a panic ended, as of any program in Rust.
const PANICKED: i32 = 101;

/// Begins MPI, runs `work` on this rank, and ends MPI. If `work` panics, all ranks end.
pub fn run(work: impl FnOnce(Place) -> ExitCode) -> ExitCode {
    // One thread at a time calls MPI.
    let Some((_universe, threading)) = mpi::initialize_with_threading(Threading::Serialized) else {
        return refuse("MPI was begun before");
    };
    if threading < Threading::Serialized {
        return refuse("this MPI serves one thread only; take one with MPI_THREAD_SERIALIZED");
    }
    let place = Place::find(Ranks::new(World));
    match catch_unwind(AssertUnwindSafe(|| work(place))) {
        Ok(code) => code,
        // The message of the panic is written already.
        Err(_) => SimpleCommunicator::world().abort(PANICKED),
    }
}

fn refuse(why: &str) -> ExitCode {
    // Standard error may be closed.
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(4)
}

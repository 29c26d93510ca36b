//! The `haul` program: arguments in, results out; the work is done by the libraries.
//!
//! Results go to standard output, one JSON object each with `--json`; everything else goes to
//! standard error. The exit status is 0 when done, 2 for bad arguments or input, 3 when a result
//! did not reach its tolerance, 4 when the device is missing or failed, 130 when interrupted.

mod arguments;
mod bench;
mod demo;
mod device;
mod devices;
mod divergence;
mod energy;
mod input;
mod interrupt;
mod map;
mod outcome;
mod picture;
mod progress;
mod reduce;
mod report;
mod sample;
mod sinkhorn;

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser};
use haul_files as formats;
use outcome::Outcome;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.verbose > 0 {
        let level = if arguments.verbose > 1 {
            LevelFilter::TRACE
        } else {
            LevelFilter::DEBUG
        };
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr)
            .init();
    }
    let outcome = interrupt::watch().and_then(|()| match arguments.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Sinkhorn(sinkhorn) => sinkhorn::run(&sinkhorn),
        Command::Divergence(divergence) => divergence::run(&divergence),
        Command::Energy(energy) => energy::run(&energy),
        Command::Map(map) => map::run(&map),
        Command::Devices(devices) => devices::run(&devices),
        Command::Bench(operator) => bench::run(&operator),
        Command::Sample(request) => sample::run(&request),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "haul", &mut script);
            outcome::print(&String::from_utf8_lossy(&script))?;
            Ok(Outcome::Done)
        }
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => outcome::fail(&error, arguments.verbose > 0),
    }
}

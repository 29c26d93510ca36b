//! The `haul` program: arguments in, results out; the work is done by the libraries.
//!
//! Results go to standard output, one JSON object each with `--json`; everything else goes to
//! standard error. The exit status is 0 when done, 1 when a job of many failed, 2 for bad arguments or
//! input, 3 when a result did not reach its tolerance, 4 when the device is missing or failed, 130 when
//! interrupted.

mod arguments;
mod batch;
mod bench;
mod canvas;
mod cautions;
mod clouds;
mod comparison;
mod definitions;
mod demo;
mod device;
mod devices;
mod divergence;
mod energy;
mod files;
mod gradient;
mod info;
mod input;
mod interrupt;
mod lines;
mod loader;
mod machine;
mod map;
mod names;
mod number;
mod ordered;
mod outcome;
mod page;
mod pairwise;
mod picture;
mod progress;
mod reduce;
mod report;
mod rows;
mod scale;
mod sample;
mod sinkhorn;
mod solving;
mod thin;

use anyhow::anyhow;
use arguments::{Arguments, Command};
use clap::Parser;
use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as HELP;
use haul_files as formats;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    loader::silence();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and the version come as errors as well, on standard output.
        Err(told) if !told.use_stderr() || told.kind() == HELP => told.exit(),
        Err(mut refused) => {
            outcome::keep_near(&mut refused);
            let line = outcome::of_parser(&refused);
            return outcome::fail(&anyhow!("{line}; see --help"), false);
        }
    };
    match arguments.color {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
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
        Command::Sinkhorn(sinkhorn) => comparison::run(&*sinkhorn),
        Command::Divergence(divergence) => comparison::run(&*divergence),
        Command::Energy(energy) => comparison::run(&*energy),
        Command::Pairwise(pairwise) => pairwise::run(&pairwise),
        Command::Batch(batch) => batch::run(&batch),
        Command::Map(map) => comparison::run(&*map),
        Command::Devices(devices) => devices::run(&devices),
        Command::Bench(operator) => bench::run(&operator),
        Command::Info(info) => info::run(&info),
        Command::Thin(thin) => thin::run(&thin),
        Command::Sample(request) => sample::run(&request),
        Command::Completions { shell } => definitions::completions(shell),
        Command::Man { out } => definitions::manual(&out),
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => outcome::fail(&error, arguments.verbose > 0),
    }
}

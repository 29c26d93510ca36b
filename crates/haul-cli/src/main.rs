//! The `haul` program: arguments in, results out; the libraries do the work.
//!
//! Results go to standard output, one JSON object each with `--json`; everything else goes to
//! standard error. The exit status is 0 when done, 1 when a job of many failed, 2 for bad arguments or
//! input, 3 when a result did not reach its tolerance, 4 when the device is missing or failed, 130 when
//! interrupted.

mod answer;
mod canvas;
mod cautions;
mod checkpoint;
mod command;
mod commands;
mod coordinates;
mod densities;
mod device;
mod files;
mod fingerprint;
mod forecast;
mod headline;
mod input;
mod interrupt;
mod lines;
mod loader;
mod machine;
mod names;
mod number;
mod options;
mod ordered;
mod outcome;
mod page;
mod pair;
mod passes;
mod picture;
mod progress;
mod raster;
mod rows;
mod sampling;
mod scale;
mod speed;
mod store;
mod task;
mod tips;
mod transport;
mod trend;

use anyhow::anyhow;
use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as HELP;
use clap::{CommandFactory, Parser};
use command::{Command, Program};
use commands::{Commands, KINDS};
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// Regularised optimal transport between point clouds, on any GPU and on the CPU.
#[derive(Debug, Parser)]
#[command(
    name = "haul",
    version,
    arg_required_else_help = true,
    after_help = "Example, which needs no files:\n  haul demo",
    propagate_version = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Commands,

    /// Say more: what the device does, and the causes of an error; twice for every submission
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// Colours: always, never, or on a terminal, where NO_COLOR and CLICOLOR_FORCE have a say
    #[arg(long, global = true, value_name = "WHEN", value_enum, hide_possible_values = true, default_value_t = clap::ColorChoice::Auto)]
    color: clap::ColorChoice,
}

/// What the commands may use of the program.
const PROGRAM: Program = Program {
    definition: Arguments::command,
    kinds: KINDS,
};

fn main() -> ExitCode {
    loader::silence();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are errors as well, on standard output.
        Err(told) if !told.use_stderr() || told.kind() == HELP => told.exit(),
        Err(mut refused) => {
            let words = std::env::args_os().skip(1);
            let words: Vec<_> = words
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            tips::advise(&mut refused, &Arguments::command(), &words);
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
    let outcome = interrupt::watch().and_then(|()| arguments.command.run(&PROGRAM));
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => outcome::fail(&error, arguments.verbose > 0),
    }
}

//! The `haul` program: arguments in, results out; the libraries do the work. [`main`] is that program, and [`main_over`] the same
//! over ranks.
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
mod deal;
mod densities;
mod device;
mod files;
mod fingerprint;
mod forecast;
mod headline;
mod input;
mod interrupt;
mod journal;
mod lexicon;
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
mod spaces;
mod speed;
mod store;
mod task;
mod tips;
mod transport;
mod trend;

use anyhow::{Context, anyhow};
use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as HELP;
use clap::{CommandFactory, Parser};
use command::{Command, Program};
use commands::{Commands, KINDS};
use haul::engine::Ranks;
use outcome::Outcome;
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

/// The program `haul`: parses the arguments of the process and runs their command to its end.
pub fn main() -> ExitCode {
    begin();
    run(None)
}

/// What comes first in a program that calls [`main_over`], before MPI begins: the process starts itself anew where that keeps
/// messages of others out of standard error.
pub fn begin() {
    loader::silence();
}

/// The ranks of a run, and the part of its machine that a rank has.
pub struct Share {
    /// The ranks, each of which runs the same command.
    pub ranks: Ranks,
    /// The threads of this rank, where its arguments do not say.
    pub threads: usize,
    /// The number of this rank among those on its machine, from 0: it has the GPU of this number among those that the arguments
    /// select, each counted once, and behind the last one the first one follows.
    pub local: usize,
}

/// The same over ranks: one problem is shared among all of them, and many tasks are dealt to them. Rank 0 writes and tells the
/// results; another rank writes the files of jobs that it computes, and nothing else.
pub fn main_over(share: Share) -> ExitCode {
    run(Some(share))
}

fn run(share: Option<Share>) -> ExitCode {
    if share.as_ref().is_some_and(|it| it.ranks.rank() > 0) {
        outcome::be_silent();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) if !told.use_stderr() || told.kind() == HELP => {
            // Help and version are errors as well, on standard output.
            let printed = match outcome::is_silent() {
                true => Ok(()),
                false => told.print(),
            };
            let code = u8::try_from(told.exit_code()).unwrap_or(1);
            return ExitCode::from(if printed.is_ok() { code } else { 1 });
        }
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
    let verbose = arguments.verbose > 0;
    let outcome = interrupt::watch().and_then(|()| match share {
        None => arguments.command.run(&program(None)),
        Some(share) => over(&arguments.command, share),
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => outcome::fail(&error, verbose),
    }
}

/// What the commands may use of the program.
fn program(ranks: Option<Ranks>) -> Program {
    Program {
        definition: Arguments::command,
        kinds: KINDS,
        ranks,
    }
}

/// Runs a command over ranks, which agree on its end.
fn over(command: &Commands, share: Share) -> anyhow::Result<Outcome> {
    const END: u64 = 0x656e_6421;
    let Share {
        ranks,
        threads,
        local,
    } = share;
    device::be_process(local);
    let run = || {
        let threads_given = command.over_ranks()?;
        if threads_given.is_none() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build_global().context("cannot start the threads")?;
        }
        if ranks.rank() > 0 && !matches!(command, Commands::Batch(_)) {
            haul_files::discard_writes();
        }
        command.run(&program(Some(ranks.clone())))
    };
    let outcome = run();
    let told = match &outcome {
        Ok(_) => Ok(()),
        Err(error) => Err(deal::message(&ranks, error)),
    };
    let agreed = ranks.agree(END, told);
    let outcome = outcome?;
    agreed?;
    Ok(outcome)
}

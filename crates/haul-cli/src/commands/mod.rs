//! The commands, one file or folder each: arguments, work and answer.

mod align;
mod barycenter;
pub(crate) mod batch;
mod bench;
mod completions;
mod coordinates;
mod demo;
mod devices;
mod dictionary;
mod divergence;
mod energy;
mod exact;
mod flow;
mod gromov;
mod info;
mod man;
mod map;
mod pairwise;
mod quantize;
mod sample;
mod sinkhorn;
mod study;
mod thin;
mod transitions;
mod words;

use crate::command::{Command, Program};
use crate::outcome::Outcome;
use anyhow::{Result, bail};
use batch::kind::Kind;
use clap::Subcommand;

/// Defines the subcommands of this list, in order; each is the type of that name in the module of that name. Those
/// marked as a `job` may be jobs of a batch.
macro_rules! commands {
    ($($module:ident::$command:ident $(: $job:ident)?,)*) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Commands {
            $($command(Box<$module::$command>),)*
        }

        impl Command for Commands {
            fn run(&self, program: &Program) -> Result<Outcome> {
                match self {
                    $(Self::$command(command) => command.run(program),)*
                }
            }
        }

        /// The commands that a job may name.
        pub(crate) const KINDS: &[Kind] = &[
            $($(Kind::$job::<$module::$command>(stringify!($module)),)?)*
            Kind::job::<study::Epsilon>("study epsilon"),
            Kind::job::<study::Samples>("study samples"),
        ];
    };
}

commands! {
    demo::Demo,
    sinkhorn::Sinkhorn: job,
    divergence::Divergence: job,
    energy::Energy: job,
    exact::Exact: job,
    map::Map: job,
    align::Align: job,
    barycenter::Barycenter: job,
    quantize::Quantize,
    coordinates::Coordinates: job,
    dictionary::Dictionary: job,
    flow::Flow: job,
    gromov::Gromov: job,
    transitions::Transitions: job,
    words::Words: job,
    study::Study,
    pairwise::Pairwise,
    batch::Batch,
    devices::Devices,
    bench::Bench,
    info::Info,
    thin::Thin,
    sample::Sample,
    completions::Completions,
    man::Man,
}

impl Commands {
    /// The threads that it asks for, where it makes them itself; refuses a command that does not run over ranks.
    ///
    /// # Errors
    ///
    /// A command of another kind.
    pub(crate) fn over_ranks(&self) -> Result<Option<u16>> {
        match self {
            Self::Sinkhorn(_) | Self::Divergence(_) | Self::Map(_) | Self::Barycenter(_) => {
                Ok(None)
            }
            Self::Pairwise(pairwise) => Ok(pairwise.threads()),
            Self::Batch(batch) => Ok(batch.threads()),
            _ => bail!(
                "sinkhorn, divergence, map, barycenter, pairwise and batch run over ranks; haul runs the others"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_options_of_a_command_have_one_name() {
        let program = Commands::augment_subcommands(clap::Command::new("haul"));
        let nested = program.get_subcommands();
        let nested = nested.flat_map(clap::Command::get_subcommands);
        for command in program.get_subcommands().chain(nested) {
            let mut names = std::collections::HashSet::new();
            for argument in command.get_arguments() {
                let long = argument.get_long().map(|long| format!("--{long}"));
                let short = argument.get_short().map(|short| format!("-{short}"));
                let id = Some(argument.get_id().as_str().to_owned());
                for name in [long, short, id].into_iter().flatten() {
                    assert!(names.insert(name.clone()), "{}: {name}", command.get_name());
                }
            }
        }
    }

    #[test]
    fn jobs_name_their_commands_as_the_command_line_does() {
        let program = Commands::augment_subcommands(clap::Command::new("haul"));
        for kind in KINDS {
            let mut command = Some(&program);
            for word in kind.name.split(' ') {
                command = command.and_then(|it| it.find_subcommand(word));
            }
            assert!(command.is_some(), "{}", kind.name);
        }
        assert_eq!(KINDS.len(), 15);
    }
}

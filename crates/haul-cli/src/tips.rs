//! Tips for a command line that the parser refuses: what was probably meant. They replace the parser's own
//! suggestions if those are wrong.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use std::path::Path;

/// Names of commands in other programs, and the command here.
const COMMANDS: [(&[&str], &str); 15] = [
    (
        &[
            "compare",
            "distance",
            "wasserstein",
            "emd",
            "w1",
            "w2",
            "loss",
        ],
        "divergence",
    ),
    (&["ot", "plan", "solve"], "sinkhorn"),
    (&["average", "mean", "centroid", "barycentre"], "barycenter"),
    (&["nmf", "topics", "factorize"], "dictionary"),
    (
        &["unmix", "project", "projection", "mixture"],
        "coordinates",
    ),
    (&["diffuse", "diffusion", "heat", "jko"], "flow"),
    (&["mmd"], "energy"),
    (&["transport", "interpolate", "morph", "move"], "map"),
    (&["register", "registration", "icp", "procrustes"], "align"),
    (&["matrix", "distances", "cluster"], "pairwise"),
    (&["run", "jobs"], "batch"),
    (
        &[
            "convert",
            "subsample",
            "downsample",
            "resample",
            "voxel",
            "transform",
            "rotate",
        ],
        "thin",
    ),
    (&["kmeans", "k-means", "palette", "compress"], "quantize"),
    (&["stats", "show", "inspect", "head"], "info"),
    (&["gpu", "gpus", "adapters", "check"], "devices"),
];

/// Options of other programs, and what to write here.
const OPTIONS: [(&[&str], &str); 9] = [
    (
        &["reg"],
        "the regularisation is --epsilon ε, in units of the cost |x − y|^p, as POT's reg is; or give it as a length by \
         --blur σ, with ε = σ^p",
    ),
    (
        &["eps"],
        "write --epsilon ε, in units of the cost |x − y|^p, as OTT's epsilon is; or give it as a length by --blur σ, \
         with ε = σ^p",
    ),
    (
        &["sigma", "bandwidth"],
        "the width σ is --blur σ, a length, with ε = σ^p; for p = 2 GeomLoss's cost is ½|x − y|², so that its blur \
         is --blur √2·blur here",
    ),
    (
        &["tol", "threshold", "stop-thr", "stopThr"],
        "the marginal error at which the iteration ends is --tolerance, a share of the mass",
    ),
    (
        &[
            "iterations",
            "iter",
            "max-iter",
            "n-iter",
            "niter",
            "numItermax",
            "num-iter-max",
        ],
        "the most iterations are --max-iterations",
    ),
    (
        &["reg-m", "reg_m"],
        "POT's reg_m is --rho ρ, in units of the cost; or give it as a length by --reach r, with ρ = r^p",
    ),
    (
        &["scaling"],
        "there is no schedule of the blur to set, as GeomLoss's scaling: the iteration goes on until the marginals are \
         within --tolerance, a share of the mass",
    ),
    (&["gpu", "cuda"], "write --device gpu"),
    (&["cpu"], "write --device cpu"),
];

/// Replaces wrong suggestions in the parser's error by the tip for a refused command line. `program` is the parser,
/// `words` are those after the program's name.
pub(crate) fn advise(refused: &mut clap::Error, program: &Command, words: &[String]) {
    let line = Line::of(program, words);
    let tip = match refused.kind() {
        ErrorKind::InvalidSubcommand => {
            let written = string(refused, ContextKind::InvalidSubcommand);
            let listed = strings(refused, ContextKind::SuggestedSubcommand);
            let tip = written.and_then(|written| line.command_for(&written, &listed));
            if tip.is_some() {
                refused.remove(ContextKind::SuggestedSubcommand);
            }
            tip
        }
        ErrorKind::UnknownArgument => {
            refused.remove(ContextKind::Suggested);
            let written = string(refused, ContextKind::InvalidArg);
            let tip = written.as_ref().and_then(|it| line.argument_for(it));
            let listed = strings(refused, ContextKind::SuggestedArg);
            let near = |known: &String| written.as_ref().is_some_and(|it| is_near(it, known));
            match listed.iter().any(near) && tip.is_none() {
                true => None,
                false => {
                    refused.remove(ContextKind::SuggestedArg);
                    tip.or_else(|| line.command_with(&written?))
                }
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = strings(refused, ContextKind::InvalidArg);
            missing.iter().find_map(|it| output_for(it))
        }
        _ => None,
    };
    if let Some(tip) = tip {
        refused.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
}

fn strings(refused: &clap::Error, kind: ContextKind) -> Vec<String> {
    match refused.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(all)) => all.clone(),
        _ => Vec::new(),
    }
}

fn string(refused: &clap::Error, kind: ContextKind) -> Option<String> {
    strings(refused, kind).into_iter().next()
}

/// A refused command line.
struct Line<'l> {
    program: &'l Command,
    /// The command that it names, if any.
    command: Option<&'l Command>,
    words: &'l [String],
}

impl<'l> Line<'l> {
    fn of(program: &'l Command, words: &'l [String]) -> Self {
        Self {
            program,
            command: words.iter().find_map(|word| program.find_subcommand(word)),
            words,
        }
    }

    /// What to write instead of an unknown command; `None` if one of the parser's suggestions is near.
    fn command_for(&self, written: &str, suggested: &[String]) -> Option<String> {
        if is_file(written) {
            return Some(self.command_of_files(written));
        }
        if suggested.iter().any(|known| is_near(written, known)) {
            return None;
        }
        let known = |(others, _): &&(&[&str], &str)| {
            others
                .iter()
                .any(|other| other.eq_ignore_ascii_case(written))
        };
        if let Some((_, meant)) = COMMANDS.iter().find(known) {
            return Some(format!("the command is '{meant}'"));
        }
        let listed = self.program.get_subcommands();
        let listed = listed.filter(|command| !command.is_hide_set());
        let names: Vec<_> = listed.map(Command::get_name).collect();
        Some(format!("the commands are {}", names.join(", ")))
    }

    /// The command for files in place of a command.
    fn command_of_files(&self, first: &str) -> String {
        let files = self.words.iter().skip_while(|word| *word != first);
        let files: Vec<_> = files
            .map(String::as_str)
            .take_while(|word| !word.starts_with('-'))
            .collect();
        match files[..] {
            [a, b] => format!("the command comes first: haul divergence {a} {b}"),
            [_, _, _, ..] => {
                let files = files.join(" ");
                format!("the command comes first: haul pairwise {files} -o distances.csv")
            }
            _ => format!("the command comes first: haul info {first}"),
        }
    }

    /// What to write instead of an argument that the command does not take.
    fn argument_for(&self, written: &str) -> Option<String> {
        let command = self.command?;
        let bare = written.trim_start_matches('-');
        if bare.starts_with(|first: char| first.is_ascii_digit()) && bare.len() < written.len() {
            return Some("write a negative number behind =, as in --option=-1".to_owned());
        }
        let takes = |long: &str| long_option(command, long).is_some();
        if !written.starts_with('-') {
            return self.file_too_many(command, written);
        }
        let name = bare.split('=').next().unwrap_or(bare);
        if ["o", "output", "out"].contains(&name) {
            return Some(self.redirected(command));
        }
        // clap parses the letters after one dash as options of one letter each.
        let single = self.words.iter().find_map(|word| {
            let long = word.strip_prefix('-')?.split('=').next()?;
            (!long.starts_with('-') && long.starts_with(name) && takes(long)).then_some(long)
        });
        if let Some(long) = single {
            return Some(format!("long options have two dashes: --{long}"));
        }
        of_option(command, name).map(str::to_owned)
    }

    /// The commands that take an option which this one does not.
    fn command_with(&self, written: &str) -> Option<String> {
        let name = written.strip_prefix("--")?.split('=').next()?;
        let listed = self.program.get_subcommands();
        let others = listed.filter(|command| {
            !command.is_hide_set() && long_option(command, name).is_some_and(|it| !it.is_hide_set())
        });
        let others: Vec<_> = others.map(clap::Command::get_name).collect();
        let this = self.command?.get_name();
        let (last, before) = others.split_last()?;
        let of = match before {
            [] => (*last).to_owned(),
            _ => format!("{} and {last}", before.join(", ")),
        };
        Some(format!(
            "--{name} is an option of haul {of}; haul {this} has none of that name"
        ))
    }

    /// The option for an extra file after all inputs of the command.
    fn file_too_many(&self, command: &Command, file: &str) -> Option<String> {
        let output = long_option(command, "output");
        let named = ["-o", "--output"];
        let is_named = |word: &String| {
            named
                .iter()
                .any(|name| word == name || word.starts_with(&format!("{name}=")))
        };
        match output {
            Some(_) if !self.words.iter().any(is_named) => {
                Some(format!("the file to write follows -o: -o {file}"))
            }
            None if is_file(file) && long_option(command, "weights-a").is_some() => {
                Some("to compare more than two clouds, use haul pairwise".to_owned())
            }
            _ => None,
        }
    }

    /// How to write the result of a command that prints to a file.
    fn redirected(&self, command: &Command) -> String {
        let name = command.get_name();
        match long_option(command, "json") {
            Some(_) => format!(
                "haul {name} prints its result; to keep it, redirect it: --json > result.json"
            ),
            None => format!("haul {name} prints its result; to keep it, redirect it: > FILE"),
        }
    }
}

/// What to write in place of an option of another program, if the command has it.
pub(crate) fn of_option(command: &Command, name: &str) -> Option<&'static str> {
    let known = |(others, _): &&(&[&str], &str)| others.contains(&name);
    let (_, tip) = OPTIONS.iter().find(known)?;
    let meant = tip.split("--").nth(1)?.split([' ', ',', ';']).next()?;
    long_option(command, meant).map(|_| *tip)
}

/// Whether a word is a known one but for a letter in three.
fn is_near(written: &str, known: &str) -> bool {
    let [written, known] = [written, known].map(|word| word.trim_start_matches('-'));
    3 * strsim::levenshtein(written, known) <= known.len()
}

/// The option of a command with this long name.
fn long_option<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))
}

/// The tip for a missing required output, in the parser's form: `--output <OUT>`.
fn output_for(missing: &str) -> Option<String> {
    let value = missing.strip_prefix("--output <")?.strip_suffix('>')?;
    Some(format!("name the file to write: -o {value}"))
}

/// Whether a word looks like a file: it exists, or it has a folder or an extension.
fn is_file(word: &str) -> bool {
    let path = Path::new(word);
    path.exists() || path.extension().is_some() || path.components().count() > 1
}

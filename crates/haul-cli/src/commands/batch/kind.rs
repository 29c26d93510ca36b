//! The commands that a job may name. The options of a job go through the parser of the command line, so that both
//! have the same definitions, checks and defaults.

use super::record::Record;
use super::value::{BadJob, Options, in_words, suggestion};
use crate::coordinates;
use crate::input::{Cloud, Input};
use crate::options::Engine;
use crate::outcome;
use crate::task::{self, Request, Task, Work};
use crate::tips;
use anyhow::Result;
use clap::{Arg, ArgAction, Args};
use haul::Device;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of a command line that affect only its output, or the whole run.
const NO_OPTIONS: [&str; 4] = ["json", "quiet", "threads", "checkpoint"];

/// Where the whole run computes, which does not concern a command that computes on the host alone.
const PLACE: &str = "device";

/// A command that jobs may name.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(super) parse: fn(&Options) -> Result<BoxedTask, BadJob>,
}

impl Kind {
    /// The command with this name and this type of arguments.
    pub(crate) const fn job<R: Args + Request + 'static>(name: &'static str) -> Self {
        Self {
            name,
            parse: parse::<R>,
        }
    }
}

/// A task of any command.
pub(super) type BoxedTask = Box<dyn Task<Answer = Record>>;

/// A request whose answer is the record kept in the results.
struct Recorded<R>(R);

impl<R: Request> Task for Recorded<R> {
    type Answer = Record;

    fn inputs(&self) -> Vec<Input<'_>> {
        self.0.inputs()
    }

    fn other_files(&self) -> Vec<&Path> {
        self.0.other_files()
    }

    fn outputs(&self) -> Vec<PathBuf> {
        self.0.outputs()
    }

    fn quantity(&self) -> String {
        self.0.quantity()
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn engine(&self, clouds: &[Arc<Cloud>]) -> Result<Engine> {
        self.0.engine(clouds)
    }

    fn work(&self, points: &[f64]) -> Work {
        self.0.work(points)
    }

    fn answer(&self, device: &Device, clouds: &[Arc<Cloud>]) -> Result<Record> {
        let warning = coordinates::of_task(&self.inputs(), clouds)?;
        Record::of(&task::complete(&self.0, device, clouds)?, warning)
    }
}

/// Parses the task of one command with the parser of the command line.
fn parse<R: Args + Request + 'static>(options: &Options) -> Result<BoxedTask, BadJob> {
    let command = R::augment_args(clap::Command::new("job"))
        .no_binary_name(true)
        .disable_help_flag(true);
    let words = words(&command, options)?;
    command
        .try_get_matches_from(words)
        .and_then(|matches| R::from_arg_matches(&matches))
        .map(|request| Box::new(Recorded(request)) as BoxedTask)
        .map_err(|error| BadJob(outcome::of_parser(&error)))
}

/// The words of a job as a command line.
fn words(command: &clap::Command, options: &Options) -> Result<Vec<String>, BadJob> {
    let mut words = vec!["--quiet".to_owned()];
    let known = |argument: &&Arg| !NO_OPTIONS.contains(&argument.get_id().as_str());
    for (name, value) in options.iter().filter(|(name, _)| *name != "command") {
        let named = |argument: &&Arg| argument.get_id().as_str() == name;
        let Some(argument) = command.get_arguments().filter(known).find(named) else {
            if name == PLACE {
                continue;
            }
            let tip = tip(command, name, options);
            return Err(BadJob(format!("no option {name:?}{tip}")));
        };
        words.extend(word(argument, value)?);
    }
    words.push("--".to_owned());
    for argument in command.get_positionals() {
        words.extend(files(argument, options)?);
    }
    Ok(words)
}

/// What to write in place of an unknown option.
fn tip(command: &clap::Command, name: &str, options: &Options) -> String {
    let files: Vec<_> = (command.get_positionals())
        .map(|argument| argument.get_id().as_str())
        .collect();
    if files.iter().any(|file| !options.contains_key(*file)) {
        let named: Vec<_> = files.iter().map(|file| format!("{file:?}")).collect();
        return format!("; the files of a job are {}", named.join(" and "));
    }
    if let Some(tip) = tips::of_option(command, &name.replace('_', "-")) {
        return format!("; {}", in_job(tip));
    }
    let known = |argument: &&Arg| !NO_OPTIONS.contains(&argument.get_id().as_str());
    let known = command.get_arguments().filter(known);
    suggestion(name, known.map(|argument| argument.get_id().as_str()))
}

/// A tip for a command line, with options as a job has them: `--max-iterations` is `"max_iterations"`.
fn in_job(tip: &str) -> String {
    let mut pieces = tip.split("--");
    let mut told = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let (option, rest) = piece.split_at(end.unwrap_or(piece.len()));
        told += &format!("\"{}\"{rest}", option.replace('-', "_"));
    }
    told
}

/// The files of a positional argument: one, or a list if the command takes several.
fn files(argument: &Arg, options: &Options) -> Result<Vec<String>, BadJob> {
    let name = argument.get_id().as_str();
    let many = matches!(argument.get_action(), ArgAction::Append);
    match options.get(name) {
        Some(Value::String(file)) => Ok(vec![file.clone()]),
        Some(Value::Array(files)) if many => {
            let file = |file: &Value| match file {
                Value::String(file) => Ok(file.clone()),
                other => Err(BadJob(format!(
                    "{name:?} has {} in its list; name files of points",
                    in_words(other)
                ))),
            };
            files.iter().map(file).collect()
        }
        Some(other) if !other.is_null() => Err(BadJob(format!(
            "{name:?} is {}; name one file of points, as \"cloud.ply\"",
            in_words(other)
        ))),
        _ => Err(BadJob(format!(
            "{name:?} is missing; name a file of points"
        ))),
    }
}

/// An option as words: none if it says no, and for a file, which is positional; several for a list of files.
fn word(argument: &Arg, value: &Value) -> Result<Vec<String>, BadJob> {
    let Some(long) = argument.get_long() else {
        return Ok(Vec::new());
    };
    let valued = argument.get_action().takes_values();
    let list = argument.get_value_delimiter().filter(|_| valued);
    let many = valued && matches!(argument.get_action(), ArgAction::Append);
    let word = match (value, list) {
        (Value::Null, _) => return Ok(Vec::new()),
        (Value::Bool(yes), _) if !valued => yes.then(|| format!("--{long}")),
        (Value::Array(values), Some(delimiter)) => {
            let one = |value| text(value).filter(|text| !text.contains(delimiter));
            let all: Option<Vec<_>> = values.iter().map(one).collect();
            let all = all.ok_or_else(|| unfit(argument, value, "a list of names or numbers"))?;
            Some(format!("--{long}={}", all.join(&delimiter.to_string())))
        }
        (Value::Array(values), None) if many => {
            let one = |value| Some(format!("--{long}={}", text(value)?));
            let all: Option<Vec<_>> = values.iter().map(one).collect();
            return all.ok_or_else(|| unfit(argument, value, "a list of files"));
        }
        _ if valued => {
            let wanted = match list {
                Some(_) => "a list of names or numbers",
                None => "a number or a text",
            };
            let text = text(value).ok_or_else(|| unfit(argument, value, wanted))?;
            Some(format!("--{long}={text}"))
        }
        _ => return Err(unfit(argument, value, "true or false")),
    };
    Ok(word.into_iter().collect())
}

/// The text of a value that is one word.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unfit(argument: &Arg, value: &Value, wanted: &str) -> BadJob {
    let name = argument.get_id().as_str();
    BadJob(format!("{name:?} is {}; give {wanted}", in_words(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_many_files_takes_a_list() {
        let inputs = Arg::new("inputs").action(ArgAction::Append);
        let command = clap::Command::new("job").arg(inputs);
        let words = |inputs: Value| {
            let options = Options::from_iter([("inputs".to_owned(), inputs)]);
            words(&command, &options).map_err(|error| error.to_string())
        };
        let told = words(serde_json::json!(["a.ply", "-b.ply"])).unwrap();
        assert_eq!(told, ["--quiet", "--", "a.ply", "-b.ply"]);
        let told = words(serde_json::json!("a.ply")).unwrap();
        assert_eq!(told, ["--quiet", "--", "a.ply"]);
        let refused = words(serde_json::json!(["a.ply", 7])).unwrap_err();
        assert!(
            refused.contains("\"inputs\" has the number 7 in its list"),
            "{refused}"
        );
        assert!(words(Value::Null).unwrap_err().contains("is missing"));
        // A list of an option.
        let of = Arg::new("of").long("of").action(ArgAction::Append);
        let told = word(&of, &serde_json::json!(["a.ply", "b,c.ply"])).unwrap();
        assert_eq!(told, ["--of=a.ply", "--of=b,c.ply"]);
        assert_eq!(
            word(&of, &serde_json::json!("a.ply")).unwrap(),
            ["--of=a.ply"]
        );
        assert!(word(&of, &serde_json::json!([[]])).is_err());
    }
}

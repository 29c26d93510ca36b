//! A job: one line of the file of jobs. Its options go through the parser of the command line, so
//! that a command has one definition of them, with the same checks and defaults.

use crate::arguments::{Divergence, Energy, Map, Sinkhorn};
use crate::comparison::{self, Comparison};
use crate::outcome;
use anyhow::{Context, Result, bail};
use clap::{Arg, Args};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// A comparison, and what it is called.
pub(crate) struct Job {
    pub(crate) id: String,
    /// All but the id.
    options: Options,
    /// A name for what is to be computed: the command, its files and its options, in whatever order
    /// they are given. It is the same on every machine and in every version.
    pub(super) digest: String,
}

/// A job that is no comparison: what was wrong with its options.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadJob(String);

/// Options of a command line that say how its output is to look, or that are of the whole run.
const NO_OPTIONS: [&str; 3] = ["json", "quiet", "threads"];

/// What a JSON object holds.
pub(super) type Options = serde_json::Map<String, Value>;

type Parse = fn(&Options) -> Result<Box<dyn Comparison + Send>, BadJob>;

/// The commands that a job may name.
const COMMANDS: [(&str, Parse); 4] = [
    ("sinkhorn", parse::<Sinkhorn>),
    ("divergence", parse::<Divergence>),
    ("energy", parse::<Energy>),
    ("map", parse::<Map>),
];

/// Reads a file of jobs. Lines that are empty are skipped; each job gets those of the `defaults` that
/// it does not set itself.
///
/// # Errors
///
/// A file that cannot be read, a line that is no JSON object with an `id`, and an id that is there
/// twice. What else is wrong with a job is told when it is parsed.
pub(super) fn read(path: &Path, defaults: &Options) -> Result<Vec<Job>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read; name a file of jobs", path.display()))?;
    let mut lines = HashMap::new();
    let mut jobs = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let place = || format!("{}: line {line}", path.display());
        let mut options: Options = serde_json::from_str(text)
            .with_context(|| format!("{} is no JSON object; write one job a line", place()))?;
        let Some(Value::String(id)) = options.shift_remove("id") else {
            bail!("{} has no \"id\"; give each job a text of its own", place());
        };
        if let Some(earlier) = lines.insert(id.clone(), line) {
            bail!(
                "{} has the id {id:?} of line {earlier}; give each job one of its own",
                place()
            );
        }
        for (key, value) in defaults {
            options.entry(key).or_insert_with(|| value.clone());
        }
        jobs.push(Job::new(id, options));
    }
    if jobs.is_empty() {
        bail!(
            "{}: holds no jobs; write one JSON object a line",
            path.display()
        );
    }
    Ok(jobs)
}

impl Job {
    fn new(id: String, options: Options) -> Self {
        // What says no is as if it were not there.
        let given = options.iter().filter(|(_, value)| !says_no(value));
        let sorted: BTreeMap<_, _> = given
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        let mut digest = Xxh3::new();
        for (name, value) in sorted {
            for text in [name, &value] {
                digest.update(&text.len().to_le_bytes());
                digest.update(text.as_bytes());
            }
        }
        Self {
            id,
            options,
            digest: format!("{:016x}", digest.digest()),
        }
    }

    /// A text of the job, if it has one under this key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.options.get(key).and_then(Value::as_str)
    }

    /// What its value is, as far as a command and its options say so: values of two quantities, or of two
    /// costs, do not compare.
    pub(crate) fn quantity(&self) -> String {
        let name = match (self.text("command"), self.text("kernel")) {
            (Some("divergence"), _) => "S_ε",
            (Some("sinkhorn" | "map"), _) => "OT_ε",
            (Some("energy"), Some("gaussian")) => "MMD², gaussian",
            (Some("energy"), Some("laplacian")) => "MMD², laplacian",
            (Some("energy"), _) => "energy distance",
            _ => "",
        };
        match self.options.get("p") {
            Some(p) if !says_no(p) && !name.is_empty() => format!("{name}, p = {p}"),
            _ => name.to_owned(),
        }
    }

    /// About how long it takes beside others, by the lengths of its files, without a look into them.
    pub(super) fn weight(&self) -> f64 {
        /// A point in space takes about as many bytes, in whatever format.
        const POINT: f64 = 24.0;
        /// Passes of a solve; an energy is one.
        const PASSES: f64 = 50.0;
        /// What each job takes beside its pairs, in pairs.
        const LEAST: f64 = 1e5;
        let most = self.options.get("subsample").and_then(Value::as_f64);
        let points = |key: &str| {
            let length = self
                .text(key)
                .and_then(|file| Path::new(file).metadata().ok());
            let points = length.map_or(0.0, |file| file.len() as f64 / POINT);
            points.min(most.unwrap_or(f64::INFINITY))
        };
        let (n, m) = (points("a"), points("b"));
        LEAST
            + match self.text("command") {
                Some("energy") => n * m + n * n + m * m,
                Some("divergence") => PASSES * (n * m + n * n + m * m),
                _ => PASSES * n * m,
            }
    }

    /// The comparison that the job means; it tells its result in JSON, and nothing beside it.
    ///
    /// # Errors
    ///
    /// [`BadJob`] for a command or an option that does not exist, with the nearest one that does,
    /// for a value that its option does not take, and for a job that writes what it reads.
    pub(super) fn comparison(&self) -> Result<Box<dyn Comparison + Send>> {
        let names = COMMANDS.iter().map(|(name, _)| *name);
        let one_of = names.clone().collect::<Vec<_>>().join(", ");
        let Some(name) = self.text("command") else {
            let misspelt = |key: &String| {
                let near = suggestion(key, std::iter::once("command"));
                (!near.is_empty()).then(|| format!("; no option {key:?}{near}"))
            };
            let misspelt = self.options.keys().find_map(misspelt).unwrap_or_default();
            bail!(BadJob(format!(
                "\"command\" is missing; it may be {one_of}{misspelt}"
            )));
        };
        let Some((_, parse)) = COMMANDS.iter().find(|(known, _)| *known == name) else {
            let near = suggestion(name, names);
            bail!(BadJob(format!(
                "no command {name:?}{near}; it may be {one_of}"
            )));
        };
        let comparison = parse(&self.options)?;
        check_files(&*comparison)?;
        Ok(comparison)
    }
}

/// Refuses files that a run which goes on would not find as they were.
fn check_files(comparison: &dyn Comparison) -> Result<(), BadJob> {
    let outputs = comparison.outputs();
    let outputs = outputs.iter().map(PathBuf::as_path);
    let mut files = comparison.inputs().files().chain(outputs);
    if files.any(|file| file == Path::new("-")) {
        let refused = "standard input and output are not for jobs; name a file in place of -";
        return Err(BadJob(refused.to_owned()));
    }
    comparison::check_files(comparison).map_err(|error| BadJob(error.to_string()))
}

/// The comparison of one command, by the parser of the command line.
fn parse<C: Args + Comparison + Send + 'static>(
    options: &Options,
) -> Result<Box<dyn Comparison + Send>, BadJob> {
    let command = C::augment_args(clap::Command::new("job"))
        .no_binary_name(true)
        .disable_help_flag(true);
    let words = words(&command, options)?;
    command
        .try_get_matches_from(words)
        .and_then(|matches| C::from_arg_matches(&matches))
        .map(|comparison| Box::new(comparison) as Box<dyn Comparison + Send>)
        .map_err(|error| BadJob(outcome::of_parser(&error)))
}

/// A job as the words of a command line.
fn words(command: &clap::Command, options: &Options) -> Result<Vec<String>, BadJob> {
    let mut words = ["--json", "--quiet"].map(str::to_owned).to_vec();
    let known = |argument: &&Arg| !NO_OPTIONS.contains(&argument.get_id().as_str());
    for (name, value) in options.iter().filter(|(name, _)| *name != "command") {
        let named = |argument: &&Arg| argument.get_id().as_str() == name;
        let Some(argument) = command.get_arguments().filter(known).find(named) else {
            let known = command.get_arguments().filter(known);
            let near = suggestion(name, known.map(|argument| argument.get_id().as_str()));
            return Err(BadJob(format!("no option {name:?}{near}")));
        };
        if let Some(long) = argument.get_long() {
            words.extend(word(
                name,
                long,
                argument.get_action().takes_values(),
                value,
            )?);
        }
    }
    words.push("--".to_owned());
    for argument in command.get_positionals() {
        let name = argument.get_id().as_str();
        match options.get(name) {
            Some(Value::String(file)) => words.push(file.clone()),
            _ => {
                return Err(BadJob(format!(
                    "{name:?} is missing; name a file of points"
                )));
            }
        }
    }
    Ok(words)
}

/// Whether an option is as good as not given.
fn says_no(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}

/// An option as a word; none where it says no.
fn word(name: &str, long: &str, valued: bool, value: &Value) -> Result<Option<String>, BadJob> {
    Ok(match (value, valued) {
        (Value::Null, _) | (Value::Bool(false), false) => None,
        (Value::Bool(true), false) => Some(format!("--{long}")),
        (Value::String(text), true) => Some(format!("--{long}={text}")),
        (Value::Number(number), true) => Some(format!("--{long}={number}")),
        (value, _) => {
            let wanted = if valued {
                "a number or a text"
            } else {
                "true or false"
            };
            return Err(BadJob(format!("{name:?} is {value}; give {wanted}")));
        }
    })
}

/// The known name that an unknown one most likely means, in words; nothing where none is near.
fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    const NEAR: f64 = 0.7;
    known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(similarity, _)| *similarity > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| format!("; did you mean {known:?}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(job: &str) -> Result<Box<dyn Comparison + Send>> {
        let Value::Object(options) = serde_json::from_str(job).unwrap() else {
            panic!("{job}");
        };
        Job::new(String::new(), options).comparison()
    }

    #[track_caller]
    fn assert_refused(job: &str, parts: &[&str]) {
        let error = parsed(job).err().expect(job);
        assert!(error.is::<BadJob>());
        for part in parts {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
    }

    #[test]
    fn a_job_has_the_options_of_its_command() {
        for job in [
            r#"{"command":"divergence","a":"a","b":"b"}"#,
            r#"{"command":"sinkhorn","a":"a","b":"b","blur":0.1,"p":1,"form":"scaling","reach":null}"#,
            r#"{"command":"sinkhorn","a":"-a","b":"b","plan_topk":3,"plan":"p.csv","epsilon":1e-3}"#,
            r#"{"command":"energy","a":"a","b":"b","normalize":true,"kernel":"gaussian","blur":"0.1"}"#,
            r#"{"command":"map","a":"a","b":"b","output":"moved.ply","frames":3}"#,
            r#"{"command":"energy","a":"a","b":"b","columns":"x,y","weight_column":4,"equal_weights":true}"#,
        ] {
            let comparison = parsed(job).unwrap();
            assert_eq!(comparison.inputs().files().count(), 2);
        }
    }

    #[test]
    fn what_is_no_job_is_told_with_what_was_meant() {
        assert_refused(
            r#"{"comand":"energy","a":"a","b":"b"}"#,
            &["\"command\" is missing", "comand"],
        );
        assert_refused(
            r#"{"command":"divergense","a":"a","b":"b"}"#,
            &["divergense", "\"divergence\""],
        );
        assert_refused(
            r#"{"command":"demo","a":"a","b":"b"}"#,
            &["demo", "sinkhorn, divergence, energy"],
        );
        let job = |more: &str| format!(r#"{{"command":"divergence","a":"a","b":"b",{more}}}"#);
        for (more, parts) in [
            (
                r#""tolerence":1"#,
                ["\"tolerence\"", "did you mean \"tolerance\""],
            ),
            (
                r#""max-iterations":1"#,
                ["\"max-iterations\"", "\"max_iterations\""],
            ),
            (r#""potentials":"f.npz""#, ["no option", "potentials"]),
            (r#""json":true"#, ["no option", "json"]),
            (r#""threads":1"#, ["no option", "threads"]),
            (r#""blur":"wide""#, ["wide", "--blur"]),
            (r#""blur":true"#, ["\"blur\" is true", "a number"]),
            (r#""blur":[1]"#, ["\"blur\" is [1]", "a number"]),
            (r#""normalize":1"#, ["\"normalize\" is 1", "true or false"]),
            (r#""blur":1,"epsilon":1"#, ["--blur", "--epsilon"]),
            (r#""form":"lag""#, ["lag", "scaling"]),
        ] {
            assert_refused(&job(more), &parts);
        }
        assert_refused(r#"{"command":"map","a":"a","b":"b"}"#, &["--output"]);
        assert_refused(
            r#"{"command":"map","a":"a.ply","b":"b","output":"a.ply"}"#,
            &["a.ply is read and written"],
        );
        assert_refused(
            r#"{"command":"energy","a":"a","b":"b","weights_a":"w.npy","gradient_weights":"w.npy"}"#,
            &["w.npy is read and written"],
        );
        assert_refused(r#"{"command":"energy","a":"a"}"#, &["\"b\" is missing"]);
        assert_refused(
            r#"{"command":"energy","a":"a","b":"-"}"#,
            &["standard input"],
        );
    }
}

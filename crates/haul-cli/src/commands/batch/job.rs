//! A job: one line of the file of jobs.

use super::kind::{BoxedTask, Kind};
use super::record::Record;
use super::value::{BadJob, Options, in_words, says_no, suggestion};
use crate::files::{self, Uses};
use crate::input::Input;
use crate::task::{self, Task};
use anyhow::{Context, Result, anyhow, bail};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// A task and its id.
pub(crate) struct Job {
    pub(crate) id: String,
    /// All options except the id.
    options: Options,
    /// Identifies what is to be computed: the command, its files and its options, independent of their order. It is
    /// the same on every machine and in every version.
    pub(super) digest: String,
}

/// Reads a file of jobs. Empty lines are skipped; `defaults` apply to the options that a job does not set itself.
///
/// # Errors
///
/// A file that cannot be read, a line that is not a JSON object with an `id`, and a duplicate id. Other errors of a
/// job are found when it is parsed.
pub(super) fn read(path: &Path, defaults: &Options) -> Result<Vec<Job>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read; name a file of jobs", path.display()))?;
    let mut lines = HashMap::new();
    let mut jobs = Vec::new();
    // Some editors put a byte order mark before the text.
    let text = text.trim_start_matches('\u{feff}');
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let place = || format!("{}: line {line}", path.display());
        let mut options =
            object(text).map_err(|reason| anyhow!("{} {reason}; write one job a line", place()))?;
        let id = match options.shift_remove("id") {
            Some(Value::String(id)) => id,
            Some(Value::Number(number)) => {
                bail!(
                    "{}: \"id\" is the number {number}; write \"{number}\"",
                    place()
                )
            }
            Some(other) => bail!(
                "{}: \"id\" is {}; give each job a text of its own",
                place(),
                in_words(&other)
            ),
            None => bail!("{} has no \"id\"; give each job a text of its own", place()),
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

/// The JSON object of a line, or a description of what the line is instead.
fn object(text: &str) -> Result<Options, String> {
    serde_json::from_str(text)
        .map(|Keys(options)| options)
        .map_err(|error| match serde_json::from_str(text) {
            Ok(Value::Object(_)) | Err(_) => {
                let told = error.to_string();
                let reason = told.split(" at line ").next().unwrap_or_default();
                format!("is no JSON object: {reason}, in column {}", error.column())
            }
            Ok(other) => format!("is {}, and no JSON object", in_words(&other)),
        })
}

/// An object without duplicate keys.
struct Keys(Options);

impl<'d> Deserialize<'d> for Keys {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'d> Visitor<'d> for Once {
            type Value = Keys;

            fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
                words.write_str("an object")
            }

            fn visit_map<M: MapAccess<'d>>(self, mut map: M) -> Result<Keys, M::Error> {
                let mut options = Options::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if options.contains_key(&key) {
                        return Err(M::Error::custom(format!("{key:?} is there twice")));
                    }
                    options.insert(key, value);
                }
                Ok(Keys(options))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

impl Job {
    fn new(id: String, options: Options) -> Self {
        // An option that says no counts as absent.
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

    /// The text under this key, if there is one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.options.get(key).and_then(Value::as_str)
    }

    /// The quantity that it computes; empty if it is no valid task.
    pub(super) fn quantity(&self, kinds: &[Kind]) -> String {
        let task = self.task(kinds).ok();
        task.map(|task| task.quantity()).unwrap_or_default()
    }

    /// Approximate relative cost, from the lengths of its files only.
    pub(super) fn weight(&self, kinds: &[Kind]) -> f64 {
        /// Approximate bytes of a point in space, in any format.
        const POINT: f64 = 24.0;
        /// Passes of a solve.
        const PASSES: f64 = 50.0;
        /// Fixed cost of each job, in pairs.
        const LEAST: f64 = 1e5;
        let Ok(task) = self.task(kinds) else {
            return LEAST;
        };
        let points = |input: Input<'_>| {
            let length = haul_files::file_of(input.points)
                .metadata()
                .map_or(0.0, |file| file.len() as f64);
            let most = input.treatment.reduction.most();
            (length / POINT).min(most.map_or(f64::INFINITY, |most| most as f64))
        };
        let points: Vec<_> = task.inputs().into_iter().map(points).collect();
        let work = task.work(&points);
        LEAST
            + work.pairs()
                * if work.iteration.is_some() {
                    PASSES
                } else {
                    1.0
                }
    }

    /// Parses the job as a task of one of these commands.
    ///
    /// # Errors
    ///
    /// [`BadJob`] for an unknown command or option, with the nearest known name, for an invalid value, and for a job
    /// that writes a file that it reads.
    pub(super) fn task(&self, kinds: &[Kind]) -> Result<BoxedTask> {
        let names = kinds.iter().map(|kind| kind.name);
        let one_of = names.clone().collect::<Vec<_>>().join(", ");
        if let Some(other) = self.options.get("command").filter(|it| !it.is_string()) {
            bail!(BadJob(format!(
                "\"command\" is {}; it may be {one_of}",
                in_words(other)
            )));
        }
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
        let Some(kind) = kinds.iter().find(|kind| kind.name == name) else {
            let near = suggestion(name, names);
            bail!(BadJob(format!(
                "no command {name:?}{near}; it may be {one_of}"
            )));
        };
        let task = (kind.parse)(&self.options)?;
        check_files(&*task)?;
        Ok(task)
    }
}

/// Refuses files that a resumed run would not find as they were.
fn check_files(task: &dyn Task<Answer = Record>) -> Result<(), BadJob> {
    let (inputs, outputs) = (task.inputs(), task.outputs());
    let files = inputs.into_iter().flat_map(Input::files);
    let mut files = files
        .chain(task.other_files())
        .chain(outputs.iter().map(PathBuf::as_path));
    if files.any(|file| file == Path::new("-")) {
        let refused = "standard input and output are not for jobs; name a file in place of -";
        return Err(BadJob(refused.to_owned()));
    }
    let uses = task::uses(task, Uses::of_command());
    files::check_apart(&[uses]).map_err(|error| BadJob(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::KINDS;

    fn parsed(job: &str) -> Result<BoxedTask> {
        let Value::Object(options) = serde_json::from_str(job).unwrap() else {
            panic!("{job}");
        };
        Job::new(String::new(), options).task(KINDS)
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
            r#"{"command":"energy","a":"a","b":"b","columns":["x",2]}"#,
            r#"{"command":"sinkhorn","a":"a","b":"b","max_iterations":30.0,"subsample":1e2,"seed":"7"}"#,
        ] {
            let task = parsed(job).unwrap();
            assert_eq!(task.inputs().into_iter().flat_map(Input::files).count(), 2);
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
        assert_refused(
            r#"{"command":"divergence","source":"a","target":"b"}"#,
            &["no option \"source\"", "are \"a\" and \"b\""],
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
            (
                r#""reg":0.1"#,
                ["POT's reg", "the regularisation is \"epsilon\" ε"],
            ),
            (
                r#""scaling":0.9"#,
                ["GeomLoss's scaling", "within \"tolerance\", a share"],
            ),
            (
                r#""max_iter":9"#,
                ["\"max_iter\"", "are \"max_iterations\""],
            ),
            (r#""json":true"#, ["no option", "json"]),
            (r#""threads":1"#, ["no option", "threads"]),
            (r#""blur":"wide""#, ["wide", "--blur"]),
            (r#""blur":true"#, ["\"blur\" is true", "a number"]),
            (
                r#""blur":[1]"#,
                ["\"blur\" is the list [1]", "a number or a text"],
            ),
            (
                r#""normalize":1"#,
                ["\"normalize\" is the number 1", "true or false"],
            ),
            (
                r#""columns":["x",["y"]]"#,
                [r#""columns" is the list ["x",["y"]]"#, "a list of names"],
            ),
            (r#""columns":["x,y"]"#, [r#"["x,y"]"#, "a list of names"]),
            (
                r#""max_iterations":30.5"#,
                ["'30.5' for '--max-iterations", "a whole number"],
            ),
            (r#""max_iterations":-3"#, ["'-3'", "at least 1"]),
            (r#""max_iterations":1e300"#, ["1e+300", "at most"]),
            (r#""blur":1,"epsilon":1"#, ["--blur", "--epsilon"]),
            (r#""form":"lag""#, ["lag", "scaling"]),
        ] {
            assert_refused(&job(more), &parts);
        }
        // A letter is near to nothing.
        let letter = parsed(&job(r#""c":1"#))
            .err()
            .map(|error| error.to_string());
        assert_eq!(letter.as_deref(), Some("no option \"c\""));
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
            r#"{"command":["energy"],"a":"a","b":"b"}"#,
            &[
                "\"command\" is the list [\"energy\"]",
                "sinkhorn, divergence",
            ],
        );
        assert_refused(
            r#"{"command":"energy","a":["a.ply","c.ply"],"b":"b"}"#,
            &["\"a\" is the list [\"a.ply\",\"c.ply\"]", "one file"],
        );
        assert_refused(
            r#"{"command":"energy","a":"a","b":"-"}"#,
            &["standard input"],
        );
    }

    #[test]
    fn a_line_that_is_no_job_is_told_what_it_is() {
        for (line, part) in [
            ("[1,2]", "is the list [1,2], and no JSON object"),
            ("7", "is the number 7, and no"),
            ("null", "is null, and no"),
            (
                r#"{"id":"1","id":"2"}"#,
                r#""id" is there twice, in column 19"#,
            ),
            (r#"{"id":"1""#, "EOF while parsing an object, in column 9"),
            (r#"{'id':1}"#, "key must be a string, in column 2"),
        ] {
            let told = object(line).expect_err(line);
            assert!(told.contains(part), "{told}");
        }
        let long = object(&"9".repeat(4000)).unwrap_err();
        assert!(long.len() < 200, "{long}");
    }
}

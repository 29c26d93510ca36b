//! The examples of the guide and the README are real: every `console` block is typed into a shell, those of a chapter
//! one after the other in one empty folder.
//!
//! A line that begins with `$ ` is a command, `> ` continues it, and what follows is the output on a terminal, with
//! `...` for omitted lines. A number may differ from the guide by one part in fifty, or by two in its last digit,
//! because it depends on the machine. Rates, times, counts of passes and errors, on the lines named in [`FREE`], may
//! be any number; a device may have any name. A command whose status is not 0 must be followed by `$ echo $?`.

use crate::fixture::Room;
use std::fs;
use std::path::{Path, PathBuf};

/// The beginnings of lines whose numbers differ between runs.
const FREE: [&str; 7] = [
    "marginals",
    "effort",
    "estimated time",
    "  self-check",
    "haul: ",
    "warning: ",
    "device",
];

/// A command, and its output in the guide.
struct Shown {
    command: String,
    output: Vec<String>,
}

/// The commands of all console blocks of a text.
fn shown(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            let (command, output) = (command.to_owned(), Vec::new());
            found.push(Shown { command, output });
        } else {
            let last = found.last_mut().unwrap(); // a block begins with a command
            match line.strip_prefix("> ") {
                Some(more) if last.output.is_empty() => last.command += &format!("\n{more}"),
                _ => last.output.push(line.to_owned()),
            }
        }
    }
    found
}

/// Types the commands; returns the differences between the real and the shown output.
fn differences(before: &str, shown: &[Shown]) -> Vec<String> {
    const END: &str = "\u{1e}";
    let mut script = format!("exec 2>&1\n{before}\n");
    for Shown { command, .. } in shown {
        script += &format!("{command}\nstatus=$?; printf '{END}%s{END}' $status; (exit $status)\n");
    }
    let ran = Room::new().shell(&script);
    let mut pieces = ran.stdout.split(END);
    let mut differences = Vec::new();
    for (k, Shown { command, output }) in shown.iter().enumerate() {
        let real: Vec<_> = pieces.next().unwrap().lines().collect();
        if !agree(output, &real) {
            let (output, real) = (output.join("\n"), real.join("\n"));
            differences.push(format!("$ {command}\n{output}\n-- printed --\n{real}"));
        }
        let status = pieces.next();
        let told = shown
            .get(k + 1)
            .is_some_and(|next| next.command == "echo $?");
        if status != Some("0") && !told {
            differences.push(format!(
                "$ {command}\nends with {status:?}, which is not told"
            ));
        }
    }
    differences
}

/// Whether lines match those shown, where `...` stands for any lines.
fn agree(shown: &[String], real: &[&str]) -> bool {
    match (shown, real) {
        ([], []) => true,
        ([dots, rest @ ..], real) if dots == "..." => {
            (0..=real.len()).any(|skipped| agree(rest, &real[skipped..]))
        }
        ([shown, shown_rest @ ..], [real, real_rest @ ..]) => {
            same(shown, real) && agree(shown_rest, real_rest)
        }
        _ => false,
    }
}

/// Whether a line matches the one shown, up to its numbers.
fn same(shown: &str, real: &str) -> bool {
    let free = FREE.iter().any(|start| shown.starts_with(start));
    let (shown_words, real_words) = (words(shown), words(real));
    if shown.starts_with("device") {
        return real.starts_with("device");
    }
    shown_words.len() == real_words.len()
        && shown_words.iter().zip(&real_words).all(|(shown, real)| {
            match (shown.parse::<f64>(), real.parse::<f64>()) {
                (Ok(number), Ok(real)) => {
                    // Half a digit more than two, because both are rounded.
                    let room = (0.02 * number.abs()).max(2.5 * last_digit(shown));
                    free || (number - real).abs() <= room
                }
                _ => shown == real,
            }
        })
}

/// One unit in the last digit of a number; 0 for a count.
fn last_digit(number: &str) -> f64 {
    let (mantissa, power) = number.split_once('e').unwrap_or((number, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, after)| after.len());
    match (decimals, power) {
        (0, "0") => 0.0,
        _ => 10_f64.powi(power.parse::<i32>().unwrap() - decimals as i32),
    }
}

/// Splits a line into numbers and other text.
fn words(line: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    line.split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_end_matches(['.', 's']))
        .collect()
}

/// Checks texts against real output; returns the number of commands.
#[track_caller]
fn hold(files: &[PathBuf], before: &str) -> usize {
    let (mut commands, mut all) = (0, Vec::new());
    for file in files {
        let shown = shown(&fs::read_to_string(file).unwrap());
        commands += shown.len();
        // Some chapters are about four pictures that come with the guide.
        let shapes = root().join("docs/src/pictures/shapes");
        let of_shapes = ["average.md", "coordinates.md", "topics.md", "flows.md"];
        // Others are about shapes, meshes, scans and volumes that do.
        let examples = root().join("docs/src/examples");
        let of_examples = ["meshes.md", "brains.md", "gromov.md"];
        if file.ends_with("meshes.md") && !cfg!(feature = "e57") {
            continue;
        }
        let is_of = |chapters: &[&str]| chapters.iter().any(|chapter| file.ends_with(chapter));
        let before = match (is_of(&of_shapes), is_of(&of_examples)) {
            (true, _) => format!("cp '{}'/*.png .\n{before}", shapes.display()),
            (_, true) => format!("cp '{}'/* .\n{before}", examples.display()),
            _ => before.to_owned(),
        };
        let found = differences(&before, &shown);
        all.extend(
            found
                .iter()
                .map(|found| format!("{}:\n{found}", file.display())),
        );
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
    commands
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn every_chapter_of_the_guide_shows_what_happens() {
    let entries = fs::read_dir(root().join("docs/src")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let is_chapter = |file: &PathBuf| file.extension().is_some_and(|end| end == "md");
    let commands = hold(&files.filter(is_chapter).collect::<Vec<_>>(), "");
    assert!(commands >= 30, "only {commands} commands were found");
}

#[test]
fn the_readme_shows_what_happens_after_its_demo() {
    hold(&[root().join("README.md")], "haul demo > demo.txt");
}

#[test]
fn a_text_that_shows_something_else_is_found_out() {
    let count = |text: &str| differences("", &shown(&format!("```console\n{text}\n```"))).len();
    let line = "entries 1.2345, of a";
    assert_eq!(count(&format!("$ echo {line}\n{line}")), 0);
    assert_eq!(count(&format!("$ echo {line}\nentries 1.2341, of a")), 0);
    assert_eq!(count(&format!("$ echo {line}\nentries 1.5, of a")), 1);
    assert_eq!(count(&format!("$ echo {line}\nentries 1.2345, of b")), 1);
    assert_eq!(count(&format!("$ echo {line}\n{line}\n{line}")), 1);
    assert_eq!(count(&format!("$ echo {line}")), 1);
    assert_eq!(count("$ printf 'a\\nb\\nc\\n'\na\n...\nc"), 0);
    assert_eq!(count("$ printf 'a\\nb\\nc\\n'\na\n...\nd"), 1);
    assert_eq!(count("$ for k in 1 2; do\n>     echo $k\n> done\n1\n2"), 0);
    assert_eq!(count("$ false"), 1);
    assert_eq!(count("$ false\n$ echo $?\n1"), 0);
    assert_eq!(count("$ echo effort 3.5 s\neffort 0.1 s"), 0);
    assert_eq!(count("$ echo above 0.0035\nabove 0.0033"), 0);
    assert_eq!(count("$ echo above 0.0037\nabove 0.0033"), 1);
    assert_eq!(count("$ echo above 4e-5\nabove 5e-5"), 0);
    assert_eq!(count("$ echo above 4\nabove 5"), 1);
    assert_eq!(count("$ echo effort 3.5 s\neffort 0.1 min"), 1);
}

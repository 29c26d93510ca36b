//! The folders of this crate stand in one order, and none imports from one that comes after it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders and base files, in dependency order.
const ORDER: &[&str] = &[
    "error",
    "interrupt",
    "precision",
    "linalg",
    "measure",
    "engine",
    "truncation",
    "problem",
    "pass",
    "sinkhorn",
    "certificate",
    "solution",
    "exact",
    "loss",
    "derivative",
    "registration",
    "histograms",
    "fit",
    "gromov",
    "study",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file: without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that a `use` statement, after its first word, brings from the root: `a::b` and `{a, b::{c, d}}` alike.
fn first_names(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(inner) = tree.strip_prefix('{') else {
        let end = tree.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        return vec![tree[..end.unwrap_or(tree.len())].to_owned()];
    };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    names.extend(first_names(&inner[start..at]));
                }
                if c == '}' {
                    break;
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// The folder that each name of the root is from.
fn folders() -> HashMap<String, String> {
    let root = code(&source().join("lib.rs"));
    let mut folders: HashMap<_, _> = ORDER
        .iter()
        .map(|folder| ((*folder).to_owned(), (*folder).to_owned()))
        .collect();
    for statement in root.split("pub use ").skip(1) {
        let (folder, names) = statement.split_once("::").unwrap();
        let names = names.split_once(';').unwrap().0;
        for name in first_names(names) {
            folders.insert(name, folder.to_owned());
        }
    }
    folders
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_folder_imports_from_one_after_it() {
    let folders = folders();
    let place = |folder: &str| ORDER.iter().position(|other| *other == folder);
    let (mut all, mut arrows, mut wrong) = (Vec::new(), 0, Vec::new());
    files(&source(), &mut all);
    for file in all {
        let within = file.strip_prefix(source()).unwrap();
        let own = within.iter().next().unwrap().to_str().unwrap();
        let own = own.trim_end_matches(".rs");
        if own == "lib" {
            continue;
        }
        let own_place = place(own).unwrap_or_else(|| panic!("{own} has no place in the order"));
        for tree in code(&file).split("crate::").skip(1) {
            for name in first_names(tree) {
                // Functions of the root belong to no folder.
                let Some(folder) = folders.get(&name) else {
                    assert!(name == "block_on", "{name} in {}", within.display());
                    continue;
                };
                arrows += 1;
                if place(folder).unwrap() > own_place {
                    wrong.push(format!("{} imports {name} from {folder}", within.display()));
                }
            }
        }
    }
    assert!(arrows > 200, "only {arrows} imports were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_of_nested_imports_are_found() {
    assert_eq!(first_names("engine::{Kernel, Side};"), ["engine"]);
    assert_eq!(
        first_names("{Cost, engine::{A, B}, Result};"),
        ["Cost", "engine", "Result"]
    );
}

//! Checks the files that a run reads and writes: none may be both, or be written twice.
//!
//! Each user of files, a command or one of many jobs, declares which ones and for what; one function compares them
//! all. Two paths may name the same file through different names, folders and links, even if it does not exist yet.

use anyhow::{Result, bail};
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::path::{Path, PathBuf};

/// The files of a command, of one of its options, or of a job.
pub(crate) struct Uses {
    /// What an input is called: "an input of the job 1".
    input: String,
    /// What an output is called.
    output: String,
    /// The folder of relative names.
    folder: PathBuf,
    read: Vec<PathBuf>,
    written: Vec<PathBuf>,
}

impl Uses {
    /// No files yet, for a single command.
    pub(crate) fn of_command() -> Self {
        Self::new("an input", "an output")
    }

    /// No files yet, in the folder of the run.
    pub(crate) fn new(input: impl Into<String>, output: impl Into<String>) -> Self {
        Self {
            input: input.into(),
            output: output.into(),
            folder: PathBuf::new(),
            read: Vec::new(),
            written: Vec::new(),
        }
    }

    /// The same, with names relative to another folder.
    pub(crate) fn within(self, folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(Path::to_owned).unwrap_or_default(),
            ..self
        }
    }

    /// Adds files that are read.
    pub(crate) fn reads<'p>(mut self, files: impl IntoIterator<Item = &'p Path>) -> Self {
        self.read.extend(files.into_iter().map(Path::to_owned));
        self
    }

    /// Adds files that are written.
    pub(crate) fn writes<'p>(mut self, files: impl IntoIterator<Item = &'p Path>) -> Self {
        self.written.extend(files.into_iter().map(Path::to_owned));
        self
    }
}

/// Refuses an output that is an input, or another output, of any user.
///
/// # Errors
///
/// The first such file with both of its uses, and the number of others.
pub(crate) fn check_apart(all: &[Uses]) -> Result<()> {
    let mut places = Places::default();
    let mut readers = HashMap::new();
    for (user, uses) in all.iter().enumerate() {
        for file in &uses.read {
            if let Some(place) = places.of(&uses.folder, file) {
                readers.entry(place).or_insert(user);
            }
        }
    }
    let mut writers = HashMap::new();
    let mut clashes = Vec::new();
    for (user, uses) in all.iter().enumerate() {
        for file in &uses.written {
            let Some(place) = places.of(&uses.folder, file) else {
                continue;
            };
            let clash = |other: usize, used: &str, own: &str| match other == user {
                true => format!("{} {own}", file.display()),
                false => format!("{} is both {used} and {}", file.display(), uses.output),
            };
            if let Some(&other) = readers.get(&place) {
                clashes.push(clash(other, &all[other].input, "is read and written"));
            }
            match writers.entry(place) {
                Occupied(first) => {
                    let other = *first.get();
                    clashes.push(clash(other, &all[other].output, "is written twice"));
                }
                Vacant(free) => drop(free.insert(user)),
            }
        }
    }
    let others = match clashes.len() {
        0 => return Ok(()),
        1 => String::new(),
        clashes => format!(" (and {} more like it)", clashes - 1),
    };
    bail!("{}{others}; give the output another name", clashes[0])
}

/// The identity of a file, independent of its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// The identity from the file system, if there is one: hard links are the same file.
    #[cfg(unix)]
    Node { device: u64, inode: u64 },
    /// The folder with links resolved, and the name in it.
    Path(PathBuf),
}

/// A cache of the identities of names.
#[derive(Default)]
struct Places {
    known: HashMap<PathBuf, Option<Place>>,
    folders: HashMap<PathBuf, Option<PathBuf>>,
}

/// The most links that are followed in a chain; systems have the same limit.
const MOST_LINKS: usize = 40;

impl Places {
    /// The identity of a file; `None` for standard input and output, and for a device or a pipe, which may be written
    /// several times.
    fn of(&mut self, folder: &Path, file: &Path) -> Option<Place> {
        if file == Path::new("-") {
            return None;
        }
        let path = folder.join(file);
        if let Some(known) = self.known.get(&path) {
            return known.clone();
        }
        let place = match path.metadata() {
            Ok(found) if !found.is_file() => None,
            Ok(found) => Some(existing(&path, &found)),
            Err(_) => Some(Place::Path(self.absent(path.clone()))),
        };
        self.known.insert(path, place.clone());
        place
    }

    /// The path of a missing file: in its folder, or the target of a link to it.
    fn absent(&mut self, mut path: PathBuf) -> PathBuf {
        for _ in 0..MOST_LINKS {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).to_owned();
            let whole = self.folders.entry(folder);
            let whole = whole.or_insert_with_key(|folder| folder.canonicalize().ok());
            let (Some(whole), Some(name)) = (whole, path.file_name()) else {
                break;
            };
            path = whole.join(name);
            match path.read_link() {
                Ok(target) => path = whole.join(target),
                Err(_) => break,
            }
        }
        path
    }
}

#[cfg(unix)]
fn existing(_: &Path, found: &std::fs::Metadata) -> Place {
    use std::os::unix::fs::MetadataExt;
    Place::Node {
        device: found.dev(),
        inode: found.ino(),
    }
}

#[cfg(not(unix))]
fn existing(path: &Path, _: &std::fs::Metadata) -> Place {
    Place::Path(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error for inputs and outputs with these names in a folder, of one user or of two.
    fn told(folder: &Path, inputs: &[&str], outputs: &[&str], of_one: bool) -> String {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (inputs, outputs) = (paths(inputs), paths(outputs));
        let (inputs, outputs) = (
            inputs.iter().map(PathBuf::as_path),
            outputs.iter().map(PathBuf::as_path),
        );
        let uses = |name: &str| {
            let (input, output) = (
                format!("an input of {name}"),
                format!("an output of {name}"),
            );
            Uses::new(input, output).within(Some(folder))
        };
        let uses = match of_one {
            true => vec![uses("one").reads(inputs).writes(outputs)],
            false => {
                let writers = (1..).zip(outputs);
                let writers = writers.map(|(k, output)| uses(&k.to_string()).writes([output]));
                let readers = std::iter::once(uses("other").reads(inputs));
                readers.chain(writers).collect()
            }
        };
        let refused = check_apart(&uses).err();
        refused.map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("a.csv"), "").unwrap();
        let told = |inputs: &[&str], outputs: &[&str]| {
            let one = told(folder.path(), inputs, outputs, true);
            let two = told(folder.path(), inputs, outputs, false);
            assert_eq!(one.is_empty(), two.is_empty(), "{one} {two}");
            if !two.is_empty() {
                assert!(
                    two.contains("is both an ") && two.contains(" of 1"),
                    "{two}"
                );
            }
            one
        };
        assert_eq!(told(&["a.csv", "b.csv"], &["c.csv", "sub/a.csv"]), "");
        assert_eq!(told(&["-"], &["-"]), "");
        for read in ["a.csv", "none.csv"] {
            for written in [read, &format!("sub/../{read}"), &format!("./{read}")] {
                let told = told(&[read], &[written]);
                assert!(told.contains("is read and written"), "{told}");
            }
            let told = told(&[], &[read, &format!("sub/../{read}")]);
            assert!(told.contains("is written twice"), "{told}");
        }
        let many = told(&["a.csv", "b.csv"], &["a.csv", "b.csv"]);
        assert!(many.contains("(and 1 more like it)"), "{many}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(at("a.csv"), at("link.csv")).unwrap();
            // A link to a link to a missing file, and a folder that is a link.
            symlink("none.csv", at("first.csv")).unwrap();
            symlink(at("first.csv"), at("second.csv")).unwrap();
            symlink("sub", at("folder")).unwrap();
            symlink("circle.csv", at("circle.csv")).unwrap();
            std::fs::hard_link(at("a.csv"), at("hard.csv")).unwrap();
            for (read, written) in [
                ("a.csv", "link.csv"),
                ("none.csv", "second.csv"),
                ("second.csv", "none.csv"),
                ("sub/new.csv", "folder/new.csv"),
                ("folder/../a.csv", "a.csv"),
                ("a.csv", "hard.csv"),
                ("circle.csv", "circle.csv"),
            ] {
                let told = told(&[read], &[written]);
                assert!(told.contains("is read and written"), "{read} {written}");
            }
            assert_eq!(told(&["/dev/null"], &["/dev/null", "/dev/null"]), "");
        }
    }
}

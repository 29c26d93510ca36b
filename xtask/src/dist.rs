//! The archive of a release for this machine: the program with all formats, its manual pages and
//! completions, which it prints itself, the guide, a README for the archive, and the licences.

use crate::{guide, links};
use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use std::collections::BTreeSet;
use std::env::{self, consts::EXE_SUFFIX};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The largest size of an archive, in bytes.
const MOST_BYTES: u64 = 25_000_000;

/// Files of the repository that the archive has as well.
const BESIDE: [&str; 3] = ["CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The README of the archive. That of the repository is about the source, which the archive does not have.
const README: &str = include_str!("archive.md");

/// The shells with completions, and the file where each looks for them.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "haul.bash"),
    ("zsh", "_haul"),
    ("fish", "haul.fish"),
    ("powershell", "_haul.ps1"),
];

/// Builds the program and packs it into `dist/haul-VERSION-TARGET.tar.gz` in the target folder;
/// returns the archive and its bytes.
pub(crate) fn pack(root: &Path, target: &Path) -> Result<(PathBuf, u64)> {
    let haul = build(root)?;
    let name = format!("haul-{}-{}", env!("CARGO_PKG_VERSION"), machine()?);
    let dist = target.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fill(&folder, &haul, root).with_context(|| folder.display().to_string())?;
    let archive = dist.join(format!("{name}.tar.gz"));
    let bytes =
        archived(&folder, &name, &archive).with_context(|| archive.display().to_string())?;
    let archive = archive.canonicalize()?;
    ensure!(
        bytes <= MOST_BYTES,
        "{}: {bytes} bytes are more than {MOST_BYTES}; look for what made the program grow",
        archive.display()
    );
    Ok((archive, bytes))
}

/// Builds the program with every format and without symbols, in the folder where this one was built.
fn build(root: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["rustc", "--release", "--locked"]);
    cargo.args(["--package", "haul-cli", "--bin", "haul"]);
    // The linker removes the symbols, so that no dependency is built again.
    cargo.args(["--features", "las,parquet", "--", "-C", "strip=symbols"]);
    output(&mut cargo)?;
    let haul = env::current_exe()?.with_file_name(format!("haul{EXE_SUFFIX}"));
    ensure!(
        haul.is_file(),
        "{}: is not there; build in the release profile, without --target",
        haul.display()
    );
    Ok(haul)
}

/// The machine that the compiler builds for.
fn machine() -> Result<String> {
    let version = String::from_utf8(output(Command::new("rustc").arg("-vV"))?)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// Fills a folder with the contents of the archive.
fn fill(folder: &Path, haul: &Path, root: &Path) -> Result<()> {
    let (manual, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&completions)?;
    fs::copy(haul, folder.join(format!("haul{EXE_SUFFIX}")))?;
    for file in BESIDE {
        fs::copy(root.join(file), folder.join(file)).context(file)?;
    }
    guide::build(&root.join("docs"), &folder.join("guide"))?;
    output(Command::new(haul).args(["man", "--out"]).arg(manual))?;
    for (shell, file) in SHELLS {
        let script = output(Command::new(haul).args(["completions", shell]))?;
        fs::write(completions.join(file), script)?;
    }
    fs::write(folder.join("README.md"), README)?;
    check_told(README, folder)
}

/// Refuses a README whose table does not name exactly the entries of the folder.
fn check_told(readme: &str, folder: &Path) -> Result<()> {
    let first = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let told: BTreeSet<String> = readme.lines().filter_map(first).collect();
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        there.insert(name.trim_end_matches(EXE_SUFFIX).to_owned());
    }
    ensure!(
        told == there,
        "README.md tells of {told:?} where there are {there:?}; correct xtask/src/archive.md"
    );
    Ok(())
}

/// Packs a folder under its name; returns the bytes of the archive.
fn archived(folder: &Path, name: &str, archive: &Path) -> Result<u64> {
    let packed = GzEncoder::new(File::create(archive)?, Compression::best());
    let mut tar = tar::Builder::new(packed);
    // The same files make the same archive: it has no times and no owners.
    tar.mode(tar::HeaderMode::Deterministic);
    for file in links::files(folder)? {
        let inside = Path::new(name).join(file.strip_prefix(folder)?);
        tar.append_path_with_name(&file, inside)?;
    }
    Ok(tar.into_inner()?.finish()?.metadata()?.len())
}

/// The standard output of a program; an error if it fails.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let ran = command.stderr(Stdio::inherit()).output();
    let ran = ran.with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(ran.status.success(), "{command:?}: {}", ran.status);
    Ok(ran.stdout)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_tells_of_all_that_lies_beside_it_and_of_nothing_else() {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("guide")).unwrap();
        fs::write(room.path().join(format!("haul{EXE_SUFFIX}")), "").unwrap();
        let told = |lines: &str| check_told(lines, room.path()).is_ok();
        assert!(told(
            "# haul\n| | |\n|---|---|\n| `haul` | x |\n| `guide` | `y` |\n`z`"
        ));
        assert!(!told("| `haul` | x |"));
        assert!(!told("| `haul` | x |\n| `guide` | y |\n| `man` | z |"));
    }
}

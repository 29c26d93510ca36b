//! `cargo xtask dist`: the program for this machine as an archive to release, with all formats, its
//! manual pages and completions, which it prints itself, the README and the licences.

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, write::GzEncoder};
use std::env::{self, consts::EXE_SUFFIX};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The most bytes of an archive.
const MOST_BYTES: u64 = 25_000_000;

/// Files that go along as they are.
const BESIDE: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The shells with completions, and the file where each looks for them.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "haul.bash"),
    ("zsh", "_haul"),
    ("fish", "haul.fish"),
    ("powershell", "_haul.ps1"),
];

fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    match &*words {
        [task] if task == "dist" => dist(),
        _ => bail!("no such task; there is: cargo xtask dist"),
    }
}

/// Builds the program and packs it into `target/dist/haul-VERSION-TARGET.tar.gz`.
fn dist() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let haul = build(&root)?;
    let name = format!("haul-{}-{}", env!("CARGO_PKG_VERSION"), target()?);
    let target_folder = haul.ancestors().nth(2);
    let dist = target_folder.context("no target folder")?.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fill(&folder, &haul, &root).with_context(|| folder.display().to_string())?;
    let archive = dist.join(format!("{name}.tar.gz"));
    let bytes = pack(&folder, &name, &archive).with_context(|| archive.display().to_string())?;
    let archive = archive.canonicalize()?;
    ensure!(
        bytes <= MOST_BYTES,
        "{}: {bytes} bytes are more than {MOST_BYTES}; look for what made the program grow",
        archive.display()
    );
    writeln!(
        std::io::stdout(),
        "{}: {:.1} MB",
        archive.display(),
        bytes as f64 / 1e6
    )?;
    Ok(())
}

/// Builds the program with every format and without symbols, in the folder where this one was built.
fn build(root: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["rustc", "--release", "--locked"]);
    cargo.args(["--package", "haul-cli", "--bin", "haul"]);
    // Symbols go when it is linked: nothing that it is made of is built again.
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
fn target() -> Result<String> {
    let version = String::from_utf8(output(Command::new("rustc").arg("-vV"))?)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// Puts into a folder what is released.
fn fill(folder: &Path, haul: &Path, root: &Path) -> Result<()> {
    let (manual, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&completions)?;
    fs::copy(haul, folder.join(format!("haul{EXE_SUFFIX}")))?;
    for file in BESIDE {
        fs::copy(root.join(file), folder.join(file)).context(file)?;
    }
    output(Command::new(haul).args(["man", "--out"]).arg(manual))?;
    for (shell, file) in SHELLS {
        let script = output(Command::new(haul).args(["completions", shell]))?;
        fs::write(completions.join(file), script)?;
    }
    Ok(())
}

/// Packs a folder under its name; returns the bytes of the archive.
fn pack(folder: &Path, name: &str, archive: &Path) -> Result<u64> {
    let packed = GzEncoder::new(File::create(archive)?, Compression::best());
    let mut tar = tar::Builder::new(packed);
    // The same files, the same archive: no times, no owners.
    tar.mode(tar::HeaderMode::Deterministic);
    let mut files = files(folder)?;
    files.sort();
    for file in files {
        let inside = Path::new(name).join(file.strip_prefix(folder)?);
        tar.append_path_with_name(&file, inside)?;
    }
    Ok(tar.into_inner()?.finish()?.metadata()?.len())
}

/// All files below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// What a program prints; its failure is one.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let ran = command.stderr(Stdio::inherit()).output();
    let ran = ran.with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(ran.status.success(), "{command:?}: {}", ran.status);
    Ok(ran.stdout)
}

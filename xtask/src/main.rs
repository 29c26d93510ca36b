//! Tasks of a release and of the shaders: `cargo xtask guide` builds the guide, `cargo xtask dist` the
//! archive, and `cargo xtask shader` prints a kernel.

mod dist;
mod guide;
mod links;
mod shader;

use anyhow::{Context, Result, bail};
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    let done = match &*words {
        [task] if task == "guide" => {
            let folder = target()?.join("guide");
            guide::build(&root().join("docs"), &folder)?;
            folder.join("index.html").display().to_string()
        }
        [task] if task == "dist" => {
            let (archive, bytes) = dist::pack(&root(), &target()?)?;
            format!("{}: {:.1} MB", archive.display(), bytes as f64 / 1e6)
        }
        [task] if task == "shader" => shader::names(),
        [task, name] if task == "shader" => shader::source(name)?,
        _ => bail!(
            "no such task; there are: cargo xtask guide, cargo xtask dist, cargo xtask shader [NAME]"
        ),
    };
    writeln!(std::io::stdout(), "{}", done.trim_end())?;
    Ok(())
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's target folder, in which this program was built.
fn target() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).context("no target folder")?;
    Ok(target.to_owned())
}

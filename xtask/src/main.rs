//! What a release of haul is made of: `cargo xtask guide` builds the guide, `cargo xtask dist` the
//! archive.

mod dist;
mod guide;
mod links;

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
        _ => bail!("no such task; there are: cargo xtask guide, cargo xtask dist"),
    };
    writeln!(std::io::stdout(), "{done}")?;
    Ok(())
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Cargo's folder for what is built, in which this program was built too.
fn target() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).context("no target folder")?;
    Ok(target.to_owned())
}

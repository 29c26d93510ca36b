//! Files that a command reads and writes: none may be both, or be written twice.

use anyhow::{Result, bail};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Refuses an output that is one of the inputs, or another output, by whatever name or link.
pub(crate) fn check_apart<'p>(
    inputs: impl IntoIterator<Item = &'p Path>,
    outputs: impl IntoIterator<Item = &'p Path>,
) -> Result<()> {
    let read: HashSet<PathBuf> = inputs.into_iter().map(identity).collect();
    let mut written = HashSet::new();
    for output in outputs.into_iter().filter(|output| !takes_all(output)) {
        let file = identity(output);
        let name = output.display();
        if read.contains(&file) {
            bail!("{name} is read and written; give the output another name");
        }
        if !written.insert(file) {
            bail!("{name} is written twice; give one of the outputs another name");
        }
    }
    Ok(())
}

/// Whether it is standard output, a device or a pipe, which takes whatever is written to it.
fn takes_all(path: &Path) -> bool {
    path == Path::new("-") || path.metadata().is_ok_and(|known| !known.is_file())
}

/// One name for all those of a file, also of one that is not there yet.
fn identity(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_many_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("a.csv"), "").unwrap();
        let told = |inputs: &[&str], outputs: &[&str]| {
            let paths = [inputs, outputs].map(|names| names.iter().map(|name| at(name)));
            let [inputs, outputs] = paths.map(Iterator::collect::<Vec<_>>);
            let refused = check_apart(
                inputs.iter().map(PathBuf::as_path),
                outputs.iter().map(PathBuf::as_path),
            );
            refused
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert_eq!(told(&["a.csv", "b.csv"], &["c.csv", "sub/a.csv"]), "");
        assert!(told(&["a.csv"], &["sub/../a.csv"]).contains("is read and written"));
        assert!(told(&["none.csv"], &["sub/../none.csv"]).contains("is read and written"));
        assert!(told(&["a.csv"], &["c.csv", "sub/../c.csv"]).contains("is written twice"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("a.csv"), at("link.csv")).unwrap();
            assert!(told(&["a.csv"], &["link.csv"]).contains("is read and written"));
            let null = Path::new("/dev/null");
            assert!(check_apart([], [null, null]).is_ok());
        }
    }
}

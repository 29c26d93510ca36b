//! A part of a file of arrays: `FILE.npz:NAME` is the array NAME of an archive, `FILE.npy:7` the entry 7 of an array along
//! its first axis, counted from 0, `FILE.npz:NAME:7` both, and `FILE.nii:7` the volume 7 of a series. Of a table,
//! `FILE.csv:DAY` is the group of the points with the label DAY.

use crate::format::has_extension;
use std::path::Path;

/// A file, and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part<'p> {
    pub(crate) file: &'p Path,
    /// An array of an archive.
    pub(crate) array: Option<String>,
    /// An index along each of the first axes, as it was written.
    pub(crate) indices: Vec<String>,
    /// The label of a group of points.
    pub(crate) group: Option<String>,
}

/// The extensions of files that have parts.
const EXTENSIONS: [&str; 5] = [".npz:", ".npy:", ".npy.gz:", ".nii:", ".nii.gz:"];

/// The extensions of tables, which have groups of points.
const TABLES: [&str; 9] = [
    ".csv:",
    ".csv.gz:",
    ".tsv:",
    ".tsv.gz:",
    ".parquet:",
    ".arrow:",
    ".feather:",
    ".h5ad:",
    ".e57:",
];

impl<'p> Part<'p> {
    /// The part that a path names. A file that has this whole name is meant as a whole.
    pub(crate) fn of(path: &'p Path) -> Self {
        let whole = Self {
            file: path,
            array: None,
            indices: Vec::new(),
            group: None,
        };
        let Some(text) = path.to_str() else {
            return whole;
        };
        let lower = text.to_ascii_lowercase();
        let end = |extensions: &[&str]| {
            let ends = extensions.iter().filter_map(|extension| {
                let start = lower.rfind(extension)?;
                Some(start + extension.len() - 1)
            });
            ends.max()
        };
        let (of_array, of_table) = (end(&EXTENSIONS), end(&TABLES));
        let Some(end) = of_array.max(of_table).filter(|_| !path.exists()) else {
            return whole;
        };
        let (file, rest) = (Path::new(&text[..end]), &text[end + 1..]);
        if of_table == Some(end) {
            return Self {
                file,
                group: Some(rest.to_owned()),
                ..whole
            };
        }
        let mut selectors = rest.split(':').map(str::to_owned);
        let array = has_extension(file, "npz").then(|| selectors.next());
        Self {
            file,
            array: array.flatten(),
            indices: selectors.collect(),
            group: None,
        }
    }
}

/// The file of a path that may name a part of it, as `file.npz:name`, `file.npy:7` and `file.csv:day` do.
pub fn file_of(path: &Path) -> &Path {
    Part::of(path).file
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_behind_the_extension() {
        for (path, file, array, indices) in [
            ("a.npz", "a.npz", None, &[][..]),
            ("a.npz:gm", "a.npz", Some("gm"), &[]),
            ("b:c/a.NPZ:images:7", "b:c/a.NPZ", Some("images"), &["7"]),
            ("a.npy:7", "a.npy", None, &["7"]),
            ("a.npy.gz:7:2", "a.npy.gz", None, &["7", "2"]),
            ("a.png:7", "a.png:7", None, &[]),
            ("C:\\a.npy", "C:\\a.npy", None, &[]),
        ] {
            let part = Part::of(Path::new(path));
            assert_eq!(part.file, Path::new(file), "{path}");
            assert_eq!(part.array.as_deref(), array, "{path}");
            assert_eq!(part.indices, indices, "{path}");
        }
    }

    #[test]
    fn a_group_is_all_that_follows_the_extension_of_a_table() {
        for (path, file, group) in [
            ("a.csv:day 0", "a.csv", Some("day 0")),
            ("b.npy/a.TSV.gz:4:25", "b.npy/a.TSV.gz", Some("4:25")),
            ("a.npy:7", "a.npy", None),
            ("a.csv", "a.csv", None),
        ] {
            let part = Part::of(Path::new(path));
            assert_eq!((part.file, part.group.as_deref()), (Path::new(file), group));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_has_the_whole_name_is_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy:7");
        assert_eq!(Part::of(&path).indices, ["7"]);
        std::fs::write(&path, "").unwrap();
        assert_eq!(file_of(&path), path);
    }
}

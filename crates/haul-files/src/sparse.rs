//! Sparse matrices: an `.npz` in the layout of SciPy's `save_npz` for a `csr_matrix`, with the arrays `indptr`, `indices`,
//! `data` and `shape`. Row i has the entries `indptr[i]..indptr[i + 1]` of `indices` and `data`.

use crate::{
    Error, Result,
    format::{Format, Kind},
    npz::Archive,
    part::Part,
    source::{Source, Stream},
};
use std::{io::Read, path::Path};

/// A sparse matrix in compressed rows. Each index is below the number of columns, and the offsets do not descend.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub columns: usize,
    /// The place of the first entry of each row, and the number of entries.
    pub offsets: Vec<usize>,
    /// The column of each entry.
    pub indices: Vec<usize>,
    /// The value of each entry, a finite number.
    pub values: Vec<f64>,
}

/// The arrays of a sparse matrix.
const ARRAYS: [&str; 4] = ["data", "indices", "indptr", "shape"];

/// The name of the layout in errors.
const LAYOUT: &str = ".npz by scipy.sparse.save_npz of a csr_matrix";

/// Reads the sparse matrix of an `.npz`; `None` for a path that names an array, for other files, and for an archive
/// without the arrays of a sparse matrix.
///
/// # Errors
/// [`Error::Malformed`] for another layout than compressed rows, and for arrays that do not fit together;
/// [`Error::NotFinite`], and those of a file that cannot be read.
pub fn read_sparse(path: &Path) -> Result<Option<Sparse>> {
    let part = Part::of(path);
    let file = part.file;
    let is_npz = Kind::among(file, |it| it == Format::Npz).is_ok();
    if !is_npz || part.array.is_some() {
        return Ok(None);
    }
    let mut archive = Archive::open(file, Source::open(file)?)?;
    if !archive.has(&ARRAYS) {
        return Ok(None);
    }
    check_layout(file, &mut archive)?;
    let [values, indices, offsets, shape] = ARRAYS.map(|name| {
        let stored = archive.array(name)?;
        stored.into_vector(file)
    });
    let wrong = |place: &str, reason: &str| Error::malformed(file, place, reason, LAYOUT);
    let whole = |name: &str, values: Vec<f64>| -> Result<Vec<usize>> {
        let whole = |value: f64| (value >= 0.0 && value.fract() == 0.0).then_some(value as usize);
        let values: Option<Vec<_>> = values.into_iter().map(whole).collect();
        values.ok_or_else(|| {
            wrong(
                &format!("array {name}"),
                "these are no whole numbers from 0 on",
            )
        })
    };
    let (values, indices) = (values?, whole("indices", indices?)?);
    let (offsets, shape) = (whole("indptr", offsets?)?, whole("shape", shape?)?);
    let [rows, columns] = *shape else {
        return Err(wrong("array shape", "a matrix has two axes"));
    };
    let ends = offsets.first() == Some(&0) && offsets.last() == Some(&values.len());
    if offsets.len() != rows.saturating_add(1) || !ends || !offsets.is_sorted() {
        return Err(wrong(
            "array indptr",
            "it does not have the places of the rows",
        ));
    }
    if indices.len() != values.len() {
        return Err(wrong(
            "array indices",
            "it does not have an index for each value",
        ));
    }
    if indices.iter().any(|index| *index >= columns) {
        return Err(wrong("array indices", "an index is beyond the last column"));
    }
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let row = offsets.partition_point(|start| *start <= at);
        return Err(Error::NotFinite {
            file: file.into(),
            row,
            column: (indices[at] + 1).to_string(),
            value: values[at].to_string(),
            rows: 1,
            of: rows,
        });
    }
    Ok(Some(Sparse {
        rows,
        columns,
        offsets,
        indices,
        values,
    }))
}

/// Refuses other layouts, which SciPy names in the array `format`, a text.
fn check_layout(file: &Path, archive: &mut Archive<'_>) -> Result<()> {
    /// More than the header and the name take.
    const MOST: u64 = 1 << 12;
    let bytes = |_: &Path, stream: &mut Stream| {
        let mut bytes = Vec::new();
        // What cannot be read has no other name, and its arrays are checked.
        let _ = (&mut stream.reader).take(MOST).read_to_end(&mut bytes);
        Ok(bytes)
    };
    let Some(bytes) = archive.member("format", bytes)? else {
        return Ok(());
    };
    // The name is the last of the array, in one byte a letter, or in four.
    let name: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0).collect();
    let other = ["csc", "bsr", "coo", "dia"];
    match other
        .iter()
        .find(|layout| name.ends_with(layout.as_bytes()))
    {
        Some(layout) => {
            let reason = format!("the layout is {layout}, and compressed rows are read");
            Err(Error::malformed(file, "array format", reason, LAYOUT))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Array, write_npz};

    /// A file with these arrays.
    fn written(arrays: [(&str, &[f64]); 4]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let arrays = arrays.map(|(name, values)| Array {
            name,
            shape: vec![values.len()],
            values,
        });
        write_npz(&path, &arrays).unwrap();
        (folder, path)
    }

    const COUNTS: [(&str, &[f64]); 4] = [
        ("indptr", &[0.0, 2.0, 2.0, 3.0]),
        ("indices", &[0.0, 2.0, 1.0]),
        ("data", &[1.0, 3.0, 5.0]),
        ("shape", &[3.0, 4.0]),
    ];

    #[test]
    fn rows_are_read_with_those_that_are_empty() {
        let (_folder, path) = written(COUNTS);
        let found = read_sparse(&path).unwrap().unwrap();
        assert_eq!((found.rows, found.columns), (3, 4));
        assert_eq!(
            (found.offsets, found.indices, found.values),
            (vec![0, 2, 2, 3], vec![0, 2, 1], vec![1.0, 3.0, 5.0])
        );
        // An array of an archive is no sparse matrix, and neither are other archives.
        let part = Path::new(&format!("{}:data", path.display())).to_owned();
        assert_eq!(read_sparse(&part).unwrap(), None);
        let mut other = COUNTS;
        other[0].0 = "offsets";
        let (_folder, path) = written(other);
        assert_eq!(read_sparse(&path).unwrap(), None);
    }

    #[test]
    fn arrays_that_do_not_fit_together_are_told_in_a_line() {
        let with = |at: usize, values: &'static [f64]| {
            let mut arrays = COUNTS;
            arrays[at].1 = values;
            let (_folder, path) = written(arrays);
            read_sparse(&path).unwrap_err().to_string()
        };
        for (at, values, told) in [
            (0, &[0.0, 2.0, 3.0][..], "places of the rows"),
            (0, &[0.0, 3.0, 2.0, 3.0], "places of the rows"),
            (0, &[0.0, 2.0, 2.0, 4.0], "places of the rows"),
            (1, &[0.0, 2.0], "an index for each value"),
            (1, &[0.0, 2.0, 4.0], "beyond the last column"),
            (1, &[0.0, 2.0, -1.0], "no whole numbers"),
            (1, &[0.0, 2.0, 0.5], "no whole numbers"),
            (2, &[1.0, f64::NAN, 5.0], "row 1, column 3 is NaN"),
            (3, &[3.0], "two axes"),
        ] {
            let error = with(at, values);
            assert!(
                error.contains(told) && error.lines().count() == 1,
                "{error}"
            );
        }
    }
}

//! What a file of many arrays or scans has: those that may be points, and columns about them.

#[cfg(any(
    feature = "h5ad",
    feature = "e57",
    feature = "parquet",
    feature = "arrow"
))]
use crate::read::guarded;
use crate::{Result, format::Kind, part::file_of};
#[cfg(any(
    feature = "h5ad",
    feature = "e57",
    feature = "parquet",
    feature = "arrow",
    feature = "safetensors"
))]
use crate::{format::Format, source::Source};
use std::path::Path;

/// What a file of many arrays or scans has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The arrays of numbers with two axes, each of which may be the points.
    pub arrays: Vec<About>,
    /// The columns of numbers, one for each point.
    pub numbers: Vec<String>,
    /// The columns of labels, each with its labels.
    pub labels: Vec<(String, Vec<String>)>,
    /// The scans of an `.e57`, in the order of its labels `scan`. All are points without an array to name.
    pub scans: Vec<Scan>,
}

/// A scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its records, among which rays that met nothing are no points.
    pub points: u64,
}

/// An array that may be the points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name in [`Reading::embedding`](crate::Reading::embedding).
    pub name: String,
    /// Its rows, which are points, and its columns.
    pub shape: [usize; 2],
    /// Whether zeros are not stored.
    pub sparse: bool,
}

/// The outline of a file of many arrays or scans; `None` for one that has one cloud. The columns of lists in a table are arrays.
///
/// # Errors
/// [`Error::Extension`](crate::Error::Extension), [`Error::Foreign`](crate::Error::Foreign),
/// [`Error::Unreadable`](crate::Error::Unreadable) and [`Error::Malformed`](crate::Error::Malformed).
pub fn outline(path: &Path, format: Option<Kind>) -> Result<Option<Outline>> {
    let file = file_of(path);
    if file == Path::new("-") {
        return Ok(None);
    }
    // Only files of many arrays are opened: a pipe has no second beginning.
    let kind = Kind::of_cloud(file, format)?;
    match kind.format {
        #[cfg(feature = "h5ad")]
        Format::H5ad => {
            let source = Source::open(file)?;
            guarded(file, ".h5ad or .h5", || crate::h5ad::outline(file, source)).map(Some)
        }
        #[cfg(feature = "e57")]
        Format::E57 => {
            let source = Source::open(file)?;
            guarded(file, ".e57", || crate::e57::outline(file, source)).map(Some)
        }
        #[cfg(feature = "safetensors")]
        Format::Safetensors => crate::safetensors::outline(file, Source::open(file)?).map(Some),
        #[cfg(feature = "parquet")]
        Format::Parquet => {
            let source = Source::open(file)?;
            guarded(file, ".parquet", || crate::parquet::outline(file, source))
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => {
            let mut stream = Source::open(file)?.stream(kind);
            guarded(file, ".arrow or .feather", || {
                crate::arrow::outline(file, &mut stream)
            })
        }
        _ => Ok(None),
    }
}

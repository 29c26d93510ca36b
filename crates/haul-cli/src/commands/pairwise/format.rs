//! The format of a matrix.

use anyhow::{Result, bail};
use haul_files as formats;
use std::ffi::OsStr;
use std::path::Path;

/// The format, by the extension of the file.
pub(super) enum Format {
    Array,
    Arrays,
    Table,
}

impl Format {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        match extension.as_deref().and_then(OsStr::to_str) {
            Some("npy") => Ok(Self::Array),
            Some("npz") => Ok(Self::Arrays),
            Some("csv") => Ok(Self::Table),
            _ => bail!(formats::Error::Extension {
                file: path.to_owned(),
                known: ".npy, .npz, .csv".to_owned(),
            }),
        }
    }

    pub(super) fn extension(&self) -> &'static str {
        match self {
            Self::Array => ".npy",
            Self::Arrays => ".npz",
            Self::Table => ".csv",
        }
    }
}

//! The formats, by the extensions of file names.

use crate::{Error, Result, text::Dialect};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Npy,
    Npz,
    Ply,
    Csv,
    Tsv,
    Xyz,
    Pcd,
    Obj,
    Stl,
    Off,
    Nifti,
    /// An image, `.png` or `.jpg`: its bytes tell which.
    Image,
    #[cfg(feature = "las")]
    Las,
    #[cfg(feature = "e57")]
    E57,
    #[cfg(feature = "parquet")]
    Parquet,
    #[cfg(feature = "h5ad")]
    H5ad,
    #[cfg(feature = "safetensors")]
    Safetensors,
    #[cfg(feature = "gltf")]
    Gltf,
    #[cfg(feature = "arrow")]
    Arrow,
}

/// The format of a file, and whether gzip packs it: from its name, or from the caller if its name has no known
/// extension. It is parsed from an extension, such as `ply` or `csv.gz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub(crate) format: Format,
    /// Whether gzip packs the whole: `.gz` after the format's own extension.
    pub(crate) packed: bool,
}

/// The format of each extension.
const EXTENSIONS: &[(&str, Format)] = &[
    ("npy", Format::Npy),
    ("npz", Format::Npz),
    ("ply", Format::Ply),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("xyz", Format::Xyz),
    ("pcd", Format::Pcd),
    ("obj", Format::Obj),
    ("stl", Format::Stl),
    ("off", Format::Off),
    ("nii", Format::Nifti),
    ("png", Format::Image),
    ("jpg", Format::Image),
    ("jpeg", Format::Image),
    #[cfg(feature = "las")]
    ("las", Format::Las),
    #[cfg(feature = "las")]
    ("laz", Format::Las),
    #[cfg(feature = "e57")]
    ("e57", Format::E57),
    #[cfg(feature = "parquet")]
    ("parquet", Format::Parquet),
    #[cfg(feature = "h5ad")]
    ("h5ad", Format::H5ad),
    #[cfg(feature = "h5ad")]
    ("h5", Format::H5ad),
    #[cfg(feature = "h5ad")]
    ("hdf5", Format::H5ad),
    #[cfg(feature = "safetensors")]
    ("safetensors", Format::Safetensors),
    #[cfg(feature = "gltf")]
    ("glb", Format::Gltf),
    #[cfg(feature = "gltf")]
    ("gltf", Format::Gltf),
    #[cfg(feature = "arrow")]
    ("arrow", Format::Arrow),
    #[cfg(feature = "arrow")]
    ("feather", Format::Arrow),
];

/// Extensions of clouds and images that haul cannot read, or not in every build, with advice for such a file.
const FOREIGN: &[(&str, &str)] = &[
    (".tab", TABS),
    (".txt", TEXT),
    (".asc", TEXT),
    (".pts", TEXT),
    (".e57", SCAN),
    (".pt", TORCH),
    (".pth", TORCH),
    (".pkl", PICKLE),
    (".pickle", PICKLE),
    (".feather", FEATHER),
    (".arrow", FEATHER),
    (".xlsx", SHEET),
    (".mat", MATLAB),
    (".rds", R),
    (".loom", LOOM),
    (".zarr", ZARR),
    (".glb", SCENE),
    (".gltf", SCENE),
    (".vtk", MESH),
    (".vtp", MESH),
    (".vtu", MESH),
    (".mgz", BRAIN),
    (".mgh", BRAIN),
    (".gif", PICTURE),
    (".bmp", PICTURE),
    (".tif", PICTURE),
    (".tiff", PICTURE),
    (".webp", PICTURE),
    (".pgm", PICTURE),
];
const PICTURE: &str = "convert the image to .png";
const TABS: &str = "columns with tabs between them are: name the file or a copy of it .tsv";
const TEXT: &str =
    "lines of numbers with spaces between them are: name the file or a copy of it .xyz";
const SCAN: &str = "in Python: scan = pye57.E57('a.e57').read_scan(0); numpy.save('a.npy', numpy.stack([scan['cartesianX'], scan['cartesianY'], scan['cartesianZ']], 1))";
const TORCH: &str =
    "in Python: numpy.save('a.npy', torch.load('a.pt', map_location='cpu').detach().numpy())";
const PICKLE: &str = "in Python: pandas.read_pickle('a.pkl').to_csv('a.csv', index=False)";
const FEATHER: &str = "in Python: pandas.read_feather('a.feather').to_csv('a.csv', index=False)";
const SHEET: &str = "in Python: pandas.read_excel('a.xlsx').to_csv('a.csv', index=False)";
const MATLAB: &str = "in Python: numpy.save('a.npy', scipy.io.loadmat('a.mat')['NAME'])";
const R: &str = "in R: write.csv(readRDS('a.rds'), 'a.csv', row.names = FALSE)";
const LOOM: &str = "in Python: anndata.io.read_loom('a.loom').write_h5ad('a.h5ad')";
const ZARR: &str = "in Python: anndata.io.read_zarr('a.zarr').write_h5ad('a.h5ad')";
const SCENE: &str = "in Python: trimesh.load('a.glb', force='mesh').export('a.ply')";
const MESH: &str = "in Python: meshio.read('a.vtk').write('a.ply')";
const BRAIN: &str = "in Python: nibabel.save(nibabel.load('a.mgz'), 'a.nii.gz')";

impl Format {
    /// Whether it is read from front to back, so that gzip may pack the whole file.
    pub(crate) const fn streams(self) -> bool {
        match self {
            Self::Npy | Self::Ply | Self::Pcd | Self::Nifti => true,
            #[cfg(feature = "arrow")]
            Self::Arrow => true,
            _ => self.is_text() || self.is_mesh(),
        }
    }

    /// Whether clouds are written in it.
    pub(crate) const fn is_written(self) -> bool {
        let mesh = matches!(self, Self::Obj | Self::Stl | Self::Off);
        mesh || self.is_text() || matches!(self, Self::Npy | Self::Npz | Self::Ply)
    }

    /// Whether it has faces, and nothing else than them and vertices that becomes a cloud.
    pub(crate) const fn is_mesh(self) -> bool {
        match self {
            Self::Obj | Self::Stl | Self::Off => true,
            #[cfg(feature = "gltf")]
            Self::Gltf => true,
            _ => false,
        }
    }

    /// Whether it is a table of text.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Xyz)
    }

    /// The dialect that a name promises; a `.csv` shows its own.
    pub(crate) const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Tsv => Some(Dialect::TABS),
            _ => None,
        }
    }

    /// Whether it has columns that can be selected.
    pub(crate) const fn is_table(self) -> bool {
        match self {
            Self::Image | Self::Nifti => false,
            #[cfg(feature = "las")]
            Self::Las => false,
            _ => !self.is_mesh(),
        }
    }

    /// Whether it has columns of labels, by which the points may be divided into groups.
    pub(crate) const fn has_labels(self) -> bool {
        match self {
            Self::Csv | Self::Tsv => true,
            #[cfg(feature = "e57")]
            Self::E57 => true,
            #[cfg(feature = "parquet")]
            Self::Parquet => true,
            #[cfg(feature = "arrow")]
            Self::Arrow => true,
            #[cfg(feature = "h5ad")]
            Self::H5ad => true,
            _ => false,
        }
    }

    /// Whether it may have arrays of which one must be named.
    pub(crate) const fn has_arrays(self) -> bool {
        match self {
            #[cfg(feature = "parquet")]
            Self::Parquet => true,
            #[cfg(feature = "arrow")]
            Self::Arrow => true,
            #[cfg(feature = "h5ad")]
            Self::H5ad => true,
            #[cfg(feature = "safetensors")]
            Self::Safetensors => true,
            _ => false,
        }
    }

    /// Whether it has a place for weights, and for other numbers beside the points.
    pub(crate) const fn has_weights(self) -> bool {
        matches!(self, Self::Npz | Self::Ply | Self::Csv | Self::Tsv)
    }
}

impl Kind {
    /// The kind of standard input.
    pub(crate) const CSV: Self = Self {
        format: Format::Csv,
        packed: false,
    };

    /// The kind that the name gives, if it is one of `formats`.
    pub(crate) fn among(path: &Path, formats: impl Fn(Format) -> bool) -> Result<Self> {
        let (plain, packed) = unpacked(path);
        let allowed = |format: Format| formats(format) && (format.streams() || !packed);
        let named = |(extension, format): &(&str, Format)| {
            (allowed(*format) && has_extension(plain, extension)).then_some(*format)
        };
        match EXTENSIONS.iter().find_map(named) {
            Some(format) => Ok(Self { format, packed }),
            None => Err(Error::Extension {
                file: path.into(),
                known: known(formats),
            }),
        }
    }

    /// The kind that the name of an input gives, or else this `format`.
    pub(crate) fn of_cloud(path: &Path, format: Option<Self>) -> Result<Self> {
        let unknown = match (Self::among(path, |_| true), format) {
            (Ok(named), _) => return Ok(named),
            (Err(_), Some(format)) => return Ok(format),
            (Err(unknown), None) => unknown,
        };
        let (plain, _) = unpacked(path);
        let is = |(extension, _): &&(&str, _)| has_extension(plain, &extension[1..]);
        match FOREIGN.iter().find(is) {
            Some(&(extension, remedy)) => Err(Error::Foreign {
                file: path.into(),
                extension,
                remedy,
            }),
            None => Err(unknown),
        }
    }

    /// The kind that the name of an output gives, or else this `format`; csv on standard output.
    pub(crate) fn of_target(path: &Path, format: Option<Self>) -> Result<Self> {
        let written = Format::is_written;
        let format = format.or((path == Path::new("-")).then_some(Self::CSV));
        match (Self::among(path, written), format) {
            (Err(_), Some(format)) if written(format.format) => Ok(format),
            (named, _) => named,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(extension: &str) -> std::result::Result<Self, String> {
        let name = format!("a.{}", extension.trim_start_matches('.'));
        let named = Self::among(Path::new(&name), |_| true);
        named.map_err(|_| format!("choose from {}", known(|_| true)))
    }
}

/// The name without the extension of gzip, and whether it had that extension.
fn unpacked(path: &Path) -> (&Path, bool) {
    match path.file_stem() {
        Some(stem) if has_extension(path, "gz") => (Path::new(stem), true),
        _ => (path, false),
    }
}

/// The extensions, as a text.
fn known(formats: impl Fn(Format) -> bool) -> String {
    let of = |choice: &dyn Fn(Format) -> bool| {
        let names = EXTENSIONS.iter().filter(|(_, format)| choice(*format));
        names
            .map(|(name, _)| format!(".{name}"))
            .collect::<Vec<_>>()
    };
    let (all, streams) = (
        of(&formats),
        of(&|format| formats(format) && format.streams()),
    );
    let all = all.join(", ");
    match streams.last() {
        Some(last) => format!("{all}, or one packed by gzip, as {last}.gz"),
        None => all,
    }
}

/// Whether the name has this extension, in upper or lower case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The name of one file of a sequence: `cloud.ply.gz` becomes `cloud_007.ply.gz`.
pub fn numbered(path: &Path, number: usize, digits: usize) -> PathBuf {
    let mut extensions = OsString::new();
    let mut stem = path;
    for _ in 0..1 + usize::from(has_extension(path, "gz")) {
        if let (Some(rest), Some(extension)) = (stem.file_stem(), stem.extension()) {
            let mut longer = OsString::from(".");
            longer.push(extension);
            longer.push(extensions);
            (stem, extensions) = (Path::new(rest), longer);
        }
    }
    let mut name = stem.file_name().unwrap_or_default().to_owned();
    name.push(format!("_{number:0digits$}"));
    name.push(extensions);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_sequence_are_numbered_before_their_extensions() {
        for (path, expected) in [
            ("a/b.c/cloud.ply", "a/b.c/cloud_007.ply"),
            ("cloud.v1.PLY.gz", "cloud.v1_007.PLY.gz"),
            ("cloud.gz", "cloud_007.gz"),
        ] {
            assert_eq!(numbered(Path::new(path), 7, 3), Path::new(expected));
        }
    }
}

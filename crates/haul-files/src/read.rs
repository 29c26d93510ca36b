//! From files to clouds and weights.

use crate::{
    Cloud, Colours, Columns, Contents, Error, Result, Surface,
    cloud::check_weights,
    format::{Format, Kind},
    image,
    labels::Groups,
    mesh, nifti, npy, npz,
    part::Part,
    pcd, ply,
    source::Source,
    text,
};
use std::path::{Path, PathBuf};

/// How to read a file, where its name and its first row are not enough or are wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The selected columns.
    pub columns: Columns,
    /// Whether the first row of a table of text is a header; none decides by the row itself.
    pub header: Option<bool>,
    /// The format of a file whose name has no known extension, such as standard input.
    pub format: Option<Kind>,
    /// Whether an array of one or two axes has masses on a grid, and not points. Arrays of three axes, and images,
    /// always have masses.
    pub grid: bool,
    /// The measure that a surface becomes: of an `.obj`, `.stl`, `.off` or `.glb` by default [`Surface::Vertices`], of a `.ply`
    /// by default its vertices without regard to faces.
    pub surface: Option<Surface>,
    /// The column of labels that divides a table into groups of points. A path such as `cells.csv:day0` names one of them.
    pub group: Option<String>,
    /// The array that has the points of a file of many arrays: of an `.h5ad` one of `obsm`, `X`, or `layers:` and a name; in any
    /// HDF5 file the place of an array; of a `.parquet` or `.arrow` a column of lists of numbers.
    pub embedding: Option<String>,
    /// Whether dark is mass: of an image 1 minus the luma, of an array the largest value minus each.
    pub invert: bool,
}

impl Reading {
    /// Reads these columns.
    pub fn of(columns: &Columns) -> Self {
        Self {
            columns: columns.clone(),
            ..Self::default()
        }
    }
}

/// Reads a cloud in the format of its extension; `-` is csv on standard input.
///
/// # Errors
/// Any [`Error`] of reading: the file is unreadable, malformed, cut short or empty, or a
/// value in it is missing or not finite or a weight negative; or the file is ambiguous, as where
/// a column numbers the rows ([`Error::RowNumbers`]) or the first row may be a header
/// ([`Error::DoubtfulHeader`]).
pub fn read_cloud(path: &Path) -> Result<Cloud> {
    read_as(path, &Reading::default())
}

/// Reads a cloud by this reading.
///
/// # Errors
/// As [`read_cloud`], [`Error::NoFaces`] where a surface is asked for of a file without faces, [`Error::NoColumn`] for a selected column that the file does not have, and [`Error::NoTable`] where
/// columns are selected of a file that is not a table, and [`Error::Grid`] where the file has masses on a grid.
pub fn read_as(path: &Path, reading: &Reading) -> Result<Cloud> {
    read_contents(path, reading)?.into_cloud(path)
}

/// Reads the faces of a surface, as triangles of vertices counted from 0; none of a file without faces.
///
/// # Errors
/// As [`read_cloud`], and [`Error::Malformed`] for a face with a vertex that there is not.
pub fn read_faces(path: &Path, reading: &Reading) -> Result<Vec<[usize; 3]>> {
    let part = Part::of(path);
    let (file, kind, source) = opened(part.file, reading, Kind::of_cloud)?;
    let mut stream = source.stream(kind);
    if !kind.format.is_mesh() && kind.format != Format::Ply {
        return Ok(Vec::new());
    }
    let (mesh, format) = match mesh::read(&file, kind.format, &mut stream) {
        Err(Error::Missing { .. }) if kind.format == Format::Ply => return Ok(Vec::new()),
        read => read?,
    };
    mesh.check_corners(&file, format)?;
    Ok(mesh.triangles)
}

/// The files that reading this one opens as well, at their paths: those that a `.gltf` or `.glb` has its numbers in. There are none of
/// other formats, nor of standard input or a pipe, which cannot be read twice.
///
/// # Errors
/// [`Error::Unreadable`] where the system refuses, and [`Error::Malformed`] for a file that is no scene or names files elsewhere.
pub fn files_beside(path: &Path, reading: &Reading) -> Result<Vec<PathBuf>> {
    #[cfg(feature = "gltf")]
    if let Ok(kind) = Kind::of_cloud(path, reading.format)
        && kind.format == Format::Gltf
        && path.is_file()
    {
        let mut stream = Source::open(path)?.stream(kind);
        return mesh::gltf::beside(path, &mut stream);
    }
    #[cfg(not(feature = "gltf"))]
    let _ = (path, reading);
    Ok(Vec::new())
}

/// Reads the colours of an image, a `.png` or a `.jpg`.
///
/// # Errors
/// [`Error::Unreadable`] where the system refuses, [`Error::Malformed`] for bytes that are no image.
pub fn read_colours(path: &Path) -> Result<Colours> {
    image::read_colours(path, Source::open(path)?)
}

/// Reads a cloud, or masses on a grid: an image, an array of three axes, or any array where the reading says that it is a
/// grid. A path such as `file.npz:name`, `file.npy:7` or `file.npz:name:7` names one array of an archive, or the entry 7
/// of an array along its first axis, counted from 0; `file.nii:7` names one volume of a series.
///
/// # Errors
/// As [`read_as`], [`Error::NoArray`] and [`Error::Index`] for a part that the file does not have, [`Error::Axes`] for an
/// array of more than three axes, [`Error::BadCell`] for a value that is negative or not finite, and [`Error::NoMass`].
pub fn read_contents(path: &Path, reading: &Reading) -> Result<Contents> {
    let part = Part::of(path);
    let (file, kind, source) = opened(part.file, reading, Kind::of_cloud)?;
    contents_from(&file, kind, source, reading, &part)
}

/// Reads all groups of a file, each with its name, in the order of [`Labels::names`](crate::Labels::names).
///
/// # Errors
/// As [`read_as`], [`Error::GroupColumn`] where the reading names no column, [`Error::NoLabels`] for a format without
/// labels and [`Error::NoLabel`] for a point without one.
pub fn read_groups(path: &Path, reading: &Reading) -> Result<Vec<(String, Cloud)>> {
    let part = Part::of(path);
    let (file, kind, source) = opened(part.file, reading, Kind::of_cloud)?;
    let (groups, _) = groups_from(&file, kind, source, reading, &part)?;
    let named = |name: String| groups.get(&name).map(|cloud| (name, cloud));
    Ok(groups.names().into_iter().filter_map(named).collect())
}

/// The cloud of a file with this name and these bytes.
///
/// # Errors
/// As [`read_cloud`].
pub fn parse_cloud(name: &Path, bytes: &[u8]) -> Result<Cloud> {
    parse_as(name, bytes, &Reading::default())
}

/// The cloud of a file with this name and these bytes, by this reading.
///
/// # Errors
/// As [`read_as`].
pub fn parse_as(name: &Path, bytes: &[u8], reading: &Reading) -> Result<Cloud> {
    parse_contents(name, bytes, reading)?.into_cloud(name)
}

/// What a file with this name and these bytes holds, by this reading.
///
/// # Errors
/// As [`read_contents`].
pub fn parse_contents(name: &Path, bytes: &[u8], reading: &Reading) -> Result<Contents> {
    let part = Part::of(name);
    let kind = Kind::of_cloud(part.file, reading.format)?;
    contents_from(part.file, kind, Source::Memory(bytes), reading, &part)
}

/// Reads one weight (a mass ≥ 0) per point from `.npy` (`n` or `n × 1`) or from one column of
/// `.csv` or `.tsv`; `-` is csv on standard input. Of the reading only header and format are used.
///
/// # Errors
/// As [`read_cloud`], and [`Error::Shape`] where there is more than one column.
pub fn read_weights(path: &Path, reading: &Reading) -> Result<Vec<f64>> {
    let tables = |format| matches!(format, Format::Npy | Format::Csv | Format::Tsv);
    let kind = |path: &Path, format: Option<Kind>| {
        let named = Kind::among(path, tables);
        named.or_else(|error| format.filter(|kind| tables(kind.format)).ok_or(error))
    };
    let (file, kind, source) = opened(path, reading, kind)?;
    let mut stream = source.stream(kind);
    let weights = match kind.format {
        Format::Npy => npy::read(&file, "of weights", &mut stream)?.into_vector(&file)?,
        _ => text::read_column(
            &file,
            &mut stream.reader,
            (kind.format.dialect(), reading.header),
        )?,
    };
    check_weights(&file, &weights, None)?;
    Ok(weights)
}

/// The input, and its name in errors.
fn opened(
    path: &Path,
    reading: &Reading,
    kind: impl Fn(&Path, Option<Kind>) -> Result<Kind>,
) -> Result<(PathBuf, Kind, Source<'static>)> {
    if path == Path::new("-") {
        let kind = kind(path, Some(reading.format.unwrap_or(Kind::CSV)))?;
        return Ok(("standard input".into(), kind, Source::StandardInput));
    }
    Ok((
        path.into(),
        kind(path, reading.format)?,
        Source::open(path)?,
    ))
}

/// The points of the file, divided by the column of this name.
fn groups_from(
    file: &Path,
    kind: Kind,
    source: Source,
    reading: &Reading,
    part: &Part<'_>,
) -> Result<(Groups, String)> {
    let Some(column) = reading.group.clone() else {
        let group = part.group.as_deref().unwrap_or("NAME");
        return Err(Error::GroupColumn {
            path: format!("{}:{group}", file.display()).into(),
            file: file.into(),
        });
    };
    let mut labelled = reading.clone();
    labelled.columns.labels.push(column.clone());
    let mut cloud = whole_from(file, kind, source, &labelled, part)?.into_cloud(file)?;
    let labels = cloud.labels.pop().unwrap_or_default();
    Ok((Groups::new(cloud, labels), column))
}

/// The file, or the group of it that the part names.
fn contents_from(
    file: &Path,
    kind: Kind,
    source: Source,
    reading: &Reading,
    part: &Part<'_>,
) -> Result<Contents> {
    if reading.group.is_none() && part.group.is_none() {
        return whole_from(file, kind, source, reading, part);
    }
    let (groups, column) = groups_from(file, kind, source, reading, part)?;
    let names = || groups.names();
    let Some(wanted) = &part.group else {
        return Err(Error::Groups {
            file: file.into(),
            column,
            names: names(),
        });
    };
    let group = groups.get(wanted).ok_or_else(|| Error::NoGroup {
        file: file.into(),
        column,
        wanted: wanted.clone(),
        names: names(),
    });
    group.map(Contents::Cloud)
}

fn whole_from(
    file: &Path,
    kind: Kind,
    source: Source,
    reading: &Reading,
    part: &Part<'_>,
) -> Result<Contents> {
    let columns = &reading.columns;
    if !columns.labels.is_empty() && !kind.format.has_labels() {
        return Err(Error::NoLabels { file: file.into() });
    }
    if !columns.is_default() && !kind.format.is_table() {
        return Err(Error::NoTable { file: file.into() });
    }
    if reading.embedding.is_some() && !kind.format.has_arrays() {
        return Err(Error::NoEmbeddings { file: file.into() });
    }
    let has_faces = kind.format.is_mesh() || kind.format == Format::Ply;
    if reading.surface.is_some() && !has_faces {
        return Err(Error::NoFaces { file: file.into() });
    }
    if reading.surface.is_some() && !columns.is_default() {
        return Err(Error::NoTable { file: file.into() });
    }
    if source.length() == Some(0) && !kind.format.is_text() {
        return Err(Error::NoBytes { file: file.into() });
    }
    let contents;
    let source = match source.length() {
        // A pipe has no end to begin at.
        None if !kind.format.streams() => {
            contents = source.contents(file)?;
            Source::Memory(&contents)
        }
        _ => source,
    };
    match kind.format {
        Format::Npz => npz::read(file, source, reading, part),
        Format::Image => image::read(file, source, reading.invert).map(Contents::Histogram),
        #[cfg(feature = "las")]
        Format::Las => {
            guarded(file, ".las or .laz", || crate::las::read(file, source)).map(Contents::Cloud)
        }
        #[cfg(feature = "e57")]
        Format::E57 => {
            guarded(file, ".e57", || crate::e57::read(file, source, columns)).map(Contents::Cloud)
        }
        #[cfg(feature = "parquet")]
        Format::Parquet => guarded(file, ".parquet", || {
            crate::parquet::read(file, source, reading)
        })
        .map(Contents::Cloud),
        #[cfg(feature = "h5ad")]
        Format::H5ad => guarded(file, ".h5ad or .h5", || {
            crate::h5ad::read(file, source, reading)
        })
        .map(Contents::Cloud),
        #[cfg(feature = "safetensors")]
        Format::Safetensors => crate::safetensors::read(file, source, reading).map(Contents::Cloud),
        _ => {
            let mut stream = source.stream(kind);
            let of_cloud = |read: Cloud| Contents::Cloud(read);
            let surface = reading.surface.unwrap_or_default();
            let read = match kind.format {
                Format::Npy => {
                    npy::read_contents(file, "of points", &mut stream, reading, &part.indices)?
                }
                Format::Nifti => nifti::read(file, &mut stream, reading, &part.indices)?,
                Format::Pcd => of_cloud(pcd::read(file, &mut stream, columns)?),
                #[cfg(feature = "arrow")]
                Format::Arrow => of_cloud(guarded(file, ".arrow or .feather", || {
                    crate::arrow::read(file, &mut stream, reading)
                })?),
                format if format.is_mesh() || reading.surface.is_some() => {
                    let (mesh, name) = mesh::read(file, format, &mut stream)?;
                    of_cloud(mesh.into_cloud(file, surface, name)?)
                }
                Format::Ply => of_cloud(ply::read(file, &mut stream, columns)?),
                Format::Xyz => of_cloud(text::read_xyz(file, &mut stream.reader, reading)?),
                _ => {
                    let dialect = kind.format.dialect();
                    of_cloud(text::read_csv(file, &mut stream.reader, reading, dialect)?)
                }
            };
            if kind.packed {
                let end = |error| Error::broken(file, "end of the file", error, "gzip");
                stream.finish().map_err(end)?;
            }
            Ok(read)
        }
    }
}

/// Calls a library that may panic on malformed files, and silences the panic.
pub(crate) fn guarded<T>(
    file: &Path,
    format: &'static str,
    read: impl FnOnce() -> Result<T>,
) -> Result<T> {
    use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
    use std::{cell::Cell, sync::Once};
    thread_local! {
        static GUARDED: Cell<bool> = const { Cell::new(false) };
    }
    static SILENCE: Once = Once::new();
    // If somebody sets another hook later, it sees the panics; the errors stay the same.
    SILENCE.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                told(panic);
            }
        }));
    });
    GUARDED.set(true);
    // The state that a panic leaves behind is not used again.
    let read = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    read.unwrap_or_else(|_| {
        let reason = "does not follow the format";
        Err(Error::malformed(file, "somewhere inside", reason, format))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_panic_that_becomes_an_error_is_not_heard() {
        const OWN: &str = "read::tests::a_panic_that_becomes_an_error_is_not_heard";
        if std::env::var_os("HAUL_TEST_PANICS").is_some() {
            let read = guarded(Path::new("a.las"), ".las", || -> Result<()> {
                panic!("of a library")
            });
            assert!(read.is_err());
            let other = std::thread::spawn(|| panic!("of somebody else"));
            assert!(other.join().is_err());
            return;
        }
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", OWN, "--nocapture"]);
        let ran = alone.env("HAUL_TEST_PANICS", "1").output().unwrap();
        let heard = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{heard}");
        assert!(heard.contains("of somebody else"), "{heard}");
        assert!(!heard.contains("of a library"), "{heard}");
    }
}

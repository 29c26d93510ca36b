//! From clouds and arrays to files.

use crate::{
    Attributes, Error, Placement, Reading, Result, atomic,
    columns::DISPLACEMENT,
    format::{Format, Kind, has_extension},
    image,
    mesh::{self, Mesh, Surface, obj, off, stl},
    npy, npz, ply,
    source::Source,
    text::{self, Dialect},
    volume,
};
use flate2::{Compression, write::GzEncoder};
use std::{
    io::{self, Cursor, Write},
    path::Path,
};

/// A named array of numbers, to be written to a file.
#[derive(Clone, Debug)]
pub struct Array<'a> {
    /// Its name in an `.npz`; an `.npy` has no place for a name.
    pub name: &'a str,
    /// Sizes of the axes, slowest first; their product is the length of `values`.
    pub shape: Vec<usize>,
    /// The values in C order.
    pub values: &'a [f64],
}

/// Writes a cloud (row-major `n × dimension`) and the masses of its points as float64, in the
/// format of the extension, or else in this one; `-` is standard output, as csv unless
/// `format` says otherwise. An existing target is replaced only when the new one is complete.
///
/// # Errors
/// [`Error::Extension`] for an unknown format, [`Error::Unstorable`] where the format
/// has no place for the weights (`.npy`, `.xyz`) or the dimension (`.ply` beyond 3),
/// [`Error::Shape`] and [`Error::WeightCount`] where the lengths disagree,
/// [`Error::Unwritable`] where the system refuses.
pub fn write_cloud(
    path: &Path,
    format: Option<Kind>,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
) -> Result<()> {
    write_with(
        path,
        format,
        points,
        dimension,
        weights,
        &Attributes::default(),
    )
}

/// [`write_cloud`] with attributes of the points: numbers beside the coordinates, and the coordinates' names.
///
/// # Errors
/// As [`write_cloud`], and those of [`check_attributes`].
pub fn write_with(
    path: &Path,
    format: Option<Kind>,
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
    attributes: &Attributes,
) -> Result<()> {
    let kind = kind_for(path, format, dimension)?;
    let rows = points.len().checked_div(dimension).unwrap_or(0);
    let array = Array {
        name: "points",
        shape: vec![rows, dimension],
        values: points,
    };
    check_array(path, &array)?;
    if let Some(weights) = weights.filter(|weights| weights.len() != rows) {
        return Err(Error::WeightCount {
            file: path.into(),
            points: rows,
            weights: weights.len(),
        });
    }
    if weights.is_some() && !kind.format.has_weights() {
        return Err(Error::Unstorable {
            file: path.into(),
            what: "weights".into(),
            instead: ".npz, .ply or .csv",
        });
    }
    attributes.check(path, rows, dimension)?;
    check_place(path, kind, attributes.what())?;
    check_points(path, kind)?;
    if kind.format == Format::Npz {
        let weights = weights.map(|values| Array {
            name: "weights",
            shape: vec![rows],
            values,
        });
        let displacement = attributes.displacement.map(|values| Array {
            name: DISPLACEMENT,
            shape: vec![rows],
            values,
        });
        let channels =
            |colours: &[[u8; 3]]| colours.iter().flatten().map(|c| f64::from(*c)).collect();
        let channels: Option<Vec<f64>> = attributes.colours.map(channels);
        let colours = channels.as_deref().map(|values| Array {
            name: "colors",
            shape: vec![rows, 3],
            values,
        });
        let arrays = [Some(array), weights, displacement, colours];
        return write_npz(path, &arrays.into_iter().flatten().collect::<Vec<_>>());
    }
    write_stream(path, kind, |out| match kind.format {
        Format::Npy => npy::write(out, &array),
        Format::Ply => {
            let beside = (weights, &attributes.extras()[..]);
            ply::write(out, (points, dimension), beside, &[])
        }
        Format::Xyz => text::write_xyz(out, points, dimension),
        Format::Obj => obj::write(out, points, &[]),
        Format::Off => off::write(out, points, &[]),
        format => {
            let dialect = format.dialect().unwrap_or(Dialect::COMMAS);
            text::write_csv(out, (points, dimension), weights, attributes, dialect)
        }
    })
}

/// Writes the cloud of the file `source`, which was read by this reading, with its points (row-major
/// `n × dimension`) moved to `points`. From `.ply` to `.ply` everything else in the source is kept byte
/// for byte: properties of the vertices, faces and other elements, comments, and the encoding. From `.obj` to `.obj` and from
/// `.off` to `.off` all lines but the vertices (and turned normals) are kept, from `.stl` to `.stl` the triangles. From a mesh to
/// a mesh or a `.ply` of another format the triangles are kept, so from a `.glb` to any. From `.csv` to `.csv`, from
/// `.tsv` to `.tsv` and from `.xyz` to `.xyz`, with selected columns, all other columns are kept. Other
/// formats get the points and, if they have a place for them, the `weights`. The attributes come beside all that,
/// each in the place of a property or column of its name, if there is one.
///
/// # Errors
/// As [`write_cloud`], those of [`check_attributes`] and of reading `source`, and [`Error::Unstorable`] where a coordinate
/// exceeds the type that it has there.
pub fn write_moved(
    path: &Path,
    (source, reading): (&Path, &Reading),
    points: &[f64],
    dimension: usize,
    weights: Option<&[f64]>,
    attributes: &Attributes,
) -> Result<()> {
    let kind = kind_for(path, reading.format, dimension)?;
    let rows = points.len().checked_div(dimension).unwrap_or(0);
    attributes.check(path, rows, dimension)?;
    check_place(path, kind, attributes.what())?;
    if let Some(kind_of_source) = keeps_faces(kind, source, reading) {
        let mesh = moved_mesh((source, kind_of_source), points)?;
        return write_stream(path, kind, |out| match kind.format {
            Format::Obj => obj::write(out, points, &mesh.triangles),
            Format::Off => off::write(out, points, &mesh.triangles),
            Format::Stl => stl::write(out, &mesh),
            _ => {
                let beside = (weights, &attributes.extras()[..]);
                ply::write(out, (points, dimension), beside, &mesh.triangles)
            }
        });
    }
    let Some(kind_of_source) = keeps_the_rest(kind, source, reading) else {
        let weights = weights.filter(|_| kind.format.has_weights());
        return write_with(path, reading.format, points, dimension, weights, attributes);
    };
    let open = || Ok(Source::open(source)?.stream(kind_of_source));
    let dialect = kind.format.dialect();
    let comma = match kind.format {
        Format::Csv | Format::Tsv => {
            text::has_decimal_commas(source, open()?.reader, (dialect, reading.header))?
        }
        _ => false,
    };
    let mut stream = open()?;
    if kind.format == Format::Stl {
        return write_stream(path, kind, |out| {
            stl::write_moved(source, &mut stream, points, out)
        });
    }
    let (from, reader) = ((source, reading), &mut stream.reader);
    write_stream(path, kind, |out| match kind.format {
        Format::Csv | Format::Tsv => {
            text::write_moved_csv(from, reader, (dialect, comma), (points, attributes), out)
        }
        Format::Xyz => text::write_moved_xyz(from, reader, (points, attributes), out),
        Format::Obj => obj::write_moved(source, reader, (points, attributes), out),
        Format::Off => off::write_moved(source, reader, points, out),
        _ => ply::write_moved(
            (source, &reading.columns),
            reader,
            (points, attributes),
            out,
        ),
    })
}

/// Checks a target of [`write_moved`] before the work whose result it will hold.
///
/// # Errors
/// Those of [`check_cloud`], and [`Error::Unreadable`] where the source, which has other data to keep, is a pipe and
/// can be read only once.
pub fn check_moved(
    path: &Path,
    (source, reading): (&Path, &Reading),
    dimension: usize,
) -> Result<()> {
    let kind = kind_for(path, reading.format, dimension)?;
    let keeps = keeps_the_rest(kind, source, reading).or(keeps_faces(kind, source, reading));
    let keeps = keeps.is_some();
    if !keeps {
        check_points(path, kind)?;
    }
    if keeps && atomic::is_special(source) {
        let reason = "a pipe is read once, and what it holds beside the points is needed again";
        return Err(Error::Unreadable {
            file: source.into(),
            reason: io::Error::other(reason),
        });
    }
    atomic::check(path)
}

/// Checks a target of [`write_cloud`] before the work whose result it will hold.
///
/// # Errors
/// [`Error::Extension`], [`Error::Unstorable`], [`Error::Directory`], [`Error::Unwritable`].
pub fn check_cloud(path: &Path, format: Option<Kind>, dimension: usize) -> Result<()> {
    check_points(path, kind_for(path, format, dimension)?)?;
    atomic::check(path)
}

/// Refuses a target that has no place for a number, or a colour, of each point.
///
/// # Errors
/// [`Error::Extension`], and [`Error::Unstorable`] for `.npy` and `.xyz`.
pub fn check_attributes(path: &Path, format: Option<Kind>, attributes: &Attributes) -> Result<()> {
    check_place(path, Kind::of_target(path, format)?, attributes.what())
}

/// Whether the format that the extension names, or else this one, calls what is beside the points by names of their own, so that
/// nobody takes it for coordinates: a `.ply` or an `.npz`.
///
/// # Errors
/// [`Error::Extension`].
pub fn names_attributes(path: &Path, format: Option<Kind>) -> Result<bool> {
    let kind = Kind::of_target(path, format)?;
    Ok(matches!(kind.format, Format::Ply | Format::Npz))
}

fn check_place(path: &Path, kind: Kind, what: Option<&str>) -> Result<()> {
    match what.filter(|_| !kind.format.has_weights()) {
        None => Ok(()),
        Some(what) => Err(Error::Unstorable {
            file: path.into(),
            what: what.into(),
            instead: ".ply, .csv or .npz",
        }),
    }
}

/// Whether the format of the extension, or else this one, has a place for the weights of a cloud.
///
/// # Errors
/// [`Error::Extension`].
pub fn holds_weights(path: &Path, format: Option<Kind>) -> Result<bool> {
    Ok(Kind::of_target(path, format)?.format.has_weights())
}

/// The kind of a target by its name, if it can hold points of this dimension.
fn kind_for(path: &Path, format: Option<Kind>, dimension: usize) -> Result<Kind> {
    let kind = Kind::of_target(path, format)?;
    if kind.format == Format::Ply && dimension > 3 {
        return Err(Error::Unstorable {
            file: path.into(),
            what: format!("points of dimension {dimension}"),
            instead: ".npy, .npz or .csv",
        });
    }
    if kind.format.is_mesh() && dimension != 3 {
        return Err(Error::Unstorable {
            file: path.into(),
            what: format!("points of dimension {dimension}"),
            instead: ".npy, .npz or .csv",
        });
    }
    Ok(kind)
}

/// Refuses a target that has triangles only.
fn check_points(path: &Path, kind: Kind) -> Result<()> {
    match kind.format {
        Format::Stl => Err(Error::Unstorable {
            file: path.into(),
            what: "points without faces".into(),
            instead: ".ply, .obj or .csv",
        }),
        _ => Ok(()),
    }
}

/// The kind of the source by its name, if the target can hold its other data.
fn keeps_the_rest(target: Kind, source: &Path, reading: &Reading) -> Option<Kind> {
    if reading.group.is_some() {
        // The rows of the file are those of all groups.
        return None;
    }
    // Standard input has been read already.
    let kind = Kind::of_cloud(source, reading.format).ok()?;
    let source = (source != Path::new("-")).then_some(kind)?;
    let keeps = match source.format {
        // Other points than the vertices are not those of the source.
        Format::Ply | Format::Obj | Format::Off | Format::Stl => {
            matches!(reading.surface, None | Some(Surface::Vertices))
        }
        format if format.is_text() => !reading.columns.is_default(),
        _ => false,
    };
    (keeps && source.format == target.format).then_some(source)
}

/// The kind of a source that is a mesh of another format than the target, which has faces as well.
fn keeps_faces(target: Kind, source: &Path, reading: &Reading) -> Option<Kind> {
    let vertices = matches!(reading.surface, None | Some(Surface::Vertices));
    if source == Path::new("-") || !vertices {
        return None;
    }
    let kind = Kind::of_cloud(source, reading.format).ok()?;
    let to_faces = target.format.is_mesh() || target.format == Format::Ply;
    (kind.format.is_mesh() && to_faces && kind.format != target.format).then_some(kind)
}

/// The mesh of a file, with its vertices at `points`.
fn moved_mesh((file, kind): (&Path, Kind), points: &[f64]) -> Result<Mesh> {
    let mut stream = Source::open(file)?.stream(kind);
    let (mesh, name) = mesh::read(file, kind.format, &mut stream)?;
    if mesh.vertices.len() != points.len() {
        let reason = "has other vertices than it had when it was read";
        return Err(Error::malformed(file, "vertices", reason, name));
    }
    let vertices = points.to_vec();
    Ok(Mesh { vertices, ..mesh })
}

/// Lets `fill` write a file from front to back, packed if its name says so.
fn write_stream(
    path: &Path,
    kind: Kind,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    atomic::write(path, |out| {
        let out: &mut dyn Write = out;
        if !kind.packed {
            return fill(out);
        }
        let mut packed = GzEncoder::new(out, Compression::default());
        fill(&mut packed)?;
        packed.finish().map(drop)
    })
}

/// Writes one array as `.npy`, float64 in C order.
///
/// # Errors
/// [`Error::Shape`] where shape and length disagree, [`Error::Unwritable`] where the
/// system refuses.
pub fn write_npy(path: &Path, array: &Array) -> Result<()> {
    check_array(path, array)?;
    atomic::write(path, |out| npy::write(out, array))
}

/// Writes grey pixels, row by row from the top, as `.png`: 0 is black, 255 white.
///
/// # Errors
/// [`Error::Shape`] where width and number of pixels disagree, [`Error::Unwritable`] where the system refuses.
pub fn write_image(path: &Path, width: usize, grey: &[u8]) -> Result<()> {
    let [columns, rows] = sides(path, width, grey.len())?;
    atomic::write(path, |out| image::write(out, columns, rows, grey))
}

/// Writes colours with their opacity, row by row from the top, as `.png` of 8 bits: red, green, blue and opacity of each pixel.
/// At most 256 different ones become a palette.
///
/// # Errors
/// Those of [`write_image`].
pub fn write_colours(path: &Path, width: usize, pixels: &[[u8; 4]]) -> Result<()> {
    let [columns, rows] = sides(path, width, pixels.len())?;
    atomic::write(path, |out| image::write_colours(out, columns, rows, pixels))
}

/// Width and height of an image with so many pixels.
fn sides(path: &Path, width: usize, pixels: usize) -> Result<[u32; 2]> {
    let height = pixels.checked_div(width).unwrap_or(0);
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(columns), Ok(rows)) if rows > 0 && width * height == pixels => Ok([columns, rows]),
        _ => Err(Error::Shape {
            file: path.into(),
            name: "of pixels".into(),
            shape: vec![height as u64, width as u64],
            wanted: "a width and a height whose product is the number of pixels",
        }),
    }
}

/// Grey pixels as the bytes of a `.png`.
///
/// # Errors
/// Those of an encoder, for sides that a `.png` cannot have.
pub fn image_bytes(width: usize, grey: &[u8]) -> io::Result<Vec<u8>> {
    let height = grey.len().checked_div(width).unwrap_or(0);
    let side = |pixels: usize| u32::try_from(pixels).map_err(io::Error::other);
    let mut bytes = Vec::new();
    image::write(&mut bytes, side(width)?, side(height)?, grey)?;
    Ok(bytes)
}

/// Whether the name is that of a volume, `.nii` or `.nii.gz`.
pub fn is_volume(path: &Path) -> bool {
    Kind::among(path, |format| format == Format::Nifti).is_ok()
}

/// Writes masses on the voxels of a volume as `.nii` or `.nii.gz`, float64: one volume of the shape, the last axis fastest, or
/// several, one after the other, whose voxels lie at these places.
///
/// # Errors
/// [`Error::Extension`], [`Error::Shape`] where the number of masses is no multiple of the voxels or an axis is longer than
/// 32 767, [`Error::Unwritable`] where the system refuses.
pub fn write_volume(
    path: &Path,
    shape: [usize; 3],
    placement: &Placement,
    masses: &[f64],
) -> Result<()> {
    let kind = Kind::among(path, |format| format == Format::Nifti)?;
    let cells: usize = shape.iter().product();
    let frames = masses.len().checked_div(cells).unwrap_or(0);
    let sides = shape.iter().chain([&frames]);
    if cells * frames != masses.len()
        || sides
            .into_iter()
            .any(|side| !(1..=volume::MOST).contains(side))
    {
        return Err(Error::Shape {
            file: path.into(),
            name: "of voxels".into(),
            shape: [&shape[..], &[frames]]
                .concat()
                .into_iter()
                .map(|side| side as u64)
                .collect(),
            wanted: "at least one volume, with at most 32767 voxels along an axis",
        });
    }
    write_stream(path, kind, |out| {
        volume::write(out, shape, placement, masses)
    })
}

/// Checks a target of [`write_volume`] before the work whose result it will hold.
///
/// # Errors
/// [`Error::Extension`], [`Error::Directory`], [`Error::Unwritable`].
pub fn check_volume(path: &Path) -> Result<()> {
    Kind::among(path, |format| format == Format::Nifti)?;
    atomic::check(path)
}

/// Writes a surface as `.ply`: corners with three coordinates each, and triangles of three corners, counted from 0.
///
/// # Errors
/// [`Error::Unwritable`] where the system refuses.
pub fn write_mesh(path: &Path, corners: &[[f64; 3]], triangles: &[[u32; 3]]) -> Result<()> {
    atomic::write(path, |out| ply::write_mesh(out, corners, triangles))
}

/// Writes arrays under their names as `.npz`, float64 in C order.
///
/// # Errors
/// As [`write_npy`].
pub fn write_npz(path: &Path, arrays: &[Array]) -> Result<()> {
    arrays
        .iter()
        .try_for_each(|array| check_array(path, array))?;
    atomic::write(path, |out| {
        if !atomic::is_special(path) {
            return npz::write(out, arrays);
        }
        // A pipe cannot seek.
        let mut archive = Cursor::new(Vec::new());
        npz::write(&mut archive, arrays)?;
        out.write_all(archive.get_ref())
    })
}

/// Checks a target of [`write_npz`] or [`write_text`] before the work whose result it will hold: its extension must be
/// that of the only possible format, and the system must allow the file.
///
/// # Errors
/// [`Error::Extension`], [`Error::Directory`], [`Error::Unwritable`].
pub fn check_target(path: &Path, extension: &'static str) -> Result<()> {
    let named = has_extension(path, extension.trim_start_matches('.'));
    if !named && (!atomic::is_special(path) || path == Path::new("-")) {
        return Err(Error::Extension {
            file: path.into(),
            known: extension.into(),
        });
    }
    atomic::check(path)
}

/// Writes a text, such as a picture or a table, unchanged.
///
/// # Errors
/// [`Error::Unwritable`] where the system refuses.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    atomic::write(path, |out| out.write_all(text.as_bytes()))
}

fn check_array(path: &Path, array: &Array) -> Result<()> {
    let length = array
        .shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    if length == Some(array.values.len()) {
        return Ok(());
    }
    Err(Error::Shape {
        file: path.into(),
        name: array.name.into(),
        shape: array.shape.iter().map(|&size| size as u64).collect(),
        wanted: "sizes whose product is the number of its values",
    })
}

//! HDF5: the annotated matrices of single-cell programs (`.h5ad`), and any file with arrays of two axes (`.h5`).
//!
//! An `.h5ad` has a matrix `X` of cells × genes, other arrays with a row for each cell in the groups `obsm` and `layers`, and
//! columns about the cells in the group `obs`.

mod columns;
mod matrix;
mod outline;

use crate::{
    Cloud, Columns, Error, Reading, Result,
    cloud::check_weights,
    columns::weight_by_name,
    error::one_line,
    outline::Outline,
    source::{MAX_RATIO, Source},
};
use half::{bf16, f16};
use hdf5_pure::{
    DType, Dataset, Datatype, DatatypeByteOrder, File, Group, ReadSeekSource, VlenStringReadOptions,
};
use matrix::Matrix;
use std::path::Path;

/// The name of the format in messages.
const NAME: &str = ".h5ad or .h5";

/// The group of the columns about cells.
const OBS: &str = "obs";

/// The numbers of 16 bits, which the library hands out as bytes.
struct Half {
    big: bool,
    /// Whether a number has the exponent of float32: bfloat16.
    brain: bool,
}

impl Half {
    /// `None` for another type.
    fn of(kind: &Datatype) -> Option<Self> {
        let Datatype::FloatingPoint {
            size: 2,
            byte_order,
            layout,
        } = kind
        else {
            return None;
        };
        let brain = match (layout.exponent_size, layout.mantissa_size) {
            (5, 10) => false,
            (8, 7) => true,
            _ => return None,
        };
        let big = match byte_order {
            DatatypeByteOrder::LittleEndian => false,
            DatatypeByteOrder::BigEndian => true,
            _ => return None,
        };
        Some(Self { big, brain })
    }

    fn value(&self, bytes: [u8; 2]) -> f64 {
        let bits = match self.big {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        match self.brain {
            true => bf16::from_bits(bits).into(),
            false => f16::from_bits(bits).into(),
        }
    }
}

/// An open file.
pub(crate) struct Store<'f> {
    file: &'f Path,
    h5: File,
    /// The most bytes that its arrays can have.
    limit: u64,
}

/// Reads the array that the reading names as points, and the columns that it asks for.
pub(crate) fn read(file: &Path, source: Source, reading: &Reading) -> Result<Cloud> {
    Store::open(file, source)?.cloud(reading)
}

/// What the file has.
pub(crate) fn outline(file: &Path, source: Source) -> Result<Outline> {
    Store::open(file, source)?.outline()
}

impl<'f> Store<'f> {
    fn open(file: &'f Path, source: Source) -> Result<Self> {
        let malformed =
            |error: &dyn ToString| Error::malformed(file, "the beginning", error.to_string(), NAME);
        let limit = source.length().unwrap_or(0).saturating_mul(MAX_RATIO);
        let opened = match source {
            Source::File(handle) => {
                let source = ReadSeekSource::new(handle).map_err(|error| malformed(&error))?;
                File::from_source(source)
            }
            Source::Memory(bytes) => File::from_bytes(bytes.to_vec()),
            Source::StandardInput => File::from_bytes(Vec::new()),
        };
        let h5 = opened.map_err(|error| malformed(&error))?;
        Ok(Self { file, h5, limit })
    }

    fn cloud(&self, reading: &Reading) -> Result<Cloud> {
        let wanted = reading.embedding.as_deref();
        let missing = || {
            Ok::<_, Error>(Error::Embedding {
                file: self.file.into(),
                wanted: wanted.map(str::to_owned),
                found: self
                    .outline()?
                    .arrays
                    .into_iter()
                    .map(|it| it.name)
                    .collect(),
            })
        };
        let Some(place) = wanted.and_then(|wanted| self.place_of_array(wanted)) else {
            return Err(missing()?);
        };
        let matrix = self.matrix(&place)?;
        let names = self.names_of_genes(&place, matrix.columns)?;
        let rows = matrix.rows;
        let labels = reading
            .columns
            .labels
            .iter()
            .map(|name| self.labels(name, rows));
        Ok(Cloud {
            weights: self.weights(reading, rows)?,
            labels: labels.collect::<Result<_>>()?,
            ..self.points(&reading.columns, matrix, names)?
        })
    }

    /// The selected columns of a matrix; without a selection all of them, whatever their names.
    fn points(
        &self,
        columns: &Columns,
        matrix: Matrix,
        names: Option<Vec<String>>,
    ) -> Result<Cloud> {
        let width = matrix.columns;
        let chosen: Vec<usize> = match columns.coordinates.is_empty() {
            true => (0..width).collect(),
            false => {
                let selected = Columns {
                    unweighted: true,
                    labels: Vec::new(),
                    weight: None,
                    coordinates: columns.coordinates.clone(),
                };
                selected
                    .among(self.file, names.as_deref(), width)?
                    .coordinates
            }
        };
        let name = |column: usize| match names.as_ref().and_then(|names| names.get(column)) {
            Some(name) => name.clone(),
            None => (column + 1).to_string(),
        };
        let dimension = chosen.len();
        let points: Vec<f64> = match dimension == width && chosen.is_sorted() {
            true => matrix.values,
            false => {
                let rows = matrix.values.chunks_exact(width);
                rows.flat_map(|row| chosen.iter().map(|&column| row[column]))
                    .collect()
            }
        };
        let infinite = |value: &f64| !value.is_finite();
        if let Some(at) = points.iter().position(infinite) {
            let rows = points.chunks_exact(dimension);
            return Err(Error::NotFinite {
                file: self.file.into(),
                row: at / dimension + 1,
                column: one_line(&name(chosen[at % dimension])),
                value: points[at].to_string(),
                rows: rows.filter(|row| row.iter().any(infinite)).count(),
                of: matrix.rows,
            });
        }
        Ok(Cloud {
            points,
            dimension,
            weights: None,
            names: names
                .is_some()
                .then(|| chosen.iter().map(|&column| name(column)).collect()),
            labels: Vec::new(),
        })
    }

    /// The weights of the selected column, or of one named like weights.
    fn weights(&self, reading: &Reading, rows: usize) -> Result<Option<Vec<f64>>> {
        let named = match &reading.columns.weight {
            Some(name) => Some(name.clone()),
            None if reading.columns.unweighted => None,
            None => {
                let names = self.names_of_columns()?;
                weight_by_name(Some(&names)).and_then(|at| names.get(at).cloned())
            }
        };
        let Some(name) = named else {
            return Ok(None);
        };
        let weights = self.numbers_about(&name, rows)?;
        check_weights(self.file, &weights, Some(&name))?;
        Ok(Some(weights))
    }

    /// The place of the array that a name means: `X`, `X_pca` of `obsm`, `layers:counts`, or any place in the file.
    fn place_of_array(&self, wanted: &str) -> Option<String> {
        let path = wanted.replace(':', "/");
        let places = [
            format!("obsm/{path}"),
            path.clone(),
            format!("layers/{path}"),
        ];
        places.into_iter().find(|place| self.is_there(place))
    }

    fn is_there(&self, place: &str) -> bool {
        self.h5.dataset(place).is_ok() || self.h5.group(place).is_ok()
    }

    /// An error about a part of the file.
    fn malformed(&self, place: &str, reason: impl ToString) -> Error {
        Error::malformed(self.file, place, reason, NAME)
    }

    fn dataset(&self, place: &str) -> Result<Dataset> {
        self.h5
            .dataset(place)
            .map_err(|error| self.malformed(place, error))
    }

    fn group(&self, place: &str) -> Result<Group> {
        self.h5
            .group(place)
            .map_err(|error| self.malformed(place, error))
    }

    /// The shape of an array that the file can hold.
    fn shape(&self, place: &str, dataset: &Dataset) -> Result<Vec<usize>> {
        let broken = |error| self.malformed(place, error);
        let shape = dataset.shape().map_err(broken)?;
        let size = dataset.element_size().map_err(broken)?.max(1);
        let elements = shape
            .iter()
            .try_fold(1_u64, |all, side| all.checked_mul(*side));
        let bytes = elements.and_then(|elements| elements.checked_mul(size));
        if bytes.is_none_or(|bytes| bytes > self.limit) {
            return Err(self.malformed(place, "is larger than the file can hold"));
        }
        let sides = shape.into_iter().map(usize::try_from);
        let sides = sides.collect::<std::result::Result<Vec<_>, _>>();
        sides.map_err(|error| self.malformed(place, error))
    }

    /// The numbers of an array; true is 1 and false 0.
    fn numbers(&self, place: &str, dataset: &Dataset) -> Result<Vec<f64>> {
        let count: usize = self.shape(place, dataset)?.iter().product();
        let values = self.values(place, dataset)?;
        match values.len() == count {
            true => Ok(values),
            false => Err(self.malformed(place, "has not as many numbers as its shape says")),
        }
    }

    fn values(&self, place: &str, dataset: &Dataset) -> Result<Vec<f64>> {
        let broken = |error| self.malformed(place, error);
        match dataset.dtype().map_err(broken)? {
            DType::Enum(_) => {
                if dataset.element_size().map_err(broken)? != 1 {
                    return Err(self.not_numbers(place, "of names"));
                }
                let raw = dataset.read_raw().map_err(broken)?;
                Ok(raw.into_iter().map(f64::from).collect())
            }
            DType::String | DType::VariableLengthString => Err(self.not_numbers(place, "text")),
            DType::Compound(_) | DType::Array(..) | DType::ObjectReference => {
                Err(self.not_numbers(place, "of several numbers"))
            }
            DType::Other(kind) => match Half::of(&kind) {
                Some(half) => {
                    let raw = dataset.read_raw().map_err(broken)?;
                    Ok(raw
                        .as_chunks()
                        .0
                        .iter()
                        .map(|bytes| half.value(*bytes))
                        .collect())
                }
                None => Err(self.not_numbers(place, "other than numbers of 8 to 64 bits")),
            },
            _ => dataset.read_f64().map_err(broken),
        }
    }

    fn not_numbers(&self, place: &str, found: &str) -> Error {
        Error::ElementType {
            file: self.file.into(),
            name: place.into(),
            found: found.into(),
        }
    }

    /// The texts of an array.
    fn texts(&self, place: &str, dataset: &Dataset) -> Result<Vec<String>> {
        self.shape(place, dataset)?;
        let broken = |error| self.malformed(place, error);
        let texts = match dataset.dtype().map_err(broken)? {
            DType::VariableLengthString => {
                let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
                let options = VlenStringReadOptions::new().with_max_payload_bytes(most);
                dataset.read_vlen_strings(options)
            }
            _ => dataset.read_string(),
        };
        texts.map_err(broken)
    }

    /// The names of the columns of `X` and of the layers, which are the genes.
    fn names_of_genes(&self, place: &str, columns: usize) -> Result<Option<Vec<String>>> {
        let raw = place.starts_with("raw/");
        let is_of_genes = place == "X" || place.starts_with("layers/") || raw;
        let var = if raw { "raw/var" } else { "var" };
        if !is_of_genes || self.h5.group(var).is_err() {
            return Ok(None);
        }
        let index = self.index(var)?;
        let names = self.texts(&index, &self.dataset(&index)?)?;
        Ok((names.len() == columns).then_some(names))
    }

    /// The place of the index of a table.
    fn index(&self, table: &str) -> Result<String> {
        let attributes = self.group(table)?.attrs();
        let attributes = attributes.map_err(|error| self.malformed(table, error))?;
        let name = attributes.get("_index").and_then(columns::text_of);
        Ok(format!(
            "{table}/{}",
            name.unwrap_or_else(|| "_index".into())
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{About, Contents, Reading, outline, parse_as, parse_contents};
    use std::path::{Path, PathBuf};

    /// The files that AnnData wrote: `tests/made/make.py` has the formulas.
    const FILES: [(&str, &[u8]); 3] = [
        ("cells.h5ad", include_bytes!("../../tests/made/cells.h5ad")),
        ("lzf.h5ad", include_bytes!("../../tests/made/lzf.h5ad")),
        ("plain.h5ad", include_bytes!("../../tests/made/plain.h5ad")),
    ];

    const CELLS: usize = 12;

    fn reading(embedding: &str) -> Reading {
        Reading {
            embedding: Some(embedding.into()),
            ..Reading::default()
        }
    }

    fn counts() -> Vec<f64> {
        let count = |i: usize, gene: usize| match (i + gene) % 3 {
            0 => 1.0 + i as f64,
            _ => 0.0,
        };
        let row = |i| (0..5).map(move |gene| count(i, gene));
        (0..CELLS).flat_map(row).collect()
    }

    #[test]
    fn arrays_are_read_whole_sparse_and_packed() {
        for (name, bytes) in FILES {
            let path = Path::new(name);
            for array in ["X", "layers:counts", "counts", "layers/by_gene"] {
                let cloud = parse_as(path, bytes, &reading(array)).unwrap();
                assert_eq!(
                    (&cloud.points, cloud.dimension),
                    (&counts(), 5),
                    "{name} {array}"
                );
                assert_eq!(cloud.names.unwrap()[4], "gene4");
            }
            let cloud = parse_as(path, bytes, &reading("X_pca")).unwrap();
            let row = |i: usize| [i as f64, 0.5 * i as f64, (i % 4) as f64];
            assert_eq!(cloud.points, (0..CELLS).flat_map(row).collect::<Vec<_>>());
            assert_eq!((cloud.names, cloud.weights), (None, None));
            let cloud = parse_as(path, bytes, &reading("obsm:X_umap")).unwrap();
            assert_eq!(cloud.points[2..4], [1_f64.cos(), 1_f64.sin()]);
        }
    }

    #[test]
    fn columns_are_selected_and_the_cells_have_labels_and_weights() {
        let (name, bytes) = FILES[0];
        let mut reading = reading("X");
        reading.columns.coordinates = vec!["gene3".into(), "1".into()];
        reading.columns.weight = Some("growth".into());
        reading.columns.labels = ["cell_type", "obs:day", "doublet"].map(Into::into).to_vec();
        let cloud = parse_as(Path::new(name), bytes, &reading).unwrap();
        let expected: Vec<f64> = counts()
            .chunks(5)
            .flat_map(|row| [row[3], row[0]])
            .collect();
        assert_eq!(cloud.points, expected);
        assert_eq!(cloud.names.unwrap(), ["gene3", "gene0"]);
        assert_eq!(cloud.weights.unwrap()[..5], [1.0, 1.5, 2.0, 2.5, 1.0]);
        let [kind, day, doublet] = <[_; 3]>::try_from(cloud.labels).unwrap();
        assert_eq!(kind.names(), ["stem", "nerve", "muscle"]);
        assert_eq!(kind.indices(), [0, 0, 0, 0, 2, 2, 2, 2, 1, 1, 1, 1]);
        assert_eq!(day.names(), ["0", "2.5", "10"]);
        assert_eq!(doublet.indices()[..6], [1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn groups_are_those_of_a_column() {
        let (_, bytes) = FILES[0];
        let mut reading = reading("X_pca");
        reading.group = Some("obs:day".into());
        let parsed = parse_contents(Path::new("cells.h5ad:2.5"), bytes, &reading).unwrap();
        let Contents::Cloud(cloud) = parsed else {
            panic!("a histogram");
        };
        let firsts: Vec<f64> = cloud.points.chunks(3).map(|row| row[0]).collect();
        assert_eq!(firsts, [1.0, 4.0, 7.0, 10.0]);
    }

    #[test]
    fn an_outline_tells_what_to_choose_from() {
        let path = PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/made/cells.h5ad"
        ));
        let outline = outline(&path, None).unwrap().unwrap();
        let about = |name: &str, shape, sparse| About {
            name: name.into(),
            shape,
            sparse,
        };
        for array in [
            about("X_pca", [12, 3], false),
            about("layers:by_gene", [12, 5], true),
            about("X", [12, 5], true),
        ] {
            assert!(outline.arrays.contains(&array), "{:?}", outline.arrays);
        }
        assert_eq!(outline.numbers, ["day", "doublet", "growth", "lane"]);
        assert_eq!(outline.labels[1].1, ["plate 0", "plate 1"]);
        assert_eq!(
            super::outline(&path, crate::source::Source::open(&path).unwrap()).unwrap(),
            outline
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let (name, bytes) = FILES[0];
        let told = |change: &dyn Fn(&mut Reading)| {
            let mut reading = reading("X_pca");
            change(&mut reading);
            parse_as(Path::new(name), bytes, &reading)
                .unwrap_err()
                .to_string()
        };
        for (told, parts) in [
            (
                told(&|reading| reading.embedding = None),
                &["has arrays; say which", "X_pca, X_umap, layers:"][..],
            ),
            (
                told(&|reading| reading.embedding = Some("PCA".into())),
                &["no array \"PCA\"", "X_pca"],
            ),
            (
                told(&|reading| reading.embedding = Some("layers".into())),
                &["layers: is a group of arrays"],
            ),
            (
                told(&|reading| reading.columns.labels = vec!["lane".into()]),
                &["row 8, column lane has no label"],
            ),
            (
                told(&|reading| reading.columns.weight = Some("plate".into())),
                &["array plate holds values of type text"],
            ),
            (
                told(&|reading| reading.columns.labels = vec!["week".into()]),
                &["no column \"week\"", "cell_type"],
            ),
            (
                told(&|reading| reading.columns.coordinates = vec!["4".into()]),
                &["no column \"4\"", "from 1 to 3"],
            ),
        ] {
            for part in parts {
                assert!(told.contains(part), "{told} lacks {part}");
            }
        }
        let none = parse_as(Path::new("a.csv"), b"1\n2\n", &reading("X")).unwrap_err();
        assert!(none.to_string().contains("no arrays to choose from"));
    }

    #[test]
    fn files_that_are_cut_or_changed_never_panic() {
        let bytes = FILES[2].1;
        let mut all = reading("X");
        all.columns.labels = vec!["cell_type".into(), "lane".into()];
        let mut read = 0;
        let mut survives = |bytes: &[u8]| match parse_as(Path::new("a.h5ad"), bytes, &all) {
            Ok(_) => read += 1,
            Err(error) => assert_eq!(error.to_string().lines().count(), 1, "{error}"),
        };
        for at in (0..bytes.len()).step_by(61) {
            survives(&bytes[..at]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                survives(&changed);
            }
        }
        // Row 8 has no lane, so that only a changed mask could be read.
        assert!(read < 50, "{read}");
        all.columns.labels.pop();
        assert!(parse_as(Path::new("a.h5ad"), bytes, &all).is_ok());
    }
}

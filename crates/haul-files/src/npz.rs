//! NumPy's `.npz`: a zip archive of `.npy` members. A cloud is the array `points` and, if there is one,
//! the array `weights` or another one with the name of a weight. Other arrays are read by their names.

use crate::{
    Array, Columns, Contents, Error, Reading, Result,
    cloud::check_weights,
    columns::{weight_by_name, weight_like},
    error::one_line,
    npy::{self, Stored},
    part::Part,
    source::{MAX_RATIO, ReadSeek, Source, Stream},
};
use npyz::{
    npz::{NpzArchive, NpzWriter, file_name_from_array_name},
    zip::{CompressionMethod, result::ZipError, write::FileOptions},
};
use std::{
    io::{self, BufReader, Seek, Write},
    path::Path,
};

/// An archive of arrays.
pub(crate) struct Archive<'f> {
    file: &'f Path,
    archive: NpzArchive<Box<dyn ReadSeek + 'f>>,
    /// The names of its arrays, sorted.
    names: Vec<String>,
    /// The most bytes that a member can unpack to: no more than all of the archive can.
    limit: Option<u64>,
}

impl<'f> Archive<'f> {
    /// Reads the table of contents.
    pub(crate) fn open(file: &'f Path, source: Source<'f>) -> Result<Self> {
        let limit = source
            .length()
            .map(|length| length.saturating_mul(MAX_RATIO));
        let contents =
            |reason: &dyn ToString| malformed(file, "table of contents", reason.to_string());
        let archive = source
            .seekable()
            .ok_or_else(|| contents(&"a pipe has none"))?;
        let archive = NpzArchive::new(archive).map_err(|error| contents(&error))?;
        let mut names: Vec<String> = archive.array_names().map(Into::into).collect();
        names.sort();
        Ok(Self {
            file,
            archive,
            names,
            limit,
        })
    }

    /// Whether it has all of these arrays.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        let has = |name: &&str| self.names.iter().any(|found| found == name);
        names.iter().all(has)
    }

    /// The array that a part of the file names, or else its only one, or the array `points`.
    pub(crate) fn part(&mut self, part: &Part<'_>) -> Result<Stored> {
        let name = match (&part.array, &self.names[..]) {
            (Some(name), _) => name.clone(),
            (None, [only]) => only.clone(),
            (None, _) => "points".to_owned(),
        };
        self.array(&name)?.entry(self.file, &part.indices)
    }

    /// The array with this name.
    pub(crate) fn array(&mut self, name: &str) -> Result<Stored> {
        let read = |file: &Path, stream: &mut Stream| npy::read(file, name, stream);
        self.member(name, read)?.ok_or_else(|| self.lacks(name))
    }

    /// The error of an array that is not there.
    fn lacks(&self, wanted: &str) -> Error {
        Error::NoArray {
            file: self.file.into(),
            wanted: wanted.to_owned(),
            found: self.names.iter().map(|name| one_line(name)).collect(),
        }
    }

    /// The result of `read` for an array of the archive, if there is one.
    pub(crate) fn member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Path, &mut Stream) -> Result<T>,
    ) -> Result<Option<T>> {
        let (file, limit) = (self.file, self.limit);
        match self
            .archive
            .zip_archive()
            .by_name(&file_name_from_array_name(name))
        {
            Ok(member) => {
                let mut stream = Stream {
                    reader: Box::new(BufReader::new(member)),
                    limit,
                };
                let array = read(file, &mut stream)?;
                let place = format!("array {name}");
                stream
                    .finish()
                    .map_err(|error| malformed(file, &place, error))?;
                Ok(Some(array))
            }
            Err(ZipError::FileNotFound) => Ok(None),
            Err(error) => Err(malformed(file, &format!("array {name}"), error)),
        }
    }

    /// Refuses to leave out an array that has the name of a weight and one value a point.
    fn check_left(&mut self, points: usize) -> Result<()> {
        let names = self.names.clone();
        let mut others: Vec<_> = (0..names.len())
            .filter(|&at| names[at] != "points")
            .collect();
        while let Some(at) = weight_like(&names, &others, true) {
            others.retain(|&other| other != at);
            let length = |file: &Path, stream: &mut Stream| {
                Ok(npy::read(file, "weights", stream)?.into_vector(file)?.len())
            };
            // Weights are a vector of numbers.
            let found = self.member(&names[at], length);
            if found.is_ok_and(|length| length == Some(points)) {
                return Err(Error::WeightLeftOut {
                    file: self.file.into(),
                    column: names[at].clone(),
                });
            }
        }
        Ok(())
    }
}

/// Reads the array that the part names, or else the array `points`, of which columns may be selected, and the weights: from
/// the selected array, or else from one with the name of a weight.
pub(crate) fn read(
    file: &Path,
    source: Source,
    reading: &Reading,
    part: &Part<'_>,
) -> Result<Contents> {
    let columns = &reading.columns;
    let mut archive = Archive::open(file, source)?;
    let wanted = columns.weight.as_ref();
    let chosen = wanted.filter(|wanted| archive.names.contains(wanted));
    let of_points = Reading {
        columns: Columns {
            // A name that no array has may be that of a column.
            weight: wanted.filter(|_| chosen.is_none()).cloned(),
            ..columns.clone()
        },
        ..reading.clone()
    };
    let name = part.array.as_deref().unwrap_or("points");
    let contents = archive.member(name, |file, stream| {
        npy::read_contents(file, name, stream, &of_points, &part.indices)
    })?;
    let mut cloud = match contents {
        Some(Contents::Cloud(cloud)) => cloud,
        Some(histogram) => return Ok(histogram),
        None => return Err(archive.lacks(name)),
    };
    if part.array.is_some() && chosen.is_none() {
        return Ok(Contents::Cloud(cloud));
    }
    let n = cloud.points.len() / cloud.dimension;
    let named = weight_by_name(Some(&archive.names)).filter(|_| cloud.weights.is_none());
    let named = named.map(|at| archive.names[at].clone());
    if let Some(name) = chosen.cloned().or(named) {
        let vector = |file: &Path, stream: &mut Stream| {
            npy::read(file, "weights", stream)?.into_vector(file)
        };
        let weights = archive.member(&name, vector)?.unwrap_or_default();
        if weights.len() != n {
            return Err(Error::WeightCount {
                file: file.into(),
                points: n,
                weights: weights.len(),
            });
        }
        check_weights(file, &weights, None)?;
        cloud.weights = Some(weights);
    }
    if cloud.weights.is_none() && !columns.unweighted {
        archive.check_left(n)?;
    }
    Ok(Contents::Cloud(cloud))
}

fn malformed(file: &Path, place: &str, reason: impl ToString) -> Error {
    Error::malformed(file, place, reason, ".npz with numpy.savez")
}

/// Writes each array as a member.
pub(crate) fn write(out: impl Write + Seek, arrays: &[Array]) -> io::Result<()> {
    let mut archive = NpzWriter::new(out);
    for array in arrays {
        // Packing would take time and save little: the digits of measured numbers hardly shrink.
        let options = FileOptions::default()
            .compression_method(CompressionMethod::Stored)
            // Near 4 GiB a member needs the wider header.
            .large_file(size_of_val(array.values) > u32::MAX as usize / 2);
        archive
            .zip_writer()
            .start_file(file_name_from_array_name(array.name), options)?;
        npy::write(archive.zip_writer(), array)?;
    }
    archive.zip_writer().finish()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tests::{message, parse};
    use std::io::Cursor;

    fn npz(arrays: &[(&'static str, Vec<usize>, &[f64])]) -> Vec<u8> {
        let arrays: Vec<_> = arrays
            .iter()
            .map(|&(name, ref shape, values)| Array {
                name,
                shape: shape.clone(),
                values,
            })
            .collect();
        let mut out = Cursor::new(Vec::new());
        write(&mut out, &arrays).unwrap();
        out.into_inner()
    }

    #[test]
    fn other_arrays_are_passed_over_and_weights_may_be_a_column() {
        let bytes = npz(&[
            ("labels", vec![1], &[7.0]),
            ("weights", vec![2, 1], &[0.5, 1.5]),
            ("points", vec![2, 1], &[1.0, 2.0]),
        ]);
        let cloud = parse("a.npz", &bytes).unwrap();
        assert_eq!(cloud.points, [1.0, 2.0]);
        assert_eq!(cloud.weights.unwrap(), [0.5, 1.5]);
    }

    #[test]
    fn errors_name_the_array() {
        assert_eq!(
            message(
                "a.npz",
                &npz(&[("y", vec![1], &[7.0]), ("x", vec![1], &[7.0])])
            ),
            "a.npz: has no array \"points\"; choose from x, y, as a.npz:x"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![1], &[1.0])
                ])
            ),
            "a.npz: holds 1 weights for 2 points; give one weight to each point"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![1, 2], &[1.0, 1.0])
                ])
            ),
            "a.npz: array weights has shape [1, 2]; reshape it to (n,) or (n, 1), one weight per point"
        );
        assert_eq!(
            message(
                "a.npz",
                &npz(&[
                    ("points", vec![2], &[7.0, 8.0]),
                    ("weights", vec![2], &[1.0, f64::NAN])
                ])
            ),
            "a.npz: row 2, column weight is NaN; remove the row or give it a finite value"
        );
        assert!(message("a.npz", b"PK\x03\x04").starts_with("a.npz: table of contents: "));
    }

    #[test]
    fn a_claimed_size_reserves_nothing() {
        let mut bytes = npz(&[("points", vec![2], &[7.0, 8.0])]);
        let directory = bytes
            .windows(4)
            .rposition(|window| window == b"PK\x01\x02")
            .unwrap();
        bytes[directory + 24..directory + 28].copy_from_slice(&[0xff; 4]);
        let _ = parse("a.npz", &bytes);
    }
    #[test]
    fn weights_have_one_of_their_names_or_the_one_that_is_asked_for() {
        let with = |name| {
            npz(&[
                ("points", vec![2, 1], &[1.0, 2.0]),
                (name, vec![2], &[0.5, 1.5]),
            ])
        };
        for name in ["weights", "weight", "Weights"] {
            assert_eq!(
                parse("a.npz", &with(name)).unwrap().weights.unwrap(),
                [0.5, 1.5],
                "{name}"
            );
        }
        let asked = |weight: Option<&str>, unweighted, bytes: &[u8]| {
            let columns = Columns {
                coordinates: vec![],
                weight: weight.map(str::to_owned),
                unweighted,
                labels: Vec::new(),
            };
            crate::parse_as("a.npz".as_ref(), bytes, &crate::Reading::of(&columns))
        };
        for name in ["w", "mass", "n", "counts"] {
            let error = parse("a.npz", &with(name)).unwrap_err();
            assert!(
                matches!(&error, Error::WeightLeftOut { column, .. } if column == name),
                "{error}"
            );
            assert_eq!(
                asked(Some(name), false, &with(name))
                    .unwrap()
                    .weights
                    .unwrap(),
                [0.5, 1.5]
            );
            assert_eq!(asked(None, true, &with(name)).unwrap().weights, None);
        }
        assert_eq!(
            asked(Some("label"), false, &with("label"))
                .unwrap()
                .weights
                .unwrap(),
            [0.5, 1.5]
        );
        // Another number of values is something else.
        let other = npz(&[("points", vec![2, 1], &[1.0, 2.0]), ("n", vec![1], &[7.0])]);
        assert_eq!(parse("a.npz", &other).unwrap().weights, None);
        // What is no array is a column of the points.
        let table = npz(&[("points", vec![2, 3], &[1.0, 2.0, 5.0, 3.0, 4.0, 6.0])]);
        let cloud = asked(Some("3"), false, &table).unwrap();
        assert_eq!(
            (&*cloud.points, cloud.weights.unwrap()),
            (&[1.0, 2.0, 3.0, 4.0][..], vec![5.0, 6.0])
        );
        assert!(asked(Some("q"), false, &table).is_err());
    }

    #[test]
    fn an_array_is_named_behind_the_file() {
        let bytes = npz(&[
            (
                "grey",
                vec![2, 2, 2],
                &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
            ),
            ("line", vec![3], &[1.0, 2.0, 3.0]),
        ]);
        let read = |name: &str, grid: bool| {
            let reading = Reading {
                grid,
                ..Reading::default()
            };
            crate::parse_contents(name.as_ref(), &bytes, &reading)
        };
        let masses = |name: &str, grid: bool| match read(name, grid).unwrap() {
            Contents::Histogram(histogram) => (histogram.shape, histogram.masses),
            Contents::Cloud(_) => panic!("a grid is no cloud"),
        };
        assert_eq!(masses("a.npz:grey", false).0, [2, 2, 2]);
        assert_eq!(
            masses("a.npz:grey:1", false),
            (vec![2, 2], vec![5.0, 6.0, 7.0, 8.0])
        );
        assert_eq!(masses("a.npz:line", true), (vec![3], vec![1.0, 2.0, 3.0]));
        // An array of one axis may be points on a line.
        assert!(matches!(read("a.npz:line", false), Ok(Contents::Cloud(_))));
        let told = read("a.npz:gray", false).unwrap_err().to_string();
        assert_eq!(
            told,
            "a.npz: has no array \"gray\"; choose from grey, line, as a.npz:grey"
        );
    }
}

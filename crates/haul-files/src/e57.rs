//! Scans of a `.e57` (ASTM E2807): each has records of points, with the coordinates in the frame of its scanner, and a pose
//! that brings them into the frame of the file. All scans of a file are one cloud.

use crate::{
    Cloud, Columns, Error, Result,
    columns::{Field, Table},
    error::one_line,
    outline::{Outline, Scan},
    pose::rotation,
    source::{ReadSeek, Source, room},
};
use e57::{E57Reader, PointCloud, RecordDataType, RecordName, RecordValue, Transform};
use std::{
    io::{Read, SeekFrom},
    path::Path,
};

/// The name of the format in messages.
const NAME: &str = ".e57";

/// The bytes of the header, and where the length of the text in it stands.
const HEADER: usize = 48;
const LENGTH_OF_TEXT: usize = 32;

/// The names of the coordinates, and of the column that numbers the scans.
const AXES: [&str; 3] = ["x", "y", "z"];
const SCAN: &str = "scan";

/// An open file.
struct Store<'f, 's> {
    file: &'f Path,
    reader: E57Reader<Box<dyn ReadSeek + 's>>,
    scans: Vec<PointCloud>,
}

/// Where the coordinates of a point stand in a record, and how a pose moves them.
struct Axes {
    /// x, y and z, or range, azimuth and elevation.
    places: [usize; 3],
    spherical: bool,
    /// The field that says whether there is a point: 0 if so, 1 if there is only its direction, 2 if nothing.
    state: Option<usize>,
    rotation: [[f64; 3]; 3],
    translation: [f64; 3],
}

/// Reads the points of all scans, in the frame of the file.
pub(crate) fn read(file: &Path, source: Source, columns: &Columns) -> Result<Cloud> {
    Store::open(file, source)?.cloud(columns)
}

/// What the file has.
pub(crate) fn outline(file: &Path, source: Source) -> Result<Outline> {
    let store = Store::open(file, source)?;
    let scans = store.scans.iter().map(|scan| Scan {
        name: scan.name.as_deref().map(one_line),
        points: scan.records,
    });
    let numbers = (0..store.scans.len()).map(|scan| scan.to_string());
    let [axes, fields] = [AXES.map(str::to_owned).to_vec(), store.fields()];
    Ok(Outline {
        scans: scans.collect(),
        numbers: [axes, fields].concat(),
        labels: vec![(SCAN.into(), numbers.collect())],
        arrays: Vec::new(),
    })
}

impl<'f, 's> Store<'f, 's> {
    fn open(file: &'f Path, source: Source<'s>) -> Result<Self> {
        let malformed =
            |reason: &dyn ToString| Error::malformed(file, "header", reason.to_string(), NAME);
        let broken = |error| Error::broken(file, "header", error, NAME);
        let length = source.length().unwrap_or(0);
        let Some(mut reader) = source.seekable() else {
            return Err(Error::NoBytes { file: file.into() });
        };
        let mut header = [0; HEADER];
        reader.read_exact(&mut header).map_err(broken)?;
        let mut text = [0; 8];
        text.copy_from_slice(&header[LENGTH_OF_TEXT..][..8]);
        let text = u64::from_le_bytes(text);
        if text > length {
            let reason = format!("claims {text} bytes of text, and the file has {length}");
            return Err(malformed(&reason));
        }
        reader.seek(SeekFrom::Start(0)).map_err(broken)?;
        let reader = E57Reader::new(reader).map_err(|error| malformed(&error))?;
        let mut scans = reader.pointclouds();
        scans.retain(|scan| scan.records > 0);
        let store = Self {
            file,
            reader,
            scans,
        };
        store.check(length)?;
        Ok(store)
    }

    /// Refuses scans that claim more points than the file has bits, all together: several may point at the same bytes.
    fn check(&self, length: u64) -> Result<()> {
        let mut left = length.saturating_mul(8);
        for (number, scan) in self.scans.iter().enumerate() {
            let bits: u64 = scan.prototype.iter().map(|it| bits(&it.data_type)).sum();
            if bits == 0 {
                return Err(self.malformed(number, "its points are all the same, and have no bits"));
            }
            let claimed = scan.records.saturating_mul(bits);
            left = left.checked_sub(claimed).ok_or_else(|| {
                let reason = format!(
                    "claims {} points, which are more than the file can hold",
                    scan.records
                );
                self.malformed(number, reason)
            })?;
        }
        Ok(())
    }

    fn malformed(&self, scan: usize, reason: impl ToString) -> Error {
        Error::malformed(self.file, &format!("scan {scan}"), reason, NAME)
    }

    /// The names of the fields that all scans have beside the coordinates, in the order of the first scan.
    fn fields(&self) -> Vec<String> {
        let Some(first) = self.scans.first() else {
            return Vec::new();
        };
        let mut names: Vec<String> = Vec::new();
        for record in &first.prototype {
            let Some(name) = name_of(&record.name) else {
                continue;
            };
            let everywhere = self.scans.iter().all(|scan| place(scan, &name).is_some());
            if everywhere && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn cloud(mut self, columns: &Columns) -> Result<Cloud> {
        let fields = self.fields();
        let axes = AXES.map(str::to_owned);
        let names = [&axes[..], &fields, &[SCAN.to_owned()]].concat();
        let width = names.len();
        let mut columns = columns.clone();
        if columns.coordinates.is_empty() {
            columns.coordinates = axes.to_vec();
        }
        let mut table = Table::new(self.file, &columns, Some(names));
        table.choose(width)?;
        let all = self.scans.iter().map(|scan| scan.records);
        let all = all.fold(0, u64::saturating_add);
        table.reserve(|values| room(self.file, values), all)?;
        for (number, scan) in std::mem::take(&mut self.scans).iter().enumerate() {
            let axes = Axes::of(scan).map_err(|reason| self.malformed(number, reason))?;
            let places: Vec<usize> = fields.iter().filter_map(|name| place(scan, name)).collect();
            let file = self.file;
            let broken = |point: u64, error: e57::Error| {
                let place = format!("scan {number}, point {point}");
                Error::malformed(file, &place, error, NAME)
            };
            let records = self.reader.pointcloud_raw(scan);
            let records = records.map_err(|error| broken(1, error))?;
            for (point, record) in (1..).zip(records) {
                let broken = |error| broken(point, error);
                let record = record.map_err(broken)?;
                let Some(xyz) = axes.point(scan, &record).map_err(broken)? else {
                    continue;
                };
                let mut values = Vec::with_capacity(width);
                values.extend(xyz);
                for &place in &places {
                    values.push(number_of(scan, &record, place).map_err(broken)?);
                }
                values.push(number as f64);
                table.push(width, |column| Field::Number(values[column]))?;
            }
        }
        table.finish()
    }
}

impl Axes {
    /// Those of a scan, or why it has none.
    fn of(scan: &PointCloud) -> Result<Self, &'static str> {
        use RecordName::{
            CartesianInvalidState, CartesianX, CartesianY, CartesianZ, SphericalAzimuth,
            SphericalElevation, SphericalInvalidState, SphericalRange,
        };
        let find = |name: RecordName| scan.prototype.iter().position(|it| it.name == name);
        let all = |names: [RecordName; 3]| {
            let [a, b, c] = names.map(find);
            Some([a?, b?, c?])
        };
        let cartesian = all([CartesianX, CartesianY, CartesianZ]);
        let spherical = all([SphericalRange, SphericalAzimuth, SphericalElevation]);
        let (places, spherical, state) = match (cartesian, spherical) {
            (Some(places), _) => (places, false, find(CartesianInvalidState)),
            (None, Some(places)) => (places, true, find(SphericalInvalidState)),
            (None, None) => {
                return Err("its points have neither x, y and z nor range, azimuth and elevation");
            }
        };
        let Transform {
            rotation: quaternion,
            translation,
        } = scan.transform.clone().unwrap_or_default();
        Ok(Self {
            places,
            spherical,
            state,
            rotation: rotation([quaternion.w, quaternion.x, quaternion.y, quaternion.z])
                .ok_or("its pose has no rotation")?,
            translation: [translation.x, translation.y, translation.z],
        })
    }

    /// The point of a record in the frame of the file; `None` where the ray met nothing.
    fn point(&self, scan: &PointCloud, record: &[RecordValue]) -> e57::Result<Option<[f64; 3]>> {
        if let Some(state) = self.state
            && number_of(scan, record, state)? != 0.0
        {
            return Ok(None);
        }
        let mut own = [0.0; 3];
        for (value, place) in own.iter_mut().zip(self.places) {
            *value = number_of(scan, record, place)?;
        }
        if self.spherical {
            let [range, azimuth, elevation] = own;
            let across = range * elevation.cos();
            own = [
                across * azimuth.cos(),
                across * azimuth.sin(),
                range * elevation.sin(),
            ];
        }
        let [x, y, z] = own;
        let moved = |axis: usize| {
            let [a, b, c] = self.rotation[axis];
            a * x + b * y + c * z + self.translation[axis]
        };
        Ok(Some([0, 1, 2].map(moved)))
    }
}

/// The value of a field, by its scale and offset.
fn number_of(scan: &PointCloud, record: &[RecordValue], place: usize) -> e57::Result<f64> {
    match (record.get(place), scan.prototype.get(place)) {
        (Some(value), Some(field)) => value.to_f64(&field.data_type),
        _ => e57::Error::invalid("a record lacks a field"),
    }
}

/// The bits that a value takes: integers have as many as their range needs.
fn bits(kind: &RecordDataType) -> u64 {
    match *kind {
        RecordDataType::Single { .. } => 32,
        RecordDataType::Double { .. } => 64,
        RecordDataType::ScaledInteger { min, max, .. } | RecordDataType::Integer { min, max } => {
            u64::from(max.abs_diff(min).checked_ilog2().map_or(0, |bits| bits + 1))
        }
    }
}

/// The place of the field of this name.
fn place(scan: &PointCloud, name: &str) -> Option<usize> {
    let is = |record: &e57::Record| name_of(&record.name).as_deref() == Some(name);
    scan.prototype.iter().position(is)
}

/// The name of a field that is no coordinate and says nothing of whether others are valid.
fn name_of(field: &RecordName) -> Option<String> {
    let name = match field {
        RecordName::Intensity => "intensity",
        RecordName::ColorRed => "red",
        RecordName::ColorGreen => "green",
        RecordName::ColorBlue => "blue",
        RecordName::RowIndex => "row",
        RecordName::ColumnIndex => "column",
        RecordName::ReturnIndex => "return",
        RecordName::ReturnCount => "returns",
        RecordName::TimeStamp => "time",
        RecordName::Unknown { name, .. } => name,
        _ => return None,
    };
    let taken = AXES.contains(&name) || name == SCAN;
    (!taken).then(|| one_line(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        Reading, outline as outline_of, parse_as, read_groups,
        tests::{message, mutilate, parse},
    };
    use e57::{E57Writer, Quaternion, Record, Translation};
    use std::io::Cursor;

    /// The file that pye57 wrote: `tests/made/make.py` has the formulas.
    const STATIONS: &[u8] = include_bytes!("../tests/made/stations.e57");

    /// The points of both stations that met something: those of the first one as they are, those of the second one after a
    /// quarter of a turn about z and a shift.
    fn points() -> Vec<f64> {
        let first = (0..9)
            .filter(|i| i % 4 != 3)
            .flat_map(|i| [f64::from(i), 0.5 * f64::from(i), -1.0]);
        let second = (0..5).flat_map(|i| [10.0 - 2.0, 20.0 + f64::from(i), 30.25]);
        first.chain(second).collect()
    }

    #[track_caller]
    fn assert_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn scans_have_their_poses_and_no_rays_that_met_nothing() {
        let cloud = parse("stations.e57", STATIONS).unwrap();
        assert_near(&cloud.points, &points());
        assert_eq!(cloud.names.unwrap(), AXES);
        assert_eq!((cloud.dimension, cloud.weights), (3, None));
    }

    #[test]
    fn fields_are_columns_if_all_scans_have_them() {
        let reading = Reading::of(&Columns {
            coordinates: vec!["z".into(), "x".into()],
            weight: Some("intensity".into()),
            unweighted: false,
            labels: vec!["scan".into()],
        });
        let cloud = parse_as(Path::new("a.e57"), STATIONS, &reading).unwrap();
        let own: Vec<f64> = points().chunks(3).flat_map(|p| [p[2], p[0]]).collect();
        assert_near(&cloud.points, &own);
        let first = (0..9).filter(|i| i % 4 != 3).map(|i| 0.25 * f64::from(i));
        let weights: Vec<f64> = first.chain((0..5).map(|_| 2.0)).collect();
        assert_eq!(cloud.weights.unwrap(), weights);
        let scans = [vec![0; 7], vec![1; 5]].concat();
        assert_eq!(
            (cloud.labels[0].names(), cloud.labels[0].indices()),
            (&["0".to_owned(), "1".to_owned()][..], &scans[..])
        );
        // Only the first one has colours.
        let colours = Reading::of(&Columns {
            coordinates: vec!["red".into()],
            ..Columns::default()
        });
        let told = parse_as(Path::new("a.e57"), STATIONS, &colours)
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("no column \"red\"; choose from x, y, z, intensity, scan"),
            "{told}"
        );
    }

    #[test]
    fn scans_are_groups_and_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.e57");
        std::fs::write(&path, STATIONS).unwrap();
        let reading = Reading {
            group: Some("scan".into()),
            ..Reading::default()
        };
        let groups = read_groups(&path, &reading).unwrap();
        let sizes: Vec<_> = groups
            .iter()
            .map(|(name, cloud)| (&**name, cloud.points.len() / 3))
            .collect();
        assert_eq!(sizes, [("0", 7), ("1", 5)]);
        assert_near(&groups[1].1.points, &points()[21..]);
        let told = outline_of(&path, None).unwrap().unwrap();
        let scans: Vec<_> = told
            .scans
            .iter()
            .map(|it| (it.name.as_deref(), it.points))
            .collect();
        assert_eq!(scans, [(Some("gate"), 9), (Some("yard"), 5)]);
        assert_eq!(told.numbers, ["x", "y", "z", "intensity"]);
        assert_eq!(
            told.labels,
            [("scan".to_owned(), vec!["0".to_owned(), "1".to_owned()])]
        );
    }

    const INTEGERS: RecordDataType = RecordDataType::ScaledInteger {
        min: -512,
        max: 511,
        scale: 0.5,
        offset: 100.0,
    };
    const CARTESIAN: [RecordName; 3] = [
        RecordName::CartesianX,
        RecordName::CartesianY,
        RecordName::CartesianZ,
    ];

    /// x, y and z of one type.
    fn cartesian(kind: &RecordDataType) -> Vec<Record> {
        let field = |name| Record {
            name,
            data_type: kind.clone(),
        };
        CARTESIAN.map(field).to_vec()
    }

    /// A file of scans, each with its fields and rows, after a quarter of a turn about z and a step along x.
    fn written(scans: &[(Vec<Record>, &[&[f64]])], edit: impl Fn(String) -> String) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let mut writer = E57Writer::new(&mut out, "file").unwrap();
        for (fields, rows) in scans {
            let mut scan = writer.add_pointcloud("scan", fields.clone()).unwrap();
            scan.set_transform(Some(Transform {
                // Its length does not matter.
                rotation: Quaternion {
                    w: 3.0,
                    x: 0.0,
                    y: 0.0,
                    z: 3.0,
                },
                translation: Translation {
                    x: 1.0,
                    y: 0.0,
                    z: 0.0,
                },
            }));
            for row in *rows {
                let value = |(value, field): (&f64, &Record)| match field.data_type {
                    RecordDataType::Integer { .. } => RecordValue::Integer(*value as i64),
                    RecordDataType::ScaledInteger { .. } => {
                        RecordValue::ScaledInteger(*value as i64)
                    }
                    _ => RecordValue::Double(*value),
                };
                scan.add_point(row.iter().zip(fields).map(value).collect())
                    .unwrap();
            }
            scan.finalize().unwrap();
        }
        writer
            .finalize_customized_xml(|text| Ok(edit(text)))
            .unwrap();
        drop(writer);
        out.into_inner()
    }

    #[test]
    fn integers_have_scales_and_angles_become_coordinates() {
        let names = [
            RecordName::SphericalRange,
            RecordName::SphericalAzimuth,
            RecordName::SphericalElevation,
        ];
        let field = |name| Record {
            name,
            data_type: RecordDataType::F64,
        };
        let state = Record {
            name: RecordName::SphericalInvalidState,
            data_type: RecordDataType::Integer { min: 0, max: 2 },
        };
        let spherical = [&names.map(field)[..], &[state]].concat();
        let bytes = written(
            &[
                (cartesian(&INTEGERS), &[&[2.0, -4.0, 0.0]]),
                (
                    spherical,
                    &[
                        &[2.0, 0.0, 0.0, 0.0],
                        &[7.0, 7.0, 7.0, 1.0],
                        &[7.0, 7.0, 7.0, 2.0],
                        &[2.0, 0.5, 1.5, 0.0],
                    ],
                ),
            ],
            |text| text,
        );
        let cloud = parse("a.e57", &bytes).unwrap();
        let across = 2.0 * 1.5_f64.cos();
        let last = [
            1.0 - across * 0.5_f64.sin(),
            across * 0.5_f64.cos(),
            2.0 * 1.5_f64.sin(),
        ];
        let expected = [[1.0 - 98.0, 101.0, 100.0], [1.0, 2.0, 0.0], last];
        assert_near(&cloud.points, expected.as_flattened());
    }

    const ROWS: [&[f64]; 2] = [&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]];

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let of = |kind: &RecordDataType, rows: &[&[f64]], old: &str, new: &str| {
            written(&[(cartesian(kind), rows)], |text| {
                assert!(text.contains(old), "{text}");
                text.replace(old, new)
            })
        };
        let doubles = RecordDataType::F64;
        let good = of(&doubles, &ROWS, "", "");
        let integer = RecordDataType::Integer { min: 3, max: 4 };
        let count = "recordCount=\"2\"";
        // A bit of the points is another one, and the page keeps its checksum.
        let mut flipped = good.clone();
        flipped[100] ^= 1;
        let mut long = good.clone();
        long[LENGTH_OF_TEXT..][..8].copy_from_slice(&(1_u64 << 25).to_le_bytes());
        for (bytes, told) in [
            (b"ASTM-E57".to_vec(), "a.e57: header: "),
            (vec![0; 1024], "unsupported signature"),
            (good[..good.len() - 1024].to_vec(), "header: "),
            (flipped, "checksum"),
            (long, "header: claims 33554432 bytes of text"),
            (
                of(&integer, &[&[3.0; 3]], "maximum=\"4\"", "maximum=\"3\""),
                "scan 0: its points are all the same",
            ),
            (
                of(&doubles, &ROWS, "cartesianZ", "colorRed"),
                "scan 0: its points have neither x, y and z",
            ),
            (
                of(&doubles, &ROWS, count, "recordCount=\"99999999\""),
                "scan 0: claims 99999999 points",
            ),
            // As many would fit into the file.
            (
                of(&doubles, &ROWS, count, "recordCount=\"3\""),
                "scan 0, point 3: ",
            ),
            (
                of(&doubles, &ROWS, ">3</", ">0</"),
                "scan 0: its pose has no rotation",
            ),
            (
                of(&doubles, &ROWS, count, "recordCount=\"0\""),
                "holds no rows",
            ),
            (
                of(&doubles, &[&[1.0, f64::NAN, 0.0]], "", ""),
                "row 1, column x is NaN",
            ),
        ] {
            let message = message("a.e57", &bytes);
            assert!(message.contains(told), "{message}");
        }
    }

    #[test]
    fn scans_of_the_same_bytes_are_no_more_points_than_the_file_has() {
        let bytes = written(
            &[(cartesian(&RecordDataType::F64), &[&[0.5; 3] as &[f64]; 400])],
            |text| {
                let [start, end] =
                    ["<vectorChild type", "</data3D>"].map(|it| text.find(it).unwrap());
                let again = text[start..end].repeat(20);
                [&text[..start], &again, &text[end..]].concat()
            },
        );
        let told = message("a.e57", &bytes);
        assert!(told.contains("claims 400 points, which are more"), "{told}");
    }

    #[test]
    fn files_that_are_cut_or_changed_anywhere_never_panic() {
        mutilate(
            "a.e57",
            &written(&[(cartesian(&INTEGERS), &ROWS)], |text| text),
        );
    }
}

//! What becomes of files that are cut, changed and spliced: an error or a cloud, within a room that
//! is bounded by the file. Every mutation comes from one seed.

#![allow(clippy::unwrap_used)] // the fixtures, outside of any test, unwrap as well

use haul_files::{Contents, Error, Reading, parse_cloud, parse_contents, write_cloud};
use peak_alloc::PeakAlloc;
use std::fmt::Write;
use std::fs;
use std::path::Path;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const POINTS: [f64; 24] = [
    0.1, -2.5e-300, 4e200, 4.0, 0.25, -0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1.5, 1e-9, 1e9, 7.0,
    8.0, 9.0, 0.5, 0.5, 0.5, 100.0, 200.0, 300.0,
];

/// Files of every kind, each with the name that says so.
fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &'static str, points: &[f64], dimension, weights| {
        let path = folder.path().join(name);
        write_cloud(&path, None, points, dimension, weights).unwrap();
        (name, fs::read(path).unwrap())
    };
    let mut corpus: Vec<_> = [
        "a.npy", "a.npz", "a.ply", "a.csv", "a.tsv", "a.xyz", "a.npy.gz", "a.ply.gz", "a.csv.gz",
        "a.xyz.gz",
    ]
    .into_iter()
    .map(|name| written(name, &POINTS, 3, None))
    .collect();
    for name in ["w.npz", "w.csv"] {
        corpus.push(written(name, &POINTS[..10], 2, Some(&POINTS[7..12])));
    }
    for (element, order, size) in [("<f8", "True", 8), (">f4", "False", 4), ("|i1", "True", 1)] {
        corpus.push(("a.npy", npy(element, order, 4, &[1; 96][..12 * size])));
    }
    corpus.push(("a.ply", mesh("ascii")));
    corpus.push(("a.ply", mesh("binary_big_endian")));
    corpus.push((
        "a.csv",
        b"\xef\xbb\xbf\"lon\",Weight,lat\r\n1,.5,2\r\n3,0,-4e0\r\n".to_vec(),
    ));
    for (name, text) in [
        ("a.xyz", "# a scan\r\n1 2\t3\r\r4 5 6\n"),
        ("a.xyz", "3\nwater\nO 0.0 0.1 0.2\nH 1 0 0\nH -1 0 0\n"),
        ("a.xyz", "x y weight\n1 2 3\n4 5 6\n"),
        (
            "a.csv",
            "# made by hand\n# x,y\n1,2\n# a \"quote\"\n#5,6\n3,4\n",
        ),
        ("a.csv", "x;y;weight\n1,5;-2;1\n3e5;0,25;2\n"),
        ("a.csv", "0,1,2\n0.5,0.25,1.0\n7.0,8.5,9.0\n"),
        ("a.csv", "0,5\n2,6\n2,7\n"),
        (
            "a.obj",
            "v 0 0 1\nv 2 0 1 7\nv 2 2 1\nvn 0 0 1\nf 1/1 -1 \\\n2\n",
        ),
        ("a.off", "COFF\n3 1 0\n0 0 1 9\n2 0 1 9\n2 2 1 9\n3 0 1 2\n"),
        (
            "a.stl",
            "solid a\nfacet\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendfacet\nendsolid\n",
        ),
        (
            "a.ply",
            "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float scalar_weight\n\
             element face 1\nproperty list uchar int i\nend_header\n1 .5\n\n3 1\n3 0 1 1\n",
        ),
    ] {
        corpus.push((name, text.as_bytes().to_vec()));
    }
    corpus.push(("a.stl", triangles()));
    corpus.push(("a.nii", volume()));
    let fields =
        "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 2\nPOINTS 2\nDATA ";
    corpus.push((
        "a.pcd",
        format!("{fields}ascii\n1 2 3\n4 5 6\n").into_bytes(),
    ));
    corpus.push((
        "a.pcd",
        [format!("{fields}binary\n").as_bytes(), &[1; 24]].concat(),
    ));
    let packed = [5, 0, 0, 0, 24, 0, 0, 0, 0, 1, 0xe0, 14, 0];
    corpus.push((
        "a.pcd",
        [format!("{fields}binary_compressed\n").as_bytes(), &packed].concat(),
    ));
    let halves: Vec<u8> = (0..12_u16).flat_map(|k| (k << 10).to_le_bytes()).collect();
    corpus.push(("a.npy", npy("<f2", "False", 4, &halves)));
    corpus.push(("a.npy", records()));
    corpus
}

/// Four voxels of 16 bits.
fn volume() -> Vec<u8> {
    let mut bytes = vec![0; 352];
    let mut put = |at: usize, number: &[u8]| bytes[at..at + number.len()].copy_from_slice(number);
    put(0, &348_i32.to_le_bytes());
    for (at, side) in [3_i16, 2, 2, 1].iter().enumerate() {
        put(40 + 2 * at, &side.to_le_bytes());
        put(76 + 4 * at, &1_f32.to_le_bytes());
    }
    put(70, &4_i16.to_le_bytes());
    put(108, &352_f32.to_le_bytes());
    put(344, b"n+1\0");
    bytes.extend(
        [1_i16, 2, -3, 4]
            .iter()
            .flat_map(|voxel| voxel.to_le_bytes()),
    );
    bytes
}

/// Two triangles in binary.
fn triangles() -> Vec<u8> {
    let mut bytes = [[0_u8; 80].to_vec(), 2_u32.to_le_bytes().to_vec()].concat();
    for corner in [0.0_f32, 1.0] {
        let numbers = [[0.0; 3], [corner; 3], [1.0, 0.0, 2.0], [0.5; 3]];
        bytes.extend(numbers.iter().flatten().flat_map(|x| x.to_le_bytes()));
        bytes.extend([0; 2]);
    }
    bytes
}

/// An array of two records.
fn records() -> Vec<u8> {
    let header = "{'descr': [('x', '<f4'), ('more', '|i1', (2,)), ('weight', '<f2')], 'fortran_order': False, \
                  'shape': (2,), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    for x in [0.5_f32, -7.0] {
        bytes.extend(x.to_le_bytes());
        bytes.extend([3, 250, 0, 0x3c]);
    }
    bytes
}

/// An array of `rows` × 3.
fn npy(element: &str, fortran: &str, rows: u64, data: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': '{element}', 'fortran_order': {fortran}, 'shape': ({rows}, 3), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

/// Vertices with colours and lists, after another element.
fn mesh(format: &str) -> Vec<u8> {
    let mut text = format!(
        "ply\r\nformat {format} 1.0\r\ncomment more than coordinates\r\nelement camera 1\r\n\
         property uchar id\r\nelement vertex 8\r\nproperty double x\r\nproperty double y\r\n\
         property uchar red\r\nproperty list uchar int links\r\nproperty double z\r\n\
         element face 0\r\nproperty list uchar int vertex_indices\r\nend_header\r\n"
    );
    let rows = POINTS.chunks(3);
    if format == "ascii" {
        text += "3\r\n";
        for row in rows {
            writeln!(text, "{} {} 9 2 7 5 {}\r", row[0], row[1], row[2]).unwrap();
        }
        return text.into_bytes();
    }
    let mut bytes = text.into_bytes();
    bytes.push(3);
    for row in rows {
        bytes.extend([row[0].to_be_bytes(), row[1].to_be_bytes()].concat());
        bytes.extend([9, 1, 0, 0, 0, 5]);
        bytes.extend(row[2].to_be_bytes());
    }
    bytes
}

/// Numbers from one seed: SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
/// generators, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Numbers as headers write them, at and beyond what they may claim.
const CLAIMS: [&str; 8] = [
    "0",
    "-1",
    "1e9",
    "nan",
    "4000000000",
    "9223372036854775807",
    "18446744073709551615",
    "1e400",
];

/// One to four changes: of a bit, of a run of bytes, of a number in the text, of the length.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + random.below(32)).min(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => bytes[at..end].fill(random.of(&[0, 0xff, b'\n', b' '])),
            3 => {
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let digits = |byte: &&u8| byte.is_ascii_digit();
                let start = at + bytes[at..].iter().take_while(|byte| !digits(byte)).count();
                let length = bytes[start..].iter().take_while(digits).count();
                bytes.splice(start..start + length, random.of(&CLAIMS).bytes());
            }
        }
    }
    bytes
}

/// Reads it within its room, and tells whether it is a cloud or masses on a grid.
fn survives(name: &str, bytes: &[u8]) -> bool {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let read = parse_contents(Path::new(name), bytes, &Reading::default());
    let taken = MEMORY.peak_usage() - before;
    // Buffers, and some float64 for each byte that these bytes may unpack to.
    let ratio = if name.ends_with(".gz") || name.ends_with(".npz") {
        1032
    } else {
        1
    };
    let room = (1 << 20) + bytes.len() * ratio * 32;
    assert!(
        taken <= room,
        "{name} of {} bytes took {taken}",
        bytes.len()
    );
    match read {
        Ok(Contents::Histogram(histogram)) => {
            assert!(histogram.masses.iter().all(|mass| mass.is_finite()));
            let cells: usize = histogram.shape.iter().product();
            assert_eq!(histogram.masses.len(), cells);
            true
        }
        Ok(Contents::Cloud(cloud)) => {
            assert!(cloud.points.iter().all(|x| x.is_finite()));
            assert!(cloud.points.len().is_multiple_of(cloud.dimension));
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.starts_with(name) && text.lines().count() == 1,
                "{text}"
            );
            false
        }
    }
}

/// One test, so that nothing beside it takes memory.
#[test]
fn mutated_files_are_errors_or_clouds_within_their_room() {
    // The measure measures.
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    drop(std::hint::black_box(vec![1_u8; 8 << 20]));
    assert!(MEMORY.peak_usage() - before >= 8 << 20);

    let mut random = Random(7);
    for (name, bytes) in &corpus() {
        assert!(survives(name, bytes), "{name}: the seed itself is read");
        for length in 0..bytes.len() {
            survives(name, &bytes[..length]);
        }
        let clouds = (0..3000)
            .filter(|_| survives(name, &mutated(bytes, &mut random)))
            .count();
        // Not all changes are harmless, nor are all fatal.
        assert!((1..3000).contains(&clouds), "{name}: {clouds}");
    }
    claims_beyond_the_file_reserve_nothing();
}

/// Headers that promise terabytes, in files of some bytes.
fn claims_beyond_the_file_reserve_nothing() {
    let ply = |format: &str| {
        let header = format!(
            "ply\nformat {format} 1.0\nelement vertex 1000000000000\nproperty double x\n\
             property double weight\nend_header\n"
        );
        [
            header.as_bytes(),
            b"0 0\n0 0\n0 0\n0 0\n0 0\n0 0\n0 0\n0 0\n",
        ]
        .concat()
    };
    for (name, bytes) in [
        ("a.npy", npy("<f8", "False", 1_000_000_000_000, &[0; 48])),
        ("a.npy", npy("<f8", "True", 1_000_000_000_000, &[0; 48])),
        ("a.ply", ply("ascii")),
        ("a.ply", ply("binary_little_endian")),
    ] {
        assert!(!survives(name, &bytes));
        let error = parse_cloud(Path::new(name), &bytes).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
}

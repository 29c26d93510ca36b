//! `haul map`, and the options that thin clouds in every command: files in, files out.

use crate::fixture::{Room, assert_close, assert_says, dense, error_line, rows};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs;
use std::io::Read;

impl Room {
    /// The object of a run on the CPU that ended with this status.
    #[track_caller]
    fn told(&self, arguments: &str, status: i32) -> Value {
        self.cpu(&format!("{arguments} --json")).json(status)
    }

    /// A cloud in the plane with a weight for each point.
    fn weighted(&self, name: &str, points: &[f64], weight: impl Fn(usize) -> f64) {
        let row = |(i, point): (usize, &[f64])| [point[0], point[1], weight(i)];
        let table: Vec<f64> = points.chunks(2).enumerate().flat_map(row).collect();
        self.write(name, format!("x,y,weight\n{}", rows(&table, 3, ",")));
    }
}

/// Whether no number differs from its counterpart by more than `allowed`.
fn close(found: &[f64], expected: &[f64], allowed: f64) -> bool {
    let near = |(f, e): (&f64, &f64)| (f - e).abs() <= allowed;
    found.len() == expected.len() && found.iter().zip(expected).all(near)
}

#[test]
fn points_go_to_the_mean_of_their_mass() {
    let room = Room::with_clouds();
    let precise = "--blur 0.3 --precision f64 --tolerance 1e-10";
    let result = room.told(&format!("map a.csv b.csv -o out.csv {precise}"), 0);
    assert_eq!(result["command"], "map");
    assert_eq!((&result["n"], &result["m"]), (&60.into(), &50.into()));

    room.told(
        &format!("sinkhorn a.csv b.csv --potentials p.npz {precise}"),
        0,
    );
    let [f, mut g] = room.arrays("p.npz", ["f", "g"]);
    let (a, b) = (room.numbers("a.csv"), room.numbers("b.csv"));
    let map = |g: &[f64]| -> Vec<f64> {
        let image = |row: Vec<f64>| {
            let mean = |axis: usize| {
                let terms = b.chunks(2).zip(&row).map(|(y, mass)| y[axis] * mass);
                terms.sum::<f64>() / row.iter().sum::<f64>()
            };
            [mean(0), mean(1)]
        };
        dense(&a, &b, &f, g, 0.09)
            .into_iter()
            .flat_map(image)
            .collect()
    };
    let found = room.numbers("out.csv");
    assert!(close(&found, &map(&g), 1e-9));
    let far = |(x, y): (&[f64], &[f64])| f64::hypot(x[0] - y[0], x[1] - y[1]);
    let far: Vec<_> = a.chunks(2).zip(found.chunks(2)).map(far).collect();
    let told = |key: &str| result["displacement"][key].as_f64().unwrap();
    assert_close(told("mean"), far.iter().sum::<f64>() / 60.0, 1e-12);
    assert_close(told("largest"), far.into_iter().fold(0.0, f64::max), 1e-12);
    g[7] += 1e-3;
    assert!(
        !close(&found, &map(&g), 1e-9),
        "another potential, another map"
    );
}

#[test]
fn t_is_the_part_of_the_way_and_frames_go_all_of_it() {
    let room = Room::with_clouds();
    room.told("map a.csv b.csv -o whole.csv", 0);
    room.told("map a.csv b.csv -o part.csv --t 0.25", 0);
    room.told("map a.csv b.csv -o f.csv --frames 5", 0);
    let (start, end) = (room.numbers("a.csv"), room.numbers("whole.csv"));
    assert!(!close(&start, &end, 0.1));
    let at = |t: f64| -> Vec<f64> {
        let between = |(x, y): (&f64, &f64)| x + t * (y - x);
        start.iter().zip(&end).map(between).collect()
    };
    assert!(close(&room.numbers("part.csv"), &at(0.25), 1e-15));
    for k in 0..5 {
        let frame = room.numbers(&format!("f_00{k}.csv"));
        assert!(close(&frame, &at(f64::from(k) / 4.0), 1e-15), "frame {k}");
    }
    assert!(!room.path("f_005.csv").exists() && !room.path("f.csv").exists());
    assert_eq!(room.numbers("f_000.csv"), start, "bit for bit");
}

/// A mesh with colours: three vertices, of x, y and red, and a face.
fn mesh(x: &[[f64; 2]]) -> Vec<u8> {
    moved_mesh(x, None)
}

/// The same mesh, with the displacement of each vertex.
fn moved_mesh(x: &[[f64; 2]], far: Option<[f64; 3]>) -> Vec<u8> {
    let property = far.map_or("", |_| "property double displacement\n");
    let mut bytes = format!(
        "ply\nformat binary_big_endian 1.0\ncomment a mesh\nelement vertex 3\nproperty double y\n\
        property uchar red\nproperty double x\n{property}element face 1\nproperty list uchar int vertex_indices\n\
        end_header\n"
    )
    .into_bytes();
    for (k, ([x, y], red)) in x.iter().zip([255, 7, 0]).enumerate() {
        bytes.extend(y.to_be_bytes());
        bytes.push(red);
        bytes.extend(x.to_be_bytes());
        bytes.extend(far.iter().flat_map(|far| far[k].to_be_bytes()));
    }
    bytes.extend([3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    bytes
}

#[test]
fn from_ply_to_ply_all_but_coordinates_is_kept() {
    let room = Room::with_clouds();
    let start = [[0.1, 0.2], [0.5, -0.3], [1.0, 1.0]];
    room.write("mesh.ply", mesh(&start));
    room.told("map mesh.ply b.csv -o moved.csv", 0);
    let moved = room.numbers("moved.csv");
    let (moved, _) = moved.as_chunks();
    let length = |(x, y): (&[f64; 2], &[f64; 2])| (x[0] - y[0]).hypot(x[1] - y[1]);
    let far: Vec<_> = start.iter().zip(moved).map(length).collect();
    let far = Some([far[0], far[1], far[2]]);
    room.told("map mesh.ply b.csv -o same.ply --t 0", 0);
    assert!(alike(
        &fs::read(room.path("same.ply")).unwrap(),
        &moved_mesh(&start, far)
    ));

    room.told("map mesh.ply b.csv -o moved.ply.gz", 0);
    let mut unpacked = Vec::new();
    let file = fs::File::open(room.path("moved.ply.gz")).unwrap();
    GzDecoder::new(file).read_to_end(&mut unpacked).unwrap();
    assert!(alike(&unpacked, &moved_mesh(moved, far)));
    assert!(!alike(&unpacked, &moved_mesh(&start, far)));
    // From a packed file over an existing one: its displacements are those of this map.
    room.told("map moved.ply.gz moved.ply.gz -o mesh.ply --t 0", 0);
    let same = fs::read(room.path("mesh.ply")).unwrap();
    assert_eq!(same.len(), unpacked.len());
    assert!(!alike(&same, &unpacked));
}

/// Whether no byte differs except the last ones of the displacements, which are computed differently here.
fn alike(found: &[u8], expected: &[u8]) -> bool {
    let differ = found.iter().zip(expected).filter(|(x, y)| x != y).count();
    found.len() == expected.len() && differ <= 3
}

#[test]
fn how_far_points_go_is_written_where_it_has_a_place() {
    let room = Room::with_clouds();
    let coloured = "--colour-by displacement";
    room.told(&format!("map a.csv b.csv -o out.csv {coloured}"), 0);
    let text = room.read("out.csv");
    assert!(
        text.starts_with("x,y,displacement,red,green,blue\n"),
        "{text}"
    );
    let (table, a) = (room.numbers("out.csv"), room.numbers("a.csv"));
    let (rows, points) = (table.chunks(6), a.chunks(2));
    let most = rows.clone().map(|row| row[2]).fold(0.0, f64::max);
    let mut brightness: Vec<_> = Vec::new();
    for (row, point) in rows.zip(points) {
        assert_close(row[2], (row[0] - point[0]).hypot(row[1] - point[1]), 1e-12);
        brightness.push((row[2], row[3] + row[4] + row[5]));
        if row[2] == most {
            assert!(
                row[3] > 240.0 && row[4] > 220.0 && row[5] < 60.0,
                "the end of the colour map"
            );
        }
    }
    // Larger displacements are brighter, as a colour map requires.
    brightness.sort_by(|x, y| x.0.total_cmp(&y.0));
    assert!(
        brightness.is_sorted_by(|x, y| x.1 <= y.1 + 8.0),
        "{brightness:?}"
    );
    let told = room
        .cpu(&format!("map a.csv b.csv -o out.ply {coloured}"))
        .stdout;
    let line = told.lines().find(|line| line.contains("colours")).unwrap();
    assert_says(line, &["0 far", "yellow", "viridis"]);
    let header = fs::read(room.path("out.ply")).unwrap();
    let header = String::from_utf8_lossy(&header);
    assert_says(
        &header,
        &[
            "property double displacement\nproperty uchar red\nproperty uchar green\nproperty uchar blue",
        ],
    );

    // By default, only formats that name attributes get displacements.
    room.told("map a.csv b.csv -o plain.csv", 0);
    assert_eq!(room.numbers("plain.csv").len(), 120);
    room.told("map a.csv b.csv -o asked.csv --displacement", 0);
    assert_eq!(room.numbers("asked.csv").len(), 180);
    // And no command reads them as a coordinate.
    let value = |name: &str| {
        room.told(&format!("energy {name} b.csv"), 0)["value"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(value("plain.csv"), value("asked.csv"));
    room.told("map a.csv b.csv -o out.npz", 0);
    let [far] = room.arrays("out.npz", ["displacement"]);
    assert_eq!(far.len(), 60);
    for (file, option, what) in [
        ("out.xyz", coloured, "colours"),
        ("out.npy", "--displacement", "a number for each point"),
    ] {
        let told = error_line(room.cpu(&format!("map a.csv b.csv -o {file} {option}")), 2);
        assert_says(&told, &[file, "cannot hold", what, ".ply, .csv or .npz"]);
    }
}

#[test]
fn weights_go_where_they_have_a_place() {
    let room = Room::with_clouds();
    room.weighted("w.csv", &room.numbers("a.csv"), |i| (i % 3) as f64);
    room.told("map w.csv b.csv --normalize -o out.csv", 0);
    let weights = room.numbers("out.csv").into_iter().skip(2).step_by(3);
    let as_they_were = (0..60).map(|i| f64::from(i % 3));
    assert!(weights.eq(as_they_were));
    room.told("map w.csv b.csv --normalize -o out.npy", 0);
    let stored = npyz::NpyFile::new(fs::File::open(room.path("out.npy")).unwrap()).unwrap();
    assert_eq!(stored.shape(), [60, 2]);
}

#[test]
fn standard_input_is_read_once_for_all_that_is_moved() {
    let room = Room::with_clouds();
    room.weighted("w.csv", &room.numbers("a.csv"), |i| (i % 3) as f64);
    let line = "b.csv --normalize --subsample 30 --device cpu";
    let named = room.haul(&format!("map w.csv {line} -o named.csv"));
    assert_eq!(named.status, Some(0), "{}", named.stderr);
    let cloud = room.read("w.csv");
    let read = room.haul_reading(&format!("map - {line} -o read.csv"), cloud.as_bytes());
    assert_eq!(read.status, Some(0), "{}", read.stderr);
    assert_eq!(room.read("named.csv"), room.read("read.csv"));
    assert_eq!(room.numbers("read.csv").len(), 3 * 60);
}

#[test]
fn a_map_short_of_its_tolerance_is_written_with_status_3() {
    let room = Room::with_clouds();
    let result = room.told(
        "map a.csv b.csv -o out.csv --blur 0.01 --max-iterations 1",
        3,
    );
    assert_eq!(result["converged"], false);
    assert_eq!(room.numbers("out.csv").len(), 2 * 60);
}

#[test]
fn a_target_that_cannot_be_is_refused_before_the_work() {
    let room = Room::with_clouds();
    room.csv("four.csv", &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], 4);
    for (line, part) in [
        (
            "a.csv b.csv -o out.las",
            "out.las: the extension names no format",
        ),
        (
            "a.csv b.csv -o none/out.ply",
            "none/out.ply: cannot be written",
        ),
        (
            "four.csv four.csv -o out.ply",
            "out.ply: cannot hold points of dimension 4",
        ),
        (
            "a.csv b.csv -o out.ply --t 1.5",
            "--t is 1.5; it must be from 0",
        ),
        ("a.csv b.csv -o out.ply --t NaN", "--t is NaN"),
        (
            "a.csv b.csv -o out.ply --t 0.5 --frames 3",
            "cannot be used with",
        ),
        ("a.csv b.csv -o out.ply --frames 1", "--frames"),
        (
            "a.csv four.csv -o out.csv",
            "a.csv and four.csv: the first cloud has dimension 2",
        ),
        (
            "a.csv b.csv -o out.csv --voxel 0",
            "--voxel is 0; it must be finite and above 0",
        ),
        (
            "a.csv b.csv -o out.csv --voxel 1 --subsample 3",
            "cannot be used with",
        ),
        ("a.csv b.csv -o out.csv --seed 3", "--subsample"),
    ] {
        let ran = room.cpu(&format!("map {line}"));
        assert_eq!(ran.status, Some(2));
        assert_says(&ran.stderr, &[part]);
    }
    assert_eq!(room.files(), ["a.csv", "b.csv", "four.csv"]);
}

#[test]
fn every_point_is_moved_also_where_a_sample_is_solved_for() {
    let room = Room::with_clouds();
    // A cloud and its translate, far enough apart to expose any confusion.
    let part = |i: i32| f64::from(i) / 900.0;
    let dense: Vec<_> = (0..900)
        .flat_map(|i| [(37.0 * part(i)).fract(), part(i)])
        .collect();
    let moved: Vec<_> = dense.chunks(2).flat_map(|x| [x[0] + 3.0, x[1]]).collect();
    room.csv("dense.csv", &dense, 2);
    room.csv("moved.csv", &moved, 2);
    let images = |options: &str, n: usize| {
        let result = room.told(
            &format!("map dense.csv moved.csv -o out.csv --blur 0.1 {options}"),
            0,
        );
        assert_eq!(result["n"], n);
        room.numbers("out.csv")
    };
    let whole = images("", 900);
    let sampled = images("--subsample 400 --seed 5", 400);
    assert_eq!(sampled.len(), 2 * 900);
    // The sampling error of 400 of 900 points of a square is a few hundredths.
    assert!(close(&sampled, &whole, 0.15));
    assert!(!close(&sampled, &dense, 2.0));
    assert_eq!(sampled, images("--subsample 400 --seed 5", 400));
    assert_ne!(sampled, images("--subsample 400 --seed 6", 400));
    let cells = room.told(
        "map dense.csv moved.csv -o out.csv --blur 0.1 --voxel 0.1",
        0,
    );
    assert!(
        (80..=121).contains(&cells["n"].as_u64().unwrap()),
        "{cells}"
    );
    assert!(close(&room.numbers("out.csv"), &whole, 0.15));
}

#[test]
fn smaller_clouds_weigh_as_much_in_every_command() {
    let room = Room::with_clouds();
    room.weighted("heavy.csv", &room.numbers("a.csv"), |_| 0.25);
    for reduction in ["--subsample 20", "--voxel 0.3"] {
        let result = room.told(&format!("sinkhorn heavy.csv heavy.csv {reduction}"), 0);
        assert!(
            (result["mass"].as_f64().unwrap() - 15.0).abs() < 15e-3,
            "{result}"
        );
        assert!(result["n"].as_u64().unwrap() < 60);
        // The same points of the same cloud, so its distance to itself is 0.
        for command in ["divergence", "energy"] {
            let result = room.told(&format!("{command} heavy.csv heavy.csv {reduction}"), 0);
            assert!(result["value"].as_f64().unwrap().abs() < 1e-4, "{result}");
        }
    }
    assert_eq!(room.told("energy a.csv b.csv --subsample 20", 0)["m"], 20);
}

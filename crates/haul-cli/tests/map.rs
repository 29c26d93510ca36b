//! `haul map`, and the smaller clouds that every command can be told to make: files in, files out.

#![allow(clippy::unwrap_used)] // the fixtures, outside of any test, unwrap as well

use flate2::read::GzDecoder;
use npyz::npz::NpzArchive;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with two clouds of the plane, `a.csv` and `b.csv`.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        room.csv(
            "a.csv",
            "x,y",
            &points(60, |t| [t * (9.0 * t).cos(), t * (9.0 * t).sin()]),
        );
        room.csv(
            "b.csv",
            "x,y",
            &points(50, |t| [0.3 + 0.8 * (6.0 * t).cos(), 2.0 * t]),
        );
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn csv(&self, name: &str, header: &str, rows: &[Vec<f64>]) {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
            .collect();
        fs::write(self.path(name), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    }

    fn rows(&self, name: &str) -> Vec<Vec<f64>> {
        rows(&self.path(name))
    }

    fn haul(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_haul"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .args(["--device", "cpu"])
            .output()
            .unwrap()
    }

    /// The object of a run that ended with this status.
    #[track_caller]
    fn json(&self, arguments: &str, status: i32) -> Value {
        let ran = self.haul(&format!("{arguments} --json"));
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(status), "{stderr}");
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    /// The one line of a run that was refused.
    #[track_caller]
    fn refusal(&self, arguments: &str) -> String {
        let ran = self.haul(arguments);
        assert_eq!(ran.status.code(), Some(2));
        String::from_utf8(ran.stderr).unwrap()
    }
}

fn points(n: usize, at: impl Fn(f64) -> [f64; 2]) -> Vec<Vec<f64>> {
    (0..n).map(|i| at(i as f64 / n as f64).to_vec()).collect()
}

/// The numbers of a csv with a header.
fn rows(path: &Path) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        line.split(',')
            .map(|field| field.parse().unwrap())
            .collect()
    };
    text.lines().skip(1).map(row).collect()
}

/// Whether no number of two tables differs by more than `allowed`.
fn close(found: &[Vec<f64>], expected: &[Vec<f64>], allowed: f64) -> bool {
    let numbers = |rows: &[Vec<f64>]| rows.concat();
    let (found, expected) = (numbers(found), numbers(expected));
    let near = |(f, e): (&f64, &f64)| (f - e).abs() <= allowed;
    found.len() == expected.len() && found.iter().zip(&expected).all(near)
}

#[test]
fn points_go_to_the_mean_of_their_mass() {
    let room = Room::new();
    let precise = "--blur 0.3 --precision f64 --tolerance 1e-10";
    let result = room.json(&format!("map a.csv b.csv -o out.csv {precise}"), 0);
    assert_eq!(result["command"], "map");
    assert_eq!((&result["n"], &result["m"]), (&60.into(), &50.into()));

    room.json(
        &format!("sinkhorn a.csv b.csv --potentials p.npz {precise}"),
        0,
    );
    let mut archive = NpzArchive::open(room.path("p.npz")).unwrap();
    let mut g: Vec<f64> = archive.by_name("g").unwrap().unwrap().into_vec().unwrap();
    let (a, b) = (room.rows("a.csv"), room.rows("b.csv"));
    let map = |g: &[f64]| -> Vec<Vec<f64>> {
        let image = |x: &Vec<f64>| {
            let mass = b.iter().zip(g).map(|(y, g)| {
                let cost = (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2);
                ((g - cost) / 0.09).exp()
            });
            let mass: Vec<f64> = mass.collect();
            let mean = |axis: usize| {
                let terms = b.iter().zip(&mass).map(|(y, mass)| y[axis] * mass);
                terms.sum::<f64>() / mass.iter().sum::<f64>()
            };
            vec![mean(0), mean(1)]
        };
        a.iter().map(image).collect()
    };
    let found = room.rows("out.csv");
    assert!(close(&found, &map(&g), 1e-9));
    g[7] += 1e-3;
    assert!(
        !close(&found, &map(&g), 1e-9),
        "another potential, another map"
    );
}

#[test]
fn t_is_the_part_of_the_way_and_frames_go_all_of_it() {
    let room = Room::new();
    room.json("map a.csv b.csv -o whole.csv", 0);
    room.json("map a.csv b.csv -o part.csv --t 0.25", 0);
    room.json("map a.csv b.csv -o f.csv --frames 5", 0);
    let (start, end) = (room.rows("a.csv"), room.rows("whole.csv"));
    assert!(!close(&start, &end, 0.1));
    let at = |t: f64| -> Vec<Vec<f64>> {
        let between = |(x, y): (&f64, &f64)| x + t * (y - x);
        let row = |(x, y): (&Vec<f64>, &Vec<f64>)| x.iter().zip(y).map(between).collect();
        start.iter().zip(&end).map(row).collect()
    };
    assert!(close(&room.rows("part.csv"), &at(0.25), 1e-15));
    for k in 0..5 {
        let frame = room.rows(&format!("f_00{k}.csv"));
        assert!(close(&frame, &at(f64::from(k) / 4.0), 1e-15), "frame {k}");
    }
    assert!(!room.path("f_005.csv").exists() && !room.path("f.csv").exists());
    assert_eq!(room.rows("f_000.csv"), start, "bit for bit");
}

/// A mesh with colours: three vertices, of x, y and red, and a face.
fn mesh(x: &[[f64; 2]]) -> Vec<u8> {
    let mut bytes = b"ply\nformat binary_big_endian 1.0\ncomment a mesh\nelement vertex 3\nproperty double y\n\
        property uchar red\nproperty double x\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        .to_vec();
    for ([x, y], red) in x.iter().zip([255, 7, 0]) {
        bytes.extend(y.to_be_bytes());
        bytes.push(red);
        bytes.extend(x.to_be_bytes());
    }
    bytes.extend([3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    bytes
}

#[test]
fn from_ply_to_ply_all_but_coordinates_is_kept() {
    let room = Room::new();
    let start = [[0.1, 0.2], [0.5, -0.3], [1.0, 1.0]];
    fs::write(room.path("mesh.ply"), mesh(&start)).unwrap();
    room.json("map mesh.ply b.csv -o same.ply --t 0", 0);
    assert_eq!(fs::read(room.path("same.ply")).unwrap(), mesh(&start));

    room.json("map mesh.ply b.csv -o moved.csv", 0);
    room.json("map mesh.ply b.csv -o moved.ply.gz", 0);
    let moved: Vec<_> = room
        .rows("moved.csv")
        .iter()
        .map(|row| [row[0], row[1]])
        .collect();
    let mut unpacked = Vec::new();
    let file = fs::File::open(room.path("moved.ply.gz")).unwrap();
    GzDecoder::new(file).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, mesh(&moved));
    assert_ne!(unpacked, mesh(&start));
    // In place, and from a packed file.
    room.json("map moved.ply.gz moved.ply.gz -o mesh.ply --t 0", 0);
    assert_eq!(fs::read(room.path("mesh.ply")).unwrap(), unpacked);
    room.json("map mesh.ply b.csv -o mesh.ply", 0);
    assert_ne!(fs::read(room.path("mesh.ply")).unwrap(), unpacked);
}

#[test]
fn weights_go_where_they_have_a_place() {
    let room = Room::new();
    let weighted: Vec<_> = room
        .rows("a.csv")
        .into_iter()
        .enumerate()
        .map(|(i, row)| [row, vec![(i % 3) as f64]].concat())
        .collect();
    room.csv("w.csv", "x,y,weight", &weighted);
    room.json("map w.csv b.csv --normalize -o out.csv", 0);
    let column = |rows: &[Vec<f64>]| rows.iter().map(|row| row[2]).collect::<Vec<_>>();
    assert_eq!(
        column(&room.rows("out.csv")),
        column(&weighted),
        "as they were"
    );
    room.json("map w.csv b.csv --normalize -o out.npy", 0);
    let stored = npyz::NpyFile::new(fs::File::open(room.path("out.npy")).unwrap()).unwrap();
    assert_eq!(stored.shape(), [60, 2]);
}

#[test]
fn a_map_short_of_its_tolerance_is_written_with_status_3() {
    let room = Room::new();
    let result = room.json(
        "map a.csv b.csv -o out.csv --blur 0.01 --max-iterations 1",
        3,
    );
    assert_eq!(result["converged"], false);
    assert_eq!(room.rows("out.csv").len(), 60);
}

#[test]
fn a_target_that_cannot_be_is_refused_before_the_work() {
    let room = Room::new();
    room.csv("four.csv", "p,q,r,s", &[vec![0.0; 4], vec![1.0; 4]]);
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
        let refusal = room.refusal(&format!("map {line}"));
        assert!(refusal.contains(part), "{refusal}");
    }
    let files = fs::read_dir(room.0.path()).unwrap().count();
    assert_eq!(files, 3, "nothing was written");
}

#[test]
fn every_point_is_moved_also_where_a_sample_is_solved_for() {
    let room = Room::new();
    // A cloud and its translate, far enough for any confusion to show.
    let dense = points(900, |t| [(37.0 * t).fract(), t]);
    let moved: Vec<_> = dense.iter().map(|row| vec![row[0] + 3.0, row[1]]).collect();
    room.csv("dense.csv", "x,y", &dense);
    room.csv("moved.csv", "x,y", &moved);
    let images = |options: &str, n: usize| {
        let result = room.json(
            &format!("map dense.csv moved.csv -o out.csv --blur 0.1 {options}"),
            0,
        );
        assert_eq!(result["n"], n);
        room.rows("out.csv")
    };
    let whole = images("", 900);
    let sampled = images("--subsample 400 --seed 5", 400);
    assert_eq!(sampled.len(), 900);
    // What 400 of 900 points of a square leave to chance is a few hundredths.
    assert!(close(&sampled, &whole, 0.15));
    assert!(!close(&sampled, &dense, 2.0));
    assert_eq!(sampled, images("--subsample 400 --seed 5", 400));
    assert_ne!(sampled, images("--subsample 400 --seed 6", 400));
    let cells = room.json(
        "map dense.csv moved.csv -o out.csv --blur 0.1 --voxel 0.1",
        0,
    );
    assert!(
        (80..=121).contains(&cells["n"].as_u64().unwrap()),
        "{cells}"
    );
    assert!(close(&room.rows("out.csv"), &whole, 0.15));
}

#[test]
fn smaller_clouds_weigh_as_much_in_every_command() {
    let room = Room::new();
    let heavy: Vec<_> = room
        .rows("a.csv")
        .into_iter()
        .map(|row| [row, vec![0.25]].concat())
        .collect();
    room.csv("heavy.csv", "x,y,weight", &heavy);
    for reduction in ["--subsample 20", "--voxel 0.3"] {
        let result = room.json(&format!("sinkhorn heavy.csv heavy.csv {reduction}"), 0);
        assert!(
            (result["mass"].as_f64().unwrap() - 15.0).abs() < 15e-3,
            "{result}"
        );
        assert!(result["n"].as_u64().unwrap() < 60);
        // The same points of the same cloud, so that it has no distance from itself.
        for command in ["divergence", "energy"] {
            let result = room.json(&format!("{command} heavy.csv heavy.csv {reduction}"), 0);
            assert!(result["value"].as_f64().unwrap().abs() < 1e-4, "{result}");
        }
    }
    assert_eq!(room.json("energy a.csv b.csv --subsample 20", 0)["m"], 20);
}

//! The content of files (`haul info`), clouds written again (`haul thin`), and files that no command reads or writes.

use crate::fixture::{Room, assert_close, assert_says, error_line, ring, value};
use serde_json::Value;

#[test]
fn info_tells_of_each_file_what_it_holds() {
    let room = Room::with_clouds();
    room.write("w.csv", "x,y,weight\n0,0,1\n3,4,2\n3,5,0.5\n");
    room.write("bad.csv", "x,y\n1,\n");
    let ran = room.haul("info w.csv bad.csv a.csv --json");
    assert_eq!(ran.status, Some(2));
    assert_says(&ran.stderr, &["error: bad.csv: row 1, column y is \"\""]);
    let lines = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let expected = serde_json::json!({
        "file": "w.csv",
        "points": 3,
        "dimension": 2,
        "low": [0.0, 0.0],
        "high": [3.0, 5.0],
        "diagonal": f64::hypot(3.0, 5.0),
        "spacing": 1.0,
        "mass": 3.5,
        "weighted": true,
        "smallest_weight": 0.5,
        "largest_weight": 2.0,
    });
    assert_eq!(lines[0], expected);
    assert_eq!(
        (&lines[1]["file"], &lines[1]["points"]),
        (&"a.csv".into(), &60.into())
    );
    assert_eq!((lines.len(), &lines[1]["weighted"]), (2, &false.into()));

    let ran = room.haul("info w.csv a.csv");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let parts = [
        "w.csv\n",
        "3 in dimension 2",
        "0 to 5",
        "0.5 to 2",
        "no weights",
    ];
    assert_says(&ran.stdout, &parts);
    // If there are many dimensions, only the first ones.
    room.csv("wide.csv", &[0.5; 40], 20);
    let ran = room.haul("info wide.csv");
    assert_says(&ran.stdout, &["axis 8", "and 12 axes more"]);
    assert!(!ran.stdout.contains("axis 9"), "{}", ran.stdout);
}

#[test]
fn info_tells_what_thinning_leaves() {
    let room = Room::with_clouds();
    let told = |options: &str| room.haul(&format!("info a.csv --json {options}")).json(0);
    let (all, cells) = (told(""), told("--voxel 0.4"));
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap();
    assert!(number(&cells, "points") < number(&all, "points"));
    assert!(number(&cells, "spacing") > number(&all, "spacing"));
    assert!(number(&cells, "smallest_weight") < number(&cells, "largest_weight"));
    let equal = told("--voxel 0.4 --equal-weights");
    assert_eq!(equal["smallest_weight"], equal["largest_weight"]);
    assert_close(number(&equal, "mass"), 1.0, 1e-12);
    assert_eq!(told("--subsample 7")["points"], 7);
}

#[test]
fn thin_writes_what_the_commands_would_make_of_a_cloud() {
    let room = Room::with_clouds();
    let thin = |line: &str| {
        let ran = room.haul(&format!("thin {line}"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let told = thin("a.csv --voxel 0.4 -o cells.npz");
    assert_says(&told, &["a.csv, 60 points in dimension 2", "cells.npz, "]);
    let [points, weights] = room.arrays("cells.npz", ["points", "weights"]);
    assert_eq!(points.len(), 2 * weights.len());
    let energy = |line: &str| value(&room.cpu(&format!("energy {line} --json")).json(0));
    let cells = energy("cells.npz b.csv");
    assert_ne!(cells, energy("a.csv b.csv"));
    // The ring is unchanged: cells this small have one point each.
    assert_close(cells, energy("cells.npz b.csv --voxel 1e-6"), 1e-6);
    thin("b.csv --voxel 0.4 -o ring.npz");
    assert_close(
        energy("cells.npz ring.npz"),
        energy("a.csv b.csv --voxel 0.4"),
        1e-7,
    );
    // Two seeds, two samples.
    thin("a.csv --subsample 20 --seed 1 -o one.csv");
    thin("a.csv --subsample 20 --seed 2 -o two.xyz");
    thin("a.csv --subsample 20 --seed 1 -o again.csv");
    assert_eq!(room.read("one.csv"), room.read("again.csv"));
    assert!(energy("one.csv two.xyz") > 1e-4);
    // Equal weights need no column, other weights do.
    let told = error_line(room.haul("thin a.csv --voxel 0.4 -o cells.xyz"), 2);
    assert_says(
        &told,
        &["cells.xyz: cannot hold weights", ".npz, .ply or .csv"],
    );
    thin("a.csv --voxel 0.4 --equal-weights -o cells.xyz");
    assert_eq!(room.read("cells.xyz").lines().count(), weights.len());
    room.write("w.csv", "x,weight\n0,2\n1,2\n");
    for (line, warned) in [
        ("w.csv -o w.xyz", true),
        ("w.csv --normalize -o w.xyz", false),
    ] {
        let ran = room.haul(&format!("thin {line}"));
        assert_eq!(
            ran.stderr.contains("mass is 1 where it was 4;"),
            warned,
            "{line}"
        );
    }
    let told = error_line(room.haul("thin a.csv -o ./a.csv"), 2);
    assert_says(&told, &["./a.csv is read and written", "another name"]);
}

#[test]
fn no_file_is_read_and_written_or_written_twice() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[1.0 / 60.0; 60], 1);
    std::fs::create_dir(room.path("sub")).unwrap();
    let before = room.read("a.csv");
    for (line, told) in [
        ("map a.csv b.csv -o a.csv", "a.csv is read and written"),
        (
            "map a.csv b.csv -o sub/../b.csv",
            "sub/../b.csv is read and written",
        ),
        (
            "sinkhorn a.csv b.csv --trace a.csv",
            "a.csv is read and written",
        ),
        (
            "sinkhorn a.csv b.csv --weights-a w.csv --trace ./w.csv",
            "./w.csv is read and written",
        ),
        (
            "sinkhorn a.csv b.csv --trace t.csv --plan-topk 1 --plan ./t.csv",
            "t.csv is written twice",
        ),
        (
            "pairwise a.csv b.csv -o ./a.csv",
            "./a.csv is read and written",
        ),
    ] {
        let refused = error_line(room.cpu(line), 2);
        assert_says(&refused, &[told, "another name"]);
    }
    assert_eq!(room.read("a.csv"), before);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.csv", room.path("link.csv")).unwrap();
        let refused = error_line(room.cpu("map a.csv b.csv -o link.csv"), 2);
        assert_says(&refused, &["link.csv is read and written"]);
    }
    // Control: another name is another file.
    assert_eq!(room.cpu("map a.csv b.csv -o sub/a.csv").status, Some(0));
}

#[test]
fn files_that_are_not_read_are_told_how_to_bring_them_here() {
    let room = Room::new();
    room.csv("b.csv", &ring(5), 2);
    room.write("e.ply", "");
    for (file, parts) in [
        ("a.txt", [".txt is not read", ".xyz"]),
        ("a.asc", [".asc is not read", ".xyz"]),
        #[cfg(not(feature = "e57"))]
        ("a.E57", [".e57 is not read", "in Python: scan = pye57"]),
        ("a.PT", [".pt is not read", "in Python: numpy.save"]),
        ("e.ply", ["e.ply: the file is empty", "export it again"]),
    ] {
        assert_says(
            &error_line(room.cpu(&format!("energy {file} b.csv")), 2),
            &parts,
        );
    }
    let told = error_line(room.haul("sample ball --n 3 -o gone/a.csv"), 2);
    assert_says(&told, &["gone/a.csv: cannot be written"]);
    assert!(!told.contains(".haul-"), "{told}");
}

#[test]
fn numbers_and_commands_are_told_how_they_are_written() {
    let room = Room::with_clouds();
    for line in [
        "sinkhorn a.csv b.csv --blur 5mm",
        "sinkhorn a.csv b.csv --blur 0,005",
        "map a.csv b.csv -o c.csv --t half",
        "energy a.csv b.csv --voxel 1cm",
        "bench softmin --p two",
    ] {
        let told = error_line(room.haul(line), 2);
        assert_says(&told, &["0.005, with a point and without a unit"]);
    }
    let told = error_line(room.haul("confront a.csv b.csv"), 2);
    assert_says(
        &told,
        &[
            "'confront'",
            "sinkhorn, divergence, energy, exact, map",
            "info",
        ],
    );
    assert!(
        !told.contains("similar") && !told.contains(" man"),
        "{told}"
    );
    assert_says(
        &error_line(room.haul("inf a.csv"), 2),
        &["similar", "'info'"],
    );
}

#[test]
fn a_format_is_named_where_a_name_tells_none() {
    let room = Room::with_clouds();
    let about = |line: &str| {
        let ran = room.shell(line);
        assert_eq!(ran.status, Some(0), "{line}: {}", ran.stderr);
        let mut about: Value = serde_json::from_str(&ran.stdout).unwrap();
        about["file"].take();
        about
    };
    let expected = about("haul info a.csv --json");
    for format in ["ply", "npy", "npz", "xyz", "csv.gz", "PLY.gz"] {
        let line = format!(
            "haul thin a.csv --format {format} -o - | haul info - --format {format} --json"
        );
        assert_eq!(about(&line), expected, "{format}");
    }
    // A name with a format takes precedence over the option; csv is the format of standard input.
    assert_eq!(about("haul thin a.csv -o - | haul info - --json"), expected);
    assert_eq!(about("haul info a.csv --format ply --json"), expected);
    #[cfg(unix)]
    {
        let info = "haul info /dev/stdin --format npz --json";
        for line in [format!("{info} < a.npz"), format!("cat a.npz | {info}")] {
            let line = format!("haul thin a.csv -o a.npz > told.txt; {line}");
            assert_eq!(about(&line), expected, "{line}");
        }
        let line = "haul sample ball --n 4 --format xyz -o /dev/stdout > four.txt; haul info four.txt --format xyz --json";
        assert_eq!(about(line)["points"], 4);
    }
    for (line, parts) in [
        ("info /dev/stdin", &["names no format", "with --format"][..]),
        ("info a.txt", &[".txt is not read", "--format xyz"]),
        ("info - --format docx", &["--format", "choose from .npy"]),
    ] {
        assert_says(&error_line(room.haul(line), 2), parts);
    }
}

#[test]
fn a_cloud_on_standard_output_is_alone_there() {
    let room = Room::with_clouds();
    let written = |line: &str| {
        let ran = room.haul_reading(line, room.read("a.csv").as_bytes());
        assert_eq!(ran.status, Some(0), "{line}: {}", ran.stderr);
        ran.stdout
    };
    let sample = written("sample ball --n 4 -o -");
    assert_eq!(sample.lines().count(), 5);
    written("sample ball --n 4 -o four.csv");
    assert_eq!(room.read("four.csv"), sample);
    assert_eq!(written("thin a.csv -o -"), written("thin - -o -"));
    let line = "map a.csv b.csv --blur 0.1 --device cpu -o";
    let moved = written(&format!("{line} -"));
    written(&format!("{line} moved.csv"));
    assert_eq!(moved, room.read("moved.csv"));
    for (line, part) in [
        ("map a.csv b.csv -o - --json", "-o - writes one cloud"),
        ("map a.csv b.csv -o - --frames 3", "-o - writes one cloud"),
        ("pairwise a.csv b.csv -o -", "-"),
        ("sinkhorn a.csv b.csv --trace -", "-: the extension"),
    ] {
        assert_says(&error_line(room.haul(line), 2), &[part]);
    }
    room.write(
        "jobs.jsonl",
        "{\"id\":\"1\",\"command\":\"map\",\"a\":\"a.csv\",\"b\":\"b.csv\",\"output\":\"-\"}\n",
    );
    assert_eq!(
        room.cpu("batch jobs.jsonl -o results.jsonl").status,
        Some(1)
    );
    assert_says(
        &room.read("results.jsonl"),
        &["standard input and output are not for jobs"],
    );
    // A closed pipe is no error.
    #[cfg(unix)]
    {
        let ran = room.shell("haul sample ball --n 200000 -o - | head -n 1");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("x,y,z\n", ""));
    }
}

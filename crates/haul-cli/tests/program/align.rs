//! `haul align`, and the maps that `haul thin` applies: a known motion is recovered as a matrix and as a moved file.

use crate::fixture::{Room, assert_close, assert_says, error_line, spiral};
use serde_json::Value;
use std::fs;

/// Runs a command line that must succeed.
#[track_caller]
fn done(room: &Room, line: &str) {
    let ran = room.haul(line);
    assert_eq!(ran.status, Some(0), "{line}: {}", ran.stderr);
}

/// The entries of the matrix of an answer, row by row.
fn matrix(answer: &Value) -> Vec<f64> {
    let rows = answer["matrix"].as_array().unwrap().iter();
    let rows = rows.flat_map(|row| row.as_array().unwrap());
    rows.map(|entry| entry.as_f64().unwrap()).collect()
}

/// Root mean square of the difference of coordinates.
fn off(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let squares = x.iter().zip(y).map(|(x, y)| (x - y).powi(2));
    (squares.sum::<f64>() / x.len() as f64).sqrt()
}

const PRECISE: &str = "--blur 0.1 --device cpu --precision f64 --tolerance 1e-6";

#[test]
fn a_motion_comes_back_as_a_matrix_and_a_moved_file() {
    let room = Room::new();
    room.csv("b.csv", &spiral(80), 2);
    for (family, thin) in [
        ("", "--rotate 140 --translate -3,0.5"),
        ("--scale", "--scale 0.4 --rotate 140 --translate -3,0.5"),
        ("--affine", "--matrix shear.txt"),
    ] {
        room.write("shear.txt", "1.5, 0.3, 2\n0 0.8 -1\n0 0 1\n");
        done(&room, &format!("thin b.csv {thin} -o a.csv"));
        let line =
            format!("align a.csv b.csv {family} {PRECISE} -o moved.csv --matrix-out m.txt --json");
        let answer = room.haul(&line).json(0);
        let target = room.numbers("b.csv");
        // A tenth of the blur; the iteration ends at 1/200 of it.
        let moved = room.numbers("moved.csv");
        assert!(
            off(&moved, &target) < 1e-2,
            "{family}: {}",
            off(&moved, &target)
        );
        assert!(off(&room.numbers("a.csv"), &target) > 0.5);
        let matrix = matrix(&answer);
        let written = room.read("m.txt");
        let written: Vec<f64> = written
            .split_whitespace()
            .map(|it| it.parse().unwrap())
            .collect();
        assert_eq!(written, matrix);
        // The matrix moves the file as the command did.
        done(&room, "thin a.csv --matrix m.txt -o again.csv");
        assert!(off(&room.numbers("again.csv"), &moved) < 1e-14);
        assert_eq!(answer["command"], "align");
        assert_eq!(answer["converged"], true);
        for key in ["scale", "residual", "movement", "mass", "seconds", "blur"] {
            assert!(answer[key].is_f64(), "{key}");
        }
        assert!(answer["certificate"]["marginal_error_a"].as_f64().unwrap() < 1e-6);
        let scale = answer["scale"].as_f64().unwrap();
        match family {
            "" => assert_close(scale, 1.0, 1e-14),
            "--scale" => assert_close(scale, 2.5, 0.03),
            _ => assert_close(scale, 1.2f64.sqrt().recip(), 0.03),
        }
    }
}

#[test]
fn the_answer_for_people_opens_with_the_motion() {
    let room = Room::new();
    room.csv("b.csv", &spiral(80), 2);
    done(&room, "thin b.csv --rotate 140 -o a.csv");
    let told = room.haul("align a.csv b.csv --blur 0.1 --reach 0.5 --device cpu -o moved.csv");
    assert_eq!(told.status, Some(0), "{}", told.stderr);
    let first = told.stdout.lines().next().unwrap();
    let (name, angle) = first.split_once("turned by ").unwrap();
    let (angle, _) = angle.split_once('°').unwrap();
    assert!(name.starts_with("motion"), "{first}");
    assert_close(angle.parse().unwrap(), -140.0, 0.5);
    assert_says(
        &told.stdout,
        &[
            "matrix",
            "residual",
            "mass matched",
            "converged",
            "moved.csv",
        ],
    );
    let cloud = room.haul("align a.csv b.csv --blur 0.1 --device cpu -o -");
    assert_eq!(cloud.stdout.lines().count(), 81, "{}", cloud.stdout);
}

#[test]
fn the_answer_says_whether_the_clouds_match_and_how_much_of_them() {
    let room = Room::with_clouds();
    done(
        &room,
        "thin a.csv --rotate 70 --translate 2,1 -o turned.csv",
    );
    let told = |line: &str| room.haul(&format!("{line} --device cpu")).stdout;
    let fits = told("align turned.csv a.csv --blur 0.1");
    assert_says(
        fits.lines().nth(1).unwrap(),
        &["The clouds match: ", "within the blur, 0.1"],
    );
    let fails = told("align a.csv b.csv --blur 0.02");
    assert_says(
        fails.lines().nth(1).unwrap(),
        &[
            "do not match",
            "times the blur",
            "--reach to leave out",
            "--scale or --affine",
        ],
    );
    // A third of the points has a counterpart, as long as the reach is short.
    room.csv("part.csv", &spiral(60)[..40], 2);
    let part = told("align a.csv part.csv --normalize --blur 0.05 --rho-a 0.003 --start one.txt");
    assert_eq!(part, "", "the matrix is missing");
    room.write("one.txt", "1 0 0\n0 1 0\n0 0 1\n");
    let part = told("align a.csv part.csv --blur 0.05 --rho-a 0.003 --start one.txt");
    let line = part
        .lines()
        .find(|line| line.starts_with("mass matched"))
        .unwrap();
    assert_says(
        line,
        &[
            "%); ",
            " of 60 points find at least half of their mass within the reach",
        ],
    );
}

#[test]
fn an_alignment_is_a_page_and_a_job() {
    let room = Room::with_clouds();
    done(&room, "thin a.csv --rotate 70 -o turned.csv");
    // Near the motion back.
    room.write("one.txt", "0.34 0.94 0\n-0.94 0.34 0\n0 0 1\n");
    let line = "align turned.csv a.csv --blur 0.1 --device cpu";
    let answer = room
        .haul(&format!("{line} --json --report page.html"))
        .json(0);
    let page = room.read("page.html");
    assert_says(
        &page,
        &[
            "motion",
            "The clouds match",
            "Converged.",
            "turned.csv",
            "<svg",
            "Matrix",
        ],
    );
    let residual = answer["residual"].as_f64().unwrap();
    assert_says(
        &page,
        &[&format!("itemprop=\"residual\" value=\"{residual}\"")],
    );
    let job = |id: &str, more: &str| {
        format!(
            "{{\"id\":\"{id}\",\"command\":\"align\",\"a\":\"turned.csv\",\"b\":\"a.csv\",\"blur\":0.1{more}}}\n"
        )
    };
    let jobs = [
        job("1", ",\"output\":\"moved.csv\""),
        job("2", ",\"start\":\"one.txt\",\"matrix_out\":\"m.txt\""),
    ];
    room.write("jobs.jsonl", jobs.concat());
    done(
        &room,
        "batch jobs.jsonl -o results.jsonl --device cpu --report batch.html",
    );
    let results = room.read("results.jsonl");
    let first: Value = serde_json::from_str(results.lines().next().unwrap()).unwrap();
    assert_eq!(first["matrix"], answer["matrix"]);
    assert!(off(&room.numbers("moved.csv"), &spiral(60)) < 1e-2);
    assert_says(&room.read("batch.html"), &["align"]);
    // The file of the start is an input of its job.
    assert_says(results.lines().nth(1).unwrap(), &["one.txt"]);
    room.write("one.txt", "0 -1 0\n1 0 0\n0 0 1\n");
    let changed = error_line(room.cpu("batch jobs.jsonl -o results.jsonl"), 2);
    assert_says(&changed, &["\"2\" whose file one.txt has changed"]);
    room.write(
        "clash.jsonl",
        job("1", ",\"start\":\"m.txt\",\"matrix_out\":\"m.txt\""),
    );
    assert_eq!(room.cpu("batch clash.jsonl -o r.jsonl").status, Some(1));
    assert_says(&room.read("r.jsonl"), &["m.txt is read and written"]);
}

#[test]
fn a_moved_mesh_keeps_the_rest_and_turns_its_normals() {
    let room = Room::new();
    let header = "ply\nformat ascii 1.0\ncomment by hand\nelement vertex 40\nproperty float x\nproperty float y\n\
        property float z\nproperty float nx\nproperty float ny\nproperty float nz\nproperty uchar red\nelement face 1\n\
        property list uchar int vertex_indices\nend_header\n";
    let vertex = |k: usize| {
        let t = k as f32 / 40.0;
        format!(
            "{:?} {:?} {:?} 0 0 1 {}\n",
            t * (7.0 * t).cos(),
            t * (7.0 * t).sin(),
            t * t,
            k
        )
    };
    let mesh: String = (0..40).map(vertex).collect();
    room.write("a.ply", format!("{header}{mesh}3 0 1 2\n"));
    done(&room, "thin a.ply --rotate x:90 --translate 1,2,3 -o b.ply");
    let b = room.read("b.ply");
    assert!(b.starts_with(header) && b.ends_with("3 0 1 2\n"), "{b}");
    // The third axis now points against the second.
    for (k, row) in b[header.len()..].lines().take(40).enumerate() {
        let row: Vec<f64> = row.split(' ').map(|it| it.parse().unwrap()).collect();
        assert!(off(&row[3..6], &[0.0, -1.0, 0.0]) < 1e-7, "{row:?}");
        assert_eq!(row[6], k as f64);
    }
    done(
        &room,
        "align a.ply b.ply --blur 0.1 --device cpu -o moved.ply",
    );
    let moved = room.read("moved.ply");
    assert!(moved.starts_with(header) && moved.ends_with("3 0 1 2\n"));
    for (row, other) in moved[header.len()..]
        .lines()
        .zip(b[header.len()..].lines())
        .take(40)
    {
        let numbers =
            |row: &str| -> Vec<f64> { row.split(' ').map(|it| it.parse().unwrap()).collect() };
        assert!(off(&numbers(row), &numbers(other)) < 5e-3, "{row} {other}");
    }
    // If points are left out, their other data is dropped.
    done(&room, "thin a.ply --rotate x:90 --subsample 10 -o few.ply");
    assert!(!String::from_utf8_lossy(&fs::read(room.path("few.ply")).unwrap()).contains("red"));
}

#[test]
fn a_part_of_a_scan_needs_a_penalty() {
    let room = Room::new();
    let whole = spiral(120);
    room.csv("whole.csv", &whole, 2);
    room.csv("cut.csv", &whole[80..], 2);
    done(
        &room,
        "thin cut.csv --rotate 70 --translate 2,2 -o part.csv",
    );
    let off_after = |options: &str| {
        let line = format!(
            "align part.csv whole.csv --blur 0.05 {options} --device cpu -o moved.csv --quiet"
        );
        let status = room.haul(&line).status;
        // If nothing fits, it need not converge.
        assert!(
            status == Some(0) || options.is_empty() && status == Some(3),
            "{options}"
        );
        off(&room.numbers("moved.csv"), &whole[80..])
    };
    let (with, without) = (off_after("--rho-b 0.003"), off_after(""));
    assert!(with < 0.02 && without > 0.05, "{with} {without}");
}

#[test]
fn what_makes_no_sense_is_refused_in_a_line() {
    let room = Room::with_clouds();
    room.write("three.txt", "1 0 0\n0 1 0\n0 0 1\n");
    room.write("four.txt", "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
    room.write("last.txt", "1 0 0\n0 1 0\n0 2 1\n");
    room.write("space.csv", "0,0,1\n1,0,0\n0,1,.5\n1,1,1\n");
    for (line, parts) in [
        (
            "align a.csv b.csv --scale --affine",
            &["--scale", "--affine"][..],
        ),
        ("align a.csv b.csv --p 1", &["--p is 1; it must be 2"]),
        (
            "align a.csv space.csv",
            &["a.csv and space.csv", "dimension 2, the second 3"],
        ),
        (
            "align a.csv b.csv --start four.txt",
            &["four.txt: a matrix of 4×4 for points of dimension 2; give one of 3×3"],
        ),
        (
            "align a.csv b.csv --start last.txt",
            &["last.txt: row 3, column 2 of the matrix is 2; it must be 0"],
        ),
        (
            "align a.csv b.csv --start none.txt",
            &["none.txt: cannot be read"],
        ),
        ("align a.csv b.csv -o a.csv", &["a.csv is read and written"]),
        (
            "align a.csv b.csv -o m.txt",
            &["m.txt: the extension names no format"],
        ),
        ("align a.csv b.csv -o - --json", &["-o - writes one cloud"]),
        (
            "thin a.csv --rotate z:30 -o c.csv",
            &["the points are in the plane; write degrees such as 30"],
        ),
        (
            "thin space.csv --rotate 30 -o c.csv",
            &["write x:30, y:30 or z:30"],
        ),
        (
            "thin a.csv --rotate up -o c.csv",
            &["--rotate", "write degrees such as 30"],
        ),
        (
            "thin a.csv --translate 1,2,3 -o c.csv",
            &["--translate has 3 numbers for points of dimension 2"],
        ),
        ("thin a.csv --scale 0 -o c.csv", &["--scale is 0"]),
        (
            "thin a.csv --matrix four.txt -o c.csv",
            &["give one of 3×3"],
        ),
    ] {
        let told = error_line(room.haul(line), 2);
        assert_says(&told, parts);
        assert!(!room.path("c.csv").exists());
    }
    // No point within reach of the start.
    room.write("far.txt", "1 0 12\n0 1 0\n0 0 1\n");
    let told = error_line(
        room.cpu("align a.csv b.csv --blur 0.3 --reach 0.3 --start far.txt --quiet"),
        2,
    );
    assert_says(&told, &["within reach"]);
}

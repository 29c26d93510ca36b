//! Shapes that are matched by the distances within each of them.

use crate::fixture::{Room, assert_says, error_line, value};
use std::fmt::Write;

/// 60 points of a spiral in the plane, with colours, and the same turned in space, in another order.
fn shapes() -> Room {
    let room = Room::new();
    let point = |i: usize| {
        let t = i as f64 / 59.0;
        let angle = 4.0 * t;
        [(0.3 + t) * angle.cos(), (0.3 + t) * angle.sin()]
    };
    let (mut flat, mut turned) = (String::new(), String::new());
    for k in 0..60 {
        let [x, y] = point(k);
        writeln!(flat, "{x} {y} {} 0 9", 4 * k).unwrap();
        let i = (7 * k + 3) % 60;
        let [x, y] = point(i);
        // A turn of the plane into space, and a shift.
        let place = [y + 5.0, 0.8 * x - 2.0, 0.6 * x];
        writeln!(
            turned,
            "{} {} {} {} 0 9",
            place[0],
            place[1],
            place[2],
            4 * i
        )
        .unwrap();
    }
    for (name, axes, rows) in [("flat.ply", "xy", flat), ("turned.ply", "xyz", turned)] {
        let mut head = String::from("ply\nformat ascii 1.0\nelement vertex 60\n");
        for axis in axes.chars() {
            writeln!(head, "property double {axis}").unwrap();
        }
        for channel in ["red", "green", "blue"] {
            writeln!(head, "property uchar {channel}").unwrap();
        }
        room.write(name, head + "end_header\n" + &rows);
    }
    room
}

#[test]
fn a_turned_shape_is_matched_and_coloured() {
    let room = shapes();
    let run = "gromov flat.ply turned.ply --relative 1e-3";
    let result = room
        .cpu(&format!("{run} -o matched.csv --report page.html --json"))
        .json(0);
    let of = |key: &str| result[key].as_f64().unwrap();
    assert_eq!(result["converged"], true);
    assert!(value(&result) < 0.01 * of("product_objective"), "{result}");
    assert!(of("lower_bound") <= value(&result));
    assert!(of("rise") == 0.0 && result["starts"].as_u64().unwrap() > 10);
    assert_eq!(
        result["course"].as_array().unwrap().len(),
        result["steps"].as_u64().unwrap() as usize
    );
    // Point k of the turned shape is point 7k + 3 of the flat one, and so is its colour.
    let matched = room.read("matched.csv");
    let mut right = 0;
    for (k, line) in matched.lines().skip(1).enumerate() {
        let red: f64 = line.split(',').nth(3).unwrap().parse().unwrap();
        let expected = (4 * ((7 * k + 3) % 60)) as f64;
        right += usize::from((red - expected).abs() <= 6.0);
    }
    assert!(right >= 54, "{right} of 60 colours");
    assert_says(
        &room.read("page.html"),
        &["is not proved", "eccentricities"],
    );
    let text = room.cpu(run).stdout;
    assert_says(
        &text,
        &["distortion", "stationary", "best of", "not proved"],
    );
}

#[test]
fn features_settle_what_distances_leave_open() {
    let room = Room::new();
    // A segment is its own mirror image; the colour tells its ends apart.
    let table = |mirrored: bool| {
        let mut text = String::from("x,red\n");
        for i in 0..30 {
            let x = if mirrored { 29 - i } else { i };
            writeln!(text, "{x}.5,{i}").unwrap();
        }
        text
    };
    room.write("a.csv", table(false));
    room.write("b.csv", table(true));
    let run = "gromov a.csv b.csv --columns x --relative 0.01 --json";
    let alone = room.cpu(run).json(0);
    let fused = room
        .cpu(&format!("{run} --fused 0.5 --features red"))
        .json(0);
    assert_eq!(alone["feature_cost"].as_f64(), Some(0.0));
    let of = |key: &str| fused[key].as_f64().unwrap();
    // Uniform features that are matched at random are 2 · 29 · 31 / 12 apart.
    assert!(of("feature_cost") < 20.0, "{fused}");
    let sum = 0.5 * of("distortion") + 0.5 * of("feature_cost");
    assert!((value(&fused) - sum).abs() <= 1e-12 * sum);
    let wrong = error_line(room.cpu("gromov a.csv b.csv --columns x --fused 0.5"), 2);
    assert_says(&wrong, &["--features"]);
    let wrong = error_line(
        room.cpu("gromov a.csv b.csv --columns x --fused 2 --features red"),
        2,
    );
    assert_says(&wrong, &["--fused is 2"]);
    let wrong = error_line(
        room.cpu("gromov a.csv b.csv --columns x --subsample 9 -o c.csv"),
        2,
    );
    assert_says(&wrong, &["haul thin"]);
}

/// A strip of 20×4 vertices that widens to one end, flat and rolled up to most of a circle: lengths along it stay.
fn strips(room: &Room) {
    let (mut flat, mut rolled, mut faces) = (String::new(), String::new(), String::new());
    let at = |i: usize, k: usize| 4 * i + k + 1;
    for i in 0..20 {
        for k in 0..4 {
            let s = i as f64 * 0.2;
            let y = (k as f64 / 3.0 - 0.3) * (0.3 + 0.4 * s);
            let angle = s / 0.8;
            writeln!(flat, "v {s} {y} 0").unwrap();
            writeln!(rolled, "v {} {y} {}", 0.8 * angle.sin(), 0.8 * angle.cos()).unwrap();
            if i < 19 && k < 3 {
                let [a, b, c, d] = [at(i, k), at(i + 1, k), at(i + 1, k + 1), at(i, k + 1)];
                writeln!(faces, "f {a} {b} {c}\nf {a} {c} {d}").unwrap();
            }
        }
    }
    room.write("flat.obj", flat + &faces);
    room.write("rolled.obj", rolled + &faces);
}

#[test]
fn a_bent_surface_is_matched_along_its_edges() {
    let room = Room::new();
    strips(&room);
    let ratio = |metric: &str| {
        let run = format!("gromov flat.obj rolled.obj --relative 1e-3 {metric} --json");
        let result = room.cpu(&run).json(0);
        assert_eq!(result["rise"].as_f64(), Some(0.0), "{result}");
        assert_eq!(result["precision"], "f64");
        value(&result) / result["product_objective"].as_f64().unwrap()
    };
    let geodesic = ratio("--metric geodesic -o matched.ply");
    let euclidean = ratio("--metric euclidean");
    assert!(
        geodesic < 0.01 && euclidean > 5.0 * geodesic,
        "{geodesic} {euclidean}"
    );
    assert!(room.path("matched.ply").is_file());
    let text = room
        .cpu("gromov flat.obj rolled.obj --metric geodesic --neighbors 6")
        .stdout;
    assert_says(&text, &["geodesic distances", "not proved"]);
    let matrix =
        room.cpu("pairwise flat.obj rolled.obj --loss gromov --metric geodesic -o d.csv --json");
    assert_eq!(matrix.json(0)["loss"], "gromov");
}

/// A `.ply` of 6×6 vertices of a square, whose faces leave out the squares of a column but the first so many of them.
fn sheet(kept: usize) -> String {
    let corners = (0..36).map(|at| format!("{} {} 0\n", at / 6, at % 6));
    let squares = (0..25).filter(|at| at / 5 != 2 || at % 5 < kept);
    let faces: Vec<_> = squares
        .map(|at| {
            let at = at / 5 * 6 + at % 5;
            format!("4 {at} {} {} {}\n", at + 6, at + 7, at + 1)
        })
        .collect();
    format!(
        "ply\nformat ascii 1.0\nelement vertex 36\nproperty float x\nproperty float y\nproperty float z\n\
         element face {}\nproperty list uchar int vertex_indices\nend_header\n{}{}",
        faces.len(),
        corners.collect::<String>(),
        faces.concat()
    )
}

#[test]
fn sheets_of_equal_vertices_and_other_faces_are_other_spaces() {
    let room = Room::new();
    let run = "pairwise a.ply b.ply --loss gromov --metric geodesic -o d.npy";
    let entry = || {
        let ran = room.cpu(run);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        (room.matrix("d.npy")[0][1], ran.stderr)
    };
    room.write("a.ply", sheet(5));
    room.write("b.ply", sheet(5));
    assert_eq!(entry().0, 0.0);
    room.write("b.ply", sheet(1));
    let cut = entry().0;
    assert!(cut > 0.1, "{cut}");
    // A run that has its matrix and no room for its picture, whose entry is marked.
    let stopped = || {
        let line = format!("haul {run} --image d.svg --device cpu");
        let ran = room.shell(&format!("trap '' XFSZ; ulimit -f 1; {line}"));
        assert_says(&error_line(ran, 2), &["d.svg"]);
        let left = room.read("d.npy.partial");
        let marked = left.replacen("\"value\":", "\"value\":7", 1);
        assert_ne!(left, marked);
        room.write("d.npy.partial", marked);
    };
    stopped();
    let (found, told) = entry();
    assert!(found >= 7.0 && !told.contains("stay in"), "{found} {told}");
    stopped();
    room.write("b.ply", sheet(2));
    let (found, told) = entry();
    assert!(found > 0.1 && found < cut, "{found}");
    assert_says(&told, &[") stay in d.npy.partial"]);
}

#[test]
fn graphs_are_compared_by_given_distances() {
    let room = Room::new();
    // A path of nine nodes with a branch at the third one, and the same in another order.
    let parents: [usize; 12] = [0, 0, 1, 2, 3, 4, 5, 6, 7, 2, 9, 10];
    let depth = |mut i: usize, steps: usize| {
        (0..steps).for_each(|_| i = parents[i]);
        i
    };
    let apart = |i: usize, k: usize| {
        let meets = |s: usize| (0..12).find(|t| depth(i, s) == depth(k, *t)).map(|t| s + t);
        (0..12).filter_map(meets).min().unwrap()
    };
    let table = |place: &dyn Fn(usize) -> usize| {
        let row = |i: usize| {
            (0..12)
                .map(|k| apart(place(i), place(k)).to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        (0..12).map(|i| row(i) + "\n").collect::<String>()
    };
    room.write("a.csv", table(&|i| i));
    room.write("b.csv", table(&|i| (5 * i + 3) % 12));
    let run = "gromov a.csv b.csv --metric given --header no --relative 1e-3";
    let result = room.cpu(&format!("{run} --json")).json(0);
    assert_eq!(result["metric"], "given");
    assert!(
        value(&result) < 1e-3 * result["product_objective"].as_f64().unwrap(),
        "{result}"
    );
    assert_says(
        &room.cpu(run).stdout,
        &["a.csv, 12 points with given distances"],
    );
    for (wrong, says) in [
        (
            "gromov a.csv b.csv --metric given --header no -o c.ply",
            "--output",
        ),
        (
            "gromov a.csv b.csv --neighbors 3 --header no",
            "--metric geodesic",
        ),
        (
            "pairwise a.csv b.csv --metric given -o d.npy",
            "--loss gromov",
        ),
    ] {
        assert_says(&error_line(room.cpu(wrong), 2), &[says]);
    }
    room.write("c.csv", "0,1,2\n1,0,1\n");
    let wrong = error_line(room.cpu("gromov a.csv c.csv --metric given --header no"), 2);
    assert_says(&wrong, &["c.csv", "2×3", "square"]);
}

#[test]
fn pieces_of_a_cloud_are_told_with_the_neighbours_that_join_them() {
    let room = Room::new();
    let line = |gap: f64| {
        let place = |k: usize| 1.5 * k as f64 + if k < 6 { 0.25 } else { gap };
        (0..12)
            .map(|k| format!("{},0\n", place(k)))
            .collect::<String>()
    };
    room.write("a.csv", line(50.0));
    room.write("b.csv", line(0.0));
    for neighbors in [3, 5] {
        let run =
            format!("gromov a.csv b.csv --metric geodesic --header no --neighbors {neighbors}");
        let wrong = error_line(room.cpu(&run), 2);
        assert_says(&wrong, &["a.csv", "2 pieces", "6 neighbours connect it"]);
    }
}

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

//! Images and arrays as measures on grids.

use crate::fixture::{Room, assert_close, assert_says, disc, error_line, npy, rows, value};
use serde_json::Value;

/// A room with two discs in images of 24×24 pixels, the second one six pixels to the right of the first, as images and
/// as arrays.
fn discs() -> Room {
    let room = Room::new();
    for (name, column) in [("a", 8.0), ("b", 14.0)] {
        let grey = disc(24, [12.0, column], 4.5);
        room.png(&format!("{name}.png"), 24, &grey);
        let masses: Vec<f64> = grey.iter().map(|grey| f64::from(*grey) / 255.0).collect();
        room.npy(&format!("{name}.npy"), &masses, &[24, 24]);
        // The same masses at the centres of the pixels, as a cloud.
        let points = (0..576)
            .filter(|i| masses[*i] > 0.0)
            .flat_map(|i| [i / 24, i % 24]);
        let points: Vec<f64> = points.map(|k| (k as f64 + 0.5) / 24.0).collect();
        let weighted: Vec<f64> = points.chunks(2).flat_map(|x| [x[0], x[1], 1.0]).collect();
        room.write(
            &format!("{name}.csv"),
            format!("x,y,weight\n{}", rows(&weighted, 3, ",")),
        );
    }
    room
}

#[test]
fn an_image_is_the_measure_of_its_pixels() {
    let room = discs();
    // A shift by a quarter of the side costs its square, as S_ε of translated measures does.
    let shifted = room.cpu("divergence a.png b.png --normalize --json --blur 0.1 --tolerance 1e-5");
    let shifted = shifted.json(0);
    assert_close(value(&shifted), 0.0625, 1e-4);
    assert_eq!((&shifted["n"], &shifted["d"]), (&576.into(), &2.into()));
    for command in ["sinkhorn", "divergence", "energy"] {
        let of = |a: &str, b: &str, options: &str| {
            let blur = if command == "energy" {
                ""
            } else {
                "--blur 0.1 --tolerance 1e-5"
            };
            value(
                &room
                    .cpu(&format!("{command} {a} {b} --json {blur} {options}"))
                    .json(0),
            )
        };
        let image = of("a.png", "b.png", "");
        let close = 2e-4 * image;
        assert_close(of("a.npy", "b.npy", "--grid"), image, close);
        assert_close(of("a.csv", "b.csv", ""), image, close);
        assert_close(of("a.png", "b.csv", ""), image, close);
        // In pixels a length is 24 times as long.
        let power = if command == "energy" { 1 } else { 2 };
        let blur = if command == "energy" {
            ""
        } else {
            "--blur 2.4 --tolerance 1e-5"
        };
        let pixels = format!("{command} a.png b.png --json --spacing 1 {blur}");
        assert_close(
            value(&room.cpu(&pixels).json(0)) / 24_f64.powi(power),
            image,
            close,
        );
        assert!((of("a.png", "a.png", "") - image).abs() > 100.0 * close);
    }
}

#[test]
fn answers_and_pages_speak_of_cells() {
    let room = discs();
    let ran = room.cpu("divergence a.png b.png --report page.html");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(&ran.stdout, &["a.png, 24×24 cells of side 0.04167, mass"]);
    // Cells are no sample, and do not move.
    for word in ["sampl", "align"] {
        assert!(!ran.stdout.contains(word), "{}", ran.stdout);
    }
    let page = room.read("page.html");
    assert_says(
        &page,
        &["data:image/png;base64,", "24×24 cells", "img-src data:"],
    );
    let energy = room.cpu("energy a.png b.png");
    assert!(!energy.stdout.contains("sampl"), "{}", energy.stdout);
    assert_says(&energy.stdout, &["a.png, 24×24 cells"]);
}

#[test]
fn dark_is_mass_where_light_and_dark_are_exchanged() {
    let room = discs();
    let dark: Vec<u8> = disc(24, [12.0, 8.0], 4.5)
        .iter()
        .map(|grey| 255 - grey)
        .collect();
    room.png("dark.png", 24, &dark);
    let light = room.cpu("divergence a.png b.png --json").json(0);
    room.png(
        "dark-b.png",
        24,
        &disc(24, [12.0, 14.0], 4.5)
            .iter()
            .map(|g| 255 - g)
            .collect::<Vec<_>>(),
    );
    let inverted = room
        .cpu("divergence dark.png dark-b.png --invert --json")
        .json(0);
    assert_close(value(&inverted), value(&light), 1e-12);
    // Without the option the ground is the mass, which is told.
    let ground = room.cpu("divergence dark.png dark-b.png");
    assert_says(
        &ground.stderr,
        &["warning: the ground of dark.png is mass", "--invert"],
    );
    assert!(
        !room
            .cpu("divergence a.png b.png")
            .stderr
            .contains("--invert")
    );
    let square = room.cpu("divergence a.npy b.npy");
    assert_says(
        &square.stderr,
        &["a.npy is read as 24 points in dimension 24", "--grid"],
    );
}

#[test]
fn info_tells_what_an_image_and_an_array_hold() {
    let room = discs();
    room.npy("volume.npy", &[1.0; 24], &[2, 3, 4]);
    let about = |name: &str| -> Value { room.haul(&format!("info {name} --json")).json(0) };
    let image = about("a.png");
    assert_eq!(image["grid"]["shape"], serde_json::json!([24, 24]));
    assert_eq!(image["points"], 576);
    let filled = disc(24, [12.0, 8.0], 4.5)
        .iter()
        .filter(|grey| **grey > 0)
        .count();
    assert_close(image["mass"].as_f64().unwrap(), filled as f64, 1e-9);
    assert_eq!(image["grid"]["empty"], 576 - filled);
    assert_close(image["low"][0].as_f64().unwrap(), 0.5 / 24.0, 1e-15);
    let volume = about("volume.npy");
    assert_eq!(volume["grid"]["shape"], serde_json::json!([2, 3, 4]));
    assert_eq!(
        volume["grid"]["spacing"],
        serde_json::json!([0.25, 0.25, 0.25])
    );
    assert_eq!(
        about("volume.npy:1")["grid"]["shape"],
        serde_json::json!([3, 4])
    );
    assert!(about("a.csv").get("grid").is_none());
    let text = room.haul("info a.png volume.npy");
    assert_says(
        &text.stdout,
        &[
            "24×24 cells of side 0.04167",
            "2×3×4 cells of side 0.25, 0% of them",
        ],
    );
}

#[test]
fn a_matrix_and_a_batch_compare_images() {
    let room = discs();
    let stack: Vec<f64> = [8.0, 14.0, 16.0]
        .iter()
        .flat_map(|column| disc(24, [12.0, *column], 4.5))
        .map(f64::from)
        .collect();
    room.write("stack.npy", npy(&stack, &[3, 24, 24]));
    let ran =
        room.cpu("pairwise stack.npy:0 stack.npy:1 stack.npy:2 --normalize --blur 0.1 -o d.csv");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let table = room.read("d.csv");
    let names = table.lines().next().unwrap();
    assert_says(names, &["stack.npy:0", "stack.npy:2"]);
    let numbers: Vec<f64> = table
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .skip(1)
        .map(|n| n.parse().unwrap())
        .collect();
    assert_close(numbers[1], 0.0625, 1e-3);
    assert_close(numbers[2], 1.0 / 9.0, 2e-3);
    room.write(
        "jobs.jsonl",
        "{\"id\":\"1\",\"command\":\"divergence\",\"a\":\"stack.npy:0\",\"b\":\"b.png\",\"normalize\":true,\"blur\":0.1}\n",
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(room.read("results.jsonl").trim()).unwrap();
    assert_close(value(&line), 0.0625, 1e-3);
    // The fingerprint is that of the file.
    assert_eq!(line["input"][0]["file"], "stack.npy");
    let bytes = std::fs::metadata(room.path("stack.npy")).unwrap().len();
    assert_eq!(line["input"][0]["bytes"], bytes);
}

#[test]
fn what_is_no_measure_on_a_grid_is_told_in_a_line() {
    let room = discs();
    room.png("black.png", 2, &[0; 4]);
    room.npy(
        "negative.npy",
        &[1.0, -2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        &[2, 2, 2],
    );
    room.npy("nan.npy", &[1.0, f64::NAN], &[1, 1, 2]);
    room.npy("deep.npy", &[1.0; 4], &[1, 2, 1, 2]);
    room.npy("volume.npy", &[1.0; 8], &[2, 2, 2]);
    room.npz("cloud.npz", &[0.0, 1.0], 1, &[1.0, 1.0]);
    room.write("text.png", "no image");
    room.write("empty.png", "");
    for (arguments, parts) in [
        (
            "divergence black.png a.png",
            &["black.png", "0 in every cell", "--invert"][..],
        ),
        (
            "divergence negative.npy volume.npy",
            &["negative.npy: cell [0, 0, 1] is -2", "at least 0"],
        ),
        (
            "divergence nan.npy volume.npy",
            &["nan.npy: cell [0, 0, 1] is NaN"],
        ),
        (
            "divergence deep.npy volume.npy",
            &["deep.npy", "one to three axes", "deep.npy:0"],
        ),
        (
            "divergence volume.npy:7 volume.npy",
            &["volume.npy", "\"7\" selects nothing", "below 2"],
        ),
        (
            "divergence a.npy:0 b.npy",
            &["a.npy", "masses on a grid: --grid"],
        ),
        (
            "divergence cloud.npz:mass a.png",
            &["no array \"mass\"", "cloud.npz:points"],
        ),
        ("divergence text.png a.png", &["text.png: header"]),
        (
            "divergence empty.png a.png",
            &["empty.png: the file is empty"],
        ),
        ("divergence none.png a.png", &["none.png: cannot be read"]),
        (
            "divergence a.gif a.png",
            &["a.gif: .gif is not read; convert the image to .png"],
        ),
        (
            "divergence a.png volume.npy",
            &["a.png and volume.npy", "dimension"],
        ),
        (
            "divergence a.png volume.npy:0",
            &["a.png and volume.npy:0: the masses differ", "--normalize"],
        ),
        (
            "divergence a.png b.png --spacing 0",
            &["'0'", "--spacing", "positive"],
        ),
        (
            "divergence a.png b.png --spacing 1,2,3",
            &["a.png", "3 lengths for a grid of 24×24 cells"],
        ),
        (
            "divergence a.png b.png --subsample 10",
            &["--subsample", "masses on a grid"],
        ),
        (
            "divergence a.npy b.npy --grid --columns 1,2",
            &["--columns", "masses on a grid"],
        ),
        (
            "divergence a.png b.png --equal-weights",
            &["--equal-weights", "leave it out"],
        ),
        (
            "divergence a.png b.png --weights-a a.npy",
            &["a.png", "a.npy cannot be its weights"],
        ),
        (
            "divergence a.png b.png --gradient g.npy",
            &["a.png", "--gradient-weights"],
        ),
        (
            "map a.png b.png -o moved.csv",
            &["a.png", "cells do not move", "haul barycenter"],
        ),
        (
            "thin a.png -o thin.csv",
            &["a.png", "points are needed here"],
        ),
    ] {
        let line = error_line(room.haul(arguments), 2);
        assert_says(&line, parts);
    }
}

#[test]
fn what_works_on_grids_beside_values() {
    let room = discs();
    let ran = room
        .cpu("sinkhorn a.png b.png --blur 0.1 --potentials p.npz --gradient-weights w.npy --quiet");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let [f, g] = room.arrays("p.npz", ["f", "g"]);
    assert_eq!([f.len(), g.len()], [576, 576]);
    // A cloud moves onto an image.
    let ran = room.cpu(
        "map a.csv b.png -o moved.csv --blur 0.03 --normalize --columns x,y --weight-column weight",
    );
    assert_eq!(
        ran.status,
        Some(2),
        "columns are for points: {}",
        ran.stdout
    );
    let ran = room.cpu("map a.csv b.png -o moved.csv --blur 0.03 --normalize");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let moved = room.numbers("moved.csv");
    let mean = |column: usize| {
        let values = moved.chunks(3).map(|row| row[column]);
        values.sum::<f64>() / (moved.len() / 3) as f64
    };
    assert_close(mean(1), 14.5 / 24.0, 1e-2);
}

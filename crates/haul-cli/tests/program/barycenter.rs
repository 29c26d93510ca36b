//! Averages of images, arrays and clouds.

use crate::fixture::{Room, assert_close, assert_says, disc, error_line, rows, value};
use serde_json::Value;

const SIDE: usize = 24;

/// A room with four discs in the corners of images of 24×24 pixels, light on dark: `a.png` to `d.png`.
fn discs() -> Room {
    let room = Room::new();
    for (name, place) in [
        ("a", [7.0, 7.0]),
        ("b", [7.0, 16.0]),
        ("c", [16.0, 7.0]),
        ("d", [16.0, 16.0]),
    ] {
        room.png(&format!("{name}.png"), SIDE as u32, &disc(SIDE, place, 3.6));
    }
    room
}

/// The centre of the masses of an array, in cells.
fn centre(masses: &[f64], width: usize) -> [f64; 2] {
    let sum: f64 = masses.iter().sum();
    let mean = |of: fn(usize, usize) -> usize| {
        let cells = masses.iter().enumerate();
        cells
            .map(|(i, mass)| of(i, width) as f64 * mass)
            .sum::<f64>()
            / sum
    };
    [mean(|i, width| i / width), mean(|i, width| i % width)]
}

/// The numbers of an `.npy`, and its shape.
fn array(room: &Room, name: &str) -> (Vec<u64>, Vec<f64>) {
    let bytes = std::fs::read(room.path(name)).unwrap();
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

fn bounds(result: &Value) -> [f64; 2] {
    ["lower_bound", "upper_bound"].map(|key| result["certificate"][key].as_f64().unwrap())
}

#[test]
fn the_average_of_two_discs_is_a_disc_between_them() {
    let room = discs();
    let run = "barycenter a.png b.png --normalize --blur 0.0833 --json --tolerance 3e-3 --max-iterations 1000";
    let result = room.cpu(&format!("{run} -o m.npy")).json(0);
    let keys: Vec<_> = result
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys.join(" "),
        "command inputs output kind n d p epsilon blur lambda value certificate marginal_error tolerance converged \
         iterations products pairs seconds device precision"
    );
    assert_eq!(
        (&result["kind"], &result["n"]),
        (&"debiased".into(), &576.into())
    );
    assert_eq!(result["lambda"], serde_json::json!([0.5, 0.5]));
    // Two translated copies are a quarter of the squared distance away from the one in the middle.
    let expected = (4.5_f64 / 24.0).powi(2);
    assert_close(value(&result), expected, 0.02 * expected);
    let [lower, upper] = bounds(&result);
    assert!(
        lower <= expected * 1.0001 && expected * 0.9999 <= upper,
        "{lower} {upper}"
    );
    assert!(upper - lower < 0.05 * expected);
    let (shape, masses) = array(&room, "m.npy");
    assert_eq!(shape, [24, 24]);
    assert_close(masses.iter().sum(), 1.0, 1e-6);
    let [row, column] = centre(&masses, SIDE);
    assert_close(row, 7.0, 0.02);
    assert_close(column, 11.5, 0.02);
    // A quarter of the way it is a quarter of the way.
    room.cpu(&format!("{run} --lambda 3,1 -o q.npy")).json(0);
    assert_close(
        centre(&array(&room, "q.npy").1, SIDE)[1],
        7.0 + 9.0 / 4.0,
        0.02,
    );
    // The mean of the images has two discs, and the average has one: much of its mass is where neither input has any.
    let inputs = [disc(SIDE, [7.0, 7.0], 3.6), disc(SIDE, [7.0, 16.0], 3.6)];
    let outside = |i: &usize| inputs.iter().all(|input| input[*i] == 0);
    let between: f64 = (0..576).filter(outside).map(|i| masses[i]).sum();
    assert!(between > 0.4, "{between}");
}

#[test]
fn kinds_differ_in_sharpness_and_bounds_hold_after_one_iteration() {
    let room = discs();
    let peak = |kind: &str| {
        let run = format!(
            "barycenter a.png d.png --normalize --blur 0.12 --kind {kind} -o k.npy --json --max-iterations 300"
        );
        let result = serde_json::from_str::<Value>(&room.cpu(&run).stdout).unwrap();
        assert_eq!(result["kind"], kind);
        assert_eq!(result.get("value_reference").is_some(), kind == "plain");
        let many = bounds(&result);
        let run = run.replace("300", "1");
        let ran = room.cpu(&run);
        assert_eq!(
            ran.status,
            Some(3),
            "one iteration is not enough: {}",
            ran.stderr
        );
        let one = bounds(&serde_json::from_str::<Value>(&ran.stdout).unwrap());
        // Both intervals contain the least value.
        assert!(one[0] <= many[1] && many[0] <= one[1], "{one:?} {many:?}");
        assert!(one[1] - one[0] > many[1] - many[0], "{one:?} {many:?}");
        room.cpu(&run.replace("-iterations 1", "-iterations 300"));
        array(&room, "k.npy").1.into_iter().fold(0.0, f64::max)
    };
    let [plain, debiased, product] = ["plain", "debiased", "product"].map(peak);
    assert!(
        plain < 0.8 * debiased && debiased < 0.8 * product,
        "{plain} {debiased} {product}"
    );
}

#[test]
fn frames_are_a_sheet_of_images_and_each_has_a_file() {
    let room = discs();
    let ran =
        room.cpu("barycenter a.png b.png c.png d.png --normalize --blur 0.0833 --frames 3 -o sheet.png --json");
    let result = ran.json(0);
    let frames = result["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 9);
    assert!(result.get("lambda").is_none() && result.get("value").is_none());
    assert_eq!(frames[0]["lambda"], serde_json::json!([1.0, 0.0, 0.0, 0.0]));
    assert_eq!(
        frames[4]["lambda"],
        serde_json::json!([0.25, 0.25, 0.25, 0.25])
    );
    let files: Vec<String> = (0..9).map(|k| format!("sheet_{k:02}.png")).collect();
    let written = room.files();
    assert!(
        files.iter().all(|file| written.contains(file)),
        "{written:?}"
    );
    let (width, sheet) = room.pixels("sheet.png");
    assert_eq!((width, sheet.len() / width), (3 * 24 + 4, 3 * 24 + 4));
    // The corners are the inputs, and the one in the middle lies in the middle.
    assert_eq!(room.pixels("sheet_00.png").1, disc(SIDE, [7.0, 7.0], 3.6));
    assert_eq!(room.pixels("sheet_08.png").1, disc(SIDE, [16.0, 16.0], 3.6));
    let middle: Vec<f64> = room
        .pixels("sheet_04.png")
        .1
        .iter()
        .map(|grey| f64::from(*grey))
        .collect();
    let [row, column] = centre(&middle, SIDE);
    assert_close(row, 11.5, 0.1);
    assert_close(column, 11.5, 0.1);
    let start = (24 + 2) * width + 24 + 2;
    assert_eq!(
        sheet[start..start + 24],
        room.pixels("sheet_04.png").1[..24]
    );
    for frame in frames {
        let [lower, upper] = bounds(frame);
        assert!(lower <= upper);
    }
    // Of three inputs one corner of the sheet is empty.
    let three = room
        .cpu("barycenter a.png b.png c.png --normalize --frames 3 -o three.npy --json")
        .json(0);
    assert_eq!(three["frames"].as_array().unwrap().len(), 6);
    assert_eq!(array(&room, "three.npy").0, [6, 24, 24]);
    // A frame of an array is an input again.
    let half = room
        .cpu("divergence three.npy:0 a.png --normalize --json")
        .json(0);
    assert!(value(&half) < 1e-6);
}

#[test]
fn dark_inputs_give_dark_averages() {
    let room = Room::new();
    for (name, column) in [("a", 8.0), ("b", 14.0)] {
        let light = disc(SIDE, [12.0, column], 4.0);
        room.png(
            &format!("{name}.png"),
            SIDE as u32,
            &light.iter().map(|grey| 255 - grey).collect::<Vec<_>>(),
        );
    }
    let ran = room.cpu("barycenter a.png b.png --invert --normalize -o m.png --report page.html");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let (width, grey) = room.pixels("m.png");
    assert_eq!(width, 24);
    assert!(
        grey[0] > 250 && grey[12 * 24 + 11] < 150,
        "{} {}",
        grey[0],
        grey[12 * 24 + 11]
    );
    assert_says(
        &room.read("page.html"),
        &[
            "data:image/png;base64,",
            "with light and dark exchanged",
            "What is certain",
        ],
    );
}

#[test]
fn volumes_are_arrays_slices_and_surfaces() {
    let room = Room::new();
    let n = 12;
    for (name, shift) in [("a", 4.0), ("b", 7.0)] {
        let inside = |i: usize| {
            let place = [i / (n * n), i / n % n, i % n].map(|k| k as f64);
            let square: f64 = place
                .iter()
                .zip([shift, 5.5, 5.5])
                .map(|(x, c)| (x - c).powi(2))
                .sum();
            f64::from(u8::from(square < 9.0))
        };
        let masses: Vec<f64> = (0..n * n * n).map(inside).collect();
        room.npy(&format!("{name}.npy"), &masses, &[n as u64; 3]);
    }
    let ran = room
        .cpu("barycenter a.npy b.npy --normalize --blur 0.1667 --frames 3 -o f.npy --image f.png --mesh f.ply");
    assert!([Some(0), Some(3)].contains(&ran.status), "{}", ran.stderr);
    assert_eq!(array(&room, "f.npy").0, [3, 12, 12, 12]);
    // Nine slices in a row, a row a frame.
    let (width, grey) = room.pixels("f.png");
    assert_eq!(
        (width, grey.len() / width),
        (9 * 12 + 8 * 2, 3 * 12 + 2 * 2)
    );
    for k in 0..3 {
        let info = room.haul(&format!("info f_{k:02}.ply --json")).json(0);
        let low = info["low"][0].as_f64().unwrap();
        let high = info["high"][0].as_f64().unwrap();
        let centre = (4.0 + 1.5 * f64::from(k) + 0.5) / 12.0;
        assert_close(0.5 * (low + high), centre, 0.02);
        assert!(info["points"].as_u64().unwrap() > 50);
    }
}

#[test]
fn clouds_have_averages_on_given_points() {
    let room = Room::new();
    let grid = |shift: f64| -> Vec<f64> {
        (0..25)
            .flat_map(|k| [f64::from(k % 5) * 0.05 + shift, f64::from(k / 5) * 0.05])
            .collect()
    };
    room.csv("a.csv", &grid(0.0), 2);
    room.csv("b.csv", &grid(0.6), 2);
    let points: Vec<f64> = (0..40 * 9)
        .flat_map(|k| {
            [
                f64::from(k % 40) * 0.025 - 0.05,
                f64::from(k / 40) * 0.05 - 0.1,
            ]
        })
        .collect();
    room.csv("points.csv", &points, 2);
    let run = "barycenter a.csv b.csv --support points.csv --blur 0.05 --max-iterations 400";
    let result = room.cpu(&format!("{run} -o m.csv --json")).json(0);
    assert_eq!(result["n"], 360);
    let rows: Vec<Vec<f64>> = room
        .numbers("m.csv")
        .chunks(3)
        .map(<[f64]>::to_vec)
        .collect();
    assert_close(rows.iter().map(|row| row[2]).sum(), 1.0, 1e-6);
    let mean: f64 = rows.iter().map(|row| row[0] * row[2]).sum();
    assert_close(mean, 0.4, 5e-3);
    assert_close(value(&result), 0.09, 5e-3);
    let ran = room.cpu(&format!("{run} -o m.ply --report page.html"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(&room.read("page.html"), &["<svg", "average, λ"]);
    let frames = room.cpu(&format!("{run} --frames 3 -o f.npz"));
    assert_eq!(frames.status, Some(0), "{}", frames.stderr);
    let [weights] = room.arrays("f_01.npz", ["weights"]);
    assert_eq!(weights.len(), 360);
}

#[test]
fn a_batch_averages_as_well() {
    let room = discs();
    room.write(
        "jobs.jsonl",
        "{\"id\":\"m\",\"command\":\"barycenter\",\"inputs\":[\"a.png\",\"b.png\"],\"lambda\":[1,3],\"normalize\":true,\"output\":\"m.png\"}\n",
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(room.read("results.jsonl").trim()).unwrap();
    assert_eq!(line["lambda"], serde_json::json!([0.25, 0.75]));
    assert_eq!(line["input"].as_array().unwrap().len(), 2);
    assert_eq!(room.pixels("m.png").0, 24);
}

#[test]
fn what_has_no_average_is_told_in_a_line() {
    let room = discs();
    room.png("heavy.png", SIDE as u32, &disc(SIDE, [12.0, 12.0], 8.0));
    room.png("wide.png", 48, &[255; 48 * 24]);
    room.npy("volume.npy", &[1.0; 8], &[2, 2, 2]);
    room.npy("flat.npy", &[1.0; 16], &[4, 4]);
    room.write("cloud.csv", rows(&[0.0, 0.0, 1.0, 1.0], 2, ","));
    for (arguments, parts) in [
        (
            "a.png heavy.png -o m.png",
            &["a.png and heavy.png", "the masses differ", "--normalize"][..],
        ),
        (
            "a.png wide.png -o m.png --normalize",
            &["24×24 cells and of 24×48 cells", "one ratio"],
        ),
        (
            "a.png volume.npy -o m.png --normalize",
            &["a.png and volume.npy", "2×2×2 cells"],
        ),
        (
            "a.png cloud.csv -o m.png --normalize",
            &["a.png and cloud.csv", "of one kind"],
        ),
        (
            "a.png b.png --lambda 1 -o m.png",
            &["--lambda has 1 weights for 2 inputs"],
        ),
        (
            "a.png b.png --lambda 1,-1 -o m.png",
            &["--lambda is 1,-1", "at least 0"],
        ),
        ("a.png b.png --lambda 0,0 -o m.png", &["one above 0"]),
        (
            "a.png b.png --lambda 1,1 --frames 3 -o m.png",
            &["--lambda", "--frames"],
        ),
        (
            "a.png --frames 3 -o m.png",
            &["two, three or four inputs, and these are 1"],
        ),
        ("a.png b.png --frames 2 -o m.png", &["'2'", "at least 3"]),
        (
            "a.png b.png -o m.csv",
            &["m.csv", "as .npy, as .png if it is an image"],
        ),
        (
            "a.png b.png -o m.jpg",
            &["m.jpg", "as .npy, as .png if it is an image"],
        ),
        ("a.png b.png -o a.png", &["a.png is read and written"]),
        (
            "volume.npy -o m.png",
            &["m.png: a grid of 3 axes is no image", "--image"],
        ),
        ("cloud.csv -o m.csv", &["--support"]),
        ("flat.npy -o m.npy", &["--support", "add --grid"]),
        (
            "cloud.csv -o m.npy --support cloud.csv",
            &["has weights; write .npz, .ply or .csv"],
        ),
        (
            "cloud.csv -o m.csv --support volume.npy",
            &["--support has dimension 3, and the inputs have 2"],
        ),
        (
            "a.png b.png -o m.png --mesh m.ply",
            &["--mesh", "surface of a volume"],
        ),
        (
            "cloud.csv -o m.csv --support cloud.csv --image m.png",
            &["--image", "leave it out"],
        ),
        ("a.png b.png -o m.png --blur 0", &["--blur is 0", "above 0"]),
        ("a.png b.png -o m.png --kind sharp", &["sharp", "debiased"]),
    ] {
        let line = error_line(room.haul(&format!("barycenter {arguments}")), 2);
        assert_says(&line, parts);
        assert!(
            !room.files().iter().any(|file| file.starts_with("m.")),
            "{arguments}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_whole_frames() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let room = Room::new();
    for (name, column) in [("a", 30.0), ("b", 90.0)] {
        room.png(
            &format!("{name}.png"),
            128,
            &disc(128, [64.0, column], 20.0),
        );
    }
    let words = "barycenter a.png b.png --normalize --frames 40 -o f.png --device cpu --tolerance 1e-4 --max-iterations 60";
    let mut child = room
        .command(crate::fixture::HAUL)
        .args(words.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !room.path("f_01.png").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    let killed = room.command("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let files = room.files();
    assert!(files.iter().all(|file| file.ends_with(".png")), "{files:?}");
    assert!(!files.contains(&"f.png".to_owned()));
    for file in files {
        assert_eq!(room.pixels(&file).0, 128);
    }
}

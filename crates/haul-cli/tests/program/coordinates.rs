//! Barycentric coordinates of images, arrays and clouds.

use crate::fixture::{Room, assert_close, assert_says, disc, error_line, rows};
use serde_json::Value;

const SIDE: usize = 24;

/// A room with discs at three places, `a.png` to `c.png`, and a plain average of them with the weights 0.5, 0.2 and 0.3,
/// `mixed.npy`.
fn mixed() -> Room {
    let room = Room::new();
    for (name, place) in [("a", [7.0, 7.0]), ("b", [7.0, 16.0]), ("c", [16.0, 12.0])] {
        let image = disc(SIDE, place, 3.6);
        room.png(&format!("{name}.png"), SIDE as u32, &image);
    }
    let run = "barycenter a.png b.png c.png --normalize --kind plain --lambda 5,2,3 --blur 0.12 --tolerance 1e-5 \
               --max-iterations 5000 -o mixed.npy --precision f64";
    let ran = room.cpu(run);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    room
}

const FIT: &str =
    "coordinates mixed.npy --of a.png b.png c.png --grid --normalize --blur 0.12 --precision f64";

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|it| it.as_f64().unwrap()).collect()
}

#[test]
fn the_weights_of_an_average_come_back() {
    let room = mixed();
    let result = room.cpu(&format!("{FIT} --json -o nearest.png")).json(0);
    let found = numbers(&result["lambda"]);
    for (found, known) in found.iter().zip([0.5, 0.2, 0.3]) {
        assert_close(*found, known, 5e-3);
    }
    assert_close(found.iter().sum(), 1.0, 1e-9);
    let number = |key: &str| result[key].as_f64().unwrap();
    assert!(
        number("gradient_norm") < 1e-3 && number("distance") < 5e-3,
        "{result}"
    );
    assert!(result["distance_bounds"]["lower"].as_f64().unwrap() <= number("distance"));
    assert_eq!(room.pixels("nearest.png").0, SIDE);
    // A target with other weights has other coordinates.
    let of_one = FIT.replace("mixed.npy", "b.png");
    let result = room.cpu(&format!("{of_one} --json")).json(0);
    let found = numbers(&result["lambda"]);
    assert!(found[1] > 0.9, "{found:?}");
    assert!(result["distance"].as_f64().unwrap() > 0.01);
    // The text has a line for each input, and no more digits of its weight than are certain.
    let ran = room.cpu(&format!("{FIT} --report page.html"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let line = ran
        .stdout
        .lines()
        .find(|line| line.ends_with("a.png"))
        .unwrap();
    let weight = line.split_whitespace().next().unwrap();
    assert!(
        weight.starts_with("0.") && weight.len() == 6,
        "{}",
        ran.stdout
    );
    assert_says(
        &ran.stdout,
        &[
            "of a.png, the largest of 3 weights",
            "away from the target, between",
        ],
    );
    let page = room.read("page.html");
    let words = [
        "The target and the nearest average",
        "The inputs and their weights",
        "What is certain",
        "The fit",
    ];
    assert_says(&page, &words);
    assert_eq!(page.matches("data:image/png;base64,").count(), 5);
}

#[test]
fn losses_and_iterations_are_chosen() {
    let room = mixed();
    for loss in ["reverse-kl", "wasserstein"] {
        let result = room.cpu(&format!("{FIT} --loss {loss} --json")).json(0);
        assert_eq!(result["loss"], loss);
        assert_close(numbers(&result["lambda"])[0], 0.5, 2e-2);
    }
    // Few iterations from nothing are no average, and many are.
    let run = |iterations: usize| {
        let ran = room.cpu(&format!(
            "{FIT} --iterations {iterations} --lambda-start 1,1,2 --json"
        ));
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(result["iterations"], iterations);
        (numbers(&result["lambda"])[0] - 0.5).abs()
    };
    assert!(run(60) < 0.02);
}

#[test]
fn the_help_of_coordinates_lists_the_keys_that_are_printed() {
    let room = mixed();
    let result = room.cpu(&format!("{FIT} --iterations 20 -o n.npy --json"));
    let result: Value = serde_json::from_str(&result.stdout).unwrap();
    let mut printed: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    printed.sort();
    let help = room.haul("coordinates --help").stdout;
    assert_eq!(crate::listed_keys(&help), printed);
    for (key, listed) in [
        ("certificate", "lower_bound, upper_bound, gap"),
        ("distance_bounds", "lower, upper"),
    ] {
        let keys: Vec<_> = result[key].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys.join(", "), listed);
        assert_says(&help, &[&format!("an object: {listed}")]);
    }
}

#[test]
fn clouds_have_coordinates_and_a_batch_finds_them() {
    let room = Room::new();
    let line = |from: f64, to: f64| -> Vec<f64> {
        (0..20)
            .map(|k| from + (to - from) * (f64::from(k) + 0.5) / 20.0)
            .collect()
    };
    room.csv("low.csv", &line(0.0, 0.3), 1);
    room.csv("high.csv", &line(0.7, 1.0), 1);
    // A quarter of the way.
    let target = line(0.0, 1.0);
    let weights: Vec<f64> = target
        .iter()
        .map(|x| f64::from(u8::from((0.17..0.48).contains(x))))
        .collect();
    room.npz("t.npz", &target, 1, &weights);
    room.write(
        "jobs.jsonl",
        "{\"id\":\"t\",\"command\":\"coordinates\",\"target\":\"t.npz\",\"of\":[\"low.csv\",\"high.csv\"],\
         \"normalize\":true,\"blur\":0.1,\"projection\":\"p.csv\",\"report\":\"page.html\"}\n",
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(room.read("results.jsonl").trim()).unwrap();
    assert_close(numbers(&line["lambda"])[0], 0.75, 0.05);
    assert_eq!(line["input"].as_array().unwrap().len(), 3);
    assert_says(&room.read("p.csv"), &["weight"]);
    assert_says(&room.read("page.html"), &["<svg", "the average"]);
}

#[test]
fn what_has_no_coordinates_is_told_in_a_line() {
    let room = Room::new();
    for (name, radius) in [("a", 3.6), ("b", 3.6), ("heavy", 8.0)] {
        room.png(
            &format!("{name}.png"),
            SIDE as u32,
            &disc(SIDE, [12.0, 12.0], radius),
        );
    }
    room.png("wide.png", 48, &[255; 48 * 24]);
    room.write("cloud.csv", rows(&[0.0, 0.0, 1.0, 1.0], 2, ","));
    for (arguments, parts) in [
        (
            "a.png --of heavy.png",
            &["a.png and heavy.png", "the masses differ", "--normalize"][..],
        ),
        (
            "a.png --of wide.png",
            &["24×24 cells and of 24×48 cells", "one ratio"],
        ),
        (
            "a.png --of cloud.csv",
            &["a.png and cloud.csv", "of one kind"],
        ),
        ("a.png", &["--of"]),
        (
            "a.png --of a.png b.png --lambda-start 1",
            &["--lambda-start has 1 weights for 2 inputs"],
        ),
        (
            "a.png --of a.png b.png --lambda-start 1,0",
            &["--lambda-start is 1,0", "above 0"],
        ),
        (
            "a.png --of b.png --loss kl",
            &["a.png:", "masses are 0", "reverse-kl"],
        ),
        ("a.png --of b.png --loss other", &["other"]),
        ("a.png --of b.png -o a.png", &["a.png is read and written"]),
        (
            "a.png --of b.png -o p.csv",
            &["p.csv", "as .npy, as .png if it is an image"],
        ),
        ("a.png --of none.png", &["none.png"]),
    ] {
        let line = error_line(room.cpu(&format!("coordinates {arguments}")), 2);
        assert_says(&line, parts);
    }
}

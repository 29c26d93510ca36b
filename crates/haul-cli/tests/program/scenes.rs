//! Scenes of meshes, `.glb` and `.gltf`, from end to end: `crates/haul-files/tests/made/make.py` wrote them, and has their formulas.

use crate::fixture::{Room, assert_says, error_line, value};
use std::path::Path;

fn room() -> Room {
    let room = Room::new();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../haul-files/tests/made");
    for name in [
        "boxes.glb",
        "boxes.gltf",
        "boxes_0.bin",
        "boxes_1.bin",
        "box.obj",
    ] {
        std::fs::copy(made.join(name), room.path(name)).unwrap();
    }
    room
}

#[test]
fn a_scene_is_one_surface() {
    let room = room();
    for file in ["boxes.glb", "boxes.gltf"] {
        let about = room.haul(&format!("info {file} --json")).json(0);
        assert_eq!(
            (&about["points"], &about["dimension"]),
            (&16.into(), &3.into())
        );
        // A box of 1 by 2 by 3, and one of half its sides.
        assert!((about["mass"].as_f64().unwrap() - 27.5).abs() < 1e-12);
    }
    let same = room.cpu("energy boxes.glb boxes.gltf --json").json(0);
    assert!(value(&same).abs() < 1e-6);
    std::fs::remove_file(room.path("boxes_1.bin")).unwrap();
    assert_says(
        &error_line(room.haul("info boxes.gltf"), 2),
        &["boxes_1.bin", "cannot be read"],
    );
}

#[test]
fn a_moved_scene_keeps_its_triangles() {
    let room = room();
    let map = "map boxes.glb box.obj --normalize --blur 1 --device cpu --quiet -o";
    for (target, faces) in [
        ("moved.ply", "element face 24"),
        ("moved.obj", "\nf "),
        ("moved.off", "16 24 0"),
    ] {
        assert_eq!(
            room.haul(&format!("{map} {target}")).status,
            Some(0),
            "{target}"
        );
        let bytes = std::fs::read(room.path(target)).unwrap();
        assert_says(&String::from_utf8_lossy(&bytes), &[faces]);
        let about = room
            .haul(&format!("info {target} --surface faces --json"))
            .json(0);
        assert!(about["mass"].as_f64().unwrap() > 1.0);
    }
    let told = error_line(room.haul(&format!("{map} moved.glb")), 2);
    assert_says(&told, &["moved.glb", "names no format that fits"]);
    let told = error_line(room.haul(&format!("{map} moved.stl --surface 50")), 2);
    assert_says(&told, &["points without faces"]);
}

#[test]
fn a_job_is_computed_again_if_only_the_numbers_beside_a_scene_changed() {
    let room = room();
    let job = r#"{"id":"1","command":"energy","a":"boxes.gltf","b":"box.obj","normalize":true}"#;
    room.write("jobs.jsonl", job);
    let run = "batch jobs.jsonl -o results.jsonl --retry-changed";
    let result = || -> serde_json::Value {
        assert_eq!(room.cpu(run).status, Some(0));
        serde_json::from_str(&room.read("results.jsonl")).unwrap()
    };
    let first = result();
    let files: Vec<_> = first["input"].as_array().unwrap().iter().collect();
    let names: Vec<_> = files
        .iter()
        .map(|it| it["file"].as_str().unwrap())
        .collect();
    let expected = ["boxes.gltf", "box.obj", "boxes_0.bin", "boxes_1.bin"];
    assert_eq!(names, expected);
    assert_eq!(result(), first, "nothing has changed");
    // The first coordinate of the first vertex.
    let mut numbers = std::fs::read(room.path("boxes_1.bin")).unwrap();
    numbers[..4].copy_from_slice(&(-7.0_f32).to_le_bytes());
    room.write("boxes_1.bin", &numbers);
    let told = error_line(room.cpu("batch jobs.jsonl -o results.jsonl"), 2);
    assert_says(&told, &["whose file boxes_1.bin has changed since"]);
    assert!(value(&result()) > value(&first) + 0.1);
}

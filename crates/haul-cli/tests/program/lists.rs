//! Tables with columns of lists, as Arrow and Parquet have them: `crates/haul-files/tests/made/make.py` wrote them, and has their formulas.

use crate::fixture::{Room, assert_says, error_line, value};
use std::path::Path;

/// A room with the files, and their points as tables.
fn room() -> Room {
    let room = Room::new();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../haul-files/tests/made");
    for name in [
        "embeddings.arrow",
        "embeddings.parquet",
        "points_zstd.feather",
    ] {
        std::fs::copy(made.join(name), room.path(name)).unwrap();
    }
    room.csv("lists.csv", &[0.0, 1.0, 2.0, 3.0], 2);
    let mut table = "x,y,z,weight,kind\n".to_owned();
    for i in 0..12 {
        let kind = ["stem", "nerve", "muscle"][i % 3];
        let x = 0.5 * i as f64;
        table += &format!("{x},{},-{i},{},{kind}\n", i % 5, 1 + i % 3);
    }
    room.write("points.csv", table);
    room
}

#[test]
fn lists_are_the_points_that_they_list() {
    let room = room();
    for file in ["embeddings.arrow", "embeddings.parquet"] {
        for name in ["fixed", "list"] {
            let line = format!("energy {file} lists.csv --embedding {name} --json");
            let told = error_line(room.cpu(&line), 2);
            assert_says(&told, &["lists.csv", "no arrays to choose from"]);
            let about = room
                .haul(&format!("info {file} --embedding {name} --json"))
                .json(0);
            assert_eq!(about["points"], 12);
            assert_eq!(about["low"], serde_json::json!([-0.5, -0.25]));
            assert_eq!(about["high"], serde_json::json!([5.0, 5.25]));
        }
        let told = room.haul(&format!("info {file}")).stdout;
        let parts = [
            "fixed, 12 points in dimension 2",
            "list, 12 points in dimension 2",
            "text, 4: text 0, text 1, text 2, text 3",
            "id, mass",
            "--embedding fixed --group text",
        ];
        assert_says(&told, &parts);
        let told = room.haul(&format!("info {file} --json")).json(0);
        assert_eq!(told["arrays"][1]["dimension"], 2);
        let weighted = room.haul(&format!(
            "info {file} --embedding list --weight-column mass --json"
        ));
        assert_eq!(weighted.json(0)["mass"], 78.0);
        let told = error_line(room.cpu(&format!("energy {file} {file}")), 2);
        assert_says(&told, &["say which array", "fixed", "--embedding"]);
    }
}

#[test]
fn groups_of_a_table_of_arrow_are_those_of_a_csv() {
    let room = room();
    let of = |file: &str| {
        let group = format!("{file}:stem {file}:muscle --group kind --columns x,y,z");
        value(
            &room
                .cpu(&format!("divergence {group} --normalize --blur 1 --json"))
                .json(0),
        )
    };
    let (arrow, table) = (of("points_zstd.feather"), of("points.csv"));
    assert_eq!(arrow, table);
    assert!(table > 0.01, "{table}");
    // Days are labels.
    let told = room
        .haul("info points_zstd.feather --group day --columns x,y,z")
        .stdout;
    assert_says(
        &told,
        &[
            "points_zstd.feather:2026-01-05\n  points          4",
            "2026-03-09",
        ],
    );
}

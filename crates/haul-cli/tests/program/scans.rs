//! Scans of a `.e57`, from end to end: `crates/haul-files/tests/made/make.py` wrote `stations.e57`, and has its formulas.

use crate::fixture::{Room, assert_says, error_line, value};
use std::path::Path;

/// A room with the file, and the points of its scans as tables.
fn room() -> Room {
    let room = Room::new();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../haul-files/tests/made/stations.e57");
    std::fs::copy(made, room.path("stations.e57")).unwrap();
    let gate = (0..9).filter(|i| i % 4 != 3).map(f64::from);
    let gate: Vec<f64> = gate.flat_map(|i| [i, 0.5 * i, -1.0]).collect();
    // pye57 stores the quaternion of a quarter of a turn with all digits, so that sines are zero to a roundoff.
    let yard: Vec<f64> = (0..5)
        .flat_map(|i| [8.0, 20.0 + f64::from(i), 30.25])
        .collect();
    room.csv("gate.csv", &gate, 3);
    room.csv("yard.csv", &yard, 3);
    room.csv("both.csv", &[gate, yard].concat(), 3);
    room
}

#[test]
fn scans_are_one_cloud_or_groups() {
    let room = room();
    let of = |line: &str| value(&room.cpu(&format!("{line} --blur 1 --json")).json(0));
    let apart = of("divergence stations.e57:0 stations.e57:1 --group scan");
    let tables = of("divergence gate.csv yard.csv");
    assert!((apart - tables).abs() < 1e-6 * tables, "{apart} {tables}");
    let whole = of("divergence stations.e57 both.csv");
    assert!(whole.abs() < 1e-6, "{whole}");
    // Intensities are weights on request.
    let weighted = of(
        "divergence stations.e57:0 stations.e57:1 --group scan --weight-column intensity --normalize",
    );
    assert!((weighted - tables).abs() > 1e-3 * tables);
}

#[test]
fn info_tells_of_scans_and_columns() {
    let room = room();
    let told = room.haul("info stations.e57").stdout;
    assert_says(
        &told,
        &[
            "0, 9 records, gate",
            "1, 5 records, yard",
            "x, y, z, intensity, scan",
            "stations.e57:0 --group scan",
            "12 in dimension 3",
        ],
    );
    let told = room.haul("info stations.e57 --json").json(0);
    assert_eq!(told["scans"][1]["name"], "yard");
    assert_eq!(told["columns"][3], "intensity");
    let groups = room.haul("info stations.e57 --group scan").stdout;
    assert_says(
        &groups,
        &[
            "stations.e57:0\n  points          7",
            "stations.e57:1\n  points          5",
        ],
    );
}

#[test]
fn what_a_scan_lacks_is_told() {
    let room = room();
    for (line, parts) in [
        (
            "info stations.e57 --columns red",
            &["no column \"red\"", "x, y, z, intensity, scan"][..],
        ),
        (
            "info stations.e57:2 --group scan",
            &["no group \"2\" in the column scan"],
        ),
        ("info stations.e57:0", &["--group NAME"]),
        (
            "thin stations.e57 -o other.e57",
            &["other.e57", "names no format that fits"],
        ),
    ] {
        assert_says(&error_line(room.haul(line), 2), parts);
    }
}

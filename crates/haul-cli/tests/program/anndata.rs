//! Files of AnnData from end to end: `crates/haul-files/tests/made/make.py` wrote `cells.h5ad`, and has its formulas.

use crate::fixture::{Room, assert_close, assert_says, error_line, value};
use serde_json::{Value, json};
use std::path::Path;

const DAYS: [&str; 3] = ["0", "2.5", "10"];
const KINDS: [&str; 3] = ["stem", "muscle", "nerve"];

/// A room with the file, and its cells as a table: the embedding, and the columns day, kind and growth.
fn room() -> Room {
    let room = Room::new();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../haul-files/tests/made/cells.h5ad");
    std::fs::copy(made, room.path("cells.h5ad")).unwrap();
    let mut table = String::from("x,y,z,day,kind,growth\n");
    for i in 0..12 {
        let [day, kind] = [DAYS[i % 3], KINDS[i / 4]];
        let growth = 1.0 + 0.5 * (i % 4) as f64;
        table += &format!("{i},{},{},{day},{kind},{growth}\n", 0.5 * i as f64, i % 4);
    }
    room.write("cells.csv", table);
    room
}

const OF_FILE: &str = "--embedding X_pca --group obs:day";
const OF_TABLE: &str = "--columns x,y,z --group day";

/// The results of one command for the file and for the table, whose names it has as FILE.
fn both(room: &Room, line: &str) -> [Value; 2] {
    let run = |file: &str, options: &str| {
        let line = line.replace("FILE", file);
        room.haul(&format!("{line} {options} --device cpu --json"))
            .json(0)
    };
    [run("cells.h5ad", OF_FILE), run("cells.csv", OF_TABLE)]
}

#[test]
fn info_tells_what_is_inside_and_how_to_use_it() {
    let room = room();
    let told = room.haul("info cells.h5ad").stdout;
    assert_says(
        &told,
        &[
            "X_pca, 12 points in dimension 3",
            "X_umap, 12 points in dimension 2",
            "layers:by_gene, 12 points in dimension 5, sparse",
            "X, 12 points in dimension 5, sparse",
            "cell_type, 3: stem, nerve, muscle",
            "day, doublet, growth, lane",
            "haul info cells.h5ad --embedding X_pca --group",
        ],
    );
    let told = room.haul("info cells.h5ad --json").json(0);
    let array = json!({"name": "X_pca", "points": 12, "dimension": 3, "sparse": false});
    assert!(
        told["arrays"].as_array().unwrap().contains(&array),
        "{told}"
    );
    let groups = room.haul(&format!("info cells.h5ad {OF_FILE}")).stdout;
    for day in DAYS {
        assert_says(
            &groups,
            &[&format!(
                "cells.h5ad:{day}\n  points          4 in dimension 3"
            )],
        );
    }
}

#[test]
fn cells_of_a_file_are_those_of_a_table() {
    let room = room();
    let [file, table] = both(&room, "divergence FILE:0 FILE:10 --blur 1");
    assert_eq!(value(&file), value(&table));
    // A column of obs has the weights, and they matter.
    let [file, weighted] = both(
        &room,
        "divergence FILE:0 FILE:10 --blur 1 --normalize --weight-column growth",
    );
    assert_eq!(value(&file), value(&weighted));
    assert_ne!(value(&weighted), value(&table));
    // What lies between two days.
    both(&room, "map FILE:0 FILE:10 --blur 1 --t 0.5 -o FILE.npy");
    let between = |file: &str| std::fs::read(room.path(file)).unwrap();
    assert_eq!(between("cells.h5ad.npy"), between("cells.csv.npy"));
    // All days are compared with each other.
    both(&room, "pairwise FILE --blur 1 -o FILE.pairs.npy");
    assert_eq!(
        between("cells.h5ad.pairs.npy"),
        between("cells.csv.pairs.npy")
    );
    // Genes are columns of X.
    let genes = "divergence cells.h5ad:0 cells.h5ad:10 --embedding X --columns gene1,gene4 --group day --blur 1 --json --device cpu";
    assert!(value(&room.haul(genes).json(0)) > 0.0);
}

#[test]
fn transitions_have_labels_and_growth_from_obs() {
    let room = room();
    for growth in ["", " --growth growth"] {
        let label = |label: &str| {
            format!("transitions FILE --label {label}{growth} --blur 1 --tolerance 1e-6")
        };
        let [file, _] = both(&room, &label("day"));
        assert_eq!(
            file["files"],
            json!(["cells.h5ad:0", "cells.h5ad:2.5", "cells.h5ad:10"])
        );
        let run = |file: &str, label: &str, options: &str| {
            let line = format!(
                "transitions {file} --label {label}{growth} --blur 1 --tolerance 1e-6 {options} --device cpu --json"
            );
            room.haul(&line).json(0)
        };
        let file = run("cells.h5ad", "cell_type", OF_FILE);
        let table = run("cells.csv", "kind", OF_TABLE);
        // The categories of the file have an order of their own.
        assert_eq!(file["labels"], json!(["stem", "nerve", "muscle"]));
        assert_eq!(table["labels"], json!(["stem", "muscle", "nerve"]));
        let masses = |result: &Value, pair: usize, from: &str, to: &str| {
            let place = |label: &str| {
                let labels = result["labels"].as_array().unwrap();
                labels.iter().position(|it| it == label).unwrap()
            };
            result["tables"][pair]["masses"][place(from)][place(to)]
                .as_f64()
                .unwrap()
        };
        let mut all = 0.0;
        for pair in 0..3 {
            for from in KINDS {
                for to in KINDS {
                    let found = masses(&file, pair, from, to);
                    assert_close(found, masses(&table, pair, from, to), 1e-12);
                    all += found;
                }
            }
        }
        assert_close(all, 3.0, 1e-4);
        // Cells of one kind are near to each other.
        assert!(
            masses(&file, 0, "stem", "stem") > 0.24 && masses(&file, 0, "stem", "nerve") < 1e-3
        );
    }
}

#[test]
fn what_is_missing_is_told_with_what_is_there() {
    let room = room();
    for (line, parts) in [
        (
            "divergence cells.h5ad cells.h5ad",
            &[
                "say which array has the coordinates: X_pca",
                "--embedding X_pca",
            ][..],
        ),
        (
            "divergence cells.h5ad cells.h5ad --embedding X_tsne",
            &["no array \"X_tsne\"", "X_pca, X_umap"],
        ),
        (
            "divergence cells.h5ad:0 cells.h5ad:10 --embedding X_pca --group week",
            &["no column \"week\"", "day, doublet, growth, cell_type"],
        ),
        (
            "divergence cells.h5ad:0 cells.h5ad:7 --embedding X_pca --group day",
            &["no group \"7\"", "0, 2.5, 10"],
        ),
        (
            "divergence cells.h5ad cells.h5ad --embedding X_pca --weight-column cell_type",
            &["cell_type", "text"],
        ),
        (
            "transitions cells.h5ad --embedding X_pca --group day --label lane",
            &["row 8, column lane has no label"],
        ),
    ] {
        assert_says(&error_line(room.haul(line), 2), parts);
    }
}

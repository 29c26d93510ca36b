//! Names of columns: what they say of two tables that are compared, and of a table that is written again.

use crate::fixture::{Room, assert_close, assert_says, error_line, spiral, value};

#[test]
fn coordinates_in_another_order_are_refused_and_those_of_other_names_told() {
    let room = Room::new();
    let points = spiral(60);
    let table = |header: &str, swapped: bool| {
        let row = |p: &[f64]| match swapped {
            true => format!("{},{}\n", p[1], p[0]),
            false => format!("{},{}\n", p[0], p[1]),
        };
        format!(
            "{header}\n{}",
            points.chunks(2).map(row).collect::<String>()
        )
    };
    room.write("a.csv", table("x,y", false));
    room.write("swapped.csv", table("Y,X", true));
    room.write("other.csv", table("u,v", false));
    let commands = [
        "divergence",
        "sinkhorn --blur 0.2",
        "energy",
        "map -o moved.csv",
        "align --blur 0.2",
        "pairwise -o d.csv",
    ];
    for command in commands {
        let told = error_line(room.cpu(&format!("{command} a.csv swapped.csv")), 2);
        assert_says(
            &told,
            &[
                "a.csv and swapped.csv",
                "x, y and Y, X",
                "in another order",
                "--columns x,y",
            ],
        );
        // The advice is followed, and gives what the same order gives.
        let ran = room.cpu(&format!("{command} a.csv swapped.csv --columns x,y"));
        assert_eq!(ran.status, Some(0), "{command}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("coordinates"),
            "{command}: {}",
            ran.stderr
        );
        let ran = room.cpu(&format!("{command} a.csv other.csv"));
        assert_eq!(ran.status, Some(0), "{command}: {}", ran.stderr);
        assert_says(
            &ran.stderr,
            &["warning: a.csv and other.csv: the coordinates are x, y and u, v"],
        );
        let quiet = room.cpu(&format!("{command} a.csv other.csv -q"));
        assert_eq!(quiet.stderr, "", "{command}");
    }
    let value_of = |line: &str| value(&room.cpu(&format!("energy {line} --json")).json(0));
    assert_close(value_of("a.csv swapped.csv --columns x,y"), 0.0, 1e-6);
    // Where columns are chosen by their numbers, the same holds for their names.
    assert!(
        error_line(room.cpu("energy a.csv swapped.csv --columns 1,2"), 2).contains("--columns x,y")
    );
    // A file without names is taken as it is.
    room.csv("plain.csv", &points, 2);
    let plain = room.cpu("energy plain.csv swapped.csv").stderr;
    assert!(!plain.contains("coordinates"), "{plain}");
    let job = |id: &str, b: &str| {
        format!("{{\"id\":\"{id}\",\"command\":\"energy\",\"a\":\"a.csv\",\"b\":\"{b}.csv\"}}\n")
    };
    let jobs = [
        job("1", "swapped"),
        job("2", "other"),
        job("3", "other"),
        job("4", "plain"),
    ];
    room.write("jobs.jsonl", jobs.concat());
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl");
    assert_eq!(ran.status, Some(1));
    assert_says(
        &ran.stderr,
        &[
            "the first job that failed is \"1\": a.csv and swapped.csv",
            "warning: job \"2\": a.csv and other.csv: the coordinates are x, y and u, v",
            "1 other job",
        ],
    );
}

#[test]
fn a_count_is_neither_a_coordinate_nor_a_weight_unless_somebody_says_so() {
    let room = Room::new();
    room.write(
        "cells.csv",
        "barcode,PC_1,PC_2,n_umi,n_genes,kind\nc1,0.5,0.25,900,80,stem\nc2,1.5,0.75,450,70,muscle\n",
    );
    room.write(
        "numbers.csv",
        "PC_1,PC_2,total_counts\n0.5,0.25,900\n1.5,0.75,450\n",
    );
    for (file, count) in [("cells.csv", "n_umi"), ("numbers.csv", "total_counts")] {
        let told = error_line(room.haul(&format!("info {file}")), 2);
        let advice = format!(
            "--columns PC_1,PC_2 --equal-weights, or --columns PC_1,PC_2 --weight-column {count}"
        );
        assert!(told.contains(&advice), "{told}");
    }
    let told = error_line(room.haul("info numbers.csv"), 2);
    assert_says(&told, &["total_counts is called like a count"]);
    let equal = room.haul("info numbers.csv --columns PC_1,PC_2 --equal-weights --json");
    assert_eq!(equal.json(0)["mass"], 1.0);
    let counted =
        room.haul("info numbers.csv --columns PC_1,PC_2 --weight-column total_counts --json");
    assert_eq!(counted.json(0)["mass"], 1350.0);
    // Weights from a file of their own leave a count alone.
    room.write("counted.csv", "x,y,count\n0,0,2\n1,1,3\n");
    room.write("w.csv", "0.5\n0.5\n");
    let ran = room
        .cpu("energy counted.csv counted.csv --columns x,y --weights-a w.csv --weights-b w.csv");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_table_that_is_written_again_keeps_the_names_of_its_coordinates() {
    let room = Room::new();
    room.write("a.csv", "PC_1,PC_2\n0,1\n2,3\n4,5.5\n");
    for (line, header) in [
        ("thin a.csv --subsample 2 -o b.csv", "PC_1,PC_2"),
        ("thin a.csv --voxel 1 -o b.csv", "PC_1,PC_2"),
        ("thin a.csv --columns PC_2 -o b.csv", "PC_2"),
        ("thin a.csv --translate 1,0 -o b.csv", "PC_1,PC_2"),
        (
            "map a.csv a.csv --blur 1 --device cpu -o b.csv",
            "PC_1,PC_2",
        ),
        (
            "align a.csv a.csv --blur 1 --device cpu -o b.csv",
            "PC_1,PC_2",
        ),
    ] {
        let ran = room.haul(line);
        assert_eq!(ran.status, Some(0), "{line}: {}", ran.stderr);
        let text = room.read("b.csv");
        assert!(
            text.lines().next().unwrap().starts_with(header),
            "{line}: {text}"
        );
    }
    assert_says(&room.haul("info a.csv").stdout, &["  PC_1 ", "0 to 4"]);
    room.write("a.tab", "\"x\"\ty\n0\t1\n");
    let told = error_line(room.haul("info a.tab"), 2);
    assert_says(&told, &["a.tab: .tab is not read", "tabs", "--format tsv"]);
    assert_says(
        &room.haul("info a.tab --format tsv").stdout,
        &["  x ", "  y "],
    );
}

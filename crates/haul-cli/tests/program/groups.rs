//! Clouds that are groups of one file, and what becomes of their labels.

use crate::fixture::{Ran, Room, assert_close, assert_says, error_line, ring, spiral, value};
use serde_json::Value;

const DAYS: [&str; 3] = ["0", "2.5", "10"];

/// A room with the clouds of three days, each in a file of its own, `day0.csv` and so on, and all of them in `cells.csv`,
/// where their rows take turns.
fn room() -> Room {
    let room = Room::new();
    let days = [spiral(40), ring(30), ring(20)];
    let row = |day: usize, i: usize| {
        let at = days[day].get(2 * i..2 * i + 2)?;
        let [x, y] = [at[0] + day as f64, at[1]];
        let kind = if y > 0.1 { "upper" } else { "lower" };
        Some(format!(
            "{x},{y},{},\"{kind}, {day}\",{}",
            DAYS[day],
            1 + i % 3
        ))
    };
    const HEADER: &str = "x,y,day,kind,weight\n";
    let mut all = HEADER.to_owned();
    for i in 0..40 {
        for day in 0..3 {
            if let Some(row) = row(day, i) {
                all += &format!("{row}\n");
            }
        }
    }
    room.write("cells.csv", all);
    for day in 0..3 {
        let rows: Vec<_> = (0..40).filter_map(|i| row(day, i)).collect();
        room.write(
            &format!("day{day}.csv"),
            format!("{HEADER}{}\n", rows.join("\n")),
        );
    }
    room
}

/// The options of both.
const OPTIONS: &str = "--columns x,y --normalize --blur 0.3 --device cpu --json";

fn run(room: &Room, line: &str) -> Ran {
    room.haul(&format!("{line} {OPTIONS}"))
}

#[test]
fn groups_of_a_file_are_the_same_clouds_in_separate_files() {
    let room = room();
    let pair = value(&run(&room, "divergence cells.csv:0 cells.csv:2.50 --group day").json(0));
    let apart = value(&run(&room, "divergence day0.csv day1.csv").json(0));
    assert_eq!(pair, apart);
    let other = value(&run(&room, "divergence cells.csv:0 cells.csv:10 --group day").json(0));
    assert_ne!(pair, other);

    let all = run(&room, "pairwise cells.csv --group day -o all.csv").json(0);
    assert_eq!(
        all["files"],
        serde_json::json!(["cells.csv:0", "cells.csv:2.5", "cells.csv:10"])
    );
    run(&room, "pairwise day0.csv day1.csv day2.csv -o apart.csv").json(0);
    let entries = |name: &str| -> Vec<String> {
        let text = room.read(name);
        let rows = text.lines().skip(1).flat_map(|row| row.split(',').skip(1));
        rows.map(str::to_owned).collect()
    };
    assert_eq!(entries("all.csv"), entries("apart.csv"));

    for (line, name) in [
        (
            "map cells.csv:0 cells.csv:10 --group day -o one.npy",
            "one.npy",
        ),
        ("map day0.csv day2.csv -o two.npy", "two.npy"),
    ] {
        run(&room, line).json(0);
        assert!(room.files().contains(&name.to_owned()));
    }
    let bytes = |name: &str| std::fs::read(room.path(name)).unwrap();
    assert_eq!(bytes("one.npy"), bytes("two.npy"));
}

#[test]
fn a_job_takes_groups_as_a_command_does() {
    let room = room();
    let job = |a: &str, b: &str, more: &str| {
        format!(
            "{{\"id\":\"{a}\",\"command\":\"divergence\",\"a\":\"{a}\",\"b\":\"{b}\",\"columns\":\"x,y\",\"normalize\":true,\"blur\":0.3{more}}}\n"
        )
    };
    let jobs = job("cells.csv:0", "cells.csv:2.5", ",\"group\":\"day\"")
        + &job("day0.csv", "day1.csv", "");
    room.write("jobs.jsonl", jobs);
    let ran = room.haul("batch jobs.jsonl -o results.jsonl --device cpu");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let results: Vec<f64> = room
        .read("results.jsonl")
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["result"]["value"]
                .as_f64()
                .or(line["value"].as_f64())
                .unwrap()
        })
        .collect();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0], results[1]);
}

#[test]
fn info_tells_of_each_group() {
    let room = room();
    let told = room.haul("info cells.csv --group day --columns x,y").stdout;
    for (name, points) in [
        ("cells.csv:0", 40),
        ("cells.csv:2.5", 30),
        ("cells.csv:10", 20),
    ] {
        let start = told.find(name).unwrap();
        assert_says(&told[start..], &[&format!("{points} in dimension 2")]);
    }
    // Neither the day nor the kind is a coordinate.
    let told = room
        .haul("info cells.csv:10 --group day --columns x,y --json")
        .json(0);
    assert_eq!(
        (&told["points"], &told["dimension"]),
        (&20.into(), &2.into())
    );
}

#[test]
fn what_is_wrong_with_groups_is_told() {
    let room = room();
    room.write("gap.csv", "x,y,day\n1,2,0\n3,4,\n5,6,NA\n");
    room.npy("a.npy", &[0.0, 1.0], &[2, 1]);
    for (line, parts) in [
        (
            "divergence cells.csv:0 cells.csv:10",
            &["cells.csv:0: names a group of cells.csv", "--group NAME"][..],
        ),
        (
            "divergence cells.csv cells.csv:10 --group day --columns x,y",
            &[
                "has the groups 0, 2.5, 10 by the column day",
                "as cells.csv:0",
            ],
        ),
        (
            "divergence cells.csv:0 cells.csv:3 --group day --columns x,y",
            &["no group \"3\" in the column day", "choose from 0, 2.5, 10"],
        ),
        (
            "divergence cells.csv:0 cells.csv:3 --group week",
            &["no column \"week\"", "x, y, day, kind, weight"],
        ),
        (
            "divergence gap.csv:0 gap.csv:1 --group day",
            &["row 2, column day has no label", "2 of 3 rows"],
        ),
        (
            "divergence a.npy a.npy --group 1",
            &["a.npy: has no columns of labels"],
        ),
        (
            "pairwise day0.csv -o d.csv",
            &["day0.csv: one cloud", "--group"],
        ),
        (
            "transitions cells.csv:0 --group day --label kind",
            &["cells.csv:0: one cloud", "the next one"],
        ),
        (
            "transitions cells.csv --group day --label kind --subsample 3",
            &["--subsample", "labels are of single points"],
        ),
        (
            "transitions cells.csv --group day --label kind --growth kind",
            &["cells.csv:0", "--growth", "numbers of at least 0"],
        ),
    ] {
        assert_says(&error_line(room.haul(line), 2), parts);
    }
}

/// Cells on three days, far apart by kind: a stem cell becomes a stem cell or a muscle cell, a nerve stays one.
fn lineage(shares: [[usize; 3]; 3]) -> String {
    let mut text = String::from("x,y,day,kind,births\n");
    for (day, counts) in shares.iter().enumerate() {
        // At each day the kinds are a little farther on; muscle cells are nearest to stem cells.
        let kinds = [("stem", 0.0, 1), ("muscle", 3.0, 1), ("nerve", 40.0, 3)];
        for (&count, (kind, at, births)) in counts.iter().zip(kinds) {
            for i in 0..count {
                let x = at + 0.1 * day as f64 + 0.01 * (i % 7) as f64;
                text += &format!("{x},{},{day},{kind},{births}\n", 0.01 * (i % 5) as f64);
            }
        }
    }
    text
}

fn tables(result: &Value) -> Vec<Vec<f64>> {
    let tables = result["tables"].as_array().unwrap().iter();
    let numbers = |table: &Value| -> Vec<f64> {
        let rows = table["masses"].as_array().unwrap().iter();
        let rows = rows.flat_map(|row| row.as_array().unwrap());
        rows.map(|mass| mass.as_f64().unwrap()).collect()
    };
    tables.map(numbers).collect()
}

#[test]
fn known_descendants_are_found() {
    let room = Room::new();
    // 8 stem cells of 10 become 5 stem and 3 muscle cells, and those 2 and 6.
    room.write(
        "cells.csv",
        lineage([[80, 0, 20], [50, 30, 20], [20, 60, 20]]),
    );
    let run = "transitions cells.csv --group day --label kind --columns x,y --blur 0.2 --tolerance 1e-4 --device cpu";
    let line = format!("{run} --json -o table.csv --shares shares.csv");
    let result = room.haul(&line).json(0);
    assert_eq!(
        result["labels"],
        serde_json::json!(["stem", "nerve", "muscle"])
    );
    let [first, whole, second] = <[_; 3]>::try_from(tables(&result)).unwrap();
    let known = [
        (first, [0.5, 0.0, 0.3, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0]),
        (second, [0.2, 0.0, 0.3, 0.0, 0.2, 0.0, 0.0, 0.0, 0.3]),
        // All comes from stem cells, but for the nerves.
        (whole, [0.2, 0.0, 0.6, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0]),
    ];
    for (found, known) in known {
        for (found, known) in found.into_iter().zip(known) {
            assert_close(found, known, 1e-4);
        }
    }
    let table = room.read("table.csv");
    let header = table.lines().next().unwrap();
    assert_eq!(header, "from,to,source,target,mass,descendants,ancestors");
    let row = table
        .lines()
        .find(|row| row.starts_with("cells.csv:0,cells.csv:2,stem,muscle,"));
    let numbers: Vec<f64> = row
        .unwrap()
        .split(',')
        .skip(4)
        .map(|it| it.parse().unwrap())
        .collect();
    for (found, known) in numbers.into_iter().zip([0.6, 0.75, 1.0]) {
        assert_close(found, known, 2e-4);
    }
    let shares = room.numbers("shares.csv");
    assert_eq!(shares.len(), 3 * 100);
    for (row, ancestor) in shares.chunks(3).zip([vec![0; 80], vec![1; 20]].concat()) {
        assert_close(row[ancestor], 1.0, 1e-4);
    }
    let text = room.haul(run).stdout;
    assert_says(
        &text,
        &[
            "cells.csv:0 → cells.csv:1",
            "muscle 60%, stem 40%",
            "ancestors of cells.csv:2 in cells.csv:0",
        ],
    );
}

#[test]
fn growth_multiplies_the_mass_of_points() {
    let room = Room::new();
    // Nerves have three descendants each: 100 · 20·3 / (80 + 20·3) of 100 are nerves then.
    room.write(
        "cells.csv",
        lineage([[80, 0, 20], [40, 17, 43], [40, 17, 43]]),
    );
    let run = "transitions cells.csv:0 cells.csv:1 --group day --label kind --columns x,y --blur 0.5 --device cpu --json";
    let masses = |more: &str| tables(&room.haul(&format!("{run} {more}")).json(0)).concat();
    let grown = masses("--growth births");
    let nerves = 60.0 / 140.0;
    assert_close(grown[4], nerves, 2e-3);
    assert_close(grown[3], 0.0, 2e-3);
    // Without growth nerves come from far away; where mass may be destroyed and created they do not.
    assert_close(masses("")[1], 0.23, 2e-3);
    assert_close(masses("--reach 1")[1], 0.0, 1e-6);
}

#[test]
fn transitions_of_groups_are_those_of_separate_files() {
    let room = room();
    let both = "--label kind --growth weight --normalize --blur 0.3";
    let one = room.haul(&format!(
        "transitions cells.csv --group day {both} --columns x,y --json --device cpu"
    ));
    let apart = room.haul(&format!(
        "transitions day0.csv day1.csv day2.csv {both} --columns x,y --json --device cpu"
    ));
    let [one, apart] = [one, apart].map(|ran| ran.json(0));
    let named = |result: &Value| -> Vec<(String, String, String, u64)> {
        let labels = result["labels"].as_array().unwrap();
        let mut found = Vec::new();
        for table in result["tables"].as_array().unwrap() {
            for (k, row) in table["masses"].as_array().unwrap().iter().enumerate() {
                for (l, mass) in row.as_array().unwrap().iter().enumerate() {
                    let pair = format!("{} {}", table["from"], table["to"]);
                    let bits = mass.as_f64().unwrap().to_bits();
                    found.push((pair, labels[k].to_string(), labels[l].to_string(), bits));
                }
            }
        }
        found.sort();
        found
    };
    assert_eq!(named(&one), named(&apart));
    assert_eq!(one["labels"].as_array().unwrap().len(), 6);
}

#[test]
fn transitions_have_a_page_and_are_jobs() {
    let room = Room::new();
    room.write(
        "cells.csv",
        lineage([[80, 0, 20], [50, 30, 20], [20, 60, 20]]),
    );
    let run = "transitions cells.csv --group day --label kind --columns x,y --blur 0.2 --json";
    let alone = room.cpu(&format!("{run} --report days.html")).json(0);
    let page = room.read("days.html");
    for part in [
        "<h1>haul transitions: which labels become which</h1>",
        "cells.csv:0 → … → cells.csv:2",
        "ancestors of cells.csv:2 in cells.csv:0",
        "2 of 2 solves converged",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // A ribbon for each two labels between which mass moves.
    assert!(page.matches("fill-opacity=\"0.45\"").count() >= 6);
    room.write(
        "jobs.jsonl",
        r#"{"id":"days","command":"transitions","files":["cells.csv"],"group":"day","label":"kind","columns":"x,y","blur":0.2,"output":"job.csv","report":"job.html"}
{"id":"far","command":"transitions","files":["cells.csv:0","cells.csv:2"],"group":"day","label":"kind","columns":"x,y","blur":0.2}
{"id":"wrong","command":"transitions","files":["cells.csv"],"group":"day","label":"sort","columns":"x,y"}
"#,
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl --report all.html");
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let results = room.read("results.jsonl");
    let lines: Vec<Value> = results
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["tables"], alone["tables"]);
    assert_eq!(lines[1]["tables"].as_array().unwrap().len(), 1);
    assert_says(
        &lines[2]["error"]["message"].to_string(),
        &["no column", "sort"],
    );
    assert!(room.files().contains(&"job.html".to_owned()));
    room.cpu(&format!("{run} -o alone.csv"));
    assert_eq!(room.read("job.csv"), room.read("alone.csv"));
    assert_says(
        &error_line(room.haul(&format!("{run} -o cells.csv")), 2),
        &["cells.csv is read and written"],
    );
}

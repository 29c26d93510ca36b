//! `--report`: pages for people, as files and in a browser.

mod browser;

use crate::fixture::{Ran, Room, assert_says};
use serde_json::Value;
use std::collections::HashMap;

/// The numbers of a page by their keys, and all of them.
fn numbers(page: &str) -> (HashMap<String, f64>, Vec<f64>) {
    let mut named = HashMap::new();
    let mut all = Vec::new();
    for element in page.split("<data ").skip(1) {
        let element = element.split('>').next().unwrap();
        let attribute = |name: &str| {
            let (_, rest) = element.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next().unwrap().to_owned())
        };
        let value: f64 = attribute("value").unwrap().parse().unwrap();
        all.push(value);
        if let Some(key) = attribute("itemprop") {
            named.insert(key, value);
        }
    }
    (named, all)
}

/// Every number of a JSON object.
fn leaves(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Number(number) => into.push(number.as_f64().unwrap()),
        Value::Object(members) => members.values().for_each(|member| leaves(member, into)),
        _ => {}
    }
}

/// Checks that a page has these keys and no number that is not in the JSON.
#[track_caller]
fn assert_same_numbers(page: &str, json: &Value, keys: &[&str]) {
    let (named, all) = numbers(page);
    for (key, value) in &named {
        let pointer = format!("/{}", key.replace('.', "/"));
        assert_eq!(
            json.pointer(&pointer).and_then(Value::as_f64),
            Some(*value),
            "{key}"
        );
    }
    for key in keys {
        assert!(named.contains_key(*key), "{key}");
    }
    let mut known = Vec::new();
    leaves(json, &mut known);
    for value in all {
        assert!(known.contains(&value), "{value} is not of the JSON");
    }
}

#[test]
fn a_page_has_the_numbers_of_the_json() {
    let room = Room::with_clouds();
    let json = |ran: Ran| ran.json(0);
    let effort = ["value", "n", "m", "d", "pairs", "seconds"];
    let solve = [
        &effort[..],
        &["epsilon", "blur", "p", "iterations", "certificate.gap"],
    ]
    .concat();
    let result = json(room.cpu("sinkhorn a.csv b.csv --blur 0.1 --json --quiet --report r.html"));
    let one = [&solve[..], &["transport_cost", "regularized_cost", "kl"]].concat();
    assert_same_numbers(&room.read("r.html"), &result, &one);
    let result = json(room.cpu("map a.csv b.csv -o c.csv --subsample 40 --json --report r.html"));
    assert_same_numbers(&room.read("r.html"), &result, &one);
    let result = json(room.cpu("divergence a.csv b.csv --reach 0.5 --json --report r.html"));
    let three = [
        &solve[..],
        &["terms.ab.kl", "terms.aa.value", "terms.bb.iterations"],
    ]
    .concat();
    assert_same_numbers(&room.read("r.html"), &result, &three);
    let result = json(room.cpu("energy a.csv b.csv --json --report r.html"));
    let page = room.read("r.html");
    assert_same_numbers(
        &page,
        &result,
        &[&effort[..], &["terms.ab", "rounding"]].concat(),
    );
    // A changed number is detected.
    let mut other = result;
    other["value"] = 1.0.into();
    assert!(std::panic::catch_unwind(|| assert_same_numbers(&page, &other, &[])).is_err());
}

#[test]
fn a_page_says_whether_a_result_has_converged_and_what_to_do() {
    let room = Room::with_clouds();
    assert_eq!(
        room.cpu("sinkhorn a.csv b.csv --report r.html").status,
        Some(0)
    );
    let page = room.read("r.html");
    assert_says(
        &page,
        &[
            "Converged.",
            "certified to lie between",
            "Convergence",
            "60 points",
        ],
    );
    assert!(!page.contains("What to do") && !page.contains("Not converged"));
    let ran = room.cpu("divergence a.csv b.csv --blur 0.02 --max-iterations 3 --report r.html");
    assert_eq!(ran.status, Some(3));
    assert_says(
        &room.read("r.html"),
        &["Not converged.", "What to do", "--max-iterations", "--blur"],
    );
}

#[test]
fn a_page_is_whole_or_absent_and_its_target_is_checked_first() {
    let room = Room::with_clouds();
    for (target, part) in [
        ("no/r.html", "no/r.html"),
        ("r.txt", ".html"),
        (".", "directory"),
    ] {
        let ran = room.cpu(&format!("sinkhorn a.csv b.csv --report {target}"));
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""));
        assert_says(&ran.stderr, &[part]);
    }
    room.write("r.html", "before");
    assert_eq!(
        room.cpu("energy a.csv b.csv --report r.html").status,
        Some(0)
    );
    assert!(room.read("r.html").starts_with("<!DOCTYPE html>"));
    assert_eq!(room.files(), ["a.csv", "b.csv", "r.html"]);
}

#[test]
fn a_page_of_many_jobs_tells_each_of_them_whoever_ran_it() {
    let room = Room::with_clouds();
    let injected = "<script>alert(1)</script>";
    let job = |id: &str, more: &str| {
        format!("{{\"id\":\"{id}\",\"command\":\"sinkhorn\",\"a\":\"a.csv\",\"b\":{more}}}\n")
    };
    let jobs = [
        job("good", "\"b.csv\""),
        job("loose", "\"b.csv\",\"blur\":0.02,\"max_iterations\":2"),
        job(injected, "\"<b>.csv\""),
    ];
    room.write("jobs.jsonl", jobs.concat());
    let batch = "batch jobs.jsonl -o results.jsonl --report r.html";
    assert_eq!(room.cpu(batch).status, Some(1));
    let page = room.read("r.html");
    assert_says(
        &page,
        &[
            "1</b> done",
            "1</b> failed",
            "1</b> not converged",
            "FAILED",
            "NOT converged",
        ],
    );
    assert!(!page.contains(injected) && !page.contains("<b>.csv"));
    assert_says(&page, &["&lt;script&gt;alert(1)&lt;/script&gt;"]);
    let first = room
        .read("results.jsonl")
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let result: Value = serde_json::from_str(&first).unwrap();
    assert!(
        numbers(&page)
            .1
            .contains(&result["value"].as_f64().unwrap())
    );
    // A run that finds all results shows the same jobs.
    assert_eq!(room.cpu(batch).status, Some(1));
    let again = room.read("r.html");
    assert_says(&again, &["3 of these by an earlier run"]);
    assert_eq!(numbers(&again).1, numbers(&page).1);
    let same = "batch jobs.jsonl -o r.html --report r.html";
    assert_eq!(room.cpu(same).status, Some(2));
}

#[test]
fn a_page_of_many_jobs_keeps_quantities_apart_and_leaves_out_the_folder_that_all_share() {
    let room = Room::with_clouds();
    std::fs::create_dir(room.path("clouds")).unwrap();
    for name in ["a.csv", "b.csv"] {
        std::fs::rename(room.path(name), room.path("clouds").join(name)).unwrap();
    }
    let page = |commands: &[&str], b: &str| {
        let jobs = commands.iter().enumerate().map(|(id, command)| {
            format!(
                "{{\"id\":\"scan {id}\",\"command\":\"{command}\",\"a\":\"clouds/a.csv\",\"b\":\"{b}\"}}\n"
            )
        });
        room.write("jobs.jsonl", jobs.collect::<String>());
        let _ = std::fs::remove_file(room.path("results.jsonl"));
        room.cpu("batch jobs.jsonl -o results.jsonl --report r.html");
        room.read("r.html")
    };
    let both = page(
        &["divergence", "sinkhorn", "divergence", "energy"],
        "clouds/b.csv",
    );
    assert_eq!(both.matches("<svg").count(), 3);
    let apart = "do not compare: each has a picture";
    assert_says(
        &both,
        &[
            "<td>S_ε</td>",
            "<td>OT_ε</td>",
            "<td>energy distance</td>",
            apart,
            "<code class=\"path\">clouds/</code>",
            ">a.csv<",
            ">b.csv<",
            // At the axis of the picture, besides the table.
            ">scan 2</text>",
        ],
    );
    assert!(!both.contains("clouds/a.csv"));
    // Each number is from a result, and each value of a result is there.
    let mut known = Vec::new();
    let results = room.read("results.jsonl");
    for line in results.lines() {
        let result: Value = serde_json::from_str(line).unwrap();
        let gap = result
            .pointer("/certificate/upper_bound")
            .and_then(Value::as_f64)
            .zip(
                result
                    .pointer("/certificate/lower_bound")
                    .and_then(Value::as_f64),
            );
        known.extend(gap.map(|(upper, lower)| upper - lower));
        leaves(&result, &mut known);
        assert!(
            numbers(&both)
                .1
                .contains(&result["value"].as_f64().unwrap())
        );
    }
    assert!(numbers(&both).1.iter().all(|value| known.contains(value)));

    let one = page(&["divergence"; 3], "clouds/b.csv");
    assert_eq!(one.matches("<svg").count(), 1);
    assert!(!one.contains(apart));
    let elsewhere = page(&["energy"; 21], "gone.csv");
    assert!(elsewhere.contains("clouds/a.csv") && !elsewhere.contains("The clouds are in"));
    let many = page(&["energy"; 21], "clouds/b.csv");
    assert_says(&many, &["number of the job, in the order of the file"]);
    assert!(!many.contains(">scan 2</text>"));
}

/// The values of an attribute in a piece of a page.
fn attributes<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let before = format!(" {name}=\"");
    let pieces = text.split(&*before).skip(1);
    pieces
        .map(|piece| piece.split('"').next().unwrap())
        .collect()
}

#[test]
fn jobs_without_a_value_have_no_place_in_the_picture() {
    let room = Room::with_clouds();
    for count in [7, 40] {
        let jobs = (1..=count).map(|k| {
            let b = if k % 3 == 0 { "gone" } else { "b" };
            format!(
                "{{\"id\":\"job {k}\",\"command\":\"energy\",\"a\":\"a.csv\",\"b\":\"{b}.csv\"}}\n"
            )
        });
        room.write("jobs.jsonl", jobs.collect::<String>());
        let ran = room.cpu("batch jobs.jsonl -o results.jsonl --report r.html");
        assert_eq!(ran.status, Some(1), "{}", ran.stderr);
        let page = room.read("r.html");
        let (_, picture) = page.split_once("<svg").unwrap();
        let picture = picture.split("</svg>").next().unwrap();
        let places = attributes(picture, "cx").into_iter();
        let places: Vec<f64> = places.map(|place| place.parse().unwrap()).collect();
        assert_eq!(places.len(), count - count / 3);
        let steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            steps.iter().all(|step| (step - steps[0]).abs() < 0.3),
            "{steps:?}"
        );
        let named = |k: usize| picture.contains(&format!(">job {k}</text>"));
        assert_eq!(
            (named(2), named(3), named(4)),
            (count == 7, false, count == 7)
        );
        std::fs::remove_file(room.path("results.jsonl")).unwrap();
    }
}

#[test]
fn mass_that_is_destroyed_has_a_cross_and_no_arrow() {
    let room = Room::new();
    let moved = |points: Vec<f64>, by: f64| -> Vec<f64> {
        points
            .chunks(2)
            .flat_map(|at| [at[0] + by, at[1]])
            .collect()
    };
    let mut source = crate::fixture::spiral(60);
    source.extend(moved(crate::fixture::ring(20), -7.0));
    room.csv("a.csv", &source, 2);
    room.csv("b.csv", &moved(crate::fixture::ring(50), 5.0), 2);
    let picture = |options: &str| {
        let ran = room.cpu(&format!(
            "sinkhorn a.csv b.csv --blur 0.5 {options} --report r.html"
        ));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        let page = room.read("r.html");
        let crosses = page.matches("class=\"lost\"").count();
        let arrows = page.split("class=\"arrow\"").skip(1);
        let tails = arrows.map(|arrow| -> f64 {
            let path = attributes(arrow, "d")[0];
            path[1..].split(' ').next().unwrap().parse().unwrap()
        });
        (
            crosses,
            tails.collect::<Vec<f64>>(),
            page.contains("destroyed or created"),
        )
    };
    // The far ring is left of the centre of the picture, the spiral near the right end.
    let (crosses, tails, told) = picture("--reach 7");
    assert!(crosses >= 20 && told, "{crosses}");
    assert!(
        !tails.is_empty() && tails.iter().all(|tail| *tail > 180.0),
        "{tails:?}"
    );
    let (crosses, tails, told) = picture("");
    assert_eq!((crosses, told), (0, false));
    assert!(tails.iter().any(|tail| *tail < 180.0));
}

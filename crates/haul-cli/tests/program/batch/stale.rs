//! A result is not used if the content of its files has changed since.

use super::{RUN, job, with};
use crate::fixture::{Room, assert_says, error_line, ring, spiral, value};
use serde_json::{Value, json};
use std::fs::File;
use std::time::{Duration, SystemTime};

const RETRY: &str = "batch jobs.jsonl -o results.jsonl --retry-changed";

impl Room {
    /// Sets the time of a file.
    fn dated(&self, name: &str, time: SystemTime) {
        let file = File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(time).unwrap();
    }
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

/// A room with the results of two jobs, of which only the second reads `c.csv` and `w.csv`.
fn room_with_results() -> Room {
    let room = Room::with_clouds();
    room.csv("c.csv", &ring(40), 2);
    room.csv("w.csv", &[1.0; 40], 1);
    for name in ["a.csv", "b.csv", "c.csv", "w.csv"] {
        room.dated(name, ago(60));
    }
    room.jobs(&[
        job("1", "energy"),
        with(
            job("2", "energy"),
            json!({"b": "c.csv", "weights_b": "w.csv", "normalize": true}),
        ),
    ]);
    assert_eq!(room.cpu(RUN).status, Some(0));
    room
}

/// Checks that the second result is refused because of this file, and that only it is recomputed on request.
#[track_caller]
fn assert_noticed(room: &Room, file: &str) {
    let before = room.results();
    let text = room.read("results.jsonl");
    let refused = [
        "results.jsonl: line 2",
        "the result of a job \"2\"",
        &format!("whose file {file} has changed since"),
        "--retry-changed computes it anew",
    ];
    assert_says(&error_line(room.cpu(RUN), 2), &refused);
    assert_says(
        &error_line(room.cpu(&format!("{RUN} --dry-run")), 2),
        &refused,
    );
    assert_eq!(room.read("results.jsonl"), text);

    let planned = room.cpu(&format!("{RETRY} --dry-run"));
    assert_says(&planned.stdout, &["2, of which 1 are done"]);
    let ran = room.cpu(RETRY);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(&ran.stderr, &["2 done", "1 of these by an earlier run"]);
    let after = room.results();
    assert_eq!(after[0], before[0]);
    assert_ne!(value(&after[1]), value(&before[1]));
    assert_kept(room);
}

/// Checks that nothing is left to do, and that no file is reported.
#[track_caller]
fn assert_kept(room: &Room) {
    let text = room.read("results.jsonl");
    let ran = room.cpu(RUN);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(&ran.stderr, &["2 of these by an earlier run"]);
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert_eq!(room.read("results.jsonl"), text);
}

#[test]
fn a_file_that_holds_something_else_is_noticed_by_its_length() {
    let room = room_with_results();
    room.csv("c.csv", &spiral(40), 2);
    room.dated("c.csv", ago(60));
    assert_noticed(&room, "c.csv");
}

#[test]
fn a_file_of_weights_is_noticed() {
    let room = room_with_results();
    let weights: Vec<_> = (0..40).map(|i| f64::from(1 + i % 2)).collect();
    room.csv("w.csv", &weights, 1);
    assert_noticed(&room, "w.csv");
}

#[test]
fn a_file_of_the_same_length_is_noticed_by_its_content() {
    let room = room_with_results();
    let text = room.read("c.csv");
    let other = text.replacen('1', "2", 5);
    assert_eq!(text.len(), other.len());
    room.write("c.csv", other);
    assert_noticed(&room, "c.csv");
}

#[test]
fn a_file_whose_time_tells_nothing_is_noticed_though_that_stays_the_same() {
    let room = room_with_results();
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    // A time in the future, which several versions may have.
    let date = SystemTime::now() + Duration::from_secs(3600);
    room.dated("c.csv", date);
    assert_eq!(room.cpu(RUN).status, Some(0));
    assert_kept(&room);
    let other = room.read("c.csv").replacen('1', "2", 5);
    room.write("c.csv", other);
    room.dated("c.csv", date);
    assert_noticed(&room, "c.csv");
}

#[test]
fn a_file_that_is_only_touched_or_gone_leaves_the_result() {
    let room = room_with_results();
    room.dated("c.csv", ago(30));
    assert_kept(&room);
    std::fs::remove_file(room.path("c.csv")).unwrap();
    assert_kept(&room);
}

#[test]
fn each_result_says_what_its_files_were() {
    let room = room_with_results();
    let results = room.results();
    let files = |result: &Value| {
        let inputs = result["input"].as_array().unwrap().iter();
        inputs
            .map(|input| input["file"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&results[0]), ["a.csv", "b.csv"]);
    assert_eq!(files(&results[1]), ["a.csv", "c.csv", "w.csv"]);
    let weights = &results[1]["input"][2];
    assert_eq!(weights["bytes"], room.read("w.csv").len());
    assert!(weights["modified"].is_u64(), "{weights}");
    assert_eq!(weights["digest"].as_str().unwrap().len(), 32);
}

#[test]
fn results_of_an_earlier_version_are_kept_and_told_of() {
    let room = room_with_results();
    let text = room.read("results.jsonl");
    let former: String = text
        .lines()
        .map(|line| {
            let mut result: Value = serde_json::from_str(line).unwrap();
            result
                .as_object_mut()
                .unwrap()
                .shift_remove("input")
                .unwrap();
            format!("{result}\n")
        })
        .collect();
    room.write("results.jsonl", &former);
    room.csv("c.csv", &spiral(40), 2);
    let ran = room.cpu(RUN);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(
        &ran.stderr,
        &[
            "2 of the results in results.jsonl do not say what their files held",
            "2 of these by an earlier run",
        ],
    );
    assert_eq!(room.read("results.jsonl"), former);
    assert!(
        !room
            .cpu(&format!("{RUN} --quiet"))
            .stderr
            .contains("warning")
    );
    // A line with invalid fingerprints is no result.
    room.write(
        "results.jsonl",
        former.replace("\"command\"", "\"input\":7,\"command\""),
    );
    assert_says(&error_line(room.cpu(RUN), 2), &["line 1 is no result"]);
}

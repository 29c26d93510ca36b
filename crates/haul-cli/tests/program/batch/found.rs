//! Results are found by the ids of their jobs and by what was asked for, in any order of the list.

use super::{RUN, job, with};
use crate::fixture::{HAUL, Room, assert_says, error_line, spiral, untimed};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

/// Different jobs.
fn list(count: usize) -> Vec<Value> {
    let of = |k: usize| {
        with(
            job(&format!("job {k}"), "sinkhorn"),
            json!({"blur": 0.1 + 0.01 * k as f64}),
        )
    };
    (0..count).map(of).collect()
}

/// A room with results that are marked to differ from recomputed ones, and these results, one a job.
fn room_with_results(jobs: &[Value]) -> (Room, Vec<String>) {
    let room = Room::with_clouds();
    room.jobs(jobs);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let marked = room
        .read("results.jsonl")
        .replace("\"seconds\":", "\"seconds\":7");
    room.write("results.jsonl", &marked);
    (
        room,
        marked.lines().map(|line| format!("{line}\n")).collect(),
    )
}

#[test]
fn a_list_that_is_sorted_otherwise_keeps_all_results_in_its_order() {
    let jobs = list(6);
    let (room, lines) = room_with_results(&jobs);
    for order in [[5, 4, 3, 2, 1, 0], [0, 1, 3, 2, 4, 5], [3, 4, 5, 0, 1, 2]] {
        room.jobs(&order.map(|k| jobs[k].clone()));
        let dry = room.cpu(&format!("{RUN} --dry-run"));
        assert_says(&dry.stdout, &["6, of which 6 are done"]);
        let ran = room.cpu(RUN);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_says(&ran.stderr, &["6 of these by an earlier run"]);
        assert_eq!(
            room.read("results.jsonl"),
            order.map(|k| &*lines[k]).concat()
        );
    }
    assert_eq!(
        room.files(),
        ["a.csv", "b.csv", "jobs.jsonl", "results.jsonl"]
    );
}

#[test]
fn a_job_that_is_taken_out_leaves_its_result_beside_and_finds_it_when_it_comes_back() {
    let jobs = list(4);
    let (room, lines) = room_with_results(&jobs);
    let beside = "results.jsonl.unlisted";
    room.jobs(&[jobs[3].clone(), jobs[1].clone(), jobs[2].clone()]);
    let dry = room.cpu(&format!("{RUN} --dry-run"));
    assert_says(
        &dry.stdout,
        &[
            "3, of which 3 are done",
            "1 of the results, to be put aside",
        ],
    );
    assert_eq!(room.read("results.jsonl"), lines.concat());
    let ran = room.cpu(RUN);
    assert_says(
        &ran.stderr,
        &[
            "one result of a job that is not in the list is now in",
            beside,
        ],
    );
    assert_eq!(
        room.read("results.jsonl"),
        [3, 1, 2].map(|k| &*lines[k]).concat()
    );
    assert_eq!(room.read(beside), lines[0]);
    // Another job is removed, and the first one comes back.
    room.jobs(&jobs[..3]);
    assert_says(&room.cpu(RUN).stderr, &["3 of these by an earlier run"]);
    assert_eq!(room.read("results.jsonl"), lines[..3].concat());
    assert_eq!(room.read(beside), lines[3]);
    // A result of a job that has changed since is not used.
    room.jobs(&[&jobs[..3], &[with(jobs[3].clone(), json!({"p": 1}))]].concat());
    assert_says(
        &room.cpu(RUN).stderr,
        &["4 done", "3 of these by an earlier run"],
    );
    assert_eq!(room.read(beside), lines[3]);
    room.jobs(&jobs);
    let changed = room.cpu(&format!("{RUN} --retry-changed"));
    assert_says(&changed.stderr, &["4 done"]);
    room.write(beside, "something else\n");
    assert_says(
        &error_line(room.cpu(RUN), 2),
        &[beside, "line 1 is no result"],
    );
}

#[test]
fn jobs_between_others_are_computed_and_the_file_is_in_their_order() {
    let jobs = list(7);
    let some: Vec<_> = [1, 3, 4].map(|k| jobs[k].clone()).into();
    let (room, lines) = room_with_results(&some);
    room.jobs(&jobs);
    let ran = room.cpu(RUN);
    assert_says(&ran.stderr, &["7 done", "3 of these by an earlier run"]);
    let found = room.read("results.jsonl");
    let found: Vec<_> = found.split_inclusive('\n').collect();
    for (line, k) in lines.iter().zip([1, 3, 4]) {
        assert_eq!(found[k], line);
    }
    for (k, line) in found.iter().enumerate() {
        assert!(line.starts_with(&format!("{{\"id\":\"job {k}\"")), "{line}");
    }
    // If a job has two lines, the last one counts, as after a kill before the file was in order.
    let twice = format!(
        "{}{}",
        found.concat(),
        found[2].replace("\"seconds\":", "\"seconds\":5")
    );
    room.write("results.jsonl", &twice);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let after = room.read("results.jsonl");
    assert_eq!(after.lines().count(), 7);
    assert_says(after.lines().nth(2).unwrap(), &["\"seconds\":5"]);
}

#[test]
fn kills_and_changes_of_the_list_lose_nothing_and_end_in_its_order() {
    let jobs = list(40);
    let room = Room::with_clouds();
    room.csv("a.csv", &spiral(300), 2);
    room.jobs(&jobs);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let expected = untimed(&room.read("results.jsonl"));
    let expected: Vec<_> = expected.lines().collect();
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    let whole_lines = || {
        let files = ["results.jsonl", "results.jsonl.unlisted"];
        let texts = files.map(|name| std::fs::read_to_string(room.path(name)).unwrap_or_default());
        let whole = texts.map(|text| text[..text.rfind('\n').map_or(0, |end| end + 1)].to_owned());
        let lines = whole.iter().flat_map(|text| text.lines());
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        lines.dedup();
        lines
    };
    let mut held: Vec<String> = Vec::new();
    let (mut kills, mut moment) = (0, 0u64);
    while kills < 60 {
        // A part of the jobs, from a different start each time, reversed every other time.
        let mut some: Vec<_> = jobs.iter().skip(moment as usize % 5).cloned().collect();
        some.rotate_left(moment as usize * 7 % 30);
        if moment % 2 == 1 {
            some.reverse();
        }
        room.jobs(&some);
        let mut run = room.command(HAUL);
        run.args(format!("{RUN} --device cpu --threads 1").split(' '));
        let mut run = run
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(2000 + moment * 7919 % 9000));
        moment += 1;
        if run.try_wait().unwrap().is_none() {
            run.kill().unwrap();
            kills += 1;
        }
        run.wait().unwrap();
        let found = whole_lines();
        assert!(held.iter().all(|line| found.contains(line)), "{kills}");
        held = found;
        if held.len() >= jobs.len() {
            break;
        }
    }
    assert!(kills >= 3, "only {kills} kills before all was done");
    room.jobs(&jobs);
    let ran = room.cpu(RUN);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_eq!(
        untimed(&room.read("results.jsonl"))
            .lines()
            .collect::<Vec<_>>(),
        expected
    );
    assert!(!room.path("results.jsonl.unlisted").exists());
}

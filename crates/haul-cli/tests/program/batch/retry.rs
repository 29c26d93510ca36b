//! `--retry-failed`: failed jobs are recomputed, all other results stay, and no end of the run loses a result.

use super::{RUN, job, with};
use crate::fixture::{Ran, Room, assert_says, error_line, ring, spiral, untimed};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const RETRY: &str = "batch jobs.jsonl -o results.jsonl --retry-failed";

/// The lines of the results.
fn lines(room: &Room) -> Vec<String> {
    let text = room.read("results.jsonl");
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn a_corrected_job_is_computed_anew_and_all_others_stay() {
    let room = Room::with_clouds();
    let wrong = [
        with(job("typo", "energy"), json!({"tolerence": 1})),
        job("2", "energy"),
        with(job("late", "sinkhorn"), json!({"b": "late.csv"})),
        job("4", "divergence"),
    ];
    room.jobs(&wrong);
    assert_eq!(room.cpu(RUN).status, Some(1));
    // Marked to differ from recomputed results.
    let marked = room
        .read("results.jsonl")
        .replace("\"seconds\":", "\"seconds\":7");
    room.write("results.jsonl", &marked);
    let before = lines(&room);

    let mut right = wrong.to_vec();
    right[0] = job("typo", "energy");
    right.push(job("5", "energy"));
    room.jobs(&right);
    room.csv("late.csv", &ring(30), 2);
    assert_says(
        &error_line(room.cpu(RUN), 2),
        &[
            "results.jsonl: line 1",
            "the failure",
            "\"typo\"",
            "--retry-failed computes it anew",
        ],
    );
    let ran = room.cpu(&format!("{RETRY} --dry-run"));
    assert_says(&ran.stdout, &["5, of which 2 are done", "3 on one thread"]);
    assert_eq!(room.read("results.jsonl"), marked);

    let ran = room.cpu(RETRY);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(
        &ran.stderr,
        &["5 done, 0 failed", "2 of these by an earlier run"],
    );
    let after = lines(&room);
    assert_eq!((&after[1], &after[3]), (&before[1], &before[3]));
    let whole = untimed(&room.read("results.jsonl"));
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    assert_eq!(room.cpu(RUN).status, Some(0));
    assert_eq!(whole, untimed(&room.read("results.jsonl")));
    assert_eq!(
        room.files(),
        ["a.csv", "b.csv", "jobs.jsonl", "late.csv", "results.jsonl"]
    );
}

#[test]
fn a_changed_job_is_computed_anew_where_that_is_asked_for() {
    let room = Room::with_clouds();
    let jobs = |p: f64| {
        let changed = with(job("2", "energy"), json!({"p": p}));
        [job("1", "energy"), changed, job("3", "energy")]
    };
    room.jobs(&jobs(1.0));
    assert_eq!(room.cpu(RUN).status, Some(0));
    let before = lines(&room);
    room.jobs(&jobs(1.5));
    let changed = format!("{RUN} --retry-changed");
    let ran = room.cpu(&format!("{changed} --dry-run"));
    assert_says(&ran.stdout, &["3, of which 2 are done", "1 on one thread"]);
    let ran = room.cpu(&changed);
    assert_says(&ran.stderr, &["3 done", "2 of these by an earlier run"]);
    let after = lines(&room);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    let value = |line: &str| serde_json::from_str::<Value>(line).unwrap()["value"].clone();
    assert_ne!(value(&after[1]), value(&before[1]));
    // Unchanged results stay, and now all results do.
    assert_says(
        &room.cpu(&changed).stderr,
        &["3 of these by an earlier run"],
    );
    assert_eq!(lines(&room), after);
}

#[test]
fn what_has_a_result_is_not_computed_anew_though_its_job_has_changed() {
    let room = Room::with_clouds();
    let gone = with(job("gone", "energy"), json!({"a": "gone.csv"}));
    room.jobs(&[gone.clone(), job("2", "energy")]);
    assert_eq!(room.cpu(RUN).status, Some(1));
    let results = room.read("results.jsonl");
    room.jobs(&[
        job("gone", "energy"),
        with(job("2", "energy"), json!({"p": 1.5})),
    ]);
    assert_says(
        &error_line(room.cpu(RETRY), 2),
        &["line 2", "the result", "--retry-changed computes it anew"],
    );
    assert_eq!(room.read("results.jsonl"), results);
    // A job that fails again has its new error in its line.
    room.jobs(&[gone, job("2", "energy")]);
    room.write("gone.csv", "0,0\n1,nan\n");
    let told = room.cpu(RUN);
    assert_says(&told.stderr, &["--retry-failed computes anew what failed"]);
    let ran = room.cpu(RETRY);
    assert_eq!(ran.status, Some(1));
    assert_says(&lines(&room)[0], &["NaN"]);
    assert!(!ran.stderr.contains("--retry-failed"));
    // And ends the run if `--fail-fast` is given.
    room.write("results.jsonl", &results);
    room.jobs(&[
        with(job("gone", "energy"), json!({"a": "gone.csv"})),
        job("2", "energy"),
        job("3", "energy"),
    ]);
    let ran = room.cpu(&format!("{RETRY} --fail-fast"));
    assert_says(&ran.stderr, &["1 done, 1 failed", "1 left"]);
    assert_says(&room.read("results.jsonl"), &["NaN"]);
}

/// A room with results of which many failed because of a file that now exists; returns the results before and after
/// the retry.
fn room_to_retry() -> (Room, String, String) {
    let room = Room::with_clouds();
    room.csv("c.csv", &spiral(400), 2);
    let late = |id: usize| {
        let job = job(&id.to_string(), "divergence");
        match id % 3 {
            0 => with(job, json!({"a": "c.csv"})),
            _ => with(
                job,
                json!({"a": "c.csv", "b": "late.csv", "blur": 0.01 * id as f64}),
            ),
        }
    };
    let first = json!({"b": "late.csv", "output": "moved.csv"});
    let mut jobs = vec![with(job("first", "map"), first)];
    jobs.extend((1..60).map(late));
    room.jobs(&jobs);
    assert_eq!(room.cpu(RUN).status, Some(1));
    let failed = room.read("results.jsonl");
    room.csv("late.csv", &ring(350), 2);
    assert_eq!(room.cpu(RETRY).status, Some(0));
    let expected = untimed(&room.read("results.jsonl"));
    room.write("results.jsonl", &failed);
    std::fs::remove_file(room.path("moved.csv")).unwrap();
    (room, failed, expected)
}

/// Starts a slow run, on one thread.
fn start(room: &Room) -> Child {
    let words = format!("{RETRY} --device cpu --threads 1");
    let mut command = room.command(crate::fixture::HAUL);
    command.args(words.split(' ')).stdout(Stdio::null());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn any_number_of_kills_loses_no_result_and_what_was_computed_anew_is_kept() {
    let (room, failed, expected) = room_to_retry();
    let of = |text: &str| -> HashSet<String> { text.lines().map(str::to_owned).collect() };
    let (before, after) = (of(&untimed(&failed)), of(&expected));
    let (mut kills, mut computed) = (0, HashSet::new());
    for moment in 0..200u64 {
        let mut run = start(&room);
        std::thread::sleep(Duration::from_micros(3000 + moment * 7919 % 20_000));
        if run.try_wait().unwrap().is_some() {
            break;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        kills += 1;
        let found = untimed_lines(&room.read("results.jsonl"));
        // Each line is from before or from the end, and no line that both have, or that is new, is lost.
        assert!(found.is_subset(&before.union(&after).cloned().collect()));
        assert!(before.intersection(&after).all(|line| found.contains(line)));
        let new: HashSet<_> = found.difference(&before).cloned().collect();
        assert!(computed.is_subset(&new), "{kills}");
        computed = new;
    }
    assert!(kills >= 3, "only {kills} kills before all was done");
    assert_eq!(room.cpu(RETRY).status, Some(0));
    assert_eq!(untimed(&room.read("results.jsonl")), expected);
    assert!(!room.path("results.jsonl.unlisted").exists());
}

/// The whole lines of results, without what differs between runs.
fn untimed_lines(text: &str) -> HashSet<String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    untimed(whole).lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_was_computed_anew() {
    let (room, failed, expected) = room_to_retry();
    let run = start(&room);
    while !room.path("moved.csv").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = run.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.unwrap().success());
    let ran = Ran::from(run.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert_says(&ran.stderr, &["the same command goes on from there"]);
    // In the order of the jobs, with one line of each.
    let ids = |text: &str| -> Vec<String> {
        let id = |line: &str| line.split(',').next().unwrap().to_owned();
        text.lines().map(id).collect()
    };
    let found = room.read("results.jsonl");
    assert_eq!(ids(&found), ids(&failed));
    assert!(found.matches("\"error\"").count() < failed.matches("\"error\"").count());
    assert_eq!(room.cpu(RETRY).status, Some(0));
    assert_eq!(untimed(&room.read("results.jsonl")), expected);
}

#[cfg(unix)]
#[test]
fn a_link_still_leads_to_the_results_also_from_another_folder() {
    let room = Room::with_clouds();
    for folder in ["jobs", "disk"] {
        std::fs::create_dir(room.path(folder)).unwrap();
    }
    let wrong: Value = json!({"id": "1", "command": "energy", "a": "../a.csv", "b": "../late.csv"});
    room.write("jobs/jobs.jsonl", format!("{wrong}\n"));
    room.write("disk/results.jsonl", "");
    std::os::unix::fs::symlink("disk/results.jsonl", room.path("results.jsonl")).unwrap();
    let run = "batch jobs/jobs.jsonl -o results.jsonl";
    assert_eq!(room.cpu(run).status, Some(1));
    room.csv("late.csv", &ring(30), 2);
    assert_eq!(room.cpu(&format!("{run} --retry-failed")).status, Some(0));
    assert!(room.path("results.jsonl").is_symlink());
    assert_says(&room.read("disk/results.jsonl"), &["\"value\""]);
}

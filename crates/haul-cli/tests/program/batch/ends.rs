//! Whatever ends a run of `haul batch`, at any byte: the same command continues it, and produces what an undisturbed
//! run does.

use super::{RUN, job, with};
use crate::fixture::{Ran, Room, assert_says, error_line, untimed};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_run_goes_on_after_any_byte_of_its_results() {
    let room = Room::with_clouds();
    let gone = with(job("gone", "energy"), json!({"a": "gone.csv"}));
    room.jobs(&[job("1", "energy"), gone, job("\"3\"", "energy")]);
    assert_eq!(room.cpu(RUN).status, Some(1));
    let whole = room.read("results.jsonl");
    let expected = untimed(&whole);
    for cut in 0..=whole.len() {
        room.write("results.jsonl", &whole[..cut]);
        let ran = room.cpu(RUN);
        assert_eq!(ran.status, Some(1), "{cut}: {}", ran.stderr);
        assert_eq!(untimed(&room.read("results.jsonl")), expected, "{cut}");
    }
    // Existing results are not computed again.
    let marked = whole.replace("\"seconds\":", "\"seconds\":7");
    room.write("results.jsonl", &marked[..marked.len() - 1]);
    room.cpu(RUN);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (found, marked) = (lines(&room.read("results.jsonl")), lines(&marked));
    assert_eq!(found[..2], marked[..2]);
    assert_ne!(found[2], marked[2]);
}

#[test]
fn any_number_of_kills_leaves_the_results_of_an_undisturbed_run() {
    let room = Room::with_jobs(192);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let expected = untimed(&room.read("results.jsonl"));
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    let mut kills = 0;
    for moment in 0..200u64 {
        let mut run = room.start("cpu");
        std::thread::sleep(Duration::from_micros(3000 + moment * 7919 % 20_000));
        if run.try_wait().unwrap().is_some() {
            break;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills before all was done");
    assert_eq!(room.cpu(RUN).status, Some(0));
    assert_eq!(untimed(&room.read("results.jsonl")), expected);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_whole_lines_and_the_same_command_goes_on() {
    let adapters = std::env::var("HAUL_TEST_ADAPTERS").unwrap_or_default();
    let adapters = adapters.split(',').filter(|adapter| !adapter.is_empty());
    for device in std::iter::once("cpu").chain(adapters) {
        let room = Room::with_jobs(192);
        let whole = || room.haul(&format!("{RUN} --device {device}"));
        assert_eq!(whole().status, Some(0), "{device}");
        let expected = untimed(&room.read("results.jsonl"));
        std::fs::remove_file(room.path("results.jsonl")).unwrap();
        let run = room.start(device);
        let results = room.path("results.jsonl");
        while !results.metadata().is_ok_and(|file| file.len() > 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let id = run.id().to_string();
        let killed = Command::new("kill").args(["-INT", &id]).status();
        assert!(killed.unwrap().success());
        let ran = Ran::from(run.wait_with_output().unwrap());
        assert_eq!(ran.status, Some(130), "{}", ran.stderr);
        assert_says(
            &ran.stderr,
            &[
                "interrupted: keeping what is finished",
                " left; ",
                "; the same command goes on from there",
            ],
        );
        // Finished results after an unfinished one are there as well.
        let left = untimed(&room.read("results.jsonl"));
        assert!(left.ends_with('\n') && left.len() < expected.len());
        let mut all = expected.lines();
        assert!(left.lines().all(|line| all.any(|other| other == line)));
        assert_eq!(whole().status, Some(0));
        assert_eq!(untimed(&room.read("results.jsonl")), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_the_run_goes_on_when_there_is_room() {
    let room = Room::with_jobs(24);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let expected = untimed(&room.read("results.jsonl"));
    for limit in [0, 1, 5] {
        std::fs::remove_file(room.path("results.jsonl")).unwrap();
        // Limits the size of files in blocks; without the trap the signal ends the program.
        for trap in ["trap '' XFSZ;", ""] {
            let ran = room.shell(&format!(
                "{trap} ulimit -f {limit}; haul {RUN} --device cpu"
            ));
            if trap.is_empty() {
                assert_ne!(ran.status, Some(0));
                continue;
            }
            assert_says(
                &error_line(ran, 2),
                &["results.jsonl", "cannot be written", "make room"],
            );
            let beginning = untimed(&room.read("results.jsonl"));
            assert!(beginning.is_empty() || beginning.ends_with('\n'));
            assert!(expected.starts_with(&beginning));
        }
        assert_eq!(room.cpu(RUN).status, Some(0));
        assert_eq!(untimed(&room.read("results.jsonl")), expected);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_amid_a_long_job_ends_the_run_soon_and_keeps_all_others() {
    let room = Room::with_clouds();
    for (name, seed) in [("large", 1), ("larger", 2)] {
        let sample = format!("sample ball --n 30000 --seed {seed} -o {name}.npy");
        assert_eq!(room.haul(&sample).status, Some(0));
    }
    let long = json!({
        "id": "long", "command": "sinkhorn", "a": "large.npy", "b": "larger.npy",
        "blur": 0.01, "tolerance": 1e-11, "precision": "f64", "potentials": "fg.npz",
    });
    let energy = |id: &str| job(id, "energy");
    room.jobs(&[energy("1"), energy("2"), long, energy("4")]);
    let run = room.start("cpu");
    let results = room.path("results.jsonl");
    let lines = || {
        let found = std::fs::read_to_string(&results).unwrap_or_default();
        found.lines().count()
    };
    while lines() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The long job is running.
    std::thread::sleep(Duration::from_millis(500));
    let id = run.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.unwrap().success());
    let signalled = Instant::now();
    let ran = Ran::from(run.wait_with_output().unwrap());
    // One second is promised; a busy machine needs some more.
    assert!(
        signalled.elapsed() < Duration::from_secs(3),
        "{:?}",
        signalled.elapsed()
    );
    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert_says(&ran.stderr, &["keeping what is finished"]);
    let found = room.read("results.jsonl");
    assert!(
        found.ends_with('\n') && !found.contains("\"long\""),
        "{found}"
    );
    for id in ["1", "2"] {
        assert_says(&found, &[&format!("{{\"id\":\"{id}\"")]);
    }
    assert!(!room.path("fg.npz").exists());
}

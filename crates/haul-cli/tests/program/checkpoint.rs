//! `--checkpoint`: a run that was killed goes on from its passes, to the same bits.

use crate::fixture::{HAUL, Room, assert_says, error_line};
use std::process::Stdio;
use std::time::Duration;

/// Solves of some hundred passes.
const RUNS: [&str; 2] = [
    "sinkhorn a.npy b.npy --blur 0.02 --tolerance 1e-5 --multiscale off --device cpu --precision f64 --gradient g.npy",
    "divergence a.npy b.npy --blur 0.05 --tolerance 1e-5 --multiscale off --device cpu --precision f64 --gradient g.npy",
];

fn room() -> Room {
    let room = Room::new();
    room.haul("sample ball --n 4300 --seed 1 -o a.npy");
    room.haul("sample torus --n 4200 --seed 2 -o b.npy");
    room
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let room = room();
    for run in RUNS {
        assert_eq!(room.haul(run).status, Some(0));
        let expected = std::fs::read(room.path("g.npy")).unwrap();
        std::fs::remove_file(room.path("g.npy")).unwrap();
        let kept = format!("{run} --checkpoint passes");
        let mut killed = room.command(HAUL);
        killed.args(kept.split(' ')).stdout(Stdio::null());
        let mut killed = killed.stderr(Stdio::null()).spawn().unwrap();
        let length = || std::fs::metadata(room.path("passes")).map_or(0, |file| file.len());
        while length() < 300_000 && killed.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert!(length() >= 300_000 && !room.path("g.npy").exists());
        // It is of that run and of no other.
        let other = room.haul(&format!("{kept} --p 1.5 --quiet"));
        assert_says(&error_line(other, 2), &["passes: is of another run"]);
        let ran = room.haul(&kept);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("haul: going on after "),
            "{}",
            ran.stderr
        );
        assert_eq!(std::fs::read(room.path("g.npy")).unwrap(), expected);
        assert!(!room.path("passes").exists());
    }
}

#[test]
fn a_file_of_something_else_is_no_checkpoint_and_stays() {
    let room = room();
    room.write("notes", "mine");
    let run = format!("{} --quiet --checkpoint notes", RUNS[0]);
    assert_says(
        &error_line(room.haul(&run), 2),
        &["notes: is no checkpoint"],
    );
    assert_eq!(room.read("notes"), "mine");
    let run = format!("{} --quiet --checkpoint a.npy", RUNS[0]);
    assert_says(&error_line(room.haul(&run), 2), &["a.npy"]);
    room.write(
        "jobs.jsonl",
        r#"{"id": "1", "command": "divergence", "a": "a.npy", "b": "b.npy", "checkpoint": "passes"}"#,
    );
    room.haul("batch jobs.jsonl -o results");
    assert_says(&room.read("results"), &["no option", "checkpoint"]);
}

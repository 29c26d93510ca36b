//! Long work reports how long it takes, only on a terminal.
#![cfg(target_os = "linux")]

use crate::fixture::{HAUL, Room};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A run that is killed at the end of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Solves over all pairs that take one thread many seconds.
const LONG: &str = "divergence a.npy b.npy --blur 0.02 --multiscale off --device cpu --threads 1";

fn room() -> Room {
    let room = Room::new();
    room.haul("sample ball --n 20000 --seed 1 -o a.npy");
    room.haul("sample torus --n 20000 --seed 2 -o b.npy");
    room.csv("c.csv", &crate::fixture::spiral(60), 2);
    room
}

#[test]
fn a_long_solve_tells_its_time_and_what_makes_it_short_to_a_terminal_alone() {
    let room = room();
    let mut piped = room.command(HAUL);
    piped.args(LONG.split(' ')).stdout(Stdio::null());
    piped.stderr(std::fs::File::create(room.path("piped")).unwrap());
    let _piped = Running(piped.spawn().unwrap());
    // script(1) runs a command on its own terminal, and records the output.
    let mut script = room.command("script");
    script.args(["-qefc", &format!("'{HAUL}' {LONG}"), "shown"]);
    script.stdin(Stdio::null()).stdout(Stdio::null());
    let _on_terminal = Running(script.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(100);
    let parts = [
        "20000 × 20000 points: about ",
        " Gpairs/s; --subsample ",
        " makes it ",
        "solve 1 of 3, iteration ",
        ", goal ",
    ];
    loop {
        let shown = std::fs::read(room.path("shown")).unwrap_or_default();
        let shown = String::from_utf8_lossy(&shown);
        if parts.iter().all(|part| shown.contains(part)) {
            break;
        }
        assert!(Instant::now() < deadline, "{shown}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(room.read("piped"), "");
}

#[test]
fn a_short_solve_tells_no_time() {
    let room = room();
    let mut script = room.command("script");
    let command = format!("'{HAUL}' divergence c.csv c.csv --device cpu");
    script
        .args(["-qefc", &command, "shown"])
        .stdin(Stdio::null());
    assert!(script.output().unwrap().status.success());
    let shown = room.read("shown");
    assert!(shown.contains("S_ε") && !shown.contains("about"), "{shown}");
}

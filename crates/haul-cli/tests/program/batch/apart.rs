//! No job writes what another one reads or writes, or what the run itself needs: such jobs are refused before
//! anything runs.

use super::{RUN, job, with};
use crate::fixture::{Room, assert_says, error_line, spiral};
use serde_json::{Value, json};

/// Checks that a run and a dry run refuse the jobs with these words, and write nothing.
#[track_caller]
fn refused(room: &Room, jobs: &[Value], options: &str, parts: &[&str]) {
    room.jobs(jobs);
    let before = room.files();
    for dry in ["", " --dry-run"] {
        let line = error_line(room.cpu(&format!("{RUN} {options}{dry}")), 2);
        assert_says(&line, parts);
        assert_says(&line, &["give the output another name"]);
        assert_eq!(room.files(), before);
    }
}

/// Jobs that write these files, in every possible way.
fn writers() -> Vec<(Value, &'static str)> {
    let writes = |command: &str, options: Value| with(job("writer", command), options);
    vec![
        (writes("map", json!({"output": "x.csv"})), "x.csv"),
        (
            writes("map", json!({"output": "x.csv", "frames": 3})),
            "x_000.csv",
        ),
        (writes("sinkhorn", json!({"potentials": "x.npz"})), "x.npz"),
        (
            writes("sinkhorn", json!({"plan": "x.csv", "plan_topk": 1})),
            "x.csv",
        ),
        (writes("sinkhorn", json!({"trace": "x.csv"})), "x.csv"),
        (writes("divergence", json!({"report": "x.html"})), "x.html"),
        (writes("divergence", json!({"gradient": "x.npy"})), "x.npy"),
        (
            writes("energy", json!({"gradient_weights": "x.npy"})),
            "x.npy",
        ),
        (writes("energy", json!({"report": "x.html"})), "x.html"),
    ]
}

#[test]
fn what_one_job_writes_no_other_reads_or_writes() {
    let room = Room::with_clouds();
    for (writer, file) in writers() {
        let again = with(writer.clone(), json!({"id": "another"}));
        let both = [
            "is both an output of the job \"writer\"",
            "an output of the job \"another\"",
        ];
        refused(
            &room,
            &[writer.clone(), again],
            "",
            &[&[file], &both[..]].concat(),
        );
        for reader in [
            with(job("reader", "energy"), json!({"a": file})),
            with(job("reader", "sinkhorn"), json!({"b": file})),
            with(job("reader", "energy"), json!({"weights_b": file})),
        ] {
            let both = [
                "an input of the job \"reader\"",
                "an output of the job \"writer\"",
            ];
            let parts = [&[file], &both[..]].concat();
            refused(&room, &[writer.clone(), reader.clone()], "", &parts);
            refused(&room, &[reader, writer.clone()], "", &parts);
        }
    }
    // Different outputs are allowed.
    let other = with(job("2", "map"), json!({"output": "y.csv"}));
    room.jobs(&[with(job("1", "map"), json!({"output": "x.csv"})), other]);
    assert_eq!(room.cpu(&format!("{RUN} --dry-run")).status, Some(0));
    let three: Vec<_> = ["1", "2", "3"]
        .map(|id| with(job(id, "map"), json!({"output": "x.csv"})))
        .into();
    refused(&room, &three, "", &["x.csv", "(and 1 more like it)"]);
}

#[test]
fn no_job_writes_what_the_run_needs() {
    let room = Room::with_clouds();
    let to = |file: &str| with(job("1", "map"), json!({"output": file}));
    let trace = with(job("1", "sinkhorn"), json!({"trace": "t.csv"}));
    let report = with(job("1", "sinkhorn"), json!({"report": "p.html"}));
    let reads = |file: &str| with(job("1", "energy"), json!({"a": file}));
    for (job, options, parts) in [
        (
            reads("results.jsonl"),
            "",
            ["--output", "an input of the job \"1\""],
        ),
        (
            reads("jobs.jsonl"),
            "--report jobs.jsonl",
            ["the list of jobs", "--report"],
        ),
        (
            report,
            "--report p.html",
            ["--report", "an output of the job \"1\""],
        ),
        (
            to("r.csv"),
            "--report r.csv",
            ["--report", "an output of the job \"1\""],
        ),
        (
            trace.clone(),
            "--report t.csv",
            ["--report", "an output of the job \"1\""],
        ),
        (trace, "--report results.jsonl", ["--output", "--report"]),
    ] {
        refused(&room, &[job], options, &parts);
    }
    // A results file that is another file of the run.
    for (file, parts) in [
        ("jobs.jsonl", ["the list of jobs", "--output"]),
        ("a.csv", ["an input of the job \"1\"", "--output"]),
        ("x.csv", ["--output", "an output of the job \"1\""]),
        ("x.csv.unlisted", ["is both", "another name"]),
    ] {
        let output = match file {
            "x.csv.unlisted" => with(job("1", "map"), json!({"output": "x.csv", "b": file})),
            _ => to("x.csv"),
        };
        room.jobs(&[output]);
        let name = file.trim_end_matches(".unlisted");
        let before = room.read("jobs.jsonl");
        for dry in ["", "--dry-run"] {
            let line = room.cpu(&format!("batch jobs.jsonl -o {name} {dry}"));
            assert_says(&error_line(line, 2), &parts);
        }
        assert_eq!(room.read("jobs.jsonl"), before);
        assert_eq!(room.files(), ["a.csv", "b.csv", "jobs.jsonl"]);
    }
}

#[cfg(unix)]
#[test]
fn links_and_other_names_hide_no_file() {
    use std::os::unix::fs::symlink;
    let room = Room::with_clouds();
    std::fs::create_dir(room.path("sub")).unwrap();
    symlink(room.path("x.csv"), room.path("link.csv")).unwrap();
    symlink("sub", room.path("folder")).unwrap();
    room.csv("c.csv", &spiral(9), 2);
    symlink("c.csv", room.path("c-link.csv")).unwrap();
    std::fs::hard_link(room.path("c.csv"), room.path("c-hard.csv")).unwrap();
    let writer = |file: &str| with(job("writer", "map"), json!({"output": file}));
    let reader = |file: &str| with(job("reader", "energy"), json!({"a": file}));
    for (written, read) in [
        ("x.csv", "link.csv"),
        ("link.csv", "x.csv"),
        ("sub/x.csv", "folder/../folder/x.csv"),
        ("sub/../c.csv", "c.csv"),
        ("c-link.csv", "c-hard.csv"),
    ] {
        let both = [
            "an input of the job \"reader\"",
            "an output of the job \"writer\"",
        ];
        refused(&room, &[writer(written), reader(read)], "", &both);
    }
    symlink("sub/deep.jsonl", room.path("results.jsonl")).unwrap();
    refused(
        &room,
        &[writer("sub/deep.jsonl")],
        "",
        &["--output", "the job \"writer\""],
    );
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    symlink("jobs.jsonl", room.path("results.jsonl")).unwrap();
    refused(
        &room,
        &[reader("a.csv")],
        "",
        &["the list of jobs", "--output"],
    );
    // A device may be written several times.
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    let nowhere = |id: &str| with(job(id, "sinkhorn"), json!({"potentials": "/dev/null"}));
    room.jobs(&[nowhere("1"), nowhere("2")]);
    let ran = room.cpu(RUN);
    assert!(!ran.stderr.contains("is both"), "{}", ran.stderr);
}

#[test]
fn a_command_writes_no_file_twice_and_none_that_it_reads() {
    let room = Room::with_clouds();
    let before = room.files();
    for (line, parts) in [
        (
            "sinkhorn a.csv b.csv --gradient g.npy --gradient-weights g.npy",
            "g.npy is written twice",
        ),
        (
            "sinkhorn a.csv b.csv --trace t.csv --plan t.csv --plan-topk 1",
            "t.csv is written twice",
        ),
        (
            "sinkhorn a.csv b.csv --trace a.csv",
            "a.csv is read and written",
        ),
        (
            "divergence a.csv b.csv --trace ./b.csv",
            "./b.csv is read and written",
        ),
        (
            "energy a.csv b.csv --weights-a w.npy --gradient w.npy",
            "w.npy is read and written",
        ),
        (
            "map a.csv b.csv -o m.csv --trace m.csv",
            "m.csv is written twice",
        ),
        (
            "map a.csv m_001.csv -o m.csv --frames 3",
            "m_001.csv is read and written",
        ),
        ("thin a.csv -o ./a.csv", "a.csv is read and written"),
        ("pairwise a.csv b.csv -o a.csv", "a.csv is read and written"),
        (
            "pairwise a.csv d.npy.partial -o d.npy",
            "a stopped run goes on with",
        ),
    ] {
        let told = error_line(room.haul(line), 2);
        assert_says(&told, &[parts, "give the output another name"]);
    }
    assert_eq!(room.files(), before);
}

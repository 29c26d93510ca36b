//! `haul batch`: results in order, failed jobs that do not affect others, and a file of results that survives any end
//! of a run.

mod apart;
mod ends;
mod found;
mod retry;
mod stale;

use crate::fixture::{self, HAUL, Ran, Room, assert_says, error_line, spiral, untimed, value};
use serde_json::{Value, json};
use std::fs::File;
use std::process::{Child, Stdio};

const RUN: &str = "batch jobs.jsonl -o results.jsonl";

impl Room {
    fn jobs(&self, jobs: &[Value]) {
        let lines = jobs.iter().map(|job| format!("{job}\n"));
        self.write("jobs.jsonl", lines.collect::<String>());
    }

    /// The results, one a line.
    #[track_caller]
    fn results(&self) -> Vec<Value> {
        let text = self.read("results.jsonl");
        assert!(text.ends_with('\n'), "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Starts a slow run, on one thread.
    fn start(&self, device: &str) -> Child {
        let mut command = self.command(HAUL);
        command.args(format!("{RUN} --device {device} --threads 1").split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A room with small clouds, and with this many jobs of all commands.
    fn with_jobs(count: usize) -> Self {
        let room = Self::with_clouds();
        for i in 0..8 {
            room.csv(&format!("{i}.csv"), &spiral(100 + 30 * i), 2);
        }
        let job = |i: usize| {
            let command = ["sinkhorn", "divergence", "energy"][i % 3];
            let (a, b) = (format!("{}.csv", i % 8), format!("{}.csv", i / 8 % 8));
            json!({"id": format!("job {i}"), "command": command, "a": a, "b": b})
        };
        room.jobs(&(0..count).map(job).collect::<Vec<_>>());
        room
    }
}

fn job(id: &str, command: &str) -> Value {
    json!({"id": id, "command": command, "a": "a.csv", "b": "b.csv"})
}

/// A line of results without the digest of its job and without the fingerprints of its files.
fn without_digest(line: &str) -> String {
    let (before, after) = line.split_once("\"input\":[").unwrap();
    let line = format!("{before}{}", after.split_once("],").unwrap().1);
    let (before, after) = line.split_once("\"job\":\"").unwrap();
    let (digest, after) = after.split_once("\",").unwrap();
    assert!(digest.len() == 16 && digest.chars().all(|digit| digit.is_ascii_hexdigit()));
    format!("{before}{after}")
}

fn with(mut job: Value, options: Value) -> Value {
    let options = options.as_object().unwrap().clone();
    job.as_object_mut().unwrap().extend(options);
    job
}

#[test]
fn results_are_those_of_the_commands_with_the_ids_in_the_order_of_the_jobs() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[2.0; 60], 1);
    let cases = [
        (
            "sinkhorn",
            json!({"blur": 0.1, "p": 1, "form": "scaling"}),
            "--blur 0.1 --p 1 --form scaling",
        ),
        (
            "divergence",
            json!({"epsilon": 0.05, "tolerance": 1e-4}),
            "--epsilon 0.05 --tolerance 1e-4",
        ),
        ("divergence", json!({"tolerance": 1e-9}), "--tolerance 1e-9"),
        (
            "energy",
            json!({"kernel": "gaussian", "blur": 0.3}),
            "--kernel gaussian --blur 0.3",
        ),
        (
            "sinkhorn",
            json!({"weights_a": "w.csv", "normalize": true}),
            "--weights-a w.csv --normalize",
        ),
        (
            "sinkhorn",
            json!({"rho_a": "inf", "rho_b": 0.5, "reach": null}),
            "--rho-a inf --rho-b 0.5",
        ),
    ];
    let jobs = cases.iter().enumerate();
    let jobs = jobs
        .map(|(i, (command, options, _))| with(job(&format!("№ {i}"), command), options.clone()));
    room.jobs(&jobs.collect::<Vec<_>>());
    let ran = room.cpu(RUN);
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), ""),
        "{}",
        ran.stderr
    );
    assert_says(
        &ran.stderr,
        &["6 done, 0 failed, 0 not converged", "Gpairs/s"],
    );
    let text = untimed(&room.read("results.jsonl"));
    for (i, ((command, _, options), line)) in cases.iter().zip(text.lines()).enumerate() {
        let alone = room.cpu(&format!(
            "{command} a.csv b.csv {options} --json --quiet --threads 1"
        ));
        let rest = alone.stdout.trim_start_matches('{').trim_end();
        let told = format!("{{\"id\":\"№ {i}\",{}", untimed(rest));
        assert_eq!(without_digest(line), told);
    }
    assert_eq!(text.lines().count(), cases.len());
}

#[test]
fn a_map_writes_what_it_writes_alone_and_is_not_done_again() {
    let room = Room::with_clouds();
    let weights: Vec<_> = (0..60).map(|i| f64::from(i % 7)).collect();
    room.csv("w.csv", &weights, 1);
    let options = json!({"weights_a": "w.csv", "normalize": true, "subsample": 40, "t": 0.5});
    let whole = with(options.clone(), json!({"output": "of-job.csv"}));
    let frames = json!({"output": "frame.npy", "frames": 3});
    room.jobs(&[
        with(job("1", "map"), frames),
        job("2", "energy"),
        with(job("3", "map"), whole),
    ]);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let alone = |words: &str| {
        let ran = room.cpu(&format!(
            "map a.csv b.csv {words} --json --quiet --threads 1"
        ));
        untimed(ran.stdout.trim_start_matches('{'))
    };
    let options = "--weights-a w.csv --normalize --subsample 40 --t 0.5";
    let told = [
        alone("-o alone.npy --frames 3"),
        alone(&format!("-o alone.csv {options}")),
    ];
    let results = room.read("results.jsonl");
    let lines: Vec<_> = results.split_inclusive('\n').collect();
    for (line, (id, told)) in [lines[0], lines[2]].iter().zip([1, 3].iter().zip(&told)) {
        let line = without_digest(&untimed(line));
        assert_eq!(line, format!("{{\"id\":\"{id}\",{told}"));
    }
    let bytes = |name: &str| std::fs::read(room.path(name)).unwrap();
    for k in 0..3 {
        assert_eq!(
            bytes(&format!("frame_00{k}.npy")),
            bytes(&format!("alone_00{k}.npy"))
        );
    }
    assert_ne!(bytes("frame_001.npy"), bytes("frame_002.npy"));
    assert_eq!(bytes("of-job.csv"), bytes("alone.csv"));

    room.write("of-job.csv", "another's");
    assert_eq!(room.cpu(RUN).status, Some(0));
    assert_eq!(room.read("of-job.csv"), "another's");
    room.write("results.jsonl", lines[..2].concat());
    assert_eq!(room.cpu(RUN).status, Some(0));
    assert_eq!(bytes("of-job.csv"), bytes("alone.csv"), "only when it is");
}

#[test]
fn files_of_a_job_are_relative_to_the_file_of_jobs() {
    let room = Room::with_clouds();
    std::fs::create_dir(room.path("folder")).unwrap();
    let job = with(
        json!({"id": "1", "command": "sinkhorn", "a": "../a.csv", "b": "../b.csv"}),
        json!({"potentials": "fg.npz"}),
    );
    room.write("folder/jobs.jsonl", format!("\u{feff}\n{job}\n\n"));
    let ran = room.cpu("batch folder/jobs.jsonl -o results.jsonl --quiet");
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(room.results()[0]["a"], "../a.csv");
    assert_eq!(room.arrays("folder/fg.npz", ["f"])[0].len(), 60);
}

/// Invalid jobs, the kind of each error, and words of its message.
fn failing() -> Vec<(Value, &'static str, Vec<&'static str>)> {
    let job = |options| with(job("wrong", "divergence"), options);
    vec![
        (
            job(json!({"b": "gone.csv"})),
            "input",
            vec!["gone.csv", "cannot be read"],
        ),
        (job(json!({"b": "torn.npy"})), "input", vec!["torn.npy"]),
        (
            job(json!({"b": "nan.csv"})),
            "input",
            vec!["nan.csv", "row 2", "NaN"],
        ),
        (
            job(json!({"b": "deep.csv"})),
            "input",
            vec!["deep.csv", "dimension"],
        ),
        (
            job(json!({"weights_a": "w.csv"})),
            "input",
            vec!["masses differ"],
        ),
        (job(json!({"blur": -1})), "input", vec!["--blur is -1"]),
        (
            job(json!({"tolerence": 1})),
            "job",
            vec!["\"tolerence\"", "did you mean \"tolerance\"?"],
        ),
        (
            job(json!({"command": "demo"})),
            "job",
            vec!["demo", "divergence"],
        ),
        (
            job(json!({"trace": "gone/t.csv"})),
            "output",
            vec!["gone/t.csv", "cannot be written"],
        ),
        (
            job(json!({"command": "map", "output": "gone/m.ply"})),
            "output",
            vec!["gone/m.ply", "cannot be written"],
        ),
        (
            job(json!({"command": "map", "a": "four.csv", "b": "four.csv", "output": "m.ply"})),
            "output",
            vec!["m.ply", "dimension 4"],
        ),
        (
            job(json!({"device": "no-such-device"})),
            "device",
            vec!["no-such-device"],
        ),
        (
            job(json!({"device": "gpu", "precision": "f64"})),
            "device",
            vec!["no f64"],
        ),
    ]
}

/// A room with the files of the failing jobs.
fn room_of_faults() -> Room {
    let room = Room::with_clouds();
    room.write("torn.npy", &fixture::npy(&spiral(60), &[60, 2])[..700]);
    room.write("nan.csv", "0,0\n1,nan\n");
    room.csv("deep.csv", &[0.0; 9], 3);
    room.csv("four.csv", &spiral(10), 4);
    room.csv("w.csv", &[2.0; 60], 1);
    room
}

#[test]
fn a_job_that_fails_says_why_and_stops_no_other() {
    let room = room_of_faults();
    let failing = failing();
    let mut jobs = Vec::new();
    for (i, (wrong, ..)) in failing.iter().enumerate() {
        jobs.push(with(wrong.clone(), json!({"id": format!("wrong {i}")})));
        jobs.push(job(&format!("right {i}"), "energy"));
    }
    room.jobs(&jobs);
    let ran = room.cpu(RUN);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    let told = format!("{0} done, {0} failed", failing.len());
    let mut lines = ran.stderr.lines();
    assert_says(
        lines.next_back().unwrap(),
        &["the first job that failed is \"wrong 0\": "],
    );
    assert_says(lines.next_back().unwrap(), &[&told]);
    let results = room.results();
    assert_eq!(results.len(), jobs.len());
    for (pair, (wrong, kind, parts)) in results.chunks(2).zip(&failing) {
        let error = &pair[0]["error"];
        assert_eq!(&error["kind"], kind, "{wrong} {error}");
        assert_says(error["message"].as_str().unwrap(), parts);
        assert_eq!(pair[0].as_object().unwrap().len(), 3);
        assert!(value(&pair[1]) > 0.0);
    }
    let ids = |of: &[Value]| -> Vec<Value> { of.iter().map(|it| it["id"].clone()).collect() };
    assert_eq!(ids(&results), ids(&jobs));
}

#[test]
fn a_file_that_vanishes_after_the_dry_run_is_the_failure_of_its_job_alone() {
    let room = Room::with_clouds();
    room.csv("brief.csv", &spiral(20), 2);
    let brief = with(job("brief", "divergence"), json!({"a": "brief.csv"}));
    room.jobs(&[job("1", "energy"), brief, job("3", "sinkhorn")]);
    assert_eq!(room.cpu(&format!("{RUN} --dry-run")).status, Some(0));
    std::fs::remove_file(room.path("brief.csv")).unwrap();
    assert_eq!(room.cpu(RUN).status, Some(1));
    let [first, gone, last] = &room.results()[..] else {
        panic!("{}", room.read("results.jsonl"));
    };
    assert!(value(first) > 0.0 && value(last) > 0.0);
    assert_eq!(gone["error"]["kind"], "input");
    assert_says(
        gone["error"]["message"].as_str().unwrap(),
        &["brief.csv: cannot be read"],
    );
}

#[test]
fn the_first_failure_is_the_last_result_where_that_is_asked_for() {
    let room = room_of_faults();
    let gone = with(job("wrong", "energy"), json!({"a": "gone.csv"}));
    room.jobs(&[
        job("1", "energy"),
        gone,
        job("3", "energy"),
        job("4", "energy"),
    ]);
    for _ in 0..2 {
        let ran = room.cpu(&format!("{RUN} --fail-fast"));
        assert_eq!(ran.status, Some(1));
        assert_says(&ran.stderr, &["1 done, 1 failed", "2 left"]);
        assert_eq!(room.results().len(), 2);
    }
    // Without the option the same run continues.
    assert_eq!(room.cpu(RUN).status, Some(1));
    assert_eq!(room.results().len(), 4);
}

#[test]
fn a_result_short_of_its_tolerance_is_status_3_and_a_failure_beside_it_1() {
    let room = Room::with_clouds();
    let short = with(
        job("short", "sinkhorn"),
        json!({"blur": 0.01, "max_iterations": 1}),
    );
    room.jobs(&[job("1", "sinkhorn"), short.clone()]);
    for told in ["1 not converged; ", "2 of these by an earlier run"] {
        let ran = room.cpu(RUN);
        assert_eq!(ran.status, Some(3), "{}", ran.stderr);
        assert_says(&ran.stderr, &[told]);
    }
    assert_eq!(room.results()[1]["converged"], false);
    room.jobs(&[short, with(job("gone", "energy"), json!({"a": "gone.csv"}))]);
    std::fs::remove_file(room.path("results.jsonl")).unwrap();
    assert_eq!(room.cpu(RUN).status, Some(1));
}

#[test]
fn a_file_that_is_no_list_of_jobs_is_refused_whole() {
    let room = Room::with_clouds();
    for (text, parts) in [
        ("", vec!["holds no jobs"]),
        ("{\"id\":\"1\"}\n[1]\n", vec!["line 2", "no JSON object"]),
        ("{\"id\":\"1\"}\n{\"id\":", vec!["line 2", "no JSON object"]),
        (
            "{\"id\":7}\n",
            vec!["line 1: \"id\" is the number 7; write \"7\""],
        ),
        (
            "{\"id\":[\"1\"]}\n",
            vec!["line 1: \"id\" is the list [\"1\"]", "a text of its own"],
        ),
        ("{\"a\":\"1\"}\n", vec!["line 1 has no \"id\""]),
        (
            "{\"id\":\"1\",\"blur\":1,\"blur\":2}\n",
            vec!["line 1", "\"blur\" is there twice"],
        ),
        (
            "\n{\"id\":\"1\"}\n{\"id\":\"1\"}\n",
            vec!["line 3", "line 2", "\"1\""],
        ),
    ] {
        room.write("jobs.jsonl", text);
        assert_says(&error_line(room.cpu(RUN), 2), &parts);
    }
    assert_says(
        &error_line(room.cpu("batch none.jsonl -o results.jsonl"), 2),
        &["none.jsonl"],
    );
    assert_eq!(room.files(), ["a.csv", "b.csv", "jobs.jsonl"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_results_that_cannot_be_written_is_refused_before_the_work() {
    let room = Room::with_clouds();
    room.jobs(&[with(job("1", "sinkhorn"), json!({"potentials": "fg.npz"}))]);
    for (output, parts) in [
        // A folder where no file may be created.
        (
            "/proc/results.jsonl",
            vec!["/proc/results.jsonl", "another --output"],
        ),
        (
            "gone/results.jsonl",
            vec!["gone/results.jsonl", "No such file"],
        ),
        (".", vec!["directory"]),
    ] {
        let line = error_line(room.cpu(&format!("batch jobs.jsonl -o {output}")), 2);
        assert_says(&line, &parts);
    }
    assert_eq!(room.files(), ["a.csv", "b.csv", "jobs.jsonl"]);
    let full = error_line(room.cpu("batch jobs.jsonl -o /dev/full"), 2);
    assert_says(&full, &["/dev/full", "No space left"]);
    let stdout = room.cpu("batch jobs.jsonl -o /dev/stdout --quiet").json(0);
    assert_eq!(stdout["id"], "1");
}

#[test]
fn results_of_others_are_refused_and_left_as_they_are() {
    let room = Room::with_clouds();
    room.jobs(&[job("1", "energy"), job("2", "sinkhorn")]);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let lines: Vec<String> = room
        .read("results.jsonl")
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    let [first, second] = &lines[..] else {
        panic!("{lines:?}");
    };
    for (text, place) in [
        (format!("{first}{second}something else"), "line 3"),
        (format!("{first}something else"), "line 2"),
        (format!("{first}\n{second}"), "line 2"),
        (
            first.replace("\"id\":\"1\"", "\"id\":\"another\""),
            "results of other jobs, and none of these",
        ),
        (first.trim_end().to_owned() + " " + second, "line 1"),
        (without_digest(first), "line 1"),
        (room.read("jobs.jsonl"), "line 1"),
        (room.read("a.csv"), "line 1"),
    ] {
        room.write("results.jsonl", &text);
        let line = error_line(room.cpu(RUN), 2);
        assert_says(
            &line,
            &[
                "results.jsonl",
                place,
                "remove the file, or give another --output",
            ],
        );
        assert_eq!(room.read("results.jsonl"), text);
    }
}

#[test]
fn results_of_a_job_that_has_changed_since_are_not_taken_for_its_own() {
    let room = Room::with_clouds();
    room.csv("c.csv", &spiral(9), 2);
    let gone = with(job("gone", "energy"), json!({"a": "gone.csv"}));
    let second = with(job("2", "energy"), json!({"p": 1.5, "normalize": true}));
    room.jobs(&[gone.clone(), second.clone()]);
    assert_eq!(room.cpu(RUN).status, Some(1));
    let results = room.read("results.jsonl");
    for change in [
        json!({"p": 1.25}),
        json!({"p": null}),
        json!({"normalize": false}),
        json!({"b": "c.csv"}),
        json!({"weights_a": "w.csv"}),
        json!({"command": "divergence"}),
        json!({"device": "auto"}),
    ] {
        room.jobs(&[gone.clone(), with(second.clone(), change)]);
        for dry in ["", " --dry-run"] {
            let line = error_line(room.cpu(&format!("{RUN}{dry}")), 2);
            let remedy = "--retry-changed computes it anew";
            assert_says(
                &line,
                &["results.jsonl: line 2", "\"2\"", "options", remedy],
            );
        }
        assert_eq!(room.read("results.jsonl"), results);
    }
    // So is a failed job, and one that gets its options from the run.
    room.jobs(&[job("gone", "energy"), second.clone()]);
    let remedy = "--retry-failed computes it anew";
    assert_says(
        &error_line(room.cpu(RUN), 2),
        &["line 1", "\"gone\"", remedy],
    );
    room.jobs(&[gone.clone(), second]);
    let precise = room.cpu(&format!("{RUN} --precision f64"));
    assert_says(&error_line(precise, 2), &["line 1", "\"gone\""]);
    // The same job in other words, other jobs after it, and options that change no result.
    let words = r#"{"normalize":true,"b":"b.csv","p":1.50,"blur":null,"a":"a.csv","command":"energy","id":"2"}"#;
    room.write(
        "jobs.jsonl",
        format!("{gone}\n\n{words}\n{}\n", job("3", "energy")),
    );
    assert_eq!(room.cpu(&format!("{RUN} --threads 1")).status, Some(1));
    assert!(room.read("results.jsonl").starts_with(&results));
    assert_eq!(room.results().len(), 3);
}

#[test]
fn two_runs_do_not_write_the_same_file() {
    let room = Room::with_clouds();
    room.jobs(&[job("1", "energy")]);
    let held = File::create(room.path("results.jsonl")).unwrap();
    held.lock().unwrap();
    assert_says(
        &error_line(room.cpu(RUN), 2),
        &["another run", "results.jsonl"],
    );
    drop(held);
    assert_eq!(room.cpu(RUN).status, Some(0));
}

// Independence of the results

#[test]
fn no_digit_depends_on_the_number_of_threads() {
    let room = Room::with_jobs(24);
    // One that runs alone: it has more points than a thread takes.
    for (name, seed) in [("large", 1), ("larger", 2)] {
        room.haul(&format!(
            "sample torus --n 4{seed}00 --seed {seed} -o {name}.npy"
        ));
    }
    let large =
        |command| json!({"id": command, "command": command, "a": "large.npy", "b": "larger.npy"});
    let jobs = room.read("jobs.jsonl");
    room.write(
        "jobs.jsonl",
        format!("{}\n{jobs}{}\n", large("divergence"), large("energy")),
    );
    let results = |threads: usize| {
        let output = format!("of-{threads}.jsonl");
        let ran = room.cpu(&format!("batch jobs.jsonl -o {output} --threads {threads}"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        untimed(&room.read(&output))
    };
    let (one, three) = (results(1), results(3));
    assert_eq!(
        one.matches("1 thread)").count() - three.matches("1 thread)").count(),
        5
    );
    assert_eq!(three.replace("3 threads)", "1 thread)"), one);
    // Another tolerance changes the result.
    room.write(
        "jobs.jsonl",
        jobs.replacen("\"command\"", "\"tolerance\":1e-4,\"command\"", 1),
    );
    assert_ne!(results(2).lines().next(), one.lines().nth(1));
}

#[test]
fn side_by_side_on_a_gpu_jobs_give_the_bytes_of_one_after_the_other() {
    let room = Room::with_jobs(24);
    // If no adapter is named: the device that is chosen by default.
    let adapters = std::env::var("HAUL_TEST_ADAPTERS").unwrap_or_else(|_| "auto".to_owned());
    for adapter in adapters.split(',') {
        let run = |threads: &str, words: &str| -> Ran {
            let mut command = room.command(HAUL);
            command.env("RAYON_NUM_THREADS", threads);
            command.args(["batch", "jobs.jsonl", "--device", adapter, "-o"]);
            command.args(words.split(' ')).output().unwrap().into()
        };
        let plan = run("8", "none.jsonl --dry-run").stdout;
        assert_says(&plan, &["24 on one thread each, 8 at a time; 0 alone"]);
        for threads in ["1", "8"] {
            let ran = run(threads, &format!("{adapter}-{threads}.jsonl"));
            assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        }
        let [one, eight] =
            ["1", "8"].map(|threads| untimed(&room.read(&format!("{adapter}-{threads}.jsonl"))));
        assert_eq!(one, eight);
        let on_adapter = |line: &str| adapter == "auto" || line.contains(adapter);
        assert!(one.lines().count() == 24 && one.lines().all(on_adapter));
    }
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let room = room_of_faults();
    let failing = failing();
    let files = room.files();
    let jobs = failing.iter().enumerate();
    let mut jobs: Vec<_> = jobs
        .map(|(i, (job, ..))| with(job.clone(), json!({"id": format!("wrong {i}")})))
        .collect();
    jobs.push(with(
        job("right", "sinkhorn"),
        json!({"potentials": "fg.npz"}),
    ));
    room.jobs(&jobs);
    let dry = format!("{RUN} --dry-run");
    let ran = room.cpu(&dry);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(1), ""));
    for (i, (_, _, parts)) in failing.iter().enumerate() {
        let told = ran
            .stdout
            .lines()
            .find(|line| line.contains(&format!("wrong {i}: ")));
        assert_says(told.unwrap(), parts);
    }
    assert_says(
        &ran.stdout,
        &["1 on one thread", "estimated time", "Gpairs/s"],
    );
    let mut with_jobs = files;
    with_jobs.push("jobs.jsonl".to_owned());
    with_jobs.sort();
    assert_eq!(room.files(), with_jobs);
    // Existing results are not planned again.
    room.jobs(&[job("1", "energy"), job("2", "divergence")]);
    assert_eq!(room.cpu(RUN).status, Some(0));
    let ran = room.cpu(&dry);
    assert_eq!(ran.status, Some(0));
    assert_says(&ran.stdout, &["2, of which 2 are done", "0 on one thread"]);
}

#[test]
fn a_dry_run_names_the_job_that_takes_much_of_the_time() {
    let room = Room::with_clouds();
    room.csv("large.csv", &spiral(2000), 2);
    let large = with(
        job("a slow one", "sinkhorn"),
        json!({"a": "large.csv", "b": "large.csv"}),
    );
    let small = |id: &str| job(id, "sinkhorn");
    let dry = |jobs: &[Value]| {
        room.jobs(jobs);
        let ran = room.cpu(&format!("{RUN} --dry-run"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    let told = dry(&[small("1"), large.clone(), small("3")]);
    let line = told.lines().find(|line| line.starts_with("longest"));
    assert_says(
        line.unwrap(),
        &[
            "a slow one, 100% of all pairs",
            "\"subsample\"",
            "\"voxel\"",
        ],
    );
    // If no job stands out, none is named.
    let told = dry(&["1", "2", "3", "4"].map(small));
    assert!(told.contains("estimated time") && !told.contains("longest"));
}

//! Studies of ε, and of the number of points.

use crate::fixture::{HAUL, Ran, Room, assert_close, assert_says, error_line, value};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap()
}

#[test]
fn values_go_from_the_product_plan_to_the_exact_one() {
    let room = Room::with_clouds();
    let run =
        "study epsilon a.csv b.csv --steps 6 -o table.csv --image picture.svg --report page.html";
    let result = room.cpu(&format!("{run} --json")).json(0);
    let exact = room.cpu("exact a.csv b.csv --json").json(0);
    assert_eq!(result["exact"]["value"], exact["value"]);
    let energy = room
        .cpu("energy a.csv b.csv --p 2 --precision f64 --json")
        .json(0);
    assert_close(number(&result, "energy"), value(&energy), 1e-12);
    let points = result["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    let limit = number(&result, "product_cost");
    let (first, last) = (&points[0], &points[5]);
    assert_close(number(first, "transport_cost"), limit, 0.05 * limit);
    assert_close(
        number(first, "divergence"),
        number(&result, "energy"),
        0.05 * limit,
    );
    assert_close(number(last, "transport_cost"), value(&exact), 0.05 * limit);
    for pair in points.windows(2) {
        assert!(number(&pair[1], "blur") < number(&pair[0], "blur"));
        assert!(number(&pair[1], "lower_bound") <= number(&pair[0], "upper_bound"));
    }
    // The table has a row for each ε and for both limits, with the numbers of the JSON.
    let table = room.read("table.csv");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 1 + 6 + 2);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{table}");
    assert_eq!((rows[1][0], rows[8][0]), ("inf", "0"));
    let column = |name: &str| rows[0].iter().position(|it| *it == name).unwrap();
    for (row, point) in rows[2..].iter().zip(points) {
        for name in ["value", "transport_cost", "divergence_upper_bound"] {
            assert_eq!(
                row[column(name)].parse::<f64>().unwrap(),
                number(point, name)
            );
        }
    }
    assert_eq!(
        room.files()
            .iter()
            .filter(|it| it.contains("partial"))
            .count(),
        0
    );
    for file in ["picture.svg", "page.html"] {
        let parts = [
            "W_p^p, exact",
            "energy distance",
            "product plan",
            "class=\"band\"",
        ];
        assert_says(&room.read(file), &parts);
    }
    let text = room.cpu("study epsilon a.csv b.csv --steps 3").stdout;
    assert_says(&text, &["OT_ε", "⟨P, C⟩", "S_ε", "∞", "60 points"]);
}

/// Starts a study with a table, and interrupts it when the file beside the table has some lines; returns them.
#[cfg(unix)]
fn interrupted(room: &Room, arguments: &str, table: &str) -> Vec<String> {
    let partial = room.path(&format!("{table}.partial"));
    let lines = || -> Vec<String> {
        let text = std::fs::read_to_string(&partial).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let arguments = format!("{arguments} -o {table} --device cpu");
    let mut command = room.command(HAUL);
    let run = command.args(arguments.split_whitespace());
    let run = run.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = run.spawn().unwrap();
    while lines().len() < 4 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let id = run.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.unwrap().success());
    let ran = Ran::from(run.wait_with_output().unwrap());
    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert_says(&ran.stderr, &["the same command goes on from there"]);
    assert!(!room.path(table).exists());
    lines()
}

#[cfg(unix)]
#[test]
fn a_study_of_epsilon_goes_on_where_it_was_stopped() {
    let room = Room::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        room.haul(&format!("sample ball --n 700 --seed {seed} -o {name}.npy"));
    }
    let run = "study epsilon a.npy b.npy --steps 80 --to 0.02";
    let kept = interrupted(&room, run, "t.csv");
    let result = room.cpu(&format!("{run} -o t.csv --json")).json(0);
    let points = result["points"].as_array().unwrap();
    assert_eq!(points.len(), 80);
    assert!(kept.len() < 80, "nothing was left to do");
    // The first line names the file, the second has the limits.
    for (line, point) in kept[2..].iter().zip(points) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(&line["point"], point);
    }
    assert!(room.path("t.csv").exists() && !room.path("t.csv.partial").exists());
    // Other settings have results of their own, and another file is no such file.
    room.write("t.csv.partial", kept.join("\n") + "\n");
    let other = room.cpu("study epsilon a.npy b.npy --steps 2 --p 1 -o t.csv --json");
    assert_eq!(other.json(0)["points"].as_array().unwrap().len(), 2);
    assert_eq!(room.read("t.csv.partial").lines().count(), kept.len());
    room.write("t.csv.partial", "something else\n");
    let told = error_line(room.cpu(&format!("{run} -o t.csv")), 2);
    assert_says(&told, &["t.csv.partial", "move it"]);
}

#[cfg(unix)]
#[test]
fn a_study_of_samples_goes_on_where_it_was_stopped() {
    let room = Room::new();
    let run = "study samples --dimensions 2 --points 16,64 --trials 400";
    let kept = interrupted(&room, run, "s.csv");
    assert!(kept.len() < 800, "nothing was left to do");
    let result = room.cpu(&format!("{run} -o s.csv --json")).json(0);
    assert!(room.path("s.csv").exists() && !room.path("s.csv.partial").exists());
    // The means are those of a run that nobody stopped.
    assert_eq!(
        result["means"],
        room.cpu(&format!("{run} --json")).json(0)["means"]
    );
}

#[test]
fn slopes_of_samples_are_those_of_the_trials_and_trials_are_kept() {
    let room = Room::new();
    let run = "study samples --dimensions 1,2 --points 8,16,32 --trials 3 --seed 5";
    let result = room
        .cpu(&format!(
            "{run} -o s.csv --image s.svg --report s.html --json"
        ))
        .json(0);
    let (means, slopes) = (
        result["means"].as_array().unwrap(),
        result["slopes"].as_array().unwrap(),
    );
    assert_eq!((means.len(), slopes.len()), (2 * 3 * 3, 2 * 3));
    let table = room.read("s.csv");
    assert_eq!(table.lines().count(), 1 + means.len());
    assert_says(
        &table,
        &[
            "d,n,loss,blur,mean,standard_error,trials",
            "2,32,wasserstein,",
        ],
    );
    for slope in slopes {
        let theory = number(slope, "theory");
        assert_eq!(theory, -0.5);
        assert!(number(slope, "exponent") < 0.0, "{slope}");
        assert!(number(slope, "standard_error") > 0.0, "{slope}");
    }
    // Other lists share their trials, in any order.
    let more = "study samples --dimensions 2 --points 32,8 --trials 3 --seed 5 --json";
    let fewer = room.cpu(more).json(0);
    let of = |result: &Value, n: u64| {
        let means = result["means"].as_array().unwrap().clone();
        let mut means = means.into_iter().filter(|it| it["d"] == 2 && it["n"] == n);
        number(&means.next().unwrap(), "mean")
    };
    for n in [8, 32] {
        assert_eq!(of(&fewer, n), of(&result, n));
    }
    let other = room.cpu(&more.replace("--seed 5", "--seed 6")).json(0);
    assert_ne!(of(&other, 8), of(&result, 8));
    assert_says(
        &room.read("s.html"),
        &["The slopes", "√S_ε", "n^(-1/2)", "<svg"],
    );
    assert_says(&room.read("s.svg"), &["d = 1", "d = 2", "class=\"bounds\""]);
    for (arguments, parts) in [
        ("--points 8", &["--points has one number"][..]),
        ("--points 8,8", &["--points has 8 twice"]),
        ("--points 8,16 --p 3", &["--p is 3", "from 1 to 2"]),
        ("--points 8,16 --blur 0", &["--blur is 0"]),
        ("--points 8,16 --blur 0.1,0.1", &["--blur has 0.1 twice"]),
    ] {
        let told = error_line(room.cpu(&format!("study samples {arguments}")), 2);
        assert_says(&told, parts);
    }
}

#[test]
fn the_divergence_of_samples_grows_as_the_blur_falls() {
    let room = Room::new();
    let run = "study samples --dimensions 5 --points 64,256 --trials 3 --blur 0.3,0.6";
    let result = room
        .cpu(&format!("{run} -o s.csv --report s.html --json"))
        .json(0);
    let slopes = result["blur_slopes"].as_array().unwrap();
    assert_eq!(slopes.len(), 2);
    for slope in slopes {
        assert_eq!(number(slope, "theory"), -1.5);
        let (exponent, error) = (number(slope, "exponent"), number(slope, "standard_error"));
        assert!(exponent < -5.0 * error, "{slope}");
    }
    assert_says(
        &room.read("s.csv"),
        &["5,64,divergence,0.3,", "5,64,energy,,"],
    );
    assert_says(&room.read("s.html"), &["Exponents of the blur", "σ^(-1.5)"]);
    let told = room.cpu(run).stdout;
    assert_says(&told, &["√S_ε, σ = 0.6", "slope in σ"]);
}

#[test]
fn studies_are_jobs_and_their_help_lists_the_keys_that_are_printed() {
    let room = Room::with_clouds();
    room.write(
        "jobs.jsonl",
        "{\"id\": \"e\", \"command\": \"study epsilon\", \"a\": \"a.csv\", \"b\": \"b.csv\", \"steps\": 3}\n\
         {\"id\": \"s\", \"command\": \"study samples\", \"points\": [8, 16], \"dimensions\": [2], \"trials\": 2}\n",
    );
    let ran = room.cpu("batch jobs.jsonl -o results.jsonl --quiet");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for (line, command) in room
        .read("results.jsonl")
        .lines()
        .zip(["study epsilon", "study samples"])
    {
        let result: Value = serde_json::from_str(line).unwrap();
        assert_eq!(result["command"], command, "{line}");
        let mut printed: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
        printed.retain(|key| !["id", "job", "input", "quantity", "modified"].contains(&&**key));
        printed.sort();
        let mut listed = crate::listed_keys(&room.haul(&format!("{command} --help")).stdout);
        // The keys of the objects in lists are told beside them.
        listed.retain(|key| printed.contains(key));
        listed.dedup();
        assert_eq!(listed, printed, "{command}");
    }
}

//! Messages: short for any input, with few digits, and advice that works.

use crate::fixture::{Room, assert_says, error_line, ring, spiral};
use serde_json::{Value, json};

/// Bound on the length of a line, without the words before it.
const MOST: usize = 2100;

#[track_caller]
fn assert_short(text: &str) {
    for line in text.lines() {
        let start: String = line.chars().take(200).collect();
        assert!(line.len() <= MOST, "{} bytes: {start}", line.len());
    }
}

#[test]
fn no_message_is_long_whatever_the_input() {
    let room = Room::with_clouds();
    let long = "very".repeat(30_000);
    let names: Vec<_> = (0..20_000).map(|k| format!("gene {k}")).collect();
    let row = |last: &str| format!("{},{last}\n", vec!["0.5"; names.len()].join(","));
    let header = format!("{},type\n", names.join(","));
    room.write("genes.csv", header + &row("a cell") + &row("another"));
    for line in [
        "divergence genes.csv genes.csv".to_owned(),
        "divergence genes.csv genes.csv --columns gene".to_owned(),
        "info genes.csv --weight-column none".to_owned(),
        format!("divergence a.csv {long}.csv"),
        format!("divergence a.csv b.csv --blur {}", &long[..100_000]),
        format!("divergence a.csv b.csv --{}", &long[..100_000]),
        format!("divergence a.csv b.csv --columns {}", &long[..100_000]),
        format!("{} a.csv b.csv", &long[..100_000]),
        format!("energy a.csv b.csv --device {}", &long[..100_000]),
    ] {
        let start: String = line.chars().take(60).collect();
        for words in [line.clone(), format!("{line} --verbose")] {
            let ran = room.haul(&words);
            assert!(![Some(0), None].contains(&ran.status), "{start}");
            assert_short(&ran.stderr);
        }
    }
    // In results, in a plan and on a page as well.
    let job = |id: &str, options: Value| {
        let mut job = json!({"id": id, "command": "divergence", "a": "a.csv", "b": "genes.csv"});
        job.as_object_mut()
            .unwrap()
            .extend(options.as_object().unwrap().clone());
        format!("{job}\n")
    };
    let jobs = [
        job("1", json!({})),
        job("2", json!({"b": long})),
        job("3", json!({(&*long): 1})),
        job("4", json!({"blur": long})),
        job("5", json!({"blur": [long]})),
        job("6", json!({"command": long})),
        job("7", json!({"columns": names})),
    ];
    room.write("jobs.jsonl", jobs.concat());
    let run = "batch jobs.jsonl -o results.jsonl --device cpu";
    let dry = room.haul(&format!("{run} --dry-run"));
    assert_eq!(dry.status, Some(1));
    assert_short(&dry.stdout);
    assert_eq!(
        room.haul(&format!("{run} --report page.html")).status,
        Some(1)
    );
    let results = room.read("results.jsonl");
    assert_short(&results);
    assert_eq!(results.matches("\"error\"").count(), jobs.len());
    let page = room.read("page.html");
    let (_, failed) = page.split_once("Failed jobs").unwrap();
    for cell in failed
        .split_once("</table>")
        .unwrap()
        .0
        .split("<td>")
        .skip(1)
    {
        assert!(cell.len() < MOST, "{}", cell.len());
    }
    // A line from an earlier run is shortened as well.
    let left = json!({"id": "1", "job": "x", "error": {"kind": "input", "message": long}});
    room.write("results.jsonl", format!("{left}\n"));
    assert_short(&room.haul(run).stderr);
}

#[test]
fn numbers_are_written_as_people_write_them() {
    let room = Room::with_clouds();
    for (line, parts) in [
        (
            "--reach 1e-300",
            &["--reach is 1e-300", "its power p is 0 or infinite"][..],
        ),
        (
            "--reach 1e200",
            &["--reach is 1e200", "its power p is 0 or infinite"],
        ),
        ("--rho=-1e-300", &["--rho is -1e-300", "above 0"]),
        (
            "--blur 1e-300",
            &["--blur is 1e-300", "its power p is 0 or infinite"],
        ),
        (
            "--blur 1e200",
            &["--blur is 1e200", "its power p is 0 or infinite"],
        ),
        ("--blur inf", &["--blur is inf", "a finite number above 0"]),
        ("--epsilon=-1e-300", &["--epsilon is -1e-300", "above 0"]),
        ("--tolerance 1e-300", &["the tolerance 1e-300 is below"]),
        (
            "--voxel 1e-300",
            &["--voxel is 1e-300", "choose larger cells"],
        ),
        ("--voxel=-1e300", &["--voxel is -1e300"]),
        ("--mass-unit 1e-310", &["mass-unit", "positive"]),
        ("--max-iterations -1", &["--max-iterations", "at least 1"]),
        ("--max-iterations 1.5", &["'1.5'", "a whole number"]),
        ("--max-iterations 1e300", &["at most"]),
        (
            "--subsample 9 --seed -1",
            &["'-1' for '--seed", "at least 0"],
        ),
        ("--subsample 0", &["--subsample", "at least 1"]),
        ("--threads 70000", &["--threads", "at most 65535"]),
    ] {
        let ran = room.cpu(&format!("sinkhorn a.csv b.csv {line}"));
        let digits = |text: &str| {
            let runs = text.split(|letter: char| !letter.is_ascii_digit());
            runs.map(str::len).max().unwrap_or(0)
        };
        assert!(digits(&ran.stderr) < 20, "{line}: {}", ran.stderr);
        assert!(digits(&ran.stdout) < 20, "{line}: {}", ran.stdout);
        assert_says(&ran.stderr, parts);
        assert!(!ran.stderr.contains("tip:"), "{}", ran.stderr);
    }
    // Values that are computed, or refused, at the ends of the range; the user gave none of these numbers.
    room.csv(
        "tiny.csv",
        &spiral(20).iter().map(|x| 1e-9 * x).collect::<Vec<_>>(),
        2,
    );
    for (a, line) in [
        ("a.csv", "--epsilon 1e308"),
        ("tiny.csv", "--epsilon 1e308"),
        ("tiny.csv", "--rho 1e308 --epsilon 1e-20"),
        ("a.csv", "--p 1e-300"),
        ("a.csv", "--p 1e-4 --epsilon 2"),
        ("a.csv", "--epsilon 1e-300"),
    ] {
        let told = room.cpu(&format!("sinkhorn {a} {a} {line}")).stderr;
        assert!(
            !told.contains("inf;") && !told.contains("be off by inf"),
            "{told}"
        );
        assert!(!told.contains("000000000000"), "{told}");
    }
    // Counts may be written as any number that is an integer.
    let run = |words: &str| {
        room.cpu(&format!("sinkhorn a.csv b.csv --json {words}"))
            .stdout
    };
    let value = |words: &str| serde_json::from_str::<Value>(&run(words)).unwrap()["value"].clone();
    assert_eq!(
        value("--subsample 30.0 --seed 7 --max-iterations 1e3"),
        value("--subsample 30 --seed 7.0 --max-iterations 1000")
    );
    assert_ne!(
        value("--subsample 30 --seed 7"),
        value("--subsample 30 --seed 8")
    );
}

/// The text after some words, up to the next space or punctuation mark.
#[track_caller]
fn behind(text: &str, words: &str) -> String {
    assert!(text.contains(words), "{text} lacks {words}");
    let (_, rest) = text.split_once(words).unwrap();
    let end = rest.find([' ', ';', ',', '\n', ':']).unwrap_or(rest.len());
    rest[..end].to_owned()
}

#[test]
fn a_tolerance_that_is_advised_is_taken() {
    let room = Room::with_clouds();
    for precision in ["f32", "f64"] {
        let least = if precision == "f32" { 1e-5 } else { 1e-13 };
        let mut advised = 0;
        for step in 0..12 {
            let epsilon = least * 1.37_f64.powi(step);
            let line = format!(
                "sinkhorn a.csv b.csv --epsilon {epsilon:e} --precision {precision} --max-iterations 1 -q"
            );
            let told = error_line(room.cpu(&format!("{line} --tolerance 1e-15")), 2);
            assert_eq!(told.contains("use f64"), precision == "f32", "{told}");
            if told.contains("no digit left") {
                continue;
            }
            let tolerance = behind(&told, "a tolerance of at least ");
            let ran = room.cpu(&format!("{line} --tolerance {tolerance}"));
            // It is not refused; one iteration may or may not be enough.
            assert!(
                [Some(0), Some(3)].contains(&ran.status),
                "{told} {}",
                ran.stderr
            );
            let below = format!("{:e}", 0.8 * tolerance.parse::<f64>().unwrap());
            assert_eq!(
                room.cpu(&format!("{line} --tolerance {below}")).status,
                Some(2)
            );
            advised += 1;
        }
        assert!(advised > 3);
    }
}

#[test]
fn what_is_advised_works() {
    let room = Room::with_clouds();
    let weigh = |name: &str, points: &[f64], each: f64| {
        let rows = crate::fixture::rows(points, 2, ",");
        let rows = rows.lines().map(|row| format!("{row},{each}\n"));
        room.write(name, format!("x,y,weight\n{}", rows.collect::<String>()));
    };
    weigh("heavy.csv", &spiral(60), 1e200);
    weigh("light.csv", &ring(50), 1.0);
    let copy = room.read("a.csv").replacen("0,0\n", "0,0.0000001\n", 1);
    room.write("near.csv", copy);
    let status = |line: &str| room.cpu(line).status;
    // A command line, words of its message, and lines that follow its advice.
    for (line, parts, followed) in [
        (
            "sinkhorn light.csv b.csv",
            &["--normalize", "--reach", "--rho"][..],
            &[
                "sinkhorn light.csv b.csv --normalize",
                "sinkhorn light.csv b.csv --reach 1",
                "sinkhorn light.csv b.csv --rho 1",
                "sinkhorn light.csv b.csv --rho-a 1",
            ][..],
        ),
        (
            "sinkhorn a.csv b.csv --epsilon 1e-9 --precision f32",
            &["no digit left", "use f64 or a larger ε"],
            &[
                "sinkhorn a.csv b.csv --epsilon 1e-9 --precision f64 --max-iterations 1 --tolerance 1e-2",
                "sinkhorn a.csv b.csv --epsilon 1e-2 --precision f32",
            ],
        ),
        (
            "sinkhorn a.csv b.csv --epsilon 1e-30 --precision f64",
            &["f64 has no digit left", "use a larger ε"],
            &["sinkhorn a.csv b.csv --epsilon 1e-2 --precision f64"],
        ),
        (
            "sinkhorn a.csv b.csv --epsilon -1e-3",
            &["write a negative number behind =, as in --option=-1"],
            &[],
        ),
        (
            "energy a.csv b.csv --kernel gaussian",
            &["give it with --blur"],
            &["energy a.csv b.csv --kernel gaussian --blur 1"],
        ),
        (
            "sinkhorn a.csv b.csv --precision f64 --device gpu",
            &["use --device cpu with --precision f64"],
            &["sinkhorn a.csv b.csv --precision f64"],
        ),
        (
            "sinkhorn a.csv b.csv --max-iterations 1 --tolerance 1e-6",
            &["raise --max-iterations, --blur or --tolerance"],
            &[
                "sinkhorn a.csv b.csv --max-iterations 1000 --tolerance 1e-6",
                "sinkhorn a.csv b.csv --max-iterations 1 --tolerance 1",
            ],
        ),
        (
            "energy a.csv near.csv --precision f32",
            &["within its rounding", "use --precision f64"],
            &["energy a.csv near.csv --precision f64"],
        ),
    ] {
        let device = if line.contains("--device") {
            ""
        } else {
            " --device cpu"
        };
        let ran = room.haul(&format!("{line}{device}"));
        assert_says(&ran.stderr, parts);
        for line in followed {
            let status = status(line);
            let allowed = line.contains("--max-iterations 1 --tolerance 1e-2");
            assert!(
                status == Some(0) || (allowed && status == Some(3)),
                "{line}: {status:?}"
            );
            let again = room.cpu(line).stderr;
            let advice = parts[parts.len() - 1];
            assert!(!again.contains(advice), "{line}: {again}");
        }
    }
    // A unit of mass, which may be any number.
    for (a, b) in [("heavy.csv", "heavy.csv"), ("light.csv", "b.csv")] {
        let line = format!("sinkhorn {a} {b} --blur 0.2 --reach 0.5");
        let told = room.cpu(&format!("{line} --max-iterations 1")).stderr;
        if told.contains("--mass-unit") {
            let unit = behind(&told, "--mass-unit ");
            let ran = room.cpu(&format!("{line} --mass-unit {unit}"));
            assert_eq!(ran.status, Some(0), "{told} {}", ran.stderr);
            assert!(!ran.stderr.contains("--mass-unit"), "{}", ran.stderr);
        }
    }
    let unequal = room.cpu("divergence a.csv b.csv --blur 0.2 --rho-a 2 --rho-b 0.5");
    assert_says(
        &unequal.stderr,
        &["penalties of both sides differ", "change places"],
    );
    let quiet = room.cpu("divergence a.csv b.csv --blur 0.2 --rho-a 2 --rho-b 0.5 -q");
    assert_eq!(quiet.stderr, "");
    assert_eq!(
        room.cpu("divergence a.csv b.csv --blur 0.2 --rho 2").stderr,
        ""
    );
}

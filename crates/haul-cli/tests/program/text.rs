//! Results as text for a person: the answer first, with the digits that its certificate supports.

use crate::fixture::{Room, assert_says, ring, spiral};
use serde_json::Value;

/// The numbers of a text after some words, in order.
#[track_caller]
fn numbers_behind(text: &str, words: &str) -> Vec<String> {
    let mut lines = text.lines().filter(|line| line.starts_with(words));
    let line = lines.next().unwrap_or_default();
    assert!(!line.is_empty(), "no line begins with {words}: {text}");
    let pieces = line[words.len()..].split([' ', ',', ';', '(', ')']);
    let numbers = pieces.filter(|piece| piece.parse::<f64>().is_ok());
    numbers.map(str::to_owned).collect()
}

fn parsed(number: &str) -> f64 {
    number.parse().unwrap()
}

/// Significant digits, including trailing zeros.
fn digits(number: &str) -> usize {
    let mantissa = number.split('e').next().unwrap();
    let mantissa = mantissa.trim_start_matches(['-', '0', '.']);
    mantissa.chars().filter(char::is_ascii_digit).count()
}

/// A room with two samples of a cube, and one of a distant cube.
fn samples() -> Room {
    let room = Room::new();
    for (name, seed) in [("a", 1), ("same", 2), ("there", 3)] {
        let line = format!("sample cube --n 400 --seed {seed} -o {name}.csv");
        assert_eq!(room.haul(&line).status, Some(0));
    }
    let far = room.numbers("there.csv");
    let far = far.chunks(3).flat_map(|x| [x[0] + 3.0, x[1], x[2]]);
    room.csv("far.csv", &far.collect::<Vec<_>>(), 3);
    room
}

#[test]
fn each_command_opens_with_its_answer() {
    let room = samples();
    for (line, opening, parts) in [
        (
            "divergence a.csv far.csv",
            "distance        ",
            &["= √S_ε (between ", "of the diameter", "\nS_ε "][..],
        ),
        (
            "sinkhorn a.csv far.csv",
            "distance        ",
            &[
                " to ",
                "= W_2 without the entropy, ",
                "of the diameter",
                "\nOT_ε ",
            ],
        ),
        (
            "map a.csv far.csv -o moved.csv",
            "displacement    ",
            &[
                " on average, ",
                " at most",
                "of the diameter",
                "\nwritten         moved.csv\n",
            ],
        ),
        (
            "energy a.csv far.csv",
            "energy          ",
            &[" (between ", "\nE "],
        ),
        (
            "energy a.csv far.csv --kernel gaussian --blur 1",
            "MMD²            ",
            &[" (between ", "\nK "],
        ),
        (
            "divergence a.csv far.csv --reach 1",
            "S_ε             ",
            &[" (between ", "\nmass moved "],
        ),
        (
            "sinkhorn a.csv far.csv --reach 1",
            "mass moved      ",
            &[" of 1 and 1", "\nOT_ε "],
        ),
    ] {
        let ran = room.cpu(&format!("{line} -q --report page.html"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.starts_with(opening), "{line}: {}", ran.stdout);
        assert_says(&ran.stdout, parts);
        // The page starts with the same words.
        let first = ran.stdout.lines().next().unwrap();
        let words = first.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = room.read("page.html");
        let (_, opening) = page.split_once("<p class=\"value\">").unwrap();
        let paragraphs: Vec<_> = opening.split("</p>").take(2).collect();
        let told = paragraphs.join(" ").replace("<span class=\"name\">", "");
        let told = told.replace("</span>", "").replace("<p>", "");
        assert!(
            told.starts_with(&words),
            "{told} does not begin with {words}"
        );
    }
    let part = room.cpu("map a.csv far.csv -o part.csv --t 0.25 -q").stdout;
    assert_says(&part, &["The points go 25% of that way."]);
}

#[test]
fn a_value_is_told_with_whether_sampling_explains_it() {
    let room = samples();
    let told = |line: &str| {
        let ran = room.cpu(line);
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    for command in ["divergence", "energy"] {
        for p in ["", "--p 1"] {
            let second = |files: &str| {
                let told = told(&format!("{command} {files} {p}"));
                told.lines().nth(1).unwrap().trim().to_owned()
            };
            let same = second("a.csv same.csv");
            assert_says(
                &same,
                &[
                    "Sampling alone may explain it: ",
                    "19 times, the points of both differ by ",
                ],
            );
            assert_says(
                &second("a.csv far.csv"),
                &["It is more than sampling explains: "],
            );
            assert_eq!(
                second("a.csv a.csv"),
                "The clouds are equal: the same points with the same weights."
            );
        }
        // Who does not read the sentence does not wait for it.
        assert!(!told(&format!("{command} a.csv same.csv -q")).contains("ampling"));
        // A few points are no sample.
        room.csv("few.csv", &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 3);
        assert!(!told(&format!("{command} a.csv few.csv")).contains("ampling"));
    }
    // In ten dimensions points of one law are far apart for their spacing, and on a line near.
    let column = |name: &str| -> Vec<f64> {
        let points = room.numbers(name);
        points.chunks(3).map(|x| x[0]).collect()
    };
    room.csv("x.csv", &column("a.csv"), 1);
    room.csv("y.csv", &column("same.csv"), 1);
    assert_says(
        &told("divergence x.csv y.csv"),
        &["Sampling alone may explain it"],
    );
    for command in ["sinkhorn", "map"] {
        let output = if command == "map" { "-o moved.csv" } else { "" };
        assert_says(
            &told(&format!("{command} a.csv a.csv {output}")),
            &["The clouds are equal"],
        );
    }
    let unbalanced = told("divergence a.csv far.csv --reach 1");
    assert!(!unbalanced.contains("ampling"), "{unbalanced}");
}

#[test]
fn clouds_that_differ_by_their_places_are_told_to_be_aligned() {
    let room = samples();
    let told = |line: &str| room.cpu(line).stdout;
    for line in ["divergence a.csv far.csv", "map a.csv far.csv -o moved.csv"] {
        let told = told(line);
        let centres = told.lines().find(|line| line.starts_with("centres"));
        assert_says(centres.expect(line), &["haul align", "apart"]);
    }
    for line in [
        "divergence a.csv same.csv",
        "divergence a.csv far.csv --p 1",
        "map a.csv same.csv -o moved.csv",
    ] {
        assert!(!told(line).contains("centres"), "{line}");
    }
}

#[test]
fn a_transport_cost_has_the_digits_that_the_marginals_support() {
    let room = samples();
    let shown = |tolerance: &str| {
        let told = room.cpu(&format!(
            "sinkhorn a.csv same.csv --tolerance {tolerance} --precision f64 -q"
        ));
        numbers_behind(&told.stdout, "transport cost")[0].clone()
    };
    let (rough, fine) = (shown("0.1"), shown("1e-6"));
    assert!(digits(&rough) < digits(&fine), "{rough} {fine}");
    assert!(
        (parsed(&rough) / parsed(&fine) - 1.0).abs() < 0.2,
        "{rough} {fine}"
    );
}

#[test]
fn what_was_written_is_told_with_its_accuracy() {
    let room = Room::with_clouds();
    let line = "sinkhorn a.csv b.csv --blur 0.1 --plan plan.csv --gradient g.npy";
    let told = room.cpu(&format!("{line} -q")).stdout;
    assert_says(
        &told,
        &[
            "plan            plan.csv, the 10 largest entries of each row: ",
            "% of the mass",
            "gradient        g.npy; its relative error is about that of the marginals, ",
        ],
    );
    assert_eq!(room.read("plan.csv").lines().count(), 1 + 60 * 10);
    let all = room.cpu(&format!("{line} --plan-topk 50 -q")).stdout;
    assert_says(&all, &["plan            plan.csv, all entries"]);
    let told = room
        .cpu("divergence a.csv b.csv --gradient-weights w.npy -q")
        .stdout;
    assert_says(
        &told,
        &["gradient        w.npy; its relative error is about that of the marginals, "],
    );
}

#[test]
fn a_printed_interval_holds_that_of_the_json_with_the_digits_that_it_supports() {
    let room = Room::with_clouds();
    // A cloud and a copy that is moved very little: the bounds are wide relative to the value.
    let moved: Vec<f64> = spiral(60).iter().map(|x| x + 0.001).collect();
    room.csv("moved.csv", &moved, 2);
    room.csv("ring.csv", &ring(40), 2);
    for (files, tolerance) in [
        ("a.csv moved.csv", "1e-3"),
        ("a.csv moved.csv", "1e-7"),
        ("a.csv b.csv", "1e-1"),
        ("a.csv b.csv", "1e-5"),
        ("ring.csv b.csv", "1e-3"),
        ("a.csv a.csv", "1e-3"),
    ] {
        for (command, name) in [("divergence", "S_ε"), ("sinkhorn", "OT_ε")] {
            let line = format!("{command} {files} --blur 0.2 --tolerance {tolerance} -q");
            let json: Value = room.cpu(&format!("{line} --json")).json(0);
            let [value, lower, upper] = [
                "/value",
                "/certificate/lower_bound",
                "/certificate/upper_bound",
            ]
            .map(|key| json.pointer(key).and_then(Value::as_f64).unwrap());
            let told = room.cpu(&line).stdout;
            let numbers = numbers_behind(&told, name);
            let [shown, low, high] = [0, 1, 2].map(|k| parsed(&numbers[k]));
            assert!(low <= lower && upper <= high, "{told} {json}");
            assert!(low <= shown && shown <= high, "{told}");
            // Twice the half width of the interval changes the second digit from the end.
            let off = (value - lower).max(upper - value);
            let meant = (shown.abs() / off).log10().max(0.0).ceil() as usize + 2;
            assert!(
                digits(&numbers[0]) <= meant,
                "{told}: {meant} digits are known"
            );
            assert!(command == "sinkhorn" || low >= 0.0, "{told}");
        }
    }
    // Control: eight digits of the first of them are more than is known.
    assert!(digits("2.5612345e-6") > 3);
}

#[test]
fn zeros_and_powers_of_ten_have_one_style() {
    let room = Room::with_clouds();
    for line in [
        "divergence a.csv a.csv --blur 0.2",
        "divergence a.csv b.csv --blur 0.2 --tolerance 1e-5",
        "sinkhorn a.csv b.csv --blur 0.2 --tolerance 1",
        "sinkhorn a.csv b.csv --blur 0.2 --reach 1",
        "energy a.csv a.csv",
        "pairwise a.csv b.csv -o d.csv",
        "info a.csv b.csv",
    ] {
        let ran = if line.starts_with("info") {
            room.haul(line)
        } else {
            room.cpu(line)
        };
        let told = ran.stdout;
        for word in told.split([' ', ',', ';', '\n']) {
            let bad = word.ends_with("e0") && word.starts_with(|it: char| it.is_ascii_digit());
            let zeros = word.parse::<f64>() == Ok(0.0) && word != "0";
            assert!(!bad && !zeros && word != "-0", "{word} in {told}");
        }
        assert!(!told.is_empty(), "{line}");
    }
}

#[test]
fn help_is_in_groups_and_states_the_defaults_of_its_command() {
    let room = Room::new();
    let help = |command: &str| room.haul(&format!("{command} --help")).stdout;
    // The text of a group, up to the next heading.
    let group = |help: &str, name: &str| -> String {
        let (_, rest) = help.split_once(&format!("\n{name}:\n")).expect(name);
        let lines = rest
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with(' '));
        lines.collect::<Vec<_>>().join("\n")
    };
    for command in ["sinkhorn", "divergence", "map", "pairwise"] {
        let help = help(command);
        for (name, options) in [
            ("Input", &["--columns", "--normalize", "--voxel"][..]),
            (
                "Regularisation",
                &["--blur", "--epsilon", "--reach", "--p "],
            ),
            ("Iteration", &["--tolerance", "--max-iterations", "--form"]),
            ("Device", &["--device", "--precision", "--threads"]),
            ("Output", &["--json", "--quiet"]),
        ] {
            assert_says(&group(&help, name), options);
        }
        let rest = group(&help, "Options");
        for option in ["--blur", "--columns", "--device", "--json", "--output"] {
            assert!(!rest.contains(option), "{command}: {rest}");
        }
    }
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let digits = "f64 where f32 has too few digits";
    assert_says(
        &spaced(&help("sinkhorn")),
        &[digits, "box around both clouds", "[default: 2]"],
    );
    let pairwise = spaced(&help("pairwise"));
    assert_says(
        &pairwise,
        &[
            "box around all clouds",
            "[default: 2; 1 with --loss energy or wmd]",
        ],
    );
    for command in ["energy", "demo", "bench softmin"] {
        let help = spaced(&help(command));
        assert!(
            help.contains("f64 runs on the CPU [default: f32]"),
            "{help}"
        );
        assert!(!help.contains(digits), "{help}");
    }
}

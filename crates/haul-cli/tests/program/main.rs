//! The program as a user sees it: files in, one result out, an exit status, and on failure one line that says what is
//! wrong. Every test works in its own folder, on files that it makes.

#![allow(clippy::unwrap_used)] // the fixtures, outside of any test, unwrap as well

mod align;
#[cfg(feature = "h5ad")]
mod anndata;
mod barycenter;
mod batch;
mod checkpoint;
mod colour;
mod coordinates;
mod devices;
mod dictionary;
mod exact;
mod files;
mod fixture;
mod flow;
mod gromov;
mod groups;
mod guide;
mod images;
#[cfg(all(feature = "arrow", feature = "parquet"))]
mod lists;
mod long;
mod map;
mod messages;
mod page;
mod pairwise;
mod quantize;
#[cfg(feature = "e57")]
mod scans;
#[cfg(feature = "gltf")]
mod scenes;
mod study;
mod tables;
mod text;
mod tips;
mod volumes;
mod words;

use fixture::{Ran, Room, assert_close, assert_says, dense, disc, error_line, ring, spiral, value};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

// The demo

#[test]
fn the_demo_draws_keeps_its_clouds_and_its_next_step_works() {
    let room = Room::new();
    let demo = room.shell("haul demo --out 'my demo' --device cpu");
    assert_eq!(demo.status, Some(0), "{}", demo.stderr);
    for part in ["OT_ε", "transport cost", "my demo/transport.svg"] {
        assert_says(&demo.stdout, &[part]);
    }
    assert_says(&room.read("my demo/transport.svg"), &["<svg"]);
    let next = demo
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("now try"));
    let ran = room.shell(&format!("{} --device cpu", next.unwrap().trim()));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert_says(&ran.stdout, &["my demo/source.csv", "1500 points"]);
}

#[test]
fn json_has_every_key_of_the_contract() {
    let room = Room::new();
    let result = room.cpu("demo --json").json(0);
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(
        keys(&result).join(" "),
        "command a b n m d p epsilon blur rho_a rho_b value regularized_cost transport_cost dual kl \
         mass certificate converged iterations stages softmin_passes pairs kept dropped \
         levels distance_bytes seconds device precision"
    );
    assert_eq!(
        keys(&result["certificate"]).join(" "),
        "marginal_error_a marginal_error_b lower_bound upper_bound gap \
         wasserstein_lower_bound wasserstein_upper_bound precision_floor"
    );
    // A value that is not finite would be null.
    let nulls: Vec<_> = keys(&result)
        .into_iter()
        .filter(|key| result[key].is_null())
        .collect();
    assert_eq!(nulls, ["rho_a", "rho_b"]);
    assert!(
        result["certificate"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_f64)
    );
    assert_eq!(
        (&result["command"], &result["p"], &result["n"]),
        (&"demo".into(), &2.into(), &1500.into())
    );
}

/// The keys that the help of a command lists: what stands in its table of keys before two spaces, without brackets.
fn listed_keys(help: &str) -> Vec<String> {
    let (_, table) = help.split_once("Keys of --json").unwrap();
    let (_, table) = table.split_once('\n').unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty());
    let names = rows.filter_map(|row| row.trim_start().split("  ").next());
    let words = names.flat_map(|names| names.split([' ', '[', ']']));
    let mut keys: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    keys.sort();
    keys
}

#[test]
fn the_help_lists_the_keys_that_are_printed() {
    let room = Room::with_clouds();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let result = room.cpu("sinkhorn a.csv b.csv --exact --json").json(0);
    let mut printed = [keys(&result), keys(&result["certificate"])].concat();
    printed.sort();
    assert_eq!(listed_keys(&room.haul("sinkhorn --help").stdout), printed);

    let help = room.haul("divergence --help").stdout;
    let result = room.cpu("divergence a.csv b.csv --exact --json").json(0);
    let mut printed = keys(&result);
    printed.sort();
    assert_eq!(listed_keys(&help), printed);
    for (key, listed) in [
        (
            "certificate",
            "lower_bound, upper_bound, gap, precision_floor",
        ),
        ("distance_bounds", "lower, upper"),
        ("terms", "ab, aa, bb"),
    ] {
        assert_eq!(keys(&result[key]).join(", "), listed);
        assert_says(&help, &[&format!("an object: {listed}")]);
    }
    // Those in brackets are of transport that moves all mass.
    let unbalanced = room.cpu("divergence a.csv b.csv --reach 1 --json").json(0);
    assert_eq!(keys(&unbalanced).len() + 3, printed.len());
    let unbalanced = room.cpu("sinkhorn a.csv b.csv --reach 1 --json").json(0);
    assert!(
        unbalanced["certificate"]
            .get("wasserstein_lower_bound")
            .is_none()
    );
}

#[test]
fn a_divergence_is_told_as_a_length_as_well() {
    let room = Room::with_clouds();
    let moved: Vec<f64> = spiral(60)
        .chunks(2)
        .flat_map(|p| [p[0] + 0.3, p[1] - 0.4])
        .collect();
    room.csv("moved.csv", &moved, 2);
    for (options, mass) in [("", 1.0), ("--p 1", 1.0), ("--p 1.5", 1.0), ("", 60.0)] {
        let weigh = |name: &str, points: &[f64]| {
            let rows = fixture::rows(points, 2, ",");
            let rows = rows.lines().map(|row| format!("{row},{}\n", mass / 60.0));
            room.write(name, format!("x,y,weight\n{}", rows.collect::<String>()));
        };
        weigh("one.csv", &spiral(60));
        weigh("other.csv", &moved);
        let line = format!("divergence one.csv other.csv --blur 0.2 --tolerance 1e-5 {options}");
        let result = room.cpu(&format!("{line} --json -q")).json(0);
        let distance = result["distance"].as_f64().unwrap();
        let p = result["p"].as_f64().unwrap();
        assert_close(mass * distance.powf(p), value(&result), 1e-9 * mass);
        if p == 2.0 {
            assert_close(distance, 0.5, 1e-4);
        }
        let told = room.cpu(&format!("{line} -q"));
        assert!(
            told.stdout.starts_with("distance        0."),
            "{}",
            told.stdout
        );
    }
    // For unbalanced transport there is no distance; for equal clouds it is 0.
    let unbalanced = room
        .cpu("divergence a.csv moved.csv --reach 1 --json")
        .json(0);
    assert!(unbalanced.get("distance").is_none());
    let equal = room.cpu("divergence a.csv a.csv --json").json(0);
    assert_eq!(equal["distance"], 0.0);
}

#[test]
fn what_is_unusual_of_two_clouds_is_told_before_they_are_compared() {
    let room = Room::with_clouds();
    let tiny: Vec<f64> = ring(50).iter().map(|x| 0.001 * x).collect();
    room.csv("tiny.csv", &tiny, 2);
    let told = room.cpu("divergence a.csv tiny.csv");
    assert_eq!(told.status, Some(0));
    assert_says(
        &told.stderr,
        &[
            "warning:",
            "tiny.csv is 0.001",
            "one unit",
            "nothing of its form is seen",
        ],
    );
    assert_eq!(room.cpu("divergence a.csv tiny.csv -q").stderr, "");
    assert_eq!(room.cpu("divergence a.csv b.csv --blur 0.2").stderr, "");
    let noise = room.cpu("sinkhorn a.csv b.csv --blur 0.01 --max-iterations 3");
    assert_says(&noise.stderr, &["neighbouring points are 0.0", "apart"]);
}

#[test]
fn masses_are_measured_in_the_unit_that_is_asked_for() {
    let room = Room::new();
    let weigh = |name: &str, points: &[f64], each: f64| {
        let rows = fixture::rows(points, 2, ",");
        let rows = rows.lines().map(|row| format!("{row},{each}\n"));
        room.write(name, format!("x,y,weight\n{}", rows.collect::<String>()));
    };
    for (name, unit) in [("", 1.0), ("counted-", 300.0)] {
        weigh(&format!("{name}a.csv"), &spiral(60), unit / 60.0);
        weigh(&format!("{name}b.csv"), &ring(75), unit / 60.0);
    }
    let line = "--blur 0.2 --reach 0.5 --precision f64 --tolerance 1e-9 --json";
    let moved = |files: &str| {
        room.cpu(&format!("sinkhorn {files} {line}")).json(0)["mass"]
            .as_f64()
            .unwrap()
    };
    let expected = moved("a.csv b.csv");
    assert_close(
        moved("counted-a.csv counted-b.csv --mass-unit 300"),
        expected,
        1e-8,
    );
    assert!((moved("counted-a.csv counted-b.csv") / 300.0 - expected).abs() > 0.01 * expected);
    // Clouds without weights have mass 1 in any unit.
    room.csv("plain.csv", &ring(50), 2);
    assert_eq!(
        moved("plain.csv plain.csv --mass-unit 7"),
        moved("plain.csv plain.csv")
    );
    let told = room.cpu("sinkhorn counted-a.csv counted-b.csv --blur 0.2 --reach 0.5");
    assert_says(
        &told.stderr,
        &["the masses are 300 and 375", "--mass-unit 300 makes"],
    );
    assert_eq!(
        room.cpu("sinkhorn a.csv b.csv --blur 0.2 --reach 0.5")
            .stderr,
        ""
    );
    for unit in ["0", "-1", "inf"] {
        let refused = room.cpu(&format!("sinkhorn a.csv b.csv --mass-unit {unit}"));
        assert_says(&error_line(refused, 2), &["mass-unit", "positive"]);
    }
}

#[test]
fn the_loader_of_a_system_without_a_session_keeps_silent() {
    let room = Room::with_clouds();
    for line in ["devices --json", "sinkhorn a.csv b.csv --blur 0.2"] {
        let mut command = room.command(fixture::HAUL);
        command.env_remove("XDG_RUNTIME_DIR").args(line.split(' '));
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{line}");
    }
}

// Files and options

#[test]
fn every_format_and_standard_input_give_the_same_value() {
    let room = Room::new();
    let flat = |points: Vec<f64>| -> Vec<f64> {
        points
            .chunks(2)
            .flat_map(|p| [p[0], p[1], p[0] * p[1]])
            .collect()
    };
    let (a, b) = (flat(fixture::spiral(40)), flat(fixture::ring(30)));
    room.npy("a.npy", &a, &[40, 3]);
    room.npz("a.npz", &a, 3, &[1.0 / 40.0; 40]);
    room.write("a.ply", fixture::ply(&a));
    room.csv("a.csv", &a, 3);
    room.write("a.xyz", fixture::rows(&a, 3, " "));
    room.npy("b.npy", &b, &[30, 3]);
    let solve = |a: &str| {
        let line = format!("sinkhorn {a} b.npy --device cpu --json");
        value(
            &room
                .haul_reading(&line, room.read("a.csv").as_bytes())
                .json(0),
        )
    };
    let expected = solve("a.npy");
    for name in ["a.npz", "a.ply", "a.csv", "a.xyz", "-"] {
        assert_eq!(solve(name), expected, "{name}");
    }
}

#[test]
fn weights_of_an_npz_a_csv_column_and_a_file_of_their_own_are_the_same() {
    let room = Room::with_clouds();
    let points = fixture::spiral(60);
    let weights: Vec<f64> = (0..60).map(|i| f64::from(i + 1) / 1830.0).collect();
    room.npz("a.npz", &points, 2, &weights);
    let table: Vec<f64> = points
        .chunks(2)
        .zip(&weights)
        .flat_map(|(p, w)| [p[0], p[1], *w])
        .collect();
    room.write(
        "weighted.csv",
        format!("x,y,weight\n{}", fixture::rows(&table, 3, ",")),
    );
    room.npy("w.npy", &weights, &[60]);
    room.csv("w.csv", &weights, 1);
    let solve = |line: &str| value(&room.cpu(&format!("sinkhorn {line} --json")).json(0));
    let expected = solve("a.npz b.csv");
    assert_ne!(expected, solve("a.csv b.csv"));
    for line in [
        "weighted.csv b.csv",
        "a.csv b.csv --weights-a w.npy",
        "a.csv b.csv --weights-a w.csv",
    ] {
        assert_eq!(solve(line), expected, "{line}");
    }
    // Transport is symmetric.
    assert_close(solve("b.csv a.csv --weights-b w.npy"), expected, 1e-4);
}

#[test]
fn precisions_and_forms_agree() {
    let room = Room::with_clouds();
    let solve = |options: &str| {
        let line = format!("sinkhorn a.csv b.csv --blur 0.2 --tolerance 1e-5 --json {options}");
        value(&room.cpu(&line).json(0))
    };
    let expected = solve("--precision f64");
    for options in [
        "--precision f32",
        "--form scaling",
        "--form scaling --precision f64",
        "--form log",
    ] {
        assert_close(solve(options), expected, 1e-5);
    }
}

#[test]
fn epsilon_is_the_blur_to_the_power_p() {
    let room = Room::with_clouds();
    for (p, epsilon) in [(1, 0.25), (2, 0.0625)] {
        let solve = |option: &str| {
            let line = format!("sinkhorn a.csv b.csv --p {p} {option} --json");
            room.cpu(&line).json(0)
        };
        let (by_blur, by_epsilon) = (solve("--blur 0.25"), solve(&format!("--epsilon {epsilon}")));
        assert_eq!(by_blur["epsilon"], epsilon);
        assert_eq!(by_epsilon["blur"], 0.25);
        assert_eq!(by_blur["p"], p);
        assert_eq!(value(&by_blur), value(&by_epsilon));
    }
}

#[test]
fn the_blur_is_by_default_a_twentieth_of_the_diagonal() {
    let room = Room::new();
    room.csv("a.csv", &[0.0, 0.0, 3.0, 0.0], 2);
    room.csv("b.csv", &[0.0, 4.0, 1.0, 1.0], 2);
    let result = room.cpu("sinkhorn a.csv b.csv --json").json(0);
    assert_close(result["blur"].as_f64().unwrap(), 0.25, 1e-12);
}

#[test]
fn normalized_masses_are_one() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[2.0; 60], 1);
    let plain = room.cpu("sinkhorn a.csv b.csv --json").json(0);
    let scaled = room
        .cpu("sinkhorn a.csv b.csv --weights-a w.csv --normalize --json")
        .json(0);
    assert_close(value(&scaled), value(&plain), 1e-6);
    assert_close(scaled["mass"].as_f64().unwrap(), 1.0, 1e-3);
}

#[test]
fn threads_do_not_change_a_bit() {
    let room = Room::new();
    room.csv("a.csv", &fixture::spiral(1500), 2);
    room.csv("b.csv", &fixture::ring(1400), 2);
    let solve = |threads: usize| {
        let line = format!("sinkhorn a.csv b.csv --threads {threads} --blur 0.1 --json");
        value(&room.cpu(&line).json(0)).to_bits()
    };
    assert_eq!(solve(1), solve(2));
}

#[test]
fn potentials_satisfy_the_marginals_and_the_plan_is_theirs() {
    let room = Room::with_clouds();
    let (x, y) = (fixture::spiral(60), fixture::ring(50));
    let line = "sinkhorn a.csv b.csv --epsilon 0.05 --tolerance 1e-8 --precision f64 \
                --potentials fg.npz --plan-topk 3 --plan plan.csv --json";
    room.cpu(line).json(0);
    let [f, g] = room.arrays("fg.npz", ["f", "g"]);
    assert_eq!((f.len(), g.len()), (60, 50));
    let plan = dense(&x, &y, &f, &g, 0.05);
    for row in &plan {
        assert_close(row.iter().sum(), 1.0 / 60.0, 1e-8);
    }
    for j in 0..50 {
        assert_close(plan.iter().map(|row| row[j]).sum(), 1.0 / 50.0, 1e-8);
    }
    assert!(room.read("plan.csv").starts_with("i,j,mass\n"));
    let entries = room.numbers("plan.csv");
    for (k, entry) in entries.chunks(3).enumerate() {
        let (i, j, mass) = (entry[0] as usize, entry[1] as usize, entry[2]);
        assert_eq!(i, k / 3);
        assert_close(mass, plan[i][j], 1e-9 * plan[i][j]);
        let larger = plan[i]
            .iter()
            .filter(|other| **other > mass * (1.0 + 1e-9))
            .count();
        assert!(
            larger <= k % 3,
            "entry {k} is not among the largest of its row"
        );
    }
    assert_eq!(entries.len(), 3 * 3 * 60);
}

#[test]
fn a_trace_falls_to_the_epsilon_and_the_tolerance_asked_for() {
    let room = Room::with_clouds();
    room.cpu("sinkhorn a.csv b.csv --epsilon 0.01 --tolerance 1e-3 --trace trace.csv --json")
        .json(0);
    let header = "iteration,epsilon,marginal_error,seconds\n";
    assert!(room.read("trace.csv").starts_with(header));
    let trace = room.numbers("trace.csv");
    let rows: Vec<_> = trace.chunks(4).collect();
    assert!(rows.len() > 3);
    assert!(rows.is_sorted_by(|before, after| before[0] < after[0] && before[1] >= after[1]));
    let last = rows.last().unwrap();
    assert_close(last[1], 0.01, 1e-12);
    assert!(last[2] <= 1e-3, "{}", last[2]);
}

// Known values

#[test]
fn translating_a_cloud_by_t_costs_t_squared() {
    let room = Room::new();
    let points = fixture::spiral(80);
    let shifted: Vec<f64> = points
        .chunks(2)
        .flat_map(|p| [p[0] + 0.3, p[1] - 0.4])
        .collect();
    room.csv("a.csv", &points, 2);
    room.csv("b.csv", &shifted, 2);
    let line = "sinkhorn a.csv b.csv --blur 0.05 --tolerance 1e-6 --precision f64 --json";
    let cost = room.cpu(line).json(0)["transport_cost"].as_f64().unwrap();
    // A blur σ moves each mass by about σ √d.
    assert_close(cost, 0.25, 2.0 * 0.05_f64.powi(2));
}

#[test]
fn two_points_onto_themselves_have_their_closed_form() {
    let room = Room::new();
    room.csv("a.csv", &[0.0, 2.0], 1);
    for epsilon in [0.5, 4.0, 50.0_f64] {
        let line = format!(
            "sinkhorn a.csv a.csv --epsilon {epsilon} --tolerance 1e-9 --precision f64 --json"
        );
        let expected = -epsilon * ((1.0 + (-4.0 / epsilon).exp()) / 2.0).ln();
        assert_close(value(&room.cpu(&line).json(0)), expected, 1e-8 * epsilon);
    }
}

#[test]
fn the_value_lies_between_its_bounds() {
    let room = Room::with_clouds();
    let result = room.cpu("sinkhorn a.csv b.csv --blur 0.1 --json").json(0);
    let bound = |name: &str| result["certificate"][name].as_f64().unwrap();
    let exact = room.cpu("sinkhorn a.csv b.csv --blur 0.1 --tolerance 1e-9 --precision f64 --json");
    let exact = value(&exact.json(0));
    assert!(bound("lower_bound") <= exact && exact <= bound("upper_bound"));
    assert_close(
        bound("gap"),
        bound("upper_bound") - bound("lower_bound"),
        1e-12,
    );
}

// Refusals

/// Runs a command line that must be refused with status 2 and create no file.
#[track_caller]
fn refused(room: &Room, line: &str, parts: &[&str]) {
    let before = room.files();
    let line = format!("{line} --potentials out.npz --trace out.csv");
    assert_says(&error_line(room.cpu(&line), 2), parts);
    assert_eq!(room.files(), before);
}

#[test]
fn not_a_number_in_a_table_is_named_by_its_row() {
    let room = Room::with_clouds();
    let mut points = fixture::ring(50);
    points[2 * 16 + 1] = f64::NAN;
    room.csv("bad.csv", &points, 2);
    refused(
        &room,
        "sinkhorn a.csv bad.csv",
        &["bad.csv", "row 17, column y", "remove the row"],
    );
}

#[test]
fn weights_of_another_length_are_refused() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[0.25; 4], 1);
    let parts = [
        "w.csv",
        "4 weights for 60 points",
        "give one weight a point",
    ];
    refused(&room, "sinkhorn a.csv b.csv --weights-a w.csv", &parts);
}

#[test]
fn a_binary_ply_that_is_cut_short_is_refused() {
    let room = Room::with_clouds();
    let bytes = fixture::ply(&[0.5; 30]);
    room.write("cut.ply", &bytes[..bytes.len() - 20]);
    let parts = [
        "cut.ply",
        "promises 10 vertices but only 9",
        "copy or export it again",
    ];
    refused(&room, "sinkhorn cut.ply b.csv", &parts);
}

#[test]
fn parameters_out_of_range_are_named_as_the_command_line_names_them() {
    let room = Room::with_clouds();
    for (option, range) in [
        ("--epsilon 0", "a finite number above 0"),
        ("--blur -1", "a finite number above 0"),
        ("--blur nan", "a finite number above 0"),
        ("--reach 0", "a number above 0, or infinity"),
        ("--rho -1", "a number above 0, or infinity"),
        ("--rho-a nan", "a number above 0, or infinity"),
        ("--rho-b 0", "a number above 0, or infinity"),
        ("--p 3", "above 0 and at most 2"),
        ("--tolerance 0", "a finite number above 0"),
        ("--max-iterations 0", "at least 1"),
    ] {
        let name = option.split(' ').next().unwrap();
        refused(
            &room,
            &format!("sinkhorn a.csv b.csv {option}"),
            &[name, "it must be", range],
        );
    }
}

#[test]
fn an_empty_cloud_is_refused() {
    let room = Room::with_clouds();
    room.write("empty.csv", "x,y\n");
    refused(
        &room,
        "sinkhorn a.csv empty.csv",
        &["empty.csv", "holds no rows", "at least one point"],
    );
}

#[test]
fn clouds_of_different_dimensions_are_refused_by_both_names() {
    let room = Room::with_clouds();
    room.csv("deep.csv", &[0.0; 9], 3);
    let parts = ["a.csv and deep.csv", "dimension 2", "3", "one space"];
    refused(&room, "sinkhorn a.csv deep.csv", &parts);
}

#[test]
fn unequal_masses_are_refused_with_the_option_that_scales_them() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[1.0; 60], 1);
    let parts = ["a.csv and b.csv", "60", "1", "--normalize", "--reach"];
    refused(&room, "sinkhorn a.csv b.csv --weights-a w.csv", &parts);
    let both = "sinkhorn a.csv b.csv --weights-a w.csv --rho inf";
    refused(&room, both, &parts);
}

#[test]
fn penalties_let_masses_differ_and_are_told() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[0.05; 60], 1);
    let solve = |options: &str| {
        let line = "sinkhorn a.csv b.csv --weights-a w.csv --blur 0.2 --tolerance 1e-5";
        room.cpu(&format!("{line} --precision f64 --json {options}"))
            .json(0)
    };
    let (reach, rho) = (solve("--reach 0.5"), solve("--rho 0.25"));
    assert_eq!(value(&reach), value(&rho));
    assert_eq!(rho["rho_a"], 0.25);
    assert_eq!(rho["rho_b"], 0.25);
    // Neither 3 nor 1.
    let mass = rho["mass"].as_f64().unwrap();
    assert!(
        (0.1..2.9).contains(&mass) && (mass - 1.0).abs() > 1e-3,
        "{mass}"
    );
    let half = solve("--rho 0.25 --rho-b inf");
    assert_eq!(half["rho_a"], 0.25);
    assert!(half["rho_b"].is_null());
    assert_close(half["mass"].as_f64().unwrap(), 1.0, 1e-4);
    assert!(value(&half) > value(&rho));
    let other = solve("--rho-a 0.25");
    assert_eq!(value(&other), value(&half));

    let line = "sinkhorn a.csv b.csv --weights-a w.csv --blur 0.2 --reach 0.5";
    assert_says(
        &room.cpu(line).stdout,
        &["penalties", "ρ = 0.25 (reach 0.5)"],
    );
    let line = "sinkhorn a.csv b.csv --weights-a w.csv --blur 0.2 --rho-a 0.25";
    assert_says(
        &room.cpu(line).stdout,
        &["ρ_a = 0.25 (reach 0.5)", "b kept"],
    );

    let line = "divergence a.csv b.csv --weights-a w.csv --blur 0.2 --reach 0.5 --json";
    let divergence = room.cpu(line).json(0);
    assert_eq!(divergence["rho_a"], 0.25);
    let own = |name: &str| divergence["terms"][name]["value"].as_f64().unwrap();
    let expected = own("ab") - 0.5 * own("aa") - 0.5 * own("bb") + 0.5 * 0.04 * 4.0;
    assert_close(value(&divergence), expected, 1e-9);
    let line = "divergence a.csv a.csv --blur 0.2 --rho 0.1 --json";
    assert_eq!(value(&room.cpu(line).json(0)), 0.0);
    let both = "sinkhorn a.csv b.csv --rho 1 --reach 1";
    assert_eq!(room.haul(both).status, Some(2));
}

#[test]
fn files_that_are_missing_or_of_no_known_kind_are_refused() {
    let room = Room::with_clouds();
    room.write("a.docx", "1,2\n");
    refused(
        &room,
        "sinkhorn none.csv b.csv",
        &["none.csv", "cannot be read", "check that the file exists"],
    );
    refused(
        &room,
        "sinkhorn a.docx b.csv",
        &["a.docx", "extension", ".npy, .npz, .ply, .csv, .tsv, .xyz"],
    );
    refused(&room, "sinkhorn a.csv .", &[".", "extension"]);
}

#[test]
fn standard_input_is_given_only_once() {
    let room = Room::with_clouds();
    refused(
        &room,
        "sinkhorn - -",
        &["more than once", "name the others"],
    );
    refused(&room, "sinkhorn - b.csv --weights-a -", &["more than once"]);
}

#[test]
fn wrong_arguments_are_told_in_one_line_with_what_would_be_right() {
    let room = Room::with_clouds();
    for (line, parts) in [
        (
            "sinkhorn a.csv b.csv --tolerence 1e-3",
            &["--tolerence", "'--tolerance'"][..],
        ),
        (
            "sinkhorn a.csv b.csv --form lag",
            &["--form", "log, scaling"],
        ),
        ("sinkhorn a.csv b.csv --blur x", &["'x'", "--blur"]),
        (
            "sinkhorn a.csv b.csv --blur 1 --epsilon 1",
            &["--blur", "--epsilon"],
        ),
        ("sinkhorn a.csv", &["<B>"]),
        ("map a.csv b.csv", &["--output"]),
        (
            "sample ball --n 0 -o c.csv",
            &["--n", "it must be at least 1"],
        ),
        ("divergense a.csv b.csv", &["divergense", "'divergence'"]),
    ] {
        let told = error_line(room.haul(line), 2);
        assert_says(&told, parts);
        assert!(
            told.starts_with("error: ") && told.ends_with("; see --help\n"),
            "{told}"
        );
    }
    assert_eq!(room.files(), ["a.csv", "b.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_named() {
    let room = Room::with_clouds();
    for line in ["sinkhorn a.csv b.csv --device cpu", "completions bash"] {
        let ran = room.shell(&format!("haul {line} >/dev/full"));
        assert_says(
            &error_line(ran, 2),
            &["standard output", "No space left", "make room"],
        );
    }
}

#[test]
fn a_target_that_cannot_be_written_is_refused_before_the_work() {
    let room = Room::with_clouds();
    for (option, parts) in [
        (
            "--potentials gone/f.npz",
            ["gone/f.npz", "check that its folder exists"],
        ),
        (
            "--trace gone/t.csv",
            ["gone/t.csv", "check that its folder exists"],
        ),
        (
            "--plan-topk 1 --plan gone/p.csv",
            ["gone/p.csv", "check that its folder exists"],
        ),
        ("--potentials f.csv", ["f.csv", "choose from .npz"]),
        ("--plan-topk 1 --plan p.npy", ["p.npy", "choose from .csv"]),
    ] {
        // The clouds do not exist: reading them first would report that instead.
        let line = format!("sinkhorn none.csv b.csv {option}");
        assert_says(&error_line(room.cpu(&line), 2), &parts);
    }
    assert_eq!(room.files(), ["a.csv", "b.csv"]);
}

#[test]
fn a_result_short_of_its_tolerance_is_written_with_status_3_and_a_warning() {
    let room = Room::with_clouds();
    let line = "sinkhorn a.csv b.csv --blur 0.01 --max-iterations 1 --potentials fg.npz --json";
    let loud = room.cpu(line);
    assert_says(
        &loud.stderr,
        &["warning: not converged", "--max-iterations"],
    );
    let result = loud.json(3);
    assert_eq!(
        (&result["converged"], &result["iterations"]),
        (&false.into(), &1.into())
    );
    assert_eq!(room.arrays("fg.npz", ["f"])[0].len(), 60);
    let quiet = room.cpu(&format!("{line} --quiet"));
    assert_eq!((quiet.status, quiet.stderr.as_str()), (Some(3), ""));
}

#[test]
fn a_device_that_is_not_there_is_status_4() {
    let room = Room::with_clouds();
    let ran = room.haul("sinkhorn a.csv b.csv --device no-such-device --potentials out.npz");
    // The Vulkan loader may print something before.
    let line = ran.stderr.lines().last().unwrap();
    assert_says(line, &["no-such-device", "there"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(4), ""));
    assert_eq!(room.files(), ["a.csv", "b.csv"]);
}

#[test]
fn f64_on_a_gpu_is_status_4() {
    let room = Room::with_clouds();
    let ran = room.haul("sinkhorn a.csv b.csv --device gpu --precision f64");
    assert_says(&error_line(ran, 4), &["--device gpu", "--device cpu"]);
}

#[test]
fn a_tolerance_below_the_digits_of_f32_is_computed_in_f64_and_said_so() {
    let room = Room::with_clouds();
    let tight = "sinkhorn a.csv b.csv --epsilon 0.05 --tolerance 1e-9 --json";
    let ran = room.cpu(tight);
    assert_says(&ran.stderr, &["f32", "1e-9", "f64"]);
    let result = ran.json(0);
    assert_eq!(result["precision"], "f64");
    assert_eq!(result["converged"], true);
    // An explicit f32 is not replaced, nor is a named device.
    let line = error_line(room.cpu(&format!("{tight} --precision f32")), 2);
    assert_says(&line, &["tolerance 1e-9", "f32", "f64", "at least"]);
    // And what f32 can do is done in f32.
    let plain = room.cpu("sinkhorn a.csv b.csv --epsilon 0.05 --json");
    assert_eq!(plain.json(0)["precision"], "f32");
}

// Exit

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_success() {
    let room = Room::with_clouds();
    let ran =
        room.shell("{ haul sinkhorn a.csv b.csv --device cpu; echo $? >status; } | head -c 0");
    assert_eq!(
        (room.read("status").as_str(), ran.stderr.as_str()),
        ("0\n", "")
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_long_solve_and_leaves_no_file() {
    let room = Room::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        let sample = room.haul(&format!(
            "sample ball --n 40000 --seed {seed} -o {name}.csv"
        ));
        assert_eq!(sample.status, Some(0));
    }
    let mut solve = room
        .command(fixture::HAUL)
        .args([
            "sinkhorn",
            "-",
            "b.csv",
            "--device",
            "cpu",
            "--precision",
            "f64",
        ])
        .args([
            "--blur",
            "0.01",
            "--tolerance",
            "1e-11",
            "--potentials",
            "fg.npz",
            "--quiet",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: when all of it is read, the program handles Ctrl-C.
    let mut input = solve.stdin.take().unwrap();
    input.write_all(room.read("a.csv").as_bytes()).unwrap();
    drop(input);
    std::thread::sleep(Duration::from_secs(1));
    let kill = Command::new("kill")
        .args(["-INT", &solve.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let signalled = Instant::now();
    let ran = Ran::from(solve.wait_with_output().unwrap());
    assert!(signalled.elapsed() < Duration::from_secs(20));
    assert_eq!(error_line(ran, 130), "haul: interrupted\n");
    assert_eq!(room.files(), ["a.csv", "b.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn no_matrix_of_all_pairs_is_ever_stored() {
    let room = Room::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        room.haul(&format!(
            "sample cube --n 20000 --seed {seed} -o {name}.npy"
        ));
    }
    // In f32 the matrix would take 1.6 GB.
    let ran = room.shell(
        "ulimit -v 700000; haul sinkhorn a.npy b.npy --device cpu --threads 2 --max-iterations 1 --json",
    );
    assert_eq!(ran.json(3)["n"], 20_000);
}

// The other commands

#[test]
fn divergence_of_a_cloud_from_itself_is_nothing() {
    let room = Room::with_clouds();
    let own = room.cpu("divergence a.csv a.csv --blur 0.1 --json").json(0);
    assert_close(value(&own), 0.0, 1e-5);
    let other = room.cpu("divergence a.csv b.csv --blur 0.1 --json").json(0);
    assert!(value(&other) > 0.01);
    assert!(
        ["ab", "aa", "bb"]
            .iter()
            .all(|term| other["terms"][term]["value"].is_f64())
    );
}

/// The mean of a function over all pairs of two clouds in the plane.
fn mean_over_pairs(x: &[f64], y: &[f64], function: impl Fn(f64) -> f64) -> f64 {
    let at = |x: &[f64], y: &[f64]| function((x[0] - y[0]).hypot(x[1] - y[1]));
    let sum: f64 = x
        .chunks(2)
        .flat_map(|x| y.chunks(2).map(move |y| (x, y)))
        .map(|(x, y)| at(x, y))
        .sum();
    sum / (x.len() / 2 * (y.len() / 2)) as f64
}

#[test]
fn energies_are_means_over_pairs() {
    let room = Room::with_clouds();
    let (x, y) = (fixture::spiral(60), fixture::ring(50));
    let of = |x: &[f64], y: &[f64], p: f64| mean_over_pairs(x, y, |r| r.powf(p));
    for (option, p) in [
        ("", 1.0),
        ("--p 0.5", 0.5),
        ("--p 1.5", 1.5),
        ("--p 2", 2.0),
    ] {
        let expected = of(&x, &y, p) - 0.5 * (of(&x, &x, p) + of(&y, &y, p));
        for (precision, tolerance) in [("f32", 1e-5), ("f64", 1e-12)] {
            let line = format!("energy a.csv b.csv {option} --precision {precision} --json");
            let result = room.cpu(&line).json(0);
            assert_close(value(&result), expected, tolerance);
            assert_close(
                result["terms"]["ab"].as_f64().unwrap(),
                of(&x, &y, p),
                tolerance,
            );
            assert_eq!(result["p"].as_f64(), Some(p));
            assert_eq!(result["kernel"], "energy");
            assert!(result.get("blur").is_none());
            // Another p gives another value.
            assert!((value(&result) - of(&x, &y, p)).abs() > 1e-3);
        }
    }
    let itself = room.cpu("energy a.csv a.csv --json").json(0);
    assert_eq!(value(&itself), 0.0);
    let text = room.cpu("energy a.csv b.csv");
    assert_eq!((text.status, text.stderr.as_str()), (Some(0), ""));
    assert_says(
        &text.stdout,
        &["energy", " (between ", "E(a, a)", "|x − y|^1"],
    );
}

#[test]
fn discrepancies_have_a_kernel_and_its_width() {
    let room = Room::with_clouds();
    let (x, y) = (fixture::spiral(60), fixture::ring(50));
    for kernel in ["gaussian", "laplacian"] {
        let at = |r: f64| match kernel {
            "gaussian" => (-r * r / (2.0 * 0.09)).exp(),
            _ => (-r / 0.3).exp(),
        };
        let mean = |x, y| mean_over_pairs(x, y, at);
        let expected = mean(&x, &x) + mean(&y, &y) - 2.0 * mean(&x, &y);
        let line =
            format!("energy a.csv b.csv --kernel {kernel} --blur 0.3 --precision f64 --json");
        let result = room.cpu(&line).json(0);
        assert_close(value(&result), expected, 1e-12);
        assert_eq!(
            (&result["kernel"], result["blur"].as_f64()),
            (&kernel.into(), Some(0.3))
        );
        assert!(result.get("p").is_none());
    }
}

#[test]
fn the_gradient_of_an_energy_is_its_change_with_a_weight() {
    let room = Room::with_clouds();
    let weights = |first: f64, second: f64| {
        let mut weights = [1.0 / 60.0; 60];
        weights[0] += first;
        weights[1] += second;
        weights
    };
    let energy = |step: f64| {
        room.csv("w.csv", &weights(step, -step), 1);
        let line = "energy a.csv b.csv --weights-a w.csv --precision f64 --json \
                    --gradient-weights gradient.npy";
        value(&room.cpu(line).json(0))
    };
    let step = 1e-4;
    let slope = (energy(step) - energy(-step)) / (2.0 * step);
    energy(0.0);
    let file = std::fs::read(room.path("gradient.npy")).unwrap();
    let gradient: Vec<f64> = npyz::NpyFile::new(&file[..]).unwrap().into_vec().unwrap();
    assert_eq!(gradient.len(), 60);
    assert_close(gradient[0] - gradient[1], slope, 1e-9);
    assert!(slope.abs() > 1e-3, "{slope} tells nothing");
}

#[test]
fn gradients_in_the_points_are_changes_with_a_coordinate() {
    let room = Room::with_clouds();
    let cloud = std::fs::read_to_string(room.path("a.csv")).unwrap();
    let first = cloud.lines().next().unwrap().split(',').next().unwrap();
    let x: f64 = first.parse().unwrap();
    for command in [
        "sinkhorn {} b.csv --blur 0.3 --tolerance 1e-10",
        "divergence {} b.csv --blur 0.3 --p 1 --tolerance 1e-10",
        "divergence {} b.csv --blur 0.3 --reach 0.5 --tolerance 1e-10",
        "energy {} b.csv",
        "energy {} b.csv --kernel gaussian --blur 0.4",
    ] {
        let run = |file: &str, more: &str| {
            let line = command.replace("{}", file);
            value(
                &room
                    .cpu(&format!("{line} --precision f64 --json {more}"))
                    .json(0),
            )
        };
        run(
            "a.csv",
            "--gradient gradient.npy --gradient-weights weights.npy",
        );
        let array = |name: &str| {
            let file = std::fs::read(room.path(name)).unwrap();
            let file = npyz::NpyFile::new(&file[..]).unwrap();
            (file.shape().to_vec(), file.into_vec::<f64>().unwrap())
        };
        let (shape, gradient) = array("gradient.npy");
        assert_eq!(shape, [60, 2], "{command}");
        assert_eq!(array("weights.npy").0, [60], "{command}");
        let step = 1e-4;
        let at = |h: f64| {
            std::fs::write(
                room.path("moved.csv"),
                cloud.replacen(first, &format!("{}", x + h), 1),
            )
            .unwrap();
            run("moved.csv", "")
        };
        let slope = (at(step) - at(-step)) / (2.0 * step);
        assert_close(gradient[0], slope, 1e-7);
        assert!(slope.abs() > 1e-4, "{command}: {slope} tells nothing");
    }
}

#[test]
fn options_that_an_energy_cannot_take_are_refused() {
    let room = Room::with_clouds();
    room.csv("w.csv", &[1.0; 60], 1);
    room.csv("deep.csv", &[0.0; 9], 3);
    for (options, parts) in [
        ("a.csv b.csv --p 0", vec!["--p is 0", "above 0"]),
        (
            "a.csv b.csv --blur 1",
            vec!["--blur", "gaussian or laplacian"],
        ),
        ("a.csv b.csv --kernel gaussian", vec!["--blur"]),
        ("a.csv b.csv --kernel gaussian --blur 1 --p 1", vec!["--p"]),
        (
            "a.csv b.csv --kernel laplacian --blur -1",
            vec!["--blur is -1", "above 0"],
        ),
        (
            "a.csv b.csv --weights-a w.csv",
            vec!["masses differ", "--normalize"],
        ),
        ("a.csv deep.csv", vec!["a.csv and deep.csv", "dimension 2"]),
        (
            "a.csv b.csv --gradient-weights gone/w.npy",
            vec!["gone/w.npy"],
        ),
        (
            "a.csv b.csv --gradient-weights w.txt",
            vec!["w.txt", ".npy"],
        ),
    ] {
        let line = error_line(room.cpu(&format!("energy {options}")), 2);
        assert_says(&line, &parts);
    }
    // A kernel compares measures of any masses.
    let line = "energy a.csv b.csv --weights-a w.csv --kernel gaussian --blur 1 --json";
    assert!(value(&room.cpu(line).json(0)) > 1.0);
}

#[test]
fn any_power_solves() {
    let room = Room::with_clouds();
    for p in ["0.5", "1.5"] {
        let line = format!("sinkhorn a.csv b.csv --p {p} --blur 0.1 --precision f64 --json");
        let result = room.cpu(&line).json(0);
        let epsilon = 0.1f64.powf(p.parse().unwrap());
        assert_close(result["epsilon"].as_f64().unwrap(), epsilon, 1e-15);
        let certificate = &result["certificate"];
        assert!(certificate["lower_bound"].as_f64().unwrap() <= value(&result));
        assert!(certificate["upper_bound"].as_f64().unwrap() >= value(&result));
    }
}

#[test]
fn a_sample_is_its_seed() {
    let room = Room::new();
    for (seed, name) in [(1, "a"), (1, "b"), (2, "c")] {
        let ran = room.haul(&format!("sample helix --n 50 --seed {seed} -o {name}.csv"));
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), ""));
    }
    assert_eq!(room.read("a.csv"), room.read("b.csv"));
    assert_ne!(room.read("a.csv"), room.read("c.csv"));
}

#[test]
fn a_sample_into_a_missing_folder_is_refused() {
    let room = Room::new();
    let line = error_line(room.haul("sample ball --n 3 -o gone/a.csv"), 2);
    assert_says(&line, &["gone/a.csv", "check that its folder exists"]);
}

#[test]
fn completions_know_the_commands() {
    let script = Room::new().haul("completions bash").stdout;
    assert_says(
        &script,
        &["demo", "sinkhorn", "devices", "sample", "completions"],
    );
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("haul ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(Room::new().haul("--version").stdout, version);
}

#[test]
fn no_arguments_show_the_help() {
    let ran = Room::new().haul("");
    assert_eq!(ran.status, Some(2));
    assert_says(&ran.stderr, &["Usage: haul", "Example", "haul demo"]);
}

#[test]
fn the_manual_has_a_page_for_each_command_with_its_example() {
    let room = Room::new();
    assert_eq!(room.haul("man --out man").status, Some(0));
    let pages = std::fs::read_dir(room.path("man")).unwrap();
    let mut pages: Vec<_> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let commands = commands(&room.haul("--help").stdout);
    for command in &commands {
        let page = format!("haul-{command}.1");
        let text = room.read(&format!("man/{page}")).replace("\\-", "-");
        let help = room.haul(&format!("{command} --help")).stdout;
        let (_, example) = help.split_once("Example:\n").unwrap();
        assert!(pages.contains(&page), "{page}");
        assert_says(&text, &[&format!("haul {command}"), example.trim()]);
    }
    // The page of the program, and those of nested commands.
    let own = [
        "haul.1",
        "haul-bench-softmin.1",
        "haul-study-epsilon.1",
        "haul-study-samples.1",
    ];
    assert_eq!(pages.len(), commands.len() + own.len(), "{pages:?}");
    assert!(own.iter().all(|page| pages.contains(&page.to_string())));
    let line = error_line(room.haul("man --out man/haul.1"), 2);
    assert_says(&line, &["man/haul.1", "--out"]);
}

/// The commands listed in a help text.
fn commands(help: &str) -> Vec<String> {
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split(' ').next())
        .filter(|command| !["", "help"].contains(command))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_help_has_an_example_that_runs() {
    let room = Room::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        room.haul(&format!("sample ball --n 60 --seed {seed} -o {name}.ply"));
    }
    room.png("disc.png", 20, &disc(20, [10.0, 6.0], 4.0));
    room.png("star.png", 20, &disc(20, [10.0, 13.0], 5.0));
    room.png("half.png", 20, &disc(20, [10.0, 9.0], 4.5));
    room.npy("glove.npy", &[1.0, 0.0, 0.9, 0.2, 0.0, 1.0], &[3, 2]);
    room.write("glove.txt", "sea\nship\nfarm\n");
    room.write("reports.txt", "ship sea\nfarm farm\nsea\n");
    room.write("question.txt", "farm ship\n");
    let cells = (0..60).map(|i| {
        let [day, kind] = [i % 2, i % 3];
        format!("{day},{kind},{i},{},{}\n", 7 * i % 60, kind + day)
    });
    let cells: String = cells.collect();
    room.write(
        "cells.csv",
        format!("day,cell_type,PC_1,PC_2,PC_3\n{cells}"),
    );
    let mut commands = commands(&room.haul("--help").stdout);
    assert!(commands.len() >= 6, "{commands:?}");
    // Nested commands, and one that the help does not list.
    let others = ["bench softmin", "study epsilon", "study samples", "man"];
    commands.extend(others.map(str::to_owned));
    for command in commands {
        let help = room.haul(&format!("{command} --help")).stdout;
        let (before, example) = help.split_once("Example:\n").expect(&command);
        let jobs = before
            .lines()
            .filter(|line| line.trim_start().starts_with("{\"id\": \""));
        room.write(
            "jobs.jsonl",
            jobs.map(|job| format!("{job}\n")).collect::<String>(),
        );
        assert!(example.trim_start().starts_with(&format!("haul {command}")));
        let ran = room.shell(example);
        assert_eq!(ran.status, Some(0), "{example}{}", ran.stderr);
    }
}

#[test]
fn a_misspelt_word_is_told_the_near_one() {
    let room = Room::with_clouds();
    for (line, near) in [
        ("sinkhorn a.csv b.csv --blurr 0.1", "'--blur'"),
        ("map a.csv b.csv --outptu c.csv", "'--output'"),
        ("bench softmin --devise cpu", "'--device'"),
        ("divergance a.csv b.csv", "'divergence'"),
        ("sample tours --n 9 -o c.csv", "'torus'"),
    ] {
        let ran = room.haul(line);
        assert_eq!((ran.status, ran.stdout.as_str()), (Some(2), ""), "{line}");
        let (_, tip) = ran.stderr.split_once("tip: ").expect(line);
        assert_says(tip, &[near]);
    }
    // If no known word is near, none is suggested.
    let ran = room.haul("sinkhorn a.csv b.csv --zzzz 1");
    assert!(!ran.stderr.contains("similar"), "{}", ran.stderr);
}

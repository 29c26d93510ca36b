//! Exact transport.

use crate::fixture::{HAUL, Ran, Room, assert_close, assert_says, error_line, ring, spiral, value};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A room with 300 points in the plane and the same moved by (0.3, 0.4), in another order.
fn moved() -> Room {
    let room = Room::new();
    let points = spiral(300);
    let turned = points.chunks(2).cycle().skip(70).take(300);
    let moved: Vec<f64> = turned.flat_map(|x| [x[0] + 0.3, x[1] + 0.4]).collect();
    room.csv("a.csv", &points, 2);
    room.csv("b.csv", &moved, 2);
    room
}

#[test]
fn a_moved_cloud_is_as_far_away_as_it_was_moved() {
    let room = moved();
    let run = "exact a.csv b.csv --plan plan.csv --report page.html";
    let result = room.cpu(&format!("{run} --json")).json(0);
    assert_close(value(&result), 0.25, 1e-12);
    assert_close(result["distance"].as_f64().unwrap(), 0.5, 1e-12);
    assert_eq!(result["proved"], true);
    assert_eq!(result["permutation"], true);
    assert_eq!(result["precision"], "f64");
    let bound = |key: &str| result[key].as_f64().unwrap();
    assert!(bound("lower_bound") <= bound("upper_bound"));
    assert!(bound("gap") <= 1e-9);
    // Each point goes to the one that was made of it.
    let plan = room.read("plan.csv");
    let (heading, entries) = plan.split_once('\n').unwrap();
    assert_eq!(heading, "row,column,mass");
    let entries: Vec<Vec<f64>> = entries
        .lines()
        .map(|line| line.split(',').map(|word| word.parse().unwrap()).collect())
        .collect();
    assert_eq!(entries.len(), 300);
    for entry in &entries {
        assert_eq!((entry[1] + 70.0) % 300.0, entry[0]);
        assert_close(entry[2], 1.0 / 300.0, 1e-15);
    }
    assert_says(&room.read("page.html"), &["The plan is optimal"]);
    let text = room.cpu(run).stdout;
    assert_says(&text, &["a permutation", "optimal, to 1e-9 of the value"]);
}

#[test]
fn an_archive_has_the_plan_and_potentials_that_prove_it() {
    let room = Room::with_clouds();
    let result = room
        .cpu("exact a.csv b.csv -p 1 --plan p.npz --json")
        .json(0);
    let [rows, columns, mass, f, g] = room.arrays("p.npz", ["rows", "columns", "mass", "f", "g"]);
    let (x, y) = (spiral(60), ring(50));
    let cost = |i: usize, j: usize| (x[2 * i] - y[2 * j]).hypot(x[2 * i + 1] - y[2 * j + 1]);
    let entries = rows.iter().zip(&columns).zip(&mass);
    let terms = entries.map(|((i, j), mass)| mass * cost(*i as usize, *j as usize));
    assert_close(terms.sum(), value(&result), 1e-12);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert_close(mean(&f) + mean(&g), value(&result), 1e-12);
    for (i, f) in f.iter().enumerate() {
        for (j, g) in g.iter().enumerate() {
            assert!(f + g <= cost(i, j) + 1e-12, "{i} {j}");
        }
    }
}

#[test]
fn a_part_of_the_mass_moves_where_masses_differ() {
    let room = Room::with_clouds();
    room.csv("heavy.csv", &[2.0; 60], 1);
    let run = "exact a.csv b.csv --weights-a heavy.csv";
    let told = error_line(room.cpu(run), 2);
    assert_says(
        &told,
        &["a.csv and b.csv: the masses differ: 120 and 1", "--partial"],
    );
    let result = room.cpu(&format!("{run} --partial inf --json")).json(0);
    assert_close(result["mass"].as_f64().unwrap(), 1.0, 1e-12);
    let less = room.cpu(&format!("{run} --partial 0.5 --json")).json(0);
    assert!(value(&less) < 0.5 * value(&result), "{less}");
    let told = error_line(room.cpu(&format!("{run} --partial 2")), 2);
    assert_says(&told, &["partial is 2"]);
}

#[test]
fn blurred_transport_may_show_the_exact_cost_within_its_bounds() {
    let room = Room::with_clouds();
    let exact = room.cpu("exact a.csv b.csv --json").json(0);
    for command in ["sinkhorn", "divergence"] {
        let run = format!("{command} a.csv b.csv --exact");
        let result = room.cpu(&format!("{run} --json")).json(0);
        assert_eq!(result["exact"]["value"], exact["value"]);
        assert_eq!(result["exact"]["proved"], true);
        let terms = result.get("terms").map(|terms| &terms["ab"]);
        let certificate = &terms.unwrap_or(&result)["certificate"];
        let bound = |key: &str| certificate[key].as_f64().unwrap();
        assert!(bound("wasserstein_lower_bound") <= value(&exact));
        assert!(bound("wasserstein_upper_bound") >= value(&exact));
        let text = room.cpu(&format!("{run} --report page.html")).stdout;
        assert_says(&text, &["exact           ", "= W_p^p"]);
        assert_says(&room.read("page.html"), &["exact W_p^p"]);
        let told = error_line(room.cpu(&format!("{run} --reach 1")), 2);
        assert_says(&told, &["--exact is for transport of all mass"]);
    }
}

#[test]
fn the_help_of_exact_transport_lists_the_keys_that_are_printed() {
    let room = moved();
    let result = room.cpu("exact a.csv b.csv --json").json(0);
    let mut printed: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    printed.sort();
    assert_eq!(
        crate::listed_keys(&room.haul("exact --help").stdout),
        printed
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_answered_with_the_bounds_so_far() {
    let room = Room::new();
    for (name, seed) in [("a.csv", 1), ("b.npy", 2)] {
        room.haul(&format!("sample cube --n 60000 --seed {seed} -o {name}"));
    }
    let mut command = room.command(HAUL);
    let solve = command.args(["exact", "-", "b.npy", "--json"]);
    let solve = solve.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut solve = solve.stderr(Stdio::piped()).spawn().unwrap();
    // More than a pipe holds: when all of it is read, the program handles Ctrl-C.
    let mut input = solve.stdin.take().unwrap();
    input.write_all(room.read("a.csv").as_bytes()).unwrap();
    drop(input);
    std::thread::sleep(Duration::from_millis(300));
    let mut kill = Command::new("kill");
    let kill = kill.args(["-INT", &solve.id().to_string()]);
    assert!(kill.status().unwrap().success());
    let ran = Ran::from(solve.wait_with_output().unwrap());
    assert_says(&ran.stderr, &["the answer so far follows", "bounds are"]);
    let result = ran.json(3);
    let number = |key: &str| result[key].as_f64().unwrap();
    assert_eq!(result["proved"], false);
    assert!(0.0 <= number("lower_bound") && number("lower_bound") < number("upper_bound"));
    assert_eq!(number("mass"), 1.0);
}

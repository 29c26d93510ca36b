//! `haul pairwise`: the matrix equals the comparisons of its pairs, however often the run was stopped.

use crate::fixture::{HAUL, Ran, Room, assert_says, error_line, ring, spiral, value};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: [&str; 4] = ["one.csv", "two.csv", "three.csv", "four.csv"];

impl Room {
    /// A room with four clouds in the plane, of different sizes.
    fn with_four_clouds() -> Self {
        let room = Self::new();
        for (i, file) in FILES.into_iter().enumerate() {
            let n = 60 + 25 * i;
            let points = if i % 2 == 0 { spiral(n) } else { ring(n) };
            let moved: Vec<f64> = points.iter().map(|x| x + 0.1 * i as f64).collect();
            room.csv(file, &moved, 2);
        }
        room
    }

    /// Runs the command on the four clouds, on the CPU.
    fn pairwise(&self, options: &str) -> Ran {
        self.cpu(&format!("pairwise {} {options}", FILES.join(" ")))
    }

    /// The square matrix of a `.npy`.
    pub(crate) fn matrix(&self, name: &str) -> Vec<Vec<f64>> {
        let bytes = std::fs::read(self.path(name)).unwrap();
        let file = npyz::NpyFile::new(&bytes[..]).unwrap();
        let shape = file.shape().to_vec();
        let n = shape[0];
        assert_eq!(shape, [n, n]);
        let values: Vec<f64> = file.into_vec().unwrap();
        values.chunks(n as usize).map(<[f64]>::to_vec).collect()
    }
}

/// Calls `check` for each pair i < j of a symmetric matrix.
fn each_pair(matrix: &[Vec<f64>], check: impl Fn(usize, usize, f64)) {
    for (i, row) in matrix.iter().enumerate() {
        for (j, &entry) in row.iter().enumerate() {
            assert_eq!(entry, matrix[j][i], "{i} {j}");
            if i < j {
                check(i, j, entry);
            }
        }
    }
}

#[test]
fn a_table_of_pairs_has_the_bounds_and_says_what_a_distance_is() {
    let room = Room::with_four_clouds();
    for (options, meaning, distance) in [
        ("", "squared distances", Some(2.0)),
        ("--p 1", "distances", Some(1.0)),
        ("--reach 1", "no distances", None),
        (
            "--loss sinkhorn",
            "costs, which are not 0 for equal clouds",
            None,
        ),
        (
            "--loss energy",
            "squares of a distance between measures",
            Some(2.0),
        ),
    ] {
        let ran = room.pairwise(&format!("-o d.csv --pairs pairs.csv {options}"));
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        assert_says(
            &ran.stdout,
            &[
                &format!(": {meaning}"),
                "numerical, at most ",
                "not about sampling",
                "d.csv, pairs.csv",
            ],
        );
        let matrix = room.read("d.csv");
        assert_says(
            matrix.lines().next().unwrap(),
            &[&format!(": {meaning}"), ",one.csv,two.csv"],
        );
        let table = room.read("pairs.csv");
        let mut lines = table
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().unwrap();
        assert_eq!(header[..5], ["a", "b", "value", "lower", "upper"]);
        assert_eq!(header.len(), if distance.is_some() { 6 } else { 5 });
        let rows: Vec<_> = lines.collect();
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[3][..2], ["two.csv", "three.csv"]);
        for row in &rows {
            let number = |k: usize| row[k].parse::<f64>().unwrap();
            assert!(number(3) <= number(2) && number(2) <= number(4), "{row:?}");
            if let Some(p) = distance {
                let (root, value) = (number(5), number(2));
                assert!((root.powf(p) - value).abs() <= 1e-12 * value, "{row:?}");
            }
        }
        let row = matrix.lines().nth(2).unwrap();
        assert_eq!(row.split(',').nth(3), Some(rows[3][2]));
    }
    let told = error_line(
        room.haul("pairwise one.csv two.csv -o d.csv --pairs d.csv"),
        2,
    );
    assert_says(&told, &["d.csv"]);
}

#[test]
fn entries_are_the_comparisons_of_their_pairs_to_the_last_digit() {
    let room = Room::with_four_clouds();
    for (loss, command, options) in [
        ("divergence", "divergence", ""),
        ("divergence", "divergence", "--tolerance 1e-8"),
        ("divergence", "divergence", "--p 1 --reach 0.5"),
        ("sinkhorn", "sinkhorn", "--form scaling"),
        ("energy", "energy", ""),
        ("energy", "energy", "--p 1.5 --precision f64"),
        ("exact", "exact", ""),
        ("exact", "exact", "--p 1"),
    ] {
        let ran = room.pairwise(&format!("-o d.npy --loss {loss} {options} --quiet --json"));
        let told = ran.json(0);
        let common = match told["epsilon"].as_f64() {
            Some(epsilon) => format!("--epsilon {epsilon:e}"),
            None => String::new(),
        };
        each_pair(&room.matrix("d.npy"), |i, j, entry| {
            // The contents decide which of the two comes first.
            let [one, other] = [(i, j), (j, i)].map(|(i, j)| {
                let files = format!("{} {}", FILES[i], FILES[j]);
                value(
                    &room
                        .cpu(&format!("{command} {files} {options} {common} --json"))
                        .json(0),
                )
            });
            assert!(
                entry == one || entry == other,
                "{command} {entry} {one} {other}"
            );
            assert!(entry > 0.0);
        });
        let diagonal: Vec<f64> = (0..4).map(|i| room.matrix("d.npy")[i][i]).collect();
        if loss == "sinkhorn" {
            for (file, entry) in FILES.iter().zip(diagonal) {
                let line = format!("{command} {file} {file} {options} {common} --json");
                assert_eq!(value(&room.cpu(&line).json(0)), entry);
            }
        } else {
            assert_eq!(diagonal, [0.0; 4]);
        }
    }
}

#[test]
fn sliced_entries_have_one_set_of_lines_and_no_bounds() {
    let room = Room::with_four_clouds();
    let told = room.pairwise("-o s.npy --loss sliced --json").json(0);
    assert!(told["gap"].is_null() && told["uncertain"] == serde_json::json!([]));
    assert!(told["epsilon"].is_null(), "{told}");
    let sliced = room.matrix("s.npy");
    assert_eq!(
        room.pairwise("-o e.npy --loss exact --quiet").status,
        Some(0)
    );
    let exact = room.matrix("e.npy");
    // A projection is no longer than what it is of; in the plane its square is half on average.
    each_pair(&sliced, |i, j, entry| {
        assert!(entry > 0.0 && entry < exact[i][j], "{i} {j} {entry}");
    });
    // Other lines give another value, and as many the same.
    assert_eq!(
        room.pairwise("-o s.npy --loss sliced --directions 100 --quiet")
            .status,
        Some(0)
    );
    assert_eq!(room.matrix("s.npy"), sliced);
    assert_eq!(
        room.pairwise("-o s.npy --loss sliced --directions 7 --quiet")
            .status,
        Some(0)
    );
    assert_ne!(room.matrix("s.npy"), sliced);
    let text = room.pairwise("-o s.npy --loss sliced").stdout;
    assert_says(
        &text,
        &["sliced W_p^p over 100 lines", "none: each is the mean"],
    );
    for (options, parts) in [
        ("--loss exact --blur 0.1", &["--blur", "this is exact"][..]),
        (
            "--loss exact --directions 9",
            &["--directions", "--loss sliced"],
        ),
        ("--loss sliced --p 0.5", &["--p is 0.5", "at least 1"]),
    ] {
        let told = error_line(room.pairwise(&format!("-o x.npy {options}")), 2);
        assert_says(&told, parts);
    }
}

#[test]
fn shapes_are_compared_wherever_they_lie_and_whatever_their_dimensions() {
    let room = Room::new();
    let shape = |long: f64| -> Vec<[f64; 2]> {
        let along = (0..24).map(|k| [long * f64::from(k) / 24.0, 0.0]);
        let up = (0..12).map(|k| [0.0, f64::from(k + 1) / 12.0]);
        along.chain(up).collect()
    };
    let (sin, cos) = 0.8f64.sin_cos();
    let plane = |points: Vec<[f64; 2]>| points.concat();
    room.csv("short.csv", &plane(shape(1.5)), 2);
    let turned = shape(1.5).into_iter();
    let turned = turned.flat_map(|[x, y]| [cos * x - sin * y + 9.0, 4.0, sin * x + cos * y]);
    room.csv("turned.csv", &turned.collect::<Vec<_>>(), 3);
    room.csv("long.csv", &plane(shape(4.0)), 2);
    let mirrored = shape(1.5).into_iter().map(|[x, y]| [x, -y]);
    room.csv("mirrored.csv", &plane(mirrored.collect()), 2);
    let line = "pairwise short.csv turned.csv long.csv mirrored.csv --loss gromov -o g.npy";
    let told = room.cpu(&format!("{line} --pairs g.csv --json")).json(0);
    assert!(told["gap"].is_null() && told["epsilon"].is_null(), "{told}");
    let matrix = room.matrix("g.npy");
    // Copies of a shape are near, and another shape is not.
    each_pair(&matrix, |i, j, entry| {
        let other = matrix[i][2].max(matrix[j][2]);
        assert!(i == 2 || j == 2 || entry < 0.02 * other, "{i} {j} {entry}");
    });
    let alone = room.cpu("gromov short.csv long.csv --json").json(0);
    // The other order of both clouds ends at another plan that is stationary to the tolerance.
    let alone = alone["distortion"].as_f64().unwrap();
    assert!(
        (alone - matrix[0][2]).abs() < 1e-4 * alone,
        "{alone} {matrix:?}"
    );
    assert_eq!(room.read("g.csv").lines().count(), 7);
    let text = room.cpu(&format!("{line} --relative 0.02")).stdout;
    assert_says(
        &text,
        &[
            "ε = 0.02 of the product",
            "squares of a distance between shapes",
        ],
    );
    assert_ne!(room.matrix("g.npy")[0][2], matrix[0][2]);
    for (options, parts) in [
        ("--loss gromov --blur 0.1", &["--blur", "--relative"][..]),
        ("--loss gromov --p 1", &["--p", "--relative"]),
        ("--relative 0.1", &["--relative", "--loss gromov"]),
        ("--loss gromov --relative 0", &["relative"]),
        ("--loss energy", &["dimension"]),
    ] {
        let run = format!("pairwise short.csv turned.csv -o x.npy {options}");
        assert_says(&error_line(room.cpu(&run), 2), parts);
    }
}

#[test]
fn the_blur_is_by_default_a_twentieth_of_the_diagonal_of_all_clouds() {
    let room = Room::new();
    room.csv("a.csv", &[0.0, 0.0, 1.0, 1.0], 2);
    room.csv("b.csv", &[0.0, 2.0, 1.0, 1.0], 2);
    room.csv("c.csv", &[3.0, 4.0, 1.0, 1.0], 2);
    let line = "pairwise a.csv b.csv c.csv -o d.npy";
    let told = room.cpu(&format!("{line} --json")).json(0);
    assert!((told["blur"].as_f64().unwrap() - 0.25).abs() < 1e-12);
    assert_says(&room.cpu(line).stdout, &["blur 0.25,", "d.npy"]);
}

#[test]
fn a_table_has_the_names_and_the_digits_of_the_array() {
    let room = Room::with_four_clouds();
    room.pairwise("-o d.npy");
    let ran = room.pairwise("-o d.csv");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let table = room.read("d.csv");
    let mut lines = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap()[1..], FILES);
    for ((line, row), file) in lines.zip(room.matrix("d.npy")).zip(FILES) {
        assert_eq!(line[0], file);
        let numbers: Vec<f64> = line[1..].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(numbers, row);
    }
    assert_eq!(table.lines().count(), 5);
}

#[test]
fn the_picture_names_every_cloud() {
    let room = Room::with_four_clouds();
    let ran = room.pairwise("-o d.npy --image d.svg");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let svg = room.read("d.svg");
    for file in FILES {
        let name = format!(">{}<", file.strip_suffix(".csv").unwrap());
        assert_eq!(svg.matches(&name).count(), 2, "{file}");
    }
    let words = [
        "Each square: the Sinkhorn divergence of two clouds",
        "where groups join",
    ];
    assert_says(&svg, &["<svg", "S_ε", "class=\"tree\"", words[0], words[1]]);
}

#[test]
fn a_table_and_a_picture_leave_out_the_folders_that_all_files_share() {
    let room = Room::with_four_clouds();
    let folder = room.path("samples/here");
    std::fs::create_dir_all(&folder).unwrap();
    for file in FILES {
        std::fs::copy(room.path(file), folder.join(file)).unwrap();
    }
    let files = FILES.map(|file| format!("samples/here/{file}")).join(" ");
    let run = |files: &str| {
        let ran = room.cpu(&format!("pairwise {files} -o d.csv --image d.svg --json"));
        (room.read("d.csv"), room.read("d.svg"), ran.json(0))
    };
    let (table, picture, told) = run(&files);
    let (bare_table, bare_picture, _) = run(&FILES.join(" "));
    assert_eq!((&table, &picture), (&bare_table, &bare_picture));
    assert_eq!(told["files"][0], "samples/here/one.csv");
    // A file elsewhere is named with its folder.
    let (table, picture, _) = run(&format!("{} {files}", FILES[0]));
    assert_says(&table, &[",one.csv,samples/here/one.csv,"]);
    assert_says(&picture, &[">one<", ">samples/here/one<"]);
}

#[test]
fn groups_can_be_cut_elsewhere() {
    let room = Room::with_four_clouds();
    let told = room.pairwise("-o d.npy --json").json(0);
    let matrix = room.matrix("d.npy");
    let list = |value: &Value| value.as_array().unwrap().clone();
    let mut order: Vec<_> = list(&told["order"])
        .iter()
        .map(|i| i.as_u64().unwrap())
        .collect();
    let merges = list(&told["merges"]);
    assert_eq!(merges.len(), 3);
    // The height of each merge is the mean entry between its two clusters.
    let mut clusters: Vec<Vec<usize>> = (0..4).map(|i| vec![i]).collect();
    let mut below = 0.0;
    for merge in &merges {
        let [i, j] = [0, 1].map(|k| clusters[merge[k].as_u64().unwrap() as usize].clone());
        let entries = i.iter().flat_map(|i| j.iter().map(|j| matrix[*i][*j]));
        let mean = entries.sum::<f64>() / (i.len() * j.len()) as f64;
        let height = merge[2].as_f64().unwrap();
        assert!((height - mean).abs() < 1e-12 && height >= below);
        assert_eq!(merge[3], i.len() + j.len());
        below = height;
        clusters.push([i, j].concat());
    }
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2, 3]);
}

#[test]
fn any_number_of_kills_leaves_the_matrix_of_an_undisturbed_run() {
    let room = Room::with_four_clouds();
    let clouds: Vec<String> = (0..12).map(|i| format!("{i}.csv")).collect();
    for (i, cloud) in clouds.iter().enumerate() {
        room.csv(cloud, &spiral(150 + 20 * i), 2);
    }
    let line = format!("pairwise {} -o d.npy --precision f64", clouds.join(" "));
    assert_eq!(room.cpu(&line).status, Some(0));
    let expected = std::fs::read(room.path("d.npy")).unwrap();
    std::fs::remove_file(room.path("d.npy")).unwrap();
    let mut kills = 0;
    for moment in 0..200u64 {
        let mut command = room.command(HAUL);
        // On one thread, so that it is slow.
        let words = line.split(' ').chain(["--device", "cpu", "--threads", "1"]);
        command
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = command.spawn().unwrap();
        std::thread::sleep(Duration::from_micros(3000 + moment * 7919 % 30_000));
        if run.try_wait().unwrap().is_some() {
            break;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills before all was done");
    assert_eq!(room.cpu(&line).status, Some(0));
    assert_eq!(std::fs::read(room.path("d.npy")).unwrap(), expected);
    assert!(!room.path("d.npy.partial").exists());
}

#[test]
fn what_an_earlier_run_left_counts_for_the_same_clouds_and_settings_alone() {
    let room = Room::with_four_clouds();
    // A run that cannot write its last results.
    let stopped = || {
        let command = format!("haul pairwise {} -o d.npy --device cpu", FILES.join(" "));
        let left = (1..).find_map(|blocks| {
            let ran = room.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; {command}"));
            assert_says(&error_line(ran, 2), &["d.npy.partial", "make room"]);
            let left = room.read("d.npy.partial");
            (left.lines().count() > 3).then_some(left)
        });
        let left = left.unwrap();
        // Marked to differ from recomputed values.
        let wrong = left.replace("\"value\":0.", "\"value\":7.");
        assert_ne!(left, wrong);
        room.write("d.npy.partial", wrong);
    };
    let largest = || {
        let matrix = room.matrix("d.npy");
        let sizes = matrix.into_iter().flatten().map(f64::abs);
        sizes.fold(0.0, f64::max)
    };
    stopped();
    assert_eq!(told(&room.pairwise("-o d.npy")), "");
    assert!(largest() > 3.0, "what was there is taken as it is");
    for other in ["--blur 0.3", "--loss sinkhorn", "--tolerance 1e-2"] {
        stopped();
        let left = room.read("d.npy.partial");
        let ran = room.pairwise(&format!("-o d.npy {other}"));
        assert_says(&told(&ran), &[") stay in d.npy.partial"]);
        assert!(largest() < 3.0, "{other}");
        // And they are used by the run that they belong to.
        let lines = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&room.read("d.npy.partial")), lines(&left));
        room.pairwise("-o d.npy");
        assert!(largest() > 3.0 && !room.path("d.npy.partial").exists());
    }
    stopped();
    room.csv(FILES[3], &ring(135), 2);
    assert_says(
        &told(&room.pairwise("-o d.npy")),
        &["settings (", "stay in"],
    );
    assert!(largest() < 3.0);
    room.write(
        "d.npy.partial",
        "haul pairwise 0.0.1 0123456789abcdef\n{}\n",
    );
    assert_says(
        &told(&room.pairwise("-o d.npy")),
        &["another version", "starting anew"],
    );
}

/// What a run prints besides its result, without the warning about bounds that are wider than values.
fn told(ran: &Ran) -> String {
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let lines = ran.stderr.lines();
    lines
        .filter(|line| !line.contains("tell nothing"))
        .collect()
}

#[test]
fn clouds_come_go_and_change_places_and_no_comparison_is_done_again() {
    let room = Room::with_four_clouds();
    let fixed = "-o d.npy --blur 0.3 --json";
    // A run on all files that was stopped with only the matrix left.
    let line = format!("pairwise {} {fixed}", FILES.join(" "));
    let whole = room.cpu(&line).json(0);
    let all = room.matrix("d.npy");
    let kept = |files: &[&str]| {
        let command = format!("haul pairwise {} {fixed} --device cpu", files.join(" "));
        let left = (1..).find_map(|blocks| {
            let ran = room.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; {command}"));
            (ran.status == Some(0) || room.read("d.npy.partial").lines().count() > 8).then_some(ran)
        });
        assert_eq!(left.unwrap().status, Some(2));
    };
    kept(&FILES);
    let reversed = [3, 1, 0].map(|i| FILES[i]);
    let told = room
        .cpu(&format!("pairwise {} {fixed}", reversed.join(" ")))
        .json(0);
    let pairs = |told: &Value| told["pairs"].as_u64().unwrap();
    assert!(pairs(&told) < pairs(&whole) / 4, "{told} {whole}");
    let bytes = std::fs::read(room.path("d.npy")).unwrap();
    let three: Vec<f64> = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec().unwrap();
    for (i, row) in [3, 1, 0].into_iter().enumerate() {
        for (j, column) in [3, 1, 0].into_iter().enumerate() {
            assert_eq!(
                three[3 * i + j],
                all[row][column],
                "the order changes no digit"
            );
        }
    }
    // The comparisons of the file that was left out are still there when it comes back.
    let again = room.cpu(&line).json(0);
    assert!(pairs(&again) < pairs(&whole));
    assert_eq!(room.matrix("d.npy"), all);
    assert!(!room.path("d.npy.partial").exists());
}

#[test]
fn entries_have_bounds_and_those_that_tell_nothing_are_named() {
    let room = Room::with_four_clouds();
    // A copy, and one that is moved very little.
    room.write("copy.csv", room.read("one.csv"));
    let near: Vec<f64> = spiral(60).iter().map(|x| x + 1e-7).collect();
    room.csv("near.csv", &near, 2);
    let files = "one.csv two.csv copy.csv near.csv";
    for (loss, wide) in [("divergence", true), ("energy", true), ("sinkhorn", false)] {
        let line = format!("pairwise {files} --loss {loss} --precision f32");
        let ran = room.cpu(&format!("{line} -o d.npz --json"));
        let [values, lower, upper] = room.arrays("d.npz", ["matrix", "lower", "upper"]);
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        let widths = || lower.iter().zip(&upper).map(|(lower, upper)| upper - lower);
        let gap = widths().fold(0.0, f64::max);
        assert_eq!(json["gap"].as_f64(), Some(gap), "{loss}");
        for (value, (lower, upper)) in values.iter().zip(lower.iter().zip(&upper)) {
            // Rounding may make a value negative, which no divergence is.
            let least = if *lower == 0.0 { -1e-5 } else { *lower };
            assert!(least <= *value && value <= upper, "{lower} {value} {upper}");
        }
        let expected: Vec<_> = (0..4)
            .flat_map(|i| (i + 1..4).map(move |j| (i, j)))
            .filter(|(i, j)| upper[4 * i + j] - lower[4 * i + j] > values[4 * i + j].abs())
            .map(|(i, j)| serde_json::json!([i, j]))
            .collect();
        assert_eq!(json["uncertain"], Value::from(expected));
        let near = serde_json::json!([0, 3]);
        assert_eq!(json["uncertain"].as_array().unwrap().contains(&near), wide);
        if loss != "sinkhorn" {
            // The copy is the same cloud, so the value is exact.
            assert_eq!((values[2], lower[2], upper[2]), (0.0, 0.0, 0.0));
        }
        let told = ran.stderr.contains("entries tell nothing");
        assert_eq!(told, wide, "{}", ran.stderr);
        if wide {
            assert_says(
                &ran.stderr,
                &["one.csv and near.csv: ", "--precision f64 narrows them"],
            );
        }
        assert_eq!(room.cpu(&format!("{line} -o d.npz -q")).stderr, "");
        // For a divergence, the bounds are those of the command.
        let line = format!(
            "divergence one.csv two.csv --epsilon {:e} --precision f32 --json",
            json["epsilon"].as_f64().unwrap_or(1.0)
        );
        if loss == "divergence" {
            let [one, other] = ["one.csv two.csv", "two.csv one.csv"].map(|files| {
                let told = room.cpu(&line.replace("one.csv two.csv", files)).json(0);
                let bound = |name: &str| told["certificate"][name].as_f64().unwrap();
                [bound("lower_bound"), bound("upper_bound")]
            });
            let found = [lower[1], upper[1]];
            assert!(
                found == one || found == other,
                "{found:?} {one:?} {other:?}"
            );
        }
    }
}

#[test]
fn two_penalties_are_refused_before_the_clouds_are_read() {
    let room = Room::with_four_clouds();
    for penalties in [
        "--rho-a 1",
        "--rho-b 1",
        "--rho 2 --rho-a 1",
        "--reach 0.5 --rho-b inf",
        "--rho-a 1 --rho-b 2",
    ] {
        let line = format!("pairwise none.csv two.csv -o d.npy {penalties}");
        let parts = [
            "--rho-a and --rho-b differ",
            "which of them is the first",
            "haul batch",
        ];
        assert_says(&error_line(room.cpu(&line), 2), &parts);
    }
    let files = room.files();
    for same in [
        "--rho-a 1 --rho-b 1",
        "--reach 0.5 --rho-a 0.25",
        "--rho-a inf",
    ] {
        let ran = room.cpu(&format!(
            "pairwise one.csv two.csv -o d.npy --blur 0.2 {same}"
        ));
        assert_eq!(ran.status, Some(0), "{same} {}", ran.stderr);
    }
    assert_eq!(room.files().len(), files.len() + 1);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_matrix_soon_and_keeps_what_is_finished() {
    let room = Room::with_four_clouds();
    for (name, seed) in [("large", 1), ("larger", 2)] {
        room.haul(&format!(
            "sample ball --n 30000 --seed {seed} -o {name}.npy"
        ));
    }
    room.haul("sample ball --n 40 --seed 3 -o small.npy");
    let mut command = room.command(HAUL);
    let line = "pairwise small.npy large.npy larger.npy -o d.npy --blur 0.01 --loss sinkhorn \
                --tolerance 1e-11 --precision f64 --device cpu --threads 1";
    let run = command.args(line.split_whitespace());
    let run = run
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let partial = room.path("d.npy.partial");
    let lines = || {
        std::fs::read_to_string(&partial)
            .unwrap_or_default()
            .lines()
            .count()
    };
    while lines() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
    let id = run.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.unwrap().success());
    let signalled = Instant::now();
    let ran = Ran::from(run.wait_with_output().unwrap());
    assert!(
        signalled.elapsed() < Duration::from_secs(3),
        "{:?}",
        signalled.elapsed()
    );
    assert_eq!(ran.status, Some(130), "{}", ran.stderr);
    assert_says(
        &ran.stderr,
        &["keeping what is finished", "the same command goes on"],
    );
    assert!(lines() >= 2 && !room.path("d.npy").exists());
}

#[test]
fn what_cannot_be_compared_is_refused_before_the_work() {
    let room = Room::with_four_clouds();
    room.csv("deep.csv", &[0.0; 9], 3);
    room.write("nan.csv", "0,0\n1,nan\n");
    room.npz("heavy.npz", &ring(10), 2, &[1.0; 10]);
    room.write("held.npy.partial", "something else\n");
    let files = room.files();
    for (words, parts) in [
        (
            "one.csv deep.csv -o d.npy",
            vec!["one.csv has dimension 2", "deep.csv"],
        ),
        (
            "one.csv gone.csv -o d.npy",
            vec!["gone.csv", "cannot be read"],
        ),
        ("one.csv nan.csv -o d.npy", vec!["nan.csv", "row 2"]),
        ("one.csv - -o d.npy", vec!["standard input"]),
        ("one.csv two.csv -o d.ply", vec!["d.ply", ".npy", ".csv"]),
        ("one.csv two.csv -o gone/d.npy", vec!["gone/d.npy"]),
        (
            "one.csv two.csv -o d.npy --image d.png",
            vec!["d.png", ".svg"],
        ),
        ("one.csv two.csv -o d.npy --blur 0", vec!["--blur is 0"]),
        (
            "one.csv two.csv -o d.npy --loss energy --blur 1",
            vec!["--blur", "energy"],
        ),
        (
            "one.csv two.csv -o d.npy --loss energy --p 3",
            vec!["--p is 3"],
        ),
    ] {
        assert_says(
            &error_line(room.cpu(&format!("pairwise {words}")), 2),
            &parts,
        );
    }
    assert_eq!(room.files(), files);
    let one = room.cpu("pairwise one.csv -o d.npy");
    assert_eq!((one.status, one.stdout.as_str()), (Some(2), ""));
}

#[test]
fn entries_short_of_their_tolerance_are_status_3_and_a_warning() {
    let room = Room::with_four_clouds();
    let options = "-o d.npy --blur 0.01 --max-iterations 1 --json";
    let loud = room.pairwise(options);
    assert_says(
        &loud.stderr,
        &[
            "warning: ",
            " of 10 comparisons did not",
            "--max-iterations",
        ],
    );
    assert_eq!(loud.json(3)["converged"], Value::Bool(false));
    let quiet = room.pairwise(&format!("{options} --quiet"));
    assert_eq!((quiet.status, quiet.stderr.as_str()), (Some(3), ""));
}
